import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.digest import (
    MAX_CHECKSUM_BYTES,
    Algorithm,
    Digest,
    Hasher,
    header_algorithm,
    header_checksums,
    parse_checksum,
)
from verifier.errors import ChecksumMalformed

SHA1 = hashlib.sha1(b"", usedforsecurity=False).hexdigest()
SHA256, SHA512 = hashlib.sha256(b"").hexdigest(), hashlib.sha512(b"").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        SHA1,
        SHA1.upper(),
        f"{SHA1}\n",
        f"{SHA1}\r\n",
        f"\ufeff{SHA1}\n",
        f"  {SHA1}\t",
        f"{SHA1}  widget-1.0.jar",
        f"{SHA1} *widget-1.0.jar\n",
        f"{SHA1}  /home/builder/a b/widget-1.0.jar",
        f"{SHA1}  -",
        f"SHA1(widget-1.0.jar)= {SHA1}",
        f"SHA1 (widget-1.0.jar) = {SHA1}\n",
        f"SHA-1 (a (b).jar) = {SHA1.upper()}",
        f"sha1(a)={SHA1}",
        SHA1 + "  " + "n" * (MAX_CHECKSUM_BYTES - 42),
    ],
)
def test_reads_the_forms_in_the_wild(text: str) -> None:
    assert parse_checksum(text.encode(), Algorithm.SHA1, "here") == Digest(Algorithm.SHA1, SHA1)


@pytest.mark.parametrize("tag", ["SHA256", "SHA-256", "SHA2-256"])
def test_reads_every_tag_of_an_algorithm_and_no_other_one_s(tag: str) -> None:
    data = f"{tag}(a)= {SHA256}".encode()

    assert parse_checksum(data, Algorithm.SHA256, "here").value == SHA256
    with pytest.raises(ChecksumMalformed):
        parse_checksum(data.replace(b"256(", b"512("), Algorithm.SHA256, "here")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        SHA1[:-1].encode(),
        f"{SHA1}0".encode(),
        SHA256.encode(),
        f"{SHA1[:-1]}g".encode(),
        f"{SHA1}widget.jar".encode(),
        f"{SHA1}\n{SHA1}".encode(),
        f"{SHA1}  a\n{SHA1}  b\n".encode(),
        f"widget-1.0.jar: {SHA1}".encode(),
        f"MD5(a)= {SHA1}".encode(),
        f"CRC(a)= {SHA1}".encode(),
        f"SHA1(a)= {SHA1} x".encode(),
        f"SHA1(a)\n= {SHA1}".encode(),
        f"\ufeff\ufeff{SHA1}".encode(),
        SHA1.encode("utf-16"),
        b"\xff" + SHA1.encode(),
        b"<html>" + SHA1.encode() + b"</html>",
        f"{SHA1}\0".encode(),
        f"{SHA1}  ".encode() + b"n" * (MAX_CHECKSUM_BYTES - 41),
        SHA1.translate(
            str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")
        ).encode(),
    ],
)
def test_refuses_anything_else(data: bytes) -> None:
    with pytest.raises(ChecksumMalformed) as caught:
        parse_checksum(data, Algorithm.SHA1, "https://repo.example/a.sha1")

    assert caught.value.received is not None
    assert caught.value.received.value
    assert caught.value.received.origin == "https://repo.example/a.sha1"


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="0aF ()=*\t\r\nSHA1-", max_size=120).map(str.encode)))
def test_any_bytes_are_a_checksum_or_malformed(data: bytes) -> None:
    for algorithm in Algorithm:
        try:
            digest = parse_checksum(data, algorithm, "here")
        except ChecksumMalformed:
            continue
        assert len(digest.value) == algorithm.hex_length
        assert digest.value == digest.value.lower()


@pytest.mark.parametrize(
    "page", [b"a" + b" " * 60_000 + b"\nx", b"A(" + b")= " * 20_000 + b"\n", b"A" * 60_000, b"a" * 60_000 + b"\n"]
)
def test_a_page_is_refused_at_once_and_shown_in_part(page: bytes) -> None:
    with pytest.raises(ChecksumMalformed) as caught:
        parse_checksum(page, Algorithm.MD5, "here")

    assert caught.value.received is not None
    assert len(caught.value.received.value) <= 80


@pytest.mark.parametrize("page", [b"a" + b" " * 4000 + b"\nx", b"A(" + b")= " * 1300 + b"\n"])
def test_patterns_do_not_try_every_split(page: bytes) -> None:
    for _ in range(200):
        with pytest.raises(ChecksumMalformed):
            parse_checksum(page, Algorithm.MD5, "here")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=50)))
def test_one_pass_gives_what_hashlib_gives(pieces: list[bytes]) -> None:
    hasher = Hasher(Algorithm)
    for piece in pieces:
        hasher.update(piece)

    assert {a: d.value for a, d in hasher.digests().items()} == {
        a: hashlib.new(a.value, b"".join(pieces), usedforsecurity=False).hexdigest() for a in Algorithm
    }


def test_a_forked_state_leaves_the_running_one_as_it_is() -> None:
    hasher = Hasher([Algorithm.SHA256])
    hasher.update(b"a")

    fork = hasher.state(Algorithm.SHA256)
    assert fork is not None
    fork.update(b"b")

    assert fork.hexdigest() == hashlib.sha256(b"ab").hexdigest()
    assert hasher.digests()[Algorithm.SHA256].value == hashlib.sha256(b"a").hexdigest()
    assert hasher.state(Algorithm.MD5) is None


def test_algorithms_rank_from_weak_to_strong() -> None:
    assert [a.value for a in sorted(Algorithm, key=lambda a: a.strength)] == ["md5", "sha1", "sha256", "sha512"]
    assert [a.hex_length for a in Algorithm] == [hashlib.new(a.value).digest_size * 2 for a in Algorithm]


def test_finds_checksums_in_headers() -> None:
    headers = {
        "x-checksum-sha1": SHA1,
        "x-goog-meta-checksum-sha256": SHA256,
        "x-amz-meta-checksum-sha512": SHA512,
        "x-checksum-crc": "0",
        "etag": f'"{{SHA1{{{SHA1}}}}}"',
        "content-length": "0",
    }

    assert {name: (header_algorithm(name), text.decode()) for name, text in header_checksums(headers).items()} == {
        "x-checksum-sha1": (Algorithm.SHA1, SHA1),
        "x-goog-meta-checksum-sha256": (Algorithm.SHA256, SHA256),
        "x-amz-meta-checksum-sha512": (Algorithm.SHA512, SHA512),
        "etag": (Algorithm.SHA1, SHA1),
    }


@pytest.mark.parametrize("etag", ["", SHA1, f'"{SHA1}"', f"{{SHA1{{{SHA1}0}}}}", f"W/{{SHA1{{{SHA1}}}}}"])
def test_an_etag_of_another_form_is_no_checksum(etag: str) -> None:
    assert header_checksums({"etag": etag}) == {}


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_header_is_a_checksum_or_malformed(text: str) -> None:
    for name, data in header_checksums({"x-checksum-md5": text, "etag": text}).items():
        try:
            parse_checksum(data, header_algorithm(name), name)
        except ChecksumMalformed:
            continue
