"""`ccfb`, and `python -m ccfb`."""

import sys


def main() -> None:
    """The entry point: run one command line and exit."""
    words = sys.argv[1:]
    if words[:1] == ["report"]:
        from ccfb.report import quick  # noqa: PLC0415 - for this verb only

        if quick.run(words[1:]):
            return
    from ccfb import cli  # noqa: PLC0415 - it is the slower part of a plain report

    cli.main()


if __name__ == "__main__":
    main()
