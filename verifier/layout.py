"""Where a coordinate's file lies in a Maven repository, and the way back.

Paths use `/` and are relative to the repository.  Nothing is read here.
"""

import re
from dataclasses import dataclass

from verifier.coordinate import METADATA_FILE, Coordinate, Metadata, Subject, base_version, make_coordinate
from verifier.errors import CoordinateInvalid, Fact

SIGNATURE = ".asc"
SIDECARS = (".md5", ".sha1", ".sha256", ".sha512", SIGNATURE)
_COMPOUND_EXTENSIONS = ("tar.gz", "tar.bz2", "tar.xz", "tar.zst", "sigstore.json", "spdx.json", "cyclonedx.json")
_BOOKKEEPING = re.compile(
    r"_remote\.repositories|_maven\.repositories|resolver-status\.properties|m2e-lastUpdated\.properties"
    r"|maven-metadata(-[^/]*)?\.xml|.*\.lastUpdated|archetype-catalog\.xml|nexus-maven-repository-index\..*|prefixes\.txt"
    r"|prefixes-[^/]*\.txt"
)
_MIN_SEGMENTS = 4


def file_path(coordinate: Subject) -> str:
    """Give the path of a coordinate's file, or of a metadata file.

    Source: Maven repository layout 2, https://maven.apache.org/repositories/layout.html.

    >>> file_path(Coordinate("org.example", "widget", "1.0"))
    'org/example/widget/1.0/widget-1.0.jar'
    """
    if isinstance(coordinate, Metadata):
        parts = (coordinate.group.replace(".", "/"), coordinate.artifact, coordinate.version, METADATA_FILE)
        return "/".join(part for part in parts if part)
    directory = f"{coordinate.group.replace('.', '/')}/{coordinate.artifact}/{base_version(coordinate.version)}"
    return f"{directory}/{file_name(coordinate)}"


def file_name(coordinate: Coordinate) -> str:
    """Give the name of a coordinate's file without its directory."""
    classifier = f"-{coordinate.classifier}" if coordinate.classifier else ""
    return f"{coordinate.artifact}-{coordinate.version}{classifier}.{coordinate.extension}"


def is_sidecar(path: str) -> bool:
    """Whether the path names evidence beside a file: a checksum or a signature."""
    return path.endswith(SIDECARS)


def is_bookkeeping(path: str) -> bool:
    """Whether the path names a file that Maven keeps for itself in a local repository."""
    name = path.rsplit("/", 1)[-1]
    return any(_BOOKKEEPING.fullmatch(name.removesuffix(suffix)) for suffix in ("", *SIDECARS))


def parse_path(path: str) -> Coordinate:
    """Read the coordinate that a path in a Maven repository stands for.

    Raises: `CoordinateInvalid` where the file's name does not repeat its directories.

    >>> str(parse_path("org/example/widget/1.0/widget-1.0-sources.jar"))
    'org.example:widget:jar:sources:1.0'
    """
    segments = path.split("/")
    if len(segments) < _MIN_SEGMENTS:
        raise _misplaced(path)
    *groups, artifact, directory, name = segments
    if any("." in segment for segment in groups):
        raise _misplaced(path)
    version, rest = _split_version(name, artifact, directory, path)
    if rest.startswith("."):
        return make_coordinate(".".join(groups), artifact, version, rest[1:])
    if not rest.startswith("-"):
        raise _misplaced(path)
    classifier, extension = _split_extension(rest[1:], path)
    return make_coordinate(".".join(groups), artifact, version, extension, classifier)


def _split_version(name: str, artifact: str, directory: str, path: str) -> tuple[str, str]:
    if name.startswith(f"{artifact}-{directory}"):
        return directory, name[len(artifact) + 1 + len(directory) :]
    if directory.endswith("-SNAPSHOT"):
        base = re.escape(directory.removesuffix("SNAPSHOT"))
        match = re.match(rf"{re.escape(artifact)}-(?P<version>{base}[0-9]{{8}}\.[0-9]{{6}}-[0-9]+)", name)
        if match:
            return match["version"], name[match.end() :]
    raise _misplaced(path)


def _split_extension(text: str, path: str) -> tuple[str, str]:
    for extension in _COMPOUND_EXTENSIONS:
        if text.endswith(f".{extension}"):
            return text.removesuffix(f".{extension}"), extension
    classifier, dot, extension = text.rpartition(".")
    if not dot:
        raise _misplaced(path)
    return classifier, extension


def _misplaced(path: str) -> CoordinateInvalid:
    return CoordinateInvalid(
        "the path is not that of a file in a Maven repository",
        expected=Fact("group/…/artifact/version/artifact-version[-classifier].extension"),
        received=Fact(path),
        hint="give the file's coordinate with --as, or the root of a Maven-layout tree",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A file's repository id and its path in there: what names it in the cache."""

    repository: str
    path: str
