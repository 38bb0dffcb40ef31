"""What the user says is taken at its word, and what can't be read is never guessed."""

import stat
from pathlib import Path

import pytest

from ccfb import config, paths
from ccfb.config import CommandKey, Config, Models, StoredKey, VariableKey
from ccfb.errors import CcfbError


def write(content: str | bytes) -> Path:
    path = Path(paths.own("config.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_without_a_file_nothing_is_spent() -> None:
    assert config.load() == Config(mode="off", keys={}, models={})


def test_what_is_saved_is_loaded() -> None:
    chosen = Config(
        mode="auto",
        providers=["openrouter", "anthropic"],
        keys={
            "anthropic": CommandKey(source="command", command="pass show it"),
            "openrouter": VariableKey(source="variable", name="KEY"),
        },
        models={"openrouter": Models(opus="some/model")},
    )
    config.save(chosen)
    assert config.load() == chosen


def test_the_file_holds_only_what_was_said(home: Path) -> None:
    config.save(Config(mode="auto", keys={"anthropic": StoredKey(source="keychain")}))
    path = home / ".claude" / "ccfb" / "config.json"
    assert path.read_text() == (
        '{\n  "mode": "auto",\n  "keys": {\n    "anthropic": {\n'
        '      "source": "keychain"\n    }\n  }\n}\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("", "line 1"),
        ('{\n"mode": auto}', "line 2"),
        (b"\xff\xfe{}", "line 1"),
        ("[]", "config.json"),
        ('{"mode": "on"}', "mode"),
        ('{"mode": true}', "mode"),
        ('{"mod": "auto"}', "mod"),
        ('{"providers": ["anthropic", "nobody"]}', "providers.1"),
        ('{"providers": "anthropic"}', "providers"),
        ('{"keys": {"anthropic": {"source": "variable"}}}', "keys.anthropic"),
        ('{"keys": {"anthropic": {"source": "command", "command": ""}}}', "keys.anthropic"),
        ('{"keys": {"anthropic": {"source": "file", "path": "/x"}}}', "keys.anthropic"),
        ('{"models": {"anthropic": {"opus": 5}}}', "models.anthropic.opus"),
    ],
)
def test_a_wrong_word_is_an_error_that_names_its_place(content: str | bytes, place: str) -> None:
    write(content)
    with pytest.raises(CcfbError, match=place) as caught:
        config.load()
    assert caught.value.reference == "config-invalid"
    assert "nothing is switched" in caught.value.hint


def test_a_file_that_cant_be_read_is_an_error_of_ours() -> None:
    """The engine takes it for `off`; anything else would keep it from coming back."""
    Path(paths.own("config.json")).mkdir(parents=True)
    with pytest.raises(CcfbError) as caught:
        config.load()
    assert caught.value.hint


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """Some keep their configuration elsewhere, with their other dotfiles."""
    path = write("{}")
    elsewhere = tmp_path / "dotfiles.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    config.save(Config(mode="auto"))
    assert path.is_symlink()
    assert config.load().mode == "auto"
    assert elsewhere.exists()


def test_every_provider_that_can_be_named_exists() -> None:
    from ccfb import providers  # noqa: PLC0415

    assert set(config.PROVIDERS) == set(providers.ALL)


def test_claude_config_dir_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    config.save(Config(mode="auto"))
    assert (tmp_path / "elsewhere" / "ccfb" / "config.json").exists()
    assert config.load().mode == "auto"
