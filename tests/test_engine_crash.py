"""A run that is killed between any two writes is put right by the next one."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccfb import config, effects, paths, secrets
from ccfb.billing import store
from ccfb.billing.events import Chosen, Event, Limited, Tick
from ccfb.billing.model import Moment, State
from ccfb.client import overrides, signals

THEIRS = (
    b'{\n\t"model": "opus",\n\t"env": {"A": "1", "ANTHROPIC_BASE_URL": "https://a.example"},\n}'
)
THEIRS = THEIRS.replace(b",\n}", b"\n}")
"""What stood in the settings before; no newline at its end."""

WRITES = {"os.rename", "os.remove", "os.mkdir", "os.chmod"}
MANY = 60
"""More writes than any run makes."""

RESET = time.time() + 3600.0
TOLD = Limited("s1", "f1", "five_hour", RESET, "You've hit your limit", live=True)
AGAIN = Limited("s2", "f2", "five_hour", RESET, "You've hit your limit", live=True)


@pytest.fixture(autouse=True)
def installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with settings, two keys and `mode auto`."""
    monkeypatch.setattr(secrets, "_keychain", lambda: 1 / 0)
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_bytes(THEIRS)
    key = config.StoredKey(source=secrets.store("anthropic", "sk-ant-api03-none"))
    other = config.StoredKey(source=secrets.store("openrouter", "sk-or-v1-none"))
    config.save(config.Config(mode="auto", keys={"anthropic": key, "openrouter": other}))


def killed_at(write: int, act: Callable[[], object]) -> bool:
    """Do something in a process that dies right before its n-th write.

    Returns:
        Whether it came so far.
    """
    child = os.fork()
    if not child:
        left = write

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in WRITES or (event == "open" and _writes(arguments)):
                left -= 1
                if left < 0:
                    os._exit(9)

        sys.addaudithook(count)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def _writes(arguments: tuple[object, ...]) -> bool:
    path, _, flags = arguments
    ours = isinstance(path, str) and path.startswith(os.environ["HOME"])
    return ours and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def crashes(act: Callable[[], object], prepare: Callable[[], object]) -> Iterator[int]:
    """Every write before which a run can die; the files are as it left them."""
    home = Path(os.environ["HOME"])
    prepare()
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for write in range(MANY):
        for path in home.rglob("*"):
            if path.is_file() and path not in before:
                path.unlink()
        for path, content in before.items():
            path.write_bytes(content)
        died = killed_at(write, act)
        yield write
        if not died:
            assert write > 2, "it wrote nothing"
            return
    raise AssertionError("it never came to an end")


def settings() -> bytes:
    return Path(paths.settings()).read_bytes()


def events() -> list[str]:
    return [entry.event for entry in store.ledger()]


def must_be_settled(billing: str) -> None:
    """State, settings and ledger tell the same."""
    state = store.load()
    assert (state.billing, state.unsettled, state.unwritten) == (billing, False, [])
    assert state.wake.unsettled is False
    marker = f'"{signals.BILLING_VARIABLE}": "{billing}"'.encode()
    if billing == "subscription":
        assert b"apiKeyHelper" not in settings()
        assert b"https://a.example" in settings()
    else:
        assert marker in settings()
        assert b"apiKeyHelper" in settings()
    ids = [entry.id for entry in store.ledger()]
    assert ids == list(range(1, state.last_id + 1))


def put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of ours can still be taken out, to the byte."""
    with monkeypatch.context() as patch:
        effects.step(Chosen("subscription"))
        must_be_settled("subscription")
        later = Moment(time.time() + 5_000.0, 1e9)
        patch.setattr(effects, "now", lambda: later)
        effects.step(Tick())
    assert settings() == THEIRS


def test_a_switch_that_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in crashes(lambda: effects.step(TOLD), prepare=State):
        effects.step(AGAIN)  # the next session tells the same limit
        must_be_settled("anthropic")
        assert [each for each in events() if each != "continue"] == ["limit", "switch"]
        put_back(monkeypatch)


def test_the_next_run_of_any_kind_completes_a_switch() -> None:
    seen = set()
    for _ in crashes(lambda: effects.step(TOLD), prepare=State):
        effects.step(Tick())
        billing = store.load().billing
        must_be_settled(billing)
        assert events() in ([], ["limit", "switch", "continue"])
        assert (billing == "anthropic") == bool(events())
        seen.add(billing)
    assert seen == {"subscription", "anthropic"}


@pytest.mark.parametrize(
    ("event", "billing", "turns"),
    [
        (Chosen("subscription"), "subscription", ["switch", "revert"]),
        (Chosen("openrouter"), "openrouter", ["switch", "revert", "switch"]),
        (Chosen("anthropic"), "anthropic", ["switch"]),
    ],
    ids=lambda value: value.target if isinstance(value, Chosen) else "",
)
def test_a_choice_that_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, event: Event, billing: str, turns: list[str]
) -> None:
    for _ in crashes(lambda: effects.step(event), prepare=lambda: effects.step(TOLD)):
        effects.step(Tick())
        effects.step(event)  # the user saw no answer, and says it again
        must_be_settled(billing)
        assert [each for each in events() if each in {"switch", "revert"}] == turns
        put_back(monkeypatch)


def test_a_way_back_that_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    reset = Moment(RESET + 1, effects.now().boot + 3601)

    def come_back() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(effects, "now", lambda: reset)
            effects.step(Tick())

    for _ in crashes(come_back, prepare=lambda: effects.step(TOLD)):
        come_back()
        must_be_settled("subscription")
        assert events() == ["limit", "switch", "continue", "revert"]
        put_back(monkeypatch)


def test_an_entry_without_a_switch_that_is_cut_off() -> None:
    """Nothing changes in the settings: then too, the state comes before the ledger."""
    config.save(config.Config(mode="off"))

    for _ in crashes(lambda: effects.step(TOLD), prepare=State):
        effects.step(Tick())
        effects.step(AGAIN)
        effects.step(Chosen("subscription"))
        state = store.load()
        assert [entry.id for entry in store.ledger()] == list(range(1, state.last_id + 1))
        assert events() == ["limit", "choice"]
        assert settings() == THEIRS


def test_the_words_that_are_looked_for_are_the_ones_that_are_written() -> None:
    """`must_be_settled` looks into the file itself."""
    places = overrides.overrides("anthropic", "x", None, {}, life=None)
    assert ("apiKeyHelper",) in places
