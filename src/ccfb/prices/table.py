"""The compiled prices, by provider, model and day. Standard library only; read when first used."""

import os
import time
from contextlib import suppress
from functools import lru_cache
from typing import TypedDict

from ccfb import paths
from ccfb.prices.model import Price, Rates

PATH = os.path.join(os.path.dirname(__file__), "table.json")
"""The table that is shipped with the package."""

VERSION = 1

HEAD = f'{{"version": {VERSION}, "made": "'
"""How a table begins, before the day."""

Row = tuple[int, float, float, float, float, float]
"""As in `Rates`."""


class Dated(TypedDict):
    """The prices of a model from one day on."""

    since: str
    """A day in UTC, as in 2026-09-22; empty: since ever."""
    standard: list[Row]
    """By rising prompt length; empty: the price isn't known."""
    fast: list[Row]
    """The same in fast mode."""
    web_search: float
    """Dollars per thousand."""


class Model(TypedDict):
    """One model of a provider."""

    names: list[str]
    """Lower case."""
    patterns: list[str]
    """Regular expressions for names that aren't listed, such as dated ones."""
    prices: list[Dated]
    """By rising day; the first one since ever."""


class Table(TypedDict):
    """What a file of prices holds."""

    version: int
    made: str
    """The day, as an ISO date."""
    source: str
    providers: dict[str, dict[str, Model]]


def price(provider: str, model: str, at: float, *, fast: bool = False) -> Price | None:
    """The price of a model at a provider.

    Args:
        provider: `anthropic` or `openrouter`; there is no table for others.
        model: As the provider or the client names it, also dated or with `[1m]`.
        at: Epoch seconds; prices change at midnight UTC.
        fast: The request ran in fast mode, which has its own rates.

    Returns:
        None if the price isn't known, also that of the fast mode alone. Such a request isn't
        free: count it at `dearest`.
    """
    name = _model(provider, model)
    return None if name is None else _price(provider, name, _day(at), fast)


def dearest(provider: str, at: float) -> Price:
    """A price that no request to this provider exceeds, whatever its model, length and mode.

    Each of its rates is the highest that any known model of the provider has on that day. For a
    provider without a table: the highest of all.

    Args:
        provider: As in `price`.
        at: Epoch seconds.
    """
    return _dearest(provider, _day(at))


def forget() -> None:
    """Read the prices anew when the next one is asked for."""
    for each in (_models, _names, _model, _price, _dearest):
        each.cache_clear()


def current() -> Table:
    """The prices in force; those that are shipped where the fetched ones are damaged."""
    with suppress(OSError, ValueError):
        return read(in_force())
    return read(PATH)


def fetched() -> str:
    """Where `ccfb prices update` keeps its table."""
    return paths.own("prices.json")


def in_force() -> str:
    """The file that prices are read from: the fetched table, unless the shipped one is newer."""
    return fetched() if made(fetched()) >= made(PATH) else PATH


def made(path: str) -> str:
    """The day on which a table was made, as an ISO date; empty where there is none."""
    with suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8") as file:
        line = file.readline()
        return line[len(HEAD) :].partition('"')[0] if line.startswith(HEAD) else ""
    return ""


def read(path: str) -> Table:
    """All prices of a file.

    Raises:
        OSError: There is none.
        ValueError: It is damaged.
    """
    import json  # noqa: PLC0415 - costs more than the rest of this room

    with open(path, encoding="utf-8") as file:
        table: Table = json.load(file)
    return table


def _of(path: str, provider: str) -> dict[str, Model]:
    """The models of one provider, without going through the many of all others.

    Raises:
        OSError: There is no such file.
        ValueError: It is damaged.
    """
    import json  # noqa: PLC0415 - as above

    with open(path, encoding="utf-8") as file:
        words = file.read()
    head, whole = f'\n"{provider}": {{\n', words.rstrip().endswith("}}")
    start = words.find(head) + len(head)
    with suppress(ValueError):
        if start >= len(head) and whole:
            part = words[start : words.index("\n}", start)]
            models: dict[str, Model] = json.loads(f"{{{part}}}")
            return models
    return read(path)["providers"].get(provider, {})


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


@lru_cache
def _models(provider: str) -> dict[str, Model]:
    with suppress(OSError, ValueError):
        return _of(in_force(), provider)
    return _of(PATH, provider)


@lru_cache
def _names(provider: str) -> dict[str, str]:
    models = _models(provider)
    return {name: model for model, entry in models.items() for name in entry["names"]}


@lru_cache
def _model(provider: str, name: str) -> str | None:
    """The table's own name for a model."""
    import re  # noqa: PLC0415 - as with `json`

    name = name.strip().lower().removesuffix("[1m]")
    spelled = re.sub(r"-(20\d\d)(0[1-9]|1[0-2])([0-3]\d)(?=[-:]|$)", r"-\1-\2-\3", name)
    # Some providers write a date with dashes, and some without.
    for candidate in dict.fromkeys((name, spelled, _here(provider, name))):
        known = _names(provider).get(candidate)
        if known:
            return known
        for model, entry in _models(provider).items():
            if any(_fits(candidate, pattern) for pattern in entry["patterns"]):
                return model
    return None


def _fits(name: str, pattern: str) -> bool:
    """Whether a name is meant; most patterns are plain words, and to compile them takes longer."""
    import re  # noqa: PLC0415 - as with `json`

    plain = pattern.removeprefix("^")
    word = plain.replace("\\", "")
    if re.escape(word) != plain:
        return re.search(pattern, name) is not None
    return word in name if plain == pattern else name.startswith(word)


def _here(provider: str, name: str) -> str:
    """What a provider calls the Claude model that another provider calls `name`."""
    import re  # noqa: PLC0415 - as with `json`

    if provider == "anthropic":
        return name.removeprefix("anthropic/").replace(".", "-")
    if provider == "openrouter" and name.startswith("claude-"):
        undated = re.sub(r"-20\d{6}$", "", name)
        return "anthropic/" + re.sub(r"(\d)-(\d+)$", r"\1.\2", undated)
    return name


def _in_force(entry: Model, day: str) -> Dated:
    return [dated for dated in entry["prices"] if dated["since"] <= day][-1]


@lru_cache(maxsize=1024)
def _price(provider: str, model: str, day: str, fast: bool) -> Price | None:
    dated = _in_force(_models(provider)[model], day)
    rows = dated["fast" if fast else "standard"]
    return Price(model, tuple(Rates(*row) for row in rows), dated["web_search"]) if rows else None


@lru_cache
def _dearest(provider: str, day: str) -> Price:
    own = _models(provider)
    chosen = [own] if own else list(current()["providers"].values())
    known = [_in_force(entry, day) for models in chosen for entry in models.values()]
    rows = [row for dated in known for row in (*dated["standard"], *dated["fast"])]
    highest = [max(column) for column in list(zip(*rows, strict=True))[1:]]
    return Price("dearest", (Rates(0, *highest),), max(dated["web_search"] for dated in known))
