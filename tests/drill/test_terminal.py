"""The terminal: what a program draws is seen, what is typed arrives, nothing stays behind."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ccfb.drill.home import Home
from ccfb.drill.terminal import ClaudeSession, StreamSession, Terminal, run_once

Run = Callable[[str], Terminal]

BOX = "─" * 30
CHOSEN = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a Python program in a terminal."""
    with ExitStack() as stack:

        def start(program: str) -> Terminal:
            command = [sys.executable, "-I", "-S", "-c", program]
            env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
            return stack.enter_context(Terminal(command, env=env, cwd=tmp_path))

        yield start


@pytest.fixture
def signed_in(tmp_path: Path) -> Home:
    return Home(tmp_path / "signed-in", proxy="http://127.0.0.1:1", ca=tmp_path / "ca.pem")


@pytest.fixture
def stand_in(tmp_path: Path) -> Callable[[str], Path]:
    """A program in the client's place."""

    def write(program: str) -> Path:
        path = tmp_path / "client"
        path.write_text(f"#!{sys.executable}\n{program}", encoding="utf-8")
        path.chmod(0o755)
        return path

    return write


def test_the_screen_shows_what_is_drawn(run: Run) -> None:
    terminal = run(r"print('one\ntwo\x1b[1;5H\x1b[31mred\x1b[0m'); input()")
    terminal.wait_for("two")
    assert terminal.screen()[:2] == ["one red", "two"]
    assert terminal.buffer.buffer[0][4].fg == "red"


def test_a_program_gets_what_is_typed_and_pressed(run: Run) -> None:
    terminal = run("print('ready'); print('got', input())")
    terminal.wait_for("ready")
    terminal.type("wörds")
    terminal.press("enter")
    terminal.wait_for("got wörds")


def test_ctrl_c_reaches_the_program(run: Run) -> None:
    terminal = run(
        "import time\ntry: print('ready'); time.sleep(30)\nexcept KeyboardInterrupt: print('bye')"
    )
    terminal.wait_for("ready")
    terminal.press("ctrl-c")
    terminal.wait_for("bye")


def test_a_program_may_ask_its_terminal(run: Run) -> None:
    """The client asks at the start what kind of terminal it is in."""
    terminal = run(
        "import sys, tty; tty.setcbreak(0); print('\\x1b[6n', end='', flush=True);"
        "print('answer', ascii(sys.stdin.read(6)))"
    )
    terminal.wait_for("answer '\\x1b[1;1R'")


@pytest.mark.parametrize(
    "sequence", [b"\x1b[>4;2m", b"\x1b[<u", b"\x1b[>0q", b"\x1bP+q544e\x1b\\", b"\x1b_Gi=1\x1b\\"]
)
def test_sequences_unknown_to_the_screen_leave_no_trace(run: Run, sequence: bytes) -> None:
    """Wherever the pieces are cut in which they arrive."""
    terminal = run("input()")
    for line, cut in enumerate(range(1, len(sequence))):
        terminal._feed(b"a" + sequence[:cut])
        terminal._feed(sequence[cut:] + b"b\r\n")
        assert terminal.screen()[line] == "ab"
        assert not terminal.buffer.buffer[line][1].underscore


def test_waiting_in_vain_tells_what_stood_there(run: Run) -> None:
    terminal = run("print('something else'); input()")
    terminal.wait_for(lambda seen: seen.text.startswith("something"))
    with pytest.raises(TimeoutError, match=r"'words' not seen within 0.1 s:\nsomething else"):
        terminal.wait_for("words", 0.1)


def test_closing_ends_even_a_stubborn_program_and_what_it_started(run: Run, tmp_path: Path) -> None:
    terminal = run(
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('child', child.pid, 'end', flush=True)\n"
        "time.sleep(60)"
    )
    terminal.wait_for("end")
    child = int(terminal.text.split()[1])
    terminal.close()
    assert terminal.process.returncode is not None
    assert _ends(child)


def test_closing_does_not_wait_for_a_program_that_left_the_group(run: Run) -> None:
    terminal = run(
        "import subprocess, sys\n"
        "code = 'import time; time.sleep(8)'\n"
        "subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
        "print('started')"
    )
    terminal.wait_for("started")
    terminal.process.wait(5)
    began = time.monotonic()
    terminal.close()
    assert time.monotonic() - began < 2


def test_a_session_gets_through_the_question_of_trust(
    signed_in: Home, stand_in: Callable[[str], Path]
) -> None:
    """With the refusal chosen, as newer versions have it."""
    program = stand_in(
        "import sys, tty\n"
        "tty.setcbreak(0)\n"
        f"print('\\x1b[2J\\x1b[H{CHOSEN} No, exit\\n  Yes, I trust this folder', flush=True)\n"
        "assert sys.stdin.read(3) == '\\x1b[B'\n"
        f"print('\\x1b[2J\\x1b[H  No, exit\\n{CHOSEN} Yes, I trust this folder', flush=True)\n"
        "assert sys.stdin.read(1) == '\\n'\n"
        f"print('\\x1b[2J\\x1b[H{BOX}\\n{CHOSEN} \\n{BOX}', flush=True)\n"
        "words = ''\n"
        "while not words.endswith('\\n'): words += sys.stdin.read(1)\n"
        "print('prompt', ascii(words)); input()\n"
    )
    with ClaudeSession(program, signed_in) as session:
        session.start(10)
        session.prompt("do it")
        session.wait_for(r"prompt 'do it\n'")


def test_a_session_that_never_gets_ready_says_what_stood_there(
    signed_in: Home, stand_in: Callable[[str], Path]
) -> None:
    with (
        ClaudeSession(stand_in("print('not signed in'); input()"), signed_in) as session,
        pytest.raises(TimeoutError, match="not signed in"),
    ):
        session.start(0.5)


def test_a_stream_session_speaks_json_lines(
    signed_in: Home, stand_in: Callable[[str], Path]
) -> None:
    program = stand_in(
        "import json, sys\n"
        "print('no json', flush=True)\n"
        "for line in sys.stdin:\n"
        "    words = json.loads(line)['message']['content'][0]['text']\n"
        "    print(json.dumps({'type': 'result', 'result': words.upper()}), flush=True)\n"
    )
    with StreamSession(program, signed_in) as session:
        session.prompt("one")
        assert session.wait_for(lambda message: True)["result"] == "ONE"
        session.prompt("two")
        assert session.wait_for(lambda message: True, start=1)["result"] == "TWO"
        with pytest.raises(TimeoutError, match="no such message"):
            session.wait_for(lambda message: True, 0.1, start=2)
    assert session.process.returncode == 0


def test_a_one_shot_run_sees_only_its_own_environment(
    signed_in: Home, stand_in: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")
    program = stand_in("import os, sys; print(sys.argv[1:], 'ANTHROPIC_API_KEY' in os.environ)")
    done = run_once(program, signed_in, ["hello"])
    assert (done.returncode, done.stdout) == (0, "['-p', 'hello'] False\n")


def _ends(pid: int) -> bool:
    """Whether a process is gone within 5 s, or waits to be reaped by someone else."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False
