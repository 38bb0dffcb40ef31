"""Failed turns in the client's transcripts: the one trace that every run leaves.

A turn that ends in an error of the API is a row `{"type": "assistant", "isApiErrorMessage": true}`
there, also where a headless run has lost its hooks (seen on 2.1.105 to 2.1.329). Transcripts grow
to many megabytes, while what counts stands at their end: they are read backwards, a bounded part
of them, and few of their lines are parsed. They may be written to at the same time.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ccfb.client import rows, signals
from ccfb.client.rows import StrPath

NEAR = 1_048_576
"""Bytes at the end of a transcript in which its last failure is looked for."""

FAR = 16_777_216
"""Bytes at the end of a transcript in which older failures are looked for."""

_NAME = b'"isApiErrorMessage"'
_FAILED = re.compile(_NAME + rb"\s*:\s*true\b")
_STAMP = re.compile(rb'"timestamp"\s*:\s*"([^"]{19})')


@dataclass(frozen=True, slots=True)
class Row:
    """A turn that ended in an error of the API.

    Args:
        path: The transcript it stands in.
        uuid: The row's own name.
        at: When it was written; epoch seconds, UTC.
        error: Its kind, such as `rate_limit`; empty on clients that didn't tell.
        text: What the user was shown.
        quota: `quotaLimits`: what the API told of the plan (seen on 2.1.261 and 2.1.329).
        session_id: The session it belongs to; a subagent's names the session that started it.
        is_sidechain: Whether a subagent's turn failed, not the main one.
        agent_id: That subagent.
        version: The client's version.
        entrypoint: How the client was started: `cli`, `sdk-cli`, …
    """

    path: str
    uuid: str
    at: float
    error: str
    text: str
    quota: dict[str, Any] | None
    session_id: str | None
    is_sidechain: bool
    agent_id: str | None
    version: str | None
    entrypoint: str | None


def last_failure(
    path: StrPath, *, session_id: str | None = None, agent_id: str | None = None
) -> Row | None:
    """The last failed turn near the end of a transcript.

    Args:
        path: The transcript, as hooks name it; it need not exist.
        session_id: Only turns of this session: a resumed one begins with another's rows.
        agent_id: Only turns of this subagent. Its rows stand in a file of its own, while its
            `StopFailure` names the session's transcript (seen on 2.1.105 to 2.1.329).
    """
    for transcript in _of_agent(path, agent_id) if agent_id else [path]:
        for line in rows.backwards(transcript, NEAR):
            row = _row(line, transcript)
            if not row or agent_id not in {None, row.agent_id}:
                continue
            if session_id is None or row.session_id in {None, session_id}:
                return row
    return None


def failures_since(projects_dir: StrPath, since: float, until: float) -> Iterator[Row]:
    """Every failed turn of a span of time, of all sessions and their subagents, oldest first.

    Whether the task went on afterwards makes no difference here.

    Args:
        projects_dir: The folder of transcripts, a folder a project; it need not exist.
        since: Epoch seconds, UTC; only turns that failed later.
        until: Epoch seconds, UTC; only turns that failed by then.
    """
    found: dict[str, Row] = {}
    for path in rows.changed(projects_dir, since - rows.DISORDER):
        for row in _failures(path, since - rows.DISORDER):
            if since < row.at <= until:
                # A resumed session repeats rows of the one that it goes on with.
                found.setdefault(row.uuid, row)
    yield from sorted(found.values(), key=lambda row: (row.at, row.uuid))


def still_stalled(path: StrPath, uuid: str) -> bool:
    """Whether a failed turn is the end of the main conversation, with nothing said since.

    What the client writes by itself at a limit, and what a dialog or a command like `/usage`
    leaves behind, are `system` rows (seen on 2.1.105 to 2.1.329): they say nothing.

    Args:
        path: The transcript.
        uuid: The failed turn's row.
    """
    for line in rows.backwards(path, NEAR):
        row = rows.parse(line)
        if row.get("uuid") == uuid:
            return True
        if rows.string(row, "type") in {"assistant", "user"} and not row.get("isSidechain"):
            return False
    return False


def queued(path: StrPath, since: float, until: float) -> Iterator[str]:
    """What the user has typed while a turn ran, and not taken back, the latest first.

    Such a prompt is written down at once, as a row of its own, and its hook runs at once too
    (seen on 2.1.261 and 2.1.329), or never (seen on 2.1.105 and 2.1.176). Going up in the prompt
    box takes all back that wait (seen on 2.1.176 and 2.1.329).

    Args:
        path: The transcript.
        since: Epoch seconds, UTC; only what was typed later.
        until: Epoch seconds, UTC; only what was typed by then.
    """
    for line in rows.backwards(path, NEAR):
        row = rows.parse(line) if signals.QUEUED in line else {}
        at = rows.time_of(row) if row.get("type") == "queue-operation" else None
        if at is None:
            continue
        if at <= since or row.get("operation") == "popAll":
            return
        if row.get("operation") == "enqueue" and at <= until:
            yield rows.string(row, "content") or ""


def _failures(path: str, since: float) -> Iterator[Row]:
    """The failed turns of one transcript, from the last back to about a moment."""
    edge = datetime.fromtimestamp(max(0, since), UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
    for line in rows.backwards(path, FAR):
        row = _row(line, path)
        if row:
            yield row
        if _before(line, edge):
            return


def _before(line: bytes, edge: bytes) -> bool:
    """Whether a row was written before a moment; parsed only where it may be so."""
    stamp = _STAMP.search(line)
    if not stamp or stamp[1] >= edge:
        return False
    row = rows.parse(line)
    at = (rows.string(row, "timestamp") or "~").encode()
    return at < edge and rows.string(row, "type") in rows.CHAIN


def _row(line: bytes, path: StrPath) -> Row | None:
    """The failed turn that a line tells of; tool output may only quote one."""
    if _NAME not in line or not _FAILED.search(line):
        return None
    row = rows.parse(line)
    if row.get("isApiErrorMessage") is not True or row.get("type") != "assistant":
        return None
    at = rows.time_of(row)
    if at is None:
        return None
    quota = row.get("quotaLimits")
    return Row(
        path=os.fspath(path),
        uuid=rows.string(row, "uuid") or row["timestamp"],
        at=at,
        error=rows.string(row, "error") or "",
        text=_text(row.get("message")),
        quota=quota if isinstance(quota, dict) else None,
        session_id=rows.string(row, "sessionId"),
        is_sidechain=row.get("isSidechain") is True,
        agent_id=rows.string(row, "agentId"),
        version=rows.string(row, "version"),
        entrypoint=rows.string(row, "entrypoint"),
    )


def _text(message: object) -> str:
    """The words of a message, whose content is a string or a list of blocks."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _of_agent(path: StrPath, agent_id: str) -> Iterator[StrPath]:
    """Where a subagent's rows may stand: in a file of its own, or in the session's."""
    own = f"agent-{agent_id}.jsonl"
    yield from (found for found in rows.below(path) if os.path.basename(found) == own)
    yield path
