"""What the command line's tests share: a still clock, a keychain in memory, a state."""

import os
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from keyring.backend import KeyringBackend

from ccfb import files
from ccfb.billing import store
from ccfb.billing.model import State

NOW = 1_795_168_800.0
"""2026-11-20, 10:00 UTC, a Friday."""


class Result(NamedTuple):
    """What a command left behind; the home folder reads `HOME`."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


class Clock:
    """Stands still; sleeping moves it on, at once."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Keychain(KeyringBackend):
    """A keychain in memory."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


def environment(home: Path, **variables: str) -> dict[str, str]:
    """What a process gets to see: no keychain, and nothing of this machine."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "TZ": "UTC",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        **variables,
    }


def remember(**values: Any) -> State:
    """Write a state, as the engine would have."""
    state = State.model_validate(values)
    files.make_own_dir()
    store.save(state)
    return state


def on_terminal(arguments: list[str], variables: dict[str, str], secret: str = "") -> str:
    """What a terminal shows of a command; `secret` is typed once nothing typed is shown."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ccfb", *arguments],
        env=variables,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    try:
        while chunk := _read(ours):
            shown += chunk
            if secret and shown.rstrip().endswith(":"):
                _type_unseen(ours, secret)
                secret = ""
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown


def _read(terminal: int) -> str:
    """The next words on a terminal; empty when there will be none."""
    try:
        return os.read(terminal, 65_536).decode()
    except OSError:  # how Linux tells that the other side has hung up
        return ""


def _type_unseen(terminal: int, text: str) -> None:
    """Type a line as soon as the terminal doesn't show it: what comes earlier is thrown away."""
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        os.sched_yield()
    os.write(terminal, f"{text}\n".encode())
