"""Which transcripts there are. Part of every report, so it does little."""

import os
from collections.abc import Iterable

LEVELS = 5
"""Folders below the projects: project, session, `subagents`, `workflows`, run."""

Transcript = tuple[str, int, int]
"""Path, bytes, and when it was last written, in nanoseconds."""


def transcripts_in(folders: Iterable[str]) -> list[Transcript]:
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
