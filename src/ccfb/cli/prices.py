"""`ccfb prices`: what a token costs, and how fresh that is."""

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import orjson

from ccfb.cli import show
from ccfb.errors import CcfbError
from ccfb.prices import Price, Rates, price, table
from ccfb.prices import update as updating

PROVIDERS = ("anthropic", "openrouter")

OLD = 90
"""Days after which prices may well have changed."""

NAMED = 5
"""New models that are named."""


class PricesGroup(click.Group):
    """Takes what is no command of its own for the name of a model."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up `update`, or a model."""
        known = args[0] in self.commands
        return super().resolve_command(ctx, args if known else ["model", *args])


@click.group(
    "prices",
    cls=PricesGroup,
    invoke_without_command=True,
    subcommand_metavar="[MODEL | update]",
    epilog=show.examples(
        ("ccfb prices", "which table is in force, and how old it is"),
        ("ccfb prices claude-opus-5-5", "what that model costs, at each provider"),
        ("ccfb prices --json", "for scripts, also with a model; schema_version 1"),
        ("ccfb prices update", "fetch today's prices"),
    ),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show what models cost, and how old the prices are.

    They are shipped with ccfb, and work offline; only `ccfb prices update` fetches newer ones.
    """
    ctx.obj = as_json
    if ctx.invoked_subcommand is not None:
        return
    if as_json:
        click.echo(orjson.dumps(_table_envelope(), option=orjson.OPT_INDENT_2))
    else:
        click.echo(show.rows(_about()))
        if _age() > OLD:
            show.warn("These prices are old.", "ccfb prices update")


@command.command("model", hidden=True)
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; in dollars.")
@click.pass_obj
def model_(asked: bool, model: str, *, as_json: bool) -> None:
    """Show what a model costs, at each provider.

    Dollars per million tokens; a web search by the thousand.
    """
    found = {provider: _modes(provider, model) for provider in PROVIDERS}
    if not any(found.values()):
        raise CcfbError("unknown-model", f"No price is known for {model}.", _meant(model))
    if as_json or asked:
        click.echo(orjson.dumps(_envelope(model, found), option=orjson.OPT_INDENT_2))
    else:
        click.echo(show.rows((provider, _told(modes)) for provider, modes in found.items()))


@command.command(
    "update",
    epilog=show.examples(
        ("ccfb prices update", "from genai-prices, on GitHub"),
        ("ccfb prices update --from data.json", "where this machine has no internet"),
    ),
)
@click.option("--from", "source", metavar="URL|FILE", default=updating.URL, help="Another place.")
def update(source: str) -> None:
    """Fetch today's prices, for reports, budgets and estimates.

    They are checked before they are used; if anything about them is doubtful, all stays as it was.
    """
    found = updating.update(_today(), source)
    for title, models in found._asdict().items():
        if models:
            click.echo(f"{title}: {_few(models)}")
    if not any(found):
        click.echo("No price has changed.")


def _about() -> Iterator[tuple[str, list[str]]]:
    path = table.in_force()
    origin = "shipped with ccfb" if path == table.PATH else "fetched"
    known = table.current()
    yield "prices", [f"{origin}, {_days(_age())}", path]
    yield "source", [known["source"]]
    for provider, models in known["providers"].items():
        yield provider, [f"{len(models):,} models"]


def _age() -> int:
    """Days since the table was made."""
    made = datetime.fromisoformat(table.made(table.in_force()))
    return (datetime.fromisoformat(_today()) - made).days


def _days(age: int) -> str:
    return {0: "today", 1: "yesterday"}.get(age, f"{age} days ago")


def _today() -> str:
    return datetime.fromtimestamp(show.now(), UTC).date().isoformat()


def _modes(provider: str, model: str) -> dict[str, Price]:
    found = {
        mode: price(provider, model, show.now(), fast=mode == "fast")
        for mode in ("standard", "fast")
    }
    return {mode: known for mode, known in found.items() if known}


def _told(modes: dict[str, Price]) -> list[str]:
    """Dollars per million tokens, a line for each length of prompt that has rates of its own."""
    if not modes:
        return ["no price is known"]
    lines: list[tuple[str, ...]] = []
    for mode, known in modes.items():
        lines = lines or [(known.model, "input", "output", "cache read", "write 5m", "write 1h")]
        for above, *rates in known.tiers:
            name = f"{mode}, above {above:,} tokens" if above else mode
            lines.append((name, *map(_dollars, rates)))
    searches = [known.web_search for known in modes.values() if known.web_search][:1]
    return [*show.columns(lines), *(f"a thousand web searches: {_dollars(s)}" for s in searches)]


def _dollars(rate: float) -> str:
    """With cents, and with as many digits more as it has."""
    whole, _, part = f"{rate:,.6f}".rstrip("0").partition(".")
    return f"${whole}.{part:0<2}"


def _envelope(model: str, found: dict[str, dict[str, Price]]) -> dict[str, Any]:
    """The prices for machines: a contract, so names and kinds of values stay."""
    return {
        "schema_version": 1,
        "model": model,
        "made": table.made(table.in_force()),
        "providers": {
            provider: {
                mode: {
                    "model": known.model,
                    "per_million_tokens": [_rates(rates) for rates in known.tiers],
                    "per_thousand_web_searches": known.web_search,
                }
                for mode, known in modes.items()
            }
            for provider, modes in found.items()
        },
    }


def _table_envelope() -> dict[str, Any]:
    """The table for machines; a contract as well."""
    path = table.in_force()
    known = table.read(path)
    return {
        "schema_version": 1,
        "made": known["made"],
        "source": known["source"],
        "path": path,
        "models": {provider: len(models) for provider, models in known["providers"].items()},
    }


def _rates(rates: Rates) -> dict[str, float]:
    return {("above_tokens" if key == "above" else key): v for key, v in rates._asdict().items()}


def _meant(model: str) -> str:
    """What may have been meant by an unknown name."""
    names = [name for models in table.current()["providers"].values() for name in models]
    close = difflib.get_close_matches(model.lower(), names, 1)
    fresher = "It may be new: ccfb prices update"
    return f"Did you mean {close[0]}? {fresher}" if close else fresher


def _few(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
