"""A judgement of the record told as a story: each step, both sides, where each comes from."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import click

from verifier.coordinate import parse_coordinate
from verifier.errors import CacheError, CoordinateInvalid
from verifier.exemption import may_exempt
from verifier.record import Judgement
from verifier.report.escape import printable
from verifier.report.json import write

_COLORS = {"verified": "green", "refused": "red", "unavailable": "yellow"}
_MARKS = {"passed": "ok  ", "refused": "NO  ", "noted": "note"}


def explain(judgement: Judgement) -> Iterator[str]:
    """Tell one judgement, line by line.

    Raises: `CacheError` where the stored document is not one of ours.
    """
    try:
        document = json.loads(judgement.row.document)
        yield from _head(judgement, document)
        yield from _steps(document)
        yield from _causes(document)
        yield from _way_to_exempt(document, [str(cause["code"]) for cause in document["causes"]])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise _unreadable(judgement) from error


def explain_plainly(judgement: Judgement) -> str:
    """Tell one judgement as text without colours.

    Raises: as `explain`.
    """
    return click.unstyle("\n".join(explain(judgement)))


def explain_as_json(judgement: Judgement) -> str:
    """Tell one judgement as a JSON object.

    Raises: as `explain`, of the same documents.
    """
    for _ in explain(judgement):
        pass
    try:
        fields = {"record": str(judgement.id), "seen": judgement.row.seen, **json.loads(judgement.row.document)}
        return write(fields)
    except RecursionError as error:
        raise _unreadable(judgement) from error


def _unreadable(judgement: Judgement) -> CacheError:
    return CacheError(f"record {judgement.id}", "the stored judgement cannot be read", hint="judge the file again")


def _head(judgement: Judgement, document: dict[str, dict[str, str | None]]) -> Iterator[str]:
    artifact = document["artifact"]
    status = str(artifact["status"])
    code = f" ({artifact['code']})" if artifact["code"] else ""
    head = printable(f"{status} {artifact['coordinate']}{code}")
    yield click.style(head, fg=_COLORS.get(status), bold=True)
    seen = datetime.fromtimestamp(judgement.row.seen, UTC)
    rows = {
        "record": f"{judgement.id}, last seen {seen:%Y-%m-%d %H:%M:%S} UTC",
        "policy": f"{document['policy']['file'] or 'built in'}, {document['policy']['digest']}",
        "repository": artifact["repository"],
        "from": artifact["url"],
        "file": artifact["file"],
        "size": None if artifact["size"] is None else f"{artifact['size']} bytes",
        "trusted by": artifact["trusted_by"],
    }
    for name, value in rows.items():
        if value:
            yield f"  {name:<11} {printable(str(value))}"


def _steps(document: dict[str, list[dict[str, str | dict[str, str] | None]]]) -> Iterator[str]:
    for number, step in enumerate(document["steps"], 1):
        mark = _MARKS.get(str(step["mark"]), "?   ")
        yield f"{number:>3}. {mark}  {printable(str(step['name']))}: {printable(str(step['text']))}"
        yield from _sides(step, "            ")


def _causes(document: dict[str, list[dict[str, str | dict[str, str] | None]]]) -> Iterator[str]:
    for cause in document["causes"]:
        yield printable(f"why: {cause['code']}: {cause['reason']}")
        yield from _sides(cause, "     ")
        if cause["hint"]:
            yield f"     hint: {printable(str(cause['hint']))}"
        yield printable(f"     about this code: verifier explain {cause['code']}")


def _way_to_exempt(document: dict[str, dict[str, str | None]], codes: Iterable[str]) -> Iterator[str]:
    """Name the run that prints the lines of an exemption, from bytes that it measures itself.

    They are not made out of the record: whoever can write the cache could have them pin bytes of his own.
    """
    artifact = document["artifact"]
    with suppress(CoordinateInvalid):
        coordinate = parse_coordinate(str(artifact["coordinate"]))
        if artifact["status"] == "refused" and artifact["repository"] and may_exempt(codes):
            yield f"to exempt it, after a review: verifier fetch --no-transitive {coordinate} prints the lines"


def _sides(holder: dict[str, str | dict[str, str] | None], indent: str) -> Iterator[str]:
    for label in ("expected", "received"):
        fact = holder[label]
        if isinstance(fact, dict):
            yield f"{indent}{label:<8} {printable(fact['value'])}"
            if fact["origin"]:
                yield f"{indent}         from {printable(fact['origin'])}"
