"""Options that people know from an earlier tool: understood, and what to write today."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from pydantic import Field, StrictBool

from ccfb.config.model import Config, Dollars, Percentage, ProviderName
from ccfb.config.values import Values, has, put, text

OPTIONS = {
    "api_key": "A key has no place in this file: `ccfb key set` keeps it.",
    "auto_switch": "Write `mode`: `auto` for true, `notify` for false.",
    "prompt_before_switch": "Write `mode`: `ask`.",
    "cost_limit_per_session": "Write `budget.session`.",
    "log_usage": "Without effect: what was switched and spent is always written down.",
    "notify_at_percentage": "Write `alerts.at`.",
    "auto_revert_on_reset": "Without effect: at the reset billing goes back; `ccfb use` stays.",
}
"""And what to do today."""


def _deprecated(name: str) -> Any:
    """A field that editors strike out, with what to write instead."""

    def mark(node: dict[str, Any]) -> None:
        node.update(deprecated=True, deprecationMessage=OPTIONS[name])
        del node["default"]

    return Field(default=None, description=OPTIONS[name], json_schema_extra=mark)


class File(Config):
    """What ccfb may do by itself, and with which providers."""

    schema_: str | None = Field(
        default=None, alias="$schema", description="Where editors find what is allowed here."
    )
    api_key: str = _deprecated("api_key")
    auto_switch: StrictBool = _deprecated("auto_switch")
    prompt_before_switch: StrictBool = _deprecated("prompt_before_switch")
    cost_limit_per_session: Dollars = _deprecated("cost_limit_per_session")
    log_usage: StrictBool = _deprecated("log_usage")
    notify_at_percentage: Percentage | list[Percentage] = _deprecated("notify_at_percentage")
    auto_revert_on_reset: StrictBool = _deprecated("auto_revert_on_reset")


class Word(NamedTuple):
    """Something in `config.json` that the user should know of, though it isn't wrong."""

    option: str
    meaning: str
    hint: str


def today(values: Values) -> Values:
    """The same in today's words, which win where both are said; a key isn't taken along.

    Args:
        values: What stands in the file, and is allowed there.
    """
    new = deepcopy(values)
    for old in ("$schema", *OPTIONS):
        new.pop(old, None)
    for _, place, value in readings(values):
        if not has(new, place):
            put(new, place, value)
    return new


def readings(values: Values) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Earlier options that say something: the option, today's place, the value there."""
    ask, switch = values.get("prompt_before_switch"), values.get("auto_switch")
    if ask or switch is not None:
        mode = "ask" if ask else "auto" if switch else "notify"
        for option in ("prompt_before_switch", "auto_switch"):
            if values.get(option) is not None:
                yield option, ("mode",), mode
    if (dollars := values.get("cost_limit_per_session")) is not None:
        yield "cost_limit_per_session", ("budget", "session"), dollars
    if (told := values.get("notify_at_percentage")) is not None:
        at = told if isinstance(told, list) else [told]
        yield "notify_at_percentage", ("alerts", "at"), at


def words(values: Values) -> list[Word]:
    """What becomes of each earlier option; no key is repeated.

    Args:
        values: What stands in the file, and is allowed there.
    """
    meanings = OPTIONS | {"prompt_before_switch": "Without effect: auto_switch isn't set."}
    for option, place, value in readings(values):
        name = ".".join(place)
        meanings[option] = (
            f"Without effect, as {name} is set too."
            if has(values, place)
            else f"Understood as {name}: {text(value)}."
        )
    return [
        *_key_word(values),
        *(
            Word(option, meaning, "ccfb config update")
            for option, meaning in meanings.items()
            if option != "api_key" and values.get(option) is not None
        ),
    ]


def provider_of(key: str) -> ProviderName | None:
    """Whose key it is by its looks; None: it is no key."""
    if len(key.split()) != 1 or not key.isascii():
        return None
    return "openrouter" if key.strip().startswith("sk-or-") else "anthropic"


def _key_word(values: Values) -> Iterator[Word]:
    key = values.get("api_key")
    provider = provider_of(key or "")
    if provider in values.get("keys", {}):
        meaning = f"Not used, as keys.{provider} is set too."
        yield Word("api_key", meaning, "ccfb config unset api_key")
    elif provider:
        yield Word("api_key", "Not used as long as it lies in this file.", "ccfb config update")
    elif key is not None:
        yield Word("api_key", "Not used: that is no key.", "ccfb config unset api_key")
