"""`verifier explain`: why a file was accepted or refused, from the record."""

from contextlib import suppress
from pathlib import Path
from textwrap import indent
from urllib.parse import urlsplit

import click

from verifier.cli.main import Options, format_option
from verifier.cli.opening import open_record
from verifier.coordinate import parse_coordinate
from verifier.errors import CoordinateInvalid
from verifier.proxy.paths import PathAbsent, PathInvalid, parse_target
from verifier.record import Judgement, Record
from verifier.report import json
from verifier.report.explanation import explain, explain_as_json
from verifier.report.reasons import entry

_MOST_SHOWN = 20


@click.command("explain", short_help="say why a file was accepted or refused")
@click.argument("query", metavar="COORDINATE|URL|FILE|RECORD-ID|CODE")
@click.option("--all", "every", is_flag=True, help="Every judgement on record, not the last alone.")
@format_option
@click.pass_obj
def command(options: Options, query: str, *, every: bool, form: str) -> int:
    """Tell why a file was accepted or refused: each step, expected and received.

    CODE is a reason code, such as signature-bad: what it means, who may be behind it,
    what to do and what never to do.

    Exit status: 0 found, 2 nothing on record.
    """
    about = _entry(query)
    if about is not None:
        click.echo(json.write({"code": query, "text": about}) if form == "json" else about)
        return 0
    record = open_record(options)
    record.start()
    try:
        judgements = _find(record, query)[: None if every else 1]
    finally:
        record.stop()
    if not judgements:
        raise click.UsageError(f"nothing on record for {query!r}; fetch or verify it first, with the same --cache")
    if form == "json":
        told = ",\n".join(explain_as_json(judgement) for judgement in judgements)
        click.echo("[\n" + indent(told, " ") + "\n]")
    else:
        click.echo("\n\n".join("\n".join(explain(judgement)) for judgement in judgements))
    return 0


def _entry(code: str) -> str | None:
    """Give what the shipped page says of a reason code."""
    text = entry(code)
    return None if text is None else f"{code}\n{text}"


def _find(record: Record, query: str) -> tuple[Judgement, ...]:
    """Look for the query as it stands, then as a coordinate, as a URL of the proxy and as a path."""
    found = record.find_judgements(query, _MOST_SHOWN)
    if not found and (name := _name(query)):
        found = record.find_judgements(name, _MOST_SHOWN)
    return found or record.find_judgements(str(Path(query).absolute()), _MOST_SHOWN)


def _name(query: str) -> str:
    """Give the name on record of what a coordinate, or a URL that a build tool asked the proxy for, stands for."""
    with suppress(CoordinateInvalid):
        return str(parse_coordinate(query))
    with suppress(PathInvalid, PathAbsent, ValueError):
        return str(parse_target(urlsplit(query).path).subject)
    return ""
