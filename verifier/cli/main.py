"""The `verifier` command: global options, and each command loaded only when it is called."""

import gc
import importlib
import io
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem

from verifier import __version__
from verifier.errors import VerifierError
from verifier.report.escape import printable

INTERRUPTED = 130
COMPLETE_VARIABLE = "_VERIFIER_COMPLETE"
UNWRITABLE = 3
"""The exit status where what was found out could not be written down."""
_COMMANDS = {
    "fetch": "bring artifacts and their dependencies into the cache, each one verified",
    "resolve": "print the graph of what a build will use, as Maven chooses it",
    "lock": "write verifier.lock: these bytes, by these signers; check it; compare two",
    "verify": "judge files that are on disk already",
    "explain": "say why a file was accepted or refused",
    "trust": "which keys may sign which groups: list, suggest, add",
    "keys": "find, import, list, refresh and export key material",
    "doctor": "check policy, trust, TLS, keys, engines and cache",
    "export": "what was fetched, for other tools: cyclonedx, in-toto",
    "proxy": "the caching proxy: a build asks it and gets verified files alone",
    "setup": "print the configuration that sends a build tool through the proxy",
    "cache": "what is cached; hash and judge it all again; make room",
    "demo": "a show of attacks on loopback, each with its verdict",
    "completion": "print what completes commands and options in a shell",
}

Command: TypeAlias = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Options:
    """The global options."""

    policy: Path | None
    cache: Path | None
    offline: bool
    verbosity: int
    """-1 quiet, 0 plain, 1 and more verbose."""


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Add several options, which the help shows in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What is printed."
)
"""The option of a command that has no other reports than these."""


class _Commands(click.Group):
    """Imports a command's module when the command is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (as above)
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"verifier.cli.{cmd_name}").command
        if not gc.isenabled():
            # What was imported stays: it need not be looked through again and again.
            gc.freeze()
            # A run makes hundreds of thousands of small objects, and most of them live to its end.
            gc.set_threshold(50_000, 20, 100)
            gc.enable()
        if not isinstance(command, click.Command):
            raise TypeError(cmd_name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the commands from their list, and the global options; no command is loaded."""
        named = (CompletionItem(name, help=said) for name, said in _COMMANDS.items() if name.startswith(incomplete))
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (as above)
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option("--policy", type=click.Path(path_type=Path), help="The policy file; else the nearest verifier.toml.")
@click.option("--cache", type=click.Path(path_type=Path), help="The cache directory.")
@click.option("--offline", is_flag=True, help="Ask the network for nothing.")
@click.option("--no-color", is_flag=True, help="Plain text; NO_COLOR does the same.")
@click.option("-v", "--verbose", count=True, help="Say more.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong.")
@click.version_option(__version__, message="verifier %(version)s")
@click.pass_context
def _verifier(
    ctx: click.Context,
    policy: Path | None,
    cache: Path | None,
    *,
    offline: bool,
    no_color: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Decide whether Maven artifacts may enter a build.

    Everything is fetched over TLS, checked against every published checksum and an OpenPGP
    signature by a key trusted for its group, and only then cached.
    """
    if no_color or ctx.obj["no_color"]:
        ctx.color = False
    ctx.obj = Options(policy, cache, offline, -1 if quiet else verbose)


def main() -> None:
    """Run the command line and leave with its exit status."""
    gc.disable()  # until all is imported: nothing of that is garbage
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and give its exit status.

    Whatever is wrong becomes one message on standard error, never a traceback.
    """
    try:
        return _run(arguments)
    except BrokenPipeError:
        _close_stdout()
        return INTERRUPTED
    except OSError as error:
        # What concerns the cache, the network or a file that was named is told where it is used: this is the output.
        _close_stdout()
        where = f"{error.filename}: " if error.filename is not None else ""
        with suppress(OSError):  # standard error may be what cannot be written
            click.echo(f"error: {printable(f'{where}{error.strerror or error}')}", err=True)
        return UNWRITABLE


def _run(arguments: list[str]) -> int:
    import os  # noqa: PLC0415  (the environment is read here alone)

    try:
        status = _verifier.main(
            arguments,
            "verifier",
            # A shell asks for completions without any argument.  With one the variable that it sets must change
            # nothing: click would leave with status 0, and nothing verified.
            complete_var="" if arguments else COMPLETE_VARIABLE,
            standalone_mode=False,
            obj={"no_color": bool(os.environ.get("NO_COLOR"))},
        )
    except click.ClickException as error:
        _tell(error)
        return 2
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except VerifierError as error:
        click.echo(f"error: {printable(str(error))}", err=True)
        hint = getattr(error, "hint", "")
        if hint:
            click.echo(f"hint: {printable(hint)}", err=True)
        return error.exit_status
    return status if isinstance(status, int) else 0


def _tell(error: click.ClickException) -> None:
    """Say what is wrong with a command line; of a global option given to a command, where it belongs."""
    hint = ""
    if isinstance(error, click.NoSuchOption) and (hint := _hint_of(error)):
        error = click.NoSuchOption(error.option_name, ctx=error.ctx)  # without click's guess at another
    told = io.StringIO()
    error.show(told)
    # What was wrong may be quoted in it, line breaks and all.
    click.echo("\n".join(map(printable, told.getvalue().rstrip("\n").split("\n"))), err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


def _hint_of(error: click.NoSuchOption) -> str:
    name = error.option_name
    for option in _verifier.params:
        if isinstance(option, click.Option) and name in option.opts and error.ctx is not None:
            program, _, command = error.ctx.command_path.partition(" ")
            value = "" if option.is_flag or option.count else f" {option.name}".upper()
            return f"{name} stands before the command: {program} {name}{value} {command} …"
    return ""


def _close_stdout() -> None:
    """Keep the interpreter from flushing into a pipe that nobody reads, or a disk that is full."""
    import os  # noqa: PLC0415  (as in `_run`)

    with suppress(OSError):  # what a test put in its place has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
