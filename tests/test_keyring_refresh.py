import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from openpgp_cases import MADE, bind, certificate, certify, ed, lifetime, over_key, packet, reason

from verifier.errors import CacheError
from verifier.inquiry import Inquiry
from verifier.keyring import FACTS, STORE, Keyring
from verifier.keystore import KeyStore
from verifier.openpgp.certificate import Certificate, index_certificates, parse_certificates, strip

OWNER, WORKER, STRANGER = ed(0), ed(1), ed(2)
KEY = OWNER.fingerprint
EXPIRED = certificate(OWNER, certify(OWNER, hashed=[lifetime(timedelta(days=30))]))
EXTENDED = certificate(OWNER, certify(OWNER, made=MADE))
REVOKED = certificate(OWNER, over_key(OWNER, 0x20, hashed=[reason(2)], made=MADE))


class Facts:
    """Key facts of the certificates given."""

    def __init__(self, *data: bytes) -> None:
        self.certificates = [certificate for each in data for certificate in parse_certificates(each)]

    def find(self, identity: str) -> tuple[Certificate, ...]:
        return tuple(each for each in self.certificates if identity in {each.primary.fingerprint, each.primary.key_id})


class Servers:
    """Key servers with the answers given; each answer waits for `gate`."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = {"KEY": b"", **answers}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.stopped = self.renewed = False

    def ask(self, fingerprint: str) -> Inquiry:
        self.asked.append(fingerprint)
        self.gate.wait(10)
        data = self.answers["KEY"]
        found = tuple(strip(raw) for raw in index_certificates(data)) if data else ()
        return Inquiry(fingerprint, found, () if found else ("https://keys.example",))

    def renew(self) -> None:
        self.renewed = True

    def stop(self) -> None:
        self.stopped = True


def keyring(tmp_path: Path, data: bytes = b"", facts: bytes = b"", servers: Servers | None = None) -> Keyring:
    files = []
    if data:
        (tmp_path / "verifier.keys").write_bytes(data)
        files.append(tmp_path / "verifier.keys")
    return Keyring(files, Facts(*([facts] if facts else [])), KeyStore(tmp_path / "keys"), servers)


def only(found: tuple[Certificate, ...]) -> Certificate:
    (certificate_,) = found
    return certificate_


def test_an_absent_key_that_came_is_at_hand_now_and_in_the_next_run(tmp_path: Path) -> None:
    keys = keyring(tmp_path, servers=Servers(KEY=EXTENDED))
    assert keys.find(KEY) == ()

    inquiry = keys.refresh(KEY)

    assert inquiry.news
    assert only(keys.find(KEY)).primary.fingerprint == KEY
    assert only(keyring(tmp_path).find(OWNER.key_id)).primary.fingerprint == KEY


@pytest.mark.parametrize("source", ["file", "facts"])
def test_a_newer_copy_is_merged_with_the_one_at_hand(tmp_path: Path, source: str) -> None:
    keys = keyring(
        tmp_path, **({"data": EXPIRED} if source == "file" else {"facts": EXPIRED}), servers=Servers(KEY=EXTENDED)
    )
    assert only(keys.find(KEY)).expires is not None

    assert keys.refresh(KEY).news
    assert only(keys.find(KEY)).expires is None


def test_a_revocation_that_came_counts_beside_every_older_copy(tmp_path: Path) -> None:
    keys = keyring(tmp_path, EXTENDED, servers=Servers(KEY=REVOKED))

    assert keys.refresh(KEY).news
    assert only(keys.find(KEY)).revocation is not None
    assert not only(keys.find(KEY)).bare


def test_what_is_at_hand_already_is_no_news(tmp_path: Path) -> None:
    assert not keyring(tmp_path, EXTENDED, servers=Servers(KEY=EXTENDED)).refresh(KEY).news
    assert not keyring(tmp_path, EXTENDED, servers=Servers(KEY=EXPIRED)).refresh(KEY).news
    assert not keyring(tmp_path, EXTENDED, servers=Servers()).refresh(KEY).news


def test_another_order_of_subkeys_is_no_news(tmp_path: Path) -> None:
    subkeys = [packet(14, key.body) + bind(OWNER, key) for key in (WORKER, STRANGER)]
    orders = [certificate(OWNER, certify(OWNER), *order) for order in (subkeys, subkeys[::-1])]

    for at_hand, served in (orders, orders[::-1]):
        assert not keyring(tmp_path, at_hand, servers=Servers(KEY=served)).refresh(KEY).news


def test_a_key_is_asked_for_once_a_run_however_many_ask(tmp_path: Path) -> None:
    servers = Servers(KEY=EXTENDED)
    keys = keyring(tmp_path, EXPIRED, servers=servers)
    servers.gate.clear()

    with ThreadPoolExecutor(8) as pool:
        coming = [pool.submit(keys.refresh, KEY) for _ in range(8)]
        servers.gate.set()
        inquiries = [each.result(10) for each in coming]

    assert servers.asked == [KEY]
    assert all(inquiry.news for inquiry in inquiries)
    assert keys.refresh(KEY).news
    assert servers.asked == [KEY]


def test_a_key_is_asked_for_again_once_the_answers_are_forgotten(tmp_path: Path) -> None:
    servers = Servers()
    keys = keyring(tmp_path, EXPIRED, servers=servers)
    assert not keys.refresh(KEY).news
    servers.answers["KEY"] = EXTENDED
    assert not keys.refresh(KEY).news

    keys.renew()

    assert keys.refresh(KEY).news
    assert (servers.asked, servers.renewed) == ([KEY, KEY], True)


def test_a_question_under_way_is_not_forgotten(tmp_path: Path) -> None:
    servers = Servers(KEY=EXTENDED)
    keys = keyring(tmp_path, EXPIRED, servers=servers)
    servers.gate.clear()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keys.refresh, KEY)
        while not servers.asked:
            threading.Event().wait(0.01)
        keys.renew()
        second = pool.submit(keys.refresh, KEY)
        servers.gate.set()

        assert first.result(60).news
        assert second.result(60).news
    assert servers.asked == [KEY]


def test_whoever_waits_hears_that_what_came_could_not_be_kept(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"a file")
    keys = keyring(tmp_path, servers=Servers(KEY=EXTENDED))

    for _ in range(2):
        with pytest.raises(CacheError):
            keys.refresh(KEY)


def test_what_another_process_kept_is_felt_at_once(tmp_path: Path) -> None:
    keys = keyring(tmp_path, EXTENDED)
    assert only(keys.find(KEY)).revocation is None

    (raw,) = index_certificates(REVOKED)
    KeyStore(tmp_path / "keys").add(strip(raw))

    assert only(keys.find(KEY)).revocation is not None


def test_material_is_every_copy_and_none_of_the_facts(tmp_path: Path) -> None:
    keys = keyring(tmp_path, EXPIRED, facts=certificate(STRANGER, certify(STRANGER)), servers=Servers(KEY=EXTENDED))
    keys.refresh(KEY)

    material = keys.material(KEY)

    assert material is not None
    assert material.count(packet(6, OWNER.body)) == 2
    assert only(parse_certificates(material)).expires is None
    assert keys.material(STRANGER.fingerprint) is None
    assert only(keys.find(STRANGER.fingerprint)).primary.fingerprint == STRANGER.fingerprint


def test_says_where_the_copies_are_from(tmp_path: Path) -> None:
    keys = keyring(tmp_path, EXPIRED, facts=EXPIRED, servers=Servers(KEY=EXTENDED))
    keys.refresh(KEY)

    assert keys.origins(KEY) == (str(tmp_path / "verifier.keys"), STORE, FACTS)
    assert keys.origins(STRANGER.fingerprint) == ()
    assert keys.primaries() == (KEY,)


def test_a_subkey_is_found_in_what_was_fetched(tmp_path: Path) -> None:
    bound = certificate(OWNER, certify(OWNER), packet(14, WORKER.body), bind(OWNER, WORKER))
    keys = keyring(tmp_path, servers=Servers(KEY=bound))

    keys.refresh(WORKER.fingerprint)

    assert only(keys.find(WORKER.key_id)).primary.fingerprint == KEY


def test_without_servers_nobody_is_asked_and_nothing_is_stopped(tmp_path: Path) -> None:
    keys = keyring(tmp_path)

    assert keys.refresh(KEY) == Inquiry(KEY)
    keys.stop()


def test_stopping_stops_the_servers(tmp_path: Path) -> None:
    servers = Servers()
    keyring(tmp_path, servers=servers).stop()

    assert servers.stopped
