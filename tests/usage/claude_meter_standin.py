"""A stand-in for `claude-meter`, which prints what the real one does.

Shapes as in its source: from 0.3.9 on one object, from 0.1.1 to 0.3.8 a list of them.
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ORGANIZATION = "00000000-0000-4000-8000-000000000002"
"""Of the account that `ccfb.drill.home` signs in."""

NAMES = (
    "five_hour",
    "seven_day",
    "seven_day_sonnet",
    "seven_day_opus",
    "seven_day_oauth_apps",
    "seven_day_omelette",
    "seven_day_cowork",
)

SCRIPT = f"""#!{sys.executable} -IS
import json, os, sys, time
with open(__file__ + ".calls", "a") as file:
    file.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
with open(__file__ + ".json") as file:
    told = json.load(file)
sys.stderr.write("warn: some profile can't be read\\n")
sys.stdout.write(told["out"])
sys.stdout.flush()
if told["hangs"]:
    os.spawnlp(os.P_WAIT, "sleep", "sleep", "60")
sys.exit(told["code"])
"""


def snapshot(
    windows: Mapping[str, tuple[float, float | None]],
    *,
    email: str | None = None,
    org: str = ORGANIZATION,
    extra_usage: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What it tells of one account.

    Args:
        windows: Percent (0-100) and reset (epoch seconds), by name.
        email: The account's address, which isn't always known to it.
        org: The account's organization; that of the drill, if not given.
        extra_usage: The block of that name.
    """
    usage: dict[str, Any] = dict.fromkeys((*NAMES, "extra_usage"))
    for name, (percentage, resets_at) in windows.items():
        usage[name] = {"utilization": percentage, "resets_at": resets_at and iso(resets_at)}
    if extra_usage:
        usage["extra_usage"] = dict(extra_usage)
    return {
        "org_uuid": org,
        "browser": "Claude Code",
        "account_email": email,
        "fetched_at": "2026-06-26T21:29:26.514322Z",
        "usage": usage,
        "overage": None,
        "subscription": None,
        "errors": [],
        "stale": False,
    }


def iso(moment: float) -> str:
    """Epoch seconds as it prints them."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


class ClaudeMeter:
    """The program in a folder, for PATH.

    Args:
        folder: Where; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "claude-meter"
        self.path.write_text(SCRIPT)
        self.path.chmod(0o755)
        self.tells({})

    def tells(self, windows: Mapping[str, tuple[float, float | None]]) -> None:
        """From now on it tells this of the account that is signed in; see `snapshot`."""
        self.prints(snapshot(windows))

    def prints(self, content: object, *, code: int = 0, hangs: bool = False) -> None:
        """From now on it prints this: a text as it is, all else as JSON."""
        out = content if isinstance(content, str) else json.dumps(content, indent=2)
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps({"out": out, "code": code, "hangs": hangs}))
        os.replace(draft, f"{self.path}.json")

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        """Arguments and standard input of each run so far."""
        path = Path(f"{self.path}.calls")
        lines = path.read_text().splitlines() if path.exists() else []
        return [(arguments, stdin) for arguments, stdin in map(json.loads, lines)]
