"""The fake API: what it answers, what it records, whom it refuses."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from ccfb.drill.api import FakeApi, Plan, Request, Window, text

PLAN = "Bearer sk-ant-oat01-invented"
LIMITS = "anthropic-ratelimit-unified-"
TOOLS = [{"name": "Bash"}]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path / "new") as api:
        yield api


def ask(
    api: FakeApi,
    body: dict[str, Any] | None = None,
    *,
    host: str = "api.anthropic.com",
    path: str = "/v1/messages?beta=true",
    **headers: str,
) -> Reply:
    """One request through the proxy, as the client sends it."""
    proxy = urlsplit(api.proxy)
    trust = ssl.create_default_context(cafile=api.ca)
    connection = http.client.HTTPSConnection(
        proxy.hostname or "", proxy.port, context=trust, timeout=5
    )
    connection.set_tunnel(host, 443)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", path, json.dumps(body or {}), sent or {"Authorization": PLAN})
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, received, answer.read())
    finally:
        connection.close()


def prompt(words: str, *, results: int = 0) -> dict[str, Any]:
    """A conversation that began with `words` and has had some tool calls since."""
    call = {"role": "assistant", "content": [{"type": "tool_use", "name": "Bash"}]}
    result = {"role": "user", "content": [{"type": "tool_result", "content": "step"}]}
    messages = [{"role": "user", "content": words}] + [call, result] * results
    return {"model": "claude-opus", "tools": TOOLS, "messages": messages}


def test_a_message_is_answered_and_recorded(api: FakeApi) -> None:
    before = time.time()
    answer = ask(api, prompt("hello"))
    assert (answer.status, answer.body["content"]) == (200, [text("Understood.")])
    (request,) = api.requests
    assert (request.host, request.path) == ("api.anthropic.com", "/v1/messages")
    assert (request.model, request.main, request.status) == ("claude-opus", True, 200)
    assert before <= request.at <= time.time()


@pytest.mark.parametrize(
    ("headers", "billing", "key"),
    [
        ({"Authorization": PLAN}, "subscription", "sk-ant-oat01-invented"),
        ({"x_api_key": "sk-1", "Authorization": "Bearer sk-1"}, "key", "sk-1"),
        ({"Authorization": "Bearer sk-or-1"}, "key", "sk-or-1"),
    ],
)
def test_who_is_billed_is_seen_at_the_headers(
    api: FakeApi, headers: dict[str, str], billing: str, key: str
) -> None:
    assert ask(api, prompt("hello"), **headers).status == 200
    assert [(r.billing, r.key) for r in api.requests] == [(billing, key)]


def test_an_empty_key_is_refused_as_the_real_api_does(api: FakeApi) -> None:
    assert ask(api, prompt("hello"), Authorization="Bearer ").status == 401


def test_openrouter_is_answered_below_its_own_path(api: FakeApi) -> None:
    answer = ask(api, prompt("hello"), host="openrouter.ai", path="/api/v1/messages", x_api_key="k")
    assert answer.status == 200
    assert [(r.host, r.main) for r in api.requests] == [("openrouter.ai", True)]


def test_other_paths_are_not_found(api: FakeApi) -> None:
    assert ask(api, path="/api/oauth/profile").status == 404


def test_housekeeping_is_answered_but_is_no_main_request(api: FakeApi) -> None:
    title = {
        "model": "claude-haiku",
        "tools": [],
        "messages": [{"role": "user", "content": "LOOP3"}],
    }
    assert ask(api, title).body["content"] == [text("Understood.")]
    assert ask(api, path="/v1/messages/count_tokens").body == {"input_tokens": 1000}
    assert not api.main_requests
    assert len(api.requests) == 2


def test_every_other_host_is_refused_and_noted(api: FakeApi) -> None:
    with pytest.raises(OSError, match="403"):
        ask(api, host="example.com")
    plain = http.client.HTTPConnection(urlsplit(api.proxy).netloc, timeout=5)
    plain.request("GET", "http://example.org/")
    assert plain.getresponse().status == 403
    plain.close()
    assert [refusal.host for refusal in api.refused] == ["example.com", "example.org"]
    assert not api.requests


def test_a_host_of_the_callers_is_answered(tmp_path: Path) -> None:
    with FakeApi(tmp_path, hosts=["gateway.example"]) as api:
        assert ask(api, prompt("hello"), host="gateway.example", x_api_key="k").status == 200


@pytest.mark.parametrize("results", range(4))
def test_a_loop_goes_on_from_the_conversation_alone(api: FakeApi, results: int) -> None:
    """No counter in the server: a turn that was limited goes on where it stopped."""
    (block,) = ask(api, prompt("LOOP3 please", results=results)).body["content"]
    if results < 3:
        assert block["input"]["command"] == f"echo step {results + 1}"
    else:
        assert block == text("Finished all 3 steps.")


def test_a_reminder_does_not_restart_the_loop(api: FakeApi) -> None:
    body = prompt("LOOP3 please", results=2)
    body["messages"].append({"role": "user", "content": [text("<system-reminder>go on")]})
    assert ask(api, body).body["content"][0]["input"]["command"] == "echo step 3"


def test_a_new_loop_counts_from_its_own_prompt(api: FakeApi) -> None:
    body = prompt("LOOP1 please", results=1)
    body["messages"].append({"role": "user", "content": [text("LOOP2 please")]})
    assert ask(api, body).body["content"][0]["input"]["command"] == "echo step 1"


def test_a_stream_says_the_same_as_a_plain_answer(api: FakeApi) -> None:
    streamed = ask(api, prompt("LOOP1 please") | {"stream": True})
    assert streamed.headers["content-type"] == "text/event-stream"
    lines = streamed.raw.decode().splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"]["content"] == []
    assert json.loads(events[2]["delta"]["partial_json"])["command"] == "echo step 1"
    assert events[4]["delta"]["stop_reason"] == "tool_use"


def test_a_plan_tells_what_is_left(api: FakeApi) -> None:
    api.plan.windows["five_hour"] = Window(83, time.time() + 60)
    headers = ask(api, prompt("hello")).headers
    assert headers[f"{LIMITS}5h-utilization"] == "0.83"
    assert headers[f"{LIMITS}status"] == "allowed"
    assert headers[f"{LIMITS}representative-claim"] == "five_hour"


@pytest.mark.parametrize("window", ["five_hour", "seven_day", "seven_day_opus"])
def test_a_spent_window_refuses_the_subscription_only(api: FakeApi, window: str) -> None:
    resets_at = int(time.time()) + 60
    api.plan.limit(window, resets_at)
    refused = ask(api, prompt("hello"))
    assert (refused.status, refused.body["error"]["type"]) == (429, "rate_limit_error")
    assert refused.headers[f"{LIMITS}status"] == "rejected"
    assert refused.headers[f"{LIMITS}representative-claim"] == window
    assert refused.headers[f"{LIMITS}reset"] == str(resets_at)
    on_key = ask(api, prompt("hello"), x_api_key="sk-1")
    assert (on_key.status, f"{LIMITS}status" in on_key.headers) == (200, False)


def test_a_window_is_fresh_after_its_reset() -> None:
    plan = Plan(Window(100, 1000), Window(40, 9e9))
    assert plan.headers(999)[0]
    refused, headers = plan.headers(1000)
    assert not refused
    assert headers[f"{LIMITS}5h-utilization"] == "0.0"
    assert headers[f"{LIMITS}5h-reset"] == str(1000 + 5 * 3600)


@pytest.mark.parametrize(
    ("utilization", "status"), [(89, "allowed"), (90, "allowed_warning"), (100, "rejected")]
)
def test_a_plan_warns_before_it_refuses(utilization: float, status: str) -> None:
    headers = Plan(Window(utilization, 2000), Window(1, 9e9)).headers(1000)[1]
    assert headers[f"{LIMITS}status"] == headers[f"{LIMITS}5h-status"] == status


def test_a_recorded_failure_is_answered_as_often_as_asked(api: FakeApi) -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    api.fail("subscription", 529, body=body, headers={"x-should-retry": "false"}, times=2)
    assert ask(api, prompt("hello"), x_api_key="sk-1").status == 200
    answers = [ask(api, prompt("hello")) for _ in range(3)]
    assert [answer.status for answer in answers] == [529, 529, 200]
    assert answers[0].body == body
    assert answers[0].headers["x-should-retry"] == "false"


def test_a_script_may_say_anything(tmp_path: Path) -> None:
    def reply(request: Request) -> list[dict[str, Any]]:
        return [text(f"you asked {request.model}")]

    with FakeApi(tmp_path, reply=reply) as api:
        assert ask(api, prompt("hello")).body["content"] == [text("you asked claude-opus")]


def test_waiting_ends_with_the_answer(api: FakeApi) -> None:
    api.delay = 0.2
    later = threading.Timer(0.1, ask, (api, prompt("hello")))
    began = time.time()
    later.start()
    request = api.wait_for(lambda request: request.main, 5, since=began)
    later.join()
    assert request.status == 200
    with pytest.raises(TimeoutError, match="no such request"):
        api.wait_for(lambda request: request.main, 0.05, since=time.time())


def test_closing_ends_connections_that_stand_open(tmp_path: Path) -> None:
    api = FakeApi(tmp_path)
    proxy = urlsplit(api.proxy)
    trust = ssl.create_default_context(cafile=api.ca)
    held = http.client.HTTPSConnection(proxy.hostname or "", proxy.port, context=trust, timeout=5)
    held.set_tunnel("api.anthropic.com", 443)
    held.connect()
    api.close()
    assert held.sock.recv(1) == b""
    held.close()
