"""What a policy comes to in a mode."""

import pytest

from ccfb.billing.rules import Policy, Rules

DOWN = "downgrade:sonnet"


@pytest.mark.parametrize(
    ("mode", "does", "expected"),
    [
        ("auto", "switch", "switch"),
        ("auto", "ask", "ask"),
        ("auto", "wait", "wait"),
        ("auto", DOWN, DOWN),
        ("ask", "switch", "ask"),
        ("ask", "ask", "ask"),
        ("ask", "wait", "wait"),
        ("ask", DOWN, DOWN),
        *((mode, does, "wait") for mode in ("notify", "off") for does in ("switch", "ask", DOWN)),
    ],
)
def test_a_mode_only_ever_makes_a_policy_more_careful(mode: str, does: str, expected: str) -> None:
    policy = Policy(does, 95, 50)
    rules = Rules(mode, windows={"seven_day_opus": policy})  # type: ignore[arg-type]
    assert rules.policy("seven_day_opus") == policy._replace(does=expected)


@pytest.mark.parametrize("window", ["five_hour", "seven_day", "outage"])
def test_a_window_of_all_models_is_asked_about_instead_of_spared(window: str) -> None:
    assert Rules("auto", windows={window: Policy(DOWN)}).policy(window).does == "ask"


def test_nothing_switches_by_itself_of_which_nobody_has_said_so() -> None:
    """A window that is new to us, in whatever mode."""
    for mode in ("auto", "ask", "notify", "off"):
        assert Rules(mode).policy("seven_day_fable").does in {"ask", "wait"}
