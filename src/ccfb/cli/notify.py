"""`ccfb notify`: whether alerts reach the user."""

import sys

import click

from ccfb import config
from ccfb.cli import show
from ccfb.config import Alerts
from ccfb.errors import CcfbError
from ccfb.notify import Alert, courier, desktop, terminal

PROBE = Alert(title="alerts work", text="That is how ccfb tells you of limits and switches.")

EXAMPLES = show.examples(("ccfb notify test", "one alert on every channel, as hooks send them"))


@click.group("notify", epilog=EXAMPLES)
def command() -> None:
    """Alerts: on the desktop, in the terminal, and wherever `apprise` reaches.

    The channels stand under `alerts` in config.json (where that is: ccfb config path):

    \b
    at        percentages of a window, such as [50, 75, 90]
    desktop   true or false
    terminal  true or false; a notification by the terminal that claude runs in
    urls      apprise URLs, such as ["ntfy://topic"]; they need: pip install 'ccfb[notify]'
    """  # noqa: D301 - click's sign for "don't wrap"


@command.command("test", epilog=EXAMPLES)
def test() -> None:
    """Send an alert on every channel, and say what became of it.

    It takes the way that alerts of hooks take, in a process of its own. It can tell that a
    channel took the alert, not that you saw it.
    """
    chosen = config.load().alerts
    outcomes = courier.rehearse(PROBE)
    told = [(each.channel, each.problem or "sent") for each in outcomes]
    told += _elsewhere(chosen)
    if not told:
        raise CcfbError("no-channel", "No channel is chosen for alerts.", "ccfb notify --help")
    click.echo("\n".join(show.columns(told)))
    if any(each.problem for each in outcomes):
        raise CcfbError("alert-failed", "Not every channel works.", "Put it right, and try again.")


def _elsewhere(chosen: Alerts) -> list[tuple[str, str]]:
    """The channels that the courier doesn't take."""
    told = []
    if chosen.desktop and not desktop.here():
        told.append(("desktop", "left out: there is no desktop in this session"))
    if chosen.terminal and sys.stdout.isatty():
        click.echo(terminal.sequence(PROBE), nl=False)
        told.append(("terminal", "sent, if this terminal knows OSC 9"))
    elif chosen.terminal:
        told.append(("terminal", "left out: this is no terminal"))
    return told
