"""What a raw path is read as, and everything that is not read at all."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from verifier.coordinate import Coordinate, Metadata
from verifier.digest import Algorithm
from verifier.errors import CoordinateInvalid
from verifier.layout import file_path
from verifier.proxy.paths import (
    MAX_PATH_CHARACTERS,
    Part,
    PathAbsent,
    PathInvalid,
    Target,
    is_release,
    parse_target,
)

JAR = "/all/org/example/widget/1.0/widget-1.0.jar"


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        (JAR, Target(None, Coordinate("org.example", "widget", "1.0"))),
        (JAR.replace("/all/", "/central/"), Target("central", Coordinate("org.example", "widget", "1.0"))),
        (f"{JAR}.asc", Target(None, Coordinate("org.example", "widget", "1.0"), Part.SIGNATURE)),
        (f"{JAR}.md5", Target(None, Coordinate("org.example", "widget", "1.0"), Algorithm.MD5)),
        (f"{JAR}.sha512", Target(None, Coordinate("org.example", "widget", "1.0"), Algorithm.SHA512)),
        (
            "/all/a/b/1-SNAPSHOT/b-1-20240101.010101-7-tests.tar.gz",
            Target(None, Coordinate("a", "b", "1-20240101.010101-7", "tar.gz", "tests")),
        ),
        ("/all/a/b/1-SNAPSHOT/b-1-SNAPSHOT.module", Target(None, Coordinate("a", "b", "1-SNAPSHOT", "module"))),
        ("/all/a/b/1%2B2/b-1%2b2.pom", Target(None, Coordinate("a", "b", "1+2", "pom"))),
        ("/all/plugins/maven-metadata.xml", Target(None, Metadata("plugins"))),
        ("/all/org/example/maven-metadata.xml", Target(None, Metadata("org", "example"))),
        ("/all/org/x/widget/maven-metadata.xml.sha1", Target(None, Metadata("org.x", "widget"), Algorithm.SHA1)),
        ("/all/a/b/1-SNAPSHOT/maven-metadata.xml", Target(None, Metadata("a", "b", "1-SNAPSHOT"))),
    ],
)
def test_reads_what_build_tools_ask_for(raw: str, target: Target) -> None:
    assert parse_target(raw) == target


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "*",
        "http://elsewhere.example/all/org/example/widget/1.0/widget-1.0.jar",
        "//all/org/example/widget/1.0/widget-1.0.jar",
        "/all//org/example/widget/1.0/widget-1.0.jar",
        "/all/./org/example/widget/1.0/widget-1.0.jar",
        "/all/../all/org/example/widget/1.0/widget-1.0.jar",
        "/all/%2e%2e/all/org/example/widget/1.0/widget-1.0.jar",
        "/all/org%2fexample/widget/1.0/widget-1.0.jar",
        "/all/org%5cexample/widget/1.0/widget-1.0.jar",
        "/all/org\\example/widget/1.0/widget-1.0.jar",
        "/all/org/example/widget/1.0/widget-1.0.jar%00",
        "/all/org/example/widget/1.0/widget-1.0.jar%0d%0aX: y",
        "/all/org/example/widget/1.0/widget-1.0.jar%252e",
        "/all/org/example/widget/1.0/widget-1.0.jar%",
        "/all/org/example/widget/1.0/widget-1.0.jar;v=1",
        "/all/org/example/widget/1.0/widget-1.0.jar?x=1",
        "/all/org/example/widget/1.0/widget-1.0.jar#x",
        "/all/org/example/widget/1.0/wid get-1.0.jar",
        "/all/org/example/widget/1.0/widgét-1.0.jar",
        "/all/org/example/widget/1.0/widget-2.0.jar",
        "/all/org/example/widget/1.0/gadget-1.0.jar",
        "/all/org/example/widget/1.0/widget-1.0-.jar",
        "/all/org/example/widget/1.0/widget-1.0.",
        "/all/org.example/widget/1.0/widget-1.0.jar",
        "/all/org/example/widget/LATEST/widget-LATEST.jar",
        "/all/org.example/x/widget/maven-metadata.xml",
        "/all/1-SNAPSHOT/maven-metadata.xml",
        "/all/" + "a/" * 70 + "b",
        "/all/" + "a" * MAX_PATH_CHARACTERS,
    ],
)
def test_refuses_a_path_that_is_not_the_one_of_a_coordinate(raw: str) -> None:
    with pytest.raises(PathInvalid):
        parse_target(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "/",
        "/all",
        "/all/",
        "/all/org/example/widget/",
        "/all/org/example/widget/1.0/",
        "/all/robots.txt",
        "/all/archetype-catalog.xml",
        "/all/.meta/prefixes.txt",
        "/all/.meta/prefixes.txt.sha1",
        "/all/a/b/c/maven-metadata-local.xml",
        f"{JAR}.asc.sha1",
        f"{JAR}.sha1.sha1",
        "/all/org/example/widget/maven-metadata.xml.asc",
    ],
)
def test_has_no_directories_and_no_files_about_a_whole_repository(raw: str) -> None:
    with pytest.raises(PathAbsent):
        parse_target(raw)


SEGMENT = st.text(string.ascii_letters + string.digits + "._+~$@!,=-%/?#\\; \x00é", max_size=12)
LIKELY = st.sampled_from(
    ["all", "org", "example", "widget", "1.0", "1-SNAPSHOT", "widget-1.0.jar", "..", "%2e%2e", "maven-metadata.xml"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(SEGMENT, LIKELY), max_size=8).map(lambda segments: "/" + "/".join(segments)))
@example(JAR)
def test_what_is_read_has_one_spelling_and_stays_in_its_repository(raw: str) -> None:
    try:
        target = parse_target(raw)
    except (PathInvalid, PathAbsent):
        return

    path = file_path(target.subject)
    assert ".." not in path.split("/")
    assert all(c in string.ascii_letters + string.digits + "._+~$@!,=-/" for c in path)
    suffix = "" if target.part is Part.FILE else ".asc" if target.part is Part.SIGNATURE else f".{target.part.value}"
    assert parse_target(f"/{target.repository or 'all'}/{path}{suffix}") == target


@settings(max_examples=150, deadline=None)
@given(
    st.from_regex(r"[a-z][a-z0-9_-]{0,5}(\.[a-z0-9_-]{1,5}){0,3}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,8}", fullmatch=True),
    st.from_regex(r"[0-9][A-Za-z0-9._+~$@!=-]{0,8}", fullmatch=True),
    st.sampled_from(["", "sources", "linux-x86_64", "a.b"]),
    st.sampled_from(["jar", "pom", "module", "tar.gz", "zip"]),
)
def test_a_coordinate_is_read_back_from_its_own_path_or_not_at_all(
    group: str, artifact: str, version: str, classifier: str, extension: str
) -> None:
    coordinate = Coordinate(group, artifact, version, extension, classifier)
    try:
        path = file_path(coordinate)
        target = parse_target(f"/all/{path}")
    except (PathInvalid, PathAbsent, CoordinateInvalid):
        return

    assert file_path(target.subject) == path


def test_knows_what_never_changes() -> None:
    assert is_release(Coordinate("a", "b", "1"))
    assert is_release(Coordinate("a", "b", "1-20240101.010101-7"))
    assert not is_release(Coordinate("a", "b", "1-SNAPSHOT"))
    assert not is_release(Metadata("a", "b"))
