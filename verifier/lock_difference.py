"""What changed between two lock files, sorted by what a reviewer has to look at first.

Compares values and says nothing of whether a change is right: that is for who reads it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from verifier.lockfile import Kind, Lock, Locked, setting_words
from verifier.maven.version import Version


class Change(Enum):
    """What happened to one file, or to the files of one module; the gravest first."""

    BYTES = "bytes changed under the same version"
    SIGNER = "signer changed"
    UNSIGNED = "no longer signed"
    EXEMPT = "exemption added"
    VOUCHED = "vouched for otherwise"
    DOWNGRADED = "downgraded"
    UPGRADED = "upgraded"
    ADDED = "added"
    REMOVED = "removed"
    SIGNED = "now signed"
    METADATA = "metadata changed"

    @property
    def is_grave(self) -> bool:
        """Whether it is a change of trust, which no mere bump of a version explains."""
        return self in {Change.BYTES, Change.SIGNER, Change.UNSIGNED, Change.EXEMPT, Change.VOUCHED}


@dataclass(frozen=True, slots=True)
class Changed:
    """One change: the line before and after, either None where there is none."""

    change: Change
    before: Locked | None
    after: Locked | None

    @property
    def name(self) -> str:
        """The coordinate that the change is about: the new one where there is one."""
        one = self.after or self.before
        return "" if one is None else one.name


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs.

    Shape: `changes` are sorted, the gravest first; an upgraded file may stand among them once more for its signer.
    `setting` and `inputs` tell what the locks were made for: each a name with its value before and after.
    """

    changes: tuple[Changed, ...]
    setting: tuple[tuple[str, str, str], ...]
    inputs: tuple[tuple[str, str], ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.changes or self.setting or self.inputs)

    def of(self, change: Change) -> tuple[Changed, ...]:
        """Give the changes of one kind."""
        return tuple(one for one in self.changes if one.change is change)


def compare(old: Lock, new: Lock) -> Difference:
    """Say what changed.

    A file that went, and one of another version that came in its place, are one upgrade; where several versions of
    a file stand side by side, those are paired in their order.
    """
    changes = [*_on_the_same_line(old, new), *_on_other_lines(old, new), *_metadata(old, new)]
    order = list(Change)
    return Difference(
        tuple(sorted(changes, key=lambda one: (order.index(one.change), one.name))),
        tuple(_settings(old, new)),
        tuple(
            [("removed", one) for one in old.inputs if one not in new.inputs]
            + [("added", one) for one in new.inputs if one not in old.inputs]
        ),
    )


def _on_the_same_line(old: Lock, new: Lock) -> Iterator[Changed]:
    for name, after in new.entries.items():
        before = old.entries.get(name)
        if before is not None:
            if before.sha256 != after.sha256:
                yield Changed(Change.BYTES, before, after)
            yield from _trust(before, after)


def _trust(before: Locked, after: Locked) -> Iterator[Changed]:
    """Say what changed about who vouches."""
    was, now = before.grounds, after.grounds
    if was == now:
        return
    if now.kind is Kind.EXEMPT:
        change = Change.EXEMPT
    elif was.kind is Kind.KEY:
        change = Change.SIGNER if now.kind is Kind.KEY else Change.UNSIGNED
    else:
        change = Change.SIGNED if now.kind is Kind.KEY else Change.VOUCHED
    yield Changed(change, before, after)


def _on_other_lines(old: Lock, new: Lock) -> Iterator[Changed]:
    gone = _by_module(one for name, one in old.entries.items() if name not in new.entries)
    come = _by_module(one for name, one in new.entries.items() if name not in old.entries)
    for module in gone.keys() | come.keys():
        before, after = gone.get(module, []), come.get(module, [])
        for was, now in zip(before, after, strict=False):
            rises = not _version(now) < _version(was)
            yield Changed(Change.UPGRADED if rises else Change.DOWNGRADED, was, now)
            yield from _trust(was, now)
        yield from (Changed(Change.REMOVED, one, None) for one in before[len(after) :])
        for one in after[len(before) :]:
            yield Changed(Change.ADDED, None, one)
            if one.grounds.kind is Kind.EXEMPT:
                yield Changed(Change.EXEMPT, None, one)


def _by_module(lines: Iterable[Locked]) -> Mapping[str, list[Locked]]:
    """Group lines by what their coordinates are versions of, the lowest version first."""
    found: dict[str, list[Locked]] = {}
    for one in lines:
        found.setdefault(one.name.rpartition(":")[0], []).append(one)
    return {module: sorted(those, key=_version) for module, those in found.items()}


def _version(one: Locked) -> Version:
    return Version.parse(one.subject.version)


def _metadata(old: Lock, new: Lock) -> Iterator[Changed]:
    """Compare what steered the choice of versions, in which each repository has its own."""
    before, after = ({str(one): one for one in lock.metadata} for lock in (old, new))
    lost = [one for line, one in before.items() if line not in after]
    for one in (one for line, one in after.items() if line not in before):
        was = next((each for each in lost if each.subject == one.subject), None)
        if was is not None:
            lost.remove(was)
        yield Changed(Change.METADATA, was, one)
    yield from (Changed(Change.METADATA, one, None) for one in lost)


def _settings(old: Lock, new: Lock) -> Iterator[tuple[str, str, str]]:
    before, after = (dict(setting_words(lock.setting)) if lock.setting is not None else {} for lock in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, "") != after.get(name, ""):
            yield name, before.get(name, ""), after.get(name, "")
