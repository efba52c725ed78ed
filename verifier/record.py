"""What was judged, admitted and learned: one SQLite file beside the cached files.

Four tables: the evidence for bytes under a coordinate, which file was admitted at which place,
which URLs are absent, and every judgement for `explain`.  Evidence and judgements are JSON
documents that this room carries and never reads.  Rows may have been changed by whoever can
write the cache: what this machine wrote itself is told apart by its seal, and values of a wrong
type or tables of another shape are a damaged record.  One connection writes, each time one durable
transaction, and a few others read meanwhile what was written before.  Which file may be served is
for the cache to say, what a document means for the judge.
"""

import fcntl
import hashlib
import json
import os
import re
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from verifier.errors import CacheError
from verifier.layout import Place
from verifier.seal import Seal

ABSENT_SECONDS = 24 * 60 * 60
"""How long a URL that was not there is not asked for again."""
SEEN_SECONDS = 24 * 60 * 60
"""How long a judgement that is repeated word for word is not written again."""
BUSY_SECONDS = 30
MAX_JUDGEMENTS = 50_000
"""How many judgements are kept for `explain`: at the start, and a few more while a proxy runs."""
TRIM_JUDGEMENTS = 1_000
"""After how many new judgements those that are too many are dropped."""
MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
MAX_USES = 1_000
MAX_SCHEMA_ROWS = 100
READERS = 4
"""How many threads may read at once; a reading is short, and more of them wait for the interpreter anyway."""

_APPLICATION = 0x76726679
_VERSION = 1
_PAGE_ROWS = 1_000
_DROPPED_ROWS = 500
_POLL_SECONDS = 0.002
_RECORD_ID = re.compile(r"[0-9]{1,18}")
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE evidence (
    coordinate TEXT NOT NULL, sha256 TEXT NOT NULL, document TEXT NOT NULL, replay_key TEXT, seal TEXT NOT NULL,
    PRIMARY KEY (coordinate, sha256)
);
CREATE INDEX evidence_bytes ON evidence (sha256, replay_key);
CREATE TABLE admitted (
    repository TEXT NOT NULL, path TEXT NOT NULL, coordinate TEXT NOT NULL, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, previous TEXT NOT NULL, stamp TEXT NOT NULL, seal TEXT NOT NULL,
    PRIMARY KEY (repository, path)
) WITHOUT ROWID;
CREATE TABLE absent (url TEXT PRIMARY KEY, noted INTEGER NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX absent_noted ON absent (noted);
CREATE TABLE judgement (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE, turn INTEGER NOT NULL,
    coordinate TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, repository TEXT NOT NULL, url TEXT NOT NULL,
    file TEXT NOT NULL, sha256 TEXT NOT NULL, policy TEXT NOT NULL, seen INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE INDEX judgement_turn ON judgement (turn);
CREATE INDEX judgement_coordinate ON judgement (coordinate, turn);
CREATE INDEX judgement_url ON judgement (url);
CREATE INDEX judgement_file ON judgement (file);
CREATE INDEX judgement_refused ON judgement (turn) WHERE status = 'refused';
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_JUDGEMENT = "SELECT id, coordinate, status, code, repository, url, file, sha256, policy, seen, document FROM judgement"
_IS_NEWEST = "turn = (SELECT max(turn) FROM judgement AS other WHERE other.coordinate = judgement.coordinate)"
_ADMITTED = "SELECT repository, path, coordinate, sha256, size, previous, stamp, seal FROM admitted"
_HEAL = "move it away, with the -wal and -shm files beside it: what is cached is then fetched and judged again"


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """What was offered for bytes under a coordinate.

    `replay_key` names the signature file: equal bytes with an equal key under another coordinate
    are a replay.  None: nothing signed them, and equal bytes elsewhere mean nothing.
    """

    coordinate: str
    sha256: str
    document: str
    replay_key: str | None


@dataclass(frozen=True, slots=True)
class AdmittedRow:
    """That the bytes with this digest were verified for this place, as this coordinate."""

    place: Place
    coordinate: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of an admitted file; `text` is equal as long as nothing was done to it."""

    row: AdmittedRow
    text: str


@dataclass(frozen=True, slots=True)
class JudgementRow:
    """One verdict on one file, for `explain`; empty text where a field has no value.

    Units: `seen` is seconds since 1970, UTC.
    """

    coordinate: str
    status: str
    code: str
    repository: str
    url: str
    file: str
    sha256: str
    policy: str
    seen: int
    document: str

    @property
    def identity(self) -> str:
        """What makes two judgements the same: all but when it was made and how it is told."""
        parts = (self.coordinate, self.url, self.file, self.sha256, self.policy, self.status, self.code)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What belongs together: a judgement, and the evidence and the admission that go with it."""

    judgement: JudgementRow
    evidence: EvidenceRow | None = None
    admitted: AdmittedRow | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """Why an entry was not written: its bytes and signature are known as this coordinate."""

    coordinate: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Evidence as it lies in the record; `sealed` tells that this machine wrote it so."""

    document: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class Use:
    """One coordinate under which some bytes are known."""

    coordinate: str
    document: str
    replay_key: str | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A row of what was admitted.

    `stamp` is None unless this machine sealed the whole row with it; `previous` is the digest of
    what lay there before, which an admission cut short may have left in place.
    """

    row: AdmittedRow
    previous: str
    stamp: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judgement with the id that `explain` knows it by."""

    id: int
    row: JudgementRow


class Record:
    """The record of one cache; made once, started and stopped by its owner."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self._path = path
        self._seal = seal
        self._lock = threading.Lock()
        """Held by who writes, until it is on the disk; who reads does not wait for that."""
        self._connection: sqlite3.Connection | None = None
        self._readers: list[sqlite3.Connection] = []
        self._free_readers = threading.Semaphore(READERS)
        self._held = threading.Lock()
        self._absent: dict[str, int] = {}
        self._stamps: list[Stamp] = []

    def start(self) -> None:
        """Open the record, making it and its directory where there is none, and drop what is too old.

        Raises: `CacheError` where it cannot be opened, is damaged or of another version.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError.of(error, str(self._path.parent)) from error
        with self.alone(), self._lock, self._translated():
            self._clear_ground()
            with ExitStack() as opened:
                connection = opened.enter_context(closing(self._connect()))
                self._prepare(connection)
                readers = [opened.enter_context(closing(self._connect())) for _ in range(READERS)]
                for reader in readers:
                    reader.execute("PRAGMA query_only = ON")
                opened.pop_all()
            self._connection, self._readers = connection, readers

    def stop(self) -> None:
        """Write what is still held back and close."""
        try:
            if self._absent or self._stamps:
                self.write(())
        finally:
            with self._lock, ExitStack() as waited:
                for _ in range(READERS):
                    waited.enter_context(self._free_readers)
                for connection in (*self._readers, self._connection):
                    if connection is not None:
                        connection.close()
                self._connection, self._readers = None, []

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the cache against every other process and thread, for as short a time as possible.

        Raises: `CacheError` where another process does not let go of it within `BUSY_SECONDS`.
        """
        path = self._path.with_name("lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CacheError.of(error, str(path)) from error
        try:
            end = time.monotonic() + BUSY_SECONDS
            while not _locked(descriptor):
                if time.monotonic() > end:
                    raise self._busy()
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def write(self, entries: Sequence[Entry]) -> tuple[int | Replay, ...]:
        """Write entries and everything held back in one transaction; it is on the disk on return.

        Shape: for each entry, in order, the id of its judgement, or the `Replay` for which nothing
        of this entry was written.
        """
        with self._lock, self._translated():
            connection = self._live()
            connection.execute("BEGIN IMMEDIATE")
            try:
                outcomes = tuple(self._write_entry(connection, entry) for entry in entries)
                stamps, absent = self._write_held(connection)
                connection.execute("COMMIT")
            except BaseException:
                # SQLite ends the transaction by itself after some errors, a full disk among them.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            with self._held:
                del self._stamps[: len(stamps)]
                for url, noted in absent.items():
                    if self._absent.get(url) == noted:
                        del self._absent[url]
        return outcomes

    def evidence(self, coordinate: str, sha256: str) -> StoredDocument | None:
        """Look up what is known of these bytes as this coordinate."""
        rows = self._rows("SELECT document, seal FROM evidence WHERE coordinate = ? AND sha256 = ?", coordinate, sha256)
        if not rows:
            return None
        document, seal = map(self._text, rows[0])
        return StoredDocument(document, self._seal.matches(seal, "evidence", coordinate, sha256, document))

    def uses(self, sha256: str) -> tuple[Use, ...]:
        """List the coordinates under which these bytes are known, at most `MAX_USES`, in order."""
        sql = "SELECT coordinate, document, replay_key FROM evidence WHERE sha256 = ? ORDER BY coordinate LIMIT ?"
        return tuple(
            Use(self._text(coordinate), self._text(document), None if key is None else self._text(key))
            for coordinate, document, key in self._rows(sql, sha256, MAX_USES)
        )

    def admitted(self, place: Place) -> Admitted | None:
        """Look up what was admitted at a place."""
        rows = self._rows(
            f"{_ADMITTED} WHERE repository = ? AND path = ?", _plain(place.repository), _plain(place.path)
        )
        return self._with_held_stamp(self._read_admitted(rows[0])) if rows else None

    def admissions(self) -> Iterator[Admitted]:
        """Walk through all that was admitted, by repository and path; writers are not held up."""
        after = ("", "")
        sql = f"{_ADMITTED} WHERE (repository, path) > (?, ?) ORDER BY repository, path LIMIT {_PAGE_ROWS}"
        while page := [self._read_admitted(row) for row in self._rows(sql, *after)]:
            yield from page
            after = (page[-1].row.place.repository, page[-1].row.place.path)

    def forget(self, place: Place) -> None:
        """Drop the row of a place, durably; `Cache.remove` is what takes the file away first."""
        sql = "DELETE FROM admitted WHERE repository = ? AND path = ?"
        with self._lock, self._translated():
            self._live().execute(sql, (place.repository, place.path))

    def drop_spent_evidence(self) -> None:
        """Drop what is known of bytes that nothing signed and that are admitted nowhere any more.

        Metadata leaves such a row at every change.  What was signed stays, whether its file does or
        not: by it the same bytes under another coordinate are known as a replay.
        """
        while self._drop_some_evidence():
            pass  # a little at a time: nobody reads the record meanwhile

    def note_stamp(self, stamp: Stamp) -> None:
        """Hold a stamp back for the next transaction; if it is lost the next hit is hashed, no more."""
        with self._held:
            self._stamps.append(stamp)

    def known_absent(self, urls: Sequence[str], now: int) -> frozenset[str]:
        """Tell which URLs were absent less than `ABSENT_SECONDS` ago; a time to come counts as never.

        Only what this machine sealed counts: an absence that anybody wrote would hide a signature.
        """
        noted: dict[str, int] = {}
        sql = "SELECT url, noted, seal FROM absent WHERE url IN (SELECT value FROM json_each(?))"
        for values in self._rows(sql, json.dumps(list(urls))):
            url, when, seal = self._text(values[0]), self._number(values[1]), self._text(values[2])
            if self._seal.matches(seal, "absent", url, str(when)):
                noted[url] = when
        with self._held:
            noted |= {url: self._absent[url] for url in urls if url in self._absent}
        return frozenset(url for url, when in noted.items() if 0 <= now - when < ABSENT_SECONDS)

    def note_absent(self, urls: Iterable[str], now: int) -> None:
        """Hold back for the next transaction that these URLs are absent; losing it costs a request."""
        with self._held:
            self._absent.update(dict.fromkeys(urls, now))

    def judgement_id(self, row: JudgementRow) -> int | None:
        """Give the id of an equal judgement that need not be written again.

        None where there is none, where another judgement of the same coordinate and URL came after
        it, or where it was seen more than `SEEN_SECONDS` ago.
        """
        sql = "SELECT id, identity, seen FROM judgement WHERE coordinate = ? AND url = ? ORDER BY turn DESC LIMIT 1"
        rows = self._rows(sql, _plain(row.coordinate), _plain(row.url))
        if not rows or self._text(rows[0][1]) != row.identity:
            return None
        return self._number(rows[0][0]) if 0 <= row.seen - self._number(rows[0][2]) < SEEN_SECONDS else None

    def last_seen(self, coordinate: str) -> int:
        """When a coordinate was last judged, to the day: seconds since 1970, UTC; 0 for never."""
        rows = self._rows("SELECT max(seen) FROM judgement WHERE coordinate = ?", _plain(coordinate))
        return 0 if not rows or rows[0][0] is None else self._number(rows[0][0])

    def find_judgements(self, query: str, limit: int) -> tuple[Judgement, ...]:
        """Find judgements by record id, coordinate, URL or absolute file path, the latest first."""
        number = int(query) if _RECORD_ID.fullmatch(query) else -1
        sql = f"{_JUDGEMENT} WHERE id = ? OR coordinate = ? OR url = ? OR file = ? ORDER BY turn DESC LIMIT ?"
        text = _plain(query)
        return self._read_judgements(self._rows(sql, number, text, text, text, limit) if query else [])

    def judgements(self, limit: int) -> tuple[Judgement, ...]:
        """List the latest judgements, the latest first."""
        return self._read_judgements(self._rows(f"{_JUDGEMENT} ORDER BY turn DESC LIMIT ?", limit))

    def latest_refusals(self, limit: int) -> tuple[Judgement, ...]:
        """List the latest refusals, the latest first."""
        sql = f"{_JUDGEMENT} WHERE status = 'refused' ORDER BY turn DESC LIMIT ?"
        return self._read_judgements(self._rows(sql, limit))

    def standing_refusals(self, limit: int) -> tuple[Judgement, ...]:
        """List the refusals that are the newest judgement of their coordinate, the latest first."""
        sql = f"{_JUDGEMENT} WHERE status = 'refused' AND {_IS_NEWEST} ORDER BY turn DESC LIMIT ?"
        return self._read_judgements(self._rows(sql, limit))

    def newest_of_group(self, group: str, limit: int) -> tuple[Judgement, ...]:
        """List the newest judgement of each coordinate of a group, the latest first."""
        sql = f"{_JUDGEMENT} WHERE coordinate >= ? AND coordinate < ? AND {_IS_NEWEST} ORDER BY turn DESC LIMIT ?"
        # In the order of characters ';' comes right after the ':' that ends a group.
        return self._read_judgements(self._rows(sql, f"{group}:", f"{group};", limit))

    def _clear_ground(self) -> None:
        """See that only plain files lie where SQLite will open some, and that no rollback journal does.

        A record has a write-ahead log and never such a journal.  SQLite does what one says before it
        reads anything else, and what one says may be to delete any file of this user.

        Raises: `CacheError`.
        """
        try:
            for suffix in ("", "-wal", "-shm", "-journal"):
                path = self._path.with_name(self._path.name + suffix)
                with suppress(FileNotFoundError):
                    mode = os.lstat(path).st_mode
                    if not stat.S_ISREG(mode):
                        kind = "a symbolic link" if stat.S_ISLNK(mode) else "no plain file"
                        raise CacheError(str(path), f"the record is {kind}", hint=_HEAL)
                    if suffix == "-journal":
                        path.unlink()
        except OSError as error:
            raise CacheError.of(error, str(self._path)) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if found == [0, 0] and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        elif found != [_APPLICATION, _VERSION]:
            raise CacheError(str(self._path), "this is not a record of this version of verifier", hint=_HEAL)
        elif _schema_of(connection) != _own_schema():
            # Triggers and views of somebody else's would run with every statement, some without end.
            raise self._damaged()
        else:
            connection.execute("PRAGMA journal_mode = WAL")  # one that was changed may ask for rollback journals
        connection.execute("PRAGMA synchronous = FULL")
        _trim(connection)

    def _write_entry(self, connection: sqlite3.Connection, entry: Entry) -> int | Replay:
        if entry.evidence is not None:
            replay = self._write_evidence(connection, entry.evidence)
            if replay is not None:
                return replay
        if entry.admitted is not None:
            row = entry.admitted
            connection.execute(
                "INSERT INTO admitted VALUES (?, ?, ?, ?, ?, '', '', '') ON CONFLICT (repository, path) DO UPDATE SET"
                " previous = CASE sha256 WHEN excluded.sha256 THEN previous ELSE sha256 END, stamp = '', seal = '',"
                " coordinate = excluded.coordinate, sha256 = excluded.sha256, size = excluded.size",
                (row.place.repository, row.place.path, row.coordinate, row.sha256, row.size),
            )
        return self._write_judgement(connection, entry.judgement)

    def _write_evidence(self, connection: sqlite3.Connection, row: EvidenceRow) -> Replay | None:
        other = connection.execute(
            "SELECT coordinate FROM evidence WHERE sha256 = ? AND replay_key = ? AND coordinate != ? LIMIT 1",
            (row.sha256, row.replay_key, row.coordinate),
        ).fetchone()
        if other is not None:
            return Replay(self._text(other[0]))
        seal = self._seal.sign("evidence", row.coordinate, row.sha256, row.document)
        connection.execute(
            "INSERT INTO evidence VALUES (?, ?, ?, ?, ?) ON CONFLICT (coordinate, sha256) DO UPDATE SET"
            " document = excluded.document, seal = excluded.seal,"
            " replay_key = coalesce(excluded.replay_key, replay_key)",
            (row.coordinate, row.sha256, row.document, row.replay_key, seal),
        )
        return None

    def _write_judgement(self, connection: sqlite3.Connection, row: JudgementRow) -> int:
        identity, document = row.identity, _plain(row.document)
        turn = self._number(connection.execute("SELECT coalesce(max(turn), 0) + 1 FROM judgement").fetchone()[0])
        found = connection.execute("SELECT id FROM judgement WHERE identity = ?", (identity,)).fetchone()
        if found is not None:
            sql = "UPDATE judgement SET turn = ?, seen = ?, document = ? WHERE id = ?"
            connection.execute(sql, (turn, row.seen, document, found[0]))
            return self._number(found[0])
        texts = (row.coordinate, row.status, row.code, row.repository, row.url, row.file, row.sha256, row.policy)
        sql = "INSERT INTO judgement VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        values = (identity, turn, *map(_plain, texts), row.seen, document)
        number = self._number(connection.execute(sql, values).lastrowid)
        if number % TRIM_JUDGEMENTS == 0:
            _trim(connection)
        return number

    def _drop_some_evidence(self) -> bool:
        """Drop as many rows as do not keep others waiting; tells whether there were any."""
        sql = (
            "DELETE FROM evidence WHERE rowid IN (SELECT rowid FROM evidence INDEXED BY evidence_bytes WHERE"
            " replay_key IS NULL AND (coordinate, sha256) NOT IN (SELECT coordinate, sha256 FROM admitted) LIMIT ?)"
        )
        with self._lock, self._translated():
            return self._live().execute(sql, (_DROPPED_ROWS,)).rowcount > 0

    def _write_held(self, connection: sqlite3.Connection) -> tuple[list[Stamp], dict[str, int]]:
        """Write what is held back, and drop absences that no longer count; give what was written."""
        with self._held:
            stamps, absent = list(self._stamps), dict(self._absent)
        connection.executemany(
            "UPDATE admitted SET stamp = ?, seal = ?"
            " WHERE repository = ? AND path = ? AND coordinate = ? AND sha256 = ? AND size = ?",
            [(stamp.text, self._seal.sign(*_sealed(stamp.row, stamp.text)), *_key(stamp.row)) for stamp in stamps],
        )
        if absent:
            oldest = max(absent.values()) - ABSENT_SECONDS
            connection.execute("DELETE FROM absent WHERE noted <= ?", (oldest,))
            rows = [(url, noted, self._seal.sign("absent", url, str(noted))) for url, noted in absent.items()]
            connection.executemany("INSERT OR REPLACE INTO absent VALUES (?, ?, ?)", rows)
        return stamps, absent

    def _read_admitted(self, values: tuple[object, ...]) -> Admitted:
        repository, path, coordinate, sha256, size, previous, stamp, seal = values
        place = Place(self._text(repository), self._text(path))
        row = AdmittedRow(place, self._text(coordinate), self._text(sha256), self._number(size))
        text = self._text(stamp)
        sealed = bool(text) and self._seal.matches(self._text(seal), *_sealed(row, text))
        return Admitted(row, self._text(previous), text if sealed else None)

    def _with_held_stamp(self, admitted: Admitted) -> Admitted:
        """Add the stamp that waits for the next transaction, where there is one for this very row."""
        with self._held:
            held = [stamp.text for stamp in self._stamps if stamp.row == admitted.row]
        return replace(admitted, stamp=held[-1]) if held else admitted

    def _read_judgements(self, rows: list[tuple[object, ...]]) -> tuple[Judgement, ...]:
        return tuple(self._read_judgement(row) for row in rows)

    def _read_judgement(self, values: tuple[object, ...]) -> Judgement:
        number, *texts, seen, document = values
        coordinate, status, code, repository, url, file, sha256, policy = map(self._text, texts)
        row = JudgementRow(
            coordinate, status, code, repository, url, file, sha256, policy, self._number(seen), self._text(document)
        )
        return Judgement(self._number(number), row)

    def _rows(self, sql: str, *values: str | int) -> list[tuple[object, ...]]:
        with self._free_readers, self._translated():
            self._live()
            reader = self._readers.pop()
            try:
                return reader.execute(sql, values).fetchall()
            finally:
                self._readers.append(reader)

    def _connect(self) -> sqlite3.Connection:
        # timeout: an administrator's own sqlite shell may hold the file, which `alone` does not see.
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_DOCUMENT_BYTES)
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the record is not started")
        return self._connection

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._damaged()
        return value

    def _number(self, value: object) -> int:
        if not isinstance(value, int):
            raise self._damaged()
        return value

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error) -> CacheError:
        # The extended codes carry the primary one in their lowest byte.
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return self._busy()
            case sqlite3.SQLITE_FULL:
                problem, hint = "the disk is full", "make room, or name a directory on another disk with --cache"
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                problem = "the record cannot be opened for writing"
                hint = "give this user write access to the cache directory, or name another one with --cache"
            case sqlite3.SQLITE_IOERR:
                problem = "the disk reports an input/output error or is full"
                hint = "check the disk and the room on it, or name another directory with --cache"
            case _:
                return self._damaged()
        return CacheError(str(self._path), problem, hint=hint)

    def _damaged(self) -> CacheError:
        return CacheError(str(self._path), "the record is damaged", hint=_HEAL)

    def _busy(self) -> CacheError:
        problem = f"another process has held the cache for {BUSY_SECONDS} seconds"
        return CacheError(str(self._path), problem, hint="wait for it, or find and end it, or use another --cache")


def _trim(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM judgement WHERE turn <= (SELECT max(turn) FROM judgement) - ?", (MAX_JUDGEMENTS,))


def _own_schema() -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(_SCHEMA)
        return _schema_of(connection)


def _schema_of(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name LIMIT ?"
    return connection.execute(sql, (MAX_SCHEMA_ROWS,)).fetchall()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _key(row: AdmittedRow) -> tuple[str, str, str, str, int]:
    return row.place.repository, row.place.path, row.coordinate, row.sha256, row.size


def _sealed(row: AdmittedRow, stamp: str) -> tuple[str, ...]:
    """Give the purpose and every field that the seal of an admitted file covers."""
    return "admitted", *map(str, _key(row)), stamp


def _plain(text: str) -> str:
    """Write text as UTF-8 can hold it: names of files on the disk may hold any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()
