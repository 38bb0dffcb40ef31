"""What went wrong while nobody looked: `ccfb.log`, written by hooks and by the command line.

One line a problem, as the gate writes it: time in UTC, event, text. A traceback follows its
line, indented.
"""

import os
import textwrap
import traceback
from datetime import UTC, datetime
from typing import NamedTuple

from ccfb import gate, paths

TAIL = 262_144
"""Bytes at the end of the log that are searched."""


class Line(NamedTuple):
    """One problem; `at` in epoch seconds."""

    at: float
    event: str
    text: str


def since(moment: float) -> list[Line]:
    """The problems noted at or after a moment (epoch seconds), oldest first."""
    try:
        with open(paths.own("ccfb.log"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            content = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = filter(None, map(_parse, content.splitlines()))
    return [line for line in lines if line.at >= moment]


def keep_traceback(event: str, problem: BaseException) -> str | None:
    """Write a problem down with its traceback.

    Returns:
        The log's path, or None where it can't be written.
    """
    path = paths.own("ccfb.log")
    try:
        os.makedirs(paths.own_dir(), mode=0o700, exist_ok=True)
        gate.log(event, problem)
        with open(path, "a", encoding="utf-8") as file:
            file.write(textwrap.indent("".join(traceback.format_exception(problem)), "    "))
    except OSError:
        return None
    return path


def _parse(line: str) -> Line | None:
    stamp, _, rest = line.partition(" ")
    event, _, text = rest.partition(" ")
    try:
        at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return Line(at, event, text)
