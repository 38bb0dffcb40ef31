"""The state of billing: what is in force, why, and until when. All times are epoch seconds."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

SUBSCRIPTION = "subscription"

Reason = Literal["limit", "threshold", "user"]


class Moment(NamedTuple):
    """Now, on the wall and on the clock that nobody can set (seconds since boot)."""

    wall: float
    boot: float
    offset: float = 0.0
    """Seconds by which the user's time is ahead of UTC: a day's budget ends at their midnight."""


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


class Window(Model):
    """A window of the plan, as last told by the client."""

    percentage: float
    resets_at: float
    seen_at: float
    session: str | None = None
    """Who told; None: a source that has asked the plan itself."""


class Answer(Model):
    """The user's word on a window that is closed."""

    word: Literal["yes", "no", "wait"]
    resets_at: float
    limit: bool
    """The window refused already; otherwise `wait` means: until it does."""
    provider: str | None = None
    """Who was to be billed; None: any."""


class Allowance(Model):
    """What the user's yes allows."""

    dollars: float | None = None
    spent: float = 0.0
    since: float


class Question(Model):
    """Whether to go on, and be billed; pending until it is answered, or the window resets."""

    window: str
    resets_at: float
    reason: Literal["limit", "threshold"]
    provider: str
    since: float
    take_over: float | None = None
    """Dollars for taking the context over to a cold cache."""
    per_hour: float | None = None
    """Dollars an hour, as the session has worked so far."""
    told: list[str] = Field(default_factory=list)
    """Sessions whose users have heard of it."""


class Downgrade(Model):
    """A window that is spared by working with another model."""

    model: str
    resets_at: float
    since: float


class Meter(Model):
    """What is measured since the last switch: also the requests in flight at its end."""

    provider: str
    since: float
    until: float | None = None
    sessions: dict[str, float] = Field(default_factory=dict)
    """Dollars so far."""


class Spent(Model):
    """What was spent in one window."""

    resets_at: float
    dollars: float


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
    stalled: bool = False
    """Its turn was cut off by a limit, and hasn't gone on so far."""
    spent: float = 0.0
    """Dollars."""


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
    event: str
    """`switch`, `revert`, …: see `ccfb.cli.log`. A later version may know more."""
    provider: str | None = None
    window: str | None = None
    resets_at: float | None = None
    session: str | None = None
    reason: str | None = None
    dollars: float | None = None
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
    model: str = ""
    """As `marker`, for downgrades."""
    asked: bool = False
    """A question is pending."""
    metered: bool = False
    """Requests are billed to a provider, or were until a moment ago."""
    capped: bool = False
    """Not more than so many dollars may be spent."""
    drawn: bool = False
    """Interactive sessions draw our status line."""
    costs: dict[str, float] = Field(default_factory=dict)
    """What sessions had cost when they were last measured, in the client's own dollars."""
    failing: bool = False
    """The plan's servers failed to answer, or it is used up: a turn that ends well is news."""
    look_at: float | None = None
    """When the other sources of utilization are asked next."""
    told_at: float = 0.0
    terminal: str = ""
    """What `ConfigChange` hooks answer, for a moment: a notification by the terminal."""
    config: float | None = None
    """When the configuration was last changed."""
    line: dict[str, Any] = Field(default_factory=dict)
    """What the status line shows; see `ccfb.statusline`."""


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
    ends: dict[str, float] = Field(default_factory=dict)
    """When each of them resets, by the clock that nobody can set; one that was started anew is
    only later there."""
    ended: dict[str, float] = Field(default_factory=dict)
    """Resets that have come, by the clock that nobody can set; a wall clock that was set back
    would have them come again."""
    windows: dict[str, Window] = Field(default_factory=dict)
    announced: dict[str, Window] = Field(default_factory=dict)
    """The percentage of each window that the user has heard of last."""
    client: str = ""
    """The client's version, as last seen."""
    models: dict[str, str] = Field(default_factory=dict)
    """The full names of the models that sessions use, by family."""
    account: str | None = None
    """A fingerprint of whom the client is signed in as."""
    others: dict[str, float] = Field(default_factory=dict)
    """When windows of the account before reset."""
    answers: dict[str, Answer] = Field(default_factory=dict)
    allowance: Allowance | None = None
    question: Question | None = None
    downgrades: dict[str, Downgrade] = Field(default_factory=dict)
    meter: Meter | None = None
    days: dict[str, float] = Field(default_factory=dict)
    """Dollars spent on each of the user's days."""
    spent: dict[str, Spent] = Field(default_factory=dict)
    """Dollars spent while a window was closed."""
    warned: list[str] = Field(default_factory=list)
    """Caps whose near end the user was told of."""
    offset: float = 0.0
    """Seconds by which the user's days are ahead of UTC."""
    unmeasured: bool = False
    """What was spent can't be found out."""
    stopped: str | None = None
    """The cap that is used up, and keeps billing on the subscription."""
    outages: int = 0
    """Turns in a row that the plan's servers have failed."""
    extra_usage: bool = False
    """The plan goes on beyond its limits, for credits of its own."""
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
