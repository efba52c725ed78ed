from datetime import UTC, datetime

import pytest

from verifier.errors import (
    Fact,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    Offline,
    ReasonedError,
    SignatureBad,
    Unreachable,
)
from verifier.inquiry import Inquiry, keys_to_ask, settle
from verifier.judge import Findings
from verifier.openpgp.certificate import RawCertificate
from verifier.signing import SignatureFinding

KEY, OTHER = "AB" * 20, "CD" * 20
FOUND = (RawCertificate(KEY, (), b""),)
OFFLINE = Inquiry(KEY, offline=True)
NOWHERE = Inquiry(KEY, unknown_to=("https://one.example", "https://two.example"))
SILENT = Inquiry(KEY, unknown_to=("https://one.example",), silent=("https://two.example (timed-out)",))


def absent(fingerprint: str = KEY) -> KeyUnknown:
    cause = KeyUnknown("not at hand", expected=Fact("the key", "verifier.toml:3"), received=Fact("a signature"))
    cause.fingerprint = fingerprint
    return cause


def expired(fingerprint: str = KEY) -> KeyExpired:
    cause = KeyExpired("had expired", hint="our copy is of 2016-01-01")
    cause.fingerprint = fingerprint
    return cause


def findings(*causes: ReasonedError) -> Findings:
    made = datetime(2021, 1, 1, tzinfo=UTC)
    by_fingerprint = SignatureFinding(KEY, KEY[-16:], None, made, "sha256", "key-unknown", False, (), "")  # noqa: FBT003  not legacy
    by_key_id = SignatureFinding(None, KEY[-16:], None, made, "sha256", "key-unknown", False, (), "")  # noqa: FBT003  not legacy
    stranger = SignatureFinding(OTHER, OTHER[-16:], None, made, "sha256", "key-unknown", False, (), "")  # noqa: FBT003  not legacy
    return Findings((), (), (by_fingerprint, by_key_id, stranger), causes, frozenset())


def test_asks_for_each_absent_or_expired_key_once() -> None:
    causes = [absent(), SignatureBad("bad"), expired(OTHER), absent(), KeyRevoked("revoked")]

    assert keys_to_ask(causes) == (KEY, OTHER)


def test_asks_for_nothing_where_no_newer_copy_could_help() -> None:
    assert keys_to_ask([expired(""), absent("")]) == ()


@pytest.mark.parametrize(
    ("inquiry", "kind", "hinted"),
    [
        (OFFLINE, Offline, "--offline"),
        (NOWHERE, KeyUnknown, "no such key at https://one.example, https://two.example"),
        (SILENT, Unreachable, "try again later"),
        (Inquiry(KEY), KeyUnknown, "names no key server"),
    ],
)
def test_an_absent_key_is_what_asking_for_it_made_of_it(
    inquiry: Inquiry, kind: type[ReasonedError], hinted: str
) -> None:
    settled = settle(findings(absent(), SignatureBad("bad")), [inquiry])

    cause, other = settled.causes
    assert type(cause) is kind
    assert hinted in cause.hint
    assert cause.expected == Fact("the key", "verifier.toml:3")
    assert isinstance(other, SignatureBad)
    assert [signature.status for signature in settled.signatures] == [kind.code, kind.code, "key-unknown"]
    assert settled.steps[-1].name == "key servers"


@pytest.mark.parametrize(
    ("inquiry", "hinted"),
    [
        (OFFLINE, "the network may not be asked; our copy"),
        (NOWHERE, "no such key at https://one.example"),
        (SILENT, "no answer of use from https://two.example (timed-out); our copy"),
        (Inquiry(KEY, found=FOUND), "it was found, with nothing new; our copy"),
        (Inquiry(KEY, found=FOUND, news=True), "it was found; our copy"),
    ],
)
def test_an_expired_copy_stays_expired_and_the_hint_says_who_was_asked(inquiry: Inquiry, hinted: str) -> None:
    (cause,) = settle(findings(expired()), [inquiry]).causes

    assert isinstance(cause, KeyExpired)
    assert hinted in cause.hint
    assert "2016-01-01" in cause.hint


def test_a_key_that_came_and_does_not_help_stays_unknown() -> None:
    (cause,) = settle(findings(absent()), [Inquiry(KEY, found=FOUND)]).causes

    assert isinstance(cause, KeyUnknown)


def test_what_nobody_was_asked_about_stays_as_it_is() -> None:
    causes = (absent(OTHER), expired(OTHER))

    assert settle(findings(*causes), [NOWHERE]).causes == causes
