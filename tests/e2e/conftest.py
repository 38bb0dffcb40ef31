"""The real client, in the versions that the tests name: installed once, with npm."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.drill.story import Stage

# Taken at import, before any test has a home of its own: npm needs the machine's configuration.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("CLAUDE", "ANTHROPIC"))
}
CACHE = Path(
    os.environ.get("CCFB_TEST_CACHE") or Path(tempfile.gettempdir()) / "ccfb-test-clients"
).absolute()
PACKAGE = "@anthropic-ai/claude-code"


@pytest.fixture(scope="session")
def client() -> Callable[[str], Path]:
    """The client's program, by version. No npm, or no such version, is a failure."""
    return functools.cache(_installed)


def _installed(version: str) -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / version
    with FileLock(CACHE / f"{version}.lock"):
        if not folder.exists():
            _install(version, folder)
    program = _program(folder)
    answer = _version_of(program)
    if not answer.startswith(f"{version} "):
        pytest.fail(f"{program} says {answer!r}: delete {folder} and run again")
    return program


def _install(version: str, folder: Path) -> None:
    npm = shutil.which("npm", path=ENVIRONMENT.get("PATH"))
    if npm is None:
        pytest.fail("npm is needed to install the client: see https://nodejs.org")
    # Moved into place when it is whole, so that an interrupted run leaves nothing half done.
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{version}-") as part:
        whole = Path(part) / "whole"
        whole.mkdir()
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", whole, f"{PACKAGE}@{version}"],
            capture_output=True,
            check=False,
            env=ENVIRONMENT,
            cwd=whole,
            text=True,
        )
        if done.returncode:
            pytest.fail(f"npm couldn't install {PACKAGE}@{version}:\n{done.stdout}{done.stderr}")
        whole.rename(folder)


def _program(folder: Path) -> Path:
    return folder / "node_modules" / ".bin" / "claude"


def _version_of(program: Path) -> str:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            check=False,
            env={"HOME": home, "PATH": ENVIRONMENT["PATH"], "DISABLE_AUTOUPDATER": "1"},
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
