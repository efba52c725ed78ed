"""Fetches each thing once, for however many ask, and remembers for a short while how it came out.

A flight goes on when those who asked for it hang up, so that a build which asks again finds it
under way or done.  What is remembered saves a second download of what was just refused, and a
judgement for each of a thousand requests; a verified file is still only sent with the bytes that
were judged.  Fetching and judging are the corridor's, in its threads.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from verifier.cache import open_verified
from verifier.coordinate import Coordinate, Metadata, Subject, make_metadata
from verifier.digest import Algorithm, Hasher
from verifier.errors import CacheError, NotFound
from verifier.fetch import Verifier
from verifier.layout import Place, file_path
from verifier.outcome import Outcome, Status
from verifier.proxy.known import Content, Known, known_of
from verifier.proxy.merged import Source, merge
from verifier.proxy.paths import is_release

MAX_FLIGHTS = 1_024
"""How many different things may be fetched and wait to be fetched; what is over it must ask again."""
MAX_REMEMBERED = 8_192
"""How many outcomes are remembered, of a few kilobytes each but for what is carried along."""
MAX_CARRIED_BYTES = 32 * 1024 * 1024
"""What the signatures and the metadata put together here may take that are remembered with them."""
WARM_THREADS = 4
"""Threads for what lies in the cache, so that a repository that hangs keeps nobody from it."""
SETTLED_SECONDS = 60
"""How long a verified release, a refusal and an absence are remembered."""
CHANGING_SECONDS = 10
"""How long metadata and snapshots are: so that a file and its checksum, asked for in turn, agree."""
TROUBLE_SECONDS = 2
"""How long an outage is: some clients ask for a file's checksum right after the file failed."""
_KEPT_THROUGH = {"unreachable", "timed-out", "server-error", "rate-limited", "offline"}
"""The outages in which metadata that was had before is served: those that say nothing about it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing asked for; `repository` is None for all."""

    repository: str | None
    subject: Subject


class Busy(Exception):
    """There is no room for another flight."""


class Slow(Exception):
    """The flight takes longer than was to be waited for; it goes on."""


@dataclass(slots=True)
class _Remembered:
    known: Known
    until: float
    stamp: str = ""


class Flights:
    """Fetches by one verifier, under one policy; belongs to the event loop that it is used in.

    `told` hears of every outcome and of the seconds that it took; `clock` gives seconds that only
    go forward.
    """

    def __init__(
        self, verifier: Verifier, told: Callable[[Known, float], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.verifier = verifier
        self._told = told
        self._clock = clock
        self._flying: dict[Asked, asyncio.Task[Known]] = {}
        self._remembered: dict[Asked, _Remembered] = {}
        self._carried = 0
        self._warm = ThreadPoolExecutor(WARM_THREADS, thread_name_prefix="warm")

    @property
    def flying(self) -> int:
        """How many flights are under way or wait."""
        return len(self._flying)

    def remembered(self, asked: Asked) -> Known | None:
        """Give what is remembered, where it still counts."""
        found = self._remembered.get(asked)
        return found.known if found is not None and self._clock() < found.until else None

    async def ask(self, asked: Asked, patience: float | None) -> Known:
        """Find out how something comes out, joining whoever asked before.

        Units: `patience` is seconds; None waits as long as it takes.

        Raises: `Busy`; `Slow`; `CacheError`.
        """
        flight = self._flying.get(asked)
        if flight is None:
            if len(self._flying) >= MAX_FLIGHTS:
                raise Busy
            flight = asyncio.create_task(self._fly(asked))
            self._flying[asked] = flight
            flight.add_done_callback(partial(self._landed, asked))
        done, _ = await asyncio.wait({flight}, timeout=patience)
        if not done:
            raise Slow
        return flight.result()

    def stamp(self, asked: Asked, known: Known) -> str:
        """Give the stamp under which the file was found to hold the verified bytes; empty for none."""
        found = self._remembered.get(asked)
        return found.stamp if found is not None and found.known is known else ""

    def note_stamp(self, asked: Asked, known: Known, stamp: str) -> None:
        """Remember under which stamp the file was found to hold the verified bytes."""
        found = self._remembered.get(asked)
        if found is not None and found.known is known:
            found.stamp = stamp

    def forget(self, asked: Asked, known: Known) -> None:
        """Forget an outcome that holds no longer, so that it is asked again; another one may be known by now."""
        found = self._remembered.get(asked)
        if found is not None and found.known is known:
            self._drop(asked)

    async def land(self) -> None:
        """Wait until nothing is under way any more."""
        while self._flying:
            await asyncio.wait(list(self._flying.values()))

    def stop(self) -> None:
        """Abort what is under way and stop the verifier; blocks."""
        self.verifier.stop()
        self._warm.shutdown()

    async def _fly(self, asked: Asked) -> Known:
        began = self._clock()
        work = partial(self._work, asked)
        if self._is_at_hand(asked):
            known = await asyncio.get_running_loop().run_in_executor(self._warm, work)
        else:
            known = await asyncio.wrap_future(self.verifier.submit(work))
        self._remember(asked, known)
        self._told(known, self._clock() - began)
        return known

    def _landed(self, asked: Asked, flight: asyncio.Task[Known]) -> None:
        del self._flying[asked]
        if not flight.cancelled():
            flight.exception()  # where nobody waits any more nobody else looks at it

    def _remember(self, asked: Asked, known: Known) -> None:
        if known.status is Status.VERIFIED:
            seconds = SETTLED_SECONDS if is_release(asked.subject) else CHANGING_SECONDS
        else:
            settled = known.status is Status.REFUSED or known.code == NotFound.code
            seconds = SETTLED_SECONDS if settled else TROUBLE_SECONDS
        self._drop(asked)
        self._carried += _carried(known)
        while self._remembered and (len(self._remembered) >= MAX_REMEMBERED or self._carried > MAX_CARRIED_BYTES):
            self._drop(next(iter(self._remembered)))
        self._remembered[asked] = _Remembered(known, self._clock() + seconds)

    def _drop(self, asked: Asked) -> None:
        found = self._remembered.pop(asked, None)
        if found is not None:
            self._carried -= _carried(found.known)

    def _is_at_hand(self, asked: Asked) -> bool:
        """Whether a file lies at its place in the cache; what it is worth is for the corridor to say."""
        if isinstance(asked.subject, Metadata):
            return False
        path = file_path(asked.subject)
        return any(
            self.verifier.cache.path(Place(repository, path)).exists() for repository in self._repositories(asked)
        )

    def _repositories(self, asked: Asked) -> list[str]:
        known = [repository.id for repository in self.verifier.rules.policy.repositories_for(asked.subject.group)]
        return [one for one in known if asked.repository in {None, one}]

    # In a thread from here on

    def _work(self, asked: Asked) -> Known:
        if isinstance(asked.subject, Metadata):
            return self._metadata(asked.subject, asked.repository)
        outcome = self.verifier.fetch(asked.subject, asked.repository)
        self._take_out(asked.subject, outcome)
        return known_of(outcome, asked.subject)

    def _take_out(self, subject: Coordinate, outcome: Outcome) -> None:
        """Take a cached file out that policy no longer admits: others may serve the tree as it lies."""
        if outcome.status is Status.REFUSED and outcome.from_cache and outcome.repository is not None:
            self.verifier.cache.remove(Place(outcome.repository, file_path(subject)))

    def _metadata(self, metadata: Metadata, repository: str | None) -> Known:
        """Fetch metadata from one repository, or from all and put it together; any failure but absence ends it."""
        metadata = self._with_its_level(metadata)
        if repository is not None:
            return known_of(self._one_metadata(metadata, repository), metadata)
        found: list[tuple[Known, Source]] = []
        last: Outcome | None = None
        all_of_them = self.verifier.rules.policy.repositories_for(metadata.group)
        for one in all_of_them:
            if metadata.version and not one.snapshots:
                continue
            last = self._one_metadata(metadata, one.id)
            known = known_of(last, metadata)
            if known.content is not None:
                found.append((known, Source(_read(known.content), last.url or one.url, one.releases, one.snapshots)))
            elif known.code != NotFound.code:
                return known
        if not found:
            # Where nobody was asked the corridor says in its words that nobody serves it.
            name = all_of_them[0].id if all_of_them else ""
            return known_of(last or self.verifier.fetch_metadata(metadata, name), metadata)
        if len(found) == 1:
            return found[0][0]
        made = merge(metadata, [source for _, source in found])
        return replace(found[0][0], content=_made(made), from_cache=False)

    def _one_metadata(self, metadata: Metadata, repository: str) -> Outcome:
        outcome = self.verifier.fetch_metadata(metadata, repository)
        if outcome.cause is not None and outcome.cause.code in _KEPT_THROUGH:
            kept = self.verifier.kept_metadata(metadata, repository)
            return kept if kept.cause is None else outcome
        return outcome

    def _with_its_level(self, metadata: Metadata) -> Metadata:
        """Take metadata for a group's own where the policy binds that very group: the path looks like an artifact's.

        Asked for as an artifact of the group above, a company's plugin group would be asked for elsewhere.
        """
        policy = self.verifier.rules.policy
        group = f"{metadata.group}.{metadata.artifact}"
        if metadata.version or not metadata.artifact:
            return metadata
        if policy.repositories_for(group) == policy.repositories_for(metadata.group):
            return metadata
        return make_metadata(group)


def _carried(known: Known) -> int:
    content = known.content
    return 0 if content is None else len(content.made or b"") + len(content.signature or b"")


def _read(content: Content) -> bytes:
    """Read a file of the cache whole.

    Raises: `CacheError` where it is no longer the one that was verified.
    """
    opened = open_verified(content.file, content.sha256)
    if opened is None:
        raise CacheError(content.file, "the file changed right after it was verified", hint="ask again")
    with os.fdopen(opened.descriptor, "rb") as file:
        file.seek(0)
        document = file.read()
        if opened.untouched:
            return document
    raise CacheError(content.file, "the file changed while it was read", hint="ask again")


def _made(document: bytes) -> Content:
    hasher = Hasher(Algorithm)
    hasher.update(document)
    digests = {algorithm: digest.value for algorithm, digest in hasher.digests().items()}
    return Content(
        file="",
        size=len(document),
        sha1=digests[Algorithm.SHA1],
        sha256=digests[Algorithm.SHA256],
        sha512=digests[Algorithm.SHA512],
        md5=digests[Algorithm.MD5],
        made=document,
    )
