from pathlib import Path

import openpgp_cases as cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import armour, certificate, certify, ed, packet

from verifier.errors import ConfigError
from verifier.keyfile import Merged, find_key_files, merge_into, read_key_file, render
from verifier.openpgp.armor import dearmor, enarmor
from verifier.openpgp.certificate import RawCertificate, index_certificates, strip

OWNER, STRANGER = ed(0), ed(1)


def stripped(owner: cases.Signer, *names: bytes) -> RawCertificate:
    (raw,) = index_certificates(certificate(owner, *(certify(owner, name) for name in names)))
    return strip(raw)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_what_is_armoured_is_read_back(data: bytes) -> None:
    assert dearmor(enarmor(data, "SIGNATURE").encode(), ["SIGNATURE"]) == data


def test_the_checksum_is_that_of_the_specification() -> None:
    # The digits "123456789" have CRC-24/OpenPGP 0x21CF02 in every catalogue of such checksums.
    assert enarmor(b"123456789", "SIGNATURE").splitlines()[3] == "=Ic8C"


def test_names_above_a_block_cannot_begin_one_or_move_a_terminal(tmp_path: Path) -> None:
    name = b"x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\x1b[2J\xe2\x80\xae"

    text = render([stripped(OWNER, name)])

    assert text.count("\n-----BEGIN") == 1
    assert text.splitlines()[1] == "  x\ufffd-----BEGIN PGP PUBLIC KEY BLOCK-----\ufffd\ufffd[2J\ufffd"
    (tmp_path / "a.keys").write_text(text)
    assert read_key_file(tmp_path / "a.keys", pytest.fail) == (stripped(OWNER, name),)


def test_a_merge_says_what_it_did_and_writes_only_where_there_is_something_to_write(tmp_path: Path) -> None:
    target = tmp_path / "verifier.keys"

    first = merge_into(target, [stripped(OWNER, b"Jane")])
    second = merge_into(target, [stripped(OWNER, b"Joan"), stripped(STRANGER, b"Eve")])
    before = target.stat()
    third = merge_into(target, [stripped(OWNER, b"Jane", b"Joan")])

    assert first == Merged((OWNER.fingerprint,), (), ())
    assert second == Merged((STRANGER.fingerprint,), (OWNER.fingerprint,), ())
    assert third == Merged((), (), (OWNER.fingerprint,))
    assert target.stat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["verifier.keys"]


def test_a_key_that_we_cannot_use_stays_in_the_file(tmp_path: Path) -> None:
    target = tmp_path / "verifier.keys"
    elgamal = packet(6, OWNER.body[:5] + b"\x10" + cases.mpi(5) * 3)
    target.write_bytes(armour(elgamal, "PUBLIC KEY BLOCK"))

    merge_into(target, [stripped(STRANGER, b"Eve")])

    assert len(index_certificates(target.read_bytes())) == 2


def test_an_empty_file_is_one_to_write(tmp_path: Path) -> None:
    target = tmp_path / "verifier.keys"
    target.write_bytes(b"\n")

    assert merge_into(target, [stripped(OWNER, b"Jane")]).added == (OWNER.fingerprint,)


@pytest.mark.parametrize("content", [b"nothing here", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxxx"])
def test_a_file_that_is_something_else_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "verifier.keys"
    target.write_bytes(content)

    with pytest.raises(ConfigError, match=r"verifier\.keys"):
        merge_into(target, [stripped(OWNER, b"Jane")])
    assert target.read_bytes() == content


def test_reading_tells_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "KEYS"
    elgamal = packet(6, OWNER.body[:5] + b"\x10" + cases.mpi(5) * 3)
    secret = packet(5, OWNER.body)
    path.write_bytes(b"".join(armour(each, "PUBLIC KEY BLOCK") for each in (certificate(OWNER), elgamal, secret)))
    left_out: list[str] = []

    found = read_key_file(path, left_out.append)

    assert [raw.fingerprint for raw in found] == [OWNER.fingerprint]
    assert len(left_out) == 2
    assert all(str(path) in why for why in left_out)


def test_missing_files_and_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.asc: .* cannot be read"):
        read_key_file(tmp_path / "none.asc", pytest.fail)
    with pytest.raises(ConfigError, match=r"a.keys: .* cannot be written"):
        merge_into(tmp_path / "none" / "a.keys", [stripped(OWNER, b"Jane")])
    with pytest.raises(ConfigError, match="none: cannot be read"):
        find_key_files(tmp_path / "none")


def test_key_files_of_a_directory_are_known_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["KEYS", "a.asc", "b/c.keys", "b/d.gpg", "e.txt", "KEYS.txt", "f.jar"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    assert [path.relative_to(tmp_path).as_posix() for path in find_key_files(tmp_path)] == names[:4]
    monkeypatch.setattr("verifier.keyfile.MAX_FILES", 3)
    with pytest.raises(ConfigError, match="more than 3 key files"):
        find_key_files(tmp_path)
