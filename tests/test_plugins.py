from dataclasses import dataclass

import pytest
import resolver_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_source import MemorySource

from verifier.errors import NotFound, PomInvalid
from verifier.maven.lifecycle import maven_release
from verifier.maven.model import Model, Models
from verifier.maven.plugins import (
    PluginModels,
    PluginResolver,
    parse_extensions,
    plugins_of,
    unversioned,
)
from verifier.maven.pom import Dependency, Plugin, parse_pom
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolver
from verifier.maven.versions import Versions

OLD, NEW = maven_release("3.8"), maven_release("3.9")


def project(build: str = "", packaging: str = "jar") -> Model:
    text = (
        "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>a</artifactId>"
        f"<version>1</version><packaging>{packaging}</packaging><build>{build}</build></project>"
    )
    source = MemorySource({})
    return Models(source, Versions(source), Context()).project(parse_pom(text.encode(), "pom.xml"))


def plugin(name: str, more: str = "", group: str = "") -> str:
    group = f"<groupId>{group}</groupId>" if group else ""
    return f"<plugin>{group}<artifactId>{name}</artifactId>{more}</plugin>"


def run_in(phase: str) -> str:
    phase = f"<phase>{phase}</phase>" if phase else ""
    return f"<executions><execution>{phase}<goals><goal>go</goal></goals></execution></executions>"


AROUND = {"maven-clean-plugin": "2.5", "maven-install-plugin": "2.4"}


def versions(model: Model) -> dict[str, str | None]:
    return {each.artifact: each.version for each in plugins_of(model, OLD)}


def declared(model: Model) -> tuple[Plugin, ...]:
    """List the plugins besides those that every build runs."""
    return tuple(each for each in plugins_of(model, OLD) if each.artifact not in AROUND)


@dataclass
class Made:
    """A resolver with what it reads from."""

    source: MemorySource
    resolver: Resolver


def resolver(repository: str) -> Made:
    files = {}
    for path, document in resolver_cases.files(repository).items():
        group, _, rest = path.partition("/")
        files[f"{group.replace('.', '/')}/{rest}"] = document
    source = MemorySource(files)
    made = Resolver(source, Context())
    made.models = PluginModels(source, made.versions, Context())
    return Made(source, made)


def resolved(
    repository: str, name: str = "a", release: str = "3.9", dependencies: tuple[Dependency, ...] = ()
) -> list[str]:
    asked = Plugin("t", name, "1", dependencies=dependencies)
    made = resolver(repository)
    found = PluginResolver(made.resolver, maven_release(release), made.source).resolve(asked)
    return [f"{each.coordinate.artifact}:{each.coordinate.version}" for each in found]


def test_a_jar_is_built_by_the_plugins_that_its_packaging_binds() -> None:
    assert versions(project()) == {
        **AROUND,
        "maven-resources-plugin": "2.6",
        "maven-compiler-plugin": "3.1",
        "maven-surefire-plugin": "2.12.4",
        "maven-jar-plugin": "2.4",
    }
    assert versions(project(packaging="pom")) == AROUND


def test_a_version_that_the_project_writes_or_manages_comes_before_mavens() -> None:
    build = (
        "<pluginManagement><plugins>"
        + plugin("maven-jar-plugin", "<version>3</version>")
        + plugin("maven-compiler-plugin", "<version>3</version>")
        + "</plugins></pluginManagement><plugins>"
        + plugin("maven-compiler-plugin", "<version>4</version>")
        + "</plugins>"
    )

    found = versions(project(build))

    assert (found["maven-jar-plugin"], found["maven-compiler-plugin"]) == ("3", "4")


@pytest.mark.parametrize(
    ("more", "is_run"),
    [
        (run_in("validate"), True),
        (run_in(""), True),
        (run_in("post-clean"), True),
        (run_in("install"), True),
        (run_in("deploy"), False),
        (run_in("none"), False),
        ("", False),
        ("<extensions>true</extensions>", True),
    ],
)
def test_a_declared_plugin_counts_if_it_has_something_to_run(more: str, is_run: bool) -> None:  # noqa: FBT001  (a table)
    build = f"<plugins>{plugin('x', more + '<version>1</version>', 't')}</plugins>"

    assert ("x" in versions(project(build, "pom"))) is is_run


def test_managed_dependencies_and_executions_of_a_plugin_are_merged_in() -> None:
    managed = "<version>1</version><dependencies><dependency><groupId>t</groupId><artifactId>d</artifactId>"
    managed += f"<version>1</version></dependency></dependencies>{run_in('test')}"
    build = (
        f"<pluginManagement><plugins>{plugin('x', managed, 't')}</plugins></pluginManagement>"
        f"<plugins>{plugin('x', '', 't')}</plugins>"
    )

    (found,) = declared(project(build, "pom"))

    assert [each.artifact for each in found.dependencies] == ["d"]


def test_build_extensions_are_loaded_like_plugins() -> None:
    extension = "<groupId>t</groupId><artifactId>x</artifactId><version>1</version>"
    build = f"<extensions><extension>{extension}</extension></extensions>"

    assert [(each.artifact, each.version) for each in declared(project(build, "pom"))] == [("x", "1")]


def test_the_version_of_a_plugin_that_is_not_run_is_asked_for_all_the_same() -> None:
    build = "<plugins>" + plugin("x", "", "t") + plugin("y", "<version>1</version>", "t")
    build += plugin("z", run_in("test"), "t") + plugin("maven-site-plugin") + "</plugins>"

    assert [each.artifact for each in unversioned(project(build), OLD)] == ["x"]


def looked_at(repository: str) -> list[str]:
    made = resolver(repository)
    found = PluginResolver(made.resolver, OLD, made.source).look_at(Plugin("t", "k"))
    return [each.coordinate.version for each in found]


def test_a_version_that_nobody_writes_is_the_release_else_the_latest() -> None:
    assert looked_at("k metadata <release>2</release><latest>3</latest>\nk 2") == ["2"]
    assert looked_at("k metadata <latest>3</latest>\nk 3") == ["3"]
    with pytest.raises(NotFound):
        looked_at("k 1")


def test_a_version_that_needs_a_newer_maven_gives_way_to_the_highest_that_does_not() -> None:
    needs = "k {0} has <prerequisites><maven>{1}</maven></prerequisites>\n"
    four = needs.format(4, "${m}") + "k 4 sets m=4.0.0-rc-2\n" + needs.format(3, "[3.9,)")

    assert looked_at("k lists 1 2 3 4\n" + four + needs.format(2, "3.8.7") + "k 1") == ["2"]
    with pytest.raises(NotFound, match="runs under Maven"):
        looked_at("k lists 4\n" + four)


def test_a_packaging_that_a_plugin_brings_has_versions_from_the_repositories() -> None:
    found = versions(project(packaging="bundle"))

    assert found == {
        "maven-clean-plugin": "2.5",
        "maven-resources-plugin": None,
        "maven-compiler-plugin": None,
        "maven-surefire-plugin": None,
        "maven-install-plugin": None,
    }
    assert [each.artifact for each in unversioned(project(packaging="bundle"), OLD)] == ["maven-deploy-plugin"]


def test_a_plugin_comes_first_and_then_its_graph() -> None:
    assert resolved("a 1 > b 1, c 1 provided, d 1 test\nb 1") == ["a:1", "b:1"]


def test_a_scope_that_the_plugins_own_management_sets_leaves_it_out() -> None:
    assert resolved("a 1 > b 1\na 1 manages c 1 provided\nb 1 > c 1\nc 1") == ["a:1", "b:1"]


def test_dependencies_that_the_project_gives_a_plugin_are_runtime_whatever_they_say() -> None:
    given = parse_pom(
        b"<project><dependencies><dependency><groupId>t</groupId><artifactId>k</artifactId><version>2</version>"
        b"<scope>test</scope></dependency></dependencies></project>",
        "pom.xml",
    ).section.dependencies

    assert resolved("a 1 > k 1\nk 2", dependencies=given) == ["a:1", "k:2"]


def test_a_plugin_that_moved_is_loaded_under_its_new_name() -> None:
    assert resolved("a 1 moved b -\nb 1 > c 1\nc 1") == ["b:1", "c:1"]


def test_refuses_plugins_that_move_in_a_circle() -> None:
    with pytest.raises(PomInvalid, match="relocations"):
        resolved("a 1 moved b -\nb 1 moved a -")


def test_old_maven_adds_an_old_plexus_utils_where_a_plugin_brings_none() -> None:
    with_its_own = "a 1 > org.codehaus.plexus:plexus-utils 3\norg.codehaus.plexus:plexus-utils 3"

    assert resolved("a 1", release="3.8") == ["a:1", "plexus-utils:1.1"]
    assert resolved("a 1", release="3.9") == ["a:1"]
    assert resolved(with_its_own, release="3.8") == ["a:1", "plexus-utils:3"]


def test_transports_below_mavens_old_core_are_not_even_asked_for() -> None:
    wagon = "org.apache.maven.wagon:wagon-file"

    assert resolved(
        f"a 1 > org.apache.maven:maven-core 2.0.6\norg.apache.maven:maven-core 2.0.6 > {wagon} 1, b 1\nb 1 > {wagon} 1"
    ) == ["a:1", "maven-core:2.0.6", "b:1"]
    assert resolved(
        f"a 1 > org.apache.maven:maven-core 3.0\norg.apache.maven:maven-core 3.0 > {wagon} 1\n{wagon} 1"
    ) == ["a:1", "maven-core:3.0", "wagon-file:1"]


def test_reads_the_extensions_of_the_core() -> None:
    text = b"<extensions><extension><groupId>t</groupId><artifactId>x</artifactId><version>1</version></extension>"

    assert parse_extensions(text + b"<other/></extensions>", "x") == (Plugin("t", "x", "1", extensions=True),)
    assert parse_extensions(b"<extensions/>", "x") == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<!DOCTYPE x><extensions/>",
        b"<project/>",
        b"<extensions><extension><groupId>t</groupId><artifactId>x</artifactId></extension></extensions>",
    ],
)
def test_refuses_extensions_that_cannot_be_read(text: bytes) -> None:
    with pytest.raises(PomInvalid):
        parse_extensions(text, "x")


@given(st.binary(max_size=200) | st.text(alphabet="<>/extnsiogroupIdavr1&; ", max_size=120).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_as_extensions_or_refused(document: bytes) -> None:
    try:
        parse_extensions(document, "x")
    except PomInvalid:
        return
