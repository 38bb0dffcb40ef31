"""The client's `apiKeyHelper`: it prints the key of the provider that is billed now.

The client sends whatever it prints, and an empty token when it fails (seen on 2.1.105 to
2.1.329). So a session that has missed the way back to the plan gets no key: an error is better
than a bill.
"""

import os
import sys
import time

from ccfb import gate, paths, secrets
from ccfb.client import signals
from ccfb.errors import CcfbError

NOT_BILLED = "not-billed"


def main(provider: str, packages: str) -> None:
    """Print a provider's key, or say on standard error why not, and exit with 1."""
    try:
        key = answer(provider, packages)
    except CcfbError as error:
        if error.reference != NOT_BILLED:  # as it should be
            gate.log("ApiKeyHelper", error)
        sys.exit(f"ccfb: {error.message} {error.hint}".strip())
    print(key)  # noqa: T201 - what it is for


def measures(wake: dict[str, object]) -> bool:
    """Whether nothing else looks after the budget: headless sessions have no status line."""
    interactive = os.environ.get(signals.ENTRYPOINT) == signals.INTERACTIVE
    return bool(wake.get("capped")) and not (interactive and wake.get("drawn"))


def answer(provider: str, packages: str) -> str:
    """A provider's key, as long as it is the one to bill.

    Raises:
        CcfbError: It isn't, or the key can't be had.
    """
    wake = gate.read_wake()
    if wake.get("marker") != provider or gate.due(wake) or measures(wake):
        gate.wake_engine("ApiKeyHelper", {}, packages)
        wake = gate.read_wake()
    if wake.get("marker") != provider:
        # While a key is in its cache, nobody waits for us: the session reloads meanwhile.
        time.sleep(gate.RELOAD)
        raise CcfbError(NOT_BILLED, f"Billing is not on {provider} any more.")
    word = gate.read(paths.own("config.good.json")) or gate.read(paths.own("config.json"))
    keys = word.get("keys")
    key = keys.get(provider) if isinstance(keys, dict) else None
    key = key if isinstance(key, dict) else {}
    if key.get("source") == "keychain":
        gate.reach_packages(packages)
    found = secrets.read(provider, key)
    if gate.read_wake().get("marker") != provider:
        # The settings changed meanwhile: the client would send this key to the next host (seen
        # on 2.1.105 to 2.1.329).
        raise CcfbError(NOT_BILLED, f"Billing is not on {provider} any more.")
    return found
