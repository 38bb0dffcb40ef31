"""What has to stand in the client's settings for a provider to be billed.

Only ways that running sessions take up live, both ways, on 2.1.88 to 2.1.329: the key comes
from `apiKeyHelper`, never from a variable, so that no secret stands in the file.
"""

from collections.abc import Mapping

from ccfb.client import signals

CLOCK = 1
"""Seconds between two runs of the status line while a provider is billed: it sees the reset come.
Applied live, and taken back live (seen on 2.1.105 to 2.1.329)."""

HELPER_LIFE = 10_000
"""Milliseconds that the client keeps a key: where no status line runs, asking for the next one
is the clock. It asks beside the request, which doesn't wait (seen on 2.1.105 to 2.1.329)."""

BASE_URL = "ANTHROPIC_BASE_URL"
KEY_LIFE = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS"
MODELS = {tier: f"ANTHROPIC_DEFAULT_{tier.upper()}_MODEL" for tier in ("opus", "sonnet", "haiku")}
VARIABLES = (signals.BILLING_VARIABLE, BASE_URL, KEY_LIFE, *MODELS.values())

Overrides = dict[tuple[str, ...], str | int]
"""By place, such as `("env", "ANTHROPIC_BASE_URL")`."""


def overrides(
    provider: str,
    helper: str,
    base_url: str | None,
    models: Mapping[str, str],
    *,
    clock: bool,
    often: bool,
) -> Overrides:
    """The overrides that bill a provider.

    Args:
        provider: Its name; a session's hooks read it back from their environment.
        helper: The command that prints the key.
        base_url: The provider's host, where it isn't the client's own.
        models: The provider's model names by the client's tiers (`opus`, `sonnet`, `haiku`).
        clock: Run the status line every second; only where it is ours.
        often: Ask for the key often; not where that asks the user for a fingerprint.
    """
    values: Overrides = {
        ("apiKeyHelper",): helper,
        ("env", signals.BILLING_VARIABLE): provider,
    }
    if base_url:
        values["env", BASE_URL] = base_url
    for tier, model in models.items():
        values["env", MODELS[tier]] = model
    if often:
        values["env", KEY_LIFE] = str(HELPER_LIFE)
    if clock:
        values["statusLine", "refreshInterval"] = CLOCK
    return values


def blanks(environment: Mapping[str, object]) -> Overrides:
    """What takes an earlier switch back in a session that has inherited it.

    The client exports settings `env` to whatever it starts (seen on 2.1.105 to 2.1.329): a
    terminal opened from a switched session hands it on, long after the revert.

    Args:
        environment: `env` in the settings; what the user has set there stays.
    """
    return {("env", name): "" for name in VARIABLES if not environment.get(name)}
