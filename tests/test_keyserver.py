import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import openpgp_cases as cases
import pytest
from keyservers import HTML_NOT_FOUND, KeyServerHost, Told, served
from openpgp_cases import BORN, MADE, armour, bind, certificate, certify, ed, over_key, packet, reason, sign
from servers import Answer, Authority, redirect

from verifier.errors import ConfigError, KeyUnknown, Unreachable
from verifier.inquiry import Inquiry
from verifier.keyserver import MAX_ANSWER_BYTES, KeyServers, endpoint
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.policy import KeyServer, KeyServerKind
from verifier.proxies import Proxies
from verifier.transport import Bounds
from verifier.upstream import Upstream, World

OWNER, STRANGER, WORKER = ed(0), ed(1), ed(2)
KEY = OWNER.fingerprint
HONEST = certificate(OWNER, certify(OWNER))
REVOKED = certificate(OWNER, over_key(OWNER, 0x20, hashed=[reason(2)], made=MADE), certify(OWNER))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def asking(
    authority: Authority, *hosts: KeyServerHost | str, vks: bool = False, total: float = 5
) -> Iterator[KeyServers]:
    kind = KeyServerKind.VKS if vks else KeyServerKind.HKP
    servers = tuple(KeyServer(kind, host if isinstance(host, str) else host.url) for host in hosts)
    transport = Upstream(
        tuple(endpoint(server, authority.file) for server in servers),
        Bounds(2, 2, total),
        connections=4,
        proxies=Proxies(),
        user_agent="verifier/0",
        world=World(sleep=lambda _stopped, _wait: None),
    )
    asked = KeyServers(servers, authority.file, transport)
    try:
        yield asked
    finally:
        asked.stop()


@contextlib.contextmanager
def hosting(authority: Authority, keys: dict[str, bytes] | None = None, told: Told = None) -> Iterator[KeyServerHost]:
    with KeyServerHost(authority.context(), keys, told) as host:
        yield host


def ask(authority: Authority, told: Told = None, keys: dict[str, bytes] | None = None, key: str = KEY) -> Inquiry:
    with hosting(authority, keys, told) as host, asking(authority, host) as servers:
        inquiry = servers.ask(key)
        assert host.strange == []
    return inquiry


def only(inquiry: Inquiry) -> Certificate:
    (found,) = inquiry.found
    (certificate,) = parse_certificates(found.data)
    return certificate


# What is asked and kept


@pytest.mark.parametrize("vks", [False, True])
def test_finds_a_key_by_its_full_fingerprint(authority: Authority, *, vks: bool) -> None:
    with hosting(authority, {KEY: HONEST}) as host, asking(authority, host, vks=vks) as servers:
        inquiry = servers.ask(KEY)

    assert only(inquiry).primary.fingerprint == KEY
    assert inquiry.failure() is None
    assert host.asked == [KEY]
    assert host.strange == []


def test_finds_a_version_6_key(authority: Authority) -> None:
    owner = ed(0, version=6)
    inquiry = ask(authority, keys={owner.fingerprint: certificate(owner, certify(owner))}, key=owner.fingerprint)

    assert only(inquiry).primary.fingerprint == owner.fingerprint


def test_finds_a_certificate_by_a_subkey_that_it_bound(authority: Authority) -> None:
    bound = certificate(OWNER, certify(OWNER), packet(14, WORKER.body), bind(OWNER, WORKER))
    stolen = certificate(STRANGER, certify(STRANGER), packet(14, WORKER.body), bind(STRANGER, WORKER, by=OWNER))

    inquiry = ask(authority, served(stolen + bound), key=WORKER.fingerprint)

    assert only(inquiry).primary.fingerprint == KEY


def test_a_crowd_that_claims_a_subkey_costs_little_and_hides_it_at_most(authority: Authority) -> None:
    claim = packet(14, WORKER.body) + bind(STRANGER, WORKER)
    crowd = b"".join(packet(6, ed(number % 200, born=BORN + timedelta(number)).body) + claim for number in range(2000))

    inquiry = ask(authority, served(crowd + HONEST), key=WORKER.fingerprint)

    assert inquiry.found == ()
    assert "without the key" in inquiry.silent[0]


def test_of_several_keys_only_the_one_asked_for_is_kept(authority: Authority) -> None:
    other = certificate(STRANGER, certify(STRANGER))

    assert only(ask(authority, served(other + HONEST + other))).primary.fingerprint == KEY


def test_a_poisoned_key_of_twenty_thousand_certifications_is_kept_without_them(authority: Authority) -> None:
    foreign = packet(2, sign(STRANGER, OWNER.form + cases.user_id(), 0x13, made=BORN))

    inquiry = ask(authority, served(HONEST + foreign * 20_000))

    assert inquiry.found == ask(authority, served(HONEST)).found


def test_a_forged_revocation_is_dropped(authority: Authority) -> None:
    forged = over_key(OWNER, 0x20, STRANGER, hashed=[reason(2)])

    assert only(ask(authority, served(certificate(OWNER, forged, certify(OWNER))))).revocation is None


def test_a_key_without_user_ids_is_as_good(authority: Authority) -> None:
    revoked = certificate(OWNER, over_key(OWNER, 0x20, hashed=[reason(2)]))

    assert only(ask(authority, served(revoked))).revocation is not None


def test_a_revocation_that_one_server_hides_comes_from_the_other(authority: Authority) -> None:
    with (
        hosting(authority, {KEY: HONEST}) as hiding,
        hosting(authority, {KEY: REVOKED}) as honest,
        asking(authority, hiding, honest) as servers,
    ):
        inquiry = servers.ask(KEY)

    (first, second) = (parse_certificates(raw.data)[0] for raw in inquiry.found)
    assert (first.revocation is None, second.revocation is None) == (True, False)


# Who has it not


@pytest.mark.parametrize(
    "told",
    [
        None,
        HTML_NOT_FOUND,
        Answer(b"no keys found\n"),
        Answer(b"gone\n", 410),
    ],
)
def test_a_server_that_says_so_has_no_such_key(authority: Authority, told: Told) -> None:
    inquiry = ask(authority, told)

    assert len(inquiry.unknown_to) == 1
    failure = inquiry.failure()
    assert isinstance(failure, KeyUnknown)
    assert failure.fingerprint == KEY
    assert inquiry.unknown_to[0] in failure.hint


def test_without_servers_the_key_is_unknown_and_the_hint_says_why(authority: Authority) -> None:
    with asking(authority) as servers:
        inquiry = servers.ask(KEY)

    failure = inquiry.failure()
    assert isinstance(failure, KeyUnknown)
    assert "names no key server" in failure.hint


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (served(certificate(STRANGER, certify(STRANGER))), "without the key that was asked for"),
        (served(packet(6, OWNER.body[:6])), "without the key"),
        (Answer(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!!\n-----END PGP PUBLIC KEY BLOCK-----\n"), "no key"),
        (Answer(armour(HONEST, "PUBLIC KEY BLOCK")[:-60]), "no key"),
        (Answer(b""), "no key"),
        (Answer(armour(HONEST, "MESSAGE")), "no key"),
        (Answer(b"slow down\n", 429), "rate-limited"),
        (Answer(b"oops\n", 500), "server-error"),
        (Answer(b"oops\n", 503), "server-error"),
        (Answer(b"whatever\n", 400), "server-error"),
        (Answer(b"who are you\n", 403), "unauthorized"),
        (Answer(HONEST, announced=len(HONEST) + 9, close=True), "truncated"),
        (Answer(b"x" * (MAX_ANSWER_BYTES + 1)), "too-large"),
        (Answer(b"x" * 65536, announced=-1, repeat=0), "too-large"),
        (Answer(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), "server-error"),
        (Answer(reset=True, raw=b""), "unreachable"),
        (redirect("/elsewhere"), "redirect-refused"),
        (redirect("https://repo.example/key"), "redirect-refused"),
        (redirect("http://repo.example/key"), "redirect-refused"),
    ],
)
def test_an_answer_of_no_use_is_no_answer(authority: Authority, told: Answer, why: str) -> None:
    inquiry = ask(authority, told)

    assert not inquiry.found
    assert not inquiry.unknown_to
    assert why in inquiry.silent[0]
    failure = inquiry.failure()
    assert isinstance(failure, Unreachable)
    assert failure.received is not None
    assert inquiry.silent[0] in failure.received.value


def test_a_slow_server_is_given_up_on(authority: Authority) -> None:
    dripping = Answer(b"x", announced=-1, repeat=0, pause=0.05)
    with hosting(authority, told=dripping) as host, asking(authority, host, total=0.4) as servers:
        inquiry = servers.ask(KEY)

    assert "timed-out" in inquiry.silent[0]


def test_a_server_of_another_name_is_not_listened_to(authority: Authority) -> None:
    with (
        KeyServerHost(authority.context("elsewhere.example"), {KEY: HONEST}) as host,
        asking(authority, host) as servers,
    ):
        assert "tls-untrusted" in servers.ask(KEY).silent[0]


def test_one_that_says_no_and_one_that_says_nothing_make_the_key_unreachable(authority: Authority) -> None:
    with (
        hosting(authority) as empty,
        hosting(authority, told=Answer(b"", 500)) as broken,
        asking(authority, empty, broken) as servers,
    ):
        failure = servers.ask(KEY).failure()

    assert isinstance(failure, Unreachable)
    assert failure.received is not None
    assert broken.url in failure.received.value
    assert empty.url not in failure.received.value


def test_one_that_has_it_suffices(authority: Authority) -> None:
    with (
        hosting(authority, {KEY: HONEST}) as honest,
        hosting(authority, told=Answer(b"", 500)) as broken,
        hosting(authority) as empty,
        asking(authority, broken, empty, honest) as servers,
    ):
        inquiry = servers.ask(KEY)

    assert only(inquiry).primary.fingerprint == KEY
    assert "no answer of use" in inquiry.told()


# Once


def test_a_server_that_failed_is_asked_again_once_that_is_forgotten(authority: Authority) -> None:
    with hosting(authority, {KEY: HONEST}, Answer(b"", 500)) as host, asking(authority, host) as servers:
        assert servers.ask(KEY).silent
        host.told = None
        assert servers.ask(KEY).silent

        servers.renew()

        assert only(servers.ask(KEY)).primary.fingerprint == KEY
        assert only(servers.ask(KEY)).primary.fingerprint == KEY


def test_a_server_that_failed_is_not_asked_again(authority: Authority) -> None:
    with (
        hosting(authority, {KEY: HONEST}) as honest,
        hosting(authority, told=redirect("/x")) as failing,
        asking(authority, failing, honest) as servers,
    ):
        servers.ask(STRANGER.fingerprint)
        inquiry = servers.ask(KEY)

    assert failing.asked == [STRANGER.fingerprint]
    assert honest.asked == [STRANGER.fingerprint, KEY]
    assert inquiry.silent == (f"{failing.url} (redirect-refused)",)
    assert inquiry.found


def test_many_questions_at_once_wait_for_one_server_that_is_down(authority: Authority) -> None:
    barrier = threading.Barrier(8)
    fingerprints = [ed(number).fingerprint for number in range(8)]
    with hosting(authority, told=redirect("/x")) as failing, asking(authority, failing) as servers:

        def one(fingerprint: str) -> Inquiry:
            barrier.wait()
            return servers.ask(fingerprint)

        with ThreadPoolExecutor(8) as pool:
            inquiries = list(pool.map(one, fingerprints))

    assert len(failing.asked) == 1
    assert all(inquiry.silent for inquiry in inquiries)


def test_a_key_too_large_for_a_server_keeps_nobody_from_asking_it_for_another(authority: Authority) -> None:
    huge = Answer(b"x" * (MAX_ANSWER_BYTES + 1))
    told = lambda fingerprint: served(HONEST) if fingerprint == KEY else huge  # noqa: E731  a table of two answers
    with hosting(authority, told=told) as host, asking(authority, host) as servers:
        assert "too-large" in servers.ask(STRANGER.fingerprint).silent[0]
        assert servers.ask(KEY).found


def test_nothing_starts_before_the_first_question(authority: Authority) -> None:
    before = threading.active_count()

    with asking(authority, "https://localhost:9"):
        assert threading.active_count() == before


def test_after_the_end_nobody_is_asked_and_nothing_starts(authority: Authority) -> None:
    before = threading.active_count()
    with hosting(authority, {KEY: HONEST}) as host, asking(authority, host) as servers:
        servers.stop()

        assert isinstance(servers.ask(KEY).failure(), Unreachable)
    assert host.asked == []
    assert threading.active_count() == before


def test_a_missing_file_of_authorities_is_our_own_mistake(authority: Authority, tmp_path: Path) -> None:
    server = KeyServer(KeyServerKind.HKP, "https://localhost:9")
    place = endpoint(server, tmp_path / "none.pem")
    transport = Upstream((place,), Bounds(1, 1, 1), connections=1, proxies=Proxies(), user_agent="verifier/0")
    servers = KeyServers((server,), tmp_path / "none.pem", transport)
    try:
        with pytest.raises(ConfigError, match=r"none\.pem"):
            servers.ask(KEY)
    finally:
        servers.stop()
