"""A desktop of the test's own."""

from pathlib import Path

import pytest

from notify.posts import Desk


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """This process sees the stand-in programs only, and takes itself to be on a desktop."""
    desk = Desk(home)
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    desk.has("notify-send")
    return desk
