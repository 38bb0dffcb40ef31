"""What a collector is sent: everything once, in OpenTelemetry's own form, and no secret shown."""

import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from filelock import FileLock
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_INFO
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA
from syrupy.assertion import SnapshotAssertion

from ccfb import files, paths
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.errors import CcfbError
from ccfb.report import collect, ledger
from ccfb.report.export import otlp, points, send
from ccfb.report.export.rows import Numbers
from ccfb.report.export.target import resource, target
from ccfb.report.model import Event, Request
from cli.console import Result, environment
from report import collector, corpus
from report.collector import Answer, Collector, attributes

Export = Callable[..., Result]

SECRET = "Bearer sk-collector-1234"
USAGE = "gen_ai.client.inference.usage"


@pytest.fixture(autouse=True)
def made(home: Path) -> corpus.Corpus:
    made = corpus.make(home / ".claude", size=150_000, sessions=8)
    half = made.dice.choice([answer.at for answer in made.answers.values()])
    happened(
        Entry(id=1, at=half, event="limit", window="five_hour", resets_at=half + 9_000),
        Entry(id=2, at=half, event="switch", provider="anthropic", reason="limit"),
    )
    return made


@pytest.fixture
def place() -> Iterator[Collector]:
    with collector.running() as place:
        yield place


@pytest.fixture
def export(home: Path, place: Collector) -> Export:
    """Run `ccfb export --otlp` in a process of its own."""

    def run(*arguments: str, url: str = place.url, **variables: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "ccfb", "export", "--otlp", url, *arguments],
            env=environment(home, **variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def happened(*entries: Entry) -> None:
    files.make_own_dir()
    store.append(list(entries))


def known() -> Counter[tuple[Any, ...]]:
    """What a report knows."""
    request = Request((paths.projects(),), by="day")
    found: Counter[tuple[Any, ...]] = Counter()
    for each in collect.collect(request, points.utc, lambda _done, _total: None).sums:
        written = each.cache_write_5m + each.cache_write_1h
        found[f"{USAGE}.input_tokens",] += each.input + each.cache_read + written
        found[f"{USAGE}.output_tokens",] += each.output
        found[f"{USAGE}.cache_read.input_tokens",] += each.cache_read
        found[f"{USAGE}.cache_write.input_tokens",] += written
        found["ccfb.requests",] += each.requests
        found["ccfb.requests.unpriced",] += each.unpriced
        found["ccfb.cost",] += each.cost
    return +found


def told(place: Collector) -> Counter[tuple[Any, ...]]:
    """What the collector has been told in all."""
    found = place.sums()
    found["ccfb.cost",] = round(found["ccfb.cost",] * 10**12)
    return found


def same(one: Counter[tuple[Any, ...]], other: Counter[tuple[Any, ...]]) -> bool:
    """Equal but for what floating point makes of costs."""
    cost = ("ccfb.cost",)
    return abs(one.pop(cost) - other.pop(cost)) < 1_000 and one == other


def work(home: Path, seed: int) -> None:
    """Another session, in the same days."""
    corpus.make(home / ".claude", size=40_000, sessions=2, seed=seed)


def disjoint(place: Collector) -> bool:
    """Whether no two points of a series overlap in time, and all have their time."""
    return all(
        all(point.since <= point.until for point in each)
        and all(one.until <= other.since for one, other in pairwise(sorted(each)))
        for each in place.points().values()
    )


# What it gets


def test_a_collector_gets_what_a_report_says(export: Export, place: Collector) -> None:
    done = export()
    assert done.code == 0, done.err
    assert same(told(place), known())
    assert disjoint(place)


def test_the_form_is_opentelemetrys(export: Export, place: Collector) -> None:
    """The official messages read all of it, and it is what they call a delta."""
    export("--machine", "box")
    assert {request.headers["content-type"] for request in place.requests} == {"application/json"}
    assert {request.path for request in place.requests} == {"/v1/metrics", "/v1/logs"}
    for source, metric in place.metrics():
        assert attributes(source)["host.name"] == "box"
        assert attributes(source)["service.name"] == "ccfb"
        assert metric.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA
        assert metric.sum.is_monotonic
        assert metric.unit
        assert metric.description
        assert all(point.WhichOneof("value") for point in metric.sum.data_points)


def test_words_and_units_stay(snapshot: SnapshotAssertion) -> None:
    """Dashboards rely on them."""
    series = points.Series("/p/-home-user-shop", "claude-opus-5-5", "anthropic", background=False)
    day = 1_795_132_800.0
    point = points.Point(day, day + 9_000, series, Numbers(2, 1, 30, 4, 50, 6, 7, 8, 10**11), ())
    event = Event(3, day + 1, "limit", None, "five_hour", day + 9_000, "limit", 0.5)
    machine = {"service.name": "ccfb", "service.version": "1", "host.name": "box"}
    assert otlp.metrics([point], {series.project: "shop"}, machine) == snapshot(name="metrics")
    assert otlp.logs([event], day + 2, machine) == snapshot(name="logs")


def test_projects_of_one_name_are_added_up() -> None:
    one, other = (points.Series(folder, "m", "anthropic", background=False) for folder in "ab")
    grown = [points.Point(0, 1, each, Numbers(1, *[0] * 8), ()) for each in (one, other)]
    message = otlp.metrics(grown, {"a": "shop", "b": "shop"}, {})
    (metric,) = message["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    (told,) = metric["sum"]["dataPoints"]
    assert told["asInt"] == "2"


def test_attributes_follow_the_conventions(export: Export, place: Collector) -> None:
    export()
    series = [dict(rest) for _, *rest in place.points()]
    for each in series:
        assert each["gen_ai.operation.name"] == "chat"
        assert each["gen_ai.provider.name"] in {"anthropic", "openrouter"}
        assert each["ccfb.billing"] in {"anthropic", "subscription"}
    assert {each["gen_ai.request.model"] for each in series} > {"claude-opus-5-5"}
    assert {each["ccfb.project"] for each in series} <= {Path(p).name for p in corpus.PROJECTS}
    tokens = [rest for name, *rest in place.points() if name.startswith("gen_ai.")]
    assert all(dict(rest)["gen_ai.token.modality"] == "unknown" for rest in tokens)


def test_what_a_key_paid_is_kept_apart(export: Export, place: Collector) -> None:
    export()
    billed = place.sums("ccfb.billing")
    assert billed["ccfb.requests", "anthropic"]
    assert billed["ccfb.requests", "subscription"]
    assert (
        billed["ccfb.requests", "anthropic"] + billed["ccfb.requests", "subscription"]
        == (place.sums()["ccfb.requests",])
    )


def test_events_are_told_without_their_words(export: Export, place: Collector) -> None:
    happened(Entry(id=3, at=9.0, event="unknown_limit", text="a text of the client's"))
    export()
    limit, switch, unknown = place.records()
    assert [each.event_name for each in place.records()] == [
        "ccfb.limit",
        "ccfb.switch",
        "ccfb.unknown_limit",
    ]
    assert attributes(limit)["event.name"] == "ccfb.limit"
    assert attributes(limit)["ccfb.window"] == "five_hour"
    assert attributes(limit)["ccfb.resets_at"] * 10**9 > limit.time_unix_nano
    assert attributes(switch)["ccfb.provider"] == "anthropic"
    assert attributes(switch)["ccfb.reason"] == "limit"
    assert limit.severity_number == SEVERITY_NUMBER_INFO
    assert unknown.time_unix_nano == 9 * 10**9
    assert b"of the client's" not in place.requests[-1].body


def test_a_day_in_parts(export: Export, place: Collector) -> None:
    """Only some days, some projects, or one of the two kinds."""
    export("--what", "events")
    assert {request.path for request in place.requests} == {"/v1/logs"}
    export("--what", "usage", "--since", "2026-09-20", "--until", "2026-10-10")
    middle = told(place)
    assert 0 < middle["ccfb.requests",] < known()["ccfb.requests",]
    export()
    assert same(told(place), known())


# Everything once


def test_a_second_export_sends_nothing(export: Export, place: Collector) -> None:
    """Whatever the order of events in time."""
    happened(Entry(id=3, at=9.0, event="revert"))
    export()
    before = len(place.requests)
    done = export()
    assert done.out == f"Nothing is new for {place.url}.\n"
    assert len(place.requests) == before


def test_only_what_is_new_is_sent(home: Path, export: Export, place: Collector) -> None:
    """Whatever day it falls on: none is sent twice, and none of it overlaps in time."""
    for seed in (7, 8, 9):
        export()
        assert same(told(place), known())
        work(home, seed)
        happened(Entry(id=seed, at=1_795_168_800.0 + seed, event="revert", reason="reset"))
    export()
    assert same(told(place), known())
    assert disjoint(place)
    assert len(place.records()) == 5


def test_a_ledger_that_begins_anew_is_followed(export: Export, place: Collector) -> None:
    export()
    Path(paths.own("ledger.jsonl")).unlink()
    happened(Entry(id=1, at=1_795_168_800.0, event="limit"))
    export()
    assert len(place.records()) == 3
    assert export().out.startswith("Nothing is new")


def test_a_changed_name_sends_nothing_again(export: Export, place: Collector) -> None:
    export()
    before = len(place.requests)
    export("--project-names", "hash", "--machine", "another")
    assert len(place.requests) == before


def test_each_collector_gets_everything(export: Export, place: Collector) -> None:
    export()
    with collector.running() as other:
        export(url=other.url)
        assert told(other) == told(place)


def test_two_exports_at_once_send_it_once(home: Path, place: Collector) -> None:
    command = [sys.executable, "-m", "ccfb", "export", "--otlp", place.url]
    both = [subprocess.Popen(command, env=environment(home)) for _ in range(2)]
    assert [each.wait(timeout=60) for each in both] == [0, 0]
    assert same(told(place), known())


def test_while_another_export_runs_nothing_is_sent(
    place: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "PATIENCE", 0.1)
    events = ledger.events((paths.projects(),))
    with FileLock(paths.own("export.lock")), pytest.raises(CcfbError) as refused:
        list(send.deliver(send.Shipment({}, {}, events), target(place.url, (), {}), {}, 1.0))
    assert refused.value.reference == "export-running"
    assert not place.requests


def test_a_machine_that_has_nothing_sends_nothing(place: Collector, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ccfb", "export", "--otlp", place.url],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not place.requests


# When it is refused


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 500])
def test_what_was_refused_is_sent_the_next_time(
    export: Export, place: Collector, status: int
) -> None:
    place.answers = [Answer(status)]
    done = export()
    assert done.code == 1
    assert f"{place.url} refused metrics: status {status}" in done.err
    assert len(place.requests) == 1
    assert export().code == 0
    assert same(told(place), known())
    assert len(place.records()) == 2


def test_events_that_were_refused_are_sent_the_next_time(export: Export, place: Collector) -> None:
    """Without the metrics, which were taken."""
    place.answers = [Answer(), Answer(400)]
    assert "--what usage" in export().err
    assert export().code == 0
    assert [request.path for request in place.requests] == ["/v1/metrics", "/v1/logs", "/v1/logs"]
    assert len(place.records()) == 2


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "--header NAME"), (403, "--header NAME"), (404, "its address")]
)
def test_who_is_refused_is_told_what_to_do(
    export: Export, place: Collector, status: int, advice: str
) -> None:
    place.answers = [Answer(status)]
    assert advice in export().err


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_collector_that_asks_to_wait_is_asked_once_more(
    export: Export, place: Collector, status: int
) -> None:
    place.answers = [Answer(status, headers=(("Retry-After", "0"),))]
    assert export().code == 0
    assert [r.answer.status for r in place.requests] == [status, 200, 200]
    assert same(told(place), known())


def test_a_collector_that_keeps_asking_is_left_alone(export: Export, place: Collector) -> None:
    place.answers = [Answer(503, headers=(("Retry-After", "0"),))] * 2
    assert export().code == 1
    assert len(place.requests) == 2


def test_nobody_waits_for_an_hour(export: Export, place: Collector) -> None:
    place.answers = [Answer(429, headers=(("Retry-After", "3600"),))]
    assert export().code == 1
    assert len(place.requests) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("soon", 1), ("-3", 1), (None, 1), (timedelta(seconds=20), 20), (timedelta(-1), 0)],
)
def test_how_long_a_collector_asks_to_wait(said: object, seconds: float) -> None:
    if isinstance(said, timedelta):
        said = format_datetime(datetime.now(UTC) + said, usegmt=True)
    headers = {"Retry-After": str(said)} if said else {}
    assert abs(send._pause(httpx.Response(429, headers=headers)) - seconds) < 5


def test_what_is_taken_in_part_is_told_and_not_repeated(export: Export, place: Collector) -> None:
    complaint = {"rejectedDataPoints": "3", "errorMessage": "too\x1b[31m old"}
    place.answers = [Answer(body=json.dumps({"partialSuccess": complaint}))]
    done = export()
    assert done.code == 0
    assert f"warning: {place.url} says: 3 were rejected: too[31m old" in done.err
    before = len(place.requests)
    export()
    assert len(place.requests) == before


@pytest.mark.parametrize(
    "body", ["", "ok", "[]", '{"partialSuccess": {}}', '{"partialSuccess": 3}']
)
def test_what_a_collector_mumbles_is_a_yes(export: Export, place: Collector, body: str) -> None:
    place.answers = [Answer(body=body)]
    assert export().err == ""


def test_a_collector_that_is_away_changes_nothing(export: Export, place: Collector) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = export(url=away)
    assert (done.code, done.err.count("\n")) == (1, 2)
    assert f"{away} can't be reached: connection refused. [collector-away]" in done.err
    export()
    assert same(told(place), known())


def test_large_exports_go_in_parts(
    place: Collector, monkeypatch: pytest.MonkeyPatch, made: corpus.Corpus
) -> None:
    """What was taken before one was refused isn't sent again."""
    monkeypatch.setattr(send, "BATCH", 3)
    request = Request((paths.projects(),), by="day")
    found = collect.collect(request, points.utc, lambda _done, _total: None)
    shipment = send.Shipment(points.totals(found, found.sums), {}, found.events)

    def deliver() -> list[send.Delivered]:
        return list(send.deliver(shipment, target(place.url, (), {}), {}, 1_795_168_800.0))

    place.answers = [Answer(), Answer(), Answer(400)]
    with pytest.raises(CcfbError, match="refused"):
        deliver()
    before = len(place.requests)
    assert before == 3
    deliver()
    assert len(place.requests) - before > 3
    assert same(told(place), known())
    assert disjoint(place)


def test_a_damaged_memory_sends_nothing(export: Export, place: Collector) -> None:
    """Everything would be there twice."""
    export()
    before = len(place.requests)
    Path(paths.own("export.json")).write_text('{"version": 2}')
    done = export()
    assert "export-forgotten" in done.err
    assert len(place.requests) == before


# Where to, and as whom


def test_the_environment_says_where_and_as_whom(export: Export, place: Collector) -> None:
    export(
        url="",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"{place.url}/base/",
        OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20abc, x-team=blue",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test,host.name=box%201",
        OTEL_SERVICE_NAME="fleet",
    )
    first = place.requests[0]
    assert first.path == "/base/v1/metrics"
    assert first.headers["authorization"] == "Bearer abc"
    assert first.headers["x-team"] == "blue"
    message = json.loads(first.body)["resourceMetrics"][0]["resource"]["attributes"]
    named = {each["key"]: each["value"]["stringValue"] for each in message}
    assert named.pop("service.version")
    assert named == {
        "service.name": "fleet",
        "deployment.environment": "test",
        "host.name": "box 1",
    }


@pytest.mark.parametrize("more", ["/", "/v1/metrics", "/v1/logs", "//v1/metrics/"])
def test_an_address_with_more_than_it_needs_is_the_same_collector(
    export: Export, place: Collector, more: str
) -> None:
    export(url=f"{place.url}/base")
    assert "Nothing is new" in export(url=f"{place.url}/base{more}").out
    assert {request.path for request in place.requests} == {"/base/v1/metrics", "/base/v1/logs"}


def test_what_is_typed_wins() -> None:
    said = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://elsewhere",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=1,b=2",
        "OTEL_RESOURCE_ATTRIBUTES": "host.name=theirs",
    }
    found = target("https://here/", ["A=3=4"], said)
    assert found.of("logs") == "https://here/v1/logs"
    assert found.headers == {"a": "3=4", "b": "2"}
    assert resource("mine", said)["host.name"] == "mine"
    assert resource(None, said)["host.name"] == "theirs"
    assert resource(None, {})["host.name"] == socket.gethostname()


WRONG: dict[str, tuple[str, list[str], dict[str, str], str]] = {
    "nowhere": ("", [], {}, "no-endpoint"),
    "no scheme": ("localhost:4318", [], {}, "bad-endpoint"),
    "another scheme": ("grpc://localhost:4317", [], {}, "bad-endpoint"),
    "no host": ("https://", [], {}, "bad-endpoint"),
    "no port": ("https://here:port", [], {}, "bad-endpoint"),
    "no number in brackets": ("https://[here", [], {}, "bad-endpoint"),
    "a header without a value": ("https://here", ["a"], {}, "bad-header"),
    "a header in two lines": ("https://here", ["a=b\r\nc: d"], {}, "bad-header"),
    "a header with a blank": ("https://here", ["a b=c"], {}, "bad-header"),
    "no pairs": ("https://here", [], {"OTEL_EXPORTER_OTLP_HEADERS": SECRET}, "bad-header"),
    "in the clear": ("http://here", ["a=b"], {}, "header-in-the-clear"),
    "a password in the clear": ("http://me:pass@here", [], {}, "header-in-the-clear"),
    "a token in the clear": ("http://here/?token=1", [], {}, "header-in-the-clear"),
}


@pytest.mark.parametrize(("url", "headers", "said", "reference"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused(
    url: str, headers: list[str], said: dict[str, str], reference: str
) -> None:
    with pytest.raises(CcfbError) as refused:
        target(url, headers, said)
    assert refused.value.reference == reference
    assert SECRET not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("http://collector:4318", True),
        ("http://10.0.0.3:4318", True),
        ("https://collector", False),
        ("http://localhost:4318", False),
        ("http://127.0.0.5", False),
        ("http://[::1]:4318", False),
    ],
)
def test_who_could_read_along(url: str, clear: bool) -> None:
    assert target(url, (), {}).in_the_clear == clear


def test_others_who_could_read_along_are_told_of(export: Export) -> None:
    assert "anybody can read along" in export(url="http://collector.invalid").err


@pytest.mark.parametrize("status", [200, 401])
def test_a_secret_stays_one(home: Path, export: Export, place: Collector, status: int) -> None:
    """Of headers and of the address: in no output, no file and no other request."""
    place.answers = [Answer(status, body=f'{{"message": "{SECRET}"}}')]
    address = place.url.replace("://", "://me:hunter2@")
    done = export("--header", f"X-Key={SECRET}", url=f"{address}?token=hunter2")
    assert place.requests[0].headers["x-key"] == SECRET
    kept = [path.read_bytes() for path in (home / ".claude" / "ccfb").iterdir()]
    for text in (done.out.encode(), done.err.encode(), *kept):
        assert SECRET.encode() not in text
        assert b"hunter2" not in text
    assert all(SECRET.encode() not in request.body for request in place.requests)
