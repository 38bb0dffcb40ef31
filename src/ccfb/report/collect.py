"""The sums that a report is made of, from a cache that is brought up to date first."""

import os
from collections import Counter
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import ccfb
from ccfb import files, paths
from ccfb.report import cache, days, places
from ccfb.report.begin import Begun, begin
from ccfb.report.listing import Transcripts
from ccfb.report.model import Collected, Event, Request, Sum
from ccfb.report.progress import Progress

if TYPE_CHECKING:
    from sqlite3 import Connection

    from ccfb.report.readers import Reading

PRICES = os.path.join(os.path.dirname(ccfb.__file__), "prices", "table.json")

FILES = 4_096
"""Transcripts that are added up at a time: their sums are sorted for it, which takes room."""

SUMS = """
SELECT project, {session}, model, switch, background, min((slot + :offset) / :day),
    max((slot + :offset) / :day), min(slot), max(slot),
    sum(requests), sum(unpriced), sum(output), sum(input), sum(cache_read), sum(cache_write_5m),
    sum(cache_write_1h), sum(searches), sum(cost), sum(CASE WHEN unpriced
        THEN output + input + cache_read + cache_write_5m + cache_write_1h ELSE 0 END)
FROM facts JOIN files ON id = file
WHERE file BETWEEN :first AND :last AND slot >= :start AND slot < :stop
    AND (slot + :offset) / :day BETWEEN :since AND :until
GROUP BY project, {apart}model, switch, background{time}
"""

FOLDERS = """
SELECT project, folder, count(*) FROM files WHERE id BETWEEN :first AND :last AND folder > ''
GROUP BY 1, 2
"""
"""Where the client worked: a fork begins with rows of another project's."""

TIMES = {"window": ", slot"} | dict.fromkeys(
    ("day", "week", "month", "session"), ", (slot + :offset) / :day"
)
"""By what else sums are kept apart, for lines that are times; and for exports of sessions."""


def collect(
    request: Request, offset: days.Offset, progress: Progress, begun: Begun | None = None
) -> Collected:
    """Read what is new in transcripts, and add everything up.

    Args:
        request: What is asked for.
        offset: Of the time zone whose days count.
        progress: Told what has been read, if there is something to read.
        begun: What has begun already.
    """
    with suppress(OSError):  # what can't be kept is found out again the next time
        files.make_own_dir()
    transcripts, reading = begun or begin(request.folders)

    def work(database: "Connection") -> Collected:
        if _refresh(database, request, transcripts, progress, reading):
            cache.share(database)
        database.execute("BEGIN")  # what another report may write meanwhile isn't seen in part
        return _collected(database, request, offset)

    with reading or nullcontext():
        return cache.use(places.cache(request.folders), work)


def _refresh(
    database: "Connection",
    request: Request,
    transcripts: Transcripts,
    progress: Progress,
    reading: "Reading | None",
) -> bool:
    """Bring the cache up to date; False if it was."""
    prices = f"{_stamp(PRICES)} {_stamp(paths.own('prices.json'))}"
    ledgers = " ".join(_stamp(places.ledger(folder)) for folder in request.folders)
    stamps = {"ledger": ledgers, "prices": prices}
    gone = bool(request.prune and _gone(database, transcripts))
    if not gone and not _stale(database, transcripts) and stamps == _stamps(database):
        return False
    from ccfb.report.update import Update  # noqa: PLC0415 - only when there is something to read

    database.execute("PRAGMA synchronous = OFF")
    database.execute("BEGIN IMMEDIATE")
    try:
        before = _stamps(database)
        if before.get("ledger") != stamps["ledger"]:
            _follow(database, request.folders)
        update = Update(database, request.folders)
        stale = _stale(database, transcripts)  # another report may just have done our work
        if reading and len(stale) == len(transcripts) and reading.turns == update.turns:
            update.take(reading, progress)
        elif stale:
            update.read(stale, progress)
        if gone:
            update.forget(_gone(database, transcripts))
        if before.get("prices", stamps["prices"]) != stamps["prices"]:
            update.restate()
        database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", stamps.items())
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return True


def _follow(database: "Connection", folders: tuple[str, ...]) -> None:
    """Take over the ledgers; what may have been billed otherwise than was known is read again."""
    from ccfb.report import ledger  # noqa: PLC0415 - as above

    events = ledger.events(folders)
    now, before = (
        {turn for each in ledger.turns(some, len(folders)) for turn in each}
        for some in (events, ledger.known(database))
    )
    if new := now ^ before:
        since = min(at for at, _ in new)
        database.execute("UPDATE files SET size = -1, end = 0 WHERE latest >= ?", (since,))
    database.execute("DELETE FROM ledger")
    database.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?)", events)


def _stale(database: "Connection", transcripts: Transcripts) -> Transcripts:
    """The transcripts that are new, or have changed."""
    # Hashes take a fifth of the room; of 64 bits each, no two are expected to meet.
    known = set(map(hash, database.execute("SELECT path, size, mtime FROM files")))
    if not known:
        return transcripts
    stale = Transcripts()
    for path, size, mtime in transcripts:
        if hash((path, size, mtime)) not in known:
            stale.add(os.fsencode(path), size, mtime)
    return stale


def _gone(database: "Connection", transcripts: Transcripts) -> list[str]:
    """Transcripts that aren't there any more."""
    there = {path for path, _, _ in transcripts}
    known = database.execute("SELECT path FROM files")
    return [path for (path,) in known if path not in there]


def _stamps(database: "Connection") -> dict[str, str]:
    return dict(database.execute("SELECT name, value FROM meta"))


def _stamp(path: str) -> str:
    """What tells whether a file has changed."""
    try:
        stat = os.stat(path)
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _collected(database: "Connection", request: Request, offset: days.Offset) -> Collected:
    """Add up what is in the user's days."""
    highest, *counts = database.execute(
        "SELECT max(id), count(*), sum(invalid), sum(unknown), sum(cut) FROM files"
    ).fetchone()
    sessions = request.by == "session"
    query = SUMS.format(
        session="session" if sessions else "''",
        apart="session, " if sessions else "",
        time=TIMES.get(request.by, ""),
    )
    limits = {"day": days.DAY, "since": request.since, "until": request.until}
    first, last = database.execute("SELECT min(slot), max(slot) FROM facts").fetchone()
    periods = [*days.periods(first or 0, (last or -1) + 1, offset)]
    sums: list[Sum] = []
    worked: Counter[tuple[str, str]] = Counter()
    for number in range(1, (highest or 0) + 1, FILES):
        some = {"first": number, "last": number + FILES - 1}
        for project, folder, count in database.execute(FOLDERS, some):
            worked[project, folder] += count
        for start, stop, ahead in periods:
            period = {"start": start, "stop": stop, "offset": ahead}
            sums += map(Sum._make, database.execute(query, {**limits, **some, **period}))
    events = database.execute("SELECT * FROM ledger ORDER BY id")
    return Collected(
        sorted(sums),
        [Event(*event) for event in events],
        dict(sorted(sorted(worked, reverse=True), key=worked.__getitem__)),  # the last of each
        *(count or 0 for count in counts),
    )
