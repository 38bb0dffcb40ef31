"""The words of OpenTelemetry: requests of OTLP/HTTP in JSON. Pure.

Tokens are the counters of the semantic conventions for generative AI, in their present form:
`gen_ai.client.inference.usage.*`, where what was read from the cache or written to it is a part of
the input. The older `gen_ai.client.token.usage` is a histogram of single requests, which sums
can't be. Metrics that the conventions don't know are called `ccfb.…`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ccfb.report.export.points import Point, Series
from ccfb.report.export.rows import Numbers
from ccfb.report.model import PICO, SUBSCRIPTION, Event

DELTA = 1
"""AGGREGATION_TEMPORALITY_DELTA."""

INFO = 9
"""SEVERITY_NUMBER_INFO."""

Json = dict[str, Any]


class Metric(NamedTuple):
    """A sum that only grows."""

    name: str
    unit: str
    description: str
    of: Callable[[Numbers], float]
    tokens: bool = True


USAGE = "gen_ai.client.inference.usage"

METRICS = (
    Metric(
        f"{USAGE}.input_tokens",
        "{token}",
        "Input tokens, with those read from the cache and written to it.",
        lambda n: n.input + n.cache_read + n.cache_write_5m + n.cache_write_1h,
    ),
    Metric(f"{USAGE}.output_tokens", "{token}", "Output tokens.", lambda n: n.output),
    Metric(
        f"{USAGE}.cache_read.input_tokens",
        "{token}",
        "Input tokens that were read from the cache.",
        lambda n: n.cache_read,
    ),
    Metric(
        f"{USAGE}.cache_write.input_tokens",
        "{token}",
        "Input tokens that were written to the cache.",
        lambda n: n.cache_write_5m + n.cache_write_1h,
    ),
    Metric("ccfb.requests", "{request}", "Requests.", lambda n: n.requests, tokens=False),
    Metric(
        "ccfb.requests.unpriced",
        "{request}",
        "Requests whose price isn't known; they are in no cost.",
        lambda n: n.unpriced,
        tokens=False,
    ),
    Metric("ccfb.web_searches", "{search}", "Web searches.", lambda n: n.searches, tokens=False),
    Metric(
        "ccfb.cost",
        "{USD}",
        "Dollars at the provider's prices, also of what the plan paid for.",
        lambda n: n.cost / PICO,
        tokens=False,
    ),
)


def metrics(points: Iterable[Point], names: Mapping[str, str | None], resource: Json) -> Json:
    """An ExportMetricsServiceRequest.

    Args:
        points: What grew.
        names: How projects are called outside, by the folder of their transcripts.
        resource: What stands for this machine, by name.
    """
    merged: defaultdict[tuple[float, float, Series], list[Numbers]] = defaultdict(list)
    for point in points:  # two projects may be called the same
        series = point.series._replace(project=names.get(point.series.project) or "")
        merged[point.since, point.until, series].append(point.numbers)
    summed = {place: Numbers(*map(sum, zip(*each, strict=True))) for place, each in merged.items()}
    found = []
    for metric in METRICS:
        told = [
            _data_point(metric, *place, metric.of(numbers))
            for place, numbers in summed.items()
            if metric.of(numbers)
        ]
        if told:
            grown = {"aggregationTemporality": DELTA, "isMonotonic": True, "dataPoints": told}
            head = {"name": metric.name, "unit": metric.unit, "description": metric.description}
            found.append({**head, "sum": grown})
    return {"resourceMetrics": [{**_scoped(resource, "scopeMetrics", "metrics", found)}]}


def logs(events: Iterable[Event], now: float, resource: Json) -> Json:
    """An ExportLogsServiceRequest, with an event for each entry of the ledger."""
    records = [_record(event, now) for event in events]
    return {"resourceLogs": [_scoped(resource, "scopeLogs", "logRecords", records)]}


def _scoped(resource: Json, scopes: str, kind: str, found: list[Json]) -> Json:
    scope = {"name": "ccfb", "version": resource.get("service.version", "")}
    return {
        "resource": {"attributes": _attributes(resource)},
        scopes: [{"scope": scope, kind: found}],
    }


def _data_point(metric: Metric, since: float, until: float, series: Series, value: float) -> Json:
    seller = "openrouter" if "/" in series.model else "anthropic"
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": seller if series.billing == SUBSCRIPTION else series.billing,
        "gen_ai.request.model": series.model,
        "gen_ai.token.modality": "unknown" if metric.tokens else None,
        "ccfb.billing": series.billing,
        "ccfb.project": series.project or None,
        "ccfb.background": series.background,
    }
    return {
        "startTimeUnixNano": _nanoseconds(since),
        "timeUnixNano": _nanoseconds(until),
        "attributes": _attributes(attributes),
        **({"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}),
    }


def _record(event: Event, now: float) -> Json:
    name = f"ccfb.{event.event}"
    attributes = {
        "event.name": name,  # where a collector doesn't know the field so far
        "ccfb.provider": event.provider,
        "ccfb.window": event.window,
        "ccfb.resets_at": event.resets_at and int(event.resets_at),
        "ccfb.reason": event.reason,
        "ccfb.dollars": event.dollars,
    }
    return {
        "timeUnixNano": _nanoseconds(event.at),
        "observedTimeUnixNano": _nanoseconds(now),
        "severityNumber": INFO,
        "severityText": "INFO",
        "eventName": name,
        "attributes": _attributes(attributes),
    }


def _attributes(values: Mapping[str, Any]) -> list[Json]:
    """What is None isn't told."""
    return [{"key": key, "value": _value(v)} for key, v in values.items() if v is not None]


def _value(value: object) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _nanoseconds(at: float) -> str:
    return str(round(at * 1000) * 1_000_000)
