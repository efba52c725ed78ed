"""What several commands are told alike: the options, and the values that they arrive in.

A command that adds these options takes them together, as `**chosen: Unpack[Chosen]`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict, TypeVar

import click

from verifier.cli.main import Command, together
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION
from verifier.maven.maven_config import parse_profiles
from verifier.maven.profile import DEFAULT_JAVA_VERSION, Context
from verifier.policy_file import with_system
from verifier.policy_words import WordInvalid, parse_java_version, parse_operating_system, parse_property_name

DEFAULT_JOBS = 32
MAX_JOBS = 64
SCOPES = ("compile", "runtime", "provided", "test", "system")
LOCK_NAME = "verifier.lock"
LOCK_HELP = f"The lock file; else {LOCK_NAME} in the working directory."

T = TypeVar("T")


class Chosen(TypedDict):
    """What `fetch`, `resolve`, `lock` and `export` take, and for which build."""

    coordinates: tuple[str, ...]
    files: tuple[str, ...]
    scopes: tuple[str, ...]
    java_version: str | None
    system: str | None
    properties: tuple[str, ...]
    profiles: tuple[str, ...]
    plugins: bool
    maven_version: str
    jobs: int
    repositories: tuple[str, ...]


class ToFetch(Chosen):
    """What `fetch` and `export` are told besides."""

    transitive: bool
    locked: bool
    lock_file: Path | None


class ToLock(Chosen):
    """What `lock` is told besides of what it covers."""

    sources: bool
    javadoc: bool
    all_platforms: bool


input_options = together(
    click.argument("coordinates", nargs=-1, metavar="[COORDINATE]..."),
    click.option("-f", "--file", "files", multiple=True, metavar="FILE",
                 help="A pom.xml, a verifier.lock, a gradle.lockfile, a maven_install.json, a Gradle "
                      "verification-metadata.xml, a CycloneDX BOM, or plain lines of coordinates, recognised by "
                      "content; - reads standard input."),
)  # fmt: skip

fetch_options = together(
    click.option("--transitive/--no-transitive", default=True, show_default=True,
                 help="Dependencies too, or the named files alone."),
    click.option("--locked", is_flag=True, help="Only what the lock file has; without an input all of it."),
    click.option("--lock", "lock_file", type=click.Path(path_type=Path), metavar="FILE", help=LOCK_HELP),
)  # fmt: skip

beside_options = together(
    click.option("--sources", is_flag=True, help="The sources of each JAR too, where there are some."),
    click.option("--javadoc", is_flag=True, help="The documentation of each JAR too, where there is some."),
)


def build_options(
    scope_help: str = "These scopes; else compile and runtime, for a pom.xml provided and test too.",
) -> Callable[[Command], Command]:
    """Add the options that say which scopes count, and for which machine and project a graph is computed."""
    return together(
        click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help=scope_help),
        click.option("--java-version", metavar="VERSION",
                     help=f"The JDK of the build; else the policy's, else {DEFAULT_JAVA_VERSION}."),
        click.option("--os", "system", metavar="NAME/ARCH",
                     help="The system of the build; else the policy's, else linux/amd64."),
        click.option("-D", "properties", multiple=True, metavar="NAME=VALUE", help="A property of the build."),
        click.option("-P", "profiles", multiple=True, metavar="ID", help="A profile of the pom.xml; !ID is off."),
        click.option("--plugins", is_flag=True, help="For a pom.xml: what 'mvn clean install' loads and runs, too."),
        click.option("--maven-version", metavar="VERSION", default=DEFAULT_MAVEN_VERSION, show_default=True,
                     help="The Maven that builds: its own plugins, its way to read .mvn/maven.config."),
    )  # fmt: skip


run_options = together(
    click.option("--jobs", type=click.IntRange(1, MAX_JOBS), default=DEFAULT_JOBS, show_default=True, metavar="N",
                 help="Files at a time."),
    click.option("--repository", "repositories", multiple=True, metavar="URL",
                 help="One more repository for this run, asked last."),
)  # fmt: skip


def make_context(base: Context, chosen: Chosen) -> Context:
    """Put the command line's context over the policy's, or that of a lock file.

    Raises: `click.UsageError` for what cannot be read.
    """
    context = base
    if chosen["system"] is not None:
        context = with_system(context, _meaning("--os", parse_operating_system, chosen["system"]))
    java_version = chosen["java_version"] or context.java_version
    return replace(
        context,
        java_version=_meaning("--java-version", parse_java_version, java_version),
        properties=MappingProxyType({**context.properties, **_properties(chosen["properties"])}),
        profiles=tuple(one for text in chosen["profiles"] for one in parse_profiles(text)) or context.profiles,
    )


def _properties(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        # Maven takes a bare -Dname for true.
        found[_meaning("-D", parse_property_name, name)] = value if "=" in text else "true"
    return found


def _meaning(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except WordInvalid as error:
        raise click.UsageError(f"{option}: {error.problem}; {error.hint}") from error
