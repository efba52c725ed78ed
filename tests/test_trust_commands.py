"""`verifier trust` from outside: from a refusal to an entry, and no further where it may be an attack."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from stage import WIDGET, Stage, stage

from verifier.cli.main import run
from verifier.cli.trusting import _by_every_engine, target_of
from verifier.policy import Engine
from verifier.policy_file import builtin_policy, parse_policy

__all__ = ["stage"]

GIZMO = "com.example:gizmo:2.3"
GIZMO_PATH = "/com/example/gizmo/2.3/gizmo-2.3.jar"
ROPE = "org.example.crew:rope:3.0"
AUTHOR = "35DE40D828CB4B95E6B22E37A81251152B4B1B0A"
BUILDER = "F5A4F14F15021C805831FB5A1B3A50F01CC5085A"
CREW = "824F76193CB089ADE5F685F74CAF8E2A0BB7B12A"
REVOKED = "D175C3CD5308A1B72CEB1BF0491820D822276AC3"
STRANGER = "BC1E772CA1E22E302D47DFBE4706DDA9418D956A"
BUILDERS_ENTRY = f'[[trust]]\nmatch = "com.example.*"\nkeys = ["{BUILDER}"]\nreason = "builder"\n'
COMMENT = "# what follows is open to all\n"
LIST = ['"keys/author.public.asc"', '"keys/stranger.public.asc", "keys/author.public.asc"']


@pytest.fixture
def new_group(stage: Stage) -> Stage:
    """Give a stage whose policy trusts nobody for com.example."""
    stage.change_policy(BUILDERS_ENTRY, f"# the builder is not trusted yet\n\n{COMMENT.rstrip()}\n")
    stage.change_policy(f"{COMMENT}\n[[rule]]", f"{COMMENT}[[rule]]")
    return stage


def waiting(stage: Stage, coordinate: str = GIZMO, code: str = "key-untrusted") -> None:
    assert stage.fetch(coordinate).artifact()["code"] == code


def suggestion(stage: Stage, *arguments: str) -> dict[str, Any]:
    (signer,) = json.loads(stage.run("trust", "suggest", "--format", "json", *arguments).out)["signers"]
    assert isinstance(signer, dict)
    return signer


def shown_command(out: str) -> list[str]:
    """Take the command out of what was shown, as a person copies it."""
    lines = out.split("  by\n")[1].replace(" \\\n", " ").splitlines()
    return shlex.split(lines[0])[1:]


# From the refusal to the fetch


def test_a_new_group_is_refused_suggested_added_and_fetched_by_commands_from_the_messages(new_group: Stage) -> None:
    refusal = new_group.run("fetch", "--no-transitive", GIZMO)
    (suggest,) = re.findall(r"verifier (trust suggest \S+)", refusal.err)

    suggested = new_group.run(*suggest.split())
    assert suggested.status == 0
    assert run(shown_command(suggested.out)) == 0

    assert new_group.run("fetch", GIZMO).status == 0
    assert all(len(line) <= 80 for line in suggested.out.splitlines() if str(new_group.directory) not in line)


def test_what_is_shown_is_what_is_written(new_group: Stage) -> None:
    waiting(new_group)
    (group,) = suggestion(new_group, GIZMO)["groups"]

    new_group.run("trust", "add", "com.example", BUILDER)

    assert group["proposal"]["toml"] in new_group.policy.read_text()
    assert 'origin = "first use, ' in group["proposal"]["toml"]


def test_adding_keeps_every_line_and_says_what_was_written(new_group: Stage) -> None:
    before = new_group.policy.read_text()
    waiting(new_group)

    result = new_group.run("trust", "add", "com.example", BUILDER, "--reason", "seen at the fair", "--origin", "me")

    entry = f'[[trust]]\nmatch = "com.example"\nkeys = ["{BUILDER}"]\norigin = "me"\nreason = "seen at the fair"\n'
    assert new_group.policy.read_text() == before.replace(f"\n{COMMENT}", f"\n{entry}\n{COMMENT}")
    assert [line[1:] for line in result.out.splitlines() if re.match(r"\+(?!\+)", line)][:-1] == entry.splitlines()
    assert not list(new_group.directory.glob(".verifier.toml*"))


def test_nothing_is_admitted_by_an_entry_that_is_not_written_yet(new_group: Stage) -> None:
    waiting(new_group)

    result = new_group.run("trust", "add", "com.example", BUILDER, "--dry-run")

    assert (result.status, new_group.cached()) == (0, [])
    assert BUILDER not in new_group.policy.read_text()
    assert f'+keys = ["{BUILDER}"]' in result.out


def test_the_same_entry_is_not_written_twice(new_group: Stage) -> None:
    waiting(new_group)
    new_group.run("trust", "add", "com.example", BUILDER)
    once = new_group.policy.read_text()

    again = new_group.run("trust", "add", "com.example", BUILDER)

    assert (again.status, new_group.policy.read_text()) == (0, once)


def test_a_coordinate_is_trusted_in_that_version_and_no_other(new_group: Stage) -> None:
    assert new_group.run("trust", "add", "com.example:gizmo:jar:2.3", BUILDER).status == 0

    assert 'match = "com.example:gizmo:2.3"' in new_group.policy.read_text()
    assert 'reason = "signs 2.3 in 1 file, dated 2024-03-01; stated by nobody else"' in new_group.policy.read_text()


def test_a_linked_policy_is_written_where_it_lies(new_group: Stage, tmp_path: Path) -> None:
    waiting(new_group)
    real = new_group.policy.rename(new_group.directory / "real.toml")
    new_group.policy.symlink_to(real)
    real.chmod(0o640)

    assert new_group.run("trust", "add", "com.example", BUILDER).status == 0

    assert new_group.policy.is_symlink()
    assert (BUILDER in real.read_text(), real.stat().st_mode & 0o777) == (True, 0o640)


def test_without_a_policy_the_working_directory_gets_one() -> None:
    builtin = builtin_policy("https://repo.example")
    named = parse_policy("", "/somewhere/verifier.toml", default_repository_url="https://repo.example")

    assert target_of(builtin) == Path("verifier.toml")
    assert target_of(named) == Path("/somewhere/verifier.toml")


def test_both_engines_are_asked_whatever_the_policy_says() -> None:
    text = '[require]\nengine = "native"\n[[rule]]\nmatch = "org.a"\nchecksum = "sha256"\n'
    policy = _by_every_engine(parse_policy(text, "verifier.toml", default_repository_url="https://repo.example"))

    assert (policy.require.engine, policy.rules[0].rule.engine) == (Engine.BOTH, Engine.BOTH)


def test_a_subkey_leads_to_its_primary(stage: Stage) -> None:
    entry = (
        f'[[trust]]\nmatch = "org.example.crew"\nkeys = ["{CREW}"]\nreason = "a primary key, which signs by a subkey"\n'
    )
    stage.change_policy(entry, "")
    stage.change_policy('match = "org.example.*"', 'match = "org.example"')
    waiting(stage, ROPE)
    signer = suggestion(stage, ROPE)
    (subkey,) = signer["key"]["subkeys"]

    by_subkey = stage.run("trust", "add", "org.example.crew", subkey["fingerprint"])

    assert (signer["fingerprint"], by_subkey.status) == (CREW, 1)
    assert f"{subkey['fingerprint']} is a subkey of {CREW}" in by_subkey.err
    assert stage.run("trust", "add", "org.example.crew", subkey["fingerprint"], "--exact").status == 0


# What may be an attack


@pytest.fixture
def new_signer(stage: Stage) -> Stage:
    """Give a stage where a known group's file is signed by a stranger, whose key is at hand."""
    stage.change_policy(*LIST)
    stage.lay_over("key-untrusted")
    waiting(stage, WIDGET)
    return stage


def test_a_new_signer_of_a_known_group_is_shown_beside_the_known_one_and_with_no_way_to_trust_it(
    new_signer: Stage,
) -> None:
    new_signer.fetch("org.example:widget:1.1")
    shown = new_signer.run("trust", "suggest", WIDGET).out

    assert "!! A KNOWN GROUP HAS A NEW SIGNER" in shown
    assert shown.index(f"new    {STRANGER}") < shown.index(f"known  {AUTHOR}")
    assert "trust add" not in shown
    assert "--replaces" not in shown
    assert "[[trust]]" not in shown
    (group,) = suggestion(new_signer, WIDGET)["groups"]
    assert ([c["caution"] for c in group["cautions"]], group["proposal"]) == (["new-signer"], None)


def test_the_refusal_of_a_new_signer_names_no_command(new_signer: Stage) -> None:
    artifact = new_signer.fetch(WIDGET).artifact()

    assert "compare the two" in artifact["hint"]
    assert "verifier" not in artifact["hint"]


def test_a_new_signer_of_a_known_group_is_not_added(new_signer: Stage) -> None:
    before = new_signer.policy.read_text()

    result = new_signer.run("trust", "add", "org.example", STRANGER)

    assert (result.status, new_signer.policy.read_text()) == (1, before)
    assert f"new    {STRANGER}" in result.err
    assert f"known  {AUTHOR}" in result.err
    assert "--replaces" not in result.err


@pytest.mark.parametrize("replaced", [AUTHOR[-16:], BUILDER, STRANGER])
def test_a_new_signer_joins_none_but_a_known_one_named_in_full(new_signer: Stage, replaced: str) -> None:
    before = new_signer.policy.read_text()

    assert new_signer.run("trust", "add", "org.example", STRANGER, "--replaces", replaced).status == 2
    assert new_signer.policy.read_text() == before


def test_a_person_who_has_looked_at_both_may_add_the_new_one(new_signer: Stage) -> None:
    result = new_signer.run("trust", "add", "org.example", STRANGER, "--replaces", AUTHOR)

    assert result.status == 0
    assert f"joins {AUTHOR}" in new_signer.policy.read_text()
    assert new_signer.run("fetch", WIDGET).status == 0


def test_a_wider_pattern_meets_the_known_signers_below_it(new_group: Stage) -> None:
    new_group.change_policy('match = "org.example.*"', 'match = "com.example.part"')
    waiting(new_group)

    assert new_group.run("trust", "add", "com.example.*", BUILDER).status == 1
    assert new_group.run("trust", "add", "com.example", BUILDER).status == 0


def test_a_signature_that_does_not_verify_is_never_trusted(new_group: Stage) -> None:
    waiting(new_group)
    new_group.lay_over("signature-bad")
    before = new_group.policy.read_text()

    result = new_group.run("trust", "add", "com.example", BUILDER)

    assert (result.status, new_group.policy.read_text()) == (1, before)
    assert "signature-bad" in result.err


def test_a_bad_signature_on_record_is_judged_again_before_its_key_is_trusted(new_group: Stage) -> None:
    new_group.lay_over("signature-bad")
    waiting(new_group, GIZMO, "signature-bad")

    assert new_group.run("trust", "add", "com.example", BUILDER).status == 1


def test_a_key_revoked_for_good_is_never_trusted(stage: Stage) -> None:
    stage.change_policy(f'"{REVOKED}", ', "")
    stage.lay_over("key-revoked")
    waiting(stage, WIDGET, "key-revoked")
    (group,) = suggestion(stage, WIDGET)["groups"]

    result = stage.run("trust", "add", "org.example", REVOKED, "--replaces", AUTHOR)

    assert "key-revoked" in [caution["caution"] for caution in group["cautions"]]
    assert group["proposal"] is None
    assert result.status == 1
    assert "revoked as compromised" in result.err


def test_a_key_that_signs_none_of_the_files_is_not_added_beside_one_that_does(new_group: Stage) -> None:
    waiting(new_group)

    result = new_group.run("trust", "add", "com.example", BUILDER, STRANGER)

    assert result.status == 1
    assert f"{STRANGER} signs none of the files judged" in result.err


def test_a_file_by_another_key_is_not_a_reason_to_trust_one(stage: Stage) -> None:
    result = stage.run("trust", "add", GIZMO, STRANGER, "--replaces", BUILDER)

    assert result.status == 1
    assert "no signature of com.example:gizmo:jar:2.3 is by the key named" in result.err


def test_an_unavailable_file_is_no_reason_to_trust(new_group: Stage) -> None:
    waiting(new_group)

    assert new_group.run("--offline", "trust", "add", "com.example", BUILDER).status == 3
    assert BUILDER not in new_group.policy.read_text()


# What cannot be meant


@pytest.mark.parametrize(
    "arguments",
    [
        ["com.*", BUILDER],
        ["*", BUILDER],
        ["com.example", BUILDER[-16:]],
        ["com.example", BUILDER[-8:]],
        ["com.example"],
        [],
        ["com.example", BUILDER, "--expires", "tomorrow"],
        ["com.example", BUILDER, "--statements", "1"],
        ["--suggested"],
        ["--suggested", "--statements", "1"],
        ["com.example", "--suggested", "--statements", "1", "--signing-since", "2020-01-01"],
        ["com.nowhere", BUILDER],
        ["com.example:gizmo:jar:2.3:more:parts", BUILDER],
    ],
)
def test_wrong_usage_is_one_message_and_status_2(new_group: Stage, arguments: list[str]) -> None:
    waiting(new_group)
    before = new_group.policy.read_text()

    result = new_group.run("trust", "add", *arguments)

    assert (result.status, new_group.policy.read_text()) == (2, before)
    assert "Traceback" not in result.err


@pytest.mark.parametrize("arguments", [[], ["--refused", GIZMO], ["no coordinate"]])
def test_suggest_wants_coordinates_or_all_refusals(stage: Stage, arguments: list[str]) -> None:
    assert stage.run("trust", "suggest", *arguments).status == 2


@pytest.mark.parametrize("arguments", [[], ["list"], ["suggest"], ["add"]])
def test_help_fits_eighty_columns(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(["trust", *arguments, "--help"])

    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())


# Many at once


def test_all_refusals_on_record_are_reviewed_in_one_sitting_by_signer(new_group: Stage) -> None:
    new_group.fetch(GIZMO, "com.example:gizmo:pom:2.3", "org.example:widget:1.1")

    signer = suggestion(new_group, "--refused")

    (group,) = signer["groups"]
    assert signer["signer"] == BUILDER
    assert [one["coordinate"] for one in group["waiting"]] == [
        "com.example:gizmo:jar:2.3",
        "com.example:gizmo:pom:2.3",
    ]
    assert (group["versions"], group["since"], group["statements"]) == (["2.3"], "2024-03-01", [])
    assert signer["domains"] == ["example.org"]


def test_what_was_verified_since_waits_no_more(new_group: Stage) -> None:
    waiting(new_group)
    new_group.run("trust", "add", "com.example", BUILDER)
    new_group.fetch(GIZMO)

    assert json.loads(new_group.run("trust", "suggest", "--refused", "--format", "json").out)["signers"] == []


def test_a_trusted_signer_whose_key_is_missing_is_not_suggested_anew(stage: Stage) -> None:
    stage.lay_over("key-unknown")
    waiting(stage, WIDGET, "key-unknown")

    shown = stage.run("trust", "suggest", WIDGET).out

    assert "what is missing is" in shown
    assert "verifier keys refresh 1B05F1A8B791DEA858F4CA61A75472DCF88D0433" in " ".join(shown.split())
    assert "trust add" not in shown
    assert "NEW SIGNER" not in shown


@pytest.mark.parametrize(
    ("statements", "since", "status", "written"),
    [("0", "2024-03-01", 0, True), ("0", "2024-02-29", 0, False), ("1", "2024-03-01", 0, False)],
)
def test_adds_what_passes_the_bar_and_no_other(
    new_group: Stage, statements: str, since: str, status: int, *, written: bool
) -> None:
    waiting(new_group)

    result = new_group.run("trust", "add", "--suggested", "--statements", statements, "--signing-since", since)

    assert (result.status, BUILDER in new_group.policy.read_text()) == (status, written)
    assert ("left out" in result.err) == (not written)


def test_never_adds_a_new_signer_of_a_known_group_by_a_bar(new_signer: Stage) -> None:
    result = new_signer.run("trust", "add", "--suggested", "--statements", "0", "--signing-since", "2030-01-01")

    assert STRANGER not in new_signer.policy.read_text()
    assert f"left out: {STRANGER} for org.example: new-signer" in result.err


def test_leaves_out_what_passes_the_bar_and_does_not_hold(new_group: Stage) -> None:
    waiting(new_group)
    new_group.lay_over("signature-bad")

    result = new_group.run("trust", "add", "--suggested", "--statements", "0", "--signing-since", "2030-01-01")

    assert (result.status, BUILDER in new_group.policy.read_text()) == (1, False)


# The list


def test_lists_the_policys_own_entries_with_origin_and_place(stage: Stage) -> None:
    everything = stage.run("trust", "list", "--own").out
    of_group = json.loads(stage.run("trust", "list", "--own", "--format", "json", "com.example").out)

    assert f"  from         {stage.policy}:12" in everything
    assert [(entry["match"], entry["keys"], entry["kind"]) for entry in of_group] == [
        ("com.example.*", [BUILDER], "policy")
    ]


@pytest.mark.parametrize(
    ("what", "patterns"),
    [
        ("org.example.antique", {"org.example.*", "org.example.antique"}),
        ("org.example", {"org.example.*"}),
        ("org.example.*", {"org.example.*", "org.example.crew", "org.example.antique"}),
        ("org.example.crew:rope:3.0", {"org.example.*", "org.example.crew"}),
        ("org.example.crew:rope:jar:3.0", {"org.example.*", "org.example.crew"}),
        ("org.nobody", set()),
    ],
)
def test_lists_what_counts_for_a_group_or_a_coordinate(stage: Stage, what: str, patterns: set[str]) -> None:
    entries = json.loads(stage.run("trust", "list", "--format", "json", what).out)

    assert {entry["match"] for entry in entries} == patterns


def test_says_of_a_services_key_that_it_tells_who_uploaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "verifier.toml"
    policy.write_text("")

    assert run(["--policy", str(policy), "trust", "list", "androidx.activity"]) == 0

    shown = " ".join(capsys.readouterr().out.split())
    assert "which service uploaded a file, not who made it" in shown
    assert "starter map" in shown
