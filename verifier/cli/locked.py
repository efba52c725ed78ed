"""What commands share of lock files: reading one, and the rules and the setting that follow from it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from verifier.cli.chosen import LOCK_NAME, Chosen, make_context
from verifier.cli.inputs import Input, lock_among, read_inputs
from verifier.cli.opening import read_text
from verifier.errors import ConfigError
from verifier.fetch import Rules
from verifier.lockfile import MAX_LOCK_BYTES, Lock, Setting, parse_lock
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION
from verifier.maven.profile import Context

DEFAULT_SCOPES = ("compile", "runtime")
PROJECT_SCOPES = ("compile", "provided", "runtime", "test")


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


def setting_before(lock: Lock | None, context: Context, inputs: Sequence[Input]) -> Setting:
    """Give what a graph is computed for where no option says otherwise: what it was locked for, else the policy's."""
    if lock is not None and lock.setting is not None:
        return lock.setting
    scopes = PROJECT_SCOPES if any(one.project for one in inputs) else DEFAULT_SCOPES
    return Setting(context, DEFAULT_MAVEN_VERSION, scopes)


def setting_of(chosen: Chosen, before: Setting) -> Setting:
    """Put the options over what holds without them.

    Raises: `click.UsageError` for what cannot be read.
    """
    release = chosen["maven_version"]
    return replace(
        before,
        context=make_context(before.context, chosen),
        maven_version=before.maven_version if release == DEFAULT_MAVEN_VERSION else release,
        scopes=tuple(sorted(set(chosen["scopes"]))) or before.scopes,
        plugins=chosen["plugins"] or before.plugins,
    )


def is_whole(inputs: Sequence[Input], *, locked: bool) -> bool:
    """Whether a lock file is all that is asked for by a lock: no graph is needed then."""
    return locked and len(inputs) == 1 and inputs[0].lock is not None
