"""The seam between Maven's rules and whoever has the files: what the rules ask for, and what they may foresee.

The rules run in one thread and wait for each answer.  So that they do not wait long, they call `hint` with
what they are about to ask, and whoever answers may fetch ahead; `foresee` reads further wishes out of a POM that
has just arrived, before the rules have got to it.
"""

import re
from collections.abc import Iterable
from typing import Protocol

from verifier.coordinate import Coordinate, make_coordinate
from verifier.errors import CoordinateInvalid, Fact, Refusal
from verifier.maven.metadata import Listing
from verifier.maven.pom import Dependency, Pom

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_MAX_GUESSED_CHARACTERS = 240
"""How long what is guessed from may be: no name of a file is longer, and nobody has judged the POM yet."""


class Source(Protocol):
    """Gives POMs and metadata; it may fetch them, and it keeps what it parsed."""

    def pom(self, coordinate: Coordinate) -> Pom | None:
        """Give a POM; None only where policy says that this one may be missing, a leaf of the graph.

        Raises: `NotFound` where no repository has it, and whatever else forbids to use it.
        """

    def metadata(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        """Give each repository's metadata, of an artifact or, where `version` is not empty, of a snapshot.

        Shape: in the repositories' order; nothing for those that have none.
        """

    def hint(self, coordinates: Iterable[Coordinate]) -> None:
        """Take note of POMs that will be asked for soon; may do nothing, and never raises."""

    def hint_file(self, coordinate: Coordinate, scope: str) -> None:
        """Take note of a file that the graph will likely name under this scope; may do nothing, and never raises."""


def pom_coordinate(group: str, artifact: str, version: str, where: str) -> Coordinate:
    """Name a POM's file; `where` says which POM asked for it, and by which element.

    Raises: `CoordinateInvalid`, before anything is asked for, for what cannot be a coordinate.
    """
    try:
        return make_coordinate(group, artifact, version, "pom")
    except CoordinateInvalid as error:
        raise explain(error, f"{group}:{artifact}:{version}", where) from error


def explain(error: Refusal, value: str, where: str) -> CoordinateInvalid:
    """Say which POM asks for a coordinate that cannot be one."""
    reason = "the POM leaves an expression open" if "${" in value else error.reason
    return CoordinateInvalid(
        f"{reason}: {where}",
        expected=error.expected,
        received=Fact(value, where),
        hint="report the POM to its publisher; a property that it leaves to the user may be given with -D",
    )


def foresee(pom: Pom) -> tuple[Coordinate, ...]:
    """Guess which POMs will be asked for because of this one: its parent, its imports, its dependencies.

    Only what the POM itself says is known here; what cannot be read from it alone is left out, and a guess may
    turn out wrong, so this is good for fetching ahead and for nothing else.
    """
    parent = pom.parent
    own = {
        "project.version": pom.own_version,
        "project.groupId": pom.own_group,
        "project.parent.version": parent.version if parent else None,
        **pom.section.properties,
    }
    known = {name: value for name, value in own.items() if value and len(value) <= _MAX_GUESSED_CHARACTERS}
    managed = {each.key: each.version for each in pom.section.management}
    wishes = [(parent.group, parent.artifact, parent.version)] if parent else []
    wishes += [_wish(each, each.version) for each in pom.section.management if each.is_import]
    wishes += [_wish(each, each.version or managed.get(each.key)) for each in pom.section.dependencies if _counts(each)]
    found: dict[Coordinate, None] = {}
    for group, artifact, version in wishes:
        if max(len(group), len(artifact), len(version)) > _MAX_GUESSED_CHARACTERS:
            continue
        filled = [
            _EXPRESSION.sub(lambda match: known.get(match[1], match[0]), part) for part in (group, artifact, version)
        ]
        try:
            found[make_coordinate(filled[0], filled[1], filled[2], "pom")] = None
        except CoordinateInvalid:
            continue
    return tuple(found)


def _counts(dependency: Dependency) -> bool:
    return dependency.scope not in {"test", "provided", "system"} and dependency.optional != "true"


def _wish(dependency: Dependency, version: str | None) -> tuple[str, str, str]:
    return (dependency.group or "", dependency.artifact or "", version or "")
