"""Real build tools, each with the configuration that `verifier setup` prints for it: `pytest -m clients`.

Each runs where nothing can be reached but the proxy, and where a host that is asked for is noted.  An
honest build passes cold, and again from the proxy's cache with the repository cut off; an attacked one
fails, keeps nothing of what was refused, and shows why as far as that tool shows anything.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from build_tools import TOOLS, Bazel, BuildTool, Coursier, Gradle, Ivy, Place, Shown, Tools, place_for
from conftest import need
from sealed import URL
from servers import Answer
from test_proxy_maven import attacks

from verifier.clients import Tool, configure
from verifier.coordinate import Coordinate, parse_coordinate
from verifier.layout import file_path

pytestmark = pytest.mark.clients

WIDGET = Coordinate("org.example", "widget", "1.0")
MOST_TELLING = {"signature-bad", "content-mismatch", "pom-invalid"}
"""The attacks that are tried on a tool of which one run takes long."""
MANY_CONNECTIONS = {"mvn-debian", "mvn-3.9.9", "mvn-4.0.0-rc-4", "coursier-2.1.24"}


def chosen() -> list[tuple[BuildTool, str, str]]:
    """Give each tool with one attack for every code, on a JAR and on a POM."""
    firsts = {(code, parse_coordinate(name).extension): name for code, name in reversed(attacks())}
    each = [(code, name) for (code, _), name in firsts.items()] + [("signature-missing", str(WIDGET))]
    return [(tool, code, name) for tool in TOOLS for code, name in each if tool.quick or code in MOST_TELLING]


@pytest.fixture(scope="session")
def tools(request: pytest.FixtureRequest) -> Tools:
    own = os.environ.get("VERIFIER_TEST_TOOLS")
    directory = Path(own) if own else request.config.cache.mkdir("tools")
    directory.mkdir(parents=True, exist_ok=True)
    return Tools(directory)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, tools: Tools) -> Iterator[Place]:
    with place_for(request.getfixturevalue("tool"), tmp_path, tools) as made:
        yield made


every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


@every_tool
def test_a_cold_build_passes_with_honest_bytes_and_asks_the_proxy_alone(tool: BuildTool, place: Place) -> None:
    run = tool.build(place, WIDGET)

    assert run.passed, run.console
    assert run.asked == frozenset()
    kept = tool.kept(place)
    assert (place.stage.root / file_path(WIDGET)).read_bytes() in kept.values()
    for path, content in kept.items():
        served = list((place.stage.root / "org/example").rglob(Path(path).name))
        assert not served or content == served[0].read_bytes()


@every_tool
def test_a_warm_build_passes_with_the_repository_cut_off(tool: BuildTool, place: Place) -> None:
    assert tool.build(place, WIDGET).passed
    place.stage.server.stop()
    place.proxied.now += 1000
    for directory in (place.directory / "home", place.directory / "boot", place.project):
        shutil.rmtree(directory, ignore_errors=True)
    assert tool.kept(place) == {}

    run = tool.build(place, WIDGET)

    assert run.passed, run.console
    assert (place.stage.root / file_path(WIDGET)).read_bytes() in tool.kept(place).values()


@pytest.mark.parametrize(("tool", "code", "name"), chosen(), ids=lambda each: getattr(each, "name", each))
def test_an_attacked_build_fails_keeps_nothing_and_shows_why(
    tool: BuildTool, code: str, name: str, place: Place
) -> None:
    attacked = parse_coordinate(name)
    served = place.stage.root / file_path(attacked)
    if code == "signature-missing":
        served.with_name(f"{served.name}.asc").unlink()
    else:
        place.stage.lay_over(code)

    run = tool.build(place, attacked)

    assert not run.passed, run.console
    assert run.asked == frozenset()
    assert served.read_bytes() not in tool.kept(place).values()
    assert "no dependency information available" not in run.console
    refused = [served for served in place.proxied.journal.latest if served.status == 409]
    assert {one.known.code for one in refused if one.known} == {code}
    assert f"{URL}{refused[0].path}" in run.console or f"{attacked.group}:{attacked.artifact}" in run.console
    if tool.shown is Shown.REASON:
        assert code in run.console
        assert any(one.known.name in run.console for one in refused if one.known)
        assert f"verifier explain {refused[0].known.record}" in run.console if refused[0].known else False
    else:
        explained = place.stage.run("explain", f"{URL}{refused[0].path}").out
        assert code in explained
        assert f"{attacked.group}:{attacked.artifact}" in explained


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if not isinstance(tool, Bazel)], ids=lambda tool: tool.name)
def test_a_refused_parent_fails_the_build(tool: BuildTool, place: Place) -> None:
    """A build that went on without it would lose the versions that it manages."""
    parent = place.stage.root / "org/example/parent/1/parent-1.pom"
    parent.write_bytes(parent.read_bytes().replace(b"</project>", b"<!-- --></project>"))
    parent.with_suffix(".pom.sha1").write_text(hashlib.sha1(parent.read_bytes(), usedforsecurity=False).hexdigest())
    parent.with_suffix(".pom.md5").unlink()

    run = tool.build(place, WIDGET)

    assert not run.passed, run.console
    assert run.asked == frozenset()
    assert parent.read_bytes() not in tool.kept(place).values()
    shown = (f"{URL}/all/org/example/parent/1/parent-1.pom", "org.example:parent:pom:1", f"descriptor for {WIDGET}")
    assert any(each in run.console for each in shown)


@pytest.mark.parametrize("extension", ["jar", "pom"])
@every_tool
def test_an_outage_fails_the_build_and_is_no_absence_afterwards(tool: BuildTool, place: Place, extension: str) -> None:
    path = f"/{file_path(Coordinate(WIDGET.group, WIDGET.artifact, WIDGET.version, extension))}"
    place.stage.serve(path, Answer(b"", 500))
    down = tool.build(place, WIDGET)
    del place.stage.server.files[path]
    place.proxied.now += 100

    up = tool.build(place, WIDGET)

    assert down.passed is (tool.name.startswith("bazel") and extension == "pom"), down.console
    assert up.passed, up.console
    assert down.asked | up.asked == frozenset()


@pytest.mark.parametrize("tool", [each for each in TOOLS if each.name in MANY_CONNECTIONS], ids=lambda tool: tool.name)
def test_a_build_passes_where_idle_connections_are_ended(
    tool: BuildTool, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.proxied.proxy._listening(), "most", 2)

    run = tool.build(place, Coordinate("org.example.crew", "rope", "3.0"))

    assert run.passed, run.console


@pytest.mark.parametrize("tool", [Coursier()], ids=lambda tool: tool.name)
def test_without_the_configuration_the_second_repository_is_asked(tool: Coursier, place: Place) -> None:
    """What is noted in there would show in every other test, if it were so."""
    place.project.mkdir()

    run = tool.fetch(place, "another", WIDGET)

    assert not run.passed
    assert "elsewhere.example" in run.asked


@pytest.mark.parametrize("tool", [Ivy()], ids=lambda tool: tool.name)
def test_ivy_would_pass_over_a_refused_pom_if_it_were_not_told_to_require_it(tool: Ivy, place: Place) -> None:
    place.stage.lay_over("pom-invalid")
    place.configured(Tool.IVY)
    settings = place.project / "ivysettings.xml"
    settings.write_text(settings.read_text().replace(' descriptor="required" root', " root"))

    assert tool.resolve(place, WIDGET).passed


# The checks that are printed with each configuration


@pytest.mark.parametrize("tool", [Gradle()], ids=lambda tool: tool.name)
def test_the_check_for_gradle_reads_every_download_and_finds_none_elsewhere(tool: Gradle, place: Place) -> None:
    assert tool.build(place, WIDGET).passed
    build, search, _ = configure(Tool.GRADLE, URL, []).check

    found = place.run(["sh", "-c", f"{build} && {search.partition(' | ')[0]}"])
    elsewhere = place.run(["sh", "-c", search])

    assert found.console.count(f" {URL}/all/org/example/") == 2, found.console
    assert elsewhere.console == ""
    assert found.asked == frozenset()


@pytest.mark.parametrize("tool", [Ivy()], ids=lambda tool: tool.name)
def test_the_check_for_ivy_reads_every_download_of_ant_and_finds_none_elsewhere(tool: Ivy, place: Place) -> None:
    tool.write_ant_project(place, WIDGET)
    build, search, _ = configure(Tool.IVY, URL, []).check
    need("ant")

    found = place.run(["sh", "-c", f"{build}\n{search.partition(' | ')[0]}"], ANT_ARGS=f"-lib {Ivy.LIBRARIES[0]}")
    elsewhere = place.run(["sh", "-c", search])

    assert f"downloading {URL}/all/org/example/widget/1.0/widget-1.0.jar" in found.console
    assert elsewhere.console == ""
    assert found.asked == frozenset()


@pytest.mark.parametrize("tool", [Coursier()], ids=lambda tool: tool.name)
def test_the_check_for_coursier_shows_one_directory_and_without_configuration_another(
    tool: Coursier, place: Place
) -> None:
    exports = place.configured(Tool.COURSIER)
    tool.write_command(place, "cs")
    fetch, _ = configure(Tool.COURSIER, URL, []).check
    check = fetch.replace("cs fetch org.slf4j:slf4j-api:2.0.16", f"./cs fetch {tool.named(WIDGET)}")

    through = place.run(["sh", "-c", "\n".join([*exports, check])])
    beside = place.run(["sh", "-c", check])

    assert through.console.splitlines()[-1].endswith("/http/127.0.0.1%3A8480")
    assert "/https/" not in through.console
    assert "/https/" in beside.console.splitlines()[-1]
