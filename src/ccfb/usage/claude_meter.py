"""`claude-meter --json`: a program of somebody else's that tells how far the plan is used up.

It is looked for on PATH. Its app for macOS carries it inside, from where the user has to link it.
From 0.3.9 on it prints one object, for the login of Claude Code; 0.1.1 to 0.3.8 print a list with
one for each account, also of the browser's (seen in its source). That login is in the keychain:
macOS asks the user once whether the program may read it.
"""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from ccfb.usage.account import Account, signed_in
from ccfb.usage.buckets import Telling, telling
from ccfb.usage.turns import NoAnswerError

PROGRAM = "claude-meter"

PATIENCE = 10.0
"""Seconds that the program has."""

LONGEST = 1_000_000
"""Bytes that it may print."""

PAUSE = 1200.0
"""Seconds after a failure. It asks the endpoint that `endpoint` asks, which then wants peace."""


def find() -> str | None:
    """Where the program is, if it is installed."""
    return shutil.which(PROGRAM)


def ask(program: str, asking: Callable[[], None]) -> Telling:
    """Ask it.

    Args:
        program: Where it is.
        asking: Is called right before.

    Raises:
        NoAnswerError: It fails, hangs, or doesn't tell of the account that is signed in.
    """
    asking()
    try:
        printed = _run([program, "--json"])
    except OSError as error:
        raise NoAnswerError(f"{PROGRAM} can't be run: {error.strerror}.", PAUSE) from None
    try:
        content = orjson.loads(printed)
    except orjson.JSONDecodeError:
        content = None
    entries = [
        entry
        for entry in (content if isinstance(content, list) else [content])
        if isinstance(entry, dict) and isinstance(entry.get("usage"), dict)
    ]
    if not entries:
        raise NoAnswerError(f"{PROGRAM} printed nothing that tells how far a plan is used.", PAUSE)
    return telling(_theirs(entries)["usage"])


def _theirs(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry of the account that is signed in; the only one, if it doesn't say whose it is."""
    who = signed_in()
    found = [entry for entry in entries if _same(entry, who)]
    if [_same(entry, who) for entry in entries] == [None]:
        found = entries
    if len(found) != 1:
        raise NoAnswerError(
            f"{PROGRAM} tells of {len(entries)} accounts, and of none for certain that it is "
            "the one that is signed in.",
            0.0,
        )
    return found[0]


def _same(entry: dict[str, Any], who: Account | None) -> bool | None:
    """Whether an entry is the account's; None where nothing tells.

    The organization comes first: one e-mail address may have a plan in each of several.
    """
    if who is None:
        return None
    for theirs, ours in (
        (entry.get("org_uuid"), who.organization),
        (entry.get("account_email"), who.email),
    ):
        if theirs and isinstance(theirs, str) and ours:
            return theirs.casefold() == ours.casefold()
    return None


def _run(command: list[str]) -> bytes:
    """Run a program to its end, or end it, with all that it has started.

    Returns:
        What it printed.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        end = time.monotonic() + PATIENCE
        try:
            printed = _read(process, end)
            code = process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise NoAnswerError(
                f"{PROGRAM} --json did not end within {PATIENCE:.0f} seconds.", PAUSE
            ) from None
        finally:
            if process.returncode is None:
                with suppress(PermissionError):  # on macOS, where it has ended just now
                    os.killpg(process.pid, signal.SIGKILL)
    if code:
        raise NoAnswerError(f"{PROGRAM} --json ended with exit code {code}.", PAUSE)
    return printed


def _read(process: subprocess.Popen[bytes], end: float) -> bytes:
    """Read all that a process prints, until `end` (monotonic seconds)."""
    assert process.stdout  # noqa: S101 - it is a pipe
    printed = b""
    while len(printed) <= LONGEST:
        left = max(0.0, end - time.monotonic())
        if not select.select([process.stdout], [], [], left)[0]:
            raise subprocess.TimeoutExpired(process.args, PATIENCE)
        chunk = os.read(process.stdout.fileno(), 65_536)
        if not chunk:
            return printed
        printed += chunk
    raise NoAnswerError(f"{PROGRAM} --json prints without an end.", PAUSE)
