"""Maven coordinates and the patterns that policies match them with.

Text becomes a `Coordinate` once, here, and past this point every part is safe to put into a
path or a URL.  Version ranges, LATEST and RELEASE are no coordinates: choosing a version is
the resolver's business.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from verifier.errors import CoordinateInvalid, Fact

MAX_COORDINATE_CHARACTERS = 1024
MAX_PART_CHARACTERS = 200
MAX_FILE_NAME_CHARACTERS = 240

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9_+~$@!=-][A-Za-z0-9._+~$@!=-]*")
_EXTENSION = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_RANGE = re.compile(r"[\[(].*[\])]")
_PURL_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_PARTS_WITH_EXTENSION = 4
_PARTS_WITH_CLASSIFIER = 5


@dataclass(frozen=True, slots=True, order=True)
class Coordinate:
    """One file of a release, named as Maven names it.

    Shape: the text form is `group:artifact:extension[:classifier]:version`.

    >>> str(parse_coordinate("org.example:widget:1.0"))
    'org.example:widget:jar:1.0'
    """

    group: str
    artifact: str
    version: str
    extension: str = "jar"
    classifier: str = ""

    def __str__(self) -> str:
        middle = f"{self.extension}:{self.classifier}" if self.classifier else self.extension
        return f"{self.group}:{self.artifact}:{middle}:{self.version}"

    @property
    def is_snapshot(self) -> bool:
        """Whether the version may change its bytes."""
        return self.version.endswith("-SNAPSHOT") or base_version(self.version) != self.version


METADATA_FILE = "maven-metadata.xml"


@dataclass(frozen=True, slots=True, order=True)
class Metadata:
    """A `maven-metadata.xml`: that of a group, of an artifact's versions, or of one snapshot version.

    Shape: parts not given are empty; the text form is `group/maven-metadata.xml`,
    `group:artifact/maven-metadata.xml` or `group:artifact:version/maven-metadata.xml`.
    """

    group: str
    artifact: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{':'.join(part for part in (self.group, self.artifact, self.version) if part)}/{METADATA_FILE}"

    @property
    def is_snapshot(self) -> bool:
        """Whether it tells of one snapshot's files."""
        return bool(self.version)

    @property
    def ruled_as(self) -> Coordinate:
        """The coordinate by which a policy's patterns rule it."""
        return Coordinate(self.group, self.artifact or "*", self.version or "*", "xml")


Subject: TypeAlias = Coordinate | Metadata
"""What can be asked of a repository."""


def make_metadata(group: str, artifact: str = "", version: str = "") -> Metadata:
    """Build a metadata's name from its parts, each checked.

    Raises: `CoordinateInvalid` naming the part.
    """
    make_coordinate(group, artifact or "any", version or "any")
    return Metadata(group, artifact, version)


def parse_subject(text: str) -> Subject:
    """Read a coordinate, or the text form of a metadata file.

    Raises: `CoordinateInvalid`.

    >>> parse_subject("org.example:widget/maven-metadata.xml")
    Metadata(group='org.example', artifact='widget', version='')
    """
    if text.endswith(f"/{METADATA_FILE}"):
        parts = text.removesuffix(f"/{METADATA_FILE}").split(":")
        metadata = make_metadata(*parts[:3])
        if str(metadata) != text:
            raise _invalid("metadata", text)
        return metadata
    return parse_coordinate(text)


_TIMESTAMP = re.compile(r"(?P<base>.+-)[0-9]{8}\.[0-9]{6}-[0-9]+")


def base_version(version: str) -> str:
    """Give the version that names the directory: a timestamped snapshot lies under its -SNAPSHOT.

    >>> base_version("1.0-20240101.010101-1")
    '1.0-SNAPSHOT'
    """
    match = _TIMESTAMP.fullmatch(version)
    return f"{match['base']}SNAPSHOT" if match else version


def parse_coordinate(text: str) -> Coordinate:
    """Read one coordinate, in Maven's notation or as a package URL.

    Shape: `group:artifact:version`, `group:artifact:extension:version`,
    `group:artifact:extension:classifier:version`, or
    `pkg:maven/group/artifact@version?classifier=…&type=…`.

    Raises: `CoordinateInvalid`.

    Source: https://maven.apache.org/pom.html#Maven_Coordinates; the purl specification, type maven.
    """
    return make_coordinate(*split_coordinate(text))


class Parts(NamedTuple):
    """The parts of a coordinate as they were written: nothing is known of them yet."""

    group: str
    artifact: str
    version: str
    extension: str = "jar"
    classifier: str = ""


def split_coordinate(text: str) -> Parts:
    """Take a coordinate or a package URL apart, without a look at the parts.

    Raises: `CoordinateInvalid` where it has no such parts.
    """
    if len(text) > MAX_COORDINATE_CHARACTERS:
        raise CoordinateInvalid(
            "the coordinate is too long",
            expected=Fact(f"at most {MAX_COORDINATE_CHARACTERS} characters"),
            received=Fact(f"{len(text)} characters"),
        )
    if text.startswith("pkg:"):
        return _split_purl(text)
    parts = text.split(":")
    match len(parts):
        case 3:
            return Parts(parts[0], parts[1], parts[2])
        case 4:
            return Parts(parts[0], parts[1], parts[3], parts[2])
        case 5:
            return Parts(parts[0], parts[1], parts[4], parts[2], parts[3])
    raise CoordinateInvalid(
        "this is not a coordinate",
        expected=Fact("3, 4 or 5 parts with colons between"),
        received=Fact(f"{len(parts)} in {text!r}"),
    )


def make_coordinate(
    group: str, artifact: str, version: str, extension: str = "jar", classifier: str = ""
) -> Coordinate:
    """Build a coordinate from its parts, each checked.

    Raises: `CoordinateInvalid` naming the part.
    """
    _check("group", group, _IDENTIFIER)
    if ".." in group or group.endswith("."):
        raise _invalid("group", group)
    _check("artifact", artifact, _IDENTIFIER)
    if _RANGE.fullmatch(version) or version in {"LATEST", "RELEASE"}:
        raise CoordinateInvalid(
            "the version is not exact",
            expected=Fact("one version"),
            received=Fact(version),
            hint="name one exact version",
        )
    _check("version", version, _VERSION)
    _check("extension", extension, _EXTENSION)
    if classifier:
        _check("classifier", classifier, _VERSION)
    if len(artifact) + len(version) + len(classifier) + len(extension) > MAX_FILE_NAME_CHARACTERS:
        raise CoordinateInvalid(
            "the file name would be too long",
            expected=Fact(f"at most {MAX_FILE_NAME_CHARACTERS} characters"),
            received=Fact(f"{artifact}-{version}…"),
        )
    return Coordinate(group, artifact, version, extension, classifier)


def _check(name: str, value: str, grammar: re.Pattern[str]) -> None:
    if len(value) > MAX_PART_CHARACTERS or not grammar.fullmatch(value):
        raise _invalid(name, value)


def _invalid(name: str, value: str) -> CoordinateInvalid:
    return CoordinateInvalid(
        f"the {name} cannot be used safely in a path" if value else f"the {name} is empty",
        expected=Fact("letters, digits, '.', '_' and '-'" if name in {"group", "artifact"} else "a plain word"),
        received=Fact(repr(value)),
    )


def _split_purl(text: str) -> Parts:
    # packageurl takes 17 ms to import: those who never write a package URL do not pay for it.
    from packageurl import PackageURL  # noqa: PLC0415  (see above)

    if _PURL_CONTROL.search(text):
        raise CoordinateInvalid("the package URL holds white space or control characters", received=Fact(repr(text)))
    try:
        purl = PackageURL.from_string(text)
    except ValueError as error:
        raise CoordinateInvalid("this is not a package URL", received=Fact(repr(text))) from error
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    if purl.type != "maven" or purl.subpath or not set(qualifiers) <= {"classifier", "type"}:
        raise CoordinateInvalid(
            "this package URL does not name a Maven file of a configured repository",
            expected=Fact("type maven with the qualifiers classifier and type alone"),
            received=Fact(repr(text)),
        )
    return Parts(
        purl.namespace or "",
        purl.name,
        purl.version or "",
        qualifiers.get("type", "jar"),
        qualifiers.get("classifier", ""),
    )


def to_purl(coordinate: Coordinate) -> str:
    """Write a coordinate as a package URL; `type=jar` is left out, being the default.

    >>> to_purl(parse_coordinate("org.example:widget:pom:1.0"))
    'pkg:maven/org.example/widget@1.0?type=pom'
    """
    qualifiers = [
        f"{name}={_quote(value)}"
        for name, value in (("classifier", coordinate.classifier), ("type", coordinate.extension))
        if value and (name, value) != ("type", "jar")
    ]
    tail = "?" + "&".join(qualifiers) if qualifiers else ""
    return f"pkg:maven/{coordinate.group}/{coordinate.artifact}@{_quote(coordinate.version)}{tail}"


def _quote(value: str) -> str:
    return "".join(c if c.isalnum() or c in ".-_~" else f"%{ord(c):02X}" for c in value)
