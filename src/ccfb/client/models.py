"""The client's models: what it calls them, and what it sends for them."""

import re

TIERS = ("opus", "sonnet", "haiku")

_OWN: tuple[tuple[tuple[int, ...], tuple[str, str, str]], ...] = (
    ((2, 1, 329), ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")),
    ((2, 1, 261), ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5-20251001")),
    ((2, 1, 176), ("claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5-20251001")),
    ((0,), ("claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5-20251001")),
)
"""What each tier is sent as, from a version on (seen on 2.1.105 and those named here)."""

_FAMILY = re.compile(r"claude-(?:\d[\d-]*-)?([a-z]+)")


def own(version: str) -> dict[str, str]:
    """The full names of a client's own models, by tier.

    An alias in a variable is sent as it stands where the user has chosen a model by alias (seen
    on 2.1.105 to 2.1.329), so full names are needed.

    Args:
        version: The client's; unknown ones are taken for the last before them that is known.
    """
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    names = next(names for since, names in _OWN if numbers >= since or since == (0,))
    return dict(zip(TIERS, names, strict=True))


def known() -> set[str]:
    """All of them."""
    return {name for _, names in _OWN for name in names}


def family(model: str) -> str:
    """Whose window a model's requests count for: `opus`, `sonnet`; empty for others' models."""
    found = _FAMILY.match(model)
    return found[1] if found else ""


def bare(model: str) -> str:
    """A model's name as it is sent, without what the client marks a long context with."""
    return model.removesuffix("[1m]")
