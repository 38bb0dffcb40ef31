"""Make the README's picture from a real run: `uv run python tests/picture.py CLIENT OUT.svg`."""

import sys
import tempfile
import time
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

from ccfb.drill.story import MODAL, Stage
from ccfb.drill.terminal import ClaudeSession

COLUMNS = 100


def style(cell: pyte.screens.Char) -> str:
    """A cell's look, as rich names it."""
    colour = cell.fg if cell.fg != "default" else ""
    colour = f"#{colour}" if len(colour) == 6 and colour.isalnum() and not colour.isalpha() else colour
    words = [("bold" if cell.bold else ""), ("italic" if cell.italics else "")]
    words += ["reverse" if cell.reverse else "", colour.replace("brown", "yellow")]
    return " ".join(word for word in words if word)


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
        with ClaudeSession(client, stage.home) as session:
            session.start()
            session.prompt("LOOP400 please")
            session.wait_for("step 2")
            stage.api.plan.limit("five_hour", int(time.time() + 7200))
            session.wait_for(lambda s: s.shows("hit your") or s.shows(MODAL))
            stage.answered("anthropic", 0)
            session.wait_for("anthropic until")
            time.sleep(2)
            render(session, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
