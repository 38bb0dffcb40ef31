"""Files of usage and events: they say what a report says, and nothing is half written."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from syrupy.assertion import SnapshotAssertion

from ccfb import files
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.report.export import files as formats
from ccfb.report.export import rows
from ccfb.report.model import Collected, Event, Request, Sum
from cli.console import Result, environment
from report import corpus

Export = Callable[..., Result]

TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
)


@pytest.fixture
def made(home: Path) -> corpus.Corpus:
    return corpus.make(home / ".claude", size=150_000, sessions=8)


@pytest.fixture
def run(home: Path) -> Export:
    """Run `ccfb` in a process of its own."""

    def run(*arguments: str, **variables: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "ccfb", *arguments],
            env=environment(home, **variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def whole(found: list[dict[str, str]], column: str) -> int:
    return sum(int(row[column]) for row in found)


# Usage


def test_rows_add_up_to_the_report(made: corpus.Corpus, run: Export) -> None:
    found = read(run("export", "--csv", "-").out)
    total = json.loads(run("report", "--json").out)["total"]
    for column in ("requests", "web_searches", "unpriced_requests", *TOKENS):
        assert whole(found, column) == total[column]
    dollars = sum(float(row["cost_usd"] or 0) for row in found)
    assert abs(dollars - total["cost_usd"]) < 1e-9


def test_each_day_of_a_session_has_its_own_row(
    made: corpus.Corpus, run: Export, home: Path
) -> None:
    """Days are those of the time zone that is asked for."""
    for zone in ("UTC", "Pacific/Auckland"):
        found = read(run("export", "--csv", "-", "--timezone", zone).out)
        keys = [tuple(row.values())[:7] for row in found]
        assert len(keys) == len(set(keys))
        assert [row["day"] for row in found] == sorted(row["day"] for row in found)
        by_day = json.loads(run("report", "--by", "day", "--json", "--timezone", zone).out)
        for line in by_day["lines"]:
            same = [row for row in found if row["day"] == line["name"]]
            assert whole(same, "output_tokens") == line["output_tokens"]


def test_a_session_over_midnight_has_two_rows(home: Path, run: Export) -> None:
    message = {"id": "m", "model": "claude-opus-5-5", "usage": {"output_tokens": 1}}
    lines = [
        {
            "type": "assistant",
            "sessionId": "s",
            "timestamp": f"2026-11-{day}T{clock}:00.000Z",
            "requestId": f"r{day}",
            "cwd": "/home/user/shop",
            "message": {**message, "id": f"m{day}"},
        }
        for day, clock in ((19, "23:59"), (20, "00:01"))
    ]
    path = home / ".claude" / "projects" / "-home-user-shop" / "s.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    found = read(run("export", "--csv", "-", "--timezone", "UTC").out)
    assert [(row["day"], row["requests"]) for row in found] == [
        ("2026-11-19", "1"),
        ("2026-11-20", "1"),
    ]


def test_only_what_is_asked_for(made: corpus.Corpus, run: Export) -> None:
    every = read(run("export", "--csv", "-").out)
    project = every[0]["project"]
    some = read(run("export", "--csv", "-", "--project", project).out)
    assert some == [row for row in every if row["project"] == project]
    days = ("--since", "2026-09-20", "--until", "2026-10-10")
    some = read(run("export", "--csv", "-", *days).out)
    assert some == [row for row in every if "2026-09-20" <= row["day"] <= "2026-10-10"]
    same = run("export", "--csv", "-", "--since", "20260920", "--until", "20261010")
    assert read(same.out) == some
    assert read(run("export", "--csv", "-", "--since", "9999d").out) == every
    assert not read(run("export", "--csv", "-", "--until", "9999d").out)
    assert "unknown-project" in run("export", "--csv", "-", "--project", "nowhere").err


def test_the_same_machine_is_called_as_it_is_told(made: corpus.Corpus, run: Export) -> None:
    found = read(run("export", "--csv", "-", "--machine", "box").out)
    assert {row["machine"] for row in found} == {"box"}


def test_transcripts_of_another_folder(run: Export, tmp_path: Path) -> None:
    corpus.make(tmp_path / "there", size=30_000, sessions=2)
    assert read(run("export", "--csv", "-", "--config-dir", str(tmp_path / "there")).out)
    assert not read(run("export", "--csv", "-").out)


def test_parquet_holds_the_same(made: corpus.Corpus, run: Export, tmp_path: Path) -> None:
    """In types of its own, and what isn't known is null."""
    path = tmp_path / "usage.parquet"
    done = run("export", "--parquet", str(path), "--csv", "-")
    table = parquet.read_table(path)
    assert [formats._cell(value) for row in table.to_pylist() for value in row.values()] == [
        _typed(name, value, table) for row in read(done.out) for name, value in row.items()
    ]
    assert isinstance(table.to_pylist()[0]["day"], date)


def _typed(name: str, value: str, table: Any) -> object:
    kind = str(table.schema.field(name).type)
    if kind == "int64":
        return int(value)
    if kind == "double":
        return float(value) if value else None
    return date.fromisoformat(value) if kind == "date32[day]" else value


def test_columns_and_their_types_stay(
    made: corpus.Corpus, run: Export, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """Whoever reads them relies on it."""
    for what in ("usage", "events"):
        path = tmp_path / f"{what}.parquet"
        run("export", "--parquet", str(path), "--what", what)
        assert str(parquet.read_table(path).schema) == snapshot(name=what)


# Events


def test_events_are_those_of_the_ledger(made: corpus.Corpus, run: Export) -> None:
    files.make_own_dir()
    at = 1_795_168_800.5
    store.append(
        [
            Entry(id=1, at=at, event="limit", window="five_hour", resets_at=at + 60, text="words"),
            Entry(id=2, at=at + 86_400, event="answer", reason="yes", dollars=5.0, session="s"),
        ]
    )
    told = run("export", "--csv", "-", "--what", "events", "--machine", "box").out
    assert told == (
        "machine,at,event,provider,window,resets_at,reason,dollars\n"
        "box,2026-11-20T10:00:00Z,limit,,five_hour,2026-11-20T10:01:00Z,,\n"
        "box,2026-11-21T10:00:00Z,answer,,,,yes,5.0\n"
    )
    for option, event in (("--since", "answer"), ("--until", "limit")):
        day = "2026-11-21" if option == "--since" else "2026-11-20"
        some = run("export", "--csv", "-", "--what", "events", option, day, "--timezone", "UTC")
        assert [row["event"] for row in read(some.out)] == [event]


# Names


@pytest.mark.parametrize(
    ("folder", "names", "told"),
    [
        ("/home/user/clients/shop", "name", "shop"),
        ("/home/user/clients/shop/", "name", "shop"),
        ("/home/user/clients/shop", "hash", "ce7721ad3a711a4e"),
        ("/home/user/clients/shop", "none", None),
        (None, "name", None),
        (None, "hash", None),
    ],
)
def test_a_project_is_called_no_more_than_it_must(
    folder: str | None, names: rows.Names, told: str | None
) -> None:
    assert rows.project_name(folder, names) == told


def test_a_folder_that_is_not_known_has_no_name() -> None:
    """The folder of its transcripts spells its whole path."""
    each = Sum("/p/-home-user-secret", "s", "m", 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 5, 0)
    (row,) = rows.uses(collected([each]), Request(()), "box", "name")
    assert row.project is None


def collected(sums: list[Sum]) -> Collected:
    event = Event(7, 1.0, "switch", "openrouter", None, None, None, None)
    return Collected(sums, [event], {}, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("cost", "unpriced", "told"), [(0, 1, None), (0, 0, 0.0), (10**12, 0, 1.0), (10**12, 1, 1.0)]
)
def test_an_unknown_cost_is_not_nothing(cost: int, unpriced: int, told: float | None) -> None:
    each = Sum("p", "s", "m", 7, 0, 1, 1, 1, 1, 2, unpriced, 1, 1, 1, 1, 1, 0, cost, 9)
    (row,) = rows.uses(collected([each]), Request(()), "box", "name")
    assert (row.cost_usd, row.unpriced_requests, row.billing) == (told, unpriced, "openrouter")
    assert ("," + ("" if told is None else str(told)) + ",") in formats.as_csv(
        rows.Use, [row]
    ).decode()


# Where it goes


def test_a_file_is_written_whole_or_not_at_all(
    made: corpus.Corpus, run: Export, tmp_path: Path
) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("before")
    told = run("export", "--csv", str(path))
    number = len(read(path.read_text()))
    assert number > 1
    assert (told.out, told.err) == ("", f"Written to {path}: {number} rows.\n")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["usage.csv"]
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["nowhere/usage.csv", "folder", "file/usage.csv"])
def test_a_file_that_cannot_be_written_is_called_as_it_was_typed(
    run: Export, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    done = run("export", "--csv", str(tmp_path / name))
    assert done.code == 1
    assert f"error: {tmp_path / name}: " in done.err
    assert not [each for each in tmp_path.iterdir() if each.suffix]


def test_without_pyarrow_parquet_says_what_to_do(
    made: corpus.Corpus, run: Export, tmp_path: Path
) -> None:
    """And CSV goes on."""
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    (fakes / "pyarrow.py").write_text("raise ImportError")
    done = run("export", "--parquet", str(tmp_path / "x"), PYTHONPATH=str(fakes))
    assert "pyarrow-not-installed" in done.err
    assert "pip install 'ccfb[export]'" in done.err
    assert run("export", "--csv", "-", PYTHONPATH=str(fakes)).code == 0


def test_it_must_be_said_where_to(run: Export) -> None:
    assert run("export").code == 2


def test_a_machine_that_has_nothing_has_a_head(run: Export) -> None:
    for what in ("usage", "events"):
        done = run("export", "--csv", "-", "--what", what)
        assert (done.code, done.out.count("\n"), done.err) == (0, 1, "")
