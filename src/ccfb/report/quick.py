"""The plainest reports, without the command line's own libraries.

Importing those takes as long as everything that such a report has to do.
"""

import gc
import os
import sys

PLAIN = ((), ("--json",))
"""What may stand behind `ccfb report`; everything else is for `ccfb.cli.report`."""

NEEDED = ("ccfb.report.cache", "ccfb.report.summary", "ccfb.report.produce")
"""What it takes, in steps."""

STOPPED = 130
"""The exit code after Ctrl-C, as of every command."""


def run(arguments: list[str]) -> bool:
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

    gc.disable()  # there is much of everything, and none of it is garbage
    folders, as_json = (paths.projects(),), "--json" in arguments
    listing = Listing(folders)
    try:
        from ccfb.report.begin import begin  # noqa: PLC0415 - while transcripts are listed

        form = "envelope" if as_json else "table"
        begun = begin(folders, (*NEEDED, f"ccfb.report.render.{form}"), listing)
        from ccfb.report import progress  # noqa: PLC0415
        from ccfb.report.model import Request  # noqa: PLC0415
        from ccfb.report.produce import produce  # noqa: PLC0415

        text = produce(Request(folders, as_json=as_json), progress.bar(), begun)
    except KeyboardInterrupt:
        sys.stderr.write("error: Stopped.\n")
        raise SystemExit(STOPPED) from None
    except Exception:  # noqa: BLE001 - it will happen again there, and be told well
        gc.enable()
        return False
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads to the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
