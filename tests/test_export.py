import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from judge_cases import DIGESTS, evidence
from openpgp_cases import CONTENT

from verifier.coordinate import parse_coordinate
from verifier.digest import Algorithm, Digest
from verifier.errors import CacheError, ConfigError, NotFound, ReasonedError
from verifier.export import Layout, copy_out
from verifier.outcome import Outcome

NAME = "org.example:widget:1.0"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "cache" / "widget-1.0.jar"
    source.parent.mkdir()
    source.write_bytes(CONTENT)
    return source


def outcome(source: Path, name: str = NAME, cause: ReasonedError | None = None) -> Outcome:
    coordinate = parse_coordinate(name)
    return Outcome(str(coordinate), coordinate, cause, evidence(coordinate=coordinate), file=str(source))


def files_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("layout", "name"),
    [(Layout.FLAT, "widget-1.0.jar"), (Layout.MAVEN, "org/example/widget/1.0/widget-1.0.jar")],
)
def test_copies_what_was_verified(layout: Layout, name: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"

    (copied,) = copy_out([outcome(source)], out, layout)

    assert files_in(out) == [name]
    assert copied.file == str(out / name)
    assert (out / name).read_bytes() == CONTENT
    assert (out / name).stat().st_mode & 0o777 == 0o644


def test_copies_nothing_that_was_not_verified(source: Path, tmp_path: Path) -> None:
    given = [
        outcome(source, cause=NotFound("none")),
        Outcome("a:b", None, None, file=str(source)),
        replace(outcome(source), file=None),
        replace(outcome(source), evidence=None),
    ]

    assert copy_out(given, tmp_path / "out", Layout.FLAT) == given
    assert not (tmp_path / "out").exists()


def test_a_file_that_changed_since_is_not_copied(source: Path, tmp_path: Path) -> None:
    source.write_bytes(CONTENT + b"!")

    with pytest.raises(CacheError, match="is no longer what was verified") as caught:
        copy_out([outcome(source)], tmp_path / "out", Layout.FLAT)

    assert hashlib.sha256(CONTENT + b"!").hexdigest() in str(caught.value)
    assert DIGESTS[Algorithm.SHA256].value in str(caught.value)
    assert files_in(tmp_path / "out") == []


def test_a_failed_copy_leaves_the_old_one(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "widget-1.0.jar").write_text("old")
    other = evidence(digests=(Digest(Algorithm.SHA256, "0" * 64),))

    with pytest.raises(CacheError):
        copy_out([replace(outcome(source), evidence=other)], tmp_path / "out", Layout.FLAT)

    assert (tmp_path / "out" / "widget-1.0.jar").read_text() == "old"


def test_takes_the_place_of_a_link_and_does_not_follow_it(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "out" / "widget-1.0.jar").symlink_to(tmp_path / "elsewhere")

    copy_out([outcome(source)], tmp_path / "out", Layout.FLAT)

    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert not (tmp_path / "out" / "widget-1.0.jar").is_symlink()


def test_two_files_of_one_name_are_refused_before_anything_is_copied(source: Path, tmp_path: Path) -> None:
    given = [outcome(source), outcome(source, "com.example:widget:1.0")]

    with pytest.raises(ConfigError, match=r"would both become widget-1\.0\.jar"):
        copy_out(given, tmp_path / "out", Layout.FLAT)

    assert not (tmp_path / "out").exists()
    assert len(copy_out(given, tmp_path / "out", Layout.MAVEN)) == 2


def test_a_name_is_not_taken_by_what_is_not_copied(source: Path, tmp_path: Path) -> None:
    given = [outcome(source, cause=NotFound("none")), outcome(source, "com.example:widget:1.0")]

    copy_out(given, tmp_path / "out", Layout.FLAT)

    assert files_in(tmp_path / "out") == ["widget-1.0.jar"]


def test_the_same_file_twice_is_copied_twice(source: Path, tmp_path: Path) -> None:
    first, second = copy_out([outcome(source), outcome(source)], tmp_path / "out", Layout.FLAT)

    assert first.file == second.file


@pytest.mark.parametrize("obstacle", ["a file for a directory", "a directory for a file"])
def test_what_cannot_be_written_is_one_clear_error(obstacle: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if obstacle == "a file for a directory":
        out.write_text("in the way")
    else:
        (out / "widget-1.0.jar" / "x").mkdir(parents=True)

    with pytest.raises(CacheError, match="cannot be written"):
        copy_out([outcome(source)], out, Layout.FLAT)

    assert [name for name in files_in(tmp_path) if ".verifier-" in name] == []
