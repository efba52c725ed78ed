"""What a Maven release brings to a build of its own accord: the plugins of each packaging, and which versions of them.

A table, taken release by release from Maven's own files.  Which of these plugins a project runs, `plugins` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from verifier.errors import ConfigError
from verifier.maven.pom import DEFAULT_PLUGIN_GROUP

DEFAULT_MAVEN_VERSION = "3.9.16"


@dataclass(frozen=True, slots=True)
class Binding:
    """A goal that a packaging binds to a phase."""

    phase: str
    artifact: str
    goal: str


@dataclass(frozen=True, slots=True)
class MavenRelease:
    """One release of Maven.

    Shape: `versions` are those of the bound plugins, `managed` those of the super POM, both by artifact, all of the
    group `org.apache.maven.plugins`; `adds_plexus_utils` tells that a plugin which brings none is given version 1.1.
    """

    version: str
    versions: Mapping[str, str]
    managed: Mapping[str, str]
    adds_plexus_utils: bool

    @property
    def takes_one_argument_each_line(self) -> bool:
        """Whether the lines of `.mvn/maven.config` are its arguments, as they are since 3.9."""
        return not self.version.startswith(("3.6.", "3.8."))

    def bound_version(self, packaging: str, group: str, artifact: str) -> str | None:
        """Give the version of a plugin that this release binds for a packaging, or manages; None for any other."""
        if group != DEFAULT_PLUGIN_GROUP:
            return None
        own = _ALWAYS | {each.artifact for each in bindings(packaging)} | _LATER if is_known(packaging) else _ALWAYS
        return self.managed.get(artifact) or (self.versions[artifact] if artifact in own else None)


def maven_release(version: str) -> MavenRelease:
    """Look up a release.

    Shape: a version such as `3.9.16`, or `3.9` for the newest of its line that is known.

    Raises: `ConfigError` for a release that is not in the table.

    Source: META-INF/plexus/components.xml and default-bindings.xml of maven-core; the super POM in maven-model-builder.

    >>> maven_release("3.8").versions["maven-compiler-plugin"]
    '3.1'
    """
    known = [each for each in _RELEASES if each == version or each.startswith(f"{version}.")]
    if not known:
        hint = "3.6.3, 3.8.1 to 3.8.9 and 3.9.0 to 3.9.16 are; 3.8 and 3.9 stand for the newest of them"
        raise ConfigError("--maven-version", f"{version} is not known here", hint=hint)
    found = known[-1]
    return MavenRelease(
        version=found,
        versions=_as_of(_BOUND, found),
        managed=_as_of(_MANAGED, found),
        adds_plexus_utils=not found.startswith("3.9."),
    )


def is_known(packaging: str) -> bool:
    """Whether a packaging is Maven's own, and not one that a plugin with extensions brings."""
    return packaging in _BINDINGS


def bindings(packaging: str) -> tuple[Binding, ...]:
    """Give the goals that `mvn clean install` runs for a packaging.

    A packaging that is not Maven's own is taken to compile, test and install as others do; what it makes of that, the
    plugin that brings it does itself.
    """
    return tuple(
        Binding(phase, f"maven-{plugin}-plugin", goal)
        for phase, plugin, goal in (line.split() for line in (_CLEAN, *_BINDINGS.get(packaging, _COMPILED), _INSTALL))
    )


def is_run(phase: str | None) -> bool:
    """Whether `mvn clean install` comes through a phase; an execution that names none may be run by its plugin's."""
    return phase is None or phase in _PHASES.split()


def _as_of(changes: Mapping[str, str], release: str) -> Mapping[str, str]:
    """Give the versions by plugin in a release: each change up to it, the later one over the earlier."""
    so_far = _RELEASES[: _RELEASES.index(release) + 1]
    words = " ".join(text for since, text in changes.items() if since in so_far).split()
    return {f"maven-{name}-plugin": number for name, number in zip(words[::2], words[1::2], strict=True)}


# Whoever deploys has a network, and a site is another build: what these two load is not fetched ahead.
_PHASES = """
pre-clean clean post-clean
validate initialize generate-sources process-sources generate-resources process-resources compile process-classes
generate-test-sources process-test-sources generate-test-resources process-test-resources test-compile
process-test-classes test prepare-package package pre-integration-test integration-test post-integration-test verify
install
"""

_RELEASES = ("3.6.3", *(f"3.8.{number}" for number in range(1, 10)), *(f"3.9.{number}" for number in range(17)))
"""The releases that are known, oldest first."""

_BOUND = {
    "3.6.3": "clean 2.5 compiler 3.1 deploy 2.7 ear 2.8 ejb 2.3 install 2.4 jar 2.4 plugin 3.2 rar 2.2 resources 2.6"
    " site 3.3 surefire 2.12.4 war 2.2",
    "3.9.0": "clean 3.2.0 compiler 3.10.1 deploy 3.0.0 ear 3.3.0 ejb 3.2.1 install 3.1.0 jar 3.3.0 plugin 3.7.1"
    " rar 3.0.0 resources 3.3.0 site 3.12.1 surefire 3.0.0-M8 war 3.3.2",
    "3.9.1": "deploy 3.1.0 surefire 3.0.0",
    "3.9.3": "compiler 3.11.0 deploy 3.1.1 install 3.1.1 plugin 3.9.0 resources 3.3.1 surefire 3.1.2 war 3.4.0",
    "3.9.6": "surefire 3.2.2",
    "3.9.7": "compiler 3.13.0 jar 3.4.1 plugin 3.12.0 surefire 3.2.5",
    "3.9.8": "deploy 3.1.2 install 3.1.2 plugin 3.13.1",
    "3.9.13": "compiler 3.15.0 deploy 3.1.4 ear 3.4.0 ejb 3.3.0 install 3.1.4 jar 3.5.0 plugin 3.15.2 rar 3.1.0"
    " resources 3.4.0 surefire 3.5.4 war 3.5.1",
}
"""The bound plugins' versions, by the release from which on they count."""

_MANAGED = {
    "3.6.3": "antrun 1.3 assembly 2.2-beta-5 dependency 2.8 release 2.5.3",
    "3.9.3": "antrun 3.1.0 assembly 3.6.0 dependency 3.6.0 release 3.0.1",
    "3.9.6": "dependency 3.6.1",
    "3.9.8": "assembly 3.7.1 dependency 3.7.0",
}
"""The versions in the super POM, by the release from which on they count."""

_ALWAYS = frozenset({"maven-clean-plugin", "maven-site-plugin"})
_LATER = frozenset({"maven-install-plugin", "maven-deploy-plugin"})

_CLEAN = "clean clean clean"
_INSTALL = "install install install"
_RESOURCES = "process-resources resources resources"
_COMPILED = (
    _RESOURCES,
    "compile compiler compile",
    "process-test-resources resources testResources",
    "test-compile compiler testCompile",
    "test surefire test",
)
_BINDINGS: Mapping[str, tuple[str, ...]] = {
    "pom": (),
    "jar": (*_COMPILED, "package jar jar"),
    "ejb": (*_COMPILED, "package ejb ejb"),
    "maven-plugin": (*_COMPILED, "process-classes plugin descriptor", "package jar jar"),
    "war": (*_COMPILED, "package war war"),
    "ear": ("generate-resources ear generate-application-xml", _RESOURCES, "package ear ear"),
    "rar": (*_COMPILED, "package rar rar"),
}
