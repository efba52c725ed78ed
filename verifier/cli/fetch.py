"""`verifier fetch`: bring artifacts and what they depend on into the cache, each file verified."""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Unpack

import click

from verifier.cli.chosen import ToFetch, beside_options, build_options, fetch_options, input_options, run_options
from verifier.cli.fetching import fetch_chosen
from verifier.cli.graphs import judges_everything, say_notes
from verifier.cli.main import Options
from verifier.cli.places import Sources
from verifier.cli.reports import Wanted, report_options
from verifier.cli.showing import show
from verifier.coordinate import Coordinate
from verifier.errors import NotFound, Unpinned
from verifier.export import Layout, copy_out, lay_choices, strangers
from verifier.outcome import Outcome, exit_status


@click.command("fetch", short_help="bring artifacts and their dependencies into the cache, each one verified")
@input_options
@fetch_options
@beside_options
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Also copy what was verified to DIR.")
@click.option("--layout", type=click.Choice([one.value for one in Layout]), default="flat", show_default=True,
              help="How DIR is laid out: the artifacts side by side, or a local repository with all that was "
                   "read.")  # fmt: skip
@click.option("--classpath", is_flag=True, help="Print a class path of the files, if all of them are verified.")
@build_options()
@run_options
@report_options
@click.pass_obj
def command(
    options: Options,
    *,
    sources: bool,
    javadoc: bool,
    output: Path | None,
    layout: str,
    classpath: bool,
    form: str,
    reports: tuple[Wanted, ...],
    **chosen: Unpack[ToFetch],
) -> int:
    """Fetch artifacts and what they depend on, as Maven would choose it.

    COORDINATE is group:artifact:version, group:artifact:extension:version,
    group:artifact:extension:classifier:version or a package URL; the version may be a
    range, LATEST or RELEASE. Several inputs make one graph, as in one project. A lock
    file or a bill of materials names everything already: its files and their POMs are
    fetched and nothing more. With --locked the lock file decides: no metadata is asked
    for, no version is chosen, what is not in it is refused, and so are other bytes.

    Exit status: 0 all verified, 1 something refused, 2 wrong usage or policy, 3 something
    unavailable.
    """
    begun = time.monotonic()
    if classpath and form != "text":
        raise click.UsageError(f"--classpath and --format {form} both want standard output")
    had = fetch_chosen(options, chosen, sources=sources, javadoc=javadoc, by_scope=classpath)
    absent = (NotFound, Unpinned)  # of sources that nobody locked nothing was asked for
    beside = set(had.beside)
    kept = [one for one in had.outcomes if not (one.coordinate in beside and isinstance(one.cause, absent))]
    extra = {"without_sources_or_javadoc": len(had.outcomes) - len(kept)} if beside else {}
    if output is not None:
        kept = _copy(kept, output, Layout(layout), {*had.shown, *beside})
        if had.lock is not None and Layout(layout) is Layout.MAVEN:
            lay_choices(had.lock, kept, output)
            kept += strangers(had.lock, kept, output) if had.rules.locked else ()
            kept.sort(key=lambda one: one.name)
    narrowed = bool(chosen["coordinates"] or chosen["scopes"])
    everything = had.is_whole_lock or (
        had.graph is not None and judges_everything(had.graph, had.inputs, narrowed=narrowed, plugins=chosen["plugins"])
    )
    status = show(
        kept,
        had.rules,
        options,
        form=form,
        begun=begun,
        listing=not classpath,
        everything=everything,
        extra=extra,
        reports=reports,
        sources=Sources(chosen["files"], () if had.graph is None else had.graph.resolution.explored),
    )
    if form == "text" and had.graph is not None:
        say_notes(had.graph)
    if classpath and exit_status(kept) == 0:
        tools = set() if had.graph is None else {each.file for each in had.graph.plugins}
        click.echo(_classpath((file for file in had.files if file not in tools), kept))
    return status


def _copy(outcomes: Sequence[Outcome], directory: Path, layout: Layout, files: set[Coordinate]) -> list[Outcome]:
    """Copy the artifacts side by side, or everything that a build without network asks for."""
    if layout is Layout.MAVEN:
        return copy_out(outcomes, directory, layout)
    copied = copy_out([one for one in outcomes if one.coordinate in files], directory, layout)
    return sorted((*copied, *(one for one in outcomes if one.coordinate not in files)), key=lambda one: one.name)


def _classpath(order: Iterable[Coordinate], outcomes: Iterable[Outcome]) -> str:
    files = {outcome.coordinate: outcome.file for outcome in outcomes}
    on_it = (files.get(coordinate) for coordinate in order if coordinate.extension != "pom")
    return os.pathsep.join(file for file in on_it if file)
