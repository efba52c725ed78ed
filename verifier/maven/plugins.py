"""The plugins that a build runs: those its packaging binds, those it declares, with the versions that Maven gives them.

What a plugin fetches by itself while it runs stands in `running`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from verifier.coordinate import Coordinate
from verifier.errors import Fact, NotFound, PomInvalid
from verifier.maven.graph import Demand, make_demand
from verifier.maven.interpolation import Interpolator
from verifier.maven.lifecycle import MavenRelease, bindings, is_known, is_run
from verifier.maven.merge import merge_plugin
from verifier.maven.model import Model, Models
from verifier.maven.pom import DEFAULT_PLUGIN_GROUP, Exclusion, Execution, Plugin
from verifier.maven.range import VersionRange
from verifier.maven.resolver import Resolved, Resolver
from verifier.maven.source import Source, pom_coordinate
from verifier.maven.version import Version
from verifier.maven.versions import Versions, parse_range
from verifier.maven.xml import read_xml

MAX_RELOCATIONS = 20

_PLEXUS_UTILS = Coordinate("org.codehaus.plexus", "plexus-utils", "1.1")
_WAGONS = Exclusion("org.apache.maven.wagon", "*")
_NOT_LOADED = frozenset({"provided", "test"})


def plugins_of(model: Model, release: MavenRelease) -> tuple[Plugin, ...]:
    """List the plugins that `mvn clean install` runs for a model, management merged in.

    Shape: those of the packaging first, then declared ones that have something to run or bring extensions; then build
    extensions, as plugins without executions.  A version may still be None.

    Source: maven-core 3.8.7, DefaultLifecyclePluginAnalyzer; maven-model-builder 3.8.7, LifecycleBindingsMerger and
    DefaultPluginManagementInjector.
    """
    managed = {plugin.key: plugin for plugin in model.managed_plugins}
    found: dict[tuple[str, str], Plugin] = {}
    for binding in bindings(model.packaging):
        key = (DEFAULT_PLUGIN_GROUP, binding.artifact)
        execution = Execution(f"default-{binding.goal}", binding.phase, (binding.goal,))
        bound = found.get(key) or Plugin(*key)
        found[key] = replace(bound, executions=(*bound.executions, execution))
    for plugin in model.plugins:
        bound_one = found.get(plugin.key)
        found[plugin.key] = merge_plugin(plugin, bound_one) if bound_one else plugin
    for key, plugin in found.items():
        if key in managed:
            plugin = merge_plugin(plugin, managed[key])  # noqa: PLW2901  (the same plugin, completed)
        version = plugin.version or release.bound_version(model.packaging, *key)
        found[key] = replace(plugin, version=version)
    for extension in model.extensions:
        key = (extension.group or "", extension.artifact or "")
        found.setdefault(key, Plugin(*key, version=extension.version, extensions=True))
    return tuple(plugin for plugin in found.values() if plugin.extensions or _is_run(plugin))


def _is_run(plugin: Plugin) -> bool:
    return any(each.goals and is_run(each.phase) for each in plugin.executions)


def unversioned(model: Model, release: MavenRelease) -> tuple[Plugin, ...]:
    """List plugins that are not run and for whose version Maven asks the repositories all the same."""
    managed = {plugin.key for plugin in model.managed_plugins if plugin.version}
    known = {plugin.key for plugin in plugins_of(model, release)}
    declared = {plugin.key: plugin for plugin in model.plugins}
    if not is_known(model.packaging):
        deploy = Plugin(DEFAULT_PLUGIN_GROUP, "maven-deploy-plugin")
        declared.setdefault(deploy.key, deploy)
    return tuple(
        plugin
        for key, plugin in declared.items()
        if plugin.version is None
        and key not in managed | known
        and release.bound_version(model.packaging, *key) is None
    )


class PluginModels(Models):
    """Models as plugins see them: what belongs to Maven 2's own core brings no transports, since Maven has its own.

    Source: maven-core 3.8.7, WagonExcluder.
    """

    def effective(self, coordinate: Coordinate, where: str) -> Model | None:
        """Build a model as `Models` does, and leave out transports where they do not count."""
        model = super().effective(coordinate, where)
        is_core = coordinate.group == "org.apache.maven" and coordinate.artifact.startswith("maven-")
        if model is None or not (is_core and coordinate.version.startswith("2.")):
            return model
        kept = (each for each in model.dependencies if each.group != _WAGONS.group)
        return replace(
            model, dependencies=tuple(replace(each, exclusions=(*each.exclusions, _WAGONS)) for each in kept)
        )


@dataclass(frozen=True, slots=True)
class PluginResolver:
    """Resolves plugins as one release of Maven does; `resolver` has `PluginModels`, and both read from `source`."""

    resolver: Resolver
    release: MavenRelease
    source: Source

    def resolve(self, plugin: Plugin) -> tuple[Resolved, ...]:
        """Resolve a plugin, its own artifact first.

        Shape: the artifacts that Maven downloads for it, in the order of its graph.

        Raises: as `Resolver`.

        Source: maven-core 3.8.7, DefaultPluginDependenciesResolver, PlexusUtilsInjector.
        """
        demand, root = self._find(plugin)
        extra = tuple(_as_runtime(make_demand(each)) for each in plugin.dependencies)
        found = list(self.resolver.root(demand, extra))
        if self.release.adds_plexus_utils and not any(_is_plexus_utils(each) for each in found):
            found.append(Resolved(_PLEXUS_UTILS, _PLEXUS_UTILS, "runtime", optional=False, depth=1, parent=None))
        loaded = [each for each in found if each.scope not in _NOT_LOADED]
        return (replace(root, needs=tuple(each.coordinate for each in loaded if each.depth == 1)), *loaded)

    def look_at(self, plugin: Plugin) -> tuple[Resolved, ...]:
        """Find a plugin and resolve nothing, as Maven does where it must choose a version of what it never runs."""
        return (self._find(plugin)[1],)

    def _find(self, plugin: Plugin) -> tuple[Demand, Resolved]:
        """Give a plugin under the name and version that its file has."""
        version = plugin.version or self._choose_version(plugin)
        demand = self._relocated(Demand(plugin.group, plugin.artifact, version))
        own = Coordinate(demand.group, demand.artifact, demand.version)
        file = replace(own, version=self.resolver.versions.exact(own.group, own.artifact, own.version, "jar"))
        return demand, Resolved(own, file, "", optional=False, depth=0, parent=None)

    def _choose_version(self, plugin: Plugin) -> str:
        """Choose from the repositories' metadata: the release, the latest, or the highest that runs under this Maven.

        Source: maven-core 3.8.7, DefaultPluginVersionResolver.
        """
        for version in self._candidates(plugin):
            if self._fits(pom_coordinate(plugin.group, plugin.artifact, version, f"plugin {plugin.artifact}")):
                return version
        raise NotFound(
            f"no version of the plugin {plugin.group}:{plugin.artifact} runs under Maven {self.release.version}"
        )

    def _candidates(self, plugin: Plugin) -> Iterator[str]:
        versions, name = self.resolver.versions, (plugin.group, plugin.artifact)
        for word in ("RELEASE", "LATEST"):
            with suppress(NotFound):
                yield versions.exact(*name, word, "jar")
        yield from (each.text for each in reversed(versions.within(*name, VersionRange.parse("[0,)"))))

    def _fits(self, coordinate: Coordinate) -> bool:
        """Whether a plugin runs under this Maven, by the prerequisites of its POM."""
        pom, model = self.source.pom(coordinate), self.resolver.models.effective(coordinate, "the build")
        wanted = pom.fields.get("prerequisites.maven") if pom else None
        if wanted is None or model is None:
            return True
        wanted = Interpolator({}, {}, model.properties, {}, model.origin).text(wanted)
        limits, own = parse_range(wanted, str(coordinate)), Version.parse(self.release.version)
        return limits.contains(own) if limits else not own < Version.parse(wanted)

    def _relocated(self, demand: Demand) -> Demand:
        """Follow the relocations of the plugin itself: the file that Maven loads lies under the new name."""
        for _ in range(MAX_RELOCATIONS):
            model = _describe(self.resolver.models, self.resolver.versions, demand)
            to = model.relocation if model else None
            if to is None:
                return demand
            demand = replace(
                demand,
                group=to.group or demand.group,
                artifact=to.artifact or demand.artifact,
                version=to.version or demand.version,
            )
        raise PomInvalid("relocations lead on and on", expected=Fact("an end"), received=Fact(str(demand)))


def _describe(models: Models, versions: Versions, demand: Demand) -> Model | None:
    version = versions.exact(demand.group, demand.artifact, demand.version, "pom")
    return models.effective(
        pom_coordinate(demand.group, demand.artifact, version, f"plugin {demand}"), f"plugin {demand}"
    )


def _as_runtime(demand: Demand) -> Demand:
    return demand if demand.scope == "system" else replace(demand, scope="runtime")


def _is_plexus_utils(resolved: Resolved) -> bool:
    return (resolved.coordinate.group, resolved.coordinate.artifact) == (_PLEXUS_UTILS.group, _PLEXUS_UTILS.artifact)


def parse_extensions(document: bytes, origin: str) -> tuple[Plugin, ...]:
    """Read `.mvn/extensions.xml`: what Maven loads before it reads any POM.

    Raises: `PomInvalid` for what is no such document, or names an extension without a version.

    Source: maven-embedder 3.8.7, CoreExtensionsXpp3Reader.
    """
    root = read_xml(document, origin, _invalid)
    if root.name != "extensions":
        raise _invalid("this lists no extensions", Fact("<extensions>"), Fact(f"<{root.name}>", origin))
    found = []
    for element in root.children:
        if element.name != "extension":
            continue
        texts = {child.name: child.text for child in element.children}
        group, artifact, version = (texts.get(name, "") for name in ("groupId", "artifactId", "version"))
        if not (group and artifact and version):
            raise PomInvalid(
                "an extension is not named in full",
                expected=Fact("groupId, artifactId and version"),
                received=Fact(f"{group}:{artifact}:{version}", origin),
            )
        found.append(Plugin(group, artifact, version, extensions=True))
    return tuple(found)


def _invalid(reason: str, expected: Fact, received: Fact) -> PomInvalid:
    return PomInvalid(reason, expected=expected, received=received)
