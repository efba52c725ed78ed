"""Makes foreign text safe to show: a terminal obeys control characters instead of showing them."""


def printable(text: str) -> str:
    r"""Escape what does not show: control characters, and those that turn the direction of reading.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
