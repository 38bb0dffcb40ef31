"""Several processes read what one would."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.report import readers
from ccfb.report.listing import Transcript, Transcripts, transcripts_in
from ccfb.report.readers import Reading
from ccfb.report.rows import Found
from report import corpus


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> Transcripts:
    folder = tmp_path_factory.mktemp("corpus")
    corpus.make(folder)
    return transcripts_in((str(folder / "projects"),))


def listed(transcripts: list[Transcript]) -> Transcripts:
    found = Transcripts()
    for path, size, mtime in transcripts:
        found.add(os.fsencode(path), size, mtime)
    return found


def begun(transcripts: Transcripts) -> Any:
    return Reading(transcripts, ("projects",), [[(1, 5)]])


def read(transcripts: Transcripts) -> dict[int, Found]:
    with begun(transcripts) as reading:
        return dict(reading)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is worth a reader of its own, and there are processors for four."""
    monkeypatch.setattr(readers, "WORTH", 1_000)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


@pytest.fixture
def alone(transcripts: Transcripts, monkeypatch: pytest.MonkeyPatch) -> dict[int, Found]:
    """What is found where no process can be forked."""
    with monkeypatch.context() as patch:
        patch.delattr(os, "fork")
        return read(transcripts)


@pytest.mark.usefixtures("many")
def test_readers_side_by_side_find_what_one_finds(
    transcripts: Transcripts, alone: dict[int, Found]
) -> None:
    assert len(alone) == len(transcripts)
    assert read(transcripts) == alone


@pytest.mark.usefixtures("many")
def test_what_a_reader_leaves_undone_is_done(
    transcripts: Transcripts, alone: dict[int, Found]
) -> None:
    with begun(transcripts) as reading:
        assert len(reading._children) == 3
        for child in reading._children:
            os.kill(child, signal.SIGKILL)
        assert dict(reading) == alone


@pytest.mark.usefixtures("many")
def test_no_reader_is_left_behind(transcripts: Transcripts) -> None:
    """Not even by a report that is stopped."""
    with pytest.raises(KeyboardInterrupt), begun(transcripts) as reading:  # noqa: PT012
        next(iter(reading))
        raise KeyboardInterrupt
    for child in reading._children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


@pytest.mark.usefixtures("many")
@pytest.mark.timeout(60)
def test_no_reader_waits_for_a_report_that_has_no_use_for_it(
    transcripts: Transcripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another report has done the work meanwhile; there is more to tell than a pipe holds."""
    monkeypatch.setattr(readers, "_PIPE", 4_096)
    with begun(listed([*transcripts] * 50)) as reading:
        pass
    for child in reading._children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_transcript_that_is_gone_is_left_out(transcripts: Transcripts, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.jsonl"), 5, 0
    assert set(read(listed([transcripts[0], gone, transcripts[1]]))) == {0, 2}


@given(st.lists(st.integers(0, 20_000_000)), st.integers(1, 500))
def test_all_is_handed_out_in_parts_that_are_neither_too_small_nor_too_large(
    sizes: list[int], parts: int
) -> None:
    batches = readers._batches(sizes, parts)
    assert sorted(number for batch in batches for number in batch) == list(range(len(sizes)))
    whole = [sum(sizes[number] + readers.OPENING for number in batch) for batch in batches]
    assert all(size > readers.LEAST for size in whole[:-1])
    for batch, size in zip(batches, whole, strict=True):
        assert size - sizes[batch[-1]] - readers.OPENING <= readers.LARGEST


def test_no_more_parts_are_handed_out_than_a_pipe_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is to read."""
    monkeypatch.setattr(readers, "_TICKETS", 10)
    assert 5 <= len(readers._batches([20_000_000] * 1_000, 500)) <= 11


def test_a_single_small_transcript_needs_nobody_else(transcripts: Transcripts) -> None:
    """Reading on in one session forks nothing."""
    with begun(listed([transcripts[0]])) as reading:
        assert not reading._children


def test_a_reader_survives_damaged_lines_from_the_start(tmp_path: Path) -> None:
    """Also in a process that has imported nothing else so far."""
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(b'{"type":"assistant","message":{"usage":{"output_tokens":1}\n{"type":"as')
    script = (
        "import sys\n"
        "from ccfb.report.scan import Scanner\n"
        "found = Scanner([]).scan(sys.argv[1])\n"
        "print(found['invalid'], found['unknown'], found['cut'])"
    )
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["1", "0", "1"]
