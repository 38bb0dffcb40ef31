"""Which transcripts there are is found out by a process of its own, or by this one."""

import os
import signal
from pathlib import Path

import pytest

from ccfb.report import listing
from ccfb.report.listing import Listing, transcripts_in
from report import corpus


@pytest.fixture
def folders(home: Path) -> tuple[str, ...]:
    corpus.make(home / ".claude", size=100_000, sessions=4)
    return (str(home / ".claude" / "projects"),)


def test_what_is_listed_elsewhere_is_what_is_there(folders: tuple[str, ...]) -> None:
    found = Listing(folders).transcripts()
    assert sorted(found) == sorted(transcripts_in(folders))
    assert found


def test_nothing_is_missed_where_no_process_can_be_forked(
    folders: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fork")
    assert Listing(folders).transcripts() == transcripts_in(folders)


@pytest.mark.timeout(60)
def test_a_process_that_nobody_listens_to_ends(
    folders: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with more to tell than a pipe holds."""
    monkeypatch.setattr(listing, "transcripts_in", lambda _: [("x" * 1_000_000, 1, 1)])
    left = Listing(folders)
    os.close(left._pipe)
    assert os.waitpid(left._child, 0)[0] == left._child


def test_nothing_is_missed_if_the_other_process_is_stopped(folders: tuple[str, ...]) -> None:
    stopped = Listing(folders)
    os.kill(stopped._child, signal.SIGKILL)
    assert stopped.transcripts() == transcripts_in(folders)
    with pytest.raises(ProcessLookupError):
        os.kill(stopped._child, 0)
