"""Make the README's picture from a real run: `uv run python tests/picture.py CLIENT OUT.svg`."""

import re
import sys
import tempfile
import time
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

from ccfb.drill.api import Block, Request, text, tool_use
from ccfb.drill.story import Stage
from ccfb.drill.terminal import ClaudeSession

COLUMNS, LINES = 84, 42
TASK = "Run the test files one after another, and stop at the first failure."
FILES = {"api": 41, "auth": 23, "cache": 17, "cli": 35, "jobs": 12, "store": 28, "views": 54}


def reply(request: Request) -> list[Block]:
    """Runs one test file after another, as far as the conversation has come."""
    done = str(request.body.get("messages", "")).count("'tool_result'")
    if not request.main:
        return [text("Running tests")]
    file, passed = list(FILES.items())[done % len(FILES)]
    return [tool_use("Bash", command=f"echo tests/test_{file}.py: {passed} passed")]


def style(cell: pyte.screens.Char) -> str:
    """A cell's look, as rich names it."""
    colour = {"default": "", "brown": "yellow"}.get(cell.fg, cell.fg)
    if re.fullmatch("[0-9a-f]{6}", colour):
        colour = f"#{colour}"
    looks = {"bold": cell.bold, "italic": cell.italics, "reverse": cell.reverse, colour: True}
    return " ".join(look for look, wanted in looks.items() if look and wanted)


def render(session: ClaudeSession, out: Path) -> None:
    """The screen as an SVG, colours included."""
    console = Console(width=COLUMNS, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    last = max(number for number, line in enumerate(session.screen()) if line)
    for number in range(last + 1):
        line = Text()
        for column in range(COLUMNS):
            cell = session.buffer.buffer[number][column]
            line.append(cell.data, style(cell))
        console.print(line, no_wrap=True, overflow="crop")
    console.save_svg(str(out), title="claude")


def main(client: Path, out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        stage.install()
        stage.api.reply = reply
        with ClaudeSession(client, stage.home, columns=COLUMNS, lines=LINES) as session:
            session.start()
            session.prompt(TASK)
            session.wait_for("cache.py: 17")
            stage.api.plan.limit("five_hour", int(time.time() + 7200))
            session.wait_for("anthropic until")
            session.wait_for("store.py: 28")
            render(session, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
