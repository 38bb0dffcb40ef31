"""Anthropic's own API, billed by the token to a key of the user's."""

from ccfb.providers.base import Provider

PROVIDER = Provider(name="anthropic", title="Anthropic API", key_hint="sk-ant-api")
