"""Metadata of several repositories, put together as a client would."""

import pytest

from verifier.coordinate import Metadata
from verifier.errors import MetadataInvalid
from verifier.maven.metadata import parse_metadata
from verifier.proxy.merged import Source, merge

WIDGET = Metadata("org.example", "widget")


def source(body: str, *, releases: bool = True, snapshots: bool = False) -> Source:
    return Source(f"<metadata>{body}</metadata>".encode(), "here", releases, snapshots)


def versions(listed: str, updated: str, *, release: str = "", latest: str = "") -> str:
    each = "".join(f"<version>{version}</version>" for version in listed.split())
    return (
        "<groupId>org.example</groupId><artifactId>widget</artifactId><versioning>"
        f"<latest>{latest}</latest><release>{release}</release><versions>{each}</versions>"
        f"<lastUpdated>{updated}</lastUpdated></versioning>"
    )


def test_versions_of_all_are_listed_once_and_the_newest_says_what_is_the_release() -> None:
    made = merge(
        WIDGET,
        [
            source(versions("1.0 1.1", "20240101000000", release="1.1")),
            source(versions("1.1 2.0", "20250101000000", release="2.0", latest="2.0")),
        ],
    )

    found = parse_metadata(made, "made")
    assert (found.group, found.artifact) == ("org.example", "widget")
    assert found.versions == ("1.0", "1.1", "2.0")
    assert (found.release, found.latest, found.last_updated) == ("2.0", "2.0", "20250101000000")


def test_a_repository_without_snapshots_lists_none() -> None:
    made = merge(
        WIDGET,
        [
            source(versions("1.0 2-SNAPSHOT", "1")),
            source(versions("3-SNAPSHOT 3.0", "2"), snapshots=True, releases=False),
        ],
    )

    assert parse_metadata(made, "made").versions == ("1.0", "3-SNAPSHOT")


def test_the_newest_build_of_each_file_of_a_snapshot_counts() -> None:
    def snapshot(number: int, updated: str) -> Source:
        return source(
            "<groupId>org.example</groupId><artifactId>widget</artifactId><version>1-SNAPSHOT</version><versioning>"
            f"<snapshot><timestamp>2024010{number}.010101</timestamp><buildNumber>{number}</buildNumber></snapshot>"
            f"<lastUpdated>{updated}</lastUpdated><snapshotVersions><snapshotVersion><extension>jar</extension>"
            f"<value>1-2024010{number}.010101-{number}</value><updated>{updated}</updated></snapshotVersion>"
            "</snapshotVersions></versioning>",
            snapshots=True,
        )

    made = merge(Metadata("org.example", "widget", "1-SNAPSHOT"), [snapshot(2, "20240102"), snapshot(1, "20240101")])

    found = parse_metadata(made, "made")
    assert found.version == "1-SNAPSHOT"
    assert (found.build_number, found.timestamp) == (2, "20240102.010101")
    assert [file.version for file in found.snapshot_files] == ["1-20240102.010101-2"]


def test_plugin_prefixes_of_all_are_listed_and_the_first_repository_wins() -> None:
    def plugins(artifact: str, *prefixes: str) -> Source:
        each = "".join(
            f"<plugin><name>P</name><prefix>{prefix}</prefix><artifactId>{artifact}</artifactId></plugin>"
            for prefix in prefixes
        )
        return source(f"<plugins>{each}<plugin><name>no prefix</name></plugin></plugins>")

    made = merge(Metadata("org.example"), [plugins("first", "a", "b"), plugins("second", "b", "c")]).decode()

    assert made.count("<plugin>") == 3
    assert "<prefix>b</prefix><artifactId>first</artifactId>" in made
    assert "<prefix>c</prefix><artifactId>second</artifactId>" in made


def test_text_that_looks_like_elements_stays_text() -> None:
    made = merge(WIDGET, [source(versions("1.0&lt;version&gt;", "1")), source(versions("2&amp;3", "2"))])

    assert parse_metadata(made, "made").versions == ("1.0<version>", "2&3")


def test_one_document_that_cannot_be_read_refuses_all() -> None:
    with pytest.raises(MetadataInvalid):
        merge(WIDGET, [source(versions("1", "1")), Source(b"<html>", "there", releases=True, snapshots=False)])
