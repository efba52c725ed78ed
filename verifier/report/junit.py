"""A run as JUnit XML: one test suite, one test case a file, in what both Jenkins and GitLab read.

Source: Jenkins' xunit plugin, junit-10.xsd.
"""

from collections.abc import Iterator
from html import escape

from verifier.outcome import Outcome, Status
from verifier.report.account import Account

_TAGS = {Status.REFUSED: "failure", Status.UNAVAILABLE: "error"}


def report(account: Account) -> str:
    """Write the run as one document; all text in it is such as XML 1.0 can hold."""
    return "\n".join(_lines(account)) + "\n"


def _lines(account: Account) -> Iterator[str]:
    counts = (
        f'tests="{len(account.outcomes)}" failures="{account.count(Status.REFUSED)}"'
        f' errors="{account.count(Status.UNAVAILABLE)}"'
    )
    time = f'time="{account.seconds:.3f}"'
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="verifier" {counts} {time}>'
    yield f'<testsuite name="verifier {escape(account.command)}" {counts} skipped="0" {time}>'
    yield f'<properties><property name="policy" value="{escape(account.policy_digest)}"/></properties>'
    for outcome in account.outcomes:
        yield from _case(account, outcome)
    if account.remarks():
        yield "<system-out>"
        for notice in account.remarks():
            yield escape(account.show(f"warning: {notice.message} ({notice.code}); {notice.hint}"))
        yield "</system-out>"
    yield "</testsuite>"
    yield "</testsuites>"


def _case(account: Account, outcome: Outcome) -> Iterator[str]:
    subject = outcome.coordinate
    owner = "" if subject is None else f"{subject.group}:{subject.artifact}".rstrip(":")
    head = (
        f'<testcase classname="{escape(account.show(owner or "not a coordinate"))}"'
        f' name="{escape(account.show(outcome.name))}" time="{outcome.upstream_seconds:.3f}"'
    )
    cause = outcome.cause
    if cause is None:
        yield f"{head}/>"
        return
    tag = _TAGS[outcome.status]
    yield f"{head}>"
    yield f'<{tag} type="{cause.code}" message="{escape(account.show(cause.reason))}">'
    yield from map(escape, account.block(outcome))
    yield f"at {escape(account.show(str(account.atlas.place(outcome))))}"
    yield f"</{tag}></testcase>"
