"""What can be offered for one file, and every code that must come of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from openpgp_cases import (
    CONTENT,
    MADE,
    MD5,
    NOW,
    RIPEMD160,
    SHA1,
    Signer,
    armour,
    bind,
    certificate,
    certify,
    ed,
    lifetime,
    mpi,
    over_key,
    packet,
    reason,
    rsa_signer,
    sign,
    signer,
    subpacket,
)

from verifier.contents import Claim
from verifier.coordinate import parse_coordinate, parse_subject
from verifier.digest import Algorithm, Digest, Hash, Hasher
from verifier.errors import ReasonedError, SignatureMalformed, SourceError, Unreachable
from verifier.evidence import Checksum, Evidence, Origin
from verifier.judge import Findings, weigh
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.openpgp.signature import Signature
from verifier.pattern import parse_pattern
from verifier.policy import Engine, Exemption, Rule, SignatureDemand
from verifier.signing import Basis
from verifier.trust import TrustEntry, Witnessed

WIDGET = parse_coordinate("org.example:widget:1.0")
URL = "https://repo.example/releases/org/example/widget/1.0/widget-1.0.jar"
_HASHER = Hasher(Algorithm)
_HASHER.update(CONTENT)
DIGESTS = _HASHER.digests()
SHA256 = DIGESTS[Algorithm.SHA256].value
OTHER_SHA256 = "0" * 64

OWNER, STRANGER, UNKNOWN, SUBKEY = ed(0), ed(1), ed(2), ed(3)
OLD = datetime(2012, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
RSA = rsa_signer()
OLD_RSA = signer(RSA.private, born=OLD)
LEGACY_BEFORE = date(2017, 2, 23)
BEFORE, AFTER = datetime(2017, 2, 22, tzinfo=UTC), datetime(2017, 2, 23, tzinfo=UTC)

TRUSTED = Rule(SignatureDemand.TRUSTED, Algorithm.SHA1, Engine.NATIVE, LEGACY_BEFORE, "built in")
IF_PRESENT = replace(TRUSTED, signature=SignatureDemand.PRESENT_MUST_BE_TRUSTED)
NONE = replace(TRUSTED, signature=SignatureDemand.NONE)
NO_LEGACY = replace(TRUSTED, legacy_before=None)
NEEDS_SHA256 = replace(TRUSTED, checksum=Algorithm.SHA256)
NEEDS_SHA512 = replace(TRUSTED, checksum=Algorithm.SHA512)


def content(name: str, prefix: bytes) -> Hash:
    return hashlib.new(name, prefix + CONTENT, usedforsecurity=False)


def asc(*bodies: bytes) -> bytes:
    return armour(b"".join(packet(2, body) for body in bodies))


def checksum(algorithm: Algorithm, origin: Origin = Origin.SIDECAR, *, value: str | None = None) -> Checksum:
    digest = DIGESTS[algorithm] if value is None else Digest(algorithm, value)
    return Checksum(digest, origin, f"{URL}.{algorithm.value}")


def wrong(algorithm: Algorithm, origin: Origin = Origin.SIDECAR) -> Checksum:
    return checksum(algorithm, origin, value="0" * algorithm.hex_length)


def evidence(signature: bytes | None = None, **changes: object) -> Evidence:
    offered = Evidence(
        coordinate=WIDGET,
        repository="central",
        url=URL,
        size=len(CONTENT),
        digests=tuple(DIGESTS.values()),
        checksums=(checksum(Algorithm.SHA1),),
        signature=signature,
        signature_where=f"{URL}.asc",
        signature_absent=signature is None,
        claims=(),
    )
    return replace(offered, **changes)  # type: ignore[arg-type] # passed on


def trust(*keys: Signer, **changes: object) -> TrustEntry:
    fingerprints = tuple(key.fingerprint for key in keys)
    entry = TrustEntry(parse_pattern("org.example"), fingerprints, False, None, None, "", "", "verifier.toml:7")  # noqa: FBT003  (`exact`)
    return replace(entry, **changes)  # type: ignore[arg-type] # passed on


def exempt(code: str, sha256: str = SHA256, until: date = date(2027, 1, 1)) -> Exemption:
    return Exemption(WIDGET, sha256, code, "it is old", until, f"verifier.toml:{len(code)}")


def witnessed(sha256: str = SHA256, why: str = "unsigned") -> Witnessed:
    return Witnessed(sha256, len(CONTENT), ("apache/one", "google/two"), why, date(2026, 1, 1))


@dataclass(frozen=True)
class Held:
    """Keys at hand, found by what the signature claims."""

    all: tuple[Certificate, ...]

    def certificates(self, signature: Signature) -> tuple[Certificate, ...]:
        wanted = signature.issuer_fingerprint or signature.issuer_key_id
        return tuple(one for one in self.all if wanted in _names(one))


def _names(one: Certificate) -> set[str]:
    keys = (one.primary, *(subkey.key for subkey in one.subkeys))
    return {name for key in keys for name in (key.fingerprint, key.key_id)}


def held(*certificates: bytes) -> Held:
    return Held(parse_certificates(b"".join(certificates)))


KEYS = held(certificate(OWNER), certificate(STRANGER))


@dataclass(frozen=True)
class Case:
    """What is offered, and every code that must come of it, the one that names the artifact first."""

    offered: Evidence
    codes: tuple[str, ...] = ()
    rule: Rule = TRUSTED
    trust: tuple[TrustEntry, ...] = (trust(OWNER),)
    exempt: tuple[Exemption, ...] = ()
    witnessed: tuple[Witnessed, ...] = ()
    keys: Held = KEYS
    names: Sequence[str] = ()
    causes: Sequence[ReasonedError] = ()
    missing: SourceError | None = None


GOOD = sign(OWNER)
BAD = sign(OWNER, b"other bytes")
BY_STRANGER = sign(STRANGER)
BAD_BY_STRANGER = sign(STRANGER, b"other bytes")
BY_UNKNOWN = sign(UNKNOWN)
BAD_BY_UNKNOWN = sign(UNKNOWN, b"other bytes")
EXPIRED = sign(OWNER, hashed=[subpacket(3, b"\0\0\0\1")])
FUTURE = sign(OWNER, made=NOW + timedelta(days=1))
WITH_SUBKEY = certificate(OWNER, certify(OWNER), packet(14, SUBKEY.body), bind(OWNER, SUBKEY))
BARE = packet(6, OWNER.body)
REVOKED = certificate(OWNER, over_key(OWNER, 0x20, made=MADE, hashed=[reason(2)]), certify(OWNER))
SUPERSEDED = certificate(OWNER, over_key(OWNER, 0x20, made=NOW, hashed=[reason(1)]), certify(OWNER))
ENDED = certificate(OWNER, certify(OWNER, hashed=[lifetime(YEAR)]))
OLD_KEYS = held(certificate(OLD_RSA))
OLD_SHA1, NEW_SHA1 = sign(OLD_RSA, made=BEFORE, digest=SHA1), sign(OLD_RSA, made=AFTER, digest=SHA1)
TINY = Signer(RSA.private, b"\x04" + RSA.body[1:5] + b"\x01" + mpi((1 << 767) | 1) + mpi(65537), 1)
# A stranger's certificate that holds the owner's key as a subkey of its own, without that key's consent.
ADOPTED = certificate(STRANGER, certify(STRANGER), packet(14, OWNER.body), bind(STRANGER, OWNER, back=b""))
BY_KEY_ID = sign(OWNER, unhashed=[subpacket(16, bytes.fromhex(OWNER.key_id))])
BAD_BY_KEY_ID = sign(OWNER, b"other bytes", unhashed=[subpacket(16, bytes.fromhex(OWNER.key_id))])
TWIN = sign(OWNER, unhashed=[subpacket(33, b"\x04" + bytes.fromhex("0" * 24 + OWNER.key_id))])
NAMELESS = sign(OWNER, unhashed=[])
OWN_CLAIM = Claim("org.example", "widget", "1.0", "pom.properties")
OTHER_VERSION = replace(OWN_CLAIM, version="0.9")
OTHER_PROJECT = replace(OWN_CLAIM, artifact="gadget")
OUTAGE = Unreachable("no connection")
WEAK, STRONG = checksum(Algorithm.MD5), checksum(Algorithm.SHA512)
BESIDE = checksum(Algorithm.SHA1, Origin.BESIDE)
ENDED_TODAY, ENDED_YESTERDAY = NOW.date(), NOW.date() - timedelta(days=1)
SIGNER_HAS_UNTIL_2022 = trust(OWNER, expires=date(2022, 1, 1))
SIGNER_HAD_UNTIL_2021 = trust(OWNER, expires=date(2021, 6, 1))


def subkey_trust(**changes: object) -> tuple[TrustEntry, ...]:
    return (trust(SUBKEY, **changes),)


CASES: dict[str, Case] = {
    # One signature
    "good by the trusted signer": Case(evidence(asc(GOOD))),
    "binary": Case(evidence(packet(2, GOOD))),
    "bad by the trusted signer": Case(evidence(asc(BAD)), ("signature-bad",)),
    "good by an untrusted key at hand": Case(evidence(asc(BY_STRANGER)), ("key-untrusted",)),
    "bad by an untrusted key at hand": Case(evidence(asc(BAD_BY_STRANGER)), ("signature-bad",)),
    "by a key not at hand": Case(evidence(asc(BY_UNKNOWN)), ("key-untrusted",)),
    "by a trusted key not at hand": Case(evidence(asc(BY_UNKNOWN)), ("key-unknown",), trust=(trust(UNKNOWN),)),
    "by a trusted key named by its id alone, not at hand": Case(
        evidence(asc(BY_KEY_ID)), ("key-unknown",), keys=held(certificate(STRANGER))
    ),
    "by a key named by its id alone": Case(evidence(asc(BY_KEY_ID))),
    "bad, by a key named by its id alone": Case(evidence(asc(BAD_BY_KEY_ID)), ("signature-bad",)),
    "by a key whose fingerprint shares the trusted one's id": Case(
        evidence(asc(TWIN)), ("key-untrusted",), keys=held(certificate(STRANGER))
    ),
    "names no issuer": Case(evidence(asc(NAMELESS)), ("key-untrusted",)),
    "nobody is trusted": Case(evidence(asc(GOOD)), ("key-untrusted",), trust=()),
    "expired signature": Case(evidence(asc(EXPIRED)), ("signature-expired",)),
    "signature from the future": Case(evidence(asc(FUTURE)), ("signature-future",)),
    "no signature file, but text": Case(evidence(b"<html>"), ("signature-malformed",)),
    "an empty signature file": Case(evidence(b""), ("signature-malformed",)),
    "numbers that are none": Case(evidence(asc(sign(OWNER, numbers=b"\0"))), ("signature-malformed",)),
    "expired, of an untrusted key": Case(
        evidence(asc(EXPIRED)), ("signature-expired", "key-untrusted"), trust=(trust(STRANGER),)
    ),
    # Several in one file
    "good, and one by an unknown key": Case(evidence(asc(GOOD, BY_UNKNOWN))),
    "one by an unknown key, and good": Case(evidence(asc(BY_UNKNOWN, GOOD))),
    "good, and a bad one by an unknown key": Case(evidence(asc(GOOD, BAD_BY_UNKNOWN))),
    "good, and bad by the same key": Case(evidence(asc(GOOD, BAD)), ("signature-bad",)),
    "bad by the same key, and good": Case(evidence(asc(BAD, GOOD)), ("signature-bad",)),
    "good, and bad by an untrusted key at hand": Case(evidence(asc(GOOD, BAD_BY_STRANGER)), ("signature-bad",)),
    "bad by an untrusted key at hand, and good": Case(evidence(asc(BAD_BY_STRANGER, GOOD)), ("signature-bad",)),
    "good, and good by an untrusted key": Case(evidence(asc(GOOD, BY_STRANGER))),
    "good, and expired": Case(evidence(asc(EXPIRED, GOOD))),
    "good, and over MD5": Case(evidence(asc(sign(OWNER, digest=MD5, numbers=b""), GOOD))),
    "two untrusted": Case(evidence(asc(BY_STRANGER, BY_UNKNOWN)), ("key-untrusted", "key-untrusted")),
    "expired, and one by an unknown key": Case(
        evidence(asc(BY_UNKNOWN, EXPIRED)), ("signature-expired", "key-untrusted")
    ),
    # Which key
    "subkey of the trusted primary": Case(evidence(asc(sign(SUBKEY))), keys=held(WITH_SUBKEY)),
    "a subkey is not named as if it were a primary": Case(
        evidence(asc(sign(SUBKEY))), ("key-untrusted",), trust=subkey_trust(), keys=held(WITH_SUBKEY)
    ),
    "a subkey named exactly": Case(evidence(asc(sign(SUBKEY))), trust=subkey_trust(exact=True), keys=held(WITH_SUBKEY)),
    "the primary where its subkey is named exactly": Case(
        evidence(asc(GOOD)), ("key-untrusted",), trust=subkey_trust(exact=True), keys=held(WITH_SUBKEY)
    ),
    "the subkey where its primary is named exactly": Case(
        evidence(asc(sign(SUBKEY))), ("key-untrusted",), trust=(trust(OWNER, exact=True),), keys=held(WITH_SUBKEY)
    ),
    "the primary named exactly": Case(evidence(asc(GOOD)), trust=(trust(OWNER, exact=True),)),
    "a bare key": Case(evidence(asc(GOOD)), keys=held(BARE)),
    "a bare key named exactly": Case(evidence(asc(GOOD)), trust=(trust(OWNER, exact=True),), keys=held(BARE)),
    "a stranger's certificate holds the key first": Case(evidence(asc(GOOD)), keys=held(ADOPTED, certificate(OWNER))),
    "a stranger's certificate holds the key last": Case(evidence(asc(GOOD)), keys=held(certificate(OWNER), ADOPTED)),
    "a stranger's certificate alone holds the key": Case(
        evidence(asc(GOOD)), ("key-untrusted",), trust=(trust(STRANGER),), keys=held(ADOPTED)
    ),
    "expired, and a stranger's certificate holds the key first": Case(
        evidence(asc(GOOD)), ("key-expired",), keys=held(ADOPTED, ENDED)
    ),
    "bad, and a stranger's certificate holds the key": Case(
        evidence(asc(BAD)), ("signature-bad",), keys=held(ADOPTED, certificate(OWNER))
    ),
    "trusted twice, the first entry's day is past": Case(
        evidence(asc(GOOD)), trust=(SIGNER_HAD_UNTIL_2021, SIGNER_HAS_UNTIL_2022)
    ),
    # Its dates
    "compromised after it was made": Case(evidence(asc(GOOD)), ("key-revoked",), keys=held(REVOKED)),
    "superseded after it was made": Case(evidence(asc(GOOD)), keys=held(SUPERSEDED)),
    "expired when it was made, a stranger's": Case(
        evidence(asc(GOOD)), ("key-expired", "key-untrusted"), trust=(trust(STRANGER),), keys=held(ENDED)
    ),
    "expired when it was made": Case(evidence(asc(GOOD)), ("key-expired",), keys=held(ENDED)),
    "expired by our copy, extended by the entry": Case(
        evidence(asc(GOOD)), trust=(SIGNER_HAS_UNTIL_2022,), keys=held(ENDED)
    ),
    "ended by the entry": Case(evidence(asc(GOOD)), ("key-expired",), trust=(SIGNER_HAD_UNTIL_2021,)),
    "an entry's day does not lift a revocation": Case(
        evidence(asc(GOOD)), ("key-revoked",), trust=(SIGNER_HAS_UNTIL_2022,), keys=held(REVOKED)
    ),
    # Legacy evidence
    "SHA-1 before the day": Case(evidence(asc(OLD_SHA1)), trust=(trust(OLD_RSA),), keys=OLD_KEYS),
    "SHA-1 on the day": Case(evidence(asc(NEW_SHA1)), ("signature-weak",), trust=(trust(OLD_RSA),), keys=OLD_KEYS),
    "SHA-1 on the day, the entry has a later one": Case(
        evidence(asc(NEW_SHA1)), trust=(trust(OLD_RSA, legacy_before=date(2017, 2, 24)),), keys=OLD_KEYS
    ),
    "SHA-1 before the day, the entry has an earlier one": Case(
        evidence(asc(OLD_SHA1)),
        ("signature-weak",),
        trust=(trust(OLD_RSA, legacy_before=date(2017, 2, 22)),),
        keys=OLD_KEYS,
    ),
    "legacy-before = false is final": Case(
        evidence(asc(OLD_SHA1)),
        ("signature-weak",),
        rule=NO_LEGACY,
        trust=(trust(OLD_RSA, legacy_before=date(2030, 1, 1)),),
        keys=OLD_KEYS,
    ),
    "version 3 before the day": Case(
        evidence(asc(sign(OLD_RSA, made=BEFORE, version=3))), trust=(trust(OLD_RSA),), keys=OLD_KEYS
    ),
    "MD5 before the day": Case(
        evidence(asc(sign(OLD_RSA, made=BEFORE, digest=MD5))),
        ("signature-weak",),
        trust=(trust(OLD_RSA, legacy_before=date(2030, 1, 1)),),
        keys=OLD_KEYS,
    ),
    "RIPEMD-160 before the day": Case(
        evidence(asc(sign(OLD_RSA, made=BEFORE, digest=RIPEMD160, numbers=mpi(5)))),
        ("signature-weak",),
        trust=(trust(OLD_RSA),),
        keys=OLD_KEYS,
    ),
    "a key of 768 bits": Case(
        evidence(asc(sign(TINY, numbers=mpi(5)))),
        ("signature-weak",),
        trust=(trust(TINY, exact=True),),
        keys=held(packet(6, TINY.body)),
    ),
    "MD5 by an untrusted key": Case(
        evidence(asc(sign(OLD_RSA, made=BEFORE, digest=MD5))), ("signature-weak", "key-untrusted"), keys=OLD_KEYS
    ),
    # No signature
    "no signature": Case(evidence(), ("signature-missing",)),
    "no signature was asked for": Case(evidence(signature_absent=False), ("signature-missing",)),
    "an outage in the signature's place": Case(evidence(signature_absent=False), ("unreachable",), missing=OUTAGE),
    "the signature is absent, an outage is elsewhere": Case(evidence(), ("signature-missing",), missing=OUTAGE),
    "a signature too large to be taken in": Case(
        evidence(signature_absent=False), ("signature-malformed",), causes=(SignatureMalformed("too large"),)
    ),
    "absent here, malformed there": Case(
        evidence(), ("signature-missing", "signature-malformed"), causes=(SignatureMalformed("too large"),)
    ),
    "good, and an outage beside it": Case(evidence(asc(GOOD)), missing=OUTAGE),
    # Other demands
    "none if present": Case(evidence(), rule=IF_PRESENT),
    "an outage if present": Case(evidence(signature_absent=False), ("unreachable",), rule=IF_PRESENT, missing=OUTAGE),
    "not asked for if present": Case(evidence(signature_absent=False), ("signature-missing",), rule=IF_PRESENT),
    "untrusted if present": Case(evidence(asc(BY_STRANGER)), ("key-untrusted",), rule=IF_PRESENT),
    "bad if present": Case(evidence(asc(BAD)), ("signature-bad",), rule=IF_PRESENT),
    "good if present": Case(evidence(asc(GOOD)), rule=IF_PRESENT),
    "none is demanded": Case(evidence(), rule=NONE),
    "none is demanded, one that is bad": Case(evidence(asc(BAD)), rule=NONE),
    "none is demanded, an outage": Case(evidence(signature_absent=False), rule=NONE, missing=OUTAGE),
    # Exemptions
    "unsigned and exempt": Case(evidence(), exempt=(exempt("signature-missing"),)),
    "exempt, the signature was never asked for": Case(
        evidence(signature_absent=False), exempt=(exempt("signature-missing"),)
    ),
    "exempt, an outage in the signature's place": Case(
        evidence(signature_absent=False), exempt=(exempt("signature-missing"),), missing=OUTAGE
    ),
    "exempt on its last day": Case(evidence(), exempt=(exempt("signature-missing", until=ENDED_TODAY),)),
    "the exemption ended": Case(
        evidence(), ("signature-missing",), exempt=(exempt("signature-missing", until=ENDED_YESTERDAY),)
    ),
    "an ended exemption binds nobody": Case(
        evidence(asc(GOOD)), exempt=(exempt("signature-missing", OTHER_SHA256, ENDED_YESTERDAY),)
    ),
    "other bytes than those exempt": Case(
        evidence(), ("pin-mismatch", "signature-missing"), exempt=(exempt("signature-missing", OTHER_SHA256),)
    ),
    "other bytes than those exempt, well signed": Case(
        evidence(asc(GOOD)), ("pin-mismatch",), exempt=(exempt("signature-missing", OTHER_SHA256),)
    ),
    "one of two exempt": Case(
        evidence(), exempt=(exempt("signature-missing", OTHER_SHA256), exempt("signature-missing"))
    ),
    "exempt from something else": Case(evidence(), ("signature-missing",), exempt=(exempt("signature-weak"),)),
    "exempt from having none, and there is a bad one": Case(
        evidence(asc(BAD)), ("signature-bad",), exempt=(exempt("signature-missing"),)
    ),
    "exempt from having none, and there is an untrusted one": Case(
        evidence(asc(BY_STRANGER)), ("key-untrusted",), exempt=(exempt("signature-missing"),)
    ),
    "exempt from an untrusted signer": Case(evidence(asc(BY_STRANGER)), exempt=(exempt("key-untrusted"),)),
    "exempt from one of two causes": Case(
        evidence(asc(EXPIRED)),
        ("key-untrusted",),
        trust=(trust(STRANGER),),
        exempt=(exempt("signature-expired"),),
    ),
    "exempt from both of two causes": Case(
        evidence(asc(EXPIRED)),
        trust=(trust(STRANGER),),
        exempt=(exempt("signature-expired"), exempt("key-untrusted")),
    ),
    "exempt from a version, and it is another project": Case(
        evidence(asc(GOOD), claims=(OTHER_VERSION, OTHER_PROJECT)),
        ("content-mismatch",),
        exempt=(exempt("signature-replayed"),),
    ),
    "exempt from another project, and the signature was not asked for": Case(
        evidence(signature_absent=False, claims=(OTHER_PROJECT,)),
        ("signature-missing",),
        exempt=(exempt("content-mismatch"),),
    ),
    "exempt, and a checksum disagrees": Case(
        evidence(checksums=(wrong(Algorithm.MD5),)), ("checksum-mismatch",), exempt=(exempt("signature-missing"),)
    ),
    "exempt, and the pin is the only checksum": Case(evidence(checksums=()), exempt=(exempt("signature-missing"),)),
    "exempt from an outage there is nothing": Case(
        evidence(signature_absent=False), ("unreachable",), exempt=(exempt("signature-weak"),), missing=OUTAGE
    ),
    # Witnesses
    "witnessed": Case(evidence(), witnessed=(witnessed(),)),
    "witnessed, other bytes": Case(evidence(), ("signature-missing",), witnessed=(witnessed(OTHER_SHA256),)),
    "witnessed, other bytes, well signed": Case(evidence(asc(GOOD)), witnessed=(witnessed(OTHER_SHA256),)),
    "witnessed in a second version": Case(evidence(), witnessed=(witnessed(OTHER_SHA256), witnessed())),
    "witnessed with a bad signature": Case(evidence(asc(BAD)), witnessed=(witnessed(why="broken"),)),
    "witnessed with a malformed signature": Case(evidence(b"?"), witnessed=(witnessed(why="broken"),)),
    "witnessed, signed by a revoked key": Case(
        evidence(asc(GOOD)), witnessed=(witnessed(why="revoked"),), keys=held(REVOKED)
    ),
    "witnessed, and a signature too large": Case(
        evidence(signature_absent=False), witnessed=(witnessed(),), causes=(SignatureMalformed("too large"),)
    ),
    "witnessed, and an outage": Case(evidence(signature_absent=False), witnessed=(witnessed(),), missing=OUTAGE),
    "witnessed, and a checksum disagrees": Case(
        evidence(checksums=(wrong(Algorithm.SHA1),)), ("checksum-mismatch",), witnessed=(witnessed(),)
    ),
    "witnessed as another version": Case(
        evidence(claims=(OTHER_VERSION,)), ("signature-replayed",), witnessed=(witnessed(),)
    ),
    "witnessed, known by another name": Case(
        evidence(), ("signature-replayed",), witnessed=(witnessed(),), names=("org.example:widget:jar:0.9",)
    ),
    "witnessed, and SHA-512 is required": Case(
        evidence(), ("checksum-weak",), rule=NEEDS_SHA512, witnessed=(witnessed(),)
    ),
    "witnessed and exempt": Case(evidence(), witnessed=(witnessed(),), exempt=(exempt("signature-missing"),)),
    # Checksums
    "SHA-512 where SHA-1 is asked for": Case(evidence(asc(GOOD), checksums=(STRONG,))),
    "SHA-1 in a header": Case(evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA1, Origin.HEADER),))),
    "MD5 alone": Case(evidence(asc(GOOD), checksums=(WEAK,)), ("checksum-weak",)),
    "MD5 alone, and an outage": Case(evidence(asc(GOOD), checksums=(WEAK,)), ("unreachable",), missing=OUTAGE),
    "none at all": Case(evidence(asc(GOOD), checksums=()), ("checksum-missing",)),
    "none at all, and an outage": Case(evidence(asc(GOOD), checksums=()), ("unreachable",), missing=OUTAGE),
    "one outage for both": Case(evidence(checksums=(), signature_absent=False), ("unreachable",), missing=OUTAGE),
    "MD5 disagrees, SHA-1 agrees": Case(
        evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA1), wrong(Algorithm.MD5))), ("checksum-mismatch",)
    ),
    "SHA-1 disagrees and nothing else is there": Case(
        evidence(asc(GOOD), checksums=(wrong(Algorithm.SHA1),)), ("checksum-mismatch",)
    ),
    "a header disagrees": Case(
        evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA1), wrong(Algorithm.SHA1, Origin.HEADER))),
        ("checksum-mismatch",),
    ),
    "a kind that was never taken": Case(
        evidence(asc(GOOD), digests=(DIGESTS[Algorithm.SHA256],)), ("checksum-mismatch",)
    ),
    "SHA-256 is required and SHA-1 there": Case(evidence(asc(GOOD)), ("checksum-weak",), rule=NEEDS_SHA256),
    "SHA-256 is required and there": Case(
        evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA256),)), rule=NEEDS_SHA256
    ),
    "SHA-512 is required and SHA-256 there": Case(
        evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA256),)), ("checksum-weak",), rule=NEEDS_SHA512
    ),
    "beside a file that a signer vouches for": Case(evidence(asc(GOOD), checksums=(BESIDE,))),
    "beside a file that a pin vouches for": Case(evidence(checksums=(BESIDE,)), exempt=(exempt("signature-missing"),)),
    "beside a file for which nobody vouches": Case(evidence(checksums=(BESIDE,)), ("checksum-missing",), rule=NONE),
    "beside a file that a stranger signed": Case(evidence(asc(BY_STRANGER), checksums=(BESIDE,)), ("key-untrusted",)),
    "beside an unsigned file": Case(evidence(checksums=(BESIDE,)), ("checksum-missing", "signature-missing")),
    "beside a file, and disagrees": Case(
        evidence(asc(GOOD), checksums=(wrong(Algorithm.SHA1, Origin.BESIDE),)), ("checksum-mismatch",)
    ),
    "mismatch and bad signature": Case(
        evidence(asc(BAD), checksums=(wrong(Algorithm.SHA1),)), ("checksum-mismatch", "signature-bad")
    ),
    # Metadata
    "metadata, for which policy asks no signature": Case(
        evidence(coordinate=parse_subject("org.example:widget/maven-metadata.xml")), rule=NONE
    ),
    "metadata, and its checksum disagrees": Case(
        evidence(coordinate=parse_subject("org.example:widget/maven-metadata.xml"), checksums=(wrong(Algorithm.SHA1),)),
        ("checksum-mismatch",),
        rule=NONE,
    ),
    # Names
    "its own name inside": Case(evidence(asc(GOOD), claims=(OWN_CLAIM,))),
    "another version inside": Case(evidence(asc(GOOD), claims=(OTHER_VERSION,)), ("signature-replayed",)),
    "its own and another version inside": Case(
        evidence(asc(GOOD), claims=(OWN_CLAIM, OTHER_VERSION)), ("signature-replayed",)
    ),
    "another project inside": Case(evidence(asc(GOOD), claims=(OTHER_PROJECT,)), ("content-mismatch",)),
    "another version, and another project inside": Case(
        evidence(asc(GOOD), claims=(OTHER_VERSION, OTHER_PROJECT)), ("content-mismatch", "signature-replayed")
    ),
    "known by another name": Case(evidence(asc(GOOD)), ("signature-replayed",), names=("org.example:widget:jar:0.9",)),
    "known by another name, untrusted": Case(
        evidence(asc(BY_STRANGER)), ("key-untrusted", "signature-replayed"), names=("org.example:widget:jar:0.9",)
    ),
}


def judged(case: Case) -> Findings:
    basis = Basis(case.rule, case.trust, case.exempt, case.witnessed)
    return weigh(
        case.offered,
        basis,
        case.keys,
        content,
        now=NOW,
        other_names=case.names,
        causes=case.causes,
        missing=case.missing,
    )


def codes(findings: Findings) -> tuple[str, ...]:
    try:
        findings.verdict()
    except ReasonedError as cause:
        return (cause.code, *(other.code for other in cause.others))
    return ()
