"""Guards that every test lives under: a temporary home, and no way to the real one."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

OURS = ("CLAUDE", "ANTHROPIC", "CCFB")
MACHINE = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
REAL_HOME = Path.home()
FORBIDDEN = tuple(str(REAL_HOME / name) for name in (".claude", ".claude.json"))
_armed = False

# What tests start would ignore Ctrl-C, as they do themselves where they run in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test is about how fast this machine is just now.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def _audit(event: str, args: tuple[object, ...]) -> None:
    if not _armed or event not in {"open", "os.listdir", "os.scandir", "os.mkdir", "os.rename"}:
        return
    target = args[0]
    if isinstance(target, bytes):
        target = os.fsdecode(target)
    if isinstance(target, str) and target.startswith(FORBIDDEN):
        raise AssertionError(f"a test reached for the real home folder: {target}")


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of the test's own, and no variable of the machine's client."""
    global _armed  # noqa: PLW0603 - an audit hook can't be taken out again
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):  # nobody's desktop hears of a test
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    _armed = True
    yield home
    _armed = False


@pytest.fixture
def real_home() -> Path:
    """The machine's own home folder, which no test may touch."""
    return REAL_HOME


@pytest.fixture(scope="session")
def machine() -> dict[str, str]:
    """The machine's environment, for tools that install things; the client never sees it."""
    return dict(MACHINE)
