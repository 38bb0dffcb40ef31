"""Settings whose state was lost: what is ours is found again, and nothing else."""

from typing import Any

import pytest

from ccfb.client.conflicts import left_over
from ccfb.client.overrides import CLOCK, SLOW_CLOCK, Overrides, clock, downgraded

DOWNGRADE = downgraded("opus", {"seven_day_opus": "sonnet"}, "2.1.329", {})


def settings(overrides: Overrides) -> dict[str, Any]:
    """As they stand when overrides have been written."""
    values: dict[str, Any] = {"statusLine": {"type": "command", "command": "mine"}}
    for (outer, *inner), value in overrides.items():
        assert len(inner) == 1
        values.setdefault(outer, {})[inner[0]] = value
    return values


@pytest.mark.parametrize("ticking", [clock(SLOW_CLOCK), clock(), {}])
def test_all_that_a_downgrade_has_put_there_is_found(ticking: Overrides) -> None:
    values = settings(DOWNGRADE | ticking)
    values["env"]["EDITOR"] = "vi"
    assert left_over(values, []) == DOWNGRADE | ticking


@pytest.mark.parametrize("theirs", [5, 60, "1", [], None])
def test_a_clock_of_the_users_own_stays(theirs: object) -> None:
    values = settings(DOWNGRADE)
    values["statusLine"]["refreshInterval"] = theirs
    assert left_over(values, []) == DOWNGRADE


@pytest.mark.parametrize("seconds", [CLOCK, SLOW_CLOCK])
def test_where_nothing_of_ours_is_left_a_clock_is_theirs(seconds: int) -> None:
    assert left_over(settings(clock(seconds)), []) == {}
