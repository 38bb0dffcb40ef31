"""From the prices that `genai-prices` publishes to a table: its rules are worked out once.

Standard library only, so that fresh prices need nothing more than a download.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ccfb.errors import CcfbError
from ccfb.prices.table import HEAD, VERSION, Dated, Model, Row, Table

PROVIDERS = ("anthropic", "openrouter")
LONG_AGO = date(2000, 1, 1)
FAST = {"speed": "fast"}

Json = Mapping[str, Any]

RATES = (
    ("input_mtok",),
    ("output_mtok",),
    ("cache_read_mtok", "input_mtok"),
    ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
    ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
)
"""Where each rate of a row is found: the first of these prices that a model has."""

CLAUDE_WRITES = {"cache_write_mtok": Decimal("1.25"), "cache_write_1h_mtok": Decimal(2)}
"""What Anthropic asks for cache writes, times its price of input. Who sells its models on passes
that on, also where no price list says so."""


def read(published: bytes | str) -> Any:
    """Decode what is published; prices are decimals.

    Raises:
        ValueError: It isn't JSON.
    """
    return json.loads(published, parse_float=Decimal, parse_constant=_no_number)


def table(published: Any, source: str, made: str) -> Table:
    """Work the table out.

    Args:
        published: A list of providers, decoded with `read`.
        source: Where it comes from, for people.
        made: The day, as an ISO date.

    Raises:
        CcfbError: `prices-not-understood`, if there is a rule that the table can't express.
    """
    try:
        by_id = {provider["id"]: provider for provider in published}
        providers = {name: _models(by_id[name]) for name in PROVIDERS}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error) as error:
        why = f"there is no {error}" if isinstance(error, KeyError) else f"{error}"
        if isinstance(error, (AttributeError, TypeError)):  # in Python's words
            why = "something stands where an object or a list should"
        raise CcfbError(
            "prices-not-understood",
            f"These prices aren't in the form in which genai-prices publishes them: {why}.",
            "The table stays as it is. If they are its data.json, please report this.",
        ) from error
    return {"version": VERSION, "made": made, "source": source, "providers": providers}


def render(table: Table) -> str:
    """The table as JSON with one model a line, so that a change in prices is easy to review."""
    providers = []
    for name, models in table["providers"].items():
        lines = [f"{json.dumps(model)}: {json.dumps(entry)}" for model, entry in models.items()]
        providers.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    head = f'{HEAD}{table["made"]}", "source": {json.dumps(table["source"])},\n"providers": {{\n'
    return head + ",\n".join(providers) + "\n}}\n"


def _models(provider: Json) -> dict[str, Model]:
    if provider.get("fallback_model_providers"):
        raise _strange(provider["id"], "prices borrowed from another provider")
    models: dict[str, Model] = {
        model["id"]: {"names": [], "patterns": _patterns(model), "prices": _prices(model)}
        for model in provider["models"]
    }
    if len(models) != len(provider["models"]):
        raise _strange(provider["id"], "two models of one name")
    names = {model["id"]: set(_names(model)) for model in provider["models"]}
    patterns = {
        model: [re.compile(pattern) for pattern in entry["patterns"]]
        for model, entry in models.items()
    }
    for name in dict.fromkeys(name for model in provider["models"] for name in _names(model)):
        # An earlier model's pattern may claim the name, and then it wins.
        owner = next(
            model
            for model in models
            if name in names[model] or any(each.search(name) for each in patterns[model])
        )
        models[owner]["names"].append(name)
    return models


def _clauses(match: Json) -> Iterator[tuple[str, Any]]:
    ((kind, what),) = match.items()
    if kind == "or":
        for clause in what:
            yield from _clauses(clause)
    else:
        yield kind, what


def _names(model: Json) -> list[str]:
    """In lower case."""
    return [what.lower() for kind, what in _clauses(model["match"]) if kind == "equals"]


def _patterns(model: Json) -> list[str]:
    """Regular expressions to search for in a name in lower case."""
    clauses = [clause for clause in _clauses(model["match"]) if clause[0] != "equals"]
    return [_pattern(model, kind, what) for kind, what in clauses]


def _pattern(model: Json, kind: str, what: str) -> str:
    if kind == "regex":
        return what
    if kind == "starts_with":
        return f"^{re.escape(what.lower())}"
    if kind == "ends_with":
        return rf"{re.escape(what.lower())}\Z"
    if kind == "contains":
        return re.escape(what.lower())
    raise _strange(model["id"], f"names that match by {kind}")


def _prices(model: Json) -> list[Dated]:
    dated: list[Dated] = []
    for day in sorted({LONG_AGO, *_starts(model)}):
        standard = _standard(model, day)
        variants = [each for each in _fast(model) if _active(each, day)]
        fast = {**standard, **{k: v for each in variants[::-1] for k, v in _told(each).items()}}
        prices: Dated = {
            "since": day.isoformat() if day > LONG_AGO else "",
            "standard": _rows(model, standard),
            "fast": _rows(model, fast) if variants else [],
            "web_search": _web_search(model, standard),
        }
        if not dated or prices | {"since": ""} != dated[-1] | {"since": ""}:
            dated.append(prices)
    return dated


def _standard(model: Json, day: date) -> Json:
    """The prices of a day: the last ones that hold, else the first."""
    conditional = _conditional(model)
    holding = [each for each in conditional if _active(each, day)]
    return _told((holding or conditional[:1])[-1])


def _conditional(model: Json) -> list[Json]:
    prices = model["prices"]
    return prices if isinstance(prices, list) else [{"prices": prices}]


def _told(conditional: Json) -> Json:
    return {key: rate for key, rate in conditional["prices"].items() if rate is not None}


def _fast(model: Json) -> list[Json]:
    return [each for each in model.get("price_variants") or () if each["when"] == FAST]


def _starts(model: Json) -> Iterator[date]:
    """The days on which a price of this model begins."""
    for each in (*_conditional(model), *_fast(model)):
        constraint = each.get("constraint")
        if constraint and set(constraint) != {"start_date"}:
            raise _strange(model["id"], f"prices by {', '.join(constraint)}")
        if constraint:
            yield date.fromisoformat(constraint["start_date"])


def _active(conditional: Json, day: date) -> bool:
    constraint = conditional.get("constraint")
    return not constraint or date.fromisoformat(constraint["start_date"]) <= day


def _rows(model: Json, price: Json) -> list[Row]:
    """A row for each length of prompt from which rates differ; none without a price."""
    if "input_mtok" not in price or "output_mtok" not in price:
        return []
    known = dict(price)
    if "claude" in model["id"]:
        for key, times in CLAUDE_WRITES.items():
            known.setdefault(key, _times(price["input_mtok"], times))
    # What isn't priced by itself is billed as what it is a part of, at any length.
    rates = [_tiers(next(known[key] for key in keys if key in known)) for keys in RATES]
    starts = {start for tiers in rates for start, _ in tiers[1:]}
    if 0 in starts:
        raise _strange(model["id"], "a tier that starts at no tokens")
    return [_row(rates, above) for above in (0, *sorted(starts))]


def _times(rate: Any, factor: Decimal) -> Any:
    if isinstance(rate, Mapping):
        tiers = [{**tier, "price": tier["price"] * factor} for tier in rate["tiers"]]
        return {"base": rate["base"] * factor, "tiers": tiers}
    return rate * factor


def _tiers(rate: Any) -> list[tuple[int, float]]:
    """Dollars per million tokens, and the length of a prompt above which they hold."""
    if not isinstance(rate, Mapping):
        return [(0, _dollars(rate))]
    rising = sorted((int(tier["start"]), _dollars(tier["price"])) for tier in rate["tiers"])
    return [(0, _dollars(rate["base"])), *rising]


def _dollars(rate: Any) -> float:
    dollars = float(rate)
    if not 0 <= dollars < float("inf"):
        raise ValueError(f"{rate} is no price")
    return dollars


def _row(rates: list[list[tuple[int, float]]], above: int) -> Row:
    """The rates when the prompt is just longer than `above`."""
    fresh, output, read, written_5m, written_1h = (
        next(dollars for start, dollars in reversed(tiers) if start <= above) for tiers in rates
    )
    return above, fresh, output, read, written_5m, written_1h


def _web_search(model: Json, price: Json) -> float:
    rate = price.get("web_searches_kcount", 0)
    if isinstance(rate, Mapping):
        raise _strange(model["id"], "searches priced by their number")
    return _dollars(rate)


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is no price")


def _strange(what: str, rule: str) -> CcfbError:
    return CcfbError(
        "prices-not-understood",
        f"genai-prices has a rule for {what} that the table of prices can't express: {rule}.",
        "The table stays as it is. Please report this.",
    )
