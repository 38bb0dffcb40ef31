"""What the client only tells of in its account of a session, and whom it was billed to."""

from pathlib import Path
from typing import Any

import pytest

from ccfb import files, paths
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.report import collect
from ccfb.report.model import PICO, Collected, Request
from report.test_scan import AT, line, row

USED = {
    "inputTokens": 5,
    "outputTokens": 11,
    "cacheReadInputTokens": 7,
    "cacheCreationInputTokens": 30,
    "webSearchRequests": 2,
    "costUSD": 1.0,
}
"""What one `row` used."""


@pytest.fixture
def project(home: Path) -> Path:
    folder = home / ".claude" / "projects" / "-home-user-project"
    folder.mkdir(parents=True)
    return folder


def account(**models: int) -> dict[str, Any]:
    """The client's own, by model: how many times what a row used; a dollar each."""
    usage = {
        model.replace("_", "-"): {name: number * times for name, number in USED.items()}
        for model, times in models.items()
    }
    return {"type": "cost-state", "startTime": 7, "sessionId": "s", "modelUsage": usage}


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(line, rows)))


def at(minute: int, name: str = "") -> dict[str, Any]:
    """An answer of its own."""
    name = name or f"m{minute}"
    return row(name, name, timestamp=f"2026-11-20T10:{minute:02}:00.000Z")


def report(*, prune: bool = False) -> Collected:
    request = Request((paths.projects(),), prune=prune)
    return collect.collect(request, lambda _: 0, lambda _done, _total: None)


def background() -> dict[int, float]:
    """Dollars, by switch."""
    return {sum_.switch: sum_.cost / PICO for sum_ in report().sums if sum_.background}


def test_an_account_may_leave_nothing_to_explain(project: Path) -> None:
    write(project / "s.jsonl", row(), account(claude_opus_5_5=1))
    assert background() == {}
    assert sum(sum_.requests for sum_ in report().sums) == 1


@pytest.mark.parametrize("late", [False, True])
def test_it_was_billed_as_requests_were_till_then(project: Path, late: bool) -> None:
    """Also where a subagent goes on after the account was written."""
    files.make_own_dir()
    entry = Entry(id=1, at=AT + 240, event="switch", provider="openrouter", reason="limit")
    store.append([entry])
    told = account(claude_opus_5_5=4, claude_haiku_4_5_20251001=9)
    write(project / "s.jsonl", at(5, "own"), told)
    agent = [at(1), at(2), at(3), *([at(6)] if late else [])]
    write(project / "s" / "subagents" / "agent-1.jsonl", *agent)
    assert background() == {0: 6.75, 1: 2.25}


def test_what_a_fork_leaves_to_explain_counts_when_the_larger_account_is_gone(
    project: Path,
) -> None:
    write(project / "a.jsonl", at(1), account(claude_opus_5_5=4))
    write(project / "b.jsonl", at(2), account(claude_opus_5_5=2))
    both = background()
    (project / "a.jsonl").unlink()
    report(prune=True)
    left = background()
    assert 0 < left[0] < both[0]
    Path(paths.own("report.db")).unlink()
    assert background() == left


def test_what_comes_after_an_account_is_not_explained_by_it(project: Path) -> None:
    write(project / "s.jsonl", at(1), account(claude_opus_5_5=3), at(2), at(3))
    (left,) = [sum_ for sum_ in report().sums if sum_.background]
    assert (left.input, left.output, left.searches) == (10, 22, 4)


@pytest.mark.parametrize("copy", ["s/subagents/agent-1.jsonl", "s/subagents/agent-2.jsonl"])
def test_a_copy_within_a_session_explains_nothing_twice(project: Path, copy: str) -> None:
    write(project / "s.jsonl", at(5), at(6), account(claude_opus_5_5=5))
    write(project / "s/subagents/agent-1.jsonl", at(1), at(2))
    write(project / copy, at(1), at(5))
    told = {"s/subagents/agent-1.jsonl": 3, "s/subagents/agent-2.jsonl": 4}[copy]
    (left,) = [sum_ for sum_ in report().sums if sum_.background]
    assert left.input == 5 * (5 - told)
