"""What the store promises: one state for all sessions, and a ledger that counts without gaps."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import orjson
import pytest

from ccfb import paths
from ccfb.billing import store
from ccfb.billing.model import Entry, Session, State, Switch, Window
from ccfb.errors import CcfbError

NOW = 1_800_000_000.0
ROUNDS = 25


@pytest.fixture(autouse=True)
def own(home: Path) -> Path:
    own = home / ".claude" / "ccfb"
    own.mkdir(parents=True, mode=0o700)
    return own


def process(code: str) -> subprocess.Popen[str]:
    """A process that shares the home folder, and works on the state."""
    head = (
        "import os, sys, time\n"
        "from ccfb.billing import store\n"
        "from ccfb.billing.model import Entry, State\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        env={"HOME": os.environ["HOME"], "PATH": os.environ["PATH"]},
    )


def entry(number: int, text: str = "") -> Entry:
    return Entry(id=number, at=NOW + number, event="limit", session="s1", text=text or None)


COUNT = """
    for _ in range(ROUNDS):
        with store.locked():
            state = store.load()
            state.last_id += 1
            entries = [Entry(id=state.last_id, at=0, event="limit", session=str(os.getpid()))]
            state.unwritten = entries
            store.save(state)
            store.append(entries)
"""


def test_processes_at_once_lose_and_double_nothing() -> None:
    children = [process(COUNT.replace("ROUNDS", str(ROUNDS))) for _ in range(4)]
    for child in children:
        with child:
            assert child.wait(60) == 0
    assert store.load().last_id == 4 * ROUNDS
    assert [each.id for each in store.ledger()] == list(range(1, 4 * ROUNDS + 1))


def test_a_killed_process_leaves_the_lock_and_a_whole_state() -> None:
    for _ in range(5):
        with process(
            "print('go', flush=True)\n" + textwrap.dedent(COUNT.replace("ROUNDS", "10**6"))
        ) as child:
            assert child.stdout
            child.stdout.readline()
            while not os.path.exists(paths.own("ledger.jsonl")):
                assert child.poll() is None
            os.kill(child.pid, signal.SIGKILL)
        with store.locked():
            state = store.load()
            store.append(state.unwritten)
    ids = [each.id for each in store.ledger()]
    assert ids == list(range(1, store.load().last_id + 1))


def test_who_waits_too_long_for_the_lock_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WAIT", 0.1)
    holder = process("""
        with store.locked():
            print("held", flush=True)
            time.sleep(60)
    """)
    with holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(CcfbError) as caught, store.locked():
            pass
        holder.kill()
    assert caught.value.reference == "state-locked"
    with store.locked():
        pass


def test_only_the_user_can_read_what_is_kept(home: Path) -> None:
    before = os.umask(0)
    try:
        (home / ".claude" / "ccfb").rmdir()
        with store.locked():
            store.save(State())
            store.append([entry(1)])
    finally:
        os.umask(before)
    own = home / ".claude" / "ccfb"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [own, *own.iterdir()]}
    assert modes == {"ccfb": 0o700, "state.json": 0o600, "ledger.jsonl": 0o600, "state.lock": 0o600}


def test_what_is_saved_is_loaded() -> None:
    state = State(
        switch=Switch(
            provider="anthropic",
            reason="limit",
            window="five_hour",
            resets_at=NOW + 1 / 3,
            since=NOW,
        ),
        limits={"five_hour": NOW + 1 / 3},
        windows={"five_hour": Window(percentage=101.5, resets_at=NOW, seen_at=NOW)},
        sessions={"s1": Session(seen_at=NOW, answered=["f1"])},
        displaced={"keys": [{"path": ["env", "X"], "was": None}]},
        unwritten=[entry(1, "limit \u00b7 resets 5pm")],
        last_id=1,
    )
    store.save(state)
    assert store.load() == state


def test_a_state_of_a_later_version_is_read_as_far_as_it_is_known(own: Path) -> None:
    (own / "state.json").write_bytes(b'{"schema_version": 1, "last_id": 7, "novelty": {"a": 1}}')
    assert store.load().last_id == 7


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"\x00" * 100, b'{"last_id": "x"}', b'{"switch": {"provider": 7}}'],
    ids=repr,
)
def test_a_damaged_state_is_set_aside_and_billing_is_the_plan(own: Path, damage: bytes) -> None:
    store.append([entry(number) for number in range(1, 4)])
    (own / "state.json").write_bytes(damage)
    state = store.load()
    assert (state.billing, state.last_id, state.unsettled) == ("subscription", 3, True)
    (aside,) = own.glob("state.json.damaged-*")
    assert aside.read_bytes() == damage
    assert not (own / "state.json").exists()


def test_a_lost_state_goes_on_counting_where_the_ledger_ends() -> None:
    store.append([entry(number, "x" * 500) for number in range(1, 300)])
    assert store.load().last_id == 299


def test_a_disk_that_is_full_keeps_the_old_state(monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(State(last_id=1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.save(State(last_id=2))
    assert store.load().last_id == 1
    assert not list(Path(paths.own_dir()).glob("*.tmp"))


def test_an_entry_is_written_once_however_often_it_is_given() -> None:
    for count in (1, 1, 3, 3, 2):
        store.append([entry(number) for number in range(1, count + 1)])
    assert [each.id for each in store.ledger()] == [1, 2, 3]


def test_a_ledger_cut_off_anywhere_is_completed(own: Path) -> None:
    """A crash or a full disk in the middle of a write; the state still has the entries."""
    path = own / "ledger.jsonl"
    store.append([entry(1)])
    start = path.stat().st_size
    entries = [entry(2, "h\u00fcllt"), entry(3)]
    store.append(entries)
    whole = path.read_bytes()
    for end in range(start, len(whole) + 1):
        path.write_bytes(whole[:end])
        store.append(entries)
        store.append([entry(4)])
        assert [each.id for each in store.ledger()] == [1, 2, 3, 4], whole[:end]


def test_a_line_that_cant_be_read_is_passed_over(own: Path) -> None:
    lines = [b'{"id": 1, "at": 1, "event": "limit"}', b"garbage", b"{}", b"\xff", b"", b"7"]
    lines.append(b'{"id": 2, "at": 2, "event": "switch", "later": true}')
    lines.append(b'{"id": 3, "at": 3, "event": "an event of a later version"}')
    (own / "ledger.jsonl").write_bytes(b"\n".join(lines))
    assert [each.id for each in store.ledger()] == [1, 2, 3]


def test_a_line_says_only_what_there_is(own: Path) -> None:
    store.append([entry(1)])
    line = orjson.loads((own / "ledger.jsonl").read_bytes())
    assert line == {"id": 1, "at": NOW + 1, "event": "limit", "session": "s1"}


def test_no_ledger_is_an_empty_one() -> None:
    assert store.ledger() == []
