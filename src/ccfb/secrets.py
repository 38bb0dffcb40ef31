"""Where a provider's key comes from: keychain, file, environment variable or command.

The client runs `hooks/api_key.py`, and so this module, at every switch, and waits for it:
`keyring` is imported only for keys that lie in the keychain.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from ccfb import paths
from ccfb.errors import CcfbError

SERVICE = "ccfb"
"""Under this name, with the provider as user, a key lies in the keychain."""

PATIENCE = 20.0
"""Seconds that a key command may take: some ask for a fingerprint."""

LOOK = "Run it yourself, and see what it says."

PLACES = {
    "variable": "The variable {name}",
    "command": "The output of the key command",
    "keychain": "The system keychain",
    "file": "The key file",
}


def read(provider: str, key: Mapping[str, Any]) -> str:
    """A provider's key, from the source that `config.json` names.

    Raises:
        CcfbError: There is none, or its source doesn't give it.
    """
    source = key.get("source")
    if source == "variable":
        found = os.environ.get(key["name"], "")
    elif source == "command":
        found = _run(key["command"])
    elif source == "keychain":
        found = _from_keychain(provider)
    elif source == "file":
        found = _from_file(provider)
    else:
        raise CcfbError(
            "no-key", f"There is no key for {provider}.", f"Set one: ccfb key set {provider}"
        )
    if not found.isascii() or len(found.split()) != 1:
        raise CcfbError(
            "key-missing",
            f"{PLACES[source].format(**key)} holds no key for {provider}.",
            f"Set it anew: ccfb key set {provider}",
        )
    return found.strip()


def store(provider: str, secret: str) -> Literal["keychain", "file"]:
    """Keep a key in the system keychain where one works, else in a file of mode 0600."""
    forget(provider)
    if _into_keychain(provider, secret):
        return "keychain"
    from ccfb import files  # noqa: PLC0415

    files.make_own_dir()
    os.makedirs(os.path.dirname(file_of(provider)), mode=0o700, exist_ok=True)
    files.replace(file_of(provider), secret.encode() + b"\n")
    return "file"


def forget(provider: str) -> None:
    """Remove a stored key from wherever it lies."""
    with suppress(Exception):  # each keychain has errors of its own, also for "there is none"
        _keychain().delete_password(SERVICE, provider)
    with suppress(FileNotFoundError):
        os.unlink(file_of(provider))


def file_of(provider: str) -> str:
    """Where a provider's key lies when no keychain works."""
    return os.path.join(paths.own("keys"), provider)


def _into_keychain(provider: str, secret: str) -> bool:
    """Whether the keychain took the key, and gave it back when asked."""
    try:
        chain = _keychain()
        chain.set_password(SERVICE, provider, secret)
        return bool(chain.get_password(SERVICE, provider) == secret)
    except Exception:  # noqa: BLE001 - each keychain has errors of its own
        return False


def _from_keychain(provider: str) -> str:
    try:
        return _keychain().get_password(SERVICE, provider) or ""
    except Exception as error:  # noqa: BLE001 - each keychain has errors of its own
        raise CcfbError(
            "keychain-closed",
            f"The system keychain doesn't give {provider}'s key: {error}",
            f"Unlock it, or set the key anew: ccfb key set {provider}",
        ) from None


def _keychain() -> Any:
    import keyring  # noqa: PLC0415

    return keyring.get_keyring()


def _run(command: str) -> str:
    import subprocess  # noqa: PLC0415

    try:
        done = subprocess.run(  # noqa: S602 - the user's own command line
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise CcfbError(
            "key-command-slow",
            f"The key command took more than {PATIENCE:.0f} seconds.",
            LOOK,
        ) from None
    except subprocess.CalledProcessError as error:
        raise CcfbError(
            "key-command-failed",
            f"The key command ended with exit code {error.returncode}.",
            LOOK,
        ) from None
    return done.stdout


def _from_file(provider: str) -> str:
    try:
        with open(file_of(provider), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CcfbError(
            "key-unreadable",
            f"{file_of(provider)} can't be read: {error.strerror}.",
            f"Set the key anew: ccfb key set {provider}",
        ) from None
