"""Makes `table.json` from the installed `genai-prices`: `python -m ccfb.prices.compile`.

Never imported at run time: `genai-prices` is large, and here its rules are worked out once.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version

from genai_prices import types
from genai_prices.data import providers as known_providers

from ccfb.errors import CcfbError
from ccfb.prices.table import PATH, Dated, Model, Row, Table

PROVIDERS = ("anthropic", "openrouter")
LONG_AGO = date(2000, 1, 1)
FAST = {"speed": "fast"}

Rate = Decimal | types.TieredPrices

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


def table() -> Table:
    """Work the table out.

    Raises:
        CcfbError: `genai-prices` has a rule that the table can't express.
    """
    by_id = {provider.id: provider for provider in known_providers}
    return {
        "source": f"genai-prices {version('genai-prices')}",
        "providers": {name: _models(by_id[name]) for name in PROVIDERS},
    }


def render(table: Table) -> str:
    """The table as JSON with one model a line, so that a change in prices is easy to review."""
    providers = []
    for name, models in table["providers"].items():
        lines = [f"{json.dumps(model)}: {json.dumps(entry)}" for model, entry in models.items()]
        providers.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    head = f'{{"source": {json.dumps(table["source"])},\n"providers": {{\n'
    return head + ",\n".join(providers) + "\n}}\n"


def _models(provider: types.Provider) -> dict[str, Model]:
    if provider.fallback_model_providers:
        raise _strange(provider.id, "prices borrowed from another provider")
    models: dict[str, Model] = {
        model.id: {"names": [], "patterns": [], "prices": _prices(model)}
        for model in provider.models
    }
    if len(models) != len(provider.models):
        raise _strange(provider.id, "two models of one name")
    for model in provider.models:
        for clause in _clauses(model.match):
            if isinstance(clause, types.ClauseEquals):
                # An earlier model's pattern may claim the name, and then it wins.
                owner = provider.find_model(clause.equals)
                if owner and clause.equals.lower() not in models[owner.id]["names"]:
                    models[owner.id]["names"].append(clause.equals.lower())
            else:
                models[model.id]["patterns"].append(_pattern(model, clause))
    return models


def _clauses(match: types.MatchLogic) -> Iterator[types.MatchLogic]:
    if isinstance(match, types.ClauseOr):
        for clause in match.or_:
            yield from _clauses(clause)
    else:
        yield match


def _pattern(model: types.ModelInfo, clause: types.MatchLogic) -> str:
    """A regular expression to search for in a name in lower case."""
    if isinstance(clause, types.ClauseRegex):
        return clause.regex
    if isinstance(clause, types.ClauseStartsWith):
        return f"^{re.escape(clause.starts_with.lower())}"
    if isinstance(clause, types.ClauseEndsWith):
        return rf"{re.escape(clause.ends_with.lower())}\Z"
    if isinstance(clause, types.ClauseContains):
        return re.escape(clause.contains.lower())
    raise _strange(model.id, type(clause).__name__)


def _prices(model: types.ModelInfo) -> list[Dated]:
    dated: list[Dated] = []
    for day in sorted({LONG_AGO, *_starts(model)}):
        at = datetime.combine(day, time(), UTC)
        standard = model.get_prices(at)
        prices: Dated = {
            "since": day.isoformat() if day > LONG_AGO else "",
            "standard": _rows(model, standard),
            "fast": _rows(model, model.get_prices(at, FAST)) if _has_fast(model, at) else [],
            "web_search": _web_search(model, standard),
        }
        if not dated or prices | {"since": ""} != dated[-1] | {"since": ""}:
            dated.append(prices)
    return dated


def _starts(model: types.ModelInfo) -> Iterator[date]:
    """The days on which a price of this model begins."""
    prices = model.prices if isinstance(model.prices, list) else []
    constraints = [dated.constraint for dated in prices]
    for constraint in (*constraints, *(variant.constraint for variant in _fast(model))):
        if isinstance(constraint, types.StartDateConstraint):
            yield constraint.start_date
        elif constraint is not None:
            raise _strange(model.id, type(constraint).__name__)


def _fast(model: types.ModelInfo) -> list[types.PriceVariant]:
    return [variant for variant in model.price_variants or () if variant.when == FAST]


def _has_fast(model: types.ModelInfo, at: datetime) -> bool:
    return any(
        variant.constraint is None or variant.constraint.active(at) for variant in _fast(model)
    )


def _rows(model: types.ModelInfo, price: types.ModelPrice) -> list[Row]:
    """A row for each length of prompt from which rates differ; none without a price."""
    if price.input_mtok is None or price.output_mtok is None:
        return []
    known = {key: getattr(price, key) for keys in RATES for key in keys}
    if "claude" in model.id:
        for key, times in CLAUDE_WRITES.items():
            known[key] = known[key] or _times(price.input_mtok, times)
    # What isn't priced by itself is billed as what it is a part of, at any length.
    rates = [next(known[key] for key in keys if known[key] is not None) for keys in RATES]
    starts = {tier.start for rate in rates for tier in getattr(rate, "tiers", ())}
    if 0 in starts:
        raise _strange(model.id, "a tier that starts at no tokens")
    return [_row(rates, above) for above in (0, *sorted(starts))]


def _times(rate: Rate, factor: Decimal) -> Rate:
    if isinstance(rate, types.TieredPrices):
        tiers = [types.Tier(tier.start, tier.price * factor) for tier in rate.tiers]
        return types.TieredPrices(rate.base * factor, tiers)
    return rate * factor


def _row(rates: list[Rate], above: int) -> Row:
    fresh, output, read, written_5m, written_1h = (_rate(rate, above) for rate in rates)
    return above, fresh, output, read, written_5m, written_1h


def _rate(rate: Rate, above: int) -> float:
    """Dollars per million tokens when the prompt is just longer than `above`."""
    if isinstance(rate, types.TieredPrices):
        rising = (tier.price for tier in rate.tiers if tier.start <= above)
        return float((rate.base, *rising)[-1])
    return float(rate)


def _web_search(model: types.ModelInfo, price: types.ModelPrice) -> float:
    rate = price.web_searches_kcount
    if isinstance(rate, types.TieredPrices):
        raise _strange(model.id, "searches priced by their number")
    return float(rate or 0)


def _strange(what: str, rule: str) -> CcfbError:
    return CcfbError(
        "prices-not-understood",
        f"genai-prices has a rule for {what} that the table of prices can't express: {rule}.",
        "The table stays as it is. Please report this.",
    )


def main() -> None:
    """Write the table that is shipped with the package."""
    compiled = render(table())
    with open(PATH, "w", encoding="utf-8", newline="\n") as file:
        file.write(compiled)


if __name__ == "__main__":
    main()
