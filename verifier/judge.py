"""Weighs evidence by policy and says why a file may be used, or why not.

Takes values and gives values: no disk, no network, no clock.  Every check is made, so that the
record holds all that was wrong; the first cause in `errors.PRECEDENCE` names the refusal.
Only this module makes a `Verdict`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Protocol

from verifier import contents
from verifier.coordinate import Metadata
from verifier.digest import Algorithm, Digest
from verifier.errors import (
    ChecksumMismatch,
    ChecksumMissing,
    ChecksumWeak,
    Fact,
    KeyExpired,
    KeyUnknown,
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
from verifier.evidence import Checksum, Evidence, Origin, Proof, packet_identity
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.key import PublicKey, key_id
from verifier.openpgp.signature import ContentHash, Signature, assess, parse_signatures, verify
from verifier.openpgp.statement import SHA1, STRONG_DIGESTS
from verifier.policy import Exemption, Rule, SignatureDemand
from verifier.trust import TrustEntry, Witnessed

_SIGNATURE_CODES = ("signature-", "key-")


class Keys(Protocol):
    """Where certificates come from."""

    def certificates(self, signature: Signature) -> tuple[Certificate, ...]:
        """Give every certificate held that has the key which the signature names as its issuer."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a verdict rests on beside the evidence: all that policy says of one coordinate."""

    rule: Rule
    trust: tuple[TrustEntry, ...]
    exemptions: tuple[Exemption, ...]
    witnessed: tuple[Witnessed, ...]


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
class SignatureFinding:
    """What one signature is worth.

    Shape: `fingerprint` is the signing key's, or the issuer that the signature claims where no
    key verified it; `status` is `good` or a reason code; `trusted_by` is empty where nothing
    trusts the signer.
    """

    fingerprint: str | None
    key_id: str | None
    primary: str | None
    created: datetime | None
    digest: str
    status: str
    legacy: bool
    engines: tuple[str, ...]
    trusted_by: str


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

    def verdict(self) -> Verdict:
        """Accept.

        Raises: the first of the causes where there is any, with the others attached.
        """
        if self.causes:
            raise first(list(self.causes))
        return Verdict(self.trusted_by, self.signer, self.vouched)


def weigh(
    evidence: Evidence,
    basis: Basis,
    keys: Keys,
    content: ContentHash,
    *,
    now: datetime,
    other_names: Iterable[str] = (),
    causes: Iterable[ReasonedError] = (),
    missing: SourceError | None = None,
) -> Findings:
    """Make every check.

    `content` gives a running hash over the judged bytes; `other_names` are the coordinates under
    which these bytes with this signature file are known; `causes` is what was wrong before.
    `missing` says why evidence that was asked for could not be had: what policy requires is then
    unavailable, never absent.

    1. The contents name the coordinate that they are served as.
    2. Pins: exemptions in force bind both ways; witnesses stand for their digest.
    3. Signatures: one good one by a trusted signer suffices, a bad one refuses.
    4. The bytes with this signature are not known under another name.
    5. Checksums: every one that was had agrees, and one of them is strong enough.
    6. What exemptions or witnesses stand for is no cause of refusal.
    """
    scales = _Scales(list(causes))
    # 1.
    _weigh_claims(scales, evidence)
    # 2.
    exemptions = _weigh_exemptions(scales, evidence, basis, now.date())
    exempt_codes = {exemption.code for exemption in exemptions}
    witness = _weigh_witnesses(scales, evidence, basis)
    # 3.
    weigh_one = partial(_weigh_signature, evidence=evidence, basis=basis, keys=keys, content=content, now=now)
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
    _say_what_ended(scales.causes, evidence, basis, now.date())
    return Findings(
        steps=tuple(scales.steps),
        checksums=checksums,
        signatures=tuple(scales.signatures),
        causes=tuple(scales.causes),
        proofs=frozenset(scales.proofs),
        trusted_by=_reason_to_trust(basis.rule, trusted, exemptions, witness),
        signer=None if trusted is None else trusted.primary,
        vouched=vouched,
    )


@dataclass(slots=True)
class _Scales:
    """What piles up while one file is weighed."""

    causes: list[ReasonedError]
    steps: list[Step] = field(default_factory=list)
    signatures: list[SignatureFinding] = field(default_factory=list)
    proofs: set[Proof] = field(default_factory=set)

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
            self.note("lifted", f"{cause.code} does not count here: the bytes are vouched for by their digest")


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


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One signature with what is wrong with it; `proof` where its key made it."""

    finding: SignatureFinding
    problems: tuple[Refusal, ...]
    proof: Proof | None


def _weigh_signatures(
    scales: _Scales,
    evidence: Evidence,
    basis: Basis,
    weigh_one: Callable[[Signature], _Weighed],
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
    scales.proofs.update(one.proof for one in weighed if one.proof is not None)
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
        if ignorable and not isinstance(problem, SignatureBad):
            scales.note(name, f"{problem.reason} ({problem.code}); ignored", problem.expected, problem.received)
        else:
            scales.refuse(name, problem)


def _missing(evidence: Evidence, basis: Basis) -> SignatureMissing:
    signers = _names(basis.trust)
    return SignatureMissing(
        "the policy requires a signature and there is none",
        expected=Fact(f"a signature by {signers}" if signers else "a signature by a trusted key", basis.rule.where),
        received=Fact("no signature file", evidence.signature_where),
    )


def _names(trust: Iterable[TrustEntry]) -> str:
    return " or ".join(dict.fromkeys(key for entry in trust for key in entry.keys))


def _weigh_signature(
    signature: Signature, *, evidence: Evidence, basis: Basis, keys: Keys, content: ContentHash, now: datetime
) -> _Weighed:
    """Judge one signature: its mathematics, its signer, its date.

    1. Find the keys held that the signature may name.
    2. None held: unknown where the signer is trusted, untrusted where it is not.
    3. Weigh it with each; what counts is the best of it, since a stranger's certificate may hold
       the same key, and another key may share its id.
    """
    claimed = SignatureFinding(
        fingerprint=signature.issuer_fingerprint,
        key_id=signature.issuer_key_id,
        primary=None,
        created=signature.created,
        digest=signature.digest_name,
        status="",
        legacy=False,
        engines=("native",),
        trusted_by="",
    )
    # 1.
    candidates = list(_candidates(keys.certificates(signature), signature))
    # 2.
    if not candidates:
        absent = _absent(signature, evidence, basis)
        return _Weighed(replace(claimed, status=absent.code, engines=()), (absent,), None)
    # 3.
    weighed = (_weigh_with(signature, *each, claimed, evidence, basis, content, now) for each in candidates)
    return min(weighed, key=_rank)


def _rank(weighed: _Weighed) -> int:
    """Order what one signature may be: good, made by a trusted key, by another one, by none of ours."""
    if not weighed.problems:
        return 0
    if weighed.proof is not None:
        return 1 if weighed.finding.trusted_by else 2
    return 3 if isinstance(weighed.problems[0], SignatureBad) else 4


def _weigh_with(
    signature: Signature,
    certificate: Certificate,
    key: PublicKey,
    claimed: SignatureFinding,
    evidence: Evidence,
    basis: Basis,
    content: ContentHash,
    now: datetime,
) -> _Weighed:
    """Judge a signature by one key held that it may name.

    1. A digest or a key that never counts is weak, and is not calculated with.
    2. A key that did not make it: bad, whoever the signer is.
    3. Trust: an entry names the primary key, or this very key; the entry's own dates apply.
    """
    # 1.
    if not _may_ever_count(signature, certificate, key):
        problems, _, _ = _weigh_signer(signature, certificate, key, basis, now)
        return _Weighed(replace(claimed, status=first(list(problems)).code), tuple(problems), None)
    # 2.
    proof = Proof(packet_identity(signature.packet), key.fingerprint)
    try:
        if proof not in evidence.proofs:
            verify(signature, key, content)
    except (SignatureBad, SignatureMalformed) as refusal:
        refusal.received = refusal.received or Fact(f"signature by {key.fingerprint}", evidence.signature_where)
        return _Weighed(replace(claimed, status=refusal.code), (refusal,), None)
    # 3.
    problems, legacy, trusted_by = _weigh_signer(signature, certificate, key, basis, now)
    found = replace(
        claimed,
        fingerprint=key.fingerprint,
        primary=certificate.primary.fingerprint,
        status=first(list(problems)).code if problems else "good",
        legacy=legacy,
        trusted_by=trusted_by,
    )
    return _Weighed(found, tuple(problems), proof)


def _may_ever_count(signature: Signature, certificate: Certificate, key: PublicKey) -> bool:
    is_broken = signature.digest_algorithm not in STRONG_DIGESTS | {SHA1}
    return not (is_broken or key.is_too_weak or certificate.primary.is_too_weak)


def _candidates(certificates: Iterable[Certificate], signature: Signature) -> Iterator[tuple[Certificate, PublicKey]]:
    for certificate in certificates:
        for key in (certificate.primary, *(subkey.key for subkey in certificate.subkeys)):
            if _is_issuer(signature, key.fingerprint, key.key_id):
                yield certificate, key


def _is_issuer(signature: Signature, fingerprint: str, identifier: str) -> bool:
    if signature.issuer_fingerprint is not None:
        return signature.issuer_fingerprint == fingerprint
    return signature.issuer_key_id == identifier


def _absent(signature: Signature, evidence: Evidence, basis: Basis) -> Refusal:
    claimed = signature.issuer_fingerprint or signature.issuer_key_id or "no key at all"
    received = Fact(f"a signature by {claimed}", evidence.signature_where)
    for entry in basis.trust:
        named = next((key for key in entry.keys if _is_issuer(signature, key, key_id(key))), None)
        if named is not None:
            unknown = KeyUnknown(
                "the signer is trusted, but its key is not at hand",
                expected=Fact(f"the key {named}", entry.where),
                received=received,
            )
            unknown.fingerprint = named
            return unknown
    return _untrusted(claimed, basis, received)


def _untrusted(signer: str, basis: Basis, received: Fact) -> KeyUntrusted:
    names = _names(basis.trust)
    return KeyUntrusted(
        f"the signer {signer} is not trusted for this group",
        expected=Fact(
            names or "a signer that the policy or the starter map trusts for this group: they name none",
            ", ".join(dict.fromkeys(entry.where for entry in basis.trust)),
        ),
        received=received,
    )


def _weigh_signer(
    signature: Signature, certificate: Certificate, key: PublicKey, basis: Basis, now: datetime
) -> tuple[list[Refusal], bool, str]:
    """Give what is wrong with the signer at the signature's date, whether legacy, who trusts it."""
    entries = [entry for entry in basis.trust if _names_key(entry, certificate, key)]
    assessed = [(entry, _assess(signature, certificate, key, basis.rule, entry, now)) for entry in entries]
    for entry, (problems, legacy) in assessed:
        if not problems:
            return [], legacy, describe(entry)
    if assessed:
        entry, (problems, legacy) = assessed[0]
        return problems, legacy, describe(entry)
    problems, legacy = _assess(signature, certificate, key, basis.rule, None, now)
    for problem in problems:
        if isinstance(problem, KeyExpired):
            problem.fingerprint = ""  # for a stranger nothing is fetched
    received = Fact(f"a signature by {key.fingerprint}" + _of_primary(certificate, key))
    return [*problems, _untrusted(key.fingerprint, basis, received)], legacy, ""


def _of_primary(certificate: Certificate, key: PublicKey) -> str:
    primary = certificate.primary.fingerprint
    return "" if primary == key.fingerprint else f", a subkey of {primary}"


def _names_key(entry: TrustEntry, certificate: Certificate, key: PublicKey) -> bool:
    if entry.exact:
        return key.fingerprint in entry.keys
    return certificate.primary.fingerprint in entry.keys


def _assess(
    signature: Signature,
    certificate: Certificate,
    key: PublicKey,
    rule: Rule,
    entry: TrustEntry | None,
    now: datetime,
) -> tuple[list[Refusal], bool]:
    legacy_before = rule.legacy_before
    if entry is not None and entry.legacy_before is not None and not rule.legacy_final:
        legacy_before = entry.legacy_before
    assessment = assess(
        signature,
        certificate,
        key,
        now=now,
        exact=entry is not None and entry.exact,
        legacy_before=legacy_before,
        expires=None if entry is None else entry.expires,
    )
    return list(assessment.problems), assessment.legacy


def describe(entry: TrustEntry) -> str:
    """Say in one line where a trust entry comes from."""
    text = f"{entry.where}: {entry.pattern}"
    return f"{text} ({entry.origin})" if entry.origin else text


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
