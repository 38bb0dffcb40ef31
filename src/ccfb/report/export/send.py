"""Posts to a collector what it doesn't have yet, and remembers what it has taken.

`export.json` holds that, by a hash of the collector's address: the address itself may be a secret.
What wasn't taken for certain is sent again the next time.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar

import httpx
from filelock import FileLock, Timeout

from ccfb import files, paths
from ccfb.errors import CcfbError
from ccfb.report.export import otlp
from ccfb.report.export.points import Key, Sent, Series, points, taken
from ccfb.report.export.rows import Numbers
from ccfb.report.export.target import HEADERS, Target
from ccfb.report.model import Event

VERSION = 1

BATCH = 2_000
"""Points, or events, in a request: some 6 MB, where collectors take 20."""

PATIENCE = 15.0
"""Seconds to wait for an answer."""

PAUSE = 30.0
"""Seconds that a collector may ask us to wait, at most."""

LATER = {429, 502, 503, 504}
"""Answers after which a request may be repeated."""

AGAIN = "What it hasn't taken is sent again the next time."

WHO = f"It wants to know who sends: --header NAME=VALUE, or {HEADERS}."

WHERE = "Is that its address, with all of its path? To that, /v1/metrics and /v1/logs are added."

ADVICE = {401: WHO, 403: WHO, 404: WHERE, 405: WHERE}
"""What can be done about an answer, by its status."""

Item = TypeVar("Item")


class Delivered(NamedTuple):
    """What a collector was sent."""

    points: int = 0
    events: int = 0
    complaints: tuple[str, ...] = ()
    """What it didn't take of that, and won't be sent again; in words."""


class Memory(NamedTuple):
    """What a collector has."""

    sums: Sent
    event: tuple[int, float] = (0, 0.0)
    """The highest number of its events, and their latest time: a new ledger counts anew."""


class Shipment(NamedTuple):
    """What there is to be sent."""

    sums: Mapping[Key, Numbers]
    names: Mapping[str, str | None]
    """How projects are called outside, by the folder of their transcripts."""
    events: Sequence[Event]


def deliver(
    shipment: Shipment, target: Target, resource: dict[str, Any], now: float
) -> Iterator[Delivered]:
    """Send what is new, and tell of each request that was taken.

    Args:
        shipment: What there is.
        target: The collector.
        resource: What stands for this machine, by name.
        now: Epoch seconds.

    Raises:
        CcfbError: `export-running`, `export-forgotten`, `collector-away` or `collector-refused`.
    """
    with _alone(), httpx.Client(headers=target.headers, timeout=PATIENCE) as client:
        memory = _recall(target)
        new = points(shipment.sums, memory.sums, now)
        for some in _batches(new):
            body = otlp.metrics(some, shipment.names, resource)
            complaint = _post(client, target, "metrics", body)
            memory = memory._replace(sums=taken(memory.sums, some, shipment.sums, now))
            _remember(target, memory)
            yield Delivered(points=len(some), complaints=complaint)
        last, at = memory.event
        for events in _batches([e for e in shipment.events if e.id > last or e.at > at]):
            complaint = _post(client, target, "logs", otlp.logs(events, now, resource))
            last, at = max(last, events[-1].id), max(at, *(e.at for e in events))
            memory = memory._replace(event=(last, at))
            _remember(target, memory)
            yield Delivered(events=len(events), complaints=complaint)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _post(client: httpx.Client, target: Target, signal: str, body: Any) -> tuple[str, ...]:
    """Send a request; returns what the collector has to say against parts of it."""
    answer = _ask(client, target, signal, body)
    if answer.status_code in LATER and (pause := _pause(answer)) <= PAUSE:
        time.sleep(pause)
        answer = _ask(client, target, signal, body)
    if not answer.is_success:
        without = "Without events: --what usage." if signal == "logs" else ""
        advice = ADVICE.get(answer.status_code, "")
        raise CcfbError(
            "collector-refused",
            f"{target.place} refused {signal}: status {answer.status_code}.",
            " ".join(filter(None, (advice, AGAIN, without))),
        )
    return _complaint(answer)


def _ask(client: httpx.Client, target: Target, signal: str, body: Any) -> httpx.Response:
    try:
        return client.post(target.of(signal), json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CcfbError(
            "collector-away",
            f"{target.place} can't be reached: {_why(error)}.",
            f"{AGAIN} Collectors take OTLP over HTTP at port 4318, as a rule.",
        ) from None


def _why(error: Exception) -> str:
    """What went wrong, in words that hold neither a header nor an address."""
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {PATIENCE:.0f} seconds"
    if isinstance(error, httpx.ConnectError):
        return str(error).rpartition("] ")[2].lower()
    return "the connection failed"


def _pause(answer: httpx.Response) -> float:
    """Seconds to wait before the request is repeated."""
    said = answer.headers.get("retry-after", "1")
    if said.isdecimal():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return 1.0
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _complaint(answer: httpx.Response) -> tuple[str, ...]:
    """What a collector says of a request that it has taken in part."""
    try:
        said = answer.json().get("partialSuccess") or {}
        number = int(said.get("rejectedDataPoints") or said.get("rejectedLogRecords") or 0)
        message = str(said.get("errorMessage") or "")
    except (ValueError, TypeError, AttributeError):  # it has taken it, whatever it says
        return ()
    if not number and not message:
        return ()
    return (f"{number:,} were rejected: {message}" if number else message,)


@contextmanager
def _alone() -> Iterator[None]:
    """Two exports at once would send the same."""
    files.make_own_dir()
    try:
        with FileLock(paths.own("export.lock"), timeout=PATIENCE, mode=0o600):
            yield
    except Timeout:
        raise CcfbError("export-running", "Another export is running.", "Wait for it.") from None


def _recall(target: Target) -> Memory:
    known = _kept().get(_name(target))
    if known is None:
        return Memory(Sent())
    sent = {(day, Series(*series)): Numbers(*numbers) for day, series, numbers in known["sent"]}
    number, at = known["event"]
    return Memory(Sent(known["at"], sent), (number, at))


def _remember(target: Target, memory: Memory) -> None:
    sent = [[day, series, numbers] for (day, series), numbers in memory.sums.totals.items()]
    known = {"at": memory.sums.at, "event": memory.event, "sent": sent}
    collectors = {**_kept(), _name(target): known}
    content = json.dumps({"version": VERSION, "collectors": collectors}, separators=(",", ":"))
    files.replace(paths.own("export.json"), content.encode())


def _kept() -> dict[str, Any]:
    path = paths.own("export.json")
    try:
        with open(path, "rb") as file:
            return _collectors(json.load(file))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError):
        raise CcfbError(
            "export-forgotten",
            f"{path} is damaged: it isn't known what the collector has.",
            "Remove that file, and everything is sent once more.",
        ) from None


def _collectors(content: Any) -> dict[str, Any]:
    if content["version"] != VERSION:
        raise ValueError(content["version"])
    return dict(content["collectors"])


def _name(target: Target) -> str:
    return hashlib.sha256(target.url.geturl().encode()).hexdigest()
