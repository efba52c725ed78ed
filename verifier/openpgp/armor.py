"""ASCII armour: from text to the octets inside.

A signature file is one block and nothing else; a file of keys may hold many blocks with prose
between.  The checksum of a block is read over and not compared: RFC 9580, 6.1, forbids refusing
for it, and the signature inside says more.
"""

import binascii
import re
from collections.abc import Callable, Collection

from verifier.openpgp.packet import Malformed

MAX_KEY_FILE_BYTES = 16 * 1024 * 1024

_LABEL = re.compile(rb"-----BEGIN PGP ([A-Z0-9 ,/]{1,40})-----[ \t\r]*\n")
_HEADERS = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\r\n]*\r?\n)*[ \t\r]*\n")
_KEY_BEGIN = b"\n-----BEGIN PGP PUBLIC KEY BLOCK-----"
_KEY_END = b"\n-----END PGP PUBLIC KEY BLOCK-----"
_KEY_PACKET = frozenset({0x98, 0x99, 0x9A, 0xC6})
_CHECKSUM = 5
_LINE_CHARACTERS = 64


def dearmor(data: bytes, labels: Collection[str]) -> bytes:
    r"""Unpack the one armour block that `data` consists of.

    Shape: `labels` are the words after `PGP`, such as `SIGNATURE`; white space may stand around
    the block and nothing else may.

    Raises: `Malformed` for another label, a second block, text around it, or broken base64.

    Source: RFC 9580, 6.2.

    >>> dearmor(b"-----BEGIN PGP SIGNATURE-----\n\nwgA=\n-----END PGP SIGNATURE-----\n", ["SIGNATURE"]).hex()
    'c200'
    """
    text = data.strip()
    begin = _LABEL.match(text)
    if begin is None:
        raise Malformed("no armour block begins it")
    label = begin[1].decode("ascii")
    if label not in labels:
        raise Malformed(f"it is armoured as PGP {label}")
    body, found, rest = text[begin.end() - 1 :].partition(b"\n-----END PGP " + begin[1] + b"-----")
    if not found:
        raise Malformed("its armour block does not end")
    if rest:
        raise Malformed("there is more than one armour block in it, or text behind the block")
    return _decode(body[1:] + b"\n")


def enarmor(data: bytes, label: str) -> str:
    r"""Write octets as one armour block, with the checksum that some readers still ask for.

    Source: RFC 9580, 6.2; RFC 4880, 6.1 for the checksum.

    >>> enarmor(bytes.fromhex("c200"), "SIGNATURE")
    '-----BEGIN PGP SIGNATURE-----\n\nwgA=\n=9ACN\n-----END PGP SIGNATURE-----\n'
    """
    base64 = binascii.b2a_base64(data, newline=False).decode("ascii")
    lines = "\n".join(base64[at : at + _LINE_CHARACTERS] for at in range(0, len(base64), _LINE_CHARACTERS))
    checksum = binascii.b2a_base64(_crc24(data).to_bytes(3, "big"), newline=False).decode("ascii")
    return f"-----BEGIN PGP {label}-----\n\n{lines}\n={checksum}\n-----END PGP {label}-----\n"


def _crc24(data: bytes) -> int:
    value = 0xB704CE
    for octet in data:
        value ^= octet << 16
        for _ in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return value


def public_key_blocks(data: bytes, skipped: Callable[[str], None]) -> list[bytes]:
    """Unpack a file of public keys: binary, or any number of armour blocks with prose between.

    What a block that cannot be read is called goes to `skipped`; the others still count.
    """
    if data[:1] and data[0] in _KEY_PACKET:
        return [data]
    text = b"\n" + data
    blocks = []
    position = 0
    while (begin := text.find(_KEY_BEGIN, position)) >= 0:
        end = text.find(_KEY_END, begin)
        if end < 0:
            skipped("an armour block does not end")
            break
        last = text.rfind(_KEY_BEGIN, begin, end)
        if last != begin:
            skipped("an armour block does not end before the next one begins")
        try:
            blocks.append(_decode(text[last + len(_KEY_BEGIN) : end + 1].lstrip(b" \t\r")[1:]))
        except Malformed as error:
            skipped(f"an armour block cannot be read: {error}")
        position = end
    return blocks


def _decode(body: bytes) -> bytes:
    """Decode what stands between the two lines: headers, an empty line, base64, a checksum."""
    headers = _HEADERS.match(body)
    if headers is None:
        raise Malformed("no empty line parts its armour headers from the base64")
    base64 = body[headers.end() :].translate(None, b" \t\r\n")
    if base64[-_CHECKSUM : 1 - _CHECKSUM] == b"=":
        base64 = base64[:-_CHECKSUM]
    try:
        return binascii.a2b_base64(base64, strict_mode=True)
    except binascii.Error as error:
        raise Malformed("its base64 is broken") from error
