"""Adds trust to the policy file: weighs what is known, judges by the new policy first, then writes.

What is judged here lands in a directory of its own that is thrown away: before an entry is
written nothing may be admitted by it.
"""

import difflib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import click

from verifier.cli.main import Options
from verifier.cli.opening import POLICY_NAME, open_keyring, open_verifier, read_policy, read_text, rules_of, write_text
from verifier.coordinate import Coordinate
from verifier.errors import ConfigError
from verifier.fetch import Rules
from verifier.judged import Judged, Use, read_judged
from verifier.keyring import Keyring
from verifier.outcome import Outcome, Status, write_record
from verifier.pattern import Pattern, Reach, parse_pattern
from verifier.policy import Engine, Policy
from verifier.policy_edit import with_entries
from verifier.policy_file import MAX_POLICY_BYTES
from verifier.report import text
from verifier.report import trust as report
from verifier.report.escape import printable
from verifier.starter import load_statements
from verifier.suggestion import (
    Caution,
    GroupCase,
    Proposal,
    SignerCase,
    Sources,
    cases,
    is_trusted_for,
    key_cautions,
    known_signers,
    new_signer_cautions,
    reason,
    service_of,
    signing_names,
)
from verifier.trust import TrustEntry

JOBS = 8


@dataclass(frozen=True, slots=True)
class Addition:
    """What the user wants added; None where it was left to us."""

    pattern: Pattern
    keys: tuple[str, ...]
    exact: bool
    legacy_before: date | None
    expires: date | None
    reason: str | None
    origin: str | None
    replaces: str | None


@dataclass(frozen=True, slots=True)
class Bar:
    """What a suggestion must pass: so many statements by others, and signing since a day or longer."""

    statements: int
    since: date

    def problem(self, group: GroupCase) -> str:
        """Say why a case does not pass; nothing where it does."""
        if group.cautions:
            return ", ".join(caution.code for caution in group.cautions)
        if group.known:
            return "the group has other signers: compare, and add it by itself"
        if group.proposal is None:
            return "no fingerprint is known" if group.trusted is None else "trusted already"
        if group.standing < self.statements:
            return f"{group.standing} statements"
        if group.since is None or group.since > self.since:
            return f"signing since {group.since or 'nobody knows when'}"
        return ""


def sources_of(rules: Rules, keyring: Keyring, today: date) -> Sources:
    """Say where suggestions look."""
    starter = () if rules.starter is None else rules.starter.entries()
    return Sources((*rules.policy.trust, *starter), load_statements(), keyring.find, today)


def target_of(policy: Policy) -> Path:
    """Choose the file that is written: the policy in effect, else a new one in the working directory."""
    return Path(POLICY_NAME if policy.file is None else policy.file)


def entry_of(proposal: Proposal, today: date) -> TrustEntry:
    """Make the entry that a proposal stands for."""
    return TrustEntry(
        pattern=parse_pattern(proposal.pattern),
        keys=(proposal.fingerprint,),
        exact=False,
        legacy_before=proposal.legacy_before,
        expires=None,
        origin=f"first use, {today}",
        reason=proposal.reason,
        where="",
    )


def add_wanted(
    options: Options,
    rules: Rules,
    addition: Addition,
    named: Sequence[Coordinate],
    judged: Sequence[Judged],
    today: date,
    *,
    dry_run: bool,
) -> int:
    """Add what the user named, unless it may be an attack or does not hold; give the exit status.

    1. A pattern over a whole top-level domain is refused.
    2. A key revoked for good, or withdrawn, is refused; so is a new signer of a known group, unless
       somebody else states it or the user names a known one in full.
    3. Every file concerned is judged as if the entry stood there.
    4. The policy file is written.
    """
    # 1.
    if addition.pattern.reach is Reach.BELOW and "." not in addition.pattern.group:
        raise click.UsageError(f"'{addition.pattern}' is half the world: name the group, or group.* with two segments")
    # 2.
    sources = sources_of(rules, open_keyring(options, rules.policy), today)
    if not _weigh(addition, sources):
        return 1
    # 3.
    waiting = (one.coordinate for one in judged if any(s.is_by(key) for s in one.signatures for key in addition.keys))
    concerned = tuple(dict.fromkeys((*named, *waiting)))
    if not concerned:
        hint = "name one file, as in verifier trust suggest group:artifact:version, which brings it on record"
        raise ConfigError(str(addition.pattern), "nothing on record of it waits for such a signer", hint=hint)
    entry = _entry(addition, (), sources)
    draft = Draft(rules.policy, [entry])
    if not draft.entries:
        click.echo(f"there already: {addition.pattern} in {draft.path}", err=True)
        return 0
    outcomes = _judge_first(options, draft, concerned)
    status = _show_unless_good(outcomes, [entry])
    if status:
        return status
    # 4.
    evidence = [use for outcome in outcomes for use in _uses(outcome, addition.keys)]
    return Draft(rules.policy, [_entry(addition, evidence, sources)]).write(outcomes, dry_run=dry_run)


def _weigh(addition: Addition, sources: Sources) -> bool:
    """Say what speaks against it; tell whether the user may go on."""
    may_go_on = True
    for key in addition.keys:
        certificate = next(iter(sources.certificates(key)), None)
        names = signing_names(key, certificate) | frozenset(addition.keys)
        primary = key if certificate is None else certificate.primary.fingerprint
        stated = [one for name in {key, primary} for one in sources.statements.of_signer(name)]
        narrow = [one for one in stated if one.covers(addition.pattern.group) and not one.is_wide]
        known = known_signers(addition.pattern, names, sources)
        is_new = not is_trusted_for(addition.pattern, names, sources.trust)
        cautions = [*key_cautions(certificate, stated, narrow)]
        cautions += new_signer_cautions(known, narrow) if is_new else ()
        if addition.replaces is not None:
            _check_replaced(addition.replaces, [one.fingerprint for one in known])
            cautions = [caution for caution in cautions if caution is not Caution.NEW_SIGNER]
        if known and is_new:
            click.echo("\n".join(report.known_lines(known, key, certificate)), err=True)
            for statement in narrow:
                click.echo(f"     new, stated {report.statement_text(statement)}", err=True)
        for caution in cautions:
            click.echo("\n".join(report.caution_lines(caution)), err=True)
        if service_of(names, sources):
            click.echo(f"note: {key} is {report.SERVICE}", err=True)
        if cautions:
            click.echo(f"refused: {key} for {addition.pattern} ({', '.join(one.code for one in cautions)})", err=True)
        may_go_on = may_go_on and not cautions
    return may_go_on


def _check_replaced(replaced: str, known: Sequence[str]) -> None:
    if replaced not in known:
        problem = f"{replaced} is no signer that is known for this"
        raise click.UsageError(f"--replaces: {problem}; known: {', '.join(known) or 'none, so nothing is replaced'}")


def _uses(outcome: Outcome, keys: Sequence[str]) -> Iterator[Use]:
    """Give what was just judged as the record would have it."""
    judged = read_judged(write_record(outcome, None, ""), "")
    if judged is not None:
        yield from ((judged, one) for one in judged.signatures if any(one.is_by(key) for key in keys))


def _entry(addition: Addition, uses: Sequence[Use], sources: Sources) -> TrustEntry:
    stated = [one for key in addition.keys for one in sources.statements.of_signer(key)]
    covering = (one.standing for one in stated if one.covers(addition.pattern.group) and not one.is_wide)
    evidence = reason(uses, max(covering, default=0), service_of(frozenset(addition.keys), sources))
    if addition.replaces is not None:
        evidence += f"; joins {addition.replaces}"
    return TrustEntry(
        pattern=addition.pattern,
        keys=addition.keys,
        exact=addition.exact,
        legacy_before=addition.legacy_before,
        expires=addition.expires,
        origin=addition.origin or f"first use, {sources.today}",
        reason=addition.reason or evidence,
        where="",
    )


def add_suggested(
    options: Options, rules: Rules, judged: Sequence[Judged], bar: Bar, today: date, *, dry_run: bool
) -> int:
    """Add every suggestion that passes the bar and holds when it is judged; give the exit status."""
    found = cases(judged, sources_of(rules, open_keyring(options, rules.policy), today))
    passing = list(_passing(found, bar))
    if not passing:
        click.echo("no suggestion passes the bar: nothing was written", err=True)
        return 0
    waiting = dict.fromkeys(one.coordinate for group, _ in passing for one in group.waiting)
    draft = Draft(rules.policy, [entry_of(proposal, today) for _, proposal in passing])
    outcomes = _judge_first(options, draft, waiting)
    good: list[TrustEntry] = []
    judged_good: dict[str, Outcome] = {}
    for group, proposal in passing:
        coordinates = {one.coordinate for one in group.waiting}
        own = [outcome for outcome in outcomes if outcome.coordinate in coordinates]
        entry = entry_of(proposal, today)
        if _show_unless_good(own, [entry]):
            click.echo(f"left out: {proposal.fingerprint} for {proposal.pattern}: its files do not pass", err=True)
        else:
            good.append(entry)
            judged_good |= {outcome.name: outcome for outcome in own}
    if good:
        Draft(rules.policy, good).write(list(judged_good.values()), dry_run=dry_run)
    return 0 if len(good) == len(passing) else 1


def _passing(found: Iterable[SignerCase], bar: Bar) -> Iterator[tuple[GroupCase, Proposal]]:
    for case in found:
        for group in case.groups:
            problem = bar.problem(group)
            if problem or group.proposal is None:
                click.echo(f"left out: {case.signer} for {printable(group.group)}: {problem}", err=True)
            else:
                yield group, group.proposal


class Draft:
    """A policy file as it would be with entries added; those that stand there already are left away.

    Raises: `ConfigError` where the file cannot be read or added to.
    """

    def __init__(self, policy: Policy, entries: Sequence[TrustEntry]) -> None:
        self.path = target_of(policy)
        self.entries = [entry for entry in entries if not _is_there(entry, policy)]
        self._before = "" if policy.file is None else read_text(self.path, MAX_POLICY_BYTES)
        self.text = with_entries(self._before, str(self.path), self.entries) if self.entries else self._before
        self.policy = read_policy(self.text, self.path)

    def write(self, outcomes: Sequence[Outcome], *, dry_run: bool) -> int:
        """Show the difference and write it, aside and renamed; give the exit status."""
        before, after = self._before.splitlines(), self.text.splitlines()
        name = printable(str(self.path))
        for line in difflib.unified_diff(before, after, name, name, lineterm=""):
            click.echo(printable(line))
        judged = f"{len(outcomes)} files judged good" if len(outcomes) != 1 else "1 file judged good"
        if dry_run:
            click.echo(f"{judged}; dry run: nothing was written", err=True)
            return 0
        if self.path.exists() and read_text(self.path, MAX_POLICY_BYTES) != self._before:
            raise ConfigError(str(self.path), "was changed by somebody else meanwhile", hint="run it again")
        write_text(self.path.resolve(), self.text)
        click.echo(f"{judged}; written: {name}", err=True)
        click.echo("next: verifier fetch " + " ".join(str(outcome.coordinate) for outcome in outcomes), err=True)
        return 0


def _is_there(entry: TrustEntry, policy: Policy) -> bool:
    def effect(one: TrustEntry) -> tuple[str, frozenset[str], bool, date | None, date | None]:
        return one.pattern.text, frozenset(one.keys), one.exact, one.legacy_before, one.expires

    return any(effect(one) == effect(entry) for one in policy.trust)


def _judge_first(options: Options, draft: Draft, coordinates: Iterable[Coordinate]) -> list[Outcome]:
    """Fetch and judge by the drafted policy, by both engines where there are two, and keep nothing of it."""
    rules = rules_of(_by_every_engine(draft.policy))
    with (
        tempfile.TemporaryDirectory(prefix="verifier-trust-") as scratch,
        open_verifier(options, rules, JOBS, scratch=Path(scratch)) as verifier,
    ):
        outcomes = list(verifier.each(partial(verifier.fetch, coordinate) for coordinate in coordinates))
    return sorted(outcomes, key=lambda outcome: outcome.name)


def _by_every_engine(policy: Policy) -> Policy:
    """Ask both engines for everything, where gpg is installed."""
    return policy if shutil.which("gpg") is None else policy.judged_by(Engine.BOTH)


def _show_unless_good(outcomes: Sequence[Outcome], entries: Sequence[TrustEntry]) -> int:
    """Say what does not hold; give the exit status that it calls for, 0 where every file is good by these keys."""
    status = 0
    signing = set()
    for outcome in outcomes:
        by = _signers(outcome, entries)
        signing |= by
        if outcome.cause is not None:
            click.echo("\n".join(line for line in text.problem(outcome) if not line.startswith("more: ")), err=True)
            _say_whose_subkey(outcome, entries)
            status = 1 if outcome.status is Status.REFUSED else status or 3
        elif not by:
            click.echo(f"refused: no signature of {outcome.name} is by the key named", err=True)
            status = 1
    for key in (key for entry in entries for key in entry.keys if not status and key not in signing):
        click.echo(f"refused: {key} signs none of the files judged", err=True)
        status = 1
    if status:
        click.echo("nothing was written for this signer", err=True)
    return status


def _signers(outcome: Outcome, entries: Sequence[TrustEntry]) -> set[str]:
    """Give the keys of the entries that made a good signature over the file."""
    found = () if outcome.findings is None else outcome.findings.signatures
    good = [signature for signature in found if signature.status == "good"]
    return {
        key
        for entry in entries
        for key in entry.keys
        if any(key == (one.fingerprint if entry.exact else one.primary) for one in good)
    }


def _say_whose_subkey(outcome: Outcome, entries: Sequence[TrustEntry]) -> None:
    keys = {key for entry in entries if not entry.exact for key in entry.keys}
    for one in () if outcome.findings is None else outcome.findings.signatures:
        if one.fingerprint in keys and one.primary not in keys and one.primary is not None:
            click.echo(f"note: {one.fingerprint} is a subkey of {one.primary}: name that one, or add --exact", err=True)
