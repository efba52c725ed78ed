"""Runs pieces of work with a progress bar and shows how they came out."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence

import click

from verifier.cli.main import Options
from verifier.fetch import Rules, Verifier
from verifier.outcome import Json, Outcome, exit_status
from verifier.report import json, text


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


def show(
    outcomes: Sequence[Outcome],
    rules: Rules,
    options: Options,
    *,
    form: str,
    begun: float,
    listing: bool = True,
    extra: Mapping[str, Json] | None = None,
    more: Mapping[str, Json] | None = None,
) -> int:
    """Print the report; problems go to standard error.  Gives the exit status.

    `extra` joins the summary, `more` the JSON document; `begun` is `time.monotonic()` at the run's start;
    without `listing` standard output is left to the caller.
    """
    seconds = time.monotonic() - begun
    if form == "json":
        click.echo(json.report(outcomes, rules, seconds, extra or {}, more=more))
        return exit_status(outcomes)
    for outcome in outcomes:
        if listing and (options.verbosity >= 0 or outcome.cause is not None):
            click.echo(text.line(outcome))
            if options.verbosity > 0:
                click.echo("\n".join(text.details(outcome)))
    for outcome in outcomes:
        if outcome.replaced is not None:
            click.echo(f"note: the cached {outcome.name} had changed: verifier explain {outcome.replaced}", err=True)
        if outcome.cause is not None:
            click.echo("\n" + "\n".join(text.problem(outcome)), err=True)
    if options.verbosity >= 0:
        notes = "".join(f"; {value} {name.replace('_', ' ')}" for name, value in (extra or {}).items())
        click.echo(text.summary(outcomes, seconds) + notes, err=True)
    return exit_status(outcomes)
