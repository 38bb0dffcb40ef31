"""Which transcripts there are. Part of every report, so it does little.

A plain report begins with it, before anything else is imported: nothing here that takes its time.
"""

import os
import select
import sys
from struct import Struct

TYPE_CHECKING = False  # `typing` is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader, BufferedWriter

LEVELS = 5
"""Folders below the projects: project, session, `subagents`, `workflows`, run."""

Transcript = tuple[str, int, int]
"""Path, bytes, and when it was last written, in nanoseconds."""

_ROW = Struct("3q")
"""Where its path begins, and the rest of a transcript."""

_HEAD = Struct("2q")
"""Bytes of rows and of paths that are sent."""

_MOST = (1 << 63) - 1
"""What a number holds: a time behind the year 2262 is told as another one."""

_CODE = sys.getfilesystemencoding()


class Transcripts:
    """Transcripts, in less than half the room that a list would take: there may be many."""

    def __init__(self) -> None:
        self._rows, self._paths = bytearray(), bytearray()

    def add(self, path: bytes, size: int, mtime: int) -> None:
        """One more.

        Raises:
            UnicodeDecodeError: Its path isn't text.
        """
        path.decode(_CODE)
        self._rows += _ROW.pack(len(self._paths), size, mtime)
        self._paths += path + b"\0"

    def send(self, pipe: "BufferedWriter") -> None:
        """Tell another process of them."""
        pipe.write(_HEAD.pack(len(self._rows), len(self._paths)))
        pipe.write(self._rows)
        pipe.write(self._paths)

    def receive(self, pipe: "BufferedReader") -> bool:
        """Take what another process tells; False if it didn't get to its end."""
        head = pipe.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return False
        self._rows, self._paths = map(bytearray, _HEAD.unpack(head))
        return all(pipe.readinto(part) == len(part) for part in (self._rows, self._paths))

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    def __getitem__(self, number: int) -> Transcript:
        start, size, mtime = _ROW.unpack_from(self._rows, number * _ROW.size)
        return self._path(start), size, mtime

    def sizes(self) -> "Iterator[int]":
        """The bytes of each."""
        return (size for _, size, _ in _ROW.iter_unpack(self._rows))

    def __iter__(self) -> "Iterator[Transcript]":
        for start, size, mtime in _ROW.iter_unpack(self._rows):
            yield self._path(start), size, mtime

    def _path(self, start: int) -> str:
        return self._paths[start : self._paths.index(0, start)].decode(_CODE)


class Listing:
    """Starts to list at once, in a process of its own: this one may import something meanwhile.

    Args:
        folders: Of projects.
    """

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = folders
        self._child = 0
        if hasattr(os, "fork"):
            self._pipe, theirs = os.pipe()
            self._poll = select.poll()
            self._poll.register(self._pipe, select.POLLIN)
            self._child = os.fork()
            if not self._child:
                self._send(theirs)
            os.close(theirs)

    def ready(self) -> bool:
        """Whether nobody would have to wait."""
        return not self._child or bool(self._poll.poll(0))

    def transcripts(self) -> Transcripts:
        """What was found."""
        if not self._child:
            return transcripts_in(self._folders)
        found = Transcripts()
        with open(self._pipe, "rb") as pipe:
            whole = found.receive(pipe)
        os.waitpid(self._child, 0)
        return found if whole else transcripts_in(self._folders)  # it was stopped

    def _send(self, pipe: int) -> None:
        os.close(self._pipe)  # else nobody could tell that it isn't read
        try:
            with open(pipe, "wb") as out:
                transcripts_in(self._folders).send(out)
        finally:
            os._exit(0)


def transcripts_in(folders: tuple[str, ...]) -> Transcripts:
    """Every transcript in some folders of projects; those that can't be read are passed over."""
    found = Transcripts()
    for folder in folders:
        level = [os.fsencode(folder)]
        for depth in range(LEVELS + 1):
            level = [below for each in level for below in _look(each, found, links=not depth)]
    return found


def _look(folder: bytes, found: Transcripts, *, links: bool) -> list[bytes]:
    """Add a folder's transcripts, and return the folders in it."""
    below = []
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return []
    for entry in entries:
        try:
            if entry.name.endswith(b".jsonl"):
                stat = entry.stat()
                found.add(entry.path, stat.st_size, stat.st_mtime_ns & _MOST)
            elif entry.is_dir(follow_symlinks=links):
                below.append(entry.path)
        except (OSError, UnicodeDecodeError):  # gone meanwhile, or not the client's
            continue
    return below
