"""Who competes with whom, and in which order it is decided: a graph's nodes in groups, parents before children.

The numbers of groups and the order among them follow Maven's own, down to the order of its hash sets, since
the answer depends on it where dependencies go round in circles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from verifier.maven.graph import Key, Node

NO_GROUP = -1

_TABLE = 16
_INT = 0xFFFFFFFF


def every_node(root: Node) -> Iterable[Node]:
    """Give each node once, depth first, a node before its children."""
    seen = {id(root)}
    pending = [iter((root,))]
    while pending:
        node = next(pending[-1], None)
        if node is None:
            pending.pop()
            continue
        if node is root or id(node) not in seen:
            seen.add(id(node))
            yield node
            pending.append(iter(node.children))


def mark_groups(root: Node) -> None:
    """Number the groups of competitors; a relocation joins those of the old and the new name.

    Source: maven-resolver 1.6.3, ConflictMarker.
    """
    marker = _Marker()
    nodes = [node for node in every_node(root) if node.demand and node.key]
    for node in nodes:
        marker.note(frozenset((node.demand.key, *node.others)) if node.demand else frozenset())
    for node in nodes:
        node.group = marker.groups[node.demand.key].number if node.demand else NO_GROUP


class _Marker:
    """The groups so far; every joining of two takes a new number."""

    def __init__(self) -> None:
        self.groups: dict[Key, _Group] = {}
        self._count = 0

    def note(self, keys: frozenset[Key]) -> None:
        found: _Group | None = None
        is_changed = False
        for key in _java_keys(keys):
            known = self.groups.get(key)
            if known is None:
                is_changed = is_changed or found is not None
            elif known is not found:
                merged = known.keys | (found.keys if found else keys)
                if merged == known.keys:
                    found, is_changed = known, False
                    break
                if found is None or merged != found.keys:
                    found, is_changed = self._new(merged), True
        if found is None:
            found, is_changed = self._new(keys), True
        if is_changed:
            self.groups |= dict.fromkeys(found.keys, found)

    def _new(self, keys: frozenset[Key]) -> "_Group":
        self._count += 1
        return _Group(keys, self._count - 1)


@dataclass(frozen=True, slots=True)
class _Group:
    keys: frozenset[Key]
    number: int


def _java_keys(keys: frozenset[Key]) -> list[Key]:
    """Put keys into the order of Java's hash set of them."""
    return sorted(keys, key=lambda key: _bucket(_java_hash(key), len(keys))) if len(keys) > 1 else list(keys)


def _java_hash(key: Key) -> int:
    group, artifact, extension, classifier = key
    total = 17
    for text in (artifact, group, classifier, extension):
        value = 0
        for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"):
            value = value * 31 + unit & _INT
        total = total * 31 + value & _INT
    return total


def _bucket(number: int, count: int) -> int:
    """Tell in which place of a hash set of `count` things Java keeps the one with this hash."""
    size = _TABLE
    while count * 4 > size * 3:
        size *= 2
    return (number ^ number >> 16) & (size - 1)


@dataclass(slots=True, eq=False)
class _Id:
    """A group in the graph of groups."""

    number: int
    depth: int
    in_degree: int = 0
    children: list["_Id"] = field(default_factory=list)
    known: set[int] = field(default_factory=set)

    def add(self, child: "_Id") -> None:
        if child.number not in self.known:
            self.known.add(child.number)
            self.children.append(child)
            child.in_degree += 1

    def pull_up(self, depth: int) -> None:
        pending = [(self, depth)]
        while pending:
            group, near = pending.pop()
            if near < group.depth:
                group.depth = near
                pending += [(child, near + 1) for child in group.children]


def sort_groups(root: Node) -> tuple[list[int], dict[int, set[int]]]:
    """Order the groups, parents first, and tell for each group in a circle which others are in it.

    Source: maven-resolver 1.6.3, ConflictIdSorter.
    """
    ids = _group_graph(root)
    for group in ids:
        size = len(group.children)
        # Java keeps these in a hash set of numbers, whose order shows where there are circles.
        group.children.sort(key=lambda child: _bucket(child.number, size))
    order: list[int] = []
    queue = [group for group in ids if group.in_degree <= 0]
    queue.sort(key=lambda group: group.depth)
    _drain(queue, order)
    if len(order) == len(ids):
        return order, {}
    while len(order) < len(ids):
        open_ids = [group for group in ids if group.in_degree > 0]
        nearest = min(open_ids, key=lambda group: (group.depth, group.in_degree))
        nearest.in_degree = 0
        _drain([nearest], order)
    return order, _circles(ids)


def _group_graph(root: Node) -> list[_Id]:
    ids: dict[int, _Id] = {}
    if root.group != NO_GROUP:
        ids[root.group] = _Id(root.group, 0)
    seen = {id(root)}
    frames = [(iter(root.children), ids.get(root.group))]
    while frames:
        children, group = frames[-1]
        child = next(children, None)
        if child is None:
            frames.pop()
            continue
        depth = len(frames)
        below = ids.get(child.group)
        if below is None:
            below = ids[child.group] = _Id(child.group, depth)
        else:
            below.pull_up(depth)
        if group is not None:
            group.add(below)
        if id(child) not in seen:
            seen.add(id(child))
            frames.append((iter(child.children), below))
    return list(ids.values())


def _drain(queue: list[_Id], order: list[int]) -> None:
    """Take groups from the queue, nearest first, the first to come among equals, and let their children in."""
    while queue:
        group = queue.pop(0)
        order.append(group.number)
        for child in group.children:
            child.in_degree -= 1
            if child.in_degree == 0:
                place = len(queue)
                while place and child.depth < queue[place - 1].depth:
                    place -= 1
                queue.insert(place, child)


def _circles(ids: Sequence[_Id]) -> dict[int, set[int]]:
    """Find circles as Maven does: not every one, but those that one walk meets."""
    found: dict[int, set[int]] = {}
    visited: set[int] = set()
    for start in ids:
        way: dict[int, int] = {start.number: 0}
        if start.number in visited:
            continue
        visited.add(start.number)
        frames = [(start, iter(start.children))]
        while frames:
            group, children = frames[-1]
            child = next(children, None)
            if child is None:
                frames.pop()
                del way[group.number]
            elif child.number in way:
                circle = {number for number, place in way.items() if place >= way[child.number]}
                for number in circle:
                    found.setdefault(number, set()).update(circle)
            elif child.number not in visited:
                visited.add(child.number)
                way[child.number] = len(way)
                frames.append((child, iter(child.children)))
    return found
