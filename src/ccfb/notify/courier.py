"""The process that delivers one alert: on every channel at once, each once, within a time limit."""

import os
import subprocess
import sys
import time
from threading import Thread
from typing import NamedTuple

import orjson

from ccfb import config, gate, logbook
from ccfb.errors import CcfbError
from ccfb.notify import Alert, start
from ccfb.notify.channels import Channel, channels

PATIENCE = 20.0
"""Seconds that all channels have together; programs on this machine get less of it."""

SILENCE = 86_400.0
"""Seconds in which the same failure is logged once: as long as `ccfb status` mentions it."""


class Outcome(NamedTuple):
    """What became of an alert on one channel."""

    channel: str
    problem: str
    """Empty: it was delivered."""


def main() -> None:
    """Deliver the alert on standard input; log what failed, and say it on standard output."""
    _let_go()
    try:
        alert = Alert.model_validate_json(sys.stdin.buffer.read())
        outcomes = deliver(alert, channels(config.in_force(keep=False)[0].alerts))
        note(outcomes)
        sys.stdout.buffer.write(orjson.dumps([list(outcome) for outcome in outcomes]))
        sys.stdout.flush()
    except BaseException as problem:  # noqa: BLE001 - nobody is there to see it
        gate.log("notify", problem)
    finally:
        os._exit(0)  # also out of a channel that hangs


def deliver(alert: Alert, ways: list[Channel], patience: float = PATIENCE) -> list[Outcome]:
    """Tell it on all channels at the same time.

    Args:
        alert: What to tell.
        ways: The channels.
        patience: Seconds after which a channel that hasn't answered has failed.
    """
    problems = [f"No answer within {patience:.0f} seconds."] * len(ways)

    def tell(number: int) -> None:
        problems[number] = _problem(ways[number], alert)

    threads = [Thread(target=tell, args=(number,), daemon=True) for number in range(len(ways))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [Outcome(way.name, problem) for way, problem in zip(ways, list(problems), strict=True)]


def note(outcomes: list[Outcome]) -> None:
    """Log what failed, unless that was logged not long ago."""
    known = {line.text for line in logbook.since(time.time() - SILENCE) if line.event == "notify"}
    for outcome in outcomes:
        if outcome.problem:
            error = CcfbError("alert-failed", f"{outcome.channel}: {outcome.problem}")
            if f"CcfbError: {error}" not in known:
                gate.log("notify", error)


def rehearse(alert: Alert) -> list[Outcome]:
    """Send an alert as hooks do, but wait for what becomes of it.

    Raises:
        OSError: No process can be started.
    """
    with start(alert, subprocess.PIPE) as process:
        told = process.stdout.read() if process.stdout else b""
    return [Outcome(*outcome) for outcome in orjson.loads(told or b"[]")]


def _problem(channel: Channel, alert: Alert) -> str:
    try:
        channel.tell(alert)
    except CcfbError as error:
        return " ".join(filter(None, (error.message, error.hint)))
    except Exception as error:  # noqa: BLE001 - libraries have errors of their own
        return f"It failed with {type(error).__name__}."  # its text may repeat a URL
    return ""


def _let_go() -> None:
    """Become nobody's child: when the client ends a hook, it ends all that descends from it."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)
