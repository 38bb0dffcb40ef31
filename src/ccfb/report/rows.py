"""What is kept of a transcript: numbers in rows, and the words that many rows share."""

from itertools import chain
from struct import Struct, pack

TYPE_CHECKING = False  # readers begin sooner without `typing`, and all that it imports
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import TypedDict

WIDTH = 9
"""Numbers in a row: key, time (milliseconds since the epoch), index of its kind; tokens: output,
input, read from the cache, written to it for five minutes, and for an hour; searches."""

KEY, AT, KIND, OUTPUT = range(4)

_ROW = Struct(f"{WIDTH}q")

FOREVER = 4_102_444_800
"""A time that nothing has, in epoch seconds: 2100."""

Kind = tuple[str, str, bool, int]
"""What many messages have in common: the session (a subagent's: the one that started it), the
model, whether in fast mode, and the number of the switch that billed it; 0: the subscription."""

State = tuple[int, str, int, dict[str, list[float]]]
"""What a session had cost by one of its ends, as the client says (seen on 2.1.261 and 2.1.329):
the start of its run, with whose sums a resumed or forked session goes on; the session; the time;
and by model the input, output, read and written tokens, searches, and dollars."""


if TYPE_CHECKING:

    class Found(TypedDict):
        """What a transcript holds; all of it can be marshalled."""

        rows: bytes
        """One for each message."""
        kinds: list[Kind]
        states: list[State]
        folder: str
        """Where the client worked at first."""
        end: int
        """Bytes read, up to the end of a line; 0: next time, all is read anew."""
        guard: int
        """A number for the bytes before: by it a file is known again that has grown."""
        invalid: int
        """Lines that aren't JSON."""
        unknown: int
        """Answers of the model in a form that isn't known."""
        cut: int
        """1 if the last line isn't complete."""

else:
    Found = dict

NOTHING = Found(
    rows=b"", kinds=[], states=[], folder="", end=0, guard=0, invalid=0, unknown=0, cut=0
)


def number(words: bytes) -> int:
    """A number for some bytes, which fits a machine integer and is the same in each process."""
    return hash(int.from_bytes(words, "big"))


def packed(rows: "Collection[tuple[int, ...]]") -> bytes:
    """Rows as they are kept."""
    return pack(f"{len(rows) * WIDTH}q", *chain.from_iterable(rows))


def unpack(rows: bytes) -> "memoryview[int]":
    """The numbers of all rows, one after the other."""
    return memoryview(rows).cast("q")


def singly(rows: bytes) -> list[bytes]:
    """The rows, each as it is kept."""
    return [rows[start : start + _ROW.size] for start in range(0, len(rows), _ROW.size)]


def each(rows: bytes) -> "Iterator[tuple[int, ...]]":
    """The rows, one by one."""
    return _ROW.iter_unpack(rows)
