"""What a report says it cost: by the price list, and by the client's own account."""

import json
import math
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ccfb import paths
from ccfb.prices import Usage
from ccfb.report import background, collect, facts
from ccfb.report.background import Account, Message
from ccfb.report.model import PICO, Request, Sum
from ccfb.report.rows import AT, KIND, OUTPUT, each
from ccfb.report.scan import Scanner
from prices.slowly import dollars
from report import corpus, slowly

SESSIONS = Path(__file__).with_name("sessions")
"""Of the real client, whose accounts are priced by itself."""
DAY = 86_400_000


def slow_cost(message: slowly.Message) -> float | None:
    """By `genai-prices` itself."""
    output, fresh, read, written_5m, written_1h, searches = message.used
    usage = Usage(fresh, output, read, written_5m, written_1h, searches)
    provider = facts.seller(message.model)
    return dollars(provider, message.model, usage, message.at / 1000, fast=message.fast)


def report() -> list[Sum]:
    request = Request((paths.projects(),))
    return collect.collect(request, lambda _: 0, lambda _done, _total: None).sums


def transcripts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def cost(sums: Iterable[Sum]) -> float:
    """In dollars."""
    return sum(sum_.cost for sum_ in sums) / PICO


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_message_costs_what_the_price_list_says(tmp_path: Path, seed: int) -> None:
    """One by one, to a billionth of it; and none is said to be free."""
    corpus.make(tmp_path, seed=seed)
    scanner = Scanner([])
    compared = 0
    for path in transcripts(tmp_path):
        found = scanner.scan(str(path))
        for row in each(found["rows"]):
            session, model, fast, _ = found["kinds"][row[KIND]]
            message = slowly.Message(row[AT], session, model, fast, row[OUTPUT:])
            tiers = facts.tariff(facts.seller(model), model, fast, row[AT] // DAY)
            slow = slow_cost(message)
            assert (slow is None) == (not tiers)
            if slow is not None:
                ours = facts.cost(tiers, row[OUTPUT:]) / PICO
                assert math.isclose(ours, slow, rel_tol=1e-9)
                compared += 1
    assert compared > 100


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_report_comes_to_the_tokens_and_the_cost_of_its_messages(home: Path, seed: int) -> None:
    """By model; the tokens are those that were put in, and each message is priced by itself."""
    made = corpus.make(home / ".claude", seed=seed)
    tokens: dict[str, Counter[str]] = {}
    for answer in made.answers.values():
        counter = tokens.setdefault(answer.model.removesuffix(" fast"), Counter())
        counter.update({**answer.used._asdict(), "requests": 1})
    costs: dict[str, float] = dict.fromkeys(tokens, 0.0)
    for message in slowly.everything(home / ".claude").values():
        costs[message.model] += slow_cost(message) or 0
    messages = [sum_ for sum_ in report() if not sum_.background]
    assert {sum_.model for sum_ in messages} == set(tokens)
    for model, expected in tokens.items():
        parts = [sum_ for sum_ in messages if sum_.model == model]
        for name, number in expected.items():
            assert sum(getattr(part, name) for part in parts) == number
        ours = cost(parts)
        assert math.isclose(ours, costs[model], rel_tol=1e-9)


def accounts(folder: Path) -> Iterator[tuple[int, float]]:
    """The start of each run of sessions, and what the client says that it cost in the end."""
    for path in transcripts(folder):
        for words in path.read_bytes().splitlines():
            row = json.loads(words)
            if row["type"] == "cost-state":
                yield row["startTime"], row["totalCostUSD"]


def test_a_report_agrees_with_the_client_s_own_account(home: Path) -> None:
    """To the cent and beyond: every request of it is there, small models' too, and each once."""
    recorded = SESSIONS / "2.1.329"
    shutil.copytree(recorded, home / ".claude")
    runs = dict(sorted(accounts(recorded)))  # of a run, the largest stays
    assert len(runs) == 2
    assert math.isclose(cost(report()), sum(runs.values()), rel_tol=1e-9)


def test_what_has_no_account_is_added_to_it(home: Path) -> None:
    """Of the sessions of 2.1.261 one is accounted for, with its subagents; a fork of it goes on."""
    recorded = SESSIONS / "2.1.261"
    shutil.copytree(recorded, home / ".claude")
    account = max(sum_ for _, sum_ in accounts(recorded))
    (accounted,) = (path for path in transcripts(recorded) if b"cost-state" in path.read_bytes())
    own = [*transcripts(accounted.with_suffix("")), accounted]
    known = {name for path in own for name in slowly.messages(path.read_bytes().splitlines())}
    others = [told for name, told in slowly.everything(recorded).items() if name not in known]
    assert len(others) == 4
    expected = account + sum(slow_cost(message) or 0 for message in others)
    assert math.isclose(cost(report()), expected, rel_tol=1e-9)


def test_what_small_models_cost_is_told_apart(home: Path) -> None:
    """Their calls leave no message."""
    shutil.copytree(SESSIONS / "2.1.261", home / ".claude")
    background = [sum_ for sum_ in report() if sum_.background]
    assert {sum_.model for sum_ in background} == {"claude-haiku-4-5-20251001"}
    assert (sum(sum_.input for sum_ in background), cost(background)) == (861, 0.000906)


def test_an_account_is_not_for_what_comes_after_it() -> None:
    """Nor is a subagent's message lost that every account of a run may contain."""
    account = Account(1, "s", 10, {"m": (100, 0, 0, 0, 0, 1.0)})
    own = [Message(at, "m", (30, 0, 0, 0, 0), PICO // 4) for at in (5, 15)]
    shared = [Message(7, "m", (20, 0, 0, 0, 0), PICO // 4)]
    (rest,) = background.rests([account], {1: own}, shared)
    assert (rest.used[0], rest.cost) == (50, PICO // 2)


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ([], []),
        ([0, 0, 0], [(0, 100)]),
        ([0, 7], [(0, 50), (7, 50)]),
        ([0, 7, 7], [(0, 33), (7, 67)]),
    ],
)
def test_background_is_shared_out_as_requests_were(
    switches: list[int], expected: list[tuple[int, int]]
) -> None:
    """By who was billed for them; a switch at the end of a session has billed nothing of it."""
    rest = background.Rest(1, "s", 10, "m", (100, 0, 0, 0, 0), 100)
    messages = [Message(5, "m", (), None, switch) for switch in (*switches, 9)]
    messages[-1] = messages[-1]._replace(at=11)
    parts = background.shared_out(rest, messages)
    assert [(switch, part.used[0]) for switch, part in parts] == expected
    assert [(switch, part.cost) for switch, part in parts] == expected
