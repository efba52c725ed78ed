"""Runs pieces of work with a progress bar and shows how they came out."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial

import click

from verifier.cli.main import Options
from verifier.cli.opening import POLICY_NAME, find_workflow, open_seal
from verifier.cli.places import Sources, atlas_of
from verifier.cli.reports import Wanted, annotate, render, write_reports
from verifier.exemption import exempting
from verifier.fetch import Rules, Verifier
from verifier.notices import notices_of
from verifier.outcome import Json, Outcome, exit_status
from verifier.report import json, text
from verifier.report.account import Account
from verifier.report.escape import printable
from verifier.report.location import NOWHERE

MAX_EXEMPTIONS_SHOWN = 3
"""Of how many refused files the lines that would exempt them are printed."""


def run_all(
    verifier: Verifier, work: Sequence[Callable[[], Outcome]], refused: Sequence[Outcome], options: Options
) -> list[Outcome]:
    """Do the work, with a bar where standard error is a terminal; give the outcomes sorted by name."""
    outcomes = list(refused)
    hidden = options.verbosity < 0 or not sys.stderr.isatty()
    with click.progressbar(
        length=len(work), label="verifying", file=sys.stderr, hidden=hidden, show_pos=True, width=24
    ) as bar:
        for outcome in verifier.each(work):
            outcomes.append(outcome)
            bar.update(1)
    return sorted(outcomes, key=lambda outcome: outcome.name)


def show(  # noqa: PLR0913  (each parameter is a part of the report, or says how it is told)
    outcomes: Sequence[Outcome],
    rules: Rules,
    options: Options,
    *,
    form: str,
    begun: float,
    listing: bool = True,
    everything: bool = False,
    extra: Mapping[str, Json] | None = None,
    more: Mapping[str, Json] | None = None,
    reports: Sequence[Wanted] = (),
    sources: Sources | None = None,
) -> int:
    """Print the report and write those to files; problems go to standard error.  Gives the exit status.

    `extra` joins the summary, `more` the JSON document; `begun` is `time.monotonic()` at the run's start;
    without `listing` standard output is left to the caller.  `everything` tells that the run judged all that the
    policy is about, as `notices_of` has it; `sources` are the files that reports point at.
    """
    seconds = time.monotonic() - begun
    today = datetime.now(UTC).date()
    notices = notices_of(rules.policy, outcomes, today, everything=everything)
    as_json = partial(json.report, outcomes, rules, seconds, extra or {}, today=today, notices=notices, more=more)
    workflow = find_workflow()
    pointing = bool(reports) or workflow is not None or form not in {"text", "json"}
    told = Account(
        command=click.get_current_context().info_name or "",
        outcomes=outcomes,
        notices=notices,
        atlas=atlas_of(rules.policy.file, rules.lock, sources or Sources()) if pointing else NOWHERE,
        policy_digest=rules.digest,
        seconds=seconds,
        exit_status=exit_status(outcomes),
    )
    status = write_reports(reports, told, as_json)
    if form == "text":
        _print(told, rules, options, today, listing=listing, extra=extra or {})
    else:
        click.echo(render(form, told, as_json))
    if workflow is not None:
        annotate(workflow, told)
    return status


def _print(
    told: Account, rules: Rules, options: Options, today: date, *, listing: bool, extra: Mapping[str, Json]
) -> None:
    for outcome in told.outcomes:
        if listing and (options.verbosity >= 0 or outcome.cause is not None):
            click.echo(text.line(outcome))
            if options.verbosity > 0:
                click.echo("\n".join(text.details(outcome)))
    _show_problems(told.outcomes, rules, today)
    for notice in told.notices:
        click.echo("\n".join(text.notice(notice)), err=True)
    if options.verbosity >= 0:
        notes = "".join(f"; {value} {name.replace('_', ' ')}" for name, value in extra.items())
        click.echo(text.summary(told.outcomes, told.seconds) + notes, err=True)
        if problem := open_seal(options).problem:
            click.echo(f"note: nothing is sealed, and all is hashed again next time: {printable(problem)}", err=True)


def _show_problems(outcomes: Sequence[Outcome], rules: Rules, today: date) -> None:
    """Say what is wrong with each file; the lines that would exempt it, of the first few alone."""
    offered = 0
    for outcome in outcomes:
        if outcome.replaced is not None:
            name = printable(outcome.name)
            click.echo(f"note: the cached {name} was refused: verifier explain {outcome.replaced}", err=True)
        if outcome.cause is not None:
            click.echo("\n" + "\n".join(text.problem(outcome)), err=True)
        lines = exempting(outcome, rules.policy, today)
        if lines is not None:
            offered += 1
            if offered <= MAX_EXEMPTIONS_SHOWN:
                click.echo("\n".join(text.exemption(lines, rules.policy.file or POLICY_NAME)), err=True)
    if offered > MAX_EXEMPTIONS_SHOWN:
        more = offered - MAX_EXEMPTIONS_SHOWN
        click.echo(f"\nnote: {more} more could be exempted: 'exemption' in --format json has the lines", err=True)
    if offered:
        click.echo(err=True)
