"""What every report begins with: which transcripts there are, and a first report by reading them.

Others do that, so it is begun before the rest of us is imported.
"""

import os

from ccfb.report import places
from ccfb.report.listing import Listing, Transcripts, transcripts_in

TYPE_CHECKING = False  # `typing` is slow to import, and readers do without it
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ccfb.report.readers import Reading

READING = ("ccfb.report.ledger", "ccfb.report.readers")
"""Modules without which nothing is read."""

UPDATE = "ccfb.report.update"

Begun = tuple[Transcripts, "Reading | None"]
"""The transcripts, and who reads them where nothing is known of any; the report ends that."""


def begin(
    folders: tuple[str, ...], needed: "Iterable[str]" = (), listing: Listing | None = None
) -> Begun:
    """List transcripts, and have them read if nothing is known of them.

    Args:
        folders: Of projects.
        needed: Modules to import while others work.
        listing: Of the transcripts, if somebody has begun with it.
    """
    anew = not os.path.exists(places.cache(folders))
    imports = map(__import__, (*READING, *needed, UPDATE) if anew else needed)
    while listing and not listing.ready() and next(imports, None):
        continue
    transcripts = listing.transcripts() if listing else transcripts_in(folders)
    reading = _reading(folders, transcripts) if anew else None
    for _ in imports:
        pass
    return transcripts, reading


def _reading(folders: tuple[str, ...], transcripts: Transcripts) -> "Reading":
    from ccfb.report import ledger  # noqa: PLC0415 - only when there is something to read
    from ccfb.report.readers import Reading  # noqa: PLC0415

    return Reading(transcripts, folders, ledger.turns(ledger.events(folders), len(folders)))
