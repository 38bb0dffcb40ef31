"""What the client's `apiKeyHelper` prints: a key while its provider is billed, else nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keyring
import orjson
import pytest

from ccfb import config, paths, secrets
from ccfb.billing import store
from ccfb.billing.model import State, Switch, Wake
from scripts import ROOT, House

SECRET = "sk-ant-api03-not-a-real-one"
NULL_CHAIN = "keyring.backends.null.Keyring"


@pytest.fixture
def house(home: Path, tmp_path: Path) -> House:
    return House(home, tmp_path / "house")


@pytest.fixture(autouse=True)
def no_keychain() -> None:
    """No test reaches the machine's own."""
    keyring.set_keyring(keyring.core.load_keyring(NULL_CHAIN))


def keys(**sources: dict[str, str]) -> None:
    path = Path(paths.own("config.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps({"keys": sources}))


def ask(provider: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the helper of this checkout, with the real engine."""
    return subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "hooks" / "api_key.py", provider],
        env={
            "HOME": os.environ["HOME"],
            "PATH": os.environ["PATH"],
            "PYTHON_KEYRING_BACKEND": NULL_CHAIN,
            **variables,
        },
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


def billed(provider: str, ahead: float = 3600.0) -> None:
    """Bill a provider, until some seconds from now."""
    now = time.time()
    os.makedirs(paths.own_dir(), exist_ok=True)
    switch = Switch(
        provider=provider,
        reason="limit",
        window="five_hour",
        resets_at=now + ahead,
        since=now,
    )
    wake = Wake(at=now + ahead, marker=provider, resets_at=now + ahead)
    store.save(State(switch=switch, wake=wake, limits={"five_hour": now + ahead}))


@pytest.mark.parametrize(
    "source",
    [
        {"source": "file"},
        {"source": "variable", "name": "MY_KEY"},
        {"source": "command", "command": f"echo {SECRET}"},
    ],
    ids=lambda source: str(source["source"]),
)
def test_it_prints_the_key_of_the_provider_that_is_billed(
    house: House, source: dict[str, str]
) -> None:
    secrets.store("anthropic", SECRET)
    keys(anthropic=source)
    house.wakes_at(marker="anthropic", at=time.time() + 3600)
    house.variables["MY_KEY"] = SECRET
    done = house.run("api_key.py", b"", "anthropic")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{SECRET}\n".encode(), b"")
    assert not (house.home / "woken").exists()


def test_it_prints_no_key_while_the_plan_is_billed() -> None:
    keys(anthropic={"source": "variable", "name": "MY_KEY"})
    done = ask("anthropic", MY_KEY=SECRET)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not on anthropic" in done.stderr


def test_it_prints_no_key_of_another_provider() -> None:
    """Else one provider's key would go to another's host."""
    keys(
        anthropic={"source": "variable", "name": "MY_KEY"},
        openrouter={"source": "variable", "name": "OTHER"},
    )
    billed("openrouter")
    config_file = Path(paths.own("config.json"))
    chosen = orjson.loads(config_file.read_bytes())
    config_file.write_bytes(orjson.dumps({**chosen, "mode": "auto"}))
    done = ask("anthropic", MY_KEY=SECRET, OTHER="sk-or-other")
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("ahead", [-1.0, -86_400.0])
def test_from_the_reset_on_it_prints_none_and_billing_comes_back(ahead: float) -> None:
    secrets.store("anthropic", SECRET)
    config.save(config.Config(mode="auto", keys={"anthropic": config.StoredKey(source="file")}))
    billed("anthropic", ahead)
    done = ask("anthropic")
    assert (done.returncode, done.stdout) == (1, "")
    assert store.load().billing == "subscription"


@pytest.mark.parametrize("failure", ["RuntimeError", "SystemExit", "KeyboardInterrupt"])
def test_an_engine_that_fails_gets_no_key(house: House, failure: str) -> None:
    """Hooks fail open, money fails closed."""
    keys(anthropic={"source": "variable", "name": "MY_KEY"})
    house.variables["MY_KEY"] = SECRET
    house.raises(failure)
    house.wakes_at(marker="anthropic", at=time.time() - 1)
    done = house.run("api_key.py", b"", "anthropic")
    assert done.returncode
    assert done.stdout == b""


@pytest.mark.parametrize(
    "source",
    [
        None,
        {"source": "file"},
        {"source": "variable", "name": "NO_SUCH_VARIABLE"},
        {"source": "command", "command": f"echo {SECRET}; exit 1"},
        {"source": "keychain"},
        {"source": "elsewhere", "value": SECRET},
        "sk-ant-by-hand",
        ["list"],
    ],
    ids=str,
)
def test_without_a_key_it_says_why_and_nothing_else(source: Any) -> None:
    keys(**({"anthropic": source} if source else {}))
    config_file = Path(paths.own("config.json"))
    before = config_file.read_bytes()
    billed("anthropic")
    done = ask("anthropic")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr
    assert SECRET not in done.stderr
    assert config_file.read_bytes() == before
    log = Path(paths.own("ccfb.log"))
    assert not log.exists() or SECRET not in log.read_text()
