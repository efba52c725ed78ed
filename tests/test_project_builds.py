"""The proof: what was fetched for a project is all that `mvn -o clean install` asks for.

With own tiny plugins and libraries over loopback TLS, the plugins standing in for those that Maven binds for a JAR;
and, live, with Maven Central's own on the three projects below `projects/`, under the Maven that is installed here and
under a newer one.
"""

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from building import UNSIGNED, Ground, build_offline, collect, lay_out, unpack_maven, version_of
from conftest import need

from verifier.errors import ConfigError
from verifier.maven.lifecycle import MavenRelease, bindings, maven_release

NEWER = "3.9.9"
PROJECTS = Path(__file__).parent / "projects"
BOUND = "org.apache.maven.plugins"

NOTE = """
package org.example.tiny;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecution;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.project.MavenProject;
import org.example.words.Words;

public class Note extends AbstractMojo {
    private MavenProject project;
    private MojoExecution execution;

    public void execute() throws MojoExecutionException {
        try {
            Path notes = new File(project.getBuild().getDirectory(), "notes").toPath();
            Files.createDirectories(notes.getParent());
            String line = Words.of(execution.getGoal()) + " " + project.getTestClasspathElements().size() + "\\n";
            Files.writeString(notes, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            if (execution.getGoal().equals("jar")) {
                project.getArtifact().setFile(notes.toFile());
            }
        } catch (Exception error) {
            throw new MojoExecutionException(error.getMessage(), error);
        }
    }
}
"""
WORDS = "package org.example.words; public class Words { public static String of(String goal) { return goal; } }"
MOJO = (
    "<mojo><goal>{}</goal><requiresDependencyResolution>test</requiresDependencyResolution>"
    "<implementation>org.example.tiny.Note</implementation><language>java</language>"
    "<instantiationStrategy>per-lookup</instantiationStrategy><parameters>"
    "<parameter><name>project</name><type>org.apache.maven.project.MavenProject</type></parameter>"
    "<parameter><name>execution</name><type>org.apache.maven.plugin.MojoExecution</type></parameter></parameters>"
    "<configuration><project>${{project}}</project><execution>${{mojoExecution}}</execution></configuration></mojo>"
)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with Ground(tmp_path) as made:
        yield made


@pytest.fixture(scope="module", params=["installed", pytest.param(NEWER, marks=pytest.mark.live)])
def mvn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == NEWER:
        return unpack_maven(NEWER, tmp_path_factory.mktemp("maven"))
    return Path(need("mvn"))


@pytest.fixture
def release(mvn: Path) -> MavenRelease:
    try:
        return maven_release(version_of(mvn))
    except ConfigError:
        pytest.skip("the plugins that this mvn binds are not known here")


def named(name: str, version: str, more: str = "") -> str:
    group, artifact = name.split(":")
    return f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{more}"


def needs(*names: str) -> str:
    found = (name.rpartition(":") for name in names)
    inner = "".join(f"<dependency>{named(name, version)}</dependency>" for name, _, version in found)
    return f"<dependencies>{inner}</dependencies>"


def published(name: str, version: str, more: str = "", jar: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """Write the files of one release."""
    group, artifact = name.split(":")
    stem = f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}"
    pom = f"<project><modelVersion>4.0.0</modelVersion>{named(name, version)}{more}</project>"
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, data in {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", **(jar or {})}.items():
            archive.writestr(path, data)
    files = {f"{stem}.pom": pom.encode()}
    return files if "<packaging>pom<" in more else {**files, f"{stem}.jar": content.getvalue()}


def metadata(name: str, *versions: str) -> dict[str, bytes]:
    listed = "".join(f"<version>{version}</version>" for version in versions)
    text = (
        f"<metadata><versioning><release>{versions[-1]}</release><versions>{listed}</versions></versioning></metadata>"
    )
    return {f"{name.replace('.', '/').replace(':', '/')}/maven-metadata.xml": text.encode()}


def plugin(name: str, version: str, classes: Path, *goals: str) -> dict[str, bytes]:
    mojos = "".join(MOJO.format(goal) for goal in goals)
    about = f"<plugin>{named(name, version)}<goalPrefix>tiny</goalPrefix><mojos>{mojos}</mojos></plugin>"
    note = "org/example/tiny/Note.class"
    jar = {"META-INF/maven/plugin.xml": about.encode(), note: (classes / note).read_bytes()}
    return published(name, version, f"<packaging>maven-plugin</packaging>{needs('org.example:words:1')}", jar)


def compiled(directory: Path) -> Path:
    """Compile the tiny plugin against the Maven that is installed here."""
    libraries = Path(need("mvn")).resolve().parent.parent / "lib"
    sources = {"org/example/tiny/Note.java": NOTE, "org/example/words/Words.java": WORDS}
    for path, text in sources.items():
        (directory / path).parent.mkdir(parents=True)
        (directory / path).write_text(text)
    files = [str(directory / path) for path in sources]
    subprocess.run([need("javac"), "-cp", f"{libraries}/*", "-d", str(directory), *files], check=True)
    return directory


def repository(classes: Path, release: MavenRelease) -> dict[str, bytes]:
    """Write libraries, and a stand-in for each plugin that a JAR's packaging binds."""
    goals: dict[str, list[str]] = {}
    for binding in bindings("jar"):
        goals.setdefault(binding.artifact, []).append(binding.goal)
    word = "org/example/words/Words.class"
    files = published("org.example:words", "1", jar={word: (classes / word).read_bytes()})
    files |= published("org.codehaus.plexus:plexus-utils", "1.1")
    for artifact, bound in goals.items():
        files |= plugin(f"{BOUND}:{artifact}", release.versions[artifact], classes, *bound)
    files |= plugin("org.example:tiny-maven-plugin", "2", classes, "extra")
    files |= metadata("org.example:tiny-maven-plugin", "1", "2")
    managed = f"<packaging>pom</packaging><dependencyManagement>{needs('org.example:right:1')}</dependencyManagement>"
    files |= published("org.example:bom", "1", managed)
    files |= published("org.example:left", "1", needs("org.example:right:[1,3)"))
    files |= published("org.example:right", "1")
    files |= published("org.example:right", "2")
    return files | metadata("org.example:right", "1", "2")


def project(bom: str = named("org.example:bom", "1", "<type>pom</type><scope>import</scope>")) -> dict[str, str]:
    """Write two modules with a parent: one needs the other, and a range of what the imported BOM would have manage."""
    start = "<project><modelVersion>4.0.0</modelVersion>"
    parent = f"<parent>{named('org.example:all', '${revision}')}</parent>"
    tiny = (
        "<plugin><groupId>org.example</groupId><artifactId>tiny-maven-plugin</artifactId><executions><execution>"
        "<phase>package</phase><goals><goal>extra</goal></goals></execution></executions></plugin>"
    )
    return {
        "pom.xml": f"{start}{named('org.example:all', '${revision}')}<packaging>pom</packaging>"
        "<properties><revision>5-SNAPSHOT</revision></properties><modules><module>app</module><module>lib</module></modules>"
        f"<dependencyManagement><dependencies><dependency>{bom}</dependency></dependencies></dependencyManagement>"
        f"<build><plugins>{tiny}</plugins></build></project>",
        "lib/pom.xml": f"{start}{parent}<artifactId>lib</artifactId>{needs('org.example:left:1')}</project>",
        "app/pom.xml": f"{start}{parent}<artifactId>app</artifactId>{needs('org.example:lib:${revision}')}</project>",
    }


def test_a_project_builds_offline_from_nothing_but_what_was_fetched(
    ground: Ground, mvn: Path, release: MavenRelease, tmp_path: Path
) -> None:
    ground.publish(repository(compiled(tmp_path / "classes"), release))
    pom = ground.write(project())

    found = collect(ground.policy, ground.cache, pom, maven_version=release.version)
    lay_out(found, tmp_path / "local")
    build_offline(ground.project, tmp_path / "local", tmp_path / "build", mvn)

    goals = ["clean", "resources", "compile", "testResources", "testCompile", "test", "jar", "extra", "install"]
    assert (tmp_path / "build/lib/target/notes").read_text().split()[::2] == goals
    assert (tmp_path / "build/app/target/notes").read_text().split()[::2] == goals


def test_without_one_of_the_files_the_same_build_fails(
    ground: Ground, mvn: Path, release: MavenRelease, tmp_path: Path
) -> None:
    ground.publish(repository(compiled(tmp_path / "classes"), release))
    found = collect(ground.policy, ground.cache, ground.write(project()), maven_version=release.version)
    lay_out(found, tmp_path / "local")
    (tmp_path / "local/org/example/words/1/words-1.jar").unlink()

    with pytest.raises(AssertionError, match=r"org\.example:words:jar:1"):
        build_offline(ground.project, tmp_path / "local", tmp_path / "build", mvn)


@pytest.mark.live
@pytest.mark.parametrize("name", ["library", "modules", "web"])
def test_a_real_project_builds_offline_with_its_tests(
    name: str, mvn: Path, release: MavenRelease, tmp_path: Path
) -> None:
    policy = tmp_path / "verifier.toml"
    # Signatures are another matter: here the question is whether every file is there.
    policy.write_text(UNSIGNED)
    target = tmp_path / "project"
    shutil.copytree(PROJECTS / name, target)

    found = collect(policy, tmp_path / "cache", target / "pom.xml", maven_version=release.version)
    lay_out(found, tmp_path / "local")
    said = build_offline(target, tmp_path / "local", tmp_path / "build", mvn)

    assert "BUILD SUCCESS" in said
    assert "Tests run: " in said
