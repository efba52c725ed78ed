"""The graph of everything that a command is asked for, and what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verifier.cli.chosen import SCOPES
from verifier.cli.inputs import Input, demands_of, listed_of
from verifier.coordinate import Coordinate
from verifier.fetch import Verifier
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome, exit_status
from verifier.report.escape import printable
from verifier.resolve import Library, Resolution, join, resolve_dependencies, resolve_root, take_listed

if TYPE_CHECKING:
    from verifier.workspace import MavenFolder


@dataclass(frozen=True, slots=True)
class Asking:
    """How the inputs are meant; `scopes` are those of a project that count, `maven_version` names its plugins.

    The files of the scopes in `files` are wanted too, and may be fetched as soon as they look chosen.
    """

    context: Context
    as_root: bool = False
    plugins: bool = False
    maven_version: str = DEFAULT_MAVEN_VERSION
    scopes: frozenset[str] = frozenset(SCOPES)
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Graph:
    """All inputs as one graph, with what a project's build loads besides, and the repositories that it names."""

    resolution: Resolution
    plugins: tuple[Resolved, ...] = ()
    repositories: tuple[str, ...] = ()
    projects: tuple[Coordinate, ...] = ()
    """What the projects among the inputs are called."""
    folders: tuple["MavenFolder", ...] = ()
    """What the projects' `.mvn` say."""

    def context(self, asked: Context) -> Context:
        """Give the context that the graph was computed for: what was asked for, over what the projects say."""
        for folder in self.folders:
            asked = folder.config.below(asked) if folder.config else asked
        return asked

    def origins(self, asked: Context) -> Mapping[str, str]:
        """Say of each property that a project's own file gives where it stands."""
        return {
            name: where
            for folder in reversed(self.folders)
            if folder.config
            for name, where in folder.config.origins(asked).items()
        }


def graph_of(verifier: Verifier, inputs: Sequence[Input], asking: Asking, library: Library | None = None) -> Graph:
    """Resolve all inputs as one graph; what a list names is taken beside it, as it is.

    Raises: `click.UsageError` for several roots, `ConfigError` for a project that cannot be read.
    """
    if library is None:
        library = Library(verifier, asking.files)
        graph = graph_of(verifier, inputs, asking, library)
        library.abandon()
        return graph
    parts = []
    demands, listed = demands_of(inputs), listed_of(inputs)
    if asking.as_root:
        if len(demands) > 1:
            raise click.UsageError("--as root takes one coordinate, or --each")
        parts += [resolve_root(verifier, demand, asking.context, library) for demand in demands]
    elif demands:
        parts.append(resolve_dependencies(verifier, demands, asking.context, library))
    if listed:
        parts.append(take_listed(verifier, listed, library.fresh()))
    projects = [_project(library.fresh(), one, asking) for one in inputs if one.project is not None]
    return Graph(
        join([*parts, *(one.resolution for one in projects)]),
        tuple(dict.fromkeys(each for one in projects for each in one.plugins)),
        tuple(dict.fromkeys(each for one in projects for each in one.repositories)),
        tuple(each for one in projects for each in one.projects),
        tuple(each for one in projects for each in one.folders),
    )


def _project(library: Library, one: Input, asking: Asking) -> Graph:
    # What a project needs besides takes time to import, and most runs have none.
    from verifier.project import resolve_project  # noqa: PLC0415  (see above)

    found = resolve_project(
        library,
        one.project or Path(),
        asking.context,
        plugins=asking.plugins,
        maven_version=asking.maven_version,
        scopes=asking.scopes,
    )
    named = () if found.coordinate is None else (found.coordinate,)
    return Graph(found.resolution, found.plugins, found.repositories, named, (found.folder,))


def say_notes(graph: Graph) -> None:
    """Say on what the graph rests besides signatures, and what was left aside."""
    resolution = graph.resolution
    metadata = [name for name in resolution.read if name.endswith("/maven-metadata.xml")]
    if metadata:
        click.echo(f"note: versions were chosen by what nobody signs: {', '.join(metadata)}", err=True)
    if graph.repositories:
        named = ", ".join(map(printable, graph.repositories))
        click.echo(f"note: the project names repositories, which only policy may: {named}", err=True)
    for folder in graph.folders:
        _say_folder(folder)
    if resolution.leaves:
        click.echo(f"note: POMs that are nowhere, as policy allows: {', '.join(resolution.leaves)}", err=True)


def _say_folder(folder: "MavenFolder") -> None:
    """Say what a project's own files give to every mvn, and which of it no graph was computed with."""
    config = folder.config
    if config and (config.properties or config.profiles):
        given = [*(f"-D{name}" for name in config.properties), *(f"-P{name}" for name in config.profiles)]
        click.echo(f"note: {printable(config.file)} gives {printable(' '.join(given))}", err=True)
    if config and config.left_aside:
        click.echo(f"note: left aside in {printable(config.file)}: {' '.join(config.left_aside)}", err=True)
    if folder.jvm_properties:
        named = printable(" ".join(f"-D{name}" for name in folder.jvm_properties))
        click.echo(f"note: left aside in .mvn/jvm.config: {named}; if a POM goes by one, give it with -D", err=True)


def whole(graph: Graph, outcomes: Sequence[Outcome]) -> bool:
    """Whether the graph could be had, and everything in it."""
    return graph.resolution.resolved is not None and exit_status(outcomes) == 0


def judges_everything(graph: Graph, inputs: Sequence[Input], *, narrowed: bool, plugins: bool) -> bool:
    """Whether a run takes in all that its project uses, so that what it does not meet is met nowhere.

    That is a whole graph, with what a project's build loads besides.  `narrowed` tells that it was asked by hand for
    some coordinates or scopes: a question about these alone.
    """
    projects = any(one.project is not None for one in inputs)
    return graph.resolution.resolved is not None and not narrowed and (plugins or not projects)
