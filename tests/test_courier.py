"""The transport in another process: what it brings is what an `Upstream` brings, and it leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path

import pytest
from servers import Answer, Authority, ConnectProxy, Count, FileServer, basic, redirect

import verifier
from verifier import courier
from verifier.courier import Courier
from verifier.credentials import Credentials
from verifier.errors import ConfigError, NotFound, ReasonedError, TlsUntrusted, Unreachable, VerifierError
from verifier.proxies import Proxies, read_proxies
from verifier.transport import Bounds, Download, Endpoint, Request, Transport
from verifier.upstream import Upstream

SHORT = Bounds(connect=2, stall=2, total=5)
PIN = "sha256/" + "A" * 43 + "="


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[FileServer]:
    with FileServer(authority.context()) as server:
        yield server


@pytest.fixture
def endpoint(authority: Authority, server: FileServer) -> Endpoint:
    return Endpoint("company", server.url, authority.file)


@contextlib.contextmanager
def couriers(*endpoints: Endpoint, bounds: Bounds = SHORT, proxies: Proxies | None = None) -> Iterator[Courier]:
    transport = Courier(
        endpoints, bounds, connections=4, proxies=proxies or Proxies(), user_agent="verifier/0", libraries={}
    )
    transport.start()
    try:
        yield transport
    finally:
        transport.stop()


@contextlib.contextmanager
def upstreams(*endpoints: Endpoint) -> Iterator[Upstream]:
    with Upstream(endpoints, SHORT, connections=4, proxies=Proxies(), user_agent="verifier/0") as transport:
        yield transport


def fetched(transport: Transport, endpoint: Endpoint, path: str = "/a", into: Path | None = None) -> Download:
    return transport.ask(Request(endpoint.url + path, endpoint, 1000, into)).result(10)


def process_of(transport: Courier) -> int:
    assert transport._round is not None
    return transport._round._process.pid


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_brings_what_an_upstream_brings(server: FileServer, endpoint: Endpoint, tmp_path: Path) -> None:
    server.files["/a"] = Answer(b"hello \xff\x00", headers=(("X-Checksum-Sha1", "abc"), ("X-Odd", "caf\xe9")))
    odd = tmp_path / os.fsdecode(b"odd \xff name")

    with couriers(endpoint) as ours, upstreams(endpoint) as plain:
        in_memory = [fetched(one, endpoint) for one in (ours, plain)]
        in_file = fetched(ours, endpoint, into=odd)

    assert in_memory[0] == in_memory[1]
    assert (in_file.path, in_file.data, in_file.size) == (odd, b"", 8)
    assert odd.read_bytes() == b"hello \xff\x00"
    assert odd.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda answers, one, _: (answers, one),  # nothing is there
        lambda answers, one, _: (answers | {"/a": Answer(b"x" * 1001)}, one),
        lambda answers, one, _: (answers | {"/a": Answer(b"hell", announced=5, close=True)}, one),
        lambda answers, one, _: (answers | {"/a": Answer(raw=b"SSH-2.0\r\n", close=True)}, one),
        lambda answers, one, _: (answers | {"/a": Answer(b"", 401)}, one),
        lambda answers, one, _: (answers | {"/a": redirect("http://other.example/")}, one),
        lambda answers, one, _: (answers | {"/a": redirect("/a")}, one),
        lambda answers, one, _: (answers | {"/a": b"hello"}, replace(one, tls_pins=(PIN,))),
        lambda answers, one, _: (answers | {"/a": b"hello"}, replace(one, ca_file=None)),
        lambda answers, one, path: (answers | {"/a": b"hello"}, replace(one, ca_file=path / "none.pem")),
    ],
)
def test_every_error_is_the_one_that_an_upstream_raises(
    change: Callable[..., tuple[dict[str, Answer | bytes], Endpoint]],
    server: FileServer,
    endpoint: Endpoint,
    tmp_path: Path,
) -> None:
    answers, endpoint = change({}, endpoint, tmp_path)
    server.files |= answers
    errors: list[VerifierError] = []

    for made in (couriers, upstreams):
        with made(endpoint) as transport, pytest.raises(VerifierError) as caught:
            fetched(transport, endpoint)
        errors.append(caught.value)

    assert type(errors[0]) is type(errors[1])
    assert vars(errors[0]) == vars(errors[1])


def test_what_is_in_the_way_of_a_file_is_a_cache_error(server: FileServer, endpoint: Endpoint, tmp_path: Path) -> None:
    server.files["/a"] = b"hello"
    (tmp_path / "there").touch()

    with couriers(endpoint) as ours, upstreams(endpoint) as plain:
        errors = [one.ask(Request(f"{endpoint.url}/a", endpoint, 9, tmp_path / "there")).exception(10)
                  for one in (ours, plain)]  # fmt: skip

    assert vars(errors[0] or object()) == vars(errors[1] or object())


def test_credentials_proxy_and_user_agent_go_with_it(server: FileServer, endpoint: Endpoint) -> None:
    server.files["/a"] = b"hello"
    endpoint = replace(endpoint, credentials=Credentials("ann", "secret"))

    with ConnectProxy(authorization=("bob", "word")) as proxy:
        address = proxy.url.replace("//", "//bob:word@")
        with couriers(endpoint, proxies=read_proxies({"HTTPS_PROXY": address})) as ours:
            fetched(ours, endpoint)
            shown = Path(f"/proc/{process_of(ours)}/cmdline").read_bytes()
        assert proxy.tunnels

    assert server.seen[-1].headers["authorization"] == basic("ann", "secret")
    assert server.seen[-1].headers["user-agent"] == "verifier/0"
    assert b"secret" not in shown
    assert b"word" not in shown


def test_two_repositories_at_one_origin_must_agree_already_here(endpoint: Endpoint) -> None:
    with pytest.raises(ConfigError), couriers(endpoint, replace(endpoint, name="other", ca_file=None)):
        pass


def test_an_endpoint_that_it_was_not_made_with_is_a_mistake_of_the_caller(endpoint: Endpoint) -> None:
    with couriers(endpoint) as ours, pytest.raises(ValueError, match="came too late"):
        ours.ask(Request(endpoint.url, replace(endpoint, name="other"), 9))


# The process


def test_there_is_no_process_before_something_is_asked(server: FileServer, endpoint: Endpoint) -> None:
    server.files["/a"] = b"hello"
    before = Count()

    with couriers(endpoint) as ours:
        assert ours._round is None
        assert Count().threads == before.threads
        fetched(ours, endpoint)
        pid = process_of(ours)
        assert is_alive(pid)

    assert not is_alive(pid)
    end = time.monotonic() + 5
    while Count() != before and time.monotonic() < end:
        threading.Event().wait(0.01)  # until the server has noticed too
    assert (Count().threads, Count().descriptors) == (before.threads, before.descriptors)


def test_one_process_serves_all(server: FileServer, endpoint: Endpoint) -> None:
    server.files["/a"] = b"hello"
    with couriers(endpoint) as ours:

        def ask(count: int) -> None:
            for future in [ours.ask(Request(f"{endpoint.url}/a", endpoint, 9)) for _ in range(count)]:
                future.result(10)

        ask(50)  # the server has a thread for each connection then
        pid, before = process_of(ours), Count()
        ask(1000)
        assert process_of(ours) == pid
        assert (Count().threads, Count().descriptors) == (before.threads, before.descriptors)

    assert server.connections <= 4


def test_it_has_nothing_of_ours(server: FileServer, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("OPENSSL_CONF", "/nonexistent")
    server.files["/a"] = b"hello"

    with Path(__file__).open() as secret, couriers(endpoint) as ours:  # a descriptor that could be handed on
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003  (os takes no name)
        assert fetched(ours, endpoint).data == b"hello"
        process = Path(f"/proc/{process_of(ours)}")
        assert (process / "environ").read_bytes() == b""
        held = {str(one.readlink()) for one in (process / "fd").iterdir()}
        assert __file__ not in held
        assert os.getsid(int(process.name)) == int(process.name) != os.getsid(0)


def test_what_judges_loads_nothing_that_talks_to_the_network() -> None:
    program = "import sys, verifier.cli.fetch; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert "verifier" in loaded
    assert not {"requests", "urllib3", "httptools"} & set(loaded)


def test_stopping_ends_what_is_under_way(server: FileServer, endpoint: Endpoint, tmp_path: Path) -> None:
    server.files["/a"] = Answer(b"x", announced=9, hang=True)

    with couriers(endpoint, bounds=Bounds(60, 60, 60)) as ours:
        reading = ours.ask(Request(f"{endpoint.url}/a", endpoint, 10, tmp_path / "file"))
        while not server.seen:
            threading.Event().wait(0.01)
        started = time.monotonic()
    took = time.monotonic() - started

    assert took < 1
    assert isinstance(reading.exception(0), Unreachable)
    assert "was stopped" in str(reading.exception(0))
    late = ours.ask(Request(f"{endpoint.url}/a", endpoint, 10))
    assert late.cancelled()
    assert wait([late], 1).not_done == set()


def test_a_process_that_is_killed_fails_what_it_had_and_another_takes_its_place(
    server: FileServer, endpoint: Endpoint
) -> None:
    server.files |= {"/a": b"hello", "/slow": Answer(b"x", announced=9, hang=True)}

    with couriers(endpoint) as ours:
        fetched(ours, endpoint)
        pid = process_of(ours)
        slow = ours.ask(Request(f"{endpoint.url}/slow", endpoint, 10))
        os.kill(pid, signal.SIGKILL)

        with pytest.raises(Unreachable, match="has ended") as caught:
            slow.result(10)
        assert caught.value.received is not None
        assert caught.value.received.value == "status -9"
        assert fetched(ours, endpoint).data == b"hello"
        assert process_of(ours) != pid


@pytest.mark.parametrize(
    "program", ["raise SystemExit(3)", "import os; os.write(0, b'\\0\\0\\0\\2\\0\\0\\0\\0no' * 9)"]
)
def test_one_that_never_answers_is_not_started_again_and_again(
    program: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "_PROGRAM", program)

    with couriers(endpoint) as ours:
        for _ in range(3):
            with pytest.raises(Unreachable, match="has ended"):
                fetched(ours, endpoint)
        first = ours._round
        with pytest.raises(Unreachable):
            fetched(ours, endpoint)
        assert ours._round is first


def test_no_process_to_be_had_is_one_clear_error(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    before = Count().descriptors

    with couriers(endpoint) as ours, pytest.raises(ConfigError, match="cannot be started") as caught:
        fetched(ours, endpoint)

    assert caught.value.hint
    assert Count().descriptors == before


def test_it_ends_with_the_one_that_started_it(endpoint: Endpoint, server: FileServer) -> None:
    server.files["/a"] = Answer(b"x", announced=9, hang=True)
    program = f"""
import sys, time
from pathlib import Path
from verifier.courier import Courier
from verifier.proxies import Proxies
from verifier.transport import Bounds, Endpoint, Request
endpoint = Endpoint("company", {endpoint.url!r}, Path({str(endpoint.ca_file)!r}))
ours = Courier([endpoint], Bounds(60, 60, 60), connections=2, proxies=Proxies(), user_agent="v", libraries={{}})
ours.ask(Request(endpoint.url + "/a", endpoint, 10))
print(ours._round._process.pid, flush=True)
time.sleep(60)
"""
    root = str(Path(verifier.__file__).parents[1])
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": root}) as parent:  # fmt: skip
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        while not server.seen:
            threading.Event().wait(0.01)
        parent.kill()

    end = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < end:
        threading.Event().wait(0.01)
    assert not is_alive(pid)


def test_what_is_given_up_is_not_kept(server: FileServer, endpoint: Endpoint, tmp_path: Path) -> None:
    gate = threading.Event()
    server.files |= {"/a": Answer(b"hello", gate=gate), "/b": b"hello"}

    with couriers(endpoint) as ours:
        given_up: Future[Download] = ours.ask(Request(f"{endpoint.url}/a", endpoint, 9, tmp_path / "file"))
        while not server.seen:
            threading.Event().wait(0.01)
        assert given_up.cancel()
        gate.set()
        end = time.monotonic() + 5
        while server.counts["/a"] < 1 or (time.monotonic() < end and list(ours._round._waiting)):  # type: ignore[union-attr]
            threading.Event().wait(0.01)
        fetched(ours, endpoint, "/b")
        assert not (tmp_path / "file").exists()


def test_what_is_given_up_before_it_began_is_not_asked_for(server: FileServer, endpoint: Endpoint) -> None:
    gate = threading.Event()
    server.files["/a"] = Answer(b"hello", gate=gate)

    with couriers(endpoint) as ours:
        held = [ours.ask(Request(f"{endpoint.url}/a", endpoint, 9)) for _ in range(4)]  # all its connections
        while server.counts["/a"] < 4:
            threading.Event().wait(0.01)
        behind = ours.ask(Request(f"{endpoint.url}/b", endpoint, 9))
        assert behind.cancel()
        threading.Event().wait(0.5)  # so that the process has heard of it
        after = ours.ask(Request(f"{endpoint.url}/c", endpoint, 9))
        gate.set()
        for one in held:
            one.result(10)
        with pytest.raises(NotFound):
            after.result(10)

    assert server.counts["/b"] == 0


def test_secrets_do_not_show(server: FileServer, endpoint: Endpoint) -> None:
    endpoint = replace(endpoint, credentials=Credentials("ann", "secret"))

    with couriers(endpoint) as ours, pytest.raises(ReasonedError) as caught:
        fetched(ours, endpoint)

    assert "secret" not in repr(vars(caught.value))


def test_no_variable_adds_an_authority(server: FileServer, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(endpoint.ca_file))
    server.files["/a"] = b"hello"
    bare = replace(endpoint, ca_file=None)

    with couriers(bare) as ours, pytest.raises(TlsUntrusted):
        fetched(ours, bare)
