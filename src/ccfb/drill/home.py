"""A home folder for one run: signed in with an invented subscription, and nothing else in it."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TOKEN = "sk-ant-oat01-drill-0000000000000000000000000000"  # noqa: S105 - invented
REFRESH_TOKEN = "sk-ant-ort01-drill-0000000000000000000000000000"  # noqa: S105 - invented

#: The default script of the fake API asks for `echo`, and nobody is there to allow it.
SETTINGS: Mapping[str, Any] = {"permissions": {"allow": ["Bash(echo:*)"]}}

_YEAR_SECONDS = 365 * 86400


class Home:
    """A temporary home folder with a login, a trusted project and user settings.

    The form of the login is what 2.1.88 to 2.1.329 accept.

    Args:
        root: The home folder; created if missing.
        proxy: `HTTPS_PROXY` for everything that runs here.
        ca: The certificate authority of that proxy.
        settings: The client's user settings; `None` writes no file.
        config_dir: Say where `.claude` is, in `CLAUDE_CONFIG_DIR`. On macOS the client then looks
            for a keychain entry of that folder's own, and never finds the user's login.
    """

    def __init__(
        self,
        root: Path,
        *,
        proxy: str,
        ca: Path,
        settings: Mapping[str, Any] | None = SETTINGS,
        config_dir: bool = sys.platform == "darwin",
    ) -> None:
        # The client knows its projects by their real path.
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self.project = self.root / "project"
        self.claude = self.root / ".claude"
        self.settings = self.claude / "settings.json"
        self._proxy = proxy
        self._ca = ca
        self._config_dir = config_dir
        self._sign_in()
        if settings is not None:
            self.settings.write_text(json.dumps(settings, indent=2) + "\n")

    def env(self, **more: str) -> dict[str, str]:
        """The whole environment for the client and for `ccfb`: nothing of the user's own.

        Args:
            more: Further variables.
        """
        env = {
            "HOME": str(self.root),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "SHELL": "/bin/sh",
            "TMPDIR": str(self.root / "tmp"),
            "CLAUDE_CODE_TMPDIR": str(self.root / "tmp"),
            "DISABLE_AUTOUPDATER": "1",
            "HTTPS_PROXY": self._proxy,
            "NODE_EXTRA_CA_CERTS": str(self._ca),
            # The user's keychain stays closed.
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        if os.geteuid() == 0:
            env["IS_SANDBOX"] = "1"
        if self._config_dir:
            env["CLAUDE_CONFIG_DIR"] = str(self.claude)
        return env | more

    def transcripts(self) -> list[Path]:
        """Every transcript, oldest first."""
        found = (self.claude / "projects").glob("*/*.jsonl")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def find_secrets(self, needles: Iterable[bytes]) -> list[tuple[Path, bytes]]:
        """Every file below the home that holds one of `needles`, the login itself left out."""
        wanted = list(needles)
        found = []
        for path in sorted(self.root.rglob("*")):
            if not path.is_file() or path.is_symlink() or path == self._credentials:
                continue
            with contextlib.suppress(FileNotFoundError):  # a client still tidies up
                content = path.read_bytes()
                found += [(path, needle) for needle in wanted if needle in content]
        return found

    @property
    def _credentials(self) -> Path:
        return self.claude / ".credentials.json"

    def _sign_in(self) -> None:
        for folder in (self.project, self.claude, self.root / "tmp"):
            folder.mkdir(exist_ok=True)
        login = {
            "accessToken": TOKEN,
            "refreshToken": REFRESH_TOKEN,
            "expiresAt": int((time.time() + _YEAR_SECONDS) * 1000),
            "scopes": ["user:inference", "user:profile", "user:sessions:claude_code"],
            "subscriptionType": "max",
            "rateLimitTier": "default_claude_max_5x",
        }
        self._credentials.write_text(json.dumps({"claudeAiOauth": login}))
        self._credentials.chmod(0o600)
        account = {
            "accountUuid": "00000000-0000-4000-8000-000000000001",
            "emailAddress": "drill@example.invalid",
            "organizationUuid": "00000000-0000-4000-8000-000000000002",
            "organizationName": "Drill",
            "organizationRole": "admin",
        }
        state = {
            "hasCompletedOnboarding": True,
            "lastOnboardingVersion": "9.9.9",
            "theme": "dark",
            "oauthAccount": account,
            "projects": {str(self.project): {"hasTrustDialogAccepted": True}},
        }
        place = self.claude if self._config_dir else self.root
        (place / ".claude.json").write_text(json.dumps(state))
