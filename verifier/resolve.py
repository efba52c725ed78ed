"""The other walk: from what is asked for to every file that a build will use, by Maven's own rules.

Maven's rules (`verifier.maven`) run here in one thread and ask for POMs and metadata; each comes through
the corridor (`verifier.fetch`), verified like everything else.  While the rules wait for one POM, those that
will be asked for soon are fetched ahead.  A POM that may not be used spoils the graph; the walk still goes on
around it, so that one run names everything that is wrong.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from verifier.coordinate import Coordinate, Metadata, make_metadata
from verifier.errors import CacheError, NotFound, Offline, ReasonedError, Refusal
from verifier.fetch import Verifier
from verifier.formats.entry import Listed, Module
from verifier.maven.graph import Demand
from verifier.maven.metadata import Listing, parse_metadata
from verifier.maven.pom import Pom, parse_pom
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved, Resolver
from verifier.maven.source import foresee
from verifier.outcome import Outcome
from verifier.policy import MissingPom

MAX_AHEAD = 20_000
"""How many POMs may be fetched ahead; the largest graphs known have some thousand."""
MAX_DETOURS = 200
"""How many POMs that spoil others one walk goes around."""

_OWN_EXTENSIONS = frozenset({"pom", "aar", "war", "ear", "rar", "zip"})
"""The packagings whose file has their own name for an extension; that of every other one is a JAR."""

Walk: TypeAlias = Callable[[Resolver], tuple[Resolved, ...]]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a build will use.

    Shape: `resolved` is in Maven's depth-first order, None where the graph cannot be had whole; `cause` then says
    why, and `explored` holds what could be seen of it.  `outcomes` has one entry for every POM and metadata file that
    was consulted, and one for each cause that has no file.  `leaves` are the POMs that policy lets be missing.
    """

    resolved: tuple[Resolved, ...] | None
    cause: ReasonedError | None
    outcomes: tuple[Outcome, ...]
    explored: tuple[Resolved, ...] = ()
    leaves: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[str, ...]:
        """The names of every POM and metadata file that was consulted."""
        return tuple(sorted({outcome.name for outcome in self.outcomes if outcome.coordinate is not None}))


def resolve_dependencies(
    verifier: Verifier, demands: Sequence[Demand], context: Context, library: "Library | None" = None
) -> Resolution:
    """Resolve as the dependencies of an empty project."""
    library = library or Library(verifier)
    library.hint(_pom_of(demand) for demand in demands if _is_exact(demand.version))
    found = walk(library, context, lambda resolver: resolver.dependencies(demands), ", ".join(map(str, demands)))
    nameless = [outcome for outcome in found.outcomes if outcome.coordinate is None]
    if len(demands) == 1 or not nameless:
        return found
    alone = [
        walk(library, context, partial(Resolver.dependencies, demands=[demand]), str(demand)) for demand in demands
    ]
    blamed = [outcome for one in alone for outcome in one.outcomes if outcome.coordinate is None]
    return replace(found, outcomes=(*library.consulted(), *(blamed or nameless)))


def resolve_root(verifier: Verifier, demand: Demand, context: Context, library: "Library | None" = None) -> Resolution:
    """Resolve as Maven resolves a plugin: the artifact is the root and is not listed itself."""
    return walk(library or Library(verifier), context, lambda resolver: resolver.root(demand), str(demand))


def take_listed(verifier: Verifier, listed: Sequence[Listed], library: "Library | None" = None) -> Resolution:
    """Take the files of a list that names a whole closure already, each as it is; nothing is followed.

    Shape: each at depth 1 with the scope compile.  Their POMs are read too, and say which file a module means.
    """
    library = library or Library(verifier)
    poms = [Coordinate(one.group, one.artifact, one.version, "pom") for one in listed]
    library.hint(poms)
    found, first = [], None
    for one, coordinate in zip(listed, poms, strict=True):
        try:
            pom = library.pom(coordinate)
        except ReasonedError as cause:
            pom, first = None, first or cause
        if isinstance(one, Module):
            extension = pom.packaging if pom is not None and pom.packaging in _OWN_EXTENSIONS else "jar"
            file = Coordinate(one.group, one.artifact, one.version, extension)
        else:
            file = one
        found.append(Resolved(file, file, "compile", optional=False, depth=1, parent=None))
    explored = tuple(found)
    resolved = explored if first is None else None
    return Resolution(resolved, first, library.consulted(), explored, library.leaves())


def join(resolutions: Sequence[Resolution]) -> Resolution:
    """Put several graphs beside one another; one that is not whole spoils all."""
    outcomes = {(o.name, o.repository): o for one in resolutions for o in one.outcomes}
    explored = tuple(each for one in resolutions for each in one.explored)
    cause = next((one.cause for one in resolutions if one.cause is not None), None)
    leaves = tuple(dict.fromkeys(leaf for one in resolutions for leaf in one.leaves))
    return Resolution(explored if cause is None else None, cause, tuple(outcomes.values()), explored, leaves)


def walk(library: "Library", context: Context, ask: Walk, name: str) -> Resolution:
    """Resolve one graph; where a POM may not be used, go on around it to see what else is wrong.

    `name` is what a cause without a file is reported under.
    """
    explored: tuple[Resolved, ...] = ()
    causes: list[ReasonedError] = []
    for _ in range(MAX_DETOURS):
        try:
            explored = ask(Resolver(library, context))
        except ReasonedError as cause:
            if not library.explain(cause):
                causes.append(cause)
            if not library.pass_by():
                break
        else:
            break
    outcomes = (*library.consulted(), *(Outcome(name, None, nameless) for nameless in causes))
    first = next(iter((*causes, *library.causes())), None)
    return Resolution(explored if first is None else None, first, outcomes, explored, library.leaves())


def _is_exact(version: str) -> bool:
    return not version.startswith(("[", "(")) and version not in {"LATEST", "RELEASE"}


def _pom_of(demand: Demand) -> Coordinate:
    return Coordinate(demand.group, demand.artifact, demand.version, "pom")


@dataclass(slots=True)
class Library:
    """Gives Maven's rules their POMs and metadata, each fetched and read once, many ahead of the question.

    Used by one thread of questions; arrivals are read in the threads that fetched them.
    """

    _verifier: Verifier
    _coming: dict[Coordinate, Future[Outcome]] = field(default_factory=dict)
    _poms: dict[Coordinate, Pom | ReasonedError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _consulted: dict[tuple[str, str | None], Outcome] = field(default_factory=dict)
    _leaves: dict[str, None] = field(default_factory=dict)
    _failed: dict[Coordinate, ReasonedError] = field(default_factory=dict)
    _spoiled: set[Coordinate] = field(default_factory=set)
    _last_failed: Coordinate | None = None

    def fresh(self) -> "Library":
        """Give a library for another graph: it has the same POMs, and nothing was consulted yet."""
        return Library(self._verifier, self._coming, self._poms, self._lock)

    def pom(self, coordinate: Coordinate) -> Pom | None:
        """Give a POM; None where it is nowhere and policy says that this one may be, and on a detour.

        Raises: what forbids to use it, or why it could not be had.
        """
        known = self._failed.get(coordinate)
        if known is not None:
            if coordinate in self._spoiled and not self._wanted_from(coordinate):
                return None
            self._last_failed = coordinate
            raise known
        outcome = self._ask(coordinate).result()
        cause = outcome.cause
        if isinstance(cause, NotFound):
            if self._verifier.rules.policy.rule_for(coordinate).missing_pom is MissingPom.LEAF:
                self._leaves[outcome.name] = None
                return None
            cause = _with_hint(cause)
        pom = self._poms.get(coordinate) or (self._read(coordinate, outcome) if cause is None else None)
        cause = pom if isinstance(pom, ReasonedError) else cause
        self._consulted[outcome.name, None] = replace(outcome, cause=cause)
        if cause is None and isinstance(pom, Pom):
            return pom
        self._failed[coordinate] = failure = cause or NotFound(f"{coordinate} cannot be had")
        self._last_failed = coordinate
        raise failure

    def metadata(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        """Give the metadata of every repository that may serve the group and has some."""
        metadata = make_metadata(group, artifact, version)
        return tuple(self._listings(metadata))

    def hint(self, coordinates: Iterable[Coordinate]) -> None:
        """Begin to fetch POMs that will be asked for soon."""
        for coordinate in coordinates:
            if len(self._coming) < MAX_AHEAD:
                self._ask(coordinate)

    def abandon(self) -> None:
        """Give up what was to be fetched ahead and has not begun; nothing may be asked for after that."""
        with self._lock:
            for coming in self._coming.values():
                coming.cancel()

    def consulted(self) -> tuple[Outcome, ...]:
        """Give the outcome of everything that the rules asked for, whatever was fetched ahead besides."""
        return tuple(self._consulted.values())

    def causes(self) -> tuple[ReasonedError, ...]:
        """Give every reason why something that was asked for may not be used."""
        return tuple(outcome.cause for outcome in self._consulted.values() if outcome.cause is not None)

    def leaves(self) -> tuple[str, ...]:
        """Give the POMs that are nowhere, where policy lets them be."""
        return tuple(self._leaves)

    def explain(self, cause: ReasonedError) -> bool:
        """Whether a file that was consulted is to blame; it is then reported as the rules put it."""
        for key, outcome in self._consulted.items():
            if outcome.cause is not None and outcome.cause in (cause, cause.__cause__):
                self._consulted[key] = replace(outcome, cause=cause)
                return True
        return False

    def pass_by(self) -> bool:
        """Take the POM that failed last, and those that cannot be read without it, for leaves of the graph.

        No where there is no such POM, or where asking on would lead to the same trouble.
        """
        failed, self._last_failed = self._last_failed, None
        if failed is None or not isinstance(self._failed[failed], (Refusal, NotFound, Offline)):
            return False
        before = len(self._spoiled)
        waiting = [failed]
        while waiting:
            coordinate = waiting.pop()
            self._spoiled.add(coordinate)
            for child in self._wanted_from(coordinate):
                self._failed[child] = self._failed[failed]
                waiting.append(child)
        return len(self._spoiled) > before

    def _wanted_from(self, coordinate: Coordinate) -> list[Coordinate]:
        """Give the POMs in use that have this one as a parent or import it."""
        names = {name for name, _ in self._consulted}
        return [
            child
            for child, pom in list(self._poms.items())
            if isinstance(pom, Pom) and child not in self._spoiled and str(child) in names and coordinate in _above(pom)
        ]

    def _ask(self, coordinate: Coordinate) -> Future[Outcome]:
        with self._lock:
            coming = self._coming.get(coordinate)
            if coming is not None:
                return coming
            coming = self._verifier.submit(partial(self._fetch, coordinate))
            self._coming[coordinate] = coming
            return coming

    def _fetch(self, coordinate: Coordinate) -> Outcome:
        outcome = self._verifier.fetch(coordinate)
        if outcome.cause is None:
            pom = self._read(coordinate, outcome)
            if isinstance(pom, Pom):
                self.hint(foresee(pom))
        return outcome

    def _read(self, coordinate: Coordinate, outcome: Outcome) -> Pom | ReasonedError:
        try:
            read: Pom | ReasonedError = parse_pom(_bytes_of(outcome), outcome.name)
        except ReasonedError as error:
            read = error
        self._poms[coordinate] = read
        return read

    def _listings(self, metadata: Metadata) -> Iterator[Listing]:
        for repository in self._verifier.rules.policy.repositories_for(metadata.group):
            outcome = self._verifier.fetch_metadata(metadata, repository.id)
            if isinstance(outcome.cause, NotFound):
                continue
            self._consulted[outcome.name, outcome.repository] = outcome
            if outcome.cause is not None:
                raise outcome.cause
            try:
                listed = parse_metadata(_bytes_of(outcome), outcome.url or outcome.name)
            except ReasonedError as cause:
                self._consulted[outcome.name, outcome.repository] = replace(outcome, cause=cause)
                raise
            yield Listing(listed, repository.releases, repository.snapshots)


def _above(pom: Pom) -> tuple[Coordinate, ...]:
    """Give the parent and the imports of a POM, as far as it says itself."""
    return foresee(replace(pom, section=replace(pom.section, dependencies=())))


def _with_hint(cause: NotFound) -> NotFound:
    hint = (
        "check the spelling and the version; Maven goes on without the POM of a dependency, "
        'and so does a [[rule]] with missing-pom = "leaf"'
    )
    return NotFound(cause.reason, expected=cause.expected, received=cause.received, hint=hint)


def _bytes_of(outcome: Outcome) -> bytes:
    """Read an admitted file again: what it is now must still be what was verified."""
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
