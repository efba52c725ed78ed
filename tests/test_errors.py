import errno
from collections.abc import Iterator
from itertools import pairwise

import pytest

from verifier import errors
from verifier.errors import PRECEDENCE, CacheError, ConfigError, Fact, ReasonedError, Refusal, SourceError, first

CODES = """
insecure-transport tls-untrusted tls-pin-mismatch
checksum-mismatch checksum-malformed checksum-missing checksum-weak
redirect-refused
signature-missing signature-malformed signature-bad signature-weak
signature-expired signature-future
key-unknown key-untrusted key-revoked key-expired
engines-disagree
signature-replayed
pin-mismatch unpinned
signer-changed signature-vanished
too-new metadata-rollback
content-mismatch
coordinate-invalid pom-invalid metadata-invalid
no-repository wrong-repository
too-large truncated
"""
UNAVAILABLE = "not-found unauthorized unreachable timed-out server-error rate-limited offline"


def family(root: type[ReasonedError]) -> Iterator[type[ReasonedError]]:
    for child in root.__subclasses__():
        yield child
        yield from family(child)


def test_every_refusal_has_a_code_of_the_interface() -> None:
    assert {cause.code for cause in family(Refusal)} <= set(CODES.split())


def test_every_source_error_has_a_code_of_the_interface() -> None:
    assert {cause.code for cause in family(SourceError)} == set(UNAVAILABLE.split())


def test_no_two_causes_share_a_code() -> None:
    codes = [cause.code for root in (Refusal, SourceError) for cause in family(root)]

    assert len(codes) == len(set(codes))


def test_precedence_holds_every_cause_once() -> None:
    causes = [*family(Refusal), *family(SourceError)]

    assert len(PRECEDENCE) == len(set(PRECEDENCE))
    assert set(PRECEDENCE) == set(causes)


def test_every_refusal_outranks_every_outage() -> None:
    kinds = [issubclass(cause, Refusal) for cause in PRECEDENCE]

    assert kinds == sorted(kinds, reverse=True)


def test_precedence_is_that_of_the_interface() -> None:
    stages = [
        {"insecure-transport", "tls-untrusted", "tls-pin-mismatch", "redirect-refused"},
        {"too-large", "truncated", "content-mismatch"},
        {"pin-mismatch", "unpinned"},
        {"checksum-mismatch", "checksum-malformed", "checksum-missing", "checksum-weak"},
        {"signature-malformed", "signature-bad"},
        {"signature-weak"},
        {"signature-expired", "key-revoked", "key-expired"},
        {"key-untrusted", "key-unknown"},
        {"signature-replayed"},
        {"signer-changed", "signature-vanished", "too-new"},
    ]
    ranks = [[rank for rank, cause in enumerate(PRECEDENCE) if cause.code in stage] for stage in stages]

    assert all(max(before) < min(after) for before, after in pairwise(filter(None, ranks)))


@pytest.mark.parametrize("cause", PRECEDENCE, ids=lambda cause: cause.code)
def test_every_cause_says_one_thing_to_do(cause: type[ReasonedError]) -> None:
    hint = cause("it is so").hint

    assert hint
    assert not hint.endswith(".")
    assert "please" not in hint


def test_the_first_cause_carries_the_others_in_order() -> None:
    causes = [errors.Offline("c"), errors.KeyUntrusted("b"), errors.TooLarge("a"), errors.KeyUntrusted("d")]

    chosen = first(causes)

    assert (chosen.reason, [other.reason for other in chosen.others]) == ("a", ["b", "d", "c"])


def test_the_only_cause_has_no_others() -> None:
    only = errors.TooLarge("a")

    assert first([only]) is only
    assert only.others == ()


def test_a_hint_of_its_own_takes_the_place_of_the_usual_one() -> None:
    assert errors.TooLarge("a", hint="b").hint == "b"
    assert errors.TooLarge("a", hint="").hint == ""


def test_a_cause_keeps_both_sides() -> None:
    cause = errors.PinMismatch("a", expected=Fact("1", "x"), received=Fact("2"))

    assert (str(cause), cause.expected, cause.received) == ("a", Fact("1", "x"), Fact("2", ""))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.PinMismatch("a"), 1),
        (ConfigError("f:1", "a"), 2),
        (errors.Offline("a"), 3),
        (CacheError("/c", "a", hint="b"), 3),
    ],
)
def test_each_family_has_its_exit_status(error: errors.VerifierError, status: int) -> None:
    assert error.exit_status == status


def test_an_error_of_ours_names_the_place() -> None:
    assert str(ConfigError("verifier.toml:3", "no such key")) == "verifier.toml:3: no such key"


def test_a_full_disk_is_said_as_one() -> None:
    error = CacheError.of(OSError(errno.ENOSPC, "No space left on device"), "/cache")

    assert (str(error), error.hint) == (
        "/cache: the disk is full",
        "make room, or name a directory on another disk with --cache",
    )


def test_an_error_of_the_disk_that_has_no_entry_is_said_in_the_system_s_words() -> None:
    assert str(CacheError.of(OSError(errno.ENOTEMPTY, "?"), "/c")) == "/c: directory not empty"
    assert str(CacheError.of(OSError("no number"), "/c")) == "/c: no number"
