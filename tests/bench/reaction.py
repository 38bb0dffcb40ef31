"""How fast a session goes on: `uv run python tests/bench/reaction.py CLIENT [RUNS]`.

Prints the median of each part between the plan's 429 and the next request on the key.
"""

import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import orjson

from ccfb.drill.story import Stage
from ccfb.drill.terminal import ClaudeSession

LIMIT = 1.8
"""Seconds that the whole may take; 1.0 of it is the client's own reload."""

PARTS = (
    "429 to the switch written",
    "written to the client's reload",
    "reload to the next request",
    "429 to the next request",
)


def measure(client: Path) -> list[float]:
    """One limit in one session: the seconds of each part, and of the whole."""
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), pace=0.05) as stage:
        stage.install()
        with ClaudeSession(client, stage.home) as session:
            session.start()
            time.sleep(3)  # a session that has just begun doesn't watch its settings yet
            session.prompt("LOOP400 please")
            session.wait_for("step 3")
            stage.api.plan.limit("five_hour", int(time.time() + 3600))
            refused = stage.api.wait_for(lambda r: r.main and r.status == 429, 30)
            first = stage.answered(stage.provider, refused.at)
            own = stage.home.claude / "ccfb"
            written = orjson.loads((own / "state.json").read_bytes())["settled_at"]
            (word,) = (own / "reloads").iterdir()
            reloaded = float(word.read_text())
    moments = [refused.answered_at, written, reloaded, first.at]
    parts = [later - earlier for earlier, later in pairwise(moments)]
    return [*parts, sum(parts)]


def main(client: Path, runs: int) -> None:
    columns = zip(*(measure(client) for _ in range(runs)), strict=True)
    print(f"median of {runs} runs, seconds")
    for name, seconds in zip(PARTS, columns, strict=True):
        print(f"{statistics.median(seconds):6.2f}  {name}  ({min(seconds):.2f}-{max(seconds):.2f})")
    print(f"{LIMIT:6.2f}  at most")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9)
