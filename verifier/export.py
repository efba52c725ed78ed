"""Copies verified files out of the cache, and checks every copied byte on the way.

Which files are verified is settled before; nothing else leaves by this door.  Where a lock file decides alone, what
lay in the directory already is held against it too.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path

from verifier.coordinate import Coordinate, Metadata, base_version
from verifier.errors import CacheError, ConfigError, CoordinateInvalid, Fact, PinMismatch, Unpinned
from verifier.layout import file_name, file_path, is_bookkeeping, is_sidecar, parse_path
from verifier.lockfile import Lock
from verifier.maven.metadata import write_choices
from verifier.outcome import Outcome

_PIECE_BYTES = 1024 * 1024
_TAKE_AWAY = "take it away, or name a directory with --output that is empty or not there yet"


class Layout(Enum):
    """How the target directory is laid out."""

    FLAT = "flat"
    MAVEN = "maven"


def copy_out(outcomes: Sequence[Outcome], directory: Path, layout: Layout) -> list[Outcome]:
    """Copy each verified file into a directory; the outcomes then name the copies.

    A flat directory has no place for metadata, which is left where it is.

    Raises: `ConfigError` where two files would get one name in a flat directory, `CacheError`
    where a file cannot be written or is no longer what was verified.
    """
    targets: dict[str, str] = {}
    for outcome in outcomes:
        name = _name(outcome, layout)
        if name is not None and targets.setdefault(name, outcome.name) != outcome.name:
            problem = f"{targets[name]} and {outcome.name} would both become {name}"
            raise ConfigError("--output", problem, hint="use --layout maven")
    return [_copied(outcome, directory, layout) for outcome in outcomes]


def _name(outcome: Outcome, layout: Layout) -> str | None:
    if outcome.coordinate is None or outcome.cause is not None:
        return None
    if layout is Layout.MAVEN and isinstance(outcome.coordinate, Metadata):
        # As in a local repository, which keeps each repository's own.
        return f"{file_path(outcome.coordinate).removesuffix('.xml')}-{outcome.repository}.xml"
    if layout is Layout.MAVEN:
        return file_path(outcome.coordinate)
    return file_name(outcome.coordinate) if isinstance(outcome.coordinate, Coordinate) else None


def lay_choices(lock: Lock, outcomes: Sequence[Outcome], directory: Path) -> None:
    """Write into a Maven layout which versions were put there, where metadata steered the choice when they were locked.

    It is what Maven writes of artifacts that were installed here: a build without network chooses from it what the
    lock file names, and nobody else's metadata is needed.

    Raises: `CacheError` where it cannot be written.
    """
    there = {outcome.coordinate for outcome in outcomes if outcome.cause is None}
    for subject in dict.fromkeys(one.subject for one in lock.metadata):
        if not isinstance(subject, Metadata) or not subject.artifact:
            continue
        files = [one for one in lock.kept(subject.group, subject.artifact) if one in there and _is_of(one, subject)]
        if not files:
            continue
        target = directory / f"{file_path(subject).removesuffix('.xml')}-local.xml"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, write_choices(subject, files))
        except OSError as error:
            raise _unwritable(target, error) from error


def strangers(lock: Lock, outcomes: Sequence[Outcome], directory: Path) -> list[Outcome]:
    """Refuse what lies in a Maven layout beside what was put there and is not locked: a build would use it.

    A file that the lock names must have its bytes.  What Maven keeps for itself, and what no build can ask for, is
    passed over.

    Raises: `ConfigError` where something there cannot be read.
    """
    told = {outcome.coordinate for outcome in outcomes}
    refused: list[Outcome | None] = []
    for path in walk(directory):
        relative = path.relative_to(directory).as_posix()
        if is_bookkeeping(relative) or is_sidecar(relative):
            continue
        try:
            coordinate = parse_path(relative)
        except CoordinateInvalid as cause:
            cause.hint = _TAKE_AWAY
            refused.append(Outcome(relative, None, cause, file=str(path)) if _may_be_asked_for(relative) else None)
        else:
            refused.append(None if coordinate in told else _stranger(lock, path, coordinate))
    return [one for one in refused if one is not None]


def _may_be_asked_for(path: str) -> bool:
    """Whether Maven could come to a file by a coordinate that is none to us."""
    *_, artifact, _, name = ("", "", *path.split("/"))
    return bool(artifact) and name.startswith(f"{artifact}-")


def _stranger(lock: Lock, path: Path, coordinate: Coordinate) -> Outcome | None:
    name, locked = str(coordinate), lock.find(coordinate)
    if locked is None:
        reason = "a build would use it from where it lies, and it is not in the lock file"
        unpinned = Unpinned(reason, expected=lock.nearest(coordinate), received=Fact(name, str(path)), hint=_TAKE_AWAY)
        return Outcome(name, coordinate, unpinned, file=str(path))
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error
    if sha256 == locked.sha256:
        return None
    reason = "a build would use it from where it lies, and its bytes are not those that were locked"
    expected, received = Fact(f"sha256:{locked.sha256}", locked.where), Fact(f"sha256:{sha256}", str(path))
    cause = PinMismatch(reason, expected=expected, received=received, hint=_TAKE_AWAY)
    return Outcome(name, coordinate, cause, file=str(path))


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a named pipe may lie there: it is empty


def walk(directory: Path) -> Iterator[Path]:
    """Give every file below a directory; linked directories too, each once.

    Raises: `ConfigError` for a directory that cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(directory, followlinks=True, onerror=_unreadable):
        folders.sort()
        status = Path(folder).stat()
        identity = status.st_dev, status.st_ino
        if identity in seen:
            folders.clear()
            continue
        seen.add(identity)
        yield from (Path(folder, name) for name in sorted(files))


def _unreadable(error: OSError) -> None:
    raise ConfigError(str(error.filename), f"cannot be read: {error.strerror}") from error


def _is_of(file: Coordinate, metadata: Metadata) -> bool:
    return not metadata.version or (base_version(file.version) == metadata.version and file.version != metadata.version)


def _copied(outcome: Outcome, directory: Path, layout: Layout) -> Outcome:
    name = _name(outcome, layout)
    if name is None or outcome.file is None or outcome.evidence is None:
        return outcome
    target = (directory / name).absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(Path(outcome.file), target, outcome.evidence.sha256)
    except OSError as error:
        raise _unwritable(target, error) from error
    return replace(outcome, file=str(target))


def _unwritable(target: Path, error: OSError) -> CacheError:
    hint = "check the directory, its permissions and its space"
    return CacheError(str(target), f"cannot be written: {error.strerror}", hint=hint)


def _write(target: Path, content: bytes) -> None:
    descriptor, unfinished = tempfile.mkstemp(dir=target.parent, prefix=".verifier-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _copy(source: Path, target: Path, sha256: str) -> None:
    """Copy by way of a new file beside the target, which is renamed once its digest is right."""
    taken = hashlib.sha256()
    descriptor, unfinished = tempfile.mkstemp(dir=target.parent, prefix=".verifier-")
    try:
        with os.fdopen(descriptor, "wb") as copy, source.open("rb", buffering=0) as file:
            while piece := file.read(_PIECE_BYTES):
                taken.update(piece)
                copy.write(piece)
        _check(source, taken.hexdigest(), sha256)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _check(source: Path, received: str, expected: str) -> None:
    if received != expected:
        raise CacheError(
            str(source),
            f"is no longer what was verified: sha256:{received}, not sha256:{expected}",
            hint="find out what may write to the cache, and fetch again",
        )
