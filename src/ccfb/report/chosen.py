"""What the user has said that a report needs: plans, and the budget.

To understand a configuration takes longer than all the rest of a report. One that was understood
before is known by the copy that is kept of it.
"""

from typing import Any

from ccfb import gate, paths
from ccfb.plans import PLANS, Plan
from ccfb.report.model import Cap

Values = dict[str, Any]


def plans() -> tuple[dict[str, Plan], str | None]:
    """The plans by name, and the name of the user's; None: not known."""
    said = _said()
    told = said.get("plans", {})
    found = {
        name: plan._replace(**said_of, told="window" in said_of)
        for name, plan in PLANS.items()
        for said_of in [told.get(name, {})]
    }
    return found, said.get("plan")


def caps(now: float) -> list[Cap]:
    """Every cap that holds now, and what is spent of it, in dollars.

    Args:
        now: Epoch seconds.
    """
    limits, state = _said().get("budget", {}), gate.read(paths.own("state.json"))
    capped = any(cap is not None for cap in limits.values()) or state.get("allowance")
    if not state or not capped:
        return []
    from ccfb.billing import budget  # noqa: PLC0415 - only where there is a cap
    from ccfb.billing.model import Moment, State  # noqa: PLC0415
    from ccfb.billing.rules import Caps  # noqa: PLC0415

    try:
        known = State.model_validate(state)
    except ValueError:  # damaged; the engine will see to it
        return []
    found = budget.caps(known, Caps(**limits), Moment(now, 0.0))
    return [Cap(cap.per, cap.spent, cap.dollars, cap.used_up) for cap in found]


def _said() -> Values:
    """What is in force of the configuration, without defaults."""
    values = gate.read(paths.own("config.json"))
    if values == gate.read(paths.own("config.good.json")):
        return values
    from ccfb import config  # noqa: PLC0415 - as above

    return config.in_force()[0].model_dump(mode="json", exclude_unset=True)
