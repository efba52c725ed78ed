"""`verifier trust`: which keys may sign which groups: list, suggest, add."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial

import click

from verifier import __version__
from verifier.cli.main import Options, format_option
from verifier.cli.opening import load_rules, open_keyring, open_record, open_verifier
from verifier.cli.trusting import Addition, Bar, add_suggested, add_wanted, entry_of, sources_of, target_of
from verifier.coordinate import Coordinate, parse_coordinate
from verifier.errors import CoordinateInvalid
from verifier.fetch import Rules, Verifier
from verifier.judged import Judged, read_judged
from verifier.keyring import Keyring
from verifier.openpgp.certificate import index_certificates, strip, user_ids
from verifier.outcome import Json, Outcome, Status
from verifier.pattern import Pattern, PatternInvalid, Reach, parse_pattern
from verifier.policy_edit import render
from verifier.policy_words import WordInvalid, parse_fingerprint
from verifier.record import Judgement, Record
from verifier.report import json, text
from verifier.report import trust as report
from verifier.report.escape import printable
from verifier.suggestion import GroupCase, SignerCase, cases
from verifier.trust import TrustEntry

SCHEMA = 1
MAX_JUDGEMENTS = 10_000
"""How many judgements are read at once, the latest first."""
JOBS = 16
_WIDTH = 80

_DAY = click.DateTime(["%Y-%m-%d"])


def _day(_context: click.Context, _parameter: click.Parameter, value: datetime | None) -> date | None:
    return None if value is None else value.date()


@click.group("trust", short_help="which keys may sign which groups: list, suggest, add")
def command() -> None:
    """Look after trust: which keys may sign which groups."""


@command.command("list")
@click.argument("what", required=False, metavar="[GROUP|COORDINATE]")
@click.option("--own", is_flag=True, help="The policy's own entries alone, without the starter map's.")
@format_option
@click.pass_obj
def list_command(options: Options, what: str | None, *, own: bool, form: str) -> int:
    """List who may sign what, and where that comes from.

    With a group, what counts for it; with group.*, also for what is below; with a
    coordinate, what counts for that file.
    """
    rules = load_rules(options)
    wanted = _filter(what)
    entries = [entry for entry in _entries(rules, own=own) if wanted(entry.pattern)]
    if form == "json":
        click.echo(json.write([report.entry_fields(entry) for entry in entries]))
        return 0
    for entry in entries:
        click.echo("\n".join(report.entry_lines(entry)))
    if options.verbosity >= 0:
        click.echo(f"{len(entries)} entries" if len(entries) != 1 else "1 entry", err=True)
    return 0


def _entries(rules: Rules, *, own: bool) -> Iterator[TrustEntry]:
    yield from rules.policy.trust
    if rules.starter is not None and not own:
        yield from rules.starter.entries()


def _filter(what: str | None) -> Callable[[Pattern], bool]:
    if what is None:
        return lambda _: True
    try:
        pattern = parse_pattern(what)
    except PatternInvalid as problem:
        try:
            coordinate = parse_coordinate(what)
        except CoordinateInvalid:
            raise click.UsageError(f"{problem.problem}; {problem.hint}") from problem
        return lambda entry: entry.matches(coordinate)
    if pattern.version:
        exact = Coordinate(pattern.group, pattern.artifact, pattern.version)
        return lambda entry: entry.matches(exact)
    return lambda entry: (
        (entry.covers_group(pattern.group) or (pattern.reach is Reach.BELOW and pattern.covers_group(entry.group)))
        and (not pattern.artifact or entry.artifact in {"", pattern.artifact})
    )


@command.command("suggest")
@click.argument("coordinates", nargs=-1, metavar="[COORDINATE]...")
@click.option("--refused", is_flag=True, help="Everything whose newest judgement is a refusal of its signer.")
@format_option
@click.pass_obj
def suggest_command(options: Options, coordinates: tuple[str, ...], *, refused: bool, form: str) -> int:
    """Show what is known of signers that are not trusted yet; decide nothing.

    For each signer: what waits for it, who else states it, since when the group uses it,
    what its key says of itself, and which other signers the group has. Then what would be
    written and the command for it, but never where it may be an attack. A coordinate that
    is not on record is fetched and judged first. What is on record is that of this --cache.

    Exit status: 0 shown, 2 wrong usage, 3 a file could not be had.
    """
    if bool(coordinates) == refused:
        raise click.UsageError("name coordinates, or ask for all refusals on record with --refused")
    named = [_coordinate(text) for text in coordinates]
    rules = load_rules(options)
    with open_verifier(options, rules, JOBS) as verifier:
        outcomes = _judge_what_is_new(verifier, named)
        waiting = list(_waiting(verifier.record, named))
        judged = list(_with_their_groups(verifier.record, waiting))
    keyring = open_keyring(options, rules.policy)
    today = datetime.now(UTC)
    found = _concerned(cases(judged, sources_of(rules, keyring, today.date())), waiting)
    shown = _Showing(options, rules, today)
    if form == "json":
        click.echo(json.write(shown.document(found, keyring)))
    else:
        for case in found:
            click.echo("\n".join(shown.lines(case, keyring)) + "\n")
    for coordinate in named:
        if coordinate not in {one.coordinate for one in waiting}:
            click.echo(f"{coordinate} does not wait for trust in a signer: verifier explain {coordinate}", err=True)
    if not found and not named:
        click.echo("no refusal on record waits for trust in a signer", err=True)
    missing = [one for one in outcomes if one.status is Status.UNAVAILABLE]
    for outcome in missing:
        click.echo("\n".join(text.problem(outcome)), err=True)
    return 3 if missing else 0


def _coordinate(given: str) -> Coordinate:
    try:
        return parse_coordinate(given)
    except CoordinateInvalid as cause:
        raise click.UsageError(f"{given!r}: {cause.reason}; {cause.hint}") from cause


def _judge_what_is_new(verifier: Verifier, named: Iterable[Coordinate]) -> list[Outcome]:
    """Fetch what is not on record, or could not be had, so that there is something to tell."""
    new = (one for one in named if not _is_judged(verifier.record, one))
    return list(verifier.each(partial(verifier.fetch, coordinate) for coordinate in new))


def _is_judged(record: Record, coordinate: Coordinate) -> bool:
    return any(found.row.status != Status.UNAVAILABLE.value for found in record.find_judgements(str(coordinate), 1))


def _waiting(record: Record, named: Sequence[Coordinate]) -> Iterator[Judged]:
    """Give what waits for trust in its signer: of what is named, else of all on record."""
    rows = (row for one in named for row in record.find_judgements(str(one), 1))
    found = _read(rows if named else record.standing_refusals(MAX_JUDGEMENTS))
    return (one for one in found if one.waits_for_trust)


def _with_their_groups(record: Record, waiting: Iterable[Judged]) -> Iterator[Judged]:
    for group in dict.fromkeys(one.coordinate.group for one in waiting):
        yield from _read(record.newest_of_group(group, MAX_JUDGEMENTS))


def _read(judgements: Iterable[Judgement]) -> Iterator[Judged]:
    found = (read_judged(judgement.row.document, str(judgement.id)) for judgement in judgements)
    return (judged for judged in found if judged is not None)


def _concerned(found: Iterable[SignerCase], waiting: Iterable[Judged]) -> list[SignerCase]:
    """Choose the signers of what was asked about."""
    asked = {one.coordinate for one in waiting}
    return [case for case in found if any(one.coordinate in asked for group in case.groups for one in group.waiting)]


class _Showing:
    """Shows cases, with what would be written by whom."""

    def __init__(self, options: Options, rules: Rules, now: datetime) -> None:
        self._options = options
        self._file = str(target_of(rules.policy))
        self._now = now

    def lines(self, case: SignerCase, keyring: Keyring) -> Iterator[str]:
        yield from report.signer_lines(case, _domains(keyring, case), self._now)
        for group in case.groups:
            yield from report.group_lines(case, group, self._shown(case, group))

    def document(self, found: Iterable[SignerCase], keyring: Keyring) -> dict[str, Json]:
        return {
            "schema": SCHEMA,
            "tool": {"name": "verifier", "version": __version__},
            "signers": [report.signer_fields(one, _domains(keyring, one), self._now, self._shown) for one in found],
        }

    def _shown(self, _case: SignerCase, group: GroupCase) -> report.Shown | None:
        proposal = group.proposal
        if proposal is None:
            return None
        words = [proposal.pattern, proposal.fingerprint]
        if proposal.legacy_before is not None:
            words += ["--legacy-before", str(proposal.legacy_before)]
        entry = entry_of(proposal, self._now.date())
        return report.Shown(self._file, render([entry]), _command(self._options, words))


def _command(options: Options, words: Sequence[str]) -> str:
    """Write the command for this policy and this cache, in lines that a terminal shows whole."""
    places = (("--policy", options.policy), ("--cache", options.cache))
    given = [part for name, path in places if path is not None for part in (name, str(path))]
    parts = [shlex.quote(part) for part in ("verifier", *given, "trust", "add", *words)]
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) + len("     \\") > _WIDTH:
            lines[-1] += " \\"
            lines.append(f"      {part}")
        else:
            lines[-1] += f" {part}" if lines[-1] else part
    return "\n".join(lines)


def _domains(keyring: Keyring, case: SignerCase) -> list[str]:
    """Give the domains of the addresses that the key itself signed."""
    data = None if case.certificate is None else keyring.material(case.certificate.primary.fingerprint)
    if data is None:
        return []
    names = [name for raw in index_certificates(data) for name in user_ids(strip(raw))]
    return sorted({printable(name.rpartition("@")[2].rstrip("> ")) for name in names if "@" in name})


def _fingerprints(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...] | str | None
) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(map(parse_fingerprint, [values] if isinstance(values, str) else values or ())))
    except WordInvalid as error:
        raise click.BadParameter(f"{error.problem}; {error.hint}") from error


@command.command("add")
@click.argument("what", required=False, metavar="[PATTERN|COORDINATE]")
@click.argument("fingerprints", nargs=-1, metavar="[FINGERPRINT]...", callback=_fingerprints)
@click.option("--exact", is_flag=True, help="That key alone, not the subkeys that it bound.")
@click.option(
    "--legacy-before",
    metavar="DATE",
    type=_DAY,
    callback=_day,
    help="Legacy evidence of this signer counts if made before.",
)
@click.option(
    "--expires",
    metavar="DATE",
    type=_DAY,
    callback=_day,
    help="The key's end, where our copy of it shows an earlier one.",
)
@click.option("--reason", help="Why; else the evidence at hand.")
@click.option("--origin", help="Where the trust comes from; else 'first use' and the day.")
@click.option(
    "--replaces",
    metavar="FINGERPRINT",
    callback=_fingerprints,
    help="The known signer that the new one joins, in full.",
)
@click.option("--suggested", is_flag=True, help="Every suggestion that passes the bar of the next two options.")
@click.option("--statements", type=click.IntRange(0), metavar="N", help="At least so many others state the signer.")
@click.option(
    "--signing-since",
    metavar="DATE",
    type=_DAY,
    callback=_day,
    help="It signs the group since this day or longer, as it says itself.",
)
@click.option("--dry-run", is_flag=True, help="Judge and show, write nothing.")
@click.pass_obj
def add_command(  # noqa: PLR0913  (one parameter for each option)
    options: Options,
    what: str | None,
    fingerprints: tuple[str, ...],
    *,
    exact: bool,
    legacy_before: date | None,
    expires: date | None,
    reason: str | None,
    origin: str | None,
    replaces: tuple[str, ...],
    suggested: bool,
    statements: int | None,
    signing_since: date | None,
    dry_run: bool,
) -> int:
    """Write a [[trust]] entry into the policy file in effect, or into a new ./verifier.toml.

    What is written is PATTERN, or exactly the version of COORDINATE, and never more. First
    every file of it that is on record and waits for this signer is fetched and judged as
    if the entry stood there, by both engines where gpg is installed; nothing is written
    unless all are good, and nothing of it is cached.

    A group that has other signers gets a new one only where somebody else states it too,
    or with --replaces and the full fingerprint of a signer that it has: compare the two,
    and ask the publisher, first. The old entry stays: what it signed before stays good.

    Exit status: 0 written, or there already, 1 refused, 2 wrong usage or policy,
    3 a file or a key could not be had.
    """
    rules = load_rules(options)
    now = datetime.now(UTC)
    if suggested:
        if what is not None or statements is None or signing_since is None:
            raise click.UsageError("--suggested takes its bar, --statements N and --signing-since DATE, and no names")
        with _recorded(options) as record:
            judged = list(_with_their_groups(record, _waiting(record, ())))
        return add_suggested(options, rules, judged, Bar(statements, signing_since), now.date(), dry_run=dry_run)
    if what is None or not fingerprints:
        raise click.UsageError("name a pattern or a coordinate, and the full fingerprints that may sign it")
    if statements is not None or signing_since is not None:
        raise click.UsageError("--statements and --signing-since are the bar of --suggested")
    pattern, coordinates = _target(what)
    with _recorded(options) as record:
        judged = [one for one in _read(record.standing_refusals(MAX_JUDGEMENTS)) if pattern.matches(one.coordinate)]
    old = replaces[0] if replaces else None
    addition = Addition(pattern, fingerprints, exact, legacy_before, expires, reason, origin, old)
    return add_wanted(options, rules, addition, coordinates, judged, now.date(), dry_run=dry_run)


@contextmanager
def _recorded(options: Options) -> Iterator[Record]:
    record = open_record(options)
    record.start()
    try:
        yield record
    finally:
        record.stop()


def _target(what: str) -> tuple[Pattern, tuple[Coordinate, ...]]:
    """Read what may be signed, and the file that it names, where it names one."""
    try:
        pattern = parse_pattern(what)
    except PatternInvalid as problem:
        try:
            coordinate = parse_coordinate(what)
        except CoordinateInvalid:
            raise click.UsageError(f"{problem.problem}; {problem.hint}") from problem
        pattern = parse_pattern(f"{coordinate.group}:{coordinate.artifact}:{coordinate.version}")
        return pattern, (coordinate,)
    if pattern.version:
        return pattern, (Coordinate(pattern.group, pattern.artifact, pattern.version),)
    return pattern, ()
