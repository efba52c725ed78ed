"""Which evidence is worth asking for, by rule and by what is at hand already.

A request that usually ends in "not found" costs up to 200 ms, so only what can count is asked
for; where no signature vouches, that is every kind of checksum.
"""

from datetime import date

from verifier.digest import Algorithm
from verifier.evidence import Evidence, Origin
from verifier.layout import SIGNATURE
from verifier.policy import Rule, SignatureDemand
from verifier.signing import Basis

_EVERY_KIND = tuple(f".{algorithm.value}" for algorithm in Algorithm)


def beside_file(basis: Basis, today: date) -> tuple[str, ...]:
    """Give the suffixes to ask for together with a file of which nothing is known yet."""
    if _asks_signature(basis, today):
        checksums = _every_kind_or_counting(basis, today)
        return (SIGNATURE, *checksums)
    return _EVERY_KIND


def still_wanted(evidence: Evidence, basis: Basis, today: date, asked: set[str]) -> tuple[str, ...]:
    """Give the suffixes whose answer may still decide the verdict.

    First the kinds that usually exist; once those were asked for in vain, all others.
    """
    wanted: list[str] = []
    pinned = _is_pinned(evidence, basis, today)
    if not (pinned or evidence.signature_absent) and evidence.signature is None and _may_count(basis):
        wanted.append(SIGNATURE)
    if not _has_counting_checksum(evidence, basis, pinned=pinned):
        usual = _every_kind_or_counting(basis, today)
        wanted.extend(usual if not asked.issuperset(usual) else _EVERY_KIND)
    return tuple(suffix for suffix in wanted if suffix not in asked)


def _may_count(basis: Basis) -> bool:
    return basis.rule.signature is not SignatureDemand.NONE


def _asks_signature(basis: Basis, today: date) -> bool:
    if not _may_count(basis):
        return False
    unsigned = any(w.why.startswith("unsigned") for w in basis.witnessed)
    exempt = any(e.code == "signature-missing" and e.until >= today for e in basis.exemptions)
    return not (unsigned or exempt)


def _every_kind_or_counting(basis: Basis, today: date) -> tuple[str, ...]:
    pinned = basis.witnessed or any(exemption.until >= today for exemption in basis.exemptions)
    return _EVERY_KIND if pinned or not _may_count(basis) else _counting(basis.rule)


def _counting(rule: Rule) -> tuple[str, ...]:
    if rule.checksum is Algorithm.SHA1:
        return (".sha1",)
    return tuple(f".{a.value}" for a in Algorithm if a.strength >= rule.checksum.strength)


def _is_pinned(evidence: Evidence, basis: Basis, today: date) -> bool:
    exempt = (e.sha256 for e in basis.exemptions if e.until >= today and e.code == "signature-missing")
    return evidence.sha256 in {*exempt, *(w.sha256 for w in basis.witnessed)}


def _has_counting_checksum(evidence: Evidence, basis: Basis, *, pinned: bool) -> bool:
    vouched = pinned or (evidence.signature is not None and _may_count(basis))
    had = [c.digest.algorithm for c in evidence.checksums if vouched or c.origin is not Origin.BESIDE]
    if pinned:
        had.append(Algorithm.SHA256)
    return any(algorithm.strength >= basis.rule.checksum.strength for algorithm in had)
