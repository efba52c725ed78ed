"""XML as Maven's own parser takes it: a tree of elements, read within bounds.

Namespaces mean nothing and attributes are ignored; HTML's entities are known without a declaration, and a
document type declaration is refused.  Which elements mean what, the readers of POMs and metadata say.
"""

from collections.abc import Callable
from typing import NamedTuple
from xml.parsers import expat

from verifier.errors import Fact, Refusal

MAX_XML_BYTES = 4 * 1024 * 1024
MAX_XML_DEPTH = 200
MAX_XML_ELEMENTS = 200_000

# What Java's String.trim() takes off.
_BLANK = "".join(map(chr, range(0x21)))


class Element(NamedTuple):
    """One element: its name as written, its own text without the blanks around it, its children in order.

    A tuple, since a graph's POMs hold hundreds of thousands of them.
    """

    name: str
    text: str
    children: tuple["Element", ...] = ()

    def first(self, name: str) -> "Element | None":
        """Give the first child of that name."""
        for child in self.children:
            if child.name == name:
                return child
        return None


def read_xml(document: bytes, origin: str, error: Callable[[str, Fact, Fact], Refusal]) -> Element:
    """Read a document and give its root element.

    Shape: `origin` names the document in messages; `error` makes the refusal from a sentence and both sides.

    Raises: what `error` makes, for what is too large, too deep, malformed, in an unknown encoding or holds a
    document type declaration.

    Source: plexus-utils 3.4, MXParser; https://www.w3.org/TR/xml/.
    """
    if len(document) > MAX_XML_BYTES:
        raise error(
            "the document is too large",
            Fact(f"at most {MAX_XML_BYTES} bytes"),
            Fact(f"{len(document)} bytes", origin),
        )
    return _Reader(origin, error).read(document)


class _Reader:
    """One pass of expat over one document."""

    def __init__(self, origin: str, error: Callable[[str, Fact, Fact], Refusal]) -> None:
        self._origin = origin
        self._error = error
        # The names, texts and children of the elements that have begun and not ended; the document comes first.
        self._names = [""]
        self._texts: list[list[str]] = [[]]
        self._children: list[list[Element]] = [[]]
        self._count = 0

    def read(self, document: bytes) -> Element:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        # Told of a foreign DTD (an empty one: the handler below reads nothing), expat hands over the
        # entities that it does not know, in place of calling the document malformed.
        parser.UseForeignDTD(True)  # noqa: FBT003  (expat takes no name)
        parser.ExternalEntityRefHandler = lambda *_: 1
        parser.SkippedEntityHandler = self._entity
        try:
            parser.Parse(document, True)  # noqa: FBT003  (expat takes no name)
        except expat.ExpatError as error:
            raise self._refusal("the document is not well-formed XML", str(error)) from error
        except (LookupError, ValueError) as error:
            raise self._refusal("the document's encoding cannot be read", str(error)) from error
        return self._children[0][0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        self._count += 1
        if self._count > MAX_XML_ELEMENTS:
            raise self._refusal("the document has too many elements", f"more than {MAX_XML_ELEMENTS}")
        if len(self._names) > MAX_XML_DEPTH:
            raise self._refusal("the document's elements are nested too deeply", f"more than {MAX_XML_DEPTH} levels")
        self._names.append(name)
        self._texts.append([])
        self._children.append([])

    def _end(self, name: str) -> None:
        self._names.pop()
        text = "".join(self._texts.pop()).strip(_BLANK)
        element = Element(name, text, tuple(self._children.pop()))
        self._children[-1].append(element)

    def _characters(self, text: str) -> None:
        self._texts[-1].append(text)

    def _entity(self, name: str, is_parameter: int) -> None:
        # The table takes milliseconds to load, and few documents hold an entity.
        from html.entities import name2codepoint  # noqa: PLC0415  (see above)

        if is_parameter or name not in name2codepoint:
            raise self._refusal("the document uses an entity that nothing declares", f"&{name};")
        self._characters(chr(name2codepoint[name]))

    def _doctype(self, name: str, *_: object) -> None:
        raise self._refusal("the document holds a document type declaration", f"<!DOCTYPE {name}>")

    def _refusal(self, reason: str, received: str) -> Refusal:
        return self._error(reason, Fact("XML as Maven reads it"), Fact(received, self._origin))
