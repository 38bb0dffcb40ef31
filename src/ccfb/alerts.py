"""What the user hears of without looking, and in which words. Nothing foreign is repeated."""

from collections.abc import Iterable

from ccfb.billing.events import Action, Crossed
from ccfb.billing.model import Entry, State
from ccfb.notify import Alert
from ccfb.words import clock, window

BACK = "Back on the subscription"
BILLED = "Billed to {provider}"
HIT = "{window}: hit. Until {until}."
NEAR = "{window}: nearly used up. Until {until}."
OPEN = "{window}: open again."
ANSWER = "In the session, or in any terminal: ccfb yes [DOLLARS], ccfb no, ccfb wait"

WORDS = {
    ("switch", "limit"): (BILLED, HIT, False),
    ("switch", "threshold"): (BILLED, NEAR, False),
    ("revert", "reset"): (BACK, OPEN, False),
    ("revert", "utilization"): (BACK, OPEN, False),
    ("revert", "budget"): (BACK, "The budget is used up. See ccfb status.", True),
    ("revert", "account"): (BACK, "Another account has signed in.", False),
    ("revert", "provider failure"): (
        BACK,
        "{provider} refused to be billed. See ccfb status.",
        True,
    ),
    ("question", "limit"): ("Go on with {provider}?", "{window}: hit. " + ANSWER, True),
    ("question", "threshold"): (
        "Go on with {provider}?",
        "{window}: nearly used up. " + ANSWER,
        True,
    ),
    ("budget", "near"): ("Most of the budget is spent", "{text}", False),
    ("downgrade", None): ("Going on with {text}", NEAR, False),
    ("restore", None): ("Back to the usual model", OPEN, False),
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
    if words is None or (entry.event == "limit" and _told_otherwise(state)):
        return None
    title, text, urgent = words
    values = {
        "provider": entry.provider,
        "window": _window(entry.window),
        "until": _clock(entry.resets_at),
        "text": entry.text,
    }
    return Alert(title=title.format_map(values), text=text.format_map(values), urgent=urgent)


def _told_otherwise(state: State) -> bool:
    """Whether what was done about a limit is told anyway."""
    return bool(state.switch or state.question or state.downgrades)


def _crossed(action: Crossed) -> Alert:
    text = f"It resets {_clock(action.resets_at)}."
    return Alert(title=f"{_window(action.window)}: {action.percentage:.0f} % used", text=text)


def _window(name: str | None) -> str:
    return f"{window(name)} window".capitalize()


def _clock(moment: float | None) -> str:
    return "you choose otherwise" if moment is None else clock(moment)
