"""Fresh prices are used from the moment they are fetched; doubtful ones change nothing."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from syrupy.assertion import SnapshotAssertion

from ccfb.cli import prices as verb
from ccfb.errors import CcfbError
from ccfb.prices import ship, table, update
from cli.console import environment

TODAY = "2026-12-01"
NEWEST = "claude-opus-6"

LOOK = """
import sys
from ccfb.prices import price
from ccfb.report import facts
found = price("anthropic", sys.argv[1], 1_796_083_200)
tariff = facts.tariff("anthropic", sys.argv[1], False, 20_788)
print(found and found.tiers[0].input, tariff and tariff[0][2])
"""


@pytest.fixture(scope="module")
def known() -> list[Any]:
    """What is published, as far as the installed `genai-prices` knows it."""
    names = ("anthropic", "openrouter")
    providers = [each for each in ship.published() if each["id"] in names]
    return list(json.loads(json.dumps(providers, default=float)))


@pytest.fixture
def fresh(known: list[Any]) -> list[Any]:
    """The same, and a model that is new."""
    published = deepcopy(known)
    prices = {"input_mtok": 7, "output_mtok": 35}
    model = {"id": NEWEST, "match": {"equals": NEWEST}, "prices": prices}
    of(published, "anthropic").append(model)
    return published


def of(published: list[Any], provider: str) -> list[Any]:
    return next(each["models"] for each in published if each["id"] == provider)


def fetch(published: object, tmp_path: Path, day: str = TODAY) -> update.Changes:
    source = tmp_path / "data.json"
    source.write_text(published if isinstance(published, str) else json.dumps(published))
    return update.update(day, str(source))


def looked_up(home: Path, model: str = NEWEST) -> str:
    """What a process of its own finds a model to cost, and a report in it."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, model],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Site(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


# What is fetched


def test_a_new_model_has_a_price_from_then_on(home: Path, fresh: list[Any], tmp_path: Path) -> None:
    """Everywhere: in budgets, estimates and reports."""
    assert looked_up(home) == "None ()"
    assert fetch(fresh, tmp_path) == ([f"anthropic: {NEWEST}"], [], [])
    assert looked_up(home) == "7.0 7000000.0"


def test_a_report_that_was_made_before_knows_it_too(
    home: Path, fresh: list[Any], tmp_path: Path
) -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    row = {
        "type": "assistant",
        "sessionId": "s",
        "timestamp": "2026-11-20T10:00:00.000Z",
        "requestId": "r",
        "message": {"id": "m", "model": NEWEST, "usage": usage},
    }
    transcript = home / ".claude" / "projects" / "-p" / "s.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(json.dumps(row, separators=(",", ":")) + "\n")

    def cost() -> object:
        done = subprocess.run(
            [sys.executable, "-m", "ccfb", "report", "--json"],
            env=environment(home),
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)["total"]["cost_usd"]

    assert cost() is None
    fetch(fresh, tmp_path)
    assert cost() == 7.0


def test_what_has_changed_is_told(known: list[Any], tmp_path: Path) -> None:
    model = of(known, "anthropic")[0]
    changed = deepcopy(known)
    of(changed, "anthropic")[0]["prices"] = {"input_mtok": 99, "output_mtok": 99}
    del of(changed, "openrouter")[3]
    gone = of(known, "openrouter")[3]["id"]
    found = fetch(changed, tmp_path)
    assert found == ([], [f"anthropic: {model['id']}"], [f"openrouter: {gone}"])


def test_the_same_prices_are_as_old_as_the_last_look(known: list[Any], tmp_path: Path) -> None:
    assert not any(fetch(known, tmp_path))
    assert table.made(table.in_force()) == TODAY


@pytest.mark.parametrize(("day", "used"), [("2026-11-20", False), (TODAY, True)])
def test_the_newer_table_is_in_force(
    home: Path, fresh: list[Any], tmp_path: Path, day: str, used: bool
) -> None:
    """A release of ccfb may be newer than what was fetched long ago."""
    fetch(fresh, tmp_path, day)
    assert table.in_force() == (table.fetched() if used else table.PATH)
    assert looked_up(home).startswith("7.0") == used


@pytest.mark.parametrize("damage", ["", "{", '{"version": 2, "made": "2030-01-01"}', "cut"])
def test_a_damaged_file_is_as_good_as_none(
    home: Path, fresh: list[Any], tmp_path: Path, damage: str
) -> None:
    fetch(fresh, tmp_path)
    kept = Path(table.fetched())
    kept.write_text(kept.read_text()[:-100] if damage == "cut" else damage)
    assert looked_up(home, "claude-opus-4-8") == "5.0 5000000.0"


@pytest.mark.parametrize("indent", [None, 2])
def test_a_table_is_read_however_it_is_laid_out(
    home: Path, fresh: list[Any], tmp_path: Path, indent: int | None
) -> None:
    """But for its head: the day when it was made."""
    fetch(fresh, tmp_path)
    kept = Path(table.fetched())
    whole = json.dumps(json.loads(kept.read_text()), indent=indent)
    kept.write_text(
        whole.replace('{\n  "version"', '{"version"').replace(',\n  "made"', ', "made"')
    )
    assert table.in_force() == table.fetched()
    assert looked_up(home) == "7.0 7000000.0"


def test_nobody_else_may_read_it(fresh: list[Any], tmp_path: Path) -> None:
    fetch(fresh, tmp_path)
    assert os.stat(table.fetched()).st_mode & 0o777 == 0o600


# What is refused


def without(published: list[Any], provider: str, part: float) -> list[Any]:
    models = of(published, provider)
    del models[: int(len(models) * part)]
    return published


def older(published: list[Any]) -> list[Any]:
    """As it was before the last price that is known."""
    last = max(
        prices["since"]
        for models in table.read(table.PATH)["providers"].values()
        for entry in models.values()
        for prices in entry["prices"]
    )
    for provider in published:
        for model in provider["models"]:
            if isinstance(model["prices"], list):
                model["prices"] = [
                    each
                    for each in model["prices"]
                    if (each.get("constraint") or {}).get("start_date") != last
                ] or {"input_mtok": 1, "output_mtok": 1}
            for each in model.get("price_variants") or ():
                each.pop("constraint", None)
    return published


DOUBTFUL: dict[str, Any] = {
    "no JSON": (lambda _: "<html>", "prices-not-understood"),
    "cut": (lambda known: json.dumps(known)[:-9], "prices-not-understood"),
    "another form": (lambda known: {"providers": known}, "prices-not-understood"),
    "a list of something else": (lambda _: [1, "two"], "prices-not-understood"),
    "a new rule": (
        lambda known: [{**each, "fallback_model_providers": ["aws"]} for each in known],
        "prices-not-understood",
    ),
    "without a provider": (lambda known: known[:1], "prices-not-understood"),
    "fewer models": (lambda known: without(known, "anthropic", 0.2), "prices-doubtful"),
    "fewer at OpenRouter": (lambda known: without(known, "openrouter", 0.2), "prices-doubtful"),
    "older": (older, "prices-doubtful"),
}


@pytest.mark.parametrize(("spoil", "reference"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_doubtful_changes_nothing(
    known: list[Any], fresh: list[Any], tmp_path: Path, spoil: Any, reference: str
) -> None:
    fetch(fresh, tmp_path)
    before = Path(table.fetched()).read_bytes()
    with pytest.raises(CcfbError) as refused:
        fetch(spoil(deepcopy(fresh)), tmp_path, "2026-12-02")
    assert refused.value.reference == reference
    assert Path(table.fetched()).read_bytes() == before
    assert [path.name for path in Path(table.fetched()).parent.iterdir()] == ["prices.json"]


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_refuses_changes_nothing(site: str, status: int) -> None:
    with pytest.raises(CcfbError, match=str(status)) as refused:
        update.update(TODAY, f"{site}/{status}")
    assert refused.value.reference == "prices-not-fetched"
    assert not Path(table.fetched()).exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "gopher://127.0.0.1", "http://["])
def test_a_server_that_is_not_there_changes_nothing(url: str) -> None:
    with pytest.raises(CcfbError) as refused:
        update.update(TODAY, url)
    assert refused.value.reference == "prices-not-fetched"


def test_an_empty_list_from_a_server_is_not_used(site: str) -> None:
    with pytest.raises(CcfbError) as refused:
        update.update(TODAY, f"{site}/200")
    assert refused.value.reference == "prices-not-understood"


# What people see


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(verb.command, arguments, catch_exceptions=False)
    return done.output.replace(os.path.dirname(table.PATH), "PACKAGE")


def test_what_a_model_costs(snapshot: SnapshotAssertion) -> None:
    models = ["claude-sonnet-4-5", "claude-opus-4-8", "openai/gpt-4o"]
    assert "\n".join(shown(model) for model in models) == snapshot
    told = json.loads(shown("claude-sonnet-4-5", "--json"))
    assert told.pop("made") == table.made(table.PATH)
    assert told == snapshot


def test_the_table_and_a_model_for_machines() -> None:
    """Wherever `--json` stands."""
    told = json.loads(shown("--json"))
    assert told.pop("models").keys() == {"anthropic", "openrouter"}
    assert told == {
        "schema_version": 1,
        "made": table.made(table.PATH),
        "source": table.read(table.PATH)["source"],
        "path": "PACKAGE/table.json",
    }
    assert shown("--json", "claude-opus-4-8") == shown("claude-opus-4-8", "--json")


def test_what_is_no_list_of_prices_is_told_without_the_words_of_python(tmp_path: Path) -> None:
    with pytest.raises(CcfbError, match="publishes them: there is no 'anthropic'") as refused:
        fetch({}, tmp_path)
    assert "KeyError" not in refused.value.message


def test_an_unknown_model_may_be_new() -> None:
    with pytest.raises(CcfbError) as refused:
        shown("claude-opas-4-8")
    assert refused.value.reference == "unknown-model"
    assert refused.value.hint == "Did you mean claude-opus-4-8? It may be new: ccfb prices update"


@pytest.mark.parametrize(("days", "told"), [(0, "today"), (1, "yesterday"), (100, "are old")])
def test_how_old_the_table_is(monkeypatch: pytest.MonkeyPatch, days: int, told: str) -> None:
    made = datetime.fromisoformat(f"{table.made(table.PATH)}T12:00+00:00").timestamp()
    monkeypatch.setattr("time.time", lambda: made + days * 86_400)
    assert told in shown()
    assert "PACKAGE/table.json" in shown()


def test_an_update_says_what_is_new(fresh: list[Any], tmp_path: Path) -> None:
    source = tmp_path / "data.json"
    source.write_text(json.dumps(fresh))
    assert shown("update", "--from", str(source)) == f"new: anthropic: {NEWEST}\n"
    assert shown("update", "--from", str(source)) == "No price has changed.\n"


def test_only_an_update_fetches_anything(home: Path) -> None:
    """Looking does not even load what could."""
    script = "import sys; from ccfb.cli.prices import command; command(standalone_mode=False)"
    checked = f"{script}; assert not {{'httpx', 'socket', 'ssl'}} & set(sys.modules)"
    for arguments in ([], ["claude-opus-4-8"]):
        subprocess.run(
            [sys.executable, "-c", checked, *arguments],
            env=environment(home),
            capture_output=True,
            check=True,
        )
