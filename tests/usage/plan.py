"""What the tests of this room share: a configuration, a login, and a server that tells."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccfb.drill.api import Answer, FakeApi, Request
from usage.claude_meter_standin import ORGANIZATION, iso

NOW = 1_800_000_000.0
RESET = NOW + 7200.0

TOKEN = "sk-ant-oat01-test-0123456789"
ACCOUNT = {
    "accountUuid": "00000000-0000-4000-8000-000000000001",
    "emailAddress": "me@example.com",
    "organizationUuid": ORGANIZATION,
}


@dataclass
class Source:
    enabled: bool = True
    every: float = 60.0


@dataclass
class Sources:
    claude_meter: Source = field(default_factory=Source)
    usage_endpoint: Source = field(default_factory=lambda: Source(every=1200.0))


OFF = Source(enabled=False)
PROGRAM = Sources(usage_endpoint=OFF)
ENDPOINT = Sources(claude_meter=OFF)


def sign_in(home: Path, *, token: Any = TOKEN, expires: float = NOW + 100_000.0) -> Path:
    """Write the client's files, and return the one with the token."""
    (home / ".claude").mkdir(exist_ok=True)
    (home / ".claude.json").write_text(json.dumps({"oauthAccount": ACCOUNT}))
    login = {"accessToken": token, "refreshToken": "r", "expiresAt": int(expires * 1000)}
    path = home / ".claude" / ".credentials.json"
    path.write_text(json.dumps({"claudeAiOauth": login}))
    path.chmod(0o600)
    return path


ANSWER: Mapping[str, Any] = {
    "five_hour": {"utilization": 96.0, "resets_at": iso(RESET)},
    "seven_day": {"utilization": 41, "resets_at": iso(RESET + 86_400)},
    "seven_day_opus": None,
    "extra_usage": {"is_enabled": False, "utilization": None},
}


class UsageApi(FakeApi):
    """The server, as far as it tells of usage; what it answers may be changed at any time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told = Answer(200, ANSWER)

    def answer(self, request: Request) -> Answer:
        unknown = super().answer(request)
        return self.told if request.path == "/api/oauth/usage" else unknown
