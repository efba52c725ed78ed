"""Turns arguments, files and standard input into what is asked for.

What is no coordinate is one refused entry among the others, not the end of the run.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from verifier.coordinate import Coordinate, make_coordinate
from verifier.errors import ConfigError, CoordinateInvalid
from verifier.formats.entry import Entry, Listed, Misnamed, Module
from verifier.formats.lines import read_entry, split_lines
from verifier.formats.recognise import Format, decode, read_list, recognise
from verifier.lockfile import Lock, parse_lock
from verifier.maven.graph import Demand
from verifier.outcome import Outcome

MAX_INPUT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Input:
    """One argument, line or file; `name` is what was written.

    A list in a neighbour's format is one input with many entries; a `project` is the path of a `pom.xml`; a `lock`
    has its files for entries, and its pins count.
    """

    name: str
    entries: tuple[Entry, ...] = ()
    project: Path | None = None
    lock: Lock | None = None


def read_inputs(arguments: Iterable[str], files: Iterable[str]) -> tuple[Input, ...]:
    """Read what is asked for from arguments and files; `-` is standard input.

    Raises: `ConfigError` where a file cannot be read, `click.UsageError` where nothing is named.
    """
    inputs = [Input(text, (read_entry(text),)) for text in arguments]
    for file in files:
        inputs += _read(file)
    if not inputs:
        raise click.UsageError("name at least one coordinate, or a file with -f")
    return tuple({(one.name, one.project): one for one in inputs}.values())


def lock_among(inputs: Iterable[Input]) -> Lock | None:
    """Give the lock file among the inputs.

    Raises: `click.UsageError` for several.
    """
    found = [one.lock for one in inputs if one.lock is not None]
    if len(found) > 1:
        raise click.UsageError(f"{found[0].file} and {found[1].file} are both lock files: one at a time")
    return found[0] if found else None


def demands_of(inputs: Iterable[Input]) -> tuple[Demand, ...]:
    """Give what is to be followed, each once."""
    return tuple(dict.fromkeys(each for one in inputs for each in one.entries if isinstance(each, Demand)))


def listed_of(inputs: Iterable[Input]) -> tuple[Listed, ...]:
    """Give what is taken as it is, each once."""
    entries = (each for one in inputs for each in one.entries)
    return tuple(dict.fromkeys(each for each in entries if isinstance(each, Coordinate | Module)))


def refused_of(inputs: Iterable[Input]) -> tuple[Outcome, ...]:
    """Give what could not be read as a coordinate."""
    entries = (each for one in inputs for each in one.entries)
    return tuple({e.text: Outcome(e.text, None, e.cause) for e in entries if isinstance(e, Misnamed)}.values())


def exact_of(inputs: Sequence[Input]) -> tuple[tuple[Coordinate, ...], tuple[Outcome, ...]]:
    """Take every entry for the name of one file; what leaves a version to choose is refused."""
    named: dict[Coordinate, None] = {}
    refused = list(refused_of(inputs))
    for one in inputs:
        if one.project is not None:
            raise click.UsageError(f"{one.name} is a project: without its dependencies there is nothing to fetch")
        for entry in one.entries:
            match entry:
                case Coordinate():
                    named[entry] = None
                case Module():
                    named[Coordinate(entry.group, entry.artifact, entry.version)] = None
                case Demand():
                    try:
                        exact = make_coordinate(
                            entry.group, entry.artifact, entry.version, entry.extension, entry.classifier
                        )
                        named[exact] = None
                    except CoordinateInvalid as cause:
                        refused.append(Outcome(str(entry), None, cause))
                case Misnamed():
                    pass
    return tuple(named), tuple(refused)


def _read(file: str) -> list[Input]:
    document = _read_standard_input() if file == "-" else _read_file(Path(file))
    name = "standard input" if file == "-" else file
    form = recognise(document, name)
    if form is Format.POM:
        if file == "-":
            raise ConfigError(
                name, "is a pom.xml, whose parents and modules lie around it", hint="name it with -f FILE"
            )
        return [Input(file, project=Path(file))]
    if form is Format.LOCK:
        lock = parse_lock(decode(document, name), name)
        return [Input(file, lock.coordinates, lock=lock)]
    if form is Format.LINES:
        return [Input(text, (read_entry(text),)) for text in split_lines(decode(document, name), name)]
    return [Input(file, read_list(document, form, name))]


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file.read(MAX_INPUT_BYTES + 1), str(path))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error


def _read_standard_input() -> bytes:
    return _bounded(sys.stdin.buffer.read(MAX_INPUT_BYTES + 1), "standard input")


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > MAX_INPUT_BYTES:
        raise ConfigError(name, f"is over {MAX_INPUT_BYTES} bytes")
    return data
