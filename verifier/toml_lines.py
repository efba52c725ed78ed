"""Finds the line on which each table and key of a TOML text stands, which tomllib does not tell.

Reads nothing but positions: that the text is TOML, and what it says, is left to tomllib.  Keys
inside inline tables, and quoted keys with escapes, go by the line of the table around them.
"""

import re

Path = tuple[str | int, ...]
"""Leads to a value: keys, and the number of a table in an array of tables, from 0."""

# No group here repeats possessively: early releases of Python 3.11 lose their place in one.
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART = re.compile(r"""[ \t]*+(?:"(?P<basic>[^"\n]*+)"|'(?P<literal>[^'\n]*+)'|(?P<bare>[A-Za-z0-9_-]++))[ \t]*+\.?""")
_REST_OF_LINE = re.compile(r"[^\n]*+")
_VALUE = re.compile(
    r'''
      """(?:[^"\\]|\\.|"(?!""))*"{3,5}      # strings, which may hold any of the rest
    | \'\'\'(?:[^']|'(?!''))*'{3,5}
    | "(?:[^"\\\n]|\\.)*"
    | '[^'\n]*+'
    | \#[^\n]*+
    | (?P<open>[\[{])
    | (?P<close>[\]}])
    | (?P<end>\n)
    | [^"'\#\[\]{}\n]++
    | .                                     # half a string: no TOML, and tomllib says so
    ''',
    re.VERBOSE | re.DOTALL,
)


class TomlLines:
    """The lines of one text."""

    __slots__ = ("_counts", "_lines")

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._scan(text)

    def line(self, path: Path) -> int:
        """Give the line of the value, or of the nearest table around it that has one; from 1."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _scan(self, text: str) -> None:
        table: Path = ()
        line, counted, position = 1, 0, 0
        while (position := _end(_BLANK, text, position)) < len(text):
            line += text.count("\n", counted, position)
            counted = position
            brackets = 2 if text.startswith("[[", position) else 1 if text[position] == "[" else 0
            parts, position = _parts(text, position + brackets)
            if brackets:
                table = self._enter(parts, line, in_array=brackets == len("[["))
                position = _end(_REST_OF_LINE, text, position)
            else:
                self._lines.setdefault((*table, *parts), line)
                position = _skip_value(text, position)

    def _enter(self, parts: list[str], line: int, *, in_array: bool) -> Path:
        path: Path = ()
        for part in parts[:-1]:
            path = self._latest((*path, part))
        path = (*path, *parts[-1:])
        if in_array:
            self._lines.setdefault(path, line)
            self._counts[path] = self._counts.get(path, 0) + 1
            path = self._latest(path)
        self._lines.setdefault(path, line)
        return path

    def _latest(self, path: Path) -> Path:
        """Lead on into the newest table, where the path is an array of them."""
        return (*path, self._counts[path] - 1) if path in self._counts else path


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _parts(text: str, position: int) -> tuple[list[str], int]:
    parts = []
    while match := _PART.match(text, position):
        parts.append(match[match.lastgroup or "bare"])
        position = match.end()
    return parts, position


def _skip_value(text: str, position: int) -> int:
    depth = 0
    while position < len(text):
        match = _VALUE.match(text, position)
        if match is None or (match.lastgroup == "end" and depth <= 0):
            return position + 1
        depth += {"open": 1, "close": -1}.get(match.lastgroup or "", 0)
        position = match.end()
    return position
