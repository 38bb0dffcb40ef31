"""The table is what compiling the installed `genai-prices` gives; nothing in it is guessed."""

import dataclasses
import json
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import types

from ccfb.errors import CcfbError
from ccfb.prices import compile as compiler
from ccfb.prices import table

STANDARD = types.ModelPrice(input_mtok=Decimal(3), output_mtok=Decimal(15))
MODEL = types.ModelInfo("m", types.ClauseEquals("m"), prices=STANDARD)


def provider(*models: types.ModelInfo) -> types.Provider:
    return types.Provider("p", "P", "https://p", models=list(models))


def compiled(monkeypatch: pytest.MonkeyPatch, *models: types.ModelInfo) -> dict[str, table.Model]:
    monkeypatch.setattr(compiler, "known_providers", [provider(*models)])
    monkeypatch.setattr(compiler, "PROVIDERS", ("p",))
    return compiler.table()["providers"]["p"]


def test_the_shipped_table_is_up_to_date() -> None:
    """Otherwise: run `python -m ccfb.prices.compile`, and look at what changed."""
    shipped = Path(table.PATH).read_text(encoding="utf-8")
    assert shipped.splitlines() == compiler.render(compiler.table()).splitlines()


def test_the_table_is_written_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "table.json"
    monkeypatch.setattr(compiler, "PATH", str(target))
    compiler.main()
    assert json.loads(target.read_bytes())["source"] == table._load()["source"]


def test_every_model_stands_on_a_line_of_its_own() -> None:
    rendered = compiler.render(compiler.table())
    models = [name for models in table._load()["providers"].values() for name in models]
    for name in models:
        assert f"\n{json.dumps(name)}: {{" in rendered
    assert len(rendered.splitlines()) < len(models) + 10


def test_a_price_that_stays_the_same_has_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    again = [
        types.ConditionalPrice(prices=STANDARD),
        types.ConditionalPrice(types.StartDateConstraint(date(2026, 9, 1)), prices=STANDARD),
    ]
    models = compiled(monkeypatch, dataclasses.replace(MODEL, prices=again))
    assert [dated["since"] for dated in models["m"]["prices"]] == [""]


def test_a_name_belongs_to_the_first_model_that_claims_it(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = types.ModelInfo("n", types.ClauseStartsWith("M"), prices=STANDARD)
    models = compiled(monkeypatch, earlier, MODEL)
    assert models["n"]["names"] == ["m"]
    assert models["m"]["names"] == []


@pytest.mark.parametrize(
    ("clause", "pattern"),
    [
        (types.ClauseStartsWith("A.b"), r"^a\.b"),
        (types.ClauseEndsWith("A.b"), r"a\.b\Z"),
        (types.ClauseContains("A.b"), r"a\.b"),
        (types.ClauseRegex(r"^a-\d$"), r"^a-\d$"),
    ],
)
def test_every_way_to_match_a_name_becomes_a_pattern(
    monkeypatch: pytest.MonkeyPatch, clause: types.MatchLogic, pattern: str
) -> None:
    models = compiled(monkeypatch, dataclasses.replace(MODEL, match=clause))
    assert models["m"]["patterns"] == [pattern]


def tiered(start: int) -> types.TieredPrices:
    return types.TieredPrices(Decimal(1), [types.Tier(start, Decimal(2))])


STRANGE: dict[str, Callable[[], list[types.ModelInfo]]] = {
    "two models of one name": lambda: [MODEL, MODEL],
    "names that must match twice": lambda: [
        dataclasses.replace(MODEL, match=types.ClauseAnd([types.ClauseContains("m")]))
    ],
    "prices by the hour": lambda: [
        dataclasses.replace(
            MODEL,
            prices=[
                types.ConditionalPrice(
                    types.TimeOfDateConstraint(time(1), time(2)), prices=STANDARD
                )
            ],
        )
    ],
    "a tier that starts at no tokens": lambda: [
        dataclasses.replace(
            MODEL, prices=types.ModelPrice(input_mtok=tiered(0), output_mtok=Decimal(1))
        )
    ],
    "searches priced by their number": lambda: [
        dataclasses.replace(MODEL, prices=types.ModelPrice(web_searches_kcount=tiered(5)))
    ],
}


@pytest.mark.parametrize("models", STRANGE.values(), ids=STRANGE)
def test_a_rule_that_the_table_cannot_express_is_refused(
    monkeypatch: pytest.MonkeyPatch, models: Callable[[], list[types.ModelInfo]]
) -> None:
    with pytest.raises(CcfbError) as refused:
        compiled(monkeypatch, *models())
    assert refused.value.reference == "prices-not-understood"


def test_prices_borrowed_from_another_provider_are_refused() -> None:
    lender = dataclasses.replace(provider(MODEL), fallback_model_providers=["anthropic"])
    with pytest.raises(CcfbError):
        compiler._models(lender)
