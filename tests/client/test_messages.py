"""Every answer of the model is found once, with what it used and when it was asked for."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccfb.client import rows as reading
from ccfb.client.messages import Message, _name_of, messages, of_project, of_session

NOW = 1_795_200_000.0
RECORDED = sorted((Path(__file__).with_name("transcripts")).iterdir())
"""A session with parallel tools, a subagent, two refused attempts, a hook that takes two seconds;
then forked, and resumed. Beside it stands what the API answered. Contents are left out."""

Json = dict[str, Any]


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row(kind: str, at: float, **more: object) -> Json:
    return {"type": kind, "timestamp": stamp(at), "sessionId": "s1", "isSidechain": False} | more


def answer(name: str = "m1", at: float = NOW, output: int = 42, **more: object) -> Json:
    usage = {"input_tokens": 3, "output_tokens": output, "speed": "standard"}
    message = {"id": name, "model": "claude-opus-5-5", "usage": usage, "content": []}
    return row("assistant", at, message=message, requestId=f"r-{name}") | more


def said(change: Json, **more: object) -> Json:
    """An answer whose message is changed."""
    whole = answer(**more)  # type: ignore[arg-type]
    return whole | {"message": whole["message"] | change}


def prompt(at: float = NOW - 5, **more: object) -> Json:
    return row("user", at, message={"role": "user", "content": "go on"}) | more


def lines(rows: Iterable[Json]) -> bytes:
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def write(path: Path, *rows: Json, at: float = NOW) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(rows))
    os.utime(path, (at, at))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1.jsonl"


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    return tmp_path / "projects"


def names(found: Iterable[Message]) -> list[str]:
    return [message.id[0] for message in found]


# What the real client writes.


@pytest.fixture(params=RECORDED, ids=lambda folder: folder.name)
def recorded(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture
def answered(recorded: Path) -> dict[str, Json]:
    """What the API said of each answer: when it was asked, and what was used."""
    return {each["id"]: each for each in json.loads((recorded / "answers.json").read_bytes())}


def test_each_answer_of_a_real_session_is_found_once(
    recorded: Path, answered: dict[str, Json]
) -> None:
    """However many rows tell of it, and however often it was copied."""
    found = list(messages(recorded, 0.0))
    assert sorted(names(found)) == sorted(answered)
    for message in found:
        truth = answered[message.id[0]]
        assert message.model == truth["model"]
        assert message.usage.items() >= truth["usage"].items()


def test_it_is_known_when_a_real_request_was_sent(
    recorded: Path, answered: dict[str, Json]
) -> None:
    """Hooks and refused attempts before it don't count."""
    for message in messages(recorded, 0.0):
        assert -0.6 < message.sent_at - answered[message.id[0]]["at"] < 0.05
        assert message.sent_at < message.at


def test_a_real_session_has_its_subagents(recorded: Path) -> None:
    (parent,) = recorded.glob("project/*/")
    own = [each for each in messages(recorded, 0.0) if each.session == parent.name]
    assert {each.sidechain for each in own} == {True, False}
    assert of_session(f"{parent}.jsonl") == own
    assert {each.sidechain for each in own if "subagents" in each.path} == {True}


# What counts as a message.


@pytest.mark.parametrize(
    "row",
    [
        prompt(NOW, toolUseResult=answer()["message"]),
        prompt(NOW, message={"content": json.dumps(answer())}),
        answer(isApiErrorMessage=True),
        answer(type="system"),
        answer(message="odd"),
        answer(timestamp="soon"),
        answer(timestamp=None),
        said({"model": "<synthetic>"}),
        said({"model": None}),
        said({"usage": None}),
        said({"content": [{"output_tokens": 9}], "usage": []}),
    ],
)
def test_only_answers_of_the_model_count(path: Path, row: Json) -> None:
    assert of_session(write(path, prompt(), row)) == []
    assert names(of_session(write(path, prompt(), answer("m0"), row))) == ["m0"]


def test_a_message_says_what_stands_in_its_rows(path: Path) -> None:
    write(path, prompt(NOW - 5), answer(output=9, isSidechain=True))
    assert of_session(path) == [
        Message(
            session="s1",
            path=str(path),
            id=("m1", "r-m1"),
            at=NOW,
            sent_at=NOW - 5,
            model="claude-opus-5-5",
            usage={"input_tokens": 3, "output_tokens": 9, "speed": "standard"},
            fast=False,
            sidechain=True,
        )
    ]


def test_fast_mode_is_told(path: Path) -> None:
    (message,) = of_session(write(path, said({"usage": {"output_tokens": 1, "speed": "fast"}})))
    assert message.fast


def test_a_message_without_names_is_still_one(path: Path) -> None:
    """Not every provider names its requests."""
    write(path, answer("a", requestId=None), said({"id": None}, at=NOW + 1), said({"id": None}))
    assert len(of_session(path)) == 3


@pytest.mark.parametrize("outputs", [(1, 42), (42, 1), (1, 42, 7), (42, 42)])
def test_of_several_rows_the_one_with_the_most_output_wins(
    path: Path, outputs: tuple[int, ...]
) -> None:
    rows = [answer(at=NOW + n, output=output) for n, output in enumerate(outputs)]
    (message,) = of_session(write(path, prompt(), *rows))
    assert message.usage["output_tokens"] == 42
    assert (message.sent_at, message.at) == (NOW - 5, NOW + len(outputs) - 1)


def test_a_tool_that_is_done_before_the_answer_is(path: Path) -> None:
    """Its result stands between the answer's rows, and doesn't part them."""
    write(path, prompt(), answer(), prompt(NOW + 1), answer(at=NOW + 2), prompt(NOW + 3))
    (message,) = of_session(path)
    assert (message.sent_at, message.at) == (NOW - 5, NOW + 2)


# Compactions.

COMPACTED = {
    "2.1.105": """{"parentUuid":null,"isSidechain":false,"type":"system",
        "subtype":"compact_boundary","content":"Conversation compacted","isMeta":false,
        "timestamp":"2026-11-21T13:14:22.517Z","uuid":"7bccbfb2",
        "compactMetadata":{"trigger":"manual","preTokens":16136,"postTokens":481,"durationMs":345},
        "sessionId":"s1","version":"2.1.105"}""",
    "2.1.329": """{"parentUuid":null,"isSidechain":false,"type":"system",
        "subtype":"compact_boundary","content":"Conversation compacted","level":"info",
        "compactMetadata":{"trigger":"auto","preTokens":967064,"postTokens":3864,
        "cumulativeDroppedTokens":963200,"durationMs":360},"uuid":"f1bf66c2",
        "timestamp":"2026-11-21T13:17:24.480Z","sessionId":"s1","version":"2.1.329"}""",
}
"""Real rows, by the client's version; nothing else there tells of the request."""


def compaction(at: float = NOW, **told: object) -> Json:
    told = {"preTokens": 90_000, "postTokens": 3_000, "durationMs": 30_000} | told
    return row("system", at, subtype="compact_boundary", uuid=f"c{at}", compactMetadata=told)


@pytest.mark.parametrize(
    ("version", "before", "after", "took"),
    [("2.1.105", 16_136, 481, 0.345), ("2.1.329", 967_064, 3_864, 0.360)],
)
def test_a_compaction_is_a_request_for_the_whole_conversation(
    path: Path, version: str, before: int, after: int, took: float
) -> None:
    boundary = json.loads(COMPACTED[version])
    at = datetime.fromisoformat(boundary["timestamp"]).timestamp()
    write(path, answer("m0", at - 3_000), boundary, prompt(at + 5), answer("m1", at + 9))
    _, found, _ = of_session(path)
    assert found.usage["cache_read_input_tokens"] == before
    assert found.usage["output_tokens"] >= 2 * after, "the draft isn't kept"
    assert found.usage["input_tokens"] > 0, "the instructions"
    assert (found.model, found.id, found.session) == (
        "claude-opus-5-5",
        (boundary["uuid"], ""),
        "s1",
    )
    assert (found.at, found.kept) == (at, after)
    assert found.sent_at == pytest.approx(at - took, abs=1e-3), (
        "not when the row before was written"
    )


@pytest.mark.parametrize("since", [NOW - 40, 0.0])
def test_a_compaction_has_the_model_of_the_message_before(path: Path, since: float) -> None:
    """Also where that one is older than what is asked for."""
    before = said({"model": "claude-haiku-5-5"}, name="m0", at=NOW - 90_000)
    rows = [before, prompt(NOW - 80_000), compaction(), compaction(NOW + 50), answer(at=NOW + 99)]
    write(path, answer("a", NOW - 99_000), *rows, at=NOW + 99)
    found = of_session(path, since)[-3:]
    assert [(each.model, each.kept) for each in found] == [
        ("claude-haiku-5-5", 3_000),
        ("claude-haiku-5-5", 3_000),
        ("claude-opus-5-5", None),
    ]


def test_a_compaction_is_found_where_nothing_stands_before_it(path: Path) -> None:
    write(path, compaction(), answer("m1", NOW + 9))
    found = of_session(path)
    assert [(each.model, each.kept) for each in found] == [("", 3_000), ("claude-opus-5-5", None)]


def test_a_copy_of_a_compaction_is_not_counted_again(projects: Path) -> None:
    """A forked session's copy has the same names (seen on 2.1.176 and 2.1.329)."""
    copied = [answer(sessionId="fork"), compaction(NOW + 50) | {"sessionId": "fork"}]
    write(projects / "p" / "s1.jsonl", prompt(), answer(), compaction(NOW + 50))
    write(projects / "p" / "fork.jsonl", *copied)
    assert [each.kept for each in messages(projects, 0)] == [None, 3_000]


def test_a_compaction_that_tells_less_is_one_too(path: Path) -> None:
    boundary = compaction(postTokens=None, durationMs="?")
    _, found = of_session(write(path, answer("m0", NOW - 9), boundary))
    assert found.usage["output_tokens"] > 0
    assert found.sent_at == found.at


@pytest.mark.parametrize(
    "row",
    [
        compaction() | {"subtype": "microcompact_boundary", "content": "compact_boundary"},
        compaction() | {"compactMetadata": None},
        compaction() | {"timestamp": None},
        prompt(NOW, toolUseResult=json.dumps(compaction())),
        prompt(NOW, toolUseResult=compaction()),
    ],
)
def test_only_compactions_count_as_such(path: Path, row: Json) -> None:
    assert names(of_session(write(path, answer("m0", NOW - 9), row))) == ["m0"]


# When it was sent.


@pytest.mark.parametrize(
    ("before", "sent"),
    [
        ([], NOW),
        ([row("system", NOW - 1)], NOW - 1),
        ([row("attachment", NOW - 1)], NOW - 1),
        ([row("api-request", NOW - 1)], NOW - 1),
        ([answer("m0", NOW - 1)], NOW - 1),
        ([answer("m0", NOW - 1, isApiErrorMessage=True)], NOW - 1),
        ([row("queue-operation", NOW - 1)], NOW - 5),
        ([row("file-history-snapshot", NOW - 1)], NOW - 5),
        ([{"type": "mode", "snapshot": {"timestamp": stamp(NOW - 1)}}], NOW - 5),
        ([{"type": "user", "timestamp": "soon"}], NOW - 5),
    ],
)
def test_a_request_was_sent_after_the_row_of_the_conversation_before(
    path: Path, before: list[Json], sent: float
) -> None:
    rows = [prompt(NOW - 5), *before, answer()] if before else [answer()]
    assert of_session(write(path, *rows))[-1].sent_at == sent


# Several transcripts.


def test_a_copy_in_a_forked_session_is_not_counted_again(projects: Path) -> None:
    """It lacks the row that tells best when the request was sent: so the original is known."""
    rows = [prompt(), row("api-request", NOW - 1), answer()]
    copied = [prompt(sessionId="fork"), answer(sessionId="fork"), answer("m2", NOW + 9)]
    write(projects / "p" / "a-fork.jsonl", *copied)
    write(projects / "p" / "s1.jsonl", *rows)
    found = list(messages(projects, 0))
    assert [(each.id[0], each.session, each.sent_at) for each in found] == [
        ("m1", "s1", NOW - 1),
        ("m2", "s1", NOW),
    ]


def test_the_same_name_at_another_request_is_another_message(path: Path) -> None:
    write(path, answer(), answer(at=NOW + 1, requestId="r-other"))
    assert len(of_session(path)) == 2


@pytest.mark.parametrize("place", ["subagents", "subagents/workflows/run-1"])
def test_a_session_has_its_subagents_and_nobody_elses(projects: Path, place: str) -> None:
    path = write(projects / "p" / "s1.jsonl", answer("main"))
    write(projects / "p" / "s1" / place / "agent-a.jsonl", answer("side", NOW + 1))
    write(projects / "p" / "s2.jsonl", answer("other"))
    write(projects / "p" / "s2" / place / "agent-b.jsonl", answer("others", NOW + 1))
    assert names(of_session(path)) == ["main", "side"]
    assert sorted(names(messages(projects, 0))) == ["main", "other", "others", "side"]


def test_what_is_not_there_is_nothing(projects: Path) -> None:
    assert list(messages(projects, 0)) == []
    assert of_session(projects / "p" / "s1.jsonl") == []
    assert of_project(projects, "/nowhere", 0) == []


# Only the span asked for.


def test_only_requests_of_the_span(projects: Path) -> None:
    rows: list[Json] = []
    for number in range(5):
        rows += [prompt(NOW + 10 * number), answer(f"m{number}", NOW + 10 * number + 5)]
    write(projects / "p" / "s1.jsonl", *rows, at=NOW + 60)
    assert names(messages(projects, NOW + 10, NOW + 30)) == ["m1", "m2"]
    assert names(of_session(projects / "p" / "s1.jsonl", NOW + 25)) == ["m3", "m4"]


def test_old_transcripts_are_not_opened(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(projects / "p" / "old.jsonl", answer("old"), at=NOW - 10_000)
    write(projects / "p" / "new.jsonl", answer("new"))
    opened: list[str] = []
    backwards = reading.backwards

    def spy(path: str) -> Iterable[bytes]:
        opened.append(os.path.basename(path))
        return backwards(path)

    monkeypatch.setattr(reading, "backwards", spy)
    assert names(messages(projects, NOW - 60)) == ["new"]
    assert opened == ["new.jsonl"]


def test_reading_ends_at_what_is_older_and_skips_what_tells_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transcript of weeks isn't read through, nor its tools' output parsed, for one minute."""
    old = [answer(f"a{number}", NOW - 90_000 + number) for number in range(2000)]
    output = [prompt(NOW - 5, toolUseResult="x" * 1000)] * 500
    write(path, *old, *output, answer(), *output)
    parsed: list[bytes] = []
    parse = reading.parse

    def spy(line: bytes) -> Json:
        parsed.append(line)
        return parse(line)

    monkeypatch.setattr(reading, "parse", spy)
    assert names(of_session(path, NOW - 60)) == ["m1"]
    assert len(parsed) < 5


def test_rows_in_disorder_do_not_end_it_too_early(path: Path) -> None:
    """The clock was set, or a copied row stands among new ones."""
    write(path, prompt(NOW - 8), answer("m0", NOW - 5), prompt(NOW - 50), answer("m1"))
    assert names(of_session(path, NOW - 20)) == ["m0"]
    assert names(of_session(path, NOW - 51)) == ["m1", "m0"]


# Files as they are in real life.


def test_a_cut_last_line_is_passed_over(path: Path) -> None:
    whole = lines([prompt(), answer("m1"), prompt(NOW + 1), answer("m2", NOW + 2)])
    for cut in range(2, len(lines([answer("m2", NOW + 2)])), 7):
        path.write_bytes(whole[:-cut])
        assert names(of_session(path)) == ["m1"], cut


garbage = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"null", b"[1]", b"{", b'"output_tokens":1', b"\xff\xfe"]),
    st.just(b'{"type":[],"timestamp":"","output_tokens":1}'),
    st.just(lines([prompt(NOW - 3_000)]).strip()),
    st.just(lines([answer("cut")]).strip()[:-9]),
).map(lambda line: line.replace(b"\n", b" "))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.lists(st.lists(garbage, max_size=4), min_size=3, max_size=3))
def test_garbage_hides_nothing(tmp_path: Path, junk: list[list[bytes]]) -> None:
    path = tmp_path / "s1.jsonl"
    parts = (*junk[0], lines([prompt(), answer()]).strip(), *junk[1], lines([answer("m2")]).strip())
    path.write_bytes(b"\n".join([*parts, *junk[2]]))
    assert sorted(names(of_session(path))) == ["m1", "m2"]


# A project's folder.


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/home/me/shop", "-home-me-shop"),
        ("/home/me/my.pro j_ä😀", "-home-me-my-pro-j----"),
        ("/" + "x" * 199, "-" + "x" * 199),
        ("/" + "x" * 200, "-" + "x" * 199 + "-2zkl4p"),
    ],
)
def test_a_project_has_the_name_that_the_client_gives_it(
    projects: Path, folder: str, name: str
) -> None:
    """Seen on 2.1.105 and 2.1.329, down to the cut of long names, whose hash differs."""
    write(projects / name / "s1.jsonl", answer())
    write(projects / f"{name}-other" / "s2.jsonl", answer("m2"))
    assert names(of_project(projects, folder, 0)) == ["m1"]


def test_a_project_is_known_by_its_real_path(projects: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    write(projects / _name_of(str(real)) / "s1.jsonl", answer())
    assert names(of_project(projects, tmp_path / "link", 0)) == ["m1"]
