"""`ccfb completion`: the script that lets a shell complete ccfb's words."""

import click
from click.shell_completion import get_completion_class

from ccfb.cli import show

INSTALL = {
    "bash": """add to ~/.bashrc:  eval "$(ccfb completion bash)\"""",
    "zsh": """add to ~/.zshrc, after compinit:  eval "$(ccfb completion zsh)\"""",
    "fish": "ccfb completion fish > ~/.config/fish/completions/ccfb.fish",
}


@click.command(
    "completion",
    epilog=show.examples(*((f"ccfb completion {shell}", how) for shell, how in INSTALL.items())),
)
@click.argument("shell", type=click.Choice(list(INSTALL)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, providers, settings and values.

    Its last line says how to install it.
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"This version of click knows no completion for {shell}.")
    script = completion(ctx.find_root().command, {}, "ccfb", "_CCFB_COMPLETE").source()
    click.echo(f"{script.rstrip()}\n\n# To install it: {INSTALL[shell]}")
