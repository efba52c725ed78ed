import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from admitting import mounted
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.seal import KEY_BYTES, Seal, load_seal

KEY = bytes(range(KEY_BYTES))
FIELDS = st.lists(st.text(st.characters(), max_size=4), max_size=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "verifier" / "seal.key"


def load(path: Path) -> Seal:
    return load_seal(path, path.parents[2] / "cache")


def placed(path: Path, key: bytes = KEY, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True)
    path.write_bytes(key)
    path.chmod(mode)
    return path


def works(seal: Seal) -> bool:
    return seal.matches(seal.sign("purpose", "field"), "purpose", "field")


@given(FIELDS, FIELDS)
@settings(max_examples=100, deadline=None)
def test_recognises_the_same_fields_and_no_others(one: list[str], other: list[str]) -> None:
    seal = Seal(KEY)

    assert seal.matches(seal.sign("purpose", *one), "purpose", *other) == (one == other)


def test_does_not_confuse_where_one_field_ends() -> None:
    seal = Seal(KEY)

    assert not seal.matches(seal.sign("purpose", "ab", "c"), "purpose", "a", "bc")
    assert not seal.matches(seal.sign("purpose", "a", ""), "purpose", "a")


def test_does_not_take_a_seal_for_another_purpose() -> None:
    seal = Seal(KEY)

    assert not seal.matches(seal.sign("evidence", "a"), "admitted", "a")


def test_does_not_take_another_keys_seal() -> None:
    assert not Seal(KEY).matches(Seal(KEY[::-1]).sign("purpose", "a"), "purpose", "a")


@pytest.mark.parametrize("seal", ["", "ä", "\ud800", "0" * 64])
def test_does_not_take_what_is_no_seal(seal: str) -> None:
    assert not Seal(KEY).matches(seal, "purpose", "a")


def test_without_a_key_nothing_is_sealed_and_nothing_counts_as_sealed() -> None:
    none = Seal.none()

    assert none.sign("purpose", "a") == ""
    assert not none.matches("", "purpose", "a")
    assert not none.matches(Seal(KEY).sign("purpose", "a"), "purpose", "a")


def test_makes_a_key_for_this_user_alone_and_keeps_it(path: Path) -> None:
    first, second = load(path), load(path)

    assert first.sign("purpose", "a") == second.sign("purpose", "a") != ""
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == KEY_BYTES
    assert list(path.parent.iterdir()) == [path]


def test_makes_another_key_elsewhere(path: Path, tmp_path: Path) -> None:
    assert load(path).sign("purpose", "a") != load(tmp_path / "b" / "b" / "seal.key").sign("purpose", "a")


def test_all_who_start_at_once_get_one_key(path: Path) -> None:
    at_once = threading.Barrier(16)

    def start(_: int) -> str:
        at_once.wait()
        return load(path).sign("purpose", "a")

    with ThreadPoolExecutor(16) as pool:
        seals = set(pool.map(start, range(16)))

    assert len(seals) == 1
    assert list(path.parent.iterdir()) == [path]


def test_uses_a_key_that_is_this_users_alone(path: Path) -> None:
    assert works(load(placed(path)))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_refuses_a_key_that_others_may_touch(path: Path, mode: int) -> None:
    seal = load(placed(path, mode=mode))

    assert not works(seal)
    assert "others" in seal.problem


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_refuses_a_key_of_another_length(path: Path, length: int) -> None:
    assert not works(load(placed(path, bytes(length))))


def test_refuses_a_link_to_a_key(path: Path, tmp_path: Path) -> None:
    elsewhere = placed(tmp_path / "elsewhere" / "key")
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)

    assert not works(load(path))


def test_refuses_links_that_lead_nowhere_or_round(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(path.with_name("missing"))
    assert not works(load(path))

    path.unlink()
    path.symlink_to(path)
    assert not works(load(path))


def test_refuses_a_pipe_and_a_directory_without_waiting(path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path, 0o600)
    assert not works(load(path))

    path.unlink()
    path.mkdir(mode=0o700)
    assert not works(load(path))


def test_refuses_another_users_key(path: Path) -> None:
    placed(path)
    try:
        os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("files cannot be given away here")

    seal = load(path)

    assert not works(seal)
    assert "another user" in seal.problem


def test_refuses_a_key_inside_the_cache_however_named(path: Path, tmp_path: Path) -> None:
    cache = path.parent
    (tmp_path / "link").symlink_to(cache)

    assert not works(load_seal(path, cache))
    assert not works(load_seal(tmp_path / "link" / "seal.key", cache))
    assert not path.exists()


def test_does_without_where_no_key_can_be_written(path: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory belongs")

    seal = load(path)

    assert not works(seal)
    assert str(path) in seal.problem


def test_key_is_not_in_what_a_seal_shows() -> None:
    assert KEY.hex() not in repr(Seal(KEY)) + Seal(KEY).sign("purpose", hashlib.sha256(KEY).hexdigest())


def test_does_without_on_a_read_only_home(tmp_path: Path) -> None:
    home = tmp_path / "home"

    with mounted(home, "ro"):
        assert not works(load_seal(home / "verifier" / "seal.key", tmp_path / "cache"))
