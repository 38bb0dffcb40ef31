"""Settings whose state was lost: what is ours is found again, and nothing else."""

from typing import Any

import pytest

from ccfb.client.conflicts import left_over
from ccfb.client.overrides import CLOCK, INTERVAL, SLOW_CLOCK, Overrides, clock, downgraded
from ccfb.client.registration import MARK
from ccfb.client.signals import MODEL_VARIABLE

DOWNGRADE = downgraded("opus", {"seven_day_opus": "sonnet"}, "2.1.329", {})
SLOW: Overrides = {INTERVAL: SLOW_CLOCK}
OURS = f"python3 status_line.py {MARK}"


def settings(overrides: Overrides, command: str = OURS) -> dict[str, Any]:
    """As they stand when overrides have been written."""
    values: dict[str, Any] = {"statusLine": {"type": "command", "command": command}}
    for (outer, *inner), value in overrides.items():
        assert len(inner) == 1
        values.setdefault(outer, {})[inner[0]] = value
    return values


@pytest.mark.parametrize("ticking", [SLOW, clock(), {}])
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
    assert left_over(settings({INTERVAL: seconds}), []) == {}


@pytest.mark.parametrize("seconds", [CLOCK, SLOW_CLOCK])
def test_a_status_line_of_the_users_own_has_no_clock_of_ours(seconds: int) -> None:
    values = settings(DOWNGRADE | {INTERVAL: seconds}, "mine")
    assert left_over(values, []) == DOWNGRADE


def test_the_slow_clock_is_ours_only_in_a_downgrade() -> None:
    blank: Overrides = {("env", MODEL_VARIABLE): ""}
    assert left_over(settings(blank | SLOW), []) == blank
