import time

import pytest
import resolver_cases
from memory_source import MemorySource
from resolving import resolve, write

from verifier.coordinate import Coordinate
from verifier.errors import CoordinateInvalid, PomInvalid
from verifier.maven import conflict, graph
from verifier.maven.graph import Demand
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolver


def memory(repository: str, **more: bool) -> MemorySource:
    return MemorySource(resolver_cases.files(repository), **more)


def test_tells_depth_parent_and_file_of_each() -> None:
    found = resolve(
        memory("a 1 > b 1 runtime\nb 1 > k RELEASE\nk metadata <release>2</release>\nk 2"), "dependency", "t:a:1"
    )

    assert [(each.depth, each.parent and each.parent.artifact) for each in found] == [(1, None), (2, "a"), (3, "b")]
    assert found[2].coordinate == Coordinate("t", "k", "RELEASE")
    assert found[2].file == Coordinate("t", "k", "2")


def test_a_snapshots_files_have_each_their_own_version() -> None:
    files = resolver_cases.files("a 1 > k 1-SNAPSHOT")
    files["t/k/1-SNAPSHOT/maven-metadata.xml"] = (
        b"<metadata><versioning><snapshotVersions>"
        b"<snapshotVersion><extension>pom</extension><value>1-20240101.010101-1</value></snapshotVersion>"
        b"<snapshotVersion><extension>jar</extension><value>1-20240102.010101-2</value></snapshotVersion>"
        b"</snapshotVersions></versioning></metadata>"
    )
    files["t/k/1-SNAPSHOT/k-1-20240101.010101-1.pom"] = resolver_cases.files("k 1-SNAPSHOT > kk 1\nkk 1")[
        "t/k/1-SNAPSHOT/k-1-SNAPSHOT.pom"
    ]
    files |= resolver_cases.files("kk 1")

    found = resolve(MemorySource(files, snapshots=True), "dependency", "t:a:1")

    assert write(found).split()[1:] == ["t:k:jar:1-SNAPSHOT:compile", "t:kk:jar:1:compile"]
    assert found[1].file.version == "1-20240102.010101-2"


def test_several_inputs_make_one_graph() -> None:
    resolver = Resolver(memory("a 1 > k 1\nb 1 > k 2\nk 1\nk 2"), Context())

    found = resolver.dependencies([Demand("t", "a", "1", scope="compile"), Demand("t", "b", "1", scope="compile")])

    assert [str(each.coordinate) for each in found] == ["t:a:jar:1", "t:k:jar:1", "t:b:jar:1"]


def test_a_plugins_own_dependencies_come_first_and_push_the_same_ones_aside() -> None:
    resolver = Resolver(memory("a 1 > k 1, j 1\nk 2\nj 1"), Context())

    found = resolver.root(Demand("t", "a", "1"), [Demand("t", "k", "2", scope="runtime")])

    assert write(found) == "t:k:jar:2:runtime t:j:jar:1:compile"


def test_a_root_may_be_a_range() -> None:
    assert write(resolve(memory("a 1\na 2 > k 1\nk 1\na lists 1 2"), "root", "t:a:[1,3)")) == "t:k:jar:1:compile"


def test_policy_may_let_a_dependencys_pom_be_missing() -> None:
    assert (
        write(resolve(memory("a 1 > b 1", leaves=True), "dependency", "t:a:1")) == "t:a:jar:1:compile t:b:jar:1:compile"
    )


def test_says_who_asks_for_what_cannot_be_a_coordinate() -> None:
    with pytest.raises(CoordinateInvalid, match=r"dependency of t:b:jar:1$") as raised:
        resolve(memory("a 1 > b 1\nb 1 > k ${v}"), "dependency", "t:a:1")

    assert "-D" in raised.value.hint


def test_tells_ahead_what_it_is_about_to_read() -> None:
    source = memory("a 1 > b 1, c 1, d 1 test, e [1], s 1 system path=/s\nb 1\nc 1\ne 1")

    resolve(source, "dependency", "t:a:1")

    assert [each.artifact for each in source.hinted] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("a 1 > b 1, k 2\nb 1 > k 1\nk 1\nk 2", "a:1 b:1 k:2"),
        ("a 1 > b 1, c 1\nb 1 > d 1\nd 1 > k 1\nc 1 > k 2\nd 1\nk 1\nk 2", "a:1 b:1 d:1 k:1 c:1"),
        ("a 1 > b 1 runtime\nb 1 > k 1\nk 1", "a:1 b:1/runtime k:1/runtime"),
        ("a 1 > k [1,2)\nk 1\nk lists 1", "a:1"),
        ("a 1 > k RELEASE\nk metadata <release>2</release>\nk 2", "a:1"),
        ("a 1 > k 1 system path=/s, l 1 type=pom\nl 1", "a:1"),
    ],
)
def test_tells_which_files_it_will_likely_name_each_once(repository: str, expected: str) -> None:
    source = memory(repository)

    resolve(source, "dependency", "t:a:1")

    told = [f"{file.artifact}:{file.version}/{scope}" for file, scope in source.files_hinted]
    assert " ".join(told).replace("/compile", "") == expected


def test_what_lies_below_a_test_is_for_tests() -> None:
    source = memory("a 1 > k 1 runtime\nk 1")

    Resolver(source, Context()).dependencies([Demand("t", "a", "1", scope="test")])

    assert [(file.artifact, scope) for file, scope in source.files_hinted] == [("a", "test"), ("k", "test")]


def test_nothing_is_asked_for_before_its_name_is_checked() -> None:
    source = memory("a 1 > ..:k 1")

    with pytest.raises(CoordinateInvalid):
        resolve(source, "dependency", "t:a:1")

    assert source.asked == ["t/a/1/a-1.pom"]


def test_the_number_of_nodes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MAX_NODES", 3)
    assert resolve(memory("a 1 > b 1\nb 1 > c 1\nc 1"), "dependency", "t:a:1")

    with pytest.raises(PomInvalid, match="too large"):
        resolve(memory("a 1 > b 1\nb 1 > c 1\nc 1 > d 1\nd 1"), "dependency", "t:a:1")


def test_depth_is_bounded() -> None:
    def chain(length: int) -> str:
        return "a 1 > n0 1\n" + "\n".join(f"n{i} 1 > n{i + 1} 1" for i in range(length)) + f"\nn{length} 1"

    assert len(resolve(memory(chain(graph.MAX_DEPTH - 2)), "dependency", "t:a:1")) == graph.MAX_DEPTH
    with pytest.raises(PomInvalid, match="too deep"):
        resolve(memory(chain(graph.MAX_DEPTH)), "dependency", "t:a:1")


def test_the_work_of_deciding_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict, "MAX_STEPS", 5)

    with pytest.raises(PomInvalid, match="entangled"):
        resolve(memory("a 1 > b 1, c 1, d 1, e 1\nb 1\nc 1\nd 1\ne 1"), "dependency", "t:a:1")


def test_relocations_that_management_sends_back_end() -> None:
    repository = "a 1 > b 1\na 1 manages x 2, y 1\nb 1 > x 2\nx 2 moved y 9\ny 1 moved x 3\ny 9\nx 3"

    with pytest.raises(PomInvalid, match="relocations"):
        resolve(memory(repository), "project", "t:a:1")


def test_a_ladder_of_doubling_paths_takes_no_doubling_time() -> None:
    rungs = "\n".join(f"n{i} 1 > n{i + 1} 1, m{i + 1} 1\nm{i} 1 > n{i + 1} 1, m{i + 1} 1" for i in range(60))
    started = time.perf_counter()

    found = resolve(memory(f"a 1 > n0 1, m0 1\n{rungs}\nn60 1\nm60 1"), "dependency", "t:a:1")

    assert len(found) == 123
    assert time.perf_counter() - started < 5
