"""What is offered for one file: its digests, the checksums published for it, its signature file.

Evidence is bound to a coordinate and to bytes (their sha256) and outlives every verdict: the
record keeps it, so that a stricter policy or a new revocation is judged without downloading
again.  What it is worth is for the judge to say.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from enum import Enum

from verifier.contents import Claim
from verifier.coordinate import Subject, parse_subject
from verifier.digest import Algorithm, Digest
from verifier.errors import CoordinateInvalid
from verifier.openpgp.envelope import open_envelope
from verifier.openpgp.key import key_id
from verifier.openpgp.packet import Malformed
from verifier.openpgp.statement import parse_statement

_FORMAT = 1


class Origin(Enum):
    """Where a checksum comes from; the value is the report's word."""

    SIDECAR = "sidecar"
    HEADER = "header"
    PIN = "pin"
    BESIDE = "beside"
    """A file beside the judged one on disk: it must agree and proves nothing by itself."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest that somebody published for the bytes; `where` is its URL, path or `file:line`."""

    digest: Digest
    origin: Origin
    where: str


@dataclass(frozen=True, slots=True)
class Proof:
    """That one signature packet verifies over these bytes with one key: mathematics, no trust.

    Shape: `packet` is the sha256 of the packet's body in hex, `key` the key's full fingerprint,
    `engine` who did the mathematics.
    """

    packet: str
    key: str
    engine: str = "native"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was offered for the bytes of one coordinate.

    `signature` is the whole signature file, None where there is none or none was asked for;
    `signature_absent` tells the two apart.
    """

    coordinate: Subject
    repository: str
    url: str
    size: int
    digests: tuple[Digest, ...]
    checksums: tuple[Checksum, ...]
    signature: bytes | None
    signature_where: str
    signature_absent: bool
    claims: tuple[Claim, ...]
    proofs: frozenset[Proof] = frozenset()
    last_modified: str = ""

    def digest(self, algorithm: Algorithm) -> Digest | None:
        """Give the digest of the bytes by one algorithm, where it was taken."""
        return next((digest for digest in self.digests if digest.algorithm is algorithm), None)

    @property
    def sha256(self) -> str:
        """The bytes' identity, lower-case hex."""
        return next(digest.value for digest in self.digests if digest.algorithm is Algorithm.SHA256)

    @property
    def signature_identity(self) -> str | None:
        """The identity of what was signed, by whom and when: the same bytes with the same one are the same release.

        Anyone can write a signature file anew, in other armour, with other unhashed parts or more
        packets.  So what counts is what a signature's own digest covers, of those that were proven
        where there are any, else of all.
        """
        if self.signature is None:
            return None
        return hashlib.sha256(" ".join(sorted(self.signed_parts)).encode()).hexdigest()

    @property
    def signed_parts(self) -> frozenset[str]:
        """What the digests of the signatures cover: one part in common, and it is the same release."""
        if self.signature is None:
            return frozenset()
        proven = {proof.packet for proof in self.proofs}
        try:
            packets = open_envelope(self.signature)
            counting = [packet for packet in packets if packet_identity(packet) in proven] or packets
            return frozenset(_signed_part(packet) for packet in counting)
        except Malformed:
            return frozenset((hashlib.sha256(self.signature).hexdigest(),))


def _signed_part(packet: bytes) -> str:
    """Name the key that a signature claims, and what its digest covers beside the content."""
    statement = parse_statement(packet)
    fingerprint = statement.issuer_fingerprint
    issuer = statement.issuer_key_id if fingerprint is None else key_id(fingerprint)
    return f"{issuer}:{statement.salt.hex()}:{statement.trailer.hex()}"


def packet_identity(packet: bytes) -> str:
    """Name a signature packet by the sha256 of its body."""
    return hashlib.sha256(packet).hexdigest()


def write_evidence(evidence: Evidence) -> str:
    """Write evidence as one JSON document, the same text for equal evidence."""
    return json.dumps(
        {
            "format": _FORMAT,
            "coordinate": str(evidence.coordinate),
            "repository": evidence.repository,
            "url": evidence.url,
            "size": evidence.size,
            "digests": {digest.algorithm.value: digest.value for digest in evidence.digests},
            "checksums": [
                [c.digest.algorithm.value, c.digest.value, c.origin.value, c.where] for c in evidence.checksums
            ],
            "signature": None if evidence.signature is None else base64.b64encode(evidence.signature).decode(),
            "signature_where": evidence.signature_where,
            "signature_absent": evidence.signature_absent,
            "claims": [[c.group, c.artifact, c.version, c.where] for c in evidence.claims],
            "proofs": sorted([proof.packet, proof.key, proof.engine] for proof in evidence.proofs),
            "last_modified": evidence.last_modified,
        },
        separators=(",", ":"),
        sort_keys=True,
    )


class EvidenceUnreadable(Exception):
    """A stored document is not evidence of this format; whoever meets it gathers anew."""


def read_evidence(document: str) -> Evidence:
    """Read what `write_evidence` wrote.

    Raises: `EvidenceUnreadable` for anything else, since the record may have been changed.
    """
    try:
        fields = json.loads(document)
        if fields["format"] != _FORMAT:
            raise EvidenceUnreadable
        signature = fields["signature"]
        evidence = Evidence(
            coordinate=parse_subject(fields["coordinate"]),
            repository=str(fields["repository"]),
            url=str(fields["url"]),
            size=int(fields["size"]),
            digests=tuple(Digest(Algorithm(name), str(value)) for name, value in fields["digests"].items()),
            checksums=tuple(
                Checksum(Digest(Algorithm(name), str(value)), Origin(origin), str(where))
                for name, value, origin, where in fields["checksums"]
            ),
            signature=None if signature is None else base64.b64decode(signature, validate=True),
            signature_where=str(fields["signature_where"]),
            signature_absent=bool(fields["signature_absent"]),
            claims=tuple(Claim(str(g), str(a), str(v), str(w)) for g, a, v, w in fields["claims"]),
            proofs=frozenset(Proof(str(packet), str(key), str(engine)) for packet, key, engine in fields["proofs"]),
            last_modified=str(fields["last_modified"]),
        )
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        CoordinateInvalid,
    ) as error:
        raise EvidenceUnreadable from error
    # Written again it is the same text, or some part was no word of ours.
    if evidence.digest(Algorithm.SHA256) is None or write_evidence(evidence) != document:
        raise EvidenceUnreadable
    return evidence
