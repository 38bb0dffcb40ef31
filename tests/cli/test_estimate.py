"""`ccfb estimate`: what work would cost, how that was made, and not a byte written or sent."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import config, paths, secrets
from ccfb.cli import estimate
from ccfb.config import Config
from cli.console import NOW, Run, remember

DAY = 86_400.0


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the same name on each machine, in which the command runs."""
    folder = home / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def keyed() -> None:
    secrets.store("anthropic", "sk-ant-api03-1")
    config.save(Config.model_validate({"mode": "auto", "keys": {"anthropic": {"source": "file"}}}))


def session(
    project: Path, name: str, begin: float, requests: int = 10, model: str = "claude-opus-5-5"
) -> None:
    """A session of a request a minute, whose context grows."""
    rows = []
    for number in range(requests):
        usage = {
            "input_tokens": 2,
            "output_tokens": 500,
            "cache_read_input_tokens": 2_000 * number,
            "cache_creation_input_tokens": 2_000,
            "cache_creation": {"ephemeral_1h_input_tokens": 2_000},
        }
        at = datetime.fromtimestamp(begin + 60 * number, UTC).isoformat()
        message = {"id": f"{name}-{number}", "model": model, "usage": usage}
        rows.append({"type": "assistant", "timestamp": at, "sessionId": name, "message": message})
    folder = "".join(letter if letter.isalnum() else "-" for letter in str(project.resolve()))
    path = Path(paths.projects()) / folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)))
    os.utime(path, (begin + 60 * requests,) * 2)


def told(ccfb: Run, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ccfb("estimate", "--json", *arguments).out)
    return answer


@pytest.mark.usefixtures("keyed")
def test_by_the_sessions_of_the_project(
    ccfb: Run, project: Path, snapshot: SnapshotAssertion
) -> None:
    for number in range(1, 6):
        session(project, f"s{number}", NOW - number * DAY, 20 * number)
    assert ccfb("estimate") == snapshot


@pytest.mark.usefixtures("keyed")
def test_by_one_session(ccfb: Run, project: Path, snapshot: SnapshotAssertion) -> None:
    session(project, "s1", NOW - DAY)
    assert ccfb("estimate") == snapshot


@pytest.mark.usefixtures("keyed")
def test_by_the_size_of_the_project(ccfb: Run, project: Path, snapshot: SnapshotAssertion) -> None:
    for number in range(12):
        (project / f"{number}.py").write_text("x" * 40_000)
    assert ccfb("estimate") == snapshot


def test_without_a_key_all_providers_are_told(
    ccfb: Run, project: Path, snapshot: SnapshotAssertion
) -> None:
    session(project, "s1", NOW - DAY)
    assert ccfb("estimate") == snapshot


def test_an_unknown_price_is_told(ccfb: Run, project: Path) -> None:
    session(project, "s1", NOW - DAY, model="claude-unheard-of")
    assert "count at the provider's dearest" in " ".join(ccfb("estimate").out.split())
    assert told(ccfb)["providers"]["anthropic"]["unknown_price"] is True


@pytest.mark.usefixtures("keyed")
def test_machines_get_exactly_this(ccfb: Run, project: Path, snapshot: SnapshotAssertion) -> None:
    session(project, "s1", NOW - DAY)
    assert ccfb("estimate", "--json").out == snapshot


@pytest.mark.usefixtures("project")
def test_the_contract_with_machines(ccfb: Run) -> None:
    answer = told(ccfb)
    assert list(answer) == [
        "schema_version",
        "project",
        "basis",
        "since",
        "sessions",
        "requests",
        "files",
        "tokens",
        "model",
        "providers",
    ]
    assert (answer["schema_version"], answer["basis"]) == (1, "files")
    assert list(answer["providers"]) == ["anthropic", "openrouter"]
    for each in answer["providers"].values():
        assert list(each) == ["usable", "session", "hour", "take_over", "unknown_price"]
        assert list(each["session"]) == list(each["hour"]) == ["usual", "high"]
        assert each["take_over"] is None


def test_the_span_may_be_chosen(ccfb: Run, project: Path) -> None:
    for days in (2, 20, 40):
        session(project, f"s{days}", NOW - days * DAY)
    assert told(ccfb)["sessions"] == 2
    assert told(ccfb, "--since", "2026-10-01")["sessions"] == 3
    assert told(ccfb, "--since", "2026-11-10")["sessions"] == 1
    assert told(ccfb, "--since", "2026-11-20")["basis"] == "files"
    assert ccfb("estimate", "--since", "yesterday").code == 2


@pytest.mark.usefixtures("keyed")
def test_providers_without_a_key_are_told_when_asked_for(ccfb: Run, project: Path) -> None:
    session(project, "s1", NOW - DAY)
    assert list(told(ccfb)["providers"]) == ["anthropic"]
    (found,) = told(ccfb, "--provider", "openrouter")["providers"].values()
    assert found["usable"] is False
    assert found["take_over"]["model"] == "~anthropic/claude-opus-latest"


def test_models_of_the_users_own_are_priced(ccfb: Run, project: Path) -> None:
    models = {"openrouter": {"opus": "anthropic/claude-haiku-5.5"}}
    config.save(Config.model_validate({"models": models}))
    session(project, "s1", NOW - DAY)
    found = told(ccfb)["providers"]
    assert found["openrouter"]["take_over"]["model"] == "anthropic/claude-haiku-5.5"
    assert found["openrouter"]["session"]["usual"] < found["anthropic"]["session"]["usual"] / 5


def test_another_project_may_be_named(ccfb: Run, project: Path, home: Path) -> None:
    other = home / "other"
    other.mkdir()
    session(other, "s1", NOW - DAY)
    assert told(ccfb)["sessions"] == 0
    assert told(ccfb, str(other))["sessions"] == told(ccfb, "../other")["sessions"] == 1
    assert ccfb("estimate", "../nowhere").code == 2


@pytest.mark.usefixtures("keyed")
def test_nothing_is_written(ccfb: Run, project: Path, home: Path) -> None:
    session(project, "s1", NOW - DAY)
    remember()
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert ccfb("estimate").code == ccfb("estimate", "..").code == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


# The size of a project.


def test_only_text_files_count_and_of_a_long_one_its_start(ccfb: Run, project: Path) -> None:
    (project / "a.py").write_text("x" * 4_000)
    (project / "long.lock").write_text("x" * 10_000_000)
    (project / "picture").write_bytes(b"\x89PNG\0" + b"x" * 4_000)
    (project / "empty").touch()
    os.mkfifo(project / "pipe")
    (project / "gone").symlink_to("nowhere")
    answer = told(ccfb)
    assert (answer["files"], answer["tokens"]) == (2, 26_000)


@pytest.mark.parametrize("git", [True, False])
def test_what_is_ignored_or_hidden_does_not_count(
    ccfb: Run, project: Path, git: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With git, what it would track; without, what lies in no hidden folder."""
    for name in ("a.py", "src/b.py", "node_modules/c.js", ".hidden/d.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x" * 4_000)
    if git:
        subprocess.run(["git", "init", "-q", project], check=True)
        (project / ".gitignore").write_text("node_modules\n.hidden\n.gitignore\n")
    else:
        monkeypatch.setattr(shutil, "which", lambda _: None)
    answer = told(ccfb)
    assert (answer["files"], answer["tokens"]) == (2, 2_000)


def test_a_huge_project_is_looked_at_in_part(
    ccfb: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "FILES", 5)
    for number in range(20):
        (project / f"{number}.py").write_text("x" * 400)
    assert told(ccfb)["files"] == 5
