"""Makes `table.json`, which is shipped with the package: `python -m ccfb.prices.ship`.

From the installed `genai-prices`, brought into the form that it publishes. Never imported at run
time.
"""

import dataclasses
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from importlib.metadata import version
from typing import Any

from genai_prices import types
from genai_prices.data import providers as known

from ccfb.prices import compile as compiler
from ccfb.prices.table import PATH, Table


def published(providers: Iterable[types.Provider] = known) -> list[Any]:
    """What is published of providers, as far as prices go."""
    return [
        {
            "id": provider.id,
            "fallback_model_providers": provider.fallback_model_providers,
            "models": _plain(provider.models),
        }
        for provider in providers
    ]


def table(made: str) -> Table:
    """The table of the installed `genai-prices`."""
    return compiler.table(published(), f"genai-prices {version('genai-prices')}", made)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, types.ModelPrice) or dataclasses.is_dataclass(value):
        told = {key: each for key, each in vars(value).items() if each is not None}
        return {key.rstrip("_"): _plain(each) for key, each in told.items()}
    return value.isoformat() if isinstance(value, date | time) else value


def main(path: str = PATH) -> None:
    """Write the table."""
    compiled = compiler.render(table(datetime.now(UTC).date().isoformat()))
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(compiled)


if __name__ == "__main__":
    main(*sys.argv[1:])
