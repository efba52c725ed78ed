"""`resolve` and the transitive `fetch` from outside, over loopback TLS."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from published import GROUP, child_of, list_versions, needs, publish, put
from stage import WIDGET, Stage, stage

__all__ = ["stage"]
APP = f"{GROUP}:app:1"
UNTRUSTED = "org.example:untrusted:1"


@pytest.fixture
def tree(stage: Stage) -> Stage:
    """An application whose dependencies have a parent, a signed library, and one another."""
    publish(stage, "parent:1", needs(WIDGET), packaging="pom", files=())
    publish(stage, "app:1", child_of("parent:1") + needs("left:1", "right:2@runtime", "spec:1@provided"))
    publish(stage, "left:1", needs("leaf:1"), files=("jar", "sources.jar"))
    publish(stage, "right:2", needs("leaf:2", "end:1@runtime"))
    publish(stage, "leaf:1")
    publish(stage, "leaf:2")
    publish(stage, "end:1")
    publish(stage, "spec:1")
    return stage


def resolved(document: dict[str, Any]) -> list[str]:
    return [f"{e['depth']} {e['coordinate'].removeprefix(GROUP)}:{e['scope']}" for e in document["resolved"]]


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {a["coordinate"]: a["code"] or a["status"] for a in document["artifacts"]}


def resolve(stage: Stage, *arguments: str) -> dict[str, Any]:
    return stage.run("resolve", "--format", "json", *arguments).report


def test_draws_the_graph_as_maven_does(tree: Stage) -> None:
    result = tree.run("resolve", APP)

    assert result.out.splitlines() == [
        "com.example.open:app:jar:1:compile",
        "+- com.example.open:left:jar:1:compile",
        "|  \\- com.example.open:leaf:jar:1:compile",
        "+- com.example.open:right:jar:2:runtime",
        "|  \\- com.example.open:end:jar:1:runtime",
        "\\- org.example:widget:jar:1.0:compile",
    ]
    assert (result.status, tree.run("resolve", "--as", "root", APP).out.splitlines()[1:3]) == (
        0,
        ["+- com.example.open:left:jar:1:compile", "|  \\- com.example.open:leaf:jar:1:compile"],
    )


def test_reports_the_graph_and_all_that_was_read(tree: Stage) -> None:
    report = resolve(tree, APP, "--java-version", "21", "--os", "windows/amd64", "-D", "a=b")

    assert resolved(report) == [
        "1 :app:jar:1:compile", "2 :left:jar:1:compile", "3 :leaf:jar:1:compile", "2 :right:jar:2:runtime",
        "3 :end:jar:1:runtime", "2 org.example:widget:jar:1.0:compile",
    ]  # fmt: skip
    assert report["resolved"][2]["parent"] == f"{GROUP}:left:jar:1"
    assert [name for name in report["read"] if "parent" in name] == [
        f"{GROUP}:parent:pom:1",
        "org.example:parent:pom:1",
    ]
    assert f"{GROUP}:spec:pom:1" not in report["read"]
    assert report["context"] == {
        "java_version": "21", "os": "windows/amd64", "properties": {"a": "b"}, "profiles": [], "origins": {}
    }  # fmt: skip
    assert set(verdicts(report)) == set(report["read"])
    assert not [path for path in tree.cached() if path.endswith(".jar")]


def test_several_inputs_make_one_graph_and_each_makes_its_own(tree: Stage, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text(f"{GROUP}:leaf:1\n{GROUP}:right:2\nnothing\n")

    together = resolve(tree, f"{GROUP}:leaf:1", f"{GROUP}:right:2")
    each = tree.run("resolve", "--each", "-f", str(listed), f"{GROUP}:nowhere:1")

    assert resolved(together) == ["1 :leaf:jar:1:compile", "1 :right:jar:2:compile", "2 :end:jar:1:runtime"]
    nowhere, leaf, right, nothing = map(json.loads, each.out.splitlines())
    assert (nowhere["input"], nowhere["resolved"]) == (f"{GROUP}:nowhere:1", None)
    assert resolved(leaf) == ["1 :leaf:jar:1:compile"]
    assert resolved(right) == ["1 :right:jar:2:compile", "2 :leaf:jar:2:compile", "2 :end:jar:1:runtime"]
    assert (nothing["input"], verdicts(nothing)) == ("nothing", {"nothing": "coordinate-invalid"})
    assert leaf["read"] == [f"{GROUP}:leaf:pom:1"]
    assert each.status == 1


def test_each_input_is_told_as_it_was_written_and_in_its_order(tree: Stage, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    names = [f"{GROUP}:{name}" for name in ("app:1", "leaf:1", "left:1", "right:2", "leaf:2", "end:1", "spec:1")]
    package = f"pkg:maven/{GROUP}/leaf@1"
    listed.write_text("".join(f"{name}  # why\n" for name in (*names, "nothing", package)))

    result = tree.run("resolve", "--each", f"{GROUP}:end:jar:1", "-f", str(listed))
    alone = [resolve(tree, name) for name in (*names, package)]

    reports = list(map(json.loads, result.out.splitlines()))
    assert [report["input"] for report in reports] == [f"{GROUP}:end:jar:1", *names, "nothing", package]
    assert [report["resolved"] for report in (*reports[1:-2], reports[-1])] == [one["resolved"] for one in alone]
    assert [report["read"] for report in (*reports[1:-2], reports[-1])] == [one["read"] for one in alone]
    assert (reports[-2]["resolved"], result.status) == (None, 1)


def test_what_ends_one_of_many_walks_ends_the_run(tree: Stage, tmp_path: Path) -> None:
    broken = tmp_path / "pom.xml"
    broken.write_text("<project><modules><module>nowhere</module></modules><groupId>g</groupId><artifactId>a</artifactId>"
                      "<version>1</version></project>")  # fmt: skip

    result = tree.run("resolve", "--each", f"{GROUP}:leaf:1", "-f", str(broken), f"{GROUP}:app:1")

    assert result.status == 2
    assert "nowhere: is not a file" in result.err


def test_lists_the_scopes_asked_for(tree: Stage) -> None:
    assert resolved(resolve(tree, APP, "--scope", "runtime")) == ["2 :right:jar:2:runtime", "3 :end:jar:1:runtime"]


def test_ranges_and_words_rest_on_metadata_and_say_so(tree: Stage) -> None:
    list_versions(tree, "leaf", "1", "2")

    result = tree.run("resolve", f"{GROUP}:leaf:[1,2)", f"{GROUP}:leaf:zip:LATEST")
    range_only = resolve(tree, f"{GROUP}:leaf:[1,2)")

    assert result.out.splitlines() == [f"{GROUP}:leaf:jar:1:compile", f"{GROUP}:leaf:zip:LATEST:compile -> 2"]
    assert f"what nobody signs: {GROUP}:leaf/maven-metadata.xml" in result.err
    metadata = next(a for a in range_only["artifacts"] if a["coordinate"].endswith("metadata.xml"))
    assert "never signed" in metadata["trusted_by"]


# What cannot be had whole


def test_a_graph_with_a_refused_pom_is_no_graph_and_all_that_is_wrong_is_named(tree: Stage) -> None:
    publish(tree, "two:1", needs("org.example:bare:1", "com.example:none:1", "left:1"))
    for path, name in (("org/example/bare", "org.example:bare"), ("com/example/none", "com.example:none")):
        group, artifact = name.split(":")
        pom = (
            f"<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            "<version>1</version></project>"
        )
        put(tree, f"{path}/1/{artifact}-1.pom", pom.encode())

    report = resolve(tree, f"{GROUP}:two:1", f"{GROUP}:nowhere:1")
    text = tree.run("resolve", f"{GROUP}:two:1")

    assert report["resolved"] is None
    assert {name: code for name, code in verdicts(report).items() if code != "verified"} == {
        "org.example:bare:pom:1": "signature-missing",
        "com.example:none:pom:1": "signature-missing",
        f"{GROUP}:nowhere:pom:1": "not-found",
    }
    assert f"{GROUP}:leaf:pom:1" in report["read"]
    assert (text.status, text.out) == (1, "")


def test_a_refused_parent_spoils_its_children_and_no_more(tree: Stage) -> None:
    publish(tree, "child:1", child_of("gone:1") + needs("leaf:2"))
    publish(tree, "two:1", needs("child:1", "left:1"))

    report = resolve(tree, f"{GROUP}:two:1")

    assert report["resolved"] is None
    bad = {name: code for name, code in verdicts(report).items() if code != "verified"}
    assert bad == {f"{GROUP}:gone:pom:1": "not-found"}
    gone = next(a for a in report["artifacts"] if a["coordinate"] == f"{GROUP}:gone:pom:1")
    assert f"<parent> of {GROUP}:child:pom:1" in gone["reason"]
    assert f"{GROUP}:left:pom:1" in report["read"]


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        (f"{GROUP}:leaf:[7,)", "not-found", 3),
        (f"{GROUP}:open:1", "coordinate-invalid", 1),
        ("a:b", "coordinate-invalid", 1),
    ],
)
def test_a_cause_without_a_file_is_named_by_the_input(tree: Stage, name: str, code: str, status: int) -> None:
    list_versions(tree, "leaf", "1", "2")
    publish(tree, "open:1", needs("leaf:${revision}"))

    result = tree.run("resolve", "--format", "json", name, f"{GROUP}:left:1")

    bad = {each: found for each, found in verdicts(result.report).items() if found != "verified"}
    assert (list(bad.values()), result.status) == ([code], status)
    assert next(iter(bad)).startswith(name.rpartition(":")[0])


def test_a_pom_that_cannot_be_read_is_refused_itself(tree: Stage) -> None:
    publish(tree, "odd:1", "<dependencies/><dependencies/>")

    report = resolve(tree, f"{GROUP}:odd:1")

    assert verdicts(report) == {f"{GROUP}:odd:pom:1": "pom-invalid"}


def test_metadata_that_cannot_be_read_is_refused_itself(tree: Stage) -> None:
    put(tree, "com/example/open/leaf/maven-metadata.xml", b"<metadata><!DOCTYPE")

    assert verdicts(resolve(tree, f"{GROUP}:leaf:[1,2]")) == {f"{GROUP}:leaf/maven-metadata.xml": "metadata-invalid"}


def test_a_missing_pom_fails_unless_a_rule_lets_it_be(tree: Stage) -> None:
    publish(tree, "two:1", needs("bare:1", "leaf:1"))
    put(tree, "com/example/open/bare/1/bare-1.jar", (tree.root / "com/example/open/leaf/1/leaf-1.jar").read_bytes())

    failing = tree.run("resolve", f"{GROUP}:two:1")
    tree.change_policy('match = "com.example.open"\n', 'match = "com.example.open"\nmissing-pom = "leaf"\n')
    passing = tree.run("resolve", f"{GROUP}:two:1")
    fetched = tree.run("fetch", "--format", "json", f"{GROUP}:two:1")

    assert (failing.status, failing.out) == (3, "")
    assert 'missing-pom = "leaf"' in failing.err
    assert passing.out.splitlines()[1] == "+- com.example.open:bare:jar:1:compile"
    assert f"nowhere, as policy allows: {GROUP}:bare:pom:1" in passing.err
    assert (fetched.status, verdicts(fetched.report)[f"{GROUP}:bare:jar:1"]) == (0, "verified")


@pytest.mark.parametrize(
    "arguments",
    [["--os", "linux"], ["--java-version", "new"], ["-D", "=x"], ["-D", "a b=x"], ["--as", "root", WIDGET]],
)
def test_wrong_usage(tree: Stage, arguments: list[str]) -> None:
    result = tree.run("resolve", APP, *arguments)

    assert result.status == 2
    assert "Traceback" not in result.err


# Fetch


def test_fetches_what_the_graph_names_and_all_that_was_read(tree: Stage) -> None:
    report = tree.run("fetch", "--format", "json", APP).report

    jars = [name for name in verdicts(report) if ":jar:" in name]
    assert [name.removeprefix(GROUP) for name in jars] == [
        ":app:jar:1", ":end:jar:1", ":leaf:jar:1", ":left:jar:1", ":right:jar:2", "org.example:widget:jar:1.0",
    ]  # fmt: skip
    assert f"{GROUP}:parent:pom:1" in verdicts(report)
    assert set(verdicts(report).values()) == {"verified"}
    assert len(report["artifacts"]) == len(verdicts(report))


def test_fetches_the_scopes_asked_for(tree: Stage) -> None:
    report = tree.run("fetch", "--format", "json", "--scope", "compile", APP).report

    assert [name for name in verdicts(report) if "right:jar" in name or "left:jar" in name] == [f"{GROUP}:left:jar:1"]


def test_sources_that_are_nowhere_are_no_error(tree: Stage) -> None:
    report = tree.run("fetch", "--format", "json", "--sources", "--javadoc", f"{GROUP}:left:1").report

    assert [name for name in verdicts(report) if "sources" in name or "javadoc" in name] == [
        f"{GROUP}:left:jar:sources:1"
    ]
    assert report["summary"]["without_sources_or_javadoc"] == 3
    assert report["summary"]["unavailable"] == 0


def test_the_file_of_the_graph_itself_must_be_there(tree: Stage) -> None:
    publish(tree, "empty:1", packaging="pom", files=())

    result = tree.run("fetch", "--format", "json", f"{GROUP}:empty:1")

    assert (result.status, verdicts(result.report)[f"{GROUP}:empty:jar:1"]) == (3, "not-found")
    assert tree.run("fetch", f"{GROUP}:empty:pom:1").status == 0


def test_prints_the_class_path_in_the_graphs_order(tree: Stage) -> None:
    result = tree.run("fetch", "--classpath", APP)

    names = [Path(entry).name for entry in result.out.strip().split(os.pathsep)]
    assert names == ["app-1.jar", "left-1.jar", "leaf-1.jar", "right-2.jar", "end-1.jar", "widget-1.0.jar"]


def test_a_flat_copy_has_the_artifacts_and_a_local_repository_everything(tree: Stage, tmp_path: Path) -> None:
    list_versions(tree, "leaf", "1", "2")
    flat, local = tmp_path / "flat", tmp_path / "local"

    tree.run("fetch", "--output", str(flat), f"{GROUP}:left:1", f"{GROUP}:leaf:[2]")
    tree.run("fetch", "--output", str(local), "--layout", "maven", APP, f"{GROUP}:leaf:[2,3)")

    assert sorted(path.name for path in flat.iterdir()) == ["leaf-2.jar", "left-1.jar"]
    files = {path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()}
    assert {
        "com/example/open/parent/1/parent-1.pom",
        "com/example/open/leaf/maven-metadata-example.xml",
        "com/example/open/leaf/2/leaf-2.jar",
        "org/example/parent/1/parent-1.pom",
    } <= files
    assert "com/example/open/leaf/1/leaf-1.jar" not in files


def test_a_second_fetch_offline_gives_the_same(tree: Stage) -> None:
    list_versions(tree, "leaf", "1", "2")
    online = tree.run("fetch", "--format", "json", APP, f"{GROUP}:leaf:[1,2)").report
    tree.server.counts.clear()

    offline = tree.run("--offline", "fetch", "--format", "json", APP, f"{GROUP}:leaf:[1,2)").report

    assert verdicts(offline) == verdicts(online)
    assert tree.server.counts == {}


def test_nothing_is_asked_for_twice(tree: Stage) -> None:
    tree.run("fetch", APP)

    assert set(tree.server.counts.values()) == {1}


def test_without_dependencies_a_version_must_be_exact(tree: Stage) -> None:
    result = tree.fetch(f"{GROUP}:leaf:[1,2]")

    assert (result.status, list(verdicts(result.report).values())) == (1, ["coordinate-invalid"])


def test_a_list_is_taken_as_it_is(tree: Stage, tmp_path: Path) -> None:
    publish(tree, "sheet:1", packaging="pom", files=())
    publish(tree, "phone:1", packaging="aar", files=("aar",))
    lock = tmp_path / "a.lock"
    lock.write_text("".join(f"{GROUP}:{name}=a,b\n" for name in ("right:2", "sheet:1", "phone:1", "leaf:1")))

    report = tree.run("fetch", "--format", "json", "-f", str(lock)).report
    graph = resolve(tree, "-f", str(lock))
    shutil.rmtree(tree.root / "com/example/open/leaf")
    shutil.rmtree(tree.cache)
    missing = resolve(tree, "-f", str(lock))

    assert [name.removeprefix(GROUP) for name in verdicts(report)] == [
        ":leaf:jar:1", ":leaf:pom:1", ":phone:aar:1", ":phone:pom:1", ":right:jar:2", ":right:pom:2", ":sheet:pom:1",
    ]  # fmt: skip
    assert resolved(graph) == [
        "1 :right:jar:2:compile", "1 :sheet:pom:1:compile", "1 :phone:aar:1:compile", "1 :leaf:jar:1:compile",
    ]  # fmt: skip
    assert missing["resolved"] is None
    assert verdicts(missing)[f"{GROUP}:leaf:pom:1"] == "not-found"


def test_a_project_is_resolved_from_its_place(tree: Stage, tmp_path: Path) -> None:
    project = tmp_path / "app" / "pom.xml"
    project.parent.mkdir()
    project.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>"
        "<repositories><repository><id>x</id><url>https://elsewhere.example/</url></repository></repositories>"
        f"{needs('left:1', 'spec:1@provided')}</project>"
    )

    report = resolve(tree, "-f", str(project))
    fetched = tree.run("fetch", "-f", str(project), "--format", "json")
    text = tree.run("resolve", "-f", str(project))
    project.write_text(project.read_text().replace("left", "nowhere"))

    assert resolved(report) == ["1 :left:jar:1:compile", "2 :leaf:jar:1:compile", "1 :spec:jar:1:provided"]
    assert f"{GROUP}:spec:jar:1" in verdicts(fetched.report)
    assert "names repositories, which only policy may: https://elsewhere.example/" in text.err
    assert resolve(tree, "-f", str(project))["resolved"] is None
    assert tree.run("fetch", "-f", str(project), "--no-transitive").status == 2


def test_what_a_project_gives_every_maven_is_shown_with_its_place(tree: Stage, tmp_path: Path) -> None:
    project = tmp_path / "app" / "pom.xml"
    (project.parent / ".mvn").mkdir(parents=True)
    config = project.parent / ".mvn" / "maven.config"
    config.write_text("-T4\n-Dleaf=1\n-Pci\n")
    (project.parent / ".mvn" / "jvm.config").write_text("-Dx=1")
    project.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>"
        f"{needs('leaf:${leaf}')}</project>"
    )

    report = resolve(tree, "-f", str(project), "-D", "b=2")
    given = resolve(tree, "-f", str(project), "-D", "leaf=2")
    text = tree.run("resolve", "-f", str(project))

    assert resolved(report) == ["1 :leaf:jar:1:compile"]
    assert report["context"]["properties"] == {"leaf": "1", "b": "2"}
    assert report["context"]["profiles"] == ["ci"]
    assert report["context"]["origins"] == {"leaf": f"{config}:2"}
    assert (resolved(given), given["context"]["origins"]) == (["1 :leaf:jar:2:compile"], {})
    assert f"note: {config} gives -Dleaf -Pci\n" in text.err
    assert f"note: left aside in {config}: -T\n" in text.err
    assert "-Dx; if a POM goes by one, give it with -D" in text.err


def test_all_that_a_project_cannot_use_is_named_in_one_run(tree: Stage, tmp_path: Path) -> None:
    project = tmp_path / "app" / "pom.xml"
    project.parent.mkdir()
    imported = "".join(
        f"<dependency><groupId>{GROUP}</groupId><artifactId>{name}</artifactId><version>1</version><type>pom</type>"
        "<scope>import</scope></dependency>"
        for name in ("one", "two")
    )
    publish(
        tree,
        "starter:1",
        f"<dependencyManagement><dependencies>{imported}</dependencies></dependencyManagement>",
        packaging="pom",
        files=(),
    )
    project.write_text(
        f"<project><modelVersion>4.0.0</modelVersion>{child_of('starter:1')}<artifactId>a</artifactId>"
        f"{needs('left:${settled}')}</project>"
    )

    result = tree.run("fetch", "--format", "json", "-f", str(project))

    assert {name: code for name, code in verdicts(result.report).items() if code != "verified"} == {
        f"{GROUP}:one:pom:1": "not-found",
        f"{GROUP}:two:pom:1": "not-found",
    }


def test_a_project_from_standard_input_has_no_place(
    tree: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pom.xml").write_text("<project/>")
    with (tmp_path / "pom.xml").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        result = tree.run("resolve", "-f", "-")

    assert result.status == 2
    assert "name it with -f FILE" in result.err
