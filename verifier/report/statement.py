"""What was verified, as in-toto statements: a verification summary for each artifact, ready to be signed.

A fetch builds nothing, so this is no provenance of a build: it says who judged which bytes, by which policy, on
which signature.  Signing the statements is left to whoever holds the key that others trust.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from urllib.parse import quote

from verifier import __version__
from verifier.coordinate import to_purl
from verifier.digest import Algorithm
from verifier.fetch import Rules
from verifier.layout import file_name
from verifier.outcome import Json, timestamp
from verifier.report.inventory import Inventory, Item, good_signature

STATEMENT = "https://in-toto.io/Statement/v1"
SUMMARY = "https://slsa.dev/verification_summary/v1"

_NO_LEVEL = "SLSA_BUILD_LEVEL_UNEVALUATED"
_STRONG = {Algorithm.SHA256, Algorithm.SHA512}


def write_statements(inventory: Inventory, rules: Rules, verifier_id: str, now: datetime) -> str:
    """Write one statement a line, in the inventory's order.

    Shape: `verifier_id` is a URI that names whoever vouches; `now` is UTC.

    Source: in-toto attestation framework, Statement v1; SLSA, verification summary v1.
    """
    lines = (json.dumps(_statement(item, rules, verifier_id, now), sort_keys=True) for item in inventory.items)
    return "".join(f"{line}\n" for line in lines)


def _statement(item: Item, rules: Rules, verifier_id: str, now: datetime) -> dict[str, Json]:
    evidence = item.outcome.evidence
    digests = () if evidence is None else evidence.digests
    return {
        "_type": STATEMENT,
        "subject": [
            {
                "name": file_name(item.coordinate),
                "digest": {one.algorithm.value: one.value for one in digests if one.algorithm in _STRONG},
                "downloadLocation": item.outcome.url,
            }
        ],
        "predicateType": SUMMARY,
        "predicate": {
            "verifier": {"id": verifier_id, "version": {"verifier": __version__}},
            "timeVerified": timestamp(now),
            "resourceUri": to_purl(item.coordinate),
            "policy": {
                "uri": f"verifier:{quote(PurePath(rules.policy.file or 'built-in').name)}",
                "digest": {"sha256": rules.digest.removeprefix("sha256:")},
            },
            "inputAttestations": list(_signatures(item)),
            "verificationResult": "PASSED",
            "verifiedLevels": [_NO_LEVEL, _level(item)],
        },
    }


def _signatures(item: Item) -> Iterator[dict[str, Json]]:
    """Name the signature file that the acceptance rests on."""
    evidence = item.outcome.evidence
    if evidence is not None and evidence.signature is not None and good_signature(item.outcome) is not None:
        yield {
            "uri": evidence.signature_where,
            "digest": {"sha256": hashlib.sha256(evidence.signature).hexdigest()},
            "mediaType": "application/pgp-signature",
        }


def _level(item: Item) -> str:
    """Say in one word of our own on what the acceptance rests; SLSA's levels speak of builds."""
    if good_signature(item.outcome) is not None:
        return "VERIFIER_TRUSTED_SIGNATURE"
    findings = item.outcome.findings
    return "VERIFIER_KNOWN_DIGEST" if findings is not None and findings.vouched else "VERIFIER_TLS_AND_CHECKSUM"
