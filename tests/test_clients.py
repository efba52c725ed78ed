"""The configurations that send a build tool through the proxy: shown, written, and each without a second repository."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from stage import Stage, stage

from verifier.clients import Kind, ProjectFile, Tool, Upstream, UrlInvalid, configure

__all__ = ["stage"]

URL = "https://proxy.example:8443"
UPSTREAMS = [Upstream("company", "https://repo.example/releases"), Upstream("other", "https://other.example")]


def files(tool: Tool, url: str = URL) -> dict[str, str]:
    return {file.path: file.content for file in configure(tool, url, UPSTREAMS).files}


@pytest.mark.parametrize("tool", list(Tool))
@pytest.mark.parametrize("url", [URL, f"{URL}/", "http://127.0.0.1:8480", "http://[::1]:8480", f"{URL}/maven"])
def test_every_tool_is_sent_to_the_proxy_and_nowhere_else(tool: Tool, url: str) -> None:
    configuration = configure(tool, url, UPSTREAMS)

    text = "\n".join(file.content for file in configuration.files)
    found = set(re.findall(r"https?://[^\s'\"<,;]+", text)) - {"http://maven.apache.org/SETTINGS/1.0.0"}
    assert found
    assert all(one.startswith(url.rstrip("/") + "/") for one in found)
    assert configuration.check
    assert configuration.notes
    assert text.isascii()


@pytest.mark.parametrize(
    "url",
    ["", "proxy.example", "ftp://proxy.example", "https://", "https://a b", "https://x/'", "https://x/?q", "https://u:p@x",
     "https://x/</url>", "https://x/\n", "javascript:alert(1)"],
)  # fmt: skip
def test_an_address_that_could_break_out_of_a_file_is_refused(url: str) -> None:
    for tool in Tool:
        with pytest.raises(UrlInvalid):
            configure(tool, url, UPSTREAMS)


def test_maven_has_one_mirror_for_everything() -> None:
    root = ET.fromstring(files(Tool.MAVEN)[".mvn/verifier-settings.xml"])  # noqa: S314  (our own text)
    space = {"m": "http://maven.apache.org/SETTINGS/1.0.0"}

    assert [one.text for one in root.findall(".//m:mirrorOf", space)] == ["*"]
    assert [one.text for one in root.findall(".//m:url", space)] == [f"{URL}/all/"]


def test_sbt_may_use_plain_http_only_where_the_proxy_does() -> None:
    assert "allowInsecureProtocol" not in files(Tool.SBT)["project/verifier.repositories"]
    assert "allowInsecureProtocol" in files(Tool.SBT, "http://127.0.0.1:8480")["project/verifier.repositories"]


def test_bazel_is_turned_away_from_each_repository_of_the_policy() -> None:
    rules = files(Tool.BAZEL)["tools/verifier.downloader"].splitlines()

    assert rf"rewrite repo\.example/releases/(.*) {URL}/company/$1" in rules
    assert rf"rewrite other\.example/(.*) {URL}/other/$1" in rules
    assert {"block repo.example", "block other.example"} <= set(rules)


def test_bazel_is_told_for_every_command() -> None:
    assert files(Tool.BAZEL)[".bazelrc"] == "common --experimental_downloader_config=tools/verifier.downloader\n"


def test_ivy_has_one_resolver_and_takes_no_refused_pom_for_an_absent_one() -> None:
    (resolvers,) = ET.fromstring(files(Tool.IVY)["ivysettings.xml"]).findall("resolvers")  # noqa: S314  (our own text)

    assert [one.attrib for one in resolvers] == [
        {"name": "verifier", "m2compatible": "true", "descriptor": "required", "root": f"{URL}/all/"}
    ]


@pytest.mark.parametrize("tool", [Tool.SBT, Tool.COURSIER])
def test_who_sees_a_bare_status_is_told_where_the_reason_is(tool: Tool) -> None:
    assert any("verifier explain URL" in note and f"{URL}/-/" in note for note in configure(tool, URL, []).notes)


def test_lines_are_added_once_and_leave_the_rest() -> None:
    file = ProjectFile("x", "one\ntwo\n", Kind.LINES)

    assert file.onto("") == "one\ntwo\n"
    assert file.onto("zero") == "zero\none\ntwo\n"
    assert file.onto("two\nzero\n") == "two\nzero\none\n"
    assert file.onto(file.onto("zero\n")) == file.onto("zero\n")


@pytest.mark.parametrize("tool", [tool.value for tool in Tool])
def test_a_configuration_is_printed_with_its_check(stage: Stage, tool: str) -> None:
    result = stage.run("setup", tool, "--url", URL)

    assert result.status == 0
    assert "# check" in result.out
    assert URL in result.out


def test_what_is_written_is_shown_first_and_written_once(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".mvn").mkdir()
    (tmp_path / ".mvn" / "maven.config").write_text("-T2")

    unasked = stage.run("setup", "maven", "--write")
    first = stage.run("setup", "maven", "--write", "--yes")
    second = stage.run("setup", "maven", "--write", "--yes")

    assert unasked.status == 2
    assert "--yes" in unasked.err
    assert "+--settings=.mvn/verifier-settings.xml" in first.out
    assert (tmp_path / ".mvn" / "maven.config").read_text() == "-T2\n--settings=.mvn/verifier-settings.xml\n"
    assert (tmp_path / ".mvn" / "verifier-settings.xml").exists()
    assert "nothing to change" in second.err
    assert first.status == second.status == 0


def test_an_address_that_is_none_is_wrong_usage(stage: Stage) -> None:
    assert stage.run("setup", "maven", "--url", "here").status == 2
    assert stage.run("setup", "ant").status == 2


@pytest.mark.clients
def test_gradle_takes_the_init_script_and_asks_the_proxy_alone(tmp_path: Path) -> None:
    """Every repository that a build names, or has by default, becomes the proxy."""
    script = configure(Tool.GRADLE, "http://127.0.0.1:9", []).files[0]
    (tmp_path / "verifier.init.gradle").write_text(script.content)
    (tmp_path / "settings.gradle").write_text("")
    (tmp_path / "build.gradle").write_text(
        "buildscript { repositories { jcenter() } }\nrepositories { mavenCentral(); mavenLocal() }\n"
        "task show { doLast { (repositories + buildscript.repositories).each { println 'REPO ' + it.url } } }\n"
    )
    command = ["gradle", "--no-daemon", "-g", str(tmp_path / "home"), "-I", "verifier.init.gradle", "-q", "show"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ), check=False)

    assert re.findall(r"REPO (.*)", run.stdout) == ["http://127.0.0.1:9/all/"] * 3, run.stderr


def test_nothing_heavy_is_loaded_to_print_a_configuration() -> None:
    code = "import sys, verifier.cli.setup; print('aiohttp' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"
    assert "aiohttp" in str(tomllib.loads(Path("pyproject.toml").read_text())["project"]["dependencies"])
