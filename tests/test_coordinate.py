import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from verifier.coordinate import (
    MAX_COORDINATE_CHARACTERS,
    MAX_FILE_NAME_CHARACTERS,
    MAX_PART_CHARACTERS,
    Coordinate,
    Metadata,
    base_version,
    make_coordinate,
    parse_coordinate,
    parse_subject,
    to_purl,
)
from verifier.errors import CoordinateInvalid

LONG = "a" * MAX_PART_CHARACTERS
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,9}(\.[A-Za-z0-9_-]{1,9}){0,3}", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z0-9_+~$@!=-][A-Za-z0-9._+~$@!=-]{0,20}", fullmatch=True)
EXTENSIONS = st.from_regex(r"[A-Za-z0-9_+-]{1,8}(\.[A-Za-z0-9_+-]{1,8})?", fullmatch=True)
VERSIONS = WORDS.filter(lambda word: word not in {"LATEST", "RELEASE"})
COORDINATES = st.builds(Coordinate, NAMES, NAMES, VERSIONS, EXTENSIONS, st.one_of(st.just(""), WORDS))


@pytest.mark.parametrize(
    ("text", "coordinate"),
    [
        ("org.example:widget:1.0", Coordinate("org.example", "widget", "1.0")),
        ("org.example:widget:pom:1.0", Coordinate("org.example", "widget", "1.0", "pom")),
        ("org.example:widget:jar:sources:1.0", Coordinate("org.example", "widget", "1.0", "jar", "sources")),
        ("org.example:widget:tar.gz:bin:1.0", Coordinate("org.example", "widget", "1.0", "tar.gz", "bin")),
        ("org.scala-lang:scala_2.13:1.0+1~x", Coordinate("org.scala-lang", "scala_2.13", "1.0+1~x")),
        ("g:a:jar::1", Coordinate("g", "a", "1")),
        ("pkg:maven/org.example/widget@1.0", Coordinate("org.example", "widget", "1.0")),
        ("pkg:maven/org.example/widget@1.0?type=pom", Coordinate("org.example", "widget", "1.0", "pom")),
        (
            "pkg:maven/org.example/widget@1.0?classifier=sources&type=jar",
            Coordinate("org.example", "widget", "1.0", "jar", "sources"),
        ),
        ("pkg:maven/org.example/widget@1.0%2B1", Coordinate("org.example", "widget", "1.0+1")),
    ],
)
def test_reads_every_form(text: str, coordinate: Coordinate) -> None:
    assert parse_coordinate(text) == coordinate


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a coordinate"),
        ("org.example", "not a coordinate"),
        ("org.example:widget", "not a coordinate"),
        ("a:b:c:d:e:f", "not a coordinate"),
        (":widget:1.0", "group is empty"),
        ("org.example::1.0", "artifact is empty"),
        ("org.example:widget:", "version is empty"),
        ("org.example:widget::1.0", "extension is empty"),
        ("../etc:widget:1.0", "group cannot"),
        ("org..example:widget:1.0", "group cannot"),
        ("org.example.:widget:1.0", "group cannot"),
        (".org:widget:1.0", "group cannot"),
        ("org/example:widget:1.0", "group cannot"),
        ("org.example:..:1.0", "artifact cannot"),
        ("org.example:a/b:1.0", "artifact cannot"),
        ("org.example:a\\b:1.0", "artifact cannot"),
        ("org.example:widget:..", "version cannot"),
        ("org.example:widget:1/0", "version cannot"),
        ("org.example:widget:1.0%2f", "version cannot"),
        ("org.example:widget:1.0?x", "version cannot"),
        ("org.example:widget:1.0#x", "version cannot"),
        ("org.example:widget:1.0\n", "version cannot"),
        ("org.example:widget:1.0\0", "version cannot"),
        (" org.example:widget:1.0", "group cannot"),
        ("org.ex\u0430mple:widget:1.0", "group cannot"),
        ("org.example:widget:\u0661", "version cannot"),
        ("org.example:widget:.jar:1.0", "extension cannot"),
        ("org.example:widget:jar..gz:1.0", "extension cannot"),
        ("org.example:widget:jar:../x:1.0", "classifier cannot"),
        ("org.example:widget:LATEST", "not exact"),
        ("org.example:widget:RELEASE", "not exact"),
        ("org.example:widget:[1.0,2.0)", "not exact"),
        ("org.example:widget:(,1.0]", "not exact"),
        (f"org.example:{LONG}a:1.0", "artifact cannot"),
        (f"org.example:{LONG}:{'1' * (MAX_FILE_NAME_CHARACTERS - MAX_PART_CHARACTERS)}", "file name would be too long"),
        ("a" * (MAX_COORDINATE_CHARACTERS + 1), "too long"),
        ("pkg:maven", "package URL"),
        ("pkg:", "package URL"),
        ("pkg:maven/widget@1.0", "group is empty"),
        ("pkg:maven/org.example/widget", "version is empty"),
        ("pkg:npm/org.example/widget@1.0", "does not name a Maven file"),
        ("pkg:maven/org.example/widget@1.0#sub", "does not name a Maven file"),
        ("pkg:maven/org.example/widget@1.0?repository_url=repo.example", "does not name a Maven file"),
        ("pkg:maven/org/example/widget@1.0", "group cannot"),
        ("pkg:maven/%2e%2e/widget@1.0", "group cannot"),
        ("pkg:maven/org.example/widget@1.0%2f..", "version cannot"),
        ("pkg:maven/org.example/wid get@1.0", "white space or control"),
        ("pkg:maven/org.example/widget@1.0\x1b[2J", "white space or control"),
    ],
)
def test_refuses_what_is_no_safe_coordinate(text: str, problem: str) -> None:
    with pytest.raises(CoordinateInvalid) as caught:
        parse_coordinate(text)

    assert problem in caught.value.reason


def test_takes_a_file_name_just_within_the_bound() -> None:
    version = "1" * (MAX_FILE_NAME_CHARACTERS - MAX_PART_CHARACTERS - len("jar"))

    assert parse_coordinate(f"org.example:{LONG}:{version}").artifact == LONG


@settings(max_examples=100, deadline=None)
@given(COORDINATES)
def test_text_leads_back_to_the_coordinate(coordinate: Coordinate) -> None:
    assert parse_coordinate(str(coordinate)) == coordinate


@settings(max_examples=100, deadline=None)
@given(COORDINATES)
def test_a_package_url_leads_back_to_the_coordinate(coordinate: Coordinate) -> None:
    assert parse_coordinate(to_purl(coordinate)) == coordinate


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="pkg:maven/.@?=&#%20:-[],()", max_size=40)))
@example("pkg:maven//@?")
@example("pkg:maven/a/b@1?type=")
@example("pkg:maven/a/b@1?type=jar&type=pom")
@example("pkg:%00")
@example("pkg:[")
@example("pkg://[")
@example("pkg:maven/a/%ff@1")
def test_any_text_is_a_safe_coordinate_or_refused(text: str) -> None:
    for attempt in (text, f"pkg:maven/{text}"):
        try:
            coordinate = parse_coordinate(attempt)
        except CoordinateInvalid:
            continue
        assert "/" not in str(coordinate)
        assert ".." not in coordinate.group
        assert str(coordinate).isascii()


def test_leaves_the_default_type_out_of_a_package_url() -> None:
    assert to_purl(make_coordinate("g", "a", "1+", "jar", "x")) == "pkg:maven/g/a@1%2B?classifier=x"


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("org.example/maven-metadata.xml", Metadata("org.example")),
        ("org.example:widget/maven-metadata.xml", Metadata("org.example", "widget")),
        ("org.example:widget:1-SNAPSHOT/maven-metadata.xml", Metadata("org.example", "widget", "1-SNAPSHOT")),
    ],
)
def test_reads_the_name_of_metadata(text: str, metadata: Metadata) -> None:
    assert parse_subject(text) == metadata
    assert str(metadata) == text
    assert metadata.is_snapshot == bool(metadata.version)


@pytest.mark.parametrize(
    "name", ["", "org..example", "../x", "g:..", "g:a:..", "g:a:[1,2]", "g:", "g::1-SNAPSHOT", "g:a:1:x", "g:a:"]
)
def test_refuses_what_is_no_safe_name_of_metadata(name: str) -> None:
    with pytest.raises(CoordinateInvalid):
        parse_subject(f"{name}/maven-metadata.xml")


def test_a_subject_that_is_no_metadata_is_a_coordinate() -> None:
    assert parse_subject("g:a:1") == Coordinate("g", "a", "1")


def test_metadata_is_ruled_by_what_its_name_says() -> None:
    assert Metadata("g", "a").ruled_as == Coordinate("g", "a", "*", "xml")
    assert Metadata("g").ruled_as == Coordinate("g", "*", "*", "xml")


@pytest.mark.parametrize(
    ("version", "base", "is_snapshot"),
    [
        ("1.0", "1.0", False),
        ("1.0-SNAPSHOT", "1.0-SNAPSHOT", True),
        ("1.0-20240101.010101-1", "1.0-SNAPSHOT", True),
        ("1.0-20240101.0101-1", "1.0-20240101.0101-1", False),
        ("20240101.010101-1", "20240101.010101-1", False),
        ("1.0-SNAPSHOT-1", "1.0-SNAPSHOT-1", False),
    ],
)
def test_tells_snapshots_and_where_they_lie(version: str, base: str, is_snapshot: bool) -> None:  # noqa: FBT001  (a row)
    assert base_version(version) == base
    assert make_coordinate("g", "a", version).is_snapshot is is_snapshot
