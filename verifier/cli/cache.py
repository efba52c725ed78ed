"""`verifier cache`: what is cached; hash and judge it all again; make room."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import click

from verifier.cli.main import Options, format_option
from verifier.cli.opening import RECORD, cache_root, load_rules, open_verifier
from verifier.cli.showing import show
from verifier.errors import CoordinateInvalid
from verifier.fetch import Rules, Verifier
from verifier.outcome import Json
from verifier.policy_words import WordInvalid, parse_duration, parse_size
from verifier.record import AdmittedRow
from verifier.report import json
from verifier.report.escape import printable
from verifier.upkeep import prune, remove_strangers, scrub, uses

_MIB = 1024 * 1024


@click.group("cache", short_help="what is cached; hash and judge it all again; make room")
def command() -> None:
    """Look after the cache."""


@command.command("path")
@click.pass_obj
def path_command(options: Options) -> int:
    """Print the directory of verified files, one repository each."""
    click.echo(str(cache_root(options) / "repository"))
    return 0


@command.command("list")
@format_option
@click.pass_obj
def list_command(options: Options, form: str) -> int:
    """List the verified files, by repository and path."""
    with _opened(options)[1] as verifier:
        rows = [admitted.row for admitted in verifier.record.admissions()]
        seen = {use.row.place: use.seen for use in uses(verifier)}
        if form == "json":
            click.echo(json.write([_fields(verifier, row) for row in rows]))
        else:
            for row in rows:
                name, repository = printable(row.coordinate), printable(row.place.repository)
                click.echo(f"{row.size:>12}  {_day(seen[row.place])}  {name}  {repository}")
        for row in rows:
            if _path(verifier, row) is None:
                click.echo(
                    f"note: {printable(row.coordinate)} is recorded at {printable(row.place.path)}, where no file of"
                    " the cache can lie: verifier cache scrub",
                    err=True,
                )
    return 0


@command.command("stats")
@format_option
@click.pass_obj
def stats_command(options: Options, form: str) -> int:
    """Count the verified files and what they take."""
    with _opened(options)[1] as verifier:
        rows = [admitted.row for admitted in verifier.record.admissions()]
        repositories = sorted({row.place.repository for row in rows})
        figures: dict[str, Json] = {
            "path": str(cache_root(options)),
            "files": len(rows),
            "bytes": sum(row.size for row in rows),
            "repositories": {name: sum(row.place.repository == name for row in rows) for name in repositories},
            "record_bytes": (cache_root(options) / RECORD).stat().st_size,
        }
    if form == "json":
        click.echo(json.write(figures))
        return 0
    for name, value in figures.items():
        text = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else str(value)
        click.echo(f"{name.replace('_', ' '):<13} {printable(text)}")
    return 0


@command.command("scrub")
@format_option
@click.pass_obj
def scrub_command(options: Options, form: str) -> int:
    """Hash and judge every cached file again; take out what does not pass.

    Nothing is asked of the network. Files that were never admitted are taken out too.

    Exit status: 0 all verified, 1 something was taken out.
    """
    begun = time.monotonic()
    rules, verifier = _opened(options)
    with verifier:
        outcomes = sorted(scrub(verifier), key=lambda outcome: outcome.name)
        strangers = remove_strangers(verifier)
    for stranger in strangers:
        click.echo(f"removed {printable(stranger)}: it was never admitted", err=True)
    status = show(outcomes, rules, options, form=form, begun=begun, listing=False, extra={"strangers": len(strangers)})
    return 1 if strangers else status


@command.command("prune")
@click.option("--max-size", metavar="SIZE", help="Take out the longest unused until the rest fits, such as '5 GiB'.")
@click.option("--unused-for", metavar="DURATION", help="Take out what was not used for so long, such as '30 days'.")
@click.pass_obj
def prune_command(options: Options, max_size: str | None, unused_for: str | None) -> int:
    """Make room. A file counts as used when it was last fetched, to the day."""
    if max_size is None and unused_for is None:
        raise click.UsageError("say what may go: --max-size, --unused-for or both")
    try:
        size = None if max_size is None else parse_size(max_size)
        since = None if unused_for is None else int(time.time() - parse_duration(unused_for))
    except WordInvalid as error:
        raise click.UsageError(f"{error.problem}; {error.hint}") from error
    with _opened(options)[1] as verifier:
        removed = prune(verifier, max_bytes=size, unused_since=since)
    for row in removed:
        click.echo(f"removed {printable(row.coordinate)}  {printable(row.place.repository)}")
    freed = sum(row.size for row in removed) / _MIB
    click.echo(f"{len(removed)} files, {freed:.1f} MiB", err=True)
    return 0


def _opened(options: Options) -> tuple[Rules, Verifier]:
    rules = load_rules(options)
    return rules, open_verifier(replace(options, offline=True), rules, 1)


def _fields(verifier: Verifier, row: AdmittedRow) -> dict[str, Json]:
    return {
        "coordinate": row.coordinate,
        "repository": row.place.repository,
        "path": _path(verifier, row),
        "size": row.size,
        "sha256": row.sha256,
    }


def _path(verifier: Verifier, row: AdmittedRow) -> str | None:
    """Give the path of an admitted file; None where the record, which anybody may have changed, leads elsewhere."""
    try:
        return str(verifier.cache.path(row.place))
    except CoordinateInvalid:
        return None


def _day(seen: int) -> str:
    """Write a day of the record; one that no calendar has is told as such."""
    try:
        return f"{datetime.fromtimestamp(seen, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return "no date   "
