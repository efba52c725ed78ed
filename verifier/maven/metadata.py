"""What a repository says of the versions it holds: `maven-metadata.xml`, read and merged over repositories.

Metadata is never signed: whoever can change it steers every range, LATEST, RELEASE and SNAPSHOT.  What was
chosen by it is therefore shown as resting on it, which is for those who ask.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from verifier.coordinate import Coordinate, base_version
from verifier.coordinate import Metadata as Named
from verifier.errors import ContentMismatch, Fact, MetadataInvalid
from verifier.maven.version import Version
from verifier.maven.xml import Element, read_xml

MAX_VERSIONS = 50_000
MAX_METADATA_BYTES = 8 * 1024 * 1024

_TIMESTAMPED = re.compile(r".*-[0-9]{8}\.[0-9]{6}-[0-9]+")


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """The timestamped version that one file of a snapshot has."""

    extension: str
    classifier: str
    version: str
    updated: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """One `maven-metadata.xml`.  Shape: an empty part was not written; `versions` are in the file's order."""

    group: str = ""
    artifact: str = ""
    version: str = ""
    versions: tuple[str, ...] = ()
    latest: str = ""
    release: str = ""
    last_updated: str = ""
    timestamp: str = ""
    build_number: int = 0
    has_snapshot: bool = False
    snapshot_files: tuple[SnapshotFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """One repository's metadata, and which kinds of version that repository may serve.

    `kept` are the files of the artifact that a lock file names: where one of them will do, no other is chosen.
    """

    metadata: Metadata
    releases: bool = True
    snapshots: bool = False
    kept: tuple[Coordinate, ...] = ()


def check_metadata(document: bytes, served_as: Named, origin: str) -> None:
    """See that a document is metadata, and that of the artifact it is served as.

    Raises: `MetadataInvalid`; `ContentMismatch` where it names another group, artifact or version.
    """
    if len(document) > MAX_METADATA_BYTES:
        raise _invalid("the metadata is too large", Fact(f"at most {MAX_METADATA_BYTES} bytes"), Fact("more", origin))
    found = parse_metadata(document, origin)
    named = Named(found.group or served_as.group, found.artifact or served_as.artifact, served_as.version)
    # A group's own metadata lists plugins and may name a group above; it names no artifact.
    if served_as.artifact and named != served_as:
        raise ContentMismatch(
            "the metadata is that of another artifact", expected=Fact(str(served_as)), received=Fact(str(named), origin)
        )


def parse_metadata(document: bytes, origin: str) -> Metadata:
    """Read a `maven-metadata.xml`.

    Shape: elements that are not known are skipped; of one that stands twice the first counts.

    Raises: `MetadataInvalid` for what is no such document.

    Source: maven-repository-metadata 3.8.7, MetadataXpp3Reader, not strict.

    >>> parse_metadata(b"<metadata><versioning><release>2</release></versioning></metadata>", "example").release
    '2'
    """
    root = read_xml(document, origin, _invalid)
    if root.name != "metadata":
        raise _invalid("this is no metadata of a repository", Fact("<metadata>"), Fact(f"<{root.name}>", origin))
    versioning = root.first("versioning") or Element("versioning", "")
    versions = tuple(child.text for child in _children(versioning, "versions") if child.name == "version")
    if len(versions) > MAX_VERSIONS:
        raise _invalid(
            "the metadata lists too many versions", Fact(f"at most {MAX_VERSIONS}"), Fact(str(len(versions)), origin)
        )
    snapshot = versioning.first("snapshot")
    number = _text(snapshot, "buildNumber")
    return Metadata(
        group=_text(root, "groupId"),
        artifact=_text(root, "artifactId"),
        version=_text(root, "version"),
        versions=versions,
        latest=_text(versioning, "latest"),
        release=_text(versioning, "release"),
        last_updated=_text(versioning, "lastUpdated"),
        timestamp=_text(snapshot, "timestamp"),
        build_number=int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 0,
        has_snapshot=snapshot is not None,
        snapshot_files=tuple(
            SnapshotFile(
                _text(child, "extension"), _text(child, "classifier"), _text(child, "value"), _text(child, "updated")
            )
            for child in _children(versioning, "snapshotVersions")
            if child.name == "snapshotVersion"
        ),
    )


def write_choices(named: Named, files: Sequence[Coordinate]) -> bytes:
    """Write metadata that lists these files of an artifact and no others, as of what was installed on a machine.

    Shape: for an artifact its versions, the highest as release and as latest; for a snapshot the timestamped version of
    each file.
    """
    parts = [
        f"<groupId>{escape(named.group)}</groupId><artifactId>{escape(named.artifact)}</artifactId>",
        f"<version>{escape(named.version)}</version>" if named.version else "",
        "<versioning>",
    ]
    if named.version:
        parts.append("<snapshot><localCopy>true</localCopy></snapshot><snapshotVersions>")
        parts += (
            f"<snapshotVersion>{f'<classifier>{escape(one.classifier)}</classifier>' if one.classifier else ''}"
            f"<extension>{escape(one.extension)}</extension><value>{escape(one.version)}</value></snapshotVersion>"
            for one in files
        )
        parts.append("</snapshotVersions>")
    else:
        versions = sorted({base_version(one.version) for one in files}, key=Version.parse)
        releases = [version for version in versions if not is_snapshot(version)]
        parts += (f"<latest>{escape(version)}</latest>" for version in versions[-1:])
        parts += (f"<release>{escape(version)}</release>" for version in releases[-1:])
        parts.append(f"<versions>{''.join(f'<version>{escape(version)}</version>' for version in versions)}</versions>")
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<metadata>{''.join(parts)}</versioning></metadata>\n".encode()


def _children(element: Element, name: str) -> tuple[Element, ...]:
    found = element.first(name)
    return found.children if found else ()


def _text(element: Element | None, name: str) -> str:
    child = element.first(name) if element else None
    return child.text if child else ""


def _invalid(reason: str, expected: Fact, received: Fact) -> MetadataInvalid:
    return MetadataInvalid(reason, expected=expected, received=received)


def is_snapshot(version: str) -> bool:
    """Whether a version is one that may change, in the word's or the timestamp's form."""
    return version.upper().endswith("SNAPSHOT") or _TIMESTAMPED.fullmatch(version) is not None


def merge_versions(listings: Sequence[Listing]) -> tuple[str, ...]:
    """Give every version that some repository lists and may serve, each once."""
    found: dict[str, None] = {}
    for listing in listings:
        for version in listing.metadata.versions:
            if listing.snapshots if is_snapshot(version) else listing.releases:
                found[version] = None
    return tuple(found)


def choose_release(listings: Sequence[Listing]) -> str:
    """Give what RELEASE stands for; empty where no repository says.

    Source: maven-resolver-provider 3.8.7, DefaultVersionResolver: the newest `lastUpdated`
    counts, the first among equals.
    """
    return _newest((each.metadata.last_updated, each.metadata.release) for each in listings if each.releases)


def choose_latest(listings: Sequence[Listing]) -> str:
    """Give what LATEST stands for, which is RELEASE where nothing else is said."""
    return _newest((each.metadata.last_updated, each.metadata.latest) for each in listings) or choose_release(listings)


def kept_snapshot(listings: Sequence[Listing], version: str, extension: str, classifier: str) -> str:
    """Give the timestamped version that is kept for one file of a `-SNAPSHOT`; empty where none is."""
    found = (
        file.version
        for listing in listings
        for file in listing.kept
        if (file.extension, file.classifier) == (extension, classifier) and base_version(file.version) == version
    )
    return max(found, default="")


def choose_snapshot(listings: Sequence[Listing], version: str, extension: str, classifier: str) -> str:
    """Give the timestamped version of one file of a `-SNAPSHOT`, or the version itself where no repository says.

    Source: maven-resolver-provider 3.8.7, DefaultVersionResolver: an entry for the very file first, else the
    timestamp and build number of the whole.
    """
    candidates = []
    for listing in listings:
        metadata = listing.metadata
        if not listing.snapshots:
            continue
        candidates += [
            (file.updated, file.version)
            for file in metadata.snapshot_files
            if (file.extension, file.classifier) == (extension, classifier)
        ]
        if metadata.has_snapshot and not metadata.snapshot_files:
            stamp = f"{metadata.timestamp}-{metadata.build_number}" if metadata.build_number else "SNAPSHOT"
            candidates.append((metadata.last_updated, version.removesuffix("SNAPSHOT") + stamp))
    return _newest(candidates) or version


def _newest(candidates: Iterable[tuple[str, str]]) -> str:
    """Choose by date, as text; the first of the newest, and nothing that is empty."""
    named = [candidate for candidate in candidates if candidate[1]]
    return max(named, key=lambda candidate: candidate[0])[1] if named else ""
