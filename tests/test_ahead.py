"""What is fetched ahead: early enough, no more than may be, and without a trace in what is decided and reported."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import pytest
from published import GROUP, child_of, list_versions, needs, publish, put
from servers import Answer, Seen
from stage import Stage, stage
from test_resolve import names, opened, resolve

from verifier import ahead
from verifier.ahead import Ahead
from verifier.coordinate import Coordinate
from verifier.demand import parse_demand
from verifier.fetch import Verifier
from verifier.lockfile import parse_lock
from verifier.maven.profile import Context
from verifier.outcome import Outcome
from verifier.resolve import resolve_dependencies
from verifier.steps import Work

__all__ = ["stage"]


def path_of(name: str, extension: str = "pom") -> str:
    artifact, version = name.split(":")
    return f"com/example/open/{artifact}/{version}/{artifact}-{version}.{extension}"


def hold_until(stage: Stage, held: str, asked: str) -> None:
    """Answer for one path only after another was asked for: whoever asks in turn waits in vain."""
    event = threading.Event()
    bodies = {path: (stage.root / path).read_bytes() for path in (held, asked)}

    def tell(_: Seen) -> Answer:
        event.set()
        return Answer(bodies[asked])

    stage.serve(f"/{asked}", tell)
    stage.serve(f"/{held}", Answer(bodies[held], gate=event))


def asked(stage: Stage, extension: str) -> set[str]:
    return {path.rpartition("/")[2] for path in stage.server.counts if path.endswith(f".{extension}")}


def manages(name: str) -> str:
    return f"<dependencyManagement>{needs(name)}</dependencyManagement>"


UNVERSIONED = (
    f"<dependencies><dependency><groupId>{GROUP}</groupId><artifactId>leaf</artifactId></dependency></dependencies>"
)


def test_a_pom_that_has_arrived_leads_on_before_it_is_judged(stage: Stage) -> None:
    publish(stage, "one:1", needs("two:1"))
    publish(stage, "two:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    hold_until(stage, path_of("one:1", "pom.sha1"), path_of("leaf:1"))

    assert names(resolve(stage, "one:1")) == ["one:1", "two:1", "leaf:1"]


def test_the_scout_finds_what_no_pom_says_alone(stage: Stage) -> None:
    publish(stage, "parent:1", manages("leaf:2"), packaging="pom", files=())
    publish(stage, "one:1", child_of("parent:1") + UNVERSIONED)
    publish(stage, "leaf:2")
    hold_until(stage, path_of("one:1", "pom.sha1"), path_of("leaf:2"))

    assert names(resolve(stage, "one:1")) == ["one:1", "leaf:2"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (needs("nowhere:1"), "not-found"),
        (needs("nowhere:[1,2)"), "not-found"),
        ("<packaging>", "pom-invalid"),
        (child_of("one:1"), "pom-invalid"),
        (needs("one:${open}"), "coordinate-invalid"),
    ],
)
def test_where_the_scout_is_lost_the_rules_still_say_why(stage: Stage, body: str, code: str) -> None:
    publish(stage, "one:1", body)

    found = resolve(stage, "one:1")

    assert found.resolved is None
    assert found.cause is not None
    assert found.cause.code == code


def test_a_range_ends_the_scout_and_not_the_walk(stage: Stage) -> None:
    publish(stage, "one:1", needs("ranged:[1,2)", "leaf:1"))
    publish(stage, "ranged:1.5")
    publish(stage, "leaf:1")
    list_versions(stage, "ranged", "1.5", "2.5")

    assert names(resolve(stage, "one:1")) == ["one:1", "ranged:1.5", "leaf:1"]


def test_a_file_is_asked_for_while_the_graph_is_walked(stage: Stage) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    hold_until(stage, path_of("leaf:1", "pom.sha1"), path_of("one:1", "jar"))

    result = stage.run("fetch", f"{GROUP}:one:1", "--format", "json")

    assert result.status == 0, result.err
    assert len(result.report["artifacts"]) == 4
    assert {artifact["from_cache"] for artifact in result.report["artifacts"]} == {False}
    assert set(stage.server.counts.values()) == {1}


def test_what_was_fetched_ahead_in_vain_is_verified_and_not_reported(stage: Stage) -> None:
    publish(stage, "far:1", needs("farther:1"))
    publish(stage, "farther:1", needs("leaf:1"))
    publish(stage, "near:1", needs("leaf:2"))
    publish(stage, "leaf:1")
    publish(stage, "leaf:2")
    put(stage, path_of("leaf:1", "jar"), b"no archive")
    hold_until(stage, path_of("near:1", "pom.sha1"), path_of("leaf:1", "jar"))

    result = stage.run("fetch", f"{GROUP}:far:1", f"{GROUP}:near:1", "--format", "json")

    assert result.status == 0, result.err
    assert {"leaf-1.jar", "leaf-2.jar"} <= asked(stage, "jar")
    reported = {artifact["coordinate"] for artifact in result.report["artifacts"]}
    assert f"{GROUP}:leaf:jar:2" in reported
    assert f"{GROUP}:leaf:jar:1" not in reported
    assert not any("leaf-1.jar" in path for path in stage.cached())


def test_the_nearer_version_is_the_likely_one(stage: Stage) -> None:
    publish(stage, "one:1", needs("two:1", "leaf:2"))
    publish(stage, "two:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    publish(stage, "leaf:2")

    assert stage.run("fetch", f"{GROUP}:one:1").status == 0

    assert asked(stage, "jar") == {"one-1.jar", "two-1.jar", "leaf-2.jar"}


@pytest.mark.parametrize("command", [("resolve",), ("fetch", "--scope", "runtime")])
def test_no_file_is_fetched_ahead_that_nobody_wants(stage: Stage, command: tuple[str, ...]) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")

    assert stage.run(*command, f"{GROUP}:one:1").status == 0

    assert asked(stage, "pom") == {"one-1.pom", "leaf-1.pom"}
    assert asked(stage, "jar") == set()


@pytest.mark.parametrize(("scope", "jars"), [("compile", {"one-1.jar"}), ("test", {"tested-1.jar", "below-1.jar"})])
def test_what_lies_below_has_the_narrowest_scope_above_it(stage: Stage, scope: str, jars: set[str]) -> None:
    publish(stage, "one:1")
    publish(stage, "tested:1", needs("below:1"))
    publish(stage, "below:1")
    project = stage.directory / "pom.xml"
    project.write_text(
        f"<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>app</artifactId>"
        f"<version>1</version>{needs('one:1', 'tested:1@test')}</project>"
    )

    assert stage.run("fetch", "--scope", scope, "-f", str(project)).status == 0

    assert asked(stage, "jar") == jars


def test_a_pom_that_is_refused_brings_no_files(stage: Stage) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    (stage.root / path_of("one:1", "pom.sha1")).write_text("0" * 40)

    result = stage.run("fetch", "--format", "json", f"{GROUP}:one:1")

    assert result.status == 1
    assert result.artifact(f"{GROUP}:one:pom:1")["code"] == "checksum-mismatch"
    assert asked(stage, "jar") == {"one-1.jar"}


def nothing() -> Work[None]:
    yield ()


def test_a_pom_that_nobody_judged_asks_for_so_many_at_most(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(stage, "one:1", needs(*(f"leaf{number}:1" for number in range(50))))
    publish(stage, "leaf0:1")
    (stage.root / path_of("one:1", "pom.sha1")).write_text("0" * 40)
    hold_until(stage, path_of("one:1", "pom.sha1"), path_of("leaf0:1"))
    monkeypatch.setattr(ahead, "MAX_UNJUDGED_AHEAD", 10)

    with opened(stage) as verifier:
        found = resolve_dependencies(verifier, [parse_demand(f"{GROUP}:one:1")], Context())
        verifier.begin(nothing()).result()  # what was asked for before has begun by now

    assert found.cause is not None
    assert 1 < len(asked(stage, "pom")) <= 10


def test_other_bytes_than_those_that_were_judged_are_not_used(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    publish(stage, "other:1")
    false = stage.directory / "false.pom"
    false.write_text((stage.root / path_of("one:1")).read_text().replace("leaf", "other"))
    fetching = Verifier.fetching

    def fetching_beside(verifier: Verifier, coordinate: Coordinate, *, look: Callable[[Path], object]) -> Work[Outcome]:
        if coordinate.artifact == "one":
            look(false)
        return (yield from fetching(verifier, coordinate))

    monkeypatch.setattr(Verifier, "fetching", fetching_beside)

    assert names(resolve(stage, "one:1")) == ["one:1", "leaf:1"]


def test_what_was_given_up_is_fetched_when_it_is_asked_for(stage: Stage) -> None:
    publish(stage, "leaf:1")
    file = Coordinate(GROUP, "leaf", "1", "jar")
    begin = threading.Event()

    def block() -> Work[bool]:
        yield ()
        return begin.wait(10)

    with opened(stage, jobs=1) as verifier:
        blocked = verifier.begin(block())
        verifier.fetch_ahead(file)
        verifier.abandon()
        begin.set()

        outcome = verifier.fetch(file)

        assert blocked.result()
    assert outcome.cause is None
    assert set(stage.server.counts.values()) == {1}


def test_a_guess_that_a_lock_file_rules_out_leaves_no_refusal_in_the_record(stage: Stage) -> None:
    without = f"<exclusions><exclusion><groupId>{GROUP}</groupId><artifactId>leaf</artifactId></exclusion></exclusions>"
    publish(stage, "one:1", needs("two:1").replace("</dependency>", f"{without}</dependency>"))
    publish(stage, "two:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    lines = [
        f"{GROUP}:{name}:pom:1 sha256:{hashlib.sha256((stage.root / path_of(f'{name}:1')).read_bytes()).hexdigest()}"
        for name in ("one", "two")
    ]
    lock = parse_lock("".join(f"{line} unsigned\n" for line in lines), "verifier.lock")

    with opened(stage) as verifier:
        verifier.rules = replace(verifier.rules, lock=lock, locked=True)
        found = resolve_dependencies(verifier, [parse_demand(f"{GROUP}:one:1")], Context())
        told = verifier.record.latest_refusals(9)

    assert names(found) == ["one:1", "two:1"]
    assert found.cause is None
    assert told == ()


def test_a_walk_goes_on_where_no_thread_can_be_had_for_a_scout(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    start = threading.Thread.start

    def start_none_for_scouts(thread: threading.Thread) -> None:
        if thread.name == "scout":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_none_for_scouts)

    assert names(resolve(stage, "one:1")) == ["one:1", "leaf:1"]


@pytest.mark.parametrize("jobs", [1, 2, 16])
def test_any_number_of_threads_comes_to_the_end(stage: Stage, jobs: int) -> None:
    publish(stage, "one:1", needs("two:1", "leaf:1"))
    publish(stage, "two:1", child_of("parent:1") + UNVERSIONED)
    publish(stage, "parent:1", manages("leaf:2"), packaging="pom", files=())
    publish(stage, "leaf:1")
    publish(stage, "leaf:2")

    result = stage.run("fetch", "--jobs", str(jobs), f"{GROUP}:one:1")

    assert result.status == 0, result.err


def test_a_scout_that_is_still_out_keeps_nobody(stage: Stage) -> None:
    publish(stage, "one:1", needs("leaf:1"))
    publish(stage, "leaf:1")
    never = threading.Event()
    stage.serve(f"/{path_of('leaf:1')}", Answer(b"", gate=never))

    with opened(stage) as verifier:
        verifier.submit(lambda: resolve_dependencies(verifier, [parse_demand(f"{GROUP}:one:1")], Context()))

    assert [thread.name for thread in _living("scout")] == []


def test_what_is_under_way_at_the_end_leaves_no_refusal_in_the_record(stage: Stage) -> None:
    never = threading.Event()
    names = ["one", "two"]
    for name in names:
        stage.serve(f"/{path_of(f'{name}:1')}", Answer(b"", gate=never))

    with opened(stage) as verifier:
        poms = Ahead(verifier)
        poms.hint([Coordinate(GROUP, name, "1", "pom") for name in names])
        while len(asked(stage, "pom")) < len(names):
            threading.Event().wait(0.01)
    with opened(stage) as verifier:
        assert verifier.record.judgements(9) == ()
    assert stage.quarantined() == []


def test_a_guess_that_nobody_asked_for_is_given_up_at_the_end_of_the_walk(stage: Stage) -> None:
    gate = threading.Event()
    stage.serve(f"/{path_of('leaf:1')}", Answer(b"", gate=gate))
    publish(stage, "one:1")

    with opened(stage) as verifier:
        poms = Ahead(verifier)
        poms.hint([Coordinate(GROUP, "leaf", "1", "pom")])
        outcome, _ = poms.pom(Coordinate(GROUP, "one", "1", "pom"))
        while not stage.server.counts[f"/{path_of('leaf:1')}"]:
            threading.Event().wait(0.01)
        guess = poms._coming[Coordinate(GROUP, "leaf", "1", "pom")].outcome
        poms.abandon()
        with pytest.raises(CancelledError):
            guess.result(5)
        gate.set()

    assert outcome.cause is None


def test_a_guess_after_the_end_is_no_error(stage: Stage) -> None:
    with opened(stage) as verifier:
        poms = Ahead(verifier)

    poms.hint([Coordinate(GROUP, "leaf", "1", "pom")])

    assert stage.server.counts == {}


def _living(name: str) -> Iterable[threading.Thread]:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(5)
            if thread.is_alive():
                yield thread
