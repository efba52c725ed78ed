"""The walk over a graph: what it asks for, what it goes around, and what stops it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from published import GROUP, child_of, needs, publish
from servers import Answer
from stage import Stage, stage

from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.coordinate import Coordinate
from verifier.demand import parse_demand
from verifier.errors import CacheError
from verifier.fetch import Verifier
from verifier.formats.entry import Module
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome
from verifier.report.tree import tree
from verifier.resolve import Library, Resolution, join, resolve_dependencies, resolve_root, take_listed
from verifier.steps import Work

__all__ = ["stage"]


@contextmanager
def opened(stage: Stage, jobs: int = 4) -> Iterator[Verifier]:
    options = Options(stage.policy, stage.cache, offline=False, verbosity=0)
    with open_verifier(options, load_rules(options), jobs) as verifier:
        yield verifier


def resolve(stage: Stage, *names: str) -> Resolution:
    with opened(stage) as verifier:
        return resolve_dependencies(verifier, [parse_demand(f"{GROUP}:{name}") for name in names], Context())


def names(resolution: Resolution) -> list[str]:
    return [f"{each.coordinate.artifact}:{each.coordinate.version}" for each in resolution.explored]


def bad(resolution: Resolution) -> dict[str, str]:
    return {o.name.removeprefix(f"{GROUP}:"): o.cause.code for o in resolution.outcomes if o.cause is not None}


def import_of(name: str) -> str:
    artifact, version = name.split(":")
    return (
        f"<dependencyManagement><dependencies><dependency><groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version><type>pom</type><scope>import</scope></dependency></dependencies>"
        "</dependencyManagement>"
    )


@pytest.mark.parametrize("above", [child_of, import_of])
def test_goes_around_what_cannot_be_read_without_a_refused_pom(stage: Stage, above: Callable[[str], str]) -> None:
    publish(stage, "grandchild:1", above("child:1") + needs("leaf:1"), packaging="pom")
    publish(stage, "child:1", above("refused:1") + needs("leaf:1"), packaging="pom")
    publish(stage, "refused:1", "<packaging>", files=())
    publish(stage, "sibling:1", needs("refused:1", "leaf:1"))
    publish(stage, "leaf:1", needs("nowhere:1"))

    found = resolve(stage, "grandchild:1", "sibling:1")

    assert found.resolved is None
    assert found.cause is not None
    assert names(found) == ["grandchild:1", "sibling:1", "refused:1", "leaf:1", "nowhere:1"]
    assert bad(found) == {"refused:pom:1": found.cause.code, "nowhere:pom:1": "not-found"}


def test_all_imports_of_a_pom_that_may_not_be_used_are_named_at_once(stage: Stage) -> None:
    imported = "".join(import_of(f"{name}:1") for name in ("lost", "whole", "gone"))
    imported = imported.replace("</dependencies></dependencyManagement><dependencyManagement><dependencies>", "")
    publish(stage, "two:1", child_of("parent:1") + needs("leaf:${leaf}"))
    publish(stage, "parent:1", imported, packaging="pom", files=())
    publish(stage, "whole:1", child_of("missing:1"), packaging="pom", files=())

    found = resolve(stage, "two:1")

    assert names(found) == ["two:1"]
    assert bad(found) == dict.fromkeys(("lost:pom:1", "gone:pom:1", "missing:pom:1"), "not-found")


def test_trouble_with_the_network_ends_the_walk(stage: Stage) -> None:
    publish(stage, "two:1", needs("broken:1", "leaf:1"))
    publish(stage, "broken:1")
    stage.serve("/com/example/open/broken/1/broken-1.pom", Answer(b"", 500))

    found = resolve(stage, "two:1")

    assert (found.resolved, found.explored, bad(found)) == (None, (), {"broken:pom:1": "server-error"})


def test_a_version_that_loses_counts_too_if_its_pom_is_nowhere(stage: Stage) -> None:
    publish(stage, "two:1", needs("one:1", "leaf:2"))
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:2")

    with opened(stage) as verifier:
        found = resolve_root(verifier, parse_demand(f"{GROUP}:two:1"), Context())

    assert bad(found) == {"leaf:pom:1": "not-found"}
    assert sorted(found.read) == [f"{GROUP}:{name}" for name in ("leaf:pom:1", "leaf:pom:2", "one:pom:1", "two:pom:1")]


def test_a_library_serves_many_graphs_and_keeps_them_apart(stage: Stage) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")

    with opened(stage) as verifier:
        library = Library(verifier)
        first = resolve_dependencies(verifier, [parse_demand(f"{GROUP}:one:1")], Context(), library.fresh())
        second = resolve_dependencies(verifier, [parse_demand(f"{GROUP}:leaf:1")], Context(), library.fresh())

    assert (len(first.read), second.read) == (2, (f"{GROUP}:leaf:pom:1",))
    assert set(stage.server.counts.values()) == {1}


def test_a_pom_that_changes_between_verdict_and_reading_is_not_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(stage, "leaf:1")
    resolve(stage, "leaf:1")
    fetching = Verifier.fetching

    def fetching_and_changing(verifier: Verifier, coordinate: Coordinate, **_: object) -> Work[Outcome]:
        outcome = yield from fetching(verifier, coordinate)
        (path,) = (stage.cache / "repository").rglob("leaf-1.pom")
        path.chmod(0o644)
        path.write_text("<project/>")
        return outcome

    monkeypatch.setattr(Verifier, "fetching", fetching_and_changing)

    with pytest.raises(CacheError, match="no longer what was verified"):
        resolve(stage, "leaf:1")


def test_a_module_is_the_file_that_its_packaging_says(stage: Stage) -> None:
    for packaging in ("bundle", "pom", "aar", "zip"):
        publish(stage, f"{packaging}-kind:1", packaging=packaging, files=())
    listed = [Module(GROUP, f"{packaging}-kind", "1") for packaging in ("bundle", "pom", "aar", "zip")]

    with opened(stage) as verifier:
        found = take_listed(verifier, [*listed, Coordinate(GROUP, "bundle-kind", "1", "txt")])

    assert [each.coordinate.extension for each in found.resolved or ()] == ["jar", "pom", "aar", "zip", "txt"]


def test_one_graph_that_is_not_whole_spoils_all(stage: Stage) -> None:
    publish(stage, "leaf:1")

    whole, broken = resolve(stage, "leaf:1"), resolve(stage, "nowhere:1")

    assert join([whole, whole]).resolved == (*whole.explored, *whole.explored)
    assert len(join([whole, whole]).outcomes) == 1
    assert join([whole, broken]).resolved is None
    assert join([whole, broken]).cause is broken.cause


def test_draws_branches_and_marks(stage: Stage) -> None:
    def at(depth: int, name: str, version: str = "1", *, optional: bool = False) -> Resolved:
        coordinate = Coordinate("g", name, "1")
        return Resolved(coordinate, Coordinate("g", name, version), "compile", optional, depth, None)

    graph = [at(1, "a"), at(2, "b"), at(3, "c"), at(3, "d", optional=True), at(2, "e"), at(1, "f"), at(2, "g", "1-7")]

    assert list(tree(graph, "root")) == [
        "root",
        "+- g:a:jar:1:compile",
        "|  +- g:b:jar:1:compile",
        "|  |  +- g:c:jar:1:compile",
        "|  |  \\- g:d:jar:1:compile (optional)",
        "|  \\- g:e:jar:1:compile",
        "\\- g:f:jar:1:compile",
        "   \\- g:g:jar:1:compile -> 1-7",
    ]
    assert list(tree(graph))[:2] == ["g:a:jar:1:compile", "+- g:b:jar:1:compile"]
    assert list(tree([])) == []
