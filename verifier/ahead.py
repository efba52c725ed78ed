"""Fetches what a graph will need before Maven's rules have got to it.

The rules wait for each POM to be verified, and most of that wait is for the signature beside it.  So a POM that has
merely arrived is read at once, for what it leads to; and a scout walks the same graph by the same rules over POMs
that have merely arrived, a few steps in front.  What either finds is fetched like anything else, verified and cached;
nothing else comes of it.  No graph, verdict or report is made of a POM before it is admitted: that is `resolve`'s.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from verifier.coordinate import Coordinate
from verifier.errors import CacheError, ReasonedError
from verifier.fetch import Verifier
from verifier.gather import Seen
from verifier.maven.metadata import Listing
from verifier.maven.pom import Pom, parse_pom
from verifier.maven.source import Source, foresee
from verifier.maven.xml import MAX_XML_BYTES
from verifier.outcome import Outcome
from verifier.steps import Work

MAX_AHEAD = 20_000
"""How many POMs may be fetched ahead; the largest graphs known have some thousand."""
MAX_UNJUDGED_AHEAD = 2_000
"""How many POMs may be on their way before one that nobody has judged can no longer ask for more."""

Question = Callable[[Source], object]


class _Lost(Exception):
    """The scout cannot go on, or nobody waits for it any more."""


@dataclass(slots=True)
class _Coming:
    """A POM on its way: what was judged of it, and before that what it says, with the sha256 of its bytes."""

    outcome: Future[Outcome]
    arrived: Future[Pom] = field(default_factory=Future)
    sha256: str = ""
    awaited: bool = False
    read: Pom | ReasonedError | None = None


class Ahead:
    """The POMs of a run, each fetched and read once, whoever asks; and files in `scopes`, as soon as they look chosen.

    May be asked by any thread.
    """

    def __init__(self, verifier: Verifier, scopes: frozenset[str] = frozenset()) -> None:
        self._verifier = verifier
        self._scopes = scopes
        self._lock = threading.Lock()
        self._coming: dict[Coordinate, _Coming] = {}
        self._question: Question | None = None
        self._abandoned = False

    def pom(self, coordinate: Coordinate) -> tuple[Outcome, Pom | ReasonedError | None]:
        """Give the outcome for a POM and, where that is no refusal, what the POM says."""
        coming = self._ask(coordinate)
        coming.awaited = True
        if coming.sha256 and not coming.outcome.done():
            self._send_scout()
        outcome = coming.outcome.result()
        return outcome, coming.read

    def hint(self, coordinates: Iterable[Coordinate], at_most: int = MAX_AHEAD) -> None:
        """Begin to fetch POMs that will be asked for soon."""
        for coordinate in coordinates:
            with suppress(_Lost):
                self._ask(coordinate, at_most)

    def hint_file(self, coordinate: Coordinate, scope: str) -> None:
        """Begin to fetch a file that looks chosen, if those of this scope are wanted."""
        if scope in self._scopes and not self._abandoned:
            self._verifier.fetch_ahead(coordinate)

    def send_scout(self, question: Question) -> None:
        """Have a graph walked ahead, from when on the rules wait for a POM that came over the network."""
        self._question = question

    def abandon(self) -> None:
        """Give up every POM that nobody asked for, and what has not begun; nothing may be asked for after that."""
        with self._lock:
            self._abandoned = True
            coming = list(self._coming.values())
        for one in coming:
            if not one.awaited and not one.outcome.cancel():
                self._verifier.give_up(one.outcome)
        self._verifier.abandon()

    def arrival(self, coordinate: Coordinate) -> Pom:
        """Wait until a POM is here, judged or not.

        Raises: `CancelledError` or `_Lost` where it does not come, or cannot be read.
        """
        return self._ask(coordinate, MAX_UNJUDGED_AHEAD).arrived.result()

    def _ask(self, coordinate: Coordinate, at_most: int | None = None) -> _Coming:
        with self._lock:
            coming = self._coming.get(coordinate)
            if coming is not None:
                return coming
            if at_most is not None and self._is_no_guess(coordinate, at_most):
                raise _Lost
            try:
                coming = _Coming(self._verifier.begin(self._fetch(coordinate)))
            except RuntimeError as stopped:
                if at_most is None:
                    raise
                raise _Lost from stopped  # everything ends, and a guess is no longer of use
            self._coming[coordinate] = coming
        coming.outcome.add_done_callback(lambda _: coming.arrived.cancel())
        return coming

    def _is_no_guess(self, coordinate: Coordinate, at_most: int) -> bool:
        """Whether nothing may be asked for on a guess: it would cost too much, or leave a refusal that nobody met."""
        return self._abandoned or len(self._coming) >= at_most or self._verifier.rules.rules_out(coordinate)

    def _fetch(self, coordinate: Coordinate) -> Work[Outcome]:
        with self._lock:
            coming = self._coming[coordinate]
        outcome = yield from self._verifier.fetching(coordinate, look=partial(self._look_at, coordinate, coming))
        if outcome.cause is None:
            if coming.arrived.done() and coming.sha256 == outcome.proven_evidence().sha256:
                coming.read = coming.arrived.result()  # what was read on arrival are the bytes that were verified
            else:
                coming.read = _read(outcome)
            if isinstance(coming.read, Pom):
                self.hint(foresee(coming.read))
                if not coming.arrived.done():
                    coming.arrived.set_result(coming.read)
        return outcome

    def _look_at(self, coordinate: Coordinate, coming: _Coming, quarantined: Path) -> Seen | None:
        """Read a POM that nobody has judged yet, for what it leads to."""
        try:
            with quarantined.open("rb") as file:
                data = file.read(MAX_XML_BYTES + 1)
            pom = parse_pom(data, str(coordinate))
        except (OSError, ReasonedError):
            return None  # whoever judges it will say what is wrong
        coming.sha256 = hashlib.sha256(data).hexdigest()
        coming.arrived.set_result(pom)
        self.hint(foresee(pom), MAX_UNJUDGED_AHEAD)
        if coming.awaited:
            self._send_scout()
        return Seen(pom, coming.sha256)

    def _send_scout(self) -> None:
        with self._lock:
            question, self._question = self._question, None
        if question is not None:
            with suppress(RuntimeError):  # the system has no thread to spare, and the walk needs no scout
                threading.Thread(target=self._scout, args=(question,), name="scout", daemon=True).start()

    def _scout(self, question: Question) -> None:
        with suppress(ReasonedError, CancelledError, _Lost):
            question(_Unjudged(self))


class _Unjudged:
    """A source of POMs that have merely arrived; of metadata, which would have to be judged first, it has none."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead

    def pom(self, coordinate: Coordinate) -> Pom | None:
        return self._ahead.arrival(coordinate)

    def metadata(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        raise _Lost(group, artifact, version)

    def hint(self, coordinates: Iterable[Coordinate]) -> None:
        self._ahead.hint(coordinates, MAX_UNJUDGED_AHEAD)

    def hint_file(self, coordinate: Coordinate, scope: str) -> None:
        """Do nothing: files are fetched for what POMs say that were verified."""


def _read(outcome: Outcome) -> Pom | ReasonedError:
    try:
        return parse_pom(bytes_of(outcome), outcome.name)
    except ReasonedError as error:
        return error


def bytes_of(outcome: Outcome) -> bytes:
    """Read an admitted file again: what it is now must still be what was verified.

    Raises: `CacheError` where it is not, or cannot be read.
    """
    path = Path(outcome.file or "")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CacheError.of(error, str(path)) from error
    received = hashlib.sha256(data).hexdigest()
    if received != outcome.proven_evidence().sha256:
        hint = "find out what may write to the cache, and run again"
        raise CacheError(str(path), f"is no longer what was verified: sha256:{received}", hint=hint)
    return data
