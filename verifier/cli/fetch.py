"""`verifier fetch`: bring artifacts and what they depend on into the cache, each file verified."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from verifier.cli.graphs import (
    DEFAULT_SCOPES,
    PROJECT_SCOPES,
    SCOPES,
    Asking,
    Graph,
    context_options,
    graph_of,
    judges_everything,
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
from verifier.cli.opening import load_rules, open_verifier
from verifier.cli.places import Sources
from verifier.cli.reports import Wanted, report_options
from verifier.cli.showing import run_all, show
from verifier.coordinate import Coordinate
from verifier.errors import NotFound, Unpinned
from verifier.export import Layout, copy_out, lay_choices, strangers
from verifier.fetch import Verifier
from verifier.outcome import Outcome, exit_status

DEFAULT_JOBS = 32
MAX_JOBS = 64


@click.command("fetch", short_help="bring artifacts and their dependencies into the cache, each one verified")
@click.argument("coordinates", nargs=-1, metavar="[COORDINATE]...")
@click.option("-f", "--file", "files", multiple=True, metavar="FILE", help=FILE_HELP)
@click.option("--transitive/--no-transitive", default=True, help="Dependencies too, or the named files alone.",
              show_default=True)  # fmt: skip
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES),
              help="Fetch these scopes: compile and runtime, for a pom.xml test and provided too.")  # fmt: skip
@click.option("--sources", is_flag=True, help="The sources of each JAR too, where there are some.")
@click.option("--javadoc", is_flag=True, help="The documentation of each JAR too, where there is some.")
@context_options
@click.option("--locked", is_flag=True, help="By the lock file alone; without an input everything in it.")
@click.option("--lock", "lock_file", type=click.Path(path_type=Path), metavar="FILE", help=LOCK_HELP)
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Also copy what was verified to DIR.")
@click.option(
    "--layout", type=click.Choice(["flat", "maven"]), default="flat", show_default=True,
    help="How DIR is laid out: the artifacts side by side, or a local repository with all that was read.",
)  # fmt: skip
@click.option("--classpath", is_flag=True, help="Print a class path of the files, if all of them are verified.")
@click.option(
    "--jobs", type=click.IntRange(1, MAX_JOBS), default=DEFAULT_JOBS, help="How many at once.", show_default=True
)
@click.option(
    "--repository", "repositories", multiple=True, metavar="URL", help="One more repository for this run, asked last."
)
@report_options
@click.pass_obj
def command(  # noqa: PLR0913  (one parameter for each option)
    options: Options,
    coordinates: tuple[str, ...],
    files: tuple[str, ...],
    *,
    transitive: bool,
    scopes: tuple[str, ...],
    sources: bool,
    javadoc: bool,
    java_version: str | None,
    system: str | None,
    properties: tuple[str, ...],
    profiles: tuple[str, ...],
    plugins: bool,
    maven_version: str,
    locked: bool,
    lock_file: Path | None,
    output: Path | None,
    layout: str,
    classpath: bool,
    jobs: int,
    repositories: tuple[str, ...],
    form: str,
    reports: tuple[Wanted, ...],
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
    inputs, lock = inputs_and_lock(coordinates, files, lock_file, locked=locked)
    whole_lock = is_whole(inputs, locked=locked)
    if whole_lock and (scopes or classpath):
        raise click.UsageError("a lock file does not say what has which scope: with --locked name an input too")
    rules = with_lock(load_rules(options, repositories), lock, locked=locked)
    base = locked_context(lock if locked else None, rules.policy.context)
    context = make_context(base, java_version, system, properties, profiles)
    graph = None
    with open_verifier(options, rules, jobs) as verifier:
        if transitive and not whole_lock:
            usual = PROJECT_SCOPES if any(one.project for one in inputs) else DEFAULT_SCOPES
            chosen = frozenset(scopes or locked_scopes(lock if locked else None) or usual)
            release = locked_maven(lock if locked else None, maven_version)
            asking = Asking(context, plugins=plugins, maven_version=release, scopes=chosen, files=chosen)
            graph = graph_of(verifier, inputs, asking)
            wanted = files_of(graph, chosen)
            had = (*refused_of(inputs), *graph.resolution.outcomes)
        else:
            wanted, had = exact_of(inputs)
        beside = _beside(wanted, [kind for kind, chosen in (("sources", sources), ("javadoc", javadoc)) if chosen])
        outcomes = fetch_files(verifier, (*wanted, *beside), had, options)
    absent = (NotFound, Unpinned)  # of sources that nobody locked nothing was asked for
    kept = [one for one in outcomes if not (one.coordinate in set(beside) and isinstance(one.cause, absent))]
    without = len(outcomes) - len(kept)
    if output is not None:
        copied = shown_files(wanted) if whole_lock else wanted
        kept = _copy(kept, output, Layout(layout), {*copied, *beside})
        if lock is not None and Layout(layout) is Layout.MAVEN:
            lay_choices(lock, kept, output)
            kept = sorted((*kept, *(strangers(lock, kept, output) if locked else ())), key=lambda one: one.name)
    extra = {"without_sources_or_javadoc": without} if beside else {}
    narrowed = bool(coordinates or scopes)
    everything = whole_lock or (
        graph is not None and judges_everything(graph, inputs, narrowed=narrowed, plugins=plugins)
    )
    status = show(
        kept,
        rules,
        options,
        form=form,
        begun=begun,
        listing=not classpath,
        everything=everything,
        extra=extra,
        reports=reports,
        sources=Sources(files, () if graph is None else graph.resolution.explored),
    )
    if form == "text" and graph is not None:
        say_notes(graph)
    if classpath and exit_status(kept) == 0:
        tools = set() if graph is None else {each.file for each in graph.plugins}
        click.echo(_classpath((file for file in wanted if file not in tools), kept))
    return status


def files_of(graph: Graph, scopes: frozenset[str]) -> tuple[Coordinate, ...]:
    """Give the files of the graph, in its order; of one that is not whole, what is known."""
    listed = [each for each in graph.resolution.explored if each.scope in scopes]
    return tuple(dict.fromkeys(each.file for each in (*listed, *graph.plugins) if not each.system_path))


def _beside(files: Sequence[Coordinate], classifiers: Sequence[str]) -> tuple[Coordinate, ...]:
    known = set(files)
    found = (
        replace(file, classifier=classifier)
        for file in files
        if file.extension == "jar" and not file.classifier
        for classifier in classifiers
    )
    return tuple(one for one in found if one not in known)  # what is a dependency itself must be there


def fetch_files(
    verifier: Verifier, files: Iterable[Coordinate], had: Sequence[Outcome], options: Options
) -> list[Outcome]:
    """Fetch what was not had while the graph was resolved."""
    known = {outcome.coordinate for outcome in had}
    work = [partial(verifier.fetch, file) for file in dict.fromkeys(files) if file not in known]
    return run_all(verifier, work, had, options)


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
