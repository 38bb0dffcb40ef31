"""`ccfb install-hooks`: put our entries into Claude Code's settings."""

import click

from ccfb import config, paths
from ccfb.billing.rules import NEVER
from ccfb.cli import health, show
from ccfb.cli.earlier import move_key
from ccfb.client import registration
from ccfb.errors import CcfbError


@click.command(
    "install-hooks",
    epilog=show.examples(
        ("ccfb install-hooks", "once; again after you moved or reinstalled ccfb"),
        ("ccfb install-hooks --dry-run", "only show what would change"),
    ),
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
def command(dry_run: bool) -> None:
    """Put ccfb into Claude Code's user settings.

    Adds hooks, and a status line that shows who is billed; a status line of your own goes on
    running above it. Everything else in the file stays as it is, to the byte. Nothing is switched
    until you say so: at a limit you are asked.
    """
    if dry_run:
        change = registration.preview_install()
        click.echo(show.diff(change) if change else "Already installed, nothing to change.")
        return
    move_key()
    if registration.install():
        click.echo(f"Installed: hooks and status line, in {paths.settings()}")
        click.echo("New sessions have them; those already running may have to be started anew.")
    else:
        click.echo("Already installed, nothing changed.")
    steps = _next_steps()
    click.echo("\nNext:\n" + "\n".join(f"  {line}" for line in show.columns(steps)))


def _next_steps() -> list[tuple[str, str]]:
    """What is still to be said before ccfb works by itself."""
    state = health.state()
    try:
        chosen = config.load()
    except CcfbError:
        return [("ccfb status", "your config.json has to be corrected")]
    steps = []
    if not any(key.usable for key in health.keys(chosen, state)):
        steps.append((f"ccfb key set {chosen.providers[0]}", "the key to bill at a limit"))
    if chosen.mode in NEVER:
        steps.append(("ccfb config set mode ask", "be asked at a limit, come back at the reset"))
    if state.hold:
        steps.append(("ccfb use auto", "you chose the billing by hand; this lets go"))
    return [*steps, ("ccfb drill", "see it work on this machine, for free")]
