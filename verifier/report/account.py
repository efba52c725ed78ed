"""One run, as the reports that others read tell it: what was judged, what is to be known, and where it all belongs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from verifier.errors import Fact, ReasonedError
from verifier.notices import Notice
from verifier.outcome import Outcome, Status
from verifier.report import text
from verifier.report.escape import printable
from verifier.report.location import Atlas

MAX_FACT_CHARACTERS = 2_000
"""How much of a value, a sentence or an origin goes into one message."""

CACHE_CHANGED = "cache-changed"

_GRAVITY = {Status.REFUSED: 0, Status.UNAVAILABLE: 1, Status.VERIFIED: 2}


@dataclass(frozen=True, slots=True)
class Account:
    """One run.

    Shape: `command` is the name of the subcommand; `outcomes` are sorted by name; `seconds` is the run's length;
    `exit_status` the one that the process will leave with.
    """

    command: str
    outcomes: Sequence[Outcome]
    notices: Sequence[Notice]
    atlas: Atlas
    policy_digest: str
    seconds: float
    exit_status: int

    def problems(self) -> list[tuple[Outcome, ReasonedError]]:
        """Give what is not verified with its cause, the refused first: whoever cuts a list short cuts its end."""
        found = [(outcome, outcome.cause) for outcome in self.outcomes if outcome.cause is not None]
        return sorted(found, key=lambda one: _GRAVITY[one[0].status])

    def count(self, status: Status) -> int:
        """Count the outcomes of one kind."""
        return sum(outcome.status is status for outcome in self.outcomes)

    def remarks(self) -> list[Notice]:
        """Give the notices, and beside them what lay in the cache and was not what this machine left there."""
        replaced = (outcome for outcome in self.outcomes if outcome.replaced is not None)
        return [*self.notices, *(_cache_changed(outcome) for outcome in replaced)]

    def headline(self) -> str:
        """Count the outcomes in a few words, the gravest first."""
        counts = ((status, self.count(status)) for status in _GRAVITY)
        return ", ".join(f"{count} {status.value}" for status, count in counts if count) or "nothing to do"

    def show(self, foreign: str) -> str:
        """Make a text of whatever origin safe, short enough, and free of this machine's paths."""
        shown = printable(self.atlas.shorten(foreign))
        return shown if len(shown) <= MAX_FACT_CHARACTERS else f"{shown[:MAX_FACT_CHARACTERS]}…"

    def sentence(self, outcome: Outcome, cause: ReasonedError) -> str:
        """Say what is wrong in one sentence without a full stop, since a list shows the first one alone."""
        return f"{self.show(outcome.name)} {outcome.status.value}: {self.show(cause.reason)}"

    def message(self, outcome: Outcome, cause: ReasonedError) -> Iterator[str]:
        """Say what is wrong, both sides and what to do, line by line."""
        yield f"{self.sentence(outcome, cause)} ({cause.code})"
        yield from self._side("expected", cause.expected)
        yield from self._side("received", cause.received)
        if cause.others:
            yield f"also: {', '.join(dict.fromkeys(other.code for other in cause.others))}"
        if cause.hint:
            yield f"what to do: {self.show(cause.hint)}"
        if outcome.record is not None:
            yield f"more: verifier explain {outcome.record}"

    def block(self, outcome: Outcome) -> Iterator[str]:
        """Tell a problem as the terminal does, without colours."""
        return (self.show(click.unstyle(line)) for line in text.problem(outcome))

    def _side(self, label: str, fact: Fact | None) -> Iterator[str]:
        if fact is not None:
            origin = f" from {self.show(fact.origin)}" if fact.origin else ""
            yield f"{label}: {self.show(fact.value)}{origin}"


def _cache_changed(outcome: Outcome) -> Notice:
    message = f"the cached {outcome.name} was refused and fetched anew"
    hint = f"find out what may write to the cache: verifier explain {outcome.replaced}"
    return Notice(CACHE_CHANGED, outcome.name, message, hint, None, None)
