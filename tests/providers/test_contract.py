"""What every provider has to keep: the same tests for each of them."""

import dataclasses
import re
from urllib.parse import urlsplit

import pytest

from ccfb import providers
from ccfb.client.overrides import overrides
from ccfb.client.signals import BILLING_VARIABLE
from ccfb.config import Models
from ccfb.providers.base import Provider

HELPER = "/usr/bin/python3 -I -S '/opt/ccfb/hooks/api_key.py' NAME"
TIERS = set(Models.model_fields)

each = pytest.mark.parametrize("provider", providers.ALL.values(), ids=lambda each: str(each.name))


def placed(provider: Provider) -> dict[tuple[str, ...], str | int]:
    """What stands in the client's settings while it is billed."""
    return overrides(provider.name, HELPER, provider.base_url, provider.models, life=10_000)


@each
def test_it_is_known_by_its_own_name(provider: Provider) -> None:
    assert providers.ALL[provider.name] is provider
    assert re.fullmatch(r"[a-z]+", provider.name)
    assert provider.title.strip() == provider.title != ""


@each
def test_its_host_is_reached_safely(provider: Provider) -> None:
    if provider.base_url is None:
        return
    url = urlsplit(provider.base_url)
    assert (url.scheme, url.query, url.fragment) == ("https", "", "")
    assert url.hostname
    assert url.username is None
    assert not provider.base_url.endswith("/"), "the client appends /v1/messages"


@each
def test_a_host_of_its_own_names_every_tier(provider: Provider) -> None:
    """Without a name that the host knows, a turn ends in `model_not_found`."""
    assert set(provider.models) <= TIERS
    if provider.base_url:
        assert set(provider.models) == TIERS


@each
def test_only_what_running_sessions_take_up_is_placed(provider: Provider) -> None:
    allowed = {
        ("apiKeyHelper",),
        ("statusLine", "refreshInterval"),
        ("env", BILLING_VARIABLE),
        ("env", "ANTHROPIC_BASE_URL"),
        ("env", "CLAUDE_CODE_API_KEY_HELPER_TTL_MS"),
        *(("env", f"ANTHROPIC_DEFAULT_{tier.upper()}_MODEL") for tier in TIERS),
    }
    values = placed(provider)
    assert set(values) <= allowed
    assert values["env", BILLING_VARIABLE] == provider.name
    assert all(value != "" for value in values.values()), "empty means: as without it"


@each
def test_every_switch_can_be_told_from_every_other(provider: Provider) -> None:
    """Each provider's key has its own helper command, so that a cached key can't travel."""
    others = [placed(other) for other in providers.ALL.values() if other is not provider]
    assert placed(provider) not in others


@each
def test_no_secret_is_part_of_it(provider: Provider) -> None:
    shown = repr(dataclasses.asdict(provider)) + repr(placed(provider))
    assert not re.search(r"sk-[\w-]{12,}", shown)
    assert re.fullmatch(r"sk-[a-z-]{2,9}", provider.key_hint)
