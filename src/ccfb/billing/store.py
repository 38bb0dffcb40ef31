"""The state, its lock, and the ledger: everything that several sessions share."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from filelock import FileLock, Timeout
from pydantic import ValidationError

from ccfb import files, paths
from ccfb.billing import budget
from ccfb.billing.model import Entry, State
from ccfb.errors import CcfbError

WAIT = 10.0
"""Seconds to wait for the lock: longer than any holder may keep it."""

TAIL = 65_536
"""Bytes at the end of the ledger that are searched for entries already there."""


@contextmanager
def locked() -> Iterator[None]:
    """Hold the state's lock, over all sessions.

    Raises:
        CcfbError: `state-locked`, when another process keeps it.
    """
    files.make_own_dir()
    try:
        with FileLock(paths.own("state.lock"), timeout=WAIT, mode=0o600):
            yield
    except Timeout:
        raise CcfbError(
            "state-locked",
            f"Another process has held {paths.own('state.lock')} for {WAIT:.0f} seconds.",
            "Look for a ccfb process that hangs, and end it.",
        ) from None


def load() -> State:
    """The state as last saved. Where it is lost or damaged, billing returns to the plan."""
    path = paths.own("state.json")
    try:
        with open(path, "rb") as file:
            return State.model_validate(orjson.loads(file.read()))
    except FileNotFoundError:
        last_id = _last_id()
        return State(last_id=last_id, unsettled=last_id > 0, days=_days(), offset=_offset())
    except (orjson.JSONDecodeError, ValidationError):
        os.replace(path, f"{path}.damaged-{time.time():.0f}")
        return State(last_id=_last_id(), unsettled=True, days=_days(), offset=_offset())


def save(state: State) -> None:
    """Write the state, whole or not at all."""
    files.replace(paths.own("state.json"), orjson.dumps(state.model_dump(mode="json")))


def append(entries: list[Entry]) -> None:
    """Add entries to the ledger, each once, even when a run before was cut off half-way."""
    done = _last_id()
    lines = [
        orjson.dumps(
            entry.model_dump(mode="json", exclude_none=True), option=orjson.OPT_APPEND_NEWLINE
        )
        for entry in entries
        if entry.id > done
    ]
    if not lines:
        return
    descriptor = os.open(paths.own("ledger.jsonl"), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines.insert(0, b"\n")
        file.write(b"".join(lines))
        file.flush()
        os.fsync(descriptor)


def ledger(path: str = "") -> list[Entry]:
    """Every entry of a ledger, ours by default; lines that can't be read are passed over."""
    try:
        with open(path or paths.own("ledger.jsonl"), "rb") as file:
            return list(_entries(file.read()))
    except FileNotFoundError:
        return []


def _entries(content: bytes) -> Iterator[Entry]:
    for line in content.splitlines():
        try:
            yield Entry.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError):
            continue


def _days() -> dict[str, float]:
    """What was spent on each day, as far as the ledger tells."""
    days: dict[str, float] = {}
    for entry in ledger():
        if entry.event == "revert" and entry.dollars:
            day = budget.day_of(entry.at, _offset())
            days[day] = days.get(day, 0.0) + entry.dollars
    return dict(sorted(days.items())[-budget.DAYS :])


def _offset() -> float:
    return time.localtime().tm_gmtoff


def _last_id() -> int:
    try:
        with open(paths.own("ledger.jsonl"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return max((entry.id for entry in _entries(file.read())), default=0)
    except FileNotFoundError:
        return 0
