"""Which line of the user's own files a report points at."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.cli.places import Sources, atlas_of
from verifier.coordinate import Coordinate, Metadata
from verifier.errors import Fact, NotFound, PinMismatch, SignatureBad, SignatureMissing
from verifier.formats.marks import mark_gradle_lock, mark_lines, mark_pom
from verifier.lockfile import parse_lock
from verifier.maven.resolver import Resolved
from verifier.outcome import Outcome
from verifier.report.location import NOWHERE, Atlas, Location

LEAF = Coordinate("org.example", "leaf", "1")
POM = """\
<project>
  <parent>
    <groupId>org.example</groupId><artifactId>parent</artifactId><version>3</version>
  </parent>
  <modules><module>core</module><module>../../outside</module></modules>
  <dependencies>
    <!-- two lines below it begins -->

    <dependency>
      <groupId>org.example</groupId>
      <artifactId>app</artifactId>
      <version>${app.version}</version>
      <exclusions><exclusion><groupId>org.example</groupId><artifactId>no</artifactId></exclusion></exclusions>
    </dependency>
  </dependencies>
  <build><plugins>
    <plugin><artifactId>maven-jar-plugin</artifactId><version>3.4.2</version></plugin>
  </plugins></build>
</project>
"""


def refused(coordinate: Coordinate | Metadata = LEAF) -> Outcome:
    return Outcome(str(coordinate), coordinate, SignatureBad("it does not verify"))


def test_marks_each_kind_of_element_that_names_an_artifact() -> None:
    marks = mark_pom(POM.encode())

    assert marks.lines["org.example:parent:3"] == 2
    assert marks.lines["org.example:app"] == 9
    assert marks.lines["org.apache.maven.plugins:maven-jar-plugin"] == 17
    assert not {"org.example:no", "org.example:"} & marks.lines.keys()
    assert marks.modules == ["core", "../../outside"]


def test_marks_lines_as_they_are_counted_by_an_editor() -> None:
    marks = mark_lines("# ours\n\norg.example:leaf:1  # why\nno coordinate\norg.example:leaf:war:2\n")

    assert (marks.lines["org.example:leaf:1"], marks.lines["org.example:leaf"], marks.lines["org.example:leaf:2"]) == (
        3,
        3,
        5,
    )
    assert marks.lines["no coordinate"] == 4
    assert mark_gradle_lock("# G\norg.example:leaf:1=a,b\nempty=\n").lines == {
        "org.example:leaf:1": 2,
        "org.example:leaf": 2,
    }


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<project",
        b"<dependency><groupId>a</groupId></dependency>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><project/>",
        b"\xff\xfe\0",
        b"<a>" * 999,
    ],
)
def test_what_cannot_be_read_has_no_lines(document: bytes) -> None:
    assert mark_pom(document).lines == {}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_marking(text: str) -> None:
    last = len(text.splitlines())

    for marks in (mark_lines(text), mark_gradle_lock(text), mark_pom(text.encode(errors="replace"))):
        assert all(1 <= line <= max(last, 1) for line in marks.lines.values())


def test_the_most_exact_name_counts_first() -> None:
    names = ("org.example:leaf:jar:1", "org.example:leaf:1", "org.example:leaf")
    lines = {name: Location("list", at) for at, name in enumerate(names, 1)}

    for name in names:
        assert Atlas(NOWHERE.fallback, lines).place(refused()) == lines.pop(name)
    assert Atlas(NOWHERE.fallback, lines).place(refused()) == Location("verifier.toml", 1)


def test_metadata_is_placed_with_its_artifact_and_that_of_a_group_nowhere() -> None:
    atlas = Atlas(NOWHERE.fallback, {"org.example:leaf": Location("pom.xml", 3)})

    assert atlas.place(refused(Metadata("org.example", "leaf"))) == Location("pom.xml", 3)
    assert atlas.place(refused(Metadata("org.example"))) == NOWHERE.fallback


def test_what_was_brought_in_is_placed_at_who_brought_it_and_a_circle_ends() -> None:
    parents = {"org.example:leaf:1": "org.example:branch:1", "org.example:branch:1": "org.example:app:1"}
    lines = {"org.example:app": Location("pom.xml", 9)}

    assert Atlas(NOWHERE.fallback, lines, parents).place(refused()) == Location("pom.xml", 9)
    circle = {"org.example:leaf:1": "org.example:branch:1", "org.example:branch:1": "org.example:leaf:1"}
    assert Atlas(NOWHERE.fallback, lines, circle).place(refused()) == NOWHERE.fallback


def test_a_broken_pin_is_placed_where_it_is_written_and_only_in_a_file_of_the_users_own() -> None:
    lines = {str(LEAF): Location("pom.xml", 9)}
    atlas = Atlas(NOWHERE.fallback, lines, own={"/home/me/verifier.toml": "verifier.toml"})

    def place(origin: str) -> Location:
        cause = PinMismatch("other bytes", expected=Fact("sha256:a", origin), received=Fact("sha256:b", "there"))
        return atlas.place(replace(refused(), cause=cause))

    assert place("/home/me/verifier.toml:14") == Location("verifier.toml", 14)
    assert place("/home/me/verifier.toml:14, /home/me/verifier.toml:20") == Location("verifier.toml", 14)
    for foreign in ("/etc/passwd:14", "verifier.toml:14", "/home/me/verifier.toml:0", "/home/me/verifier.toml"):
        assert place(foreign) == Location("pom.xml", 9)


def test_the_policy_is_pointed_at_only_where_no_line_names_the_artifact() -> None:
    cause = SignatureMissing("there is none", expected=Fact("a signature", "verifier.toml:3"))
    outcome = replace(refused(), cause=cause)
    own = {"verifier.toml": "verifier.toml"}

    assert Atlas(Location("list"), own=own).place(outcome) == Location("verifier.toml", 3)
    lines = {str(LEAF): Location("list", 7)}
    assert Atlas(Location("list"), lines, own=own).place(outcome) == Location("list", 7)


def test_this_machines_path_is_taken_out_and_nothing_else() -> None:
    atlas = replace(NOWHERE, root="/home/me/work")

    assert (
        atlas.shorten("/home/me/work/verifier.toml:14 and /home/me/workshop")
        == "verifier.toml:14 and /home/me/workshop"
    )
    assert replace(NOWHERE, root="/").shorten("/etc/a") == "/etc/a"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose module is the working directory."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub" / "core").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def test_paths_start_at_the_root_of_the_checkout(checkout: Path) -> None:
    (checkout / "sub" / "pom.xml").write_text(POM)
    (checkout / "sub" / "core" / "pom.xml").write_text(POM.replace("app", "deep"))

    for named in ("pom.xml", str(checkout / "sub" / "pom.xml"), "../sub/pom.xml"):
        atlas = atlas_of(None, None, Sources((named,)))

        assert atlas.lines["org.example:app"] == Location("sub/pom.xml", 9)
        assert atlas.lines["org.example:deep"] == Location("sub/core/pom.xml", 9)
        assert atlas.fallback == Location("sub/pom.xml")


def test_every_format_that_people_read_has_lines_and_the_others_are_pointed_at_as_a_whole(checkout: Path) -> None:
    sub = checkout / "sub"
    (sub / "verifier.lock").write_text(f"# a\norg.example:leaf:jar:1 sha256:{'0' * 64} unsigned\n")
    (sub / "gradle.lockfile").write_text("# a\n\norg.example:leaf:1=main\n")
    (sub / "list.txt").write_text("org.example:leaf:1\n")
    (sub / "bom.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}')
    (sub / "broken.txt").write_bytes(b"org.example:leaf:1 \xff\n")
    os.mkfifo(sub / "pipe")

    for name, line in (("verifier.lock", 2), ("gradle.lockfile", 3), ("list.txt", 1), ("bom.json", 1),
                       ("broken.txt", 1), ("pipe", 1)):  # fmt: skip
        assert atlas_of(None, None, Sources((name,))).place(refused()) == Location(f"sub/{name}", line)


def test_a_module_that_cannot_be_a_path_is_passed_by(checkout: Path) -> None:
    (checkout / "sub" / "pom.xml").write_text(POM.replace("../../outside", "a" * 5_000))

    assert atlas_of(None, None, Sources(("pom.xml",))).lines["org.example:app"] == Location("sub/pom.xml", 9)


def test_without_a_checkout_paths_start_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert atlas_of("verifier.toml", None, Sources()).fallback == Location("verifier.toml")
    assert atlas_of(str(tmp_path / "verifier.toml"), None, Sources()).fallback == Location("verifier.toml")


def test_modules_that_go_round_in_a_circle_end(checkout: Path) -> None:
    for path, other in (("sub/pom.xml", "core"), ("sub/core/pom.xml", "..")):
        (checkout / path).write_text(f"<project><modules><module>{other}</module></modules></project>")

    assert set(atlas_of(None, None, Sources(("pom.xml",))).own.values()) == {"sub/pom.xml", "sub/core/pom.xml"}


def test_what_lies_outside_of_the_checkout_is_never_pointed_at(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "list.txt"
    outside.write_text("org.example:leaf:1\n")

    atlas = atlas_of(str(outside.with_name("verifier.toml")), None, Sources((str(outside), "-")))

    assert (atlas.lines, atlas.own, atlas.fallback) == ({}, {}, NOWHERE.fallback)


def test_a_file_that_has_gone_is_pointed_at_as_a_whole(checkout: Path) -> None:
    atlas = atlas_of(None, None, Sources(("gone.txt",)))

    assert atlas.place(refused()) == Location("sub/gone.txt", 1)


def test_a_lock_comes_before_everything_and_its_lines_before_those_of_the_pom(checkout: Path) -> None:
    (checkout / "sub" / "pom.xml").write_text(POM)
    lock = parse_lock(f"# verifier.lock\n\norg.example:app:jar:1 sha256:{'0' * 64} unsigned\n", "verifier.lock")
    app = Coordinate("org.example", "app", "1")
    resolved = [Resolved(LEAF, LEAF, "compile", optional=False, depth=2, parent=app)]

    atlas = atlas_of(None, lock, Sources(("pom.xml",), resolved))

    assert atlas.place(refused(app)) == Location("sub/verifier.lock", 3)
    assert atlas.place(refused()) == Location("sub/pom.xml", 9)
    assert atlas.fallback == Location("sub/verifier.lock")


def test_a_judged_file_is_pointed_at_itself(checkout: Path) -> None:
    jar = checkout / "libs" / "a b.jar"
    outcome = Outcome(str(LEAF), LEAF, NotFound("nowhere"))

    atlas = atlas_of(None, None, Sources(judged={str(LEAF): jar}))

    assert atlas.place(outcome) == Location("libs/a b.jar")
