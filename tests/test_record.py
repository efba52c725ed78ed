import os
import sqlite3
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from verifier import record as room
from verifier.errors import CacheError
from verifier.layout import Place
from verifier.record import AdmittedRow, Entry, EvidenceRow, JudgementRow, Record, Replay, Stamp
from verifier.seal import Seal

KEY = bytes(32)
A, B = "a" * 64, "b" * 64
NOW = 1_700_000_000
DAY = 24 * 60 * 60
WIDGET = "org.example:widget:jar:1.0"
OLDER = "org.example:widget:jar:0.9"
ROW = AdmittedRow(Place("central", "org/example/widget/1.0/widget-1.0.jar"), WIDGET, A, 5)
JUDGEMENT = JudgementRow(WIDGET, "verified", "", "central", "https://repo.example/w", "/c/w.jar", A, "p", NOW, "{}")


@contextmanager
def started(directory: Path, seal: Seal | None = None) -> Iterator[Record]:
    record = Record(directory / "record.sqlite", seal or Seal(KEY))
    record.start()
    try:
        yield record
    finally:
        record.stop()


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with started(tmp_path) as record:
        yield record


def change(directory: Path, sql: str) -> None:
    with closing(sqlite3.connect(directory / "record.sqlite", isolation_level=None)) as connection:
        connection.execute(sql)


def known(coordinate: str, sha256: str = A, key: str | None = "k", document: str = '{"of": "it"}') -> Entry:
    return Entry(replace(JUDGEMENT, coordinate=coordinate), EvidenceRow(coordinate, sha256, document, key))


def written(record: Record, row: JudgementRow) -> int:
    (number,) = record.write([Entry(row)])
    assert isinstance(number, int)
    return number


# Evidence


def test_gives_back_evidence_as_sealed_after_a_restart(tmp_path: Path) -> None:
    with started(tmp_path) as record:
        record.write([known(WIDGET, document='{"text": "ä\\n"}')])

    with started(tmp_path) as record:
        stored = record.evidence(WIDGET, A)

        assert stored is not None
        assert stored.document == '{"text": "ä\\n"}'
        assert stored.sealed


def test_knows_nothing_of_other_bytes_or_another_coordinate(record: Record) -> None:
    record.write([known(WIDGET)])

    assert record.evidence(WIDGET, B) is None
    assert record.evidence(OLDER, A) is None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE evidence SET document = '{}'",
        "UPDATE evidence SET coordinate = 'org.example:widget:jar:0.9'",
        "UPDATE evidence SET seal = ''",
        "UPDATE evidence SET seal = 'ä'",
    ],
)
def test_changed_evidence_is_not_sealed(record: Record, tmp_path: Path, sql: str) -> None:
    record.write([known(WIDGET)])

    change(tmp_path, sql)

    stored = record.evidence(WIDGET, A) or record.evidence(OLDER, A)
    assert stored is not None
    assert not stored.sealed


@pytest.mark.parametrize("seal", [Seal(b"x" * 32), Seal.none()])
def test_evidence_is_not_sealed_for_another_machine_or_without_a_key(tmp_path: Path, seal: Seal) -> None:
    with started(tmp_path) as record:
        record.write([known(WIDGET)])

    with started(tmp_path, seal) as record:
        stored = record.evidence(WIDGET, A)

        assert stored is not None
        assert not stored.sealed


def test_newer_evidence_takes_the_place_of_older(record: Record) -> None:
    record.write([known(WIDGET, document="1")])
    record.write([known(WIDGET, document="2")])

    stored = record.evidence(WIDGET, A)

    assert stored is not None
    assert (stored.document, stored.sealed) == ("2", True)


def test_lists_every_coordinate_of_the_same_bytes(record: Record) -> None:
    record.write([known(WIDGET, key="k"), known(OLDER, key="other", document="old"), known("org.other:x:jar:1", B)])

    uses = record.uses(A)

    assert [(use.coordinate, use.document, use.replay_key) for use in uses] == [
        (OLDER, "old", "other"),
        (WIDGET, '{"of": "it"}', "k"),
    ]


# Replay


def test_refuses_bytes_and_signature_known_as_another_coordinate(record: Record) -> None:
    record.write([known(OLDER)])

    outcome = record.write([replace(known(WIDGET), admitted=ROW)])

    assert outcome == (Replay(OLDER),)
    assert record.evidence(WIDGET, A) is None
    assert record.admitted(ROW.place) is None
    assert record.find_judgements(WIDGET, 9) == ()


def test_refuses_a_replay_within_one_transaction_and_writes_the_rest(record: Record) -> None:
    first, second, third = record.write([known(OLDER), known(WIDGET), known("org.example:gadget:jar:1.0", B)])

    assert isinstance(first, int)
    assert second == Replay(OLDER)
    assert isinstance(third, int)


@pytest.mark.parametrize(
    "entry",
    [known(OLDER), known(WIDGET, key="another signature"), known(WIDGET, key=None), known(WIDGET, sha256=B)],
    ids=["same coordinate", "signature of its own", "unsigned", "other bytes"],
)
def test_takes_what_is_no_replay(record: Record, entry: Entry) -> None:
    record.write([known(OLDER)])

    (outcome,) = record.write([entry])

    assert isinstance(outcome, int)


def test_keeps_the_replay_key_when_evidence_without_one_follows(record: Record) -> None:
    record.write([known(OLDER)])
    record.write([known(OLDER, key=None)])

    assert record.write([known(WIDGET)]) == (Replay(OLDER),)


# Admissions


def test_a_stamp_counts_at_once_and_is_sealed_with_the_next_transaction(record: Record) -> None:
    record.write([Entry(JUDGEMENT, admitted=ROW)])
    record.note_stamp(Stamp(ROW, "stamp"))
    before = record.admitted(ROW.place)

    record.write([])

    after = record.admitted(ROW.place)
    assert before is not None
    assert after is not None
    assert (before.stamp, after.stamp, after.row) == ("stamp", "stamp", ROW)


def test_a_stamp_that_waits_is_sealed_at_the_stop(tmp_path: Path) -> None:
    with started(tmp_path) as record:
        record.write([Entry(JUDGEMENT, admitted=ROW)])
        record.note_stamp(Stamp(ROW, "stamp"))

    with started(tmp_path) as record:
        admitted = record.admitted(ROW.place)

    assert admitted is not None
    assert admitted.stamp == "stamp"


def test_a_stamp_of_bytes_that_were_replaced_meanwhile_is_dropped(record: Record) -> None:
    record.write([Entry(JUDGEMENT, admitted=ROW)])
    record.note_stamp(Stamp(ROW, "stamp"))

    record.write([Entry(JUDGEMENT, admitted=replace(ROW, sha256=B))])

    admitted = record.admitted(ROW.place)
    assert admitted is not None
    assert (admitted.stamp, admitted.row.sha256, admitted.previous) == (None, B, A)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE admitted SET sha256 = 'b'",
        "UPDATE admitted SET size = 6",
        "UPDATE admitted SET stamp = 'other'",
        "UPDATE admitted SET coordinate = 'x'",
        "UPDATE admitted SET path = 'y'",
        "UPDATE admitted SET repository = 'z'",
        "UPDATE admitted SET seal = ''",
    ],
)
def test_a_changed_row_is_not_sealed(record: Record, tmp_path: Path, sql: str) -> None:
    record.write([Entry(JUDGEMENT, admitted=ROW)])
    record.note_stamp(Stamp(ROW, "stamp"))
    record.write([])

    change(tmp_path, sql)

    (admitted,) = record.admissions()
    assert admitted.stamp is None


def test_walks_through_all_admissions_in_order_over_many_pages(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [replace(ROW, place=Place(f"r{number % 3}", f"p/{number:05}")) for number in range(2 * room._PAGE_ROWS + 1)]
    record.write([Entry(JUDGEMENT, admitted=row) for row in rows])

    found = [admitted.row for admitted in record.admissions()]

    assert found == sorted(rows, key=lambda row: (row.place.repository, row.place.path))


def test_forgets_a_place(record: Record) -> None:
    record.write([Entry(JUDGEMENT, admitted=ROW)])

    record.forget(ROW.place)
    record.forget(ROW.place)

    assert record.admitted(ROW.place) is None


# Absences


def test_an_absence_counts_at_once_and_for_a_day(tmp_path: Path) -> None:
    with started(tmp_path) as record:
        record.note_absent(["https://repo.example/w.asc"], NOW)
        assert record.known_absent(["https://repo.example/w.asc"], NOW)

    with started(tmp_path) as record:
        assert record.known_absent(["https://repo.example/w.asc"], NOW + DAY - 1)
        assert not record.known_absent(["https://repo.example/w.asc"], NOW + DAY)
        assert not record.known_absent(["https://repo.example/w.asc"], NOW - 1)
        assert not record.known_absent(["https://repo.example/other.asc"], NOW)


def test_absences_that_no_longer_count_are_dropped(record: Record, tmp_path: Path) -> None:
    record.note_absent(["https://repo.example/old"], NOW)
    record.write([])
    record.note_absent(["https://repo.example/new"], NOW + DAY)
    record.write([])

    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as connection:
        assert connection.execute("SELECT url FROM absent").fetchall() == [("https://repo.example/new",)]


# Judgements


def test_an_equal_judgement_keeps_its_id_and_takes_the_newer_document(record: Record) -> None:
    first = written(record, JUDGEMENT)
    second = written(record, replace(JUDGEMENT, seen=NOW + 5, document="newer"))

    (found,) = record.judgements(9)

    assert first == second == found.id
    assert (found.row.seen, found.row.document) == (NOW + 5, "newer")


@pytest.mark.parametrize("field", ["coordinate", "status", "code", "url", "file", "sha256", "policy"])
def test_a_judgement_that_differs_gets_an_id_of_its_own(record: Record, field: str) -> None:
    assert written(record, JUDGEMENT) != written(record, replace(JUDGEMENT, **{field: "other"}))  # type: ignore[arg-type]  # the names are those of texts


def test_judgements_whose_fields_run_together_alike_differ() -> None:
    one, other = replace(JUDGEMENT, url="ab", file="c"), replace(JUDGEMENT, url="a", file="bc")

    assert one.identity != other.identity


def test_an_equal_judgement_need_not_be_written_again_within_a_day(record: Record) -> None:
    assert record.judgement_id(JUDGEMENT) is None

    number = written(record, JUDGEMENT)

    assert record.judgement_id(replace(JUDGEMENT, seen=NOW + DAY - 1, document="x")) == number
    assert record.judgement_id(replace(JUDGEMENT, seen=NOW + DAY)) is None
    assert record.judgement_id(replace(JUDGEMENT, policy="stricter")) is None


def test_a_judgement_that_another_one_followed_is_to_be_written_again_and_becomes_the_latest(record: Record) -> None:
    first = written(record, JUDGEMENT)
    second = written(record, replace(JUDGEMENT, policy="stricter", status="refused", code="key-revoked"))

    assert record.judgement_id(JUDGEMENT) is None
    assert written(record, JUDGEMENT) == first

    assert [judgement.id for judgement in record.find_judgements(WIDGET, 9)] == [first, second]


def test_finds_judgements_by_everything_a_person_may_hold(record: Record) -> None:
    number = written(record, JUDGEMENT)
    written(record, replace(JUDGEMENT, coordinate=OLDER, url="https://repo.example/o", file="/c/o.jar"))

    for query in (str(number), WIDGET, "https://repo.example/w", "/c/w.jar"):
        assert [judgement.id for judgement in record.find_judgements(query, 9)] == [number]


@pytest.mark.parametrize("query", ["", "org.example", "%", "' OR 1=1 --", "9" * 30, "-1", "٣", "\ud800", "x" * 10_000])
def test_finds_nothing_by_anything_else(record: Record, query: str) -> None:
    written(record, JUDGEMENT)

    assert record.find_judgements(query, 9) == ()


def test_a_file_whose_name_is_no_text_is_recorded_and_found(record: Record) -> None:
    name = os.fsdecode(b"/tree/w\xff.jar")
    number = written(record, replace(JUDGEMENT, file=name, document=name))

    assert [judgement.id for judgement in record.find_judgements(name, 9)] == [number]


def test_lists_the_latest_refusals_first_and_no_more_than_asked(record: Record) -> None:
    refused = [
        written(record, replace(JUDGEMENT, coordinate=f"g:a:jar:{n}", status="refused", code="too-large"))
        for n in range(3)
    ]
    written(record, JUDGEMENT)

    assert [judgement.id for judgement in record.latest_refusals(2)] == [refused[2], refused[1]]
    assert len(record.judgements(9)) == 4


def test_keeps_the_latest_judgements_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(tmp_path) as record:
        numbers = [written(record, replace(JUDGEMENT, coordinate=f"g:a:jar:{n}")) for n in range(8)]
        written(record, replace(JUDGEMENT, coordinate="g:a:jar:0"))

    monkeypatch.setattr(room, "MAX_JUDGEMENTS", 3)
    with started(tmp_path) as record:
        assert [judgement.id for judgement in record.judgements(9)] == [numbers[0], numbers[7], numbers[6]]


def test_a_record_that_is_never_closed_drops_its_oldest_judgements_too(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_JUDGEMENTS", 10)
    monkeypatch.setattr(room, "TRIM_JUDGEMENTS", 5)

    for n in range(200):
        written(record, replace(JUDGEMENT, coordinate=f"g:a:jar:{n}"))
        assert len(record.judgements(200)) <= 10 + 5

    assert record.judgements(1)[0].row.coordinate == "g:a:jar:199"


# What is no longer needed


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_drops_evidence_that_nothing_signed_once_its_bytes_are_admitted_nowhere(
    record: Record, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(room, "_DROPPED_ROWS", rows)
    spent = [f"g:a:{n}/maven-metadata.xml" for n in range(4)]
    record.write([known(name, key=None) for name in spent])
    record.write([known(WIDGET, B, key=None), replace(known(WIDGET, A, key=None), admitted=ROW)])

    record.drop_spent_evidence()

    assert [use.coordinate for use in record.uses(A)] == [WIDGET]
    assert record.uses(B) == ()  # what lay at the same place before


def test_signed_evidence_stays_when_its_file_is_gone_and_a_replay_of_it_is_seen(record: Record) -> None:
    record.write([replace(known(WIDGET), admitted=ROW)])
    record.forget(ROW.place)

    record.drop_spent_evidence()

    assert record.write([known(OLDER)]) == (Replay(WIDGET),)
    stored = record.evidence(WIDGET, A)
    assert stored is not None
    assert stored.sealed


# What may be wrong with the file


def read_all(directory: Path) -> None:
    with started(directory) as record:
        record.judgements(9)
        tuple(record.admissions())
        stored = record.evidence(WIDGET, A)
        assert stored is None or stored.sealed


def problem(directory: Path) -> CacheError:
    with pytest.raises(CacheError) as caught:
        read_all(directory)
    return caught.value


@pytest.mark.parametrize("data", [b"not a database", os.urandom(8192), b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_record_is_one_error_that_says_how_to_heal(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "record.sqlite").write_bytes(data)

    error = problem(tmp_path)

    assert error.problem == "the record is damaged"
    assert "move it away" in error.hint
    (tmp_path / "record.sqlite").rename(tmp_path / "away")
    with started(tmp_path) as record:
        assert record.judgements(9) == ()


def test_a_record_damaged_within_is_one_error(tmp_path: Path) -> None:
    with started(tmp_path) as record:
        record.write([known(f"g:a:jar:{n}", document="x" * 4000) for n in range(50)])
    path = tmp_path / "record.sqlite"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)

    assert problem(tmp_path).problem == "the record is damaged"


@pytest.mark.parametrize("sql", ["PRAGMA user_version = 99", "PRAGMA application_id = 1"])
def test_a_record_of_another_version_or_program_is_one_error_and_stays_as_it_is(tmp_path: Path, sql: str) -> None:
    with started(tmp_path):
        pass
    change(tmp_path, sql)
    before = (tmp_path / "record.sqlite").read_bytes()

    assert "version" in problem(tmp_path).problem
    assert (tmp_path / "record.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE evidence SET document = x'00ff'",
        "UPDATE evidence SET document = CAST(x'ff' AS TEXT)",
        "UPDATE evidence SET seal = x'00'",
        "UPDATE admitted SET size = 'many'",
        "UPDATE admitted SET path = x'00'",
        "UPDATE judgement SET seen = x'00'",
        "UPDATE judgement SET url = x'00'",
        "DROP TABLE judgement",
        "ALTER TABLE admitted RENAME COLUMN stamp TO lost",
    ],
)
def test_forged_values_are_one_error(tmp_path: Path, sql: str) -> None:
    with started(tmp_path) as record:
        record.write([replace(known(WIDGET), admitted=ROW)])
    change(tmp_path, sql)

    assert problem(tmp_path).problem == "the record is damaged"


def test_a_document_over_its_bound_is_one_error(record: Record) -> None:
    with pytest.raises(CacheError):
        record.write([Entry(replace(JUDGEMENT, document="x" * (room.MAX_DOCUMENT_BYTES + 1)))])

    assert record.judgements(9) == ()


def test_a_directory_or_a_link_in_its_place_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "record.sqlite").mkdir()
    assert "no plain file" in problem(tmp_path).problem

    (tmp_path / "record.sqlite").rmdir()
    (tmp_path / "record.sqlite").symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in problem(tmp_path).problem
    assert not (tmp_path / "elsewhere").exists()


def plant_journal(record: Path, victim: Path) -> None:
    """Write a rollback journal that changes no page and names a file which SQLite then deletes.

    Source: the SQLite database file format, section 3, "The Rollback Journal".
    """
    victim.write_text("all that there is\n" * 100)
    magic, name = bytes.fromhex("d9d505f920a163d7"), str(victim).encode()
    header = magic + struct.pack(">IIIII", 0, 0, record.stat().st_size // 4096, 512, 4096)
    end = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    record.with_name("record.sqlite-journal").write_bytes(header.ljust(512, b"\0") + end)


def test_a_rollback_journal_in_the_cache_deletes_no_file_of_the_user(tmp_path: Path) -> None:
    with started(tmp_path) as record:
        written(record, JUDGEMENT)
    victim = tmp_path / "victim"
    plant_journal(tmp_path / "record.sqlite", victim)

    with started(tmp_path) as record:
        found = record.judgements(9)

    assert (victim.exists(), len(found)) == (True, 1)


def test_the_journal_that_is_tried_does_what_is_said_of_it(tmp_path: Path) -> None:
    with started(tmp_path):
        pass
    victim = tmp_path / "victim"
    plant_journal(tmp_path / "record.sqlite", victim)

    change(tmp_path, "PRAGMA user_version")

    assert not victim.exists()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["pipe", "link", "directory"])
def test_what_sqlite_would_open_is_a_plain_file_or_one_error(tmp_path: Path, suffix: str, kind: str) -> None:
    with started(tmp_path):
        pass
    path, victim = tmp_path / f"record.sqlite{suffix}", tmp_path / "victim"
    victim.write_text("precious")
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(victim)
    else:
        path.mkdir()

    error = problem(tmp_path)

    assert (error.path, victim.read_text()) == (str(path), "precious")
    assert "move it away" in error.hint


ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON judgement BEGIN DELETE FROM evidence; END",
        f"ALTER TABLE judgement RENAME TO j; CREATE VIEW judgement AS {ENDLESS} SELECT i AS turn FROM n",  # noqa: S608  (constants)
        "DROP INDEX judgement_turn",
        "CREATE TABLE more (a)",
        "CREATE VIRTUAL TABLE more USING fts5 (a)",
        "ALTER TABLE admitted ADD COLUMN more AS (1)",
    ],
)
def test_a_record_with_tables_of_another_shape_is_one_error(tmp_path: Path, sql: str) -> None:
    with started(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as connection:
        connection.executescript(sql)

    assert problem(tmp_path).problem == "the record is damaged"


def test_a_record_that_asks_for_rollback_journals_gets_its_log_back(tmp_path: Path) -> None:
    with started(tmp_path):
        pass
    change(tmp_path, "PRAGMA journal_mode = DELETE")

    with started(tmp_path) as record:
        written(record, JUDGEMENT)

        assert (tmp_path / "record.sqlite-wal").exists()


def test_a_record_with_a_terabyte_of_nothing_behind_it_is_read_like_any_other(tmp_path: Path) -> None:
    with started(tmp_path) as record:
        written(record, JUDGEMENT)
    os.truncate(tmp_path / "record.sqlite", 1024**4)

    with started(tmp_path) as record:
        assert len(record.judgements(9)) == 1


def test_a_file_where_the_directory_belongs_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")

    assert "not a directory" in problem(tmp_path / "cache").problem


# Several at once


def test_holds_others_out_while_it_is_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(tmp_path) as one, started(tmp_path) as other:
        monkeypatch.setattr(room, "BUSY_SECONDS", 0)

        with one.alone(), pytest.raises(CacheError, match="another process"), other.alone():
            pass
        with other.alone():
            pass


def test_two_records_of_one_cache_lose_nothing(tmp_path: Path) -> None:
    at_once = threading.Barrier(2)

    def work(name: str) -> None:
        at_once.wait()
        with started(tmp_path) as record:
            for number in range(50):
                written(record, replace(JUDGEMENT, coordinate=f"{name}:a:jar:{number}"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ["one", "other"]))

    with started(tmp_path) as record:
        assert len(record.judgements(1000)) == 100


def test_an_error_in_the_middle_leaves_nothing_and_the_record_usable(record: Record) -> None:
    broken = Entry(JUDGEMENT, EvidenceRow("\ud800", A, "{}", None))

    with pytest.raises(UnicodeEncodeError):
        record.write([known(WIDGET), broken])

    assert record.evidence(WIDGET, A) is None
    assert written(record, JUDGEMENT)


def test_lists_refusals_that_no_later_judgement_of_the_coordinate_took_back(record: Record) -> None:
    refused = replace(JUDGEMENT, status="refused", code="key-untrusted")
    written(record, refused)
    written(record, replace(refused, coordinate=OLDER))
    written(record, JUDGEMENT)

    assert [found.row.coordinate for found in record.standing_refusals(9)] == [OLDER]
    written(record, refused)
    assert [found.row.coordinate for found in record.standing_refusals(9)] == [WIDGET, OLDER]
    assert [found.row.coordinate for found in record.standing_refusals(1)] == [WIDGET]


def test_lists_the_newest_judgement_of_each_file_of_a_group_and_of_no_other(record: Record) -> None:
    for coordinate in (WIDGET, OLDER, "org.example.part:x:jar:1", "org.examples:x:jar:1", "org.example2:x:jar:1"):
        written(record, replace(JUDGEMENT, coordinate=coordinate, status="refused"))
    written(record, JUDGEMENT)

    found = [(judgement.row.coordinate, judgement.row.status) for judgement in record.newest_of_group("org.example", 9)]

    assert found == [(WIDGET, "verified"), (OLDER, "refused")]
