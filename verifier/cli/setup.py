"""`verifier setup`: the configuration that sends a build tool's downloads through the proxy."""

import difflib
import sys
from pathlib import Path

import click

from verifier.cli.main import Options
from verifier.cli.opening import load_rules, read_text
from verifier.clients import DEFAULT_URL, Configuration, ProjectFile, Tool, Upstream, UrlInvalid, configure
from verifier.errors import ConfigError

MAX_FILE_BYTES = 1024 * 1024


@click.command("setup", short_help="print the configuration that sends a build tool through the proxy")
@click.argument("tool", type=click.Choice([tool.value for tool in Tool]))
@click.option("--url", metavar="URL", default=DEFAULT_URL, help="Where the proxy is.", show_default=True)
@click.option("--write", is_flag=True, help="Write it into the project here, after showing what changes.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.pass_obj
def command(options: Options, tool: str, *, url: str, write: bool, yes: bool) -> int:
    """Print the configuration that sends every download of a build tool through the proxy.

    With it comes the check that proves it. A tool that is refused a file walks on to the
    next repository it knows: the configuration leaves it none.
    """
    upstreams = [Upstream(one.id, one.url) for one in load_rules(options).policy.repositories]
    try:
        found = configure(Tool(tool), url, upstreams)
    except UrlInvalid as error:
        raise click.UsageError(f"--url {url!r}: write http://HOST:PORT or https://HOST:PORT") from error
    if write:
        return _write(found, asking=not yes)
    for file in found.files:
        click.secho(f"# {file.path}", bold=True)
        click.echo(file.content)
    _tell(found)
    return 0


def _tell(found: Configuration) -> None:
    click.secho("# to know", bold=True)
    for note in found.notes:
        click.echo(f"- {note}")
    click.secho("\n# check", bold=True)
    for line in found.check:
        click.echo(line)


def _write(found: Configuration, *, asking: bool) -> int:
    """Show the difference, and write it if that is wanted."""
    changes = [(file, _existing(file)) for file in found.files]
    changes = [(file, existing) for file, existing in changes if file.onto(existing) != existing]
    for file, existing in changes:
        click.echo("".join(_difference(file, existing)), nl=False)
    if not changes:
        click.echo("nothing to change: the project is set up so already", err=True)
    elif asking:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here whether to write this; add --yes")
        if not click.confirm("write this?", err=True):
            return 1
    for file, existing in changes:
        path = Path(file.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.onto(existing), encoding="utf-8")
        except OSError as error:
            raise ConfigError(file.path, f"cannot be written: {error.strerror}") from error
    click.echo()
    _tell(found)
    return 0


def _existing(file: ProjectFile) -> str:
    path = Path(file.path)
    return read_text(path, MAX_FILE_BYTES) if path.exists() else ""


def _difference(file: ProjectFile, existing: str) -> list[str]:
    before, after = existing.splitlines(keepends=True), file.onto(existing).splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, file.path if existing else "/dev/null", file.path)
    return [line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n" for line in lines]
