"""A key that an earlier tool kept in `config.json` goes where keys belong."""

from ccfb import config, providers, secrets
from ccfb.cli import show
from ccfb.config import StoredKey
from ccfb.config.earlier import provider_of
from ccfb.errors import CcfbError


def move_key() -> None:
    """Move `api_key` out of `config.json`, and say so; it stays where it can't be used."""
    try:
        values, chosen = config.read(), config.load()
    except CcfbError:
        return  # the command itself tells what is wrong
    key = values.get("api_key") or ""
    provider = provider_of(key)
    if not provider or provider in chosen.keys:
        return
    stored = StoredKey(source=secrets.store(provider, key.strip()))
    del values["api_key"]
    values["keys"] = {**values.get("keys", {}), provider: stored.model_dump()}
    config.write(values)
    place = "the system keychain" if stored.source == "keychain" else "a file only you can read"
    show.warn(
        f"api_key stood in config.json, open to whoever gets to see that file. It is {provider}'s "
        f"key now, in {place}.",
        "If the file was ever shared or backed up, have that key replaced.",
    )
    hint = providers.ALL[provider].key_hint
    if not key.strip().startswith(hint):
        show.warn(f"It doesn't look like a key for {provider}: those begin with {hint}")
