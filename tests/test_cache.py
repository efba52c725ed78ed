import hashlib
import os
import random
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from admitting import NOW, PLACES, Opened, content, judgement, mounted, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier import record as record_room
from verifier.cache import MAX_READY, Cache, Changed, Hit
from verifier.errors import CacheError, CoordinateInvalid, SignatureReplayed
from verifier.layout import Place
from verifier.record import Entry, Record
from verifier.seal import Seal

CRASHES = 25


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def here(root: Path) -> Iterator[Opened]:
    with opened(root) as here:
        yield here


def change(root: Path, sql: str, *values: str) -> None:
    with closing(sqlite3.connect(root / "record.sqlite", isolation_level=None)) as connection:
        connection.execute(sql, values)


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if not path.is_dir())


def rewritten(path: Path, data: bytes) -> None:
    """Change a read-only file in place, as root or a careless program may."""
    path.chmod(0o644)
    path.write_bytes(data)


def sealed(here: Opened, name: str = "widget", data: bytes = b"bytes") -> Path:
    """Admit a file and let its stamp be written."""
    path = here.admit(name, data).path
    here.record.write([])
    return path


def found(here: Opened, name: str = "widget") -> Hit | Changed | None:
    return here.cache.find(here.row(name).place)


def intact(here: Opened, name: str = "widget") -> bool:
    hit = found(here, name)
    assert isinstance(hit, Hit)
    return hit.intact


# Admission


def test_admits_the_bytes_at_their_maven_path_and_nothing_else(here: Opened) -> None:
    artifact = here.admit()

    assert artifact.path == here.root / "repository/central/org/example/widget/1.0/widget-1.0.jar"
    assert artifact.path.read_bytes() == b"bytes"
    assert artifact.path.stat().st_mode & 0o777 == 0o444
    assert files(here.root / "repository") == [artifact.path]
    assert [path.name for path in files(here.root / "quarantine")] == ["lock"]


def test_an_admission_writes_its_judgement_and_its_evidence(here: Opened) -> None:
    artifact = here.admit()

    (found_judgement,) = here.record.find_judgements(str(artifact.path), 9)
    evidence = here.record.evidence("org.example:widget:jar:1.0", artifact.sha256)
    assert found_judgement.id == artifact.record
    assert evidence is not None
    assert evidence.sealed


def test_many_threads_admit_at_once(here: Opened) -> None:
    names = [f"widget{number}" for number in range(100)]

    with ThreadPoolExecutor(16) as pool:
        artifacts = list(pool.map(lambda name: here.admit(name, name.encode()), names))

    assert [artifact.path.read_bytes().decode() for artifact in artifacts] == names
    assert len({artifact.record for artifact in artifacts}) == 100
    here.record.write([])
    assert all(intact(here, name) for name in names)


def test_later_bytes_take_the_place_of_earlier_ones(here: Opened) -> None:
    here.admit(data=b"earlier")

    path = sealed(here, data=b"later")

    assert path.read_bytes() == b"later"
    assert intact(here)


def test_refuses_a_replay_and_admits_nothing_of_it(here: Opened) -> None:
    here.admit("older", replay_key="signature")
    admission = here.admission("newer", replay_key="signature")

    with pytest.raises(SignatureReplayed) as caught:
        here.cache.admit(admission).result()

    assert caught.value.expected is not None
    assert caught.value.received is not None
    assert caught.value.expected.value == "org.example:older:jar:1.0"
    assert caught.value.received.value == "org.example:newer:jar:1.0"
    assert found(here, "newer") is None
    assert len(files(here.root / "repository")) == 1
    here.cache.discard(admission.quarantined)
    assert [path.name for path in files(here.root / "quarantine")] == ["lock"]


def test_of_two_replays_at_once_one_is_refused(here: Opened) -> None:
    futures = [here.cache.admit(here.admission(name, replay_key="signature")) for name in ("one", "other")]

    refused = [future.exception() for future in futures]

    assert [type(error) for error in refused] == [type(None), SignatureReplayed]


def test_bytes_with_a_signature_of_their_own_are_admitted_under_both_coordinates(here: Opened) -> None:
    assert here.admit("one", replay_key="one").sha256 == here.admit("other", replay_key="other").sha256


def test_refuses_a_quarantined_file_that_is_not_as_long_as_was_judged(here: Opened) -> None:
    admission = here.admission()
    admission.quarantined.write_bytes(b"byte")

    with pytest.raises(CacheError, match="4 bytes lie there, where 5 were written"):
        here.cache.admit(admission).result()

    assert found(here) is None
    assert here.record.judgements(9) == ()


@pytest.mark.parametrize("kind", ["missing", "link", "directory", "pipe"])
def test_refuses_what_is_no_quarantined_file(here: Opened, tmp_path: Path, kind: str) -> None:
    admission = here.admission()
    admission.quarantined.unlink()
    (tmp_path / "elsewhere").write_bytes(b"bytes")
    match kind:
        case "link":
            admission.quarantined.symlink_to(tmp_path / "elsewhere")
        case "directory":
            admission.quarantined.mkdir()
        case "pipe":
            os.mkfifo(admission.quarantined)

    with pytest.raises(CacheError):
        here.cache.admit(admission).result()

    assert found(here) is None
    assert files(here.root / "repository") == []


def test_refuses_what_another_user_put_in_the_place_of_a_quarantined_file(here: Opened) -> None:
    admission = here.admission()
    quarantine = admission.quarantined.parent
    quarantine.rename(quarantine.with_name("ours"))
    quarantine.mkdir()
    admission.quarantined.write_bytes(b"other")
    try:
        os.chown(admission.quarantined, 12345, -1)
    except PermissionError:
        pytest.skip("files cannot be given away here")

    with pytest.raises(CacheError, match="another user"):
        here.cache.admit(admission).result()

    assert found(here) is None


def test_one_that_cannot_be_admitted_does_not_hold_up_the_others(here: Opened) -> None:
    bad = here.admission("bad")
    bad.quarantined.unlink()

    futures = [here.cache.admit(admission) for admission in (here.admission("one"), bad, here.admission("other"))]

    assert [type(future.exception()) for future in futures] == [type(None), CacheError, type(None)]


def test_a_stop_finishes_what_waits_and_then_takes_nothing(root: Path) -> None:
    with opened(root) as here:
        futures = [here.cache.admit(here.admission(f"widget{number}")) for number in range(200)]
        last = here.admission("last")

    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(RuntimeError):
        here.cache.admit(last)


@pytest.mark.parametrize(
    ("repository", "path"),
    [
        ("central", "../escape"),
        ("central", "a/../../../escape"),
        ("central", "/etc/passwd"),
        ("central", "a//b"),
        ("central", "a/./b"),
        ("central", ""),
        ("central", "a/"),
        ("central", "a\0b"),
        ("central", "a\nb"),
        ("central", "ä"),
        ("central", "\ud800"),
        ("..", "a"),
        (".", "a"),
        ("", "a"),
        ("a/b", "c"),
    ],
)
def test_refuses_places_that_lead_elsewhere(here: Opened, repository: str, path: str) -> None:
    place = Place(repository, path)
    admission = here.admission()

    for act in (here.cache.path, here.cache.find, here.cache.rehash, here.cache.remove):
        with pytest.raises(CoordinateInvalid):
            act(place)
    with pytest.raises(CoordinateInvalid):
        here.cache.admit(replace(admission, row=replace(admission.row, place=place)))


SEGMENTS = st.text(st.characters(), max_size=3) | st.sampled_from(["..", ".", "a", "a/b", "/"])


@given(repository=SEGMENTS, segments=st.lists(SEGMENTS, max_size=3))
@settings(max_examples=150, deadline=None)
def test_a_path_is_below_its_repository_or_refused(repository: str, segments: list[str]) -> None:
    cache = Cache(Path("/cache"), Record(Path("/cache/record.sqlite"), Seal.none()))

    with suppress(CoordinateInvalid):
        path = cache.path(Place(repository, "/".join(segments)))

        assert os.path.normpath(path) == str(path)
        assert path.parts[:4] == ("/", "cache", "repository", repository)
        assert len(path.parts) > 4


# Judgements without a file


def test_records_a_refusal_and_admits_nothing(here: Opened) -> None:
    row = here.row()
    refused = replace(judgement(row, here.cache.path(row.place)), status="refused", code="signature-bad", file="")

    number = here.cache.record_only(refused).result()

    assert [(known.id, known.row) for known in here.record.latest_refusals(9)] == [(number, refused)]
    assert files(here.root / "repository") == []


def test_evidence_without_a_file_is_kept_and_held_against_replays(here: Opened) -> None:
    one, other = here.admission("one", replay_key="k"), here.admission("other", replay_key="k")

    here.cache.record_only(one.judgement, one.evidence).result()

    with pytest.raises(SignatureReplayed):
        here.cache.record_only(other.judgement, other.evidence).result()
    assert here.record.evidence(one.row.coordinate, one.row.sha256) is not None


# Hits


def test_finds_nothing_where_nothing_was_admitted(here: Opened) -> None:
    assert found(here) is None


def test_a_hit_is_intact_before_and_after_its_stamp_is_written(here: Opened) -> None:
    here.admit()
    assert intact(here)

    here.record.write([])

    assert intact(here)


def test_a_hit_is_intact_after_a_restart(root: Path) -> None:
    with opened(root) as here:
        here.admit()

    with opened(root) as here:
        assert intact(here)


def test_rehashes_an_intact_file_when_asked_and_it_stays_intact(here: Opened) -> None:
    """Its bytes were hashed and its seal holds: it is no less than what `find` gives."""
    sealed(here)

    hit = here.cache.rehash(here.row().place)

    assert isinstance(hit, Hit)
    assert hit.intact


def test_a_rehashed_file_that_was_touched_is_not_intact(here: Opened) -> None:
    os.utime(sealed(here), ns=(1, 1))

    hit = here.cache.rehash(here.row().place)

    assert isinstance(hit, Hit)
    assert not hit.intact


def test_a_file_that_was_only_touched_is_hashed_and_sealed_again_once_judged(here: Opened) -> None:
    path = sealed(here)
    os.utime(path, ns=(1, 1))
    hit = found(here)
    assert isinstance(hit, Hit)
    assert not hit.intact

    artifact = here.cache.readmit(hit, 7)
    here.record.write([])

    assert (artifact.path, artifact.sha256, artifact.record) == (path, hit.row.sha256, 7)
    assert intact(here)


def test_notices_a_change_that_keeps_size_and_time_of_modification(here: Opened) -> None:
    path = sealed(here)
    before = path.stat()
    rewritten(path, b"BYTES")
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)

    changed = found(here)

    expected, received = (hashlib.sha256(data).hexdigest() for data in (b"bytes", b"BYTES"))
    assert changed == Changed(path, expected, received, 5)


def test_notices_another_file_renamed_into_its_place(here: Opened, tmp_path: Path) -> None:
    path = sealed(here)
    before = path.stat()
    (tmp_path / "other").write_bytes(b"BYTES")
    os.utime(tmp_path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "other").rename(path)

    assert isinstance(found(here), Changed)


@pytest.mark.parametrize("data", [b"", b"byte", b"bytes and more"])
def test_notices_another_length(here: Opened, data: bytes) -> None:
    path = sealed(here)
    rewritten(path, data)

    changed = found(here)

    assert isinstance(changed, Changed)
    assert (changed.size, changed.received_sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_does_not_hash_a_file_that_grew_beyond_all_bounds(here: Opened) -> None:
    path = sealed(here)
    path.chmod(0o644)
    os.truncate(path, 1024**4)

    changed = found(here)

    assert isinstance(changed, Changed)
    assert (changed.size, changed.received_sha256) == (1024**4, None)


@pytest.mark.parametrize("kind", ["link to the same bytes", "link to nothing", "directory", "pipe"])
def test_notices_what_is_no_file(here: Opened, tmp_path: Path, kind: str) -> None:
    path = sealed(here)
    path.rename(tmp_path / "moved")
    match kind:
        case "link to the same bytes":
            path.symlink_to(tmp_path / "moved")
        case "link to nothing":
            path.symlink_to(tmp_path / "nothing")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)

    changed = found(here)

    assert isinstance(changed, Changed)
    assert changed.received_sha256 is None


def test_a_file_without_a_row_is_none_and_is_replaced(here: Opened) -> None:
    path = here.cache.path(here.row().place)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"planted")
    assert found(here) is None

    here.admit()

    assert path.read_bytes() == b"bytes"


def test_a_row_without_a_file_is_none(here: Opened) -> None:
    sealed(here).unlink()

    assert found(here) is None


def test_a_file_that_an_admission_cut_short_was_to_replace_is_none(here: Opened) -> None:
    sealed(here, data=b"earlier")
    admission = here.admission(data=b"later")
    here.record.write([Entry(admission.judgement, admission.evidence, admission.row)])

    assert found(here) is None


def test_a_planted_file_with_a_forged_row_is_hashed_and_never_intact(here: Opened) -> None:
    path = sealed(here)
    rewritten(path, b"BYTES")
    status, digest = path.stat(), hashlib.sha256(b"BYTES").hexdigest()
    stamp = f"{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"

    change(here.root, "UPDATE admitted SET sha256 = ?, stamp = ?", digest, stamp)

    assert not intact(here)


def test_a_row_forged_for_an_intact_file_is_not_intact(here: Opened) -> None:
    sealed(here)

    change(here.root, "UPDATE admitted SET coordinate = 'org.example:other:jar:1.0'")

    assert not intact(here)


def test_a_sealed_row_moved_to_another_place_is_not_intact(here: Opened) -> None:
    path = sealed(here)
    other = here.cache.path(here.row("other").place)
    other.parent.mkdir(parents=True)
    path.rename(other)

    change(here.root, "UPDATE admitted SET path = ?", here.row("other").place.path)

    assert not intact(here, "other")


@pytest.mark.parametrize("seal", [Seal(b"another machine's key, 32 bytes.."), Seal.none()])
def test_another_machine_or_one_without_a_key_hashes_every_hit(root: Path, seal: Seal) -> None:
    with opened(root) as here:
        here.admit()

    with opened(root, seal) as here:
        assert not intact(here)
        hit = found(here)
        assert isinstance(hit, Hit)


def test_a_cache_copied_elsewhere_is_hashed(root: Path, tmp_path: Path) -> None:
    with opened(root) as here:
        here.admit()
    subprocess.run(["cp", "-a", root, tmp_path / "copy"], check=True)

    with opened(tmp_path / "copy") as here:
        assert not intact(here)


def test_nothing_is_taken_for_changed_while_another_process_replaces_it(root: Path) -> None:
    with opened(root) as one, opened(root) as other:
        one.admit(data=b"0")
        over = threading.Event()

        def replace_it() -> None:
            for number in range(150):
                other.admit(data=str(number).encode())
            over.set()

        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(replace_it)
            while not over.is_set() and not work.done():
                assert not isinstance(found(one), Changed)
            work.result()


# Links inside the cache


@pytest.mark.parametrize("above", ["central", "central/org", "central/org/example/widget/1.0"])
def test_follows_no_link_inside_the_cache(here: Opened, tmp_path: Path, above: str) -> None:
    path = sealed(here)
    directory = here.root / "repository" / above
    directory.rename(tmp_path / "outside")
    directory.symlink_to(tmp_path / "outside")
    before = files(tmp_path / "outside")

    acts = (lambda: found(here), lambda: here.admit(data=b"other"), lambda: here.cache.remove(here.row().place))
    for act in acts:
        with pytest.raises(CacheError) as caught:
            act()
        assert caught.value.path == str(directory)

    assert files(tmp_path / "outside") == before
    assert path.read_bytes() == b"bytes"


@pytest.mark.parametrize("name", ["repository", "quarantine"])
def test_does_not_start_where_a_directory_of_its_own_is_a_link(root: Path, tmp_path: Path, name: str) -> None:
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (root / name).symlink_to(tmp_path / "outside")

    with pytest.raises(CacheError, match="symbolic link"), opened(root):
        pass


def test_the_cache_itself_may_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "link").symlink_to(root)

    with opened(tmp_path / "link") as here:
        sealed(here)
        assert intact(here)


# Removal and strangers


def test_removes_a_file_and_its_row_and_again(here: Opened) -> None:
    path = sealed(here)

    here.cache.remove(here.row().place)
    here.cache.remove(here.row().place)

    assert not path.exists()
    assert tuple(here.record.admissions()) == ()
    assert here.admit().path == path


def test_lists_strangers_of_every_kind_and_nothing_admitted(here: Opened, tmp_path: Path) -> None:
    path = sealed(here)
    planted = [path.with_name("planted.jar"), here.root / "repository" / "stray", path.parent / os.fsdecode(b"\xff")]
    for stranger in planted:
        stranger.write_bytes(b"")
    link = path.parent / "link"
    link.symlink_to(tmp_path)

    assert sorted(here.cache.strangers()) == sorted([*planted, link])


# Quarantine


def test_quarantine_names_are_new_each_time_and_this_processs_own(root: Path) -> None:
    with opened(root) as one, opened(root) as other:
        names = {here.cache.quarantine_path() for here in (one, other) for _ in range(100)}

        assert len(names) == 200
        assert not any(name.exists() for name in names)
        assert {name.parent.parent for name in names} == {root / "quarantine"}
        assert all(name.parent.stat().st_mode & 0o777 == 0o700 for name in names)


def test_a_discarded_file_is_gone_and_may_be_gone_already(here: Opened) -> None:
    admission = here.admission()

    here.cache.discard(admission.quarantined)
    here.cache.discard(admission.quarantined)

    assert not admission.quarantined.exists()


def test_a_start_sweeps_what_dead_processes_left_and_leaves_the_living_alone(root: Path) -> None:
    with opened(root) as living:
        kept = living.admission().quarantined
        dead = root / "quarantine" / "1-dead"
        dead.mkdir()
        (dead / "lock").write_bytes(b"")
        (dead / "0").write_bytes(b"unjudged")
        (root / "quarantine" / "2-half-made").mkdir()

        with opened(root):
            assert kept.read_bytes() == b"bytes"
            assert not dead.exists()
            assert not (root / "quarantine" / "2-half-made").exists()

    assert list((root / "quarantine").iterdir()) == []


# Processes and crashes


def child(root: Path, seed: int, count: int | None = None) -> "subprocess.Popen[str]":
    program = str(Path(__file__).with_name("admitting.py"))
    command = [sys.executable, program, str(root), str(seed), *([] if count is None else [str(count)])]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def assert_whole(here: Opened) -> int:
    """Every file of the tree has a row that it agrees with, or is what a cut admission was to replace."""
    known = {here.cache.path(admitted.row.place): admitted for admitted in here.record.admissions()}
    there = files(here.root / "repository")
    for path in there:
        admitted = known[path]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest in {admitted.row.sha256, admitted.previous}
        name = path.parents[1].name
        assert path.read_bytes() in {content(name, seed) for seed in range(10)}
        hit = here.cache.find(admitted.row.place)
        assert not isinstance(hit, Changed)
        if isinstance(hit, Hit):
            assert hit.row.sha256 == digest
            assert here.record.evidence(hit.row.coordinate, digest) is not None
            assert here.record.find_judgements(str(path), 9)
    return len(there)


def test_a_kill_at_any_instant_leaves_nothing_or_the_whole(root: Path) -> None:
    chance = random.Random(7)  # noqa: S311  chooses moments, guards nothing

    for _ in range(CRASHES):
        with child(root, chance.randrange(4)) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                process.stdout.readline()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=chance.uniform(0, 0.003))  # one admission takes about as long
            process.kill()
        with opened(root) as here:
            assert_whole(here)
            assert len(list((root / "quarantine").iterdir())) == 1

    with opened(root) as here:
        assert assert_whole(here) > 10


def test_what_was_reported_admitted_survives_a_kill(root: Path) -> None:
    with child(root, 0) as process:
        assert process.stdout is not None
        names = [process.stdout.readline().split()[0] for _ in range(20)]
        process.kill()

    with opened(root) as here:
        assert all(isinstance(found(here, name), Hit) for name in names)


def test_two_processes_admit_at_the_same_places_at_once(root: Path) -> None:
    with child(root, 0, 4 * PLACES) as one, child(root, 5, 4 * PLACES) as other:
        lines = [len(process.communicate()[0].splitlines()) for process in (one, other)]

    assert lines == [4 * PLACES, 4 * PLACES]
    with opened(root) as here:
        assert assert_whole(here) == PLACES
        assert all(isinstance(found(here, f"widget{number}"), Hit) for number in range(PLACES))


# Trouble with the disk


def test_a_file_in_place_of_the_cache_is_one_error(root: Path) -> None:
    root.write_text("")

    with pytest.raises(CacheError, match="not a directory"), opened(root):
        pass


@pytest.mark.parametrize("name", ["repository", "quarantine"])
def test_a_file_in_place_of_a_directory_is_one_error(root: Path, name: str) -> None:
    root.mkdir()
    (root / name).write_text("")

    with pytest.raises(CacheError, match="not a directory"), opened(root):
        pass


def test_a_directory_in_place_of_the_file_is_one_error_and_no_hit(here: Opened) -> None:
    here.cache.path(here.row().place).mkdir(parents=True)

    with pytest.raises(CacheError, match="a directory lies where a file belongs"):
        here.admit()


def test_a_full_disk_is_one_error_and_the_cache_goes_on_once_there_is_room(root: Path) -> None:
    with mounted(root, "size=2m"), opened(root) as here:
        sealed(here, "first")
        ballast = root / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

        errors = []
        for number in range(100):
            row = here.row(f"widget{number}")
            refusal = replace(judgement(row, root), document="x" * 50_000)
            error = here.cache.record_only(refusal).exception()
            if error is not None:
                errors.append(error)
                break

        assert [(type(error), "full" in str(error)) for error in errors] == [(CacheError, True)]
        assert intact(here, "first")
        ballast.unlink()
        sealed(here, "second")
        assert intact(here, "second")
        assert assert_rows_match(here) == 2


def assert_rows_match(here: Opened) -> int:
    there = files(here.root / "repository")
    rows = {here.cache.path(admitted.row.place): admitted.row.sha256 for admitted in here.record.admissions()}
    assert all(rows[path] == hashlib.sha256(path.read_bytes()).hexdigest() for path in there)
    return len(there)


def test_no_inode_left_for_a_directory_is_one_error_and_no_hit(root: Path) -> None:
    with mounted(root, "size=8m,nr_inodes=24"), opened(root) as here:
        admissions = [here.admission(f"widget{number}") for number in range(10)]

        errors = [here.cache.admit(admission).exception() for admission in admissions]

        refused = [error for error in errors if error is not None]
        assert refused
        assert all(isinstance(error, CacheError) and "the disk is full" in str(error) for error in refused)
        for admission, error in zip(admissions, errors, strict=True):
            assert (here.cache.find(admission.row.place) is None) == (error is not None)


def test_a_read_only_disk_is_one_error(root: Path) -> None:
    with mounted(root, "size=4m"):
        with opened(root) as here:
            sealed(here)
        subprocess.run(["mount", "-o", "remount,ro", root], check=True)

        with pytest.raises(CacheError, match="read-only"), opened(root):
            pass


def test_a_quarantine_on_another_disk_is_one_error(root: Path) -> None:
    with opened(root):
        pass
    with (
        mounted(root / "quarantine", "size=1m"),
        opened(root) as here,
        pytest.raises(CacheError, match="another file system"),
    ):
        here.admit()


def held(root: Path) -> list[str]:
    """List what this process has open of files and directories below a cache."""
    open_files = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the directory that is being listed
            open_files.append(str(descriptor.readlink()))
    below = (f"{root}/repository", f"{root}/quarantine")
    return [file for file in open_files if file.startswith(below) and not file.endswith("/lock")]


def test_an_admission_that_waits_holds_its_file_and_one_directory(here: Opened) -> None:
    with here.record.alone():
        waiting = [here.cache.admit(here.admission(f"widget{number}")) for number in range(10)]
        most = len(held(here.root))

    assert [future.result().size for future in waiting] == [5] * 10
    assert most == 2 * 10


def test_no_admission_holds_anything_for_longer_than_it_takes(here: Opened) -> None:
    for number in range(MAX_READY + 1):
        admission = here.admission(f"widget{number}")
        admission.quarantined.write_bytes(b"other bytes")
        assert isinstance(here.cache.admit(admission).exception(), CacheError)
    here.admit("good")
    here.cache.record_only(judgement(here.row(), here.root)).result()  # what came before is over by now

    assert held(here.root) == []


def test_a_file_system_that_complains_at_the_close_keeps_nobody_waiting(
    here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file system in user space may answer a close with an error; none can be had here without its module.
    close = os.close

    def complain(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        close(descriptor)
        if threading.current_thread().name == "admission" and name != "lock":
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "close", complain)

    for name in ("first", "second"):
        assert here.cache.admit(here.admission(name)).result(5).path.read_bytes() == b"bytes"


def test_a_disk_that_does_not_take_the_bytes_is_one_error_and_nothing_is_recorded(
    here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No device that fails can be had without a module of the kernel: this is the last resort.
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CacheError, match="input/output error"):
        here.admit()
    monkeypatch.undo()

    assert found(here) is None
    assert here.record.judgements(9) == ()
    here.admit()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from admitting import opened
from verifier.errors import CacheError
with opened(Path(sys.argv[1])) as here:
    first, second = here.admission("first"), here.admission("second")
    soft, hard = resource.getrlimit({limit})
    resource.setrlimit({limit}, ({value}, hard))
    error = here.cache.admit(first).exception()
    resource.setrlimit({limit}, (soft, hard))
    assert isinstance(error, CacheError), error
    assert here.cache.find(first.row.place) is None
    here.cache.admit(second).result()
    here.record.write([])
    assert here.cache.find(second.row.place).intact
    print(error.problem)
"""


@pytest.mark.parametrize(
    ("limit", "value", "problem"),
    [
        ("resource.RLIMIT_NOFILE", "8", "too many open files"),
        ("resource.RLIMIT_FSIZE", "8", "larger|full"),
    ],
)
def test_a_limit_of_the_process_is_one_error_and_no_hit(root: Path, limit: str, value: str, problem: str) -> None:
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    program = LIMITED.format(limit=limit, value=value)

    run = subprocess.run(
        [sys.executable, "-c", program, root], env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert any(word in run.stdout for word in problem.split("|"))


def test_a_cache_that_another_process_does_not_let_go_of_is_one_error(
    here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_room, "BUSY_SECONDS", 0)

    with here.record.alone(), pytest.raises(CacheError, match="another process"):
        here.admit()

    assert found(here) is None
    here.admit()


def test_threads_and_descriptors_and_memory_stay_flat(here: Opened) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    here.admit("first")
    threads, before = threading.active_count(), descriptors()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(3_000):
        name = f"widget{number % 50}"
        if number % 10 == 0:
            here.admit(name, name.encode())
        found(here, name)
        here.record.known_absent([f"https://repo.example/{number}"], NOW)

    assert threading.active_count() == threads
    assert descriptors() <= before + 2  # the last admission is known before its file and lock are closed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 32 * 1024
