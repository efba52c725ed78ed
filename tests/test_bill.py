"""A bill of materials of what was fetched: valid, readable back, the same every time, and of verified files alone."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from stage import Result, Stage, stage

from verifier.formats.recognise import Format, read_list, recognise

__all__ = ["stage"]

AUTHOR = "35DE40D828CB4B95E6B22E37A81251152B4B1B0A"
CREW = "824F76193CB089ADE5F685F74CAF8E2A0BB7B12A"
DOOR = "com.example.open:door:1.0"
ROPE = "org.example.crew:rope:3.0"
DEPENDENCIES = """
<dependencies>
  <dependency><groupId>org.example</groupId><artifactId>widget</artifactId><version>1.1</version></dependency>
  <dependency><groupId>org.example</groupId><artifactId>relic</artifactId><version>0.9</version>
    <scope>runtime</scope></dependency>
</dependencies>
"""
PROJECT = """<project>
<modelVersion>4.0.0</modelVersion>
<groupId>com.example.shop</groupId><artifactId>till</artifactId><version>2.0</version>
<dependencies>
  <dependency><groupId>com.example.open</groupId><artifactId>door</artifactId><version>1.0</version></dependency>
  <dependency><groupId>org.example.crew</groupId><artifactId>rope</artifactId><version>3.0</version>
    <scope>test</scope></dependency>
</dependencies>
</project>"""


@pytest.fixture
def shop(stage: Stage) -> Stage:
    """Give a stage whose door, which needs no signature, depends on signed and exempt artifacts; and a project."""
    pom = stage.root / "com/example/open/door/1.0/door-1.0.pom"
    text = pom.read_text().replace("</project>", f"{DEPENDENCIES}</project>")
    pom.write_text(text)
    for checksum in pom.parent.glob("door-1.0.pom.*"):
        kind = checksum.suffix.removeprefix(".")
        checksum.write_text(hashlib.new(kind, text.encode()).hexdigest())
    (stage.directory / "pom.xml").write_text(PROJECT)
    return stage


def export(stage: Stage, *arguments: str) -> Result:
    return stage.run("export", "cyclonedx", "--reproducible", *arguments)


def component(bill: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in bill["components"] if one["name"] == name)
    assert isinstance(found, dict)
    return found


def properties(holder: dict[str, Any]) -> dict[str, str]:
    return {one["name"].removeprefix("verifier:"): one["value"] for one in holder["properties"]}


def needs(bill: dict[str, Any]) -> dict[str, list[str]]:
    def short(purl: str) -> str:
        return purl.rpartition("/")[2].partition("@")[0]

    return {short(one["ref"]): sorted(map(short, one.get("dependsOn", ()))) for one in bill["dependencies"]}


def test_a_bill_is_valid_by_its_schema(shop: Stage) -> None:
    for made in (export(shop, "-f", str(shop.directory / "pom.xml")), shop.run("export", "cyclonedx", DOOR)):
        assert made.status == 0, made.err
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made.out) is None


def test_the_validator_finds_what_is_wrong(shop: Stage) -> None:
    spoiled = export(shop, DOOR).out.replace('"library"', '"librarian"')

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(spoiled) is not None


def test_a_component_tells_its_bytes_its_origin_and_who_signed_it(stage: Stage) -> None:
    made = export(stage, "org.example:widget:1.0")
    artifact = stage.fetch("org.example:widget:1.0").artifact()

    widget = component(made.report, "widget")

    assert widget["purl"] == widget["bom-ref"] == "pkg:maven/org.example/widget@1.0?type=jar"
    hashes = {one["alg"]: one["content"] for one in widget["hashes"]}
    assert hashes["SHA-256"] == artifact["digests"]["sha256"]
    assert hashes.keys() == {"SHA-1", "SHA-256", "SHA-512"}
    assert {one["type"]: one["url"] for one in widget["externalReferences"]} == {
        "distribution": artifact["url"],
        "digital-signature": f"{artifact['url']}.asc",
    }
    (identity,) = widget["evidence"]["identity"]
    assert identity["methods"][0]["technique"] == "attestation"
    assert AUTHOR in identity["methods"][0]["value"]
    told = properties(widget)
    assert (told["signer"], told["signing-key"]) == (AUTHOR, AUTHOR)
    assert (told["repository"], told["signature-created"]) == ("example", artifact["signatures"][0]["created"])
    assert "licenses" not in widget


def test_a_subkey_is_told_beside_its_primary_key(stage: Stage) -> None:
    told = properties(component(export(stage, ROPE).report, "rope"))

    assert told["signer"] == CREW
    assert told["signing-key"] != CREW


def test_a_pin_is_told_as_a_pin_and_nothing_is_claimed_where_nobody_vouches(shop: Stage) -> None:
    bill = export(shop, DOOR).report

    (identity,) = component(bill, "relic")["evidence"]["identity"]
    assert identity["methods"][0]["technique"] == "hash-comparison"
    assert "exempt from signature-missing" in identity["methods"][0]["value"]
    door = component(bill, "door")
    assert "evidence" not in door
    assert [one["type"] for one in door["externalReferences"]] == ["distribution"]
    assert "TLS and checksum alone" in properties(door)["trusted-by"]


def test_the_graph_is_mavens_and_the_project_stands_above_it(shop: Stage) -> None:
    bill = export(shop, "-f", str(shop.directory / "pom.xml")).report

    assert bill["metadata"]["component"]["bom-ref"] == "pkg:maven/com.example.shop/till@2.0"
    assert needs(bill) == {"till": ["door", "rope"], "door": ["relic", "widget"], "relic": [], "rope": [], "widget": []}
    assert {one["name"]: one["scope"] for one in bill["components"]} == {
        "door": "required", "relic": "required", "rope": "excluded", "widget": "required",
    }  # fmt: skip


def test_scopes_that_were_not_asked_for_are_not_listed(shop: Stage) -> None:
    bill = export(shop, "-f", str(shop.directory / "pom.xml"), "--scope", "test").report

    assert needs(bill) == {"till": ["rope"], "rope": []}


def test_of_an_artifact_whose_pom_is_nowhere_nobody_says_that_it_needs_nothing(shop: Stage) -> None:
    known = needs(export(shop, DOOR).report)
    for file in (shop.root / "org/example/relic/0.9").glob("*.pom*"):
        file.unlink()
    shop.cache = shop.directory / "another cache"
    shop.policy = shop.write_policy(extra='[[rule]]\nmatch = "org.example:relic"\nmissing-pom = "leaf"\n')

    unknown = needs(export(shop, DOOR).report)

    assert known == {"door": ["relic", "widget"], "relic": [], "widget": []}
    assert unknown == {"door": ["relic", "widget"], "widget": []}


def test_named_files_alone_make_a_bill_too(shop: Stage) -> None:
    bill = export(shop, "--no-transitive", DOOR, "org.example:widget:jar:sources:1.0").report

    assert {one["name"] for one in bill["components"]} == {"door", "widget"}
    assert bill["dependencies"] == []
    assert component(bill, "widget")["purl"].endswith("?classifier=sources&type=jar")


def test_what_a_lock_file_holds_makes_a_bill_and_nothing_else_does(stage: Stage) -> None:
    lock = ("--locked", "--lock", str(stage.directory / "verifier.lock"))
    assert stage.run("lock", *lock[1:], "org.example:widget:1.0", ROPE).status == 0

    whole = export(stage, *lock)
    unlocked = export(stage, *lock, "org.example:widget:1.1")

    assert {one["name"] for one in whole.report["components"]} == {"rope", "widget"}
    assert (unlocked.status, unlocked.out) == (1, "")


def test_our_own_reader_finds_the_same_files_in_it(shop: Stage, tmp_path: Path) -> None:
    file = tmp_path / "bom.json"
    made = export(shop, "-o", str(file), DOOR, "org.example:widget:jar:sources:1.0")

    document = file.read_bytes()
    listed = sorted(map(str, read_list(document, recognise(document, str(file)), str(file))))
    again = shop.run("fetch", "--format", "json", "-f", str(file))

    assert (made.status, made.out, recognise(document, str(file))) == (0, "", Format.CYCLONEDX_JSON)
    assert listed == [
        "com.example.open:door:jar:1.0",
        "org.example:relic:jar:0.9",
        "org.example:widget:jar:1.1",
        "org.example:widget:jar:sources:1.0",
    ]
    assert again.status == 0
    assert set(listed) <= {one["coordinate"] for one in again.report["artifacts"]}


def test_it_is_the_same_byte_for_byte_from_another_cache_and_another_place(shop: Stage) -> None:
    first = export(shop, DOOR)
    offline = shop.run("--offline", "export", "cyclonedx", "--reproducible", DOOR)
    elsewhere = shop.directory / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(shop.directory / "keys", elsewhere / "keys")
    shutil.copy(shop.authority.file, elsewhere)
    shop.policy = shop.write_policy(name="elsewhere/verifier.toml")
    shop.change_policy(str(shop.directory), str(elsewhere))
    shop.cache = shop.directory / "another cache"

    second = export(shop, DOOR)

    assert first.status == offline.status == second.status == 0
    assert first.out == offline.out == second.out
    assert str(shop.directory) not in first.out


def test_another_serial_number_for_other_contents_and_none_of_chance(shop: Stage) -> None:
    every = [export(shop, DOOR), export(shop, DOOR), export(shop, "org.example:widget:1.1")]

    serials = [made.report["serialNumber"] for made in every]

    assert serials[0] == serials[1] != serials[2]


def test_without_reproducible_it_has_the_time_and_the_records(stage: Stage) -> None:
    bill = stage.run("export", "cyclonedx", "org.example:widget:1.0").report
    same = export(stage, "org.example:widget:1.0").report

    record = properties(component(bill, "widget"))["record"]
    assert bill["metadata"]["timestamp"].startswith("20")
    assert stage.run("explain", record).status == 0
    assert "timestamp" not in same["metadata"]
    assert "record" not in properties(component(same, "widget"))


@pytest.mark.parametrize("attack", ["signature-bad", "signature-missing"])
def test_one_refusal_and_there_is_no_bill_and_an_older_one_stays(stage: Stage, tmp_path: Path, attack: str) -> None:
    stage.lay_over(attack)
    target = tmp_path / "bom.json"
    target.write_text("an older one")
    bad = "org.example:widget:1.0" if attack == "signature-bad" else "org.example:unsigned:1.0"

    shown = export(stage, "--no-transitive", ROPE, bad)
    written = export(stage, "--no-transitive", ROPE, bad, "-o", str(target))

    assert (shown.status, shown.out, written.status) == (1, "", 1)
    assert f"({attack})" in shown.err
    assert target.read_text() == "an older one"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".bom")] == []


def test_what_cannot_be_had_makes_no_bill(stage: Stage) -> None:
    missing = export(stage, "org.example:widget:9.9")

    assert (missing.status, missing.out) == (3, "")


def test_a_target_that_cannot_be_written_is_one_clear_error(stage: Stage, tmp_path: Path) -> None:
    result = export(stage, "-o", str(tmp_path / "nowhere" / "bom.json"), "org.example:widget:1.0")

    assert result.status == 2
    assert "cannot be written" in result.err


def test_who_writes_no_bill_does_not_pay_for_the_library(stage: Stage) -> None:
    stage.fetch("org.example:widget:1.0")
    code = (
        "import sys; from verifier.cli.main import run\n"
        f"run(['--policy', {str(stage.policy)!r}, '--cache', {str(stage.cache)!r}, '--offline',"
        " 'export', 'in-toto', '--no-transitive', '--verifier-id', 'https://ci.example', 'org.example:widget:1.0'])\n"
        "assert 'cyclonedx' not in sys.modules\n"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["predicate"]["verificationResult"] == "PASSED"
