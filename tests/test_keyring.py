import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from openpgp_cases import (
    BORN,
    MADE,
    Signer,
    armour,
    bind,
    certificate,
    certify,
    ed,
    lifetime,
    over_key,
    packet,
    reason,
    sign,
    subpacket,
)

from verifier.errors import ConfigError
from verifier.keyring import Keyring
from verifier.openpgp.armor import MAX_KEY_FILE_BYTES
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.openpgp.signature import Signature, parse_packet

OWNER, SUBKEY, OTHER = ed(0), ed(1), ed(2)
WITH_SUBKEY = certificate(OWNER, certify(OWNER), packet(14, SUBKEY.body), bind(OWNER, SUBKEY))


@dataclass
class Facts:
    """A table of certificates in memory that counts its questions."""

    held: tuple[Certificate, ...] = ()
    asked: list[str] = field(default_factory=list)

    def find(self, identity: str) -> tuple[Certificate, ...]:
        self.asked.append(identity)
        return tuple(one for one in self.held if identity in {one.primary.fingerprint, one.primary.key_id})


def keyring(tmp_path: Path, *files: bytes, facts: Facts | None = None) -> Keyring:
    paths = [tmp_path / f"{number}.keys" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    return Keyring(paths, facts or Facts())


def read(body: bytes) -> Signature:
    return parse_packet(body, "here")


def primaries(found: tuple[Certificate, ...]) -> list[str]:
    return [one.primary.fingerprint for one in found]


@pytest.mark.parametrize("by", [OWNER, SUBKEY])
@pytest.mark.parametrize("armoured", [False, True])
def test_finds_a_key_by_fingerprint_and_by_id(by: Signer, armoured: bool, tmp_path: Path) -> None:  # noqa: FBT001  (a row)
    keys = keyring(tmp_path, armour(WITH_SUBKEY, "PUBLIC KEY BLOCK") if armoured else WITH_SUBKEY)

    assert primaries(keys.find(by.fingerprint)) == [OWNER.fingerprint]
    assert primaries(keys.find(by.key_id)) == [OWNER.fingerprint]


def test_finds_the_key_that_a_signature_names(tmp_path: Path) -> None:
    keys = keyring(tmp_path, WITH_SUBKEY)
    by_id = sign(SUBKEY, unhashed=[subpacket(16, bytes.fromhex(SUBKEY.key_id))])

    assert primaries(keys.certificates(read(sign(SUBKEY)))) == [OWNER.fingerprint]
    assert primaries(keys.certificates(read(by_id))) == [OWNER.fingerprint]
    assert keys.certificates(read(sign(OTHER))) == ()
    assert keys.certificates(read(sign(OWNER, unhashed=[]))) == ()


def test_a_claimed_fingerprint_is_not_looked_for_by_its_id(tmp_path: Path) -> None:
    twin = "0" * 24 + OWNER.key_id
    claim = sign(OWNER, unhashed=[subpacket(33, b"\x04" + bytes.fromhex(twin))])

    assert keyring(tmp_path, WITH_SUBKEY).certificates(read(claim)) == ()


def test_copies_of_a_key_in_two_files_and_in_the_facts_are_one(tmp_path: Path) -> None:
    ended = certificate(OWNER, certify(OWNER, hashed=[lifetime(MADE - BORN)]))
    revoked = certificate(OWNER, over_key(OWNER, 0x20, made=MADE, hashed=[reason(2)]), certify(OWNER))
    facts = Facts(parse_certificates(revoked))

    (found,) = keyring(tmp_path, ended, WITH_SUBKEY, facts=facts).find(OWNER.fingerprint)

    assert found.revocation is not None
    assert [subkey.key.fingerprint for subkey in found.subkeys] == [SUBKEY.fingerprint]


def test_a_key_in_the_facts_alone_is_found(tmp_path: Path) -> None:
    facts = Facts(parse_certificates(certificate(OTHER)))

    assert primaries(keyring(tmp_path, WITH_SUBKEY, facts=facts).find(OTHER.fingerprint)) == [OTHER.fingerprint]


def test_two_certificates_with_one_subkey_are_both_found(tmp_path: Path) -> None:
    adopting = certificate(OTHER, certify(OTHER), packet(14, SUBKEY.body), bind(OTHER, SUBKEY))

    found = keyring(tmp_path, WITH_SUBKEY, adopting).find(SUBKEY.fingerprint)

    assert primaries(found) == [OWNER.fingerprint, OTHER.fingerprint]


def test_what_is_found_is_looked_up_once(tmp_path: Path) -> None:
    facts = Facts()
    keys = keyring(tmp_path, WITH_SUBKEY, facts=facts)

    assert keys.find(OWNER.fingerprint) is keys.find(OWNER.fingerprint)
    assert facts.asked == [OWNER.fingerprint]


def test_what_is_unknown_leaves_nothing_behind(tmp_path: Path) -> None:
    keys = keyring(tmp_path, WITH_SUBKEY)

    for number in range(1000):
        assert keys.find(f"{number:040X}") == ()

    assert len(keys._found) == 0


def test_files_are_read_at_the_first_question_and_once(tmp_path: Path) -> None:
    keys = keyring(tmp_path, WITH_SUBKEY)
    assert keys.find(OWNER.key_id)
    (tmp_path / "0.keys").unlink()

    assert keys.find(OWNER.fingerprint)


def test_many_threads_may_ask_at_once(tmp_path: Path) -> None:
    facts = Facts()
    keys = keyring(tmp_path, WITH_SUBKEY, facts=facts)
    threads = [threading.Thread(target=keys.find, args=(OWNER.fingerprint,)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert facts.asked == [OWNER.fingerprint]


@pytest.mark.parametrize("data", [b"", b"no keys", sign(OWNER), b"\x99" + b"\xff" * 40])
def test_a_file_without_keys_is_named(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"0\.keys"):
        keyring(tmp_path, data).find(OWNER.fingerprint)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.keys: the key file cannot be read: No such file"):
        Keyring([tmp_path / "gone.keys"], Facts()).find(OWNER.fingerprint)


def test_a_file_over_the_bound_is_named_and_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.keys"
    with path.open("wb") as file:
        file.truncate(MAX_KEY_FILE_BYTES * 64)

    with pytest.raises(ConfigError, match=r"huge\.keys: .* bound"):
        Keyring([path], Facts()).find(OWNER.fingerprint)
