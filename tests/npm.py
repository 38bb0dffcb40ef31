"""What the tests have npm install: once, outside of the checkout."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

# Taken at import, before any test has a home of its own: npm needs the machine's configuration.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("CLAUDE", "ANTHROPIC"))
}
CACHE = Path(
    os.environ.get("CCFB_TEST_CACHE") or Path(tempfile.gettempdir()) / "ccfb-test-clients"
).absolute()


def installed(
    name: str, packages: list[str], finish: Callable[[Path], None] = lambda _: None
) -> Path:
    """A folder with packages, and whatever else `finish` has put there.

    Raises:
        RuntimeError: There is no npm, or it couldn't install them.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / name
    with FileLock(CACHE / f"{name}.lock"):
        if not folder.exists():
            # Moved into place when it is whole: an interrupted run leaves nothing half done.
            with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{name}-") as part:
                whole = Path(part) / "whole"
                whole.mkdir()
                _install(whole, packages)
                finish(whole)
                whole.rename(folder)
    return folder


def _install(folder: Path, packages: list[str]) -> None:
    npm = shutil.which("npm", path=ENVIRONMENT.get("PATH"))
    if npm is None:
        raise RuntimeError("npm is needed: see https://nodejs.org")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", folder, *packages],
        capture_output=True,
        check=False,
        env=ENVIRONMENT,
        cwd=folder,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"npm couldn't install {packages}:\n{done.stdout}{done.stderr}")
