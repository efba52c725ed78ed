"""`verifier export`: what was fetched, in the words of other tools; nothing unverified is ever told."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

import click

from verifier.cli.chosen import ToFetch, build_options, fetch_options, input_options, run_options
from verifier.cli.fetching import Fetched, fetch_chosen
from verifier.cli.graphs import Graph, say_notes
from verifier.cli.main import Options, together
from verifier.cli.opening import write_text
from verifier.cli.showing import show
from verifier.coordinate import Coordinate
from verifier.fetch import Rules
from verifier.maven.resolver import Resolved
from verifier.report.escape import command_free, printable
from verifier.report.inventory import Inventory, take_files, take_graph

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_options = together(
    input_options,
    fetch_options,
    build_options(),
    run_options,
    click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="Write to FILE, not to standard output."),
)  # fmt: skip


@click.group("export", short_help="what was fetched, for other tools: cyclonedx, in-toto")
def command() -> None:
    """Fetch as fetch does, and write down what was verified.

    Only if everything is verified: otherwise nothing is written, and the exit status is
    that of fetch.
    """


@command.command("cyclonedx", short_help="a bill of materials with the evidence for each component")
@_options
@click.option("--reproducible", is_flag=True, help="Leave out what differs from run to run: time and record ids.")
@click.pass_obj
def cyclonedx(options: Options, *, reproducible: bool, output: Path | None, **chosen: Unpack[ToFetch]) -> int:
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

        _write(write_bill(inventory, rules, now), output)
    return status


@command.command("in-toto", short_help="a verification summary for each artifact, to be signed")
@_options
@click.option("--verifier-id", required=True, metavar="URI", help="Names you, who vouch for the verdicts.")
@click.pass_obj
def in_toto(options: Options, *, verifier_id: str, output: Path | None, **chosen: Unpack[ToFetch]) -> int:
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

        _write(write_statements(inventory, rules, verifier_id, datetime.now(UTC)), output)
    return status


def _fetch(options: Options, chosen: ToFetch) -> tuple[int, Inventory | None, Rules]:
    """Fetch what was chosen, and show how it came out; the inventory is None unless everything is verified."""
    begun = time.monotonic()
    had = fetch_chosen(options, chosen)
    status = show(had.outcomes, had.rules, options, form="text", begun=begun, listing=False)
    if had.graph is not None:
        say_notes(had.graph)
    if status:
        click.echo("nothing was exported: not everything is verified", err=True)
        return status, None, had.rules
    return status, take_files(had.shown, had.outcomes) if had.graph is None else _inventory(had.graph, had), had.rules


def _inventory(graph: Graph, had: Fetched) -> Inventory:
    resolved = graph.resolution.resolved or ()  # one that is not whole has its cause among the outcomes
    used = [each for each in resolved if each.scope in {*had.scopes, "system"}]
    # Nobody knows what an artifact needs whose POM is nowhere.
    told = [replace(each, needs=None) if str(_pom(each)) in graph.resolution.leaves else each for each in used]
    (project,) = graph.projects if len(graph.projects) == 1 else (None,)
    inventory = take_graph(project, told, graph.plugins, had.outcomes)
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
