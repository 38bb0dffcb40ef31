"""A home for one run: signed in, trusted, and with nothing of the user's own."""

import json
import os
from pathlib import Path

import pytest

from ccfb.drill.home import TOKEN, Home


def make(folder: Path, *, config_dir: bool = False) -> Home:
    return Home(folder, proxy="http://127.0.0.1:1", ca=Path("/ca.pem"), config_dir=config_dir)


def test_the_login_is_private_and_lasts(tmp_path: Path) -> None:
    credentials = make(tmp_path / "new").claude / ".credentials.json"
    assert credentials.stat().st_mode & 0o777 == 0o600
    assert json.loads(credentials.read_text())["claudeAiOauth"]["accessToken"] == TOKEN


@pytest.mark.parametrize("config_dir", [False, True])
def test_the_project_is_trusted_where_the_client_looks(tmp_path: Path, config_dir: bool) -> None:
    home = make(tmp_path / "new", config_dir=config_dir)
    place = home.claude if config_dir else home.root
    state = json.loads((place / ".claude.json").read_text())
    assert state["projects"] == {str(home.project): {"hasTrustDialogAccepted": True}}
    assert home.env().get("CLAUDE_CONFIG_DIR") == (str(home.claude) if config_dir else None)


def test_a_project_goes_by_its_real_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert make(tmp_path / "link").project == (tmp_path / "real" / "project").resolve()


def test_the_environment_holds_nothing_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/real")
    home = make(tmp_path)
    env = home.env(EXTRA="1")
    assert env["HOME"] == str(home.root)
    assert env["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert env["EXTRA"] == "1"
    assert not [name for name in env if name.startswith(("ANTHROPIC", "DBUS", "XDG"))]


def test_settings_are_written_only_if_given(tmp_path: Path) -> None:
    proxy, ca = "http://127.0.0.1:1", Path("/ca.pem")
    assert not Home(tmp_path / "none", proxy=proxy, ca=ca, settings=None).settings.exists()
    given = Home(tmp_path / "some", proxy=proxy, ca=ca, settings={"model": "opus"})
    assert json.loads(given.settings.read_text()) == {"model": "opus"}


def test_a_secret_is_found_wherever_it_lies(tmp_path: Path) -> None:
    home = make(tmp_path)
    assert home.find_secrets([TOKEN.encode()]) == []
    deep = home.claude / "a" / "b.bin"
    deep.parent.mkdir()
    deep.write_bytes(b"\x00\xffsk-secret\x00")
    (home.root / "link").symlink_to(deep)
    assert home.find_secrets([b"sk-secret", b"sk-other"]) == [(deep, b"sk-secret")]


def test_transcripts_come_oldest_first(tmp_path: Path) -> None:
    home = make(tmp_path)
    folder = home.claude / "projects" / "-project"
    folder.mkdir(parents=True)
    for number, name in enumerate(("b", "a", "c")):
        path = folder / f"{name}.jsonl"
        path.touch()
        os.utime(path, (number, number))
    assert [path.stem for path in home.transcripts()] == ["b", "a", "c"]
