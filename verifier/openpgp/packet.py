"""OpenPGP packets: where one ends and the next begins, and the few shapes inside all of them.

What a packet means is left to the rooms of its kind.  Everything here raises `Malformed`, which
does not leave this package: the room that knows whether a key or a signature was being read
translates it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

PUBLIC_KEY, SECRET_KEY, SECRET_SUBKEY = 6, 5, 7
SIGNATURE, ONE_PASS, COMPRESSED, LITERAL = 2, 4, 8, 11
MARKER, TRUST, USER_ID, SUBKEY, USER_ATTRIBUTE, PADDING = 10, 12, 13, 14, 17, 21
ENCRYPTED = frozenset({1, 3, 9, 18, 20})

_NEW_FORMAT = 0x40
_ONE_OCTET, _TWO_OCTETS, _FIVE_OCTETS = 192, 224, 255
_INDETERMINATE = 3


class Malformed(ValueError):
    """The bytes are not what OpenPGP says they should be; the text says how, in our words only."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its type id (`tag`) and what is inside."""

    tag: int
    body: bytes


def read_packets(data: bytes) -> Iterator[Packet]:
    """Split `data` into packets, in order.

    Only a compressed-data packet may have partial or indeterminate length: nothing else that is
    read here is ever written so, and a length that is not stated is one more thing to disagree on.

    Raises: `Malformed` where the framing breaks, after the packets before that point.

    Source: RFC 9580, 4.2.
    """
    position = 0
    while position < len(data):
        first = data[position]
        if not first & 0x80:
            raise Malformed(f"no packet begins at octet {position}")
        if first & _NEW_FORMAT:
            tag = first & 0x3F
            body, position = _new_format(data, position + 1, tag)
        else:
            tag = (first >> 2) & 0x0F
            body, position = _old_format(data, position + 1, tag, first & 0x03)
        if tag == 0:
            raise Malformed("a packet has the reserved type 0")
        yield Packet(tag, body)


def take(data: bytes, position: int, length: int) -> bytes:
    """Cut `length` octets at `position`.

    Raises: `Malformed` when they are not all there.
    """
    end = position + length
    if end > len(data):
        raise Malformed(f"{length} octets are announced and {len(data) - position} are there")
    return data[position:end]


def number(data: bytes, position: int, length: int) -> int:
    """Read an unsigned big-endian number of `length` octets.

    Raises: `Malformed` when it is cut short.
    """
    return int.from_bytes(take(data, position, length), "big")


def read_integers(data: bytes, count: int, *, padded: bool = False) -> tuple[tuple[bytes, ...], bytes]:
    """Read `count` multiprecision integers; give them without leading zeros, and what follows.

    An integer must be in its shortest form with the exact bit count, so that writing it again
    gives the same octets: a fingerprint is taken over what is written.  Where it is no part of
    a key, `padded` lets leading zeros pass: signers in use write EdDSA's at full length.

    Raises: `Malformed` for any other form, or when one is cut short.

    Source: RFC 9580, 3.2.
    """
    integers = []
    position = 0
    for _ in range(count):
        bits = number(data, position, 2)
        value = take(data, position + 2, (bits + 7) // 8)
        position += 2 + len(value)
        if padded:
            value = value.lstrip(b"\0")
        elif int.from_bytes(value, "big").bit_length() != bits:
            raise Malformed("an integer is not in its shortest form")
        integers.append(value)
    return tuple(integers), data[position:]


def write_integer(value: bytes) -> bytes:
    """Write octets without leading zeros as a multiprecision integer."""
    return int.from_bytes(value, "big").bit_length().to_bytes(2, "big") + value


def read_length(data: bytes, position: int) -> tuple[int, int]:
    """Read a length of one, two or five octets as subpackets have them; give it and the place behind.

    Raises: `Malformed` when it is cut short.

    Source: RFC 9580, 5.2.3.7.
    """
    first = number(data, position, 1)
    if first < _ONE_OCTET:
        return first, position + 1
    if first < _FIVE_OCTETS:
        return ((first - _ONE_OCTET) << 8) + number(data, position + 1, 1) + _ONE_OCTET, position + 2
    return number(data, position + 1, 4), position + 5


def _old_format(data: bytes, position: int, tag: int, length_type: int) -> tuple[bytes, int]:
    if length_type == _INDETERMINATE:
        if tag != COMPRESSED:
            raise Malformed("a packet of indeterminate length")
        return data[position:], len(data)
    size = 1 << length_type
    length = number(data, position, size)
    return take(data, position + size, length), position + size + length


def _new_format(data: bytes, position: int, tag: int) -> tuple[bytes, int]:
    chunks = []
    while _TWO_OCTETS <= (first := number(data, position, 1)) < _FIVE_OCTETS:
        if tag != COMPRESSED:
            raise Malformed("a packet of partial length")
        length = 1 << (first & 0x1F)
        chunks.append(take(data, position + 1, length))
        position += 1 + length
    length, position = read_length(data, position)
    chunks.append(take(data, position, length))
    return b"".join(chunks), position + length
