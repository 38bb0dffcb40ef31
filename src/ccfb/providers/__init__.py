"""Who can be billed instead of the plan; one file each."""

from ccfb.providers import anthropic, openrouter
from ccfb.providers.base import Provider

ALL: dict[str, Provider] = {
    provider.name: provider for provider in (anthropic.PROVIDER, openrouter.PROVIDER)
}
