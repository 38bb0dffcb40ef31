"""A collector on loopback, which reads what it is sent as OpenTelemetry's own messages do."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

KINDS: dict[str, Any] = {
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


class Answer(NamedTuple):
    """What it says to a request."""

    status: int = 200
    body: str = "{}"
    headers: tuple[tuple[str, str], ...] = ()


class Received(NamedTuple):
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: Answer


class Point(NamedTuple):
    """A data point, without its attributes."""

    since: int
    until: int
    value: Any


class Collector:
    """What it got so far, and what it will say; then it takes everything."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Received] = []
        self.answers: list[Answer] = []

    def taken(self, path: str) -> Iterator[Any]:
        """The messages that it has taken."""
        for request in self.requests:
            if request.path == path and request.answer.status == 200:
                yield json_format.Parse(request.body, KINDS[path]())

    def metrics(self) -> Iterator[tuple[Any, Any]]:
        """Each metric, with its resource."""
        for message in self.taken("/v1/metrics"):
            for resource in message.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        yield resource.resource, metric

    def points(self) -> dict[tuple[Any, ...], list[Point]]:
        """The points of each series, in the order in which they came."""
        found: dict[tuple[Any, ...], list[Point]] = {}
        for _, metric in self.metrics():
            for point in metric.sum.data_points:
                kind = point.WhichOneof("value")
                series = metric.name, *sorted(attributes(point).items())
                since, until = point.start_time_unix_nano, point.time_unix_nano
                found.setdefault(series, []).append(Point(since, until, getattr(point, kind)))
        return found

    def sums(self, *names: str) -> Counter[tuple[Any, ...]]:
        """What each metric comes to, by some attributes."""
        found: Counter[Any] = Counter()
        for (metric, *rest), points in self.points().items():
            known = dict(rest)
            found[metric, *(known.get(name) for name in names)] += sum(
                each.value for each in points
            )
        return found

    def records(self) -> list[Any]:
        """The events, in the order in which they came."""
        return [
            record
            for message in self.taken("/v1/logs")
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of a point, a record or a resource, by name."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in holder.attributes
    }


@contextmanager
def running() -> Iterator[Collector]:
    """A collector that listens as long as this lasts."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = collector.answers.pop(0) if collector.answers else Answer()
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.requests.append(Received(self.path, headers, body, answer))
            self.send_response(answer.status)
            for header in answer.headers:
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
