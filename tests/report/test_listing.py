"""Which transcripts there are is found out by a process of its own, or by this one."""

import io
import os
import signal
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.report import listing
from ccfb.report.listing import Listing, Transcripts, transcripts_in
from report import corpus

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@pytest.fixture
def folders(home: Path) -> tuple[str, ...]:
    corpus.make(home / ".claude", size=100_000, sessions=4)
    return (str(home / ".claude" / "projects"),)


def test_what_is_listed_elsewhere_is_what_is_there(folders: tuple[str, ...]) -> None:
    found = [*Listing(folders).transcripts()]
    assert found == [*transcripts_in(folders)]
    assert sorted(found) == sorted(
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in Path(folders[0]).rglob("*.jsonl")
    )
    assert found


def test_nothing_is_missed_where_no_process_can_be_forked(
    folders: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fork")
    assert [*Listing(folders).transcripts()] == [*transcripts_in(folders)]


@given(st.lists(st.tuples(NAMES, st.integers(0, 1 << 60), st.integers(-5, 1 << 62))), st.data())
def test_transcripts_are_passed_on_as_they_are_or_not_at_all(
    some: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Whatever they are called; and a process that is stopped while it tells of them is noticed."""
    transcripts, told = Transcripts(), io.BytesIO()
    for path, size, mtime in some:
        transcripts.add(os.fsencode(path), size, mtime)
    transcripts.send(cast("io.BufferedWriter", told))
    assert [*transcripts] == [transcripts[number] for number in range(len(some))] == some
    assert [*transcripts.sizes()] == [size for _, size, _ in some]
    end = data.draw(st.integers(0, len(told.getvalue())))
    received = Transcripts()
    part = io.BytesIO(told.getvalue()[:end])
    if received.receive(cast("io.BufferedReader", part)):
        assert [*received] == some
    else:
        assert end < len(told.getvalue())


def test_a_transcript_whose_name_is_no_text_is_passed_over(folders: tuple[str, ...]) -> None:
    """The client writes none."""
    there = [*transcripts_in(folders)]
    try:
        Path(os.fsdecode(os.fsencode(there[0][0]) + b"\xff.jsonl")).touch()
    except OSError:
        pytest.skip("this system has no such names")
    assert [*transcripts_in(folders)] == there


@pytest.mark.parametrize("seconds", [-5, 13_000_000_000])
def test_a_transcript_may_be_of_any_time(folders: tuple[str, ...], seconds: int) -> None:
    """Before 1970, and after 2262, when nanoseconds are more than a cache's numbers hold."""
    path, *_ = next(iter(transcripts_in(folders)))
    stamps = set()
    for more in range(2):
        os.utime(path, (seconds + more, seconds + more))
        (stamp,) = [mtime for name, _, mtime in Listing(folders).transcripts() if name == path]
        assert 0 <= stamp < 1 << 63
        stamps.add(stamp)
    assert len(stamps) == 2


@pytest.mark.timeout(60)
def test_a_process_that_nobody_listens_to_ends(
    folders: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with more to tell than a pipe holds."""
    many = Transcripts()
    many.add(b"x" * 1_000_000, 1, 1)
    monkeypatch.setattr(listing, "transcripts_in", lambda _: many)
    left = Listing(folders)
    os.close(left._pipe)
    assert os.waitpid(left._child, 0)[0] == left._child


def test_nothing_is_missed_if_the_other_process_is_stopped(folders: tuple[str, ...]) -> None:
    stopped = Listing(folders)
    os.kill(stopped._child, signal.SIGKILL)
    assert [*stopped.transcripts()] == [*transcripts_in(folders)]
    with pytest.raises(ProcessLookupError):
        os.kill(stopped._child, 0)
