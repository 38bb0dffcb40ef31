"""`ccfb config`: what ccfb may do by itself, and with which providers."""

from typing import Any

import click
from pydantic import ValidationError

from ccfb import config, engine, paths
from ccfb.billing.machine import Tick
from ccfb.cli import health, show
from ccfb.config import Config
from ccfb.errors import CcfbError

ALLOWED = {
    "mode": "auto (at a limit your key is billed until the reset), off (nothing by itself)",
    "providers": f"names with commas between them, in order of preference, of: "
    f"{', '.join(config.PROVIDERS)}",
}


NAME = click.Choice(config.SETTABLE)


def complete_value(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[str]:
    """The values that the name before it can have."""
    if ctx.params.get("name") == "mode":
        return [mode for mode in ("auto", "off") if mode.startswith(incomplete)]
    *chosen, last = incomplete.split(",")
    left = [name for name in config.PROVIDERS if name not in chosen and name.startswith(last)]
    return [",".join([*chosen, name]) for name in left]


@click.group(
    "config",
    invoke_without_command=True,
    epilog=show.examples(
        ("ccfb config get", "all settings, and where each comes from"),
        ("ccfb config set mode auto", "switch at a limit, come back at the reset"),
        ("ccfb config set providers openrouter,anthropic", "OpenRouter first"),
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """What ccfb may do by itself, and with which providers.

    \b
    mode       auto or off; off until you say otherwise
    providers  names in order of preference; the first usable one is billed
    """  # noqa: D301 - click's sign for "don't wrap"
    if ctx.invoked_subcommand is None:
        ctx.invoke(get)


@command.command(
    "get",
    epilog=show.examples(
        ("ccfb config get", "all settings, and where each comes from"),
        ("ccfb config get mode", "one value, for scripts"),
    ),
)
@click.argument("name", type=NAME, required=False)
def get(name: str | None = None) -> None:
    """Print one setting, or all of them."""
    chosen = config.load()
    if name:
        click.echo(_text(chosen, name))
        return
    table = [
        (each, _text(chosen, each), "" if each in chosen.model_fields_set else "(default)")
        for each in config.SETTABLE
    ]
    click.echo("\n".join(show.columns(table)))


@command.command(
    "set",
    epilog=show.examples(
        ("ccfb config set mode auto", "switch at a limit, come back at the reset"),
        ("ccfb config set mode off", "never switch; a switch in force ends now"),
        ("ccfb config set providers anthropic,openrouter", "in order of preference"),
    ),
)
@click.argument("name", type=NAME)
@click.argument("value", shell_complete=complete_value)
def set_(name: str, value: str) -> None:
    """Change a setting, at once and for all sessions."""
    chosen = _with(config.load(), name, value)
    before = health.state().billing
    config.save(chosen)
    click.echo(f"{name} is now {_text(chosen, name)}.")
    state, _ = engine.step(Tick())
    if state.billing != before:
        click.echo(f"{health.billed(state)} Running sessions follow within about a second.")
    if state.hold:
        held = f"You chose {show.biller(state.billing)} by hand, so nothing is switched."
        click.echo(f"{held} To let go: ccfb use auto")
    else:
        for line in health.at_a_limit(chosen):
            click.echo(line)
    if chosen.mode == "auto":
        health.warn_without_hooks()


@command.command("path", epilog=show.examples(("ccfb config path", "where config.json lies")))
def path() -> None:
    """Print where the configuration lies."""
    click.echo(paths.own("config.json"))


def _text(chosen: Config, name: str) -> str:
    value = getattr(chosen, name)
    return value if isinstance(value, str) else ",".join(value)


def _with(chosen: Config, name: str, value: str) -> Config:
    """The configuration with one value changed, if it is allowed."""
    parsed: Any = value.strip()
    if name == "providers":
        parsed = [part.strip() for part in value.split(",")]
        if len(set(parsed)) < len(parsed):
            raise _not_allowed(name, value)
    try:
        return Config.model_validate({**chosen.model_dump(), name: parsed})
    except ValidationError:
        raise _not_allowed(name, value) from None


def _not_allowed(name: str, value: str) -> CcfbError:
    return CcfbError("config-value", f"{name} can't be {value!r}.", f"Allowed: {ALLOWED[name]}")
