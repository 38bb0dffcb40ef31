"""A hook sends and is gone; what becomes of the alert is the courier's affair."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ccfb import config, logbook, notify
from ccfb.errors import CcfbError
from ccfb.notify import Alert, courier, desktop, remote
from ccfb.notify.channels import Channel
from ccfb.notify.courier import Outcome
from notify.posts import NOTIFY_SEND, Desk, eventually, mailbox

ROOT = Path(__file__).parents[2]

ENGINE = """\
import os
from ccfb import notify

def run(event, payload):
    notify.send(notify.Alert(title="5-hour window at 90 %", text="It resets at 14:00."))
    if payload.get("stay"):
        with open(os.environ["HOME"] + "/sent", "w"):
            pass
        os.read(os.open(os.environ["HOME"] + "/forever", os.O_RDWR), 1)
    return "", "", 0
"""
"""Stands in for the engine: it sends an alert, and stays where told."""


@pytest.fixture
def hook(desk: Desk, tmp_path: Path) -> list[str]:
    """A real hook script, whose engine sends an alert."""
    root = tmp_path / "house"
    shutil.copytree(ROOT / "hooks", root / "hooks")
    shutil.copytree(
        ROOT / "src" / "ccfb", root / "src" / "ccfb", ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "src" / "ccfb" / "engine.py").write_text(ENGINE)
    return [sys.executable, "-I", "-S", str(root / "hooks" / "stop_failure.py")]


def run(hook: list[str], desk: Desk) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        hook, input=b"{}", env=desk.environment, capture_output=True, check=True, timeout=60
    )


def descendants(process: int) -> list[int]:
    """All that has this process for an ancestor."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def visible(place: Path) -> bytes:
    """Arguments and environment of the processes that a folder is named to."""
    found = b""
    for process in filter(str.isdecimal, os.listdir("/proc")):
        try:
            arguments = Path("/proc", process, "cmdline").read_bytes()
            if bytes(place) in arguments:
                found += arguments + Path("/proc", process, "environ").read_bytes()
        except OSError:
            continue
    return found


def test_a_hook_ends_while_the_channel_hangs(hook: list[str], desk: Desk) -> None:
    """Its output has ended as well: nobody waits for a pipe that the courier holds."""
    desk.hang()
    done = run(hook, desk)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert not (desk.home / "shown").exists()
    desk.release()
    assert desk.shown()["arguments"][-2:] == ["ccfb: 5-hour window at 90 %", "It resets at 14:00."]
    assert desk.log == []


def test_the_alert_outlives_a_hook_that_is_ended_with_all_its_children(
    hook: list[str], desk: Desk
) -> None:
    """The client does that to hooks that it doesn't wait for any more."""
    desk.has("notify-send", f"{NOTIFY_SEND}sys.exit('no bus')\n")
    desk.hang()
    os.mkfifo(desk.home / "forever")
    with subprocess.Popen(
        hook, stdin=subprocess.PIPE, env=desk.environment, start_new_session=True
    ) as process:
        assert process.stdin
        process.stdin.write(b'{"stay": true}')
        process.stdin.close()
        gate = os.open(desk.gate, os.O_WRONLY)  # `notify-send` has started, and hangs
        eventually((desk.home / "sent").exists)
        for each in descendants(process.pid):
            os.kill(each, signal.SIGKILL)
        os.killpg(process.pid, signal.SIGKILL)
    os.close(gate)
    assert desk.shown()
    eventually(lambda: desk.log)  # the courier is there as well
    assert "no bus" in desk.log[0]


def test_nothing_secret_is_in_an_argument_a_variable_or_the_log(
    hook: list[str], desk: Desk, tmp_path: Path
) -> None:
    token = "s3cret-t0ken"
    with mailbox(status=403) as box:
        desk.alerts(urls=[f"json://user:{token}@{box.address}/{token}"])
        desk.hang()
        run(hook, desk)
        gate = os.open(desk.gate, os.O_WRONLY)
        eventually(lambda: box.received)
        seen = visible(tmp_path)
        os.close(gate)
        desk.shown()
        eventually(lambda: desk.log)
    assert b"/notify-send" in seen
    assert b"ccfb.notify" in seen
    assert token.encode() not in seen
    assert token in box.paths[0]
    (line,) = desk.log
    assert "notify CcfbError: alerts.urls.0 (json): apprise couldn't deliver it." in line
    for path in desk.home.rglob("*"):
        if path.is_file() and path.name != "config.json":
            assert token not in path.read_text()


def test_every_channel_gets_it_though_one_fails(desk: Desk) -> None:
    with mailbox() as box, mailbox(status=500) as broken:
        desk.alerts(urls=[f"json://{broken.address}", f"json://{box.address}/path"])
        told = courier.rehearse(Alert(title="a", text="{{ b }}"))
    assert [outcome.channel for outcome in told if not outcome.problem] == [
        "desktop",
        "alerts.urls.1 (json)",
    ]
    assert len(broken.received) == 1, "it isn't tried again"
    assert (box.received[0]["title"], box.received[0]["message"]) == ("ccfb: a", "{{ b }}")
    assert desk.shown()["arguments"][-2:] == ["ccfb: a", "{{ b }}"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "notify-send is not on PATH. It comes with libnotify"),
        (f"#!{sys.executable} -IS\nraise SystemExit('no\\nbus')", "exit code 1: no bus"),
    ],
)
def test_a_failure_is_told_and_logged_once(desk: Desk, script: str | None, words: str) -> None:
    (desk.bin / "notify-send").unlink()
    if script:
        desk.has("notify-send", script)
    for _ in range(2):
        (outcome,) = courier.rehearse(Alert(title="a"))
        assert words in outcome.problem
    (line,) = logbook.since(0.0)
    assert line.event == "notify"
    assert words in line.text


def test_a_failure_is_logged_again_once_the_other_is_forgotten(desk: Desk) -> None:
    log = desk.own / "ccfb.log"
    log.write_text("2020-01-01T00:00:00Z notify CcfbError: desktop: No.\n")
    courier.note([Outcome("desktop", "No."), Outcome("elsewhere", "")])
    assert [line.split(" ", 1)[1] for line in desk.log] == [
        "notify CcfbError: desktop: No.",
        "notify CcfbError: desktop: No.",
    ]


def test_a_damaged_configuration_leaves_the_last_good_channels(desk: Desk) -> None:
    token = "s3cret-t0ken"
    config.in_force()
    before = courier.rehearse(Alert(title="a"))
    desk.alerts(urls=f"json://{token}@127.0.0.1")
    assert courier.rehearse(Alert(title="a")) == before
    assert token not in "".join(desk.log)


def test_what_can_not_be_started_is_a_line_in_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    notify.send(Alert(title="a"))
    (line,) = desk.log
    assert " notify FileNotFoundError: " in line


def test_without_a_display_there_is_no_desktop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    assert courier.rehearse(Alert(title="a")) == []
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert courier.rehearse(Alert(title="a")) == [("desktop", "")]


def test_what_is_turned_off_is_left_out(desk: Desk) -> None:
    desk.alerts(desktop=False)
    assert courier.rehearse(Alert(title="a")) == []


def test_a_channel_that_hangs_has_failed_and_keeps_none_of_the_others() -> None:
    over = threading.Event()
    told = threading.Event()
    ways = [
        Channel("stuck", lambda _: _wait(over)),
        Channel("good", lambda _: told.set()),
        Channel("bad", lambda _: _fail()),
    ]
    outcomes = courier.deliver(Alert(title="a"), ways, patience=1.0)
    assert told.is_set()
    assert outcomes == [
        ("stuck", "No answer within 1 seconds."),
        ("good", ""),
        ("bad", "It failed with ValueError."),
    ]
    over.set()


def _wait(event: threading.Event) -> None:
    event.wait()


def _fail() -> None:
    raise ValueError("json://token@host")


def test_a_program_that_hangs_is_ended_with_all_that_it_started(desk: Desk) -> None:
    sleeper = f"{sys.executable} -ISc 'import time; time.sleep(600)'"
    desk.has("notify-send", f"#!/bin/sh\n{sleeper} &\necho $! > {desk.home}/child\nwait\n")
    with pytest.raises(CcfbError, match="did not end within 3 seconds"):
        desktop.run(desktop.program(Alert(title="a"), "linux"), patience=3.0)
    child = (desk.home / "child").read_text().strip()
    eventually(lambda: not _runs(Path("/proc", child)))


def _runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("platform", "name"),
    [("linux", "notify-send"), ("darwin", "osascript"), ("win32", "powershell")],
)
def test_each_system_s_program_gets_every_letter(desk: Desk, platform: str, name: str) -> None:
    desk.has(name)
    alert = Alert(title="“90 %” — $HOME", text='it\'s "here" & <there>')
    program = desktop.program(alert, platform)
    desktop.run(program)
    shown = desk.shown()
    assert shown["arguments"] == program.command[1:]
    assert shown["environment"].items() >= dict(program.variables).items()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("slack://a/b/c", "alerts.urls.0 (slack)"),
        ("token-without-service", "alerts.urls.0"),
        ("t0ken/secret://host", "alerts.urls.0"),
        ("averylongtokenindeed://host", "alerts.urls.0"),
    ],
)
def test_a_channel_s_name_tells_nothing_secret(url: str, name: str) -> None:
    assert remote.name(0, url) == name


def test_a_url_that_apprise_does_not_know_is_told(desk: Desk) -> None:
    desk.alerts(desktop=False, urls=["nosuchthing://token"])
    (outcome,) = courier.rehearse(Alert(title="a"))
    assert outcome == ("alerts.urls.0 (nosuchthing)", "apprise doesn't understand this URL.")


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(CcfbError) as caught:
        remote.tell("json://127.0.0.1", Alert(title="a"))
    assert "ccfb[notify]" in caught.value.hint


def test_sending_leaves_no_warning_behind(desk: Desk) -> None:
    """Warnings are errors here: a process that nobody waits for would be one."""
    notify.send(Alert(title="a"))
    gc.collect()
    assert desk.shown()
