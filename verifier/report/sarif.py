"""A run as SARIF 2.1.0, in the part of it that GitHub code scanning takes.

What was verified is no result.  Nothing foreign is markup: a message of SARIF may hold links and placeholders.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/; GitHub's page "SARIF support for code scanning" for the
limits, and for what is demanded beyond the standard: a location with a whole region, a fingerprint under the name
`primaryLocationLineHash`, descriptions of at most 1,024 characters.
"""

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import quote

from verifier import __version__
from verifier.coordinate import Coordinate, to_purl
from verifier.errors import ReasonedError
from verifier.notices import ENDED, ENDS_SOON, UNUSED, Notice
from verifier.outcome import Json, Outcome, Status
from verifier.report import json
from verifier.report.account import CACHE_CHANGED, Account
from verifier.report.location import Location
from verifier.report.reasons import Reason, entry, reason

MAX_RESULTS = 25_000
"""GitHub refuses a file with more; of these it shows the 5,000 gravest."""
MAX_DESCRIPTION_CHARACTERS = 1_024
MAX_MESSAGE_CHARACTERS = 8_000
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"

CRITICAL = "9.3"
HIGH = "7.5"
"""How grave a refusal is on GitHub's scale: critical where evidence speaks against the bytes, else high."""

_NOTICES = {
    ENDS_SOON: "An exemption of the policy ends within 30 days",
    ENDED: "An exemption of the policy has ended and no longer counts",
    UNUSED: "An exemption of the policy is needed no more",
    CACHE_CHANGED: "A cached file was not what this machine had put there, and was fetched anew",
}
_LEVELS = {Status.REFUSED: "error", Status.UNAVAILABLE: "warning"}
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")
_LINK = re.compile(r"\](?=\()")
_PLACEHOLDER = re.compile(r"\{(?=[0-9])")


def report(account: Account) -> str:
    """Write the run as one document."""
    told = [_result(account, outcome, cause) for outcome, cause in account.problems()]
    told += [_notice(account, notice) for notice in account.remarks()]
    results, codes = told[:MAX_RESULTS], list(dict.fromkeys(str(one["ruleId"]) for one in told[:MAX_RESULTS]))
    driver = {"name": "verifier", "version": __version__, "semanticVersion": __version__}
    run: dict[str, Json] = {
        "tool": {"driver": {**driver, "rules": [_rule(code) for code in codes]}},
        # One run of a kind in a workflow never takes the place of another: GitHub keeps them apart by this.
        "automationDetails": {"id": f"verifier/{account.command}/"},
        "originalUriBaseIds": {ROOT: {"description": {"text": "the root of the checkout"}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(account, len(told) - len(results))],
        "results": [{**one, "ruleIndex": codes.index(str(one["ruleId"]))} for one in results],
        "properties": {
            "policyDigest": account.policy_digest,
            "summary": {status.value: account.count(status) for status in Status},
        },
    }
    return json.write({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(account: Account, outcome: Outcome, cause: ReasonedError) -> dict[str, Json]:
    received = cause.received.value if cause.received is not None else ""
    identity = (outcome.name, outcome.repository or "", cause.code, received if _DIGEST.fullmatch(received) else "")
    purl = to_purl(outcome.coordinate) if isinstance(outcome.coordinate, Coordinate) else None
    facts: dict[str, Json] = {"record": outcome.record, "url": outcome.url, "purl": purl}
    return {
        "ruleId": cause.code,
        "level": _LEVELS[outcome.status],
        "message": _message(list(account.message(outcome, cause))),
        "locations": [_location(account.atlas.place(outcome), account.show(outcome.name))],
        "partialFingerprints": _fingerprints(identity),
        "properties": {name: value for name, value in facts.items() if value is not None},
    }


def _notice(account: Account, notice: Notice) -> dict[str, Json]:
    lines = [account.show(notice.message), f"what to do: {account.show(notice.hint)}"]
    return {
        "ruleId": notice.code,
        "level": "warning",
        "message": _message(lines),
        "locations": [_location(account.atlas.told(notice.file, notice.line), account.show(notice.subject))],
        "partialFingerprints": _fingerprints((notice.subject, notice.code)),
    }


def _message(lines: Sequence[str]) -> dict[str, Json]:
    """Write a message whose first line is its first sentence, which is all that a list shows."""
    text = "\n".join((f"{lines[0]}.", *lines[1:]))[:MAX_MESSAGE_CHARACTERS]
    return {"text": _PLACEHOLDER.sub("{ ", _LINK.sub("] ", text))}


def _location(place: Location, name: str) -> dict[str, Json]:
    # The region is the line's first column: what else is on the line says nothing more, and GitHub wants all four.
    region = {"startLine": place.line, "startColumn": 1, "endLine": place.line, "endColumn": 2}
    artifact = {"uri": quote(place.file, errors="surrogateescape"), "uriBaseId": ROOT}
    return {
        "physicalLocation": {"artifactLocation": artifact, "region": region},
        "logicalLocations": [{"fullyQualifiedName": name, "kind": "module"}],
    }


def _fingerprints(identity: Sequence[str]) -> dict[str, Json]:
    """Name a result the same in every run, whatever line it has moved to."""
    digest = hashlib.sha256("\0".join(identity).encode(errors="backslashreplace")).hexdigest()
    return {"primaryLocationLineHash": f"{digest[:32]}:1", "verifier/v1": digest}


def _rule(code: str) -> dict[str, Json]:
    fields = {"id": code, "name": "".join(word.capitalize() for word in code.split("-"))}
    if entry(code) is None:
        text = _NOTICES.get(code, "Something to be looked after, on which no verdict hangs")
        return {
            **fields,
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": text},
            "defaultConfiguration": {"level": "warning"},
            "properties": {"tags": ["maintainability"], "precision": "very-high", "problem.severity": "warning"},
        }
    about = reason(code)
    parts = {"Means": about.means, "Behind it": about.behind, "Do": about.do, "Never": about.never}
    means, behind = _capitalised(about.means), _capitalised(about.behind)
    return {
        **fields,
        "shortDescription": {"text": means[:MAX_DESCRIPTION_CHARACTERS].rstrip(".")},
        "fullDescription": {"text": f"{means} {behind}"[:MAX_DESCRIPTION_CHARACTERS]},
        "help": {
            "text": "\n".join(f"{head}: {text}" for head, text in parts.items()),
            "markdown": "\n\n".join(f"**{head}:** {text}" for head, text in parts.items()),
        },
        "defaultConfiguration": {"level": "error" if about.refuses else "warning"},
        "properties": _properties(about),
    }


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _properties(about: Reason) -> dict[str, Json]:
    if not about.refuses:
        return {"tags": ["availability"], "precision": "very-high", "problem.severity": "warning"}
    grave = CRITICAL if about.contradicts else HIGH
    return {"tags": ["security", "supply-chain"], "precision": "very-high", "security-severity": grave}


def _invocation(account: Account, left_out: int) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "executionSuccessful": True,
        "exitCode": account.exit_status,
        "exitCodeDescription": account.headline(),
    }
    if left_out:
        text = f"{left_out} more results are left out here: GitHub takes {MAX_RESULTS} in one file"
        fields["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return fields
