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
from itertools import chain

from ccfb.report import places
from ccfb.report.listing import Transcripts
from ccfb.report.rows import NOTHING, Found
from ccfb.report.scan import Scanner, Turn

TYPE_CHECKING = False  # as in `rows`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import NoReturn, Self

WORTH = 8_000_000
"""Bytes that are worth a reader of its own."""

MOST = 8
"""Readers; with more, this process couldn't keep up."""

BATCHES = 120
"""Parts of the work for each reader: who is done with one takes the next."""

OPENING = 65_000
"""Bytes that could be read in the time that each transcript takes besides."""

LEAST, LARGEST = 1_000_000, 6_000_000
"""Bytes of a part, if there are as many: each is handed out, and what was found in it sent."""

_LENGTH = 8
"""Bytes in which a part's results tell how long they are."""

_TICKET = 2
"""Bytes of a part's number."""

_TICKETS = 2_000
"""As many as a pipe holds, on every system."""

_PIPE = 1 << 20
"""Bytes that a pipe should hold."""


Result = tuple[int, Found]
"""The number of a transcript, and what was found."""


class Reading:
    """Starts to read at once; the results come, in no certain order, to whom goes through it.

    Transcripts that can't be read are left out.

    Args:
        transcripts: To read.
        folders: Of projects; where they are.
        turns: When billing changed, in each folder; see `ccfb.report.scan`.
        before: What was found earlier, by the number of the transcript.
    """

    def __init__(
        self,
        transcripts: Transcripts,
        folders: tuple[str, ...],
        turns: list[list[Turn]],
        before: "Mapping[int, Found] | None" = None,
    ) -> None:
        self.transcripts = transcripts
        self.turns = turns
        self._folders = folders
        self._before = before or {}
        self._children: list[int] = []
        self._pipes: dict[int, bytearray] = {}
        self._poll = select.poll()
        sizes = _numbers(len(transcripts))
        for number, size in enumerate(transcripts.sizes()):
            sizes[number] = size - self.before(number)["end"]
        self.size = sum(sizes)
        """Bytes that weren't read earlier."""
        readers = max(1, min(_processors(), self.size // WORTH, MOST))
        self._batches = _batches(sizes, readers * BATCHES)
        self._tickets, tickets = os.pipe()
        for number in range(len(self._batches)):
            os.write(tickets, number.to_bytes(_TICKET, "big"))
        os.close(tickets)
        if hasattr(os, "fork"):
            for _ in range(readers - 1):
                self._fork()

    def before(self, number: int) -> Found:
        """What was found earlier in a transcript."""
        return self._before.get(number, NOTHING)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no reader behind; one that is still at work ends when it can't send."""
        for descriptor in (self._tickets, *self._pipes):
            os.close(descriptor)
        for child in self._children:
            os.waitpid(child, 0)

    def __iter__(self) -> "Iterator[Result]":
        read = bytearray(len(self.transcripts))
        for number, found in self._results():
            read[number] = 1
            yield number, found
        yield from self._scan([n for n, done in enumerate(read) if not done], self._scanners())

    def _results(self) -> "Iterator[Result]":
        """What is found here, and by the others."""
        scanners = self._scanners()
        for batch in self._handed_out():
            yield from self._scan(batch, scanners)
            yield from self._take(0)
        while self._pipes:
            yield from self._take(None)

    def _handed_out(self) -> "Iterator[memoryview[int]]":
        """Parts that nobody else has; each is handed out once."""
        while ticket := os.read(self._tickets, _TICKET):
            yield self._batches[int.from_bytes(ticket, "big")]

    def _scanners(self) -> list[Scanner]:
        return [Scanner(turns) for turns in self.turns]

    def _scan(self, numbers: "Iterable[int]", scanners: list[Scanner]) -> "Iterator[Result]":
        for number in numbers:
            path = self.transcripts[number][0]
            scanner = scanners[places.place(path, self._folders)]
            try:
                found = scanner.scan(path, self.before(number))
            except OSError:  # gone meanwhile, or not ours to read
                continue
            yield number, found

    def _take(self, wait: int | None) -> "Iterator[Result]":
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
                yield from marshal.loads(came[_LENGTH:end])  # noqa: S302 - our own
                del came[:end]

    def _fork(self) -> None:
        """Start another reader."""
        ours, theirs = os.pipe()
        try:  # noqa: SIM105 - readers do without `contextlib`
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE)
        except (OSError, AttributeError):  # only Linux has larger pipes
            pass
        child = os.fork()
        if not child:
            for pipe in (ours, *self._pipes):  # else nobody could tell that they aren't read
                os.close(pipe)
            self._work(theirs)
        os.close(theirs)
        self._pipes[ours] = bytearray()
        self._poll.register(ours, select.POLLIN)
        self._children.append(child)

    def _work(self, pipe: int) -> "NoReturn":
        """A reader's whole life."""
        code = 1
        try:
            gc.disable()
            scanners = self._scanners()
            with open(pipe, "wb") as out:
                for batch in self._handed_out():
                    words = marshal.dumps(list(self._scan(batch, scanners)))
                    out.write(len(words).to_bytes(_LENGTH, "big") + words)
                    out.flush()
            code = 0
        finally:
            os._exit(code)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _numbers(count: int) -> "memoryview[int]":
    """Room for numbers, in a fifth of what a list of them takes."""
    return memoryview(bytearray(8 * count)).cast("q")


def _batches(sizes: "Sequence[int]", parts: int) -> "list[memoryview[int]]":
    """Parts that take about as long as each other; what is larger than a part comes first.

    Args:
        sizes: Bytes to read, by the number of the transcript.
        parts: How many, roughly, unless they would be too small or too large.
    """
    whole = sum(sizes) + OPENING * len(sizes)
    enough = max(min(whole // parts, LARGEST), LEAST, whole // _TICKETS)
    large = [number for number, size in enumerate(sizes) if size >= enough]
    large.sort(key=sizes.__getitem__, reverse=True)
    others = (number for number, size in enumerate(sizes) if size < enough)
    numbers = _numbers(len(sizes))
    batches = []
    first = filled = 0
    for place, number in enumerate(chain(large, others)):
        numbers[place] = number
        filled += sizes[number] + OPENING
        if filled > enough or place + 1 == len(sizes):
            batches.append(numbers[first : place + 1])
            first, filled = place + 1, 0
    return batches
