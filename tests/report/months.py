"""Invented months of work with a plan, its limits, and keys that take over: sums and a ledger."""

import random
from datetime import date

from ccfb.plans import PLANS
from ccfb.report import breakeven, days, page
from ccfb.report.model import PICO, Cap, Collected, Event, Request, Slot, Sum

HOUR = 4
"""Slots."""

LAST = days.number_of(date(2026, 11, 20))
CAPACITY = 30.0
"""Dollars that a window of the plan holds."""

WEEKLY = (LAST - 24) * days.DAY + 56
"""When the plan's week is used up."""

PROJECTS = {
    "/home/ada/code/atlas-api": 30,
    "/home/ada/code/atlas-web": 22,
    "/home/ada/code/billing-jobs": 12,
    "/home/ada/studio/design-system": 9,
    "/home/ada/studio/migrations": 6,
    "/home/ada/play/chess-engine": 5,
    "/home/ada/dotfiles": 2,
    "/home/ada/notes": 1,
}
MODELS = {
    "claude-opus-5-5": 60,
    "claude-sonnet-5-5": 26,
    "claude-haiku-5-5": 9,
}
SHARES = (("output", 0.3, 25), ("cache_read", 0.42, 0.5), ("cache_write_1h", 0.26, 10))
"""Of a request's cost, and dollars for a million of each."""


class Months:
    """A developer's days, one after the other."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.sums: list[Sum] = []
        self.events: list[Event] = []
        self.end = 0
        """Of the plan's window; in slots, as all times here."""
        self.carried = 0.0
        self.switch = 0
        self.waits = False
        self.week = 0.0

    def live(self, first: int, last: int) -> None:
        """Work on all days, more or less."""
        for day in range(first, last + 1):
            weekend, away = days.day_of(day).weekday() > 4, (day - first) % 61 in range(40, 47)
            rate = 0.0 if away else 0.25 if weekend else 0.93
            if self.dice.random() < rate:
                mood = self.dice.lognormvariate(0, 0.5) * (0.5 if weekend else 1)
                for start, length in self.blocks(weekend=weekend):
                    for slot in range(day * days.DAY + start, day * days.DAY + start + length):
                        self.work(slot, mood)

    def blocks(self, *, weekend: bool) -> list[tuple[int, int]]:
        """When the day's work is done: its start and length."""
        dice = self.dice
        if weekend:
            return [(dice.randrange(40, 72), dice.randrange(4, 12))]
        blocks = [(dice.randrange(33, 40), dice.randrange(9, 15)), (53, dice.randrange(12, 22))]
        return [*blocks, (81, dice.randrange(3, 10))] if dice.random() < 0.35 else blocks

    def work(self, slot: int, mood: float) -> None:
        """A quarter of an hour."""
        if slot >= self.end:
            self.renew(slot)
        if slot >= WEEKLY and not self.week and not self.switch:
            self.week = LAST * days.DAY * days.SLOT
            self.strike(slot, "seven_day", self.week)
        if self.waits:
            return
        dollars = mood * self.dice.lognormvariate(0.35, 0.55)
        if not self.switch and self.carried + dollars > CAPACITY * self.dice.uniform(0.94, 1.06):
            self.strike(slot, "five_hour", self.end * days.SLOT)
        if not self.switch and not self.waits:
            self.carried += dollars
        if not self.waits:
            self.request(slot, dollars)

    def renew(self, slot: int) -> None:
        """A window begins, and billing goes back to the plan."""
        if self.switch:
            self.event(self.end * days.SLOT - 0.5, "revert", None, "five_hour", None, "reset")
        self.end = slot // HOUR * HOUR + 5 * HOUR
        self.carried, self.switch, self.waits = 0.0, 0, False

    def strike(self, slot: int, window: str, resets_at: float) -> None:
        """The plan refuses, or soon would; mostly a key takes over."""
        at = slot * days.SLOT - self.dice.randrange(20, 400)
        ahead = window == "five_hour" and self.dice.random() < 0.3
        reason = "threshold" if ahead else "limit"
        self.event(at, reason, None, window, resets_at)
        self.event(at + 1, "question", None, window, resets_at, reason)
        self.waits = not ahead and self.dice.random() < 0.22
        self.event(at + 9, "answer", None, window, resets_at, "no" if self.waits else "yes")
        if not self.waits:
            provider = self.dice.choices(["anthropic", "openrouter"], [4, 1])[0]
            self.event(at + 9, "switch", provider, window, resets_at, reason)
            self.switch = self.events[-1].id

    def event(
        self,
        at: float,
        event: str,
        provider: str | None,
        window: str,
        resets_at: float | None,
        reason: str | None = None,
    ) -> None:
        number = len(self.events) + 1
        self.events.append(Event(number, at, event, provider, window, resets_at, reason, None))

    def request(self, slot: int, dollars: float) -> None:
        """A few requests, of one model in one project."""
        project = self.dice.choices([*PROJECTS], [*PROJECTS.values()])[0]
        model = self.dice.choices([*MODELS], [*MODELS.values()])[0]
        tokens = {name: int(dollars * share * 1e6 / price) for name, share, price in SHARES}
        requests = self.dice.randrange(4, 40)
        self.sums.append(
            Sum(
                project=project.replace("/", "-"),
                session="",
                model=model,
                switch=self.switch,
                background=int(self.dice.random() < 0.01),
                day=slot // days.DAY,
                last_day=slot // days.DAY,
                slot=slot,
                last_slot=slot,
                requests=requests,
                unpriced=0,
                input=requests * 40,
                cache_write_5m=0,
                searches=0,
                cost=round(dollars * PICO),
                unpriced_tokens=0,
                **tokens,
            )
        )


def collected(length: int = 91, seed: int = 44) -> Collected:
    """Months of work that end on 2026-11-20, a Friday."""
    months = Months(seed)
    months.live(LAST - length + 1, LAST)
    folders = {project.replace("/", "-"): project for project in PROJECTS}
    return Collected(months.sums, months.events, folders, 900, 0, 0, 0)


NOW = (LAST * days.DAY + 72) * days.SLOT
REQUEST = Request((), timezone="UTC")


def utc(_: int) -> int:
    return 0


def data(length: int = 91, seed: int = 44) -> page.PageData:
    """What the page shows of them, to somebody with a plan that is often too small."""
    work = collected(length, seed)
    made = page.page_of(work, REQUEST, utc, NOW)
    slots = [Slot(each.slot, each.switch, each.cost, each.unpriced) for each in work.sums]
    found = breakeven.compare(slots, work.events, PLANS, "max_5x")
    caps = [Cap("day", 12.4, 20), Cap("month", 151.02, 250)]
    return made._replace(view=made.view._replace(break_even=found, budget=caps))
