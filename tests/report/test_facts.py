"""Sums and costs: to a billionth of a dollar what the price list says."""

from datetime import UTC, datetime
from pathlib import Path

from ccfb.report import facts
from ccfb.report.rows import each, packed
from ccfb.report.scan import Scanner
from report import corpus

AT = round(datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp() * 1000)


def rows(*messages: tuple[int, ...]) -> bytes:
    """Rows of one kind each: key, time, kind, and tokens."""
    return packed([(*message, *[0] * (9 - len(message))) for message in messages])


def test_sums_cost_what_their_messages_do(tmp_path: Path) -> None:
    corpus.make(tmp_path)
    scanner = Scanner([])
    for path in (tmp_path / "projects").rglob("*.jsonl"):
        found = scanner.scan(str(path))
        sums = facts.sums(found["rows"], found["kinds"], {})
        costs = []
        for _, at, kind, *used in each(found["rows"]):
            _, model, fast, _ = found["kinds"][kind]
            tiers = facts.tariff(facts.seller(model), model, fast, at // 86_400_000)
            costs.append(facts.cost(tiers, used))
        assert sum(sum_[2] for sum_ in sums) == len(costs)
        assert abs(sum(sum_[-1] for sum_ in sums) - sum(costs)) <= len(costs)


def test_a_long_prompt_raises_only_its_own_request() -> None:
    kinds = [("s", "claude-haiku-5-5", False, 0)]
    short = (1, AT, 0, 10, 90_000)
    long = (2, AT, 0, 10, 110_000)
    tiers = facts.tariff("anthropic", "claude-haiku-5-5", False, AT // 86_400_000)
    assert len(tiers) == 2
    (sum_,) = facts.sums(rows(short, long), kinds, {})
    apart = sum(facts.sums(rows(one), kinds, {})[0][-1] for one in (short, long))
    assert sum_[-1] == apart
    assert sum_[-1] != facts.cost(tiers, (20, 200_000, 0, 0, 0, 0))


def test_no_price_is_unknown_and_never_free() -> None:
    kinds = [("s", "claude-lunar-1", False, 0)]
    (sum_,) = facts.sums(rows((1, AT, 0, 10, 20), (2, AT, 0, 1, 2)), kinds, {})
    assert sum_[2:6] == (2, 2, 11, 22)
    assert sum_[-1] == 0


def test_who_was_billed_sets_the_price() -> None:
    """Others pass Anthropic's models on, at prices of their own."""
    model = "anthropic/claude-opus-4.8"
    kinds = [("s", model, False, 0), ("s", model, False, 7), ("s", model, False, 8)]
    sums = facts.sums(
        rows(*((number, AT, number, 1_000) for number in range(3))),
        kinds,
        {7: "anthropic", 8: "bedrock"},
    )
    assert facts.seller(model) == "openrouter"
    assert [sum_[3] for sum_ in sums] == [0, 0, 1]


def test_quarters_of_an_hour_are_kept_apart_and_copies_left_out() -> None:
    kinds = [("s", "claude-opus-5-5", False, 0)]
    quarter = 15 * 60_000
    made = rows((1, AT, 0, 1), (2, AT + quarter - 1, 0, 2), (3, AT + quarter, 0, 4), (4, AT, 0, 8))
    sums = facts.sums(made, kinds, {}, without={4})
    outputs = {slot - AT // quarter: output for _, slot, _, _, output, *_ in sums}
    assert outputs == {0: 3, 1: 4}
