"""Reads the lines of the user's own files, so that reports can point at them.

Asked for after a run, by reports alone: a file that has gone or changed since then is pointed at as a whole.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from verifier.errors import ConfigError
from verifier.formats.marks import Marks, mark_gradle_lock, mark_lines, mark_pom
from verifier.formats.recognise import Format, decode, recognise
from verifier.lockfile import Lock, lock_locations, parse_lock
from verifier.maven.resolver import Resolved
from verifier.report.location import NOWHERE, Atlas, Location

MAX_FILES = 500
MAX_MARKED_BYTES = 16 * 1024 * 1024
POM_FILE = "pom.xml"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a run was about.

    Shape: `files` as they were named with `-f`; `resolved` the graph, whose parents say who brought what in; `judged`
    the files on disk by an outcome's name.
    """

    files: Sequence[str] = ()
    resolved: Sequence[Resolved] = ()
    judged: Mapping[str, Path] | None = None


def atlas_of(policy_file: str | None, lock: Lock | None, sources: Sources) -> Atlas:
    """Find out where everything stands."""
    root = root_of(Path.cwd())
    marked = {path: marks for file in sources.files if file != "-" for path, marks in _marks(file)}
    locked = {} if lock is None else lock_locations(lock)
    named = [*([] if lock is None else [lock.file]), *map(str, marked)]
    own = {path: below for path in (*named, policy_file) if path and (below := _below(path, root))}
    lines = {
        name: Location(own[str(path)], line)
        for path, marks in reversed(marked.items())
        for name, line in marks.lines.items()
        if str(path) in own
    }
    judged = {name: below for name, path in (sources.judged or {}).items() if (below := _below(str(path), root))}
    lines |= {name: Location(below) for name, below in judged.items()}
    lines |= {name: Location(own[file], line) for name, (file, line) in locked.items() if file in own}
    return Atlas(
        next((Location(file) for file in own.values()), NOWHERE.fallback),
        lines,
        {_module(each): _parent(each) for each in reversed(sources.resolved) if each.parent is not None},
        own,
        str(root),
    )


def root_of(directory: Path) -> Path:
    """Find the root of the checkout, which paths in reports start at; else it is the working directory."""
    for folder in (directory, *directory.parents):
        if os.access(folder / ".git", os.F_OK):
            return folder
    return directory


def _below(path: str, root: Path) -> str | None:
    """Write a path as seen from the root; None for one that is not below it."""
    plain = Path(os.path.normpath(Path(path).absolute()))
    return plain.relative_to(root).as_posix() if plain.is_relative_to(root) else None


def _marks(file: str) -> Iterable[tuple[Path, Marks]]:
    """Read a file, and the modules below it where it is a `pom.xml`."""
    pending, seen = [Path(file)], set[Path]()
    while pending and len(seen) < MAX_FILES:
        path = pending.pop(0)
        plain = Path(os.path.normpath(path.absolute()))
        if plain in seen:
            continue
        seen.add(plain)
        marks = _read(path)
        yield path, marks
        pending += [_pom_at(path.parent / module) for module in marks.modules]


def _pom_at(path: Path) -> Path:
    with suppress(OSError):  # whatever a POM calls a module: one of an inactive profile was never looked at
        return path / POM_FILE if path.is_dir() else path
    return path


def _read(path: Path) -> Marks:
    """Read the lines of one file; what cannot be read has none."""
    try:
        if not path.is_file():  # a pipe gives what it has once, and would be waited for
            return Marks()
        with path.open("rb") as file:
            document = file.read(MAX_MARKED_BYTES)
        form = recognise(document, str(path))
        if form is Format.POM:
            return mark_pom(document)
        if form is Format.GRADLE_LOCK:
            return mark_gradle_lock(decode(document, str(path)))
        if form is Format.LOCK:
            lock = parse_lock(decode(document, str(path)), str(path))
            return Marks({name: line for name, (_, line) in lock_locations(lock).items()})
        return mark_lines(decode(document, str(path))) if form is Format.LINES else Marks()
    except (OSError, ValueError, ConfigError):
        return Marks()


def _module(each: Resolved) -> str:
    return f"{each.file.group}:{each.file.artifact}:{each.file.version}"


def _parent(each: Resolved) -> str:
    parent = each.parent or each.coordinate
    return f"{parent.group}:{parent.artifact}:{parent.version}"
