"""Which cache and which ledger belong to folders of projects."""

import os
import zlib

from ccfb import paths


def cache(folders: tuple[str, ...]) -> str:
    """A cache of their own: a message that stands in several counts in one of them only."""
    if folders == (paths.projects(),):
        return paths.own("report.db")
    return paths.own(f"report-{zlib.crc32(os.fsencode(os.pathsep.join(folders))):08x}.db")


def ledger(folders: tuple[str, ...]) -> str:
    """The ledger of who was billed: beside the transcripts, or, of several folders, our own."""
    if len(folders) > 1:
        return paths.own("ledger.jsonl")
    return os.path.join(os.path.dirname(folders[0]), "ccfb", "ledger.jsonl")
