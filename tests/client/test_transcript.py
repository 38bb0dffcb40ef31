"""Failed turns are found at the end of transcripts, whatever else stands there."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import captures
from ccfb.client import rows, transcript
from ccfb.client.transcript import Row, failures_since, last_failure, queued, still_stalled

NOW = 1_795_200_000.0

Json = dict[str, Any]


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chain(kind: str, uuid: str, at: float, **more: object) -> Json:
    """A row of the conversation."""
    row = {"parentUuid": None, "isSidechain": False, "type": kind, "uuid": uuid}
    return row | {"timestamp": stamp(at), "sessionId": "s1", "version": "2.1.329"} | more


def failure(uuid: str = "f1", at: float = NOW, **more: object) -> Json:
    words = {"role": "assistant", "content": [{"type": "text", "text": "You've hit your limit"}]}
    marks = {"message": words, "error": "rate_limit", "isApiErrorMessage": True}
    return chain("assistant", uuid, at, **(marks | more))


def prompt(uuid: str = "u1", at: float = NOW, **more: object) -> Json:
    words = {"message": {"role": "user", "content": "go on"}}
    return chain("user", uuid, at, **(words | more))


def answer(uuid: str = "a1", at: float = NOW, **more: object) -> Json:
    words = {"message": {"role": "assistant", "content": [{"type": "text", "text": "done"}]}}
    return chain("assistant", uuid, at, **(words | more))


def lines(rows: Iterable[Json], *, separators: tuple[str, str] = (",", ":")) -> bytes:
    return b"".join(
        json.dumps(row, separators=separators, ensure_ascii=False).encode() + b"\n" for row in rows
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1.jsonl"


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    return tmp_path / "projects"


def write(path: Path, *rows: Json, at: float = NOW) -> Path:
    """A transcript that was last written to at a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(rows))
    os.utime(path, (at, at))
    return path


def found(path: Path) -> str | None:
    row = last_failure(path)
    return row.uuid if row else None


def uuids(projects: Path, since: float = NOW - 600, until: float = NOW + 600) -> list[str]:
    return [row.uuid for row in failures_since(projects, since, until)]


# The last failure.


RECORDED = [case for case in captures.load() if case.rows]


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_recorded_failures_are_found(case: captures.Case, path: Path) -> None:
    """On every version, whatever the row holds."""
    recorded = case.rows[-1]
    path.write_bytes(lines([prompt(), *case.rows, chain("system", "y", case.when)]))
    assert last_failure(path) == Row(
        path=str(path),
        uuid=recorded["uuid"],
        at=case.when,
        error=recorded["error"],
        text=recorded["message"]["content"][0]["text"],
        quota=recorded.get("quotaLimits"),
        session_id=recorded["sessionId"],
        is_sidechain=False,
        agent_id=None,
        version=case.version,
        entrypoint="sdk-cli",
    )


def test_of_several_failures_the_last_is_found(path: Path) -> None:
    path.write_bytes(lines([failure("f1"), prompt(), failure("f2"), answer(), prompt()]))
    assert found(path) == "f2"


def test_no_failure_is_none(path: Path) -> None:
    assert last_failure(path) is None
    path.write_bytes(b"")
    assert last_failure(path) is None
    path.write_bytes(lines([prompt(), answer()]))
    assert last_failure(path) is None
    assert last_failure(path.parent) is None


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,", " : ")])
def test_the_json_may_be_spaced(path: Path, separators: tuple[str, str]) -> None:
    path.write_bytes(lines([failure()], separators=separators))
    assert found(path) == "f1"


QUOTED = json.dumps(failure("quoted"))


@pytest.mark.parametrize(
    "row",
    [
        prompt(message={"role": "user", "content": QUOTED}),
        answer(message={"role": "assistant", "content": [{"type": "text", "text": QUOTED}]}),
        prompt(toolUseResult={"stdout": QUOTED}),
        prompt(toolUseResult=failure("nested")),
        failure("said", isApiErrorMessage=False),
        failure("said", isApiErrorMessage="true"),
        failure("told", type="system"),
        failure("when", timestamp="soon"),
        failure("when", timestamp=None),
    ],
)
def test_only_a_failed_turn_is_one(path: Path, row: Json) -> None:
    """Prompts, answers and tool output may show such a row, and are none."""
    path.write_bytes(lines([row]))
    assert last_failure(path) is None
    path.write_bytes(lines([failure(), row]))
    assert found(path) == "f1"


def test_a_row_without_its_fields_is_read_as_far_as_it_goes(path: Path) -> None:
    path.write_bytes(
        lines([{"type": "assistant", "isApiErrorMessage": True, "timestamp": stamp(NOW)}])
    )
    row = last_failure(path)
    assert row
    assert (row.uuid, row.at, row.error, row.text) == (stamp(NOW), NOW, "", "")
    assert (row.quota, row.session_id, row.agent_id) == (None, None, None)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "as a string"}, "as a string"),
        ({"content": [{"text": "one"}, {"type": "image"}, {"text": "two"}]}, "one\ntwo"),
        ({"content": [{"type": "image"}, "odd", {"text": 7}]}, ""),
        ({"content": None}, ""),
        ("odd", ""),
    ],
)
def test_the_text_is_what_was_shown(path: Path, message: object, text: str) -> None:
    path.write_bytes(lines([failure(message=message)]))
    row = last_failure(path)
    assert row
    assert row.text == text


def test_only_the_session_asked_for(path: Path) -> None:
    """A resumed session begins with the rows of another."""
    path.write_bytes(lines([failure("f1"), failure("f2", sessionId="s2")]))
    assert found(path) == "f2"
    row = last_failure(path, session_id="s1")
    assert row
    assert row.uuid == "f1"
    assert last_failure(path, session_id="s3") is None
    path.write_bytes(lines([failure("f1", sessionId=None)]))
    assert last_failure(path, session_id="s1")


@pytest.mark.parametrize("place", ["subagents", "subagents/workflows/run-1"])
def test_a_subagent_s_failure_stands_in_a_file_of_its_own(path: Path, place: str) -> None:
    """Its hook names the session's transcript, where another turn may have failed."""
    write(path, failure("main"))
    own = path.with_suffix("") / place
    write(own / "agent-a1.jsonl", failure("side", isSidechain=True, agentId="a1"))
    write(own / "agent-a2.jsonl", failure("other", isSidechain=True, agentId="a2"))
    row = last_failure(path, session_id="s1", agent_id="a1")
    assert row
    assert (row.uuid, row.is_sidechain, row.agent_id) == ("side", True, "a1")
    assert found(path) == "main"


def test_a_subagent_s_failure_may_stand_in_the_session_s(path: Path) -> None:
    write(path, failure("side", isSidechain=True, agentId="a1"), failure("main"))
    row = last_failure(path, agent_id="a1")
    assert row
    assert row.uuid == "side"
    assert last_failure(path, agent_id="a2") is None


# Files as they are in real life.


def test_a_cut_last_line_does_not_hide_the_one_before(path: Path) -> None:
    whole = lines([failure("f1"), failure("f2")])
    for cut in range(1, len(lines([failure("f2")]))):
        path.write_bytes(whole[:-cut])
        assert found(path) == ("f2" if cut == 1 else "f1"), cut


def test_a_last_line_without_an_end_counts(path: Path) -> None:
    path.write_bytes(lines([failure()]).rstrip(b"\n"))
    assert found(path) == "f1"


def test_only_the_end_of_a_long_transcript_is_read(path: Path) -> None:
    filler = lines([answer(message={"content": "x" * 1000})]) * 2000
    path.write_bytes(lines([failure()]) + filler)
    assert found(path) is None
    path.write_bytes(filler + lines([failure()]) + filler[: transcript.NEAR // 2])
    assert found(path) == "f1"


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_lines_are_put_together_from_blocks(
    path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK", block)
    path.write_bytes(lines([failure("f1"), prompt("é→✓"), answer(), answer()]))
    assert found(path) == "f1"


def test_a_transcript_that_may_not_be_read_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    write(path, failure())
    monkeypatch.setattr("builtins.open", refuse)
    assert last_failure(path) is None
    assert not still_stalled(path, "f1")


garbage = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"null", b"[1]", b"{", b'"isApiErrorMessage":true', b"\xff\xfe"]),
    st.just(lines([answer()]).strip()),
    st.just(lines([failure("old", NOW - 3_000)]).strip()[:-9]),
).map(lambda line: line.replace(b"\n", b" "))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(garbage, max_size=8),
    after=st.lists(garbage, max_size=8),
    cut=st.integers(0, 60),
    block=st.integers(1, 500),
)
def test_garbage_hides_nothing(
    tmp_path: Path, before: list[bytes], after: list[bytes], cut: int, block: int
) -> None:
    """Cut and foreign lines around a failed turn don't matter."""
    path = tmp_path / "projects" / "p" / "s1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    tail = b"\n".join(after)
    content = b"\n".join([*before, lines([failure()]), tail[: max(0, len(tail) - cut)]])
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BLOCK", block)
        assert found(path) == "f1"
        assert uuids(tmp_path / "projects") == ["f1"]


# Catching up.


def test_failures_are_found_in_every_place(projects: Path) -> None:
    """Sessions, their subagents, and the agents of workflows, in time order."""
    write(projects / "p1" / "s1.jsonl", failure("f3", NOW + 3))
    write(projects / "p2" / "s2.jsonl", failure("f1", NOW + 1), answer("a1", NOW + 2))
    folder = projects / "p2" / "s2" / "subagents"
    write(folder / "agent-a.jsonl", failure("f2", NOW + 2))
    write(folder / "workflows" / "wf-1" / "agent-b.jsonl", failure("f4", NOW + 4))
    write(folder / "agent-a.meta.json", failure("f5"))
    assert uuids(projects) == ["f1", "f2", "f3", "f4"]


def test_no_projects_is_nothing(projects: Path) -> None:
    assert uuids(projects) == []
    projects.write_text("not a folder")
    assert uuids(projects) == []


def test_a_symlinked_project_counts(projects: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "s1.jsonl", failure())
    projects.mkdir()
    (projects / "p").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (projects / "gone").symlink_to(tmp_path / "nowhere")
    (projects / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    assert uuids(projects) == ["f1"]


def test_only_the_span_asked_for(projects: Path) -> None:
    moments = {"f1": NOW - 1, "f2": NOW, "f3": NOW + 1, "f4": NOW + 2, "f5": NOW + 3}
    rows = [failure(uuid, at) for uuid, at in moments.items()]
    write(projects / "p" / "s.jsonl", *rows, at=NOW + 9)
    assert uuids(projects, NOW, NOW + 2) == ["f3", "f4"]


def test_going_on_afterwards_makes_no_difference(projects: Path) -> None:
    write(
        projects / "p" / "s.jsonl", failure("f1", NOW), prompt("u", NOW + 1), answer("a", NOW + 2)
    )
    assert uuids(projects) == ["f1"]


def test_a_failure_that_two_transcripts_hold_is_one(projects: Path) -> None:
    """A resumed session repeats the rows of the one that it goes on with."""
    write(projects / "p" / "s1.jsonl", failure("f1"))
    write(projects / "p" / "s2.jsonl", failure("f1"), failure("f2", NOW + 1, sessionId="s2"))
    assert uuids(projects) == ["f1", "f2"]


def test_old_transcripts_are_not_opened(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        write(projects / "p" / f"old-{number}.jsonl", failure(f"o{number}"), at=NOW - 10_000)
    write(projects / "p" / "new.jsonl", failure("f1"))
    opened: list[str] = []
    backwards = rows.backwards

    def spy(path: str, bound: int) -> Iterable[bytes]:
        opened.append(os.path.basename(path))
        return backwards(path, bound)

    monkeypatch.setattr(rows, "backwards", spy)
    assert uuids(projects) == ["f1"]
    assert opened == ["new.jsonl"]


def test_reading_ends_at_what_is_older(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transcript of weeks isn't read through for the last minute."""
    old = [answer(f"a{number}", NOW - 90_000 + number) for number in range(2000)]
    write(projects / "p" / "s.jsonl", *old, failure("f1"), answer("a", NOW + 1))
    seen: list[bytes] = []
    backwards = rows.backwards

    def spy(path: str, bound: int) -> Iterable[bytes]:
        for line in backwards(path, bound):
            seen.append(line)
            yield line

    monkeypatch.setattr(rows, "backwards", spy)
    assert uuids(projects) == ["f1"]
    assert len(seen) < 10


@pytest.mark.parametrize(
    "row",
    [
        # What such rows tell of is older than they are.
        {"type": "file-history-snapshot", "snapshot": {"timestamp": stamp(NOW - 90_000)}},
        {"type": "queue-operation", "timestamp": stamp(NOW - 90_000), "content": "hi"},
        {"toolUseResult": {"timestamp": stamp(NOW - 90_000)}} | prompt("u", NOW + 1),
        # The clock was set.
        answer("a", NOW - 30),
    ],
)
def test_reading_does_not_end_too_early(projects: Path, row: Json) -> None:
    write(projects / "p" / "s.jsonl", failure("f1", NOW + 1), row)
    assert uuids(projects, NOW) == ["f1"]


# Whether a task still waits.


def test_a_failed_turn_at_the_end_is_stalled(path: Path) -> None:
    path.write_bytes(lines([prompt(), answer(), failure()]))
    assert still_stalled(path, "f1")


@pytest.mark.parametrize(
    "row",
    [
        chain("system", "y", NOW, subtype="informational", content="Usage limit reached"),
        chain("system", "y", NOW, subtype="local_command", content="<command-name>/usage"),
        chain("attachment", "y", NOW),
        {"type": "last-prompt", "lastPrompt": "go on", "sessionId": "s1"},
        {"type": "mode", "mode": "normal", "sessionId": "s1"},
        answer("side", isSidechain=True),
        prompt("side", isSidechain=True),
    ],
)
def test_what_the_client_writes_by_itself_is_no_answer(path: Path, row: Json) -> None:
    path.write_bytes(lines([prompt(), failure(), row]) + b'{"type":"assist')
    assert still_stalled(path, "f1")


@pytest.mark.parametrize("row", [prompt("u2"), answer("a2"), failure("f2")])
def test_once_something_was_said_it_is_not_stalled(path: Path, row: Json) -> None:
    """Whoever went on with it: nothing is sent twice."""
    path.write_bytes(lines([prompt(), failure(), row, chain("system", "y", NOW)]))
    assert not still_stalled(path, "f1")
    assert not still_stalled(path, "unheard-of")


def test_what_is_not_there_is_not_stalled(path: Path) -> None:
    assert not still_stalled(path, "f1")
    path.write_bytes(b"garbage\n")
    assert not still_stalled(path, "f1")


# What was typed during a turn.


def typed(content: str, at: float = NOW, **more: object) -> Json:
    """As 2.1.105 to 2.1.329 write it."""
    row = {"type": "queue-operation", "operation": "enqueue", "timestamp": stamp(at)}
    return row | {"sessionId": "s1", "content": content} | more


def words(path: Path, since: float = NOW - 60, until: float = NOW + 60) -> list[str]:
    return list(queued(path, since, until))


def test_what_was_typed_during_a_turn_is_found_the_latest_first(path: Path) -> None:
    delivered = typed("one", NOW + 1, operation="remove", reason="absorbed_mid_turn")
    write(path, prompt(), typed("one"), delivered, answer(), typed("two", NOW + 2), answer())
    assert words(path) == ["two", "one"]


def test_only_what_was_typed_in_the_span(path: Path) -> None:
    write(path, *(typed(f"t{at}", NOW + at) for at in range(5)))
    assert words(path, NOW + 1, NOW + 3) == ["t3", "t2"]


@pytest.mark.parametrize("taken", [NOW + 2, NOW + 90])
def test_what_was_taken_back_was_not_said(path: Path, taken: float) -> None:
    back = typed("one", taken, operation="popAll")
    write(path, typed("zero"), typed("one", NOW + 1), back)
    assert words(path) == []
    write(path, typed("one"), back | {"timestamp": stamp(NOW + 1)}, typed("two", NOW + 2))
    assert words(path) == ["two"]


@pytest.mark.parametrize(
    "row",
    [
        prompt(toolUseResult=typed("ccfb yes")),
        prompt(message={"content": json.dumps(typed("ccfb yes"))}),
        chain("attachment", "a1", NOW, attachment=typed("ccfb yes")),
        typed("ccfb yes", operation="dequeue"),
        typed("ccfb yes", timestamp="soon"),
        typed("ccfb yes", type=["queue-operation"]),
    ],
)
def test_only_what_was_typed_counts(path: Path, row: Json) -> None:
    write(path, typed("one"), row)
    assert words(path) == ["one"]
