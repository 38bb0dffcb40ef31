"""The real client, in the versions that the tests name: installed once, with npm."""

import functools
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import npm
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.drill.story import Stage

PACKAGE = "@anthropic-ai/claude-code"


@pytest.fixture(scope="session")
def client() -> Callable[[str], Path]:
    """The client's program, by version. No npm, or no such version, is a failure."""
    return functools.cache(_installed)


def _installed(version: str) -> Path:
    folder = npm.installed(version, [f"{PACKAGE}@{version}"])
    program = folder / "node_modules" / ".bin" / "claude"
    answer = _version_of(program)
    if not answer.startswith(f"{version} "):
        pytest.fail(f"{program} says {answer!r}: delete {folder} and run again")
    return program


def _version_of(program: Path) -> str:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            check=False,
            env={"HOME": home, "PATH": npm.ENVIRONMENT["PATH"], "DISABLE_AUTOUPDATER": "1"},
            text=True,
        )
    return done.stdout or done.stderr


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path / "stage", getattr(request, "param", "anthropic")) as stage:
        stage.install()
        yield stage
        assert not stage.leaks(), "a key stands in a file"


@pytest.fixture
def ledger(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Entry]]:
    """The entries of one kind in the stage's ledger."""
    monkeypatch.setenv("HOME", str(stage.home.root))

    def entries(event: str) -> list[Entry]:
        return [entry for entry in store.ledger() if entry.event == event]

    return entries
