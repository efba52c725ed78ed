"""A real mvn builds through the proxy: cold and honest it passes; attacked it fails, and its console says why.

The project has one plugin, compiled here, which asks Maven to resolve the project's dependencies.
"""

import functools
import hashlib
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import need
from proxied import Proxied
from servers import Answer
from stage import FIXTURES, Stage

from verifier.clients import Tool, configure
from verifier.coordinate import Coordinate, parse_coordinate
from verifier.layout import file_path

PLUGIN = Coordinate("com.example.open", "list-maven-plugin", "1")
UTILITIES = Coordinate("org.codehaus.plexus", "plexus-utils", "1.1")
"""What Maven adds to the class path of every plugin."""
MOJO = """
import java.util.Set;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.project.MavenProject;

public class ListMojo extends AbstractMojo {
    private MavenProject project;

    public void execute() {
        Set<Artifact> artifacts = project.getArtifacts();
        for (Artifact artifact : artifacts) {
            getLog().info("resolved " + artifact.getId() + " " + artifact.getFile().length());
        }
    }
}
"""
DESCRIPTOR = """
<plugin><groupId>com.example.open</groupId><artifactId>list-maven-plugin</artifactId><version>1</version>
<goalPrefix>list</goalPrefix><mojos><mojo><goal>list</goal><implementation>ListMojo</implementation>
<language>java</language><instantiationStrategy>per-lookup</instantiationStrategy>
<executionStrategy>once-per-session</executionStrategy>
<requiresDependencyResolution>test</requiresDependencyResolution><requiresProject>true</requiresProject>
<parameters><parameter><name>project</name><type>org.apache.maven.project.MavenProject</type><editable>false</editable>
</parameter></parameters>
<configuration>
<project implementation="org.apache.maven.project.MavenProject" default-value="${project}"/>
</configuration>
</mojo></mojos></plugin>
"""
PROJECT = """
<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>a</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>DEPENDENCIES</dependencies><build><plugins><plugin>
<groupId>com.example.open</groupId><artifactId>list-maven-plugin</artifactId><version>1</version>
<executions><execution><phase>validate</phase><goals><goal>list</goal></goals></execution></executions>
</plugin></plugins></build></project>
"""
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"


@functools.cache
def plugin(directory: Path) -> bytes:
    """Compile the plugin against the Maven that is installed; gives its JAR."""
    library = Path(need("mvn")).resolve().parent.parent / "lib"
    (directory / "ListMojo.java").write_text(MOJO)
    command = [need("javac"), "-cp", f"{library}/*", "-d", str(directory), str(directory / "ListMojo.java")]
    subprocess.run(command, check=True, capture_output=True)
    return jar(
        {
            "META-INF/maven/plugin.xml": DESCRIPTOR.encode(),
            "ListMojo.class": (directory / "ListMojo.class").read_bytes(),
        }
    )


def jar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pom(coordinate: Coordinate, packaging: str = "jar") -> bytes:
    return (
        "<project><modelVersion>4.0.0</modelVersion>"
        f"<groupId>{coordinate.group}</groupId><artifactId>{coordinate.artifact}</artifactId>"
        f"<version>{coordinate.version}</version><packaging>{packaging}</packaging></project>"
    ).encode()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return plugin(tmp_path_factory.mktemp("plugin"))


@dataclass(frozen=True)
class Build:
    """One run of mvn and the local repository that it filled."""

    passed: bool
    console: str
    repository: Path

    def holds(self, coordinate: Coordinate) -> bool:
        return (self.repository / file_path(coordinate)).exists()


@dataclass
class Project:
    """A project, a repository with its plugin and a proxy before it."""

    directory: Path
    stage: Stage
    proxied: Proxied

    def publish(self, coordinate: Coordinate, content: bytes) -> None:
        path = f"/{file_path(coordinate)}"
        self.stage.serve(path, content)
        self.stage.serve(f"{path}.sha1", hashlib.sha1(content, usedforsecurity=False).hexdigest().encode())

    def build(self, *dependencies: Coordinate, local: str = "local") -> Build:
        """Build with the configuration that `verifier setup maven` prints."""
        for file in configure(Tool.MAVEN, self.proxied.url, []).files:
            path = self.directory / file.path
            path.parent.mkdir(exist_ok=True)
            path.write_text(file.content)
        each = "".join(
            f"<dependency><groupId>{one.group}</groupId><artifactId>{one.artifact}</artifactId>"
            f"<version>{one.version}</version></dependency>"
            for one in dependencies
        )
        (self.directory / "pom.xml").write_text(PROJECT.replace("DEPENDENCIES", each))
        repository = self.directory / local
        run = subprocess.run(
            [need("mvn"), "-B", f"-Dmaven.repo.local={repository}", "validate"],
            cwd=self.directory,
            env={**os.environ, "MAVEN_OPTS": QUICK},
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        return Build(run.returncode == 0 and "BUILD SUCCESS" in run.stdout, run.stdout, repository)


@pytest.fixture
def project(tmp_path: Path, compiled: bytes) -> Iterator[Project]:
    with Stage(tmp_path) as stage:
        stage.write_policy(extra='\n[[rule]]\nmatch = "org.codehaus.plexus"\nsignature = "none"\n')
        with Proxied(stage) as proxied:
            (tmp_path / "project").mkdir()
            made = Project(tmp_path / "project", stage, proxied)
            made.publish(PLUGIN, compiled)
            made.publish(UTILITIES, jar({"utilities": b""}))
            for one, packaging in ((PLUGIN, "maven-plugin"), (UTILITIES, "jar")):
                made.publish(Coordinate(one.group, one.artifact, one.version, "pom"), pom(one, packaging))
            yield made


WIDGET = Coordinate("org.example", "widget", "1.0")


def test_a_cold_build_passes_and_every_download_is_the_proxys(project: Project) -> None:
    build = project.build(WIDGET, Coordinate("org.example.crew", "rope", "3.0"))

    assert build.passed, build.console
    assert "resolved org.example:widget:jar:1.0" in build.console
    assert "resolved org.example.crew:rope:jar:3.0" in build.console
    downloads = re.findall(r"Downloading from (\S+): (\S+)", build.console)
    assert len(downloads) >= 6
    assert {(name, url.startswith(project.proxied.url)) for name, url in downloads} == {("verifier", True)}
    honest = (project.stage.root / file_path(WIDGET)).read_bytes()
    assert (build.repository / file_path(WIDGET)).read_bytes() == honest


def test_a_warm_build_passes_with_upstream_cut_off(project: Project) -> None:
    assert project.build(WIDGET).passed
    project.stage.server.stop()
    project.proxied.now += 1000

    build = project.build(WIDGET, local="another")

    assert build.passed, build.console
    assert build.holds(WIDGET)


def attacks() -> list[Any]:
    """Give each attack on a JAR or POM, but for the files whose POM mvn would not find to begin with."""
    table = (FIXTURES / "attacks" / "README.md").read_text()
    found = []
    for code, name in re.findall(r"^\| `([a-z-]+)` \| `([^`]+)` \|", table, re.MULTILINE):
        attacked = parse_coordinate(name)
        begin = file_path(replace(attacked, extension="pom"))
        there = [(FIXTURES / folder / begin).exists() for folder in ("honest", f"attacks/{code}")]
        if attacked.extension in {"jar", "pom"} and any(there):
            found.append((code, name))
    return found


@pytest.mark.parametrize(("code", "name"), attacks())
def test_an_attacked_build_fails_and_its_console_says_why(project: Project, code: str, name: str) -> None:
    attacked = parse_coordinate(name)
    if code == "signature-replayed":
        project.proxied.get("/all/com/example/gizmo/2.3/gizmo-2.3.jar")
    project.stage.lay_over(code)

    build = project.build(attacked)

    assert not build.passed, build.console
    assert code in build.console
    assert name in build.console
    assert not build.holds(attacked)
    assert "no dependency information available" not in build.console


def test_a_pom_that_is_refused_fails_the_build(project: Project) -> None:
    path = project.stage.root / "org/example/widget/1.0/widget-1.0.pom"
    honest = path.read_bytes()
    shutil.copy(path.with_suffix(".pom.asc"), path.with_suffix(".kept"))
    path.write_bytes(honest.replace(b"</project>", b"<!-- --></project>"))
    checksum = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    path.with_suffix(".pom.sha1").write_text(checksum)

    build = project.build(WIDGET)

    assert not build.passed
    assert "409" in build.console
    assert "no dependency information available" not in build.console


@pytest.mark.parametrize("status", [500, 503, 403])
def test_an_outage_upstream_fails_the_build_and_is_not_remembered(project: Project, status: int) -> None:
    project.stage.serve(f"/{file_path(WIDGET)}", Answer(b"", status))
    assert not project.build(WIDGET).passed
    del project.stage.server.files[f"/{file_path(WIDGET)}"]
    project.proxied.now += 10

    assert project.build(WIDGET).passed
