"""Make the README's pictures of the report: `uv run python tests/picture_report.py FOLDER`."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from ccfb.report import summary
from ccfb.report.render import html, table
from report import chromium, months

COLUMNS = 84


def draw_table(out: Path) -> None:
    """What a terminal shows, as an SVG, colours included."""
    data = months.data()
    view = summary.view(data.collected, months.REQUEST, months.utc, months.NOW)
    view = view._replace(budget=data.view.budget, break_even=data.view.break_even)
    with Path("/dev/null").open("w") as nowhere:
        console = Console(width=COLUMNS, record=True, file=nowhere, force_terminal=True)
        console.print(*table.parts(view, data.collected, months.utc, console), sep="\n")
        console.save_svg(str(out), title="ccfb report")


def main(folder: Path) -> None:
    draw_table(folder / "report.svg")
    with tempfile.TemporaryDirectory() as made:
        page = Path(made) / "report.html"
        page.write_text(html.render(months.data()), encoding="utf-8")
        chromium.run("picture.mjs", page, folder / "report.png", folder / "report-dark.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
