"""What one signature is worth: who made it, whether it holds, whether the signer is trusted at its date.

Two engines may be asked: our own, which reads everything here, and a second one through `Opinion`, which
only ever takes away: what ours refuses, no second opinion makes good.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from verifier.errors import (
    EnginesDisagree,
    Fact,
    KeyExpired,
    KeyUnknown,
    KeyUntrusted,
    Refusal,
    SignatureBad,
    SignatureMalformed,
    SourceError,
    first,
)
from verifier.evidence import Evidence, Proof, packet_identity
from verifier.lockfile import Locked
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.key import PublicKey, key_id
from verifier.openpgp.signature import ContentHash, Signature, assess, verify
from verifier.openpgp.statement import SHA1, STRONG_DIGESTS
from verifier.policy import Engine, Exemption, Rule
from verifier.trust import TrustEntry, Witnessed

_NATIVE, _GNUPG = Engine.NATIVE.value, Engine.GNUPG.value


class Opinion(Protocol):
    """A second OpenPGP engine, asked about one signature and the certificate that may have made it."""

    def __call__(self, signature: Signature, certificate: Certificate) -> None:
        """Accept the signature.

        Raises: the refusal that is in the way; `KeyUnknown` where this engine cannot use the key.
        """


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
    locked: Locked | None = None
    """The line of the lock file, which adds a pin and replaces nothing."""
    same_grounds: bool = False
    """Whether what vouched for the locked bytes must vouch for them still."""

    def pins(self, sha256: str) -> bool:
        """Whether a lock file, an exemption or witnesses name these very bytes as this coordinate."""
        locked = () if self.locked is None else (self.locked,)
        return any(one.sha256 == sha256 for one in (*locked, *self.exemptions, *self.witnessed))


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
class Weighed:
    """One signature with what is wrong with it; `proofs` where its key made it."""

    finding: SignatureFinding
    problems: tuple[Refusal, ...]
    proofs: tuple[Proof, ...]


def weigh_signature(
    signature: Signature,
    *,
    evidence: Evidence,
    basis: Basis,
    keys: Keys,
    content: ContentHash,
    opinion: Opinion,
    now: datetime,
) -> Weighed:
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
        return Weighed(replace(claimed, status=absent.code, engines=()), (absent,), ())
    # 3.
    case = Case(signature, evidence, basis, content, opinion, now, claimed)
    weighed = (_weigh_with(case, *each) for each in candidates)
    return min(weighed, key=_rank)


def _rank(weighed: Weighed) -> int:
    """Order what one signature may be: good, made by a trusted key, by another one, by none of ours."""
    if not weighed.problems:
        return 0
    if weighed.proofs:
        return 1 if weighed.finding.trusted_by else 2
    return 3 if isinstance(weighed.problems[0], SignatureBad) else 4


@dataclass(frozen=True, slots=True)
class Case:
    """One signature and all that it is judged by."""

    signature: Signature
    evidence: Evidence
    basis: Basis
    content: ContentHash
    opinion: Opinion
    now: datetime
    claimed: SignatureFinding

    def proof(self, key: PublicKey, engine: str) -> Proof:
        """Name the proof that a key made the signature, as one engine finds."""
        return Proof(packet_identity(self.signature.packet), key.fingerprint, engine)


def _weigh_with(case: Case, certificate: Certificate, key: PublicKey) -> Weighed:
    """Judge a signature by one key held that it may name.

    1. A digest or a key that never counts is weak, and is not calculated with.
    2. A key that did not make it: bad, whoever the signer is.
    3. Trust: an entry names the primary key, or this very key; the entry's own dates apply.
    4. A second engine, where the policy asks for it, is of the same opinion.
    """
    # 1.
    if not _may_ever_count(case.signature, certificate, key):
        problems, _, _ = _weigh_signer(case.signature, certificate, key, case.basis, case.now)
        return Weighed(replace(case.claimed, status=first(list(problems)).code), tuple(problems), ())
    # 2.  Always by ours, whoever else is asked: gpg refuses a key for its use before it calculates.
    engine = case.basis.rule.engine
    proof = case.proof(key, _NATIVE)
    try:
        if proof not in case.evidence.proofs:
            verify(case.signature, key, case.content)
    except (SignatureBad, SignatureMalformed) as refusal:
        refusal.received = refusal.received or Fact(f"signature by {key.fingerprint}", case.evidence.signature_where)
        told = _doubt(case, certificate, refusal) if engine is Engine.BOTH else refusal
        return Weighed(replace(case.claimed, status=told.code), (told,), ())
    # 3.
    problems, legacy, trusted_by = _weigh_signer(case.signature, certificate, key, case.basis, case.now)
    found = replace(
        case.claimed,
        fingerprint=key.fingerprint,
        primary=certificate.primary.fingerprint,
        legacy=legacy,
        trusted_by=trusted_by,
    )
    # 4.
    weighed = Weighed(found, tuple(problems), (proof,))
    if engine is not Engine.NATIVE:
        weighed = _weigh_twice(case, certificate, key, weighed)
    problems = list(weighed.problems)
    return replace(weighed, finding=replace(weighed.finding, status=first(list(problems)).code if problems else "good"))


def _weigh_twice(case: Case, certificate: Certificate, key: PublicKey, weighed: Weighed) -> Weighed:
    """Hear the second engine, and say who judged.

    Its proof of the mathematics is kept like ours, so that a cached file costs no process.
    """
    both = case.basis.rule.engine is Engine.BOTH
    own = (_NATIVE,) if both else ()
    proof = case.proof(key, _GNUPG)
    refusal = None if proof in case.evidence.proofs else _hear(case, certificate)
    if isinstance(refusal, KeyUnknown) and both:
        return replace(weighed, finding=replace(weighed.finding, engines=own))
    finding = replace(weighed.finding, engines=(*own, _GNUPG))
    proofs = (*weighed.proofs, *((proof,) if refusal is None else ()))
    weighed = Weighed(finding, weighed.problems, proofs)
    if refusal is None or (weighed.problems and both) or _is_overruled(refusal, case, certificate, key):
        return weighed
    if both:
        refusal = _disagreement("good", f"{refusal.code}: {refusal.reason}")
    return replace(weighed, problems=(*weighed.problems, refusal))


def _doubt(case: Case, certificate: Certificate, refusal: Refusal) -> Refusal:
    """Say so where the second engine accepts what ours calls bad; it stays refused."""
    try:
        accepts = _hear(case, certificate) is None
    except SourceError:  # no answer in time: the refusal stands as it is
        return refusal
    return _disagreement(f"{refusal.code}: {refusal.reason}", "good") if accepts else refusal


def _disagreement(native: str, gnupg: str) -> EnginesDisagree:
    return EnginesDisagree(
        "two OpenPGP engines were asked and gave different answers",
        expected=Fact(native, "the engine native"),
        received=Fact(gnupg, "the engine gnupg"),
    )


def _hear(case: Case, certificate: Certificate) -> Refusal | None:
    try:
        case.opinion(case.signature, certificate)
    except Refusal as refusal:
        return refusal
    return None


def _is_overruled(refusal: Refusal, case: Case, certificate: Certificate, key: PublicKey) -> bool:
    """Whether the policy, or a newer copy of the key, answers what the second engine objects to.

    Ours finds the same when it is asked without what a trust entry says for its signer; or the second
    engine reads an older copy, whose expiry the owner has extended since.
    """
    strict = assess(
        case.signature, certificate, key, now=case.now, exact=False, legacy_before=date.max, expires=None
    ).problems
    if type(refusal) in {type(problem) for problem in strict}:
        return True
    return isinstance(refusal, KeyExpired)


def _may_ever_count(signature: Signature, certificate: Certificate, key: PublicKey) -> bool:
    is_broken = signature.digest_algorithm not in STRONG_DIGESTS | {SHA1}
    return not (is_broken or key.is_too_weak or certificate.primary.is_too_weak)


def _candidates(certificates: Iterable[Certificate], signature: Signature) -> Iterator[tuple[Certificate, PublicKey]]:
    """Give each key that may have made the signature, in the certificates that may speak for it.

    Anybody can bind another's key under a primary of his own, and say nothing there of its revocation.  So a
    key's own certificate speaks for it, else those that it signed back, else the rest.
    """
    named = [
        (certificate, key, standing)
        for certificate in certificates
        for key, standing in (
            (certificate.primary, 0),
            *((subkey.key, 1 if subkey.signs else 2) for subkey in certificate.subkeys),
        )
        if _is_issuer(signature, key.fingerprint, key.key_id)
    ]
    best: dict[str, int] = {}
    for _, key, standing in named:
        best[key.fingerprint] = min(standing, best.get(key.fingerprint, standing))
    yield from ((certificate, key) for certificate, key, standing in named if standing == best[key.fingerprint])


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
    names = names_of(basis.trust)
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


def no_opinion(signature: Signature, certificate: Certificate) -> None:
    """Stand in where there is no second engine: it can use no key.

    Raises: `KeyUnknown`, always.
    """
    del signature, certificate
    raise KeyUnknown("there is no second engine to ask")


def names_of(trust: Iterable[TrustEntry]) -> str:
    """List the signers of trust entries, each once."""
    return " or ".join(dict.fromkeys(key for entry in trust for key in entry.keys))
