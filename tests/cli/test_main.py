"""The frame: lazy verbs, help, completion, and the one place where errors end."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest
from syrupy.assertion import SnapshotAssertion

from ccfb import cli, paths
from ccfb.cli import health
from ccfb.errors import CcfbError
from cli.console import Run, environment

LOADED = """
import sys
from ccfb import cli
cli.run(sys.argv[1:])
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""

HELP = [
    (),
    ("install-hooks",),
    ("uninstall-hooks",),
    ("key",),
    ("key", "set"),
    ("key", "remove"),
    ("config",),
    ("config", "show"),
    ("config", "get"),
    ("config", "set"),
    ("config", "unset"),
    ("config", "update"),
    ("config", "path"),
    ("status",),
    ("yes",),
    ("no",),
    ("wait",),
    ("estimate",),
    ("use",),
    ("log",),
    ("notify",),
    ("notify", "test"),
    ("completion",),
]


def loaded(spawn: Run, *arguments: str) -> set[str]:
    return set(spawn("-c", LOADED, *arguments).err.split())


def test_help_and_version_import_no_verb(spawn: Run) -> None:
    for option in ("--help", "--version"):
        ours = {name for name in loaded(spawn, option) if name.startswith("ccfb")}
        assert ours == {"ccfb", "ccfb.cli", "ccfb.errors"}


def test_status_imports_no_other_verb_nor_engine_nor_keychain(spawn: Run) -> None:
    modules = loaded(spawn, "status")
    verbs = {module for module, _ in cli.VERBS.values()}
    assert modules & verbs == {"ccfb.cli.status"}
    assert not modules & {"keyring", "ccfb.engine", "ccfb.billing.machine", "ccfb.drill"}


def test_every_verb_of_the_table_is_there() -> None:
    context = click.Context(cli.root)
    for verb in cli.VERBS:
        command = cli.root.get_command(context, verb)
        assert isinstance(command, click.Command)
        assert command.name in {verb, "command"}


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_help_shows_examples(
    ccfb: Run, snapshot: SnapshotAssertion, words: tuple[str, ...]
) -> None:
    shown = ccfb(*words, "--help")
    assert shown.code == 0
    assert "Examples:" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 100
    assert shown.out == snapshot


def test_alone_it_shows_its_help(ccfb: Run) -> None:
    assert ccfb() == ccfb("--help")


def test_version(ccfb: Run) -> None:
    assert ccfb("--version").out.startswith("ccfb 0.")


def break_status(monkeypatch: pytest.MonkeyPatch, problem: BaseException) -> None:
    """Let a verb end in a problem."""

    def fail() -> NoReturn:
        raise problem

    monkeypatch.setattr(health, "report", fail)


def test_an_error_tells_what_to_do_next(ccfb: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_status(monkeypatch, CcfbError("no-luck", "It did not work.", "Try again."))
    shown = ccfb("status")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "error: It did not work. [no-luck]\nhint: Try again.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("staus",), "error: No such command: staus. Did you mean status?\nhint: ccfb --help\n"),
        (("xyzzy",), "error: No such command 'xyzzy'.\nhint: ccfb --help\n"),
        (("status", "--jason"), "hint: ccfb status --help\n"),
        (("use", "gemini"), "'subscription', 'anthropic', 'openrouter', 'auto'"),
        (("use",), "hint: ccfb use --help\n"),
        (("log", "--limit", "0"), "hint: ccfb log --help\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_words_end_with_the_right_ones(
    ccfb: Run, words: tuple[str, ...], message: str
) -> None:
    shown = ccfb(*words)
    assert (shown.code, shown.out) == (2, "")
    assert message in shown.err


def test_a_fault_of_ours_is_one_line_and_a_traceback_in_the_log(
    ccfb: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_status(monkeypatch, RuntimeError("a bug,\nin two lines"))
    shown = ccfb("status")
    log = Path(paths.own("ccfb.log"))
    assert shown.code == 70
    assert shown.err == (
        "error: ccfb failed: RuntimeError: a bug, in two lines [unexpected]\n"
        "hint: The traceback is in HOME/.claude/ccfb/ccfb.log\n"
    )
    assert "    Traceback (most recent call last):\n" in log.read_text()
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_a_fault_that_no_log_can_hold_is_shown(
    ccfb: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".claude").write_text("in the way")
    break_status(monkeypatch, RuntimeError("a bug"))
    shown = ccfb("status")
    assert shown.code == 70
    assert "Traceback (most recent call last):" in shown.err
    assert shown.err.endswith("error: ccfb failed: RuntimeError: a bug [unexpected]\n")


def test_a_file_out_of_reach_is_named(ccfb: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_status(monkeypatch, PermissionError(13, "Permission denied", "/some/file"))
    shown = ccfb("status")
    assert shown.code == 1
    assert shown.err.startswith("error: /some/file: Permission denied [no-access]\n")


def test_ctrl_c_is_no_fault(ccfb: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_status(monkeypatch, KeyboardInterrupt())
    shown = ccfb("status")
    assert (shown.code, shown.err.strip()) == (130, "error: Stopped.")


def test_a_reader_who_has_enough_is_no_fault(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ccfb", "status"],
        env=environment(home),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""


PERIODS = ("session", "window", "day", "month")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ccfb u", ["uninstall-hooks", "use"]),
        ("ccfb use ", ["subscription", "anthropic", "openrouter", "auto"]),
        ("ccfb key ", ["remove", "set"]),
        ("ccfb key set o", ["openrouter"]),
        ("ccfb config set budget.", [f"budget.{per}" for per in PERIODS]),
        ("ccfb config set mode ", ["ask", "auto", "notify", "off"]),
        ("ccfb config set providers a", ["anthropic"]),
        ("ccfb config set providers anthropic,", ["anthropic,openrouter"]),
        ("ccfb log --", ["--limit", "--json", "--help"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_shell_completes(spawn: Run, line: str, offered: list[str]) -> None:
    words = str(line.count(" "))
    shown = spawn("-m", "ccfb", _CCFB_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=words)
    assert sorted(shown.out.split()) == sorted(f"plain,{word}" for word in offered)


def test_completing_verbs_imports_none(spawn: Run) -> None:
    script = "import sys, atexit\n"
    script += "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr))\n"
    script += "from ccfb import cli; cli.main()"
    shown = spawn("-c", script, _CCFB_COMPLETE="zsh_complete", COMP_WORDS="ccfb ", COMP_CWORD="1")
    assert "install-hooks" in shown.out
    assert not {name for name in shown.err.split() if name.startswith("ccfb.cli.")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_says_how_to_install_it(ccfb: Run, shell: str) -> None:
    shown = ccfb("completion", shell)
    assert "_CCFB_COMPLETE" in shown.out
    last = shown.out.splitlines()[-1]
    assert last.startswith("# To install it: ")
    assert f"ccfb completion {shell}" in last


def test_bash_takes_the_completion_script(home: Path, ccfb: Run) -> None:
    script = ccfb("completion", "bash").out + "\ncomplete -p ccfb"
    bash = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "_ccfb_completion ccfb" in bash.stdout
