"""What a hook with nothing to do costs, over an interpreter that does nothing.

    uv run python tests/bench/hooks.py [ROUNDS]

Every hook gets a payload recorded from the real client, in a temporary home as after an install.
All are run in turn, round after round, so that a busy machine slows all of them alike.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "tests" / "captures" / "claude-code-2.1.329.json"

ROUNDS = 50
HOOK_LIMIT = 8.0
STATUS_LINE_LIMIT = 12.0
"""Milliseconds over the bare interpreter."""

BARE = ("python -I -S -c pass", ["-c", "pass"], b"")
EVENTS = {
    "stop.py": "Stop",
    "session_end.py": "SessionEnd",
    "user_prompt_submit.py": "UserPromptSubmit",
    "notification.py": "Notification",
    "config_change.py": "ConfigChange",
    "statusline.py": "StatusLine",
}
"""`StopFailure` and `SessionStart` aren't here: they always have something to do."""

Payload = dict[str, Any]


def main(rounds: int) -> None:
    """Run all, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / ".claude").mkdir()
        install(home)
        payloads = recorded(home)
        cases = [BARE] + [
            (name, [str(ROOT / "hooks" / name)], json.dumps(payloads[event]).encode())
            for name, event in EVENTS.items()
        ]
        times = measure(cases, rounds, home)
    show(times, rounds)


def install(home: Path) -> None:
    """Leave a state and a receipt behind as a machine has them that is used every day."""
    sys.path.insert(0, str(ROOT / "src"))
    from ccfb.billing.events import Told  # noqa: PLC0415
    from ccfb.billing.machine import advance  # noqa: PLC0415
    from ccfb.billing.model import Moment, Session, State, Window  # noqa: PLC0415
    from ccfb.billing.rules import Rules  # noqa: PLC0415

    own = home / ".claude" / "ccfb"
    own.mkdir(mode=0o700)
    (own / "reloads").mkdir()
    now = time.time()
    windows = {
        name: Window(percentage=99.0, resets_at=window["resets_at"], seen_at=now)
        for name, window in recorded(home)["StatusLine"]["rate_limits"].items()
    }
    sessions = {
        f"00000000-0000-4000-8000-{number:012}": Session(seen_at=now) for number in range(5)
    }
    state, _ = advance(
        State(sessions=sessions), Told(windows), Rules(mode="auto"), Moment(now, 0.0)
    )
    (own / "state.json").write_text(state.model_dump_json(), encoding="utf-8")
    receipt: Payload = {"chained": None, "displaced": {}, "hooks": list(EVENTS)}
    (own / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")


def recorded(home: Path) -> dict[str, Payload]:
    """A payload of each event, with paths in this home."""
    text = CAPTURES.read_text(encoding="utf-8").replace("/home/user", str(home))
    cases = json.loads(text)["cases"]
    hooks = [payload for case in cases for payload in case.get("hook_payloads", [])]
    payloads: dict[str, Payload] = {payload["hook_event_name"]: payload for payload in hooks}
    payloads["StatusLine"] = next(
        payload
        for case in cases
        for payload in case.get("statusline_inputs", [])
        if "rate_limits" in payload
    )
    common = {key: payloads["Stop"][key] for key in ("session_id", "transcript_path", "cwd")}
    for event, more in {
        "Notification": {"message": "Claude is waiting", "notification_type": "idle_prompt"},
        "ConfigChange": {"source": "user_settings", "file_path": f"{home}/.claude/settings.json"},
    }.items():
        payloads.setdefault(event, {**common, "hook_event_name": event, **more})
    return payloads


def measure(
    cases: list[tuple[str, list[str], bytes]], rounds: int, home: Path
) -> dict[str, list[float]]:
    """The milliseconds of every run, by name."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    times: dict[str, list[float]] = {name: [] for name, _, _ in cases}
    for number in range(-2, rounds):  # two rounds to warm up
        for name, arguments, stdin in cases:
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-I", "-S", *arguments],
                input=stdin,
                env=environment,
                capture_output=True,
                check=False,
            )
            taken = (time.perf_counter() - started) * 1000
            if done.returncode or done.stderr:
                sys.exit(f"{name}: exit code {done.returncode}\n{done.stderr.decode()}")
            if number >= 0:
                times[name].append(taken)
    log = home / ".claude" / "ccfb" / "ccfb.log"
    if log.exists():
        sys.exit(f"A hook did more than nothing:\n{log.read_text(encoding='utf-8')}")
    return times


def show(times: dict[str, list[float]], rounds: int) -> None:
    """The table of medians."""
    bare = median(times[BARE[0]])
    print(f"Python {sys.version.split()[0]}, median of {rounds}, in turn, milliseconds\n")
    print(f"{'':24}{'median':>8}{'over bare':>11}{'ratio':>7}{'limit':>7}")
    for name, taken in times.items():
        over = median(taken) - bare
        limit = STATUS_LINE_LIMIT if name == "statusline.py" else HOOK_LIMIT
        verdict = "" if name == BARE[0] else f"{limit:7.0f}  {'ok' if over <= limit else 'ABOVE'}"
        print(f"{name:24}{median(taken):8.1f}{over:+11.1f}{median(taken) / bare:7.2f}{verdict}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
