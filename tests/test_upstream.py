import base64
import contextlib
import datetime as dt
import os
import resource
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import (
    Answer,
    Authority,
    BreakingProxy,
    ConnectProxy,
    Count,
    FileServer,
    Listener,
    Script,
    Seen,
    basic,
    redirect,
    self_signed_context,
)

from verifier import tls, upstream
from verifier.answer import MAX_HEADER_BYTES
from verifier.credentials import Credentials
from verifier.errors import (
    CacheError,
    ConfigError,
    InsecureTransport,
    NotFound,
    RateLimited,
    ReasonedError,
    RedirectRefused,
    ServerError,
    TimedOut,
    TlsPinMismatch,
    TlsUntrusted,
    TooLarge,
    Truncated,
    Unauthorized,
    Unreachable,
)
from verifier.flight import is_public
from verifier.proxies import Proxies, read_proxies
from verifier.transport import Bounds, Download, Endpoint, Request
from verifier.upstream import Upstream, World

SHORT = Bounds(connect=2, stall=2, total=5)
OTHER_PIN = "sha256/" + "A" * 43 + "="
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADS = (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 F\r\nLocation: ", CHUNKED)


@dataclass
class Pauses:
    """A world whose pauses are written down and cost nothing."""

    seconds: list[float] = field(default_factory=list)

    def sleep(self, stopped: threading.Event, wait: float) -> None:
        self.seconds.append(wait)

    def world(self) -> World:
        return World(random=lambda: 0.5, sleep=self.sleep, now=lambda: 1_700_000_000.0)


@dataclass(frozen=True)
class Ground:
    """One authority, a server, and a client that trusts the authority as if it were the system's."""

    directory: Path
    authority: Authority
    server: FileServer
    pauses: Pauses

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("company", self.server.url)

    @contextlib.contextmanager
    def client(
        self,
        *endpoints: Endpoint,
        bounds: Bounds = SHORT,
        proxies: Proxies | None = None,
        world: World | None = None,
        store: Path | None = None,
    ) -> Iterator[Upstream]:
        with Upstream(
            endpoints or (self.endpoint,),
            bounds,
            connections=4,
            proxies=proxies or Proxies(),
            user_agent="verifier/0",
            store=store or self.authority.file,
            world=world or self.pauses.world(),
        ) as client:
            yield client

    def fetch(  # noqa: PLR0913  each is one thing that some test varies
        self,
        path: str,
        script: Script | None = None,
        *,
        endpoint: Endpoint | None = None,
        max_bytes: int = 10_000,
        into: Path | None = None,
        bounds: Bounds = SHORT,
        proxies: Proxies | None = None,
        world: World | None = None,
        store: Path | None = None,
    ) -> Download:
        if script is not None:
            self.server.files[path] = script
        endpoint = endpoint or self.endpoint
        request = Request(endpoint.url + path, endpoint, max_bytes, into)
        with self.client(endpoint, bounds=bounds, proxies=proxies, world=world, store=store) as client:
            return client.ask(request).result(10)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    authority = Authority(tmp_path)
    with FileServer(authority.context()) as server:
        yield Ground(tmp_path, authority, server, Pauses())


@contextlib.contextmanager
def elsewhere(
    ground: Ground, context: ssl.SSLContext | None, files: Mapping[str, Script] | None = None
) -> Iterator[Ground]:
    """The same ground with another server."""
    with FileServer(context, files or {"/a": b"hello"}) as server:
        yield replace(ground, server=server)


# What arrives


def test_gives_bytes_digest_and_headers(ground: Ground) -> None:
    download = ground.fetch("/a", Answer(b"hello", headers=(("X-Checksum-Sha1", "abc"),)))

    assert (download.data, download.size, download.path) == (b"hello", 5, None)
    assert download.headers["x-checksum-sha1"] == "abc"
    assert download.url == download.final_url == ground.server.url + "/a"


def test_writes_a_new_private_file_and_keeps_nothing_in_memory(ground: Ground) -> None:
    body = os.urandom(300_000)

    download = ground.fetch("/a", body, into=ground.directory / "new", max_bytes=len(body))

    assert download.data == b""
    assert download.path == ground.directory / "new"
    assert (ground.directory / "new").read_bytes() == body
    assert (ground.directory / "new").stat().st_mode & 0o777 == 0o600
    assert download.path.read_bytes() == body


@pytest.mark.parametrize("link", [False, True])
def test_never_writes_over_what_is_there(ground: Ground, *, link: bool) -> None:
    path = ground.directory / "there"
    if link:
        path.symlink_to(ground.directory / "aim")
    else:
        path.write_bytes(b"precious")

    with pytest.raises(CacheError, match="cannot be written: File exists"):
        ground.fetch("/a", b"hello", into=path)

    assert link or path.read_bytes() == b"precious"
    assert not (ground.directory / "aim").exists()


def test_a_full_disk_is_one_clear_error(ground: Ground) -> None:
    path = ground.directory / "file"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A bound on file sizes ends a write as a full disk does: in the middle, with an error.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(CacheError, match="cannot be written: File too large") as caught:
            ground.fetch("/a", os.urandom(200_000), into=path, max_bytes=300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert caught.value.hint
    assert not path.exists()


def test_a_directory_that_is_not_there_is_one_clear_error(ground: Ground) -> None:
    with pytest.raises(CacheError, match="No such file"):
        ground.fetch("/a", b"hello", into=ground.directory / "missing" / "file")


def test_says_who_asks_and_that_bytes_are_wanted_as_they_are(ground: Ground) -> None:
    ground.fetch("/a", b"hello")

    headers = dict(ground.server.seen[0].headers)
    assert headers.pop("host") == f"localhost:{ground.server.port}"
    assert headers == {"accept": "*/*", "accept-encoding": "identity", "user-agent": "verifier/0"}


def test_sends_no_cookie_back(ground: Ground) -> None:
    ground.server.files["/a"] = Answer(b"hello", headers=(("Set-Cookie", "who=ann"),))

    with ground.client() as client:
        for _ in range(2):
            client.ask(Request(ground.server.url + "/a", ground.endpoint, 10)).result(10)

    assert all("cookie" not in seen.headers for seen in ground.server.seen)


def test_an_endpoint_that_it_was_not_made_with_is_a_mistake_of_the_caller(ground: Ground) -> None:
    stranger = replace(ground.endpoint, tls_pins=(OTHER_PIN,))

    with ground.client() as client, pytest.raises(ValueError, match="came too late"):
        client.ask(Request(ground.server.url + "/a", stranger, 10))


def test_asks_nothing_before_it_is_asked(ground: Ground) -> None:
    with ground.client():
        pass

    assert ground.server.connections == 0


# Bodies


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b""),
        Answer(b"", chunked=True),
        Answer(b"hello", chunked=True),
        Answer(b"hello", announced=-1),
        Answer(b"hello", headers=(("Content-Encoding", "identity"),)),
        Answer(raw=CHUNKED + b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: x\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        Answer(raw=b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        Answer(raw=CHUNKED + b"1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\nX-Checksum-Sha1: 0\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5 \t\r\n\r\nhello"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 \xe4\r\nX:\tcaf\xe9 \r\nContent-Length: 5\r\n\r\nhello"),
    ],
)
def test_takes_every_honest_framing(ground: Ground, answer: Answer) -> None:
    download = ground.fetch("/a", answer, max_bytes=5)

    assert download.data in (b"hello", b"")
    assert "x-checksum-sha1" not in download.headers  # nothing that comes after the body counts


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"hello!"),
        Answer(b"hello!", chunked=True),
        Answer(b"hello!", announced=-1),
        Answer(b"x" * 65536, repeat=0, announced=-1),
        Answer(b"", announced=10**15, hang=True),
    ],
)
def test_refuses_one_byte_over_the_bound(ground: Ground, answer: Answer) -> None:
    path = ground.directory / "file"

    for into in (None, path):
        with pytest.raises(TooLarge, match="over its bound"):
            ground.fetch("/a", answer, max_bytes=5, into=into)

    assert not path.exists()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"hell", announced=5, cut=True),
        Answer(b"hell", announced=5, close=True),
        Answer(b"hello", announced=-1, cut=True),
        Answer(raw=CHUNKED + b"5\r\nhel", close=True),
        Answer(raw=CHUNKED + b"5\r\nhello\r\n", close=True),
        Answer(raw=CHUNKED + b"5\r\nhello\r\n", cut=True),
    ],
)
def test_refuses_a_body_that_ends_too_early(ground: Ground, answer: Answer) -> None:
    path = ground.directory / "file"

    for into in (None, path):
        with pytest.raises(Truncated):
            ground.fetch("/a", answer, into=into)

    assert not path.exists()
    # An orderly end is the server's word; a cut may be the network's fault, and is tried again.
    assert ground.server.counts["/a"] == (2 * upstream.TRIES if answer.cut else 2)


def chunks(text: bytes) -> Answer:
    return Answer(raw=CHUNKED + text, close=True)


@pytest.mark.parametrize(
    "answer",
    [
        chunks(b"-1\r\nhello"),
        chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
        chunks(b"zz\r\nhello\r\n0\r\n\r\n"),
        chunks(b"\r\nhello\r\n0\r\n\r\n"),
        chunks(b"5\nhello\r\n0\r\n\r\n"),
        chunks(b"5\r\nhelloXX0\r\n\r\n"),
        chunks(b"5;" + b"x" * 200_000),
        chunks(b"5\r\nhello\r\n0\r\n" + b"T: x\r\n" * 50_000),
        chunks(b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        Answer(raw=b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", close=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 5\r\n\r\nhello"),
        chunks(b"1" * 70_000),
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\nhello"),
        Answer(b"\x1f\x8b", headers=(("Content-Encoding", "gzip"),)),
    ],
)
def test_refuses_framing_that_cannot_be_trusted(ground: Ground, answer: Answer) -> None:
    with pytest.raises(ServerError):
        ground.fetch("/a", answer)

    assert ground.server.counts["/a"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n", close=True),
        Answer(raw=b"HTTP/1.1 abc OK\r\n\r\n"),
        Answer(raw=b"HTTP/3.7 200 OK\r\n\r\n"),
        Answer(raw=b"HTTP/2.0 200 OK\r\n\r\n"),
        Answer(raw=b"RTSP/1.0 200 OK\r\n\r\n"),
        Answer(raw=b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Answer(raw=b"x" * 100_000, close=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", close=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\nA: " + b"b" * MAX_HEADER_BYTES + b"\r\n\r\n", close=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\n" + (b"A: " + b"b" * 2000 + b"\r\n") * 50 + b"\r\n", close=True),
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\n", repeat=0),
        Answer(raw=b"HTTP/1.1 101 Switching\r\n\r\n"),
    ],
)
def test_refuses_what_is_not_http(ground: Ground, answer: Answer) -> None:
    with pytest.raises(ServerError):
        ground.fetch("/a", answer)


@given(data=st.binary(max_size=300), head=st.sampled_from(HEADS))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_an_answer_or_one_of_our_errors(module_ground: Ground, data: bytes, head: bytes) -> None:
    with contextlib.suppress(ReasonedError):
        module_ground.fetch("/fuzz", Answer(raw=head + data, close=True), bounds=Bounds(1, 0.3, 0.5))


@pytest.fixture(scope="module")
def module_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    authority = Authority(tmp_path_factory.mktemp("module"))
    with FileServer(authority.context()) as server:
        yield Ground(authority.file.parent, authority, server, Pauses())


# Time


@pytest.mark.parametrize("answer", [Answer(b"hell", announced=5, hang=True), Answer(raw=b"HTTP/1.1 2", hang=True)])
def test_gives_up_when_nothing_comes(ground: Ground, answer: Answer) -> None:
    with pytest.raises(TimedOut, match="said nothing"):
        ground.fetch("/a", answer, bounds=Bounds(2, 0.2, 5), into=ground.directory / "file")

    assert not (ground.directory / "file").exists()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"x", announced=9000, repeat=9000, pause=0.02),
        Answer(raw=b"A", repeat=0, pause=0.02),
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\n", repeat=0, pause=0.02),
    ],
)
def test_a_drip_ends_at_the_total_time(ground: Ground, answer: Answer) -> None:
    started = time.monotonic()

    with pytest.raises(TimedOut, match="longer than the total time"):
        ground.fetch("/a", answer, bounds=Bounds(2, 1, 0.4))

    assert time.monotonic() - started < 2


class Deaf(Listener):
    """Accepts, and says nothing."""

    def serve(self, connection: object) -> None:
        self.stopping.wait(60)


def test_a_handshake_that_never_comes_is_bounded(ground: Ground) -> None:
    with Deaf() as deaf, pytest.raises(TimedOut, match=r"no connection to localhost within 0\.2 s"):
        ground.fetch("/a", endpoint=Endpoint("deaf", f"https://localhost:{deaf.port}"), bounds=Bounds(0.2, 2, 5))


def test_stopping_ends_what_is_under_way(ground: Ground) -> None:
    ground.server.files["/a"] = Answer(b"x", announced=9, hang=True)

    with Deaf() as deaf:
        deaf_end = Endpoint("deaf", f"https://localhost:{deaf.port}")
        with ground.client(ground.endpoint, deaf_end, bounds=Bounds(60, 60, 60)) as client:
            path = ground.directory / "file"
            reading = client.ask(Request(ground.server.url + "/a", ground.endpoint, 10, path))
            shaking = [client.ask(Request(deaf_end.url + "/a", deaf_end, 10)) for _ in range(3)]
            waiting = client.ask(Request(deaf_end.url + "/a", deaf_end, 10))
            while not (ground.server.seen and deaf.connections == 3):
                threading.Event().wait(0.01)
            started = time.monotonic()
        took = time.monotonic() - started

    assert took < 1
    assert waiting.cancelled()
    assert not path.exists()
    for future in (reading, *shaking):
        with pytest.raises(Unreachable, match="stopped"):
            future.result(0)


# Statuses and retries


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, NotFound), (410, NotFound), (401, Unauthorized), (403, Unauthorized), (400, ServerError), (418, ServerError),
     (204, ServerError), (206, ServerError), (304, ServerError), (300, ServerError)],
)  # fmt: skip
def test_a_status_that_stays_is_not_asked_again(ground: Ground, status: int, error: type[ReasonedError]) -> None:
    with pytest.raises(error):
        ground.fetch("/a", Answer(b"" if status in (204, 304) else b"no", status, bare=status in (204, 304)))

    assert ground.server.counts["/a"] == 1


def test_what_follows_an_answer_unasked_is_not_taken_for_the_next(ground: Ground) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    # A record of TLS holds 16,384 bytes: somewhere here one begins with the end of the honest body.
    fillers = [(("X", "x" * (16_384 - 120 + number)),) for number in range(0, 120, 2)]
    ground.server.files["/a"] = [Answer(b"hello" + evil, announced=5, headers=filler) for filler in fillers]
    ground.server.files["/b"] = b"honest"

    with ground.client() as client:
        for path, data in [("/a", b"hello"), ("/b", b"honest")] * len(fillers):
            got = client.ask(Request(ground.server.url + path, ground.endpoint, 9)).result(10)
            assert got.data == data


@pytest.mark.parametrize("body", [b"", b"no such file"])
def test_a_404_does_not_cost_the_connection(ground: Ground, body: bytes) -> None:
    ground.server.files["/none"] = Answer(body, 404)
    with ground.client() as client:
        for _ in range(5):
            with pytest.raises(NotFound):
                client.ask(Request(ground.server.url + "/none", ground.endpoint, 10)).result(10)

    assert ground.server.connections == 1
    assert ground.server.counts["/none"] == 5


@pytest.mark.parametrize("first", [Answer(b"", 500), Answer(b"", 503), Answer(b"", 408), Answer(raw=b"", reset=True),
                                   Answer(raw=b"", cut=True), Answer(b"x", announced=5, reset=True)])  # fmt: skip
def test_what_may_pass_is_tried_again(ground: Ground, first: Answer) -> None:
    path = ground.directory / "file"

    download = ground.fetch("/a", [first, first, Answer(b"hello")], into=path)

    assert download.size == 5
    assert path.read_bytes() == b"hello"
    assert ground.pauses.seconds == [0.2, 0.4]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(Answer(b"", 503), ServerError), (Answer(b"", 429), RateLimited), (Answer(b"", 408), TimedOut),
     (Answer(raw=b"", reset=True), Unreachable)],
)  # fmt: skip
def test_gives_up_after_three_tries(ground: Ground, answer: Answer, error: type[ReasonedError]) -> None:
    with pytest.raises(error):
        ground.fetch("/a", answer)

    assert ground.server.counts["/a"] == 3


@pytest.mark.parametrize(
    ("value", "wait"),
    [("3", 3.0), ("0", 0.2), ("Tue, 14 Nov 2023 22:13:24 GMT", 4.0), ("Tue, 14 Nov 2022 22:13:24 GMT", 0.2),
     ("soon", 0.2), ("-1", 0.2), ("9" * 400, 0.2)],
)  # fmt: skip
def test_waits_as_long_as_the_server_asks(ground: Ground, value: str, wait: float) -> None:
    busy = Answer(b"", 429, headers=(("Retry-After", value),))

    assert ground.fetch("/a", [busy, Answer(b"hello")]).data == b"hello"
    assert ground.pauses.seconds == [wait]


@given(value=st.one_of(st.text(max_size=40), st.text("0123456789:, -+ABCDEFGMNTUabcdefgmnt", max_size=40)))
@settings(max_examples=300, deadline=None)
def test_any_retry_after_is_a_time_or_nothing(value: str) -> None:
    wait = upstream._retry_after(value, lambda: 0.0)

    assert wait is None or wait >= 0


def test_does_not_wait_past_the_total_time(ground: Ground) -> None:
    with pytest.raises(RateLimited):
        ground.fetch("/a", Answer(b"", 429, headers=(("Retry-After", "3600"),)))

    assert ground.pauses.seconds == []
    assert ground.server.counts["/a"] == 1


def test_nobody_listening_is_unreachable(ground: Ground) -> None:
    with FileServer(ground.authority.context()) as gone:
        endpoint = Endpoint("gone", gone.url)

    with pytest.raises(Unreachable, match="Connection refused"):
        ground.fetch("/a", endpoint=endpoint)

    assert len(ground.pauses.seconds) == 2


def test_a_name_that_does_not_exist_is_unreachable(ground: Ground) -> None:
    with pytest.raises(Unreachable, match="cannot be resolved"):
        ground.fetch("/a", endpoint=Endpoint("nowhere", "https://repo.invalid"))


# TLS

PAST, FUTURE, DAY = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC), dt.timedelta(1)


def old_protocol(ground: Ground) -> ssl.SSLContext:
    context = ground.authority.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def weak_key(ground: Ground) -> ssl.SSLContext:
    return ground.authority.odd_context(ground.directory, key=rsa.generate_private_key(65537, 1024))  # noqa: S505  on purpose


WRONG: dict[str, tuple[Callable[[Ground], ssl.SSLContext | None], str]] = {
    "expired": (lambda ground: ground.authority.context(not_before=PAST, not_after=PAST + DAY), "has expired"),
    "early": (lambda ground: ground.authority.context(not_before=FUTURE, not_after=FUTURE + DAY), "not yet valid"),
    "wrong-host": (lambda ground: ground.authority.context("other.example"), "hostname mismatch"),
    "unknown-ca": (lambda ground: Authority(ground.directory, "unknown").context(), "unable to get local issuer"),
    "self-signed": (lambda ground: self_signed_context(ground.directory), "self-signed"),
    "tls-1.1": (old_protocol, "older than TLS 1.2"),
    "rsa-1024": (weak_key, "too weak"),
    "plain-http": (lambda _: None, "does not speak TLS"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("through_proxy", [False, True])
def test_refuses_a_server_that_cannot_be_trusted(ground: Ground, wrong: str, *, through_proxy: bool) -> None:
    make, words = WRONG[wrong]
    with elsewhere(ground, make(ground)) as there, ConnectProxy() as proxy:
        endpoint = Endpoint("there", f"https://localhost:{there.server.port}")
        proxies = read_proxies({"HTTPS_PROXY": proxy.url} if through_proxy else {})

        with pytest.raises(TlsUntrusted, match=words):
            there.fetch("/a", endpoint=endpoint, proxies=proxies)

        assert len(proxy.tunnels) == through_proxy
        assert there.server.counts["/a"] == 0
        assert there.pauses.seconds == []


@pytest.mark.parametrize(
    "name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONHTTPSVERIFY"]
)
def test_no_variable_adds_an_authority(ground: Ground, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Authority(ground.directory, "other")
    monkeypatch.setenv(name, "0" if name == "PYTHONHTTPSVERIFY" else str(other.file))

    with elsewhere(ground, other.context()) as there, pytest.raises(TlsUntrusted):
        there.fetch("/a")


def test_certifi_is_never_asked(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    certifi = pytest.importorskip("certifi")
    loaded = []
    load = ssl.SSLContext.load_verify_locations

    def record(self: ssl.SSLContext, cafile: object = None, capath: object = None, cadata: object = None) -> None:
        loaded.append(cafile)
        load(self, cafile, capath, cadata)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", record)

    ground.fetch("/a", b"hello")

    assert loaded == [ground.authority.file]
    assert certifi.where() not in map(str, loaded)


def test_session_keys_are_never_written(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(ground.directory / "keys"))

    ground.fetch("/a", b"hello")

    assert not (ground.directory / "keys").exists()


def test_a_redirect_is_refused_where_none_is_followed(ground: Ground) -> None:
    ground.server.files |= {"/a": redirect("/b"), "/b": b"hello"}
    request = Request(f"{ground.server.url}/a", ground.endpoint, 100, follow=False)

    with ground.client() as client, pytest.raises(RedirectRefused, match="none is followed"):
        client.ask(request).result(10)
    assert ground.server.counts["/b"] == 0


def test_a_ca_file_stands_in_place_of_the_store(ground: Ground) -> None:
    other = Authority(ground.directory, "other")
    with elsewhere(ground, other.context()) as there:
        own = replace(there.endpoint, ca_file=other.file)
        assert there.fetch("/a", endpoint=own).data == b"hello"

    with pytest.raises(TlsUntrusted):
        ground.fetch("/a", b"hello", endpoint=replace(ground.endpoint, ca_file=other.file))


def test_a_ca_file_counts_for_its_own_origin_alone(ground: Ground) -> None:
    other = Authority(ground.directory, "other")
    with elsewhere(ground, other.context()) as there:
        ground.server.files["/a"] = redirect(there.server.url + "/a")

        with pytest.raises(TlsUntrusted):
            ground.fetch("/a", endpoint=replace(ground.endpoint, ca_file=ground.authority.file))


def test_a_missing_ca_file_is_an_error_of_ours_and_the_store_is_read_at_first_use(ground: Ground) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        ground.fetch("/a", b"hello", store=ground.directory / "missing")

    with ground.client(store=ground.directory / "missing"):
        pass


def pin(ground: Ground) -> str:
    certificate = ssl.get_server_certificate(("localhost", ground.server.port))
    return tls.pin_of(ssl.PEM_cert_to_DER_cert(certificate))


@pytest.mark.parametrize("through", ["nothing", "http", "https"])
def test_a_pinned_key_is_accepted_and_another_refused_before_anything_is_asked(ground: Ground, through: str) -> None:
    ground.server.files["/a"] = b"hello"
    context = ground.authority.context() if through == "https" else None
    with ConnectProxy(context=context) as proxy:
        proxies = Proxies() if through == "nothing" else read_proxies({"HTTPS_PROXY": proxy.url})
        good = replace(ground.endpoint, tls_pins=(OTHER_PIN, pin(ground)))
        bad = replace(ground.endpoint, tls_pins=(OTHER_PIN,), credentials=Credentials("ann", "secret"))

        assert ground.fetch("/a", endpoint=good, proxies=proxies).data == b"hello"
        with pytest.raises(TlsPinMismatch) as caught:
            ground.fetch("/a", endpoint=bad, proxies=proxies)

    assert caught.value.expected is not None
    assert caught.value.expected.value == OTHER_PIN
    assert ground.server.counts["/a"] == 1


def test_two_repositories_at_one_origin_must_agree(ground: Ground) -> None:
    other = replace(ground.endpoint, name="other", url=ground.server.url + "/other")

    for differing in (replace(other, tls_pins=(OTHER_PIN,)), replace(other, ca_file=ground.authority.file)):
        with pytest.raises(ConfigError, match="company and other"), ground.client(ground.endpoint, differing):
            pass
    with ground.client(ground.endpoint, other):
        pass


@pytest.mark.parametrize(
    ("url", "error"),
    [("http://repo.example/a", InsecureTransport), ("ftp://repo.example/a", InsecureTransport),
     ("file:///etc/passwd", InsecureTransport), ("https://ann:secret@repo.example/a", ServerError),
     ("https:///a", ServerError), ("https://repo.example:0/a", ServerError),
     ("https://repo.example:99999/a", ServerError), ("https://[::1/a", ServerError),
     ("https://repo.example/a b", ServerError), ("https://repo.example/\r\nX: y", ServerError),
     ("https://repo.example/é", ServerError), ("https://repo.example/" + "a" * 9000, ServerError)],
)  # fmt: skip
def test_asks_over_https_alone(ground: Ground, url: str, error: type[ReasonedError]) -> None:
    with ground.client() as client, pytest.raises(error) as caught:
        client.ask(Request(url, ground.endpoint, 10)).result(10)

    assert "secret" not in f"{caught.value} {caught.value.received}"


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b", "b", "{url}/b", "/b#fragment", "?x"])
def test_follows_a_redirect(ground: Ground, status: int, location: str) -> None:
    ground.server.files |= {"/b": b"hello", "/a?x": b"hello"}

    download = ground.fetch("/a", redirect(location.replace("{url}", ground.server.url), status))

    assert download.data == b"hello"
    assert download.url == ground.server.url + "/a"
    assert download.final_url in (ground.server.url + "/b", ground.server.url + "/a?x")


@pytest.mark.parametrize(
    ("location", "error"),
    [("http://localhost/b", InsecureTransport), ("//[::1", ServerError), ("https://ann:pw@localhost/", ServerError),
     ("", ServerError), ("https://localhost:x/", ServerError), ("\xff\xfe", ServerError),
     ("/" + "a" * 9000, ServerError), ("file:///etc/passwd", InsecureTransport), ("/b c", ServerError)],
)  # fmt: skip
def test_refuses_a_redirect_to_anything_but_https(ground: Ground, location: str, error: type[ReasonedError]) -> None:
    with pytest.raises(error):
        ground.fetch("/a", redirect(location))

    assert ground.server.counts.total() == 1


@pytest.mark.parametrize(
    "host",
    ["a" * 70, "a..b", "[fe80::1%25eth0]", "[v1.x]", "%00", "999.1.1.1", "a_b%41", "*", ".", "..", "[::1", "xn--a"],
)
def test_a_redirect_to_an_odd_host_is_one_of_our_errors(ground: Ground, host: str) -> None:
    with pytest.raises(ReasonedError):
        ground.fetch("/a", redirect(f"https://{host}/b"), bounds=Bounds(0.2, 0.2, 0.5))


def test_refuses_a_redirect_without_location(ground: Ground) -> None:
    with pytest.raises(ServerError, match="names no location"):
        ground.fetch("/a", Answer(b"", 302))


def test_five_redirects_are_followed_and_a_sixth_is_refused(ground: Ground) -> None:
    ground.server.files |= {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(6)}
    ground.server.files["/6"] = b"hello"

    assert ground.fetch("/1").data == b"hello"
    with pytest.raises(RedirectRefused, match="too many"):
        ground.fetch("/0")


def test_refuses_a_circle(ground: Ground) -> None:
    ground.server.files |= {"/a": redirect("/b"), "/b": redirect("/a")}

    with pytest.raises(RedirectRefused, match="circle"):
        ground.fetch("/a")

    assert ground.server.counts == {"/a": 1, "/b": 1}


def test_does_not_read_a_redirects_endless_body(ground: Ground) -> None:
    ground.server.files["/b"] = b"hello"
    endless = Answer(b"x" * 65536, 302, (("Location", "/b"),), announced=10**12, repeat=0)

    assert ground.fetch("/a", endless, bounds=Bounds(1, 1, 3)).data == b"hello"


def test_credentials_go_to_their_own_origin_alone(ground: Ground) -> None:
    ground.server.files["/a"] = redirect("/b")
    endpoint = replace(ground.endpoint, credentials=Credentials("änn", "secret"))
    with elsewhere(ground, ground.authority.context(), {"/c": redirect(ground.server.url + "/d")}) as there:
        ground.server.files |= {"/b": redirect(there.server.url + "/c"), "/d": b"hello"}

        ground.fetch("/a", endpoint=endpoint)

        authorizations = [seen.headers.get("authorization") for seen in ground.server.seen]
        assert authorizations == [basic("änn", "secret")] * 3
        assert "authorization" not in there.server.seen[0].headers


def public_is(*addresses: str) -> World:
    return World(is_public=lambda address: address in addresses)


def test_refuses_a_step_from_a_public_to_a_private_address(ground: Ground) -> None:
    context = ground.authority.context("127.0.0.2", "localhost")
    with FileServer(context, name="127.0.0.2", address="127.0.0.2") as public:
        public.files |= {"/a": redirect(ground.server.url + "/b"), "/c": redirect("/d"), "/d": b"hello"}
        ground.server.files |= {"/b": b"secret", "/e": redirect(public.url + "/d"), "/f": redirect(public.url + "/a")}
        outside = Endpoint("outside", public.url)

        with pytest.raises(RedirectRefused, match="from a public to a private address"):
            ground.fetch("/a", endpoint=outside, world=public_is("127.0.0.2"))
        assert ground.server.connections == 0
        assert ground.fetch("/c", endpoint=outside, world=public_is("127.0.0.2")).data == b"hello"
        assert ground.fetch("/e", world=public_is("127.0.0.2")).data == b"hello"
        with pytest.raises(RedirectRefused):
            ground.fetch("/f", world=public_is("127.0.0.2"))
        assert ground.fetch("/a", endpoint=outside, world=public_is()).data == b"secret"


def test_refuses_that_step_also_over_a_connection_that_is_open_already(ground: Ground) -> None:
    with FileServer(ground.authority.context("127.0.0.2"), name="127.0.0.2", address="127.0.0.2") as public:
        public.files["/a"] = redirect(ground.server.url + "/b")
        ground.server.files["/b"] = b"secret"
        outside = Endpoint("outside", public.url)
        with ground.client(ground.endpoint, outside, world=public_is("127.0.0.2")) as client:
            assert client.ask(Request(ground.server.url + "/b", ground.endpoint, 10)).result(10).data == b"secret"

            with pytest.raises(RedirectRefused):
                client.ask(Request(public.url + "/a", outside, 10)).result(10)

    assert ground.server.counts["/b"] == 1


def test_behind_a_proxy_a_literal_private_address_is_refused(ground: Ground) -> None:
    ground.server.files["/a"] = redirect(f"https://127.0.0.1:{ground.server.port}/b")
    with ConnectProxy() as proxy, pytest.raises(RedirectRefused):
        ground.fetch("/a", proxies=read_proxies({"HTTPS_PROXY": proxy.url}), world=World())

    assert len(proxy.tunnels) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [("192.0.2.1", False), ("8.8.8.8", True), ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False),
     ("0.1.2.3", False), ("224.0.0.1", False), ("::1", False), ("fe80::1%eth0", False), ("fd00::1", False),
     ("::ffff:10.0.0.1", False), ("::ffff:8.8.8.8", True), ("2606:4700::1111", True), ("100.64.0.1", False)],
)  # fmt: skip
def test_knows_the_open_internet(address: str, *, public: bool) -> None:
    assert is_public(address) is public


# Proxies


def test_goes_through_the_proxy_with_its_credentials_and_tells_the_server_nothing_of_it(ground: Ground) -> None:
    with ConnectProxy(authorization=("pat", "pw")) as proxy:
        url = proxy.url.replace("//", "//pat:pw@")

        assert ground.fetch("/a", b"hello", proxies=read_proxies({"HTTPS_PROXY": url})).data == b"hello"

    assert [tunnel.target for tunnel in proxy.tunnels] == [f"localhost:{ground.server.port}"]
    assert "proxy-authorization" not in ground.server.seen[0].headers


def test_a_proxy_that_wants_credentials_is_unauthorized(ground: Ground) -> None:
    with ConnectProxy(authorization=("pat", "pw")) as proxy, pytest.raises(Unauthorized, match="407"):
        ground.fetch("/a", b"hello", proxies=read_proxies({"HTTPS_PROXY": proxy.url}))


@pytest.mark.parametrize(("refusal", "tries"), [(b"HTTP/1.1 403 No", 1), (b"HTTP/1.1 502 No", 3), (b"garbage", 1)])
def test_a_proxy_that_refuses_is_unreachable(ground: Ground, refusal: bytes, tries: int) -> None:
    with ConnectProxy(refusal=refusal) as proxy, pytest.raises(Unreachable):
        ground.fetch("/a", b"hello", proxies=read_proxies({"HTTPS_PROXY": proxy.url}))

    assert len(proxy.tunnels) == tries


def test_a_host_of_no_proxy_is_asked_directly(ground: Ground) -> None:
    with ConnectProxy() as proxy:
        proxies = read_proxies({"HTTPS_PROXY": proxy.url, "NO_PROXY": f"localhost:{ground.server.port}"})

        assert ground.fetch("/a", b"hello", proxies=proxies).data == b"hello"

    assert proxy.tunnels == []


def test_a_proxy_over_tls_must_be_trusted_itself(ground: Ground) -> None:
    with ConnectProxy(context=ground.authority.context()) as proxy:
        assert ground.fetch("/a", b"hello", proxies=read_proxies({"HTTPS_PROXY": proxy.url})).data == b"hello"
    with (
        ConnectProxy(context=Authority(ground.directory, "x").context()) as proxy,
        pytest.raises(TlsUntrusted, match="the proxy localhost"),
    ):
        ground.fetch("/a", b"hello", proxies=read_proxies({"HTTPS_PROXY": proxy.url}))


def test_a_cut_is_noticed_through_a_proxy_over_tls_too(ground: Ground) -> None:
    with ConnectProxy(context=ground.authority.context()) as proxy, pytest.raises(Truncated):
        ground.fetch("/a", Answer(b"hello", announced=-1, cut=True), proxies=read_proxies({"HTTPS_PROXY": proxy.url}))


def test_a_proxy_that_breaks_tls_is_refused_and_learns_nothing(ground: Ground) -> None:
    endpoint = replace(ground.endpoint, credentials=Credentials("ann", "secret"))
    with elsewhere(ground, Authority(ground.directory, "evil").context()) as evil, BreakingProxy(evil.server) as proxy:
        with pytest.raises(TlsUntrusted):
            ground.fetch("/a", endpoint=endpoint, proxies=read_proxies({"HTTPS_PROXY": proxy.url}))

        assert len(proxy.tunnels) == 1
        assert evil.server.seen == []


def test_a_tunnel_that_drips_ends_at_the_total_time(ground: Ground) -> None:
    class Dripping(ConnectProxy):
        def tunnel(self, connection: object, port: int) -> None:
            raise AssertionError

        def serve(self, connection: object) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")  # type: ignore[attr-defined]  # a socket
            while not self.stopping.wait(0.02):
                connection.sendall(b"A: b\r\n")  # type: ignore[attr-defined]  # a socket

    with Dripping() as proxy, pytest.raises(TimedOut, match="total time"):
        ground.fetch("/a", proxies=read_proxies({"HTTPS_PROXY": proxy.url}), bounds=Bounds(2, 2, 0.4))


# Staying small


def test_threads_descriptors_and_connections_stay_flat(ground: Ground) -> None:
    def hello(seen: Seen) -> Answer:
        return Answer(b"x" * 100, 200 if seen.path.endswith("0") else 404)

    ground.server.files |= {f"/{number}": hello for number in range(10)}
    before = Count()
    with ground.client() as client:

        def ask(count: int) -> None:
            requests = [Request(f"{ground.server.url}/{n % 10}", ground.endpoint, 1000) for n in range(count)]
            for future in [client.ask(request) for request in requests]:
                with contextlib.suppress(NotFound):
                    future.result(10)

        ask(50)
        warm = Count()
        ask(1000)
        after = Count()
        assert (after.threads, after.descriptors) <= (warm.threads, warm.descriptors)

    assert ground.server.connections <= 4
    ground.server.stop()
    assert Count().threads <= before.threads


def test_who_waits_for_a_name_that_is_being_looked_up_hears_of_the_end(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, heard = threading.Event(), threading.Event()

    def look_up(*_: object) -> list[object]:
        asked.set()
        heard.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        with ground.client() as client:
            future = client.ask(Request(f"{ground.server.url}/a", ground.endpoint, 10))
            assert asked.wait(10)

        assert isinstance(future.exception(1), Unreachable)
    finally:
        heard.set()


def test_a_large_file_does_not_grow_in_memory(ground: Ground) -> None:
    size = 64 * 1024 * 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    ground.fetch(
        "/a", Answer(b"x" * 65536, announced=size, repeat=1024), into=ground.directory / "file", max_bytes=size
    )

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (ground.directory / "file").stat().st_size == size
    assert grown < 16 * 1024


def test_secrets_do_not_show(ground: Ground) -> None:
    endpoint = replace(ground.endpoint, credentials=Credentials("ann", "secret"))
    encoded = base64.b64encode(b"ann:secret").decode()

    for status in (401, 404, 500):
        with pytest.raises(ReasonedError) as caught:
            ground.fetch("/a", Answer(b"", status), endpoint=endpoint)
        shown = f"{caught.value!r} {caught.value.received} {endpoint!r}"
        assert "secret" not in shown
        assert encoded not in shown
