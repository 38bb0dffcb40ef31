"""`ccfb report --watch`: it follows what happens, and leaves the terminal as it was."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.console import environment
from report import corpus

DAYS = re.compile(r"^(2026-..-..)  ", re.MULTILINE)
"""At the start of a line."""

LEAVE = "\x1b[?1049l"
"""Back to what stood on the terminal before."""


class Watch:
    """A report that is being watched."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process = process
        self.terminal = terminal
        self.shown = ""
        self.open = True

    def close(self) -> None:
        """Close the terminal, without a signal: it isn't the controlling one."""
        if self.open:
            self.open = False
            os.close(self.terminal)

    def until(self, words: str) -> str:
        """What is drawn up to some words; a test that waits in vain is ended by pytest."""
        while words not in self.shown:
            self.shown += os.read(self.terminal, 65_536).decode()
        before, _, self.shown = self.shown.partition(words)
        return before


@contextmanager
def watching(home: Path, *arguments: str, rows: int = 30) -> Iterator[Watch]:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "ccfb", "report", "--watch", *arguments],
        env=environment(home, TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    watch = Watch(process, ours)
    try:
        yield watch
    finally:
        process.kill()
        process.wait()
        watch.close()


@pytest.fixture
def made(home: Path) -> corpus.Corpus:
    return corpus.make(home / ".claude", size=200_000, sessions=6)


def test_what_is_written_meanwhile_appears(home: Path, made: corpus.Corpus) -> None:
    with watching(home) as watch:
        before = watch.until("cheapest")
        corpus.make(home / ".claude", size=100_000, sessions=2, seed=2)
        watch.until("2026-")
        after = watch.until("cheapest")
    assert f"{len(made.answers)}" in before
    assert f"{len(made.answers)}" not in after


@pytest.mark.usefixtures("made")
def test_ctrl_c_ends_it_and_the_terminal_is_as_before(home: Path) -> None:
    with watching(home) as watch:
        watch.until("cheapest")
        watch.process.send_signal(signal.SIGINT)
        watch.until(LEAVE)
        assert watch.process.wait() == 0


@pytest.mark.usefixtures("made")
def test_it_ends_with_its_terminal(home: Path) -> None:
    with watching(home) as watch:
        watch.until("cheapest")
        watch.close()
        assert watch.process.wait() == 0


@pytest.mark.usefixtures("made")
def test_what_does_not_fit_the_screen_is_not_passed_over_in_silence(home: Path) -> None:
    with watching(home, rows=8) as watch:
        assert "cheapest" not in watch.until(" more lines")


@pytest.mark.usefixtures("made")
def test_the_latest_days_stay_on_a_small_screen(home: Path) -> None:
    with watching(home, "--by", "day", rows=24) as watch:
        every = DAYS.findall(watch.until("total"))
    with watching(home, "--by", "day", rows=14) as watch:
        assert DAYS.findall(watch.until("total")) == every[-4:] != every[:4]


def test_without_a_terminal_there_is_nothing_to_watch(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ccfb", "report", "--watch"],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --watch needs a terminal.")
