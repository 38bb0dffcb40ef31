"""A fake Anthropic API on loopback, behind a CONNECT proxy that lets nothing else through.

The client runs with its default host and its default login; the proxy answers for that host
itself, with a certificate from an authority made for this one run. What the subscription answers
is a `Plan` that the scenario changes while the client works.
"""

import contextlib
import dataclasses
import hashlib
import json
import re
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self, cast
from urllib.parse import urlsplit

import trustme

ANTHROPIC = "api.anthropic.com"
OPENROUTER = "openrouter.ai"
MESSAGES = ("/v1/messages", "/api/v1/messages")
SUBSCRIPTION_TOKEN = "sk-ant-oat01"  # noqa: S105 - how every such token begins
WARNING_PERCENT = 90.0

Billing = Literal["subscription", "key"]
Block = dict[str, Any]

_WINDOW_SECONDS = {"five_hour": 5 * 3600.0}
_WEEK_SECONDS = 7 * 86400.0
_HEADER_NAME = {"five_hour": "5h", "seven_day": "7d"}
_LOOP = re.compile(r"LOOP(\d+)")
_BILLING_HEADER = "x-anthropic-billing-header:"  # another with each request, and never cached


@dataclasses.dataclass
class Window:
    """One window of a plan.

    Args:
        utilization: Percent, 0-100; may be more.
        resets_at: Seconds since the epoch, UTC.
    """

    utilization: float
    resets_at: float

    def spent(self, now: float) -> bool:
        """Whether a request at `now` is refused."""
        return self.utilization >= 100 and self.resets_at > now  # noqa: PLR2004 - percent


class Plan:
    """What a subscription has left; changed by the scenario while the client runs.

    Args:
        five_hour: The five-hour window; fresh if not given.
        seven_day: The weekly window; fresh if not given.
    """

    def __init__(self, five_hour: Window | None = None, seven_day: Window | None = None) -> None:
        now = time.time()
        self.windows = {
            "five_hour": five_hour or Window(10, now + _length("five_hour")),
            "seven_day": seven_day or Window(10, now + _length("seven_day")),
        }

    def limit(self, window: str, resets_at: float) -> None:
        """Spends a window at once.

        Args:
            window: `five_hour`, `seven_day`, or a model's own, such as `seven_day_opus`.
            resets_at: Seconds since the epoch, UTC.
        """
        self.windows[window] = Window(100, resets_at)

    def headers(self, now: float) -> tuple[bool, dict[str, str]]:
        """What the API says about the plan with an answer given at `now`.

        The names and values are those seen by 2.1.88 to 2.1.329.

        Returns:
            Whether the request is refused, and the `anthropic-ratelimit-unified-*` headers.
        """
        for name, window in list(self.windows.items()):
            if window.resets_at <= now:
                self.windows[name] = Window(0, now + _length(name))
        windows = dict(self.windows)
        claim = max(windows, key=lambda name: (windows[name].spent(now), windows[name].utilization))
        headers = {
            "status": _status(windows[claim], now),
            "reset": str(int(windows[claim].resets_at)),
            "representative-claim": claim,
            "overage-status": "rejected",
            "overage-disabled-reason": "org_level_disabled",
        }
        for name, short in _HEADER_NAME.items():
            window = windows[name]
            headers[f"{short}-status"] = _status(window, now)
            headers[f"{short}-utilization"] = str(window.utilization / 100)
            headers[f"{short}-reset"] = str(int(window.resets_at))
        refused = windows[claim].spent(now)
        return refused, {f"anthropic-ratelimit-unified-{k}": v for k, v in headers.items()}


def _length(window: str) -> float:
    return _WINDOW_SECONDS.get(window, _WEEK_SECONDS)


def _status(window: Window, now: float) -> str:
    if window.spent(now):
        return "rejected"
    return "allowed_warning" if window.utilization >= WARNING_PERCENT else "allowed"


@dataclasses.dataclass
class Request:
    """A request as it reached the API, and the status it was answered with (0: not yet).

    `at` and `answered_at` are in seconds since the epoch. `path` comes without its query. Names
    of headers are in lower case.
    """

    at: float
    host: str
    path: str
    billing: Billing
    key: str
    raw: bytes = dataclasses.field(repr=False)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    status: int = 0
    answered_at: float = 0.0

    @cached_property
    def body(self) -> dict[str, Any]:
        """The parsed JSON body; empty where there is none."""
        try:
            parsed = json.loads(self.raw)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def model(self) -> str:
        """The model asked for; empty outside of messages."""
        return str(self.body.get("model", ""))

    @property
    def main(self) -> bool:
        """Whether it belongs to an agent loop: titles and quota probes carry no tools."""
        return self.path in MESSAGES and bool(self.body.get("tools"))


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A host that the client asked for and didn't get; `at` in seconds since the epoch."""

    at: float
    host: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer: a recorded failure, or what the API made of a request."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


Reply = Callable[[Request], list[Block]]


def text(words: str) -> Block:
    """A text block."""
    return {"type": "text", "text": words}


def tool_use(name: str, **arguments: Any) -> Block:
    """A call of one of the client's tools."""
    call = f"toolu_{secrets.token_hex(8)}"
    return {"type": "tool_use", "id": call, "name": name, "input": arguments}


def loop(request: Request) -> list[Block]:
    """The default script: a prompt with `LOOP3` gets three `Bash` calls, then a last word.

    The step is read from the conversation, so a turn that goes on after a limit goes on where it
    stopped.
    """
    step = _loop_step(request.body.get("messages", ())) if request.main else None
    if step is None:
        return [text("Understood.")]
    done, total = step
    if done < total:
        return [tool_use("Bash", command=f"echo step {done + 1}", description="One step")]
    return [text(f"Finished all {total} steps.")]


def _loop_step(messages: Iterable[Mapping[str, Any]]) -> tuple[int, int] | None:
    step = None
    for message in messages:
        if message.get("role") != "user":
            continue
        content = message.get("content", "")
        for block in _blocks(content):
            if block.get("type") == "tool_result" and step is not None:
                step = step[0] + 1, step[1]
            found = _LOOP.search(block.get("text", ""))
            if found:
                step = 0, int(found[1])
    return step


class PromptCache:
    """What the API has kept of prompts: each account's own, by model, for as long as it runs.

    As at the real one, a prompt is kept up to its last `cache_control`, and read again as far as
    a later one begins with it. A token is four characters.
    """

    def __init__(self) -> None:
        self._kept: set[bytes] = set()

    def usage(self, request: Request, content: list[Block]) -> dict[str, Any]:
        """What a request used, and from now on finds in the cache.

        Args:
            request: What was asked.
            content: What is answered.
        """
        prefix = hashlib.sha256(f"{request.key} {request.model}".encode())
        ends: list[tuple[bytes, int]] = []  # of each block: what reaches to it, in characters
        marked, hour, sent = 0, False, 0
        for block in _prompt(request.body):
            mark = block.pop("cache_control", None)
            words = _characters(block)
            prefix.update(words.encode())
            sent += len(words)
            ends.append((prefix.digest(), sent))
            if mark:
                marked, hour = len(ends), mark.get("ttl") == "1h"
        kept = dict(ends[:marked])
        read = max((end for digest, end in kept.items() if digest in self._kept), default=0)
        written = max(kept.values(), default=0) - read
        self._kept.update(kept)
        return {
            "input_tokens": max(1, (sent - written - read) // 4),
            "cache_read_input_tokens": read // 4,
            "cache_creation_input_tokens": written // 4,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if hour else written // 4,
                "ephemeral_1h_input_tokens": written // 4 if hour else 0,
            },
            "output_tokens": max(1, sum(len(_characters(block)) for block in content) // 4),
        }


def _prompt(body: Mapping[str, Any]) -> Iterator[Block]:
    """The blocks of a prompt in the order in which they are cached, each one a copy."""
    yield from map(dict, body.get("tools", ()))
    for block in _blocks(body.get("system", ())):
        if not block.get("text", "").startswith(_BILLING_HEADER):
            yield dict(block)
    for message in body.get("messages", ()):
        for block in _blocks(message.get("content", ())):
            yield {"role": message.get("role"), **block}


def _blocks(content: str | Iterable[Block]) -> Iterable[Block]:
    return [text(content)] if isinstance(content, str) else content


def _characters(block: Block) -> str:
    return json.dumps(block, ensure_ascii=False)


class FakeApi:
    """The API and its proxy, in threads of this process, until `close`.

    Args:
        folder: Where `ca.pem` is written, for `NODE_EXTRA_CA_CERTS`; created if missing.
        plan: What the subscription has left; a fresh one if not given.
        hosts: More hosts to answer for, besides Anthropic's and OpenRouter's.
        reply: What the model says.
        delay: Seconds before each answer; may be changed at any time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        plan: Plan | None = None,
        hosts: Iterable[str] = (),
        reply: Reply = loop,
        delay: float = 0.0,
    ) -> None:
        self.plan = plan or Plan()
        self.reply = reply
        self.delay = delay
        self.hosts = frozenset({ANTHROPIC, OPENROUTER, *hosts})
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = folder / "ca.pem"
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.ca)
        self._tls: dict[str, ssl.SSLContext] = {}
        self._cache = PromptCache()
        self._requests: list[Request] = []
        self._refused: list[Refusal] = []
        self._failures: list[tuple[Billing, Answer]] = []
        self._changed = threading.Condition()
        self._server = _Proxy(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def proxy(self) -> str:
        """The proxy's address, for `HTTPS_PROXY`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in the order of arrival."""
        with self._changed:
            return list(self._requests)

    @property
    def main_requests(self) -> list[Request]:
        """The agent loop's requests so far."""
        return [request for request in self.requests if request.main]

    @property
    def refused(self) -> list[Refusal]:
        """Every refused host so far."""
        with self._changed:
            return list(self._refused)

    def fail(
        self,
        billing: Billing,
        status: int,
        *,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answers the next requests for messages on that billing with a failure.

        Args:
            billing: Whose requests fail.
            status: The HTTP status.
            body: The JSON of the answer.
            headers: Headers of the answer.
            times: How many requests; the client repeats some failures by itself.
        """
        answer = Answer(status, body, headers or {})
        with self._changed:
            self._failures += [(billing, answer)] * times

    def recover(self) -> None:
        """No more failures."""
        with self._changed:
            self._failures.clear()

    def wait_for(
        self, wanted: Callable[[Request], bool], timeout: float, since: float = 0.0
    ) -> Request:
        """The first answered request that fits, as soon as there is one.

        Args:
            wanted: Which request.
            timeout: Seconds to wait.
            since: Only requests that arrived then or later; seconds since the epoch.

        Raises:
            TimeoutError: None came in time.
        """

        def find() -> Request | None:
            found = (r for r in self._requests if r.status and r.at >= since and wanted(r))
            return next(found, None)

        with self._changed:
            request = self._changed.wait_for(find, timeout)
        if request is None:
            raise TimeoutError(f"no such request within {timeout:g} s")
        return request

    def close(self) -> None:
        """Stops answering and closes every connection."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tls(self, host: str) -> ssl.SSLContext:
        """The server side of a connection to `host`."""
        with self._changed:
            if host not in self._tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(context)
                self._tls[host] = context
            return self._tls[host]

    def refuse(self, host: str) -> None:
        """Records a host that isn't answered for."""
        with self._changed:
            self._refused.append(Refusal(time.time(), host))
            self._changed.notify_all()

    def answer(self, request: Request) -> Answer:
        """Records a request and decides its answer."""
        with self._changed:
            self._requests.append(request)
            answer = self._decide(request)
        if self.delay:
            time.sleep(self.delay)
        with self._changed:
            request.status, request.answered_at = answer.status, time.time()
            self._changed.notify_all()
        return answer

    def _decide(self, request: Request) -> Answer:
        if request.path.endswith("/count_tokens"):
            return Answer(200, {"input_tokens": 1000})
        if request.path not in MESSAGES:
            return _error(404, "not_found_error", "Not found")
        for number, (billing, failure) in enumerate(self._failures):
            if billing == request.billing:
                del self._failures[number]
                return failure
        headers: dict[str, str] = {}
        if request.billing == "subscription":
            refused, headers = self.plan.headers(request.at)
            if refused:
                return _error(429, "rate_limit_error", _LIMITED, headers)
        elif not request.key:
            return _error(401, "authentication_error", "invalid x-api-key")
        content = self.reply(request)
        usage = self._cache.usage(request, content)
        return Answer(200, _message(request, content, usage), headers)


_LIMITED = "This request would exceed your account's rate limit. Please try again later."


def _error(
    status: int, kind: str, message: str, headers: Mapping[str, str] | None = None
) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Answer(status, body, headers or {})


def _message(request: Request, content: list[Block], usage: Mapping[str, Any]) -> dict[str, Any]:
    calls = any(block["type"] == "tool_use" for block in content)
    return {
        "id": f"msg_{secrets.token_hex(10)}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def _events(message: Mapping[str, Any]) -> bytes:
    """The same message as a stream of server-sent events."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        if block["type"] == "tool_use":
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            empty = {**block, "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        events += [
            {"type": "content_block_start", "index": index, "content_block": empty},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: FakeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.api = api
        self.open: set[_Connection] = set()

    def close_connections(self) -> None:
        for connection in list(self.open):
            connection.hang_up()


class _Connection(BaseHTTPRequestHandler):
    """One connection: first `CONNECT`, then, inside the tunnel, requests to that host."""

    protocol_version = "HTTP/1.1"
    tunnel = ""

    @property
    def _proxy(self) -> _Proxy:
        return cast(_Proxy, self.server)

    def setup(self) -> None:
        super().setup()
        self._proxy.open.add(self)

    def handle(self) -> None:
        # The client hangs up when the user presses Esc, and when it ends.
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def finish(self) -> None:
        self._proxy.open.discard(self)
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.connection.close()

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        if host not in self._proxy.api.hosts:
            self._refuse(host)
            return
        self.send_response_only(200)
        self.end_headers()
        self.connection = self._proxy.api.tls(host).wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.tunnel = host
        self.close_connection = False

    def _answer(self) -> None:
        if not self.tunnel:
            self._refuse(urlsplit(self.path).hostname or "")
            return
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        headers = {name.lower(): value for name, value in self.headers.items()}
        billing, key = _billing(headers)
        request = Request(time.time(), self.tunnel, path, billing, key, raw, headers)
        answer = self._proxy.api.answer(request)
        streamed = answer.status == 200 and bool(request.body.get("stream"))  # noqa: PLR2004
        if streamed:
            self._send(answer, _events(answer.body), "text/event-stream")
        else:
            self._send(answer, json.dumps(answer.body).encode(), "application/json")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _send(self, answer: Answer, content: bytes, kind: str) -> None:
        self.send_response(answer.status)
        headers = {"request-id": f"req_{secrets.token_hex(8)}", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, host: str) -> None:
        self._proxy.api.refuse(host)
        self.close_connection = True
        self.send_response_only(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stays silent: the scenario tells the story."""


def _billing(headers: Mapping[str, str]) -> tuple[Billing, str]:
    bearer = headers.get("authorization", "").removeprefix("Bearer").strip()
    if bearer.startswith(SUBSCRIPTION_TOKEN):
        return "subscription", bearer
    return "key", headers.get("x-api-key") or bearer
