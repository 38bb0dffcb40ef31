"""What bills sessions otherwise than the state says: found in settings and environment."""

from collections.abc import Iterable, Mapping
from typing import Any

from ccfb.client import registration, signals
from ccfb.client.overrides import CLOCK, VARIABLES, Overrides

HELPER = "apiKeyHelper"

BEFORE_THE_PLAN = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""Variables that the client bills before it looks at the plan or a helper (its documentation);
in an interactive session the first one needs the user's approval (seen on 2.1.329)."""


def marker(values: Mapping[str, Any]) -> str:
    """The provider that settings say is billed; empty for the subscription."""
    return str(_variables(values).get(signals.BILLING_VARIABLE) or "")


def bills_a_key(values: Mapping[str, Any]) -> bool:
    """Whether settings still have what a switch has put there."""
    return bool(marker(values)) or registration.is_ours(values.get(HELPER))


def left_over(values: Mapping[str, Any], known: Iterable[Overrides]) -> Overrides:
    """Our overrides in settings whose state was lost.

    Args:
        values: The settings.
        known: What we may have put there; anything else is the user's.
    """
    variables = _variables(values)
    if not bills_a_key(values) and signals.BILLING_VARIABLE not in variables:
        return {}
    places = {("env", name): value for name, value in variables.items() if name in VARIABLES}
    ours = {item for each in known for item in each.items()}
    found: Overrides = {
        place: value
        for place, value in places.items()
        if value == "" or place[-1] == signals.BILLING_VARIABLE or (place, value) in ours
    }
    if registration.is_ours(values.get(HELPER)):
        found[HELPER,] = values[HELPER]
    slot = values.get("statusLine")
    if isinstance(slot, dict) and slot.get("refreshInterval") == CLOCK:
        found["statusLine", "refreshInterval"] = CLOCK
    return found


def off_the_plan(values: Mapping[str, Any]) -> list[str]:
    """The entries of somebody else that bill a key, whatever we do."""
    places = [f"env.{name}" for name in before_the_plan(_variables(values))]
    helper = values.get(HELPER)
    if helper and not registration.is_ours(helper):
        places.append(HELPER)
    return places


def before_the_plan(variables: Mapping[str, object]) -> list[str]:
    """The variables that bill a key before the plan: in settings, or in the environment."""
    return [name for name in BEFORE_THE_PLAN if variables.get(name)]


def _variables(values: Mapping[str, Any]) -> dict[str, Any]:
    variables = values.get("env")
    return variables if isinstance(variables, dict) else {}
