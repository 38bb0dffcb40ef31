"""Reads many transcripts, with several processes side by side where that is worth it.

A forked reader has all that it needs at once, and sends what it finds through a pipe. This process
reads too, and takes what comes in between; so it also does what a reader leaves undone, and
everything where a system can't fork.
"""

import fcntl
import gc
import marshal
import os
import select
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, NoReturn, Self

from ccfb.report.rows import Found
from ccfb.report.scan import Scanner, Turn

WORTH = 8_000_000
"""Bytes that are worth a reader of its own."""

MOST = 8
"""Readers; with more, this process couldn't keep up."""

BATCHES = 120
"""Parts of the work for each reader: who is done with one takes the next."""

OPENING = 65_000
"""Bytes that could be read in the time that each transcript takes besides."""

LEAST = 1_000_000
"""Bytes of a part, if there are as many: each is handed out, and what was found in it sent."""

_LENGTH = 8
"""Bytes in which a part's results tell how long they are."""

_TICKETS = 255

_PIPE = 1 << 20
"""Bytes that a pipe should hold."""


class Job(NamedTuple):
    """A transcript to read."""

    path: str
    size: int
    """Bytes that are new in it."""
    before: Found
    """What was found in it earlier."""
    place: int = 0
    """Whose turns of billing are its own."""


Result = tuple[int, Found]
"""The number of a job, and what was found."""


class Reading:
    """Starts to read at once; the results come, in no certain order, to whom goes through it.

    Transcripts that can't be read are left out.

    Args:
        jobs: What to read.
        turns: When billing changed, at each place; see `ccfb.report.scan`.
    """

    def __init__(self, jobs: list[Job], turns: list[list[Turn]]) -> None:
        self.jobs = jobs
        self.turns = turns
        self._children: list[int] = []
        self._pipes: dict[int, bytearray] = {}
        self._poll = select.poll()
        size = sum(job.size for job in jobs)
        readers = max(1, min(_processors(), size // WORTH, MOST))
        self._batches = _batches(jobs, min(readers * BATCHES, _TICKETS))
        self._tickets, tickets = os.pipe()
        os.write(tickets, bytes(range(len(self._batches))))
        os.close(tickets)
        if hasattr(os, "fork"):
            for _ in range(readers - 1):
                self._fork()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no reader behind; one that is still at work ends when it can't send."""
        for descriptor in (self._tickets, *self._pipes):
            os.close(descriptor)
        for child in self._children:
            os.waitpid(child, 0)

    def __iter__(self) -> Iterator[Result]:
        left = set(range(len(self.jobs)))
        for number, found in self._results():
            left.discard(number)
            yield number, found
        yield from self._scan(sorted(left), self._scanners())

    def _results(self) -> Iterator[Result]:
        """What is found here, and by the others."""
        scanners = self._scanners()
        while ticket := os.read(self._tickets, 1):
            yield from self._scan(self._batches[ticket[0]], scanners)
            yield from self._take(0)
        while self._pipes:
            yield from self._take(None)

    def _scanners(self) -> list[Scanner]:
        return [Scanner(turns) for turns in self.turns]

    def _scan(self, numbers: Iterable[int], scanners: list[Scanner]) -> Iterator[Result]:
        for number in numbers:
            job = self.jobs[number]
            try:
                found = scanners[job.place].scan(job.path, job.before)
            except OSError:  # gone meanwhile, or not ours to read
                continue
            yield number, found

    def _take(self, wait: int | None) -> Iterator[Result]:
        """What has come from the others.

        Args:
            wait: Milliseconds; None: until something comes.
        """
        for pipe, _ in self._poll.poll(wait):
            words = os.read(pipe, _PIPE)  # all: a reader waits where the pipe is full
            came = self._pipes[pipe]
            came += words
            if not words:
                self._poll.unregister(pipe)
                del self._pipes[pipe]
                os.close(pipe)
            while len(came) >= _LENGTH:
                end = _LENGTH + int.from_bytes(came[:_LENGTH], "big")
                if len(came) < end:
                    break
                for number, *found in marshal.loads(came[_LENGTH:end]):  # noqa: S302 - our own
                    yield number, Found(*found)
                del came[:end]

    def _fork(self) -> None:
        """Start another reader."""
        ours, theirs = os.pipe()
        with suppress(OSError, AttributeError):  # only Linux has larger pipes
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE)
        child = os.fork()
        if not child:
            for pipe in (ours, *self._pipes):  # else nobody could tell that they aren't read
                os.close(pipe)
            self._work(theirs)
        os.close(theirs)
        self._pipes[ours] = bytearray()
        self._poll.register(ours, select.POLLIN)
        self._children.append(child)

    def _work(self, pipe: int) -> NoReturn:
        """A reader's whole life."""
        code = 1
        try:
            gc.disable()
            scanners = self._scanners()
            with open(pipe, "wb") as out:
                while ticket := os.read(self._tickets, 1):
                    batch = self._batches[ticket[0]]
                    found = [(number, *each) for number, each in self._scan(batch, scanners)]
                    words = marshal.dumps(found)
                    out.write(len(words).to_bytes(_LENGTH, "big") + words)
                    out.flush()
            code = 0
        finally:
            os._exit(code)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _batches(jobs: list[Job], most: int) -> list[list[int]]:
    """Parts that take about as long as each other, the largest transcripts first."""
    sizes = [job.size + OPENING for job in jobs]
    enough = max(sum(sizes) // most + 1, LEAST)
    batches: list[list[int]] = [[]]
    filled = 0
    for number in sorted(range(len(jobs)), key=sizes.__getitem__, reverse=True):
        if filled >= enough:
            batches.append([])
            filled = 0
        batches[-1].append(number)
        filled += sizes[number]
    return batches
