"""Digests, the checksum files that repositories publish, and one pass over the bytes for all.

Knows how strong an algorithm is and how a checksum is written; whether one is required is the
policy's business and whether they agree is the judge's.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from verifier.errors import ChecksumMalformed, Fact

MAX_CHECKSUM_BYTES = 4 * 1024
"""A checksum takes 32 to 128 bytes, and the paths that some publishers write behind it a few hundred."""


class Hash(Protocol):
    """What hashlib returns: a running hash."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""

    def copy(self) -> "Hash":
        """Fork the state."""

    def digest(self) -> bytes:
        """Finish: the raw value."""

    def hexdigest(self) -> str:
        """Finish: the value in lower-case hex."""


class Algorithm(Enum):
    """A digest algorithm, weakest first; the value is hashlib's name and the file extension."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"

    @property
    def hex_length(self) -> int:
        """Length of a value in hex digits."""
        return _HEX_LENGTHS[self]

    @property
    def strength(self) -> int:
        """Rank among the algorithms: 0 is the weakest."""
        return _STRENGTHS[self]


_HEX_LENGTHS = {Algorithm.MD5: 32, Algorithm.SHA1: 40, Algorithm.SHA256: 64, Algorithm.SHA512: 128}
_STRENGTHS = {algorithm: rank for rank, algorithm in enumerate(Algorithm)}


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash value with its algorithm; `value` is lower-case hex.

    >>> str(Digest(Algorithm.MD5, "d41d8cd98f00b204e9800998ecf8427e"))
    'md5:d41d8cd98f00b204e9800998ecf8427e'
    """

    algorithm: Algorithm
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm.value}:{self.value}"


class Hasher:
    """Takes bytes once and gives every digest asked for.

    A state can be forked with `state` so that an OpenPGP signature is checked over bytes that
    have been hashed already.
    """

    def __init__(self, algorithms: Iterable[Algorithm]) -> None:
        self._states: dict[Algorithm, Hash] = {
            algorithm: hashlib.new(algorithm.value, usedforsecurity=algorithm.strength > Algorithm.SHA1.strength)
            for algorithm in algorithms
        }

    def update(self, data: bytes | memoryview) -> None:
        """Take in more bytes."""
        for state in self._states.values():
            state.update(data)

    def state(self, algorithm: Algorithm) -> Hash | None:
        """Fork the running hash of `algorithm`; None where it was not asked for."""
        state = self._states.get(algorithm)
        return None if state is None else state.copy()

    def digests(self) -> dict[Algorithm, Digest]:
        """Every digest of what was taken in so far."""
        return {algorithm: Digest(algorithm, state.hexdigest()) for algorithm, state in self._states.items()}


# Possessive where it can be: a page of spaces must not be tried in every possible split.
_BARE = re.compile(r"(?P<hex>[0-9A-Fa-f]++)(?:[ \t]++[^\r\n]*+)?")
_TAGGED = re.compile(r"(?P<tag>[A-Za-z0-9-]++)[ \t]*+\([^\r\n]*\)[ \t]*+=[ \t]*+(?P<hex>[0-9A-Fa-f]++)")
_TAGS = {"MD5": Algorithm.MD5, "SHA1": Algorithm.SHA1, "SHA-1": Algorithm.SHA1}
_TAGS |= {"SHA256": Algorithm.SHA256, "SHA-256": Algorithm.SHA256, "SHA2-256": Algorithm.SHA256}
_TAGS |= {"SHA512": Algorithm.SHA512, "SHA-512": Algorithm.SHA512, "SHA2-512": Algorithm.SHA512}


def parse_checksum(data: bytes, algorithm: Algorithm, origin: str) -> Digest:
    r"""Read a published checksum file.

    Shape: one line, `hash`, `hash  name` or `ALGO(name)= hash`, in either case, with any line end
    and a byte order mark allowed; nothing but white space beside it, and at most
    `MAX_CHECKSUM_BYTES` in all.

    Raises: `ChecksumMalformed` for anything else; the file name in it is not compared, since
    publishers write paths of their own there.

    >>> parse_checksum(b"D41D8CD98F00B204E9800998ECF8427E  a.jar\r\n", Algorithm.MD5, "x").value
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    if len(data) > MAX_CHECKSUM_BYTES:
        raise _malformed(data, algorithm, origin)
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise _malformed(data, algorithm, origin) from error
    tagged = _TAGGED.fullmatch(text)
    if tagged and _TAGS.get(tagged["tag"].upper()) is not algorithm:
        raise _malformed(data, algorithm, origin)
    match = tagged or _BARE.fullmatch(text)
    if not match or len(match["hex"]) != algorithm.hex_length:
        raise _malformed(data, algorithm, origin)
    return Digest(algorithm, match["hex"].lower())


def _malformed(data: bytes, algorithm: Algorithm, origin: str) -> ChecksumMalformed:
    shown = data[:80].decode("utf-8", "backslashreplace")
    return ChecksumMalformed(
        f"the published {algorithm.value} checksum cannot be read",
        expected=Fact(f"{algorithm.hex_length} hex digits"),
        received=Fact(shown or "an empty file", origin),
    )


_HEADERS = {
    f"{prefix}{algorithm.value}": algorithm
    for prefix in ("x-checksum-", "x-goog-meta-checksum-", "x-amz-meta-checksum-")
    for algorithm in Algorithm
}
_NEXUS_ETAG = re.compile(r'"?\{SHA1\{(?P<hex>[0-9A-Fa-f]{40})\}\}"?')


def header_checksums(headers: Mapping[str, str]) -> dict[str, bytes]:
    """Pick the checksums out of an answer's headers: header name to checksum text.

    Shape: header names in lower case.

    Source: the headers that Maven Resolver reads as "included" checksums, and Nexus 2's ETag.

    >>> header_checksums({"x-checksum-md5": "d41d8cd98f00b204e9800998ecf8427e"})
    {'x-checksum-md5': b'd41d8cd98f00b204e9800998ecf8427e'}
    """
    found = {name: headers[name].encode(errors="backslashreplace") for name in _HEADERS if name in headers}
    etag = _NEXUS_ETAG.fullmatch(headers.get("etag", ""))
    return found | ({"etag": etag["hex"].encode()} if etag else {})


def header_algorithm(name: str) -> Algorithm:
    """Tell which algorithm a header of `header_checksums` states."""
    return _HEADERS.get(name, Algorithm.SHA1)
