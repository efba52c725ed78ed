"""What `resolve` and `fetch` share: the options that make a graph's context, and the graph of all inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import click

from verifier.cli.inputs import Input, demands_of, listed_of
from verifier.fetch import Verifier
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION
from verifier.maven.profile import DEFAULT_JAVA_VERSION, Context
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome, exit_status
from verifier.policy_file import with_system
from verifier.policy_words import WordInvalid, parse_java_version, parse_operating_system, parse_property_name
from verifier.report.escape import printable
from verifier.resolve import Library, Resolution, join, resolve_dependencies, resolve_root, take_listed

SCOPES = ("compile", "runtime", "provided", "test", "system")
DEFAULT_SCOPES = ("compile", "runtime")
PROJECT_SCOPES = ("compile", "runtime", "provided", "test")

Command = TypeVar("Command", bound=Callable[..., int])
T = TypeVar("T")


def context_options(command: Command) -> Command:
    """Add the options that say for which machine and project a graph is computed."""
    for option in reversed(
        (
            click.option(
                "--java-version",
                metavar="VERSION",
                help=f"The JDK of the build; else the policy's, else {DEFAULT_JAVA_VERSION}.",
            ),
            click.option(
                "--os",
                "system",
                metavar="NAME/ARCH",
                help="The system of the build; else the policy's, else linux/amd64.",
            ),
            click.option("-D", "properties", multiple=True, metavar="NAME=VALUE", help="A property of the build."),
            click.option("-P", "profiles", multiple=True, metavar="ID", help="A profile of the pom.xml; !ID is off."),
            click.option("--plugins", is_flag=True, help="For a pom.xml: what its build loads and runs, too."),
            click.option(
                "--maven-version",
                metavar="VERSION",
                default=DEFAULT_MAVEN_VERSION,
                show_default=True,
                help="The Maven whose own plugins these are.",
            ),
        )
    ):
        command = option(command)
    return command


def make_context(
    base: Context, java_version: str | None, system: str | None, properties: Sequence[str], profiles: Sequence[str]
) -> Context:
    """Put the command line's context over the policy's.

    Raises: `click.UsageError` for what cannot be read.
    """
    context = base
    if system is not None:
        context = with_system(context, _meaning("--os", parse_operating_system, system))
    given = {}
    for text in properties:
        name, _, value = text.partition("=")
        # Maven takes a bare -Dname for true.
        given[_meaning("-D", parse_property_name, name)] = value if "=" in text else "true"
    return replace(
        context,
        java_version=_meaning("--java-version", parse_java_version, java_version or context.java_version),
        properties=MappingProxyType({**context.properties, **given}),
        profiles=tuple(one.strip() for text in profiles for one in text.split(",") if one.strip()),
    )


def _meaning(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except WordInvalid as error:
        raise click.UsageError(f"{option}: {error.problem}; {error.hint}") from error


@dataclass(frozen=True, slots=True)
class Asking:
    """How the inputs are meant; `scopes` are those of a project that count, `maven_version` names its plugins."""

    context: Context
    as_root: bool = False
    plugins: bool = False
    maven_version: str = DEFAULT_MAVEN_VERSION
    scopes: frozenset[str] = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Graph:
    """All inputs as one graph, with what a project's build loads besides, and the repositories that it names."""

    resolution: Resolution
    plugins: tuple[Resolved, ...] = ()
    repositories: tuple[str, ...] = ()


def graph_of(verifier: Verifier, inputs: Sequence[Input], asking: Asking, library: Library | None = None) -> Graph:
    """Resolve all inputs as one graph; what a list names is taken beside it, as it is.

    Raises: `click.UsageError` for several roots, `ConfigError` for a project that cannot be read.
    """
    if library is None:
        library = Library(verifier)
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
    projects = [_project(verifier, one, asking) for one in inputs if one.project is not None]
    return Graph(
        join([*parts, *(one.resolution for one in projects)]),
        tuple(dict.fromkeys(each for one in projects for each in one.plugins)),
        tuple(dict.fromkeys(each for one in projects for each in one.repositories)),
    )


def _project(verifier: Verifier, one: Input, asking: Asking) -> Graph:
    # What a project needs besides takes time to import, and most runs have none.
    from verifier.project import resolve_project  # noqa: PLC0415  (see above)

    found = resolve_project(
        verifier,
        one.project or Path(),
        asking.context,
        plugins=asking.plugins,
        maven_version=asking.maven_version,
        scopes=asking.scopes,
    )
    resolution = found.resolution
    cause = resolution.cause
    if cause is not None and not any(o.cause in (cause, cause.__cause__) for o in resolution.outcomes if o.cause):
        resolution = replace(resolution, outcomes=(*resolution.outcomes, Outcome(one.name, None, cause)))
    return Graph(replace(resolution, explored=resolution.resolved or ()), found.plugins, found.repositories)


def say_notes(graph: Graph) -> None:
    """Say on what the graph rests besides signatures, and what was left aside."""
    resolution = graph.resolution
    metadata = [name for name in resolution.read if name.endswith("/maven-metadata.xml")]
    if metadata:
        click.echo(f"note: versions were chosen by what nobody signs: {', '.join(metadata)}", err=True)
    if graph.repositories:
        named = ", ".join(map(printable, graph.repositories))
        click.echo(f"note: the project names repositories, which only policy may: {named}", err=True)
    if resolution.leaves:
        click.echo(f"note: POMs that are nowhere, as policy allows: {', '.join(resolution.leaves)}", err=True)


def whole(graph: Graph, outcomes: Sequence[Outcome]) -> bool:
    """Whether the graph could be had, and everything in it."""
    return graph.resolution.resolved is not None and exit_status(outcomes) == 0
