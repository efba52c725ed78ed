"""Gradle's `gradle.lockfile`: every module of a build with the configurations that use it.

It names modules and no files, so each module's POM has to say which file is meant.
"""

import re

from verifier.errors import ConfigError, CoordinateInvalid
from verifier.formats.entry import Entry, Misnamed, bounded, make_module

_LINE = re.compile(r"(?P<module>[^=\s]+)=(?P<configurations>[^\s=]*)")
_NOTHING = "empty"
_PARTS = 3


def is_gradle_lock(text: str) -> bool:
    """Whether every line is one of a `gradle.lockfile`."""
    lines = _lines(text)
    matches = [_LINE.fullmatch(line) for _, line in lines]
    return bool(lines) and all(
        match is not None and (match["module"] == _NOTHING or match["module"].count(":") == _PARTS - 1)
        for match in matches
    )


def parse_gradle_lock(text: str, file: str) -> tuple[Entry, ...]:
    """Read the modules, of whatever configuration.

    Shape: `group:artifact:version=configuration,…`, and one line `empty=…` for configurations without modules.

    Raises: `ConfigError` with `file:line` for a line of another form.

    Source: Gradle user guide, "Locking versions", single lock file.

    >>> parse_gradle_lock("org.example:widget:1.0=runtimeClasspath", "gradle.lockfile")
    (Module(group='org.example', artifact='widget', version='1.0'),)
    """
    entries: list[Entry] = []
    for number, line in _lines(text):
        match = _LINE.fullmatch(line)
        parts = match["module"].split(":") if match else []
        if parts == [_NOTHING]:
            continue
        if len(parts) != _PARTS:
            raise ConfigError(f"{file}:{number}", "this is no line of a gradle.lockfile", hint="let Gradle write it")
        try:
            entries.append(make_module(*parts))
        except CoordinateInvalid as cause:
            entries.append(Misnamed.of(":".join(parts), cause))
    return bounded(entries, file)


def _lines(text: str) -> list[tuple[int, str]]:
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
