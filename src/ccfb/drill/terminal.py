"""The client in a terminal that nobody looks at, typed into like a user would."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyte

from ccfb.drill.home import Home

COLUMNS, LINES = 110, 40

#: What a key sends.
KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "tab": "\t",
    "backspace": "\x7f",
    "ctrl-c": "\x03",
    "ctrl-d": "\x04",
    "ctrl-u": "\x15",
}

# pyte takes private sequences (CSI with <, = or >) for ordinary ones, and prints their tails; it
# prints the text of a DCS or APC string as well.
_UNKNOWN = re.compile(rb"\x1b\[[<=>][0-9;:]*[ -/]*[@-~]|\x1b[P_^X].*?\x1b\\", re.DOTALL)
_UNFINISHED = re.compile(rb"\x1b(\[[0-9;:?<=>]*[ -/]*|[P_^X][^\x1b]*\x1b?)?\Z", re.DOTALL)

# A child gets the terminal as its own, so that keys that signal reach it.
_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""

Seen = Callable[["Terminal"], bool]


class _Screen(pyte.Screen):
    """A screen that answers what a program asks its terminal."""

    answer: Callable[[str], None]

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """A command in a pseudo-terminal.

    Args:
        command: Program and arguments.
        env: The whole environment.
        cwd: Where it runs.
        columns: Width of the screen.
        lines: Height of the screen.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = COLUMNS,
        lines: int = LINES,
    ) -> None:
        self.buffer = _Screen(columns, lines)
        self.buffer.answer = self._answer
        self._stream = pyte.ByteStream(self.buffer)
        self._pending = b""
        self._changed = threading.Condition()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _OWN_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def screen(self) -> list[str]:
        """What stands on the screen now, a string a line, without trailing blanks."""
        with self._changed:
            return [line.rstrip() for line in self.buffer.display]

    @property
    def text(self) -> str:
        """The screen as one string."""
        return "\n".join(self.screen())

    def type(self, words: str) -> None:
        """Types, as it stands."""
        os.write(self._master, words.encode())

    def press(self, *keys: str) -> None:
        """Presses keys by name (see `KEYS`), with a short pause after each."""
        for key in keys:
            self.type(KEYS[key])
            time.sleep(0.15)

    def wait_for(self, wanted: str | Seen, timeout: float = 30.0) -> None:
        """Waits until a text stands on the screen, or until a predicate says so.

        Args:
            wanted: A text, or a predicate of this terminal.
            timeout: Seconds.

        Raises:
            TimeoutError: It didn't come; the message holds the screen.
        """
        deadline = time.monotonic() + timeout
        while not self.shows(wanted):
            left = deadline - time.monotonic()
            if left <= 0:
                what = repr(wanted) if isinstance(wanted, str) else "what was waited for"
                raise TimeoutError(f"{what} not seen within {timeout:g} s:\n{self.text}")
            with self._changed:
                # Predicates may look elsewhere than at the screen.
                self._changed.wait(min(left, 0.2))

    def shows(self, wanted: str | Seen) -> bool:
        """Whether a text stands on the screen, or a predicate holds."""
        return wanted in self.text if isinstance(wanted, str) else wanted(self)

    def close(self) -> None:
        """Ends the command with everything it started in its group, and reaps it."""
        if self._closing.is_set():
            return
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            _signal_group(self.process, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
        _signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        self._closing.set()
        self._reader.join()
        os.close(self._master)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, words: str) -> None:
        with contextlib.suppress(OSError):  # who asked may be gone
            self.type(words)

    def _read(self) -> None:
        # A program that outlives the command may hold the terminal open: so never block for long.
        while not self._closing.is_set():
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:  # EIO: the last program on it is gone
                data = b""
            with self._changed:
                self._feed(data)
                self._changed.notify_all()
            if not data:
                return

    def _feed(self, data: bytes) -> None:
        data = self._pending + data
        cut = _UNFINISHED.search(data)
        self._pending = data[cut.start() :] if cut else b""
        self._stream.feed(_UNKNOWN.sub(b"", data[: len(data) - len(self._pending)]))


_TRUSTED = "Yes, I trust"
_DISTRUSTED = "No, exit"
_PROMPT_BOX = re.compile(r"─{20,}\n[❯>](\s+Try \".*)?\s*\n─{20,}")


class ClaudeSession(Terminal):
    """An interactive session of the client.

    Args:
        client: The client's program.
        home: Where it is signed in.
        arguments: More arguments, such as `--model opus`.
        columns: Width of the screen.
        lines: Height of the screen.
    """

    def __init__(
        self,
        client: Path,
        home: Home,
        arguments: Sequence[str] = (),
        *,
        columns: int = COLUMNS,
        lines: int = LINES,
    ) -> None:
        command = [str(client), *arguments]
        super().__init__(command, env=home.env(), cwd=home.project, columns=columns, lines=lines)

    @property
    def ready(self) -> bool:
        """Whether an empty prompt box stands on the screen."""
        return bool(_PROMPT_BOX.search(self.text))

    def start(self, timeout: float = 45.0) -> Self:
        """Gets to an empty prompt, through the question whether the folder is trusted.

        Raises:
            TimeoutError: No prompt came within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self.ready:
            left = deadline - time.monotonic()
            self.wait_for(lambda _: self.ready or self.shows(_DISTRUSTED), left)
            if self.shows(_DISTRUSTED):
                self._trust()
        return self

    def prompt(self, words: str) -> None:
        """Types a prompt and sends it."""
        self.type(words)
        time.sleep(0.3)  # Enter in the same breath counts as pasted
        self.press("enter")

    def _trust(self) -> None:
        chosen = next((line for line in self.screen() if line.lstrip().startswith("❯")), "")
        if _TRUSTED not in chosen:  # 2.1.261 and 2.1.329 have the refusal chosen
            self.press("down")
        else:
            self.press("enter")
            self.wait_for(lambda _: not self.shows(_DISTRUSTED))


class StreamSession:
    """A session driven by JSON lines, as the Agent SDK and editor extensions do.

    Args:
        client: The client's program.
        home: Where it is signed in.
        arguments: More arguments.
    """

    def __init__(self, client: Path, home: Home, arguments: Sequence[str] = ()) -> None:
        stream = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        self.messages: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(client), "-p", *stream, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=home.env(),
            cwd=home.project,
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def prompt(self, words: str) -> None:
        """Sends a user message."""
        message = {"role": "user", "content": [{"type": "text", "text": words}]}
        if self.process.stdin is None:
            raise ValueError("no way in")
        self.process.stdin.write(json.dumps({"type": "user", "message": message}) + "\n")
        self.process.stdin.flush()

    def wait_for(
        self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 30.0, start: int = 0
    ) -> dict[str, Any]:
        """The first message, from number `start` on, that fits.

        Raises:
            TimeoutError: None came within `timeout` seconds.
        """

        def find() -> dict[str, Any] | None:
            return next((message for message in self.messages[start:] if wanted(message)), None)

        with self._changed:
            message = self._changed.wait_for(find, timeout)
        if message is None:
            raise TimeoutError(f"no such message within {timeout:g} s")
        return message

    def close(self) -> None:
        """Ends the session, and reaps it."""
        if self.process.stdin is None or self.process.stdin.closed:
            return
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        _signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        self._reader.join(3)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                with self._changed:
                    self.messages.append(message)
                    self._changed.notify_all()


def run_once(
    client: Path, home: Home, arguments: Sequence[str], timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Runs `claude -p` with further arguments, the prompt among them, to its end.

    Raises:
        subprocess.TimeoutExpired: It took longer than `timeout` seconds.
    """
    return subprocess.run(
        [str(client), "-p", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=home.env(),
        cwd=home.project,
        timeout=timeout,
        text=True,
        encoding="utf-8",
    )


def _signal_group(process: subprocess.Popen[Any], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
