"""What a provider is: a name, a host, and how it calls the models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ccfb.config import ProviderName


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who can be billed instead of the plan. No secret is ever part of it."""

    name: ProviderName
    title: str
    key_hint: str
    """How a key of theirs begins."""
    base_url: str | None = None
    """Where requests go, when not to the client's own host."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Model names by the client's tiers, for hosts that name models differently."""
