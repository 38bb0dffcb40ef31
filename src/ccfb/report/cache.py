"""What is remembered of transcripts: `report.db`, which may be deleted any time.

A report reads sums from it. Beside them stand the messages that they were made of, so that sums can
be made anew without reading transcripts again, some of which may be gone.
"""

import os
import sqlite3
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

VERSION = 1

MEMORY = ":memory:"

PAGE = 16_384
"""Bytes read and written at a time; with the usual 4,096, a cache takes longer to make."""

WAIT = 60.0
"""Seconds to wait for another report that is reading transcripts: it does our work."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL,
    mtime INTEGER NOT NULL, end INTEGER NOT NULL, guard INTEGER NOT NULL, project TEXT NOT NULL,
    folder TEXT NOT NULL, latest INTEGER NOT NULL, invalid INTEGER NOT NULL,
    unknown INTEGER NOT NULL, cut INTEGER NOT NULL);
CREATE TABLE messages (
    file INTEGER PRIMARY KEY, keys BLOB NOT NULL, kinds TEXT NOT NULL, rows BLOB NOT NULL);
CREATE TABLE copies (file INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (file, key))
    WITHOUT ROWID;
CREATE TABLE facts (
    file INTEGER NOT NULL, slot INTEGER NOT NULL, session TEXT NOT NULL, model TEXT NOT NULL,
    fast INTEGER NOT NULL, switch INTEGER NOT NULL, background INTEGER NOT NULL,
    requests INTEGER NOT NULL, unpriced INTEGER NOT NULL, output INTEGER NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL, searches INTEGER NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (file, slot, session, model, fast, switch, background)) WITHOUT ROWID;
CREATE TABLE states (
    file INTEGER NOT NULL, started INTEGER NOT NULL, session TEXT NOT NULL, at INTEGER NOT NULL,
    model TEXT NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, searches INTEGER NOT NULL,
    dollars REAL NOT NULL, PRIMARY KEY (file, started, model)) WITHOUT ROWID;
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, provider TEXT, window TEXT,
    resets_at REAL, reason TEXT, dollars REAL);
"""

Result = TypeVar("Result")


def use(path: str, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """Do something with the cache.

    A damaged one is made anew; where none can be kept, the work is done without.

    Args:
        path: Of the cache; its folder exists.
        work: May be called again, with another cache.
    """
    try:
        return _use(path, work)
    except OSError:
        return _use(MEMORY, work)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            return _use(MEMORY, work)  # locked, read-only, and the like
    except (sqlite3.DatabaseError, struct.error, LookupError, TypeError, ValueError):
        pass
    with suppress(OSError):  # kept aside: it may know of transcripts that are gone
        os.replace(path, f"{path}.damaged")
    for end in ("-wal", "-shm"):
        with suppress(OSError):
            os.unlink(path + end)
    try:
        return _use(path, work)
    except sqlite3.DatabaseError:
        return _use(MEMORY, work)


def share(database: sqlite3.Connection) -> None:
    """From now on, reports can read while another one writes."""
    with suppress(sqlite3.OperationalError):  # another one is just reading
        database.execute("PRAGMA journal_mode = WAL")


def _use(path: str, work: Callable[[sqlite3.Connection], Result]) -> Result:
    database = _open(path)
    try:
        return work(database)
    finally:
        database.close()


def _open(path: str) -> sqlite3.Connection:
    if path != MEMORY:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    database = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    if database.execute("PRAGMA user_version").fetchone() != (VERSION,):
        _create(database)
    return database


def _create(database: sqlite3.Connection) -> None:
    """Make the tables; those of another version are of no use."""
    database.execute(f"PRAGMA page_size = {PAGE}")
    database.execute("PRAGMA journal_mode = MEMORY")  # where nothing was, nothing can be lost
    database.execute("PRAGMA synchronous = OFF")
    database.execute("BEGIN IMMEDIATE")
    if database.execute("PRAGMA user_version").fetchone() != (VERSION,):
        for (table,) in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall():
            database.execute(f'DROP TABLE "{table}"')
        for statement in SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
