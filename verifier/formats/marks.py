"""On which line of a user's file each artifact is named.

For reports, after the file was read by who knows its format: what cannot be read here has no line, and never an
error.  Formats that a tool writes by itself (a BOM, a `maven_install.json`) have no lines that a person would look at.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from xml.parsers import expat

from verifier.formats.entry import MAX_ENTRIES, Misnamed
from verifier.formats.lines import read_entry
from verifier.maven.xml import MAX_XML_DEPTH

MAX_MODULES = 2_000
PLUGIN_GROUP = "org.apache.maven.plugins"

_HOLDERS = frozenset({"dependency", "plugin", "parent", "extension"})


@dataclass(frozen=True, slots=True)
class Marks:
    """The lines of one file.

    Shape: `lines` by `group:artifact:version`, by `group:artifact`, and by a text that is no coordinate, as it is
    written; the first line of each counts.  `modules` are the paths that a `pom.xml` names, as it writes them.
    """

    lines: dict[str, int] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)

    def add(self, group: str, artifact: str, version: str, line: int) -> None:
        """Note a line that names a module, unless an earlier one does."""
        for name in (f"{group}:{artifact}:{version}", f"{group}:{artifact}"):
            self.lines.setdefault(name, line)


def mark_lines(text: str) -> Marks:
    r"""Find the entries of plain lines.

    >>> mark_lines("# ours\norg.example:widget:1.0").lines["org.example:widget"]
    2
    """
    marks = Marks()
    for number, line in _bounded_lines(text):
        entry = read_entry(line.partition("#")[0].strip())
        if isinstance(entry, Misnamed):
            marks.lines.setdefault(entry.text, number)
        else:
            marks.add(entry.group, entry.artifact, entry.version, number)
    return marks


def mark_gradle_lock(text: str) -> Marks:
    r"""Find the modules of a `gradle.lockfile`.

    >>> mark_gradle_lock("# Gradle's\norg.example:widget:1.0=runtimeClasspath").lines["org.example:widget:1.0"]
    2
    """
    marks = Marks()
    for number, line in _bounded_lines(text):
        group, _, rest = line.partition("=")[0].partition(":")
        artifact, colon, version = rest.partition(":")
        if colon:
            marks.add(group, artifact, version, number)
    return marks


def _bounded_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines()[:MAX_ENTRIES], 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def mark_pom(document: bytes) -> Marks:
    r"""Find the dependencies, plugins, extensions and the parent of a `pom.xml`, and its modules.

    What has its version elsewhere is found by its name alone, so a version that is managed leads to who manages it.

    >>> pom = b"<project>\n<dependency><groupId>org.example</groupId><artifactId>widget</artifactId></dependency></project>"
    >>> mark_pom(pom).lines["org.example:widget"]
    2
    """  # noqa: E501  (a document on one line)
    reader = _PomReader()
    with suppress(expat.ExpatError, LookupError, ValueError, _Stop):
        reader.parser.Parse(document, True)  # noqa: FBT003  (expat takes no name)
    marks = Marks(modules=reader.modules)
    for found in reader.found:
        marks.add(*found)
    return marks


class _Stop(Exception):
    """Ends the reading of what was refused before."""


class _PomReader:
    """One pass of expat over a POM."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.found: list[tuple[str, str, str, int]] = []
        self.modules: list[str] = []
        self._open: list[str] = []
        self._holders: list[tuple[int, int, dict[str, str]]] = []
        self._text: list[str] = []

    def _start(self, name: str, _: dict[str, str]) -> None:
        if len(self._open) >= MAX_XML_DEPTH:
            raise _Stop
        self._open.append(name)
        self._text.clear()
        if name in _HOLDERS:
            self._holders.append((len(self._open), self.parser.CurrentLineNumber, {}))

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _doctype(self, *_: object) -> None:
        raise _Stop

    def _end(self, name: str) -> None:
        depth, text = len(self._open), "".join(self._text).strip()
        self._open.pop()
        self._text.clear()
        if name == "module" and len(self.modules) < MAX_MODULES:
            self.modules.append(text)
        if self._holders and depth == self._holders[-1][0]:
            _, line, parts = self._holders.pop()
            self._take(parts.get("groupId", PLUGIN_GROUP if name == "plugin" else ""), parts, line)
        elif self._holders and depth == self._holders[-1][0] + 1:
            self._holders[-1][2][name] = text

    def _take(self, group: str, parts: dict[str, str], line: int) -> None:
        artifact = parts.get("artifactId", "")
        if group and artifact and len(self.found) < MAX_ENTRIES:
            self.found.append((group, artifact, parts.get("version", ""), line))
