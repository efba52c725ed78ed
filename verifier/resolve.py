"""The other walk: from what is asked for to every file that a build will use, by Maven's own rules.

Maven's rules (`verifier.maven`) run here in one thread and ask for POMs and metadata; each comes through
the corridor (`verifier.fetch`), verified like everything else.  While the rules wait for one POM, those that
will be asked for soon are fetched ahead.  A POM that may not be used spoils the graph; the walk still goes on
around it, so that one run names everything that is wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from verifier.ahead import Ahead, Question, bytes_of
from verifier.coordinate import Coordinate, Metadata, base_version, make_metadata
from verifier.errors import Fact, NotFound, Offline, ReasonedError, Refusal, Unpinned
from verifier.fetch import Verifier
from verifier.formats.entry import Listed, Module
from verifier.maven.graph import Demand
from verifier.maven.metadata import Listing, parse_metadata
from verifier.maven.metadata import Metadata as Versioning
from verifier.maven.pom import Pom, stand_in
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved, Resolver
from verifier.outcome import Outcome
from verifier.policy import MissingPom

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
    library.send_scout(lambda source: Resolver(source, context).explore(demands))
    library.hint(_pom_of(demand) for demand in demands if _is_exact(demand.version))
    resolver = Resolver(library, context)
    found = walk(library, resolver, partial(Resolver.dependencies, demands=demands), ", ".join(map(str, demands)))
    nameless = [outcome for outcome in found.outcomes if outcome.coordinate is None]
    if len(demands) == 1 or not nameless:
        return found
    alone = [
        walk(library, resolver, partial(Resolver.dependencies, demands=[demand]), str(demand)) for demand in demands
    ]
    blamed = [outcome for one in alone for outcome in one.outcomes if outcome.coordinate is None]
    return replace(found, outcomes=(*library.consulted(), *(blamed or nameless)))


def resolve_root(verifier: Verifier, demand: Demand, context: Context, library: "Library | None" = None) -> Resolution:
    """Resolve as Maven resolves a plugin: the artifact is the root and is not listed itself."""
    library = library or Library(verifier)
    return walk(library, Resolver(library, context), partial(Resolver.root, demand=demand), str(demand))


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


def walk(library: "Library", resolver: Resolver, ask: Walk, name: str) -> Resolution:
    """Resolve one graph; where a POM may not be used, go on around it to see what else is wrong.

    `resolver` reads from the library; `name` is what a cause without a file is reported under.
    """
    explored: tuple[Resolved, ...] = ()
    causes: list[ReasonedError] = []
    for _ in range(MAX_DETOURS):
        try:
            explored = ask(resolver)
        except ReasonedError as cause:
            if not library.explain(cause):
                causes.append(library.by_lock(cause))
            if not library.pass_by():
                break
        else:
            break
    outcomes = (*library.consulted(), *(Outcome(name, None, nameless) for nameless in causes))
    first = next(iter((*causes, *library.causes())), None)
    return Resolution(explored if first is None else None, first, outcomes, explored, library.leaves())


def lets_go_on(cause: ReasonedError) -> bool:
    """Whether there is a point in asking for other files, as there is none where the network is in trouble."""
    return isinstance(cause, (Refusal, NotFound, Offline))


def _is_exact(version: str) -> bool:
    return not version.startswith(("[", "(")) and version not in {"LATEST", "RELEASE"}


def _pom_of(demand: Demand) -> Coordinate:
    return Coordinate(demand.group, demand.artifact, demand.version, "pom")


class Library:
    """Gives Maven's rules their POMs and metadata, and keeps what was consulted.

    Files in `scopes` are fetched ahead.  Used by one thread of questions.
    """

    def __init__(self, verifier: Verifier, scopes: frozenset[str] = frozenset(), *, ahead: Ahead | None = None) -> None:
        self._verifier = verifier
        self._ahead = ahead or Ahead(verifier, scopes)
        self._consulted: dict[tuple[str, str | None], Outcome] = {}
        self._leaves: dict[str, None] = {}
        self._failed: dict[Coordinate, ReasonedError] = {}
        self._passed_by: set[Coordinate] = set()
        self._last_failed: Coordinate | None = None

    def fresh(self) -> "Library":
        """Give a library for another graph: it has the same POMs, and nothing was consulted yet."""
        return Library(self._verifier, ahead=self._ahead)

    def pom(self, coordinate: Coordinate) -> Pom | None:
        """Give a POM, on a detour what stands in for it; None where it is nowhere and policy says that it may be.

        Raises: what forbids to use it, or why it could not be had.
        """
        known = self._failed.get(coordinate)
        if known is not None:
            if coordinate in self._passed_by:
                return stand_in(coordinate)
            self._last_failed = coordinate
            raise known
        outcome, pom = self._ahead.pom(coordinate)
        cause = outcome.cause
        if isinstance(cause, NotFound | Unpinned):
            if self._verifier.rules.policy.rule_for(coordinate).missing_pom is MissingPom.LEAF:
                self._leaves[outcome.name] = None
                return None
            cause = _with_hint(cause) if isinstance(cause, NotFound) else cause
        cause = pom if isinstance(pom, ReasonedError) else cause
        self._consulted[outcome.name, None] = replace(outcome, cause=cause)
        if cause is None and isinstance(pom, Pom):
            return pom
        self._failed[coordinate] = failure = cause or NotFound(f"{coordinate} cannot be had")
        self._last_failed = coordinate
        raise failure

    def metadata(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        """Give the metadata of every repository that may serve the group and has some; by a lock alone, its choice.

        Raises: `Unpinned` where a lock file decides alone and names no version of it.
        """
        metadata = make_metadata(group, artifact, version)
        rules = self._verifier.rules
        kept = () if rules.lock is None else rules.lock.kept(group, artifact)
        if rules.locked:
            if not kept:
                rules.require_locked(metadata)
            return (_as_locked(kept),)
        return tuple(self._listings(metadata, kept))

    def hint(self, coordinates: Iterable[Coordinate]) -> None:
        """Begin to fetch POMs that will be asked for soon."""
        self._ahead.hint(coordinates)

    def hint_file(self, coordinate: Coordinate, scope: str) -> None:
        """Begin to fetch a file that looks chosen, if those of this scope are wanted."""
        self._ahead.hint_file(coordinate, scope)

    def send_scout(self, question: Question) -> None:
        """Have the graph walked ahead of the rules, where POMs come over the network."""
        self._ahead.send_scout(question)

    def abandon(self) -> None:
        """Give up what was to be fetched ahead and has not begun; nothing may be asked for after that."""
        self._ahead.abandon()

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

    def by_lock(self, cause: ReasonedError) -> ReasonedError:
        """Say of a version that is nowhere in a lock file which decides alone that nobody locked it."""
        lock = self._verifier.rules.lock
        if lock is None or not self._verifier.rules.locked or not isinstance(cause, NotFound):
            return cause
        locked = "none" if cause.received is None else cause.received.value
        reason = f"the lock file alone decides what may be used: {cause.reason}"
        return Unpinned(reason, expected=cause.expected, received=Fact(locked, lock.file))

    def pass_by(self) -> bool:
        """Let something stand in for the POM that failed last, so that the rest can be looked at.

        No where there is no such POM, or where asking on would lead to the same trouble.
        """
        failed, self._last_failed = self._last_failed, None
        if failed is None or not lets_go_on(self._failed[failed]):
            return False
        self._passed_by.add(failed)
        return True

    def _listings(self, metadata: Metadata, kept: tuple[Coordinate, ...]) -> Iterator[Listing]:
        for repository in self._verifier.rules.policy.repositories_for(metadata.group):
            outcome = self._verifier.fetch_metadata(metadata, repository.id)
            if isinstance(outcome.cause, NotFound):
                continue
            if isinstance(outcome.cause, Offline) and kept:
                yield _as_locked(kept)  # what was chosen is known without it
                continue
            self._consulted[outcome.name, outcome.repository] = outcome
            if outcome.cause is not None:
                raise outcome.cause
            try:
                listed = parse_metadata(bytes_of(outcome), outcome.url or outcome.name)
            except ReasonedError as cause:
                self._consulted[outcome.name, outcome.repository] = replace(outcome, cause=cause)
                raise
            yield Listing(listed, repository.releases, repository.snapshots, kept)


def _as_locked(kept: tuple[Coordinate, ...]) -> Listing:
    """List the versions that a lock file names, and nothing else."""
    versions = tuple(dict.fromkeys(base_version(one.version) for one in kept))
    return Listing(Versioning(versions=versions), snapshots=True, kept=kept)


def _with_hint(cause: NotFound) -> NotFound:
    hint = (
        "check the spelling and the version; Maven goes on without the POM of a dependency, "
        'and so does a [[rule]] with missing-pom = "leaf"'
    )
    return NotFound(cause.reason, expected=cause.expected, received=cause.received, hint=hint)
