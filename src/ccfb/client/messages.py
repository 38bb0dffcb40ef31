"""What the model answered, and the tokens that it took, from the client's transcripts.

An answer stands in several rows, one for each block of its content; each repeats what was used, and
the output grows (seen on 2.1.105 to 2.1.329). A forked session begins with a copy of another's
rows, under its own name. Neither is billed twice, so neither is counted twice.

Of the request that compacts a conversation, what was used doesn't stand there, only how long the
context was before and is after: the rest is reckoned. It begins with the whole conversation, which
is read from the cache, then come instructions; the answer is a draft, which is thrown away, and the
summary (seen on 2.1.105 to 2.1.329).

The calls of small models, such as for a title, do not stand in a transcript at all. The status
line's `cost.total_cost_usd` contains them (seen on 2.1.329).
"""

import math
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ccfb.client import rows
from ccfb.client.rows import DISORDER, StrPath

_USED = b'"output_tokens"'
_COMPACTED = b'"compact_boundary"'
_STAMPED = b'"timestamp"'
_TIMED = rows.CHAIN | {"api-request"}
"""Rows that tell how far things were before a request; an `api-request` stands right before each
attempt (seen on 2.1.329), and a `system` row after each that failed (seen on 2.1.105)."""

_NAME_LENGTH = 200
"""Letters of a project's folder that the client keeps."""


_INSTRUCTIONS = 1_700
"""Tokens that ask for a summary (seen on 2.1.105 to 2.1.329, where they were 1,430 to 1,680)."""

_DRAFTED = 2
"""How much longer an answer is than what is kept of it: the draft is taken to be as long."""

_KEPT = 4_000
"""Tokens that are kept where a client doesn't tell."""


class Message(NamedTuple):
    """An answer of the model, which is a request that somebody is billed for."""

    session: str
    """A subagent's: the session that started it."""
    path: str
    """The transcript: a conversation of its own, of a session or of a subagent."""
    id: tuple[str, str]
    """The message's and the request's; the same in a copy."""
    at: float
    """When it was written; epoch seconds, UTC."""
    sent_at: float
    """When its request was sent, or shortly before; epoch seconds, UTC."""
    model: str
    """As the provider calls it; empty for a compaction that no answer stands before."""
    usage: dict[str, Any]
    """Tokens by kind, as the API told; `ccfb.prices.usage_of` reads it."""
    fast: bool
    """In fast mode, which costs more."""
    sidechain: bool
    """A subagent's."""
    kept: int | None = None
    """Of a compaction: tokens of the conversation that are left. None: it is none."""


def messages(projects_dir: StrPath, since: float, until: float = math.inf) -> Iterator[Message]:
    """The messages of all sessions and their subagents, in the order of their requests.

    Args:
        projects_dir: The folder of transcripts, a folder a project; it need not exist.
        since: Epoch seconds, UTC; only requests sent then or later.
        until: Epoch seconds, UTC; only requests sent earlier.
    """
    found = _of_files(sorted(rows.changed(projects_dir, since - DISORDER)), since)
    yield from (message for message in found if message.sent_at < until)


def of_session(transcript: StrPath, since: float = 0.0) -> list[Message]:
    """The messages of one session and its subagents, in the order of their requests.

    Args:
        transcript: The session's, as hooks name it; it need not exist.
        since: Epoch seconds, UTC; only requests sent then or later.
    """
    return _of_files([os.fspath(transcript), *rows.below(transcript, since - DISORDER)], since)


def of_project(projects_dir: StrPath, folder: StrPath, since: float) -> list[Message]:
    """The messages of all sessions that were started in a folder, in the order of their requests.

    Args:
        projects_dir: The folder of transcripts.
        folder: Where the sessions were started.
        since: Epoch seconds, UTC; only requests sent then or later.
    """
    name = _name_of(os.path.realpath(folder))
    try:
        beside = os.listdir(projects_dir)
    except OSError:
        return []
    paths = [
        path
        for found in beside
        if _is_called(found, name)
        for path in rows.changed(os.path.join(projects_dir, found), since - DISORDER)
    ]
    return _of_files(sorted(paths), since)


def _name_of(folder: str) -> str:
    """What the client calls a project's folder: all but ASCII letters and digits is a dash.

    It counts in UTF-16, so an emoji is two dashes (seen on 2.1.105 and 2.1.329).
    """
    wide = re.sub(r"[^\x00-\uffff]", "--", folder)
    return re.sub(r"[^a-zA-Z0-9]", "-", wide)


def _is_called(folder: str, name: str) -> bool:
    """Whether a folder has that name; a long one is cut, and a hash put at its end."""
    if len(name) <= _NAME_LENGTH:
        return folder == name
    return folder.rpartition("-")[0] == name[:_NAME_LENGTH]


def _of_files(paths: Iterable[str], since: float) -> list[Message]:
    """Each message once, even if it stands in several transcripts."""
    found: dict[tuple[str, str], Message] = {}
    for path in paths:
        for message in _of_file(path, since - DISORDER):
            copy = found.get(message.id, message)
            # A copy lacks the rows that tell best when the request was sent.
            found[message.id] = max(copy, message, key=lambda each: (_output(each), each.sent_at))
    sent = (message for message in found.values() if message.sent_at >= since)
    return sorted(sent, key=lambda message: (message.sent_at, message.id))


def _of_file(path: str, since: float) -> Iterable[Message]:
    """The messages of one transcript, from the last back to about a moment."""
    found: dict[tuple[str, str], Message] = {}
    after: tuple[str, str] | None = None  # whose request was sent after the row that is read
    compactions: list[Message] = []  # whose model is that of the message before
    for line in rows.backwards(path):
        told = _USED in line or _COMPACTED in line
        if not told and (after is None or _STAMPED not in line):
            continue
        row = rows.parse(line)
        at = rows.time_of(row) if rows.string(row, "type") in _TIMED else None
        if at is None:
            continue
        message = _message(row, at, path)
        if after:
            found[after] = found[after]._replace(sent_at=at)
        after = message.id if message else None
        if message:
            last = found.get(message.id, message)
            found[message.id] = max(last, message, key=_output)._replace(at=last.at)
            found |= {each.id: each._replace(model=message.model) for each in compactions}
            compactions = []
        elif compaction := _compaction(row, at, path):
            found[compaction.id] = compaction
            compactions.append(compaction)
        if at < since:
            break
    return found.values()


def _message(row: dict[str, Any], at: float, path: str) -> Message | None:
    """The message that a row belongs to; failed turns are none."""
    message = row.get("message")
    if row["type"] != "assistant" or not isinstance(message, dict) or row.get("isApiErrorMessage"):
        return None
    usage, model = message.get("usage"), rows.string(message, "model")
    if not isinstance(usage, dict) or not model or model == "<synthetic>":
        return None
    return Message(
        session=rows.string(row, "sessionId") or "",
        path=path,
        id=(
            rows.string(message, "id") or rows.string(row, "uuid") or str(at),
            rows.string(row, "requestId") or "",
        ),
        at=at,
        sent_at=at,
        model=model,
        usage=usage,
        fast=usage.get("speed") == "fast",
        sidechain=row.get("isSidechain") is True,
    )


def _compaction(row: dict[str, Any], at: float, path: str) -> Message | None:
    """The request that a row says has compacted the conversation."""
    told = row.get("compactMetadata")
    if row.get("subtype") != "compact_boundary" or not isinstance(told, dict):
        return None
    kept = _number(told, "postTokens", _KEPT)
    usage = {
        "input_tokens": _INSTRUCTIONS,
        "cache_read_input_tokens": _number(told, "preTokens", 0),
        "output_tokens": _DRAFTED * kept,
    }
    return Message(
        session=rows.string(row, "sessionId") or "",
        path=path,
        id=(rows.string(row, "uuid") or str(at), ""),
        at=at,
        sent_at=at - _number(told, "durationMs", 0) / 1000,
        model="",
        usage=usage,
        fast=False,
        sidechain=row.get("isSidechain") is True,
        kept=kept,
    )


def _output(message: Message) -> int:
    return _number(message.usage, "output_tokens", 0)


def _number(values: dict[str, Any], key: str, default: int) -> int:
    value = values.get(key)
    return value if isinstance(value, int) else default
