"""Resolving as Maven 3 does: from what is asked for to the list of what a build will use.

This is the door of Maven's rules: it ties model, graph and conflicts together for one context and one source.
Everything that is read comes through the source (see `source`), and nothing is fetched but POMs and metadata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verifier.coordinate import Coordinate
from verifier.maven.conflict import resolve_conflicts
from verifier.maven.graph import Collector, Demand, Node
from verifier.maven.groups import every_node
from verifier.maven.model import Model, Models
from verifier.maven.profile import Context
from verifier.maven.source import Source
from verifier.maven.versions import Versions


@dataclass(frozen=True, slots=True)
class Resolved:
    """One artifact of the result.

    Shape: `coordinate` has the version as Maven lists it, `file` the one under which the file lies today (they differ
    for LATEST, RELEASE and snapshots); `parent` is None right below the project or root; `system_path` is not empty
    for what lies on the user's machine and is never fetched.  `needs` are the listed artifacts that it depends on by
    its own POM, in the versions that were chosen, `parent` or not; None where nobody asked its POM.
    """

    coordinate: Coordinate
    file: Coordinate
    scope: str
    optional: bool
    depth: int
    parent: Coordinate | None
    system_path: str = ""
    needs: tuple[Coordinate, ...] | None = None


class Resolver:
    """Resolves graphs for one context; POMs and models are kept between them.

    Raises: every method, `PomInvalid`, `MetadataInvalid` and `CoordinateInvalid` naming the POM; `NotFound` for a POM
    that is nowhere or a range that nothing satisfies; what the source raises.
    """

    def __init__(self, source: Source, context: Context) -> None:
        self.versions = Versions(source)
        self.models = Models(source, self.versions, context)
        self._source = source

    def dependencies(self, demands: Sequence[Demand]) -> tuple[Resolved, ...]:
        """Resolve the dependencies of an empty project."""
        return self._finish(self._collector().dependencies(demands))

    def project(self, model: Model) -> tuple[Resolved, ...]:
        """Resolve the dependencies of a project's effective model."""
        return self._finish(self._collector().project(model))

    def root(self, demand: Demand, extra: Sequence[Demand] = ()) -> tuple[Resolved, ...]:
        """Resolve an artifact as the root of its own graph, as plugins are; `extra` are a plugin's own dependencies."""
        return self._finish(self._collector().root(demand, extra))

    def explore(self, demands: Sequence[Demand]) -> None:
        """Ask the source for all that `dependencies` will ask of it, and decide nothing."""
        self._collector().dependencies(demands)

    def _collector(self) -> Collector:
        return Collector(self._source, self.versions, self.models)

    def _finish(self, root: Node) -> tuple[Resolved, ...]:
        # What loses is taken out of these lists, and is still what somebody depends on.
        below = {id(node.children): tuple(node.children) for node in every_node(root)}
        resolve_conflicts(root)
        return tuple(self._list(root, below))

    def _list(self, root: Node, below: Mapping[int, tuple[Node, ...]]) -> list[Resolved]:
        chosen = {
            node.group: _coordinate(node.demand, node.demand.version)
            for node in every_node(root)
            if node.demand and node is not root
        }
        places: dict[int, tuple[int, Coordinate | None]] = {id(root): (0, None)}
        found = []
        for node in every_node(root):
            depth, parent = places[id(node)]
            coordinate = None
            if node.demand and node is not root:
                demand = node.demand
                coordinate = _coordinate(demand, demand.version)
                version = demand.version if demand.system_path else self._exact(demand)
                found.append(
                    Resolved(
                        coordinate,
                        _coordinate(demand, version),
                        node.scope,
                        node.optional,
                        depth,
                        parent,
                        demand.system_path,
                        tuple({chosen[each.group]: 0 for each in below[id(node.children)] if each.group in chosen}),
                    )
                )
            for child in node.children:
                places.setdefault(id(child), (depth + 1, coordinate))
        return found

    def _exact(self, demand: Demand) -> str:
        return self.versions.exact(demand.group, demand.artifact, demand.version, demand.extension, demand.classifier)


def _coordinate(demand: Demand, version: str) -> Coordinate:
    # Every part was checked when the graph was collected.
    return Coordinate(demand.group, demand.artifact, version, demand.extension, demand.classifier)
