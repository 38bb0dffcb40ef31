"""The user's word, as the machine takes it: see `ccfb.config`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal, NamedTuple

Mode = Literal["ask", "auto", "notify", "off"]

NEVER = ("off", "notify")
DOWNGRADE = "downgrade:"

OF_ALL = ("five_hour", "seven_day", "outage")
"""What refuses every model alike: another one is no way out."""


class Policy(NamedTuple):
    """What is done about one window."""

    does: str = "ask"
    """`switch`, `ask`, `wait`, or `downgrade:<model>`."""
    switch_at: float = inf
    """Percent at which it is closed, ahead of its limit."""
    back_at: float = -inf
    """Percent at which it is open again."""


class Caps(NamedTuple):
    """Dollars that may be spent; None: no cap."""

    session: float | None = None
    window: float | None = None
    day: float | None = None
    month: float | None = None


ASK = Policy()
UNCAPPED = Caps()


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be done by itself, and with whose money."""

    mode: Mode = "ask"
    usable: tuple[str, ...] = ()
    """Providers whose key can be had, in order of preference."""
    offered: tuple[str, ...] = ()
    """Providers that have a key, which wasn't read so far."""
    windows: Mapping[str, Policy] = field(default_factory=dict)
    other: Policy = ASK
    """For windows that have no policy of their own."""
    caps: Caps = UNCAPPED
    unattended: bool = False
    """Where nobody can be asked, the answer is yes."""
    alert_at: tuple[float, ...] = ()
    """Percentages of any window that the user wants to hear of."""

    def policy(self, window: str) -> Policy:
        """The policy of a window."""
        policy = self.windows.get(window, self.other)
        if self.mode in NEVER:
            return policy._replace(does="wait")
        if policy.does.startswith(DOWNGRADE) and window in OF_ALL:
            return policy._replace(does="ask")
        if self.mode == "ask" and policy.does == "switch":
            return policy._replace(does="ask")
        return policy
