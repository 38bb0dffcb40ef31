"""The parts that every end-to-end test stands on, with each version of the real client."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccfb.drill.api import MESSAGES, FakeApi
from ccfb.drill.home import TOKEN, Home
from ccfb.drill.terminal import ClaudeSession, StreamSession, run_once

pytestmark = pytest.mark.real

VERSIONS = ("2.1.329", "2.1.261", "2.1.176", "2.1.105")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path) as api:
        yield api


@pytest.fixture
def signed_in(tmp_path: Path, api: FakeApi) -> Home:
    return Home(tmp_path / "signed-in", proxy=api.proxy, ca=api.ca)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_interactive_session_works_and_is_limited(
    client: Callable[[str], Path], api: FakeApi, signed_in: Home, version: str
) -> None:
    with ClaudeSession(client(version), signed_in) as session:
        session.start()
        session.prompt("LOOP3 please")
        session.wait_for("Finished all 3 steps.")
        assert [request.status for request in api.main_requests] == [200] * 4

        api.plan.limit("five_hour", time.time() + 3600)
        session.prompt("LOOP2 please")
        session.wait_for("You've hit your")
    assert api.main_requests[-1].status == 429
    assert {r.key for r in api.requests if r.path in MESSAGES} == {TOKEN}
    assert not signed_in.find_secrets([TOKEN.encode()])


@pytest.mark.parametrize("config_dir", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_folder_that_is_not_trusted_yet_is_accepted(
    client: Callable[[str], Path], tmp_path: Path, api: FakeApi, version: str, config_dir: bool
) -> None:
    home = Home(tmp_path / "new", proxy=api.proxy, ca=api.ca, config_dir=config_dir)
    home.project = home.root / "elsewhere"
    home.project.mkdir()
    with ClaudeSession(client(version), home) as session:
        session.wait_for("No, exit")
        assert session.start().ready


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stream_session_and_a_one_shot_run_answer(
    client: Callable[[str], Path], api: FakeApi, signed_in: Home, version: str
) -> None:
    with StreamSession(client(version), signed_in) as session:
        session.prompt("LOOP1 please")
        answer = session.wait_for(lambda message: message.get("type") == "result")
    assert answer["result"] == "Finished all 1 steps."
    done = run_once(client(version), signed_in, ["hello"])
    assert (done.returncode, done.stdout) == (0, "Understood.\n")
