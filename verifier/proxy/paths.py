"""What a request asks for, read from the raw path alone.

A path is decoded once, by a grammar of its own, into a repository and a coordinate or metadata
file; the cache's path and the upstream URL are then built from those, never from the request.
What has two meanings, or another spelling than the one built from its meaning, is not read at all.
"""

import re
from dataclasses import dataclass
from enum import Enum

from verifier.coordinate import METADATA_FILE, Coordinate, Metadata, Subject, make_metadata
from verifier.digest import Algorithm
from verifier.errors import CoordinateInvalid
from verifier.layout import SIGNATURE, file_path, is_bookkeeping, parse_path

ALL = "all"
"""Stands for every repository of the policy, in its order."""
MAX_PATH_CHARACTERS = 1024
MAX_SEGMENTS = 64

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_SEGMENT = re.compile(r"[A-Za-z0-9._+~$@!,=-]+")
_SIDECARS = {f".{algorithm.value}": algorithm for algorithm in Algorithm}
_MIN_SEGMENTS = 4
_SNAPSHOT = "-SNAPSHOT"


class Part(Enum):
    """What of a file is asked for, where it is not a checksum."""

    FILE = "file"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks for.

    `repository` is None for all; a `part` that is an algorithm is the checksum beside the file.
    """

    repository: str | None
    subject: Subject
    part: Part | Algorithm = Part.FILE


class PathInvalid(Exception):
    """The path is none that this proxy reads; the argument says why."""


class PathAbsent(Exception):
    """The path names what no Maven repository has to have and this one never has; the argument says what."""


def parse_target(raw: str) -> Target:
    """Read the raw path of a request.

    Shape: `/<repository id>/<path>` or `/all/<path>`, the path in Maven's layout, with `.md5`, `.sha1`,
    `.sha256`, `.sha512` or `.asc` behind it for what lies beside the file.

    Raises: `PathInvalid`; `PathAbsent` for directories and for files about a repository as a whole.

    >>> parse_target("/all/org/example/widget/1.0/widget-1.0.jar.sha1").part
    <Algorithm.SHA1: 'sha1'>
    """
    repository, *segments = _segments(raw)
    path = "/".join(segments)
    if not path or path.endswith("/"):
        raise PathAbsent("directories are not listed")
    stem, part = _split_part(path)
    subject = _subject(stem)
    if file_path(subject) != stem:
        raise PathInvalid("the path is not the one that its own coordinate has")
    if isinstance(subject, Metadata) and part is Part.SIGNATURE:
        raise PathAbsent("metadata is never signed")
    return Target(None if repository == ALL else repository, subject, part)


def _segments(raw: str) -> list[str]:
    """Give the decoded segments; of a directory's path the last one is empty."""
    if len(raw) > MAX_PATH_CHARACTERS:
        raise PathInvalid(f"the path is over {MAX_PATH_CHARACTERS} characters")
    if not raw.startswith("/") or not raw.isascii():
        raise PathInvalid("the request is not for a path on this server")
    if "?" in raw or "#" in raw:
        raise PathInvalid("a repository's paths have no query")
    *segments, last = raw[1:].split("/")
    if len(segments) >= MAX_SEGMENTS:
        raise PathInvalid(f"the path has over {MAX_SEGMENTS} segments")
    return [*map(_decoded, segments), _decoded(last) if last else ""]


def _decoded(segment: str) -> str:
    text = _ESCAPE.sub(lambda escape: chr(int(escape[0][1:], 16)), segment)
    if not _SEGMENT.fullmatch(text) or text in {".", ".."}:
        raise PathInvalid("the path holds an empty segment, a dot segment or a character that no Maven path has")
    return text


def _split_part(path: str) -> tuple[str, Part | Algorithm]:
    stem, dot, suffix = path.rpartition(".")
    part = _SIDECARS.get(dot + suffix, Part.SIGNATURE if dot + suffix == SIGNATURE else Part.FILE)
    if part is Part.FILE:
        return path, part
    if stem.endswith((*_SIDECARS, SIGNATURE)):
        raise PathAbsent("checksums and signatures have none of their own")
    return stem, part


def _subject(path: str) -> Subject:
    *folders, name = path.split("/")
    try:
        if name == METADATA_FILE and folders:
            return _metadata(folders)
        if len(folders) + 1 < _MIN_SEGMENTS or is_bookkeeping(path):
            raise PathAbsent("this is no file of an artifact")
        return parse_path(path)
    except CoordinateInvalid as cause:
        raise PathInvalid(cause.reason) from cause


def _metadata(folders: list[str]) -> Metadata:
    """Name metadata by its folders; a group's looks like an artifact's and is for the policy to tell apart."""
    if any("." in folder for folder in folders[:-2]):
        raise CoordinateInvalid("the path is not that of a file in a Maven repository")
    if folders[-1].endswith(_SNAPSHOT):
        if len(folders) < _MIN_SEGMENTS - 1:
            raise CoordinateInvalid("the path is not that of a file in a Maven repository")
        return make_metadata(".".join(folders[:-2]), folders[-2], folders[-1])
    if len(folders) == 1:
        return make_metadata(folders[0])
    return make_metadata(".".join(folders[:-1]), folders[-1])


def is_release(subject: Subject) -> bool:
    """Whether the bytes under this name never change: a release, or a snapshot's timestamped build."""
    return isinstance(subject, Coordinate) and not subject.version.endswith(_SNAPSHOT)
