"""What the exemptions of a policy say about themselves once a run is over: ending, ended, no longer needed.

A notice is told beside the verdicts and changes none of them.  How it is shown is for the doors; trust entries are
none of this room's, since what was signed before the end of one keeps counting after it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from verifier.coordinate import Coordinate
from verifier.evidence import Origin
from verifier.outcome import Outcome
from verifier.policy import Exemption, Policy, SignatureDemand

WARNED_BEFORE = timedelta(days=30)
"""How long before its end an exemption is spoken of."""

ENDS_SOON = "exemption-ends-soon"
ENDED = "exemption-ended"
UNUSED = "exemption-unused"

_RENEW = "look for a signed release; else compare the digest with another source once more and move 'until'"
_REMOVE = "take it out of the policy"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know that no verdict hangs on.

    Shape: `subject` is the coordinate it is about; `message` is one sentence, lower case, without a full stop; `file`
    and `line` say where in our own files it stands.
    """

    code: str
    subject: str
    message: str
    hint: str
    file: str | None
    line: int | None

    @property
    def where(self) -> str:
        """Where it stands, as `file:line`."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)


def notices_of(policy: Policy, outcomes: Sequence[Outcome], today: date, *, everything: bool) -> tuple[Notice, ...]:
    """Say what is worth knowing of the exemptions that this run had to do with, at most one notice each.

    `everything` tells that the run judged all that the policy is about: only then can an exemption be said to match
    nothing, and only then are those that matched nothing spoken of at all.
    """
    judged = {outcome.coordinate: outcome for outcome in outcomes if isinstance(outcome.coordinate, Coordinate)}
    kinds = {_kind(coordinate) for coordinate in judged}
    found = (
        _notice(policy, exemption, judged, today)
        for exemption in policy.exemptions
        # Nobody asked for sources or another platform's files in a run without any: that tells nothing of them.
        if exemption.coordinate in judged or (everything and _kind(exemption.coordinate) in kinds)
    )
    return tuple(notice for notice in found if notice is not None)


def ending(policy: Policy, today: date) -> Iterator[Notice]:
    """Give each exemption that has ended, or will before long, whether a run met it or not."""
    for exemption in policy.exemptions:
        notice = _ending(exemption, today)
        if notice is not None:
            yield notice


def _kind(coordinate: Coordinate) -> tuple[str, str]:
    return coordinate.extension, coordinate.classifier


def _notice(policy: Policy, exemption: Exemption, judged: Mapping[Coordinate, Outcome], today: date) -> Notice | None:
    outcome = judged.get(exemption.coordinate)
    if outcome is None:
        return _say(UNUSED, exemption, f"matches no file of this run{_other_versions(exemption, judged)}", _REMOVE)
    if exemption.until >= today and _is_needless(policy, exemption, outcome, today):
        return _say(UNUSED, exemption, "is not needed: the file would be verified without it", _REMOVE)
    return _ending(exemption, today)


def _ending(exemption: Exemption, today: date) -> Notice | None:
    if exemption.until < today:
        return _say(ENDED, exemption, f"ended on {exemption.until} and no longer counts", _RENEW)
    if exemption.until < today + WARNED_BEFORE:
        days = (exemption.until - today).days
        left = f"in {days} days" if days > 1 else "tomorrow" if days else "today"
        return _say(ENDS_SOON, exemption, f"ends on {exemption.until}, {left}", _RENEW)
    return None


def _say(code: str, exemption: Exemption, text: str, hint: str) -> Notice:
    file, _, line = exemption.where.rpartition(":")
    at = int(line) if file and line.isdecimal() else None
    message = f"the exemption of {exemption.coordinate} from {exemption.code} {text}"
    return Notice(code, str(exemption.coordinate), message, hint, exemption.where if at is None else file, at)


def _other_versions(exemption: Exemption, judged: Iterable[Coordinate]) -> str:
    """Name the version that took the place of the exempted one."""
    exempt = exemption.coordinate
    versions = sorted(
        one.version
        for one in judged
        if (one.group, one.artifact, *_kind(one)) == (exempt.group, exempt.artifact, *_kind(exempt))
    )
    return f", which has version {', '.join(versions)}" if versions else ""


def _is_needless(policy: Policy, exemption: Exemption, outcome: Outcome, today: date) -> bool:
    """Whether the file would be verified without the exemption, as far as the evidence that was had can tell.

    Its code lifted nothing; and what the exemption's pin stood for, a signature or a checksum stands for as well.
    Where the exemption is why no signature was asked for, nothing is known.  Of a set with other bytes in it none is
    needless: the others alone would refuse these.
    """
    findings = outcome.findings
    if outcome.cause is not None or findings is None or exemption.code in findings.lifted:
        return False
    if any(
        one.sha256 != exemption.sha256 and one.until >= today for one in policy.exemptions_for(exemption.coordinate)
    ):
        return False
    rule = policy.rule_for(exemption.coordinate)
    signed = rule.signature is SignatureDemand.NONE or findings.signer is not None
    return signed and any(
        agrees
        and one.origin in {Origin.SIDECAR, Origin.HEADER}
        and one.digest.algorithm.strength >= rule.checksum.strength
        for one, agrees in findings.checksums
    )
