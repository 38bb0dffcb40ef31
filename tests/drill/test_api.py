"""The fake API: what it answers, what it records, whom it refuses."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ccfb.drill.api import FakeApi, Plan, Request, Window, text
from drill.asking import PLAN, ask

LIMITS = "anthropic-ratelimit-unified-"
TOOLS = [{"name": "Bash"}]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path / "new") as api:
        yield api


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


# What it counts.


def marked(*steps: str, ttl: str | None = None, **more: Any) -> dict[str, Any]:
    """A conversation of steps of 4,000 characters each, marked for the cache at its end."""
    mark = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    messages = [{"role": "user", "content": [text(step * 4_000)]} for step in steps]
    messages[-1]["content"] = [text(steps[-1] * 4_000) | {"cache_control": mark}]
    return {"model": "claude-opus", "tools": TOOLS, "messages": messages} | more


def counted(api: FakeApi, body: dict[str, Any], key: str = "sk-1") -> dict[str, Any]:
    usage: dict[str, Any] = ask(api, body, x_api_key=key).body["usage"]
    return usage


def test_a_token_is_four_characters(api: FakeApi) -> None:
    usage = counted(api, prompt("x" * 40_000))
    assert usage["input_tokens"] == pytest.approx(10_000, abs=30)
    assert usage["cache_read_input_tokens"] == usage["cache_creation_input_tokens"] == 0
    words = {"system": "y" * 8_000, "tools": [{"name": "z" * 4_000}]}
    more = counted(api, prompt("x" * 40_000) | words)
    assert more["input_tokens"] - usage["input_tokens"] == pytest.approx(3_000, abs=30)


def test_output_is_counted_from_the_answer(tmp_path: Path) -> None:
    with FakeApi(tmp_path, reply=lambda _: [text("x" * 4_000)]) as api:
        assert counted(api, prompt("hello"))["output_tokens"] == pytest.approx(1_000, abs=20)


def test_what_was_sent_before_is_read_from_the_cache(api: FakeApi) -> None:
    first, second = counted(api, marked("a", "b")), counted(api, marked("a", "b", "c"))
    assert first["cache_read_input_tokens"] == 0
    assert first["cache_creation_input_tokens"] == pytest.approx(2_000, abs=60)
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    assert second["cache_creation_input_tokens"] == pytest.approx(1_000, abs=30)
    assert first["input_tokens"] == second["input_tokens"] == 1


def test_a_prompt_that_parts_from_an_earlier_one_reads_what_they_share(api: FakeApi) -> None:
    counted(api, marked("a", "b", "c"))
    usage = counted(api, marked("a", "b", "x"))
    assert usage["cache_read_input_tokens"] == pytest.approx(2_000, abs=60)
    assert usage["cache_creation_input_tokens"] == pytest.approx(1_000, abs=30)
    assert counted(api, marked("x", "b", "c"))["cache_read_input_tokens"] < 30


@pytest.mark.parametrize(
    "change", [{"system": "other"}, {"tools": []}, {"model": "claude-sonnet"}], ids=str
)
def test_the_cache_is_of_one_model_and_begins_with_tools_and_system(
    api: FakeApi, change: dict[str, Any]
) -> None:
    counted(api, marked("a", "b"))
    assert counted(api, marked("a", "b") | change)["cache_read_input_tokens"] < 30


def test_the_client_s_own_header_does_not_part_prompts(api: FakeApi) -> None:
    """It stands first in `system`, and changes with each request (seen on 2.1.329)."""
    headers = [[text(f"x-anthropic-billing-header: cch={n};")] for n in range(2)]
    counted(api, marked("a", system=headers[0]))
    assert counted(api, marked("a", system=headers[1]))["cache_creation_input_tokens"] == 0


def test_accounts_share_no_cache(api: FakeApi) -> None:
    for key in ("sk-1", "sk-2", "sk-ant-oat01-invented"):
        assert counted(api, marked("a", "b"), key)["cache_read_input_tokens"] == 0
        assert counted(api, marked("a", "b"), key)["cache_creation_input_tokens"] == 0


def test_only_what_is_marked_is_kept(api: FakeApi) -> None:
    body = marked("a")
    body["messages"].append({"role": "user", "content": "b" * 4_000})
    for read in (0, 1_000):
        usage = counted(api, body)
        assert usage["cache_read_input_tokens"] == pytest.approx(read, abs=30)
        assert usage["input_tokens"] == pytest.approx(1_000, abs=30)


@pytest.mark.parametrize(("ttl", "written"), [(None, (1, 0)), ("5m", (1, 0)), ("1h", (0, 1))])
def test_the_cache_is_written_for_as_long_as_it_was_asked_for(
    api: FakeApi, ttl: str | None, written: tuple[int, int]
) -> None:
    usage = counted(api, marked("a", ttl=ttl))
    tokens = usage["cache_creation_input_tokens"]
    assert tokens > 0
    assert tuple(usage["cache_creation"].values()) == (written[0] * tokens, written[1] * tokens)


def test_a_refused_request_is_not_kept(api: FakeApi) -> None:
    api.plan.limit("five_hour", time.time() + 60)
    assert ask(api, marked("a")).status == 429
    api.plan.windows["five_hour"] = Window(1, time.time() + 60)
    assert ask(api, marked("a")).body["usage"]["cache_read_input_tokens"] == 0


def test_a_stream_counts_the_same(api: FakeApi) -> None:
    plain = counted(api, marked("a", "b"), "sk-1")
    streamed = ask(api, marked("a", "b", stream=True), x_api_key="sk-2").raw.decode()
    events = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: ")]
    assert events[0]["message"]["usage"] == plain | {"output_tokens": 1}
    assert events[-2]["usage"] == plain
