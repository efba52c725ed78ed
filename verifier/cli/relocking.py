"""What a lock file was made from, so that it can be made again: the inputs, as recorded and as named now."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from verifier.cli.inputs import Input, read_inputs
from verifier.cli.locked import is_file, read_lock
from verifier.cli.places import root_of
from verifier.errors import ConfigError
from verifier.lockfile import Lock
from verifier.maven.graph import Demand
from verifier.report.escape import printable

_FILE_MARK = "-f "
_MODULE_PARTS = 2
_HINT = "name a coordinate, or a file with -f"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks: `keeps` where the old lock counts, `checks` where nothing is written."""

    coordinates: tuple[str, ...]
    files: tuple[str, ...]
    lock_file: Path
    freed: frozenset[tuple[str, str]]
    keeps: bool
    checks: bool


def parse_module(text: str) -> tuple[str, str]:
    """Read `GROUP:ARTIFACT`.

    Raises: `click.UsageError`.
    """
    parts = tuple(text.split(":"))
    if len(parts) != _MODULE_PARTS or not all(parts):
        raise click.UsageError(f"--upgrade: {text!r} is not GROUP:ARTIFACT")
    return parts[0], parts[1]


def read_old(request: Request) -> Lock | None:
    """Read the lock that is there.

    A broken one is an error where it is checked, is mended by an update, and is replaced where it does not count.

    Raises: `ConfigError` also where it could not be replaced, or locks nothing of what is to be upgraded.
    """
    path = request.lock_file
    if not request.checks and (path.is_symlink() or (path.exists() and not path.is_file())):
        # A checkout may bring the link, and it may lead to any file of this user.
        raise ConfigError(str(path), "is no plain file, and is not written to", hint="name the lock file with --lock")
    if not (request.keeps or is_file(request.lock_file)):
        return None
    try:
        old: Lock | None = read_lock(request.lock_file)
    except ConfigError as error:
        if request.checks:
            raise
        click.echo(f"note: the lock file is made anew, since it cannot be read: {printable(str(error))}", err=True)
        old = read_lock(request.lock_file, mend=True) if request.keeps else None
    if old is None:
        return None
    known = {(one.group, one.artifact) for one in old.coordinates}
    for group, artifact in sorted(request.freed - known):
        raise ConfigError(old.file, f"locks nothing of {group}:{artifact}, which --upgrade names")
    return replace(old, freed=request.freed)


def read_what_to_lock(request: Request, base: Lock | None) -> tuple[tuple[str, ...], tuple[Input, ...]]:
    """Give the inputs as the lock file records them, and read them.

    Those named now join the recorded ones of `base`, and of the same group and artifact take their place; for a check
    they are all that counts.

    Raises: `ConfigError` and `click.UsageError` where there are none, or they cannot be read or recorded.
    """
    given = _recorded(request)
    if base is not None and not (given and request.checks):
        _stay_inside(base, request.lock_file)
        taken = {key for text in given if (key := _key(text)) is not None}
        given = tuple(dict.fromkeys((*(one for one in base.inputs if _key(one) not in taken), *given)))
    if not given:
        if base is not None:
            raise ConfigError(base.file, "does not say what it was made from", hint=_HINT)
        raise click.UsageError(f"{_HINT}; --update and --check repeat what was locked before")
    coordinates = [one for one in given if not one.startswith(_FILE_MARK)]
    inputs = read_inputs(coordinates, files_among(given, request.lock_file))
    for one in inputs:
        if one.lock is not None and os.path.realpath(one.name) == os.path.realpath(request.lock_file):
            problem = "is named as its own input: whatever it says would be what it should say"
            raise ConfigError(one.name, problem, hint=f"{_HINT} that it is made from")
    return given, inputs


def _stay_inside(base: Lock, lock_file: Path) -> None:
    """See that no recorded input leads out of the checkout: what is wrong with a file is shown, line by line.

    Raises: `ConfigError`.
    """
    roots = [Path(os.path.realpath(root_of(each.absolute()))) for each in (Path.cwd(), lock_file.parent)]
    for file in files_among(base.inputs, lock_file):
        if not any(Path(os.path.realpath(file)).is_relative_to(root) for root in roots):
            problem = f"its input {file} lies outside of {roots[0]}"
            raise ConfigError(base.file, problem, hint="look who wrote that; where it is meant, name it with -f")


def files_among(recorded: Iterable[str], lock_file: Path) -> tuple[str, ...]:
    """Give the files among recorded inputs, by their path from the working directory."""
    files = (one.removeprefix(_FILE_MARK) for one in recorded if one.startswith(_FILE_MARK))
    paths = (os.path.relpath(lock_file.parent / file) for file in files)
    return tuple("./-" if path == "-" else path for path in paths)  # a file of that name, and not standard input


def _recorded(request: Request) -> tuple[str, ...]:
    """Write inputs as the lock file does: files by their path from its directory, standard input line by line."""
    found = list(request.coordinates)
    for file in request.files:
        if file == "-":
            found += _lines_of(read_inputs((), (file,)))
        else:
            found.append(f"{_FILE_MARK}{os.path.relpath(file, request.lock_file.parent)}")
    for one in found:
        if printable(one) != one or one != one.strip():
            raise click.UsageError(f"{one!r} cannot be recorded in a lock file: it holds control characters or blanks")
    return tuple(dict.fromkeys(found))


def _lines_of(inputs: Iterable[Input]) -> list[str]:
    lines = list(inputs)
    if any(len(one.entries) != 1 or not isinstance(one.entries[0], Demand) for one in lines):
        raise click.UsageError("only lines of coordinates can be locked from standard input: name a file with -f")
    return [one.name for one in lines]


def _key(text: str) -> tuple[str, ...] | None:
    """Name what a coordinate is a version of; None for what is no coordinate in Maven's notation."""
    parts = text.split(":")
    if text.startswith((_FILE_MARK, "pkg:")) or len(parts) <= _MODULE_PARTS:
        return None
    return (*parts[:-1], "jar") if len(parts) == _MODULE_PARTS + 1 else tuple(parts[:-1])
