"""The words for times and names that people read, whoever tells them."""

import time
from datetime import datetime

MINUTE, HOUR, DAY = 60, 3_600, 86_400

WINDOWS = {
    "five_hour": "5-hour",
    "seven_day": "weekly",
    "seven_day_opus": "weekly Opus",
    "seven_day_sonnet": "weekly Sonnet",
    "overage": "extra usage",
    "outage": "outage",
}
"""The client's names of the plan's windows, as its own messages call them."""

PERIODS = {
    "session": "in a session",
    "window": "in this window",
    "day": "today",
    "month": "this month",
    "answer": "as you said",
}
"""What a cap is for."""


def now() -> float:
    """This moment, in epoch seconds."""
    return time.time()


def clock(moment: float, today: float | None = None) -> str:
    """A moment for people, in local time, with its day unless that is today's.

    Args:
        moment: Epoch seconds.
        today: Another moment, whose day counts as today.
    """
    local = datetime.fromtimestamp(int(moment)).astimezone()
    if local.date() == datetime.fromtimestamp(today or now()).astimezone().date():
        return f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def ahead(moment: float) -> str:
    """How far off a moment is, in words."""
    left = moment - now()
    if left <= 0:
        return "due"
    if left < MINUTE:
        return "in less than a minute"
    return f"in {duration(left)}"


def duration(seconds: float) -> str:
    """An amount of time in its two largest units, such as `2 h 14 min`."""
    whole = int(seconds)
    days, hours, minutes = whole // DAY, whole % DAY // HOUR, whole % HOUR // MINUTE
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def until(moment: float) -> str:
    """A moment ahead, by the clock and in words."""
    return f"{clock(moment)} ({ahead(moment)})"


def window(name: str | None) -> str:
    """A window of the plan, as the client's messages call it."""
    return WINDOWS.get(name or "plan", (name or "plan").replace("_", " "))


def biller(billing: str) -> str:
    """Who is billed."""
    return "the subscription" if billing == "subscription" else f"your {billing} key"
