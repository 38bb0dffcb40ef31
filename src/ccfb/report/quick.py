"""The plainest reports, without the command line's own libraries.

Importing those takes as long as everything that such a report has to do.
"""

import os
import sys
from collections.abc import Sequence

PLAIN = ((), ("--json",))
"""What may stand behind `ccfb report`; everything else is for `ccfb.cli.report`."""

STOPPED = 130
"""The exit code after Ctrl-C, as of every command."""


def run(arguments: Sequence[str]) -> bool:
    """Print a plain report.

    Args:
        arguments: Behind `ccfb report`.

    Returns:
        False if nothing was printed: the command line is to do it, or to say what is wrong.
    """
    if tuple(arguments) not in PLAIN:
        return False
    from ccfb import paths  # noqa: PLC0415 - only when it is for us
    from ccfb.report.listing import Listing  # noqa: PLC0415

    folders = (paths.projects(),)
    listing = Listing(folders)
    from ccfb.report import progress  # noqa: PLC0415 - while transcripts are listed
    from ccfb.report.model import Request  # noqa: PLC0415
    from ccfb.report.produce import produce  # noqa: PLC0415

    try:
        request = Request(folders, as_json="--json" in arguments)
        text = produce(request, progress.bar(), listing)
    except KeyboardInterrupt:
        sys.stderr.write("error: Stopped.\n")
        raise SystemExit(STOPPED) from None
    except Exception:  # noqa: BLE001 - it will happen again there, and be told well
        return False
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads to the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
