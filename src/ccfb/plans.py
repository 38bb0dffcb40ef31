"""Anthropic's plans: what they cost, and what they hold. Plain, for the report is quick to import.

What a window holds isn't published. The defaults are what monitors of usage assume in public; the
configuration may say otherwise, and a report learns it from limits that were hit.
"""

from typing import NamedTuple


class Plan(NamedTuple):
    """One of them."""

    title: str
    price: float
    """Dollars a month."""
    window: float
    """Dollars, at API prices, that a window of five hours holds."""
    week: float | None
    """The same of a week; None: not counted."""
    share: int
    """Its window, in those of the smallest plan, as its name says."""
    told: bool = False
    """Whether the user has said what its window holds."""


PLANS = {
    "pro": Plan("Pro", price=20, window=18, week=None, share=1),
    "max_5x": Plan("Max 5x", price=100, window=35, week=None, share=5),
    "max_20x": Plan("Max 20x", price=200, window=140, week=None, share=20),
}
