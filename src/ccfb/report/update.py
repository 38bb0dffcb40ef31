"""Brings the cache up to date with the transcripts, the ledger and the prices.

All of it is one transaction: another report waits for it, and then finds the work done.
"""

import os
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from sqlite3 import Connection
from typing import Any

from ccfb.report import background, facts, ledger, places, readers
from ccfb.report.background import Account, Message, Rest
from ccfb.report.listing import Transcript
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
from ccfb.report.scan import guard_of

FLUSH = 64
"""Transcripts that are written at a time."""

SPARSE = 4_096
"""Bytes of transcripts for each eight marks by which messages are known; these are fewer by far."""


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
        self._database = database
        self.turns = ledger.turns(events, len(folders))
        self._billers = ledger.billers(events)
        self._folders = folders
        self._files: dict[str, int] = dict(database.execute("SELECT path, id FROM files"))
        self._paths = {file: path for path, file in self._files.items()}
        self._first = max(self._paths, default=0) + 1
        self._transcripts: Sequence[Transcript] = ()
        self._new = array("q")
        """Numbers of transcripts that weren't known; in the cache theirs begin with `_first`."""
        self._changed: set[int] = set()
        self._forgotten: list[str] = []
        self._runs: set[int] = set()
        self._gone: set[int] = set()
        self._marks = bytearray(1)
        self._suspected: set[int] = set()
        self._read, self._keys, self._ends = array("q"), array("q"), array("q")
        """Transcripts that were read; their messages, and up to where those of each go."""
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    def read(self, transcripts: list[Transcript], progress: Progress) -> None:
        """Read transcripts that are new, or have changed."""
        known = (self._before(path, size) for path, size, _ in transcripts)
        before = {number: found for number, found in enumerate(known) if found["end"]}
        with readers.Reading(transcripts, self._folders, self.turns, before) as reading:
            self.take(reading, progress)

    def take(self, reading: readers.Reading, progress: Progress) -> None:
        """Take what is found in transcripts that are being read."""
        done = 0
        self._transcripts = reading.transcripts
        self._marks = bytearray(reading.size // SPARSE + 1)
        for number, found in reading:
            self._put(number, found, anew=not reading.before(number)["end"])
            done += reading.new(number)
            progress(done, reading.size)
        self._settle()

    def forget(self, paths: Iterable[str]) -> None:
        """Take out what is known of transcripts."""
        # What was read is settled; its copies may count again.
        self._changed.clear()
        self._keys, self._ends = array("q"), array("q")
        for path in paths:
            file = self._files.pop(path)
            del self._paths[file]
            self._forgotten.append(path)
            self._drop(file, anew=True)
            self._database.execute("DELETE FROM files WHERE id = ?", (file,))
        self._settle()

    def restate(self) -> None:
        """Make all sums anew: prices have changed."""
        facts.forget()
        self._changed.update(file for (file,) in self._database.execute("SELECT id FROM files"))
        self._restate(self._changed)
        self._explain(self._changed)

    def _before(self, path: str, size: int) -> Found:
        """What is known of a transcript, if it has only grown."""
        if path not in self._files:
            return NOTHING
        file = self._files[path]
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

    def _put(self, number: int, found: Found, *, anew: bool) -> None:
        """Take what was found in a transcript instead of what was known."""
        path, size, mtime = self._transcripts[number]
        if path in self._files:
            file = self._files[path]
            self._drop(file, anew=anew)
        else:
            file = self._first + len(self._new)  # rising: what is written last stands last
            self._new.append(number)
        self._changed.add(file)
        numbers = unpack(found["rows"])
        keys = numbers[KEY::WIDTH]
        self._suspect(keys)
        self._keys += keys
        self._read.append(file)
        self._ends.append(len(self._keys))
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

    def _state(self, file: int, sums: Iterable[facts.Fact], kinds: list[Kind]) -> None:
        """Take the sums of a transcript."""
        for kind, slot, *sum_ in sums:
            self._insert("facts", file, slot, *kinds[kind], 0, *sum_)

    def _suspect(self, keys: Iterable[int]) -> None:
        """Suspect messages of being copies; a set of all that were seen would grow with them."""
        marks, suspected = self._marks, self._suspected
        size = len(marks)
        for key in keys:
            place, mark = (key >> 3) % size, 1 << (key & 7)
            if marks[place] & mark:
                suspected.add(key)
            marks[place] |= mark

    def _drop(self, file: int, *, anew: bool) -> None:
        """Take out what is known of a transcript."""
        self._gone.update(unpack(self._of(file)[0])[KEY::WIDTH])
        states = self._database.execute("SELECT started FROM states WHERE file = ?", (file,))
        self._runs.update(started for (started,) in states)
        for table in ("facts", "messages", "copies", *(["states"] if anew else [])):
            self._database.execute(f"DELETE FROM {table} WHERE file = ?", (file,))  # noqa: S608

    def _settle(self) -> None:
        """Count what stands in several transcripts once, and what stands in none."""
        self._write()
        again = self._copies()
        self._restate(again)
        self._explain(self._changed | again)

    def _copies(self) -> set[int]:
        """Decide which transcript each message counts in; returns those whose sums change."""
        changed = self._changed
        alone = changed.issuperset(chain(self._files.values(), self._read))
        touched = self._suspected if alone else self._gone.union(self._keys)
        holding = defaultdict(list)
        for file, key in chain(self._own(touched), () if alone else self._others(touched)):
            holding[key].append(file)
        copied = {key for key, some in holding.items() if len(some) > 1 or some[0] not in changed}
        if not copied:
            return set()
        holders = {file for key in copied for file in holding[key]}
        before = self._lost()
        self._database.executemany("DELETE FROM copies WHERE key = ?", ((key,) for key in copied))
        self._database.executemany(
            "INSERT INTO copies VALUES (?, ?)", self._losers(holders, copied)
        )
        after = self._lost()
        return {file for file in holders if file in changed or after[file] != before[file]}

    def _own(self, keys: set[int]) -> Iterator[tuple[int, int]]:
        """Where these messages stand, in what was read."""
        for index, key in enumerate(self._keys):
            if key in keys:
                yield self._read[bisect_right(self._ends, index)], key

    def _others(self, keys: set[int]) -> Iterator[tuple[int, int]]:
        """The same in what hasn't changed."""
        for file, words in self._database.execute("SELECT file, keys FROM messages"):
            if file not in self._changed:
                yield from ((file, key) for key in keys.intersection(unpack(words)))

    def _losers(self, files: set[int], keys: set[int]) -> list[tuple[int, int]]:
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
                    if key in best and most >= 0:
                        lost.append((holder if output > most else file, key))
        return lost

    def _lost(self) -> defaultdict[int, set[int]]:
        """The messages of each transcript that count elsewhere."""
        found = defaultdict(set)
        for file, key in self._database.execute("SELECT file, key FROM copies"):
            found[file].add(key)
        return found

    def _restate(self, files: Iterable[int]) -> None:
        """Make sums anew, without messages that count elsewhere."""
        copies = self._lost()
        for file in files:
            rows, kinds = self._of(file)
            self._database.execute("DELETE FROM facts WHERE file = ?", (file,))
            self._state(file, facts.sums(rows, kinds, self._billers, copies[file]), kinds)
        self._write()

    def _explain(self, files: set[int]) -> None:
        """Make the background anew of sessions whose transcripts have changed."""
        runs = defaultdict(list)
        for file, started in self._database.execute("SELECT DISTINCT file, started FROM states"):
            runs[started].append(file)
        if not runs:
            return
        known = self._files | {self._path(file): file for file in self._read}
        paths = chain(map(self._path, files), self._forgotten)
        touched = {known.get(self._session(path)) for path in paths}
        starts = [
            started
            for started, holders in runs.items()
            if started in self._runs or not touched.isdisjoint(holders)
        ]
        agents = defaultdict(list)
        for path, file in known.items():
            owner = known.get(self._session(path))
            if owner != file:
                agents[owner].append(file)
        copied = {file for (file,) in self._database.execute("SELECT DISTINCT file FROM copies")}
        groups = list(_together(runs, starts))
        self._database.executemany(
            "DELETE FROM facts WHERE background AND file = ?", ((f,) for g in groups for f in g)
        )
        for group in groups:
            rests: defaultdict[Place, list[Rest]] = defaultdict(list)
            for accounts in self._accounts(group):
                below = [file for account in accounts for file in agents[account.file]]
                self._explain_run(accounts, below, copied, rests)
            for place, found in rests.items():
                self._explained(*place, found)
            if len(self._rows.get("facts", ())) >= FLUSH:
                self._write()
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
            turns = self.turns[places.place(self._path(rest.file), self._folders)]
            last = ledger.switch_at(turns, rest.at), rest
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

    def _path(self, file: int) -> str:
        """Where a transcript is."""
        if file < self._first:
            return self._paths[file]
        return self._transcripts[self._new[file - self._first]][0]

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
        for table, rows in self._rows.items():
            marks = ",".join("?" * len(rows[0]))
            insert = f"INSERT OR REPLACE INTO {table} VALUES ({marks})"  # noqa: S608 - our names
            self._database.executemany(insert, rows)
        self._rows.clear()


def _together(runs: Mapping[int, list[int]], starts: Iterable[int]) -> Iterator[set[int]]:
    """Transcripts that share accounts, as far as any of some runs is in them."""
    runs_of = defaultdict(list)
    for started, files in runs.items():
        for file in files:
            runs_of[file].append(started)
    done: set[int] = set()
    for start in starts:
        group: set[int] = set()
        left = [start]
        while left:
            started = left.pop()
            if started not in done:
                done.add(started)
                group.update(runs[started])
                left += [other for file in runs[started] for other in runs_of[file]]
        if group:
            yield group


def _words(kinds: list[Kind]) -> str:
    return "\n".join([f"{s}\t{m}\t{f:d}\t{w}" for s, m, f, w in kinds])


def _kind(session: str, model: str, fast: str, switch: str) -> Kind:
    return session, model, fast == "1", int(switch)


def _guard(path: str, end: int) -> int | None:
    """What the guard of a transcript is now."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return guard_of(file, end)
    finally:
        os.close(file)
