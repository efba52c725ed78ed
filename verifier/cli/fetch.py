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
    make_context,
    say_notes,
)
from verifier.cli.inputs import FILE_HELP, exact_of, read_inputs, refused_of
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.cli.showing import run_all, show
from verifier.coordinate import Coordinate
from verifier.errors import NotFound
from verifier.export import Layout, copy_out
from verifier.fetch import Verifier
from verifier.outcome import Outcome, exit_status

DEFAULT_JOBS = 16
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
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
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
    output: Path | None,
    layout: str,
    classpath: bool,
    jobs: int,
    repositories: tuple[str, ...],
    form: str,
) -> int:
    """Fetch artifacts and what they depend on, as Maven would choose it.

    COORDINATE is group:artifact:version, group:artifact:extension:version,
    group:artifact:extension:classifier:version or a package URL; the version may be a
    range, LATEST or RELEASE. Several inputs make one graph, as in one project. A lock
    file or a bill of materials names everything already: its files and their POMs are
    fetched and nothing more.

    Exit status: 0 all verified, 1 something refused, 2 wrong usage or policy, 3 something
    unavailable.
    """
    begun = time.monotonic()
    if classpath and form == "json":
        raise click.UsageError("--classpath and --format json both want standard output")
    inputs = read_inputs(coordinates, files)
    rules = load_rules(options, repositories)
    context = make_context(rules.policy.context, java_version, system, properties, profiles)
    graph = None
    with open_verifier(options, rules, jobs) as verifier:
        if transitive:
            chosen = frozenset(scopes or (PROJECT_SCOPES if any(one.project for one in inputs) else DEFAULT_SCOPES))
            asking = Asking(context, plugins=plugins, maven_version=maven_version, scopes=chosen)
            graph = graph_of(verifier, inputs, asking)
            wanted = _wanted(graph, chosen)
            had = (*refused_of(inputs), *graph.resolution.outcomes)
        else:
            wanted, had = exact_of(inputs)
        beside = _beside(wanted, [kind for kind, chosen in (("sources", sources), ("javadoc", javadoc)) if chosen])
        outcomes = _fetch(verifier, (*wanted, *beside), had, options)
    kept = [one for one in outcomes if not (one.coordinate in set(beside) and isinstance(one.cause, NotFound))]
    if output is not None:
        kept = _copy(kept, output, Layout(layout), {*wanted, *beside})
    extra = {"without_sources_or_javadoc": len(outcomes) - len(kept)} if beside else {}
    status = show(kept, rules, options, form=form, begun=begun, listing=not classpath, extra=extra)
    if form == "text" and graph is not None:
        say_notes(graph)
    if classpath and exit_status(kept) == 0:
        tools = set() if graph is None else {each.file for each in graph.plugins}
        click.echo(_classpath((file for file in wanted if file not in tools), kept))
    return status


def _wanted(graph: Graph, scopes: frozenset[str]) -> tuple[Coordinate, ...]:
    """Give the files of the graph, in its order; of one that is not whole, what is known."""
    listed = [each for each in graph.resolution.explored if each.scope in scopes]
    return tuple(dict.fromkeys(each.file for each in (*listed, *graph.plugins) if not each.system_path))


def _beside(files: Iterable[Coordinate], classifiers: Sequence[str]) -> tuple[Coordinate, ...]:
    return tuple(
        replace(file, classifier=classifier)
        for file in files
        if file.extension == "jar" and not file.classifier
        for classifier in classifiers
    )


def _fetch(verifier: Verifier, files: Iterable[Coordinate], had: Sequence[Outcome], options: Options) -> list[Outcome]:
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
