"""What a list of artifacts holds, whatever its format, and the bounds that all of them share."""

import json
from dataclasses import dataclass
from typing import TypeAlias

from verifier.coordinate import Coordinate, make_coordinate
from verifier.errors import ConfigError, CoordinateInvalid
from verifier.maven.graph import Demand

MAX_ENTRIES = 200_000
MAX_SHOWN_CHARACTERS = 200

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True, order=True)
class Module:
    """A group, artifact and version, listed without saying which file; the POM's packaging says it."""

    group: str
    artifact: str
    version: str

    @property
    def pom(self) -> Coordinate:
        """The coordinate of its POM."""
        return Coordinate(self.group, self.artifact, self.version, "pom")

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


def make_module(group: str, artifact: str, version: str) -> Module:
    """Build a module from its parts, each checked.

    Raises: `CoordinateInvalid` naming the part.
    """
    make_coordinate(group, artifact, version)
    return Module(group, artifact, version)


@dataclass(frozen=True, slots=True)
class Misnamed:
    """An entry that cannot be read as a coordinate: its text, cut where it is long, and why."""

    text: str
    cause: CoordinateInvalid

    @classmethod
    def of(cls, text: str, cause: CoordinateInvalid) -> "Misnamed":
        """Keep what can be shown of the text."""
        return cls(text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…", cause)


Listed: TypeAlias = Coordinate | Module
"""What a list holds that is taken as it is."""

Entry: TypeAlias = Demand | Listed | Misnamed


def parse_json(text: str, file: str) -> dict[str, Json]:
    """Read a JSON object.

    Raises: `ConfigError` for anything else, and for what is nested too deep.
    """
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ConfigError(file, "the brackets are nested too deep") from error
    except ValueError as error:
        raise ConfigError(file, f"this is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(file, "this is JSON, but no object")
    return document


def bounded(entries: list[Entry], file: str) -> tuple[Entry, ...]:
    """Give each entry once, in order.

    Raises: `ConfigError` where there are too many.
    """
    if len(entries) > MAX_ENTRIES:
        raise ConfigError(file, f"lists more than {MAX_ENTRIES} artifacts")
    found: dict[Entry, None] = dict.fromkeys(entries)
    return tuple(found)
