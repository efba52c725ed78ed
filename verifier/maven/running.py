"""What well-known plugins fetch by themselves while they run, which no POM says: test providers, annotation processors.

A table of rules, one for each plugin.  spring-boot-maven-plugin has none: its loader lies inside its own JAR.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verifier.maven.graph import Demand, make_demand
from verifier.maven.interpolation import Interpolator
from verifier.maven.model import Model
from verifier.maven.pom import Dependency, Exclusion, Plugin
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved
from verifier.maven.version import Version
from verifier.maven.xml import Element

_JUPITER = "org.junit.jupiter"
_PLATFORM = "org.junit.platform"
_SUREFIRE = "org.apache.maven.surefire"
_BUNDLE = re.compile(r"([^:]+):([^:]+):([^:]+)(?::([^:]+))?(?::([^:]+))?")
_NEEDS_JUNIT_47 = ("parallel", "groups", "excludedGroups")


Errand = tuple[Demand, ...]
"""One class path that a plugin resolves: as Maven resolves the dependencies of an empty project."""


@dataclass(frozen=True, slots=True)
class Work:
    """A plugin at work in a project, with the project's class path for tests."""

    plugin: Plugin
    version: str
    model: Model
    context: Context
    class_path: Sequence[Resolved]

    def found(self, group: str, artifact: str) -> str | None:
        """Give the version of an artifact on the class path, None where it is not there."""
        for each in self.class_path:
            if (each.coordinate.group, each.coordinate.artifact) == (group, artifact):
                return each.coordinate.version
        return None

    def configurations(self) -> Iterator[Element]:
        """Give the plugin's configuration, and that of each execution."""
        for each in (self.plugin.configuration, *(execution.configuration for execution in self.plugin.executions)):
            if each is not None:
                yield each


def errands(work: Work) -> tuple[Errand, ...]:
    """Say what a plugin fetches while it runs; nothing for one that is not in the table."""
    rule = _RULES.get(f"{work.plugin.group}:{work.plugin.artifact}")
    return tuple(rule(work)) if rule else ()


def _test_providers(work: Work) -> Iterator[Errand]:
    """Find the provider of the test framework in use, and what it takes along to fit the framework's version.

    Source: maven-surefire 2.12.4, 2.22.2, 3.2.5 and 3.5.4, AbstractSurefireMojo.createProviders and
    JUnitPlatformProviderInfo.
    """
    if work.found(_PLATFORM, "junit-platform-commons"):
        yield _alone(_SUREFIRE, "surefire-junit-platform", work.version)
        yield from _platform(work)
        if not work.version.startswith("2."):
            return
        # Before 3.0 the platform counts only where an engine is there as well, and else JUnit 4 may be what runs.
    if work.found("org.testng", "testng"):
        yield _alone(_SUREFIRE, "surefire-testng", work.version)
        return
    junit = work.found("junit", "junit") or work.found("junit", "junit-dep")
    if junit and Version.parse(junit) < Version.parse("4"):
        yield _alone(_SUREFIRE, "surefire-junit3", work.version)
    elif junit:
        yield _alone(_SUREFIRE, "surefire-junit47" if _wants_junit_47(work) else "surefire-junit4", work.version)


def _alone(group: str, artifact: str, version: str) -> Errand:
    return (Demand(group, artifact, version, scope="runtime"),)


def _platform(work: Work) -> Iterator[Errand]:
    platform, jupiter = work.found(_PLATFORM, "junit-platform-commons"), work.found(_JUPITER, "junit-jupiter-api")
    if platform and not work.found(_PLATFORM, "junit-platform-launcher"):
        yield _alone(_PLATFORM, "junit-platform-launcher", platform)
    if platform and not work.found(_PLATFORM, "junit-platform-engine"):
        yield _alone(_PLATFORM, "junit-platform-engine", platform)
    if jupiter and not work.found(_JUPITER, "junit-jupiter-engine"):
        yield _alone(_JUPITER, "junit-jupiter-engine", jupiter)


def _wants_junit_47(work: Work) -> bool:
    given = {child.name for each in work.configurations() for child in each.children if child.text}
    properties = {**work.model.properties, **work.context.properties}
    return any(name in given or properties.get(name) for name in _NEEDS_JUNIT_47)


def _annotation_processors(work: Work) -> Iterator[Errand]:
    """Read the compiler's annotationProcessorPaths; a version that is not written comes from the management."""
    interpolator = _interpolator(work)
    managed = {each.key: each.version for each in work.model.management}
    for configuration in work.configurations():
        paths = configuration.first("annotationProcessorPaths")
        found = [interpolator.dependency(_dependency(path)) for path in (paths.children if paths else ())]
        demands = tuple(make_demand(replace(each, version=each.version or managed.get(each.key))) for each in found)
        if demands:
            yield demands


def _dependency(path: Element) -> Dependency:
    texts = {child.name: child.text for child in path.children}
    exclusions = path.first("exclusions")
    return Dependency(
        group=texts.get("groupId"),
        artifact=texts.get("artifactId"),
        version=texts.get("version"),
        type=texts.get("type", "jar"),
        classifier=texts.get("classifier"),
        scope="runtime",
        exclusions=tuple(_exclusion(each) for each in (exclusions.children if exclusions else ())),
    )


def _exclusion(element: Element) -> Exclusion:
    texts = {child.name: child.text for child in element.children}
    return Exclusion(texts.get("groupId", ""), texts.get("artifactId", ""))


def _resource_bundles(work: Work) -> Iterator[Errand]:
    """Read the bundles that maven-remote-resources-plugin unpacks.

    Shape: `group:artifact:version[:type[:classifier]]`.
    """
    interpolator = _interpolator(work)
    for configuration in work.configurations():
        bundles = configuration.first("resourceBundles")
        for bundle in bundles.children if bundles else ():
            match = _BUNDLE.fullmatch(interpolator.text(bundle.text))
            if match:
                group, artifact, version, kind, classifier = match.groups()
                yield (Demand(group, artifact, version, kind or "jar", classifier or "", scope="runtime"),)


def _interpolator(work: Work) -> Interpolator:
    model, context = work.model, work.context
    fields = {"groupId": model.group, "artifactId": model.artifact, "version": model.version}
    return Interpolator(fields, context.properties, model.properties, context.system_properties(), model.origin)


_RULES: Mapping[str, Callable[[Work], Iterator[Errand]]] = {
    "org.apache.maven.plugins:maven-surefire-plugin": _test_providers,
    "org.apache.maven.plugins:maven-failsafe-plugin": _test_providers,
    "org.apache.maven.plugins:maven-compiler-plugin": _annotation_processors,
    "org.apache.maven.plugins:maven-remote-resources-plugin": _resource_bundles,
}
