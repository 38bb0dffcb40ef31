"""Which transcripts there are. Part of every report, so it does little.

A plain report begins with it, before anything else is imported: nothing here that takes its time.
"""

import marshal
import os
import select

LEVELS = 5
"""Folders below the projects: project, session, `subagents`, `workflows`, run."""

Transcript = tuple[str, int, int]
"""Path, bytes, and when it was last written, in nanoseconds."""


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

    def transcripts(self) -> list[Transcript]:
        """What was found."""
        if not self._child:
            return transcripts_in(self._folders)
        with open(self._pipe, "rb") as pipe:
            words = pipe.read()
        os.waitpid(self._child, 0)
        try:
            found: list[Transcript] = marshal.loads(words)  # noqa: S302 - our own
        except (EOFError, TypeError, ValueError):  # it was stopped
            return transcripts_in(self._folders)
        return found

    def _send(self, pipe: int) -> None:
        os.close(self._pipe)  # else nobody could tell that it isn't read
        try:
            with open(pipe, "wb") as out:
                out.write(marshal.dumps(transcripts_in(self._folders)))
        finally:
            os._exit(0)


def transcripts_in(folders: tuple[str, ...]) -> list[Transcript]:
    """Every transcript in some folders of projects; those that can't be read are passed over."""
    found: list[Transcript] = []
    for folder in folders:
        level = [folder]
        for depth in range(LEVELS + 1):
            level = [below for each in level for below in _look(each, found, links=not depth)]
    return found


def _look(folder: str, found: list[Transcript], *, links: bool) -> list[str]:
    """Add a folder's transcripts, and return the folders in it."""
    below = []
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return []
    for entry in entries:
        try:
            if entry.name.endswith(".jsonl"):
                stat = entry.stat()
                found.append((entry.path, stat.st_size, stat.st_mtime_ns))
            elif entry.is_dir(follow_symlinks=links):
                below.append(entry.path)
        except OSError:  # gone meanwhile
            continue
    return below
