"""Several processes read what one would."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccfb.report import readers
from ccfb.report.listing import Transcript, transcripts_in
from ccfb.report.readers import Reading
from ccfb.report.rows import Found
from report import corpus


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> list[Transcript]:
    folder = tmp_path_factory.mktemp("corpus")
    corpus.make(folder)
    return transcripts_in((str(folder / "projects"),))


def begun(transcripts: list[Transcript]) -> Any:
    return Reading(transcripts, ("projects",), [[(1, 5)]])


def read(transcripts: list[Transcript]) -> dict[int, Found]:
    with begun(transcripts) as reading:
        return dict(reading)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is worth a reader of its own, and there are processors for four."""
    monkeypatch.setattr(readers, "WORTH", 1_000)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


@pytest.fixture
def alone(transcripts: list[Transcript], monkeypatch: pytest.MonkeyPatch) -> dict[int, Found]:
    """What is found where no process can be forked."""
    with monkeypatch.context() as patch:
        patch.delattr(os, "fork")
        return read(transcripts)


@pytest.mark.usefixtures("many")
def test_readers_side_by_side_find_what_one_finds(
    transcripts: list[Transcript], alone: dict[int, Found]
) -> None:
    assert len(alone) == len(transcripts)
    assert read(transcripts) == alone


@pytest.mark.usefixtures("many")
def test_what_a_reader_leaves_undone_is_done(
    transcripts: list[Transcript], alone: dict[int, Found]
) -> None:
    with begun(transcripts) as reading:
        assert len(reading._children) == 3
        for child in reading._children:
            os.kill(child, signal.SIGKILL)
        assert dict(reading) == alone


@pytest.mark.usefixtures("many")
def test_no_reader_is_left_behind(transcripts: list[Transcript]) -> None:
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
    transcripts: list[Transcript], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another report has done the work meanwhile; there is more to tell than a pipe holds."""
    monkeypatch.setattr(readers, "_PIPE", 4_096)
    with begun(transcripts * 50) as reading:
        pass
    for child in reading._children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_transcript_that_is_gone_is_left_out(
    transcripts: list[Transcript], tmp_path: Path
) -> None:
    gone = str(tmp_path / "gone.jsonl"), 5, 0
    assert set(read([transcripts[0], gone, transcripts[1]])) == {0, 2}


@pytest.mark.parametrize("count", [0, 1, 300])
def test_all_is_handed_out_in_parts(count: int) -> None:
    batches = readers._batches(list(range(count)), 10)
    assert sorted(number for batch in batches for number in batch) == list(range(count))
    assert len(batches) <= 10


def test_a_single_small_transcript_needs_nobody_else(transcripts: list[Transcript]) -> None:
    """Reading on in one session forks nothing."""
    with begun(transcripts[:1]) as reading:
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
