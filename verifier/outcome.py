"""What is said about one file: the value behind every report, record and exit status.

Shapes only; the doors print it and the record keeps it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from verifier.coordinate import Coordinate, Subject, to_purl
from verifier.errors import Fact, ReasonedError, Refusal
from verifier.evidence import Checksum, Evidence, Origin
from verifier.judge import Findings, Step
from verifier.signing import SignatureFinding

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"


class Status(Enum):
    """The three things that can be said of a file."""

    VERIFIED = "verified"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one coordinate came out.

    `name` is the coordinate's text, or what was given where that is no coordinate.  `file` is the
    absolute path of the admitted or judged file.  `record` is the id for `explain`; `replaced` that of the
    refusal of a cached file which had changed and was fetched anew.  `upstream_seconds` is how long the
    repository took, of a file that was downloaded and judged.
    """

    name: str
    coordinate: Subject | None
    cause: ReasonedError | None
    evidence: Evidence | None = None
    findings: Findings | None = None
    file: str | None = None
    repository: str | None = None
    url: str | None = None
    from_cache: bool = False
    downloaded: int = 0
    record: str | None = None
    replaced: str | None = None
    upstream_seconds: float = 0.0

    @property
    def status(self) -> Status:
        """Verified, refused or unavailable."""
        if self.cause is None:
            return Status.VERIFIED
        return Status.REFUSED if isinstance(self.cause, Refusal) else Status.UNAVAILABLE

    def proven_evidence(self) -> Evidence:
        """Give the evidence together with what was proven about it, as the record keeps it.

        A checksum beside a judged copy says nothing once the copy is gone, and is not kept.
        """
        if self.evidence is None or self.findings is None:
            raise ValueError("nothing was weighed")
        published = tuple(one for one in self.evidence.checksums if one.origin is not Origin.BESIDE)
        return replace(self.evidence, checksums=published, proofs=self.findings.proofs)


def exit_status(outcomes: Sequence[Outcome]) -> int:
    """Give the process's exit status: refused outranks unavailable."""
    statuses = {outcome.status for outcome in outcomes}
    if Status.REFUSED in statuses:
        return 1
    return 3 if Status.UNAVAILABLE in statuses else 0


def artifact_fields(outcome: Outcome) -> dict[str, Json]:
    """Give the fields of one artifact in the JSON report, schema 1."""
    cause, evidence, findings = outcome.cause, outcome.evidence, outcome.findings
    return {
        "coordinate": outcome.name,
        "purl": to_purl(outcome.coordinate) if isinstance(outcome.coordinate, Coordinate) else None,
        "status": outcome.status.value,
        "code": None if cause is None else cause.code,
        "reason": None if cause is None else cause.reason,
        "hint": None if cause is None else cause.hint or None,
        "expected": _fact_fields(None if cause is None else cause.expected),
        "received": _fact_fields(None if cause is None else cause.received),
        "file": outcome.file,
        "repository": outcome.repository,
        "url": outcome.url,
        "from_cache": outcome.from_cache,
        "size": None if evidence is None else evidence.size,
        "digests": {} if evidence is None else {d.algorithm.value: d.value for d in evidence.digests},
        "checksums": [] if findings is None else [_checksum_fields(c, agrees) for c, agrees in findings.checksums],
        "signatures": [] if findings is None else [_signature_fields(s) for s in findings.signatures],
        "trusted_by": findings.trusted_by if findings is not None and cause is None else None,
        "record": outcome.record,
        "replaced": outcome.replaced,
    }


def _checksum_fields(checksum: Checksum, agrees: bool) -> dict[str, Json]:  # noqa: FBT001  (a pair out of `Findings`)
    origin = Origin.SIDECAR if checksum.origin is Origin.BESIDE else checksum.origin
    return {
        "algorithm": checksum.digest.algorithm.value,
        "origin": origin.value,
        "agrees": agrees,
        "value": checksum.digest.value,
        "where": checksum.where,
    }


def _signature_fields(finding: SignatureFinding) -> dict[str, Json]:
    return {
        "fingerprint": finding.fingerprint,
        "key_id": finding.key_id,
        "primary": finding.primary,
        "created": timestamp(finding.created),
        "digest": finding.digest,
        "status": finding.status,
        "legacy": finding.legacy,
        "engines": list(finding.engines),
        "trusted_by": finding.trusted_by or None,
    }


def timestamp(moment: datetime | None) -> str | None:
    """Write a UTC moment as RFC 3339 to the second."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _fact_fields(fact: Fact | None) -> dict[str, Json] | None:
    return None if fact is None else {"value": fact.value, "origin": fact.origin}


def _step_fields(step: Step) -> dict[str, Json]:
    return {
        "name": step.name,
        "mark": step.mark.value,
        "text": step.text,
        "expected": _fact_fields(step.expected),
        "received": _fact_fields(step.received),
    }


def write_record(outcome: Outcome, policy_file: str | None, policy_digest: str) -> str:
    """Write what the record keeps of a judgement: the report's fields, every step, every cause.

    Equal judgements give equal text: nothing here depends on when or how fast.
    """
    fields = artifact_fields(outcome)
    for passing in ("record", "from_cache", "replaced"):
        fields.pop(passing)
    causes: Sequence[ReasonedError] = () if outcome.cause is None else (outcome.cause, *outcome.cause.others)
    return json.dumps(
        {
            "artifact": fields,
            "policy": {"file": policy_file, "digest": policy_digest},
            "steps": [] if outcome.findings is None else [_step_fields(step) for step in outcome.findings.steps],
            "causes": [
                {
                    "code": cause.code,
                    "reason": cause.reason,
                    "hint": cause.hint,
                    "expected": _fact_fields(cause.expected),
                    "received": _fact_fields(cause.received),
                }
                for cause in causes
            ],
        },
        separators=(",", ":"),
    )
