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

BLOCK = 262_144
"""Bytes read at a time."""

NEAR = 1_048_576
"""Bytes at the end of a transcript in which its last failure is looked for."""

FAR = 16_777_216
"""Bytes at the end of a transcript in which older failures are looked for."""

LEVELS = 5
"""Folders below the projects: project, session, `subagents`, `workflows`, run."""

DISORDER = 60.0
"""Seconds by which a row may be older than one before it, or a file than its last row."""

_NAME = b'"isApiErrorMessage"'
_FAILED = re.compile(_NAME + rb"\s*:\s*true\b")
_STAMP = re.compile(rb'"timestamp"\s*:\s*"([^"]{19})')
_CHAIN = frozenset({"assistant", "attachment", "system", "user"})
"""Rows of a conversation: the times of others may be those of what they describe."""

StrPath = str | os.PathLike[str]


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
        for line in _backwards(transcript, NEAR):
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
    for path in _changed(projects_dir, since - DISORDER, LEVELS):
        for row in _failures(path, since - DISORDER):
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
    for line in _backwards(path, NEAR):
        row = _parse(line)
        if row.get("uuid") == uuid:
            return True
        if row.get("type") in {"assistant", "user"} and not row.get("isSidechain"):
            return False
    return False


def _failures(path: str, since: float) -> Iterator[Row]:
    """The failed turns of one transcript, from the last back to about a moment."""
    edge = datetime.fromtimestamp(max(0, since), UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
    for line in _backwards(path, FAR):
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
    row = _parse(line)
    return row.get("type") in _CHAIN and str(row.get("timestamp") or "~").encode() < edge


def _row(line: bytes, path: StrPath) -> Row | None:
    """The failed turn that a line tells of; tool output may only quote one."""
    if _NAME not in line or not _FAILED.search(line):
        return None
    row = _parse(line)
    if row.get("isApiErrorMessage") is not True or row.get("type") != "assistant":
        return None
    try:
        at = datetime.fromisoformat(row["timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
    quota = row.get("quotaLimits")
    return Row(
        path=os.fspath(path),
        uuid=_string(row, "uuid") or row["timestamp"],
        at=at,
        error=_string(row, "error") or "",
        text=_text(row.get("message")),
        quota=quota if isinstance(quota, dict) else None,
        session_id=_string(row, "sessionId"),
        is_sidechain=row.get("isSidechain") is True,
        agent_id=_string(row, "agentId"),
        version=_string(row, "version"),
        entrypoint=_string(row, "entrypoint"),
    )


def _string(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) else None


def _text(message: object) -> str:
    """The words of a message, whose content is a string or a list of blocks."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _parse(line: bytes) -> dict[str, Any]:
    """A row; empty for a line that is cut or none."""
    import orjson  # noqa: PLC0415 - not every run comes here

    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return row if isinstance(row, dict) else {}


def _backwards(path: StrPath, bound: int) -> Iterator[bytes]:
    """The lines of a file from its end, as far as they lie in its last `bound` bytes."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError:
        return
    with file:
        start = file.seek(0, os.SEEK_END)
        stop = max(0, start - bound)
        cut = b""
        while start > stop:
            end, start = start, max(stop, start - BLOCK)
            file.seek(start)
            cut, *lines = (file.read(end - start) + cut).split(b"\n")
            yield from reversed(lines)
        if stop == 0:
            yield cut


def _changed(folder: StrPath, since: float, levels: int) -> Iterator[str]:
    """The transcripts in a folder and below that were written to since a moment."""
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return
    for entry in entries:
        try:
            if entry.name.endswith(".jsonl"):
                if entry.stat().st_mtime >= since:
                    yield entry.path
            elif levels and entry.is_dir(follow_symlinks=levels == LEVELS):
                yield from _changed(entry.path, since, levels - 1)
        except OSError:  # gone meanwhile
            continue


def _of_agent(path: StrPath, agent_id: str) -> Iterator[StrPath]:
    """Where a subagent's rows may stand: in a file of its own, or in the session's."""
    session, _ = os.path.splitext(path)
    own = f"agent-{agent_id}.jsonl"
    below = _changed(os.path.join(session, "subagents"), 0.0, LEVELS - 3)
    yield from (found for found in below if os.path.basename(found) == own)
    yield path
