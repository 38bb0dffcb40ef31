"""What users really have: copies, damaged files, names from elsewhere, unknown prices."""

import json
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cli.console import Run, environment

DAYS = [f"2026-11-{day:02}T12:00:00Z" for day in range(10, 18)]


def answer(name: str, at: str = DAYS[0], model: str = "claude-opus-5-5", **row: Any) -> str:
    usage = {"input_tokens": 1_000, "output_tokens": 100_000}
    message = {"id": name, "model": model, "role": "assistant", "usage": usage}
    return json.dumps(
        {"type": "assistant", "message": message, "timestamp": at, "sessionId": "s", **row},
        separators=(",", ":"),
    )


def account(model: str, dollars: float) -> str:
    used = {"inputTokens": 1_000, "outputTokens": 100_000, "costUSD": dollars}
    told = {"type": "cost-state", "sessionId": "s", "startTime": 1, "modelUsage": {model: used}}
    return json.dumps(told, separators=(",", ":"))


def transcript(folder: Path, *rows: str, name: str = "s") -> Path:
    path = folder / "projects" / "-home-user-web" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def ledger(folder: Path, *entries: dict[str, Any]) -> None:
    (folder / "ccfb").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": number, **entry}) for number, entry in enumerate(entries, 1)]
    (folder / "ccfb" / "ledger.jsonl").write_text("".join(f"{line}\n" for line in lines))


def epoch(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def total(ccfb: Run, *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ccfb("report", "--json", *arguments).out)["total"]
    return told


@pytest.mark.parametrize("asked", ["claude-opus-5-5[1m]", "opus", "~anthropic/claude-opus-latest"])
def test_what_answers_under_another_name_counts_once(ccfb: Run, home: Path, asked: str) -> None:
    """Accounts have models as they were asked for, messages as they answered (2.1.329)."""
    transcript(home / ".claude", answer("a"), account(asked, 2.004))
    assert total(ccfb)["output_tokens"] == 100_000


def test_a_copy_of_the_folder_has_numbers_of_its_own(ccfb: Run, home: Path) -> None:
    for folder in (home / ".claude", home / "copy"):
        transcript(folder, answer("a"))
    found = [total(ccfb), total(ccfb, "--config-dir", str(home / "copy")), total(ccfb)]
    assert found[0] == found[1] == found[2]
    both = [word for folder in (".claude", "copy") for word in ("--config-dir", str(home / folder))]
    assert total(ccfb, *both, *both) == found[0]


def test_another_folder_has_a_ledger_of_its_own(ccfb: Run, home: Path) -> None:
    transcript(home / "work", answer("a"))
    entry = {"at": epoch("2026-11-10T11:00:00Z"), "event": "switch", "provider": "anthropic"}
    ledger(home / "work", entry)
    shown = ccfb("report", "--config-dir", str(home / "work")).out
    assert "anthropic" in shown
    assert "No switch was made" not in shown


def test_no_copy_is_missed_where_its_other_place_is_pruned(ccfb: Run, home: Path) -> None:
    first = transcript(home / ".claude", answer("a"))
    transcript(home / ".claude", answer("a"), answer("b"), name="t")
    ccfb("report")
    first.unlink()
    transcript(home / ".claude", answer("a"), answer("b"), answer("c"), name="t")
    assert total(ccfb, "--prune")["requests"] == 3


def test_no_line_can_keep_a_report_from_being_made(ccfb: Run, home: Path) -> None:
    late = answer("b", "9999-12-31T23:59:59Z")
    transcript(home / ".claude", answer("a"), late, account("opus", 1e14))
    limit = {"event": "limit", "window": "five_hour"}
    ledger(
        home / ".claude",
        {"at": 1.0, **limit},
        {"at": 2.0, "id": 1, **limit},
        {"at": 3.0, "resets_at": 1e300, **limit},
    )
    (home / ".claude" / "ccfb" / "state.json").write_text('{"allowance":"5"}')
    assert total(ccfb)["requests"] == 1
    assert ccfb("report", "--until", "9999-12-31", "--timezone", "UTC").code == 0


@pytest.mark.parametrize(
    "damage",
    ["UPDATE messages SET rows = x'00'", "DELETE FROM messages", "DROP TABLE facts"],
)
def test_a_damaged_cache_is_made_anew(ccfb: Run, home: Path, damage: str) -> None:
    transcript(home / ".claude", answer("a"))
    ccfb("report")
    kept = home / ".claude" / "ccfb" / "report.db"
    database = sqlite3.connect(kept, isolation_level=None)
    database.execute(damage)
    database.close()
    transcript(home / ".claude", answer("a"), answer("b"))
    for _ in range(2):
        told = ccfb("report", "--json")
        assert (told.code, told.err) == (0, "")
        assert json.loads(told.out)["total"]["requests"] == 2
    database = sqlite3.connect(kept)
    assert database.execute("SELECT sum(requests) FROM facts").fetchone() == (2,)
    database.close()


def test_what_has_no_price_is_never_nothing(ccfb: Run, home: Path) -> None:
    rows = [answer(at, at, "model-of-tomorrow") for at in DAYS]
    transcript(home / ".claude", *rows)
    start, end = epoch(DAYS[0]) - 3_600, epoch(DAYS[0]) + 7_200
    entry = {"at": start, "window": "five_hour", "resets_at": end}
    ledger(
        home / ".claude",
        {"event": "limit", **entry},
        {"event": "switch", "provider": "anthropic", "reason": "limit", **entry},
    )
    told = json.loads(ccfb("report", "--json").out)
    assert [line["billed_usd"] for line in told["providers"]] == [None]
    assert told["break_even"]["cheapest"] != "api"
    assert "$0.00" not in ccfb("report").out
    assert ",0.0," not in ccfb("report", "--csv").out.replace(",0.0,1,", ",,1,")  # background
    assert "<dd>$0.00 anthropic</dd>" not in ccfb("report", "--html", "-").out


def test_what_was_chosen_by_hand_is_neither_weighed_nor_saved(ccfb: Run, home: Path) -> None:
    transcript(home / ".claude", answer("a"))
    at = epoch(DAYS[0]) - 3_600
    limit = {"event": "limit", "at": at, "window": "five_hour", "resets_at": at + 7_200}
    switch = {"event": "switch", "at": at + 60, "provider": "anthropic", "reason": "user"}
    ledger(home / ".claude", limit, switch)
    assert "worth it?" not in ccfb("report").out


def test_names_from_elsewhere_are_no_orders(ccfb: Run, home: Path) -> None:
    row = answer("a", model="=1+1", cwd="/home/user/\x1b]0;x\x07=cmd()")
    transcript(home / ".claude", row)
    assert "\x1b" not in ccfb("report", "--project", "nosuch").err
    assert "\n'=1+1," in ccfb("report", "--csv", "--by", "model").out
    assert ",'=1+1," in ccfb("export", "--csv", "-").out


def test_a_window_is_the_plans_whichever_project_is_asked_for(ccfb: Run, home: Path) -> None:
    transcript(home / ".claude", answer("a", "2026-11-10T09:00:00Z", cwd="/home/user/web"))
    path = home / ".claude" / "projects" / "-home-user-api" / "t.jsonl"
    path.parent.mkdir()
    path.write_text(answer("b", "2026-11-10T13:00:00Z", cwd="/home/user/api") + "\n")
    shown = ccfb("report", "--by", "window", "--project", "api", "--timezone", "UTC").out
    assert "09:00-14:00" in shown


def test_a_terminal_that_knows_few_letters_gets_a_report(home: Path) -> None:
    transcript(home / ".claude", answer("a", cwd="/home/user/naïve"))
    shown = subprocess.run(
        [sys.executable, "-m", "ccfb", "report"],
        env=environment(home, PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=True,
    )
    assert shown.stderr == b""
    assert rb"na\xefve" in shown.stdout


def test_what_is_no_file_is_written_to(ccfb: Run, home: Path) -> None:
    """As root, a device would be gone."""
    transcript(home / ".claude", answer("a"))
    shown = subprocess.run(
        [sys.executable, "-m", "ccfb", "export", "--csv", "/dev/stdout"],
        env=environment(home),
        capture_output=True,
        check=True,
    )
    assert shown.stdout.decode() == ccfb("export", "--csv", "-").out
