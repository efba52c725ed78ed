"""What `fetch` and `lock` share of lock files: reading one, and the rules that follow from it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from verifier.cli.inputs import Input, lock_among, read_inputs
from verifier.cli.opening import read_text
from verifier.coordinate import Coordinate
from verifier.errors import ConfigError
from verifier.fetch import Rules
from verifier.lockfile import MAX_LOCK_BYTES, Lock, parse_lock
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION
from verifier.maven.profile import Context

LOCK_NAME = "verifier.lock"
LOCK_HELP = f"The lock file; else {LOCK_NAME} in the working directory."


def read_lock(path: Path, *, mend: bool = False) -> Lock:
    """Read a lock file from disk.

    Raises: `ConfigError` where there is none, or it cannot be read.
    """
    if not is_file(path):
        raise ConfigError(
            str(path), "there is no such lock file", hint="verifier lock COORDINATE or verifier lock -f FILE writes one"
        )
    return parse_lock(read_text(path, MAX_LOCK_BYTES), str(path), mend=mend)


def is_file(path: Path) -> bool:
    """Whether there is such a file; no for what cannot be a path."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def inputs_and_lock(
    coordinates: Sequence[str], files: Sequence[str], lock_file: Path | None, *, locked: bool
) -> tuple[tuple[Input, ...], Lock | None]:
    """Read what is asked for, and the lock that goes with it; without inputs that is the whole lock.

    Raises: `ConfigError` and `click.UsageError` as `read_inputs` and `read_lock` do.
    """
    if lock_file is not None and not locked:
        raise click.UsageError("--lock goes with --locked")
    named = locked and not (coordinates or files)
    inputs = () if named else read_inputs(coordinates, files)
    among = lock_among(inputs)
    if among is not None and lock_file is not None:
        raise click.UsageError(f"{among.file} is a lock file already: leave --lock away")
    if not locked or among is not None:
        return inputs, among
    lock = read_lock(lock_file or Path(LOCK_NAME))
    return (Input(lock.file, lock.coordinates, lock=lock),) if named else inputs, lock


def with_lock(rules: Rules, lock: Lock | None, *, locked: bool) -> Rules:
    """Add the pins of a lock to the rules; `locked` has it alone decide what may be used."""
    return replace(rules, lock=lock, locked=locked and lock is not None)


def locked_context(lock: Lock | None, base: Context) -> Context:
    """Give the context that a lock was made for, where it says so."""
    return base if lock is None or lock.setting is None else lock.setting.context


def locked_maven(lock: Lock | None, given: str) -> str:
    """Give the Maven release that a lock was made for, where it says so and no other is named."""
    if lock is None or lock.setting is None or given != DEFAULT_MAVEN_VERSION:
        return given
    return lock.setting.maven_version


def locked_scopes(lock: Lock | None) -> tuple[str, ...]:
    """Give the scopes that a lock was made for, where it says so."""
    return () if lock is None or lock.setting is None else lock.setting.scopes


def is_whole(inputs: Sequence[Input], *, locked: bool) -> bool:
    """Whether a lock file is all that is asked for by a lock: no graph is needed then."""
    return locked and len(inputs) == 1 and inputs[0].lock is not None


def shown_files(files: Sequence[Coordinate]) -> tuple[Coordinate, ...]:
    """Give the files of a whole lock that are more than what names them: its POMs are read and not used."""
    return tuple(one for one in files if one.extension != "pom")
