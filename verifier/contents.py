"""What the bytes say of themselves: whether they are what their name says, and whose they claim to be.

A signature binds neither group, artifact nor version, so the names that a POM or a JAR carries
inside are read here.  Takes an open file and no path, so that nothing here touches the disk by itself.
Whether a claim must agree, and what follows when it does not, `compare` says; the judge asks.
"""

import json
import re
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

from verifier.archive import Archive, ArchiveBroken
from verifier.coordinate import Coordinate, base_version
from verifier.errors import ContentMismatch, Fact, PomInvalid, SignatureReplayed
from verifier.layout import file_name
from verifier.maven.pom import Pom

MAX_POM_BYTES = 4 * 1024 * 1024
MAX_POM_DEPTH = 200
MAX_MODULE_BYTES = 4 * 1024 * 1024
MAX_PROPERTIES_BYTES = 64 * 1024

_HEAD_BYTES = 1024
_ZIP_EXTENSIONS = frozenset({"jar", "war", "ear", "aar", "zip", "rar", "nar", "hpi"})
_HTML_EXTENSIONS = frozenset({"html", "htm", "xhtml"})
# Atomic groups: a page of nothing but comments must not be tried in every possible split.
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>\s*+)?(?><!--.*?-->\s*+)*+<(?:!doctype\s+html|html)\b",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The coordinate that a file names inside; `where` is the document that names it.

    Shape: a part that the document leaves open is empty or holds `${`.
    """

    group: str
    artifact: str
    version: str
    where: str


def read_claims(file: BinaryIO, size: int, coordinate: Coordinate, origin: str) -> tuple[Claim, ...]:
    """Read which coordinate a file names inside, and refuse what is not what its name says.

    1. Nothing is empty, and nothing but a web page is HTML.
    2. A POM is a POM document; it names one coordinate.
    3. Gradle module metadata is a JSON object; it makes no claim.
    4. What is named as a ZIP has a ZIP's end; its `pom.properties` (else `pom.xml`) for the same
       group and artifact names a coordinate.  Those of other projects, as in shaded JARs, do not.

    Shape: `file` is seekable and `size` bytes long; `origin` is the URL or path, for messages.

    Raises: `ContentMismatch` for what is none of these; `PomInvalid` for XML that is too large,
    too deep, malformed or holds a document type declaration.
    """
    # 1.
    if size == 0:
        raise _mismatch("the file is empty", coordinate, "0 bytes", origin)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    extension = coordinate.extension.lower()
    if extension not in _HTML_EXTENSIONS and _HTML.match(head):
        raise _mismatch("the file is a web page", coordinate, "HTML", origin)
    # 2.
    if extension == "pom":
        claim = _pom_claim(_read_pom(file, size, origin), coordinate, file_name(coordinate), origin)
        return (claim,) if _says_enough(claim, coordinate) else ()
    # 3.
    if extension == "module":
        _check_module(file, size, coordinate, origin)
    # 4.
    if extension in _ZIP_EXTENSIONS:
        return _archive_claims(file, size, coordinate, origin)
    return ()


def pom_claims(pom: Pom, coordinate: Coordinate) -> tuple[Claim, ...]:
    """Give what `read_claims` gives for the document of a POM that has been read already."""
    parent_group, parent_version = (pom.parent.group, pom.parent.version) if pom.parent else ("", "")
    claim = Claim(
        group=(pom.group or "").strip() or parent_group.strip(),
        artifact=(pom.artifact or "").strip(),
        version=(pom.version or "").strip() or parent_version.strip(),
        where=file_name(coordinate),
    )
    return (claim,) if _says_enough(claim, coordinate) else ()


def compare(claims: tuple[Claim, ...], coordinate: Coordinate) -> None:
    """Refuse a file that names another coordinate inside than the one it is served as.

    A timestamped snapshot may name its base version, and the other way round.

    Raises: `ContentMismatch` where group or artifact differ; `SignatureReplayed` where they agree
    and the version does not, since the signature would verify under any name.
    """
    expected = Fact(f"{coordinate.group}:{coordinate.artifact}:{coordinate.version}")
    for claim in claims:
        received = Fact(f"{claim.group}:{claim.artifact}:{claim.version}", claim.where)
        if _is_other_project(claim, coordinate):
            raise ContentMismatch("the file names another project inside", expected=expected, received=received)
        if not _is_open(claim.version) and not _is_same_version(claim.version, coordinate.version):
            raise SignatureReplayed(
                "the file names another version of this artifact inside", expected=expected, received=received
            )


def _is_other_project(claim: Claim, coordinate: Coordinate) -> bool:
    pairs = ((claim.group, coordinate.group), (claim.artifact, coordinate.artifact))
    return any(claimed != served and not _is_open(claimed) for claimed, served in pairs)


def _is_same_version(claimed: str, served: str) -> bool:
    return claimed in {served, base_version(served)} or base_version(claimed) == served


def _is_open(part: str) -> bool:
    return not part or "${" in part


def _says_enough(claim: Claim, coordinate: Coordinate) -> bool:
    """Whether a claim is complete, or names another project by what it does say."""
    is_complete = not any(_is_open(part) for part in (claim.group, claim.artifact, claim.version))
    return is_complete or _is_other_project(claim, coordinate)


def _mismatch(reason: str, coordinate: Coordinate, received: str, origin: str) -> ContentMismatch:
    return ContentMismatch(reason, expected=Fact(f"a .{coordinate.extension} file"), received=Fact(received, origin))


# POM


def _read_pom(file: BinaryIO, size: int, origin: str) -> bytes:
    if size > MAX_POM_BYTES:
        raise PomInvalid(
            "the POM is too large",
            expected=Fact(f"at most {MAX_POM_BYTES} bytes"),
            received=Fact(f"{size} bytes", origin),
        )
    file.seek(0)
    return file.read(MAX_POM_BYTES)


def _pom_claim(document: bytes, coordinate: Coordinate, where: str, origin: str) -> Claim:
    values = _PomReader(coordinate, origin).read(document)
    return Claim(
        group=values.get("groupId") or values.get("parent/groupId", ""),
        artifact=values.get("artifactId", ""),
        version=values.get("version") or values.get("parent/version", ""),
        where=where,
    )


class _PomReader:
    """One pass of expat over a POM, which keeps the few values that name it.

    Expat works without namespaces, as Maven's own parser does: real POMs hold elements that are
    no qualified names.
    """

    _WANTED = frozenset({"groupId", "artifactId", "version", "parent/groupId", "parent/version"})

    def __init__(self, coordinate: Coordinate, origin: str) -> None:
        self._coordinate = coordinate
        self._origin = origin
        self._open: list[str] = []
        self._text: list[str] | None = None
        self._values: dict[str, str] = {}

    def read(self, document: bytes) -> dict[str, str]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        # Maven knows HTML's entities without a declaration.  Told of a foreign DTD (an empty one: the
        # handler below reads nothing), expat hands over the entities that it does not know.
        parser.UseForeignDTD(True)  # noqa: FBT003  (expat takes no name)
        parser.ExternalEntityRefHandler = lambda *_: 1
        parser.SkippedEntityHandler = self._entity
        try:
            parser.Parse(document, True)  # noqa: FBT003  (expat takes no name)
        except expat.ExpatError as error:
            raise self._invalid("the POM is not well-formed XML", str(error)) from error
        except (LookupError, ValueError) as error:
            raise self._invalid("the POM's encoding cannot be read", str(error)) from error
        return self._values

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        if not self._open and name != "project":
            raise _mismatch("the file is XML, but no POM", self._coordinate, f"<{name}>", self._origin)
        self._open.append(name)
        if len(self._open) > MAX_POM_DEPTH:
            raise self._invalid("the POM's elements are nested too deeply", f"more than {MAX_POM_DEPTH} levels")
        self._text = [] if "/".join(self._open[1:]) in self._WANTED else None

    def _end(self, name: str) -> None:
        del name
        if self._text is not None:
            path = "/".join(self._open[1:])
            if path in self._values:
                raise self._invalid("the POM names itself twice", f"two <{path}>")
            self._values[path] = "".join(self._text).strip()
        self._text = None
        self._open.pop()

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _entity(self, name: str, is_parameter: int) -> None:
        # The table takes milliseconds to load, and few POMs hold an entity.
        from html.entities import name2codepoint  # noqa: PLC0415  (see above)

        if is_parameter or name not in name2codepoint:
            raise self._invalid("the POM uses an entity that nothing declares", f"&{name};")
        self._characters(chr(name2codepoint[name]))

    def _doctype(self, name: str, *_: object) -> None:
        raise self._invalid("the POM holds a document type declaration", f"<!DOCTYPE {name}>")

    def _invalid(self, reason: str, received: str) -> PomInvalid:
        return PomInvalid(reason, expected=Fact("a POM"), received=Fact(received, self._origin))


# Gradle module metadata


def _check_module(file: BinaryIO, size: int, coordinate: Coordinate, origin: str) -> None:
    if size > MAX_MODULE_BYTES:
        raise _mismatch("the module metadata is too large to be read", coordinate, f"{size} bytes", origin)
    file.seek(0)
    try:
        document = json.loads(file.read(MAX_MODULE_BYTES))
    except (ValueError, RecursionError) as error:
        raise _mismatch("the file is no JSON", coordinate, str(error), origin) from error
    if not isinstance(document, dict):
        raise _mismatch("the file is JSON, but no object", coordinate, type(document).__name__, origin)


# ZIP


def _archive_claims(file: BinaryIO, size: int, coordinate: Coordinate, origin: str) -> tuple[Claim, ...]:
    directory = f"META-INF/maven/{coordinate.group}/{coordinate.artifact}"
    properties_name, pom_name = f"{directory}/pom.properties", f"{directory}/pom.xml"
    try:
        archive = Archive(file, size)
        properties = archive.read_all(properties_name, MAX_PROPERTIES_BYTES)
        poms = [] if properties else archive.read_all(pom_name, MAX_POM_BYTES)
    except ArchiveBroken as error:
        raise _mismatch("the file is no ZIP that can be read", coordinate, str(error), origin) from error
    claims = [_pom_claim(pom, coordinate, pom_name, f"{origin}!/{pom_name}") for pom in poms]
    claims += [_properties_claim(text, properties_name) for text in properties]
    return tuple(claim for claim in claims if _says_enough(claim, coordinate))


def _properties_claim(text: bytes, where: str) -> Claim:
    values = parse_properties(text)
    return Claim(values.get("groupId", ""), values.get("artifactId", ""), values.get("version", ""), where)


_PROPERTY = re.compile(r"[ \t\f]*(?P<key>(?:\\.|[^\\=: \t\f])+)[ \t\f]*[=:]?[ \t\f]*(?P<value>.*)")
_ESCAPE = re.compile(r"\\(?:u(?P<code>[0-9A-Fa-f]{4})|(?P<plain>.))")


def parse_properties(text: bytes) -> dict[str, str]:
    r"""Read a Java properties file of single lines, as Maven writes `pom.properties`.

    Shape: Latin-1 with `\uXXXX`; of a key given twice the last value counts, as in Java.  A value
    that goes on in a second line keeps its backslash, and so names no version that exists.

    Source: java.util.Properties.load.

    >>> parse_properties(b"#Generated by Maven\nversion=1.0\ngroupId : org.example\n")
    {'version': '1.0', 'groupId': 'org.example'}
    """
    values = {}
    for line in re.split(r"[\r\n]+", text.decode("latin-1")):
        match = _PROPERTY.fullmatch(line)
        if match and not match["key"].startswith(("#", "!")):
            values[_unescape(match["key"])] = _unescape(match["value"]).strip()
    return values


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match["code"], 16)) if match["code"] else match["plain"], text)
