"""The starter map and key facts that the package ships, and how they are read."""

import re
from contextlib import suppress
from datetime import date, timedelta
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.coordinate import make_coordinate, parse_coordinate
from verifier.errors import ConfigError
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.facts import parse_facts, write_facts
from verifier.pattern import Reach
from verifier.starter import KeyFacts, load_starter
from verifier.trust import MAX_STARTER_CHARACTERS, TrustEntry, parse_starter

DATA = files("verifier").joinpath("data")
STARTER = load_starter()
ENTRIES = STARTER.entries()
KEY_LINES = DATA.joinpath("keys.tsv").read_text().splitlines()
FACTS: dict[str, Certificate] = {
    certificate.primary.fingerprint: certificate
    for certificate in (parse_facts(line) for line in KEY_LINES if not line.startswith("#"))
}
WITHOUT_FACTS = {line.split()[1] for line in KEY_LINES if line.endswith(" has no key facts")}
COLLISION = date(2017, 2, 23)
LINE = "org.example\t{}\tprimary\tprojects\t2\t-\t-\tstated by 2 independent projects\t-\n".format("A" * 40)


def days(entry: TrustEntry) -> list[date]:
    return [day for day in (entry.legacy_before, entry.expires) if day is not None]


def test_every_fingerprint_of_the_key_facts_recomputes_from_its_row() -> None:
    rows = [line for line in KEY_LINES if not line.startswith("#")]

    assert len(rows) > 400
    # `parse_facts` refuses a row whose parameters have another fingerprint.
    assert [write_facts(parse_facts(row)) for row in rows] == rows


def test_a_row_of_key_facts_with_another_parameter_is_refused() -> None:
    columns = next(line for line in KEY_LINES if not line.startswith("#")).split("\t")
    columns[4] = ("B" if columns[4][0] != "B" else "C") + columns[4][1:]

    with pytest.raises(ConfigError):
        parse_facts("\t".join(columns))


def test_every_signer_has_key_facts_or_is_listed_as_having_none() -> None:
    signers = {key for entry in ENTRIES for key in entry.keys}

    assert signers == FACTS.keys() | WITHOUT_FACTS
    assert len(WITHOUT_FACTS) < 20


def test_no_signer_is_revoked_for_good() -> None:
    hard = {name for name, found in FACTS.items() if found.revocation is not None and found.revocation.hard}

    assert not hard


def test_no_pattern_is_a_wildcard_over_one_or_two_segments() -> None:
    wildcards = [entry.pattern for entry in ENTRIES if entry.pattern.reach is Reach.BELOW]

    assert wildcards
    assert all(pattern.group.count(".") >= 2 for pattern in wildcards)


def test_every_entry_says_who_states_it() -> None:
    assert all(entry.origin.startswith("stated by ") for entry in ENTRIES)
    assert all((entry.witnesses or 0) >= (1 if entry.kind == "owner" else 2) for entry in ENTRIES)
    assert {entry.kind for entry in ENTRIES} == {"projects", "owner", "service"}


def test_a_service_key_is_trusted_for_what_is_named_exactly_and_says_what_it_is() -> None:
    service_keys = {entry.keys for entry in ENTRIES if entry.kind == "service"}
    entries = [entry for entry in ENTRIES if entry.keys in service_keys]

    assert all(entry.kind == "service" for entry in entries)
    assert all(entry.pattern.reach is not Reach.BELOW for entry in entries)
    assert all("not who made it" in entry.reason for entry in entries)


def test_every_extra_day_has_a_reason_and_is_bounded() -> None:
    as_of = re.search(r"as of (\S+);", KEY_LINES[0])
    assert as_of is not None
    last = date.fromisoformat(as_of[1]) + timedelta(days=365)

    assert all(entry.reason for entry in ENTRIES if days(entry))
    assert all(day <= last for entry in ENTRIES for day in days(entry))
    assert all(entry.legacy_before > COLLISION for entry in ENTRIES if entry.legacy_before is not None)


def test_the_shipped_files_are_sorted_and_hold_no_line_twice() -> None:
    for name in ("trust.tsv", "witnessed.tsv", "keys.tsv"):
        lines = [line for line in DATA.joinpath(name).read_text().splitlines() if not line.startswith("#")]
        ranked = [line.split("\t")[:2] for line in lines]

        assert ranked == sorted(ranked)
        assert len({tuple(rank) for rank in ranked}) == len(lines)


def test_every_witnessed_digest_has_two_witnesses_and_a_canonical_name() -> None:
    witnessed = STARTER.witnessed()

    assert len(witnessed) > 100
    assert all(str(parse_coordinate(coordinate)) == coordinate for coordinate, _ in witnessed)
    assert all(len(set(found.witnesses)) >= 2 for _, found in witnessed)


def test_finds_who_may_sign_a_well_known_artifact_and_the_key() -> None:
    entries = STARTER.trust_for(parse_coordinate("org.slf4j:slf4j-api:2.0.16"))
    keys = KeyFacts.load()

    assert entries
    assert all(
        found.primary.fingerprint in entry.keys for entry in entries for name in entry.keys for found in keys.find(name)
    )


def test_finds_bytes_that_no_signature_vouches_for_by_their_exact_name() -> None:
    found = STARTER.witnessed_for(make_coordinate("aopalliance", "aopalliance", "1.0"))

    assert [len(witnessed.sha256) for witnessed in found] == [64]
    assert STARTER.witnessed_for(make_coordinate("aopalliance", "aopalliance", "1.0.1")) == ()


def test_finds_a_key_by_fingerprint_and_by_key_id_and_a_subkey_by_either() -> None:
    keys = KeyFacts.load()
    certificate = next(found for found in FACTS.values() if found.subkeys)
    subkey = certificate.subkeys[0].key

    for key in (certificate.primary, subkey):
        assert keys.find(key.fingerprint) == (certificate,)
        assert certificate in keys.find(key.key_id)


@pytest.mark.parametrize("identity", ["", "A", "0" * 40, "0" * 16, "é" * 16, "\n" * 16, "-\t-\t-\t-\t-\t-\t-\t"])
def test_finds_no_key_by_what_names_none(identity: str) -> None:
    assert KeyFacts.load().find(identity) == ()


def test_finds_no_key_by_digits_that_stand_elsewhere_in_a_row() -> None:
    fingerprint = next(iter(FACTS))

    assert KeyFacts.load().find(fingerprint[:16]) == ()


def test_reads_no_line_that_was_not_asked_for() -> None:
    starter = parse_starter(LINE + "org.broken\tno entry\n", "org.broken:x:jar:1\tno entry\n")

    assert len(starter.trust_for(make_coordinate("org.example", "x", "1"))) == 1
    with pytest.raises(ConfigError, match="no entry"):
        starter.trust_for(make_coordinate("org.broken", "x", "1"))
    with pytest.raises(ConfigError, match="no entry"):
        starter.witnessed_for(make_coordinate("org.broken", "x", "1"))


def test_reads_no_key_that_was_not_asked_for() -> None:
    row = next(line for line in KEY_LINES if not line.startswith("#"))
    fingerprint = row.partition("\t")[0]
    keys = KeyFacts(f"{'A' * 40}\tno key\n{row}".encode())

    assert [found.primary.fingerprint for found in keys.find(fingerprint)] == [fingerprint]
    with pytest.raises(ConfigError):
        keys.find("A" * 40)


def test_the_more_specific_entry_comes_first() -> None:
    lines = [LINE.replace("org.example", text) for text in ("org.example.*", "org.example", "org.example:x")]
    starter = parse_starter("".join([*lines, LINE.replace("org.example", "org.example:x:[1,2)")]), "")

    found = [entry.pattern.text for entry in starter.trust_for(make_coordinate("org.example", "x", "1.5"))]

    assert found == ["org.example:x:[1,2)", "org.example:x", "org.example", "org.example.*"]


def test_a_range_of_versions_ends_where_it_says() -> None:
    starter = parse_starter(LINE.replace("org.example", "org.example:x:[1,2)"), "")

    assert len(starter.trust_for(make_coordinate("org.example", "x", "1.9"))) == 1
    assert starter.trust_for(make_coordinate("org.example", "x", "2")) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A" * 40, "A" * 39),
        ("A" * 40, "a" * 40),
        ("primary", "secondary"),
        ("\t2\t", "\ttwo\t"),
        ("\t-\t-\t", "\t2027-02-30\t-\t"),
        ("\t-\n", "\n"),
    ],
)
def test_refuses_a_line_that_is_no_entry(old: str, new: str) -> None:
    with pytest.raises(ConfigError):
        parse_starter(LINE.replace(old, new), "").entries()


@pytest.mark.parametrize("pattern", ["*", "org.*.x", ""])
def test_refuses_a_pattern_that_is_none(pattern: str) -> None:
    with pytest.raises(ConfigError):
        parse_starter(LINE.replace("org.example", pattern), "").entries()


@pytest.mark.parametrize(("old", "new"), [("a" * 64, "a" * 63), ("a" * 64, "A" * 64), ("\t7\t", "\tseven\t")])
def test_refuses_a_witnessed_digest_that_is_none(old: str, new: str) -> None:
    line = "g:a:jar:1\t{}\t7\tunsigned\t2026-11-23\tone,two\n".format("a" * 64)

    assert len(parse_starter("", line).witnessed()) == 1
    with pytest.raises(ConfigError):
        parse_starter("", line.replace(old, new)).witnessed()


def test_refuses_a_map_over_its_bound() -> None:
    with pytest.raises(ConfigError, match="bound"):
        parse_starter("#" * (MAX_STARTER_CHARACTERS + 1), "")


def test_the_digest_names_both_parts() -> None:
    digests = {parse_starter(*parts).digest for parts in (("", ""), (LINE, ""), ("", LINE), ("#", ""), ("", "#"))}

    assert len(digests) == 5
    assert parse_starter(LINE, "").digest == parse_starter(LINE, "").digest


@settings(deadline=None, max_examples=200)
@given(st.text(), st.text())
def test_any_text_is_read_or_is_one_clear_error(trust: str, witnessed: str) -> None:
    starter = parse_starter(trust, witnessed)

    with suppress(ConfigError):
        starter.entries()
    with suppress(ConfigError):
        starter.witnessed()
