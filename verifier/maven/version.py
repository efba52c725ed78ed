"""The order of versions, as Maven's resolver sees it for dependencies, ranges and metadata.

This is the resolver's GenericVersion order.  Maven's other order, ComparableVersion, which
judges parents on disk and plugin prerequisites, differs from it and is deliberately not here.
"""

import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

_MIN, _QUALIFIER, _WORD, _NUMBER, _MAX = 0, 2, 3, 4, 8
_NUMERIC = frozenset({_MIN, _NUMBER, _MAX})
_QUALIFIERS = {"alpha": -5, "beta": -4, "milestone": -3, "rc": -2, "cr": -2, "snapshot": -1}
_QUALIFIERS |= {"": 0, "ga": 0, "final": 0, "release": 0, "sp": 1}
_ABBREVIATIONS = {"a": "alpha", "b": "beta", "m": "milestone"}
_TOKEN = re.compile(r"(?:(?P<number>\d+)|(?P<word>[^\d._-]+))[._-]?|[._-]")


class _Item(NamedTuple):
    """One piece of a version; items of like kind compare as tuples.

    A number is its count of digits and then the digits, so its size has no bound: Python refuses
    to read integers of more than 4,300 digits.
    """

    kind: int
    rank: int
    text: str

    @property
    def is_numeric(self) -> bool:
        return self.kind in _NUMERIC

    def against_nothing(self) -> int:
        """Compare with the padding of a shorter version: below it, like it, above it."""
        if self.kind == _QUALIFIER:
            return self.rank
        if self.kind == _NUMBER:
            return 0 if self.text == "0" else 1
        return -1 if self.kind == _MIN else 1


@dataclass(frozen=True, slots=True)
class Version:
    """A version that can be compared as Maven's resolver compares it.

    Two values are equal when their text is, since 1.0 and 1 are different files; `compare` says
    that Maven ranks them alike.  The order is not transitive among versions that begin with
    letters: there, sorting gives an order and not the order.

    Source: maven-resolver 1.6.3, org.eclipse.aether.util.version.GenericVersion.

    >>> Version.parse("2.0-rc1") < Version.parse("2.0") < Version.parse("2.0.1")
    True
    >>> Version.parse("1.0.Final").compare(Version.parse("1"))
    0
    """

    text: str
    _items: tuple[_Item, ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Split any text into the items that are compared; the resolver takes every text, and so does this."""
        return cls(text, tuple(_trim(_split(text))))

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: "Version") -> bool:
        return self.compare(other) < 0

    def compare(self, other: "Version") -> int:
        """Rank against another version: negative for lower, 0 for alike, positive for higher."""
        mine, theirs = self._items, other._items  # noqa: SLF001  (the same class)
        numeric = True
        for index in range(min(len(mine), len(theirs))):
            this, that = mine[index], theirs[index]
            if this.is_numeric != that.is_numeric:
                # 1.0.1 and 1.0-rc part here.  The side that goes on as before is weighed against
                # nothing, as far as it goes on so.
                if numeric == this.is_numeric:
                    return _against_nothing(mine[index:], numeric=numeric)
                return -_against_nothing(theirs[index:], numeric=numeric)
            if this != that:
                return -1 if this < that else 1
            numeric = this.is_numeric
        common = min(len(mine), len(theirs))
        return _against_nothing(mine[common:]) - _against_nothing(theirs[common:])


def _split(text: str) -> list[_Item]:
    text = text or "0"
    return [_item(match, is_last=match.end() == len(text)) for match in _TOKEN.finditer(text)]


def _item(match: re.Match[str], *, is_last: bool) -> _Item:
    word = match["word"]
    if word is None:
        # An empty piece between two separators counts as 0.
        digits = match["number"] or "0"
        digits = digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)
        digits = digits.lstrip("0") or "0"
        return _Item(_NUMBER, len(digits), digits)
    word = word.lower()
    if is_last and word in {"min", "max"}:
        return _Item(_MIN if word == "min" else _MAX, 0, "")
    before_number = not is_last and match.end() == match.end("word")
    if before_number:
        word = _ABBREVIATIONS.get(word, word)
    rank = _QUALIFIERS.get(word)
    return _Item(_WORD, 0, word) if rank is None else _Item(_QUALIFIER, rank, "")


def _trim(items: list[_Item]) -> list[_Item]:
    """Drop what is like nothing from the end of each run of numbers or of words.

    The first item of a run stays, unless the run ends the version; the first item of all stays.
    """
    kept: list[_Item] = []
    runs = [list(run) for _, run in groupby(items, key=lambda item: item.is_numeric)]
    for index in reversed(range(len(runs))):
        run = runs[index]
        least = 1 if kept or index == 0 else 0
        while len(run) > least and run[-1].against_nothing() == 0:
            run.pop()
        kept += reversed(run)
    return kept[::-1]


def _against_nothing(items: tuple[_Item, ...], *, numeric: bool | None = None) -> int:
    for item in items:
        if numeric is not None and item.is_numeric != numeric:
            return 0
        rank = item.against_nothing()
        if rank:
            return rank
    return 0
