"""Fresh prices, as `genai-prices` publishes them between its releases.

The only thing in the house that fetches prices, and only when the user says so.
"""

import json
import os
from typing import NamedTuple

from ccfb import files
from ccfb.errors import CcfbError
from ccfb.prices import compile as compiler
from ccfb.prices import table
from ccfb.prices.table import Dated, Table

URL = (
    "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main"
    "/prices/new_data/v2/data.json"
)
"""Where `genai-prices` 0.2.3 fetches its own updates from."""

PATIENCE = 15.0
"""Seconds to wait for the server, each time."""

STAYS = "The prices stay as they are."

LOST = 10
"""One model in so many may be gone from what is published; more of them make it doubtful."""


class Changes(NamedTuple):
    """What is new in a table; models as `provider: name`."""

    new: list[str]
    changed: list[str]
    """With another price than before."""
    gone: list[str]


def update(day: str, source: str = URL) -> Changes:
    """Fetch prices, and have them used from now on.

    Args:
        day: Today, as an ISO date.
        source: A URL, or a file.

    Raises:
        CcfbError: `prices-not-fetched`, `prices-not-understood` or `prices-doubtful`: then
            everything stays as it was.
    """
    content = _download(source) if "://" in source else _file(source)
    try:
        published = compiler.read(content)
    except ValueError as error:
        raise CcfbError(
            "prices-not-understood", f"What {source} holds isn't JSON: {error}.", STAYS
        ) from None
    rendered = compiler.render(compiler.table(published, "genai-prices, as published", day))
    fresh: Table = json.loads(rendered)
    before = table.current()
    doubt = doubts(before, fresh)
    if doubt:
        raise CcfbError("prices-doubtful", f"The prices of {source} aren't used: {doubt}.", STAYS)
    files.make_own_dir()
    files.replace(table.fetched(), rendered.encode())
    return changes(before, fresh)


def changes(before: Table, after: Table) -> Changes:
    """What has become of the models."""
    old, new = _priced(before), _priced(after)
    return Changes(
        new=[name for name in new if name not in old],
        changed=[name for name in new if name in old and new[name] != old[name]],
        gone=[name for name in old if name not in new],
    )


def doubts(before: Table, after: Table) -> str:
    """Why a table isn't to be trusted; empty if it is."""
    left = _priced(after)
    for provider, models in before["providers"].items():
        known = _priced({**before, "providers": {provider: models}})
        lost = [name for name in known if name not in left]
        if len(lost) * LOST > len(known):
            return f"{len(lost)} of {len(known)} models at {provider} would have no price any more"
        free = [name for name in known if "claude" in name and _free(left.get(name), known[name])]
        if free:
            return f"{free[0]} would cost nothing"
    if _newest(after) < _newest(before):
        return f"they are of {_newest(after)} at most, and prices of {_newest(before)} are known"
    return ""


def _priced(table: Table) -> dict[str, list[Dated]]:
    """The models that have a price today, with all that they cost and cost."""
    return {
        f"{provider}: {name}": entry["prices"]
        for provider, models in table["providers"].items()
        for name, entry in models.items()
        if entry["prices"][-1]["standard"]
    }


def _free(after: list[Dated] | None, before: list[Dated]) -> bool:
    """Whether a model costs nothing any more; a budget would never end."""
    return bool(
        after and any(before[-1]["standard"][0][1:]) and not all(after[-1]["standard"][0][1:3])
    )


def _newest(table: Table) -> str:
    """The last day on which a price changes."""
    return max(
        prices["since"]
        for models in table["providers"].values()
        for entry in models.values()
        for prices in entry["prices"]
    )


def _file(path: str) -> bytes:
    with open(os.path.expanduser(path), "rb") as file:
        return file.read()


def _download(url: str) -> bytes:
    import httpx  # noqa: PLC0415 - slow to import

    try:
        response = httpx.get(url, timeout=PATIENCE, follow_redirects=True)
        response.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise CcfbError(
            "prices-not-fetched",
            f"{url} can't be fetched: {why}.",
            f"{STAYS} Where this machine has no internet: ccfb prices update --from FILE.",
        ) from None
    return response.content
