"""Outcomes as text: one line for each file, one block for each problem.

Foreign text (server answers, file names, names inside archives) is shown with every control
character escaped, since a terminal would obey it.
"""

from collections.abc import Iterable, Sequence

import click

from verifier.errors import Fact, ReasonedError
from verifier.notices import Notice
from verifier.outcome import Outcome, Status
from verifier.report.escape import printable

_COLORS = {Status.VERIFIED: "green", Status.REFUSED: "red", Status.UNAVAILABLE: "yellow"}
_MIB = 1024 * 1024


def line(outcome: Outcome) -> str:
    """Say in one line how a file came out."""
    word = click.style(f"{outcome.status.value:<11}", fg=_COLORS[outcome.status])
    code = "" if outcome.cause is None else f"  {outcome.cause.code}"
    return f"{word} {printable(outcome.name)}{code}"


def details(outcome: Outcome) -> Iterable[str]:
    """Say on what an acceptance rests and where the file is."""
    if outcome.findings is not None and outcome.cause is None:
        yield f"            {printable(outcome.findings.trusted_by)}"
    if outcome.file is not None:
        yield f"            {printable(outcome.file)}"


def problem(outcome: Outcome) -> Iterable[str]:
    """Say why a file is not verified: what, expected, received, one thing to do."""
    cause = outcome.cause
    if cause is None:
        return
    head = f"{outcome.status.value} {printable(outcome.name)} ({cause.code})"
    yield click.style(head, fg=_COLORS[outcome.status], bold=True)
    yield f"  {printable(cause.reason)}"
    yield from facts(cause)
    if cause.others:
        yield f"  also      {', '.join(dict.fromkeys(other.code for other in cause.others))}"
    if cause.hint:
        yield f"hint: {printable(cause.hint)}"
    if outcome.record is not None:
        yield f"more: verifier explain {outcome.record}"


def facts(cause: ReasonedError) -> Iterable[str]:
    """Put expected and received side by side, each with its origin."""
    for label, fact in (("expected", cause.expected), ("received", cause.received)):
        if fact is not None:
            yield from _fact(label, fact)


def _fact(label: str, fact: Fact) -> Iterable[str]:
    yield f"  {label:<9} {printable(fact.value)}"
    if fact.origin:
        yield f"            from {printable(fact.origin)}"


def exemption(lines: str, policy_file: str) -> Iterable[str]:
    """Offer the lines of a policy that would exempt a refused file, ready to be copied."""
    yield f"to exempt these bytes, after a review, add to {printable(policy_file)}:"
    yield ""
    yield from lines.splitlines()


def notice(told: Notice) -> Iterable[str]:
    """Say what is worth knowing beside the verdicts."""
    yield click.style("warning", fg="yellow") + printable(f": {told.where} ({told.code})")
    yield f"  {printable(told.message)}"
    yield f"hint: {printable(told.hint)}"


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Count the outcomes in one line."""
    counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
    shown = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count) or "nothing to do"
    downloaded = sum(outcome.downloaded for outcome in outcomes) / _MIB
    return f"{shown} ({downloaded:.1f} MiB downloaded, {seconds:.1f} s)"
