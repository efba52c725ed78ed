"""A cache that was kept between runs and brought in by an attacker, through the command line and the proxy.

Whoever attacks may write everything below the cache directory and nothing else.  Each attack is tried
where this machine's key is, and on a fresh machine, as in CI.  What may come of it: the honest bytes,
fetched anew or found again, or a refusal, or an error that says how to heal; never the attacker's.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import struct
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from judge_cases import OWNER, REVOKED, STRANGER
from openpgp_cases import certificate, certify, sign
from proxied import Proxied
from published import needs
from stage import WIDGET, WIDGET_PATH, Result, Stage, stage
from test_attacks_on_trust import JAR, NAME, hold, jar, publish, rely_on

__all__ = ["stage"]

DOOR, DOOR_PATH = "com.example.open:door:1.0", "/com/example/open/door/1.0/door-1.0.jar"  # nothing signs it
EVIL = jar("evil")


@dataclass
class Cache:
    """The cache of a stage in the hands of an attacker."""

    stage: Stage
    name: str = WIDGET
    url_path: str = WIDGET_PATH
    evil: bytes = EVIL
    honest: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.honest = (self.stage.root / self.url_path[1:]).read_bytes()
        self.victim.write_text("precious")

    @property
    def file(self) -> Path:
        return self.stage.cache / "repository" / "example" / self.url_path[1:]

    @property
    def full_name(self) -> str:
        group, artifact, version = self.name.split(":")
        return f"{group}:{artifact}{self.file.suffix.replace('.', ':')}:{version}"

    @property
    def victim(self) -> Path:
        """A file of the user's, outside the cache."""
        return self.stage.directory / "victim"

    @property
    def evil_sha256(self) -> str:
        return hashlib.sha256(self.evil).hexdigest()

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.stage.cache / "record.sqlite", isolation_level=None)) as record:
            return record.execute(statement, values).fetchall()

    def change_file(self) -> None:
        self.file.unlink(missing_ok=True)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(self.evil)

    def change_row(self, **more: object) -> None:
        """Let the record say that the evil bytes were admitted, with evidence that would carry them."""
        digests = {name: hashlib.new(name, self.evil).hexdigest() for name in ("sha1", "sha256", "sha512")}
        ((text,),) = self.sql("SELECT document FROM evidence WHERE coordinate = ?", self.full_name)
        facts = json.loads(str(text))
        facts |= {"digests": digests, "size": len(self.evil), "claims": []}
        facts["checksums"] = [["sha1", digests["sha1"], "sidecar", f"{facts['url']}.sha1"]]
        document = json.dumps(facts | more, separators=(",", ":"), sort_keys=True)
        self.sql("INSERT INTO evidence SELECT coordinate, ?, ?, NULL, seal FROM evidence WHERE coordinate = ?",
                 self.evil_sha256, document, self.full_name)  # fmt: skip
        self.sql("UPDATE admitted SET sha256 = ?, size = ? WHERE coordinate = ?",
                 self.evil_sha256, len(self.evil), self.full_name)  # fmt: skip

    def change_both(self, **more: object) -> None:
        self.change_file()
        self.change_row(**more)


def change_previous(cache: Cache) -> None:
    """Let the record call the changed file what an admission, cut short, was to replace."""
    cache.change_file()
    cache.sql("UPDATE admitted SET previous = ?", cache.evil_sha256)


def forge_seals(cache: Cache) -> None:
    cache.change_both()
    for table in ("admitted", "evidence"):
        cache.sql(f"UPDATE {table} SET seal = ?", "0" * 64)  # noqa: S608  (two constants)
    status = cache.file.stat()
    stamp = f"{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"
    cache.sql("UPDATE admitted SET stamp = ?", stamp)


def plant_key(cache: Cache) -> None:
    """Put a seal's key where a state directory inside the cache would have it."""
    forge_seals(cache)
    for folder in (cache.stage.cache, cache.stage.cache / "verifier", cache.stage.cache / "state" / "verifier"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "seal.key").write_bytes(bytes(32))
        (folder / "seal.key").chmod(0o600)


def forge_absence(cache: Cache) -> None:
    """Say that nothing is signed here, and that nothing is published that would say otherwise."""
    cache.change_both(signature=None, signature_absent=True)
    for suffix in (".asc", ".sha1", ".sha256", ".sha512", ".md5"):
        url = f"{cache.stage.server.url}{cache.url_path}{suffix}"
        cache.sql("INSERT OR REPLACE INTO absent VALUES (?, ?, '')", url, int(time.time()))


def link_file(cache: Cache) -> None:
    outside = cache.stage.directory / "evil.jar"
    outside.write_bytes(cache.evil)
    cache.change_row()
    cache.file.unlink()
    cache.file.symlink_to(outside)


def hard_link_file(cache: Cache) -> None:
    outside = cache.stage.directory / "evil.jar"
    outside.write_bytes(cache.evil)
    cache.change_row()
    cache.file.unlink()
    cache.file.hardlink_to(outside)


def link_folder(cache: Cache) -> None:
    outside = cache.stage.directory / "evil"
    cache.change_both()
    shutil.move(cache.file.parent, outside)
    cache.file.parent.symlink_to(outside)


def move_row(cache: Cache) -> None:
    """Let another verified file's row, as this machine sealed it, stand at this place."""
    other = Cache(cache.stage, "com.example:gizmo:2.3", "/com/example/gizmo/2.3/gizmo-2.3.jar")
    cache.stage.fetch(other.name)
    cache.evil = other.honest
    cache.change_file()
    path = cache.url_path[1:]
    cache.sql("DELETE FROM admitted WHERE path = ?", path)
    cache.sql("UPDATE admitted SET path = ? WHERE coordinate = ?", path, other.full_name)


def plant_file(cache: Cache) -> None:
    """Put a file there that nobody admitted."""
    cache.sql("DELETE FROM admitted")
    cache.change_file()


def forge_verdict(cache: Cache) -> None:
    cache.change_both()
    cache.sql("UPDATE judgement SET status = 'verified', code = '', sha256 = ?", cache.evil_sha256)


def plant_log(cache: Cache) -> None:
    """Bring the change of the record in its write-ahead log, as a process that was killed leaves it."""
    path = cache.stage.cache / "record.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("UPDATE admitted SET sha256 = ?, size = ?", (cache.evil_sha256, len(cache.evil)))
    log = path.with_name("record.sqlite-wal").read_bytes()
    connection.close()
    path.with_name("record.sqlite-wal").write_bytes(log)
    cache.change_file()


def plant_journal(cache: Cache) -> None:
    """Leave a rollback journal that makes SQLite delete a file of the user's; see test_record."""
    cache.change_both()
    path, name = cache.stage.cache / "record.sqlite", str(cache.victim).encode()
    magic = bytes.fromhex("d9d505f920a163d7")
    header = magic + struct.pack(">IIIII", 0, 0, path.stat().st_size // 4096, 512, 4096)
    end = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    path.with_name("record.sqlite-journal").write_bytes(header.ljust(512, b"\0") + end)


HEALS: list[Callable[[Cache], None]] = [
    Cache.change_file, Cache.change_row, Cache.change_both, change_previous, forge_seals, plant_key, forge_absence,
    link_file, hard_link_file, move_row, plant_file, forge_verdict, plant_log, plant_journal,
]  # fmt: skip
"""Attacks after which the next run has the honest bytes again."""


def break_record(cache: Cache) -> None:
    (cache.stage.cache / "record.sqlite").write_bytes(os.urandom(65536))


def view_as_table(cache: Cache) -> None:
    cache.change_file()
    cache.sql("ALTER TABLE admitted RENAME TO other")
    cache.sql(
        "CREATE VIEW admitted AS SELECT repository, path, coordinate, 'of the evil' AS sha256, size, previous, stamp,"
        " seal FROM other"
    )


def trigger(cache: Cache) -> None:
    """Change what is read before it is used, whenever anything is written."""
    cache.sql("CREATE TRIGGER t AFTER INSERT ON judgement BEGIN UPDATE admitted SET sha256 = 'evil'; END")


def endless_view(cache: Cache) -> None:
    cache.sql("DROP TABLE absent")
    cache.sql(
        "CREATE VIEW absent AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT 'x' || i AS url, i AS noted, '' AS seal FROM n"
    )


STOPS: list[Callable[[Cache], None]] = [break_record, view_as_table, trigger, endless_view, link_folder]
"""Attacks after which the cache must be put right by hand: one message, status 3, nothing served."""


@pytest.fixture(params=["this machine", "fresh machine"])
def leave(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Stage], None]:
    """Go on where the attacked cache is used: with the key that sealed it, or without."""

    def go(stage: Stage) -> None:
        if request.param == "fresh machine":
            monkeypatch.setenv("XDG_STATE_HOME", str(stage.directory / "fresh"))

    return go


@pytest.fixture(params=[(WIDGET, WIDGET_PATH), (DOOR, DOOR_PATH)], ids=["signed", "unsigned"])
def cache(request: pytest.FixtureRequest, stage: Stage) -> Cache:
    made = Cache(stage, *request.param)
    result = stage.fetch(made.name)
    assert result.status == 0, result.out + result.err
    return made


def served(result: Result) -> list[bytes]:
    """Give what a command says may be used."""
    return [Path(a["file"]).read_bytes() for a in result.report["artifacts"] if a["status"] == "verified"]


@pytest.mark.parametrize("attack", HEALS, ids=lambda attack: attack.__name__)
def test_a_fetch_has_the_honest_bytes_again(
    cache: Cache, attack: Callable[[Cache], None], leave: Callable[[Stage], None]
) -> None:
    attack(cache)
    leave(cache.stage)

    first, second = cache.stage.fetch(cache.name), cache.stage.run("--offline", "fetch", "--no-transitive", cache.name)

    assert (first.status, served(first)) == (0, [cache.honest]), first.out + first.err
    assert (second.status, cache.file.read_bytes(), cache.file.is_symlink()) == (0, cache.honest, False), second.err
    assert cache.victim.read_text() == "precious"


@pytest.mark.parametrize("attack", HEALS, ids=lambda attack: attack.__name__)
def test_offline_the_attackers_bytes_are_refused_or_unavailable(
    cache: Cache, attack: Callable[[Cache], None], leave: Callable[[Stage], None]
) -> None:
    attack(cache)
    leave(cache.stage)

    result = cache.stage.run("--offline", "fetch", "--no-transitive", "--format", "json", cache.name)

    artifact = result.artifact()
    assert served(result) in ([], [cache.honest])
    assert (result.status, artifact["code"]) in {
        (0, None), (1, "checksum-mismatch"), (1, "signature-bad"), (1, "signature-missing"), (3, "offline"),
    }  # fmt: skip
    assert "Traceback" not in result.err


@pytest.mark.parametrize("cache", [(DOOR, DOOR_PATH)], ids=["unsigned"], indirect=True)
@pytest.mark.parametrize("attack", HEALS, ids=lambda attack: attack.__name__)
def test_a_proxy_serves_the_honest_bytes(
    cache: Cache, attack: Callable[[Cache], None], leave: Callable[[Stage], None]
) -> None:
    attack(cache)
    leave(cache.stage)

    with Proxied(cache.stage, jobs=2) as proxied:
        got = proxied.get(f"/all{cache.url_path}")

    assert (got.status, got.body) == (200, cache.honest)


@pytest.mark.parametrize("attack", STOPS, ids=lambda attack: attack.__name__)
def test_a_cache_that_cannot_be_used_is_one_message_that_says_how_to_heal(
    cache: Cache, attack: Callable[[Cache], None], leave: Callable[[Stage], None]
) -> None:
    attack(cache)
    leave(cache.stage)

    for options in ((), ("--offline",)):
        result = cache.stage.run(*options, "fetch", "--no-transitive", "--format", "json", cache.name)

        assert (result.status, result.out) == (3, ""), result.out + result.err
        assert "hint: move it" in result.err
        assert "Traceback" not in result.err


# POMs, which decide what a graph holds


@pytest.mark.parametrize("attack", [Cache.change_both, forge_absence, plant_file], ids=lambda one: one.__name__)
def test_a_pom_of_the_attackers_adds_nothing_to_a_graph(
    stage: Stage, attack: Callable[[Cache], None], leave: Callable[[Stage], None]
) -> None:
    def resolved(*options: str) -> tuple[int, object]:
        result = stage.run(*options, "resolve", "--format", "json", DOOR)
        return result.status, result.report["resolved"]

    honest = resolved()
    assert honest[0] == 0
    pom = Cache(stage, DOOR, DOOR_PATH.replace(".jar", ".pom"))
    pom.evil = pom.honest.replace(b"</project>", needs("com.example:gizmo:2.3").encode() + b"</project>")
    attack(pom)
    leave(stage)

    status, graph = resolved("--offline")

    assert (status != 0 and graph is None) or (status, graph) == honest
    assert resolved() == honest


# One signed release in the place of another: the signature is good, the name is not


LATER = "org.attacked:thing:2.0"
OLD = jar("old and broken")


def put_old_release_in_new_ones_place(stage: Stage) -> None:
    """Let the cache hold an old release, which names no version inside, as the new one, signed and on record."""
    cache = Cache(stage, LATER, "/org/attacked/thing/2.0/thing-2.0.jar", evil=OLD)
    ((text,),) = cache.sql("SELECT document FROM evidence WHERE coordinate = 'org.attacked:thing:jar:1.0'")
    cache.change_both(signature=json.loads(str(text))["signature"])
    cache.sql("DELETE FROM evidence WHERE coordinate = 'org.attacked:thing:jar:1.0'")


@pytest.fixture
def two_releases(stage: Stage) -> Stage:
    hold(stage, certificate(OWNER))
    rely_on(stage, OWNER)
    publish(stage.root, NAME, OLD, sign(OWNER, OLD))
    publish(stage.root, LATER, JAR, sign(OWNER, JAR))
    assert stage.fetch(NAME, LATER).status == 0
    return stage


def test_an_old_release_in_a_new_ones_place_is_fetched_anew_on_a_fresh_machine(
    two_releases: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_old_release_in_new_ones_place(two_releases)
    monkeypatch.setenv("XDG_STATE_HOME", str(two_releases.directory / "fresh"))

    result = two_releases.fetch(LATER)

    assert (result.status, served(result)) == (0, [JAR])
    assert result.artifact()["replaced"] is not None


def test_an_old_release_in_a_locked_ones_place_is_refused_without_asking_anybody(
    two_releases: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = two_releases.directory / "verifier.lock"
    lock.write_text(f"org.attacked:thing:jar:2.0 sha256:{hashlib.sha256(JAR).hexdigest()} key:{OWNER.fingerprint}\n")
    put_old_release_in_new_ones_place(two_releases)
    monkeypatch.setenv("XDG_STATE_HOME", str(two_releases.directory / "fresh"))
    arguments = ("fetch", "--locked", "--lock", str(lock), "--format", "json")

    offline, online = two_releases.run("--offline", *arguments), two_releases.run(*arguments)

    assert (offline.status, offline.artifact()["code"]) == (1, "pin-mismatch")
    assert (online.status, served(online)) == (0, [JAR])


# Keys


def test_a_key_in_the_cache_that_nobody_trusts_vouches_for_nothing(stage: Stage) -> None:
    rely_on(stage, OWNER)
    hold(stage, certificate(OWNER))
    publish(stage.root, NAME, JAR, sign(STRANGER, JAR))
    plant(stage, STRANGER.fingerprint, certificate(STRANGER, certify(STRANGER)))

    artifact = stage.fetch(NAME).artifact()

    assert (artifact["status"], artifact["code"]) == ("refused", "key-untrusted")


def test_a_strangers_key_under_a_trusted_ones_name_is_none(stage: Stage) -> None:
    rely_on(stage, OWNER)
    hold(stage, certificate(STRANGER))
    publish(stage.root, NAME, JAR, sign(STRANGER, JAR))
    plant(stage, OWNER.fingerprint, certificate(STRANGER, certify(STRANGER)))

    artifact = stage.fetch(NAME).artifact()

    assert (artifact["status"], artifact["code"]) == ("refused", "key-untrusted")


def test_a_copy_in_the_cache_without_its_revocation_hides_none_that_a_key_file_has(stage: Stage) -> None:
    rely_on(stage, OWNER)
    hold(stage, REVOKED)
    publish(stage.root, NAME, JAR, sign(OWNER, JAR))
    plant(stage, OWNER.fingerprint, certificate(OWNER, certify(OWNER)))

    artifact = stage.fetch(NAME).artifact()

    assert (artifact["status"], artifact["code"]) == ("refused", "key-revoked")


def test_a_key_store_that_leads_elsewhere_is_one_message(stage: Stage) -> None:
    outside = stage.directory / "outside"
    outside.mkdir()
    stage.cache.mkdir()
    (stage.cache / "keys").symlink_to(outside)

    result = stage.run("fetch", "--no-transitive", WIDGET)

    assert (result.status, list(outside.iterdir())) == (3, [])
    assert "hint: remove it: keys are fetched anew" in result.err


def plant(stage: Stage, fingerprint: str, data: bytes) -> None:
    (stage.cache / "keys").mkdir(parents=True, exist_ok=True)
    (stage.cache / "keys" / f"{fingerprint}.pgp").write_bytes(data)


# What lies in the tree beside the verified files


def test_a_file_that_nobody_admitted_is_never_served_and_a_scrub_takes_it_out(stage: Stage) -> None:
    stage.fetch(WIDGET)
    stranger = stage.cache / "repository" / "example" / "org" / "example" / "widget" / "9.9" / "widget-9.9.jar"
    stranger.parent.mkdir()
    stranger.write_bytes(EVIL)

    with Proxied(stage, jobs=2) as proxied:
        got = proxied.get("/all/org/example/widget/9.9/widget-9.9.jar")
    fetched = stage.run("--offline", "fetch", "--no-transitive", "org.example:widget:9.9")
    scrubbed = stage.run("cache", "scrub")

    assert (got.status, fetched.status, scrubbed.status) == (404, 3, 1)
    assert not stranger.exists()


def test_what_is_copied_out_for_a_build_holds_no_stranger(stage: Stage) -> None:
    stage.fetch(WIDGET)
    (stage.cache / "repository" / "example" / "stranger.jar").write_bytes(EVIL)
    out = stage.directory / "out"

    stage.fetch("--output", str(out), "--layout", "maven", WIDGET)

    assert [path.name for path in out.rglob("*") if path.is_file()] == ["widget-1.0.jar"]
