"""Makes foreign text safe to show: who reads a log obeys some of it instead of showing it.

A terminal obeys control characters.  A CI obeys lines: GitHub's runner and its kin take `::name::` at the start of a
line, and `##[name]` or `##vso[name]` anywhere in it, for commands, from whatever program prints them.
"""

import re

_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


def printable(text: str) -> str:
    r"""Escape what does not show, what turns the direction of reading, and what a CI takes for a command.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    >>> printable("::add-mask::a")
    '\\x3a:add-mask::a'
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    if "##" in text:
        text = _COMMAND.sub(r"\\x23#", text)
    body = text.lstrip()
    return f"{text[: len(text) - len(body)]}\\x3a{body[1:]}" if body.startswith("::") else text


def command_free(document: str) -> str:
    """Write JSON so that a CI finds no command in it; what it says stays the same."""
    return document.replace("##", "#\\u0023")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
