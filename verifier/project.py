"""A user's own project: its POMs are read from his disk, what they need comes through the corridor.

Maven's rules (`verifier.maven`) say what is read and in which order.  Nothing of the project is asked of any
repository, and the repositories that its POMs name are listed and not used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from verifier.coordinate import Coordinate
from verifier.errors import ReasonedError
from verifier.maven.lifecycle import MavenRelease, maven_release
from verifier.maven.model import Model, Models
from verifier.maven.plugins import PluginModels, PluginResolver, plugins_of, unversioned
from verifier.maven.pom import Plugin
from verifier.maven.profile import Context
from verifier.maven.reactor import Module, ReactorSource, in_build_order, in_import_order
from verifier.maven.resolver import Resolved, Resolver
from verifier.maven.running import Errand, Work, errands
from verifier.outcome import Outcome
from verifier.resolve import Library, Resolution, Walk, join, lets_go_on, walk
from verifier.workspace import MavenFolder, read_maven_folder, read_project


@dataclass(frozen=True, slots=True)
class ProjectResolution:
    """What a build of a project will use.

    Shape: `resolution.resolved` lists the modules' graphs one after the other in the order of the build; a module of
    the project among them has its directory as `system_path`, and is never fetched.  `plugins` are the files that the
    build loads besides, each once.  `repositories` are the URLs that the project names, for the report.
    """

    resolution: Resolution
    plugins: tuple[Resolved, ...]
    repositories: tuple[str, ...]
    coordinate: Coordinate | None = None
    """What the project's own POM is called; None where it cannot be read."""
    folder: MavenFolder = field(default_factory=MavenFolder)
    """What the project's `.mvn` says; it was put below the context that was asked for."""


def resolve_project(
    library: Library, pom: Path, context: Context, *, plugins: bool, maven_version: str, scopes: frozenset[str]
) -> ProjectResolution:
    """Resolve a project with all its modules.

    1. Read the project's `.mvn` and its POMs, and work out who is whose parent.
    2. Build their effective models, imported ones first, and put them into the order of the build.
    3. Resolve each module's dependencies, of which those in `scopes` are listed.
    4. Resolve the plugins, the extensions, and what plugins fetch while they run.

    Raises: `ConfigError` where a POM of the project cannot be read, or the Maven release is not known.
    """
    release = maven_release(maven_version)
    try:
        # 1.
        folder = read_maven_folder(pom, release)
        context = context if folder.config is None else folder.config.below(context)
        modules = read_project(pom.absolute(), context)
    except ReasonedError as cause:
        return ProjectResolution(Resolution(None, cause, (Outcome(str(pom), None, cause),)), (), ())
    build = _Build(library, context, release, modules)
    # 2. and 3.
    project = build.graphs(str(pom))
    # 4.
    tools = build.tools(folder.extensions) if plugins else ()
    listed = tuple(each for each in project.explored if each.scope in scopes)
    joined = join([project, *tools])
    resolution = replace(joined, resolved=None if joined.cause else listed, explored=listed)
    files = {each.file: each for tool in tools for each in tool.explored if not each.system_path}
    return ProjectResolution(resolution, tuple(files.values()), build.repositories(), modules[0].coordinate, folder)


class _Build:
    """The models of a project and the graphs that follow from them."""

    def __init__(self, library: Library, context: Context, release: MavenRelease, modules: tuple[Module, ...]) -> None:
        self._library = library
        self._context = context
        self._release = release
        self._modules = modules
        self._source = ReactorSource(library, modules)
        self._models: dict[Module, Model] = {}
        self._graphs: dict[Module, Resolution] = {}
        self._ended: ReasonedError | None = None

    def repositories(self) -> tuple[str, ...]:
        """List the URLs of the repositories that the project names."""
        return tuple(dict.fromkeys(each.url for model in self._models.values() for each in model.repositories))

    def graphs(self, name: str) -> Resolution:
        """Build the models of the modules, and resolve the dependencies of each; `name` is that of the project."""
        resolver = Resolver(self._source, self._context)
        built = self._ask(resolver, self._build, name)
        for module, model in self._models.items():
            self._graphs[module] = self._ask(resolver, partial(Resolver.project, model=model), module.path)
        return join([built, *self._graphs.values()])

    def _build(self, resolver: Resolver) -> tuple[Resolved, ...]:
        models = {}
        for module in in_import_order(self._modules):
            models[module] = resolver.models.project(module.pom, module.parents, _directory(module))
            resolver.models.adopt(module.coordinate, models[module])
        as_read = {module: models[module] for module in self._modules}
        self._models = {module: models[module] for module in in_build_order(as_read)}
        return ()

    def _ask(self, resolver: Resolver, ask: Walk, name: str) -> Resolution:
        """Resolve one graph; what ends one walk ends all, as each would come to the same trouble."""
        if self._ended is not None:
            return Resolution(None, self._ended, ())
        found = walk(self._library, resolver, ask, name)
        causes = (outcome.cause for outcome in found.outcomes if outcome.cause is not None)
        self._ended = next((cause for cause in causes if not lets_go_on(cause)), None)
        own = {_name(module.coordinate): _directory(module) for module in self._models}
        explored = tuple(_placed(each, own) for each in found.explored)
        return replace(found, resolved=None if found.cause else explored, explored=explored)

    def tools(self, extensions: tuple[Plugin, ...]) -> tuple[Resolution, ...]:
        """Resolve what the build itself runs, each graph on its own and once.

        A module whose parents are not all there may be told by the missing one which plugins it runs: it is left out.
        """
        found: dict[object, Resolution] = {}
        for extension in extensions:
            found[extension] = self._plugin(PluginResolver.resolve, extension)
        for module, model in self._models.items():
            if not model.has_parents:
                continue
            for plugin in unversioned(model, self._release):
                if plugin.key not in found:
                    found[plugin.key] = self._plugin(PluginResolver.look_at, plugin)
            for plugin in plugins_of(model, self._release):
                identity = (plugin.key, plugin.version, plugin.dependencies)
                if identity not in found:
                    found[identity] = self._plugin(PluginResolver.resolve, plugin)
                for errand in self._errands(plugin, module, found[identity]):
                    if errand not in found:
                        ask = partial(Resolver.dependencies, demands=errand)
                        found[errand] = self._tool(Models, ask, str(errand[0]))
        return tuple(found.values())

    def _errands(self, plugin: Plugin, module: Module, tool: Resolution) -> tuple[Errand, ...]:
        model = self._models[module]
        if not (tool.explored and model.is_whole):
            return ()
        version = tool.explored[0].coordinate.version
        return errands(Work(plugin, version, model, self._context, self._graphs[module].explored))

    def _plugin(self, how: Callable[[PluginResolver, Plugin], tuple[Resolved, ...]], plugin: Plugin) -> Resolution:
        def ask(resolver: Resolver) -> tuple[Resolved, ...]:
            return how(PluginResolver(resolver, self._release, self._source), plugin)

        return self._tool(PluginModels, ask, ":".join(plugin.key))

    def _tool(self, kind: type[Models], ask: Walk, name: str) -> Resolution:
        """Resolve one graph with models of one kind, the project's own among them."""
        resolver = Resolver(self._source, self._context)
        resolver.models = kind(self._source, resolver.versions, self._context)
        for module, model in self._models.items():
            resolver.models.adopt(module.coordinate, model)
        return self._ask(resolver, ask, name)


def _directory(module: Module) -> str:
    return str(Path(module.path).parent)


def _placed(resolved: Resolved, places: Mapping[tuple[str, str, str], str]) -> Resolved:
    """Say of a module's own artifact that it lies on this machine."""
    place = places.get(_name(resolved.coordinate))
    return replace(resolved, system_path=place) if place else resolved


def _name(coordinate: Coordinate) -> tuple[str, str, str]:
    return (coordinate.group, coordinate.artifact, coordinate.version)
