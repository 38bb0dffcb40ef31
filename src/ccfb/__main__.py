"""`ccfb`, and `python -m ccfb`."""

import os
import sys
from io import TextIOWrapper


def main() -> None:
    """The entry point: run one command line and exit."""
    for stream in (sys.stdout, sys.stderr):  # not every terminal knows every letter
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:]
    if words[:1] == ["report"]:
        from ccfb.report import quick  # noqa: PLC0415 - for this verb only

        if quick.run(words[1:]):
            os._exit(0)  # all is written, and to tidy up takes longer
    from ccfb import cli  # noqa: PLC0415 - it is the slower part of a plain report

    cli.main()


if __name__ == "__main__":
    main()
