"""Numbers and notes in words, as a terminal and the page tell them."""

from collections.abc import Iterable, Iterator

from ccfb import words
from ccfb.report.model import PICO, Collected, Line, Switch, Totals, View

SIGNS = ("", "k", "M", "G", "T", "P")


def amount(number: int) -> str:
    """A large number in three digits."""
    if number < 1_000:  # noqa: PLR2004 - three digits
        return f"{number}"
    digits, power = f"{number:.2e}".split("e")
    scale, more = divmod(int(power), 3)
    return f"{float(digits) * 10**more:.{2 - more}f}{SIGNS[scale]}"


def count(number: int, one: str, several: str = "") -> str:
    """So many of something."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def money(cost: float) -> str:
    """Pico-dollars, to the cent."""
    return "<$0.01" if 0 < cost < PICO // 200 else f"${cost / PICO:,.2f}"


def dollars(totals: Totals) -> str:
    """What has a price; a question mark stands for what has none."""
    if totals.unpriced and not totals.cost:
        return "?"
    return money(totals.cost) + (" + ?" if totals.unpriced else "")


def reason(switch: Switch) -> str:
    """Why billing went over; what a later version has written stands as it is."""
    window = words.window(switch.window)
    at = {"limit": f"{window} limit", "threshold": f"ahead of {window}", "user": "by hand"}
    return at.get(switch.reason, switch.reason)


def worth(view: View) -> str:
    """What it cost not to wait; what was billed by hand is another matter."""
    by_hand = _came_to(each for each in view.switches if each.reason == "user")
    others = _came_to(each for each in view.switches if each.reason != "user")
    told = dollars(others)
    if not others.unpriced:
        told += f", {money(others.cost / view.saved * words.HOUR)} an hour"
    return told + (f"; {dollars(by_hand)} by hand" if any(by_hand) else "")


def _came_to(switches: Iterable[Switch]) -> Totals:
    return Totals(*map(sum, zip(*(each.totals for each in switches), strict=True)))


def notes(total: Line, collected: Collected) -> Iterator[str]:
    """What should be known of the numbers."""
    totals = total.totals
    if not any(total.billed):
        yield "No switch was made: this is the cost at API prices."
    if totals.background:
        yield (
            f"{money(totals.background)} is background: calls that leave no message, by Claude"
            " Code's own account."
        )
    if totals.unpriced:
        yield (
            f"Not in the cost: {count(totals.unpriced, 'request')} without a known price,"
            f" {amount(totals.unpriced_tokens)} tokens."
        )
    damaged = [
        count(number, what)
        for number, what in (
            (collected.invalid, "invalid line"),
            (collected.cut, "cut line"),
            (collected.unknown, "unknown answer"),
        )
        if number
    ]
    if damaged:
        yield f"Left out: {', '.join(damaged)}."
