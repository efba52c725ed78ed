"""Version ranges, as Maven's resolver reads them.

Says what a range holds.  Which versions there are to choose from, and what a plain version
means in a dependency, is the resolver's business; Maven's older reading of ranges, used for
parents on disk, is not here.
"""

import re
from dataclasses import dataclass, field

from verifier.maven.version import Version

MAX_RANGE_CHARACTERS = 4096

_INTERVAL = re.compile(r"[\[(][^\])]*[\])]")


class RangeInvalid(ValueError):
    """A text is no version range; the message says why."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The versions between two bounds; a bound that is None does not bind."""

    lower: Version | None
    upper: Version | None
    lower_included: bool = True
    upper_included: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether no version can lie here: both bounds rank alike and one is left out."""
        return _is_below(self.upper, self.lower, both_included=self.lower_included and self.upper_included)

    def contains(self, version: Version) -> bool:
        """Whether the version lies between the bounds."""
        return not (
            _is_below(version, self.lower, both_included=self.lower_included)
            or _is_below(self.upper, version, both_included=self.upper_included)
        )

    def overlaps(self, other: "Interval") -> bool:
        """Whether some version may lie in both."""
        return not (
            self.is_empty
            or other.is_empty
            or _is_below(self.upper, other.lower, both_included=self.upper_included and other.lower_included)
            or _is_below(other.upper, self.lower, both_included=other.upper_included and self.lower_included)
        )


def _is_below(upper: Version | None, lower: Version | None, *, both_included: bool) -> bool:
    if upper is None or lower is None:
        return False
    rank = upper.compare(lower)
    return rank < 0 or (rank == 0 and not both_included)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A union of intervals; two ranges are equal when their text is.

    >>> VersionRange.parse("[1.0,2.0)").contains(Version.parse("2.0-rc1"))
    True
    """

    text: str
    intervals: tuple[Interval, ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "VersionRange":
        """Read a range.

        Shape: `[a,b]`, `[a,b)`, `(a,b]`, `(a,b)`, `[a]`, `[a.*]`, either bound of two left out, or
        several of these, with or without a comma between.

        Raises: `RangeInvalid`; also for a plain version, which is no range.

        Source: maven-resolver 1.6.3, GenericVersionScheme and GenericVersionRange.
        """
        if len(text) > MAX_RANGE_CHARACTERS:
            raise RangeInvalid(f"a version range has at most {MAX_RANGE_CHARACTERS} characters, this one {len(text)}")
        intervals = []
        rest = text
        while rest.startswith(("[", "(")):
            match = _INTERVAL.match(rest)
            if not match:
                raise RangeInvalid(f"the range {text!r} is not closed")
            intervals.append(_parse_interval(match[0]))
            rest = _strip(_strip(rest[match.end() :]).removeprefix(","))
        if rest or not intervals:
            raise RangeInvalid(f"expected '[' or '(' in the range {text!r}, not {rest[:1]!r}")
        return cls(text, tuple(intervals))

    def __str__(self) -> str:
        return self.text

    @property
    def is_empty(self) -> bool:
        """Whether no version can lie in it, as in `(1,1)`, which the resolver takes."""
        return all(interval.is_empty for interval in self.intervals)

    def contains(self, version: Version) -> bool:
        """Whether the version lies in one of the intervals."""
        return any(interval.contains(version) for interval in self.intervals)

    def overlaps(self, other: "VersionRange") -> bool:
        """Whether some version may lie in both."""
        return any(mine.overlaps(theirs) for mine in self.intervals for theirs in other.intervals)


def _strip(text: str) -> str:
    # Java's trim: everything up to the blank, and nothing above it.
    return text.strip("".join(map(chr, range(0x21))))


def _parse_interval(text: str) -> Interval:
    lower_included, upper_included = text[0] == "[", text[-1] == "]"
    bounds = [_strip(bound) for bound in text[1:-1].split(",", 2)]
    match bounds:
        case [single] if not (lower_included and upper_included):
            raise RangeInvalid(f"a single version stands in square brackets: '[{single}]', not {text!r}")
        case [prefix] if prefix.endswith(".*"):
            return Interval(Version.parse(f"{prefix[:-1]}min"), Version.parse(f"{prefix[:-1]}max"))
        case [single]:
            version = Version.parse(single)
            return Interval(version, version)
        case [low, high]:
            lower, upper = (Version.parse(bound) if bound else None for bound in (low, high))
            if lower and upper and upper < lower:
                raise RangeInvalid(f"in {text!r} the lower bound is above the upper one")
            return Interval(lower, upper, lower_included, upper_included)
    raise RangeInvalid(f"{text!r} has more than two bounds; several versions are written '[1],[2]'")
