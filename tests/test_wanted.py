from datetime import date, timedelta

import pytest
from judge_cases import (
    BESIDE,
    GOOD,
    IF_PRESENT,
    NEEDS_SHA256,
    NEEDS_SHA512,
    NONE,
    OTHER_SHA256,
    OWNER,
    STRONG,
    TRUSTED,
    WEAK,
    asc,
    checksum,
    evidence,
    exempt,
    trust,
    witnessed,
)
from openpgp_cases import NOW

from verifier.digest import Algorithm
from verifier.evidence import Evidence
from verifier.policy import Exemption, Rule
from verifier.signing import Basis
from verifier.trust import Witnessed
from verifier.wanted import beside_file, still_wanted

TODAY = NOW.date()
ENDED = TODAY - timedelta(days=1)
EVERY = (".md5", ".sha1", ".sha256", ".sha512")
UNASKED = evidence(signature_absent=False, checksums=())


def basis(rule: Rule = TRUSTED, exemptions: tuple[Exemption, ...] = (), recorded: tuple[Witnessed, ...] = ()) -> Basis:
    return Basis(rule, (trust(OWNER),), exemptions, recorded)


def missing(sha256: str | None = None, until: date = TODAY) -> tuple[Exemption, ...]:
    return (exempt("signature-missing", until=until) if sha256 is None else exempt("signature-missing", sha256, until),)


@pytest.mark.parametrize(
    ("given", "suffixes"),
    [
        (basis(), (".asc", ".sha1")),
        (basis(IF_PRESENT), (".asc", ".sha1")),
        (basis(NEEDS_SHA256), (".asc", ".sha256", ".sha512")),
        (basis(NEEDS_SHA512), (".asc", ".sha512")),
        (basis(NONE), EVERY),
        (basis(exemptions=missing()), EVERY),
        (basis(exemptions=missing(until=ENDED)), (".asc", ".sha1")),
        (basis(exemptions=(exempt("signature-weak"),)), (".asc", *EVERY)),
        (basis(recorded=(witnessed(),)), EVERY),
        (basis(recorded=(witnessed(why="broken"),)), (".asc", *EVERY)),
    ],
)
def test_asks_beside_a_file_for_what_can_count(given: Basis, suffixes: tuple[str, ...]) -> None:
    assert beside_file(given, TODAY) == suffixes


@pytest.mark.parametrize(
    ("offered", "given", "asked", "suffixes"),
    [
        (UNASKED, basis(), set(), (".asc", ".sha1")),
        (UNASKED, basis(NONE), set(), EVERY),
        (UNASKED, basis(), {".asc", ".sha1"}, (".md5", ".sha256", ".sha512")),
        (UNASKED, basis(), {".asc", *EVERY}, ()),
        (evidence(asc(GOOD)), basis(), set(), ()),
        (evidence(), basis(), set(), ()),
        (evidence(checksums=()), basis(), set(), (".sha1",)),
        (evidence(asc(GOOD), checksums=()), basis(), {".sha1"}, (".md5", ".sha256", ".sha512")),
        (evidence(asc(GOOD), checksums=(WEAK,)), basis(), set(), (".sha1",)),
        (evidence(asc(GOOD), checksums=(STRONG,)), basis(), set(), ()),
        (evidence(asc(GOOD)), basis(NEEDS_SHA256), set(), (".sha256", ".sha512")),
        (evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA256),)), basis(NEEDS_SHA512), set(), (".sha512",)),
        (evidence(asc(GOOD), checksums=(BESIDE,)), basis(), set(), ()),
        (evidence(checksums=(BESIDE,)), basis(IF_PRESENT), set(), (".sha1",)),
        (evidence(asc(GOOD), checksums=(BESIDE,)), basis(NONE), set(), EVERY),
        (UNASKED, basis(exemptions=missing()), set(), ()),
        (UNASKED, basis(exemptions=missing(OTHER_SHA256)), set(), (".asc", *EVERY)),
        (UNASKED, basis(exemptions=missing(until=ENDED)), set(), (".asc", ".sha1")),
        (UNASKED, basis(exemptions=(exempt("signature-weak"),)), set(), (".asc", *EVERY)),
        (UNASKED, basis(recorded=(witnessed(),)), set(), ()),
        (UNASKED, basis(recorded=(witnessed(OTHER_SHA256),)), set(EVERY), (".asc",)),
        (UNASKED, basis(NEEDS_SHA512, recorded=(witnessed(),)), set(), EVERY),
    ],
)
def test_asks_on_for_what_may_still_decide(
    offered: Evidence, given: Basis, asked: set[str], suffixes: tuple[str, ...]
) -> None:
    assert still_wanted(offered, given, TODAY, asked) == suffixes


def test_asking_ends() -> None:
    asked: set[str] = set()
    rounds = 0
    while wanted := still_wanted(UNASKED, basis(), TODAY, asked):
        asked.update(wanted)
        rounds += 1

    assert rounds == 2
    assert asked == {".asc", *EVERY}
