"""`verifier export`: what was fetched, in the words of other tools; nothing unverified is ever told."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

import click

from verifier.cli.fetch import DEFAULT_JOBS, MAX_JOBS, fetch_files, files_of
from verifier.cli.graphs import (
    DEFAULT_SCOPES,
    PROJECT_SCOPES,
    SCOPES,
    Asking,
    Command,
    Graph,
    context_options,
    graph_of,
    make_context,
    say_notes,
)
from verifier.cli.inputs import FILE_HELP, exact_of, refused_of
from verifier.cli.locked import (
    LOCK_HELP,
    inputs_and_lock,
    is_whole,
    locked_context,
    locked_maven,
    locked_scopes,
    shown_files,
    with_lock,
)
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier, write_text
from verifier.cli.showing import show
from verifier.coordinate import Coordinate
from verifier.fetch import Rules
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome
from verifier.report.escape import command_free, printable
from verifier.report.inventory import Inventory, take_files, take_graph

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


class _Chosen(TypedDict):
    """What both commands are told of the files to fetch."""

    coordinates: tuple[str, ...]
    files: tuple[str, ...]
    transitive: bool
    scopes: tuple[str, ...]
    java_version: str | None
    system: str | None
    properties: tuple[str, ...]
    profiles: tuple[str, ...]
    plugins: bool
    maven_version: str
    locked: bool
    lock_file: Path | None
    jobs: int
    repositories: tuple[str, ...]
    output: Path | None


def _chosen_options(command: Command) -> Command:
    """Add the options of `fetch` that say which files, and where the export goes."""
    for option in reversed(
        (
            click.argument("coordinates", nargs=-1, metavar="[COORDINATE]..."),
            click.option("-f", "--file", "files", multiple=True, metavar="FILE", help=FILE_HELP),
            click.option("--transitive/--no-transitive", default=True, show_default=True,
                         help="Dependencies too, or the named files alone."),
            click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES),
                         help="Take these scopes: compile and runtime, for a pom.xml test and provided too."),
            context_options,
            click.option("--locked", is_flag=True, help="By the lock file alone; without an input everything in it."),
            click.option("--lock", "lock_file", type=click.Path(path_type=Path), metavar="FILE", help=LOCK_HELP),
            click.option("--jobs", type=click.IntRange(1, MAX_JOBS), default=DEFAULT_JOBS, show_default=True,
                         help="How many at once."),
            click.option("--repository", "repositories", multiple=True, metavar="URL",
                         help="One more repository for this run, asked last."),
            click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                         help="Write to FILE, in place of standard output."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.group("export", short_help="what was fetched, for other tools: cyclonedx, in-toto")
def command() -> None:
    """Fetch as fetch does, and write down what was verified.

    Only if everything is verified: otherwise nothing is written, and the exit status is
    that of fetch.
    """


@command.command("cyclonedx", short_help="a bill of materials with the evidence for each component")
@_chosen_options
@click.option("--reproducible", is_flag=True, help="Leave out what differs from run to run: time and record ids.")
@click.pass_obj
def cyclonedx(options: Options, *, reproducible: bool, **chosen: Unpack[_Chosen]) -> int:
    """Write a CycloneDX 1.6 bill of materials, in JSON.

    Each component has its package URL, its hashes, where it came from, who signed it and
    why that counts; dependencies are in the versions chosen. Licences are not guessed.

    Exit status: as that of fetch.
    """
    now = None if reproducible else datetime.now(UTC)
    status, inventory, rules = _fetch(options, chosen)
    if inventory is not None:
        # The library takes 50 ms to import: those who write no bill do not pay for it.
        from verifier.report.bill import write_bill  # noqa: PLC0415  (see above)

        _write(write_bill(inventory, rules, now), chosen["output"])
    return status


@command.command("in-toto", short_help="a verification summary for each artifact, to be signed")
@_chosen_options
@click.option("--verifier-id", required=True, metavar="URI", help="Names you, who vouch for the verdicts.")
@click.pass_obj
def in_toto(options: Options, *, verifier_id: str, **chosen: Unpack[_Chosen]) -> int:
    """Write an in-toto statement for each artifact: SLSA's verification summary.

    One statement a line, unsigned: sign them with the key that your consumers trust. They
    say who judged which bytes by which policy; of how the bytes were built they say nothing.

    Exit status: as that of fetch.
    """
    if not _URI.fullmatch(verifier_id):
        raise click.UsageError(f"--verifier-id {verifier_id!r} is no URI, such as https://ci.example/verifier")
    status, inventory, rules = _fetch(options, chosen)
    if inventory is not None:
        from verifier.report.statement import write_statements  # noqa: PLC0415  (as above)

        _write(write_statements(inventory, rules, verifier_id, datetime.now(UTC)), chosen["output"])
    return status


def _fetch(options: Options, chosen: _Chosen) -> tuple[int, Inventory | None, Rules]:
    """Fetch what was chosen, and show how it came out; the inventory is None unless everything is verified."""
    begun = time.monotonic()
    locked = chosen["locked"]
    inputs, lock = inputs_and_lock(chosen["coordinates"], chosen["files"], chosen["lock_file"], locked=locked)
    rules = with_lock(load_rules(options, chosen["repositories"]), lock, locked=locked)
    base = locked_context(lock if locked else None, rules.policy.context)
    context = make_context(base, chosen["java_version"], chosen["system"], chosen["properties"], chosen["profiles"])
    whole_lock = is_whole(inputs, locked=locked)
    usual = PROJECT_SCOPES if any(one.project for one in inputs) else DEFAULT_SCOPES
    scopes = frozenset(chosen["scopes"] or locked_scopes(lock if locked else None) or usual)
    graph = None
    with open_verifier(options, rules, chosen["jobs"]) as verifier:
        if whole_lock or not chosen["transitive"]:
            wanted, had = exact_of(inputs)
        else:
            release = locked_maven(lock if locked else None, chosen["maven_version"])
            asking = Asking(context, plugins=chosen["plugins"], maven_version=release, scopes=scopes)
            graph = graph_of(verifier, inputs, asking)
            wanted, had = files_of(graph, scopes), (*refused_of(inputs), *graph.resolution.outcomes)
        outcomes = fetch_files(verifier, wanted, had, options)
    status = show(outcomes, rules, options, form="text", begun=begun, listing=False)
    if graph is not None:
        say_notes(graph)
    if status:
        click.echo("nothing was exported: not everything is verified", err=True)
        return status, None, rules
    if graph is None:
        return status, take_files(shown_files(wanted) if whole_lock else wanted, outcomes), rules
    return status, _inventory(graph, scopes, outcomes), rules


def _inventory(graph: Graph, scopes: frozenset[str], outcomes: Sequence[Outcome]) -> Inventory:
    resolved = graph.resolution.resolved or ()  # one that is not whole has its cause among the outcomes
    used = [each for each in resolved if each.scope in {*scopes, "system"}]
    # Nobody knows what an artifact needs whose POM is nowhere.
    told = [replace(each, needs=None) if str(_pom(each)) in graph.resolution.leaves else each for each in used]
    (project,) = graph.projects if len(graph.projects) == 1 else (None,)
    inventory = take_graph(project, told, graph.plugins, outcomes)
    if inventory.left_out:
        names = ", ".join(map(printable, inventory.left_out))
        click.echo(f"note: not in the export, since it lies on this machine alone: {names}", err=True)
    return inventory


def _pom(each: Resolved) -> Coordinate:
    return replace(each.coordinate, extension="pom", classifier="")


def _write(document: str, target: Path | None) -> None:
    if target is None:
        click.echo(command_free(document), nl=False)
    else:
        write_text(target, document)
