"""The state of billing: what is in force, why, and until when. All times are epoch seconds."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

SUBSCRIPTION = "subscription"

Reason = Literal["limit", "threshold", "user"]


class Moment(NamedTuple):
    """Now, on the wall and on the clock that nobody can set (seconds since boot)."""

    wall: float
    boot: float


class Model(BaseModel):
    """Strict where we write, forgiving where a later version has written."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)


class Switch(Model):
    """Billing that is not the subscription."""

    provider: str
    reason: Reason
    window: str | None = None
    resets_at: float | None = None
    """When it ends by itself; None: when the user says so."""
    since: float
    boot_since: float


class Window(Model):
    """A window of the plan, as last told by the client."""

    percentage: float
    resets_at: float
    seen_at: float


class Session(Model):
    """What is remembered of one session, while its limit lasts."""

    seen_at: float
    answered: list[str] = Field(default_factory=list)
    """The failed turns answered last: each is told more than once, also by turns side by side."""
    continued_at: float | None = None
    retried: float | None = None
    """The reset after which a turn that came too early was tried once more."""
    nudges: int = 0
    """How often the settings were written again for it, since billing last changed."""


class Notice(Model):
    """Something that the user is told at the next prompt of a session."""

    session: str
    text: str
    at: float
    until_switch: bool = False
    """It says why nothing is switched: no longer true once something is."""


class Entry(Model):
    """One line of the ledger."""

    id: int
    at: float
    event: Literal[
        "limit",
        "threshold",
        "unknown_limit",
        "switch",
        "revert",
        "continue",
        "provider_failure",
        "choice",
    ]
    provider: str | None = None
    window: str | None = None
    resets_at: float | None = None
    session: str | None = None
    reason: str | None = None
    text: str | None = None


class Wake(Model):
    """What the gate compares with: whatever is reached first wakes the engine."""

    at: float | None = None
    boot_at: float | None = None
    marker: str = ""
    resets_at: float | None = None
    unsettled: bool = False
    windows: dict[str, dict[str, float]] = Field(default_factory=dict)
    sessions: list[str] = Field(default_factory=list)
    """Sessions that have something to be told."""
    lost: list[str] = Field(default_factory=list)
    """Sessions that don't take up the settings, however often they are written."""
    settled_at: float = 0.0


class State(Model):
    """Everything that outlives a run of the engine."""

    schema_version: Literal[1] = 1
    wake: Wake = Field(default_factory=Wake)
    switch: Switch | None = None
    hold: bool = False
    """The user has chosen the billing by hand: nothing happens by itself until `use auto`."""
    limits: dict[str, float] = Field(default_factory=dict)
    """Windows that refuse, and when each resets."""
    near: dict[str, float] = Field(default_factory=dict)
    """Windows that would refuse soon, and when each resets."""
    ended: dict[str, float] = Field(default_factory=dict)
    """Resets that have come, by the clock that nobody can set; a wall clock that was set back
    would have them come again."""
    windows: dict[str, Window] = Field(default_factory=dict)
    announced: dict[str, Window] = Field(default_factory=dict)
    """The percentage of each window that the user has heard of last."""
    failed: dict[str, float] = Field(default_factory=dict)
    """Providers that refused to be billed, and until when they are left alone."""
    sessions: dict[str, Session] = Field(default_factory=dict)
    notices: list[Notice] = Field(default_factory=list)
    displaced: dict[str, Any] | None = None
    """What stood in `settings.json` where our overrides are; see `ccfb.client.settings`."""
    unsettled: bool = False
    """Settings and ledger may lag behind this file: a run was cut off."""
    settled_at: float = 0.0
    """When settings were last written."""
    blanked: bool = False
    """Variables are set to "" for a session that has inherited an earlier switch."""
    tidy_at: float | None = None
    looked_at: float = 0.0
    """Up to when the transcripts have been searched for limits that no hook told of."""
    last_id: int = 0
    unwritten: list[Entry] = Field(default_factory=list)

    @property
    def closed(self) -> dict[str, float]:
        """Windows that refuse, or would refuse soon, and when each resets."""
        return self.near | self.limits

    @property
    def billing(self) -> str:
        """Who is billed now."""
        return self.switch.provider if self.switch else SUBSCRIPTION
