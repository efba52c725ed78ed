"""What gpg said about one signature: from its status lines and listings to an answer or a refusal.

The rule is closed: a good signature is described by exactly these lines, and anything else
refuses.  Keys and user ids in lines that only look like answers are never read.  Who runs gpg, and
over what, is left to `gnupg_engine`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from verifier.errors import (
    Fact,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    KeyUntrusted,
    Refusal,
    SignatureBad,
    SignatureExpired,
    SignatureFuture,
    SignatureMalformed,
    SignatureWeak,
)
from verifier.openpgp.signature import MAX_CLOCK_SKEW_SECONDS, Signature
from verifier.openpgp.statement import DIGEST_NAMES, SHA1, STRONG_DIGESTS

_MAX_SHOWN_CHARACTERS = 200

_VERDICTS = frozenset({"GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"})
_STRANGE = frozenset({"NODATA", "UNEXPECTED", "PLAINTEXT", "PLAINTEXT_LENGTH", "BADARMOR", "ERROR"})
_VALIDSIG_FIELDS, _ERRSIG_CODE = 10, 5
_MADE, _END, _USER_ID, _CLASS = 5, 6, 9, 10
"""Places in a record of a colon listing; the third holds a fingerprint in `fpr` records."""
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_SOFT_REASONS = frozenset({"01", "03", "20"})
IMPORT_HINT = (
    "gpg imports no key without a user id that the key itself signed: "
    "get a full copy from its owner, or let the engine native judge"
)

Listing = list[list[str]]
"""A key with its checked signatures as gpg lists them: records of fields."""


@dataclass(frozen=True, slots=True)
class Said:
    """Every status line of one gpg, in order, as keyword and fields; and its exit status."""

    lines: tuple[tuple[str, tuple[str, ...]], ...]
    exit_status: int

    def fields(self, *keywords: str) -> list[tuple[str, ...]]:
        """Give the fields of each line with one of the keywords."""
        return [fields for keyword, fields in self.lines if keyword in keywords]


@dataclass(frozen=True, slots=True)
class GnupgAnswer:
    """A good signature as gpg reads it; its digest, version and date say whether it is legacy evidence.

    Shape: fingerprints of 40 or 64 upper-case hex digits; `digest_name` is hashlib's.
    """

    fingerprint: str
    primary: str
    created: datetime
    digest_name: str
    version: int


def read_answer(said: Said, signature: Signature, listing: Callable[[str], Listing], *, now: datetime) -> GnupgAnswer:
    """Take from what gpg said that the signature is good, or why not.

    1. It is about one signature, and says what it is.
    2. That is over a digest that counts, from no future, and what we read in it ourselves.
    3. No revocation is against it: gpg shows an expiry in front of one, so both are looked up.
    4. Its keys had not expired when it was made.

    Shape: `listing(fingerprint)` gives a primary key's listing; it is asked for only where
    something is wrong with a key.

    Raises: the refusal that is in the way; `KeyExpired` only where nothing else is wrong.

    Source: GnuPG's doc/DETAILS, "General status codes" and "Format of the colon listings".
    """
    try:
        # 1.
        verdict, valid = _read(said, signature)
        # 2.
        _weigh(verdict, valid, signature, now)
        # 3.
        listed = [] if verdict == "GOODSIG" else listing(valid.primary)
        _refuse_revoked(verdict, listed, valid)
        # 4.
        if verdict == "EXPKEYSIG":
            _refuse_expired(listed, valid)
    except (ValueError, IndexError) as error:
        raise _not_understood(said) from error
    return GnupgAnswer(valid.fingerprint, valid.primary, valid.created, DIGEST_NAMES[valid.digest], valid.version)


@dataclass(frozen=True, slots=True)
class _Valid:
    """What a VALIDSIG line says."""

    fingerprint: str
    primary: str
    created: datetime
    expires: datetime | None
    version: int
    digest: int
    kind: str


def _read(said: Said, signature: Signature) -> tuple[str, _Valid]:
    """Take a good signature's verdict and description from gpg's answer, by a rule that fits nothing else."""
    verdicts = [(key, fields) for key, fields in said.lines if key in _VERDICTS]
    if len(verdicts) != 1 or len(said.fields("NEWSIG")) != 1 or said.fields(*_STRANGE):
        raise _not_understood(said)
    ((verdict, fields),) = verdicts
    if verdict == "BADSIG":
        named = signature.issuer_fingerprint or signature.issuer_key_id
        raise SignatureBad(f"gpg says that key {named} did not sign these bytes")
    if verdict == "ERRSIG":
        raise _unchecked(fields, said)
    described = said.fields("VALIDSIG")
    if len(described) != 1 or (said.exit_status != 0 and verdict != "EXPSIG"):
        raise _not_understood(said)
    return verdict, _describe(described[0])


def _describe(fields: Sequence[str]) -> _Valid:
    fingerprint, _, made, end, version, _, _, digest, kind, primary = fields[:_VALIDSIG_FIELDS]
    if not (_FINGERPRINT.fullmatch(fingerprint) and _FINGERPRINT.fullmatch(primary)):
        raise ValueError("no fingerprint")
    expires = None if end == "0" else _moment(end)
    return _Valid(fingerprint, primary, _moment(made), expires, int(version), int(digest), kind)


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))


def _unchecked(fields: Sequence[str], said: Said) -> Refusal:
    """Say why gpg did not check a signature: the error code of libgpg-error in an ERRSIG line."""
    cause: type[Refusal] = SignatureMalformed
    match fields[_ERRSIG_CODE]:
        case "9":
            return KeyUnknown("gpg has no key for the signature", hint=IMPORT_HINT)
        case "5":
            cause, reason = SignatureWeak, "gpg takes no signature over such a digest"
        case "39":
            cause, reason = SignatureFuture, "gpg says that the signature is older than its key"
        case "1" | "125":
            cause, reason = KeyUntrusted, "gpg says that the key is not meant to sign files"
        case "4":
            reason = "gpg does not know the signature's algorithm"
        case "32":
            reason = "gpg says that the signature is of another kind"
        case _:
            return _not_understood(said)
    return cause(reason)


def _not_understood(said: Said) -> SignatureMalformed:
    text = "; ".join(" ".join([key, *fields]) for key, fields in said.lines) or "nothing"
    shown = text[:_MAX_SHOWN_CHARACTERS].encode("unicode_escape").decode("ascii")[:_MAX_SHOWN_CHARACTERS]
    return SignatureMalformed(
        "gpg did not judge one detached signature",
        expected=Fact("one signature and what it is", "gpg's status lines"),
        received=Fact(shown, "gpg"),
    )


def _weigh(verdict: str, valid: _Valid, signature: Signature, now: datetime) -> None:
    if valid.digest not in STRONG_DIGESTS | {SHA1}:
        raise SignatureWeak("the signature is over a digest that does not count")
    ours = Fact(f"type 0x00, digest {signature.digest_algorithm}, made {signature.created}", "the signature")
    if (valid.kind, valid.digest, valid.created) != ("00", signature.digest_algorithm, signature.created):
        theirs = Fact(f"type 0x{valid.kind}, digest {valid.digest}, made {valid.created}", "gpg")
        raise SignatureMalformed("gpg reads another signature than we do", expected=ours, received=theirs)
    if verdict == "EXPSIG" or (valid.expires and valid.expires <= now):
        end = Fact(f"used before {valid.expires}", "the signature's own expiry")
        raise SignatureExpired("the signature is past its own end", expected=end, received=Fact(str(now), "now"))
    if valid.created > now + timedelta(seconds=MAX_CLOCK_SKEW_SECONDS):
        made = Fact(str(valid.created), "the signature's date")
        raise SignatureFuture("the signature is from the future", expected=Fact(f"made before {now}"), received=made)


def _refuse_revoked(verdict: str, listing: Listing, valid: _Valid) -> None:
    """Refuse for a revocation of the signing key or its primary, but for a soft one made later."""
    found = [_Revocation.of(record) for record in _revocation_records(listing, valid)]
    if verdict == "REVKEYSIG" and not found:
        raise KeyRevoked("gpg says that the key was revoked, and does not list by what")
    for one in found:
        if not (one.reason in _SOFT_REASONS and one.made > valid.created):
            expected = Fact(f"reason {one.reason or 'none'}, made {one.made}", "the key's revocation, says gpg")
            received = Fact(f"signed {valid.created}", "the signature")
            raise KeyRevoked("the key was revoked, says gpg", expected=expected, received=received)


@dataclass(frozen=True, slots=True)
class _Revocation:
    """One valid revocation; its reason as two hex digits."""

    made: datetime
    reason: str

    @classmethod
    def of(cls, record: list[str]) -> "_Revocation":
        return cls(_moment(record[_MADE]), record[_CLASS].partition(",")[2])


def _revocation_records(listing: Listing, valid: _Valid) -> Iterator[list[str]]:
    """Find the valid revocations of the signing key, and of its primary, in a listing.

    Shape: each key's record is followed by its fingerprint and its signatures.
    """
    wanted = {("20x", valid.primary), ("28x", valid.fingerprint)}
    key = ""
    for record in listing:
        if record[0] == "fpr":
            key = record[_USER_ID]
        elif record[:2] == ["rev", "!"] and (record[_CLASS][:3], key) in wanted:
            yield record


def _refuse_expired(listing: Listing, valid: _Valid) -> None:
    """Refuse where the signing key or its primary had ended when the signature was made.

    gpg's own KEYEXPIRED lines do not say of which key they are, and tell of the other subkeys too.
    """
    ends = [_moment(record[_END]) for record in _key_records(listing, valid) if record[_END]]
    past = [end for end in ends if end <= valid.created]
    if past or not ends:
        problem = KeyExpired(
            "the key had expired when the signature was made, says gpg",
            expected=Fact(f"signed before {min(past, default='an unknown day')}", "our copy of the key"),
            received=Fact(f"signed {valid.created}", "the signature"),
        )
        problem.fingerprint = valid.primary
        raise problem


def _key_records(listing: Listing, valid: _Valid) -> Iterator[list[str]]:
    """Find the records of the primary and of the signing key; each is followed by its fingerprint."""
    key: list[str] = []
    for record in listing:
        if record[0] in {"pub", "sub"}:
            key = record
        elif record[0] == "fpr" and record[_USER_ID] in {valid.primary, valid.fingerprint}:
            yield key
