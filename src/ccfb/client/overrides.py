"""What has to stand in the client's settings for a provider to be billed.

Only ways that running sessions take up live, both ways, on 2.1.88 to 2.1.329: the key comes
from `apiKeyHelper`, never from a variable, so that no secret stands in the file.
"""

from collections.abc import Mapping

from ccfb.client import models, signals

INTERVAL = ("statusLine", "refreshInterval")
"""Where in the settings it stands how often the status line runs."""

CLOCK = 1
"""Seconds between two runs of the status line while a provider is billed: it sees the reset come.
Applied live, and taken back live (seen on 2.1.105 to 2.1.329)."""

SLOW_CLOCK = 15
"""The same while another model of the plan goes on, which costs nothing: a session that idles is
back at most so long after the reset."""

HELPER_LIFE, SHORT_LIFE = 10_000, 1_000
"""Milliseconds that the client keeps a key: where no status line runs, asking for the next one
is the clock, and the meter's where a budget is short. It asks beside the request, which doesn't
wait (seen on 2.1.105 to 2.1.329)."""

BASE_URL = "ANTHROPIC_BASE_URL"
KEY_LIFE = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS"
SHORT_CONTEXT = "CLAUDE_CODE_DISABLE_1M_CONTEXT"
MODELS = {tier: f"ANTHROPIC_DEFAULT_{tier.upper()}_MODEL" for tier in models.TIERS}
VARIABLES = (
    signals.BILLING_VARIABLE,
    signals.MODEL_VARIABLE,
    SHORT_CONTEXT,
    BASE_URL,
    KEY_LIFE,
    *MODELS.values(),
)

Overrides = dict[tuple[str, ...], str | int]
"""By place, such as `("env", "ANTHROPIC_BASE_URL")`."""


def overrides(
    provider: str,
    helper: str,
    base_url: str | None,
    names: Mapping[str, str],
    *,
    life: int | None,
) -> Overrides:
    """The overrides that bill a provider.

    Args:
        provider: Its name; a session's hooks read it back from their environment.
        helper: The command that prints the key.
        base_url: The provider's host, where it isn't the client's own.
        names: The provider's model names by the client's tiers (`opus`, `sonnet`, `haiku`).
        life: Milliseconds until the key is asked for again; None, the client's own five minutes,
            where that asks the user for a fingerprint.
    """
    values: Overrides = {
        ("apiKeyHelper",): helper,
        ("env", signals.BILLING_VARIABLE): provider,
    }
    if base_url:
        values["env", BASE_URL] = base_url
    for tier, model in names.items():
        values["env", MODELS[tier]] = model
    if life:
        values["env", KEY_LIFE] = str(life)
    return values


def clock() -> Overrides:
    """The status line runs every second: it sees a reset come, and shows a question at once."""
    return {INTERVAL: CLOCK}


def slow_clock(theirs: object) -> Overrides:
    """The status line runs now and then, or as often as the user wants it to, if that is more."""
    more = isinstance(theirs, int | float) and CLOCK <= theirs < SLOW_CLOCK
    return {} if more else {INTERVAL: SLOW_CLOCK}


def downgraded(
    marker: str, spared: Mapping[str, str], version: str, in_use: Mapping[str, str]
) -> Overrides:
    """The overrides that make sessions work with another model of the plan.

    A variable moves sessions with no model of their own choice, or one chosen by alias, from the
    next turn on (a prompt's own hook is too late for it); `modelOverrides` those with a full name,
    and turns under way (2.1.261 and later; nothing does before). A smaller model has no long
    context (seen on 2.1.105 to 2.1.329).

    Args:
        marker: A session's hooks read it back from their environment.
        spared: The model to work with, a tier or a full name, by the window to be spared.
        version: The client's.
        in_use: The full names that sessions use, by family.
    """
    own = models.own(version)
    values: Overrides = {("env", signals.MODEL_VARIABLE): marker, ("env", SHORT_CONTEXT): "1"}
    for window, model in spared.items():
        family, other = window.removeprefix("seven_day_"), own.get(model, model)
        if family in MODELS:
            values["env", MODELS[family]] = other
        name = in_use.get(family) or own.get(family)
        if name:
            values["modelOverrides", name] = other
    return values


def blanks(environment: Mapping[str, object]) -> Overrides:
    """What takes an earlier switch back in a session that has inherited it.

    The client exports settings `env` to whatever it starts (seen on 2.1.105 to 2.1.329): a
    terminal opened from a switched session hands it on, long after the revert.

    Args:
        environment: `env` in the settings; what the user has set there stays.
    """
    return {("env", name): "" for name in VARIABLES if not environment.get(name)}
