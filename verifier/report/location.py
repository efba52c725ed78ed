"""Where in the user's own files a verdict belongs, so that a reviewer finds it on the line that he changed.

Values and the choice between them; who reads the files to know their lines is the command line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from verifier.coordinate import Subject
from verifier.errors import PinMismatch, ReasonedError
from verifier.outcome import Outcome

MAX_STEPS = 200
"""How far up a graph the one who brought an artifact in is looked for."""

_PLACE = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Location:
    """A line of a file.

    Shape: `file` is relative to the root of the checkout, with forward slashes; `line` counts from 1.
    """

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Atlas:
    """All that is known of where things stand.

    Shape: `lines` by an outcome's name, a `group:artifact:version` or a `group:artifact`; `parents` leads from a
    `group:artifact:version` to the one that brought it in; `own` from the user's files, as messages name them, to the
    same below the root.  `root` is the absolute path of the checkout.
    """

    fallback: Location
    lines: Mapping[str, Location] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    root: str = ""

    def place(self, outcome: Outcome) -> Location:
        """Choose the line for an outcome; there always is one, since some readers demand it.

        1. The pin that the bytes contradict.
        2. The line that names the artifact.
        3. The line that names who brought it in.
        4. The line of the policy that asks for what is missing.
        5. Whatever file the run was about.
        """
        cause = outcome.cause
        written = next(iter(self._written(cause)), None) if cause is not None else None
        if isinstance(cause, PinMismatch) and written is not None:
            return written
        return self._named(outcome) or written or self.fallback

    def told(self, file: str | None, line: int | None) -> Location:
        """Give the place that a message names, or the file that the run was about."""
        known = None if file is None else self.own.get(file)
        return self.fallback if known is None else Location(known, line or 1)

    def shorten(self, text: str) -> str:
        """Take this machine's path to the checkout out of a text."""
        return text.replace(f"{self.root}/", "") if self.root.strip("/") else text

    def _written(self, cause: ReasonedError) -> Iterator[Location]:
        for fact in (cause.expected, cause.received):
            for place in (fact.origin if fact is not None else "").split(", "):
                match = _PLACE.fullmatch(place)
                if match and match["file"] in self.own:
                    yield Location(self.own[match["file"]], int(match["line"]))

    def _named(self, outcome: Outcome) -> Location | None:
        if outcome.name in self.lines:
            return self.lines[outcome.name]
        subject = outcome.coordinate
        if subject is None or not subject.artifact:
            return None
        for name in self._bringers(subject):
            for known in (name, name.rpartition(":")[0]):
                if known in self.lines:
                    return self.lines[known]
        return None

    def _bringers(self, subject: Subject) -> Iterable[str]:
        """Give the artifact and those that it came by, up to who is named by the user."""
        name = f"{subject.group}:{subject.artifact}:{subject.version}"
        for _ in range(MAX_STEPS):
            yield name
            parent = self.parents.get(name)
            if parent is None:
                return
            name = parent


NOWHERE = Atlas(Location("verifier.toml"))
"""Where nothing is known, as in a run that had no file: a policy would stand there."""
