"""The patterns that a policy names artifacts with, and an index over many of them.

Says which pattern matches and which of several is the most specific; what then holds is the
policy's business.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from verifier.coordinate import Coordinate, base_version
from verifier.maven.range import RangeInvalid, VersionRange
from verifier.maven.version import Version

MAX_PATTERN_CHARACTERS = 1024
MAX_INTERVALS = 16

_GROUP = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_ARTIFACT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_WORD = r"[A-Za-z0-9_+~$@!=-][A-Za-z0-9._+~$@!=-]*"
_VERSION = re.compile(rf"(?!(?:LATEST|RELEASE)$){_WORD}")
# The resolver takes any characters in a bound; what no coordinate can have is a slip here.
_INTERVAL = rf"(?:\[{_WORD}(?:\.\*)?\]|[\[(](?:{_WORD})?,(?:{_WORD})?[\])])"
_RANGE = re.compile(rf"{_INTERVAL}(?:,?{_INTERVAL})*")
_SPACE_BETWEEN = re.compile(r"(?<=[\[(,\])]) +| +(?=[\[(,\])])")
_HINT = "write group, group.*, group:artifact or group:artifact:version-range"
_RANGE_HINT = "a range is written as in Maven: [1.0,2.0), [1.0,), (,2.0], [1.0], [1.0.*]"


class PatternInvalid(ValueError):
    """A text is no pattern; `problem` says why, `hint` what to write."""

    def __init__(self, problem: str, hint: str = _HINT) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


class Reach(IntEnum):
    """How far a pattern reaches, widest first."""

    BELOW = 0
    GROUP = 1
    ARTIFACT = 2
    RANGE = 3
    VERSION = 4


class Specificity(NamedTuple):
    """Orders patterns that match the same coordinate: the higher one is the more specific.

    `depth` is the number of segments of the group.
    """

    reach: Reach
    depth: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Names a set of artifacts; two patterns are equal when their text is.

    `stem` is the text without the version.
    """

    text: str
    stem: str = field(compare=False, repr=False)
    group: str = field(compare=False, repr=False)
    reach: Reach = field(compare=False, repr=False)
    artifact: str = field(default="", compare=False, repr=False)
    version: str = field(default="", compare=False, repr=False)
    versions: VersionRange | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def specificity(self) -> Specificity:
        """Rank among the patterns that match the same coordinate."""
        return Specificity(self.reach, self.group.count(".") + 1)

    @property
    def names_groups_only(self) -> bool:
        """Whether it takes every artifact of its groups."""
        return self.reach <= Reach.GROUP

    def covers_group(self, group: str) -> bool:
        """Whether something in the group may match."""
        return group == self.group or (self.reach is Reach.BELOW and group.startswith(f"{self.group}."))

    def matches(self, coordinate: Coordinate) -> bool:
        """Whether the coordinate is in the set.

        A timestamped snapshot counts as its -SNAPSHOT too: Maven's ranges know it by that version.
        """
        if not self.covers_group(coordinate.group) or (self.artifact and coordinate.artifact != self.artifact):
            return False
        base = base_version(coordinate.version)
        if self.version:
            return self.version in {coordinate.version, base}
        return self.versions is None or self.versions.contains(Version.parse(base))

    def rivals(self, other: "Pattern") -> bool:
        """Whether some coordinate may match both, with neither the more specific."""
        if self.stem != other.stem or self.reach is not other.reach:
            return False
        if self.versions and other.versions:
            return self.versions.overlaps(other.versions)
        return self.version == other.version


def parse_pattern(text: str) -> Pattern:
    """Read a pattern.

    Shape: `group` is that group alone, `group.*` the group and all below it, segment by segment;
    `group:artifact`; `group:artifact:version`, exactly that one; `group:artifact:range` with one of
    Maven's version ranges.  Wildcards stand nowhere else.

    Raises: `PatternInvalid`, also for a range that holds no version.

    >>> parse_pattern("org.example.*").matches(Coordinate("org.example.widget", "core", "1.0"))
    True
    """
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise PatternInvalid(f"a pattern has at most {MAX_PATTERN_CHARACTERS} characters, this one {len(text)}")
    group, *parts = text.split(":", 2)
    below = group.endswith(".*") and not parts
    group = group.removesuffix(".*") if below else group
    _check_wildcards(text, group, parts)
    _check("group", group, _GROUP, text)
    stem = ":".join([group, *parts[:1]]) + (".*" if below else "")
    if not parts:
        return Pattern(stem, stem, group, Reach.BELOW if below else Reach.GROUP)
    _check("artifact", parts[0], _ARTIFACT, text)
    if len(parts) == 1:
        return Pattern(stem, stem, group, Reach.ARTIFACT, parts[0])
    if not parts[1].startswith(("[", "(")):
        _check("version", parts[1], _VERSION, text)
        return Pattern(text, stem, group, Reach.VERSION, parts[0], version=parts[1])
    versions = _parse_versions(parts[1], text)
    return Pattern(f"{stem}:{versions}", stem, group, Reach.RANGE, parts[0], versions=versions)


def _check_wildcards(text: str, group: str, parts: list[str]) -> None:
    if text == "*":
        raise PatternInvalid("'*' alone would match everything", "defaults for all stand under [require]; name a group")
    if "*" in group or "*" in "".join(parts[:1]):
        raise PatternInvalid(f"in {text!r} a '*' stands where none may: only 'group.*' has one", _HINT)


def _check(name: str, value: str, grammar: re.Pattern[str], text: str) -> None:
    if not value:
        raise PatternInvalid(f"the {name} of the pattern {text!r} is empty")
    if not grammar.fullmatch(value):
        raise PatternInvalid(f"the {name} {value!r} of the pattern {text!r} is none that a coordinate can have")


def _parse_versions(text: str, pattern: str) -> VersionRange:
    plain = _SPACE_BETWEEN.sub("", text)
    try:
        versions = VersionRange.parse(plain)
    except RangeInvalid as error:
        raise PatternInvalid(str(error), _RANGE_HINT) from error
    if not _RANGE.fullmatch(plain):
        raise PatternInvalid(f"the range of the pattern {pattern!r} holds what no version can have", _RANGE_HINT)
    if len(versions.intervals) > MAX_INTERVALS:
        raise PatternInvalid(f"the range of a pattern has at most {MAX_INTERVALS} parts, not {len(versions.intervals)}")
    if versions.is_empty:
        raise PatternInvalid(f"no version lies in {plain!r}", "include a bound, as in [1.0]")
    return versions


def stems(group: str, artifact: str) -> Iterator[str]:
    """Give the stem of every pattern that may match the artifact, most specific first.

    >>> list(stems("org.example", "widget"))
    ['org.example:widget', 'org.example', 'org.example.*', 'org.*']
    """
    yield f"{group}:{artifact}"
    yield from _group_stems(group)


def _group_stems(group: str) -> Iterator[str]:
    yield group
    while group:
        yield f"{group}.*"
        group = group.rpartition(".")[0]


T = TypeVar("T")


class PatternIndex(Generic[T]):
    """Finds among many patterns, in time that does not grow with their number, those that match."""

    __slots__ = ("_by_stem",)

    def __init__(self, entries: Iterable[tuple[Pattern, T]]) -> None:
        self._by_stem: dict[str, list[tuple[Pattern, T]]] = {}
        for pattern, value in entries:
            self._by_stem.setdefault(pattern.stem, []).append((pattern, value))

    def matching(self, coordinate: Coordinate) -> tuple[T, ...]:
        """Give the values of every pattern that matches, most specific first, else in the order given."""
        found = [
            entry
            for stem in stems(coordinate.group, coordinate.artifact)
            for entry in self._by_stem.get(stem, ())
            if entry[0].matches(coordinate)
        ]
        found.sort(key=lambda entry: entry[0].specificity, reverse=True)
        return tuple(value for _, value in found)

    def covering(self, group: str) -> tuple[T, ...]:
        """Give the values of the most specific pattern that takes all of the group, in the order given."""
        for stem in _group_stems(group):
            if stem in self._by_stem:
                return tuple(value for _, value in self._by_stem[stem])
        return ()
