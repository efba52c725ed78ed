"""The graph of all that may be meant: dependencies of dependencies, each version of each range, in Maven's order.

What of it remains, `conflict` decides.  Files other than POMs are not looked at; which of them to fetch is for
those who read the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from verifier.coordinate import Coordinate, base_version, make_coordinate
from verifier.errors import CoordinateInvalid, Fact, PomInvalid
from verifier.maven.model import Model, Models
from verifier.maven.pom import Dependency
from verifier.maven.range import VersionRange
from verifier.maven.source import Source, explain, pom_coordinate
from verifier.maven.types import artifact_type
from verifier.maven.version import Version
from verifier.maven.versions import Versions, parse_range

MAX_NODES = 50_000
MAX_DEPTH = 150
MAX_RELOCATIONS = 20

Key = tuple[str, str, str, str]
_ANY = "*"
_NOT_TRANSITIVE = frozenset({"test", "provided"})
_NARROWEST_FIRST = ("test", "provided", "runtime")
_TOLD = ""
_NO_VERSION_OF_A_FILE = ("LATEST", "RELEASE", "SNAPSHOT")


@dataclass(frozen=True, slots=True)
class Demand:
    """One dependency as the collector sees it; `optional` is None where nothing was said."""

    group: str
    artifact: str
    version: str
    extension: str = "jar"
    classifier: str = ""
    type: str = "jar"
    scope: str = ""
    optional: bool | None = None
    exclusions: frozenset[tuple[str, str]] = frozenset()
    system_path: str = ""

    @property
    def key(self) -> Key:
        """What competes with one another: everything but the version."""
        return (self.group, self.artifact, self.extension, self.classifier)

    def __str__(self) -> str:
        return ":".join(part for part in (*self.key, self.version) if part)


def make_demand(dependency: Dependency) -> Demand:
    """Turn a dependency of an effective model into what the collector works with.

    Source: maven-resolver-provider 3.8.7, ArtifactDescriptorReaderDelegate.
    """
    kind = artifact_type(dependency.type)
    return Demand(
        group=dependency.group or "",
        artifact=dependency.artifact or "",
        version=dependency.version or "",
        extension=kind.extension,
        classifier=kind.classifier if dependency.classifier is None else dependency.classifier,
        type=dependency.type,
        scope=dependency.scope or "",
        optional=None if dependency.optional is None else dependency.optional.lower() == "true",
        exclusions=frozenset((each.group, each.artifact) for each in dependency.exclusions),
        system_path=dependency.system_path or "",
    )


class Node:
    """A place in the graph.  Nodes with equal prospects share one list of children, their identity for conflicts."""

    __slots__ = (
        "children",
        "demand",
        "group",
        "is_optional_managed",
        "is_scope_managed",
        "key",
        "optional",
        "others",
        "range",
        "scope",
        "version",
    )

    def __init__(self, demand: Demand | None, key: Key | None, version: Version) -> None:
        self.demand = demand
        self.key = key
        self.version = version
        self.range: VersionRange | None = None
        self.others: tuple[Key, ...] = ()
        self.scope = demand.scope if demand else ""
        self.optional = bool(demand and demand.optional)
        self.is_scope_managed = False
        self.is_optional_managed = False
        self.children: list[Node] = []
        # The number of its conflict group; the root of a project has none.
        self.group = -1


@dataclass(slots=True)
class Management:
    """What the root manages, everywhere below it: of several entries for one key the first that says something counts.

    Source: maven-resolver 1.6.3, ClassicDependencyManager.
    """

    versions: dict[Key, str] = field(default_factory=dict)
    scopes: dict[Key, str] = field(default_factory=dict)
    optionals: dict[Key, bool] = field(default_factory=dict)
    paths: dict[Key, str] = field(default_factory=dict)
    exclusions: dict[Key, frozenset[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Sequence[Dependency]) -> "Management":
        """Index the management of an effective model."""
        found = cls()
        for entry in map(make_demand, entries):
            key = entry.key
            if entry.version:
                found.versions.setdefault(key, entry.version)
            if entry.scope:
                found.scopes.setdefault(key, entry.scope)
            if entry.optional is not None:
                found.optionals.setdefault(key, entry.optional)
            if entry.system_path:
                found.paths.setdefault(key, entry.system_path)
            if entry.exclusions:
                found.exclusions[key] = found.exclusions.get(key, frozenset()) | entry.exclusions
        return found


@dataclass(frozen=True, slots=True)
class _Level:
    """What applies to the children of a node: how deep they are (1, or 2 for deeper), and what is left out."""

    depth: int
    is_transitive: bool
    exclusions: frozenset[tuple[str, str]]

    def below(self, demand: Demand) -> "_Level":
        exclusions = self.exclusions | demand.exclusions if demand.exclusions else self.exclusions
        if self.depth > 1 and exclusions is self.exclusions:
            return self
        return _Level(2, is_transitive=True, exclusions=exclusions)


@dataclass(frozen=True, slots=True)
class _Managed:
    demand: Demand
    is_scope_managed: bool
    is_optional_managed: bool


@dataclass(frozen=True, slots=True)
class _Description:
    """What a POM says of an artifact: where it went, by which ways, and what it depends on."""

    demand: Demand
    passed: tuple[Key, ...] = ()
    dependencies: tuple[Demand, ...] = ()
    model: Model | None = None


class Collector:
    """Collects one graph, depth first, in the order that decides about equals.

    Source: maven-resolver 1.6.3, DefaultDependencyCollector.
    """

    def __init__(self, source: Source, versions: Versions, models: Models) -> None:
        self._source = source
        self._versions = versions
        self._models = models
        self._management = Management()
        self._count = 0
        self._demands: dict[Coordinate, tuple[Demand, ...]] = {}
        self._pool: dict[tuple[Demand, _Level], list[Node]] = {}
        self._stack: list[Node] = []
        self._likely: dict[Key, str] = {}

    def dependencies(self, demands: Sequence[Demand]) -> Node:
        """Collect the dependencies of an empty project.

        Raises: `PomInvalid` or `CoordinateInvalid` naming the POM that cannot be used; `NotFound` for a POM, a
        parent or a range that nothing satisfies; what the source raises.
        """
        return self._collect(Node(None, None, self._versions.parse("")), demands, (), is_transitive=False)

    def project(self, model: Model) -> Node:
        """Collect the dependencies of a project, under its own management.

        Raises: as `dependencies`.
        """
        root = Node(
            None,
            (model.group, model.artifact, artifact_type(model.packaging).extension, ""),
            self._versions.parse(model.version),
        )
        return self._collect(root, tuple(map(make_demand, model.dependencies)), model.management, is_transitive=False)

    def root(self, demand: Demand, extra: Sequence[Demand] = ()) -> Node:
        """Collect an artifact as the root, as plugins are: its own management counts; `extra` come before its own.

        Raises: as `dependencies`.
        """
        wanted = parse_range(demand.version, str(demand))
        if wanted:
            demand = replace(demand, version=self._versions.within(demand.group, demand.artifact, wanted)[-1].text)
        description = self._describe(demand, "the command line")
        demand = description.demand
        known = {each.key for each in extra}
        demands = (*extra, *(each for each in description.dependencies if each.key not in known))
        management = description.model.management if description.model else ()
        root = Node(demand, demand.key, self._versions.parse(demand.version))
        return self._collect(root, demands, management, is_transitive=True)

    def _collect(
        self, root: Node, demands: Sequence[Demand], management: Sequence[Dependency], *, is_transitive: bool
    ) -> Node:
        self._management = Management.of(management)
        self._pool.clear()
        self._likely.clear()
        self._count = 0
        self._stack = [root]
        self._expand(demands, _Level(1, is_transitive, root.demand.exclusions if root.demand else frozenset()))
        return root

    def _expand(self, demands: Sequence[Demand], level: _Level) -> None:
        """Give the node on top of the stack its children."""
        chosen = [self._manage(demand, level) for demand in demands if _is_selected(demand, level)]
        self._hint([each.demand for each in chosen])
        for each in chosen:
            # Those below come later in this walk, and are farther away.
            self._likely.setdefault(each.demand.key, each.demand.version)
        for managed in chosen:
            self._add(managed, level, (), 0)

    def _hint(self, demands: Sequence[Demand]) -> None:
        wishes = []
        for demand in demands:
            if demand.system_path or demand.version.startswith(("[", "(")):
                continue
            try:
                wishes.append(make_coordinate(demand.group, demand.artifact, demand.version, "pom"))
            except CoordinateInvalid:
                continue
        if wishes:
            self._source.hint(wishes)

    def _manage(self, demand: Demand, level: _Level, *, keep_version: bool = False) -> _Managed:
        key, management = demand.key, self._management
        scope = optional = None
        if level.depth > 1:
            version = None if keep_version else management.versions.get(key)
            scope, optional = management.scopes.get(key), management.optionals.get(key)
            path = demand.system_path if scope in {None, "system"} else ""
            if (scope or demand.scope) == "system":
                path = management.paths.get(key, path)
            if version is not None or scope is not None or optional is not None or path != demand.system_path:
                demand = replace(
                    demand,
                    version=demand.version if version is None else version,
                    scope=demand.scope if scope is None else scope,
                    optional=demand.optional if optional is None else optional,
                    system_path=path,
                )
        exclusions = management.exclusions.get(key)
        if exclusions:
            demand = replace(demand, exclusions=demand.exclusions | exclusions)
        return _Managed(demand, scope is not None, optional is not None)

    def _add(self, managed: _Managed, level: _Level, passed: tuple[Key, ...], hops: int) -> None:
        """Add one dependency under the node on top of the stack: one child for each version that is meant."""
        if hops > MAX_RELOCATIONS:
            raise PomInvalid("relocations lead on and on", expected=Fact("an end"), received=Fact(str(managed.demand)))
        parent = self._stack[-1]
        where = f"dependency of {parent.demand or 'the project'}"
        wanted = parse_range(managed.demand.version, f"{managed.demand}, {where}")
        versions = (
            self._versions.within(managed.demand.group, managed.demand.artifact, wanted)
            if wanted
            else (self._versions.parse(managed.demand.version),)
        )
        for version in versions:
            demand = replace(managed.demand, version=version.text) if wanted else managed.demand
            description = self._describe(demand, where)
            relocated = description.demand
            ancestor = self._ancestor(relocated.key)
            if ancestor and ancestor.demand:
                self._child(parent, managed, relocated, version, wanted, passed).children = ancestor.children
                continue
            if description.passed:
                # Maven goes on with the new name as if it had been written, and forgets a range's other versions.
                if _is_selected(relocated, level):
                    is_renamed = (demand.group, demand.artifact) != (relocated.group, relocated.artifact)
                    again = self._manage(relocated, level, keep_version=not is_renamed)
                    self._add(again, level, description.passed, hops + 1)
                return
            child = self._child(parent, managed, relocated, version, wanted, passed)
            if description.dependencies and not artifact_type(managed.demand.type).has_all_inside:
                self._descend(child, relocated, description, level)

    def _child(
        self,
        parent: Node,
        managed: _Managed,
        demand: Demand,
        version: Version,
        wanted: VersionRange | None,
        passed: tuple[Key, ...],
    ) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise PomInvalid(
                "the graph is too large", expected=Fact(f"at most {MAX_NODES} nodes"), received=Fact("more")
            )
        try:
            make_coordinate(demand.group, demand.artifact, "0", demand.extension, demand.classifier)
        except CoordinateInvalid as error:
            raise explain(error, str(demand), f"dependency of {parent.demand or 'the project'}") from error
        child = Node(demand, demand.key, version)
        child.range = wanted
        child.others = passed
        child.is_scope_managed = managed.is_scope_managed
        child.is_optional_managed = managed.is_optional_managed
        parent.children.append(child)
        self._hint_file(demand)
        return child

    def _hint_file(self, demand: Demand) -> None:
        """Say which file it will be if the likely version remains, once for each key."""
        if self._likely.setdefault(demand.key, demand.version) != demand.version:
            return
        self._likely[demand.key] = _TOLD
        if demand.system_path or demand.extension == "pom" or demand.version.endswith(_NO_VERSION_OF_A_FILE):
            return
        scopes = {node.scope for node in self._stack[1:]} | {demand.scope}
        # Every part was checked by now: the POM of the same name and version has been read.
        file = Coordinate(demand.group, demand.artifact, demand.version, demand.extension, demand.classifier)
        self._source.hint_file(file, next((scope for scope in _NARROWEST_FIRST if scope in scopes), "compile"))

    def _descend(self, child: Node, demand: Demand, description: _Description, level: _Level) -> None:
        below = level.below(demand)
        identity = (replace(demand, scope="", optional=None, exclusions=frozenset()), below)
        known = self._pool.get(identity)
        if known is not None:
            child.children = known
            return
        self._pool[identity] = child.children
        if len(self._stack) > MAX_DEPTH:
            raise PomInvalid(
                "the graph is too deep", expected=Fact(f"at most {MAX_DEPTH} levels"), received=Fact(str(demand))
            )
        self._stack.append(child)
        self._expand(description.dependencies, below)
        self._stack.pop()

    def _ancestor(self, key: Key) -> Node | None:
        for node in reversed(self._stack):
            if node.key is None or node.key == key:
                return node
        return None

    def _describe(self, demand: Demand, where: str) -> _Description:
        """Read what an artifact depends on, following its relocations."""
        if demand.system_path:
            return _Description(demand)
        passed: list[Key] = []
        seen: set[tuple[str, str, str]] = set()
        where = f"{demand}, {where}"
        while True:
            group, artifact = demand.group, demand.artifact
            version = self._versions.exact(group, artifact, demand.version, demand.extension, demand.classifier)
            pom_version = self._versions.exact(group, artifact, demand.version, "pom")
            coordinate = pom_coordinate(group, artifact, pom_version, where)
            name = (group, artifact, base_version(version))
            if name in seen or len(seen) > MAX_RELOCATIONS:
                raise PomInvalid("relocations go round in a circle", expected=Fact("an end"), received=Fact(where))
            seen.add(name)
            model = self._models.effective(coordinate, where)
            if model is None or model.relocation is None:
                return _Description(demand, tuple(passed), self._demands_of(coordinate, model), model)
            passed.append(demand.key)
            relocation = model.relocation
            demand = replace(
                demand,
                group=relocation.group or group,
                artifact=relocation.artifact or artifact,
                version=relocation.version or version,
            )

    def _demands_of(self, coordinate: Coordinate, model: Model | None) -> tuple[Demand, ...]:
        if model is None:
            return ()
        known = self._demands.get(coordinate)
        if known is None:
            known = self._demands[coordinate] = tuple(map(make_demand, model.dependencies))
        return known


def _is_selected(demand: Demand, level: _Level) -> bool:
    """Whether a dependency is followed at all, judged by what was declared and not by what is managed."""
    if level.is_transitive and demand.scope in _NOT_TRANSITIVE:
        return False
    if level.depth > 1 and demand.optional:
        return False
    return not (level.exclusions and is_excluded(demand.group, demand.artifact, level.exclusions))


def is_excluded(group: str, artifact: str, exclusions: frozenset[tuple[str, str]]) -> bool:
    """Whether one of the exclusions names this group and artifact, exactly or by a lone `*`."""
    return any((g, a) in exclusions for g in (group, _ANY) for a in (artifact, _ANY))
