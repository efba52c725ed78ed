"""A run as GitLab's code quality report, which a merge request shows beside the lines that it changes.

Source: GitLab's page "Code Quality", section "Code Quality report format".
"""

import hashlib
from collections.abc import Sequence

from verifier.outcome import Json
from verifier.report import json
from verifier.report.account import Account
from verifier.report.location import Location
from verifier.report.reasons import reason

MAX_ISSUES = 5_000
"""A merge request with more of them is slow to open."""


def report(account: Account) -> str:
    """Write the run as one JSON array."""
    issues = [
        _issue(
            account.sentence(outcome, cause),
            cause.code,
            (outcome.name, outcome.repository or "", cause.code),
            account.atlas.place(outcome),
            _severity(cause.code),
        )
        for outcome, cause in account.problems()
    ]
    issues += [
        _issue(
            account.show(notice.message),
            notice.code,
            (notice.subject, notice.code),
            account.atlas.told(notice.file, notice.line),
            "info",
        )
        for notice in account.remarks()
    ]
    return json.write(issues[:MAX_ISSUES])


def _severity(code: str) -> str:
    about = reason(code)
    return "minor" if not about.refuses else "blocker" if about.contradicts else "critical"


def _issue(description: str, code: str, identity: Sequence[str], place: Location, severity: str) -> dict[str, Json]:
    return {
        "description": description,
        "check_name": code,
        "fingerprint": hashlib.sha256("\0".join(identity).encode(errors="backslashreplace")).hexdigest(),
        "severity": severity,
        "location": {"path": place.file, "lines": {"begin": place.line}},
    }
