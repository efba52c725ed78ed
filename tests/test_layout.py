import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_coordinate import NAMES, VERSIONS, WORDS

from verifier.coordinate import Coordinate, parse_coordinate, parse_subject
from verifier.errors import CoordinateInvalid
from verifier.layout import SIDECARS, file_name, file_path, is_bookkeeping, is_sidecar, parse_path

PLAIN = st.from_regex(r"[A-Za-z0-9_+-]{1,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("org.example:widget:1.0", "org/example/widget/1.0/widget-1.0.jar"),
        ("org.example:widget:pom:1.0", "org/example/widget/1.0/widget-1.0.pom"),
        ("org.example:widget:jar:sources:1.0", "org/example/widget/1.0/widget-1.0-sources.jar"),
        ("org.example:widget:tar.gz:bin:1.0", "org/example/widget/1.0/widget-1.0-bin.tar.gz"),
        ("org.example:widget:tar.gz:1.0", "org/example/widget/1.0/widget-1.0.tar.gz"),
        ("org.example:widget:jar:linux-x86_64:1.0", "org/example/widget/1.0/widget-1.0-linux-x86_64.jar"),
        ("g:a.b:1.0-SNAPSHOT", "g/a.b/1.0-SNAPSHOT/a.b-1.0-SNAPSHOT.jar"),
        ("g:a:1.0-20240101.010101-1", "g/a/1.0-SNAPSHOT/a-1.0-20240101.010101-1.jar"),
        ("g:a:jar:x:1.0-20240101.010101-1", "g/a/1.0-SNAPSHOT/a-1.0-20240101.010101-1-x.jar"),
    ],
)
def test_a_file_lies_where_maven_puts_it(text: str, path: str) -> None:
    assert file_path(parse_coordinate(text)) == path
    assert str(parse_path(path)) == str(parse_coordinate(text))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("org.example/maven-metadata.xml", "org/example/maven-metadata.xml"),
        ("g:a/maven-metadata.xml", "g/a/maven-metadata.xml"),
        ("g:a.b:1-SNAPSHOT/maven-metadata.xml", "g/a.b/1-SNAPSHOT/maven-metadata.xml"),
    ],
)
def test_metadata_lies_in_the_directory_that_it_tells_of(text: str, path: str) -> None:
    assert file_path(parse_subject(text)) == path
    assert is_bookkeeping(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "widget-1.0.jar",
        "widget/1.0/widget-1.0.jar",
        "org/example/widget/1.0/widget-1.1.jar",
        "org/example/widget/1.0/gadget-1.0.jar",
        "org/example/widget/1.0/widget-1.0",
        "org/example/widget/1.0/widget-1.0jar",
        "org/example/widget/1.0/widget-1.0-sources",
        "org/example/widget/1.0/widget-1.0-.jar/",
        "org.example/widget/1.0/widget-1.0.jar",
        "../widget/1.0/widget-1.0.jar",
        "org/../widget/1.0/widget-1.0.jar",
        "/org/example/widget/1.0/widget-1.0.jar",
        "org//widget/1.0/widget-1.0.jar",
        "org/example/../1.0/..-1.0.jar",
        "org/example/widget/../widget-...jar",
        "org/example/widget/1.0/widget-1.0.",
        "org/example/widget/1.0/widget-1.0.j\x1br",
        "g/a/1.0-SNAPSHOT/a-1.0-2024.0101-1.jar",
        "g/a/1.0-SNAPSHOT/a-1.1-20240101.010101-1.jar",
    ],
)
def test_refuses_a_file_that_is_not_at_its_place(path: str) -> None:
    with pytest.raises(CoordinateInvalid):
        parse_path(path)


@settings(max_examples=100, deadline=None)
@given(st.builds(Coordinate, NAMES, NAMES, VERSIONS, PLAIN, st.one_of(st.just(""), WORDS)))
def test_the_path_leads_back_to_the_coordinate_or_to_one_of_the_same_file(coordinate: Coordinate) -> None:
    path = file_path(coordinate)

    assert file_path(parse_path(path)) == path


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="a1.-/SNAPHOT", max_size=40)))
def test_any_path_is_that_of_its_coordinate_or_refused(path: str) -> None:
    try:
        coordinate = parse_path(path)
    except CoordinateInvalid:
        return
    assert file_path(coordinate) == path
    assert path.endswith(f"/{file_name(coordinate)}")


@pytest.mark.parametrize("suffix", SIDECARS)
def test_evidence_is_told_from_files(suffix: str) -> None:
    assert is_sidecar(f"g/a/1/a-1.jar{suffix}")
    assert not is_sidecar(f"g/a/1/a-1{suffix}.jar")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_remote.repositories", True),
        ("resolver-status.properties", True),
        ("maven-metadata.xml", True),
        ("maven-metadata-central.xml", True),
        ("maven-metadata-central.xml.sha1", True),
        ("a-1.pom.lastUpdated", True),
        ("a-1.jar", False),
        ("a-1.jar.sha1", False),
        ("a-1.xml", False),
        ("x_remote.repositories", False),
        ("maven-metadata.xml/a-1.jar", False),
    ],
)
def test_maven_s_own_files_are_told_from_artifacts(name: str, expected: bool) -> None:  # noqa: FBT001  (a row)
    assert is_bookkeeping(f"g/a/1/{name}") is expected
    assert is_bookkeeping(name) is expected
