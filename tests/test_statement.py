"""in-toto statements of what was verified: what they say, of whom, and when there are none."""

import hashlib
import json
from typing import Any

import pytest
from stage import WIDGET, Result, Stage, stage

__all__ = ["stage"]

ME = "https://ci.example/verifier"


def export(stage: Stage, *arguments: str) -> Result:
    return stage.run("export", "in-toto", "--no-transitive", "--verifier-id", ME, *arguments)


def statements(result: Result) -> list[dict[str, Any]]:
    assert result.status == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def test_says_who_judged_which_bytes_by_which_policy_on_which_signature(stage: Stage) -> None:
    report = stage.fetch(WIDGET)
    artifact = report.artifact()
    signature = (stage.root / "org/example/widget/1.0/widget-1.0.jar.asc").read_bytes()

    (statement,) = statements(export(stage, WIDGET))

    digests = {kind: artifact["digests"][kind] for kind in ("sha256", "sha512")}
    subject = {"name": "widget-1.0.jar", "digest": digests, "downloadLocation": artifact["url"]}
    assert (statement["_type"], statement["subject"]) == ("https://in-toto.io/Statement/v1", [subject])
    assert statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
    predicate = statement["predicate"]
    assert predicate["verifier"]["id"] == ME
    assert predicate["resourceUri"] == artifact["purl"]
    assert f"sha256:{predicate['policy']['digest']['sha256']}" == report.report["policy"]["digest"]
    assert predicate["policy"]["uri"] == "verifier:verifier.toml"
    (attestation,) = predicate["inputAttestations"]
    assert attestation["uri"] == f"{artifact['url']}.asc"
    assert attestation["digest"] == {"sha256": hashlib.sha256(signature).hexdigest()}
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["timeVerified"].endswith("Z")


@pytest.mark.parametrize(
    ("name", "level"),
    [
        (WIDGET, "VERIFIER_TRUSTED_SIGNATURE"),
        ("org.example:relic:0.9", "VERIFIER_KNOWN_DIGEST"),
        ("com.example.open:door:1.0", "VERIFIER_TLS_AND_CHECKSUM"),
    ],
)
def test_claims_no_level_of_a_build_and_says_what_the_acceptance_rests_on(stage: Stage, name: str, level: str) -> None:
    (statement,) = statements(export(stage, name))

    assert statement["predicate"]["verifiedLevels"] == ["SLSA_BUILD_LEVEL_UNEVALUATED", level]
    assert bool(statement["predicate"]["inputAttestations"]) == (level == "VERIFIER_TRUSTED_SIGNATURE")


def test_one_statement_a_line_in_the_order_of_the_names(stage: Stage) -> None:
    found = statements(export(stage, WIDGET, "org.example:relic:0.9"))

    assert [one["subject"][0]["name"] for one in found] == ["relic-0.9.jar", "widget-1.0.jar"]


def test_one_refusal_and_there_is_no_statement(stage: Stage) -> None:
    stage.lay_over("signature-bad")

    refused = export(stage, "org.example:relic:0.9", WIDGET)

    assert (refused.status, refused.out) == (1, "")


@pytest.mark.parametrize("name", ["me", "https://ci.example/a verifier", ""])
def test_whoever_vouches_is_named_by_a_uri(stage: Stage, name: str) -> None:
    refused = stage.run("export", "in-toto", "--verifier-id", name, WIDGET)

    assert (refused.status, refused.out) == (2, "")
    assert "is no URI" in refused.err
