"""Reads typed values out of a TOML text; whatever is wrong is a `ConfigError` with `file:line`.

Knows TOML's types and nothing of what the keys mean.
"""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, time
from typing import TypeVar

from verifier.errors import ConfigError
from verifier.toml_lines import Path, TomlLines

MAX_SHOWN_CHARACTERS = 80
MAX_DOTS_IN_A_KEY = 64

_DOTTED = re.compile(r"""(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+(?:\.[ \t]*+)?+)++""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_ERROR_LINE = re.compile(r"\(at line (\d+), column \d+\)$|\(at end of document\)$")

T = TypeVar("T")


def parse_toml(text: str, file: str) -> "Table":
    """Read a whole TOML text.

    Raises: `ConfigError`; also for what would keep the reader busy, such as deep nesting.

    Source: https://toml.io/en/v1.0.0.
    """
    # tomllib takes time that grows with the square of a dotted key's length.
    for run in _DOTTED.finditer(text):
        if _QUOTED.sub("", run[0]).count(".") > MAX_DOTS_IN_A_KEY:
            line = text.count("\n", 0, run.start()) + 1
            raise ConfigError(f"{file}:{line}", f"more than {MAX_DOTS_IN_A_KEY} names with dots between")
    try:
        values: dict[str, object] = tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(file, "the brackets are nested too deep") from error
    except ValueError as error:
        # Not all of them are TOMLDecodeError: a number of more than 4,300 digits is not.
        found = _ERROR_LINE.search(str(error))
        line = 1 if found is None else int(found[1] or text.count("\n") + 1)
        problem = _ERROR_LINE.sub("", str(error)).strip()
        raise ConfigError(f"{file}:{line}", f"this is not TOML: {problem}", hint="see https://toml.io") from error
    return Table(values, file, TomlLines(text), ())


def shown(value: object) -> str:
    """Write a foreign value so that it can be shown: escaped, and cut where it is long."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "an array"
    text = str(value) if isinstance(value, date | time) else repr(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


class Table:
    """One table of a TOML text, which knows where it stands.

    Every reader gives None where the key is absent, and raises `ConfigError` where the value is of
    another type.
    """

    __slots__ = ("_file", "_lines", "_path", "_values")

    def __init__(self, values: Mapping[str, object], file: str, lines: TomlLines, path: Path) -> None:
        self._values = values
        self._file = file
        self._lines = lines
        self._path = path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def name(self) -> str:
        """What stands in its header, brackets included."""
        names = ".".join(part for part in self._path if isinstance(part, str))
        return f"[[{names}]]" if self._path and isinstance(self._path[-1], int) else f"[{names}]"

    def where(self, *path: str | int) -> str:
        """Give `file:line` of a key, or of the table."""
        return f"{self._file}:{self._lines.line((*self._path, *path))}"

    def error(self, key: str, problem: str, hint: str = "") -> ConfigError:
        """Make the error for a key."""
        return ConfigError(self.where(key), problem, hint=hint)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Refuse keys that mean nothing here.

        Raises: `ConfigError` naming the nearest one that does.
        """
        for key in self._values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = (f"did you mean '{near[0]}'? " if near else "") + f"known here: {', '.join(known)}"
                place = f"in {self.name}" if self._path else "at the top"
                raise self.error(key, f"unknown key {shown(key)} {place}", hint)

    def required(self, key: str, value: T | None) -> T:
        """Insist on a value that was read.

        Raises: `ConfigError` where it is None.
        """
        if value is None:
            raise ConfigError(self.where(), f"{self.name} has no '{key}'", hint=f"add {key} = …")
        return value

    def text(self, key: str) -> str | None:
        """Read a string that is not blank."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._mistyped(key, "a string", value)
        if not value.strip():
            raise self.error(key, f"'{key}' is empty", "name a value or leave the key out")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Read an array of strings, with at least one and none twice."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._mistyped(key, "an array of strings", value)
        if not value:
            raise self.error(key, f"'{key}' is empty", "name at least one or leave the key out")
        for name, count in Counter(value).items():
            if count > 1:
                raise self.error(key, f"'{key}' names {shown(name)} more than once")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self._mistyped(key, "true or false", value)
        return value

    def number(self, key: str) -> int | None:
        """Read an integer; None for a value of any other type, so that a key may be text as well."""
        value = self._values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def is_false(self, key: str) -> bool:
        """Whether the value is a plain `false`."""
        return self._values.get(key) is False

    def is_empty_array(self, key: str) -> bool:
        """Whether the value is a plain `[]`, where that means none and not a mistake."""
        return self._values.get(key) == []

    def is_blank(self, key: str) -> bool:
        """Whether the value is a string with nothing in it."""
        value = self._values.get(key)
        return isinstance(value, str) and not value.strip()

    def day(self, key: str) -> date | None:
        """Read a date without a time."""
        value = self._values.get(key)
        # A TOML date with a time is a datetime, which is a date for isinstance.
        if value is not None and type(value) is not date:
            hint = f"write {key} = 2027-06-01, without quotes and without a time"
            raise self._mistyped(key, "a date", value, hint)
        return value

    def table(self, key: str) -> "Table | None":
        """Read a table."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._mistyped(key, "one table", value, f"write [{key}]")
        return Table(value, self._file, self._lines, (*self._path, key))

    def tables(self, key: str) -> "tuple[Table, ...]":
        """Read an array of tables; none where the key is absent."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._mistyped(key, "an array of tables", value, f"write [[{key}]]")
        return tuple(Table(one, self._file, self._lines, (*self._path, key, at)) for at, one in enumerate(value))

    def strings(self, key: str) -> dict[str, str]:
        """Read a table of strings; names with dots may be written bare.  None of it where the key is absent."""
        waiting: list[tuple[str, object]] = [("", self._values.get(key, {}))]
        found = {}
        while waiting:
            name, value = waiting.pop()
            if isinstance(value, dict):
                waiting += [(f"{name}.{below}" if name else below, each) for below, each in value.items()]
            elif name and isinstance(value, str):
                found[name] = value
            else:
                raise self._mistyped(key, "a table of strings", value, f'write {key} = {{ name = "value" }}')
        return found

    def every_text(self) -> Iterator[tuple[str, str]]:
        """Give every key and every string within, each after its `file:line`."""
        waiting: list[tuple[Path, object]] = [((), self._values)]
        while waiting:
            path, value = waiting.pop()
            if isinstance(value, str):
                yield self.where(*path), value
            elif isinstance(value, dict):
                waiting += [((*path, key), key) for key in value]
                waiting += [((*path, key), below) for key, below in value.items()]
            elif isinstance(value, list):
                waiting += [((*path, at), below) for at, below in enumerate(value)]

    def _mistyped(self, key: str, expected: str, value: object, hint: str = "") -> ConfigError:
        return self.error(key, f"'{key}' is {expected}, not {shown(value)}", hint)
