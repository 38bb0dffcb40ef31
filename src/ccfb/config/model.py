"""The options of `config.json`: their names, what is allowed, and what holds without a word."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from ccfb.plans import PLANS

ProviderName = Literal["anthropic", "openrouter"]
PROVIDERS: tuple[ProviderName, ...] = ("anthropic", "openrouter")

Dollars = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Percentage = Annotated[int, Field(strict=True, ge=1, le=100)]
Policy = (
    Literal["switch", "ask", "wait"]
    | Annotated[
        str, Field(pattern=r"^downgrade:[A-Za-z0-9._:/\[\]-]+$", description="downgrade:<model>")
    ]
)


class Strict(BaseModel):
    """A wrong name or value is an error, never a guess."""

    model_config = ConfigDict(extra="forbid")


class StoredKey(Strict):
    """The key lies in the system keychain, or in a file of ours with mode 0600."""

    source: Literal["keychain", "file"]


class VariableKey(Strict):
    """The key is in an environment variable of the shell that starts `claude`."""

    source: Literal["variable"]
    name: str = Field(min_length=1)


class CommandKey(Strict):
    """A command prints the key: `pass show …`, `op read …`."""

    source: Literal["command"]
    command: str = Field(min_length=1)


Key = Annotated[StoredKey | VariableKey | CommandKey, Field(discriminator="source")]


class Models(Strict):
    """Model names at a provider, by the client's three tiers."""

    opus: str | None = None
    sonnet: str | None = None
    haiku: str | None = None


class Alerts(Strict):
    """What the user is told of without looking, and where."""

    at: list[Percentage] = Field(default=[50, 75, 90], description="Percentages of a window.")
    desktop: StrictBool = Field(default=True, description="On the desktop.")
    terminal: StrictBool = Field(
        default=False,
        description="By the terminal that `claude` runs in: switches, reverts, questions.",
    )
    urls: list[Annotated[str, Field(pattern="://", description="a URL")]] = Field(
        default=[], repr=False, description="For `apprise`. They hold tokens."
    )


class WindowRules(Strict):
    """What happens when a window of the plan is nearly used up, or refuses."""

    policy: Policy = Field(
        default="ask",
        description="`switch` bills a provider, `ask` asks first, `wait` stays on the plan, "
        "`downgrade:<model>` goes on with another model of the plan.",
    )
    switch_at: float = Field(
        default=95,
        strict=True,
        gt=0,
        le=100,
        description="Percent from which the window counts as used up.",
    )
    back_at: float = Field(
        default=50, strict=True, ge=0, lt=100, description="Percent below which it is open again."
    )

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.back_at >= self.switch_at:
            raise ValueError(
                f"back_at ({self.back_at:g}) has to be below switch_at ({self.switch_at:g})"
            )
        return self


POLICIES = {
    "five_hour": "switch",
    "seven_day": "ask",
    "seven_day_opus": "ask",
    "seven_day_sonnet": "ask",
    "outage": "wait",
}
"""The windows known by name, and the policy where the user has said none; elsewhere it is `ask`."""


def _over_defaults(windows: Any) -> Any:
    """The windows that the user mentions, each over the defaults of its name."""
    if not isinstance(windows, dict):
        return windows
    return {
        name: {"policy": POLICIES.get(name, "ask"), **rules} if isinstance(rules, dict) else rules
        for name, rules in windows.items()
    }


class Budget(Strict):
    """Dollars that may be spent with providers, over all sessions; null: no cap."""

    session: Dollars | None = Field(default=None, description="In one session.")
    window: Dollars | None = Field(default=None, description="Until the plan's window resets.")
    day: Dollars | None = Field(default=None, description="In a calendar day.")
    month: Dollars | None = Field(default=None, description="In a calendar month.")


class ClaudeMeter(Strict):
    """`claude-meter --json`, where it is installed."""

    enabled: StrictBool = True
    every: float = Field(default=900, strict=True, ge=10, description="Seconds between two looks.")


class UsageEndpoint(Strict):
    """The usage page's own endpoint, asked with the client's login."""

    enabled: StrictBool = False
    every: float = Field(default=1200, strict=True, ge=60, description="Seconds between two looks.")


class Sources(Strict):
    """Where utilization is known from, beside the status line."""

    claude_meter: ClaudeMeter = ClaudeMeter()
    usage_endpoint: UsageEndpoint = UsageEndpoint()


PerMonth = Annotated[Dollars, Field(description="Dollars a month.")]
Window = Annotated[
    Dollars,
    Field(
        description="Dollars, at API prices, that five hours hold, until your limits tell better."
    ),
]
Week = Annotated[Dollars | None, Field(description="The same of a week; null: it isn't counted.")]


class Pro(Strict):
    """What it costs and holds."""

    price: PerMonth = PLANS["pro"].price
    window: Window = PLANS["pro"].window
    week: Week = PLANS["pro"].week


class Max5x(Strict):
    """What it costs and holds."""

    price: PerMonth = PLANS["max_5x"].price
    window: Window = PLANS["max_5x"].window
    week: Week = PLANS["max_5x"].week


class Max20x(Strict):
    """What it costs and holds."""

    price: PerMonth = PLANS["max_20x"].price
    window: Window = PLANS["max_20x"].window
    week: Week = PLANS["max_20x"].week


class Plans(Strict):
    """Anthropic's plans, which the report compares."""

    pro: Pro = Pro()
    max_5x: Max5x = Max5x()
    max_20x: Max20x = Max20x()


def _each_once(names: list[ProviderName]) -> list[ProviderName]:
    if len(set(names)) < len(names):
        raise ValueError("each may stand there once")
    return names


class Config(Strict):
    """`config.json`; every value has a default that spends nothing unasked."""

    mode: Literal["ask", "auto", "notify", "off"] = Field(
        default="ask",
        description="`ask`: before a provider is billed, you are asked. `auto`: each window's "
        "policy decides. `notify`: you are told, and nothing is billed. `off`: nothing at all.",
    )
    headless: Literal["no", "yes"] = Field(
        default="no", description="What a question is answered with where nobody can be asked."
    )
    providers: Annotated[list[ProviderName], AfterValidator(_each_once)] = Field(
        default=["anthropic", "openrouter"],
        min_length=1,
        json_schema_extra={"uniqueItems": True},
        description="In order of preference; the first usable one is billed.",
    )
    keys: dict[ProviderName, Key] = Field(
        default={}, description="Where each provider's key comes from; written by `ccfb key set`."
    )
    models: dict[ProviderName, Models] = Field(default={}, description="Model names at a provider.")
    alerts: Alerts = Alerts()
    windows: Annotated[dict[str, WindowRules], BeforeValidator(_over_defaults)] = Field(
        default={},
        description="What happens in each window of the plan; `outage`: while servers are down.",
    )
    budget: Budget = Budget()
    plan: Literal["pro", "max_5x", "max_20x"] | None = Field(
        default=None, description="Yours, for the report's comparison; null: not known."
    )
    plans: Plans = Plans()
    sources: Sources = Sources()
    status_line: str | None = Field(
        default=None, description="A template for the status line; null: the built-in one."
    )

    def window(self, name: str) -> WindowRules:
        """The rules of a window: the user's word over the defaults of that name."""
        return self.windows.get(name) or WindowRules(policy=POLICIES.get(name, "ask"))

    def key_source(self, provider: str) -> dict[str, Any]:
        """Where a provider's key comes from, as `secrets.read` takes it; empty: it has none."""
        sources: dict[str, dict[str, Any]] = self.model_dump(include={"keys"})["keys"]
        return sources.get(provider, {})
