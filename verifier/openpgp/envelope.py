"""The outside of a signature file: from its bytes to the bodies of the signature packets in it.

Strict where engines are lenient: a reader that looks for a signature anywhere in a file can be
led to one over other bytes.  What the signatures say is for `signature`.
"""

import bz2
import re
import zlib

from verifier.openpgp import packet as packets
from verifier.openpgp.armor import dearmor
from verifier.openpgp.packet import Malformed, Packet, read_packets

MAX_SIGNATURE_BYTES = 256 * 1024
MAX_PACKETS = 16
MAX_UNPACKED_BYTES = 64 * 1024

_ARMOUR_LABELS = frozenset({"SIGNATURE", "MESSAGE"})
_UTF8_MARK = b"\xef\xbb\xbf"


def open_envelope(data: bytes) -> list[bytes]:
    """Unwrap a signature file to the bodies of its signature packets, one or more.

    1. It is not too large, and not empty.
    2. It is binary packets, or exactly one armour block.
    3. Its packets are signatures, or one compressed-data packet around those.

    Raises: `Malformed` saying what it is instead.

    Source: RFC 9580, 10.4.
    """
    # 1.
    if len(data) > MAX_SIGNATURE_BYTES:
        raise Malformed(f"it has {len(data)} bytes, and the bound is {MAX_SIGNATURE_BYTES}")
    if not data.strip():
        raise Malformed("it is empty")
    # 2.
    found = _list(_unarmour(data))
    # 3.
    if [packet.tag for packet in found] == [packets.COMPRESSED]:
        found = _list(_unpack(found[0].body))
    return _signature_bodies(found)


def _unarmour(data: bytes) -> bytes:
    if data[0] & 0x80 and not data.startswith(_UTF8_MARK):
        return data
    _name_foreign_text(data.lstrip())
    return dearmor(data, _ARMOUR_LABELS)


def _name_foreign_text(text: bytes) -> None:
    head = text[:512].lower()
    if text.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----"):
        raise Malformed("it is a cleartext-signed message")
    if text.startswith((b"-----BEGIN PGP PUBLIC KEY", b"-----BEGIN PGP PRIVATE KEY")):
        raise Malformed("it is a key")
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise Malformed("it is a page of HTML or XML")
    if re.match(rb"[0-9a-f]{32,128}(?![0-9a-z+/=])", head):
        raise Malformed("it is a checksum")


def _list(data: bytes) -> list[Packet]:
    found = []
    for packet in read_packets(data):
        found.append(packet)
        if len(found) > MAX_PACKETS:
            raise Malformed(f"it has more than {MAX_PACKETS} packets")
    return found


def _unpack(body: bytes) -> bytes:
    """Unpack a compressed-data packet under a bound; its end must be the packet's.

    Source: RFC 9580, 5.6 and 9.4.
    """
    algorithm = packets.number(body, 0, 1)
    try:
        match algorithm:
            case 0:
                unpacked, whole = body[1:], True
            case 1 | 2:
                inflater = zlib.decompressobj(-zlib.MAX_WBITS if algorithm == 1 else zlib.MAX_WBITS)
                unpacked = inflater.decompress(body[1:], MAX_UNPACKED_BYTES + 1)
                whole = inflater.eof and not inflater.unused_data
            case 3:
                bunzipper = bz2.BZ2Decompressor()
                unpacked = bunzipper.decompress(body[1:], MAX_UNPACKED_BYTES + 1)
                whole = bunzipper.eof and not bunzipper.unused_data
            case _:
                raise Malformed(f"it is compressed with algorithm {algorithm}")
    except (zlib.error, OSError) as error:
        raise Malformed("its compressed packet is broken") from error
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise Malformed(f"it unpacks to more than {MAX_UNPACKED_BYTES} bytes")
    if not whole:
        raise Malformed("its compressed packet does not end where it should")
    return unpacked


def _signature_bodies(found: list[Packet]) -> list[bytes]:
    tags = {packet.tag for packet in found} - {packets.MARKER, packets.PADDING}
    if tags & {packets.ONE_PASS, packets.LITERAL}:
        raise Malformed("it is an inline-signed message")
    if tags & {packets.PUBLIC_KEY, packets.SECRET_KEY, packets.SUBKEY, packets.SECRET_SUBKEY}:
        raise Malformed("it is a key")
    if tags & packets.ENCRYPTED:
        raise Malformed("it is an encrypted message")
    if packets.COMPRESSED in tags:
        raise Malformed("a compressed packet is beside other packets, or in another one")
    if tags != {packets.SIGNATURE}:
        raise Malformed(f"it holds packets of type {sorted(tags - {packets.SIGNATURE})}" if tags else "no signature")
    return [packet.body for packet in found if packet.tag == packets.SIGNATURE]
