"""Which of several versions remains: the nearest, the first among equals, and nothing below those that lost.

Works on a collected graph and changes it in place.  In which order groups of competitors are decided, `groups` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from verifier.errors import Fact, NotFound, PomInvalid
from verifier.maven.graph import Node
from verifier.maven.groups import NO_GROUP, mark_groups, sort_groups

MAX_STEPS = 20_000_000


def resolve_conflicts(root: Node) -> None:
    """Leave one node of each group, with the scope that all paths to it ask for.

    Shape: afterwards the graph is a tree, apart from what Maven leaves in circles.

    Raises: `NotFound` where ranges exclude one another; `PomInvalid` for a graph too entangled to be decided in time.

    Source: maven-resolver 1.6.3, ConflictResolver, NearestVersionSelector,
    JavaScopeSelector, SimpleOptionalitySelector.
    """
    mark_groups(root)
    order, circles = sort_groups(root)
    walk = _Walk(root, circles)
    for position, group in enumerate(order):
        items = walk.gather(group)
        winner = _choose(items) if items else None
        if winner:
            scope, optional = _scope(winner, items), _optional(items)
            winner.node.scope, winner.node.optional = scope, optional
            for item in items:
                if item is not winner and item.siblings is not None:
                    _remove(item.siblings, item.node)
        walk.decide(group, winner.node if winner else None)
        if position == len(order) - 1 and circles and winner:
            walk.sweep(winner.node)


def _remove(siblings: list[Node], node: Node) -> None:
    for index, sibling in enumerate(siblings):
        if sibling is node:
            del siblings[index]
            return


# Who is in the competition, and how near


@dataclass(slots=True, eq=False)
class _Item:
    """A competitor under one list of children: the scopes and options by which paths reach it."""

    siblings: list[Node] | None
    node: Node
    scopes: set[str]
    optionals: set[bool]
    depth: int = 0


@dataclass(slots=True, eq=False)
class _Info:
    """What is known of a list of children in this walk."""

    depth: int
    scopes: set[str]
    optionals: set[bool]
    items: list[_Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Above:
    """A parent on the way down; `info` is None on a later visit, which makes no new competitors."""

    node: Node
    scope: str
    optional: bool
    info: _Info | None


class _Walk:
    """Walks of the graph, one for each group, each through what earlier ones have left."""

    def __init__(self, root: Node, circles: dict[int, set[int]]) -> None:
        self._root = root
        self._circles = circles
        self._winners: dict[int, Node | None] = {}
        self._ancestors: set[int] = {NO_GROUP}
        self._steps = 0
        self._current = NO_GROUP
        self._items: list[_Item] = []
        self._infos: dict[int, _Info] = {}
        self._on_way: set[int] = set()
        self._above: list[_Above] = []

    def gather(self, group: int) -> list[_Item]:
        """Find the competitors of a group, in the order in which a walk meets them, and drop losers on the way."""
        self._ancestors |= self._circles.get(group, set())
        self._run(self._root, group)
        for item in self._items:
            if item.siblings is not None:
                item.depth = self._infos[id(item.siblings)].depth + 1
        self._ancestors.add(group)
        return self._items

    def decide(self, group: int, winner: Node | None) -> None:
        """Record who won a group; None where nobody was left."""
        self._winners[group] = winner

    def sweep(self, start: Node) -> None:
        """Walk once more, without a group, so that no loser is left in a circle."""
        self._run(start, NO_GROUP - 1)

    def _run(self, start: Node, group: int) -> None:
        self._current = group
        self._items = []
        self._infos = {}
        self._on_way.clear()
        self._above.clear()
        if not self._enters(start):
            return
        frames = [[0]]
        winners, ancestors = self._winners, self._ancestors
        steps = 0
        while frames:
            children = self._above[-1].node.children
            index = frames[-1][0]
            if index >= len(children):
                frames.pop()
                self._on_way.discard(id(self._above.pop().node.children))
                continue
            child = children[index]
            steps += 1
            number = child.group
            winner = winners.get(number)
            if winner is not None and winner is not child:
                del children[index]
                continue
            frames[-1][0] += 1
            if (number == group or number in ancestors) and self._enters(child):
                frames.append([0])
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise PomInvalid(
                "the graph is too entangled", expected=Fact(f"at most {MAX_STEPS} steps"), received=Fact("more")
            )

    def _enters(self, node: Node) -> bool:
        """Note a competitor, or say whether the walk goes down into this node."""
        if node.group == self._current:
            self._add(node)
            return False
        if node.group not in self._ancestors:
            return False
        place = id(node.children)
        if place in self._on_way:
            return False
        depth = len(self._above)
        scope = self._scope_of(node, is_decided=node.group in self._winners)
        optional = self._optional_of(node, is_decided=node.group in self._winners)
        info = self._infos.get(place)
        if info is None:
            info = self._infos[place] = _Info(depth, {scope}, {optional})
            self._above.append(_Above(node, scope, optional, info))
        else:
            info.depth = min(info.depth, depth)
            is_new_scope, is_new_optional = scope not in info.scopes, optional not in info.optionals
            if not is_new_scope and not is_new_optional:
                return False
            info.scopes.add(scope)
            info.optionals.add(optional)
            self._above.append(_Above(node, scope, optional, None))
            for item in info.items:
                if is_new_scope:
                    item.scopes.add(self._scope_of(item.node, is_decided=False))
                if is_new_optional:
                    item.optionals.add(self._optional_of(item.node, is_decided=False))
        self._on_way.add(place)
        return True

    def _add(self, node: Node) -> None:
        info = self._above[-1].info if self._above else None
        if self._above and info is None:
            return
        siblings = self._above[-1].node.children if self._above else None
        item = _Item(
            siblings, node, {self._scope_of(node, is_decided=False)}, {self._optional_of(node, is_decided=False)}
        )
        self._items.append(item)
        if info:
            info.items.append(item)

    def _scope_of(self, node: Node, *, is_decided: bool) -> str:
        if is_decided or node.is_scope_managed or not self._above:
            return node.scope
        return derive_scope(self._above[-1].scope, node.scope)

    def _optional_of(self, node: Node, *, is_decided: bool) -> bool:
        if is_decided or node.optional or node.is_optional_managed or not self._above:
            return node.optional
        return self._above[-1].optional


def derive_scope(parent: str, child: str) -> str:
    """Give the scope that a dependency has through its parent.

    Source: maven-resolver 1.6.3, JavaScopeDeriver.
    """
    if child in {"system", "test"} or parent in {"", "compile"}:
        return child
    if parent in {"test", "runtime"}:
        return parent
    return "provided" if parent in {"system", "provided"} else "runtime"


# Who wins


def _choose(items: Sequence[_Item]) -> _Item:
    """Choose the nearest that every range allows.

    A range met on the way that excludes the best so far sends back to those seen before.
    """
    winner: _Item | None = None
    candidates: list[_Item] = []
    ranges = []
    for item in items:
        wanted = item.node.range
        is_back = False
        if wanted and wanted not in ranges:
            ranges.append(wanted)
            is_back = winner is not None and not wanted.contains(winner.node.version)
        fits = all(each.contains(item.node.version) for each in ranges)
        if fits:
            candidates.append(item)
        if is_back:
            candidates = [each for each in candidates if all(one.contains(each.node.version) for one in ranges)]
            winner = _nearest(candidates)
            if winner is None:
                break
        elif fits and (winner is None or _is_nearer(item, winner)):
            winner = item
    if winner is None:
        names = ", ".join(dict.fromkeys(str(item.node.demand) for item in items[:20]))
        raise NotFound(
            "no version satisfies every range",
            expected=Fact(" and ".join(each.text for each in ranges)),
            received=Fact(names),
        )
    return winner


def _nearest(candidates: Sequence[_Item]) -> _Item | None:
    best: _Item | None = None
    for candidate in candidates:
        if best is None or _is_nearer(candidate, best):
            best = candidate
    return best


def _is_nearer(one: _Item, other: _Item) -> bool:
    if one.siblings is other.siblings:
        return one.node.version.compare(other.node.version) > 0
    return one.depth < other.depth


def _scope(winner: _Item, items: Sequence[_Item]) -> str:
    """Give the widest scope of all competitors, losers included; what was declared directly stays."""
    if winner.node.scope == "system":
        return "system"
    for item in items:
        if item.depth <= 1:
            return item.node.scope
    scopes: set[str] = set().union(*(item.scopes for item in items))
    if len(scopes) > 1:
        scopes.discard("system")
    if len(scopes) == 1:
        return scopes.pop()
    return next((scope for scope in ("compile", "runtime", "provided", "test") if scope in scopes), "")


def _optional(items: Sequence[_Item]) -> bool:
    for item in items:
        if item.depth <= 1:
            return item.node.optional
    return all(False not in item.optionals for item in items)
