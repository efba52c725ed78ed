"""What the judgements of the record tell of signers, read back as values.

The record keeps a judgement as a document that it never reads; this room reads of it what those
need who look at signers rather than at files.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from verifier.coordinate import Coordinate, parse_coordinate
from verifier.errors import CacheError, CoordinateInvalid, KeyUnknown, KeyUntrusted
from verifier.openpgp.key import key_id

ABOUT_THE_SIGNER = frozenset({KeyUntrusted.code, KeyUnknown.code})
"""The reasons to refuse that trust, or a key, takes away."""


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """One signature as the record has it; `primary` is None where no key at hand made it."""

    fingerprint: str | None
    key_id: str | None
    primary: str | None
    created: datetime | None
    digest: str
    status: str
    legacy: bool

    @property
    def signer(self) -> str:
        """The primary key, else the key that the signature names, by fingerprint or key id."""
        return self.primary or self.fingerprint or self.key_id or ""

    def is_by(self, key: str) -> bool:
        """Whether it was made by the key, or says so where no key at hand could tell."""
        named = {self.primary, self.fingerprint} - {None}
        return key in named if named else self.key_id == key_id(key)


@dataclass(frozen=True, slots=True)
class Judged:
    """One judgement of the record, as far as it tells of signers; `codes` holds every cause."""

    coordinate: Coordinate
    status: str
    codes: tuple[str, ...]
    signatures: tuple[JudgedSignature, ...]
    record: str

    @property
    def waits_for_trust(self) -> bool:
        """Whether the signer is a reason why it was refused."""
        return self.status == "refused" and not ABOUT_THE_SIGNER.isdisjoint(self.codes)


Use: TypeAlias = tuple[Judged, JudgedSignature]
"""A judged file with one of its signatures."""


def read_judged(document: str, record: str) -> Judged | None:
    """Read what a judgement of the record tells of signers; None where it is about no signed file.

    Raises: `CacheError` where the stored document is not one of ours.
    """
    try:
        fields = json.loads(document)
        artifact = fields["artifact"]
        return Judged(
            coordinate=parse_coordinate(str(artifact["coordinate"])),
            status=str(artifact["status"]),
            codes=tuple(dict.fromkeys(str(cause["code"]) for cause in fields["causes"])),
            signatures=tuple(_read_signature(signature) for signature in artifact["signatures"]),
            record=record,
        )
    except CoordinateInvalid:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "judge the file again"
        raise CacheError(f"record {record}", "the stored judgement cannot be read", hint=hint) from error


def _read_signature(fields: dict[str, str | bool | None]) -> JudgedSignature:
    created = fields["created"]
    return JudgedSignature(
        fingerprint=_text(fields["fingerprint"]),
        key_id=_text(fields["key_id"]),
        primary=_text(fields["primary"]),
        created=None if created is None else datetime.fromisoformat(str(created)),
        digest=str(fields["digest"]),
        status=str(fields["status"]),
        legacy=bool(fields["legacy"]),
    )


def _text(value: str | bool | None) -> str | None:  # noqa: FBT001  (a value out of JSON)
    return None if value is None else str(value)
