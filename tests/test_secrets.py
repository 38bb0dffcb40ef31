"""Where keys come from and where they are kept; that they show up nowhere else."""

import os
import stat
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import keyring
import keyring.backend
import keyring.errors
import pytest

from ccfb import config, paths, secrets
from ccfb.errors import CcfbError

SECRET = "sk-ant-api03-not-a-real-one"
FILE = {"source": "file"}
KEYCHAIN = {"source": "keychain"}


class Chain(keyring.backend.KeyringBackend):
    """A keychain in memory."""

    priority = 1.0
    kept: ClassVar[dict[tuple[str, str], str]] = {}

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("not found")


class Forgetful(Chain):
    """Takes every password, and gives none back."""

    def get_password(self, service: str, username: str) -> str | None:
        return super().get_password(service, f"not {username}")


class Broken(Chain):
    """Fails in ways of its own, with the password in its mouth."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"no bus for {service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError(f"cannot store {service} {username} {password}")


class Locked(Chain):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


class Missing(Chain):
    """As on a server: there is none."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.NoKeyringError("none")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.NoKeyringError("none")

    def delete_password(self, service: str, username: str) -> None:
        raise keyring.errors.NoKeyringError("none")


NO_CHAIN = Missing()


@pytest.fixture(autouse=True)
def chain() -> Iterator[None]:
    """No test reaches the machine's own keychain."""
    before = keyring.get_keyring()
    keyring.set_keyring(NO_CHAIN)
    Chain.kept.clear()
    yield
    keyring.set_keyring(before)


def written(home: Path) -> dict[str, bytes]:
    """Every file below the home folder."""
    return {path.name: path.read_bytes() for path in home.rglob("*") if path.is_file()}


# Keeping


def test_the_keychain_keeps_a_key_where_one_works(home: Path) -> None:
    keyring.set_keyring(Chain())
    assert secrets.store("anthropic", SECRET) == "keychain"
    assert secrets.read("anthropic", KEYCHAIN) == SECRET
    assert written(home) == {}


@pytest.mark.parametrize(
    "backend", [NO_CHAIN, Forgetful(), Broken(), Locked()], ids=lambda each: type(each).__name__
)
def test_without_a_working_keychain_a_file_keeps_it(
    home: Path, backend: keyring.backend.KeyringBackend
) -> None:
    keyring.set_keyring(backend)
    before = os.umask(0)
    try:
        assert secrets.store("openrouter", SECRET) == "file"
    finally:
        os.umask(before)
    assert secrets.read("openrouter", FILE) == SECRET
    keys = home / ".claude" / "ccfb" / "keys"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (keys.parent, keys, keys / "openrouter")]
    assert modes == [0o700, 0o700, 0o600]


def test_each_provider_has_its_own() -> None:
    secrets.store("anthropic", "one")
    secrets.store("openrouter", "two")
    assert secrets.read("anthropic", FILE) == "one"
    secrets.forget("anthropic")
    assert secrets.read("openrouter", FILE) == "two"


def test_a_new_key_replaces_the_old_one_wherever_it_was(home: Path) -> None:
    secrets.store("anthropic", "old")
    keyring.set_keyring(Chain())
    assert secrets.store("anthropic", SECRET) == "keychain"
    assert written(home) == {}


@pytest.mark.parametrize(
    "backend", [NO_CHAIN, Chain(), Broken()], ids=lambda each: type(each).__name__
)
def test_forgetting_what_isnt_there_is_fine(backend: keyring.backend.KeyringBackend) -> None:
    keyring.set_keyring(backend)
    secrets.forget("anthropic")


def test_a_forgotten_key_is_gone(home: Path) -> None:
    keyring.set_keyring(Chain())
    secrets.store("anthropic", SECRET)
    secrets.forget("anthropic")
    assert Chain.kept == {}
    keyring.set_keyring(NO_CHAIN)
    secrets.store("anthropic", SECRET)
    secrets.forget("anthropic")
    assert written(home) == {}


# Reading


def command(line: str) -> dict[str, str]:
    return {"source": "command", "command": line}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ({"source": "variable", "name": "MY_KEY"}, SECRET),
        (command(f"echo {SECRET}"), SECRET),
        (command(f"printf '\\n{SECRET}\\r\\n\\n'"), SECRET),
        (command(f"echo noise >&2; printf {SECRET}"), SECRET),
        (command("cat; echo $MY_KEY"), SECRET),
    ],
    ids=["variable", "command", "newlines", "noise", "no stdin to wait for"],
)
def test_a_key_is_read_from_its_source(
    monkeypatch: pytest.MonkeyPatch, key: dict[str, str], expected: str
) -> None:
    monkeypatch.setenv("MY_KEY", f" {SECRET}\n")
    assert secrets.read("anthropic", key) == expected


@pytest.mark.parametrize(
    ("key", "reference"),
    [
        ({}, "no-key"),
        ({"source": "elsewhere"}, "no-key"),
        ({"source": "variable", "name": "NO_SUCH_VARIABLE"}, "key-missing"),
        (FILE, "key-missing"),
        (KEYCHAIN, "keychain-closed"),
        (command("true"), "key-missing"),
        (command("echo; echo ' '"), "key-missing"),
        (command(f"echo {SECRET}; echo and more"), "key-missing"),
        (command(f"echo {SECRET}; exit 3"), "key-command-failed"),
        (command(f"echo {SECRET} >&2; kill -9 $$"), "key-command-failed"),
        (command(f"echo {SECRET}; sleep 60"), "key-command-slow"),
        (command(f"(sleep 60; echo {SECRET}) | cat"), "key-command-slow"),
        (command("no-such-command-anywhere"), "key-command-failed"),
        (command(f"printf '{SECRET}\\377'"), "key-missing"),
    ],
    ids=str,
)
def test_a_source_that_gives_none_says_so_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, key: dict[str, str], reference: str
) -> None:
    monkeypatch.setattr(secrets, "PATIENCE", 0.5)
    started = time.monotonic()
    with pytest.raises(CcfbError) as caught:
        secrets.read("anthropic", key)
    assert time.monotonic() - started < 10
    assert caught.value.reference == reference
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.hint)
    assert SECRET not in shown.replace(str(key), "")


@pytest.mark.parametrize(
    "backend", [Broken(), Locked(), NO_CHAIN], ids=lambda each: type(each).__name__
)
def test_a_keychain_that_fails_is_an_error_of_ours(
    backend: keyring.backend.KeyringBackend,
) -> None:
    """Else one locked keychain would keep every hook from doing its work."""
    keyring.set_keyring(backend)
    with pytest.raises(CcfbError, match="keychain"):
        secrets.read("anthropic", KEYCHAIN)


@pytest.mark.parametrize("problem", ["a folder", "not text"])
def test_a_key_file_that_cant_be_read_is_an_error_of_ours(home: Path, problem: str) -> None:
    file = home / ".claude" / "ccfb" / "keys" / "anthropic"
    file.parent.mkdir(parents=True)
    if problem == "a folder":
        file.mkdir()
    else:
        file.write_bytes(b"\xff\xfe" + SECRET.encode())
    with pytest.raises(CcfbError) as caught:
        secrets.read("anthropic", FILE)
    assert SECRET not in str(caught.value)


def test_a_keychain_is_loaded_only_for_keys_that_lie_there(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets.store("anthropic", SECRET)
    monkeypatch.setenv("MY_KEY", SECRET)
    for name in [name for name in sys.modules if name.split(".")[0] == "keyring"]:
        monkeypatch.delitem(sys.modules, name)
    for key in (FILE, command("echo x"), {"source": "variable", "name": "MY_KEY"}):
        assert secrets.read("anthropic", key)
    assert "keyring" not in sys.modules


# Elsewhere


def test_the_configuration_holds_sources_and_no_secret(home: Path) -> None:
    source = secrets.store("anthropic", SECRET)
    config.save(config.Config(keys={"anthropic": config.StoredKey(source=source)}))
    files = written(home)
    assert SECRET.encode() not in files["config.json"]
    assert [name for name, content in files.items() if SECRET.encode() in content] == ["anthropic"]


@pytest.mark.parametrize(
    "keys",
    [
        f'{{"anthropic": "{SECRET}"}}',
        f'{{"anthropic": {{"source": "file", "value": "{SECRET}"}}}}',
        f'{{"anthropic": {{"source": "{SECRET}"}}}}',
        f'{{"{SECRET}": "anthropic"}}',
        f'["{SECRET}"]',
        f'"{SECRET}"',
    ],
)
def test_a_key_written_into_the_configuration_by_hand_isnt_repeated(keys: str) -> None:
    path = Path(paths.own("config.json"))
    path.parent.mkdir(parents=True)
    path.write_text(f'{{"keys": {keys}}}')
    with pytest.raises(CcfbError) as caught:
        config.load()
    assert SECRET not in caught.value.message
