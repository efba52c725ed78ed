"""What the exports list: each artifact once, with what it needs."""

from dataclasses import replace

import pytest

from verifier.coordinate import Coordinate, parse_coordinate
from verifier.errors import SignatureBad
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome
from verifier.report.inventory import Inventory, take_files, take_graph


def used(name: str, needs: str = "", scope: str = "compile", *, depth: int = 2, optional: bool = False) -> Resolved:
    below = tuple(map(of, needs.split()))
    return Resolved(of(name), of(name), scope, optional, depth, parent=None, needs=below)


def of(name: str) -> Coordinate:
    return parse_coordinate(f"g:{name}:1")


def verified(*names: str) -> list[Outcome]:
    return [Outcome(str(of(name)), of(name), None) for name in names]


def told(inventory: Inventory) -> dict[str, str]:
    return {item.coordinate.artifact: " ".join(one.artifact for one in item.needs or ()) for item in inventory.items}


def test_each_artifact_stands_once_with_what_it_needs_below_it() -> None:
    graph = [used("a", "b", depth=1), used("b", "c"), used("c"), used("d", "b c"), used("b", "c")]

    inventory = take_graph(of("project"), graph, [], verified("a", "b", "c", "d"))

    assert told(inventory) == {"a": "b", "b": "c", "c": "", "d": "b c"}
    assert inventory.needs == (of("a"), of("d"))
    assert inventory.project == of("project")


def test_poms_and_metadata_that_were_read_are_not_listed() -> None:
    outcomes = [*verified("a", "a:pom"), Outcome("g/maven-metadata.xml", None, None)]

    assert told(take_graph(None, [used("a")], [], outcomes)) == {"a": ""}


def test_the_strongest_scope_counts_and_optional_only_where_all_uses_are() -> None:
    graph = [used("a", scope="test", optional=True), used("a", scope="runtime"), used("b", optional=True)]

    first, second = take_graph(None, graph, [], verified("a", "b")).items

    assert (first.scope, first.optional) == ("runtime", False)
    assert (second.scope, second.optional) == ("compile", True)


def test_what_the_build_alone_loads_is_told_apart() -> None:
    inventory = take_graph(None, [used("a")], [used("plugin", "a", depth=0), used("a")], verified("a", "plugin"))

    assert {item.coordinate.artifact: item.scope for item in inventory.items} == {"a": "compile", "plugin": "build"}
    assert told(inventory) == {"a": "", "plugin": "a"}


def test_what_the_project_needs_itself_is_told_of_it_even_where_others_need_it_too() -> None:
    inventory = take_graph(of("project"), [used("a", "b", depth=1), used("b", depth=1)], [], verified("a", "b"))

    assert inventory.needs == (of("a"), of("b"))


def test_what_goes_round_in_a_circle_is_listed() -> None:
    inventory = take_graph(None, [used("a", "b", depth=1), used("b", "a b")], [], verified("a", "b"))

    assert told(inventory) == {"a": "b", "b": "a"}


def test_where_nobody_asked_what_a_file_needs_nothing_is_claimed() -> None:
    unknown = replace(used("a"), needs=None)

    assert [item.needs for item in take_graph(None, [unknown], [], verified("a")).items] == [None]
    assert [item.needs for item in take_files([of("a")], verified("a")).items] == [None]


def test_what_a_module_of_the_project_needs_is_needed_by_the_project() -> None:
    module = replace(used("module", "a", depth=1), system_path="/home/project/module")

    inventory = take_graph(of("project"), [module, used("a")], [], verified("a"))

    assert told(inventory) == {"a": ""}
    assert inventory.needs == (of("a"),)


def test_what_lies_on_the_machine_alone_is_left_out_and_named() -> None:
    tools = replace(used("tools", scope="system"), system_path="/opt/tools.jar")

    inventory = take_graph(None, [tools, used("a")], [], verified("a"))

    assert told(inventory) == {"a": ""}
    assert inventory.left_out == ("g:tools:jar:1",)


def test_a_file_lies_under_another_version_than_the_one_listed() -> None:
    latest = replace(used("a"), coordinate=replace(of("a"), version="LATEST"))
    above = replace(used("b"), needs=(latest.coordinate,))

    assert told(take_graph(None, [latest, above], [], verified("a", "b"))) == {"a": "", "b": "a"}


def test_files_that_were_named_are_listed_as_they_are() -> None:
    inventory = take_files([of("b"), of("a"), of("b")], verified("a", "b"))

    assert told(inventory) == {"a": "", "b": ""}
    assert {item.scope for item in inventory.items} == {None}


def test_nothing_unverified_is_ever_listed() -> None:
    refused = Outcome(str(of("b")), of("b"), SignatureBad("no"))

    with pytest.raises(ValueError, match="g:b:jar:1"):
        take_graph(None, [used("a")], [], [*verified("a"), refused])
    with pytest.raises(ValueError, match="g:b:jar:1"):
        take_files([of("a")], [*verified("a"), refused])
