"""What is taken from `claude-meter --json`, and from whom."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ccfb.usage import Reading, claude_meter
from ccfb.usage.turns import NoAnswerError
from usage.claude_meter_standin import ClaudeMeter, snapshot
from usage.plan import ACCOUNT, NOW, RESET, sign_in

MINE: dict[str, Any] = {"email": ACCOUNT["emailAddress"], "org": ACCOUNT["organizationUuid"]}
THEIRS: dict[str, Any] = {"email": "they@example.com", "org": "other"}
FULL = {"five_hour": (96.0, RESET)}
FREE = {"five_hour": (4.0, RESET)}


@pytest.fixture(autouse=True)
def signed_in(home: Path) -> None:
    sign_in(home)


def percentage(meter: ClaudeMeter) -> float:
    told = claude_meter.ask(str(meter.path), lambda: None)
    return told.windows["five_hour"].percentage


def test_one_object_is_the_account_that_is_signed_in(meter: ClaudeMeter) -> None:
    """From 0.3.9 on."""
    windows = FULL | {"seven_day": (41.0, RESET), "seven_day_cowork": (0.0, None)}
    extra = {"is_enabled": True, "monthly_limit": 2000, "used_credits": 245.0, "utilization": 12.25}
    meter.prints(snapshot(windows, **MINE, extra_usage=extra))
    told = claude_meter.ask(str(meter.path), lambda: None)
    assert told.windows == {"five_hour": Reading(96.0, RESET), "seven_day": Reading(41.0, RESET)}
    assert told.extra_usage is True
    assert meter.calls == [(["--json"], "")]


def test_of_several_the_one_that_is_signed_in_is_taken(meter: ClaudeMeter) -> None:
    """From 0.1.1 to 0.3.8: also the accounts of the browser's profiles."""
    for entries in (
        [snapshot(FULL, **THEIRS), snapshot(FREE, **MINE)],
        [snapshot(FREE, **MINE), snapshot(FULL, **THEIRS)],
        [snapshot(FREE, org=ACCOUNT["organizationUuid"].upper()), snapshot(FULL, **THEIRS)],
        [snapshot(FREE, email="Me@Example.com", org=""), snapshot(FULL, email=None, org="")],
    ):
        meter.prints(entries)
        assert percentage(meter) == 4.0


def test_an_address_doesn_t_tell_where_organizations_differ(meter: ClaudeMeter) -> None:
    """The same person's private plan, and the plan of the team."""
    meter.prints([snapshot(FULL, email=MINE["email"], org="team"), snapshot(FREE, **MINE)])
    assert percentage(meter) == 4.0


def test_the_only_account_is_taken_if_it_doesn_t_say_whose_it_is(
    meter: ClaudeMeter, home: Path
) -> None:
    meter.prints([snapshot(FREE, org="")])
    assert percentage(meter) == 4.0
    (home / ".claude.json").unlink()
    meter.prints(snapshot(FREE, **THEIRS))
    assert percentage(meter) == 4.0


@pytest.mark.parametrize(
    "content",
    [
        snapshot(FULL, **THEIRS),
        [snapshot(FULL, **THEIRS)],
        [snapshot(FULL, **THEIRS), snapshot(FREE, org="")],
        [snapshot(FULL, org=""), snapshot(FREE, org="")],
        [snapshot(FULL, **MINE), snapshot(FREE, **MINE)],
    ],
    ids=["another", "another, listed", "another and a stranger", "two strangers", "twice"],
)
def test_in_doubt_nobody_s_figures_are_taken(meter: ClaudeMeter, content: object) -> None:
    meter.prints(content)
    with pytest.raises(NoAnswerError, match="of none for certain") as caught:
        percentage(meter)
    assert "example.com" not in caught.value.message


def test_without_a_login_several_accounts_can_t_be_told_apart(
    meter: ClaudeMeter, home: Path
) -> None:
    (home / ".claude.json").unlink()
    meter.prints([snapshot(FULL, **THEIRS), snapshot(FREE, **MINE)])
    with pytest.raises(NoAnswerError, match="of none for certain"):
        percentage(meter)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "claude-meter\n============\n5-hour   62.0% used",
        "{",
        '{"usage": {"five_hour": {"utilization": NaN}}}',
        "null",
        "96",
        [],
        [[], None, "x"],
        {},
        {**snapshot({}), "usage": None, "errors": ["usage: HTTP 403"]},
        {"five_hour": {"used_pct": 96}, "schema": 1},  # another program of that name
    ],
    ids=repr,
)
def test_junk_is_no_answer(meter: ClaudeMeter, content: object) -> None:
    meter.prints(content)
    with pytest.raises(NoAnswerError, match="printed nothing"):
        percentage(meter)


def test_an_entry_that_failed_is_nobody_s(meter: ClaudeMeter) -> None:
    failed: dict[str, Any] = {**snapshot({}, **THEIRS), "usage": None}
    meter.prints([failed, snapshot(FREE, **MINE)])
    assert percentage(meter) == 4.0


def test_what_it_prints_before_it_fails_isn_t_taken(meter: ClaudeMeter) -> None:
    meter.prints(snapshot(FULL, **MINE), code=1)
    with pytest.raises(NoAnswerError, match="exit code 1") as caught:
        percentage(meter)
    assert caught.value.pause == claude_meter.PAUSE


def test_a_program_that_hangs_is_ended_with_all_it_started(
    meter: ClaudeMeter, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS may be asking the user about the keychain, in a child of it."""
    monkeypatch.setattr(claude_meter, "PATIENCE", 3.0)
    pipe = home / "pipe"
    os.mkfifo(pipe)
    child = meter.path.parent / "sleep"
    child.write_text(f"#!/bin/sh\nexec 1>&- 9>{pipe}\necho here >&9\nexec /bin/sleep 1000\n")
    child.chmod(0o755)
    meter.prints(snapshot(FULL, **MINE), hangs=True)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        with pytest.raises(NoAnswerError, match="did not end within"):
            percentage(meter)
        os.set_blocking(reader.fileno(), True)
        assert reader.read() == b"here\n"  # nobody has it open any more


def test_output_without_end_is_not_read_to_its_end(path: Path) -> None:
    script = path / "claude-meter"
    script.write_text("#!/bin/sh\nexec cat /dev/zero\n")
    script.chmod(0o755)
    with pytest.raises(NoAnswerError, match="without an end"):
        claude_meter.ask(str(script), lambda: None)


@pytest.mark.parametrize("content", ["#!/nowhere\n", "\x7fELF", ""], ids=repr)
def test_a_program_that_can_t_be_run(path: Path, content: str) -> None:
    script = path / "claude-meter"
    script.write_text(content)
    script.chmod(0o755)
    with pytest.raises(NoAnswerError):
        claude_meter.ask(str(script), lambda: None)


def test_it_is_looked_for_on_path(path: Path) -> None:
    assert claude_meter.find() is None
    (path / "claude-meter").write_text("not executable")
    assert claude_meter.find() is None
    meter = ClaudeMeter(path)
    assert claude_meter.find() == str(meter.path)


def test_the_stand_in_prints_what_the_program_does(meter: ClaudeMeter) -> None:
    """The names in `models.rs`, and no others."""
    meter.tells(FULL)
    printed = json.loads(json.loads((Path(f"{meter.path}.json")).read_text())["out"])
    assert sorted(printed) == [
        "account_email",
        "browser",
        "errors",
        "fetched_at",
        "org_uuid",
        "overage",
        "stale",
        "subscription",
        "usage",
    ]
    assert printed["usage"]["five_hour"] == {
        "utilization": 96.0,
        "resets_at": "2027-01-15T10:00:00Z",
    }
    assert NOW < RESET
