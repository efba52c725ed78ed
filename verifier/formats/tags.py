"""XML of the neighbours, attributes included, read within bounds and without a document type declaration.

POMs and metadata are read by `maven.xml`, which takes what Maven's own parser takes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from verifier.errors import ConfigError

MAX_TAGS = 1_000_000
MAX_DEPTH = 64


@dataclass(slots=True)
class Tag:
    """One element: its name without a prefix, its attributes, its own text, its children in order."""

    name: str
    attributes: dict[str, str]
    children: list["Tag"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text without the blanks around it."""
        return "".join(self.texts).strip()

    def below(self, name: str) -> Iterator["Tag"]:
        """Give the children of that name."""
        return (child for child in self.children if child.name == name)


def parse_tags(text: str, file: str) -> Tag:
    """Read a document and give its root element.

    Raises: `ConfigError` with `file:line` for what is malformed, too deep, too long, or has a DOCTYPE.
    """
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    top = Tag("", {})
    open_tags = [top]
    count = 0

    def problem(what: str) -> ConfigError:
        return ConfigError(f"{file}:{parser.CurrentLineNumber}", what)

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_TAGS or len(open_tags) > MAX_DEPTH:
            raise problem("the document is too large or its elements are nested too deep")
        tag = Tag(name.rpartition(":")[2], attributes)
        open_tags[-1].children.append(tag)
        open_tags.append(tag)

    def end(_: str) -> None:
        open_tags.pop()

    def characters(data: str) -> None:
        open_tags[-1].texts.append(data)

    def doctype(*_: object) -> None:
        raise problem("the document has a DOCTYPE, which is not read")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003  (expat takes no name)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise problem(f"this is not XML: {error}") from error
    return top.children[0]


class _Found(Exception):
    """Carries the answer out of the parser."""


def root_name(document: bytes) -> str:
    """Give the name of the root element without a prefix; an empty one where there is none to be seen."""
    parser = expat.ParserCreate()

    def start(name: str, _: dict[str, str]) -> None:
        raise _Found(name.rpartition(":")[2])

    parser.StartElementHandler = start
    # A document type names the root as well; what it declares is never looked at.
    parser.StartDoctypeDeclHandler = lambda name, *_: start(name, {})
    try:
        parser.Parse(document, True)  # noqa: FBT003  (expat takes no name)
    except _Found as found:
        return str(found)
    except (expat.ExpatError, LookupError, ValueError):
        return ""
    return ""
