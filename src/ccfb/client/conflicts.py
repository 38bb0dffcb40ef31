"""What bills sessions otherwise than the state says: found in settings and environment."""

from collections.abc import Iterable, Mapping
from typing import Any

from ccfb.client import models, registration, signals
from ccfb.client.overrides import (
    CLOCK,
    INTERVAL,
    MODELS,
    SHORT_CONTEXT,
    SLOW_CLOCK,
    VARIABLES,
    Overrides,
)

HELPER = "apiKeyHelper"

OURS = {signals.BILLING_VARIABLE, signals.MODEL_VARIABLE, SHORT_CONTEXT}
"""Variables that nobody but us sets."""

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
    if not bills_a_key(values) and not variables.keys() & OURS:
        return {}
    places = {("env", name): value for name, value in variables.items() if name in VARIABLES}
    ours = {item for each in known for item in each.items()}
    found: Overrides = {
        place: value
        for place, value in places.items()
        if value == "" or place[-1] in OURS or (place, value) in ours
    }
    if variables.get(signals.MODEL_VARIABLE):
        found |= _downgraded(values)
    if registration.is_ours(values.get(HELPER)):
        found[HELPER,] = values[HELPER]
    slot = values.get("statusLine")
    if isinstance(slot, dict) and registration.is_ours(slot.get("command")):
        clocks = (CLOCK, SLOW_CLOCK) if variables.get(signals.MODEL_VARIABLE) else (CLOCK,)
        if slot.get("refreshInterval") in clocks:
            found[INTERVAL] = slot["refreshInterval"]
    return found


def _downgraded(values: Mapping[str, Any]) -> Overrides:
    """What a downgrade has put there: names of the client's own models."""
    own = models.known()
    found: Overrides = {
        ("env", name): value
        for name, value in _variables(values).items()
        if name in MODELS.values() and value in own
    }
    mapped = values.get("modelOverrides")
    for name, value in mapped.items() if isinstance(mapped, dict) else ():
        if value in own:
            found["modelOverrides", name] = value
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
