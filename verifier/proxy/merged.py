"""Puts the metadata of several repositories together, for clients that see them as one.

Each document was verified by itself; what is written here holds what they say and nothing else.
Where the Maven of a client would ask each repository and merge, it gets the same answer from one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from verifier.coordinate import Metadata as Named
from verifier.errors import Fact, MetadataInvalid
from verifier.maven.metadata import (
    Listing,
    SnapshotFile,
    choose_latest,
    choose_release,
    merge_versions,
    parse_metadata,
)
from verifier.maven.xml import read_xml


@dataclass(frozen=True, slots=True)
class Source:
    """One repository's verified document, and which kinds of version that repository may serve."""

    document: bytes
    origin: str
    releases: bool
    snapshots: bool


def merge(named: Named, sources: Sequence[Source]) -> bytes:
    """Write one document that says what all of them say; the first repository wins where two disagree.

    Raises: `MetadataInvalid` for a document that cannot be read.

    Source: maven-repository-metadata 3.8.7, Metadata.merge.
    """
    listings = [Listing(parse_metadata(one.document, one.origin), one.releases, one.snapshots) for one in sources]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<metadata>"]
    artifact = next((one.metadata for one in listings if one.metadata.artifact), None)
    if artifact is not None:
        lines += _texts("  ", groupId=artifact.group, artifactId=artifact.artifact, version=artifact.version)
    lines += _block("  ", "plugins", _plugins(sources))
    lines += _block("  ", "versioning", list(_versioning(named, listings)))
    return "\n".join([*lines, "</metadata>", ""]).encode()


def _versioning(named: Named, listings: Sequence[Listing]) -> Iterator[str]:
    versions = [f"<version>{escape(version)}</version>" for version in merge_versions(listings)]
    if versions:
        yield from _texts("", latest=choose_latest(listings), release=choose_release(listings))
    if named.version:
        newest = max(listings, key=lambda one: one.metadata.last_updated).metadata
        if newest.has_snapshot:
            number = str(newest.build_number) if newest.build_number else ""
            yield from _block("", "snapshot", list(_texts("", timestamp=newest.timestamp, buildNumber=number)))
        yield from _block("", "snapshotVersions", [_snapshot(file) for file in _snapshot_files(listings)])
    yield from _block("", "versions", versions)
    yield from _texts("", lastUpdated=max((one.metadata.last_updated for one in listings), default=""))


def _snapshot_files(listings: Iterable[Listing]) -> list[SnapshotFile]:
    """Give the newest entry for each file; of equal ones the first repository's."""
    found: dict[tuple[str, str], SnapshotFile] = {}
    for listing in listings:
        for file in listing.metadata.snapshot_files:
            known = found.get((file.extension, file.classifier))
            if known is None or file.updated > known.updated:
                found[file.extension, file.classifier] = file
    return list(found.values())


def _snapshot(file: SnapshotFile) -> str:
    parts = _texts("", classifier=file.classifier, extension=file.extension, value=file.version, updated=file.updated)
    return f"<snapshotVersion>{''.join(parts)}</snapshotVersion>"


def _plugins(sources: Iterable[Source]) -> list[str]:
    """Give every plugin prefix once, as the first repository that knows it says."""
    found: dict[str, str] = {}
    for source in sources:
        plugins = read_xml(source.document, source.origin, _invalid).first("plugins")
        for plugin in plugins.children if plugins else ():
            texts = {name: child.text for name in ("name", "prefix", "artifactId") if (child := plugin.first(name))}
            found.setdefault(texts.get("prefix", ""), f"<plugin>{''.join(_texts('', **texts))}</plugin>")
    found.pop("", None)
    return list(found.values())


def _texts(indent: str, **texts: str) -> Iterator[str]:
    for name, text in texts.items():
        if text:
            yield f"{indent}<{name}>{escape(text)}</{name}>"


def _block(indent: str, name: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{indent}<{name}>"
        yield from (f"{indent}  {line}" for line in lines)
        yield f"{indent}</{name}>"


def _invalid(reason: str, expected: Fact, received: Fact) -> MetadataInvalid:
    return MetadataInvalid(reason, expected=expected, received=received)
