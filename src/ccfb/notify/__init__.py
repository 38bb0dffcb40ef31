"""Alerts: what the user should hear of without looking.

Hooks call `send`, which starts a process and doesn't wait for it: no hook ever waits for a
network. That process is `ccfb.notify.courier`, and the ways that it takes are
`ccfb.notify.channels`.
"""

import os
import subprocess
import sys
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

import ccfb
from ccfb import gate

TITLE, TEXT = 80, 400
"""Characters that an alert may have. Even where each takes four bytes, an alert fits into a pipe
at once: nobody waits for its reader."""

UNSEEN: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows, programs open windows."""

COURIER = """\
import sys
sys.path.insert(0, sys.argv[1])
from ccfb import gate
gate.reach_packages(sys.argv[1])
from ccfb.notify import courier
courier.main()
"""


def plain(text: str, longest: int) -> str:
    """A text on one line, without anything that a terminal would obey, and not too long."""
    shown = (letter if letter.isprintable() else " " for letter in text)
    kept = " ".join("".join(shown).split())
    return kept if len(kept) <= longest else f"{kept[: longest - 1]}…"


class Alert(BaseModel):
    """What is told: plain text on one line, whatever was put in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, AfterValidator(lambda text: plain(text, TITLE))]
    text: Annotated[str, AfterValidator(lambda text: plain(text, TEXT))] = ""
    urgent: bool = False
    """Somebody has to do something; where the channel can tell, it does."""

    @property
    def headline(self) -> str:
        """The title, and who says it. So it never begins with a dash, as an option would."""
        return f"ccfb: {self.title}"


def anywhere() -> bool:
    """Whether there is any channel at all; without one, no process need be started."""
    from ccfb import config  # noqa: PLC0415 - the courier's business otherwise
    from ccfb.notify import channels  # noqa: PLC0415 - it imports this module

    return bool(channels.channels(config.in_force(keep=False)[0].alerts))


def send(alert: Alert) -> None:
    """Tell the user on every channel that `config.json` names, and return at once.

    What fails is one line in `ccfb.log`, and no error here.
    """
    try:
        process = start(alert, subprocess.DEVNULL)
    except OSError as problem:
        gate.log("notify", problem)
        return
    process.returncode = 0  # nobody waits for it, and nobody needs to be warned of that


def start(alert: Alert, stdout: int) -> subprocess.Popen[bytes]:
    """Start the courier, in a session of its own, and hand the alert to it.

    Args:
        alert: What to tell. It goes through a pipe; channels are read by the courier itself, from
            `config.json`: their URLs hold tokens.
        stdout: Where the courier says what became of it, or `DEVNULL`, as for `subprocess`.

    Raises:
        OSError: No process can be started, or it ended at once.
    """
    packages = os.path.dirname(os.path.dirname(os.path.abspath(ccfb.__file__)))
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", COURIER, packages],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=UNSEEN,
    )
    if process.stdin:
        with process.stdin as pipe:
            pipe.write(alert.model_dump_json().encode())
    return process
