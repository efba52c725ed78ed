"""The difference between two lock files as text, Markdown and JSON, for whoever reviews it."""

from collections.abc import Iterator, Sequence

import click

from verifier.lock_difference import Change, Changed, Difference
from verifier.lockfile import Kind, Locked
from verifier.outcome import Json
from verifier.report.escape import printable
from verifier.report.markdown import code

_COLORS = {True: "red", False: "cyan"}


def text(difference: Difference) -> Iterator[str]:
    """Write a difference, the gravest first, one change a line and both sides of it below where they tell more."""
    if difference.is_empty:
        yield "nothing changed"
        return
    yield counts(difference)
    for kind, name, value in _what_for(difference):
        yield f"{kind}: {printable(name)}{value and f': {printable(value)}'}"
    for change in Change:
        found = difference.of(change)
        if found:
            yield ""
            yield click.style(f"{change.value} ({len(found)})", fg=_COLORS[change.is_grave], bold=change.is_grave)
        for one in found:
            yield f"  {_head(one)}"
            yield from (f"    {label}  {value}" for label, value in _sides(one))


def counts(difference: Difference) -> str:
    """Count the changes of each kind in one line."""
    found = [(change, len(difference.of(change))) for change in Change]
    shown = [f"{count} {change.value}" for change, count in found if count]
    shown += ["other context"] if difference.setting else []
    shown += ["other inputs"] if difference.inputs else []
    return ", ".join(shown) or "nothing changed"


def markdown(difference: Difference, old: str, new: str) -> Iterator[str]:
    """Write a difference for a comment on a pull request; what is grave stands open, the rest folded."""
    yield f"### `verifier.lock`: {code(old)} → {code(new)}"
    yield ""
    if difference.is_empty:
        yield "Nothing changed."
        return
    grave = any(one.change.is_grave for one in difference.changes)
    yield f"{'⚠️ **Trust changed.** ' if grave else ''}{counts(difference)}"
    for kind, name, value in _what_for(difference):
        yield f"- {kind}: {code(name)}{value and f' {code(value)}'}"
    for change in Change:
        found = difference.of(change)
        if found:
            yield ""
            yield from _table(change, found)


def _table(change: Change, found: Sequence[Changed]) -> Iterator[str]:
    title = f"{change.value} ({len(found)})"
    if change.is_grave:
        yield f"#### {title}"
    else:
        yield f"<details><summary>{title}</summary>"
    yield ""
    yield "| artifact | before | after |"
    yield "| --- | --- | --- |"
    for one in found:
        cells = (code(one.name), _cell(one, one.before), _cell(one, one.after))
        yield f"| {' | '.join(cells)} |"
    if not change.is_grave:
        yield ""
        yield "</details>"


def fields(difference: Difference) -> dict[str, Json]:
    """Give the difference for a JSON report."""
    return {
        "changes": [
            {
                "change": one.change.name.lower(),
                "grave": one.change.is_grave,
                "coordinate": one.name,
                "before": _line_fields(one.before),
                "after": _line_fields(one.after),
            }
            for one in difference.changes
        ],
        "counts": {change.name.lower(): len(difference.of(change)) for change in Change},
        "context": {name: [before, after] for name, before, after in difference.setting},
        "inputs": {kind: [name for word, name in difference.inputs if word == kind] for kind in ("added", "removed")},
    }


def _line_fields(one: Locked | None) -> dict[str, Json] | None:
    if one is None:
        return None
    grounds: dict[str, Json] = {"kind": one.grounds.kind.value, "detail": one.grounds.detail or None}
    return {"coordinate": one.name, "sha256": one.sha256, "grounds": grounds, "where": one.where}


def _what_for(difference: Difference) -> Iterator[tuple[str, str, str]]:
    for kind, name in difference.inputs:
        yield f"input {kind}", name, ""
    for name, before, after in difference.setting:
        yield "context", name, f"{before or 'not said'} -> {after or 'not said'}"


def _head(one: Changed) -> str:
    if one.before is None or one.after is None or one.before.name == one.after.name:
        return printable(one.name)
    return f"{printable(one.before.name)} -> {_version(one.after)}"


def _sides(one: Changed) -> Iterator[tuple[str, str]]:
    """Give both sides of what a reviewer has to compare; of a plain upgrade or removal the first line says it all."""
    if one.change.is_grave or one.change in {Change.ADDED, Change.SIGNED}:
        for label, side in (("before", one.before), ("now   ", one.after)):
            if side is not None:
                yield label, f"sha256:{side.sha256}" if one.change is Change.BYTES else _by(side)


def _by(one: Locked) -> str:
    return {
        Kind.KEY: f"signed by {one.grounds.detail}",
        Kind.EXEMPT: f"exempt from {one.grounds.detail}",
        Kind.WITNESSED: "digest witnessed by independent projects",
        Kind.UNSIGNED: "no signature asked for",
    }[one.grounds.kind]


def _version(one: Locked) -> str:
    return printable(getattr(one.subject, "version", ""))


def _cell(one: Changed, side: Locked | None) -> str:
    if side is None:
        return "none"
    if one.change in {Change.BYTES, Change.METADATA}:
        return code(f"sha256:{side.sha256}")
    version = "" if one.before is None or one.after is None or one.before.name == one.after.name else _version(side)
    return f"{code(version) + ' ' if version else ''}{_by(side)}"
