import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpgp_cases as cases
import pytest
from conftest import need
from keyservers import HTML_NOT_FOUND, KeyServerHost
from openpgp_cases import BORN, armour, bind, certificate, certify, ed, lifetime, over_key, packet, reason, rsa_signer
from servers import Answer, Authority

from verifier.cli.main import run
from verifier.openpgp.certificate import parse_certificates

NOW = datetime.now(UTC)
OWNER, STRANGER, WORKER, RSA = ed(0), ed(1), ed(2), rsa_signer()
KEY = OWNER.fingerprint
HONEST = certificate(OWNER, certify(OWNER), packet(14, WORKER.body), bind(OWNER, WORKER))
OTHER = certificate(STRANGER, certify(STRANGER, b"Eve \x1b[2J \xe2\x80\xae<eve@repo.example>"))
EXPIRED = certificate(OWNER, certify(OWNER, hashed=[lifetime(timedelta(days=365))]))
EXTENDED = certificate(
    OWNER,
    certify(OWNER, made=NOW - timedelta(days=3), hashed=[lifetime(NOW - BORN + timedelta(days=20))]),
)
REVOKED = certificate(OWNER, over_key(OWNER, 0x20, hashed=[reason(2)], made=NOW - timedelta(days=1)))


def block(data: bytes) -> bytes:
    return armour(data, "PUBLIC KEY BLOCK")


@dataclass
class Ground:
    """A policy, key servers, and the command line in front of them."""

    directory: Path
    authority: Authority
    host: KeyServerHost
    capture: pytest.CaptureFixture[str]
    trust: str = f'[[trust]]\nmatch = "org.example.*"\nkeys = ["{KEY}"]\n'
    files: list[str] = field(default_factory=list)
    servers: list[str] | None = None

    def run(self, *arguments: str, offline: bool = False) -> tuple[int, str, str]:
        servers = [self.host.vks] if self.servers is None else self.servers
        files = f"files = {json.dumps(self.files)}\n" if self.files else ""
        (self.directory / "verifier.toml").write_text(
            f"{self.trust}[keys]\n{files}servers = {json.dumps(servers)}\n"
            f"ca-file = {json.dumps(str(self.authority.file))}\n"
        )
        options = ["--policy", str(self.directory / "verifier.toml"), "--cache", str(self.directory / "cache")]
        status = run([*options, *(["--offline"] if offline else []), "keys", *arguments])
        shown = self.capture.readouterr()
        return status, shown.out, shown.err

    def write(self, name: str, data: bytes) -> str:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    @property
    def keys(self) -> Path:
        return self.directory / "verifier.keys"


@pytest.fixture
def ground(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ground]:
    authority = Authority(tmp_path)
    with KeyServerHost(authority.context()) as host:
        yield Ground(tmp_path, authority, host, capsys)
        assert host.strange == []


# find


def test_find_shows_what_a_key_says_of_itself_and_keeps_nothing(ground: Ground) -> None:
    ground.host.keys = {KEY: HONEST}

    status, out, err = ground.run("find", KEY)

    assert status == 0
    assert err == ""
    assert [line.split() for line in out.splitlines()][:4] == [
        [KEY],
        ["algorithm", "EdDSA", "255"],
        ["created", "2020-01-01"],
        ["expires", "never"],
    ]
    assert f"subkey     {WORKER.fingerprint}, EdDSA 255, signs" in out
    assert "user id    Jane <jane@repo.example>" in out
    assert not (ground.directory / "cache" / "keys").exists()


def test_find_gives_the_same_to_machines(ground: Ground) -> None:
    ground.host.keys = {KEY: HONEST, STRANGER.fingerprint: OTHER}

    status, out, _ = ground.run("find", KEY.lower(), STRANGER.fingerprint, "--format", "json")

    first, second = json.loads(out)
    assert status == 0
    assert first["keys"][0]["created"] == "2020-01-01T00:00:00Z"
    assert first["keys"][0]["subkeys"][0]["fingerprint"] == WORKER.fingerprint
    assert second["keys"][0]["user_ids"] == ["Eve \x1b[2J \u202e<eve@repo.example>"]


def test_find_escapes_what_would_move_a_terminal(ground: Ground) -> None:
    ground.host.keys = {STRANGER.fingerprint: OTHER}

    _, out, _ = ground.run("find", STRANGER.fingerprint)

    assert r"Eve \x1b[2J \u202e<eve@repo.example>" in out


def test_find_shows_a_revocation(ground: Ground) -> None:
    ground.host.keys = {KEY: REVOKED}

    _, out, _ = ground.run("find", KEY)

    assert "(compromised): refuses all its signatures" in out
    assert "says       nothing of itself" in out


@pytest.mark.parametrize(("told", "expected"), [(None, 1), (HTML_NOT_FOUND, 1), (Answer(b"", 503), 3)])
def test_find_says_whether_nobody_has_a_key_or_somebody_is_silent(
    ground: Ground, told: Answer | None, expected: int
) -> None:
    ground.host.told = told

    status, out, err = ground.run("find", KEY)

    assert (status, out) == (expected, "")
    assert KEY in err


@pytest.mark.parametrize("word", ["89ABCDEF01234567", "01234567", "jane@repo.example", "0x" + KEY])
def test_anything_but_a_full_fingerprint_is_wrong_usage(ground: Ground, word: str) -> None:
    for subcommand in ("find", "refresh", "export"):
        status, _, err = ground.run(subcommand, word)

        assert status == 2
        assert "full fingerprint" in err
    assert ground.host.asked == []


def test_offline_nobody_is_asked(ground: Ground) -> None:
    assert ground.run("find", KEY, offline=True)[0] == 3
    assert ground.run("refresh", offline=True)[0] == 3
    assert ground.host.asked == []


def test_without_key_servers_there_is_nobody_to_ask(ground: Ground) -> None:
    ground.servers = []

    for arguments in (("find", KEY), ("refresh",)):
        status, _, err = ground.run(*arguments)
        assert status == 2
        assert "names no key server" in err


# import


def test_import_makes_verifier_keys_beside_the_policy_and_says_to_list_it(ground: Ground) -> None:
    status, out, err = ground.run("import", ground.write("jane.asc", block(HONEST)))

    assert status == 0
    assert out == f"added    {KEY}\n"
    assert 'files = ["verifier.keys"]' in err
    assert [one.primary.fingerprint for one in parse_certificates(ground.keys.read_bytes())] == [KEY]


def test_import_adds_to_the_first_listed_file_and_replaces_nothing(ground: Ground) -> None:
    ground.files = ["verifier.keys"]
    ground.write("verifier.keys", b"kept by hand\n" + block(EXPIRED) + block(OTHER))

    status, out, err = ground.run("import", ground.write("newer.pgp", REVOKED))

    assert (status, out) == (0, f"changed  {KEY}\n")
    assert "hint" not in err
    first, second = sorted(parse_certificates(ground.keys.read_bytes()), key=lambda one: one.primary.fingerprint != KEY)
    assert first.revocation is not None
    assert first.expires is not None
    assert second.primary.fingerprint == STRANGER.fingerprint


def test_import_writes_the_same_file_whatever_came_first(ground: Ground) -> None:
    texts = []
    for order in ((HONEST, OTHER), (OTHER, HONEST)):
        for data in order:
            ground.run("import", ground.write("one.asc", block(data)))
        texts.append(ground.keys.read_text())
        ground.keys.unlink()

    assert texts[0] == texts[1]
    fingerprints = [line for line in texts[0].splitlines() if len(line) == 40 and line.isupper()]
    assert sorted(fingerprints) == fingerprints == sorted([KEY, STRANGER.fingerprint])
    assert "\x1b" not in texts[0]


def test_import_of_what_is_known_writes_nothing(ground: Ground) -> None:
    path = ground.write("jane.asc", block(HONEST))
    ground.run("import", path)
    before = ground.keys.stat()

    status, out, err = ground.run("import", path)

    assert (status, out) == (0, "")
    assert "1 known already" in err
    assert ground.keys.stat() == before


def test_import_reads_whatever_publishers_and_gradle_write(ground: Ground) -> None:
    prose = b"This file contains the keys of our release managers.\n\npub   ed25519 2020-01-01 [SC]\n      Jane\n\n"
    bare = packet(6, RSA.body)
    folder = "from-elsewhere"
    ground.write(f"{folder}/KEYS", prose + block(HONEST) + b"\nand another one:\n" + block(OTHER))
    ground.write(f"{folder}/gradle/verification-keyring.keys", b"pub   0123\nuid\n\n" + block(bare))
    ground.write(f"{folder}/gradle/verification-keyring.gpg", bare + EXTENDED)
    ground.write(f"{folder}/widget-1.0.jar.asc", armour(packet(2, cases.sign(OWNER))))
    ground.write(f"{folder}/readme.txt", block(HONEST))

    status, out, _ = ground.run("import", str(ground.directory / folder), "--format", "json")

    fields = json.loads(out)
    assert status == 0
    assert sorted(fields["added"]) == sorted([KEY, STRANGER.fingerprint, RSA.fingerprint])
    assert any("widget-1.0.jar.asc" in why for why in fields["left_out"])
    assert {one.bare for one in parse_certificates(ground.keys.read_bytes())} == {True, False}


def test_import_takes_only_what_a_key_says_of_itself(ground: Ground) -> None:
    foreign = packet(2, cases.sign(STRANGER, OWNER.form + cases.user_id(), 0x13, made=BORN))

    ground.run("import", ground.write("poisoned.pgp", certificate(OWNER, certify(OWNER)) + foreign * 20_000))

    assert ground.keys.stat().st_size < 1000


def test_import_refuses_a_file_without_keys_and_a_target_that_would_lose_something(ground: Ground) -> None:
    status, _, err = ground.run("import", ground.write("notes.asc", b"nothing here"))
    assert status == 2
    assert "no OpenPGP public key" in err

    ground.write("verifier.keys", block(OTHER) + block(HONEST)[:-40])
    before = ground.keys.read_bytes()
    status, _, err = ground.run("import", ground.write("jane.asc", block(HONEST)))
    assert status == 2
    assert "would lose it" in err
    assert ground.keys.read_bytes() == before


def test_import_of_a_directory_without_keys_is_a_mistake(ground: Ground) -> None:
    ground.write("folder/notes.asc", b"nothing here")

    status, _, err = ground.run("import", str(ground.directory / "folder"))

    assert status == 2
    assert "no key that can be used" in err
    assert not ground.keys.exists()


def test_import_to_a_named_file(ground: Ground) -> None:
    (ground.directory / "conf").mkdir()
    target = ground.directory / "conf" / "other.keys"

    status, _, err = ground.run("import", ground.write("jane.asc", block(HONEST)), "--to", str(target))

    assert status == 0
    assert target.exists()
    assert 'files = ["conf/other.keys"]' in err
    assert not ground.keys.exists()


def test_what_import_writes_is_read_by_gpg(ground: Ground) -> None:
    gpg = need("gpg")
    ground.run("import", ground.write("jane.asc", block(HONEST)), ground.write("rsa.asc", block(certificate(RSA))))
    home = ground.directory / "gnupg"
    home.mkdir(mode=0o700)
    common = [gpg, "--homedir", str(home), "--batch", "--no-options", "--no-autostart", "--status-fd", "1"]

    done = subprocess.run([*common, "--import", str(ground.keys)], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert {KEY, RSA.fingerprint} == {
        line.split()[3] for line in done.stdout.decode().splitlines() if line.startswith("[GNUPG:] IMPORT_OK")
    }
    shutil.rmtree(home)


# list


def test_list_says_how_keys_stand_where_from_and_for_whom(ground: Ground) -> None:
    ground.files = ["verifier.keys"]
    ground.write("verifier.keys", block(EXPIRED) + block(OTHER))
    ground.trust += f'[[trust]]\nmatch = "com.example"\nkeys = ["{KEY}", "{RSA.fingerprint}"]\n'

    status, out, _ = ground.run("list", "--format", "json")

    rows = {row["fingerprint"]: row for row in json.loads(out)}
    assert status == 0
    assert rows[KEY]["state"] == "expired"
    assert rows[KEY]["trusted_for"] == ["org.example.*", "com.example"]
    assert rows[KEY]["origins"] == [str(ground.keys)]
    assert rows[STRANGER.fingerprint]["trusted_for"] == []
    assert (rows[RSA.fingerprint]["state"], rows[RSA.fingerprint]["origins"]) == ("absent", [])

    _, out, _ = ground.run("list")
    assert f"{STRANGER.fingerprint}  good      expires never" in out
    assert "for nobody" in out


def test_list_can_name_those_alone_that_end_soon(ground: Ground) -> None:
    ground.files = ["verifier.keys"]
    ground.write("verifier.keys", block(EXTENDED) + block(OTHER))

    assert KEY in ground.run("list", "--expiring", "30")[1]
    assert STRANGER.fingerprint not in ground.run("list", "--expiring", "30")[1]
    assert ground.run("list", "--expiring", "10")[1:] == ("", "no key expires within 10 days\n")


def test_list_holds_the_starter_map_only_on_request(ground: Ground) -> None:
    assert len(json.loads(ground.run("list", "--format", "json")[1])) == 1
    rows = json.loads(ground.run("list", "--starter", "--format", "json")[1])

    assert len(rows) > 100
    assert {"shipped key facts"} == {origin for row in rows for origin in row["origins"]}


# refresh


def test_refresh_keeps_a_newer_copy_and_reports_the_extension(ground: Ground) -> None:
    ground.files = ["verifier.keys"]
    ground.write("verifier.keys", block(EXPIRED))
    ground.host.keys = {KEY: EXTENDED}

    status, out, err = ground.run("refresh")

    assert (status, err) == (0, "")
    assert f"{KEY}  expires {NOW + timedelta(days=20):%Y-%m-%d}, our copy said 2020-12-31" in out
    assert "good" in ground.run("list")[1]
    assert f"{KEY}  nothing new" in ground.run("refresh")[1]


def test_refresh_reports_a_revocation_and_it_counts(ground: Ground) -> None:
    ground.files = ["verifier.keys"]
    ground.write("verifier.keys", block(HONEST))
    ground.host.keys = {KEY: REVOKED}

    status, out, _ = ground.run("refresh", "--format", "json")

    (news,) = json.loads(out)
    assert status == 0
    assert (news["fingerprint"], news["news"], news["revoked"]) == (KEY, True, True)
    assert f"{KEY}  revoked" in ground.run("list")[1]
    assert json.loads(ground.run("refresh", "--format", "json")[1])[0]["revoked"] is False


def test_refresh_of_a_key_that_nobody_trusts_is_possible_by_name(ground: Ground) -> None:
    ground.host.keys = {STRANGER.fingerprint: OTHER}

    status, out, _ = ground.run("refresh", STRANGER.fingerprint)

    assert status == 0
    assert f"{STRANGER.fingerprint}  new, expires never" in out
    assert ground.host.asked == [STRANGER.fingerprint]


def test_refresh_says_that_a_server_did_not_answer(ground: Ground) -> None:
    with KeyServerHost(ground.authority.context(), told=Answer(b"", 503)) as silent:
        ground.servers = [ground.host.vks, silent.hkp]
        ground.host.keys = {KEY: HONEST}

        status, out, err = ground.run("refresh")

    assert status == 3
    assert f"{KEY}  new" in out
    assert f"{silent.url} (server-error)" in err


def test_refresh_of_a_key_that_no_server_has_is_no_failure(ground: Ground) -> None:
    status, out, _ = ground.run("refresh")

    assert status == 0
    assert f"{KEY}  no such key at {ground.host.vks}" in out


def test_refresh_asks_for_the_starter_map_on_request(ground: Ground) -> None:
    status, out, _ = ground.run("refresh", "--starter", "--format", "json")

    assert status == 0
    assert len(json.loads(out)) > 100
    assert len(ground.host.asked) == len(set(ground.host.asked)) == len(json.loads(out))


# export


def test_export_writes_what_is_at_hand_and_names_what_is_not(ground: Ground) -> None:
    ground.host.keys = {KEY: HONEST}
    ground.run("refresh")

    status, out, err = ground.run("export", KEY, STRANGER.fingerprint)

    assert status == 1
    assert [one.primary.fingerprint for one in parse_certificates(out.encode())] == [KEY]
    assert f"verifier keys refresh {STRANGER.fingerprint}" in err


def test_export_writes_all_that_is_trusted_into_a_file_that_import_reads(ground: Ground) -> None:
    ground.host.keys = {KEY: HONEST}
    ground.run("refresh")
    target = ground.directory / "out.keys"

    status, out, _ = ground.run("export", "--output", str(target))

    assert (status, out) == (0, "")
    assert ground.run("import", str(target))[1] == f"added    {KEY}\n"
    assert target.read_text() == ground.keys.read_text()


def test_export_gives_machines_a_block_a_key(ground: Ground) -> None:
    ground.files = ["verifier.keys"]
    ground.write("verifier.keys", block(HONEST) + block(HONEST))

    fields = json.loads(ground.run("export", "--format", "json")[1])

    (key,) = fields["keys"]
    assert key["fingerprint"] == KEY
    assert key["armoured"].count("BEGIN PGP PUBLIC KEY BLOCK") == 1
