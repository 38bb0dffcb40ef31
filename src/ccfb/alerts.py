"""What the user hears of without looking, and in which words. Nothing foreign is repeated."""

import time
from collections.abc import Iterable

from ccfb.billing.machine import Action, Crossed
from ccfb.billing.model import Entry, State
from ccfb.notify import Alert

DAY = 86_400.0

BACK = "Back on the subscription"
BILLED = "Billed to {provider}"
WORDS = {
    ("switch", "limit"): (BILLED, "{window}: hit. Until {until}.", False),
    ("switch", "threshold"): (BILLED, "{window}: nearly used up. Until {until}.", False),
    ("revert", "reset"): (BACK, "{window}: open again.", False),
    ("revert", "utilization"): (BACK, "{window}: open again.", False),
    ("revert", "provider failure"): (
        BACK,
        "{provider} refused to be billed. See ccfb status.",
        True,
    ),
    ("limit", None): (
        "The plan's limit",
        "{window}: hit, and nothing was switched. It resets {until}. See ccfb status.",
        True,
    ),
    ("unknown_limit", None): (
        "A limit that ccfb doesn't know",
        "Nothing was switched for it. See ccfb log.",
        True,
    ),
}
"""Title, text, and whether somebody has to do something; by event and reason. What the user has
done by hand isn't told."""


def alerts(entries: Iterable[Entry], actions: Iterable[Action], state: State) -> list[Alert]:
    """The alerts that one step of the machine gives."""
    told = [_entry(entry, state) for entry in entries]
    told += [_crossed(action) for action in actions if isinstance(action, Crossed)]
    return [alert for alert in told if alert]


def _entry(entry: Entry, state: State) -> Alert | None:
    words = WORDS.get((entry.event, entry.reason))
    if words is None or (entry.event == "limit" and state.switch):
        return None
    title, text, urgent = words
    values = {
        "provider": entry.provider,
        "window": _window(entry.window),
        "until": _clock(entry.resets_at),
    }
    return Alert(title=title.format_map(values), text=text.format_map(values), urgent=urgent)


def _crossed(action: Crossed) -> Alert:
    text = f"It resets {_clock(action.resets_at)}."
    return Alert(title=f"{_window(action.window)}: {action.percentage:.0f} % used", text=text)


def _window(name: str | None) -> str:
    return (name or "plan").replace("_", " ").capitalize()


def _clock(moment: float | None) -> str:
    """A moment in local time, with the day where it isn't within the next 24 hours."""
    if moment is None:
        return "you choose otherwise"
    pattern = "%H:%M" if moment - time.time() < DAY else "%d %b %H:%M"
    return time.strftime(pattern, time.localtime(moment))
