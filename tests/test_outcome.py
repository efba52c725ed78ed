import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from judge_cases import BESIDE, CASES, KEYS, NONE, OWNER, WIDGET, Case, asc, codes, evidence, judged
from openpgp_cases import sign

from verifier.errors import (
    CoordinateInvalid,
    Fact,
    NotFound,
    Offline,
    PinMismatch,
    ReasonedError,
    SignatureBad,
    first,
)
from verifier.outcome import Outcome, Status, artifact_fields, exit_status, timestamp, write_record

NULL = type(None)
ARTIFACT = {
    "coordinate": (str,),
    "purl": (str, NULL),
    "status": (str,),
    "code": (str, NULL),
    "reason": (str, NULL),
    "hint": (str, NULL),
    "expected": (dict, NULL),
    "received": (dict, NULL),
    "file": (str, NULL),
    "repository": (str, NULL),
    "url": (str, NULL),
    "from_cache": (bool,),
    "size": (int, NULL),
    "digests": (dict,),
    "checksums": (list,),
    "signatures": (list,),
    "trusted_by": (str, NULL),
    "record": (str, NULL),
    "replaced": (str, NULL),
}
CHECKSUM = {"algorithm": (str,), "origin": (str,), "agrees": (bool,), "value": (str,), "where": (str,)}
SIGNATURE = {
    "fingerprint": (str, NULL),
    "key_id": (str, NULL),
    "primary": (str, NULL),
    "created": (str, NULL),
    "digest": (str,),
    "status": (str,),
    "legacy": (bool,),
    "engines": (list,),
    "trusted_by": (str, NULL),
}


def outcome(case: Case, **changes: object) -> Outcome:
    findings = judged(case)
    causes = list(findings.causes)
    made = Outcome(
        name=str(WIDGET),
        coordinate=WIDGET,
        cause=first(causes) if causes else None,
        evidence=case.offered,
        findings=findings,
        file="/cache/repository/central/org/example/widget/1.0/widget-1.0.jar",
        repository="central",
        url=case.offered.url,
        downloaded=30,
        record="7",
    )
    return replace(made, **changes)  # type: ignore[arg-type] # passed on


VERIFIED = outcome(CASES["good by the trusted signer"])
REFUSED = outcome(CASES["bad by the trusted signer"], file=None)
UNAVAILABLE = Outcome(str(WIDGET), WIDGET, NotFound("no repository has it"))
NO_COORDINATE = Outcome("a:b", None, CoordinateInvalid("this is not a coordinate"))
EVERY = [VERIFIED, REFUSED, UNAVAILABLE, NO_COORDINATE]


def fields_of(made: Outcome) -> dict[str, object]:
    fields: dict[str, object] = json.loads(json.dumps(artifact_fields(made)))
    return fields


def rows(made: Outcome, field: str) -> list[dict[str, object]]:
    found = fields_of(made)[field]
    assert isinstance(found, list)
    return found


def has_shape(fields: object, shape: Mapping[str, tuple[type, ...]]) -> bool:
    return (
        isinstance(fields, dict)
        and fields.keys() == shape.keys()
        and all(type(fields[name]) in kinds for name, kinds in shape.items())
    )


@pytest.mark.parametrize("made", EVERY, ids=lambda made: made.status.value)
def test_an_artifact_has_the_fields_of_schema_1(made: Outcome) -> None:
    fields = fields_of(made)

    assert has_shape(fields, ARTIFACT)
    assert all(has_shape(one, CHECKSUM) for one in rows(made, "checksums"))
    assert all(has_shape(one, SIGNATURE) for one in rows(made, "signatures"))


def test_a_verified_artifact_is_told_in_full() -> None:
    assert fields_of(VERIFIED) == {
        "coordinate": "org.example:widget:jar:1.0",
        "purl": "pkg:maven/org.example/widget@1.0",
        "status": "verified",
        "code": None,
        "reason": None,
        "hint": None,
        "expected": None,
        "received": None,
        "file": VERIFIED.file,
        "repository": "central",
        "url": VERIFIED.url,
        "from_cache": False,
        "size": 30,
        "digests": {
            digest.algorithm.value: digest.value for digest in CASES["good by the trusted signer"].offered.digests
        },
        "checksums": [
            {
                "algorithm": "sha1",
                "origin": "sidecar",
                "agrees": True,
                "value": CASES["good by the trusted signer"].offered.checksums[0].digest.value,
                "where": f"{VERIFIED.url}.sha1",
            }
        ],
        "signatures": [
            {
                "fingerprint": OWNER.fingerprint,
                "key_id": OWNER.key_id,
                "primary": OWNER.fingerprint,
                "created": "2021-06-01T12:00:00Z",
                "digest": "sha256",
                "status": "good",
                "legacy": False,
                "engines": ["native"],
                "trusted_by": "verifier.toml:7: org.example",
            }
        ],
        "trusted_by": f"signer {OWNER.fingerprint}, verifier.toml:7: org.example",
        "record": "7",
        "replaced": None,
    }


def test_a_refused_artifact_is_trusted_by_nobody() -> None:
    both = outcome(CASES["good, and bad by the same key"])

    fields = fields_of(both)

    assert (fields["status"], fields["code"], fields["trusted_by"]) == ("refused", "signature-bad", None)
    assert [one["status"] for one in rows(both, "signatures")] == ["good", "signature-bad"]


def test_a_checksum_beside_a_file_is_a_sidecar_to_readers() -> None:
    made = outcome(Case(evidence(checksums=(BESIDE,)), rule=NONE))

    assert [one["origin"] for one in rows(made, "checksums")] == ["sidecar"]


def test_a_signature_that_names_nobody_has_no_fingerprint() -> None:
    made = outcome(Case(evidence(asc(sign(OWNER, unhashed=[]))), keys=KEYS))

    (signature,) = rows(made, "signatures")
    assert (signature["fingerprint"], signature["key_id"], signature["trusted_by"]) == (None, None, None)
    assert signature["engines"] == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_case_has_the_shape_and_its_code(case: Case) -> None:
    made = outcome(case)

    fields = fields_of(made)

    assert has_shape(fields, ARTIFACT)
    assert fields["code"] == next(iter(codes(judged(case))), None)
    assert (fields["trusted_by"] is None) == (fields["code"] is not None)


def test_an_empty_hint_is_no_hint() -> None:
    assert fields_of(replace(UNAVAILABLE, cause=NotFound("none", hint="")))["hint"] is None


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0),
        ([VERIFIED], 0),
        ([VERIFIED, UNAVAILABLE], 3),
        ([UNAVAILABLE], 3),
        ([REFUSED], 1),
        ([UNAVAILABLE, REFUSED], 1),
        ([REFUSED, UNAVAILABLE, VERIFIED], 1),
        ([NO_COORDINATE, VERIFIED], 1),
    ],
)
def test_refused_outranks_unavailable(outcomes: list[Outcome], status: int) -> None:
    assert exit_status(outcomes) == status


@pytest.mark.parametrize(
    ("cause", "status"),
    [(None, Status.VERIFIED), (PinMismatch("x"), Status.REFUSED), (Offline("x"), Status.UNAVAILABLE)],
)
def test_there_are_three_things_to_say_of_a_file(cause: ReasonedError | None, status: Status) -> None:
    assert replace(VERIFIED, cause=cause).status is status


def test_proofs_join_the_evidence() -> None:
    assert len(VERIFIED.proven_evidence().proofs) == 1
    with pytest.raises(ValueError, match="nothing was weighed"):
        UNAVAILABLE.proven_evidence()


@pytest.mark.parametrize("made", EVERY, ids=lambda made: made.status.value)
def test_the_record_keeps_every_step_and_every_cause(made: Outcome) -> None:
    document = json.loads(write_record(made, "verifier.toml", "sha256:0"))

    assert document["policy"] == {"file": "verifier.toml", "digest": "sha256:0"}
    assert document["artifact"].keys() == ARTIFACT.keys() - {"record", "from_cache", "replaced"}
    assert len(document["steps"]) == (0 if made.findings is None else len(made.findings.steps))
    assert [cause["code"] for cause in document["causes"]] == ([] if made.cause is None else [made.cause.code])


def test_the_record_keeps_the_lesser_causes_too() -> None:
    worst = first([SignatureBad("b"), PinMismatch("a", expected=Fact("1", "x"), received=Fact("2"))])

    (pin, bad) = json.loads(write_record(replace(REFUSED, cause=worst), None, "sha256:0"))["causes"]

    assert (pin["code"], bad["code"]) == ("pin-mismatch", "signature-bad")
    assert (pin["expected"], pin["received"]) == ({"value": "1", "origin": "x"}, {"value": "2", "origin": ""})


@pytest.mark.parametrize(
    "change",
    [
        lambda made: replace(made, from_cache=True),
        lambda made: replace(made, record="8"),
        lambda made: replace(made, replaced="6"),
        lambda made: replace(made, downloaded=0),
    ],
)
def test_equal_judgements_are_the_same_text(change: Callable[[Outcome], Outcome]) -> None:
    assert write_record(change(VERIFIED), None, "sha256:0") == write_record(VERIFIED, None, "sha256:0")


def test_writes_a_moment_to_the_second() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 6, UTC)) == "2026-01-02T03:04:05Z"
    assert timestamp(None) is None
