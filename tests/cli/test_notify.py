"""`ccfb notify test`: every channel is tried, and says what became of it."""

from pathlib import Path

import pytest

from cli.console import Run, environment, on_terminal
from notify.posts import Desk, mailbox


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desktop whose `notify-send` records."""
    desk = Desk(home)
    desk.has("notify-send")
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    return desk


def test_every_channel_is_tried(ccfb: Run, desk: Desk) -> None:
    with mailbox() as box:
        desk.alerts(urls=[f"json://{box.address}"])
        shown = ccfb("notify", "test")
    assert shown == (0, "desktop               sent\nalerts.urls.0 (json)  sent\n", "")
    assert desk.shown()["arguments"][-2] == "ccfb: alerts work"
    assert box.received[0]["title"] == "ccfb: alerts work"


def test_a_channel_that_fails_is_told_here_and_by_status(ccfb: Run, spawn: Run, desk: Desk) -> None:
    (desk.bin / "notify-send").unlink()
    shown = ccfb("notify", "test")
    assert shown.code == 1
    assert shown.out.startswith("desktop  notify-send is not on PATH.")
    assert "[alert-failed]" in shown.err
    status = spawn("-m", "ccfb", "status").out
    assert "in notify: CcfbError: desktop: notify-send is not on PATH." in status


def test_no_desktop_is_no_failure(ccfb: Run, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    shown = ccfb("notify", "test")
    assert shown == (0, "desktop  left out: there is no desktop in this session\n", "")
    assert desk.log == []


def test_no_channel_is_an_error(ccfb: Run, desk: Desk) -> None:
    desk.alerts(desktop=False)
    shown = ccfb("notify", "test")
    assert (shown.code, shown.out) == (1, "")
    assert "[no-channel]" in shown.err


def test_the_terminal_gets_its_sequence_where_there_is_one(ccfb: Run, desk: Desk) -> None:
    desk.alerts(desktop=False, terminal=True)
    assert ccfb("notify", "test").out == "terminal  left out: this is no terminal\n"
    shown = on_terminal(["notify", "test"], environment(desk.home, TERM="xterm"))
    assert "\x1b]9;ccfb: alerts work: " in shown
    assert "terminal  sent, if this terminal knows OSC 9" in shown
