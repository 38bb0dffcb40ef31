"""`ccfb.log`: read back as the gate and the command line wrote it."""

from pathlib import Path

import pytest

from ccfb import files, gate, logbook, paths


@pytest.fixture
def log() -> Path:
    files.make_own_dir()
    return Path(paths.own("ccfb.log"))


def test_no_log_means_no_problems() -> None:
    assert logbook.since(0.0) == []


def test_what_the_gate_wrote_is_read_back(log: Path) -> None:
    gate.log("StopFailure", ValueError("several\nlines"))
    (line,) = logbook.since(0.0)
    assert line[1:] == ("StopFailure", "ValueError: several lines")
    assert line.at > 1e9


def test_tracebacks_and_damage_are_no_problems_of_their_own(log: Path) -> None:
    assert logbook.keep_traceback("use", RuntimeError("a bug")) == str(log)
    log.write_bytes(log.read_bytes() + b"\xff\xfe half a li")
    assert [line.text for line in logbook.since(0.0)] == ["RuntimeError: a bug"]


def test_only_what_is_new_enough(log: Path) -> None:
    log.write_text("2026-11-20T09:00:00Z Stop old\n2026-11-20T10:00:00Z Stop new\n")
    assert [line.text for line in logbook.since(1_795_168_800.0)] == ["new"]


def test_of_an_endless_log_the_end_is_read(log: Path) -> None:
    log.write_text("2026-11-20T09:00:00Z Stop again\n" * 20_000)
    assert 0 < len(logbook.since(0.0)) < 20_000
