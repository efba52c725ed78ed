"""Adds trust entries to the text of a policy file; every line that is there stays as it is.

Text in, text out.  tomlkit writes the entries and tells where those that are there end; what came
of it is compared with what was meant, since a policy that says something else is worse than none.
"""

import tomllib
from collections.abc import Sequence

import tomlkit
from tomlkit.exceptions import TOMLKitError

from verifier.errors import ConfigError
from verifier.trust import TrustEntry

_MARK = "__insert_here__"


def with_entries(text: str, file: str, entries: Sequence[TrustEntry]) -> str:
    """Add `[[trust]]` entries: below those that are there, else at the end.

    A comment that stands right above what follows stays there.

    Raises: `ConfigError` where `trust` is written in a way that nothing can be added to.
    """
    added = render(entries)
    for position in (_behind_the_last(text), len(text)):
        if position is not None and _says(changed := _insert(text, position, added), text, entries):
            return changed
    hint = f"write 'trust' as [[trust]] tables, or add these lines yourself:\n{added}"
    raise ConfigError(file, "the trust entries there cannot be added to", hint=hint)


def render(entries: Sequence[TrustEntry]) -> str:
    """Write entries as they stand in a policy file, a blank line between."""
    return "\n".join(map(_render, entries))


def _render(entry: TrustEntry) -> str:
    table, tables, document = tomlkit.table(), tomlkit.aot(), tomlkit.document()
    for name, value in _fields(entry).items():
        table.add(name, value)
    tables.append(table)
    document.append("trust", tables)
    return tomlkit.dumps(document).strip("\n") + "\n"


def _fields(entry: TrustEntry) -> dict[str, object]:
    fields: dict[str, object] = {"match": entry.pattern.text, "keys": list(entry.keys)}
    if entry.exact:
        fields["exact"] = True
    if entry.legacy_before is not None:
        fields["legacy-before"] = entry.legacy_before
    if entry.expires is not None:
        fields["expires"] = entry.expires
    fields |= {name: value for name, value in (("origin", entry.origin), ("reason", entry.reason)) if value}
    return fields


def _behind_the_last(text: str) -> int | None:
    """Find where the last trust entry ends; None where tomlkit cannot tell.

    A table with a name that stands nowhere else is added where tomlkit would, and looked up in the text.
    """
    try:
        document = tomlkit.parse(text)
        tables = document.get("trust")
        if tomlkit.dumps(document) != text or not isinstance(tables, tomlkit.items.AoT) or _MARK in text:
            return None
        marker = tomlkit.table()
        marker.add(_MARK, 1)
        tables.append(marker)
        marked = tomlkit.dumps(document)
    except TOMLKitError:
        return None
    position = marked.rindex("[[trust]]", 0, marked.index(_MARK))
    is_inside = position < len(text.rstrip()) and text.startswith(marked[:position])
    return _above_comment(text, position) if is_inside else len(text)


def _above_comment(text: str, position: int) -> int:
    """Step back over a comment that belongs to what follows, and over blank lines before it."""
    lines = text[:position].splitlines(keepends=True)
    while lines and lines[-1].lstrip().startswith("#"):
        lines.pop()
    while lines and not lines[-1].strip():
        lines.pop()
    return len("".join(lines))


def _insert(text: str, position: int, added: str) -> str:
    before, after = text[:position], text[position:]
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    return before + gap + added + after


def _says(changed: str, text: str, entries: Sequence[TrustEntry]) -> bool:
    """Whether the changed text says all that it said, and the new entries after that."""
    try:
        values, before = tomllib.loads(changed), tomllib.loads(text)
    except ValueError:
        return False
    return values == before | {"trust": [*before.get("trust", []), *map(_fields, entries)]}
