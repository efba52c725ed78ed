import re
import zipfile
from pathlib import Path

import pytest
from building import installed_maven
from conftest import need

from verifier.errors import ConfigError
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION, Binding, bindings, is_known, is_run, maven_release


def test_each_release_has_its_own_versions() -> None:
    old, new = maven_release("3.8.7"), maven_release("3.9.16")

    assert old.bound_version("jar", "org.apache.maven.plugins", "maven-compiler-plugin") == "3.1"
    assert new.bound_version("jar", "org.apache.maven.plugins", "maven-compiler-plugin") == "3.15.0"
    assert new.bound_version("jar", "org.apache.maven.plugins", "maven-antrun-plugin") == "3.1.0"
    assert (old.adds_plexus_utils, new.adds_plexus_utils) == (True, False)


@pytest.mark.parametrize(
    ("release", "surefire", "dependency"),
    [
        ("3.6.3", "2.12.4", "2.8"),
        ("3.8.9", "2.12.4", "2.8"),
        ("3.9.0", "3.0.0-M8", "2.8"),
        ("3.9.2", "3.0.0", "2.8"),
        ("3.9.3", "3.1.2", "3.6.0"),
        ("3.9.6", "3.2.2", "3.6.1"),
        ("3.9.12", "3.2.5", "3.7.0"),
        ("3.9.13", "3.5.4", "3.7.0"),
    ],
)
def test_a_change_counts_from_its_release_on(release: str, surefire: str, dependency: str) -> None:
    found = maven_release(release)

    assert found.version == release
    assert found.versions["maven-surefire-plugin"] == surefire
    assert found.managed["maven-dependency-plugin"] == dependency


def test_a_plugin_of_another_group_has_no_version_of_mavens() -> None:
    assert maven_release("3.9").bound_version("jar", "org.example", "maven-compiler-plugin") is None
    assert maven_release("3.9").bound_version("jar", "org.apache.maven.plugins", "maven-nothing-plugin") is None


def test_a_line_stands_for_its_newest_known_release() -> None:
    assert maven_release("3.9").version == DEFAULT_MAVEN_VERSION
    assert maven_release("3.8").version == "3.8.9"


@pytest.mark.parametrize("version", ["3.9.17", "3.8.0", "3.", "", "4.0.0", "3.9.160"])
def test_refuses_a_release_that_is_not_known(version: str) -> None:
    with pytest.raises(ConfigError, match="is not known here"):
        maven_release(version)


def test_a_packaging_binds_its_own_goals() -> None:
    around = (Binding("clean", "maven-clean-plugin", "clean"), Binding("install", "maven-install-plugin", "install"))
    assert bindings("pom") == around
    assert Binding("package", "maven-jar-plugin", "jar") in bindings("jar")
    assert Binding("package", "maven-war-plugin", "war") in bindings("war")
    assert Binding("package", "maven-jar-plugin", "jar") not in bindings("war")
    assert bindings("bundle") == (*bindings("jar")[:-2], around[1])
    assert is_known("jar")
    assert not is_known("bundle")


def test_the_version_that_maven_binds_counts_for_the_packaging_that_binds_it() -> None:
    release, group = maven_release("3.9"), "org.apache.maven.plugins"

    assert release.bound_version("war", group, "maven-war-plugin") == "3.5.1"
    assert release.bound_version("jar", group, "maven-war-plugin") is None
    assert release.bound_version("pom", group, "maven-install-plugin") == "3.1.4"
    assert release.bound_version("bundle", group, "maven-install-plugin") is None
    assert release.bound_version("bundle", group, "maven-site-plugin") == "3.12.1"


def test_what_deploys_or_makes_a_site_is_not_run() -> None:
    assert is_run("pre-clean")
    assert is_run("package")
    assert is_run("install")
    assert is_run(None)
    assert not is_run("deploy")
    assert not is_run("site")
    assert not is_run("none")
    assert not is_run("")


def test_agrees_with_the_maven_that_is_installed_here() -> None:
    libraries = Path(need("mvn")).resolve().parent.parent / "lib"
    try:
        release = maven_release(installed_maven())
    except ConfigError:
        pytest.skip("this mvn is not known here")
    with zipfile.ZipFile(next(libraries.glob("maven-core-3*.jar"))) as core:
        bound = core.read("META-INF/plexus/components.xml") + core.read("META-INF/plexus/default-bindings.xml")
    with zipfile.ZipFile(next(libraries.glob("maven-model-builder-3*.jar"))) as builder:
        super_pom = builder.read("org/apache/maven/model/pom-4.0.0.xml").decode()

    assert dict(re.findall(r"plugins:([\w-]+):([\w.-]+):", bound.decode())) == release.versions
    assert dict(re.findall(r"<artifactId>([^<]+)</artifactId>\s*<version>([^<]+)", super_pom)) == release.managed
