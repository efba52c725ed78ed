import bz2
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import armour, certificate, compressed, ed, old_packet, packet, partial, sign

from verifier.errors import SignatureMalformed
from verifier.openpgp.envelope import MAX_PACKETS, MAX_SIGNATURE_BYTES, MAX_UNPACKED_BYTES
from verifier.openpgp.packet import Malformed, Packet, read_integers, read_packets
from verifier.openpgp.signature import Signature, parse_signatures

BODY = sign(ed())
SIGNATURE = packet(2, BODY)
ARMOURED = armour(SIGNATURE)

READ_ALIKE = {
    "armoured": ARMOURED,
    "binary": SIGNATURE,
    "old packet format": old_packet(2, BODY),
    "old packet format, one octet of length": bytes([0x88, len(BODY)]) + BODY,
    "new packet format, one octet of length": bytes([0xC2, len(BODY)]) + BODY,
    "CRLF": ARMOURED.replace(b"\n", b"\r\n"),
    "no checksum": armour(SIGNATURE, crc=b""),
    "wrong checksum": armour(SIGNATURE, crc=b"=zzzz\n"),
    "one line of base64": armour(SIGNATURE, width=100_000),
    "white space around": b"\n \t" + ARMOURED + b"\r\n\n",
    "headers": ARMOURED.replace(b"-----\n\n", b"-----\nVersion: GnuPG v2\nComment:\n\n", 1),
    "blank line of spaces": ARMOURED.replace(b"-----\n\n", b"-----\n \t\n", 1),
    "PGP MESSAGE": armour(SIGNATURE, "MESSAGE"),
    "marker and padding beside": packet(10, b"PGP") + SIGNATURE + packet(21, b"12"),
    "stored": packet(8, compressed(SIGNATURE, 0)),
    "deflated": packet(8, compressed(SIGNATURE, 1)),
    "zlib": packet(8, compressed(SIGNATURE, 2)),
    "bzip2": packet(8, b"\x03" + bz2.compress(SIGNATURE)),
    "stored, of indeterminate length": bytes([0x80 | 8 << 2 | 3]) + compressed(SIGNATURE, 0),
    "stored, in partial lengths": partial(8, compressed(SIGNATURE, 0), power=5),
    "wrapped and armoured": armour(packet(8, compressed(SIGNATURE, 0)), "MESSAGE"),
}


@pytest.mark.parametrize("name", READ_ALIKE)
def test_reads_the_same_signature_from_every_form(name: str) -> None:
    (signature,) = parse_signatures(READ_ALIKE[name], "x.asc")

    assert signature.packet == BODY


def test_reads_several_signatures_in_their_order() -> None:
    others = [sign(ed(number)) for number in range(3)]

    signatures = parse_signatures(armour(b"".join(packet(2, body) for body in others)), "x.asc")

    assert [signature.packet for signature in signatures] == others


BOMB = b"\0" * (100 * 1024 * 1024)
REFUSED = {
    "empty": (b"", "empty"),
    "white space": (b" \r\n\n", "empty"),
    "HTML": (b"<!DOCTYPE html><html>", "HTML"),
    "XML": (b'<?xml version="1.0"?>', "HTML or XML"),
    "a checksum": (b"d41d8cd98f00b204e9800998ecf8427e  x.jar\n", "a checksum"),
    "text": (b"hello world", "no armour block"),
    "a byte order mark": (b"\xef\xbb\xbf" + ARMOURED, "no armour block"),
    "cleartext-signed": (b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n" + ARMOURED, "cleartext-signed"),
    "an armoured key": (armour(certificate(ed()), "PUBLIC KEY BLOCK"), "it is a key"),
    "a binary key": (certificate(ed()), "it is a key"),
    "a key armoured as a signature": (armour(certificate(ed())), "it is a key"),
    "another armour": (armour(SIGNATURE, "ARMORED FILE"), "PGP ARMORED FILE"),
    "inline-signed": (packet(4, b"\3" + bytes(12)) + packet(11, b"b\0\0\0\0\0x") + SIGNATURE, "inline-signed"),
    "old inline-signed": (SIGNATURE + packet(11, b"b\0\0\0\0\0x"), "inline-signed"),
    "inline-signed, wrapped": (packet(8, compressed(SIGNATURE + packet(11, b"b\0\0\0\0\0x"))), "inline-signed"),
    "encrypted": (packet(1, b"x") + packet(18, b"x"), "encrypted"),
    "a user id": (packet(13, b"x"), "type [13]"),
    "a marker alone": (packet(10, b"PGP"), "no signature"),
    "text before the armour": (b"hello\n" + ARMOURED, "no armour block"),
    "text behind the armour": (ARMOURED + b"hello", "behind the block"),
    "two armour blocks": (ARMOURED + ARMOURED, "more than one"),
    "armour without an end": (ARMOURED[:-10], "does not end"),
    "armour whose end names something else": (ARMOURED.replace(b"END PGP SIG", b"END PGP MES"), "does not end"),
    "armour without an empty line": (ARMOURED.replace(b"-----\n\n", b"-----\n", 1), "no empty line"),
    "broken base64": (ARMOURED.replace(b"-----\n\n", b"-----\n\n*", 1), "base64"),
    "base64 of nothing": (armour(b""), "no signature"),
    "too large": (b"\x88" * (MAX_SIGNATURE_BYTES + 1), "the bound is"),
    "too many packets": (packet(10, b"PGP") * MAX_PACKETS + SIGNATURE, "more than 16"),
    "too many signatures, wrapped": (packet(8, compressed(SIGNATURE * (MAX_PACKETS + 1))), "more than 16"),
    "cut short": (SIGNATURE[:-1], "octets are announced"),
    "cut in its length": (SIGNATURE[:4], "octets are announced"),
    "something behind": (SIGNATURE + b"\n", "no packet begins"),
    "claims 4 GiB": (b"\xc2\xff\xff\xff\xff\xff" + BODY, "4294967295 octets"),
    "partial length": (partial(2, BODY, power=5), "partial length"),
    "indeterminate length": (bytes([0x80 | 2 << 2 | 3]) + BODY, "indeterminate length"),
    "type 0": (packet(0, b"x"), "reserved type 0"),
    "wrapped twice": (packet(8, compressed(packet(8, compressed(SIGNATURE)))), "in another one"),
    "wrapped beside another": (packet(8, compressed(SIGNATURE)) + SIGNATURE, "beside other packets"),
    "wrapped around nothing": (packet(8, compressed(b"")), "no signature"),
    "an empty wrapper": (packet(8, b""), "octets are announced"),
    "an unknown compression": (packet(8, b"\x04" + SIGNATURE), "algorithm 4"),
    "a broken deflate stream": (packet(8, b"\x01\xff\xff\xff"), "compressed packet is broken"),
    "a broken bzip2 stream": (packet(8, b"\x03abc"), "compressed packet is broken"),
    "an unfinished stream": (packet(8, compressed(SIGNATURE, 2)[:-6]), "does not end where it should"),
    "something behind the stream": (packet(8, compressed(SIGNATURE, 2) + b"x"), "does not end where it should"),
    "a deflate bomb": (packet(8, compressed(BOMB, 1)), "unpacks to more"),
    "a zlib bomb": (packet(8, compressed(BOMB, 2)), "unpacks to more"),
    "a bzip2 bomb": (packet(8, b"\x03" + bz2.compress(BOMB)), "unpacks to more"),
    "too much stored": (packet(8, compressed(bytes(MAX_UNPACKED_BYTES + 1))), "unpacks to more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_and_says_what_it_is(name: str) -> None:
    data, said = REFUSED[name]

    with pytest.raises(SignatureMalformed) as caught:
        parse_signatures(data, "x.jar.asc")

    assert said in caught.value.reason
    assert caught.value.received is not None
    assert caught.value.received.origin == "x.jar.asc"


def test_shows_no_control_characters_of_a_file_that_it_refuses() -> None:
    with pytest.raises(SignatureMalformed) as caught:
        parse_signatures(b"\x9b2J\xff\xfe", "x.asc")

    assert caught.value.received is not None
    assert "\x9b" not in caught.value.received.value


def _parse_or_refuse(data: bytes) -> tuple[Signature, ...]:
    try:
        return parse_signatures(data, "x.asc")
    except SignatureMalformed:
        return ()


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    _parse_or_refuse(data)
    _parse_or_refuse(packet(8, data))
    _parse_or_refuse(packet(2, data))
    _parse_or_refuse(armour(data))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(READ_ALIKE)), st.integers(0, 400), st.binary(min_size=1, max_size=3), st.integers(0, 4))
def test_damaged_files_are_read_or_refused(name: str, place: int, patch: bytes, dropped: int) -> None:
    data = READ_ALIKE[name]

    _parse_or_refuse(data[:place] + patch + data[place + dropped :])


@given(st.lists(st.tuples(st.integers(1, 63), st.binary(max_size=300)), max_size=5))
def test_packets_come_back_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(packet(tag, body) for tag, body in pairs)

    assert list(read_packets(data)) == [Packet(tag, body) for tag, body in pairs]


@pytest.mark.parametrize("length", [0, 191, 192, 8383, 8384])
def test_reads_every_form_of_length(length: int) -> None:
    body = bytes(length)
    two_octets = bytes([192 + ((length - 192) >> 8), (length - 192) & 0xFF]) if 192 <= length < 8384 else b""
    head = bytes([length]) if length < 192 else two_octets

    assert list(read_packets(b"\xcd" + (head or b"\xff" + length.to_bytes(4, "big")) + body)) == [Packet(13, body)]
    assert list(read_packets(bytes([0x80 | 13 << 2 | 2]) + length.to_bytes(4, "big") + body)) == [Packet(13, body)]


def test_an_integer_has_one_form() -> None:
    assert read_integers(b"\x00\x09\x01\xffrest", 1) == ((b"\x01\xff",), b"rest")
    assert read_integers(b"\x00\x10\x00\xffrest", 1, padded=True) == ((b"\xff",), b"rest")

    for other in (b"\x00\x0a\x01\xff", b"\x00\x08\x01\xff", b"\x00\x10\x01\xff", b"\x00\x09\x01", b"\x00"):
        with pytest.raises(Malformed):
            read_integers(other, 2)


def test_refuses_a_flood_of_chunks_quickly() -> None:
    flood = b"\xc8" + b"\xe0\x00" * 100_000

    assert not _parse_or_refuse(flood)
    assert not _parse_or_refuse(b"-----BEGIN PGP SIGNATURE-----\n" + b"a:\n" * 80_000)
    assert not _parse_or_refuse(b"\x88" + random.Random(1).randbytes(200_000))  # noqa: S311 - noise, the same at every run
