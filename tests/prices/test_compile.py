"""The table is what compiling `genai-prices` gives; nothing in it is guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from ccfb.errors import CcfbError
from ccfb.prices import compile as compiler
from ccfb.prices import ship, table

STANDARD = {"input_mtok": 3, "output_mtok": 15}
MODEL: dict[str, Any] = {"id": "m", "match": {"equals": "m"}, "prices": STANDARD}
SHIPPED = table.read(table.PATH)


def published(*models: dict[str, Any], **more: Any) -> list[Any]:
    """What would be published if these were all of Anthropic's models."""
    return [{"id": "anthropic", "models": models, **more}, {"id": "openrouter", "models": []}]


def compiled(*models: dict[str, Any]) -> dict[str, table.Model]:
    decoded = compiler.read(json.dumps(published(*models)))
    return compiler.table(decoded, "a test", "2026-11-21")["providers"]["anthropic"]


def rows(prices: dict[str, Any]) -> list[Any]:
    (dated,) = compiled({**MODEL, "prices": prices})["m"]["prices"]
    return dated["standard"]


def test_the_shipped_table_is_up_to_date() -> None:
    """Otherwise: run `python -m ccfb.prices.ship`, and look at what changed."""
    rendered = compiler.render(ship.table(SHIPPED["made"]))
    assert Path(table.PATH).read_text(encoding="utf-8").splitlines() == rendered.splitlines()


def test_the_table_is_written_where_it_is_read(tmp_path: Path) -> None:
    ship.main(str(tmp_path / "table.json"))
    assert table.read(str(tmp_path / "table.json"))["providers"] == SHIPPED["providers"]


def test_every_model_stands_on_a_line_of_its_own() -> None:
    rendered = compiler.render(SHIPPED)
    models = [name for models in SHIPPED["providers"].values() for name in models]
    for name in models:
        assert f"\n{json.dumps(name)}: {{" in rendered
    assert len(rendered.splitlines()) < len(models) + 10


def test_a_table_reads_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(compiler.render(SHIPPED))
    assert table.read(str(tmp_path / "table.json")) == SHIPPED


def test_prices_are_those_that_are_written_down() -> None:
    """Not what floating point makes of a product."""
    assert rows({"input_mtok": 1.1, "output_mtok": 2.3}) == [(0, 1.1, 2.3, 1.1, 1.1, 1.1)]
    claude = compiled({**MODEL, "id": "claude-m", "prices": {"input_mtok": 1.1, "output_mtok": 2}})
    assert claude["claude-m"]["prices"][0]["standard"] == [(0, 1.1, 2.0, 1.1, 1.375, 2.2)]


def test_a_price_that_stays_the_same_has_one_row() -> None:
    again = [
        {"prices": STANDARD},
        {"constraint": {"start_date": "2026-09-01"}, "prices": STANDARD},
    ]
    models = compiled({**MODEL, "prices": again})
    assert [dated["since"] for dated in models["m"]["prices"]] == [""]


def test_the_last_price_that_has_begun_holds() -> None:
    prices = [
        {"prices": STANDARD},
        {"constraint": {"start_date": "2026-09-01"}, "prices": {**STANDARD, "input_mtok": 2}},
        {"constraint": {"start_date": "2026-08-01"}, "prices": {**STANDARD, "input_mtok": 1}},
    ]
    dated = compiled({**MODEL, "prices": prices})["m"]["prices"]
    assert [(each["since"], each["standard"][0][1]) for each in dated] == [
        ("", 3.0),
        ("2026-08-01", 1.0),
    ]


def test_the_fast_mode_differs_where_it_says_so() -> None:
    variants = [
        {"when": {"processing": "batch"}, "prices": {"input_mtok": 1}},
        {"when": {"speed": "fast"}, "prices": {"input_mtok": 6}},
        {"when": {"speed": "fast"}, "prices": {"input_mtok": 9, "output_mtok": 30}},
    ]
    (dated,) = compiled({**MODEL, "price_variants": variants})["m"]["prices"]
    assert [row[1:3] for row in dated["standard"]] == [(3.0, 15.0)]
    assert [row[1:3] for row in dated["fast"]] == [(6.0, 30.0)]


def test_a_name_belongs_to_the_first_model_that_claims_it() -> None:
    earlier = {"id": "n", "match": {"starts_with": "M"}, "prices": STANDARD}
    models = compiled(earlier, MODEL)
    assert models["n"]["names"] == ["m"]
    assert models["m"]["names"] == []


@pytest.mark.parametrize(
    ("clause", "pattern"),
    [
        ({"starts_with": "A.b"}, r"^a\.b"),
        ({"ends_with": "A.b"}, r"a\.b\Z"),
        ({"contains": "A.b"}, r"a\.b"),
        ({"regex": r"^a-\d$"}, r"^a-\d$"),
        ({"or": [{"or": [{"contains": "a"}]}]}, "a"),
    ],
)
def test_every_way_to_match_a_name_becomes_a_pattern(clause: dict[str, Any], pattern: str) -> None:
    assert compiled({**MODEL, "match": clause})["m"]["patterns"] == [pattern]


def tiered(start: int) -> dict[str, Any]:
    return {"base": 1, "tiers": [{"start": start, "price": 2}]}


STRANGE: dict[str, list[dict[str, Any]]] = {
    "two models of one name": [MODEL, MODEL],
    "names that must match twice": [{**MODEL, "match": {"and": [{"contains": "m"}]}}],
    "a pattern that is none": [{**MODEL, "match": {"regex": "("}}],
    "prices by the hour": [
        {
            **MODEL,
            "prices": [
                {"constraint": {"start_time": "01:00", "end_time": "02:00"}, "prices": STANDARD}
            ],
        }
    ],
    "a tier that starts at no tokens": [
        {**MODEL, "prices": {"input_mtok": tiered(0), "output_mtok": 1}}
    ],
    "searches priced by their number": [
        {**MODEL, "prices": {**STANDARD, "web_searches_kcount": tiered(5)}}
    ],
    "a price below nothing": [{**MODEL, "prices": {**STANDARD, "input_mtok": -1}}],
    "a price in words": [{**MODEL, "prices": {**STANDARD, "input_mtok": "much"}}],
    "no prices": [{"id": "m", "match": {"equals": "m"}}],
}


@pytest.mark.parametrize("models", STRANGE.values(), ids=STRANGE)
def test_a_rule_that_the_table_cannot_express_is_refused(models: list[dict[str, Any]]) -> None:
    with pytest.raises(CcfbError) as refused:
        compiled(*models)
    assert refused.value.reference == "prices-not-understood"


@pytest.mark.parametrize(
    "strange",
    [
        {},
        [],
        None,
        [{"id": "anthropic", "models": []}],
        published(MODEL, fallback_model_providers=["aws"]),
    ],
)
def test_what_is_no_list_of_prices_is_refused(strange: object) -> None:
    with pytest.raises(CcfbError) as refused:
        compiler.table(strange, "a test", "2026-11-21")
    assert refused.value.reference == "prices-not-understood"


@pytest.mark.parametrize("constant", ["NaN", "Infinity"])
def test_what_is_no_number_is_no_price(constant: str) -> None:
    with pytest.raises(ValueError, match="no price"):
        compiler.read(f'[{{"price": {constant}}}]')
