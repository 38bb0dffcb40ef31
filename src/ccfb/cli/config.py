"""`ccfb config`: what ccfb may do by itself, and with which providers."""

import difflib
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import click
import orjson
from pydantic import ValidationError

from ccfb import config, effects, paths, statusline
from ccfb.billing.events import Tick
from ccfb.billing.rules import DOWNGRADE, OF_ALL
from ccfb.cli import health, show
from ccfb.cli.earlier import move_key
from ccfb.config import Config, earlier, schema, wrong
from ccfb.config.schema import Node
from ccfb.config.values import Place, Values, get, has, put, remove, text
from ccfb.errors import CcfbError

NICKNAMES = {"weekly": "seven_day", "week": "seven_day", "5h": "five_hour", "session": "five_hour"}
"""What windows are called elsewhere."""

ELSEWHERE = {
    "keys": ("Keys are never arguments, and never in config.json.", "ccfb key set PROVIDER"),
    "alerts.urls": (
        "The addresses hold tokens, and arguments stay in the shell's history.",
        "Write them into the file: ccfb config path",
    ),
}
"""What is set in other ways."""

SELDOM = (
    "keys",
    "models",
    "plans.",
    "windows.seven_day_",
    "windows.outage.switch",
    "windows.outage.back",
)
"""What is shown only where it is set."""


def settings() -> list[str]:
    """Everything that can be set, by its dotted name."""
    names = map(_dotted, schema.leaves())
    return [name for name in names if not name.startswith(tuple(ELSEWHERE))]


def complete_name(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    """What can be set."""
    return [name for name in settings() if name.startswith(incomplete)]


def complete_said(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    """What stands in the file."""
    values = config.read()
    known = dict.fromkeys([*settings(), *values])
    return [name for name in known if has(values, _split(name)) and name.startswith(incomplete)]


def complete_value(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[str]:
    """The values that the name before it can have."""
    node = schema.node(_split(ctx.params.get("name") or "")) or {}
    *chosen, last = incomplete.split(",") if "items" in node else [incomplete]
    return [
        ",".join([*chosen, value])
        for value in _choices(node.get("items", node))
        if value.startswith(last) and value not in chosen
    ]


@click.group(
    "config",
    invoke_without_command=True,
    epilog=show.examples(
        ("ccfb config", "all settings, and where each comes from"),
        ("ccfb config set mode auto", "each window's policy decides, unasked"),
        ("ccfb config set budget.day 20", "dollars, over all sessions"),
        ("ccfb config set windows.seven_day.policy switch", "at the weekly limit too"),
        ("ccfb config set providers openrouter,anthropic", "OpenRouter first"),
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """What ccfb may do by itself, and with which providers.

    \b
    mode          ask, auto, notify or off
    providers     names in order of preference; the first usable one is billed
    windows.NAME  policy, switch_at and back_at of five_hour, seven_day, outage, ...
    budget        caps in dollars: session, window, day, month
    headless      what a question is answered with where nobody can be asked
    plan, plans   yours, and what each costs and holds, for ccfb report
    alerts, sources, models, status_line
    """  # noqa: D301 - click's sign for "don't wrap"
    if ctx.invoked_subcommand is None:
        ctx.invoke(show_)


@command.command(
    "show", epilog=show.examples(("ccfb config show", "all settings, and where each comes from"))
)
def show_() -> None:
    """Print all settings, and where each comes from."""
    move_key()
    chosen = config.load()
    click.echo("\n".join(show.columns(_table(chosen, config.read()))))
    _tell_words()


@command.command(
    "get", epilog=show.examples(("ccfb config get budget.day", "one value, for scripts"))
)
@click.argument("name", shell_complete=complete_name)
def get_(name: str) -> None:
    """Print one setting."""
    place = _place(name)
    move_key()
    click.echo(_shown(config.load(), place))


@command.command(
    "set",
    epilog=show.examples(
        ("ccfb config set mode auto", "each window's policy decides, unasked"),
        ("ccfb config set mode off", "never switch; a switch in force ends now"),
        ("ccfb config set providers anthropic,openrouter", "in order of preference"),
        ("ccfb config set budget.day 20", "dollars; none takes the cap away"),
        ("ccfb config set windows.five_hour.switch_at 90", "percent"),
        ("ccfb config set alerts.at 50,80", "percent"),
    ),
)
@click.argument("name", shell_complete=complete_name)
@click.argument("value", shell_complete=complete_value)
def set_(name: str, value: str) -> None:
    """Change a setting, at once and for all sessions."""
    for section, (message, hint) in ELSEWHERE.items():
        if name.startswith(section):
            raise CcfbError("config-elsewhere", message, hint)
    place = _place(name)
    if place == ("status_line",):
        _check_template(value)
    if place[0] == "windows":
        _check_window(str(place[1]), value)
    move_key()
    values = config.read()
    put(values, place, _parse(value, schema.node(place) or {}))
    try:
        config.write(values)
    except ValidationError as error:
        found = wrong.explain(error, values)
        if all(each.place[: len(place)] != place for each in found):
            config.load()  # tells what else is wrong
        raise _refused(place, value, found) from None
    chosen = config.load()
    click.echo(f"{name} is now {_shown(chosen, place)}.")
    _follow(name, chosen)


@command.command(
    "unset",
    epilog=show.examples(
        ("ccfb config unset budget.day", "back to the default"),
        ("ccfb config unset windows.five_hour", "all that was said of a window"),
    ),
)
@click.argument("name", shell_complete=complete_said)
def unset(name: str) -> None:
    """Take something out of config.json, right or wrong; the default holds again."""
    values, place = config.read(), _split(name)
    shown = wrong.dotted(place)
    if not remove(values, place):
        raise CcfbError("config-value", f"{shown} isn't set.", "What is: ccfb config show")
    try:
        config.write(values)
    except ValidationError:
        config.load()  # tells what else is wrong
        raise
    chosen = config.load()
    now = f" It is now {_shown(chosen, place)}." if _is_setting(place) else ""
    click.echo(f"{shown} is out of config.json.{now}")
    _follow(name, chosen)


@command.command(
    "update", epilog=show.examples(("ccfb config update", "after you came from an earlier tool"))
)
def update() -> None:
    """Say in today's words what an earlier tool's options in config.json say."""
    move_key()
    config.load()
    values = config.read()
    old = values.keys() & earlier.OPTIONS.keys() - {"api_key"}
    if not old:
        click.echo("Nothing in config.json is in an earlier tool's words.")
        return
    kept = {name: values[name] for name in ("$schema", "api_key") if name in values}
    config.write(kept | earlier.today(values))
    click.echo(f"config.json says in today's words: {', '.join(sorted(old))}.")
    _tell_words()


@command.command("path", epilog=show.examples(("ccfb config path", "where config.json lies")))
def path() -> None:
    """Print where the configuration lies."""
    click.echo(paths.own("config.json"))


def _table(chosen: Config, values: Values) -> Iterator[tuple[str, str, str]]:
    """All settings: name, value, and who has said so."""
    options: dict[Place, str] = {place: option for option, place, _ in earlier.readings(values)}
    mentioned = (place for name in chosen.windows for place in schema.leaves(("windows", name)))
    for place in dict.fromkeys([*schema.leaves(), *mentioned]):
        name = _dotted(place)
        if has(values, place):
            yield name, _shown(chosen, place), "config.json"
        elif place in options:
            yield name, _shown(chosen, place), f"config.json: {options[place]}"
        elif not name.startswith(SELDOM):
            yield name, _shown(chosen, place), "(default)"


def _shown(chosen: Config, place: Place) -> str:
    """A value for the eyes of anybody."""
    value = _value(chosen, place)
    if value and place[0] == "keys":
        return str(value["source"])
    if value and place == ("alerts", "urls"):
        return f"{len(value)}, not shown"
    return text(value)


def _value(chosen: Config, place: Place) -> Any:
    if place[0] == "windows":
        return getattr(chosen.window(str(place[1])), str(place[2]))
    return get(chosen.model_dump(), place)


def _tell_words() -> None:
    words = config.words()
    for word, after in zip_longest(words, words[1:]):
        hint = "" if after and after.hint == word.hint else word.hint
        show.warn(f"{word.option}: {word.meaning}", hint)


def _check_window(window: str, value: str) -> None:
    meant = NICKNAMES.get(window)
    if meant:
        raise CcfbError(
            "config-value", f"No window is called {window}.", f"Did you mean windows.{meant}?"
        )
    if value.startswith(DOWNGRADE) and window in OF_ALL:
        raise CcfbError(
            "config-value",
            f"{window} is every model's window: another one is no way out.",
            "downgrade is for a model's own, such as windows.seven_day_opus.policy",
        )


def _check_template(template: str) -> None:
    found = statusline.problems(template)
    if found:
        raise CcfbError("config-value", found[0], "The fields: " + ", ".join(statusline.FIELDS))


def _follow(name: str, chosen: Config) -> None:
    """Act on a change, and tell what it means for money."""
    before = health.state().billing
    state, _ = effects.step(Tick())
    if state.billing != before:
        click.echo(f"{health.billed(state)} Running sessions follow within about a second.")
        if state.switch:
            click.echo("A task that was cut off goes on where you say so.")
    if name not in {"mode", "providers"}:
        return
    if state.hold:
        held = f"You chose {show.biller(state.billing)} by hand, so nothing is switched."
        click.echo(f"{held} To let go: ccfb use auto")
    else:
        for line in health.at_a_limit(chosen):
            click.echo(line)
    if chosen.mode in {"ask", "auto"}:
        health.warn_without_hooks()


def _place(name: str) -> Place:
    """Where a setting stands in the file."""
    if name in earlier.OPTIONS:
        message = f"{name} is an earlier tool's option."
        raise CcfbError("config-earlier", message, earlier.OPTIONS[name])
    place = _split(name)
    if _is_setting(place):
        return place
    beside = schema.leaves(place[:-1]) if place[1:] else ()
    known = [*settings(), *map(_dotted, beside)]
    close = [each for each in known if each.startswith(f"{name}.")]
    close = close or difflib.get_close_matches(name, known, 1)
    meant = f"Did you mean {' or '.join(close)}?" if close else "There are: ccfb config show"
    raise click.UsageError(f"There is no setting {wrong.dotted(place)}. {meant}")


def _is_setting(place: Place) -> bool:
    node = schema.node(place)
    return node is not None and node.get("type") != "object"


def _split(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def _parse(value: str, node: Node) -> Any:
    """What somebody has typed, as it stands in the file; nonsense is left to the model."""
    kinds = {kind.get("type") for kind in schema.branches(node)}
    if value in {"none", "null"} and kinds & {"array", "null"}:
        return None if "null" in kinds else []
    if "array" in kinds:
        return [_parse(part.strip(), node["items"]) for part in value.split(",")]
    if kinds & {"boolean", "integer", "number"}:
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(value)
    return value


def _choices(node: Node) -> list[str]:
    """The words among the values that are allowed."""
    choices: list[str] = []
    for kind in schema.branches(node):
        words = {"boolean": ["true", "false"], "null": ["none"]}.get(kind.get("type", ""), [])
        choices += kind.get("enum", words)
    return choices


def _refused(place: Place, value: str, found: list[wrong.Wrong]) -> CcfbError:
    """Why a value can't be set: by itself, or with the others."""
    if all(each.place[: len(place)] != place for each in found):
        return CcfbError("config-value", found[0].text, "Nothing was changed.")
    allowed = schema.allowed(place).replace("null", "none")
    commas = ", with commas between" if allowed.startswith("a list") else ""
    message = f"{_dotted(place)} can't be {wrong.shown(value)}."
    return CcfbError("config-value", message, f"Allowed: {allowed}{commas}")
