"""What can happen, and what is to be done about it besides writing the state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ccfb.billing.model import Window

Word = Literal["yes", "no", "wait"]


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time has passed."""


@dataclass(frozen=True, slots=True)
class Limited:
    """The plan refused, until a known moment; None: until nobody knows."""

    session: str
    failure: str
    window: str
    resets_at: float | None
    text: str
    live: bool
    """The session is there and waits; False: read from its transcript later."""
    headless: bool = False
    """Nobody is there who could be asked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider refused to be billed: no credit, its own cap, a bad key, no such model."""

    session: str
    failure: str
    provider: str
    until: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The plan's servers failed to answer."""

    session: str
    failure: str


@dataclass(frozen=True, slots=True)
class Answering:
    """A turn has ended well: whoever was billed answers."""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody told the utilization of windows."""

    windows: Mapping[str, Window]
    session: str | None = None
    """Who told; None: a source that has asked the plan itself."""
    extra_usage: bool | None = None
    """Whether the plan goes on beyond its limits, for credits; None: it wasn't told."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What sessions have cost their provider since a switch, in dollars."""

    dollars: Mapping[str, float]
    since: float
    """When that switch was made."""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """What was spent can't be found out."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """What going on would cost, in dollars."""

    take_over: float
    per_hour: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """The user has chosen the billing: `subscription`, a provider, or `auto`."""

    target: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The user's word on the question whether to go on."""

    word: Word
    dollars: float | None = None
    """What may be spent; None: as much as the budget has."""
    session: str | None = None
    """Where it was typed as a prompt."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A turn that has waited for the user's word may go on."""

    session: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account that the client is signed in with, by a fingerprint."""

    account: str


@dataclass(frozen=True, slots=True)
class Strayed:
    """A session is billed otherwise than it should be: it has missed a change of settings."""

    session: str
    lost: bool = False
    """It was tried often enough."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """The user is about to send a prompt: the moment to be told things."""

    session: str


Event = (
    Tick
    | Limited
    | Refused
    | Failed
    | Answering
    | Told
    | Metered
    | Unmeasured
    | Estimated
    | Chosen
    | Answered
    | Resumed
    | SignedIn
    | Strayed
    | Prompted
)


@dataclass(frozen=True, slots=True)
class Continue:
    """The session's stalled turn is to go on, not before `at`, once the session is reloaded."""

    session: str
    at: float


@dataclass(frozen=True, slots=True)
class Tidy:
    """The emptied variables may leave the settings file."""


@dataclass(frozen=True, slots=True)
class Nudge:
    """Write the settings again, so that a session notices them."""


@dataclass(frozen=True, slots=True)
class Say:
    """A line for the user, at this prompt."""

    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """This prompt may not be sent: it would be billed beyond a cap."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The pending question, which this session's user hasn't heard so far."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A window has passed a percentage that the user wants to hear of, for the first time."""

    window: str
    percentage: float
    resets_at: float


Action = Continue | Tidy | Nudge | Say | Bar | Ask | Crossed
