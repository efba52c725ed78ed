"""`verifier resolve`: the graph of what a build will use, as Maven would choose it."""

import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Unpack

import click

from verifier.cli.chosen import Chosen, build_options, input_options, make_context, run_options
from verifier.cli.graphs import Asking, Graph, graph_of, say_notes, whole
from verifier.cli.inputs import Input, demands_of, lock_among, read_inputs, refused_of
from verifier.cli.locked import with_lock
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.cli.places import Sources
from verifier.cli.reports import Wanted, report_options
from verifier.cli.showing import show
from verifier.fetch import Verifier
from verifier.maven.resolver import Resolved
from verifier.outcome import Json, Outcome, exit_status
from verifier.report import json
from verifier.report.tree import context_fields, resolved_fields, tree
from verifier.resolve import Library

MAX_WALKS = 8
"""How many inputs of `--each` are resolved at a time; their files are fetched by `--jobs` all the same."""


@click.command("resolve", short_help="print the graph of what a build will use, as Maven chooses it")
@input_options
@click.option("--each", is_flag=True, help="Resolve each input alone; write one JSON report a line.")
@click.option("--as", "mode", type=click.Choice(["dependency", "root"]), default="dependency", show_default=True,
              help="As a dependency of an empty project, or as Maven resolves a plugin.")  # fmt: skip
@build_options("These scopes alone; else all.")
@run_options
@report_options
@click.pass_obj
def command(
    options: Options, *, each: bool, mode: str, form: str, reports: tuple[Wanted, ...], **chosen: Unpack[Chosen]
) -> int:
    """Print what a build will use; only POMs and metadata are downloaded.

    COORDINATE is as for fetch; its version may be a range, LATEST or RELEASE. Several
    inputs make one graph, as in one project. What a lock file or a bill of materials
    lists is taken as it is. Every POM is verified like any other file.

    Exit status: as that of fetch.
    """
    begun = time.monotonic()
    if each and (reports or form not in {"text", "json"}):
        raise click.UsageError("--each writes JSON reports to standard output, and no other")
    scopes = chosen["scopes"]
    inputs = read_inputs(chosen["coordinates"], chosen["files"])
    rules = with_lock(load_rules(options, chosen["repositories"]), lock_among(inputs), locked=False)
    context = make_context(rules.policy.context, chosen)
    asking = Asking(context, mode == "root", chosen["plugins"], chosen["maven_version"])
    with open_verifier(options, rules, chosen["jobs"]) as verifier:
        if each:
            return _each(verifier, inputs, asking, scopes)
        graph = graph_of(verifier, inputs, asking)
    outcomes = _outcomes(inputs, graph)
    more = _fields(graph, asking, scopes, outcomes)
    if form == "text" and whole(graph, outcomes):
        _draw(graph, scopes, str(demands_of(inputs)[0]) if asking.as_root else "")
    status = show(
        outcomes,
        rules,
        options,
        form=form,
        begun=begun,
        listing=False,
        more=more,
        reports=reports,
        sources=Sources(chosen["files"], graph.resolution.explored),
    )
    if form == "text":
        say_notes(graph)
    return status


def _draw(graph: Graph, scopes: Sequence[str], root: str) -> None:
    for line in tree(_listed(graph, scopes), root):
        click.echo(line)
    if graph.plugins:
        click.echo("\nplugins, and what they load:")
        for each in graph.plugins:
            click.echo(str(each.coordinate))


@dataclass(frozen=True, slots=True)
class _Report:
    """One input's report as a line, and what was wrong with it."""

    line: str
    problems: tuple[Outcome, ...]


def _each(verifier: Verifier, inputs: Sequence[Input], asking: Asking, scopes: Sequence[str]) -> int:
    """Write one report a line, in the inputs' order, as they come; a few are resolved at a time."""
    library = Library(verifier)
    problems: list[Outcome] = []
    walks = ThreadPoolExecutor(MAX_WALKS, thread_name_prefix="walk")
    waiting: deque[Future[_Report]] = deque()

    def write() -> None:
        report = waiting.popleft().result()
        click.echo(report.line)
        sys.stdout.flush()
        problems.extend(report.problems)

    try:
        for one in inputs:
            waiting.append(walks.submit(_report, verifier, one, asking, scopes, library.fresh()))
            if len(waiting) > MAX_WALKS:
                write()
        while waiting:
            write()
    finally:
        # Who interrupts does not wait for walks that have begun: the verifier, when it stops, ends what they wait for.
        walks.shutdown(wait=False, cancel_futures=True)
    return exit_status(problems)


def _report(verifier: Verifier, one: Input, asking: Asking, scopes: Sequence[str], library: Library) -> _Report:
    begun = time.monotonic()
    graph = graph_of(verifier, [one], asking, library)
    outcomes = _outcomes([one], graph)
    more = {"input": one.name, **_fields(graph, asking, scopes, outcomes)}
    seconds, today = time.monotonic() - begun, datetime.now(UTC).date()
    line = json.report(outcomes, verifier.rules, seconds, {}, today=today, more=more, one_line=True)
    return _Report(line, tuple(Outcome(each.name, None, each.cause) for each in outcomes if each.cause is not None))


def _outcomes(inputs: Sequence[Input], graph: Graph) -> list[Outcome]:
    return sorted((*refused_of(inputs), *graph.resolution.outcomes), key=lambda outcome: outcome.name)


def _listed(graph: Graph, scopes: Sequence[str]) -> list[Resolved]:
    return [each for each in graph.resolution.resolved or () if not scopes or each.scope in scopes]


def _fields(graph: Graph, asking: Asking, scopes: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "resolved": resolved_fields(_listed(graph, scopes)) if whole(graph, outcomes) else None,
        "read": list(graph.resolution.read),
        "context": context_fields(graph.context(asking.context), graph.origins(asking.context)),
    }
    if asking.plugins:
        fields["plugins"] = [str(each.coordinate) for each in graph.plugins]
    if graph.repositories:
        fields["repositories_not_used"] = list(graph.repositories)
    return fields
