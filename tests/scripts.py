"""Running the hook scripts as the client does: a fresh interpreter, a bare environment."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import captures

ROOT = Path(__file__).parents[1]

EVENTS = {
    "config_change.py": "ConfigChange",
    "notification.py": "Notification",
    "session_end.py": "SessionEnd",
    "session_start.py": "SessionStart",
    "statusline.py": "StatusLine",
    "stop.py": "Stop",
    "stop_failure.py": "StopFailure",
    "user_prompt_submit.py": "UserPromptSubmit",
}
"""Every script but the helper, and the event that it answers."""

SCRIPTS = {event: script for script, event in EVENTS.items()}

STAND_IN = '''\
"""Stands in for the engine: writes down that it was woken, and answers as told."""
import json, os

def run(event, payload):
    home = os.environ["HOME"]
    with open(home + "/woken", "a") as file:
        file.write(event + "\\n")
    with open(home + "/answer") as file:
        answer = json.load(file)
    if isinstance(answer, str):
        raise {"KeyboardInterrupt": KeyboardInterrupt, "SystemExit": SystemExit}.get(
            answer, RuntimeError
        )(answer)
    return tuple(answer)
'''

Payload = dict[str, Any]


@dataclass
class House:
    """A home folder, and a copy of the scripts whose engine only writes down that it was woken."""

    home: Path
    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(ROOT / "hooks", self.root / "hooks")
        shutil.copytree(
            ROOT / "src" / "ccfb",
            self.root / "src" / "ccfb",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        (self.root / "src" / "ccfb" / "engine.py").write_text(STAND_IN)
        self.own.mkdir(parents=True)
        self.answers("", "", 0)

    @property
    def own(self) -> Path:
        return self.home / ".claude" / "ccfb"

    @property
    def log(self) -> list[str]:
        """The lines of `ccfb.log`."""
        path = self.own / "ccfb.log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], **self.variables}

    def answers(self, out: str, err: str, code: int) -> None:
        """What the engine will say."""
        (self.home / "answer").write_text(json.dumps([out, err, code]))

    def raises(self, name: str) -> None:
        """What the engine will fail with."""
        (self.home / "answer").write_text(json.dumps(name))

    def wakes_at(self, **wake: Any) -> None:
        """What the engine has written down."""
        (self.own / "state.json").write_text(json.dumps({"schema_version": 1, "wake": wake}))

    def chains(self, command: str) -> None:
        """The status line command that stood there before."""
        (self.own / "receipt.json").write_text(json.dumps({"chained": command}))

    def run(
        self, script: str, stdin: bytes | Payload, *arguments: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a script to its end."""
        return subprocess.run(
            [sys.executable, "-I", "-S", str(self.root / "hooks" / script), *arguments],
            input=stdin if isinstance(stdin, bytes) else json.dumps(stdin).encode(),
            env=self.environment,
            capture_output=True,
            check=False,
            timeout=60,
        )

    def woken(self, event: str) -> bool:
        """Whether the engine was; the status line doesn't wait for it."""
        end = time.monotonic() + (1.0 if event == "StatusLine" else 0.0)
        while not (path := self.home / "woken").exists():
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return path.read_text().split() == [event]


def recorded(home: Path, version: str = "2.1.329") -> dict[str, Payload]:
    """A payload of every event, as the real client sent it, with paths in this home.

    `Notification` and `ConfigChange` were not recorded there; theirs are made up.
    """
    path = captures.FOLDER / f"claude-code-{version}.json"
    cases = json.loads(path.read_text(encoding="utf-8").replace("/home/user", str(home)))["cases"]
    payloads: dict[str, Payload] = {
        payload["hook_event_name"]: payload
        for case in cases
        for payload in case.get("hook_payloads", [])
    }
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


def seen(payload: Payload) -> dict[str, dict[str, float]]:
    """The windows of a status line as an engine remembers them that has nothing to learn."""
    return {
        name: {"resets_at": window["resets_at"], "percentage": window["used_percentage"] + 5.0}
        for name, window in payload["rate_limits"].items()
    }
