"""`verifier lock`: write which bytes a build uses and who vouches for them; check it; compare two for a review."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

import click

from verifier.cli.chosen import LOCK_HELP, LOCK_NAME, ToLock, beside_options, build_options, input_options, run_options
from verifier.cli.graphs import say_notes
from verifier.cli.inputs import lock_among
from verifier.cli.locked import is_file, read_lock, setting_before, setting_of
from verifier.cli.locking import by_both_engines, close, engines_of, lock_from, moved_metadata, say_engines
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, write_text
from verifier.cli.places import Sources
from verifier.cli.relocking import Request, files_among, parse_module, read_old, read_what_to_lock
from verifier.cli.reports import Wanted, report_options
from verifier.cli.showing import show
from verifier.errors import ConfigError
from verifier.formats.recognise import decode
from verifier.lock_difference import Change, Difference, compare
from verifier.lockfile import MAX_LOCK_BYTES, Kind, Lock, parse_lock, write_lock
from verifier.outcome import Json, exit_status
from verifier.report import json
from verifier.report import lock as report
from verifier.report.escape import printable
from verifier.revision import is_revision, read_revision


class _Lock(click.Command):
    """`verifier lock diff …` is a command of its own; everything else after `lock` is what to lock."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        if args[:1] == ["diff"]:
            return diff_command.make_context(f"{info_name} diff", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Lock, short_help="write verifier.lock: these bytes, by these signers; check it; compare two")
@input_options
@click.option("--lock", "lock_file", type=click.Path(path_type=Path), default=Path(LOCK_NAME), metavar="FILE",
              help=LOCK_HELP)  # fmt: skip
@click.option("--update", is_flag=True, help="Change what must change; inputs, context and versions stay otherwise.")
@click.option("--upgrade", multiple=True, metavar="GROUP:ARTIFACT",
              help="Update, and choose the version of this one anew.")  # fmt: skip
@click.option("--check", is_flag=True, help="Say whether the lock file is current; write nothing.")
@beside_options
@click.option("--all-platforms", is_flag=True, help="The graphs and the native files of every platform, not of one.")
@build_options()
@run_options
@report_options
@click.pass_obj
def command(
    options: Options,
    *,
    lock_file: Path,
    update: bool,
    upgrade: tuple[str, ...],
    check: bool,
    form: str,
    reports: tuple[Wanted, ...],
    **chosen: Unpack[ToLock],
) -> int:
    """Lock everything that a build uses: bytes, and who vouches for them.

    Takes what fetch takes, has every file judged by our OpenPGP engine and by gpg, and
    writes verifier.lock if all of them are verified, else nothing. fetch --locked then
    accepts these bytes by these signers and nothing else.

    --update repeats what was locked, with the inputs named now beside it or, for the same
    group and artifact, in its place. A version that was chosen stays while it will do, and
    bytes under the same version must be the locked ones. --check says what an update would
    change; without a network it needs a warm cache.

    verifier lock diff OLD NEW compares two lock files or git revisions for a review.

    Exit status: 0 written, or current; 1 something refused, or not current; 2 wrong usage,
    policy or lock file; 3 something unavailable.
    """
    begun = time.monotonic()
    if check and (update or upgrade):
        raise click.UsageError("--check writes nothing: leave --update and --upgrade away")
    freed = frozenset(parse_module(text) for text in upgrade)
    keeps = bool(update or upgrade or check)
    request = Request(chosen["coordinates"], chosen["files"], lock_file, freed, keeps=keeps, checks=check)
    old = read_old(request)
    base = old if request.keeps else None
    recorded, inputs = read_what_to_lock(request, base)
    rules = load_rules(options, chosen["repositories"])
    before = setting_before(base, rules.policy.context, inputs)
    setting = replace(
        setting_of(chosen, before),
        sources=chosen["sources"] or before.sources,
        javadoc=chosen["javadoc"] or before.javadoc,
        all_platforms=chosen["all_platforms"] or before.all_platforms,
    )
    rules = by_both_engines(replace(rules, lock=base or lock_among(inputs)))
    closure = close(options, rules, inputs, setting, chosen["jobs"])
    telling = partial(
        show,
        closure.outcomes,
        rules,
        options,
        form=form,
        begun=begun,
        listing=False,
        reports=reports,
        sources=Sources(files_among(recorded, lock_file), closure.graph.resolution.explored),
    )
    if not closure.is_verified:
        telling(more={"lock": None})
        click.echo(f"nothing was written: {printable(str(lock_file))} stays as it is", err=True)
        return exit_status(closure.outcomes) or 1
    made = _made(request, lock_from(str(lock_file), closure, setting, recorded, base), old)
    moved = () if base is None else moved_metadata(base, closure)
    everything = setting.plugins or not any(one.project for one in inputs)
    told = {**_fields(made, moved), "left_out": list(closure.left_out), "signatures": engines_of(closure)}
    status = telling(more={"lock": told}, everything=everything)
    if form == "text":
        _tell(made, moved, options)
        say_notes(closure.graph)
        for one in closure.left_out:
            click.echo(f"note: left out, since nobody publishes it: {printable(one)}", err=True)
        say_engines(closure)
    return 1 if made.swapped or (check and not made.is_current) else status


@dataclass(frozen=True, slots=True)
class _Made:
    """The lock as it is now, and what differs from the one that was there; `difference` is None where none was.

    `swapped` says that a locked version has other bytes now, which no lock takes over by itself.
    """

    lock: Lock
    difference: Difference | None
    checked: bool
    written: bool
    swapped: bool

    @property
    def is_current(self) -> bool:
        return self.difference is not None and self.difference.is_empty


def _made(request: Request, lock: Lock, old: Lock | None) -> _Made:
    """Compare with what was there, and write where that is asked for and something would change."""
    text = write_lock(lock)
    lock = parse_lock(text, lock.file)  # as whoever reads it next does, line by line
    difference = None if old is None else compare(old, lock)
    changed = () if difference is None else difference.of(Change.BYTES)
    swapped = any(one.after is not None and not one.after.subject.is_snapshot for one in changed)
    written = not request.checks and not swapped and not _says(request.lock_file, text)
    if written:
        write_text(request.lock_file, text)
    return _Made(lock, difference, request.checks, written, swapped)


def _says(path: Path, text: str) -> bool:
    return path.exists() and path.read_bytes() == text.encode()


# What is told


def _fields(made: _Made, moved: Sequence[str]) -> dict[str, Json]:
    return {
        "file": made.lock.file,
        "written": made.written,
        "current": made.is_current if made.checked else True,
        "lines": len(made.lock.entries) + len(made.lock.metadata),
        "difference": None if made.difference is None else report.fields(made.difference),
        "moved_metadata": list(moved),
    }


def _tell(made: _Made, moved: Sequence[str], options: Options) -> None:
    name = printable(made.lock.file)
    if made.difference is not None and not made.difference.is_empty:
        for line in report.text(made.difference):
            click.echo(line)
    if made.checked:
        click.echo(f"{name} is current" if made.is_current else f"{name} is not current", err=True)
    elif made.swapped:
        click.echo(f"nothing was written: {name} locks other bytes of the same version", err=True)
        click.echo(
            "hint: ask the publisher; what is to be locked anew all the same, delete from the file first", err=True
        )
    elif options.verbosity >= 0:
        click.echo(f"{'written' if made.written else 'unchanged'}: {name}, {_counted(made.lock)}", err=True)
    if made.difference is not None and any(one.change.is_grave for one in made.difference.changes):
        click.echo("hint: who vouches, or what for, is not what it was: find out why before this is used", err=True)
    elif made.checked and not made.is_current:
        click.echo("hint: have the change reviewed that this writes: verifier lock --update", err=True)
    if moved:
        shown = ", ".join(map(printable, moved))
        click.echo(f"note: metadata changed since, and what was chosen by it stays: {shown}", err=True)
        click.echo("hint: to choose anew: verifier lock --upgrade GROUP:ARTIFACT", err=True)


def _counted(lock: Lock) -> str:
    """Count the lines, by what vouches for them."""
    kinds = Counter(one.grounds.kind for one in lock.entries.values())
    signers = {one.grounds.detail for one in lock.entries.values() if one.grounds.kind is Kind.KEY}
    words = {
        Kind.KEY: f"signed by {len(signers)} keys" if len(signers) != 1 else "signed by 1 key",
        Kind.WITNESSED: "witnessed",
        Kind.EXEMPT: "exempt",
        Kind.UNSIGNED: "unsigned",
    }
    shown = [f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind]]
    shown += [f"{len(lock.metadata)} metadata"] if lock.metadata else []
    return f"{len(lock.entries)} files: {', '.join(shown)}"


# diff


@click.command("diff", short_help="compare two lock files or git revisions for a review")
@click.argument("old")
@click.argument("new")
@click.option("--lock", "lock_file", type=click.Path(path_type=Path), default=Path(LOCK_NAME), metavar="FILE",
              help="The lock file inside a revision.", show_default=True)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True,
              help="What is printed.")  # fmt: skip
@click.pass_obj
def diff_command(options: Options, old: str, new: str, *, lock_file: Path, form: str) -> int:
    """Say what changed between two lock files, what is gravest first.

    OLD and NEW are files, or git revisions such as main or HEAD~1, in which verifier.lock
    is looked for.

    Exit status: 0 compared, whatever was found; 2 one of them cannot be read.
    """
    del options
    before, after = (_lock_at(name, lock_file) for name in (old, new))
    difference = compare(before, after)
    for line in _lines(difference, old, new, form):
        click.echo(line)
    return 0


def _lines(difference: Difference, old: str, new: str, form: str) -> Iterator[str]:
    match form:
        case "text":
            yield from report.text(difference)
        case "markdown":
            yield from report.markdown(difference, old, new)
        case _:
            fields = {"schema": 1, "old": old, "new": new, **report.fields(difference)}
            yield json.write(fields)


def _lock_at(name: str, lock_file: Path) -> Lock:
    """Read a lock file, or the one of a git revision.

    Raises: `ConfigError` also for a name of both: who adds a file called `main` must not change what is reviewed.
    """
    path = Path(name)
    if is_file(path):
        if not name.startswith(("/", "./", "../")) and is_revision(name):
            hint = f"write ./{name} for the file, or the revision in full, such as refs/heads/main"
            raise ConfigError(name, "is both a file here and a git revision", hint=hint)
        return read_lock(path)
    where = f"{name}:{lock_file}"
    return parse_lock(decode(read_revision(name, str(lock_file), MAX_LOCK_BYTES), where), where)
