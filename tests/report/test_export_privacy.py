"""Nothing of prompts or code leaves the machine, whichever way an export goes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from ccfb import files, paths
from ccfb.billing import store
from ccfb.billing.model import Entry
from cli.console import environment
from report import collector, corpus
from report.collector import Collector

MARK = "qzxj"
"""Stands in every word that is private."""

PRIVATE = f"{MARK}-private"


@pytest.fixture
def place() -> Iterator[Collector]:
    with collector.running() as place:
        yield place


def rows(session: str, folder: str) -> Iterator[dict[str, Any]]:
    """A row of every kind that the client writes, with a private word wherever there can be one."""
    base = {"sessionId": session, "cwd": folder, "version": "2.1.329", "gitBranch": PRIVATE}
    yield {**base, "type": "summary", "summary": PRIVATE, "leafUuid": "u"}
    yield {**base, "type": "custom-title", "customTitle": PRIVATE}
    yield {**base, "type": "last-prompt", "lastPrompt": PRIVATE}
    yield {**base, "type": "user", "message": {"role": "user", "content": PRIVATE}}
    yield {**base, "type": "attachment", "attachment": {"type": "file", "filename": PRIVATE}}
    for number, block in enumerate(
        [
            {"type": "thinking", "thinking": PRIVATE, "signature": PRIVATE},
            {"type": "text", "text": PRIVATE},
            {"type": "tool_use", "name": PRIVATE, "id": "t", "input": {"file_path": PRIVATE}},
        ]
    ):
        yield {
            **base,
            "type": "assistant",
            "timestamp": f"2026-11-20T10:00:0{number}.000Z",
            "requestId": f"req_{number}",
            "slug": PRIVATE,
            "message": {
                "id": f"msg_{number}",
                "type": "message",
                "role": "assistant",
                "model": "claude-opus-5-5",
                "content": [block],
                "stop_sequence": PRIVATE,
                "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": PRIVATE},
            },
        }
    result = {"type": "tool_result", "tool_use_id": "t", "content": PRIVATE}
    yield {
        **base,
        "type": "user",
        "message": {"role": "user", "content": [result]},
        "toolUseResult": {"stdout": PRIVATE, "filePath": PRIVATE},
    }
    error = {"type": "assistant", "isApiErrorMessage": True, "error": PRIVATE}
    yield {**base, **error, "message": {"content": [{"type": "text", "text": PRIVATE}]}}


@pytest.fixture(autouse=True)
def private(home: Path) -> None:
    """A machine on which every private word can be told by a mark."""
    made = corpus.Corpus(home / ".claude", 1)
    made.pool = MARK * 80_000
    made.make(60_000, 5)
    for transcript in sorted(made.projects.rglob("*.jsonl")):
        content = transcript.read_bytes()
        transcript.write_bytes(content.replace(b"/home/user/", f"/home/{PRIVATE}/".encode()))
    folder = f"/home/{PRIVATE}/shop"
    path = made.projects / folder.replace("/", "-") / "0b4b8f4e-0000-4000-8000-000000000000.jsonl"
    path.parent.mkdir()
    lines = [json.dumps(row, separators=(",", ":")) for row in rows(path.stem, folder)]
    path.write_text("\n".join(lines) + "\n")
    lost = made.projects / f"-home-{PRIVATE}-unknown" / path.name
    lost.parent.mkdir()
    lost.write_text(
        "".join(line + "\n" for line in lines if '"assistant"' in line)
        .replace(f'"cwd":"{folder}",', "")
        .replace("msg_", "msg_x")
        .replace("req_", "req_x")
    )
    files.make_own_dir()
    events = ("limit", "unknown_limit", "provider_failure", "budget", "downgrade")
    store.append(
        [
            Entry(id=number, at=1_795_168_800.0 + number, event=event, text=PRIVATE)
            for number, event in enumerate(events, 1)
        ]
    )


def left(home: Path, tmp_path: Path, place: Collector, *more: str) -> dict[str, bytes]:
    """Every byte that leaves the machine, by the way that it takes."""
    ways: dict[str, tuple[str, ...]] = {
        f"{what}.{form}": ("--what", what, f"--{form}", str(tmp_path / f"{what}.{form}"))
        for what in ("usage", "events")
        for form in ("csv", "parquet")
    }
    ways["otlp"] = ("--otlp", place.url)
    found = {}
    for way, arguments in ways.items():
        command = [sys.executable, "-m", "ccfb", "export", *arguments, *more]
        done = subprocess.run(command, env=environment(home), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        found[f"{way}: what is said"] = done.stdout + done.stderr
        if way != "otlp":
            found[way] = (tmp_path / way).read_bytes()
        if way.endswith(".parquet"):
            table = parquet.read_table(tmp_path / way)
            assert table.num_rows
            found[f"{way}: cells"] = repr((table.to_pylist(), table.schema)).encode()
    for request in place.requests:
        found[request.path] = request.body + repr((request.path, request.headers)).encode()
    return found


@pytest.mark.parametrize("names", ["name", "hash", "none"])
def test_nothing_private_leaves_the_machine(
    home: Path, tmp_path: Path, place: Collector, names: str
) -> None:
    """Not a word of a prompt, an answer, a thought, a tool, a file, a branch or a path."""
    found = left(home, tmp_path, place, "--project-names", names)
    assert set(found) >= {"/v1/metrics", "/v1/logs", "usage.csv", "events.parquet: cells"}
    for way, content in found.items():
        assert content or way.endswith("said"), way
        assert MARK.encode() not in content, way
        assert b"-home-" not in content, way


def test_the_mark_stands_where_it_would_be_found(home: Path) -> None:
    """Or the test above would prove nothing: transcripts and the cache are full of it."""
    transcripts = [path.read_text() for path in (home / ".claude").rglob("*.jsonl")]
    assert len(transcripts) > 7
    assert all(MARK in each for each in transcripts)
    subprocess.run(
        [sys.executable, "-m", "ccfb", "export", "--csv", "-"],
        env=environment(home),
        capture_output=True,
        check=True,
    )
    assert MARK.encode() in Path(paths.own("report.db")).read_bytes()
