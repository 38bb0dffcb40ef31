"""The user's own terminal tells of a switch, where the user wants so."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccfb.drill.api import Window
from ccfb.drill.story import MODAL, TASK, Stage
from ccfb.drill.terminal import ClaudeSession

pytestmark = pytest.mark.real

OSC_9 = re.compile(rb"\x1b\]9;([^\x07\x1b]*)(?:\x07|\x1b\\)")


class HeardSession(ClaudeSession):
    """A session in a terminal that notes what it is told to notify of."""

    def __init__(self, *arguments: Any) -> None:
        self.written = b""
        super().__init__(*arguments)

    def _feed(self, data: bytes) -> None:
        self.written += data
        super()._feed(data)

    @property
    def notified(self) -> list[str]:
        return [text.decode() for text in OSC_9.findall(self.written)]


@pytest.mark.parametrize("version", ["2.1.329", "2.1.176"])
def test_a_switch_is_told_by_the_terminal(
    stage: Stage, client: Callable[[str], Path], version: str
) -> None:
    stage.ccfb("config", "set", "alerts.terminal", "true")
    resets_at = int(time.time() + 120)
    stage.api.plan.windows["five_hour"] = Window(60, resets_at)
    with HeardSession(client(version), stage.home) as session:
        session.start()
        session.prompt(TASK)
        session.wait_for("step 2")
        stage.api.plan.limit("five_hour", resets_at)
        end = time.time() + 30
        while not any("anthropic" in text for text in session.notified):
            assert time.time() < end, f"told {session.notified}:\n{session.text}"
            if session.shows(MODAL):
                session.press("esc")
            time.sleep(0.2)
