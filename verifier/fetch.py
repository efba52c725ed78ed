"""The corridor: from a coordinate to an admitted file, for the command line and every other door.

    Coordinate → Rule → Download → Evidence → Findings → Verdict → Artifact

`Verifier` owns all that lives long (transport, record, cache, threads), is started and stopped
once, and is handed down.  Nothing here decides: policy says what is required, the judge
whether it is met, the cache what is admitted.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from verifier.cache import Admission, Cache, Changed, Hit
from verifier.coordinate import Coordinate, Metadata, Subject, parse_subject
from verifier.digest import Algorithm, Hasher
from verifier.errors import (
    CacheError,
    ChecksumMismatch,
    Fact,
    KeyUnknown,
    NoRepository,
    NotFound,
    Offline,
    ReasonedError,
    Refusal,
    SignatureReplayed,
    Unpinned,
    WrongRepository,
)
from verifier.evidence import Evidence, EvidenceUnreadable, read_evidence, write_evidence
from verifier.gather import Gathered, Look, Shelf, gather_beside, gather_file
from verifier.gnupg_engine import GnupgEngine
from verifier.inquiry import Inquiry, keys_to_ask, settle
from verifier.judge import Findings, weigh
from verifier.keyring import Keyring
from verifier.layout import SIGNATURE, Place, file_path
from verifier.lockfile import Lock
from verifier.measure import (
    ALWAYS_TAKEN,
    claims_of,
    content_of,
    evidence_of,
    hash_file,
    measure,
    read_beside,
    remeasured,
    with_digests,
)
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.signature import Signature
from verifier.outcome import Outcome, write_record
from verifier.policy import Policy, Repository, SignatureDemand
from verifier.record import AdmittedRow, EvidenceRow, JudgementRow, Record, StoredDocument
from verifier.signing import Basis
from verifier.steps import Steps, Work, do
from verifier.transport import Endpoint, Transport
from verifier.trust import StarterMap
from verifier.wanted import beside_file, still_wanted

Result = TypeVar("Result")

MAX_STEPS = (os.cpu_count() or 1) + 2
"""How many threads judge at once; what waits needs none."""
MAX_KEYS = 8
"""Of how many keys the servers are asked at once."""

_NOT_OURS = "the file in the cache and its record are not as this machine left them: find out what may write there"


@dataclass(frozen=True, slots=True)
class Rules:
    """What judging goes by: the effective policy, its digest, the starter map if it is in use."""

    policy: Policy
    digest: str
    starter: StarterMap | None
    lock: Lock | None = None
    locked: bool = False
    """Whether the lock file alone decides what may be used and by whose word, and not only which bytes."""

    def basis(self, coordinate: Subject) -> Basis:
        """Collect all that policy and starter map say of one coordinate."""
        if isinstance(coordinate, Metadata):
            rule = self.policy.rule_for(coordinate.ruled_as)
            unsigned = replace(rule, signature=SignatureDemand.NONE, where="maven-metadata.xml is never signed")
            return Basis(unsigned, (), (), ())
        trust = self.policy.trust_for(coordinate)
        return Basis(
            rule=self.policy.rule_for(coordinate),
            trust=trust if self.starter is None else (*trust, *self.starter.trust_for(coordinate)),
            exemptions=self.policy.exemptions_for(coordinate),
            witnessed=() if self.starter is None else self.starter.witnessed_for(coordinate),
            locked=None if self.lock is None else self.lock.find(coordinate),
            same_grounds=self.locked,
        )

    def rules_out(self, subject: Subject) -> bool:
        """Whether a lock file decides what may be used and a file is not in it; metadata never is."""
        if not self.locked or self.lock is None:
            return False
        return isinstance(subject, Metadata) or self.lock.find(subject) is None

    def require_locked(self, subject: Subject) -> None:
        """See that a file may be asked for at all.

        Raises: `Unpinned` where a lock file rules it out.
        """
        if self.lock is not None and self.rules_out(subject):
            raise Unpinned(
                "the lock file alone decides what may be used, and this is not in it",
                expected=self.lock.nearest(subject),
                received=Fact(str(subject)),
            )


@dataclass(frozen=True, slots=True)
class Run:
    """How this run goes: whether the network may be asked, how much at once, what time it is (UTC)."""

    offline: bool
    jobs: int
    now: Callable[[], datetime]


class Verifier:
    """Fetches and judges files; owns the transport, the record, the cache and the threads.

    Use it as a context manager, or call `start` and `stop`.  All methods may be called from any
    thread in between.
    """

    def __init__(
        self,
        rules: Rules,
        keyring: Keyring,
        upstream: Transport,
        endpoints: Mapping[str, Endpoint],
        record: Record,
        cache: Cache,
        run: Run,
    ) -> None:
        self.rules = rules
        self.record = record
        self.cache = cache
        self._keyring = keyring
        self._upstream = upstream
        self._endpoints = endpoints
        self._run = run
        self._pool: ThreadPoolExecutor | None = None
        self._keys: ThreadPoolExecutor | None = None
        self._steps: Steps | None = None
        self._gnupg: GnupgEngine | None = None
        self._opened = ExitStack()
        self._gate = threading.Lock()
        self._ahead: dict[Coordinate, Future[Outcome]] = {}

    def start(self) -> None:
        """Open the record, the cache, the transport and the threads.

        Raises: `CacheError` where the cache directory cannot be used; nothing stays open then.
        """
        with ExitStack() as opened:
            for part in (self._upstream, self.record, self.cache):
                part.start()
                opened.callback(part.stop)
            if self.rules.policy.asks_gnupg:
                self._gnupg = GnupgEngine(self.cache.private_directory)
                self._gnupg.start()
                opened.callback(self._gnupg.stop)
            self._pool = ThreadPoolExecutor(self._run.jobs, thread_name_prefix="asking")
            self._keys = ThreadPoolExecutor(MAX_KEYS, thread_name_prefix="keys")
            self._steps = Steps(min(self._run.jobs, MAX_STEPS), "corridor")
            # Whatever waits for the network must end before the threads can be joined, so that is stopped first.
            opened.callback(self._pool.shutdown, cancel_futures=True)
            opened.callback(self._steps.stop)
            opened.callback(self._keys.shutdown, cancel_futures=True)
            opened.callback(self._upstream.stop)
            opened.callback(self._keyring.stop)
            opened.callback(self._steps.halt)  # what ends now has not failed: nothing of it belongs into the record
            self._opened = opened.pop_all()

    def ask_keys_again(self) -> None:
        """Ask key servers again from now on that failed or had no such key."""
        self._keyring.renew()

    def stop(self) -> None:
        """Abort what is under way and close everything."""
        self._opened.close()
        self._pool = self._keys = self._steps = None
        self._ahead.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def each(self, work: Iterable[Callable[[], Outcome]]) -> Iterator[Outcome]:
        """Do many pieces of work, `jobs` at a time; give the outcomes as they come."""
        if self._pool is None:
            raise RuntimeError("the verifier was not started")
        waiting: set[Future[Outcome]] = set()
        for piece in work:
            waiting.add(self._pool.submit(piece))
            if len(waiting) >= 2 * self._run.jobs:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Do one piece of work in one of the threads."""
        if self._pool is None:
            raise RuntimeError("the verifier was not started")
        return self._pool.submit(work)

    def begin(self, work: Work[Result]) -> Future[Result]:
        """Begin a piece of work that gives its thread back while it waits, such as `fetching`."""
        if self._steps is None:
            raise RuntimeError("the verifier was not started")
        return self._steps.begin(work)

    def give_up(self, result: Future[Any]) -> None:
        """Give up a piece of work that nobody waits for."""
        if self._steps is not None:
            self._steps.give_up(result)

    def refresh_keys(self, fingerprints: Iterable[str]) -> tuple[Inquiry, ...]:
        """Ask the key servers for certificates, many at once, and keep what comes."""
        asked = [self.submit(partial(self._keyring.refresh, fingerprint)) for fingerprint in fingerprints]
        return tuple(one.result() for one in asked)

    def fetch_ahead(self, coordinate: Coordinate) -> None:
        """Begin to fetch a file that will likely be asked for; `fetch` then takes it up where it is."""
        if self.rules.rules_out(coordinate):
            return
        with self._gate:
            if coordinate not in self._ahead:
                self._ahead[coordinate] = self.begin(self.fetching(coordinate))

    def abandon(self) -> None:
        """Give up what was to be fetched ahead and has not begun."""
        with self._gate:
            for coming in self._ahead.values():
                coming.cancel()

    def fetch(self, coordinate: Coordinate, repository: str | None = None) -> Outcome:
        """Bring one coordinate's file into the cache, or say why not."""
        with self._gate:
            coming = self._ahead.pop(coordinate, None) if repository is None else None
        if coming is None or coming.cancel():
            coming = self.begin(self.fetching(coordinate, repository))
        return coming.result()

    def fetching(
        self,
        coordinate: Coordinate,
        repository: str | None = None,
        look: Look | None = None,
    ) -> Work[Outcome]:
        """Bring one coordinate's file into the cache, or say why not.

        1. See that a lock file does not rule it out, and choose the repositories that may serve it: the one
           named, else by policy.
        2. A file of the cache is judged again, from the evidence that was kept.
        3. Else ask the repositories in turn; only an authenticated "not found" leads on.

        `look` is called where the file comes over the network, as soon as it is here: with the path of
        bytes that nobody has judged, and before anything is waited for that lies beside it.
        """
        try:
            # 1.
            self.rules.require_locked(coordinate)
            repositories = self._repositories(coordinate, repository)
            # 2.
            changed: Outcome | None = None
            for serving in repositories:
                if coordinate.version.endswith("-SNAPSHOT") and not self._run.offline:
                    break  # what this name stands for changes from day to day
                place = Place(serving.id, file_path(coordinate))
                held = self.cache.find(place)
                if isinstance(held, Changed):
                    changed = yield from self._refuse_changed(coordinate, place, held)
                elif held is not None and (kept := (yield from self._judge_kept(coordinate, place, held))) is not None:
                    if not isinstance(kept.cause, Refusal) or self._is_sealed(held):
                        return kept
                    self.cache.remove(place)
                    changed = kept
            if self._run.offline:
                offline = Outcome(str(coordinate), coordinate, _offline(coordinate))
                return changed or (yield from self._entered(offline))
            # 3.
            fetched = yield from self._fetch_anew(coordinate, repositories, look)
            return fetched if changed is None else replace(fetched, replaced=changed.record)
        except ReasonedError as cause:
            return (yield from self._entered(Outcome(str(coordinate), coordinate, cause)))

    def fetch_metadata(self, metadata: Metadata, repository: str) -> Outcome:
        """Bring one repository's metadata into the cache, or say why not.

        It changes from day to day, so it is asked for each time; what was had before is for `offline`
        and `kept_metadata`.
        """
        try:
            self.rules.require_locked(metadata)
            (only,) = self._repositories(metadata, repository)
            if self._run.offline:
                return self.kept_metadata(metadata, repository)
            return self.begin(self._fetch_anew(metadata, (only,))).result()
        except ReasonedError as cause:
            return do(self._entered(Outcome(str(metadata), metadata, cause)))

    def kept_metadata(self, metadata: Metadata, repository: str) -> Outcome:
        """Judge the metadata that was had before, without asking for it."""
        place = Place(repository, file_path(metadata))
        held = self.cache.find(place)
        if isinstance(held, Changed):
            return do(self._refuse_changed(metadata, place, held))
        kept = None if held is None else do(self._judge_kept(metadata, place, held))
        offline = Outcome(str(metadata), metadata, _offline(metadata), repository=repository)
        return kept or do(self._entered(offline))

    def _repositories(self, coordinate: Subject, named: str | None = None) -> tuple[Repository, ...]:
        serving = self.rules.policy.repositories_for(coordinate.group)
        if named is not None and named not in {repository.id for repository in serving}:
            where = self.rules.policy.file or "built-in policy"
            raise WrongRepository(
                f"the policy does not ask {named} for this group",
                expected=Fact(", ".join(repository.id for repository in serving) or "no repository", where),
                received=Fact(named),
            )
        serving = tuple(repository for repository in serving if named in {None, repository.id})
        fitting = tuple(repository for repository in serving if _serves(repository, coordinate))
        if not fitting:
            kind = "snapshots" if coordinate.is_snapshot else "releases"
            where = self.rules.policy.file or "built-in policy"
            raise NoRepository(
                "no repository of the policy serves this coordinate",
                expected=Fact(f"a repository that serves {kind} of {coordinate.group}", where),
                received=Fact(", ".join(f"{r.id} does not serve {kind}" for r in serving) or "none"),
            )
        return fitting

    # From the cache

    def _judge_kept(self, coordinate: Subject, place: Place, held: Hit) -> Work[Outcome | None]:
        """Judge a file of the cache by today's rules, for the record too; None where it must be fetched anew."""
        outcome = yield from self._weigh_kept(coordinate, place, held)
        if outcome is None:
            return None
        if isinstance(outcome.cause, Refusal) and not self._is_sealed(held):
            outcome.cause.hint = _NOT_OURS
        return (yield from (self._settled(outcome, held) if outcome.cause is None else self._entered(outcome)))

    def _is_sealed(self, held: Hit) -> bool:
        """Whether this machine sealed a file of the cache and what it keeps of it.

        Where it did not, a refusal speaks of the cache alone, which anybody may have written.
        """
        stored = self.record.evidence(held.row.coordinate, held.row.sha256)
        return held.intact and stored is not None and stored.sealed

    def _weigh_kept(self, coordinate: Subject, place: Place, held: Hit) -> Work[Outcome | None]:
        try:
            return (yield from self._weigh_held(coordinate, place, held))
        except CacheError:
            if held.path.exists():
                raise
            return None  # somebody took it out while it was judged: a prune, or a sweep after a change of policy

    def _weigh_held(self, coordinate: Subject, place: Place, held: Hit) -> Work[Outcome | None]:
        gathered = Gathered()
        shelf = self._shelf(coordinate, place.repository)
        stored = self.record.evidence(held.row.coordinate, held.row.sha256)
        evidence = None if stored is None else self._kept_evidence(shelf, held, stored, gathered)
        if stored is None or evidence is None:
            return None
        basis = self.rules.basis(coordinate)
        if not (stored.sealed or self._run.offline or basis.pins(evidence.sha256)):
            # A signature binds bytes and no name, and whoever wrote this record may have put one release in the
            # place of another: which it is, the repository must say.
            evidence = replace(evidence, checksums=())
        completed = yield from self._complete(evidence, basis, [shelf], gathered)
        evidence = with_digests(completed, held.path)
        outcome = yield from self._weigh(evidence, basis, held.path, None, gathered)
        outcome = replace(outcome, repository=place.repository, from_cache=True)
        sealed = held.intact and stored.sealed
        if outcome.findings is not None and outcome.cause is None and not (sealed or outcome.findings.vouched):
            # Only an unsealed record speaks for these bytes, and anybody may have written it.
            return None
        return outcome if outcome.cause is not None else replace(outcome, file=str(held.path))

    def _kept_evidence(self, shelf: Shelf, held: Hit, stored: StoredDocument, gathered: Gathered) -> Evidence | None:
        """Give the evidence kept for a file of the cache, where it came from this very repository.

        An id says nothing of the server behind it: policies that share a cache may mean different ones.  What is
        not sealed is taken from the bytes afresh.
        """
        evidence = _read(stored.document)
        if held.row.coordinate != str(shelf.coordinate) or evidence is None or evidence.url != shelf.url:
            return None
        if not self._run.offline:
            evidence = replace(evidence, signature_absent=False)  # for how long an absence counts, the record knows
        return evidence if held.intact and stored.sealed else remeasured(evidence, held.path, gathered.causes)

    def _refuse_changed(self, coordinate: Subject, place: Place, held: Changed) -> Work[Outcome]:
        self.cache.remove(place)
        cause = ChecksumMismatch(
            "the file in the cache changed after it was verified; it was removed",
            expected=Fact(f"sha256:{held.expected_sha256}", "the record"),
            received=Fact(
                f"sha256:{held.received_sha256}" if held.received_sha256 else "no file of that size", str(held.path)
            ),
            hint="something on this machine changed the cache: find out what may write to it",
        )
        outcome = Outcome(str(coordinate), coordinate, cause, repository=place.repository, from_cache=True)
        return (yield from self._entered(replace(outcome, url=str(held.path))))

    # From the repositories

    def _fetch_anew(
        self,
        coordinate: Subject,
        repositories: Iterable[Repository],
        look: Look | None = None,
    ) -> Work[Outcome]:
        asked = []
        for repository in repositories:
            shelf = self._shelf(coordinate, repository.id)
            try:
                return (yield from self._fetch_from(shelf, look))
            except NotFound:
                asked.append(shelf.url)
            except ReasonedError as cause:
                outcome = Outcome(str(coordinate), coordinate, cause, repository=repository.id, url=shelf.url)
                return (yield from self._entered(outcome))
        raise NotFound("no repository has it", received=Fact("404 or 410", ", ".join(asked)))

    def _fetch_from(self, shelf: Shelf, look: Look | None) -> Work[Outcome]:
        basis = self.rules.basis(shelf.coordinate)
        suffixes = beside_file(basis, self._run.now().date())
        quarantined = self.cache.quarantine_path()
        try:
            began = time.monotonic()
            gathered = yield from gather_file(shelf, suffixes, quarantined, self.rules.policy.limits.file, look)
            upstream_seconds = time.monotonic() - began
            outcome = yield from self._judge_download(shelf, basis, gathered, quarantined)
            return replace(outcome, upstream_seconds=upstream_seconds)
        finally:
            self.cache.discard(quarantined)

    def _judge_download(self, shelf: Shelf, basis: Basis, gathered: Gathered, quarantined: Path) -> Work[Outcome]:
        download = gathered.file
        if download is None:
            raise AssertionError("a flight without its file raises")
        hasher = hash_file(quarantined, (*ALWAYS_TAKEN, *(a for a in Algorithm if f".{a.value}" in gathered.asked)))
        digests, seen = hasher.digests(), gathered.seen
        # What was read early are these very bytes, or it is read again.
        pom = seen.pom if seen is not None and seen.sha256 == digests[Algorithm.SHA256].value else None
        evidence = Evidence(
            coordinate=shelf.coordinate,
            repository=shelf.endpoint.name,
            url=download.url,
            size=download.size,
            digests=tuple(digests.values()),
            checksums=(),
            signature=None,
            signature_where=shelf.url + SIGNATURE,
            signature_absent=False,
            claims=claims_of(quarantined, shelf.coordinate, download.url, gathered.causes, pom),
            last_modified=download.headers.get("last-modified", ""),
        )
        completed = yield from self._complete(evidence, basis, [shelf], gathered)
        evidence = with_digests(completed, quarantined)
        outcome = yield from self._weigh(evidence, basis, quarantined, hasher, gathered)
        outcome = replace(outcome, repository=shelf.endpoint.name)
        return (yield from (self._admitted(outcome, quarantined) if outcome.cause is None else self._entered(outcome)))

    def _admitted(self, outcome: Outcome, quarantined: Path) -> Work[Outcome]:
        evidence = outcome.proven_evidence()
        place = Place(evidence.repository, file_path(evidence.coordinate))
        outcome = replace(outcome, file=str(self.cache.path(place)))
        admission = Admission(
            row=AdmittedRow(place, outcome.name, evidence.sha256, evidence.size),
            quarantined=quarantined,
            evidence=_evidence_row(evidence),
            judgement=self._row(outcome),
        )
        try:
            admitted = self.cache.admit(admission)
            try:
                yield (admitted,)
            finally:
                if not admitted.done():
                    wait((admitted,))  # given up or not, until then the file is the cache's
            artifact = admitted.result()
        except SignatureReplayed as replayed:
            return (yield from self._entered(replace(outcome, cause=replayed, file=None)))
        return replace(outcome, record=str(artifact.record))

    def review(self, admitted: AdmittedRow) -> Outcome | None:
        """Do as `reconsider` does, and hash the file whatever its status says."""
        return self._reconsidered(admitted, self.cache.rehash(admitted.place))

    def reconsider(self, admitted: AdmittedRow) -> Outcome | None:
        """Judge one admitted file again by today's rules, and take it out where it is refused.

        Only a refusal is recorded: an acceptance would count as a use of the file.  None where there
        is no such file any more, or where only fetching it anew could tell.
        """
        return self._reconsidered(admitted, self.cache.find(admitted.place))

    def _reconsidered(self, admitted: AdmittedRow, held: Hit | Changed | None) -> Outcome | None:
        subject = parse_subject(admitted.coordinate)
        if isinstance(held, Changed):
            return do(self._refuse_changed(subject, admitted.place, held))
        if held is None:
            return None
        try:
            self._repositories(subject, admitted.place.repository)
            outcome = do(self._weigh_kept(subject, admitted.place, held))
        except ReasonedError as cause:
            outcome = Outcome(admitted.coordinate, subject, cause, file=str(held.path), from_cache=True)
        if outcome is None or not isinstance(outcome.cause, Refusal):
            return outcome
        self.cache.remove(admitted.place)
        return do(self._entered(outcome))

    # Files on disk

    def verify(self, path: Path, coordinate: Coordinate) -> Outcome:
        """Judge a file that is on disk already; it and its surroundings stay as they are.

        1. Take its sha256: what the record sealed about these bytes under this name still holds.
        2. Read the evidence beside it, and ask the repositories for what is not there.
        3. Judge, and write the record.
        """
        try:
            repositories = self._repositories(coordinate)
            gathered = read_beside(path)
            # 1.
            (digest,) = measure(path, (Algorithm.SHA256,))
            shelves = [self._shelf(coordinate, repository.id) for repository in repositories]
            evidence = self._sealed_evidence(coordinate, digest.value, shelves)
            if evidence is None:
                evidence = evidence_of(path, coordinate, gathered.causes)
            evidence = replace(evidence, url=str(path), repository="")
            # 2.
            basis = self.rules.basis(coordinate)
            evidence = with_digests(do(self._complete(evidence, basis, shelves, gathered)), path)
            # 3.
            outcome = replace(do(self._weigh(evidence, basis, path, None, gathered)), file=str(path))
        except ReasonedError as cause:
            return do(self._entered(Outcome(str(coordinate), coordinate, cause, file=str(path))))
        return do(self._settled(outcome, None) if outcome.cause is None else self._entered(outcome))

    def _sealed_evidence(self, coordinate: Coordinate, sha256: str, shelves: Sequence[Shelf]) -> Evidence | None:
        """Give what the record sealed about these bytes: a signature proves itself, whoever published it.

        Of checksums and absences only those count that a repository of today's policy stated.
        """
        stored = self.record.evidence(str(coordinate), sha256)
        evidence = _read(stored.document) if stored is not None and stored.sealed else None
        if evidence is None:
            return None
        urls = tuple(shelf.url for shelf in shelves)
        return replace(
            evidence,
            checksums=tuple(checksum for checksum in evidence.checksums if checksum.where.startswith(urls)),
            signature_absent=self._run.offline
            and evidence.signature_absent
            and evidence.signature_where.startswith(urls),
        )

    # Shared

    def _complete(
        self, evidence: Evidence, basis: Basis, shelves: Iterable[Shelf], gathered: Gathered
    ) -> Work[Evidence]:
        """Add what was gathered, and ask for what may still decide and is not at hand.

        Offline, what may decide and is not at hand is missing, not absent.
        """
        today = self._run.now().date()
        for number, shelf in enumerate(shelves):
            if number:  # the one before has nothing of it, which says nothing about this one
                gathered.asked.clear()
                gathered.signature_absent = False
            before = len(gathered.checksums), gathered.signature
            while wanted := still_wanted(gathered.added_to(evidence), basis, today, gathered.asked):
                if self._run.offline:
                    gathered.missing = gathered.missing or _offline(evidence.coordinate)
                    break
                if gathered.missing:
                    break
                yield from gather_beside(shelf, wanted, gathered)
            if gathered.missing or gathered.causes or before != (len(gathered.checksums), gathered.signature):
                break
        return gathered.added_to(evidence)

    def _weigh(
        self, evidence: Evidence, basis: Basis, path: Path, hasher: Hasher | None, gathered: Gathered
    ) -> Work[Outcome]:
        """Judge by the keys at hand; where a trusted signer's is absent or expired, ask for it and judge again."""
        findings = self._weigh_by_keys_at_hand(evidence, basis, path, hasher, gathered)
        wanted = keys_to_ask(findings.causes)
        if wanted:
            asked = yield from self._ask_for_keys(wanted)
            if any(inquiry.found for inquiry in asked):
                findings = self._weigh_by_keys_at_hand(evidence, basis, path, hasher, gathered)
            findings = settle(findings, asked)
        return Outcome(
            name=str(evidence.coordinate),
            coordinate=evidence.coordinate,
            cause=_cause(findings),
            evidence=evidence,
            findings=findings,
            url=evidence.url,
            downloaded=gathered.downloaded,
        )

    def _ask_for_keys(self, fingerprints: Collection[str]) -> Work[list[Inquiry]]:
        if self._run.offline:
            return [Inquiry(fingerprint, offline=True) for fingerprint in fingerprints]
        if self._keys is None:
            raise RuntimeError("the verifier was not started")
        coming = [self._keys.submit(self._keyring.refresh, fingerprint) for fingerprint in fingerprints]
        yield coming
        return [one.result() for one in coming]

    def _weigh_by_keys_at_hand(
        self, evidence: Evidence, basis: Basis, path: Path, hasher: Hasher | None, gathered: Gathered
    ) -> Findings:
        return weigh(
            evidence,
            basis,
            self._keyring,
            content_of(path, hasher, evidence.sha256),
            now=self._run.now(),
            other_names=self._other_names(evidence),
            causes=gathered.causes,
            missing=gathered.missing,
            opinion=partial(self._ask_gnupg, path),
        )

    def _ask_gnupg(self, path: Path, signature: Signature, certificate: Certificate) -> None:
        """Hear gpg about one signature over a file.

        Raises: as `GnupgEngine.judge`; `KeyUnknown` too where only the facts of a key are at hand.
        """
        material = self._keyring.material(certificate.primary.fingerprint)
        if self._gnupg is None or material is None:
            raise KeyUnknown(
                "gpg needs the certificate of the signer, and only facts about its key are at hand",
                expected=Fact(f"the certificate {certificate.primary.fingerprint}"),
                hint="get it from its owner and add it: verifier keys import FILE",
            )
        self._gnupg.judge(signature, material, path, now=self._run.now())

    def _other_names(self, evidence: Evidence) -> tuple[str, ...]:
        """Give the other coordinates under which these bytes with one of these signatures are known."""
        if evidence.signature is None:
            return ()
        own = str(evidence.coordinate)
        known = ((use.coordinate, _read(use.document)) for use in self.record.uses(evidence.sha256))
        return tuple(
            name
            for name, other in known
            if name != own and other is not None and not evidence.signed_parts.isdisjoint(other.signed_parts)
        )

    def _shelf(self, coordinate: Subject, repository: str) -> Shelf:
        now = int(self._run.now().timestamp())
        return Shelf(coordinate, self._endpoints[repository], self._upstream, self.record, now)

    def _row(self, outcome: Outcome) -> JudgementRow:
        return JudgementRow(
            coordinate=outcome.name,
            status=outcome.status.value,
            code="" if outcome.cause is None else outcome.cause.code,
            repository=outcome.repository or "",
            url=outcome.url or "",
            file=outcome.file or "",
            sha256="" if outcome.evidence is None else outcome.evidence.sha256,
            policy=self.rules.digest,
            seen=int(self._run.now().timestamp()),
            document=write_record(outcome, self.rules.policy.file, self.rules.digest),
        )

    def _entered(self, outcome: Outcome) -> Work[Outcome]:
        """Enter what was not verified into the record."""
        entered = self.cache.record_only(self._row(outcome))
        yield (entered,)
        return replace(outcome, record=str(entered.result()))

    def _settled(self, outcome: Outcome, held: Hit | None) -> Work[Outcome]:
        """Enter an acceptance into the record; write nothing where nothing is new."""
        evidence = outcome.proven_evidence()
        row, document = self._row(outcome), write_evidence(evidence)
        stored = self.record.evidence(outcome.name, evidence.sha256)
        before = _read(stored.document) if stored is not None and stored.sealed else None
        if held is None and before is not None and before.repository:
            # What was fetched stays known as such: a look at a copy on disk adds to it and replaces nothing.
            checksums = tuple(dict.fromkeys((*before.checksums, *evidence.checksums)))
            evidence = replace(evidence, url=before.url, repository=before.repository, checksums=checksums)
            document = write_evidence(evidence)
        known = self.record.judgement_id(row)
        if known is None or stored is None or not stored.sealed or stored.document != document:
            try:
                entered = self.cache.record_only(row, _evidence_row(evidence))
                yield (entered,)
                known = entered.result()
            except SignatureReplayed as replayed:
                return (yield from self._entered(replace(outcome, cause=replayed, file=outcome.file)))
        if held is not None:
            self.cache.readmit(held, known)
        return replace(outcome, record=str(known))


def _evidence_row(evidence: Evidence) -> EvidenceRow:
    return EvidenceRow(str(evidence.coordinate), evidence.sha256, write_evidence(evidence), evidence.signature_identity)


def _serves(repository: Repository, subject: Subject) -> bool:
    if isinstance(subject, Metadata) and not subject.version:
        return True
    return repository.snapshots if subject.is_snapshot else repository.releases


def _read(document: str) -> Evidence | None:
    try:
        return read_evidence(document)
    except EvidenceUnreadable:
        return None


def _cause(findings: Findings) -> ReasonedError | None:
    try:
        findings.verdict()
    except ReasonedError as cause:
        return cause
    return None


def _offline(coordinate: Subject) -> Offline:
    return Offline(f"{coordinate} needs something that is not at hand, and the network may not be asked")
