"""The story that is played: works, hits the limit, goes on with the key, comes back.

Everything is real but the API: the client, the hooks, the settings file, the reload. The
end-to-end tests play it too, on several versions of the client.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ccfb.drill.api import MESSAGES, FakeApi, Request, Window
from ccfb.drill.home import Home
from ccfb.drill.terminal import ClaudeSession
from ccfb.errors import CcfbError

KEYS = {
    "anthropic": "sk-ant-api03-drill-1111111111111111111111111111",
    "openrouter": "sk-or-v1-drill-2222222222222222222222222222",
}
"""Invented keys, by provider."""

TASK = "LOOP400 please"
"""A task of many tool calls: longer than the story."""

MODAL = "What do you want to do?"
"""Stands in the way of everything until Esc is pressed (seen on 2.1.105 to 2.1.231)."""

PATIENCE = 30.0
"""Seconds until a step of the story has failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was seen to happen.

    Args:
        title: What, in a few words.
        detail: Figures.
        seconds: How long it took, where that is of interest.
    """

    title: str
    detail: str = ""
    seconds: float | None = None


Report = Callable[[Step], None]


class Stage:
    """A temporary home with ccfb installed in it, and a fake API to talk to.

    Args:
        folder: An empty folder; everything stays in it.
        provider: Who is billed when the plan refuses.
        pace: Seconds that the API takes for each answer.
    """

    def __init__(self, folder: Path, provider: str = "anthropic", pace: float = 0.4) -> None:
        self.provider = provider
        self.api = FakeApi(folder, delay=pace)
        self.home = Home(folder / "home", proxy=self.api.proxy, ca=self.api.ca)
        self.original = self.home.settings.read_bytes()

    def ccfb(self, *arguments: str, stdin: str = "") -> str:
        """Run a ccfb command there, and return what it prints.

        Raises:
            CcfbError: It failed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "ccfb", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            env=self.home.env(),
            cwd=self.home.project,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise CcfbError("drill-command", f"ccfb {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def install(self) -> None:
        """What a user does once; nobody is alerted of a drill, and no other program is asked."""
        own = self.home.claude / "ccfb"
        own.mkdir(mode=0o700)
        (own / "config.json").write_text(
            '{"alerts": {"desktop": false}, "sources": {"claude_meter": {"enabled": false}}}\n'
        )
        self.ccfb("install-hooks")
        self.ccfb("key", "set", self.provider, stdin=KEYS[self.provider] + "\n")
        self.ccfb("config", "set", "providers", self.provider)
        self.ccfb("config", "set", "mode", "auto")

    def billed(self, request: Request) -> str:
        """Who a request was billed to."""
        if request.billing == "subscription":
            return "subscription"
        return next((name for name, key in KEYS.items() if key == request.key), "nobody")

    def answered(self, billing: str, since: float, timeout: float = PATIENCE) -> Request:
        """The first request of an agent loop that was answered on a billing.

        Raises:
            TimeoutError: None came in time.
        """
        return self.api.wait_for(
            lambda r: r.main and r.status == 200 and self.billed(r) == billing,  # noqa: PLR2004
            timeout,
            since,
        )

    def count(self) -> Counter[str]:
        """How many requests of agent loops were answered, by who was billed."""
        answered = (r for r in self.api.main_requests if r.status == 200)  # noqa: PLR2004
        return Counter(self.billed(request) for request in answered)

    def leaks(self) -> list[Path]:
        """Files below the home that hold a key, the key file itself left out."""
        found = self.home.find_secrets(key.encode() for key in KEYS.values())
        return [path for path, _ in found if path.parent.name != "keys"]

    def close(self) -> None:
        """Stop the API."""
        self.api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def play(stage: Stage, client: Path, report: Report, window: float = 20.0) -> None:
    """Play the story in one interactive session.

    Args:
        stage: Where; ccfb is installed there.
        client: The client's program.
        report: Told of every step as it is seen.
        window: Seconds between the prompt and the reset.

    Raises:
        TimeoutError: A step didn't happen.
        CcfbError: Something happened that never may, such as a request billed after the reset.
    """
    with ClaudeSession(client, stage.home) as session:
        began = time.time()
        session.start()
        report(Step("the session is ready", seconds=time.time() - began))

        resets_at = int(time.time() + window)
        stage.api.plan.windows["five_hour"] = Window(90, resets_at)
        session.prompt(TASK)
        stage.answered("subscription", began)
        session.wait_for("step 3")
        report(Step("it works on the subscription", "3 tool calls"))

        limited = time.time()
        stage.api.plan.limit("five_hour", resets_at)
        refused = stage.api.wait_for(lambda r: r.main and r.status == 429, PATIENCE, limited)  # noqa: PLR2004
        report(Step("the five-hour limit strikes", "HTTP 429 in the middle of the task"))

        first = _go_on(stage, session, stage.provider, refused.at)
        report(
            Step(
                f"the same turn goes on, billed to {stage.provider}",
                "its context whole",
                first.at - refused.answered_at,
            )
        )

        back = _go_on(stage, session, "subscription", resets_at, window + PATIENCE)
        report(Step("at the reset it is back on the subscription", seconds=back.at - resets_at))
        _check(stage, refused.at, resets_at)


def _go_on(
    stage: Stage, session: ClaudeSession, billing: str, since: float, patience: float = PATIENCE
) -> Request:
    """The first request on a billing; a modal in the way is dismissed as a user would."""
    end = time.time() + patience
    while time.time() < end:
        if session.shows(MODAL):
            session.press("esc")
        try:
            return stage.answered(billing, since, 0.5)
        except TimeoutError:
            continue
    raise TimeoutError(f"the turn didn't go on:\n{session.text}")


def _check(stage: Stage, limited: float, resets_at: float) -> None:
    """What may never happen, looked for in everything that was sent."""
    for request in stage.api.requests:
        if request.path not in MESSAGES:
            continue
        billed = stage.billed(request)
        if billed == stage.provider and not limited <= request.at < resets_at:
            late = request.at - resets_at
            raise CcfbError("billed-outside", f"A request was billed {late:+.2f} s from the reset.")
        if billed == "nobody":
            raise CcfbError("billed-to-nobody", "A request went out with no usable token.")
    if stage.leaks():
        raise CcfbError("secret-found", f"A key stands in {stage.leaks()[0]}.")
