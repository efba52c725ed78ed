"""The directory of verified files: quarantine, admission, hits and removal.

Under the cache's root lie `repository/<repository id>/<maven path>`, verified files and nothing
else; `quarantine/<process>/`, bytes not judged yet, on the same file system so that admission is
one rename; the record and a lock.  Each process has a quarantine of its own and holds a lock in
it; what a process that is gone left behind is swept at the next start.

An admission is in this order: the bytes are on the disk, then the record, then the name.  A
machine that stops at any instant leaves a row without its file, which is no hit, or the whole.
One thread admits everything that waits at once, so that many files share one transaction; it and
removals hold the cache against other processes, so that a row and the file at its place agree.

A hit costs no hashing where the file's stamp (size, inode, times of modification and of change)
is the one that this machine sealed when it had just named or hashed the file.  That is safe: the
time of change is set by the kernel alone, to now, at every write, rename, link, change of mode or
of times, so changed bytes under an old stamp need a clock set back; and the stamp cannot be
replaced, since the seal's key lies outside the cache.  (A write by this same user within the
kernel's clock tick, at most some milliseconds after the admission, could pass; whoever can do
that can read the key.)  Admitted files are mode 0444: whatever serves them may read them and a
program that writes in place fails; a writable directory still lets them be removed.

The record is handed in and used directly, without an interface between: it exists for this room,
and both keep the one promise together.  What the bytes are worth is for the judge to say.
"""

import errno
import fcntl
import hashlib
import itertools
import os
import queue
import secrets
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from verifier.errors import CacheError, CoordinateInvalid, Fact, SignatureReplayed
from verifier.layout import Place
from verifier.record import Admitted, AdmittedRow, Entry, EvidenceRow, JudgementRow, Record, Replay, Stamp

MAX_BATCH = 64
"""How many admissions share a transaction."""
MAX_READY = 2 * MAX_BATCH
"""How many may wait for theirs; each holds a file and a directory open meanwhile."""
MAX_GROWN_BYTES = 4 * 1024**3
"""A file of another size than recorded and above this is known to be changed without hashing."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # non-blocking: a named pipe may lie there


@dataclass(frozen=True, slots=True)
class Artifact:
    """One admitted file; made only here.  `record` is the id of its judgement."""

    path: Path
    place: Place
    sha256: str
    size: int
    record: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A cached file whose bytes are those recorded.

    `intact`: this machine sealed the row and nothing touched the file since.  Otherwise the bytes
    were hashed just now and agree, but the row, its coordinate included, may be anybody's: judge
    them again.
    """

    path: Path
    row: AdmittedRow
    stamp: str
    intact: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A cached file whose bytes are not those recorded: not to be served, to be removed.

    `received_sha256` is None where it is no regular file, or far too large to be worth hashing.
    """

    path: Path
    expected_sha256: str
    received_sha256: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified file, open for reading: whatever happens to its name, these are the bytes that were verified.

    `stamp` is what the file system said of it then; whoever opened it closes `descriptor`.
    """

    descriptor: int
    stamp: str

    @property
    def untouched(self) -> bool:
        """Whether nothing was done to the bytes since; ask after reading and before passing them on."""
        return _stamp(os.fstat(self.descriptor)) == self.stamp

    def again(self) -> "Opened":
        """Open the same file once more, under the stamp that it bears now: it is for the caller to hash it."""
        descriptor = os.dup(self.descriptor)
        return Opened(descriptor, _stamp(os.fstat(descriptor)))

    def digest(self, algorithm: str) -> str:
        """Hash the file, in lower-case hex; empty where it was touched meanwhile."""
        with open(self.descriptor, "rb", closefd=False) as file:
            file.seek(0)
            value = hashlib.file_digest(file, partial(hashlib.new, algorithm, usedforsecurity=False)).hexdigest()
        return value if self.untouched else ""

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class Admission:
    """Verified bytes on their way into the cache, with everything that is recorded of them."""

    row: AdmittedRow
    quarantined: Path
    evidence: EvidenceRow
    judgement: JudgementRow


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry in the queue, with the file that is to be named for it, and how to tell whoever waits."""

    entry: Entry
    ready: "_Ready | None"
    succeed: Callable[[int], None]
    refuse: Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A quarantined file that is on the disk, and the directory in which it gets its name; both are open."""

    quarantined: Path
    file: int
    directory: int
    opened: ExitStack


class Cache:
    """The cache below `root`; made once, started after its record and stopped before it."""

    def __init__(self, root: Path, record: Record) -> None:
        self._root = root.absolute()
        self._tree = self._root / "repository"
        self._record = record
        self._own = self._root / "quarantine" / f"{os.getpid()}-{secrets.token_hex(8)}"
        self._lock = -1
        self._owner = -1  # of the files that this process makes here, as this file system tells it
        self._numbers = itertools.count()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._open = False
        self._room = threading.BoundedSemaphore(MAX_READY)
        self._thread = threading.Thread(target=self._admit_all, name="admission", daemon=True)

    def start(self) -> None:
        """Make the directories, sweep what dead processes left, and start to admit.

        Raises: `CacheError` where the directory cannot be used.
        """
        for directory, mode in ((self._root, 0o777), (self._tree, 0o777), (self._own.parent, 0o700)):
            with _translated(directory):
                directory.mkdir(mode=mode, parents=True, exist_ok=True)
                if directory != self._root and directory.is_symlink():
                    raise OSError(errno.ELOOP, "")
        # Under the lock nobody else can take a quarantine that is being made for one that was left.
        with self._record.alone(), _translated(self._own):
            _sweep(self._own.parent)
            self._own.mkdir(mode=0o700)
            self._lock = os.open(self._own / "lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._owner = os.fstat(self._lock).st_uid
        self._open = True
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, end the thread and drop this process's quarantine."""
        with self._gate:
            if not self._open:
                return
            self._open = False
            self._queue.put(None)
        self._thread.join()
        # What cannot be removed here is swept by the next process.
        shutil.rmtree(self._own, ignore_errors=True)
        os.close(self._lock)

    def path(self, place: Place) -> Path:
        """Give the absolute path of a place's file, whether it is there or not.

        Raises: `CoordinateInvalid` where the place would lead anywhere else.
        """
        return Path("/".join((str(self._tree), *_segments(place))))

    @property
    def private_directory(self) -> Path:
        """This process's own directory: nobody else's, removed at the end, swept if the process is killed."""
        return self._own

    def quarantine_path(self) -> Path:
        """Name a file for bytes that are not judged yet: new each time, not made, this process's own."""
        return self._own / str(next(self._numbers))

    def discard(self, quarantined: Path) -> None:
        """Remove a quarantined file; it need not be there any more.

        Raises: `CacheError`.
        """
        with _translated(quarantined):
            quarantined.unlink(missing_ok=True)

    def find(self, place: Place) -> Hit | Changed | None:
        """Look for a verified file; one without a row is as good as none and will be replaced.

        Raises: `CacheError` where the disk does not answer or a symbolic link lies on the way;
        `CoordinateInvalid` as `path`.
        """
        return self._checked(place, trusting=True)

    def rehash(self, place: Place) -> Hit | Changed | None:
        """Look for a verified file as `find` does, and hash it whatever its status says.

        Raises: as `find`.
        """
        found = self._checked(place, trusting=False)
        admitted = self._record.admitted(place)
        if isinstance(found, Hit) and admitted is not None and admitted.stamp == found.stamp:
            return replace(found, intact=True)
        return found

    def strangers(self) -> Iterator[Path]:
        """Give everything in the tree that is no directory and that the record does not know as admitted."""
        for folder, folders, names in os.walk(self._tree):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in (*names, *links):
                path = Path(folder, name)
                repository, *rest = path.relative_to(self._tree).parts
                if not rest or self._record.admitted(Place(repository, "/".join(rest))) is None:
                    yield path

    def readmit(self, hit: Hit, record: int) -> Artifact:
        """Make the artifact of a hit that is intact, or was judged again under its own coordinate.

        What was judged again is sealed, so that the next hit is intact.
        """
        if not hit.intact:
            self._record.note_stamp(Stamp(hit.row, hit.stamp))
        return Artifact(hit.path, hit.row.place, hit.row.sha256, hit.row.size, record)

    def admit(self, admission: Admission) -> Future[Artifact]:
        """Move verified bytes from quarantine into the cache.

        The future raises `SignatureReplayed` where the bytes and their signature have meanwhile
        become known as another coordinate, and `CacheError`; the file then stays in quarantine
        for the caller to discard, and is not in the cache.

        Raises: `CoordinateInvalid` as `path`.
        """
        row, path = admission.row, self.path(admission.row.place)
        future: Future[Artifact] = Future()
        future.set_running_or_notify_cancel()  # it cannot be taken back
        with self._gate:
            self._check_open()
        try:
            ready = self._make_ready(admission)
        except CacheError as error:
            future.set_exception(error)
            return future
        waiting = _Waiting(
            Entry(admission.judgement, admission.evidence, row),
            ready,
            lambda record: future.set_result(Artifact(path, row.place, row.sha256, row.size, record)),
            future.set_exception,
        )
        try:
            self._put(waiting)
        except RuntimeError:
            ready.opened.close()
            raise
        return future

    def record_only(self, judgement: JudgementRow, evidence: EvidenceRow | None = None) -> Future[int]:
        """Write a judgement that admits nothing, with the evidence that was found; gives its id.

        The future raises `SignatureReplayed` as `admit` does, where there is evidence, and `CacheError`.
        """
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()  # it cannot be taken back
        self._put(_Waiting(Entry(judgement, evidence), None, future.set_result, future.set_exception))
        return future

    def remove(self, place: Place) -> None:
        """Take a file out of the cache, whatever lies there; it need not be there any more.

        The file goes first: a removal cut short leaves a row without a file, which is no hit.

        Raises: `CacheError`; `CoordinateInvalid` as `path`.
        """
        path = self.path(place)
        with self._record.alone():
            with _translated(path), ExitStack() as opened, suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=self._directory(place, opened, make=False))
            self._record.forget(place)

    def _checked(self, place: Place, *, trusting: bool) -> Hit | Changed | None:
        found = self._look(place, trusting=trusting)
        if isinstance(found, Changed):
            # Another process may have recorded one file and not named it yet: look while none can.
            with self._record.alone():
                found = self._look(place, trusting=trusting)
        return found

    def _look(self, place: Place, *, trusting: bool) -> Hit | Changed | None:
        path = self.path(place)
        admitted = self._record.admitted(place)
        if admitted is None:
            return None
        with _translated(path):
            try:
                status = self._status(place)
                if not stat.S_ISREG(status.st_mode):
                    return Changed(path, admitted.row.sha256, None, status.st_size)
                if trusting and admitted.stamp == _stamp(status):
                    return Hit(path, admitted.row, admitted.stamp, intact=True)
                return _compare(path, admitted)
            except FileNotFoundError:
                return None

    def _status(self, place: Place) -> os.stat_result:
        """Ask for the status of a place's file; a symbolic link above it is an error."""
        *above, name = _segments(place)
        path = str(self._tree)
        for segment in above:
            path = f"{path}/{segment}"
            if stat.S_ISLNK(os.lstat(path).st_mode):
                raise CacheError.of(OSError(errno.ELOOP, ""), path)
        return os.lstat(f"{path}/{name}")

    def _directory(self, place: Place, opened: ExitStack, *, make: bool) -> int:
        """Open the directory of a place's file, from the root down and following no link."""
        path = str(self._tree)
        try:
            directory = _opened(path, opened)
            for segment in _segments(place)[:-1]:
                path = f"{path}/{segment}"
                try:
                    directory = _opened(segment, opened, directory)
                except FileNotFoundError:
                    if not make:
                        raise
                    with suppress(FileExistsError):
                        os.mkdir(segment, dir_fd=directory)
                    directory = _opened(segment, opened, directory)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CacheError.of(error, path) from error
        return directory

    def _put(self, waiting: _Waiting) -> None:
        with self._gate:
            self._check_open()
            self._queue.put(waiting)

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError("the cache is not started")

    def _admit_all(self) -> None:
        while (waiting := self._queue.get()) is not None:
            batch = [waiting]
            while len(batch) < MAX_BATCH and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)  # it was the last; take it up again after this batch
                    break
                batch.append(following)
            self._settle(batch)

    def _settle(self, batch: list[_Waiting]) -> None:
        """Admit a batch; whoever waits hears of any error at all, or would wait for ever.

        1. Every quarantined file has been brought onto the disk, by whoever wants it admitted: many at once, so that
           the disk can take them together.
        2. The record is written, in one durable transaction that refuses replays.
        3. Every file gets its name, and its stamp waits for the next transaction.
        4. Whoever waits is told, when nothing is held any more: each of them goes on at once.
        """
        told: list[Callable[[], None]] = []
        # Some file systems answer a close with an error; what was to be on the disk is, or `fsync` had said so.
        with suppress(OSError), ExitStack() as opened:
            for waiting in batch:
                if waiting.ready is not None:
                    opened.enter_context(waiting.ready.opened)  # 1.
            try:
                with self._record.alone():
                    outcomes = self._record.write([waiting.entry for waiting in batch])  # 2.
                    told = [
                        self._finish(waiting, outcome) for waiting, outcome in zip(batch, outcomes, strict=True)
                    ]  # 3.
            except Exception as error:  # noqa: BLE001  as the docstring says; `_finish` raises nothing
                told = [partial(waiting.refuse, error) for waiting in batch]
        for tell in told:  # 4.
            tell()

    def _finish(self, waiting: _Waiting, outcome: int | Replay) -> Callable[[], None]:
        """Name a file; gives what is to be told."""
        if isinstance(outcome, Replay):
            return partial(waiting.refuse, _replayed(waiting.entry, outcome))
        try:
            admitted, ready = waiting.entry.admitted, waiting.ready
            if admitted is not None and ready is not None:
                path = self.path(admitted.place)
                with _translated(path):
                    os.replace(ready.quarantined, path.name, dst_dir_fd=ready.directory)
                # The stamp is that of the file that was judged, not of whatever lies at the path by now.
                self._record.note_stamp(Stamp(admitted, _stamp(os.fstat(ready.file))))
        except Exception as error:  # noqa: BLE001  as above
            return partial(waiting.refuse, error)
        return partial(waiting.succeed, outcome)

    def _make_ready(self, admission: Admission) -> _Ready:
        """Bring a quarantined file onto the disk, and open the directory where it belongs."""
        place = admission.row.place
        with ExitStack() as opened:
            self._room.acquire()
            opened.callback(self._room.release)
            file = _make_durable(admission, opened, self._owner)
            with _translated(self.path(place)):
                with ExitStack() as way:  # that waits for no transaction: it is a dozen directories long
                    directory = os.dup(self._directory(place, way, make=True))
                opened.callback(os.close, directory)
            return _Ready(admission.quarantined, file, directory, opened.pop_all())


def open_verified(path: str, sha256: str) -> Opened | None:
    """Open a file of the cache and hash it; None where it is not there or holds other bytes.

    Raises: `CacheError` where the disk does not answer.
    """
    opened = _open_plainly(path)
    if opened is None:
        return None
    try:
        if opened.digest("sha256") == sha256:
            return opened
    except OSError as error:
        opened.close()
        raise CacheError.of(error, path) from error
    opened.close()
    return None


def open_stamped(path: str, stamp: str) -> Opened | None:
    """Open a file that bears the stamp which `open_verified` found on it; None where it is not that file any more.

    Raises: `CacheError` where the disk does not answer.
    """
    opened = _open_plainly(path)
    if opened is None or opened.stamp == stamp:
        return opened
    opened.close()
    return None


def _open_plainly(path: str) -> Opened | None:
    try:
        descriptor = os.open(path, _FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError.of(error, path) from error
    status = os.fstat(descriptor)
    opened = Opened(descriptor, _stamp(status))
    if stat.S_ISREG(status.st_mode):
        return opened
    opened.close()
    return None


def _make_durable(admission: Admission, opened: ExitStack, owner: int) -> int:
    """Bring a quarantined file onto the disk, in its final mode; gives it open.

    In a cache that others may write one of them can put a directory of its own in our quarantine's
    place, after the file was judged: what lies there then belongs to somebody else.
    """
    size = admission.row.size
    with _translated(admission.quarantined):
        descriptor = os.open(admission.quarantined, _FILE)
        opened.callback(os.close, descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            problem = f"{status.st_size} bytes lie there, where {size} were written"
            raise CacheError(str(admission.quarantined), problem, hint="check the disk, and run again")
        if status.st_uid != owner:
            hint = "find out who else may write to the cache"
            raise CacheError(str(admission.quarantined), "another user put a file in its place", hint=hint)
        os.fchmod(descriptor, 0o444)
        os.fsync(descriptor)
    return descriptor


def _replayed(entry: Entry, replay: Replay) -> SignatureReplayed:
    return SignatureReplayed(
        "the same bytes with the same signature are known as another coordinate",
        expected=Fact(replay.coordinate, "the record"),
        received=Fact(entry.judgement.coordinate, entry.judgement.url or entry.judgement.file),
    )


def _compare(path: Path, admitted: Admitted) -> Hit | Changed | None:
    """Hash a file that no seal vouches for."""
    row = admitted.row
    with open(path, "rb", opener=_open_file) as file:
        before = os.fstat(file.fileno())
        grown = before.st_size != row.size and before.st_size > MAX_GROWN_BYTES
        received = None if grown else hashlib.file_digest(file, "sha256").hexdigest()
        stamp = _stamp(os.fstat(file.fileno()))
    if received == row.sha256 and stamp == _stamp(before):
        return Hit(path, row, stamp, intact=False)
    if received == admitted.previous:
        return None  # an admission was cut short after its row was written: what it was to replace is still there
    return Changed(path, row.sha256, received, before.st_size)


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def _segments(place: Place) -> list[str]:
    """Split a place into names that lead down from the tree and nowhere else."""
    segments = [place.repository, *place.path.split("/")]
    text = f"{place.repository}/{place.path}"
    plain = text.isascii() and text.isprintable()
    if not plain or "/" in place.repository or not {"", ".", ".."}.isdisjoint(segments):
        raise CoordinateInvalid("the path cannot be used safely in the cache", received=Fact(repr(text)))
    return segments


def _opened(path: str, opened: ExitStack, directory: int | None = None) -> int:
    descriptor = os.open(path, _DIRECTORY, dir_fd=directory)
    opened.callback(os.close, descriptor)
    return descriptor


def _open_file(path: str, _flags: int) -> int:
    return os.open(path, _FILE)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError.of(error, str(path)) from error


def _sweep(quarantine: Path) -> None:
    for directory in quarantine.iterdir():
        if not _is_owned(directory):
            # What cannot be removed was never judged and is in nobody's way.
            shutil.rmtree(directory, ignore_errors=True)


def _is_owned(directory: Path) -> bool:
    """Whether a live process holds this quarantine; one that may not be asked is left alone."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
