"""Requests to the fake API, as the client sends them."""

import http.client
import json
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ccfb.drill.api import FakeApi

PLAN = "Bearer sk-ant-oat01-invented"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def ask(
    api: FakeApi,
    body: dict[str, Any] | None = None,
    *,
    host: str = "api.anthropic.com",
    path: str = "/v1/messages?beta=true",
    **headers: str,
) -> Reply:
    """One request through the proxy, as the client sends it."""
    proxy = urlsplit(api.proxy)
    trust = ssl.create_default_context(cafile=api.ca)
    connection = http.client.HTTPSConnection(
        proxy.hostname or "", proxy.port, context=trust, timeout=5
    )
    connection.set_tunnel(host, 443)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", path, json.dumps(body or {}), sent or {"Authorization": PLAN})
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, received, answer.read())
    finally:
        connection.close()
