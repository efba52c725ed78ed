"""JSON as every command prints it, and outcomes as the JSON report, schema 1."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

from verifier import __version__
from verifier.exemption import exempting
from verifier.fetch import Rules
from verifier.notices import Notice
from verifier.outcome import Json, Outcome, Status, artifact_fields
from verifier.report.escape import command_free

SCHEMA = 1


def write(document: Json, *, one_line: bool = False) -> str:
    """Write a document in ASCII, with nothing in it that a CI takes for a command."""
    return command_free(json.dumps(document, indent=None if one_line else 1, ensure_ascii=True))


def report(
    outcomes: Sequence[Outcome],
    rules: Rules,
    seconds: float,
    extra: Mapping[str, Json],
    *,
    today: date,
    notices: Sequence[Notice] = (),
    more: Mapping[str, Json] | None = None,
    one_line: bool = False,
) -> str:
    """Write the whole report; `seconds` is the run's length, `extra` joins the summary, `more` the document.

    `today` (UTC) is what the end of an offered exemption is counted from.
    """
    counts: dict[str, Json] = {s.value: sum(outcome.status is s for outcome in outcomes) for s in Status}
    document: dict[str, Json] = {
        "schema": SCHEMA,
        "tool": {"name": "verifier", "version": __version__},
        "policy": {"file": rules.policy.file, "digest": rules.digest},
        **(more or {}),
        "artifacts": [
            {**artifact_fields(outcome), "exemption": exempting(outcome, rules.policy, today)} for outcome in outcomes
        ],
        "notices": [asdict(notice) for notice in notices],
        "summary": {
            **counts,
            "bytes_downloaded": sum(outcome.downloaded for outcome in outcomes),
            "seconds": round(seconds, 3),
            **extra,
        },
    }
    return write(document, one_line=one_line)
