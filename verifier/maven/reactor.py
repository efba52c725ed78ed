"""A project of several modules: who is in it, whose POMs go before whose, in which order Maven builds it.

Paths are texts here; whoever has the disk reads the files, and says which POM lies where.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from verifier.coordinate import Coordinate
from verifier.errors import Fact, PomInvalid
from verifier.maven.interpolation import Interpolator
from verifier.maven.metadata import Listing, Metadata
from verifier.maven.model import Model
from verifier.maven.pom import Dependency, Parent, Pom, Section
from verifier.maven.profile import Context, active_profiles
from verifier.maven.source import Source, pom_coordinate
from verifier.maven.version import Version
from verifier.maven.versions import parse_range

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """One POM of the user's own.

    Shape: `parents` are those found by relativePath, nearest first; `coordinate` is that of the POM's file, with its
    expressions replaced.
    """

    path: str
    pom: Pom
    parents: tuple[Pom, ...]
    coordinate: Coordinate
    imports: tuple[Coordinate, ...]


def describe_module(path: str, pom: Pom, parents: tuple[Pom, ...], context: Context) -> Module:
    """Say which coordinate a POM of the user's own has, and which POMs it imports as far as can be told from here.

    Raises: `PomInvalid` or `CoordinateInvalid` for a POM that has no proper coordinate.
    """
    sections = [each for one in (pom, *parents) for each in reversed(_sections(one, context))]
    properties: dict[str, str] = {}
    for section in reversed(sections):
        properties |= section.properties
    chain = (pom, *parents)
    group = next((each.own_group for each in chain if each.own_group), "")
    version = next((each.own_version for each in chain if each.own_version), "")
    fields = {"groupId": group, "artifactId": pom.artifact or "", "version": version}
    if pom.parent:
        fields |= {"parent.groupId": pom.parent.group, "parent.version": pom.parent.version}
    interpolator = Interpolator(fields, context.properties, properties, context.system_properties(), path)
    coordinate = pom_coordinate(
        interpolator.text(group), interpolator.text(pom.artifact or ""), interpolator.text(version), path
    )
    managed = (interpolator.dependency(each) for section in sections for each in section.management)
    imports = tuple(
        Coordinate(each.group or "", each.artifact or "", each.version or "", "pom")
        for each in managed
        if each.is_import
    )
    return Module(path, pom, parents, coordinate, imports)


def modules_of(pom: Pom, context: Context) -> tuple[str, ...]:
    """List the modules that a POM and its active profiles name.

    Raises: `PomInvalid` for one whose name hangs on an expression.
    """
    names = tuple(dict.fromkeys(name for section in _sections(pom, context) for name in section.modules))
    for name in names:
        if not name or "${" in name:
            raise PomInvalid("a module has no plain name", expected=Fact("a path"), received=Fact(name, pom.origin))
    return names


def is_parent(candidate: Pom, parent: Parent, origin: str) -> bool:
    """Whether the POM that lies where a child looks for its parent is that parent; else the repositories have it.

    Source: maven-model-builder 3.8.7, DefaultModelBuilder.readParentLocally.
    """
    if (candidate.own_group, candidate.artifact) != (parent.group, parent.artifact):
        return False
    version = candidate.own_version
    if version is None or version == parent.version:
        return True
    wanted = parse_range(parent.version, f"<parent> of {origin}")
    return wanted is not None and wanted.contains(Version.parse(version))


def in_import_order(modules: Sequence[Module]) -> tuple[Module, ...]:
    """Put modules that others import before those that import them.

    Raises: `PomInvalid` where they go round in a circle.
    """
    by_name = {module.coordinate: module for module in modules}
    before = {name: [each for each in module.imports if each in by_name] for name, module in by_name.items()}
    return tuple(by_name[name] for name in _ordered(list(by_name), before, "imports of the modules"))


def in_build_order(modules: Mapping[Module, Model]) -> tuple[Module, ...]:
    """Put modules into the order in which Maven builds them; each comes with its effective model.

    Raises: `PomInvalid` where they go round in a circle.

    Source: maven-core 3.8.7, ProjectSorter.
    """
    names = {_name(model): module for module, model in modules.items()}
    paths = {module.path: _name(model) for module, model in modules.items()}
    before = {}
    for module, model in modules.items():
        parents = [paths[each.origin] for each in module.parents if each.origin in paths]
        wanted = [*_dependencies(model.dependencies), *parents, *_tools(model)]
        before[_name(model)] = [each for each in wanted if each in names and each != _name(model)]
    return tuple(names[name] for name in _ordered(list(names), before, "modules"))


def _name(model: Model) -> tuple[str, str, str]:
    return (model.group, model.artifact, model.version)


def _dependencies(dependencies: Iterable[Dependency]) -> list[tuple[str, str, str]]:
    return [(each.group or "", each.artifact or "", each.version or "") for each in dependencies]


def _tools(model: Model) -> Iterator[tuple[str, str, str]]:
    for parent in model.lineage:
        yield (parent.group, parent.artifact, parent.version)
    for plugin in model.plugins:
        yield (plugin.group, plugin.artifact, plugin.version or "")
        yield from _dependencies(plugin.dependencies)
    for extension in model.extensions:
        yield (extension.group or "", extension.artifact or "", extension.version or "")


def _ordered(names: Sequence[Name], before: Mapping[Name, Sequence[Name]], what: str) -> list[Name]:
    """Walk depth first: what a name needs comes before it, and else the order stays."""
    done: dict[Name, None] = {}
    way: dict[Name, None] = {}
    for start in names:
        if start in done:
            continue
        way[start] = None
        frames = [iter(before[start])]
        while frames:
            need = next(frames[-1], None)
            if need is None:
                frames.pop()
                done[way.popitem()[0]] = None
            elif need in way:
                shown = " -> ".join(map(str, (*way, need)))
                raise PomInvalid(f"{what} go round in a circle", expected=Fact("an order"), received=Fact(shown))
            elif need not in done:
                way[need] = None
                frames.append(iter(before[need]))
    return list(done)


def _sections(pom: Pom, context: Context) -> tuple[Section, ...]:
    """Give a POM's own section and those of its active profiles, weakest first."""
    return (pom.section, *(each.section for each in active_profiles(pom.profiles, context, pom.origin)))


class ReactorSource:
    """A source in which the user's own modules come first: nobody outside is asked for them, or for their versions."""

    def __init__(self, source: Source, modules: Iterable[Module]) -> None:
        self._source = source
        self._own = {module.coordinate: module.pom for module in modules}
        self._versions: dict[tuple[str, str], list[str]] = {}
        for coordinate in self._own:
            self._versions.setdefault((coordinate.group, coordinate.artifact), []).append(coordinate.version)

    def pom(self, coordinate: Coordinate) -> Pom | None:
        """Give a module's POM, or whatever the source has."""
        return self._own.get(coordinate) or self._source.pom(coordinate)

    def metadata(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        """List the versions of a module, of which a snapshot is what it is; of all else, give what the source has."""
        own = self._versions.get((group, artifact), ())
        if version in own:
            return ()
        if own and not version:
            return (Listing(Metadata(group, artifact, versions=tuple(own)), snapshots=True),)
        return self._source.metadata(group, artifact, version)

    def hint(self, coordinates: Iterable[Coordinate]) -> None:
        """Pass on what is no module."""
        self._source.hint([each for each in coordinates if each not in self._own])

    def hint_file(self, coordinate: Coordinate, scope: str) -> None:
        """Pass on what is no file of a module."""
        if Coordinate(coordinate.group, coordinate.artifact, coordinate.version, "pom") not in self._own:
            self._source.hint_file(coordinate, scope)
