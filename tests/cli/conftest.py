"""The command line as a user has it: a home of its own, a clock that stands still."""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from ccfb import cli
from ccfb.client import registration
from cli.console import Clock, Keychain, Result, Run, environment


@pytest.fixture(autouse=True)
def no_keychain() -> Iterator[None]:
    """The machine's own keychain is out of reach."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.fixture
def keychain(no_keychain: None) -> Keychain:
    """A keychain that works."""
    chain = Keychain()
    keyring.set_keyring(chain)
    return chain


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """10:00 on a Friday, in UTC."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield clock
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> registration.Launcher:
    """Installed in a place that is the same on each machine, and managed by nobody."""
    monkeypatch.setattr(registration, "managed_dir", lambda: str(tmp_path / "nobody"))
    launcher = registration.Launcher("/opt/ccfb/bin/python", "/opt/ccfb/hooks")
    monkeypatch.setattr(registration, "launcher", lambda: launcher)
    return launcher


@pytest.fixture
def ccfb(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = cli.run(arguments)
        out, err = capsys.readouterr()
        return Result(code, out.replace(str(home), "HOME"), err.replace(str(home), "HOME"))

    return run


@pytest.fixture
def spawn(home: Path) -> Run:
    """Run a Python command line in a process of its own, with hardly any environment."""

    def run(*arguments: str, **variables: str) -> Result:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment(home, **variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run
