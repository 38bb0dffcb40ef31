"""Reading transcripts: fast, and yet all that a simple reader finds, whatever stands in them."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import FOLDER
from ccfb import prices
from ccfb.client.messages import messages
from ccfb.report import answer, scan
from ccfb.report.rows import NOTHING, Found, each, number
from ccfb.report.scan import Scanner, Turn
from report import corpus, slowly

SESSIONS = Path(__file__).with_name("sessions")
AT = 1_795_168_800.0
"""2026-11-20, 10:00 UTC."""


def usage(output: int = 11, **more: Any) -> dict[str, Any]:
    return {
        "input_tokens": 5,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 7,
        "output_tokens": output,
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
        "service_tier": "standard",
        "cache_creation": {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 10},
        "inference_geo": "",
        "iterations": [],
        "speed": "standard",
        **more,
    }


def row(name: str = "msg_1", request: str | None = "req_1", **more: Any) -> dict[str, Any]:
    """An answer of the usual form; `usage` is a field like the others here."""
    message = {
        "id": name,
        "type": "message",
        "role": "assistant",
        "model": more.pop("model", "claude-opus-5-5"),
        "content": more.pop("content", [{"type": "text", "text": "Understood."}]),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": more.pop("usage", usage()),
    }
    return {
        "parentUuid": None,
        "isSidechain": False,
        "message": message,
        **({"requestId": request} if request else {}),
        "type": "assistant",
        "uuid": "u",
        "timestamp": "2026-11-20T10:00:00.123Z",
        "cwd": "/home/user/project",
        "sessionId": "s",
        **more,
    }


def line(row: object) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read(path: Path, content: bytes, turns: Iterable[Turn] = ()) -> Found:
    path.write_bytes(content)
    return Scanner(list(turns)).scan(str(path))


def told(found: Found) -> dict[int, slowly.Message]:
    """What was found, by key."""
    return {
        key: slowly.Message(at, *found["kinds"][kind][:3], tuple(used))
        for key, at, kind, *used in each(found["rows"])
    }


def expected(content: bytes) -> dict[int, slowly.Message]:
    """What a simple reader finds."""
    found = slowly.messages(content.split(b"\n"))
    return {number("".join(map(str, names)).encode()): message for names, message in found.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


@pytest.fixture(scope="module", params=[1, 2, 3])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A corpus, and its folder."""
    folder = tmp_path_factory.mktemp("corpus")
    return corpus.make(folder, seed=request.param), folder


def test_a_corpus_is_read_as_it_was_made(made: Any) -> None:
    """To the token, for three of them."""
    truth, folder = made
    best: dict[int, tuple[int, ...]] = {}
    scanner = Scanner([])
    cut = 0
    for transcript in (folder / "projects").rglob("*.jsonl"):
        found = scanner.scan(str(transcript))
        cut += found["cut"]
        for key, message in told(found).items():
            best[key] = max(message.used, best.get(key, (0,)))
    assert best == {
        number("".join(names).encode()): (*answer.used, 0)
        for names, answer in truth.answers.items()
    }
    assert cut == truth.cut


def test_the_simple_reader_finds_the_same(made: Any) -> None:
    """Not only tokens: also times, sessions and models."""
    _, folder = made
    scanner = Scanner([])
    for transcript in (folder / "projects").rglob("*.jsonl"):
        found = scanner.scan(str(transcript))
        assert told(found) == expected(transcript.read_bytes())
        assert (found["invalid"], found["unknown"]) == (0, 0)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Answers that were parsed as a whole."""
    found: list[object] = []

    def parsed(row: dict[str, Any]) -> object:
        read = answer.parsed(row)
        if read:
            found.append(read)
        return read

    monkeypatch.setattr(scan, "parsed", parsed)
    return found


def test_what_the_client_writes_is_read_without_being_parsed(
    made: Any, parsed: list[object]
) -> None:
    """That is where the speed is. Invented sessions, and recorded ones."""
    _, folder = made
    scanner = Scanner([])
    read = 0
    for place in (folder / "projects", SESSIONS):
        for transcript in place.rglob("*.jsonl"):
            read += len(told(scanner.scan(str(transcript))))
    assert read > 200
    assert not parsed


LATER = [
    usage(),
    usage(later=5),
    usage(later={"tokens": [1, 2, {"input_tokens": 9, "ephemeral_5m_input_tokens": 3}]}),
    usage(later="2026-11-20"),
    usage(later=0.25),
    usage(speed="fast"),
    usage(speed=None),
    usage(iterations=[{"input_tokens": 3, "output_tokens": 11, "type": "message"}] * 2),
    usage(server_tool_use=None),
    usage(cache_creation=None),
    usage(cache_creation={"ephemeral_30m_input_tokens": 4, "ephemeral_1h_input_tokens": 20}),
    {"output_tokens": 11, "input_tokens": 0},
    {"output_tokens": 11, "input_tokens": 3, "service_tier": "tier 2"},
    {"cache_creation": {"input_tokens": 8}, **usage()},
    {"server_tool_use": {"output_tokens": 8, "web_search_requests": 6}, "output_tokens": 7},
]


@pytest.mark.parametrize("used", LATER, ids=str)
def test_another_form_of_use_is_learned(
    path: Path, used: dict[str, Any], parsed: list[object]
) -> None:
    """Later clients will tell more, and gateways tell less."""
    doubled = json.loads(json.dumps(used), parse_int=lambda number: 12 * int(number))
    content = line(row("msg_1", usage=used)) + line(row("msg_2", usage=doubled))
    assert told(read(path, content)) == expected(content)
    assert not parsed


@pytest.mark.parametrize("number", ["5", -5, 0.5, 1e30, None, True, [5], {"5": 5}, 10**9, 10**30])
@pytest.mark.parametrize("field", ["output_tokens", "input_tokens", "cache_creation"])
def test_what_is_no_number_of_tokens_is_not_learned(path: Path, number: Any, field: str) -> None:
    odd = usage(**{field: number})
    rows = [row(str(name), usage=used) for name, used in enumerate([odd, usage(), odd, usage(12)])]
    content = b"".join(map(line, rows))
    assert told(read(path, content)) == expected(content)


@pytest.mark.parametrize("size", [64, 1_000, 5_000])
def test_lines_may_be_longer_than_what_is_read_at_a_time(
    made: Any, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder = made
    monkeypatch.setattr(scan, "BUFFER", size)
    for transcript in sorted((folder / "projects").rglob("*.jsonl"))[:5]:
        assert told(Scanner([]).scan(str(transcript))) == expected(transcript.read_bytes())


def test_the_client_s_own_rows_are_read_as_they_are_parsed(path: Path) -> None:
    """Of four versions, as recorded."""
    recorded = [
        row
        for recording in sorted(FOLDER.glob("*.json"))
        for case in json.loads(recording.read_text(encoding="utf-8"))["cases"]
        for row in case.get("transcript_assistant_rows", [])
    ]
    content = b"".join(map(line, recorded))
    assert len(expected(content)) >= 4
    assert told(read(path, content)) == expected(content)


NAMES = st.sampled_from(["msg_1", "msg_2", "msg_3"])
NUMBERS = st.integers(0, 10**9 - 1) | st.sampled_from([None, "5", -1, 1.5, 10**30])
USAGES = st.fixed_dictionaries(
    {},
    optional={key: NUMBERS for key in usage() if key.endswith("_tokens")}
    | {
        "cache_creation": st.dictionaries(
            st.sampled_from(["ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens"]), NUMBERS
        )
        | st.none(),
        "iterations": st.just([{"input_tokens": 1, "output_tokens": 99}]),
        "speed": st.sampled_from(["fast", "standard", None]),
        "later": st.just({"output_tokens": 7}),
    },
)
PARTS = st.recursive(
    st.sampled_from(["text", '"usage":{"output_tokens":5}', "}\\{", 5, None]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["usage", "message", "content", "output_tokens"]), inner)
    ),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "uuid": st.text(max_size=3),
        "gitBranch": st.text(max_size=5),
        "requestSessionId": st.just("other"),
        "isSidechain": st.booleans(),
        "toolUseResult": PARTS,
        "parentUuid": st.text(max_size=3),
    },
)


@st.composite
def rows(draw: st.DrawFn) -> object:
    """Rows in usual and in strange forms."""
    made = row(
        draw(NAMES),
        draw(st.sampled_from(["req_1", "req_2", None])),
        content=draw(st.lists(PARTS, max_size=2)),
        model=draw(st.sampled_from(["claude-opus-5-5", "<synthetic>", "é", None])),
        usage=usage(draw(st.integers(0, 20)), **draw(USAGES)),
        type=draw(st.sampled_from(["assistant"] * 4 + ["user", "progress"])),
        **draw(FIELDS),
    )
    for gone in draw(st.sets(st.sampled_from(["timestamp", "message", "sessionId", "cwd"]))):
        if draw(st.integers(0, 4)) == 0:
            del made[gone]
    if "requestSessionId" not in made and draw(st.integers(0, 3)) == 0:
        return {key: made[key] for key in draw(st.permutations(list(made)))}
    return made


OTHERS = st.builds(
    lambda parent, told: {"parentUuid": parent, **told},
    st.sampled_from([None, "p", "parent"]),
    st.sampled_from(
        [
            {"message": {"role": "user", "content": "Go on."}},
            {"attachment": {"type": "file"}},
            {"attachment": {"message": {"role": "user", "usage": usage()}}},
            {"type": "progress", "data": {"message": {"type": "assistant", "usage": usage()}}},
            {},
        ]
    ),
)
"""Rows of prompts, and of what isn't of the model: short, so that the next begins early."""


@given(st.lists(rows() | OTHERS | PARTS, max_size=8), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_any_rows_are_read_as_they_are_parsed(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object], signs: tuple[str, str]
) -> None:
    """Whatever the order of fields, whatever is missing, and whatever tools have said.

    Nor does it matter what was read before.
    """
    lines = [json.dumps(row, separators=signs).encode() + b"\n" for row in rows]
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    scanner = Scanner([])
    for content in (b"".join(lines), b"".join(lines[::-1])):
        path.write_bytes(content)
        assert told(scanner.scan(str(path))) == expected(content)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"type": "user"},
        {"type": "progress"},
        {"model": "claude-haiku-5-5"},
        {"model": "<synthetic>"},
        {"usage": usage(speed="fast")},
        {"usage": usage(stop={"speed": "standard"})},
        {"timestamp": "2026-11-20T10:00:00Z"},
        {"timestamp": "2026-11-20T11:00:00.1+01"},
        {"timestamp": "2026-11-20T10:00:00.1234"},
        {"timestamp": "20261120T100000.1234567Z"},
        {"sessionId": "t"},
        {"sessionId": "t", "requestSessionId": "r"},
        {"cwd": "/home/user/another"},
        {"cwd": '/home/"user"/project'},
        {"parentUuid": "9c5f1f5c-7f3b-4b7e-9d0e-3b1f0c5a1d2e"},
        {"isSidechain": True},
        {"content": [usage(40)]},
        {"content": "}" * 40},
        {"toolUseResult": {"usage": usage(40)}},
    ],
    ids=str,
)
@pytest.mark.parametrize("request_", ["req_2", None])
@pytest.mark.parametrize("name", ["msg_2", "", 'msg_"2"'])
def test_an_answer_like_the_one_before_is_read_for_what_it_tells(
    path: Path, other: dict[str, Any], request_: str | None, name: str
) -> None:
    """What stands around its name and its time isn't looked at twice."""
    content = line(row()) + line(row(name, request_, **other)) + line(row("msg_3", "req_3"))
    assert told(read(path, content)) == expected(content)


@pytest.mark.parametrize(
    ("name", "request_"), [("msg_1", "req_2"), ("msg_2", "req_1"), ("msg_1", None)]
)
def test_requests_that_use_as_much_are_not_one(path: Path, name: str, request_: str | None) -> None:
    """Two answers count twice, also if nothing else tells them apart than one of their names."""
    found = read(path, line(row()) * 2 + line(row(name, request_)) * 2)
    assert len(told(found)) == 2


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_are_fatal(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    whole = line(row("msg_1")) + line(row("msg_2"))
    content = whole[:place] + noise + whole[place:]
    read(tmp_path_factory.getbasetemp() / "noise.jsonl", content)


def in_front(made: dict[str, Any], *names: str) -> dict[str, Any]:
    """A row with some of its fields before the time."""
    first = {name: made[name] for name in ("parentUuid", "isSidechain", "message", *names)}
    return first | made


def split(**tokens: int) -> dict[str, Any]:
    told = {f"ephemeral_{name}": each for name, each in tokens.items()}
    return usage(cache_creation_input_tokens=0, cache_creation=told)


def without(made: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in made.items() if name not in names}


ALIKE = {
    "other digits in a name": (
        row("msg_1", usage=split(**{"2h_input_tokens": 20, "5m_input_tokens": 1})),
        row("msg_2", usage=split(**{"1h_input_tokens": 20, "5m_input_tokens": 1})),
    ),
    "names in another order": (
        row("msg_1", usage=split(**{"5m_input_tokens": 10, "30m_input_tokens": 20})),
        row("msg_2", usage=split(**{"30m_input_tokens": 10, "5m_input_tokens": 20})),
    ),
    "digits that move": (
        row("msg_1", usage={"tier": "t1", "output_tokens": 7, "input_tokens": 5, "geo": "g"}),
        row("msg_2", usage={"tier": "t", "output_tokens": 7, "input_tokens": 5, "geo": "g1"}),
    ),
    "digits in the mode": (
        row("msg_1", usage=usage(speed="fast", inference_geo="us1")),
        row("msg_2", usage=usage(speed="fast2", inference_geo="us")),
    ),
    "a sign like ours": (row("msg_1", usage=usage(input_tokens="#1")), row("msg_2")),
    "percent": (
        row("msg_1", usage=usage(inference_geo="%d %b")),
        row("msg_2", usage=usage(inference_geo="%d %b")),
    ),
    "a time that is none": (row(timestamp="2026-13-20T10:00:00.123Z"), row()),
    "a request by its number": (row(requestId=5), row(requestId=6)),
    "a request with a quote": (row(request='a"b'), row(request='a"c')),
    "a session in front of the time": (
        in_front(row("msg_1", requestSessionId="first"), "requestSessionId"),
        in_front(row("msg_2", requestSessionId="other"), "requestSessionId"),
    ),
    "use that isn't the message's": (
        in_front(
            row("msg_1", draft={"stop_sequence": None, "usage": {"output_tokens": 9}}), "draft"
        ),
        row("msg_2"),
    ),
    "another request, in as many bytes": (
        in_front(row("msg_1", draft="n" * 18), "draft"),
        in_front(row("msg_2", draft={"requestId": "evil"}), "draft"),
    ),
    "a field of the row's in front": (
        row("msg_1"),
        {"parentUuid": "p", "requestSessionId": "t", **without(row("msg_2"), "parentUuid")},
    ),
    "no parent": (
        without(row("msg_1"), "parentUuid", "isSidechain"),
        {"parentUuid": "p", "requestId": "r", **without(row("msg_2"), "isSidechain", "requestId")},
    ),
    "a first field of another name": (
        row("msg_1", None, parentUuid="12345678"),
        {"requestId": "123456789", **without(row("msg_2"), "parentUuid", "requestId")},
    ),
}
"""Two rows, of which neither is to be taken for the other."""


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("rows", ALIKE.values(), ids=ALIKE)
def test_what_only_looks_alike_is_read_for_itself(
    path: Path, rows: tuple[dict[str, Any], ...], turned: bool
) -> None:
    """In one transcript, and in two that are read one after the other."""
    lines = [*map(line, rows[::-1] if turned else rows)]
    assert told(read(path, b"".join(lines))) == expected(b"".join(lines))
    scanner = Scanner([])
    for words in lines:
        path.write_bytes(words)
        assert told(scanner.scan(str(path))) == expected(words)


@pytest.mark.parametrize(
    "long",
    [row(usage=usage(later="x" * 5_000)), row(model="x" * 5_000)],
    ids=["end", "start"],
)
def test_what_is_long_is_not_remembered(path: Path, long: dict[str, Any]) -> None:
    """Else a few odd rows would fill the memory."""
    path.write_bytes(line(long))
    scanner = Scanner([])
    assert told(scanner.scan(str(path))) == expected(line(long))
    remembered = [*scanner._forms, *(each for around in scanner._models for each in around)]
    assert max(map(len, remembered), default=0) < 5_000


@pytest.mark.parametrize("place", [b'"iterations":', b'"sessionId":', b'"id":'])
def test_brackets_without_end_are_not_fatal(path: Path, place: bytes) -> None:
    deep = line(row("msg_2")).replace(place, place + b"[" * 100_000)
    found = read(path, line(row("msg_1")) + deep + line(row("msg_3")))
    assert len(told(found)) == 2
    assert found["invalid"] == 1


@pytest.mark.parametrize(
    ("damaged", "counted"),
    [
        (b"[" * 100_000, (0, 0, 1)),
        (b'{"type":"assistant","message":{"usage":{"output_tokens":1}\n', (1, 0, 0)),
        (b"\x00\x00\xff\n", (1, 0, 0)),
        (b"[" * 100_000 + b"\n", (1, 0, 0)),
        (b"\n  \n\r\n", (0, 0, 0)),
        (line(row("msg_3", timestamp="yesterday")), (0, 1, 0)),
        (line(row("msg_3", model=None)), (0, 1, 0)),
        (line(row(usage=None) | {"output_tokens": 1}), (0, 1, 0)),
        (line(row("msg_3", timestamp="0001-01-01T00:00:00")), (0, 1, 0)),
        (line({"type": "cost-state", "modelUsage": 5}), (0, 1, 0)),
        (b'{"type":"assistant","mess', (0, 0, 1)),
    ],
)
def test_what_cannot_be_read_is_counted_and_nothing_else_is_lost(
    path: Path, damaged: bytes, counted: tuple[int, int, int]
) -> None:
    found = read(path, line(row("msg_1")) + line(row("msg_2")) + damaged)
    assert (found["invalid"], found["unknown"], found["cut"]) == counted
    assert len(told(found)) == 2


def read_on(path: Path, content: bytes, place: int) -> Found:
    """Read a transcript in two turns, as `ccfb.report.update` does."""
    before = read(path, content[:place])
    path.write_bytes(content)
    return Scanner([]).scan(str(path), before if before["end"] else NOTHING)


def test_a_last_line_without_its_end_counts_and_is_read_again(path: Path) -> None:
    """It may go on, or go away: then all is read anew."""
    content = line(row("msg_1"))
    first = read(path, content + line(row("msg_2")).rstrip())
    assert len(told(first)) == 2
    assert first["end"] == 0
    content += line(row("msg_2"))
    for more in (b"", line(row("msg_3"))):
        assert read_on(path, content + more, len(content) - 1) == read(path, content + more)
    assert len(told(read_on(path, content + more, len(content) - 1))) == 3


@given(st.lists(rows(), max_size=6), st.integers(0, 4_000))
def test_reading_on_finds_what_reading_anew_does(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object], place: int
) -> None:
    """Wherever a transcript ended when it was read before."""
    path = tmp_path_factory.getbasetemp() / "growing.jsonl"
    content = b"".join(map(line, rows))
    assert read_on(path, content, place) == read(path, content)


BEHIND = {
    "a small row": {"type": "mode", "mode": "normal", "sessionId": "s"},
    "a prompt": row(type="user", message={"role": "user", "content": "go on"}, requestId=None),
    "a note": without(row(type="system", subtype="note"), "message"),
    "the same answer": row(uuid="v"),
    "another answer": row("msg_2", "req_2", uuid="v"),
}


@pytest.mark.parametrize("output", [11, 7])
@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_a_line_that_was_torn_is_read_the_same_at_any_time(
    path: Path, behind: dict[str, Any], output: int
) -> None:
    """Wherever, and whether or not the answer that it is of was read before, or just now."""
    before, answer, rest = line(row(usage=usage(output))), line(row()), line(behind) * 2
    for place in range(1, len(answer)):
        for torn in (answer[:place], answer[place:]):
            found = read(path, before + torn + rest)
            assert read_on(path, before + torn + rest, len(before)) == found
            assert read(path, torn + rest)["invalid"] == found["invalid"]


def test_the_folder_is_known_wherever_it_stands(path: Path) -> None:
    for made in (row(), in_front(row(), "cwd")):
        assert read(path, line(made))["folder"] == "/home/user/project"


def test_a_subagent_and_a_copy_belong_to_the_session_that_asked(path: Path) -> None:
    found = read(path, line(row(sessionId="copy", requestSessionId="first", isSidechain=True)))
    assert found["kinds"][0][0] == "first"


@given(
    st.dictionaries(
        st.sampled_from([*usage()]),
        NUMBERS
        | st.dictionaries(
            st.sampled_from(["ephemeral_1h_input_tokens", "web_search_requests"]), NUMBERS
        ),
    )
)
def test_tokens_are_those_that_are_priced(usage: dict[str, Any]) -> None:
    read = prices.usage_of(usage)
    known = [read.output, read.input, read.cache_read]
    known += [read.cache_write_5m, read.cache_write_1h, read.web_searches]
    assert answer.tokens(usage) == tuple(n if n < 10**9 else 0 for n in known)


def sent(at: float, kind: str = "user") -> bytes:
    stamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return line({"parentUuid": None, "type": kind, "timestamp": stamp})


def answered(at: float, name: str) -> bytes:
    stamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return line(row(name, name, timestamp=stamp))


def test_a_request_is_billed_to_who_was_billed_when_it_was_sent(path: Path) -> None:
    """Its answer may come long after the switch, or after the way back."""
    turns = [(round(AT * 1000), 7), (round((AT + 600) * 1000), 0)]
    content = (
        sent(AT - 30) + answered(AT + 20, "before")
        + sent(AT + 25) + answered(AT + 30, "during")
        + line({"type": "mode", "sessionId": "s"})
        + sent(AT + 595, "attachment") + answered(AT + 700, "still")
        + sent(AT + 701) + answered(AT + 702, "after")
    )  # fmt: skip
    found = read(path, content, turns)
    billed = {key: found["kinds"][kind][3] for key, _, kind, *_ in each(found["rows"])}
    assert billed == {
        number(name.encode() * 2): switch
        for name, switch in {"before": 0, "during": 7, "still": 7, "after": 0}.items()
    }


def test_the_budget_counts_the_same_requests(made: Any) -> None:
    """Two readers of one house: what the budget takes for billed, the report does, too."""
    truth, folder = made
    moments = sorted(answer.at for answer in truth.answers.values())
    since, until = moments[len(moments) // 3], moments[len(moments) // 2]
    scanner = Scanner([(round(since * 1000), 1), (round(until * 1000), 0)])
    billed = set()
    for transcript in (folder / "projects").rglob("*.jsonl"):
        found = scanner.scan(str(transcript))
        billed |= {key for key, _, kind, *_ in each(found["rows"]) if found["kinds"][kind][3]}
    metered = messages(folder / "projects", since, until)
    assert billed == {number("".join(message.id).encode()) for message in metered}
    assert billed


def test_an_account_is_read_where_it_stands(path: Path) -> None:
    """What comes after it belongs to a later one."""
    account = {
        "type": "cost-state",
        "sessionId": "s",
        "startTime": 5,
        "modelUsage": {"claude-opus-5[1m]": {"inputTokens": 1, "costUSD": 0.5}},
    }
    later = row("msg_2", timestamp="2026-11-20T11:00:00Z")
    found = read(path, line(row("msg_1")) + line(account) + line(later))
    models = {"claude-opus-5": [1, 0, 0, 0, 0, 0.5]}
    assert found["states"] == [(5, "s", round(AT * 1000) + 123, models)]


def test_a_transcript_is_known_again_by_what_stands_before_its_end(path: Path) -> None:
    found = read(path, line(row("msg_1")) * 3)
    file = os.open(path, os.O_RDONLY)
    assert scan.guard_of(file, found["end"]) == found["guard"]
    assert scan.guard_of(file, found["end"] - 1) != found["guard"]
    os.close(file)
    assert read(path, b"")["end"] == NOTHING["end"]
