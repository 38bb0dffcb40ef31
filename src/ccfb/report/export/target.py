"""Where to send, and as whom: options, and OpenTelemetry's own environment variables."""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from ipaddress import ip_address
from socket import gethostname
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from ccfb.errors import CcfbError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
SERVICE = "OTEL_SERVICE_NAME"

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header may be called."""

SIGNAL = re.compile(r"/*(/v1/(metrics|logs))?/*\Z")
"""What an address may end with; a collector is known by the rest."""


class Target(NamedTuple):
    """A collector. Its address and its headers may hold secrets: only `place` is ever shown."""

    url: SplitResult
    headers: dict[str, str]

    @property
    def place(self) -> str:
        """The address as far as it is no secret."""
        return f"{self.url.scheme}://{self.url.netloc.rpartition('@')[2]}"

    @property
    def in_the_clear(self) -> bool:
        """Whether others can read along."""
        return self.url.scheme == "http" and not _loopback(self.url.hostname or "")

    def of(self, signal: str) -> str:
        """The URL for metrics, or for logs."""
        return self.url._replace(path=f"{self.url.path}/v1/{signal}").geturl()


def target(url: str, headers: Iterable[str], environment: Mapping[str, str]) -> Target:
    """Where to send.

    Args:
        url: With or without `/v1/metrics` or `/v1/logs`; empty: the environment says it.
        headers: As in `name=value`; they win over those of the environment.
        environment: Variables.

    Raises:
        CcfbError: `no-endpoint`, `bad-endpoint`, `bad-header` or `header-in-the-clear`.
    """
    address = url or environment.get(ENDPOINT, "")
    if not address:
        hint = f"ccfb export --otlp http://localhost:4318, or set {ENDPOINT}."
        raise CcfbError("no-endpoint", "It isn't said where to send.", hint)
    given = dict(_headers(_pairs(environment.get(HEADERS, ""), HEADERS)))
    given.update(_headers(header.partition("=")[::2] for header in headers))
    found = Target(_split(address), given)
    if found.in_the_clear and (given or "@" in found.url.netloc or found.url.query):
        raise CcfbError(
            "header-in-the-clear",
            f"On the way to {found.place} anybody could read the headers.",
            "Take https, or send to a collector on this machine.",
        )
    return found


def resource(machine: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """What stands for this machine, by name.

    Args:
        machine: How it is to be called; None: as the environment says, else its host name.
        environment: Variables.

    Raises:
        CcfbError: `bad-header`, if the environment can't be understood.
    """
    said = dict(_pairs(environment.get(RESOURCE, ""), RESOURCE))
    if environment.get(SERVICE):
        said["service.name"] = environment[SERVICE]
    return {
        "service.name": "ccfb",
        "service.version": version("ccfb"),
        "host.name": gethostname(),
        **said,
        **({"host.name": machine} if machine else {}),
    }


def _split(address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        good = url.scheme in {"http", "https"} and url.hostname and (url.port or True)
    except ValueError:
        good = False
    if not good:
        hint = "It is like http://localhost:4318."
        raise CcfbError("bad-endpoint", "The address of the collector is none.", hint)
    return url._replace(path=SIGNAL.sub("", url.path))


def _pairs(text: str, variable: str) -> Iterator[tuple[str, str]]:
    """What a variable says, as in `name=value,name=value`; values are percent-encoded."""
    for pair in filter(None, map(str.strip, text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise CcfbError("bad-header", f"{variable} isn't like name=value,name=value.")
        yield name.strip(), unquote(value.strip())


def _headers(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        good = value and value.isprintable() and value.isascii()
        if not good or not TOKEN.fullmatch(name):
            hint = f"It is like name=value. What is secret belongs into {HEADERS}."
            raise CcfbError("bad-header", "A header can't be sent as it is.", hint)
        yield name.lower(), value


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
