"""Brings the cache up to date with the transcripts, the ledger and the prices.

All of it is one transaction: another report waits for it, and then finds the work done.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from sqlite3 import Connection
from typing import Any

from ccfb.report import background, facts, ledger, places, readers
from ccfb.report.background import Account, Message, Rest
from ccfb.report.listing import Transcript, Transcripts
from ccfb.report.progress import Progress
from ccfb.report.rows import (
    AT,
    KEY,
    NOTHING,
    OUTPUT,
    WIDTH,
    Found,
    Kind,
    each,
    singly,
    unpack,
)
from ccfb.report.scan import Turn, guard_of

FLUSH = 64
"""Transcripts that are written at a time."""

SPARSE = 4_096
"""Bytes of transcripts for each eight marks by which messages are known; these are fewer by far."""

MUCH = 64_000_000
"""Bytes of transcripts that are worth marks for all messages of others; of fewer, all messages are
looked for there."""

SUSPECTS = 4_096
"""Messages that may be suspected of being copies before they are looked for everywhere; then twice
as many, and so on: it takes the longer the more there is."""

AFTER = chr(ord(os.sep) + 1)
"""Behind all that stands in a folder: its path with this one, instead of a separator."""

SHARED = """
SELECT DISTINCT started, file FROM states WHERE started IN (
    SELECT started FROM states GROUP BY started HAVING min(file) < max(file))
"""
"""Runs that several transcripts have accounts of."""


Place = tuple[int, int, str, str, int]
"""Where background counts: transcript, slot, session, model, switch."""


class Update:
    """What is done in one transaction.

    Args:
        database: The cache.
        folders: Of projects.
    """

    def __init__(self, database: Connection, folders: tuple[str, ...]) -> None:
        events = ledger.known(database)
        database.execute("CREATE INDEX IF NOT EXISTS paths ON files (path)")
        self._database = database
        self.turns = ledger.turns(events, len(folders))
        self._billers = ledger.billers(events)
        self._folders = folders
        (last,) = database.execute("SELECT max(id) FROM files").fetchone()
        self._known = bool(last)
        self._first = self._next = (last or 0) + 1
        """The first transcript that is new, and the next one that will be."""
        self._changed: set[int] = set()
        """Others whose sums were made anew."""
        self._forgotten: list[str] = []
        self._runs: set[int] = set()
        self._marks: bytearray | None = None
        """None: all messages are suspected."""
        self._suspected: set[int] = set()
        self._suspects = SUSPECTS
        self._shared: set[int] | None = None
        """Messages that stood in several transcripts; None: not asked for so far."""
        self._again: set[int] = set()
        """Transcripts whose sums are to be made without messages that count elsewhere."""
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    def read(self, transcripts: Transcripts, progress: Progress) -> None:
        """Read transcripts that are new, or have changed."""
        known = (self._before(path, size) for path, size, _ in transcripts)
        before = {number: found for number, found in enumerate(known) if found["end"]}
        with readers.Reading(transcripts, self._folders, self.turns, before) as reading:
            self.take(reading, progress)

    def take(self, reading: readers.Reading, progress: Progress) -> None:
        """Take what is found in transcripts that are being read."""
        done = 0
        left = self._mark(reading)
        for number, found in reading:
            transcript, end = reading.transcripts[number], reading.before(number)["end"]
            left.discard(self._put(transcript, found, anew=not end))
            if len(self._suspected) >= self._suspects:
                self._settle()
                self._suspects *= 2
            done += transcript[1] - end
            progress(done, reading.size)
        for file in left:  # gone meanwhile
            self._suspect(self._keys(file))
        self._settle()
        self._sum_up()

    def forget(self, paths: Iterable[str]) -> None:
        """Take out what is known of transcripts."""
        for path in paths:
            if file := self._file(path):
                self._forgotten.append(path)
                self._drop(file, anew=True)
                self._database.execute("DELETE FROM files WHERE id = ?", (file,))
        self._settle()
        self._sum_up()

    def restate(self) -> None:
        """Make all sums anew: prices have changed."""
        facts.forget()
        self._first = 0
        self._restate(file for (file,) in self._database.execute("SELECT id FROM files ORDER BY 1"))
        self._explain()

    def _before(self, path: str, size: int) -> Found:
        """What is known of a transcript, if it has only grown."""
        file = self._file(path)
        if file is None:
            return NOTHING
        end, guard, folder, invalid, unknown = self._database.execute(
            "SELECT end, guard, folder, invalid, unknown FROM files WHERE id = ?", (file,)
        ).fetchone()
        if not 0 < end <= size or _guard(path, end) != guard:
            return NOTHING
        rows, kinds = self._of(file)
        return Found(
            rows=rows,
            kinds=kinds,
            states=[],
            folder=folder,
            end=end,
            guard=guard,
            invalid=invalid,
            unknown=unknown,
            cut=0,
        )

    def _put(self, transcript: Transcript, found: Found, *, anew: bool) -> int:
        """Take what was found in a transcript instead of what was known; returns its number."""
        path, size, mtime = transcript
        file = self._file(path) if self._known else None
        if file is None:
            file = self._next  # rising: what is written last stands last
            self._next += 1
        else:
            self._drop(file, anew=anew)
            self._changed.add(file)
        numbers = unpack(found["rows"])
        keys = numbers[KEY::WIDTH]
        self._suspect(keys)
        self._insert("messages", file, keys.tobytes(), _words(found["kinds"]), found["rows"])
        self._state(file, facts.sums(found["rows"], found["kinds"], self._billers), found["kinds"])
        latest = max(numbers[AT::WIDTH], default=0)
        self._insert(
            *("files", file, path, size, mtime, found["end"], found["guard"], self._project(path)),
            *(found["folder"], latest, found["invalid"], found["unknown"], found["cut"]),
        )
        whole = found["states"] and self._session(path) == path  # a subagent has no account
        for started, session, at, models in found["states"] if whole else ():
            self._database.execute(
                "DELETE FROM states WHERE file = ? AND started = ?", (file, started)
            )
            for model, used in models.items():
                self._insert("states", file, started, session, at, model, *used)
        if len(self._rows["files"]) >= FLUSH:
            self._write()
        return file

    def _state(self, file: int, sums: Iterable[facts.Fact], kinds: list[Kind]) -> None:
        """Take the sums of a transcript."""
        for kind, slot, *sum_ in sums:
            self._insert("facts", file, slot, *kinds[kind], 0, *sum_)

    def _mark(self, reading: readers.Reading) -> set[int]:
        """Mark the messages of other transcripts, if that is worth it.

        Returns:
            Those that were known of these transcripts, if so.
        """
        here = sum(reading.transcripts.sizes())
        if self._known and here < MUCH:
            return set()
        transcripts = reading.transcripts if self._known else ()
        known = {file for path, *_ in transcripts if (file := self._file(path))}
        (elsewhere,) = self._database.execute("SELECT total(end) FROM files").fetchone()
        self._marks = bytearray(int(here + elsewhere) // SPARSE + 1)
        for file, words in self._database.execute("SELECT file, keys FROM messages"):
            if file not in known:
                self._suspect(unpack(words))
                self._suspected.clear()  # that is settled
        return known

    def _suspect(self, keys: Iterable[int]) -> None:
        """Suspect messages of being copies; a set of all that were seen would grow with them."""
        marks, suspected = self._marks, self._suspected
        if marks is None:
            suspected.update(keys)
            return
        size = len(marks)
        for key in keys:
            place, mark = (key >> 3) % size, 1 << (key & 7)
            if marks[place] & mark:
                suspected.add(key)
            marks[place] |= mark

    def _drop(self, file: int, *, anew: bool) -> None:
        """Take out what is known of a transcript."""
        if self._shared is None:
            self._shared = {key for (key,) in self._database.execute("SELECT key FROM copies")}
        self._suspected |= self._shared.intersection(self._keys(file))
        states = self._database.execute("SELECT started FROM states WHERE file = ?", (file,))
        self._runs.update(started for (started,) in states)
        for table in ("facts", "messages", "copies", *(["states"] if anew else [])):
            self._database.execute(f"DELETE FROM {table} WHERE file = ?", (file,))  # noqa: S608

    def _settle(self) -> None:
        """Count what stands in several transcripts once: where the output is largest."""
        self._write()
        copied = {
            key: files
            for key, files in self._holding(self._suspected).items()
            if len(files) > 1 or key in (self._shared or ())
        }
        self._suspected.clear()
        self._shared = None
        holders = {file for files in copied.values() for file in files}
        before = {file: self._lost(file) for file in holders if not self._has_changed(file)}
        self._database.executemany(
            "DELETE FROM copies WHERE file = ? AND key = ?",
            ((file, key) for key, files in copied.items() for file in files),
        )
        self._database.executemany(
            "INSERT INTO copies VALUES (?, ?)", self._losers(holders, copied)
        )
        self._again.update(
            file for file in holders if file not in before or self._lost(file) != before[file]
        )

    def _sum_up(self) -> None:
        """Make all sums anew that may be others now."""
        self._restate(self._again)
        self._changed |= self._again
        self._again.clear()
        self._explain()

    def _holding(self, keys: set[int]) -> Mapping[int, list[int]]:
        """The transcripts in which messages stand, by their keys."""
        holding = defaultdict(list)
        for file, words in self._database.execute("SELECT file, keys FROM messages"):
            for key in keys.intersection(unpack(words)):
                holding[key].append(file)
        return holding

    def _losers(self, files: Iterable[int], keys: Collection[int]) -> list[tuple[int, int]]:
        """Messages that count in another of these transcripts: where their output is larger."""
        best: dict[int, tuple[int, int]] = {}
        lost = []
        for file in sorted(files, key=self._path):
            for row in each(self._of(file)[0]):
                key, output = row[KEY], row[OUTPUT]
                if key in keys:
                    most, holder = best.get(key, (-1, file))
                    if output > most:
                        best[key] = output, file
                    if most >= 0:
                        lost.append((holder if output > most else file, key))
        return lost

    def _lost(self, file: int) -> set[int]:
        """The messages of a transcript that count elsewhere."""
        found = self._database.execute("SELECT key FROM copies WHERE file = ?", (file,))
        return {key for (key,) in found}

    def _restate(self, files: Iterable[int]) -> None:
        """Make sums anew, without messages that count elsewhere."""
        for file in files:
            rows, kinds = self._of(file)
            self._database.execute("DELETE FROM facts WHERE file = ?", (file,))
            self._state(file, facts.sums(rows, kinds, self._billers, self._lost(file)), kinds)
            if len(self._rows.get("facts", ())) >= FLUSH:
                self._write()
        self._write()

    def _has_changed(self, file: int) -> bool:
        """Whether the sums of a transcript were made anew."""
        return file >= self._first or file in self._changed

    def _explain(self) -> None:
        """Make the background anew of sessions whose transcripts have changed."""
        runs = defaultdict(list)
        for started, file in self._database.execute(SHARED):
            runs[started].append(file)
        groups = _groups(runs.values())
        touched = self._touched()
        copied = {file for (file,) in self._database.execute("SELECT DISTINCT file FROM copies")}
        file = 1
        while (file := touched.find(1, file)) >= 0:
            group = groups.get(file, {file})
            for member in group:
                touched[member] = 0
            self._explain_group(group, copied)
        self._write()
        self._first = self._next
        self._changed.clear()
        self._runs.clear()
        self._forgotten.clear()

    def _touched(self) -> bytearray:
        """By its number, whether a session's background has to be made anew; none has number 0."""
        touched = bytearray(self._next)
        if not self._database.execute("SELECT 1 FROM states").fetchone():
            return touched
        changed = self._database.execute("SELECT path FROM files WHERE id >= ?", (self._first,))
        for path in chain((p for (p,) in changed), map(self._path, self._changed), self._forgotten):
            touched[self._file(self._session(path)) or 0] = 1
        for file, started in self._database.execute("SELECT DISTINCT file, started FROM states"):
            if started in self._runs:
                touched[file] = 1
        return touched

    def _explain_group(self, group: set[int], copied: set[int]) -> None:
        """Make the background of sessions anew that share accounts."""
        for file in group:
            if not self._has_changed(file):  # else there is none
                self._database.execute("DELETE FROM facts WHERE background AND file = ?", (file,))
        rests: defaultdict[Place, list[Rest]] = defaultdict(list)
        for accounts in self._accounts(group):
            agents = [agent for account in accounts for agent in self._agents(account.file)]
            self._explain_run(accounts, agents, copied, rests)
        for place, found in rests.items():
            self._explained(*place, found)
        if len(self._rows.get("facts", ())) >= FLUSH:
            self._write()

    def _explain_run(
        self,
        accounts: list[Account],
        agents: list[int],
        copied: set[int],
        rests: Mapping[Place, list[Rest]],
    ) -> None:
        """Find what is left of the accounts of one run.

        Args:
            accounts: Of its sessions, the earliest first.
            agents: The transcripts of their subagents.
            copied: Transcripts with messages that others have, too.
            rests: What is left of accounts, by where it counts.
        """
        shared: list[Message] = []
        seen: set[int] = set()
        alone = copied.isdisjoint((*agents, *(account.file for account in accounts)))
        for file in sorted(agents, key=self._path, reverse=True):
            shared += self._messages(file, accounts[0].at, seen)
            seen.update(() if alone else unpack(self._of(file)[0])[KEY::WIDTH])
        own = {account.file: self._messages(account.file, account.at, seen) for account in accounts}
        for rest in background.rests(accounts, own, shared):
            last = ledger.switch_at(self._turns(rest.file), rest.at), rest
            session = [*own[rest.file], *shared]
            for switch, part in background.shared_out(rest, session) or [last]:
                place = part.file, part.at // facts.SLOT, part.session, part.model, switch
                rests[place].append(part)

    def _explained(
        self, file: int, slot: int, session: str, model: str, switch: int, rests: list[Rest]
    ) -> None:
        """Take the background of a session."""
        fresh, output, read, written, searches = map(
            sum, zip(*(r.used for r in rests), strict=True)
        )
        unpriced, cost = any(r.cost is None for r in rests), sum(r.cost or 0 for r in rests)
        self._insert(
            *("facts", file, slot, session, model, False, switch, True, 0, unpriced),
            *(output, fresh, read, written, 0, searches, cost),
        )

    def _accounts(self, files: set[int]) -> list[list[Account]]:
        """The client's accounts in some transcripts, those of one start together."""
        found: dict[tuple[int, int], Account] = {}
        for holder in files:
            for file, started, session, at, model, *used in self._database.execute(
                "SELECT * FROM states WHERE file = ?", (holder,)
            ):
                account = found.setdefault((file, started), Account(file, session, at, {}))
                account.models[model] = tuple(used)
        runs = defaultdict(list)
        order = sorted(found, key=lambda key: (found[key].at, self._path(key[0])))
        for file, started in order:
            runs[started].append(found[file, started])
        return list(runs.values())

    def _messages(self, file: int, until: int, without: set[int]) -> list[Message]:
        """The messages of a transcript, at the prices that the client reckons with.

        Args:
            file: Its number.
            until: If none is later, sums of them will do; milliseconds since the epoch.
            without: Keys of messages that are counted elsewhere.
        """
        rows, kinds = self._of(file)
        latest = max(unpack(rows)[AT::WIDTH], default=0)
        sellers = {switch: "anthropic" for *_, switch in kinds}
        found = []
        for part in [rows] if latest <= until else singly(rows):
            at = max(unpack(part)[AT::WIDTH], default=0)
            for fact in facts.sums(part, kinds, sellers, without):
                kind, _, requests, unpriced, output, fresh, read, *written, searches, cost = fact
                _, model, _, switch = kinds[kind]
                used = fresh, output, read, sum(written), searches
                paid = None if unpriced else cost
                found.append(Message(at, model, used, paid, switch, requests))
        return found

    def _of(self, file: int) -> tuple[bytes, list[Kind]]:
        """The messages of a transcript, and what they have in common."""
        rows, kinds = self._database.execute(
            "SELECT rows, kinds FROM messages WHERE file = ?", (file,)
        ).fetchone()
        return rows, [_kind(*words.split("\t")) for words in kinds.split("\n") if words]

    def _keys(self, file: int) -> "memoryview[int]":
        """The keys of the messages of a transcript."""
        words = self._database.execute("SELECT keys FROM messages WHERE file = ?", (file,))
        return unpack(words.fetchone()[0])

    def _path(self, file: int) -> str:
        """Where a transcript is."""
        found = self._database.execute("SELECT path FROM files WHERE id = ?", (file,)).fetchone()
        path: str = found[0]
        return path

    def _file(self, path: str) -> int | None:
        """The number of a transcript."""
        found = self._database.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        return found[0] if found else None

    def _agents(self, file: int) -> list[int]:
        """The transcripts of a session's subagents."""
        folder = self._path(file).removesuffix(".jsonl")
        found = self._database.execute(
            "SELECT id FROM files WHERE path > ? AND path < ?", (folder + os.sep, folder + AFTER)
        )
        return [agent for (agent,) in found]

    def _turns(self, file: int) -> list[Turn]:
        """When billing changed, in the folder that a transcript is in."""
        if len(self.turns) == 1:
            return self.turns[0]
        return self.turns[places.place(self._path(file), self._folders)]

    def _project(self, path: str) -> str:
        """The folder of a project's transcripts."""
        folder = self._folders[places.place(path, self._folders)]
        end = path.find(os.sep, len(folder) + 1)
        return path[:end] if end > 0 else path

    def _session(self, path: str) -> str:
        """The transcript of the session that a transcript belongs to."""
        project = self._project(path)
        name = path[len(project) + 1 :].partition(os.sep)[0]
        return os.path.join(project, name.removesuffix(".jsonl") + ".jsonl")

    def _insert(self, table: str, *values: Any) -> None:
        """Have a row written soon."""
        self._rows.setdefault(table, []).append(values)

    def _write(self) -> None:
        insert = "INSERT OR REPLACE" if self._known else "INSERT"  # which takes half as long
        for table, rows in self._rows.items():
            marks = ",".join("?" * len(rows[0]))
            self._database.executemany(f"{insert} INTO {table} VALUES ({marks})", rows)
        self._rows.clear()


def _groups(runs: Iterable[Iterable[int]]) -> Mapping[int, set[int]]:
    """Transcripts that share accounts, by each of them: those of some runs belong together."""
    groups: dict[int, set[int]] = {}
    for files in runs:
        group = set(files).union(*(groups[file] for file in files if file in groups))
        groups.update(dict.fromkeys(group, group))
    return groups


def _words(kinds: list[Kind]) -> str:
    return "\n".join([f"{s}\t{m}\t{f:d}\t{w}" for s, m, f, w in kinds])


def _kind(session: str, model: str, fast: str, switch: str) -> Kind:
    return session, model, fast == "1", int(switch)


def _guard(path: str, end: int) -> int | None:
    """What the guard of a transcript is now."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return guard_of(file, end)
        finally:
            os.close(file)
    except OSError:
        return None
