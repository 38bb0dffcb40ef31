"""Which cache and which ledgers belong to folders of projects."""

import os

from ccfb import paths

APART = 1 << 40
"""From one ledger's numbers to those of the next; each folder of the client's has one."""


def cache(folders: tuple[str, ...]) -> str:
    """A cache of their own: a message that stands in several counts in one of them only."""
    if folders == (paths.projects(),):
        return paths.own("report.db")
    import zlib  # noqa: PLC0415 - few have others

    return paths.own(f"report-{zlib.crc32(os.fsencode(os.pathsep.join(folders))):08x}.db")


def ledger(folder: str) -> str:
    """The ledger of who was billed for what is in a folder."""
    return os.path.join(os.path.dirname(folder), "ccfb", "ledger.jsonl")


def place(path: str, folders: tuple[str, ...]) -> int:
    """In which of the folders a transcript is."""
    if len(folders) == 1:
        return 0
    return next(n for n, folder in enumerate(folders) if path.startswith(folder + os.sep))
