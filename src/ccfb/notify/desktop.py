"""A notification on the desktop, by the program that each system has for it.

The programs are called directly: Python's libraries for this need D-Bus bindings, Objective-C
bridges or a running event loop, and end at the same three services.
"""

import html
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

from ccfb.errors import CcfbError
from ccfb.notify import Alert, plain

PATIENCE = 10.0
"""Seconds that a program has."""

LONGEST = 160
"""Characters of a program's complaint that are kept."""

SCRIPT = """\
on run argv
display notification (item 2 of argv) with title (item 1 of argv)
end run"""
"""AppleScript; what is told comes as arguments, so nothing in it is taken for script."""

TOAST = r"""
$ErrorActionPreference = 'Stop'
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent(
    [Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$lines = $xml.GetElementsByTagName('text')
$null = $lines.Item(0).AppendChild($xml.CreateTextNode($env:CCFB_ALERT_TITLE))
$null = $lines.Item(1).AppendChild($xml.CreateTextNode($env:CCFB_ALERT_TEXT))
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AF5198B7}\WindowsPowerShell\v1.0\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($app).Show(
    [Windows.UI.Notifications.ToastNotification]::new($xml))
"""  # noqa: E501 - a type's name
"""PowerShell; what is told comes in variables, so nothing in it is taken for script. Only apps
that Windows knows may show a toast, and PowerShell is one."""

INSTALL = {"notify-send": "It comes with libnotify (libnotify-bin on Debian and Ubuntu)."}


class Program(NamedTuple):
    """What to run."""

    command: list[str]
    variables: Mapping[str, str] = {}


def here() -> bool:
    """Whether there is a desktop at all: not on a server, nor in a shell from elsewhere."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def tell(alert: Alert) -> None:
    """Show an alert on the desktop.

    Raises:
        CcfbError: This system's program is missing, complains, or hangs.
    """
    run(program(alert, sys.platform))


def program(alert: Alert, platform: str) -> Program:
    """What shows an alert.

    Args:
        alert: What to tell.
        platform: As `sys.platform` says it.
    """
    if platform == "darwin":
        return Program(["osascript", "-e", SCRIPT, alert.headline, alert.text])
    if platform == "win32":
        return Program(
            ["powershell", "-NoProfile", "-NonInteractive", "-Command", TOAST],
            {"CCFB_ALERT_TITLE": alert.headline, "CCFB_ALERT_TEXT": alert.text},
        )
    urgency = "critical" if alert.urgent else "normal"
    # The body is markup, in which the program itself reads backslashes as C does.
    body = html.escape(alert.text, quote=False).replace("\\", "\\\\")
    return Program(
        ["notify-send", "--app-name=ccfb", f"--urgency={urgency}", "--", alert.headline, body]
    )


def run(program: Program, patience: float = PATIENCE) -> None:
    """Run a program to its end, or end it, with all that it has started.

    Args:
        program: What to run.
        patience: Seconds after which it is ended.

    Raises:
        CcfbError: It is missing, complains, or hangs.
    """
    name = program.command[0]
    found = shutil.which(name)
    if not found:
        raise CcfbError("alert-program", f"{name} is not on PATH.", INSTALL.get(name, ""))
    # A file, not a pipe: what the program leaves behind would keep a pipe open.
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(
            [found, *program.command[1:]],
            env={**os.environ, **program.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaint,
            start_new_session=True,
        )
        try:
            code = process.wait(patience)
        except subprocess.TimeoutExpired:
            _end(process)
            raise CcfbError(
                "alert-slow", f"{name} did not end within {patience:.0f} seconds."
            ) from None
        if code:
            complaint.seek(0)
            said = plain(complaint.read(4_096).decode("utf-8", "replace"), LONGEST)
            raise CcfbError("alert-refused", f"{name} ended with exit code {code}: {said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
