from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import (
    BORN,
    MADE,
    bind,
    certificate,
    certify,
    dsa_private,
    ec_private,
    ed,
    flags,
    lifetime,
    over_key,
    packet,
    reason,
    revoke_subkey,
    rsa_signer,
    signer,
)

from verifier.errors import ConfigError
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.openpgp.facts import parse_facts, write_alias, write_facts

PRIMARY, SUBKEY, OTHER = ed(0), rsa_signer(), ed(1)
FULL = certificate(
    PRIMARY,
    over_key(PRIMARY, 0x20, hashed=[reason(1)], made=MADE),
    certify(PRIMARY, hashed=[lifetime(timedelta(days=900)), flags(0x01)]),
    packet(14, SUBKEY.body),
    bind(PRIMARY, SUBKEY, hashed=[lifetime(timedelta(days=400))], made=MADE),
    revoke_subkey(PRIMARY, SUBKEY, 2, MADE),
)
CASES = {
    "bare": certificate(PRIMARY)[: len(packet(6, PRIMARY.body))],
    "plain": certificate(PRIMARY),
    "all there is": FULL,
    "version 6": certificate(ed(version=6), over_key(ed(version=6), 0x1F)),
    "DSA": certificate(signer(dsa_private())),
    "ECDSA": certificate(signer(ec_private())),
}


def _parsed(data: bytes) -> Certificate:
    (parsed,) = parse_certificates(data)
    return parsed


@pytest.mark.parametrize("name", CASES)
def test_a_certificate_comes_back_from_its_line(name: str) -> None:
    parsed = _parsed(CASES[name])

    line = write_facts(parsed)

    assert parse_facts(line + "\n") == parsed
    assert line.startswith(parsed.primary.fingerprint + "\t")
    assert "\n" not in line


def test_a_line_keeps_no_subkey_that_does_not_sign() -> None:
    data = certificate(PRIMARY, certify(PRIMARY), packet(14, OTHER.body), bind(PRIMARY, OTHER, use=0x0C))

    assert len(_parsed(data).subkeys) == 1
    assert parse_facts(write_facts(_parsed(data))).subkeys == ()


def test_an_alias_leads_from_a_subkey_to_its_primary() -> None:
    parsed = _parsed(FULL)

    alias = write_alias(parsed.subkeys[0].key, parsed.primary)

    assert alias == f"{SUBKEY.fingerprint}\t{PRIMARY.fingerprint}"


def test_a_table_is_found_in_by_fingerprint_and_by_key_id() -> None:
    table = "\n" + "\n".join(sorted(write_facts(_parsed(data)) for data in (CASES["DSA"], CASES["ECDSA"])))
    wanted = _parsed(CASES["DSA"]).primary

    by_fingerprint = table.index("\n" + wanted.fingerprint) + 1
    by_key_id = table.index(wanted.key_id + "\t") - 24

    assert by_fingerprint == by_key_id
    assert parse_facts(table[by_fingerprint:].split("\n")[0]).primary == wanted


def _change(column: int, value: str) -> str:
    columns = write_facts(_parsed(FULL)).split("\t")
    columns[column] = value
    return "\t".join(columns)


CHANGED = {
    "the fingerprint": _change(0, OTHER.fingerprint),
    "the version": _change(1, "5"),
    "the creation": _change(2, "1577836801"),
    "a creation that is no number": _change(2, "-1"),
    "a creation after the end of days": _change(2, "9999999999"),
    "the algorithm": _change(3, "27"),
    "the parameters": _change(4, "AAAA.AAAA"),
    "parameters that are no base64": _change(4, "A.*"),
    "an expiry": _change(5, "soon"),
    "a superscript digit": _change(5, "\u00b2"),
    "an age": _change(6, ""),
    "a revocation without a date": _change(7, "hard:-:x"),
    "a revocation without a reason": _change(7, "hard:1"),
    "a revocation of another kind": _change(7, "firm:1:x"),
    "a standing": _change(8, "good"),
    "a subkey's fingerprint": _change(9, OTHER.fingerprint),
    "a subkey's standing": _change(17, "bare"),
    "a column less": write_facts(_parsed(FULL)).rsplit("\t", 1)[0],
    "nothing": "",
    "too much": "\t".join(["A" * 20_000] * 9),
}


@pytest.mark.parametrize("name", CHANGED)
def test_refuses_a_line_with_a_change_in(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_facts(CHANGED[name], origin="facts.tsv:7")

    assert caught.value.where == "facts.tsv:7"


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 700), st.text(max_size=4), st.integers(0, 4))
def test_a_damaged_line_is_refused_or_says_nothing_of_another_key(place: int, patch: str, dropped: int) -> None:
    line = write_facts(_parsed(FULL))

    try:
        parsed = parse_facts(line[:place] + patch + line[place + dropped :])
    except ConfigError:
        return
    assert parsed.primary == _parsed(FULL).primary


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80), st.lists(st.text(max_size=5), min_size=9, max_size=9))
def test_arbitrary_text_is_refused(line: str, columns: list[str]) -> None:
    for text in (line, "\t".join(columns)):
        with pytest.raises(ConfigError):
            parse_facts(text)


def test_the_line_has_the_dates_that_the_certificate_has() -> None:
    parsed = parse_facts(write_facts(_parsed(FULL)))

    assert parsed.expires == BORN + timedelta(days=900)
    assert parsed.as_of == BORN
    assert not parsed.signs
    assert parsed.revocation is not None
    assert (parsed.revocation.made, parsed.revocation.hard, parsed.revocation.reason) == (MADE, False, "superseded")
    assert parsed.subkeys[0].expires == BORN + timedelta(days=400)
    assert parsed.subkeys[0].as_of == MADE
    assert parsed.subkeys[0].revocation is not None
    assert parsed.subkeys[0].revocation.hard
