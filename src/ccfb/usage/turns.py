"""When each source is asked again: `usage.json`, one for all sessions."""

import orjson
from pydantic import BaseModel, Field, ValidationError

from ccfb import files, paths
from ccfb.errors import CcfbError

HOUR = 3600.0
LONGEST = 24 * HOUR
"""Seconds that a source may be left alone for. A time further off is a clock's mistake."""


class NoAnswerError(CcfbError):
    """A source told nothing.

    Args:
        reason: For the log; empty where nothing is wrong.
        pause: Seconds in which it isn't asked again.
        login: The login that the pause is for; with another one it is over.
    """

    def __init__(self, reason: str, pause: float, login: int | None = None) -> None:
        super().__init__("usage-unknown", reason)
        self.pause = pause
        self.login = login


class Turn(BaseModel):
    """What is kept of one source; times in epoch seconds."""

    asked: float = 0.0
    until: float = 0.0
    """The end of a pause."""
    login: int | None = None
    problem: str = ""
    """As it was last logged, so that it is logged once."""

    def due(self, every: float, login: int, now: float) -> float:
        """When it is asked next, in epoch seconds: now, or later.

        Args:
            every: Seconds between two times.
            login: The login as it is now.
            now: Epoch seconds.
        """
        paused = self.login in {None, login}
        due = max(self.asked + every, self.until if paused else 0.0)
        return due if now < due <= now + max(every, LONGEST) else now

    def answered(self) -> None:
        """Nothing is in the way of the next time."""
        self.until, self.login, self.problem = 0.0, None, ""

    def failed(self, error: NoAnswerError, now: float) -> None:
        """Leave it alone for a while."""
        self.until, self.login = now + min(error.pause, LONGEST), error.login
        self.problem = error.message or self.problem


class Turns(BaseModel):
    """`usage.json`."""

    claude_meter: Turn = Field(default_factory=Turn)
    usage_endpoint: Turn = Field(default_factory=Turn)


def load() -> Turns:
    """As last saved; where that is lost or damaged, nobody was ever asked."""
    try:
        with open(paths.own("usage.json"), "rb") as file:
            return Turns.model_validate(orjson.loads(file.read()))
    except (OSError, orjson.JSONDecodeError, ValidationError):
        return Turns()


def save(turns: Turns) -> None:
    """Write it, whole or not at all.

    Raises:
        OSError: It can't be written. Then nobody may be asked.
    """
    files.replace(paths.own("usage.json"), orjson.dumps(turns.model_dump(mode="json")))
