"""A headless Chromium that npm brings with its libraries and a font: no machine must have any."""

import os
import subprocess
import tempfile
from pathlib import Path

import npm

PACKAGES = [
    "@sparticuz/chromium@147.0.0",
    "playwright-core@1.65.1",
    "axe-core@4.14.1",
    "@expo-google-fonts/inter@0.4.2",
]
NAME = "chromium-147"
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/node_modules/@expo-google-fonts/inter</dir>
  <cachedir>{folder}/cache</cachedir>
</fontconfig>
"""
SCRIPTS = Path(__file__).parent / "browser"
TOOLS = {"PATH": npm.ENVIRONMENT.get("PATH", os.defpath)}


def run(script: str, *arguments: str | Path) -> str:
    """What a script prints that drives the browser.

    Raises:
        subprocess.CalledProcessError: It failed; what it said is on standard error.
    """
    folder = npm.installed(NAME, PACKAGES, _unpack)
    with tempfile.TemporaryDirectory() as home:
        fonts = Path(home) / "fonts.conf"
        fonts.write_text(FONTS.format(folder=folder))
        environment = TOOLS | {"HOME": home, "TMPDIR": home, "FONTCONFIG_FILE": str(fonts)}
        return _node(SCRIPTS / script, folder, *arguments, environment=environment)


def _unpack(folder: Path) -> None:
    """Once: the browser comes compressed."""
    there = folder / "browser"
    there.mkdir()
    # By this the package knows a machine that has none of the libraries.
    bare = {"HOME": str(there), "TMPDIR": str(there), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x"}
    _node(SCRIPTS / "unpack.mjs", folder, environment=TOOLS | bare)


def _node(script: Path, *arguments: str | Path, environment: dict[str, str]) -> str:
    return subprocess.run(
        ["node", script, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=240,
    ).stdout
