"""Who may sign what: one entry of trust, whether a user's own or the starter map's.

Holds what was stated and where; the judge weighs it.  The starter map is text here: who reads it
from the package is `starter`, and what went into it is decided where it is made.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain

from verifier.coordinate import Coordinate
from verifier.errors import ConfigError
from verifier.pattern import Pattern, parse_pattern, stems

MAX_STARTER_CHARACTERS = 8 * 1024 * 1024

_WHERE = "starter map"
_COLONS_WITH_VERSION = 2
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class TrustEntry:
    """Keys that may sign what the pattern matches.

    Shape: `keys` are full fingerprints, 40 or 64 upper-case hex digits, each a primary key that
    covers its bound signing subkeys, or with `exact` that key alone.  `legacy_before` and `expires`
    stand in for the policy's own day and for the expiry that our copy of the key shows.  `where` is
    `file:line` or `starter map`; `witnesses` counts the independent projects behind an entry of
    the starter map; `kind` says what sort of statement it is, `policy` for a user's own.
    """

    pattern: Pattern
    keys: tuple[str, ...]
    exact: bool
    legacy_before: date | None
    expires: date | None
    origin: str
    reason: str
    where: str
    witnesses: int | None = None
    kind: str = "policy"


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Bytes that no signature can vouch for, and who recorded their sha256 alike.

    `sha256` is lower-case hex; `why` says what is wrong with the signature, `checked` when the
    repository was seen to serve these bytes.
    """

    sha256: str
    size: int
    witnesses: tuple[str, ...]
    why: str
    checked: date


@dataclass(frozen=True, slots=True)
class StarterMap:
    """The trust that the package brings with it.

    A line is read when something asks for it: a fetch of ten files does not pay for a thousand
    entries.  `digest` names the whole map, lower-case hex.
    """

    digest: str
    _trust: Mapping[str, list[str]]
    _witnessed: Mapping[str, list[str]]

    def trust_for(self, coordinate: Coordinate) -> tuple[TrustEntry, ...]:
        """Give the entries that match, most specific first.

        Raises: `ConfigError` for a line that is no entry.
        """
        lines = chain.from_iterable(self._trust.get(stem, ()) for stem in stems(coordinate.group, coordinate.artifact))
        found = [entry for entry in map(_parse_entry, lines) if entry.pattern.matches(coordinate)]
        return tuple(sorted(found, key=lambda entry: entry.pattern.specificity, reverse=True))

    def witnessed_for(self, coordinate: Coordinate) -> tuple[Witnessed, ...]:
        """Give the digests recorded for exactly this file.

        Raises: `ConfigError` for a line that is no entry.
        """
        return tuple(_parse_witnessed(line) for line in self._witnessed.get(str(coordinate), ()))

    def entries(self) -> tuple[TrustEntry, ...]:
        """Read every entry, in the order of the map."""
        return tuple(_parse_entry(line) for lines in self._trust.values() for line in lines)

    def witnessed(self) -> tuple[tuple[str, Witnessed], ...]:
        """Read every witnessed digest with the coordinate it stands for, in the order of the map."""
        return tuple((name, _parse_witnessed(line)) for name, lines in self._witnessed.items() for line in lines)


def parse_starter(trust_text: str, witnessed_text: str) -> StarterMap:
    """Index the two parts of a starter map by what they speak of.

    Shape: one entry a line, its fields separated by tabs, `-` where there is nothing to say; lines
    that begin with `#` are for readers.  A signer is
    `pattern, fingerprint, primary|exact, kind, witnesses, legacy-before, expires, origin, reason`,
    witnessed bytes are `coordinate, sha256, size, why, checked, witnesses`, these with commas between.

    Raises: `ConfigError` when a part is over its bound.
    """
    for text in (trust_text, witnessed_text):
        if len(text) > MAX_STARTER_CHARACTERS:
            raise ConfigError(_WHERE, f"{len(text)} characters, and the bound is {MAX_STARTER_CHARACTERS}")
    digest = hashlib.sha256(f"{trust_text}\0{witnessed_text}".encode())
    return StarterMap(digest.hexdigest(), _by_stem(trust_text), _by_name(witnessed_text))


def _by_stem(text: str) -> dict[str, list[str]]:
    """Group the lines by what stands before a pattern's version."""
    lines: dict[str, list[str]] = {}
    for line in _entry_lines(text):
        pattern = line.partition("\t")[0]
        stem = pattern if pattern.count(":") < _COLONS_WITH_VERSION else ":".join(pattern.split(":", 2)[:2])
        lines.setdefault(stem, []).append(line)
    return lines


def _by_name(text: str) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for line in _entry_lines(text):
        lines.setdefault(line.partition("\t")[0], []).append(line)
    return lines


def _entry_lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def _parse_entry(line: str) -> TrustEntry:
    try:
        pattern, key, scope, kind, witnesses, legacy_before, expires, origin, reason = line.split("\t")
        if not _FINGERPRINT.fullmatch(key) or scope not in {"primary", "exact"}:
            raise _unreadable(line)
        return TrustEntry(
            pattern=parse_pattern(pattern),
            keys=(key,),
            exact=scope == "exact",
            legacy_before=_day(legacy_before),
            expires=_day(expires),
            origin=origin,
            reason="" if reason == "-" else reason,
            where=_WHERE,
            witnesses=int(witnesses),
            kind=kind,
        )
    except ValueError as error:
        raise _unreadable(line) from error


def _parse_witnessed(line: str) -> Witnessed:
    try:
        _, sha256, size, why, checked, witnesses = line.split("\t")
        if not _SHA256.fullmatch(sha256):
            raise _unreadable(line)
        return Witnessed(sha256, int(size), tuple(witnesses.split(",")), why, date.fromisoformat(checked))
    except ValueError as error:
        raise _unreadable(line) from error


def _day(text: str) -> date | None:
    return None if text == "-" else date.fromisoformat(text)


def _unreadable(line: str) -> ConfigError:
    return ConfigError(_WHERE, f"the line {line[:200]!r} is no entry", hint="install the package anew")
