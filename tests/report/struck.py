"""What limits, keys and their owner left in the ledger while a corpus was written."""

from pathlib import Path
from typing import Any

from ccfb import files
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.report import collect, days
from ccfb.report.model import Request
from ccfb.report.windows import LENGTH, windows


def strike(projects: Path, often: int = 6) -> None:
    """Have the plan's limit struck in the windows in which most was done, and a key billed then.

    Every third was left ahead of its limit; at the last, the owner was asked, and didn't switch.
    """
    request = Request((str(projects),), by="window")
    sums = collect.collect(request, lambda _: 0, lambda _done, _total: None).sums
    spans = windows({each.slot for each in sums}, [])
    costs: dict[int, int] = {}
    for each in sums:
        start = spans[each.slot][0]
        costs[start] = costs.get(start, 0) + each.cost
    entries: list[Entry] = []

    def add(at: float, event: str, provider: str | None = None, **more: Any) -> None:
        values = {"id": len(entries) + 1, "at": at, "event": event, "provider": provider, **more}
        entries.append(Entry.model_validate(values))

    busiest = sorted(sorted(costs, key=lambda start: -costs[start])[:often])
    for number, start in enumerate(busiest, 1):
        slots = sorted(each.slot for each in sums if start <= each.slot < start + LENGTH)
        at = slots[len(slots) // 2] * days.SLOT + 100
        reset = (start + LENGTH) * days.SLOT
        reason = "threshold" if number % 3 == 0 else "limit"
        window: dict[str, Any] = {"window": "five_hour", "resets_at": reset}
        add(at, reason, **window)
        if number < often:
            provider = "openrouter" if number == 2 else "anthropic"
            add(at + 60, "switch", provider, reason=reason, **window)
            add(reset - 0.5, "revert", provider, reason="reset", **window)
    files.make_own_dir()
    store.append(entries)
