"""A PATH of the test's own, and a server on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from usage.claude_meter_standin import ClaudeMeter
from usage.plan import UsageApi

NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def path(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, besides the system's; a real `claude-meter` is in neither."""
    for name in NETWORK:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    folder = home / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def meter(path: Path) -> ClaudeMeter:
    return ClaudeMeter(path)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UsageApi]:
    """The server; behind a proxy, as in many offices."""
    with UsageApi(tmp_path / "api") as api:
        monkeypatch.setenv("HTTPS_PROXY", api.proxy)
        monkeypatch.setenv("SSL_CERT_FILE", str(api.ca))
        yield api
