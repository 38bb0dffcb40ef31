"""What a user installs: a wheel that holds the hook scripts, and runs them by itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(path.name for path in (ROOT / "hooks").glob("*.py"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, machine: dict[str, str]) -> Path:
    """A clean environment with the wheel in it; gives its `bin`."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "uv is needed to build the wheel: https://docs.astral.sh/uv"

    def run(*arguments: str | Path) -> None:
        subprocess.run([uv, *arguments], check=True, env=machine, cwd=ROOT, capture_output=True)

    run("build", "--wheel", "--out-dir", folder)
    run("venv", "--python", sys.executable, folder / "env")
    (wheel,) = folder.glob("*.whl")
    run("pip", "install", "--python", folder / "env" / "bin" / "python", wheel)
    return folder / "env" / "bin"


def _run(home: Path, *command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return subprocess.run(
        command, input=stdin, env=env, text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name != "api_key.py"])
def test_each_hook_runs_from_the_wheel(installed: Path, home: Path, script: str) -> None:
    assert _run(home, installed / "ccfb", "install-hooks").returncode == 0
    settings = json.loads((home / ".claude" / "settings.json").read_text())
    commands = [
        hook["command"]
        for groups in settings["hooks"].values()
        for group in groups
        for hook in group["hooks"]
    ]
    commands.append(settings["statusLine"]["command"])
    (command,) = (command for command in commands if f"/{script}" in command)
    done = _run(home, "/bin/sh", "-c", command, stdin='{"session_id": "s", "cwd": "/"}')
    assert (done.returncode, done.stderr) == (0, "")
    log = home / ".claude" / "ccfb" / "ccfb.log"
    assert not log.exists(), log.read_text()


def test_the_helper_runs_from_the_wheel(installed: Path, home: Path) -> None:
    _run(home, installed / "ccfb", "key", "set", "anthropic", stdin="sk-ant-api03-wheel\n")
    used = _run(home, installed / "ccfb", "use", "anthropic")
    assert used.returncode == 0, used.stderr
    settings = json.loads((home / ".claude" / "settings.json").read_text())
    done = _run(home, "/bin/sh", "-c", settings["apiKeyHelper"])
    assert done.stdout.strip() == "sk-ant-api03-wheel"


def test_once_the_package_is_gone_the_hooks_do_nothing(
    installed: Path, home: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(installed.parent, gone, symlinks=True)
    _run(home, gone / "bin" / "python", "-m", "ccfb", "install-hooks")
    settings = json.loads((home / ".claude" / "settings.json").read_text())
    command = settings["hooks"]["Stop"][0]["hooks"][0]["command"]
    assert str(gone) in command
    shutil.rmtree(gone)
    done = _run(home, "/bin/sh", "-c", command, stdin="{}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
