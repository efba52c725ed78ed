"""Detached signatures over files: read strictly, check, and assess at their own date.

A signature file is signatures and nothing else; what looks like one to a lenient reader (an
inline-signed message, a text-mode signature, a second block of armour) is named and refused.
Trust is left to others: a good signature by a key that nobody named is worth nothing.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from verifier.errors import (
    Fact,
    KeyExpired,
    KeyRevoked,
    KeyUntrusted,
    Refusal,
    SignatureExpired,
    SignatureFuture,
    SignatureMalformed,
    SignatureWeak,
)
from verifier.openpgp.certificate import Certificate, Revocation, Subkey
from verifier.openpgp.envelope import MAX_SIGNATURE_BYTES, open_envelope
from verifier.openpgp.key import PublicKey
from verifier.openpgp.packet import Malformed
from verifier.openpgp.statement import DIGEST_NAMES, SHA1, STRONG_DIGESTS, ContentHash, check, parse_statement

__all__ = [
    "MAX_SIGNATURE_BYTES",
    "Assessment",
    "ContentHash",
    "Signature",
    "assess",
    "parse_packet",
    "parse_signatures",
    "verify",
]

MAX_CLOCK_SKEW_SECONDS = 300

_NEWER_COPY = "the owner may have extended it since; get a newer copy from its owner and list it under [keys] files"
_DAYS_PER_YEAR = 365
_BINARY = 0x00
_TYPES = {
    0x01: "a text-mode signature, which does not commit to the bytes",
    0x02: "a standalone signature, over nothing",
    0x18: "a subkey binding",
    0x19: "a subkey's back-signature",
    0x1F: "a key's signature over itself",
    0x20: "a key revocation",
    0x28: "a subkey revocation",
    0x40: "a timestamp",
    0x50: "a confirmation of another signature",
}
_TYPES |= dict.fromkeys(range(0x10, 0x14), "a certification of a key")


@dataclass(frozen=True, slots=True)
class Signature:
    """One detached signature over the bytes of a file.

    `digest_name` is hashlib's name.  The issuer is only a claim, good for looking a key up.
    `packet` is the packet's body: what it was read from, and can be read from again.
    """

    version: int
    type: int
    key_algorithm: int
    digest_algorithm: int
    digest_name: str
    created: datetime | None
    expires: datetime | None
    issuer_fingerprint: str | None
    issuer_key_id: str | None
    packet: bytes


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is wrong with a signature at its date, gravest first; `legacy` where its evidence is old."""

    problems: tuple[Refusal, ...]
    legacy: bool


def parse_signatures(data: bytes, origin: str) -> tuple[Signature, ...]:
    """Read a signature file: detached signatures of binary type and nothing else.

    Shape: armoured or binary, wrapped at most once in a compressed packet; gives at least one
    signature, in the order of the file.  `origin` says in messages where the file is from.

    Raises: `SignatureMalformed` saying what it is instead.

    Source: RFC 9580, 10.4.
    """
    try:
        return tuple(_read(body) for body in open_envelope(data))
    except Malformed as error:
        raise SignatureMalformed(
            f"the signature file is not detached signatures over the bytes and nothing else: {error}",
            received=Fact(_show(data), origin),
        ) from error


def parse_packet(body: bytes, origin: str) -> Signature:
    """Read one signature from the body of its packet, as `Signature.packet` keeps it.

    Raises: `SignatureMalformed` as `parse_signatures` does.
    """
    try:
        return _read(body)
    except Malformed as error:
        raise SignatureMalformed(f"the kept signature cannot be read: {error}", received=Fact("", origin)) from error


def verify(signature: Signature, key: PublicKey, content: ContentHash) -> None:
    """Check that `key` made the signature over the content.

    Shape: `content(name, prefix)` gives a fresh running hash of hashlib's `name` that has taken
    `prefix` and then the whole content; it is finished here.

    Raises: `SignatureBad` when it did not; `SignatureMalformed` for an algorithm that we do not
    verify or numbers that cannot be read.

    Source: RFC 9580, 5.2.4.
    """
    try:
        statement = parse_statement(signature.packet)
    except Malformed as error:
        raise SignatureMalformed(f"the kept signature cannot be read: {error}") from error
    check(statement, key, content)


def assess(
    signature: Signature,
    certificate: Certificate,
    key: PublicKey,
    *,
    now: datetime,
    exact: bool,
    legacy_before: date | None,
    expires: date | None,
) -> Assessment:
    """Weigh a signature at its own date: all that needs neither trust nor arithmetic.

    1. Digest and keys are strong enough, or were when it was made.
    2. It is neither from the future nor past its own end.
    3. Neither the key nor its primary was revoked.
    4. Neither the key nor its primary had expired.
    5. The key belongs to the certificate and is meant to sign; one named exactly need not be.

    Shape: `key` is the primary of `certificate` or one of its subkeys.  `legacy_before` is the
    day before which legacy evidence counts, None for never.  `expires` is the first day on which
    the signer's signatures count no longer, in place of what our copy of the key says of its end.
    """
    subkey = next((subkey for subkey in certificate.subkeys if subkey.key == key), None)
    legacy = signature.digest_algorithm == SHA1 or signature.version == 3 or key.is_weak or certificate.primary.is_weak  # noqa: PLR2004 - the version
    problems = [
        *_weakness(signature, certificate, key, legacy=legacy, legacy_before=legacy_before),
        *_wrong_date(signature, certificate, key, now),
        *_revocations(signature, certificate, subkey),
        *_expiries(signature, certificate, subkey, now, expires),
        *_wrong_use(certificate, key, subkey, exact=exact),
    ]
    return Assessment(tuple(problems), legacy)


def _read(body: bytes) -> Signature:
    statement = parse_statement(body)
    if statement.type != _BINARY:
        raise Malformed(_TYPES.get(statement.type, f"a signature of type 0x{statement.type:02x}"))
    return Signature(
        version=statement.version,
        type=statement.type,
        key_algorithm=statement.key_algorithm,
        digest_algorithm=statement.digest_algorithm,
        digest_name=DIGEST_NAMES.get(statement.digest_algorithm, f"algorithm {statement.digest_algorithm}"),
        created=statement.created,
        expires=statement.expires,
        issuer_fingerprint=statement.issuer_fingerprint,
        issuer_key_id=statement.issuer_key_id,
        packet=body,
    )


def _show(data: bytes) -> str:
    shown = data[:60].decode("ascii", "backslashreplace")
    return shown or "an empty file"


def _weakness(
    signature: Signature, certificate: Certificate, key: PublicKey, *, legacy: bool, legacy_before: date | None
) -> list[Refusal]:
    if signature.digest_algorithm not in STRONG_DIGESTS | {SHA1}:
        expected = Fact("a digest of SHA-2 or SHA-3", "what counts at any date")
        received = Fact(signature.digest_name, "the signature")
        return [SignatureWeak("the signature is over a broken digest", expected=expected, received=received)]
    for weak in (key, certificate.primary):
        if weak.is_too_weak:
            received = Fact(f"{weak.bits} bits", f"key {weak.fingerprint}")
            return [SignatureWeak("the key is too small", expected=Fact("2048 bits or more"), received=received)]
    made_in_time = signature.created and legacy_before and signature.created.date() < legacy_before
    if not legacy or made_in_time:
        return []
    limit = "never" if legacy_before is None else f"only if made before {legacy_before}"
    made = "at an unknown date" if signature.created is None else f"made {_day(signature.created)}"
    what = _legacy_traits(signature, certificate, key)
    expected = Fact(f"such evidence counts {limit}", "policy")
    received = Fact(made, "the signature")
    return [SignatureWeak(f"the signature is legacy evidence: {what}", expected=expected, received=received)]


def _legacy_traits(signature: Signature, certificate: Certificate, key: PublicKey) -> str:
    traits = []
    if signature.digest_algorithm == SHA1:
        traits.append("a SHA-1 digest")
    if signature.version == 3:  # noqa: PLR2004 - the version
        traits.append("a version 3 signature")
    traits += [f"a key of {weak.bits} bits" for weak in dict.fromkeys((key, certificate.primary)) if weak.is_weak]
    return ", ".join(traits)


def _wrong_date(signature: Signature, certificate: Certificate, key: PublicKey, now: datetime) -> list[Refusal]:
    made = signature.created
    if made is None:
        return [SignatureMalformed("the signature does not say when it was made")]
    problems: list[Refusal] = []
    received = Fact(_moment(made), "the signature's date")
    if signature.expires and signature.expires <= now:
        end = Fact(f"used before {_moment(signature.expires)}", "the signature's own expiry")
        today = Fact(_moment(now), "now")
        problems.append(SignatureExpired("the signature is past its own end", expected=end, received=today))
    if made > now + timedelta(seconds=MAX_CLOCK_SKEW_SECONDS):
        end = Fact(f"made before {_moment(now)}", "now")
        problems.append(SignatureFuture("the signature is from the future", expected=end, received=received))
    for older in dict.fromkeys((key, certificate.primary)):
        if made < older.created:
            start = Fact(f"made after {_moment(older.created)}", f"key {older.fingerprint}")
            problems.append(SignatureFuture("the signature is older than its key", expected=start, received=received))
    return problems


def _revocations(signature: Signature, certificate: Certificate, subkey: Subkey | None) -> list[Refusal]:
    revoked = [(certificate.primary, certificate.revocation)]
    if subkey is not None:
        revoked.append((subkey.key, subkey.revocation))
    return [
        _revoked(key, revocation, signature.created)
        for key, revocation in revoked
        if revocation and (revocation.hard or signature.created is None or revocation.made <= signature.created)
    ]


def _revoked(key: PublicKey, revocation: Revocation, made: datetime | None) -> KeyRevoked:
    counts = "no signature by it counts" if revocation.hard else f"signatures before {_moment(revocation.made)}"
    return KeyRevoked(
        f"key {key.fingerprint} was revoked on {_day(revocation.made)} ({revocation.reason})",
        expected=Fact(counts, "the key's revocation"),
        received=Fact("an undated signature" if made is None else f"signed {_moment(made)}", "the signature"),
    )


def _expiries(
    signature: Signature, certificate: Certificate, subkey: Subkey | None, now: datetime, override: date | None
) -> list[Refusal]:
    ends = [(certificate.primary, certificate.expires, certificate.as_of)]
    if subkey is not None:
        ends.append((subkey.key, subkey.expires, subkey.as_of or certificate.as_of))
    if override is not None:
        end = datetime.combine(override, time.min, UTC)
        ends = [(subkey.key if subkey else certificate.primary, end, None)]
    made = signature.created
    expired = [_expired(key, end, made, as_of, now) for key, end, as_of in ends if end and made and end <= made]
    if override is None:
        for problem in expired:
            problem.fingerprint = certificate.primary.fingerprint
    return [*expired]


def _expired(key: PublicKey, end: datetime, made: datetime, as_of: datetime | None, now: datetime) -> KeyExpired:
    hint = None if as_of is None else f"our copy of the key is of {_day(as_of)}, {_age(now - as_of)} old: {_NEWER_COPY}"
    source = "the trust entry" if as_of is None else f"our copy of the key, of {_day(as_of)}"
    return KeyExpired(
        f"key {key.fingerprint} had expired when the signature was made",
        expected=Fact(f"signed before {_moment(end)}", source),
        received=Fact(f"signed {_moment(made)}", "the signature"),
        hint=hint,
    )


def _wrong_use(certificate: Certificate, key: PublicKey, subkey: Subkey | None, *, exact: bool) -> list[Refusal]:
    owner = f"certificate {certificate.primary.fingerprint}"
    if subkey is None and key != certificate.primary:
        return [
            KeyUntrusted(
                f"key {key.fingerprint} does not belong to the trusted one",
                expected=Fact("a subkey that the primary bound", owner),
                received=Fact(key.fingerprint, "the signing key"),
            )
        ]
    if exact or (certificate.signs if subkey is None else subkey.signs):
        return []
    return [
        KeyUntrusted(
            f"key {key.fingerprint} is not meant to sign files",
            expected=Fact("the signing flag, and of a subkey a back-signature", owner),
            received=Fact("a key for other uses", f"key {key.fingerprint}"),
            hint="ask the publisher why this key signs, and which one should",
        )
    ]


def _age(age: timedelta) -> str:
    days = max(age.days, 0)
    return f"{days} days" if days < 2 * _DAYS_PER_YEAR else f"{days // _DAYS_PER_YEAR} years"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
