import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpgp_cases as cases
import pytest
from openpgp_cases import MADE, certificate, certify, ed, over_key, packet, reason

from verifier.errors import CacheError
from verifier.keystore import MAX_CERTIFICATE_BYTES, KeyStore
from verifier.openpgp.certificate import RawCertificate, index_certificates, parse_certificates, strip

OWNER, STRANGER = ed(0), ed(1)
NAME = f"{OWNER.fingerprint}.pgp"


def stripped(*parts: bytes, owner: cases.Signer = OWNER) -> RawCertificate:
    (raw,) = index_certificates(certificate(owner, *parts))
    return strip(raw)


HONEST = stripped(certify(OWNER))
REVOKED = stripped(over_key(OWNER, 0x20, hashed=[reason(2)], made=MADE))


def test_keeps_a_certificate_in_a_file_of_its_name(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "cache" / "keys")

    assert store.certificates() == ()
    assert store.stamp() == 0
    assert store.add(HONEST)
    assert store.certificates() == (HONEST,)
    assert (tmp_path / "cache" / "keys" / NAME).read_bytes() == HONEST.data


def test_what_is_known_already_is_no_news_and_changes_nothing(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(HONEST)
    before = (tmp_path / NAME).stat()

    assert not store.add(HONEST)
    assert (tmp_path / NAME).stat() == before


@pytest.mark.parametrize("order", [(HONEST, REVOKED), (REVOKED, HONEST)])
def test_what_comes_is_put_together_with_what_is_there(
    tmp_path: Path, order: tuple[RawCertificate, RawCertificate]
) -> None:
    store = KeyStore(tmp_path)

    assert [store.add(one) for one in order] == [True, True]
    assert not any(store.add(one) for one in order)
    (kept,) = parse_certificates((tmp_path / NAME).read_bytes())
    assert kept.revocation is not None
    assert not kept.bare


def test_the_stamp_changes_with_every_addition(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    stamps = [store.stamp()]
    for certificate_ in (HONEST, REVOKED):
        os.utime(tmp_path / "keys", (1, 1)) if stamps[-1] else None
        store.add(certificate_)
        stamps.append(store.stamp())

    assert len(set(stamps)) == 3


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"not a key",
        HONEST.data[:-3],
        stripped(certify(STRANGER), owner=STRANGER).data,
        b"\0" * (MAX_CERTIFICATE_BYTES + 1),
    ],
    ids=["empty", "text", "cut", "another key", "huge"],
)
def test_a_spoilt_file_is_as_if_absent_and_heals(tmp_path: Path, spoilt: bytes) -> None:
    store = KeyStore(tmp_path)
    (tmp_path / NAME).write_bytes(spoilt)

    assert store.certificates() == ()
    assert store.add(HONEST)
    assert store.certificates() == (HONEST,)


def test_a_file_that_was_poisoned_until_it_cannot_be_read_gives_way(tmp_path: Path) -> None:
    body = cases.sign(OWNER, OWNER.form + cases.user_id(), 0x13, numbers=cases.mpi(5) * 2)
    flood = b"".join(packet(2, body[:-1] + bytes([number % 256, number // 256])) for number in range(600))
    (tmp_path / NAME).write_bytes(HONEST.data + flood)

    KeyStore(tmp_path).add(HONEST)

    assert KeyStore(tmp_path).certificates() == (HONEST,)


def test_what_is_no_plain_file_of_a_fingerprint_is_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside.pgp"
    outside.write_bytes(HONEST.data)
    store = KeyStore(tmp_path / "keys")
    store.add(stripped(certify(STRANGER), owner=STRANGER))
    (tmp_path / "keys" / NAME).symlink_to(outside)
    (tmp_path / "keys" / f".{NAME}.0123456789abcdef").write_bytes(HONEST.data)
    (tmp_path / "keys" / "readme.pgp").write_bytes(HONEST.data)
    os.mkfifo(tmp_path / "keys" / f"{'A' * 40}.pgp")

    assert [raw.fingerprint for raw in store.certificates()] == [STRANGER.fingerprint]


def test_a_link_in_a_key_s_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    store = KeyStore(tmp_path / "keys")
    store.add(stripped(certify(STRANGER), owner=STRANGER))
    (tmp_path / "keys" / NAME).symlink_to(outside)

    store.add(HONEST)

    assert outside.read_bytes() == b"mine"
    assert not (tmp_path / "keys" / NAME).is_symlink()


def test_says_what_is_wrong_with_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"a file")

    with pytest.raises(CacheError, match="keys"):
        KeyStore(tmp_path / "keys").add(HONEST)
    assert KeyStore(tmp_path / "keys").certificates() == ()


def test_too_many_files_are_an_error_and_not_a_long_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier.keystore.MAX_CERTIFICATES", 1)
    store = KeyStore(tmp_path)
    store.add(HONEST)
    store.add(stripped(certify(STRANGER), owner=STRANGER))

    with pytest.raises(CacheError, match="more than 1 keys"):
        store.certificates()


def test_files_of_more_bytes_than_a_store_holds_are_an_error_and_are_not_read(tmp_path: Path) -> None:
    for number in range(2):
        with (tmp_path / f"{number:040}.pgp").open("wb") as file:
            file.truncate(200 * 1024 * 1024)

    with pytest.raises(CacheError, match="bytes"):
        KeyStore(tmp_path).certificates()


def test_a_link_in_place_of_the_store_is_an_error_and_nothing_is_written_behind_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    KeyStore(outside).add(stripped(certify(STRANGER), owner=STRANGER))
    before = sorted((path.name, path.read_bytes()) for path in outside.iterdir())
    (tmp_path / "keys").symlink_to(outside)

    with pytest.raises(CacheError, match="symbolic link"):
        KeyStore(tmp_path / "keys").certificates()
    with pytest.raises(CacheError, match="symbolic link"):
        KeyStore(tmp_path / "keys").add(HONEST)

    assert sorted((path.name, path.read_bytes()) for path in outside.iterdir()) == before


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    copies = [stripped(certify(OWNER, b"name %d" % number)) for number in range(24)]
    barrier = threading.Barrier(8)

    def add(part: list[RawCertificate]) -> None:
        barrier.wait()
        for one in part:
            KeyStore(tmp_path).add(one)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, [copies[at::8] for at in range(8)]))

    both = RawCertificate(OWNER.fingerprint, (), b"".join(one.data for one in copies))
    assert KeyStore(tmp_path).certificates() == (strip(both),)
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "lock"]


def test_processes_take_turns(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from verifier.keystore import KeyStore;"
        "from verifier.openpgp.certificate import index_certificates, strip;"
        "[KeyStore(Path(sys.argv[1])).add(strip(index_certificates(Path(p).read_bytes())[0])) for p in sys.argv[2:]]"
    )
    inputs = []
    for number in range(8):
        path = tmp_path / f"input{number}"
        path.write_bytes(certificate(OWNER, certify(OWNER, b"name %d" % number)))
        inputs.append(str(path))
    store = tmp_path / "keys"

    running = [subprocess.Popen([sys.executable, "-c", program, str(store), *inputs[half::2]]) for half in range(2)]

    assert [process.wait(30) for process in running] == [0, 0]
    (kept,) = KeyStore(store).certificates()
    assert kept.data.count(b"name ") == 8
