"""A user's own project: its POMs are read from his disk, what they need comes through the corridor.

Maven's rules (`verifier.maven`) say what is read and in which order.  Nothing of the project is asked of any
repository, and the repositories that its POMs name are listed and not used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from verifier.coordinate import Coordinate
from verifier.errors import ConfigError, Fact, PomInvalid, ReasonedError
from verifier.fetch import Verifier
from verifier.maven.lifecycle import MavenRelease, maven_release
from verifier.maven.model import Model, Models
from verifier.maven.plugins import PluginModels, PluginResolver, parse_extensions, plugins_of, unversioned
from verifier.maven.pom import Plugin, Pom, parse_pom
from verifier.maven.profile import Context
from verifier.maven.reactor import (
    Module,
    ReactorSource,
    describe_module,
    in_build_order,
    in_import_order,
    is_parent,
    modules_of,
)
from verifier.maven.resolver import Resolved, Resolver
from verifier.maven.running import Errand, Work, errands
from verifier.maven.xml import MAX_XML_BYTES
from verifier.outcome import Outcome
from verifier.resolve import Library, Resolution, Walk, join, walk

MAX_MODULES = 2_000
MAX_LOCAL_PARENTS = 50

POM_FILE = "pom.xml"
EXTENSIONS_FILE = ".mvn/extensions.xml"


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


def resolve_project(
    verifier: Verifier, pom: Path, context: Context, *, plugins: bool, maven_version: str, scopes: frozenset[str]
) -> ProjectResolution:
    """Resolve a project with all its modules.

    1. Read the project's POMs, and work out who is whose parent.
    2. Build their effective models, imported ones first, and put them into the order of the build.
    3. Resolve each module's dependencies, of which those in `scopes` are listed.
    4. Resolve the plugins, the extensions, and what plugins fetch while they run.

    Raises: `ConfigError` where a POM of the project cannot be read, or the Maven release is not known.
    """
    release = maven_release(maven_version)
    library = Library(verifier)
    try:
        # 1.
        modules, extensions = _read_project(pom.absolute(), context), _extensions_of(pom)
    except ReasonedError as cause:
        return ProjectResolution(Resolution(None, cause, (Outcome(str(pom), None, cause),)), (), ())
    build = _Build(library, context, release, modules)
    # 2. and 3.
    project = _blame_files(walk(library, context, build.graphs, str(pom)), library)
    # 4.
    tools = build.tools(extensions) if plugins else ()
    listed = tuple(each for each in project.explored if each.scope in scopes)
    joined = join([project, *tools])
    resolution = replace(joined, resolved=None if joined.cause else listed, explored=listed)
    files = {each.file: each for tool in tools for each in tool.explored if not each.system_path}
    return ProjectResolution(resolution, tuple(files.values()), build.repositories())


def _blame_files(resolution: Resolution, library: Library) -> Resolution:
    """Name the file to blame where there is one: that a module then lacks its parent only follows from it."""
    cause = next(iter(library.causes()), None)
    return replace(resolution, cause=cause, outcomes=library.consulted()) if cause else resolution


class _Build:
    """The models of a project and the graphs that follow from them."""

    def __init__(self, library: Library, context: Context, release: MavenRelease, modules: tuple[Module, ...]) -> None:
        self._library = library
        self._context = context
        self._release = release
        self._modules = modules
        self._source = ReactorSource(library, modules)
        self._models: dict[Module, Model] = {}
        self._graphs: dict[Module, tuple[Resolved, ...]] = {}

    def repositories(self) -> tuple[str, ...]:
        """List the URLs of the repositories that the project names."""
        return tuple(dict.fromkeys(each.url for model in self._models.values() for each in model.repositories))

    def graphs(self, _: Resolver) -> tuple[Resolved, ...]:
        """Build the models of the modules, and resolve the dependencies of each."""
        resolver = Resolver(self._source, self._context)
        models = {}
        self._graphs.clear()
        for module in in_import_order(self._modules):
            models[module] = resolver.models.project(module.pom, module.parents, _directory(module))
            resolver.models.adopt(module.coordinate, models[module])
        as_read = {module: models[module] for module in self._modules}
        self._models = {module: models[module] for module in in_build_order(as_read)}
        places = {_name(module.coordinate): _directory(module) for module in self._models}
        for module, model in self._models.items():
            self._graphs[module] = tuple(_placed(each, places) for each in resolver.project(model))
        return tuple(each for graph in self._graphs.values() for each in graph)

    def tools(self, extensions: tuple[Plugin, ...]) -> tuple[Resolution, ...]:
        """Resolve what the build itself runs, each graph on its own and once."""
        found: dict[object, Resolution] = {}
        for extension in extensions:
            found[extension] = self._plugin(PluginResolver.resolve, extension)
        for module, model in self._models.items():
            for plugin in unversioned(model, self._release):
                if plugin.key not in found:
                    found[plugin.key] = self._plugin(PluginResolver.look_at, plugin)
            for plugin in plugins_of(model, self._release):
                identity = (plugin.key, plugin.version, plugin.dependencies)
                if identity not in found:
                    found[identity] = self._plugin(PluginResolver.resolve, plugin)
                for errand in self._errands(plugin, module, found[identity]):
                    if errand not in found:
                        found[errand] = self._walk(
                            Models, partial(Resolver.dependencies, demands=errand), str(errand[0])
                        )
        return tuple(found.values())

    def _errands(self, plugin: Plugin, module: Module, tool: Resolution) -> tuple[Errand, ...]:
        if not tool.explored:
            return ()
        version = tool.explored[0].coordinate.version
        return errands(Work(plugin, version, self._models[module], self._context, self._graphs.get(module, ())))

    def _plugin(self, how: Callable[[PluginResolver, Plugin], tuple[Resolved, ...]], plugin: Plugin) -> Resolution:
        def ask(resolver: Resolver) -> tuple[Resolved, ...]:
            return how(PluginResolver(resolver, self._release, self._source), plugin)

        return self._walk(PluginModels, ask, ":".join(plugin.key))

    def _walk(self, kind: type[Models], ask: Walk, name: str) -> Resolution:
        """Resolve one graph with models of one kind, the project's own among them."""
        own = {_name(module.coordinate): _directory(module) for module in self._models}

        def walk_once(_: Resolver) -> tuple[Resolved, ...]:
            resolver = Resolver(self._source, self._context)
            resolver.models = kind(self._source, resolver.versions, self._context)
            for module, model in self._models.items():
                resolver.models.adopt(module.coordinate, model)
            return tuple(_placed(each, own) for each in ask(resolver))

        return walk(self._library, self._context, walk_once, name)


def _directory(module: Module) -> str:
    return str(Path(module.path).parent)


def _placed(resolved: Resolved, places: Mapping[tuple[str, str, str], str]) -> Resolved:
    """Say of a module's own artifact that it lies on this machine."""
    place = places.get(_name(resolved.coordinate))
    return replace(resolved, system_path=place) if place else resolved


def _name(coordinate: Coordinate) -> tuple[str, str, str]:
    return (coordinate.group, coordinate.artifact, coordinate.version)


# The project's files


def _read_project(pom: Path, context: Context) -> tuple[Module, ...]:
    """Read a POM and all the modules below it, a POM before its modules."""
    found: dict[Path, Module] = {}
    pending = [pom]
    known: dict[Path, Pom] = {}
    while pending:
        path = _plain(pending.pop())
        if path in found:
            raise PomInvalid(
                "modules go round in a circle, or one is named twice",
                expected=Fact("each module once"),
                received=Fact(str(path), str(pom)),
            )
        if len(found) >= MAX_MODULES:
            raise PomInvalid("the project has too many modules", expected=Fact(f"at most {MAX_MODULES}"))
        read = _read(path, known)
        found[path] = describe_module(str(path), read, _parents_of(path, read, known), context)
        pending += [_pom_at(path.parent / name) for name in reversed(modules_of(read, context))]
    return _each_once(tuple(found.values()))


def _each_once(modules: tuple[Module, ...]) -> tuple[Module, ...]:
    seen: dict[Coordinate, Module] = {}
    for module in modules:
        other = seen.setdefault(module.coordinate, module)
        if other is not module:
            raise PomInvalid(
                "two modules have the same name",
                expected=Fact(other.path, str(other.coordinate)),
                received=Fact(module.path, str(module.coordinate)),
            )
    return modules


def _parents_of(path: Path, pom: Pom, known: dict[Path, Pom]) -> tuple[Pom, ...]:
    """Find the parents that lie where their children say, nearest first."""
    parents: list[Pom] = []
    passed = {path}
    while pom.parent and pom.parent.relative_path:
        path = _pom_at(path.parent / pom.parent.relative_path)
        candidate = _read(path, known) if path.is_file() else None
        if candidate is None or not is_parent(candidate, pom.parent, pom.origin):
            break
        if path in passed or len(passed) > MAX_LOCAL_PARENTS:
            raise PomInvalid(
                "parents go round in a circle, or too far",
                expected=Fact("a chain that ends"),
                received=Fact(str(path), pom.origin),
            )
        passed.add(path)
        parents.append(candidate)
        pom = candidate
    return tuple(parents)


def _read(path: Path, known: dict[Path, Pom]) -> Pom:
    if path not in known:
        known[path] = parse_pom(_bytes_at(path), str(path))
    return known[path]


def _bytes_at(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ConfigError(str(path), "is not a file", hint="name a pom.xml; modules are looked for below it")
        with path.open("rb") as file:
            data = file.read(MAX_XML_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_XML_BYTES:
        raise ConfigError(str(path), f"is over {MAX_XML_BYTES} bytes")
    return data


def _pom_at(path: Path) -> Path:
    """Give the POM's path where a directory is named."""
    path = _plain(path)
    return path / POM_FILE if path.is_dir() else path


def _plain(path: Path) -> Path:
    """Take links and `..` out of a path.

    Raises: `ConfigError` for what cannot be a path.
    """
    try:
        path = path.resolve()
        path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{str(path)[:200]!r}", f"cannot be a path: {error.__class__.__name__}") from error
    return path


def _extensions_of(pom: Path) -> tuple[Plugin, ...]:
    """Read the extensions of the nearest directory upward that has a `.mvn`."""
    for folder in _plain(pom).parents:
        if (folder / ".mvn").is_dir():
            path = folder / EXTENSIONS_FILE
            return parse_extensions(_bytes_at(path), str(path)) if path.exists() else ()
    return ()
