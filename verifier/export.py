"""Copies verified files out of the cache, and checks every copied byte on the way.

Which files are verified is settled before; nothing else leaves by this door.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path

from verifier.coordinate import Coordinate, Metadata
from verifier.errors import CacheError, ConfigError
from verifier.layout import file_name, file_path
from verifier.outcome import Outcome

_PIECE_BYTES = 1024 * 1024


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


def _copied(outcome: Outcome, directory: Path, layout: Layout) -> Outcome:
    name = _name(outcome, layout)
    if name is None or outcome.file is None or outcome.evidence is None:
        return outcome
    target = (directory / name).absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(Path(outcome.file), target, outcome.evidence.sha256)
    except OSError as error:
        raise CacheError(
            str(target),
            f"cannot be written: {error.strerror}",
            hint="check the directory, its permissions and its space",
        ) from error
    return replace(outcome, file=str(target))


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
