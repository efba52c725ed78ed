"""Keys that come by themselves, from the command line down to loopback servers."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpgp_cases as cases
import pytest
from keyservers import KeyServerHost
from openpgp_cases import Signer, armour, certificate, certify, ed, lifetime, over_key, packet, reason, sign
from servers import Answer, Authority, FileServer, redirect

from verifier.cli.main import run

BORN, NOW = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)
SIGNED = NOW - timedelta(days=30)
OWNER, STRANGER = ed(0), ed(1)
KEY = OWNER.fingerprint
EXPIRED = certificate(OWNER, certify(OWNER, hashed=[lifetime(timedelta(days=365))]))
EXTENDED = certificate(OWNER, certify(OWNER, made=NOW - timedelta(days=60)))
REVOKED = certificate(OWNER, over_key(OWNER, 0x20, hashed=[reason(2)], made=SIGNED), certify(OWNER))
GONE = Answer(b"oops\n", 503)

Report = dict[str, object]


@dataclass
class Ground:
    """A repository, two key servers, a policy, and the command line in front of them."""

    directory: Path
    authority: Authority
    repository: FileServer
    hosts: tuple[KeyServerHost, KeyServerHost]
    capture: pytest.CaptureFixture[str]
    trust: str = f'keys = ["{KEY}"]'
    copy: bytes = b""
    servers: list[str] = field(default_factory=list)

    def publish(self, name: str = "widget", by: Signer = OWNER, made: datetime = SIGNED) -> None:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("org/example/Widget.class", name)
        path = f"/org/example/{name}/1.0/{name}-1.0.jar"
        signature = armour(packet(2, sign(by, data.getvalue(), made=made)))
        digest = hashlib.sha1(data.getvalue()).hexdigest()  # noqa: S324  what repositories publish
        self.repository.files |= {path: data.getvalue(), f"{path}.asc": signature, f"{path}.sha1": digest.encode()}

    def run(self, *arguments: str) -> tuple[int, str, str]:
        if self.copy:
            (self.directory / "verifier.keys").write_bytes(self.copy)
        files = 'files = ["verifier.keys"]' if self.copy else ""
        policy = self.directory / "verifier.toml"
        policy.write_text(
            f'[[repository]]\nid = "company"\nurl = "{self.repository.url}"\nca-file = "{self.authority.file}"\n'
            f'[require]\nstarter = false\n[[trust]]\nmatch = "org.example.*"\n{self.trust}\n'
            f"[keys]\n{files}\nservers = {json.dumps(self.servers)}\nca-file = {json.dumps(str(self.authority.file))}\n"
            '[limits]\nconnect = "2 s"\nstall = "2 s"\n'
        )
        status = run(["--policy", str(policy), "--cache", str(self.directory / "cache"), *arguments])
        shown = self.capture.readouterr()
        return status, shown.out, shown.err

    def fetch(self, *names: str, options: tuple[str, ...] = ()) -> list[Report]:
        coordinates = [f"org.example:{name}:1.0" for name in names or ("widget",)]
        _, out, _ = self.run(*options, "fetch", "--no-transitive", *coordinates, "--format", "json")
        artifacts: list[Report] = json.loads(out)["artifacts"]
        return artifacts


@pytest.fixture
def ground(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ground]:
    authority = Authority(tmp_path)
    context = authority.context()
    with FileServer(context) as repository, KeyServerHost(context) as first, KeyServerHost(context) as second:
        made = Ground(tmp_path, authority, repository, (first, second), capsys)
        made.servers = [first.hkp, second.vks]
        made.publish()
        yield made
        assert first.strange == second.strange == []


def serve(ground: Ground, *copies: bytes) -> None:
    for host, data in zip(ground.hosts, copies, strict=True):
        host.keys = {KEY: data} if data else {}


def code(report: list[Report]) -> object:
    (artifact,) = report
    return artifact["code"]


def hint(report: list[Report]) -> str:
    (artifact,) = report
    return str(artifact["hint"])


# A key that is absent


def test_an_absent_key_of_a_trusted_signer_comes_by_itself(ground: Ground) -> None:
    serve(ground, EXTENDED, b"")

    assert code(ground.fetch()) is None
    assert [host.asked for host in ground.hosts] == [[KEY], [KEY]]


def test_what_came_is_kept_and_not_asked_for_again(ground: Ground) -> None:
    serve(ground, EXTENDED, b"")
    ground.fetch()

    ground.publish("gadget")

    assert code(ground.fetch("gadget")) is None
    assert code(ground.fetch(options=("--offline",))) is None
    assert len(ground.hosts[0].asked) == 1


def test_many_files_of_one_signer_make_one_question(ground: Ground) -> None:
    serve(ground, EXTENDED, b"")
    names = [f"part{number}" for number in range(12)]
    for name in names:
        ground.publish(name)

    assert [artifact["code"] for artifact in ground.fetch(*names)] == [None] * 12
    assert [host.asked for host in ground.hosts] == [[KEY], [KEY]]


def test_nothing_is_fetched_for_an_untrusted_signer(ground: Ground) -> None:
    ground.publish(by=STRANGER)
    ground.hosts[0].keys = {STRANGER.fingerprint: certificate(STRANGER, certify(STRANGER))}

    assert code(ground.fetch()) == "key-untrusted"
    assert [host.asked for host in ground.hosts] == [[], []]


def test_nothing_is_fetched_for_an_untrusted_signer_whose_copy_has_expired(ground: Ground) -> None:
    ground.publish(by=STRANGER)
    ground.copy = certificate(STRANGER, certify(STRANGER, hashed=[lifetime(timedelta(days=365))]))

    (artifact,) = ground.fetch()

    assert artifact["status"] == "refused"
    assert [host.asked for host in ground.hosts] == [[], []]


def test_a_key_that_all_servers_deny_is_unknown(ground: Ground) -> None:
    report = ground.fetch()

    assert code(report) == "key-unknown"
    assert ground.hosts[0].url in hint(report)
    assert ground.hosts[1].url in hint(report)


def test_without_servers_an_absent_key_is_unknown(ground: Ground) -> None:
    ground.servers = []

    assert code(ground.fetch()) == "key-unknown"


@pytest.mark.parametrize("told", [GONE, redirect("https://repo.example/"), Answer(b"x", 429)])
def test_an_absent_key_is_unreachable_where_a_server_does_not_answer(ground: Ground, told: Answer) -> None:
    ground.hosts[1].told = told

    (artifact,) = ground.fetch()

    assert (artifact["status"], artifact["code"]) == ("unavailable", "unreachable")
    assert ground.hosts[1].url in json.dumps(artifact["received"])
    assert [signature["status"] for signature in artifact["signatures"]] == ["unreachable"]  # type: ignore[attr-defined]  # JSON


def test_offline_an_absent_key_is_offline_and_nobody_is_asked(ground: Ground) -> None:
    serve(ground, EXTENDED, b"")
    assert code(ground.fetch()) is None
    (ground.directory / "cache" / "keys" / f"{KEY}.pgp").unlink()

    assert code(ground.fetch(options=("--offline",))) == "offline"
    assert [len(host.asked) for host in ground.hosts] == [1, 1]


def test_a_lying_server_is_not_believed(ground: Ground) -> None:
    for host in ground.hosts:
        host.keys = {KEY: certificate(STRANGER, certify(STRANGER))}

    assert code(ground.fetch()) == "unreachable"


def test_a_poisoned_key_of_twenty_thousand_certifications_is_used_like_a_clean_one(ground: Ground) -> None:
    foreign = packet(2, sign(STRANGER, OWNER.form + cases.user_id(), 0x13, made=BORN))
    serve(ground, EXTENDED + foreign * 20_000, b"")

    assert code(ground.fetch()) is None
    assert (ground.directory / "cache" / "keys" / f"{KEY}.pgp").stat().st_size < 1000


# A copy that is expired


def test_an_expired_copy_is_refreshed_and_the_file_accepted(ground: Ground) -> None:
    ground.copy = EXPIRED
    serve(ground, EXPIRED, EXTENDED)

    assert code(ground.fetch()) is None
    assert [host.asked for host in ground.hosts] == [[KEY], [KEY]]


def test_a_copy_that_the_owner_did_not_extend_stays_expired(ground: Ground) -> None:
    ground.copy = EXPIRED
    serve(ground, EXPIRED, EXPIRED)

    report = ground.fetch()

    assert code(report) == "key-expired"
    assert "nothing new" in hint(report)
    assert "2020-01-01" in hint(report)


def test_an_expired_copy_stays_expired_where_servers_do_not_answer_and_the_hint_says_so(ground: Ground) -> None:
    ground.copy = EXPIRED
    for host in ground.hosts:
        host.told = GONE

    report = ground.fetch()

    assert code(report) == "key-expired"
    assert f"{ground.hosts[0].url} (server-error)" in hint(report)
    assert "2020-01-01" in hint(report)


def test_offline_an_expired_copy_stays_expired(ground: Ground) -> None:
    ground.copy = EXPIRED
    serve(ground, EXTENDED, b"")
    ground.fetch()
    (ground.directory / "cache" / "keys" / f"{KEY}.pgp").unlink()

    assert code(ground.fetch(options=("--offline",))) == "key-expired"


def test_an_expiry_that_policy_names_asks_nobody(ground: Ground) -> None:
    ground.copy = EXTENDED
    ground.trust += f"\nexpires = {SIGNED - timedelta(days=1):%Y-%m-%d}"

    assert code(ground.fetch()) == "key-expired"
    assert [host.asked for host in ground.hosts] == [[], []]


# A revocation


def test_a_revocation_that_is_picked_up_is_felt_at_the_next_use_of_a_cached_file(ground: Ground) -> None:
    ground.copy = EXTENDED
    assert code(ground.fetch()) is None

    serve(ground, EXTENDED, REVOKED)  # the first hides it
    status, out, _ = ground.run("keys", "refresh")

    assert status == 0
    assert "revoked" in out
    assert code(ground.fetch(options=("--offline",))) == "key-revoked"


def test_a_revocation_that_comes_with_the_key_refuses(ground: Ground) -> None:
    serve(ground, EXTENDED, REVOKED)

    assert code(ground.fetch()) == "key-revoked"


def test_a_forged_revocation_changes_nothing(ground: Ground) -> None:
    forged = over_key(OWNER, 0x20, STRANGER, hashed=[reason(2)])
    serve(ground, certificate(OWNER, forged, certify(OWNER)), b"")

    assert code(ground.fetch()) is None


def test_the_story_of_a_file_tells_who_was_asked(ground: Ground) -> None:
    serve(ground, EXTENDED, b"")
    ground.fetch()

    _, out, _ = ground.run("explain", "org.example:widget:1.0")

    assert f"asked for {KEY}: it was found" in out
