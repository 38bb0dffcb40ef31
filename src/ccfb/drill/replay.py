"""The story without a client: recorded payloads through the same hooks, as a client runs them."""

import json
import subprocess
import threading
import time
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from ccfb.drill.story import KEYS, Report, Stage, Step
from ccfb.errors import CcfbError

RECORDED: dict[str, Any] = json.loads(
    resources.files("ccfb.drill").joinpath("recorded.json").read_text("utf-8")
)
VERSION = f"{RECORDED['client_version']} (recorded)"

BUSY = 2.0
"""Seconds after the reset by which a busy machine may be late; it has one and a half before it."""

RELOAD = 1.03
"""Seconds between a change of the settings and its `ConfigChange` (seen on 2.1.88 to 2.1.329)."""

WAKE = 2
"""The exit code with which an `asyncRewake` hook starts a new turn."""


class Player:
    """Stands in for one session of the client: runs its hooks, and reloads its settings."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._transcript = stage.home.claude / "projects" / "replay" / "session.jsonl"
        self._transcript.parent.mkdir(parents=True)
        self._settings = stage.home.settings
        self._environment: dict[str, str] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, args=(self._changed_at(),))
        self._watcher.start()

    @property
    def billing(self) -> str:
        """Who this session's next request would be billed to."""
        helper = self._read().get("apiKeyHelper")
        if not helper:
            return "subscription"
        key = self._run(helper, "").stdout.strip()
        return next((name for name, known in KEYS.items() if known == key), "nobody")

    def limit(self, resets_at: int) -> None:
        """Write the row that the client writes when the plan refuses."""
        row = RECORDED["row"]
        row["timestamp"] = datetime.now(UTC).isoformat()
        row["quotaLimits"]["resetsAt"] = resets_at
        row["message"]["content"][0]["text"] = _text(resets_at)
        self._transcript.write_text(json.dumps(row, ensure_ascii=False) + "\n")

    def hook(self, event: str, **fields: Any) -> subprocess.CompletedProcess[str]:
        """Run the hook that the settings name for an event."""
        command = self._read()["hooks"][event][0]["hooks"][0]["command"]
        name = {"StopFailure": "stop_failure", "ConfigChange": "config_change"}[event]
        return self._run(command, self._payload(name, **fields))

    def status_line(self) -> str:
        """Draw the status line, as the client's clock does while nothing else happens."""
        payload = self._payload("status_line", rate_limits=None)
        return self._run(self._read()["statusLine"]["command"], payload).stdout

    def close(self) -> None:
        """End the session."""
        self._over.set()
        self._watcher.join()

    def _payload(self, name: str, **fields: Any) -> str:
        place = {"transcript_path": str(self._transcript), "cwd": str(self._stage.home.project)}
        return json.dumps(RECORDED[name] | place | fields, ensure_ascii=False)

    def _run(self, command: str, stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            input=stdin,
            capture_output=True,
            check=False,
            env=self._stage.home.env(**self._environment),
            text=True,
        )

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._settings.read_text("utf-8"))
        return content

    def _changed_at(self) -> int:
        return self._settings.stat().st_mtime_ns

    def _watch(self, seen: int) -> None:
        while not self._over.wait(0.02):
            if (changed := self._changed_at()) != seen:
                seen = changed
                time.sleep(RELOAD)
                self.hook("ConfigChange")
                self._environment.update(self._read().get("env", {}))


def play(stage: Stage, report: Report, window: float = 8.0) -> None:
    """Play the story with recorded payloads.

    Args:
        stage: Where; ccfb is installed there.
        report: Told of every step as it is seen.
        window: Seconds between the limit and its reset.

    Raises:
        CcfbError: A step didn't happen.
    """
    player = Player(stage)
    try:
        _expect(player.billing == "subscription", "It doesn't begin on the subscription.")
        report(Step("it begins on the subscription"))
        resets_at = int(time.time() + window)
        limited = time.time()
        player.limit(resets_at)
        answer = player.hook("StopFailure", last_assistant_message=_text(resets_at))
        _expect(answer.returncode == WAKE, f"The turn isn't woken: {answer.stderr}")
        report(Step("a recorded limit: the turn is woken", seconds=time.time() - limited))
        _expect(player.billing == stage.provider, f"It is billed to {player.billing}.")
        report(Step(f"it is billed to {stage.provider}"))
        while player.billing != "subscription":
            _expect(time.time() < resets_at + BUSY, "It is still billed after the reset.")
            player.status_line()
            time.sleep(0.2)
        report(Step("at the reset it is back on the subscription"))
        _expect(not stage.leaks(), "A key stands in a file.")
    finally:
        player.close()


def _text(resets_at: int) -> str:
    moment = datetime.fromtimestamp(resets_at, UTC)
    clock = f"{moment:%I:%M%p}".lstrip("0").lower()
    return f"You've hit your 5-hour limit · resets {clock} (UTC)"


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CcfbError("drill-failed", otherwise, "See `ccfb drill --help`; please report it.")
