"""Which transcripts there are is found out by a process of its own, or by this one."""

import os
import signal
from pathlib import Path

import pytest

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


def test_nothing_is_missed_if_the_other_process_is_stopped(folders: tuple[str, ...]) -> None:
    listing = Listing(folders)
    os.kill(listing._child, signal.SIGKILL)
    assert listing.transcripts() == transcripts_in(folders)
    with pytest.raises(ProcessLookupError):
        os.kill(listing._child, 0)
