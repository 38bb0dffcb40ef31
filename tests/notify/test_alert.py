"""An alert is plain and short, whatever was put in; and each channel takes it for text only."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb.notify import TEXT, TITLE, Alert, desktop, terminal

HOSTILE = [
    "--urgency=critical",
    "-e beep",
    '" & (do shell script "touch /tmp/x") & "',
    "$(touch x) `touch x` ; touch x",
    "'; Remove-Item x; '",
    "<b>bold</b> <img src='http://127.0.0.1/'> &amp;",
    "back\\slash \\n \\x1b",
    "\x1b]0;title\x07\x1b[2J\x9b31m",
    "two\r\nlines\tand\x00more",
    "{{ template }} {% raw %}",
    "\u202egnp.exe \ud800 \u200b",
    "9;4;1;50",
]


@given(st.text(), st.text(), st.booleans())
def test_an_alert_fits_into_a_pipe_at_once(title: str, text: str, urgent: bool) -> None:
    """4096 bytes is the least that a pipe takes without a reader."""
    alert = Alert(title=title, text=text, urgent=urgent)
    assert len(alert.title) <= TITLE
    assert len(alert.text) <= TEXT
    assert (alert.title + alert.text).isprintable()
    content = alert.model_dump_json().encode()
    assert len(content) < 4_096
    assert Alert.model_validate_json(content) == alert


def test_the_longest_alert_of_the_widest_letters_fits_as_well() -> None:
    for letter in "\U0001f600", '"', "\\":
        alert = Alert(title=letter * 1_000, text=letter * 1_000)
        assert len(alert.model_dump_json().encode()) < 4_096
        assert alert.text.endswith(f"{letter}…")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_gets_one_notification_and_nothing_else(text: str) -> None:
    sent = terminal.sequence(Alert(title=text, text=text))
    assert sent.startswith("\x1b]9;ccfb: ")
    assert sent.endswith("\a\a")
    assert sent[4:-2].isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_linux_gets_arguments_that_are_no_options_and_text_that_is_no_markup(text: str) -> None:
    alert = Alert(title=text, text=text)
    command = desktop.program(alert, "linux").command
    *options, end, title, body = command
    assert end == "--"
    assert options == ["notify-send", "--app-name=ccfb", "--urgency=normal"]
    assert title == f"ccfb: {alert.title}"
    assert "<" not in body
    assert html.unescape(body.replace("\\\\", "\\")) == alert.text
    assert "\\" not in body.replace("\\\\", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_macos_gets_arguments_to_a_script_that_is_always_the_same(text: str) -> None:
    alert = Alert(title=text, text=text)
    command = desktop.program(alert, "darwin").command
    assert command[:3] == ["osascript", "-e", desktop.SCRIPT]
    assert command[3:] == [f"ccfb: {alert.title}", alert.text]


@pytest.mark.parametrize("text", HOSTILE)
def test_windows_gets_variables_for_a_script_that_is_always_the_same(text: str) -> None:
    alert = Alert(title=text, text=text)
    command, variables = desktop.program(alert, "win32")
    assert command[0] == "powershell"
    assert command[-1] == desktop.TOAST
    assert set(variables.values()) == {f"ccfb: {alert.title}", alert.text}


def test_what_is_urgent_stays_on_the_screen() -> None:
    alert = Alert(title="a question", urgent=True)
    assert "--urgency=critical" in desktop.program(alert, "linux").command
