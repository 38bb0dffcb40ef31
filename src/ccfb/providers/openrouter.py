"""OpenRouter: the same protocol at another host, with model names of its own."""

from ccfb.providers.base import Provider

PROVIDER = Provider(
    name="openrouter",
    title="OpenRouter",
    key_hint="sk-or-",
    base_url="https://openrouter.ai/api",
    models={
        "opus": "~anthropic/claude-opus-latest",
        "sonnet": "~anthropic/claude-sonnet-latest",
        "haiku": "~anthropic/claude-haiku-latest",
    },
)
