"""Weighs evidence by policy and says why a file may be used, or why not.

Takes values and gives values: no disk, no network, no clock.  Every check is made, so that the
record holds all that was wrong; the first cause in `errors.PRECEDENCE` names the refusal.
Only this module makes a `Verdict`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from functools import partial

from verifier import contents
from verifier.coordinate import Metadata
from verifier.digest import Algorithm, Digest
from verifier.errors import (
    ChecksumMismatch,
    ChecksumMissing,
    ChecksumWeak,
    EnginesDisagree,
    Fact,
    KeyUntrusted,
    PinMismatch,
    ReasonedError,
    Refusal,
    SignatureBad,
    SignatureMalformed,
    SignatureMissing,
    SignatureReplayed,
    SourceError,
    first,
)
from verifier.evidence import Checksum, Evidence, Origin, Proof
from verifier.lockfile import UNSIGNED, Grounds, Kind, Locked
from verifier.openpgp.signature import ContentHash, Signature, parse_signatures
from verifier.policy import Exemption, Rule, SignatureDemand
from verifier.signing import Basis, Keys, Opinion, SignatureFinding, Weighed, names_of, no_opinion, weigh_signature
from verifier.trust import Witnessed

_SIGNATURE_CODES = ("signature-", "key-")


class Mark(Enum):
    """How a step came out."""

    PASSED = "passed"
    REFUSED = "refused"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Step:
    """One check, for `explain`: what was looked at, how it came out, both sides with origins."""

    name: str
    mark: Mark
    text: str
    expected: Fact | None = None
    received: Fact | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a file may be used."""

    trusted_by: str
    signer: str | None
    vouched: bool
    """Whether a signature, a pin or witnesses stand for the bytes; if not, TLS alone does."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was found about one file, in the order of the checks."""

    steps: tuple[Step, ...]
    checksums: tuple[tuple[Checksum, bool], ...]
    signatures: tuple[SignatureFinding, ...]
    causes: tuple[ReasonedError, ...]
    proofs: frozenset[Proof]
    trusted_by: str = ""
    signer: str | None = None
    vouched: bool = False
    lifted: frozenset[str] = frozenset()
    """The codes of the causes that an exemption or witnesses took away."""
    grounds: Grounds = UNSIGNED
    """What the verdict rests on, as a lock file writes it; says nothing where there are causes."""

    def verdict(self) -> Verdict:
        """Accept.

        Raises: the first of the causes where there is any, with the others attached.
        """
        if self.causes:
            raise first(list(self.causes))
        return Verdict(self.trusted_by, self.signer, self.vouched)


def weigh(  # noqa: PLR0913  (each parameter is evidence of its own kind)
    evidence: Evidence,
    basis: Basis,
    keys: Keys,
    content: ContentHash,
    *,
    now: datetime,
    other_names: Iterable[str] = (),
    causes: Iterable[ReasonedError] = (),
    missing: SourceError | None = None,
    opinion: Opinion = no_opinion,
) -> Findings:
    """Make every check.

    `content` gives a running hash over the judged bytes; `other_names` are the coordinates under
    which these bytes with this signature file are known; `causes` is what was wrong before.
    `missing` says why evidence that was asked for could not be had: what policy requires is then
    unavailable, never absent.  `opinion` is the second OpenPGP engine, for policies that ask for one.

    1. The contents name the coordinate that they are served as.
    2. Pins: the lock file's and exemptions in force bind both ways; witnesses stand for their digest.
    3. Signatures: one good one by a trusted signer suffices, a bad one refuses.
    4. The bytes with this signature are not known under another name.
    5. Checksums: every one that was had agrees, and one of them is strong enough.
    6. What exemptions or witnesses stand for is no cause of refusal.
    7. What vouches for the bytes is what vouched for them when they were locked.
    """
    scales = _Scales(list(causes))
    _note_origin(scales, evidence)
    # 1.
    _weigh_claims(scales, evidence)
    # 2.
    pinned = _weigh_lock(scales, evidence, basis.locked)
    exemptions = _weigh_exemptions(scales, evidence, basis, now.date())
    exempt_codes = {exemption.code for exemption in exemptions}
    witness = _weigh_witnesses(scales, evidence, basis)
    # 3.
    weigh_one = partial(
        weigh_signature, evidence=evidence, basis=basis, keys=keys, content=content, opinion=opinion, now=now
    )
    needless = witness is not None or SignatureMissing.code in exempt_codes
    trusted = _weigh_signatures(scales, evidence, basis, weigh_one, missing, needless=needless)
    # 4.
    _weigh_names(scales, evidence, other_names)
    # 5.
    vouched = trusted is not None or bool(exemptions) or witness is not None
    checksums = _weigh_checksums(scales, evidence, _pins(exemptions, witness))
    _require_checksum(scales, checksums, basis.rule, evidence, missing, vouched=vouched)
    # 6.
    if witness is not None:
        scales.lift(lambda cause: cause.code.startswith(_SIGNATURE_CODES) and not isinstance(cause, SignatureReplayed))
    scales.lift(lambda cause: cause.code in exempt_codes)
    # 7.
    grounds = _grounds(trusted, exemptions, witness)
    _weigh_grounds(scales, evidence, basis.locked if basis.same_grounds else None, grounds)
    _say_what_ended(scales.causes, evidence, basis, now.date())
    _say_where_to_look(scales.causes, evidence, basis)
    return Findings(
        steps=tuple(scales.steps),
        # The lock's pin is told here and counts as no checksum: policy asks for those all the same.
        checksums=(*checksums, *pinned),
        signatures=tuple(scales.signatures),
        causes=tuple(scales.causes),
        proofs=frozenset(scales.proofs),
        trusted_by=_reason_to_trust(basis.rule, trusted, exemptions, witness),
        signer=None if trusted is None else trusted.primary,
        vouched=vouched,
        lifted=frozenset(scales.lifted),
        grounds=grounds,
    )


@dataclass(slots=True)
class _Scales:
    """What piles up while one file is weighed."""

    causes: list[ReasonedError]
    steps: list[Step] = field(default_factory=list)
    signatures: list[SignatureFinding] = field(default_factory=list)
    proofs: set[Proof] = field(default_factory=set)
    lifted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for cause in self.causes:
            self._step_of(cause, cause.code)

    def refuse(self, name: str, cause: ReasonedError) -> None:
        # One outage may be why a signature and a checksum are not at hand.
        if not any(known is cause for known in self.causes):
            self.causes.append(cause)
        self._step_of(cause, name)

    def _step_of(self, cause: ReasonedError, name: str) -> None:
        self.steps.append(Step(name, Mark.REFUSED, f"{cause.reason} ({cause.code})", cause.expected, cause.received))

    def passed(self, name: str, text: str, expected: Fact | None = None, received: Fact | None = None) -> None:
        self.steps.append(Step(name, Mark.PASSED, text, expected, received))

    def note(self, name: str, text: str, expected: Fact | None = None, received: Fact | None = None) -> None:
        self.steps.append(Step(name, Mark.NOTED, text, expected, received))

    def lift(self, stands_for: Callable[[ReasonedError], bool]) -> None:
        for cause in [cause for cause in self.causes if stands_for(cause)]:
            self.causes.remove(cause)
            self.lifted.add(cause.code)
            self.note("lifted", f"{cause.code} does not count here: the bytes are vouched for by their digest")


def _note_origin(scales: _Scales, evidence: Evidence) -> None:
    """Say how the bytes came here; that they came at all means that the transport's rules held."""
    if evidence.repository:
        scales.passed("transport", f"came over TLS from {evidence.repository}", None, Fact(evidence.url))
    else:
        scales.note("transport", "lies on this disk; it was not fetched", None, Fact(evidence.url))


def _weigh_claims(scales: _Scales, evidence: Evidence) -> None:
    if isinstance(evidence.coordinate, Metadata):
        return
    # One by one: a version that an exemption excuses must not hide another project behind it.
    for claim in evidence.claims:
        try:
            contents.compare((claim,), evidence.coordinate)
        except Refusal as refusal:
            scales.refuse("contents", refusal)
        else:
            scales.passed("contents", f"{claim.where} names {claim.group}:{claim.artifact}:{claim.version}")


def _weigh_lock(scales: _Scales, evidence: Evidence, locked: Locked | None) -> tuple[tuple[Checksum, bool], ...]:
    """Compare the bytes with the line of the lock file."""
    if locked is None:
        return ()
    expected = Fact(f"sha256:{locked.sha256}", locked.where)
    received = Fact(f"sha256:{evidence.sha256}", evidence.url)
    agrees = locked.sha256 == evidence.sha256
    if agrees:
        scales.passed("lock file", "the bytes are those that were locked", expected, received)
    else:
        reason = "the bytes differ from those that were locked"
        scales.refuse("lock file", PinMismatch(reason, expected=expected, received=received))
    return ((Checksum(Digest(Algorithm.SHA256, locked.sha256), Origin.PIN, locked.where), agrees),)


def _weigh_grounds(scales: _Scales, evidence: Evidence, locked: Locked | None, grounds: Grounds) -> None:
    """See that the same vouches for the bytes as when they were locked, or a trusted signer where there was none."""
    if locked is None or scales.causes:
        return
    good = {Grounds(Kind.KEY, one.primary or "") for one in scales.signatures if one.status == "good"}
    may_be = locked.grounds in {grounds, *good} or (grounds.kind is Kind.KEY and locked.grounds.kind is not Kind.KEY)
    expected, received = Fact(_in_words(locked.grounds), locked.where), Fact(_in_words(grounds), evidence.url)
    if may_be:
        scales.passed("lock file", "what vouches for them is what vouched for them then", expected, received)
        return
    reason = "the bytes are those that were locked, and what vouches for them is not what it was"
    hint = "find out from the publisher why before it is locked like this"
    scales.refuse("lock file", PinMismatch(reason, expected=expected, received=received, hint=hint))


def _in_words(grounds: Grounds) -> str:
    return {
        Kind.KEY: f"a signature by {grounds.detail}",
        Kind.EXEMPT: f"an exemption from {grounds.detail}",
        Kind.WITNESSED: "witnesses of the digest",
        Kind.UNSIGNED: "no signature asked for",
    }[grounds.kind]


def _grounds(trusted: SignatureFinding | None, exemptions: Iterable[Exemption], witness: Witnessed | None) -> Grounds:
    """Say what the verdict rests on, in the order in which `_reason_to_trust` names it."""
    if trusted is not None:
        return Grounds(Kind.KEY, trusted.primary or "")
    codes = sorted({exemption.code for exemption in exemptions})
    if codes:
        return Grounds(Kind.EXEMPT, ",".join(codes))
    return UNSIGNED if witness is None else Grounds(Kind.WITNESSED)


def _weigh_exemptions(scales: _Scales, evidence: Evidence, basis: Basis, today: date) -> tuple[Exemption, ...]:
    """Choose the exemptions of these very bytes; bytes that none of those in force names are refused."""
    for ended in (exemption for exemption in basis.exemptions if exemption.until < today):
        scales.note("exemption", f"the exemption at {ended.where} ended on {ended.until} and no longer counts")
    in_force = [exemption for exemption in basis.exemptions if exemption.until >= today]
    matching = tuple(exemption for exemption in in_force if exemption.sha256 == evidence.sha256)
    received = Fact(f"sha256:{evidence.sha256}", evidence.url)
    for exemption in matching:
        scales.passed(
            "exemption",
            f"exempt from {exemption.code} until {exemption.until}: {exemption.reason}",
            Fact(f"sha256:{exemption.sha256}", exemption.where),
            received,
        )
    if in_force and not matching:
        digests = dict.fromkeys(f"sha256:{exemption.sha256}" for exemption in in_force)
        expected = Fact(" or ".join(digests), ", ".join(exemption.where for exemption in in_force))
        reason = "the bytes differ from those that the policy exempts"
        scales.refuse("exemption", PinMismatch(reason, expected=expected, received=received))
    return matching


def _say_what_ended(causes: Iterable[ReasonedError], evidence: Evidence, basis: Basis, today: date) -> None:
    """Tell in a refusal that an exemption stood for these bytes and is past its end."""
    for exemption in basis.exemptions:
        if exemption.until < today and exemption.sha256 == evidence.sha256:
            for cause in causes:
                if cause.code == exemption.code:
                    cause.reason += f"; the exemption at {exemption.where} ended on {exemption.until}"


def _say_where_to_look(causes: Iterable[ReasonedError], evidence: Evidence, basis: Basis) -> None:
    """Name the command that shows what is known of a signer; it decides nothing.

    Where the group has signers and this is none of them it may be an attack, and no command is named.
    """
    for cause in causes:
        if isinstance(cause, KeyUntrusted) and not basis.trust:
            cause.hint = f"see what is known of the signer: verifier trust suggest {evidence.coordinate}"
        elif isinstance(cause, KeyUntrusted):
            cause.hint = (
                "this group is known to be signed by another key: compare the two,"
                " and do not trust the new one before the publisher has confirmed it another way"
            )


def _weigh_witnesses(scales: _Scales, evidence: Evidence, basis: Basis) -> Witnessed | None:
    for witnessed in basis.witnessed:
        if witnessed.sha256 == evidence.sha256:
            names = ", ".join(witnessed.witnesses)
            scales.passed(
                "witnesses",
                f"{len(witnessed.witnesses)} independent projects recorded this digest: {names}",
                Fact(f"sha256:{witnessed.sha256}", "starter map"),
                Fact(f"sha256:{evidence.sha256}", evidence.url),
            )
            return witnessed
    if basis.witnessed:
        scales.note(
            "witnesses",
            "the bytes are not those that independent projects recorded",
            Fact(" or ".join(f"sha256:{witnessed.sha256}" for witnessed in basis.witnessed), "starter map"),
            Fact(f"sha256:{evidence.sha256}", evidence.url),
        )
    return None


def _weigh_signatures(
    scales: _Scales,
    evidence: Evidence,
    basis: Basis,
    weigh_one: Callable[[Signature], Weighed],
    missing: SourceError | None,
    *,
    needless: bool,
) -> SignatureFinding | None:
    """Weigh the signature file and give the first good signature by a trusted signer."""
    demand = basis.rule.signature
    if demand is SignatureDemand.NONE:
        scales.note("signature", f"the policy asks for no signature ({basis.rule.where})")
        return None
    if evidence.signature is None:
        _weigh_absence(scales, evidence, basis, missing, needless=needless)
        return None
    try:
        signatures = parse_signatures(evidence.signature, evidence.signature_where)
    except SignatureMalformed as malformed:
        scales.refuse("signature", malformed)
        return None
    weighed = [weigh_one(signature) for signature in signatures]
    scales.signatures.extend(one.finding for one in weighed)
    scales.proofs.update(proof for one in weighed for proof in one.proofs)
    trusted = next((one.finding for one in weighed if not one.problems), None)
    for one in weighed:
        _record_signature(scales, one.finding, one.problems, ignorable=trusted is not None)
    return trusted


def _weigh_absence(
    scales: _Scales, evidence: Evidence, basis: Basis, missing: SourceError | None, *, needless: bool
) -> None:
    """Say what it means that there is no signature file at hand."""
    if needless:
        scales.note("signature", "none was needed: the bytes are vouched for by their digest")
    elif evidence.signature_absent and basis.rule.signature is SignatureDemand.PRESENT_MUST_BE_TRUSTED:
        scales.note("signature", f"none is published; the policy accepts that ({basis.rule.where})")
    elif missing is not None and not evidence.signature_absent:
        scales.refuse("signature", missing)
    elif evidence.signature_absent or not any(isinstance(cause, SignatureMalformed) for cause in scales.causes):
        # What came and could not even be taken in is malformed already, and not missing.
        scales.refuse("signature", _missing(evidence, basis))


def _record_signature(
    scales: _Scales, finding: SignatureFinding, problems: Iterable[Refusal], *, ignorable: bool
) -> None:
    """Enter one signature: beside a trusted one, only a bad signature still refuses."""
    name = f"signature by {finding.fingerprint or finding.key_id or 'an unnamed key'}"
    if not problems:
        made = f"made {finding.created:%Y-%m-%d}, {finding.digest}" if finding.created else finding.digest
        legacy = ", legacy evidence" if finding.legacy else ""
        scales.passed(name, f"good ({made}{legacy}); trusted by {finding.trusted_by}")
    for problem in problems:
        if ignorable and not isinstance(problem, SignatureBad | EnginesDisagree):
            scales.note(name, f"{problem.reason} ({problem.code}); ignored", problem.expected, problem.received)
        else:
            scales.refuse(name, problem)


def _missing(evidence: Evidence, basis: Basis) -> SignatureMissing:
    signers = names_of(basis.trust)
    return SignatureMissing(
        "the policy requires a signature and there is none",
        expected=Fact(f"a signature by {signers}" if signers else "a signature by a trusted key", basis.rule.where),
        received=Fact("no signature file", evidence.signature_where),
    )


def _weigh_names(scales: _Scales, evidence: Evidence, other_names: Iterable[str]) -> None:
    for name in other_names:
        scales.refuse(
            "name",
            SignatureReplayed(
                "these very bytes with this very signature are known as another coordinate",
                expected=Fact(str(evidence.coordinate)),
                received=Fact(name, "the record"),
            ),
        )


def _pins(exemptions: Iterable[Exemption], witness: Witnessed | None) -> Iterator[Checksum]:
    pins = {exemption.sha256: exemption.where for exemption in exemptions}
    if witness is not None:
        pins.setdefault(witness.sha256, "starter map")
    for sha256, where in pins.items():
        yield Checksum(Digest(Algorithm.SHA256, sha256), Origin.PIN, where)


def _weigh_checksums(
    scales: _Scales, evidence: Evidence, pins: Iterable[Checksum]
) -> tuple[tuple[Checksum, bool], ...]:
    """Compare every checksum that was had."""
    compared = []
    for checksum in (*evidence.checksums, *pins):
        kind = checksum.digest.algorithm
        received = evidence.digest(kind)
        agrees = received is not None and received.value == checksum.digest.value
        compared.append((checksum, agrees))
        sides = Fact(str(checksum.digest), checksum.where), Fact(str(received or "not computed"), evidence.url)
        if agrees:
            scales.passed(f"checksum {kind.value}", f"agrees ({checksum.origin.value})", *sides)
        else:
            reason = f"the published {kind.value} checksum disagrees with the bytes"
            mismatch = ChecksumMismatch(reason, expected=sides[0], received=sides[1])
            scales.refuse(f"checksum {kind.value}", mismatch)
    return tuple(compared)


def _require_checksum(
    scales: _Scales,
    compared: Iterable[tuple[Checksum, bool]],
    rule: Rule,
    evidence: Evidence,
    missing: SourceError | None,
    *,
    vouched: bool,
) -> None:
    """See that one checksum counts.

    One beside a file on disk counts only where something else vouches for the bytes.  Where a
    signature was there and did not, that is the refusal: nothing else was asked for on its account.
    """
    leans = vouched or (evidence.signature is not None and rule.signature is not SignatureDemand.NONE)
    usable = [checksum for checksum, _ in compared if leans or checksum.origin is not Origin.BESIDE]
    if any(checksum.digest.algorithm.strength >= rule.checksum.strength for checksum in usable):
        return
    expected = Fact(f"{rule.checksum.value} or stronger", rule.where)
    if missing is not None:
        scales.refuse("checksum", missing)
    elif usable:
        weak = Fact(", ".join(checksum.digest.algorithm.value for checksum in usable), evidence.url)
        reason = "only checksums too weak to count are published"
        scales.refuse("checksum", ChecksumWeak(reason, expected=expected, received=weak))
    else:
        none = Fact("none", evidence.url)
        reason = "no checksum is published that counts"
        scales.refuse("checksum", ChecksumMissing(reason, expected=expected, received=none))


def _reason_to_trust(
    rule: Rule, trusted: SignatureFinding | None, exemptions: Iterable[Exemption], witness: Witnessed | None
) -> str:
    if trusted is not None:
        return f"signer {trusted.primary}, {trusted.trusted_by}"
    pins = [f"pin {one.where}, exempt from {one.code} until {one.until}: {one.reason}" for one in exemptions]
    if pins:
        return "; ".join(pins)
    if witness is not None:
        return f"witnesses {', '.join(witness.witnesses)}"
    return f"TLS and checksum alone: the policy asks for no more ({rule.where})"
