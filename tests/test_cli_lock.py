"""`lock` and `fetch --locked` from outside: what is written, and how every kind of tampering ends."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import need
from locking import APP, HEIR, MADE, OWNER, SIGNED_GROUP, STRANGER, TOOL, LockStage, lines_of
from openpgp_cases import armour, certificate, over_key, packet, sign
from published import GROUP, archive, needs, publish, put
from servers import Answer
from stage import WIDGET

from verifier import lockfile

JAR = f"{SIGNED_GROUP}:tool:jar:1"
METADATA = f"{GROUP}:choice/maven-metadata.xml"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LockStage]:
    monkeypatch.chdir(tmp_path)
    without_gpg(tmp_path, monkeypatch)
    with LockStage(tmp_path) as made:
        made.prepare()
        yield made


def without_gpg(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave git as the only program, since a second engine takes half a second each time."""
    git = shutil.which("git")
    (directory / "bin").mkdir()
    if git is not None:
        (directory / "bin/git").symlink_to(git)
    monkeypatch.setenv("PATH", str(directory / "bin"))


@pytest.fixture
def locked(stage: LockStage) -> LockStage:
    """The application and the tool, locked from a list of coordinates."""
    (stage.directory / "wanted.txt").write_text(f"{APP}\n{TOOL}\n")
    result = stage.run("lock", "-f", "wanted.txt")
    assert result.status == 0, result.err
    return stage


# What is written


@pytest.mark.parametrize("target", ["precious", "absent"])
def test_a_lock_is_never_written_through_a_link(locked: LockStage, target: str) -> None:
    (locked.directory / "precious").write_text("mine\n")
    locked.lock.unlink()
    locked.lock.symlink_to(locked.directory / target)

    for arguments in ((TOOL,), ("--update", TOOL)):
        result = locked.run("lock", *arguments)
        assert (result.status, "is no plain file, and is not written to" in result.err) == (2, True)
    assert (locked.directory / "precious").read_text() == "mine\n"
    assert not (locked.directory / "absent").exists()


def test_everything_that_a_build_uses_is_one_sorted_line_with_its_grounds(
    stage: LockStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    need("gpg")
    result = stage.run("lock", APP, TOOL, WIDGET, "org.example:relic:0.9")

    head = [line for line in stage.lock.read_text().splitlines() if line.startswith("#")]
    names = {name: line.split(" ")[2] for name, line in stage.lines().items()}
    assert (result.status, list(names)) == (0, sorted(names))
    assert names[JAR] == f"key:{OWNER.fingerprint}"
    assert names["org.example:relic:jar:0.9"] == "exempt:signature-missing"
    assert {names[f"{GROUP}:choice:pom:1"], names[f"{GROUP}:choice:jar:2"], names[METADATA]} == {"unsigned"}
    assert "org.example:parent:pom:1" in names
    assert head[1:] == [
        "# context: java-version=17.0.15 os=Linux/amd64 maven-version=3.9.16 scopes=compile,runtime",
        *sorted(f"# input: {one}" for one in (APP, TOOL, WIDGET, "org.example:relic:0.9")),
    ]
    assert "1 metadata" in result.err
    assert "one engine" not in result.err


def test_two_runs_write_the_same_bytes(locked: LockStage) -> None:
    before = locked.lock.read_bytes()
    locked.lock.unlink()
    shutil.rmtree(locked.cache)

    locked.run("lock", "-f", "wanted.txt")

    assert locked.lock.read_bytes() == before


@pytest.mark.parametrize(("name", "status"), [("org.example:unsigned:1.0", 1), (f"{GROUP}:nowhere:1", 3)])
def test_nothing_is_written_where_one_file_is_not_verified(locked: LockStage, name: str, status: int) -> None:
    locked.lay_over("signature-missing")
    before = locked.lock.read_bytes()

    result = locked.run("lock", APP, name)

    assert (result.status, locked.lock.read_bytes()) == (status, before)
    assert "nothing was written" in result.err
    assert list(locked.directory.glob(".verifier.lock*")) == []


def test_a_lock_that_cannot_be_written_is_an_error_and_leaves_nothing(stage: LockStage) -> None:
    result = stage.run("lock", "--lock", "absent/verifier.lock", APP)

    assert (result.status, "absent/verifier.lock: cannot be written" in result.err) == (2, True)


def test_without_gpg_the_lock_says_that_one_engine_judged(stage: LockStage) -> None:
    result = stage.run("lock", TOOL)

    assert result.status == 0
    assert "gpg is not installed: every signature was judged by one engine alone" in result.err


def test_a_signer_whose_key_gpg_cannot_import_is_named(stage: LockStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    need("gpg")
    nameless = certificate(OWNER, over_key(OWNER, 0x1F))
    (stage.directory / "more.keys").write_bytes(armour(nameless, "PUBLIC KEY BLOCK"))

    result = stage.run("lock", TOOL)

    assert result.status == 0, result.err
    assert "2 of 2 signatures were judged by our engine alone" in result.err
    assert OWNER.fingerprint in result.err


def test_standard_input_is_recorded_line_by_line(stage: LockStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{APP}\n{TOOL}\n".encode())))

    result = stage.run("lock", "-f", "-")

    assert result.status == 0
    assert f"# input: {APP}\n# input: {TOOL}\n" in stage.lock.read_text()
    assert stage.run("lock", "--check").status == 0


def test_a_file_is_recorded_from_where_the_lock_lies(stage: LockStage) -> None:
    (stage.directory / "deep").mkdir()
    (stage.directory / "wanted.txt").write_text(TOOL)

    stage.run("lock", "--lock", "deep/verifier.lock", "-f", "wanted.txt")

    assert "# input: -f ../wanted.txt\n" in (stage.directory / "deep/verifier.lock").read_text()
    assert stage.run("lock", "--check", "--lock", "deep/verifier.lock").status == 0


def test_sources_are_locked_where_there_are_some(stage: LockStage) -> None:
    stage.run("lock", "--sources", APP)

    assert f"{GROUP}:left:jar:sources:1" in stage.lines()
    assert f"{GROUP}:app:jar:sources:1" not in stage.lines()
    assert stage.run("lock", "--check").status == 0


def test_all_platforms_are_locked_on_one_machine(stage: LockStage) -> None:
    profiles = for_systems(linux="native-linux:1", mac="native-mac:1")
    classified = needs("chunk:1").replace("</version>", "</version><classifier>linux-x86_64</classifier>")
    publish(stage, "brotli:1", f"{profiles}{classified}")
    publish(stage, "native-linux:1")
    publish(stage, "native-mac:1")
    publish(stage, "chunk:1", files=("jar", "linux-x86_64.jar", "osx-aarch_64.jar"))

    stage.run("lock", f"{GROUP}:brotli:1")
    one = set(stage.lines())
    result = stage.run("lock", "--all-platforms", f"{GROUP}:brotli:1")

    assert result.status == 0, result.err
    assert set(stage.lines()) - one == {
        f"{GROUP}:native-mac:jar:1",
        f"{GROUP}:native-mac:pom:1",
        f"{GROUP}:chunk:jar:osx-aarch_64:1",
    }
    assert stage.run("lock", "--check").status == 0


def for_systems(**needed: str) -> str:
    """Write profiles that bring in a dependency on a system."""
    systems = {"linux": "Linux", "mac": "Mac OS X", "windows": "Windows 11"}
    profiles = (
        f"<profile><id>{name}</id><activation><os><name>{systems[name]}</name></os></activation>{needs(one)}</profile>"
        for name, one in needed.items()
    )
    return f"<profiles>{''.join(profiles)}</profiles>"


def test_a_platform_that_nobody_publishes_for_is_left_out_and_named(stage: LockStage) -> None:
    publish(stage, "native:1", for_systems(linux="here:1", mac="nowhere:1", windows="no-jar:1"))
    publish(stage, "here:1")
    publish(stage, "no-jar:1", files=())

    result = stage.run("lock", "--all-platforms", f"{GROUP}:native:1")

    assert result.status == 0, result.err
    assert set(stage.lines()) == {
        f"{GROUP}:{name}:{kind}:1" for name in ("native", "here") for kind in ("jar", "pom")
    } | {f"{GROUP}:no-jar:pom:1"}
    assert "left out, since nobody publishes it: Mac OS X/aarch64: no repository has it" in result.err
    assert f"left out, since nobody publishes it: {GROUP}:no-jar:jar:1" in result.err
    assert stage.run("lock", "--check").status == 0


def test_what_the_own_platform_lacks_stops_the_lock(stage: LockStage) -> None:
    publish(stage, "native:1", for_systems(linux="nowhere:1"))

    assert stage.run("lock", "--all-platforms", f"{GROUP}:native:1").status == 3
    assert stage.run("lock", "--all-platforms", "--os", "macos/aarch64", f"{GROUP}:native:1").status == 0


def test_a_file_for_another_platform_that_cannot_be_asked_for_stops_the_lock(stage: LockStage) -> None:
    publish(stage, "chunk:1", files=("jar", "linux-x86_64.jar"))
    stage.serve("/com/example/open/chunk/1/chunk-1-osx-aarch_64.jar", Answer(b"later", 503))

    result = stage.run("lock", "--all-platforms", f"{GROUP}:chunk:jar:linux-x86_64:1")

    assert (result.status, stage.lock.exists()) == (3, False)


# What is fetched by it


def test_the_lock_alone_says_what_is_fetched_and_no_metadata_is_asked_for(locked: LockStage) -> None:
    locked.publish_choice()
    locked.server.seen.clear()

    whole, by_list = locked.fetch_cold(), locked.fetch_cold("-f", "wanted.txt")

    assert (whole.status, by_list.status) == (0, 0)
    assert {one["coordinate"] for one in whole.report["artifacts"]} == set(locked.lines()) - {METADATA}
    assert {one["coordinate"] for one in by_list.report["artifacts"]} == set(locked.lines()) - {METADATA}
    assert not [seen.path for seen in locked.server.seen if "maven-metadata" in seen.path]


def test_a_warm_fetch_by_the_lock_asks_nobody(locked: LockStage) -> None:
    locked.fetch_locked()
    locked.server.seen.clear()

    assert locked.run("--offline", "fetch", "--locked").status == 0
    assert locked.server.seen == []


def test_a_version_that_is_to_be_chosen_is_the_locked_one(locked: LockStage) -> None:
    locked.publish_choice()

    result = locked.fetch_cold(f"{GROUP}:choice:[1,3)")
    latest = locked.fetch_cold(f"{GROUP}:choice:LATEST")

    assert [one["coordinate"] for one in result.report["artifacts"] if ":jar:" in one["coordinate"]] == [
        f"{GROUP}:choice:jar:2"
    ]
    assert latest.status == 0


@pytest.mark.parametrize("version", ["[2.1,3)", "[5,)"])
def test_a_range_that_no_locked_version_satisfies_is_unpinned(locked: LockStage, version: str) -> None:
    locked.publish_choice()

    known = locked.fetch_cold(f"{GROUP}:choice:{version}")
    unknown = locked.fetch_cold(f"{GROUP}:extra:{version}")

    for result in (known, unknown):
        assert (result.status, set(locked.codes(result).values())) == (1, {"unpinned"})
    assert [one["received"]["origin"] for one in known.report["artifacts"] if one["code"]] == ["verifier.lock"]


def test_the_report_shows_the_pin_and_what_vouches(locked: LockStage) -> None:
    artifact = locked.fetch_locked().artifact(JAR)

    pin = next(one for one in artifact["checksums"] if one["origin"] == "pin")
    assert (pin["where"], pin["agrees"]) == (f"verifier.lock:{locked.number_of(JAR)}", True)
    assert artifact["trusted_by"].startswith(f"signer {OWNER.fingerprint}")


def test_a_pin_is_no_checksum_and_no_signature(locked: LockStage) -> None:
    (locked.root / "com/example/signed/tool/1/tool-1.jar.sha1").unlink()
    without_checksum = locked.codes(locked.fetch_cold())
    locked.publish_signed()
    (locked.root / "com/example/signed/tool/1/tool-1.jar.asc").unlink()
    without_signature = locked.codes(locked.fetch_cold())

    assert (without_checksum, without_signature) == ({JAR: "checksum-missing"}, {JAR: "signature-missing"})


@pytest.mark.parametrize(
    "arguments",
    [("fetch", "--locked", "--scope", "compile"), ("fetch", "--locked", "--classpath"),
     ("export", "cyclonedx", "--locked", "--scope", "compile")],
)  # fmt: skip
def test_of_a_whole_lock_no_scope_can_be_asked_for(locked: LockStage, arguments: tuple[str, ...]) -> None:
    result = locked.run(*arguments)

    assert (result.status, "does not say what has which scope" in result.err) == (2, True)


# Tampering


def refusal_of(stage: LockStage, name: str, *, cold: bool = True) -> tuple[int, str, str, str, str]:
    result = stage.fetch_cold() if cold else stage.fetch_locked()
    one = result.artifact(name)
    assert stage.codes(result) == {name: one["code"]}
    expected, received = one["expected"], one["received"]
    return result.status, one["code"], expected["value"], expected["origin"], received["value"]


@pytest.mark.parametrize("cold", [True, False])
def test_an_edited_digest_is_a_pin_mismatch_that_names_the_line(locked: LockStage, *, cold: bool) -> None:
    right = locked.lines()[JAR].split(" ")[1]
    locked.edit(right, f"sha256:{'0' * 64}")

    refusal = refusal_of(locked, JAR, cold=cold)

    where = f"verifier.lock:{locked.number_of(JAR)}"
    assert refusal == (1, "pin-mismatch", f"sha256:{'0' * 64}", where, right)


def test_an_artifact_swapped_upstream_is_refused_though_it_is_signed_well(locked: LockStage) -> None:
    right = locked.lines()[JAR].split(" ")[1]
    locked.publish_signed("other bytes")

    status, code, expected, where, received = refusal_of(locked, JAR)

    assert (status, code, expected) == (1, "pin-mismatch", right)
    assert (where, received != right) == (f"verifier.lock:{locked.number_of(JAR)}", True)
    assert not [name for name in locked.cached() if name.endswith("tool-1.jar")]


def test_another_trusted_signer_is_refused_though_the_bytes_are_the_locked_ones(locked: LockStage) -> None:
    locked.publish_signed(by=HEIR)

    result = locked.fetch_cold()

    one = result.artifact(JAR)
    assert (result.status, one["code"]) == (1, "pin-mismatch")
    assert one["expected"] == {
        "value": f"a signature by {OWNER.fingerprint}",
        "origin": f"verifier.lock:{locked.number_of(JAR)}",
    }
    assert one["received"]["value"] == f"a signature by {HEIR.fingerprint}"


def test_a_signer_whom_nobody_trusts_stays_untrusted(locked: LockStage) -> None:
    locked.publish_signed(by=STRANGER)

    assert set(locked.codes(locked.fetch_cold()).values()) == {"key-untrusted"}


def test_a_second_signer_beside_the_locked_one_is_fine(locked: LockStage) -> None:
    for name in ("tool-1.jar", "tool-1.pom"):
        path = locked.root / "com/example/signed/tool/1" / name
        both = b"".join(packet(2, sign(by, path.read_bytes(), made=MADE)) for by in (HEIR, OWNER))
        path.with_name(f"{name}.asc").write_bytes(armour(both))

    result = locked.fetch_cold()

    assert result.status == 0
    assert result.artifact(JAR)["trusted_by"].startswith(f"signer {HEIR.fingerprint}")


def test_a_policy_that_asks_for_no_signature_any_more_does_not_hold_for_what_was_locked_signed(
    locked: LockStage,
) -> None:
    locked.policy.write_text(f'{locked.policy.read_text()}\n[[rule]]\nmatch = "{SIGNED_GROUP}"\nsignature = "none"\n')

    result = locked.fetch_locked()

    assert result.status == 1
    assert result.artifact(JAR)["received"]["value"] == "no signature asked for"


def test_a_signature_where_none_was_asked_for_is_more_than_was_locked(locked: LockStage) -> None:
    for name in (JAR, f"{SIGNED_GROUP}:tool:pom:1"):
        line = locked.lines()[name]
        locked.edit(line, f"{' '.join(line.split(' ')[:2])} unsigned")

    assert locked.fetch_cold().status == 0


def test_a_dependency_that_nobody_locked_is_unpinned_and_is_not_asked_for(locked: LockStage) -> None:
    (locked.directory / "wanted.txt").write_text(f"{APP}\n{GROUP}:extra:1\n{SIGNED_GROUP}:tool:2\n")
    locked.server.seen.clear()

    result = locked.fetch_cold("-f", "wanted.txt")

    assert (result.status, set(locked.codes(result).values())) == (1, {"unpinned"})
    assert f"{GROUP}:extra:pom:1" in locked.codes(result)
    other = result.artifact(f"{SIGNED_GROUP}:tool:jar:2")["expected"]
    assert other == {"value": JAR, "origin": f"verifier.lock:{locked.number_of(JAR)}"}
    assert not [seen for seen in locked.server.seen if "extra" in seen.path or "tool/2" in seen.path]


def test_a_changed_file_of_the_cache_is_never_what_was_locked(locked: LockStage) -> None:
    path = next(locked.cache.rglob("tool-1.jar"))
    right = path.read_bytes()

    path.write_bytes(right[:-1] + b"!")
    offline = locked.run("--offline", "fetch", "--locked", "--format", "json")
    anew = locked.fetch_locked()

    assert (offline.status, locked.codes(offline)) == (1, {JAR: "checksum-mismatch"})
    assert (anew.status, path.read_bytes()) == (0, right)


def test_a_lock_as_an_input_pins_too(locked: LockStage) -> None:
    assert locked.run("fetch", "-f", "verifier.lock").status == 0
    assert locked.run("resolve", "-f", "verifier.lock").status == 0
    assert locked.run("lock", "--lock", "again.lock", "-f", "verifier.lock").status == 0
    assert set(locked.lines()) - {METADATA} == set(lines_of(locked.directory / "again.lock"))
    pom = locked.lines()[f"{SIGNED_GROUP}:tool:pom:1"].split(" ")[1]
    locked.edit(pom, f"sha256:{'0' * 64}")
    assert locked.run("resolve", "-f", "verifier.lock").status == 1
    assert locked.run("lock", "--lock", "again.lock", "-f", "verifier.lock").status == 1
    locked.edit(f"sha256:{'0' * 64}", pom)
    locked.edit(locked.lines()[JAR].split(" ")[1], f"sha256:{'0' * 64}")

    for command in (("fetch", "-f"), ("fetch", "--locked", "-f"), ("fetch", "--no-transitive", "-f")):
        result = locked.run(*command[:-1], "--format", "json", "-f", "verifier.lock")
        assert (result.status, locked.codes(result)) == (1, {JAR: "pin-mismatch"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "locks nothing"),
        ("nonsense\n", "verifier.lock:1: this is no line of a lock file: 'nonsense'"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (None, "there is no such lock file"),
    ],
)
def test_a_lock_that_cannot_be_read_is_one_clear_error(locked: LockStage, text: str | bytes | None, said: str) -> None:
    locked.lock.unlink()
    if text is not None:
        locked.lock.write_bytes(text if isinstance(text, bytes) else text.encode())

    for arguments in (("fetch", "--locked"), ("lock", "--check")):
        result = locked.run(*arguments)
        assert (result.status, said in result.err, result.out) == (2, True, "")


def test_a_huge_lock_is_an_error(locked: LockStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier.cli.locked.MAX_LOCK_BYTES", 100)

    result = locked.run("fetch", "--locked")

    assert (result.status, "is over 100 bytes" in result.err) == (2, True)


# Snapshots


def stamp(stage: LockStage, number: int) -> str:
    """Publish one build of a snapshot, as its metadata says."""
    version = f"1-2024010{number}.010101-{number}"
    listed = "".join(
        f"<snapshotVersion><extension>{kind}</extension><value>{version}</value><updated>2024010{number}010101</updated>"
        "</snapshotVersion>"
        for kind in ("jar", "pom")
    )
    folder = "com/example/open/nightly/1-SNAPSHOT"
    named = f"<groupId>{GROUP}</groupId><artifactId>nightly</artifactId><version>1-SNAPSHOT</version>"
    put(
        stage,
        f"{folder}/nightly-{version}.pom",
        f"<project><modelVersion>4.0.0</modelVersion>{named}</project>".encode(),
    )
    put(stage, f"{folder}/nightly-{version}.jar", archive(version))
    versioning = f"<versioning><snapshotVersions>{listed}</snapshotVersions></versioning>"
    put(stage, f"{folder}/maven-metadata.xml", f"<metadata>{named}{versioning}</metadata>".encode())
    return f"{GROUP}:nightly:jar:{version}"


def test_a_snapshot_stays_the_build_that_was_locked(stage: LockStage) -> None:
    stage.change_policy('id = "example"\n', 'id = "example"\nsnapshots = true\n')
    first = stamp(stage, 1)
    assert stage.run("lock", f"{GROUP}:nightly:1-SNAPSHOT").status == 0
    before = stage.lock.read_bytes()
    second = stamp(stage, 2)

    fetched = stage.fetch_cold(f"{GROUP}:nightly:1-SNAPSHOT")
    check, update = stage.run("lock", "--check"), stage.run("lock", "--update")

    assert (fetched.status, first in {one["coordinate"] for one in fetched.report["artifacts"]}) == (0, True)
    assert (check.status, update.status, stage.lock.read_bytes()) == (0, 0, before)
    assert stage.run("lock", "--upgrade", f"{GROUP}:nightly").status == 0
    assert second in stage.lines()


def test_a_laid_out_snapshot_says_which_build_it_is(stage: LockStage) -> None:
    stage.change_policy('id = "example"\n', 'id = "example"\nsnapshots = true\n')
    first = stamp(stage, 1)
    stage.run("lock", f"{GROUP}:nightly:1-SNAPSHOT")

    stage.run("fetch", "--locked", "--layout", "maven", "--output", "local")

    text = (stage.directory / "local/com/example/open/nightly/1-SNAPSHOT/maven-metadata-local.xml").read_text()
    assert f"<extension>jar</extension><value>{first.rpartition(':')[2]}</value>" in text


# Checking and updating


def test_a_current_lock_is_called_that_even_by_a_cache_that_only_ever_saw_the_lock(locked: LockStage) -> None:
    locked.fetch_cold()

    result = locked.run("--offline", "lock", "--check")

    assert (result.status, "verifier.lock is current" in result.err) == (0, True)


def test_a_version_added_to_metadata_changes_nothing_and_is_told(locked: LockStage) -> None:
    before = locked.lock.read_bytes()
    locked.publish_choice()

    check, update = locked.run("lock", "--check"), locked.run("lock", "--update")

    assert (check.status, update.status, locked.lock.read_bytes()) == (0, 0, before)
    assert f"metadata changed since, and what was chosen by it stays: {METADATA}" in check.err
    upgrade = locked.run("lock", "--upgrade", f"{GROUP}:choice")
    assert upgrade.status == 0
    assert f"{GROUP}:choice:jar:2.5" in locked.lines()
    assert f"  {GROUP}:choice:jar:2 -> 2.5" in upgrade.out.splitlines()


def test_an_input_that_changed_makes_the_lock_out_of_date_and_an_update_changes_that_alone(locked: LockStage) -> None:
    locked.publish_choice()
    (locked.directory / "wanted.txt").write_text(f"{APP}\n{TOOL}\n{GROUP}:extra:1\n")
    before = locked.lock.read_text().splitlines()

    check = locked.run("lock", "--check")
    update = locked.run("lock", "--update")

    added = {line for line in locked.lock.read_text().splitlines() if line not in before}
    assert (check.status, update.status) == (1, 0)
    assert "added (2)" in check.out
    assert "verifier.lock is not current" in check.err
    assert {line.split(" ")[0] for line in added} == {f"{GROUP}:extra:jar:1", f"{GROUP}:extra:pom:1"}
    assert set(before) <= set(locked.lock.read_text().splitlines())


def test_what_is_used_no_longer_leaves_the_lock(locked: LockStage) -> None:
    (locked.directory / "wanted.txt").write_text(f"{TOOL}\n")

    locked.run("lock", "--update")

    assert set(locked.lines()) == {JAR, f"{SIGNED_GROUP}:tool:pom:1"}


def test_metadata_that_steers_no_choice_any_more_leaves_the_lock(stage: LockStage) -> None:
    publish(stage, "app:1", needs("choice:LATEST"))
    publish(stage, "app:2", needs("choice:2"))
    assert stage.run("lock", APP).status == 0
    assert METADATA in stage.lines()

    assert stage.run("lock", "--update", f"{GROUP}:app:2").status == 0

    assert METADATA not in stage.lines()


def test_a_coordinate_named_for_an_update_takes_the_place_of_its_older_version(stage: LockStage) -> None:
    stage.run("lock", APP, TOOL)
    stage.publish_signed(version="2")

    result = stage.run("lock", "--update", f"{SIGNED_GROUP}:tool:2")

    assert result.status == 0
    assert f"# input: {SIGNED_GROUP}:tool:2\n" in stage.lock.read_text()
    assert TOOL not in stage.lock.read_text()
    assert "upgraded (2)" in result.out
    assert "no longer signed" not in result.out


def test_bytes_that_changed_under_a_locked_version_are_never_taken_into_an_update(locked: LockStage) -> None:
    before = locked.lock.read_bytes()
    locked.publish_signed("other bytes")
    shutil.rmtree(locked.cache)

    for arguments in (("lock", "--update"), ("lock", "--check"), ("lock", "--upgrade", f"{SIGNED_GROUP}:tool")):
        result = locked.run(*arguments)
        assert (result.status, "(pin-mismatch)" in result.err) == (1, True)
    assert locked.lock.read_bytes() == before


def test_a_lock_made_anew_takes_no_other_bytes_under_a_locked_version_either(locked: LockStage) -> None:
    before = locked.lock.read_bytes()
    locked.publish_signed("other bytes")
    shutil.rmtree(locked.cache)

    result = locked.run("lock", TOOL)

    assert result.status == 1
    assert "bytes changed under the same version" in result.out
    assert "nothing was written" in result.err
    assert locked.lock.read_bytes() == before
    locked.lock.unlink()
    assert locked.run("lock", TOOL).status == 0


def test_a_signer_that_changed_makes_the_lock_out_of_date_and_the_difference_shows_both(locked: LockStage) -> None:
    locked.publish_signed(by=HEIR)
    shutil.rmtree(locked.cache)

    result = locked.run("lock", "--check")

    assert result.status == 1
    assert "signer changed (2)" in result.out
    assert f"before  signed by {OWNER.fingerprint}" in result.out
    assert f"now     signed by {HEIR.fingerprint}" in result.out
    assert "--update" not in result.err


def test_an_update_repeats_the_context(stage: LockStage) -> None:
    stage.run("lock", "--java-version", "21.0.7", "-D", "a.b=c d", "--scope", "compile", "--sources", APP)
    before = stage.lock.read_text()

    stage.run("lock", "--update")

    assert "java-version=21.0.7" in before
    assert "property:a.b=c%20d" in before
    assert stage.lock.read_text() == before
    assert stage.run("lock", "--check").status == 0


def test_json_tells_what_would_change(locked: LockStage) -> None:
    (locked.directory / "wanted.txt").write_text(f"{TOOL}\n{GROUP}:extra:1\n")

    told = locked.run("lock", "--check", "--format", "json").report["lock"]

    assert (told["written"], told["current"]) == (False, False)
    assert told["signatures"] == {"signed": 2, "by_both": 0}
    assert told["difference"]["counts"]["added"] == 2
    assert {one["coordinate"] for one in told["difference"]["changes"] if one["change"] == "removed"} >= {
        f"{GROUP}:app:jar:1"
    }


def test_nothing_to_repeat_and_nothing_named_is_wrong_usage(stage: LockStage) -> None:
    assert stage.run("lock").status == 2
    assert stage.run("lock", "--update").status == 2
    assert stage.run("lock", "--check", "--update", APP).status == 2
    assert stage.run("lock", "--upgrade", "no-module", APP).status == 2
    assert stage.run("fetch", "--lock", "verifier.lock", APP).status == 2


def test_a_lock_that_does_not_say_what_it_was_made_from_cannot_be_repeated(locked: LockStage) -> None:
    locked.edit("# input: -f wanted.txt\n", "")

    result = locked.run("lock", "--check")

    assert (result.status, "does not say what it was made from" in result.err) == (2, True)
    assert locked.run("lock", "--check", "-f", "wanted.txt").status == 1
    assert locked.run("lock", "--update", "-f", "wanted.txt").status == 0
    assert locked.run("lock", "--check").status == 0


def test_what_cannot_be_recorded_cannot_be_locked(stage: LockStage, monkeypatch: pytest.MonkeyPatch) -> None:
    (stage.directory / "wanted\n.txt").write_text(TOOL)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a:b:1=runtimeClasspath\n")))

    for file, said in (("wanted\n.txt", "cannot be recorded"), ("-", "only lines of coordinates")):
        result = stage.run("lock", "-f", file)
        assert (result.status, said in result.err, stage.lock.exists()) == (2, True, False)


def test_a_file_whose_name_is_a_dash_is_not_standard_input(locked: LockStage) -> None:
    (locked.directory / "-").write_text(TOOL)
    locked.edit("# input: -f wanted.txt", "# input: -f -")

    assert locked.run("lock", "--update").status == 0
    assert set(locked.lines()) == {JAR, f"{SIGNED_GROUP}:tool:pom:1"}


def test_two_lock_files_are_one_too_many(locked: LockStage) -> None:
    shutil.copy(locked.lock, locked.directory / "other.lock")

    assert locked.run("fetch", "-f", "verifier.lock", "-f", "other.lock").status == 2
    assert locked.run("fetch", "--locked", "-f", "other.lock", "--lock", "verifier.lock").status == 2


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.txt", "link.txt"])
def test_a_recorded_input_outside_of_the_checkout_is_not_read(locked: LockStage, name: str) -> None:
    checkout = locked.directory / "checkout"
    checkout.mkdir()
    (locked.directory / "secret.txt").write_text("password=hunter2\n")
    (checkout / "link.txt").symlink_to("../secret.txt")
    locked.edit("# input: -f wanted.txt", f"# input: -f {name}")
    shutil.move(locked.lock, checkout)
    os.chdir(checkout)

    for arguments in (("--check",), ("--update",), ("--update", TOOL)):
        result = locked.run("lock", *arguments)
        assert (result.status, "lies outside of" in result.err, "hunter2" in result.err) == (2, True, False)
    (locked.directory / "secret.txt").write_text(TOOL)
    assert locked.run("lock", "--check", "-f", "../secret.txt").status == 1


def test_a_lock_is_no_input_of_its_own_since_it_would_always_be_current(locked: LockStage) -> None:
    locked.edit("# input: -f wanted.txt", "# input: -f ./verifier.lock")

    for arguments in (("--check",), ("--update",), ("-f", "verifier.lock")):
        result = locked.run("lock", *arguments)
        assert (result.status, "named as its own input" in result.err) == (2, True)


def test_an_upgrade_of_what_is_not_locked_is_an_error(locked: LockStage) -> None:
    result = locked.run("lock", "--upgrade", f"{GROUP}:choise")

    assert (result.status, f"locks nothing of {GROUP}:choise" in result.err) == (2, True)


# What lies in the output already


def test_what_lies_in_the_output_and_is_not_locked_is_refused_since_a_build_would_use_it(locked: LockStage) -> None:
    fetch = ("--output", "local", "--layout", "maven")
    assert locked.fetch_locked(*fetch).status == 0
    assert locked.fetch_locked(*fetch).status == 0
    tree = locked.directory / "local/com/example/open"
    (tree / "left/2").mkdir()
    for name in ("left/2/left-2.jar", "left/2/_remote.repositories", "left/2/left-2.jar.sha1", "left/1/left-1.jar"):
        (tree / name).write_text("evil")

    whole, part = locked.fetch_locked(*fetch), locked.fetch_locked(*fetch, TOOL)

    assert (whole.status, locked.codes(whole)) == (1, {f"{GROUP}:left:jar:2": "unpinned"})
    assert (tree / "left/1/left-1.jar").read_bytes() != b"evil"
    assert (part.status, locked.codes(part)) == (1, {f"{GROUP}:left:jar:2": "unpinned"})
    (tree / "left/1/left-1.jar").write_text("evil")
    part = locked.fetch_locked(*fetch, TOOL)
    assert locked.codes(part)[f"{GROUP}:left:jar:1"] == "pin-mismatch"
    assert locked.run("fetch", *fetch, TOOL).status == 0


def test_what_a_build_could_ask_for_by_a_name_that_is_none_is_refused_too(locked: LockStage) -> None:
    tree = locked.directory / "local"
    for name in ("README", "notes/about/this/tree.txt", "com/example/open/left/1,0/left-1,0.jar"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("evil")

    result = locked.fetch_locked("--output", "local", "--layout", "maven")

    assert locked.codes(result) == {"com/example/open/left/1,0/left-1,0.jar": "coordinate-invalid"}
    (tree / "com/example/open/left/1,0/left-1,0.jar").unlink()
    assert locked.fetch_locked("--output", "local", "--layout", "maven").status == 0


def test_sources_are_fetched_by_the_lock_as_far_as_they_are_locked(locked: LockStage) -> None:
    assert locked.run("lock", "-f", "wanted.txt", "--sources").status == 0

    for arguments in ((), (APP,)):
        result = locked.fetch_locked("--sources", *arguments)
        assert (result.status, locked.codes(result)) == (0, {})
        assert f"{GROUP}:left:jar:sources:1" in {one["coordinate"] for one in result.report["artifacts"]}
    publish(locked, "needy:1", needs("left:1").replace("<scope>", "<classifier>sources</classifier><scope>"))
    assert locked.run("lock", "--update", f"{GROUP}:needy:1").status == 0
    locked.lock.write_text(
        "".join(f"{line}\n" for line in locked.lock.read_text().splitlines() if ":sources:" not in line)
    )
    refused = locked.codes(locked.fetch_locked("--sources", f"{GROUP}:needy:1", f"{GROUP}:left:1"))
    assert refused == {f"{GROUP}:left:jar:sources:1": "unpinned"}


def test_the_scopes_are_those_that_were_locked(stage: LockStage) -> None:
    publish(stage, "app:1", needs("left:1", "extra:1@runtime"))
    assert stage.run("lock", "--scope", "compile", APP).status == 0

    assert stage.fetch_locked(APP).status == 0
    wider = stage.fetch_locked(APP, "--scope", "runtime")
    assert stage.codes(wider) == {f"{GROUP}:extra:jar:1": "unpinned"}


# Merging, by git itself


def git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [need("git"), "-c", "user.name=Jane", "-c", "user.email=jane@repo.example", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def commit(stage: LockStage, *inputs: str) -> None:
    (stage.directory / "verifier.lock").unlink(missing_ok=True)
    assert stage.run("lock", *inputs).status == 0
    git(stage.directory, "add", "verifier.lock", ".gitattributes")
    assert git(stage.directory, "commit", "-m", "lock").returncode == 0


def branched(stage: LockStage, ours: str, theirs: str) -> subprocess.CompletedProcess[str]:
    """Lock one thing more on each of two branches, and merge them."""
    assert git(stage.directory, "init", "-b", "main").returncode == 0
    (stage.directory / ".gitattributes").touch()
    commit(stage, f"{GROUP}:left:1", f"{GROUP}:nail:1")
    git(stage.directory, "checkout", "-b", "theirs")
    commit(stage, f"{GROUP}:left:1", f"{GROUP}:nail:1", theirs)
    git(stage.directory, "checkout", "main")
    commit(stage, f"{GROUP}:left:1", f"{GROUP}:nail:1", ours)
    return git(stage.directory, "merge", "--no-edit", "theirs")


@pytest.fixture
def shelf(stage: LockStage) -> LockStage:
    for name in ("anvil:1", "bolt:1", "nail:1", "zipper:1", "zither:1"):
        publish(stage, name)
    return stage


def test_branches_that_lock_files_apart_merge_without_conflict(shelf: LockStage) -> None:
    merged = branched(shelf, f"{GROUP}:anvil:1", f"{GROUP}:zipper:1")

    assert merged.returncode == 0, merged.stdout
    assert shelf.run("lock", "--check").status == 0
    assert shelf.fetch_cold().status == 0


def test_branches_that_lock_neighbours_merge_by_union_and_else_conflict_plainly(shelf: LockStage) -> None:
    merged = branched(shelf, f"{GROUP}:zither:1", f"{GROUP}:zipper:1")
    broken = shelf.run("fetch", "--locked")

    assert merged.returncode == 1
    assert (broken.status, "two branches were not merged to the end here" in broken.err) == (2, True)
    assert shelf.run("lock", "--update").status == 0
    assert shelf.run("fetch", "--locked").status == 0
    assert {f"{GROUP}:zither:jar:1", f"{GROUP}:zipper:jar:1"} <= set(shelf.lines())

    git(shelf.directory, "merge", "--abort")
    (shelf.directory / ".gitattributes").write_text("verifier.lock merge=union\n")
    assert git(shelf.directory, "merge", "--no-edit", "theirs").returncode == 0
    assert shelf.run("lock", "--check").status == 0


# lock diff


def test_a_bump_reads_well(shelf: LockStage) -> None:
    assert git(shelf.directory, "init", "-b", "main").returncode == 0
    (shelf.directory / ".gitattributes").touch()
    commit(shelf, TOOL, f"{GROUP}:anvil:1")
    shelf.publish_signed(version="2", by=HEIR)

    shelf.run("lock", "--update", f"{SIGNED_GROUP}:tool:2", f"{GROUP}:bolt:1")
    shown = shelf.run("lock", "diff", "main", "verifier.lock")

    assert shown.status == 0
    assert shown.out.splitlines() == [
        "2 signer changed, 2 upgraded, 2 added, other inputs",
        f"input removed: {TOOL}",
        f"input added: {GROUP}:bolt:1",
        f"input added: {SIGNED_GROUP}:tool:2",
        "",
        "signer changed (2)",
        f"  {JAR} -> 2",
        f"    before  signed by {OWNER.fingerprint}",
        f"    now     signed by {HEIR.fingerprint}",
        f"  {SIGNED_GROUP}:tool:pom:1 -> 2",
        f"    before  signed by {OWNER.fingerprint}",
        f"    now     signed by {HEIR.fingerprint}",
        "",
        "upgraded (2)",
        f"  {JAR} -> 2",
        f"  {SIGNED_GROUP}:tool:pom:1 -> 2",
        "",
        "added (2)",
        f"  {GROUP}:bolt:jar:1",
        "    now     no signature asked for",
        f"  {GROUP}:bolt:pom:1",
        "    now     no signature asked for",
    ]
    commit(shelf, TOOL)
    assert shelf.run("lock", "diff", "HEAD~1", "HEAD").out.splitlines()[0] == "2 removed, other inputs"
    assert shelf.run("lock", "diff", "HEAD", "HEAD", "--format", "json").report["changes"] == []
    assert "Nothing changed." in shelf.run("lock", "diff", "HEAD", "HEAD", "--format", "markdown").out


@pytest.mark.parametrize("name", ["absent-branch", "main:verifier.lock", "--output=x", "a\nb", "x" * 300, ""])
def test_what_is_neither_file_nor_revision_is_one_clear_error(locked: LockStage, name: str) -> None:
    git(locked.directory, "init", "-b", "main")

    result = locked.run("lock", "diff", "--", name, "verifier.lock")

    assert (result.status, result.out, "Traceback" in result.err) == (2, "", False)
    assert not (locked.directory / "x").exists()


def test_a_revision_is_read_from_where_one_stands_and_needs_git(
    shelf: LockStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git(shelf.directory, "init", "-b", "main").returncode == 0
    (shelf.directory / "deep").mkdir()
    monkeypatch.chdir(shelf.directory / "deep")
    assert shelf.run("lock", TOOL).status == 0
    git(shelf.directory, "add", "deep/verifier.lock")
    assert git(shelf.directory, "commit", "-m", "lock").returncode == 0

    assert shelf.run("lock", "diff", "main", "verifier.lock").out == "nothing changed\n"
    monkeypatch.chdir(shelf.directory)
    assert shelf.run("lock", "diff", "main", "main", "--lock", "deep/verifier.lock").status == 0
    assert shelf.run("lock", "diff", "main", "main").status == 2
    monkeypatch.setenv("PATH", "/nonexistent")
    without_git = shelf.run("lock", "diff", "main", "main")
    assert (without_git.status, "git is not installed" in without_git.err) == (2, True)


@pytest.mark.parametrize("name", ["main", "HEAD", "origin/main"])
def test_a_file_named_like_a_revision_never_takes_its_place(shelf: LockStage, name: str) -> None:
    assert git(shelf.directory, "init", "-b", "main").returncode == 0
    (shelf.directory / ".gitattributes").touch()
    commit(shelf, TOOL)
    git(shelf.directory, "update-ref", "refs/remotes/origin/main", "HEAD")
    shelf.edit(f"key:{OWNER.fingerprint}", "unsigned")
    (shelf.directory / name).parent.mkdir(exist_ok=True)
    shutil.copy(shelf.lock, shelf.directory / name)

    result = shelf.run("lock", "diff", name, "verifier.lock")

    assert (result.status, f"{name}: is both a file here and a git revision" in result.err) == (2, True)
    assert shelf.run("lock", "diff", f"./{name}", "verifier.lock").out == "nothing changed\n"
    assert "no longer signed" in shelf.run("lock", "diff", "refs/heads/main", "verifier.lock").out


def test_no_replacement_of_an_object_changes_what_a_revision_says(shelf: LockStage) -> None:
    assert git(shelf.directory, "init", "-b", "main").returncode == 0
    (shelf.directory / ".gitattributes").touch()
    commit(shelf, TOOL)
    commit(shelf, TOOL, f"{GROUP}:anvil:1")
    old, new = (git(shelf.directory, "rev-parse", f"HEAD{at}:verifier.lock").stdout.strip() for at in ("~1", ""))
    assert git(shelf.directory, "replace", old, new).returncode == 0

    assert shelf.run("lock", "diff", "HEAD~1", "HEAD").out.startswith("2 added")


def test_json_holds_no_command_for_a_ci(locked: LockStage) -> None:
    shutil.copy(locked.lock, locked.directory / "other.lock")
    locked.edit("# input: -f wanted.txt", "# input: ##[error]x")

    result = locked.run("lock", "diff", "other.lock", "verifier.lock", "--format", "json")

    assert ("##" in result.out, result.report["inputs"]["added"]) == (False, ["##[error]x"])


def test_a_lock_over_its_bound_in_a_revision_is_refused(shelf: LockStage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git(shelf.directory, "init", "-b", "main").returncode == 0
    (shelf.directory / ".gitattributes").touch()
    commit(shelf, TOOL)
    monkeypatch.setattr("verifier.cli.lock.MAX_LOCK_BYTES", 10)

    result = shelf.run("lock", "diff", "main", "main")

    assert (result.status, "main:verifier.lock: is over 10 bytes" in result.err) == (2, True)


def test_the_bound_of_an_input_and_of_a_lock_is_the_same() -> None:
    from verifier.cli.inputs import MAX_INPUT_BYTES  # noqa: PLC0415  (what is compared)

    assert lockfile.MAX_LOCK_BYTES == MAX_INPUT_BYTES
