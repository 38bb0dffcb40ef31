"""A view's lines for spreadsheets: the columns stay."""

import csv
import io

from ccfb.report.cells import cell
from ccfb.report.model import Line, View
from ccfb.report.render.envelope import span, totals

HEADS = (
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "web_searches",
    "cost_usd",
    "background_usd",
    "unpriced_requests",
    "unpriced_tokens",
)
"""As in JSON."""


def render(view: View) -> str:
    """A line for each of the view's, below its heads. Dollars; times are ISO 8601, UTC."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    session = ("project", "model") if view.by == "session" else ()
    rows.writerow([view.by, *HEADS, "billed_usd", "since", "until", *session])
    rows.writerows(map(_row, view.lines))
    return text.getvalue().removesuffix("\n")


def _row(line: Line) -> list[object]:
    """An unknown cost is an empty cell."""
    told = totals(line.totals)
    billed = totals(line.billed)["cost_usd"]
    return [
        cell(line.name),
        *(told[head] for head in HEADS),
        billed,
        *(cell(words or "") for words in span(line).values()),
    ]
