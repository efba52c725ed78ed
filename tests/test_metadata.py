import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_source import MemorySource

from verifier.errors import MetadataInvalid, NotFound
from verifier.maven.metadata import (
    MAX_VERSIONS,
    Listing,
    Metadata,
    SnapshotFile,
    choose_latest,
    choose_release,
    choose_snapshot,
    is_snapshot,
    merge_versions,
    parse_metadata,
)
from verifier.maven.range import VersionRange
from verifier.maven.versions import Versions


def test_reads_every_part() -> None:
    found = parse_metadata(
        b"<metadata modelVersion='1.1.0'><groupId>g</groupId><artifactId>a</artifactId><version>1-SNAPSHOT</version>"
        b"<versioning><latest>2</latest><release>1</release>"
        b"<versions><version>2</version><version> 1 </version></versions>"
        b"<lastUpdated>20240101000000</lastUpdated><snapshot><timestamp>20240101.010101</timestamp>"
        b"<buildNumber>3</buildNumber></snapshot><snapshotVersions><snapshotVersion><extension>pom</extension>"
        b"<value>1-20240101.010101-3</value><updated>20240101010101</updated></snapshotVersion></snapshotVersions>"
        b"</versioning></metadata>",
        "somewhere",
    )

    assert found == Metadata(
        "g",
        "a",
        "1-SNAPSHOT",
        ("2", "1"),
        "2",
        "1",
        "20240101000000",
        "20240101.010101",
        3,
        has_snapshot=True,
        snapshot_files=(SnapshotFile("pom", "", "1-20240101.010101-3", "20240101010101"),),
    )


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html/>",
        b"<!DOCTYPE metadata><metadata/>",
        b"<metadata><versioning><versions>%s</versions></versioning></metadata>" % (b"<version/>" * (MAX_VERSIONS + 1)),
    ],
)
def test_refuses_what_is_no_metadata(document: bytes) -> None:
    with pytest.raises(MetadataInvalid):
        parse_metadata(document, "somewhere")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_metadata_or_refused(noise: bytes) -> None:
    with contextlib.suppress(MetadataInvalid):
        parse_metadata(b"<metadata><versioning>" + noise + b"</versioning></metadata>", "")


@pytest.mark.parametrize(
    ("version", "snapshot"),
    [("1-SNAPSHOT", True), ("1-snapshot", True), ("1-20240101.010101-3", True), ("1-2024.1-3", False), ("1", False)],
)
def test_knows_versions_that_may_change(version: str, *, snapshot: bool) -> None:
    assert is_snapshot(version) is snapshot


def test_versions_are_merged_as_far_as_each_repository_may_serve_them() -> None:
    releases = Listing(Metadata(versions=("2", "1", "3-SNAPSHOT")))
    snapshots = Listing(Metadata(versions=("1", "4-SNAPSHOT", "5")), releases=False, snapshots=True)

    assert merge_versions([releases, snapshots]) == ("2", "1", "4-SNAPSHOT")


def test_the_newest_word_counts_and_the_first_among_equals() -> None:
    old = Listing(Metadata(latest="1", release="1", last_updated="2023"))
    new = Listing(Metadata(latest="3", release="2", last_updated="2024"))
    same = Listing(Metadata(latest="9", release="9", last_updated="2024"))
    silent = Listing(Metadata(last_updated="2025"))

    assert choose_latest([old, new, same, silent]) == "3"
    assert choose_release([old, new, same, silent]) == "2"
    assert choose_release([Listing(new.metadata, releases=False), old]) == "1"
    assert choose_latest([silent]) == choose_release([]) == ""


def test_a_snapshot_is_the_files_own_entry_else_the_whole_ones_stamp_else_itself() -> None:
    files = (
        SnapshotFile("jar", "", "1-20240101.010101-1", "20240101"),
        SnapshotFile("jar", "", "1-20240102.010101-2", "20240102"),
    )
    exact = Listing(Metadata(has_snapshot=True, snapshot_files=files), snapshots=True)
    whole = Listing(Metadata(has_snapshot=True, timestamp="20240103.010101", build_number=3), snapshots=True)
    plain = Listing(Metadata(has_snapshot=True), snapshots=True)

    assert choose_snapshot([exact], "1-SNAPSHOT", "jar", "") == "1-20240102.010101-2"
    assert choose_snapshot([exact], "1-SNAPSHOT", "pom", "") == "1-SNAPSHOT"
    assert choose_snapshot([whole], "1-SNAPSHOT", "pom", "") == "1-20240103.010101-3"
    assert choose_snapshot([plain], "1-SNAPSHOT", "pom", "") == "1-SNAPSHOT"
    assert choose_snapshot([Listing(whole.metadata)], "1-SNAPSHOT", "pom", "") == "1-SNAPSHOT"


def _source(latest: str = "2-SNAPSHOT") -> MemorySource:
    of_all = f"<latest>{latest}</latest><versions><version>1</version></versions>"
    of_one = "<snapshot><timestamp>20240101.010101</timestamp><buildNumber>3</buildNumber></snapshot>"
    files = {
        "g/a/maven-metadata.xml": f"<metadata><versioning>{of_all}</versioning></metadata>".encode(),
        "g/a/2-SNAPSHOT/maven-metadata.xml": f"<metadata><versioning>{of_one}</versioning></metadata>".encode(),
    }
    return MemorySource(files, snapshots=True)


def test_latest_may_be_a_snapshot() -> None:
    assert Versions(_source()).exact("g", "a", "LATEST", "jar") == "2-20240101.010101-3"


def test_latest_that_says_latest_is_a_version_and_no_circle() -> None:
    assert Versions(_source("LATEST")).exact("g", "a", "LATEST", "jar") == "LATEST"


def test_metadata_is_asked_for_once_and_for_plain_versions_never() -> None:
    source = _source()
    versions = Versions(source)

    for _ in range(3):
        versions.exact("g", "a", "1", "jar")
        versions.within("g", "a", VersionRange.parse("[1]"))
        versions.within("g", "a", VersionRange.parse("[1,2]"))

    assert source.asked == ["g/a/maven-metadata.xml"]


def test_a_range_without_a_match_says_what_there_is() -> None:
    with pytest.raises(NotFound) as raised:
        Versions(_source()).within("g", "a", VersionRange.parse("[7,8]"))

    assert raised.value.expected is not None
    assert raised.value.received is not None
    assert (raised.value.expected.value, raised.value.received.value) == ("[7,8]", "1")
