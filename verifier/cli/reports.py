"""Which reports a command writes beside what it prints: the options, the files, and what a CI shows by itself."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from verifier.cli.main import UNWRITABLE, together
from verifier.cli.opening import Workflow, write_text
from verifier.errors import ConfigError
from verifier.report.account import Account
from verifier.report.escape import printable

KINDS = ("json", "sarif", "junit", "markdown", "codequality")

MIN_SUMMARY_BYTES = 4_096
"""With less room than this in the step's summary, nothing more is written to it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report and the file that it goes to."""

    kind: str
    file: Path


def _read_wanted(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> tuple[Wanted, ...]:
    """Read every `KIND=FILE`; what stands in the way of a file is told before anything runs."""
    wanted: dict[Path, Wanted] = {}
    for text in value:
        kind, _, name = text.partition("=")
        if kind not in KINDS or not name:
            problem = f"{text!r} is not KIND=FILE, where KIND is one of {', '.join(KINDS)}"
        elif name == "-":
            problem = f"a report goes to a file: --format {kind} prints it"
        else:
            problem = _obstacle(Path(name))
        if not problem and Path(name).absolute() in wanted:
            problem = f"{name}: two reports go to the same file"
        if problem:
            raise click.BadParameter(problem, ctx, param)
        wanted[Path(name).absolute()] = Wanted(kind, Path(name))
    return tuple(wanted.values())


def _obstacle(path: Path) -> str:
    """Say what keeps a report from being written there, as far as that can be known beforehand."""
    try:
        if not path.parent.is_dir():
            return f"{path}: there is no directory {path.parent}"
        if path.exists() and not path.is_file():
            return f"{path}: this is there already, and is no plain file"
    except OSError as error:
        return f"{path}: this cannot be a file's name: {error.strerror}"
    may_write = os.access(path.parent, os.W_OK | os.X_OK)
    return "" if may_write else f"{path}: the directory {path.parent} cannot be written to"


report_options = together(
    click.option("--format", "form", type=click.Choice(["text", *KINDS]), default="text", show_default=True,
                 help="What is printed."),
    click.option("--report", "reports", multiple=True, callback=_read_wanted, metavar="KIND=FILE",
                 help=f"Also write a report to FILE; KIND is one of {', '.join(KINDS)}."),
)  # fmt: skip
"""The options of a command that hands both on to `show`."""


def render(kind: str, account: Account, as_json: Callable[[], str]) -> str:
    """Write a report of one kind."""
    if kind == "json":
        return as_json()
    # Imported when a run asks for one, and most ask for none.
    from verifier.report import codequality, junit, markdown, sarif  # noqa: PLC0415  (see above)

    writers: dict[str, Callable[[Account], str]] = {
        "sarif": sarif.report,
        "junit": junit.report,
        "markdown": markdown.report,
        "codequality": codequality.report,
    }
    return writers[kind](account).rstrip("\n")


def write_reports(wanted: Sequence[Wanted], account: Account, as_json: Callable[[], str]) -> int:
    """Write each report to its file; give the exit status, which a report that cannot be written never betters.

    A refusal stays one: the reader of the status must not take it for a full disk.
    """
    status = account.exit_status
    for one in wanted:
        try:
            write_text(one.file, f"{render(one.kind, account, as_json)}\n")
        except ConfigError as error:
            click.echo(printable(f"error: the report {error}"), err=True)
            status = status or UNWRITABLE
    return status


def annotate(workflow: Workflow, account: Account) -> None:
    """Show the problems where GitHub shows them; whatever goes wrong here changes nothing else.

    The commands go to standard error, which its runner reads as well: standard output may be data.
    """
    from verifier.report import github, markdown  # noqa: PLC0415  (as in `render`)

    for line in github.annotations(account):
        click.echo(line, err=True)
    if workflow.summary is None:
        return
    try:
        with workflow.summary.open("ab") as file:
            left = markdown.MAX_BYTES - file.tell()
            if left > MIN_SUMMARY_BYTES:
                file.write(markdown.report(account, left).encode())
    except OSError as error:
        click.echo(printable(f"note: {workflow.summary}: no summary written: {error.strerror}"), err=True)
