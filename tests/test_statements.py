"""The table of who states which signer, and the one that is shipped."""

from datetime import date

import pytest

from verifier.errors import ConfigError
from verifier.starter import load_starter, load_statements
from verifier.statements import MAX_STATEMENTS_CHARACTERS, Statements

KEY, OTHER = "35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "AB" * 20
LINE = f"org.example\t{KEY}\tprimary\t1\t2\t3\t4\t5\t6\tgood\t2026-01-02\tlegacy\tsoft:2024-01-04\ttoo few witnesses"
WIDE = f"org.*\t{KEY}\texact\t0\t1\t0\t0\t0\t0\t-\t-\t-\thard\tcontradicted: withdrawn by a source"
PART = f"org.example:thing\t{OTHER}\tprimary\t1\t0\t0\t0\t0\t0\tnamed\t2026-01-02\tclean\t-\tentry"
TABLE = Statements(f"# a comment\n{WIDE}\n{LINE}\n{PART}\n")


def test_reads_what_is_said_of_a_pair() -> None:
    _, one = TABLE.of_signer(KEY)

    assert (one.pattern, one.exact, one.standing, one.former, one.unmerged, one.others) == (
        "org.example", False, 10, 2, 3, 6,
    )  # fmt: skip
    assert (one.seen, one.last, one.legacy) == ("good", date(2026, 1, 2), True)
    assert (one.revoked, one.revoked_on, one.is_contradicted, one.is_wide) == ("soft", date(2024, 1, 4), False, False)


def test_a_generated_wildcard_is_told_apart() -> None:
    one, _ = TABLE.of_signer(KEY)

    assert (one.is_wide, one.is_contradicted, one.standing, one.revoked, one.revoked_on) == (
        True,
        True,
        0,
        "hard",
        None,
    )
    assert (one.seen, one.last, one.legacy) == ("", None, None)


@pytest.mark.parametrize("identity", [KEY, KEY[-16:]])
def test_finds_a_signer_by_fingerprint_and_key_id_and_by_nothing_shorter(identity: str) -> None:
    assert [one.pattern for one in TABLE.of_signer(identity)] == ["org.*", "org.example"]
    assert TABLE.of_signer(identity[1:]) == ()


@pytest.mark.parametrize(
    ("group", "patterns"),
    [("org.example", ["org.*", "org.example", "org.example:thing"]), ("org.example2", ["org.*"]), ("organ", [])],
)
def test_finds_what_covers_a_group_segment_by_segment(group: str, patterns: list[str]) -> None:
    assert [one.pattern for one in TABLE.of_group(group)] == patterns


@pytest.mark.parametrize(
    "line",
    [LINE.replace("\t4\t", "\tfour\t"), LINE.rpartition("\t")[0], LINE + "\tmore", LINE.replace("2026-01-02", "x")],
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(ConfigError, match="no statement"):
        Statements(line).of_signer(KEY)


def test_a_table_over_its_bound_is_refused() -> None:
    with pytest.raises(ConfigError, match="bound"):
        Statements("x" * (MAX_STATEMENTS_CHARACTERS + 1))


def test_the_shipped_table_has_every_signer_of_the_map_and_those_that_fell_short() -> None:
    statements = load_statements()
    entries = load_starter().entries()
    named = [one for entry in entries[::40] for one in statements.of_signer(entry.keys[0])]

    assert all(statements.of_signer(entry.keys[0]) for entry in entries[::40])
    assert {"entry"} < {one.fate for one in named}
