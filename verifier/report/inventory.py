"""What a run fetched, as the exports tell it: the verified artifacts, and who needs whom.

POMs and metadata are how the artifacts were chosen and are no part of the list.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from verifier.coordinate import Coordinate
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome
from verifier.signing import SignatureFinding

BUILD = "build"
"""In place of a scope: what the build itself loads and runs."""

_STRONGEST = ("compile", "runtime", "provided", "test")


@dataclass(frozen=True, slots=True)
class Item:
    """One artifact with its outcome; `scope` is the strongest of those that it is used in, None where none is known.

    Shape: `needs` is sorted, and names items of the same inventory; None where nobody asked what it needs.
    """

    coordinate: Coordinate
    outcome: Outcome
    scope: str | None = None
    optional: bool = False
    needs: tuple[Coordinate, ...] | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was fetched, sorted by coordinate.

    Shape: `needs` are the items that the project itself needs, and those that nothing else does; `left_out` names
    what lies on the user's own machine, by a path in a POM, and was neither fetched nor verified.
    """

    project: Coordinate | None
    needs: tuple[Coordinate, ...]
    items: tuple[Item, ...]
    left_out: tuple[str, ...] = ()


def take_files(files: Iterable[Coordinate], outcomes: Sequence[Outcome]) -> Inventory:
    """List files that were named one by one."""
    found = _verified(outcomes)
    listed = tuple(sorted(set(files)))
    return Inventory(None, listed, tuple(Item(one, found[one]) for one in listed))


def take_graph(
    project: Coordinate | None, resolved: Sequence[Resolved], plugins: Sequence[Resolved], outcomes: Sequence[Outcome]
) -> Inventory:
    """List a graph; each artifact once, however often it is used.

    A project's own modules are no artifacts: what they need, the project needs.
    """
    found = _verified(outcomes)
    every = (*resolved, *plugins)
    uses: dict[Coordinate, list[Resolved]] = {}
    for each in every:
        if not each.system_path:
            uses.setdefault(each.file, []).append(each)
    files = {each.coordinate: each.file for each in every if not each.system_path}
    beside_the_build = frozenset(resolved)
    items = tuple(_item(file, found[file], uses[file], beside_the_build, files) for file in sorted(uses))
    needed = {one for item in items for one in item.needs or ()}
    direct = {each.file for each in resolved if each.depth == 1} & uses.keys()
    return Inventory(
        project,
        tuple(sorted(direct | (uses.keys() - needed))),
        items,
        tuple(sorted({str(each.coordinate) for each in resolved if each.scope == "system"})),
    )


def _item(
    file: Coordinate,
    outcome: Outcome,
    uses: Sequence[Resolved],
    beside_the_build: frozenset[Resolved],
    files: Mapping[Coordinate, Coordinate],
) -> Item:
    """Join all uses of one artifact; what it is used for beside the build counts, where there is something."""
    counting = [each for each in uses if each in beside_the_build]
    asked = [each.needs for each in uses if each.needs is not None]
    needs = {files[one] for known in asked for one in known if one in files} - {file}
    return Item(
        file,
        outcome,
        min((each.scope for each in counting), key=_rank, default=BUILD),
        all(each.optional for each in counting or uses),
        tuple(sorted(needs)) if asked else None,
    )


def good_signature(outcome: Outcome) -> SignatureFinding | None:
    """Give the signature that an acceptance rests on."""
    findings = outcome.findings
    if findings is None or findings.signer is None:
        return None
    return next((one for one in findings.signatures if one.status == "good" and one.primary == findings.signer), None)


def _verified(outcomes: Iterable[Outcome]) -> Mapping[Coordinate, Outcome]:
    """Give the outcomes by coordinate.

    Raises: `ValueError` where one is not verified: nothing else is ever listed.
    """
    found = {}
    for outcome in outcomes:
        if outcome.cause is not None:
            raise ValueError(outcome.name)
        if isinstance(outcome.coordinate, Coordinate):
            found[outcome.coordinate] = outcome
    return found


def _rank(scope: str) -> int:
    return _STRONGEST.index(scope) if scope in _STRONGEST else len(_STRONGEST)
