"""`verifier completion`: what a shell needs to complete commands, options and their values."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from verifier.cli.main import COMPLETE_VARIABLE

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command("completion", short_help="print what completes commands and options in a shell")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print what completes commands, options and their values in a shell.

    \b
    bash  eval "$(verifier completion bash)"      in ~/.bashrc
    zsh   eval "$(verifier completion zsh)"       in ~/.zshrc, after compinit
    fish  verifier completion fish | source       in ~/.config/fish/config.fish
    """  # noqa: D301  (click takes the character itself for the mark of lines to be kept)
    completer = _SHELLS[shell](ctx.find_root().command, {}, "verifier", COMPLETE_VARIABLE)
    click.echo(ShellComplete.source(completer))  # the shells' own would start a shell to ask for its version
    return 0
