"""`ccfb key`: where a provider's API key lies. The key itself is never an argument."""

import re
import sys

import click

from ccfb import config, effects, gate, providers, secrets
from ccfb.billing import store
from ccfb.billing.events import Tick
from ccfb.cli import health, show
from ccfb.cli.earlier import move_key
from ccfb.client import conflicts
from ccfb.config import CommandKey, StoredKey, VariableKey
from ccfb.errors import CcfbError

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ProviderChoice(click.Choice):  # type: ignore[type-arg]  # no generic before click 8.2
    """A provider's name; a key in its place isn't repeated on the screen."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take a known name only."""
        _refuse_key(value)
        return str(super().convert(value, param, ctx))


class KeyGroup(click.Group):
    """Doesn't repeat a key either that stands where a command should."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up `set` or `remove`."""
        _refuse_key(args[0])
        return super().resolve_command(ctx, args)


PROVIDER = ProviderChoice(config.PROVIDERS)


@click.group(
    "key",
    cls=KeyGroup,
    invoke_without_command=True,
    epilog=show.examples(
        ("ccfb key set anthropic", "asks for the key, without showing it"),
        ("ccfb key remove anthropic", "forget it"),
        ("ccfb key | wc -c", "the key that is billed now, for another program"),
    ),
)
@click.option("--reveal", is_flag=True, help="Print the key even if that is on a screen.")
@click.pass_context
def command(ctx: click.Context, reveal: bool) -> None:
    """Set or remove a provider's API key; alone, print the key that is billed now."""
    if ctx.invoked_subcommand is None:
        _print_active(reveal)


@command.command(
    "set",
    context_settings={"allow_extra_args": True},
    epilog=show.examples(
        ("ccfb key set anthropic", "asks for it, without showing it"),
        ("ccfb key set openrouter < key.txt", "from a file or a pipe"),
        ("ccfb key set anthropic --from-env MY_KEY", "read from there each time"),
        ("ccfb key set anthropic --from-command 'pass show anthropic'", "run each time"),
    ),
)
@click.argument("provider", type=PROVIDER)
@click.option("--from-env", metavar="VAR", help="Read it from this environment variable.")
@click.option("--from-command", metavar="CMD", help="Read it from this command's output.")
@click.pass_context
def set_(
    ctx: click.Context,
    provider: config.ProviderName,
    from_env: str | None,
    from_command: str | None,
) -> None:
    """Set PROVIDER's API key, from a prompt or from standard input.

    It is kept in the system keychain where one works, else in a file that only you can read. With
    --from-env or --from-command nothing is kept but the way to it: the variable has to be set
    where claude is started, the command has to print the key.
    """
    if ctx.args:
        raise _key_as_argument()
    if from_env is not None and from_command is not None:
        raise click.UsageError("--from-env and --from-command exclude each other.")
    move_key()
    chosen = config.load()
    if from_env is not None:
        key: config.Key = _variable(from_env)
    elif from_command is not None:
        key = _command(from_command)
    else:
        key = _stored(provider, _ask(provider))
    if not isinstance(key, StoredKey):
        secrets.forget(provider)
    config.save(chosen.model_copy(update={"keys": {**chosen.keys, provider: key}}))
    click.echo(_where(provider, key))
    if not isinstance(key, StoredKey):
        _try_out(provider, key)
    _trust_again(provider)


@command.command(
    "remove", epilog=show.examples(("ccfb key remove anthropic", "forget the key and its source"))
)
@click.argument("provider", type=PROVIDER)
def remove(provider: config.ProviderName) -> None:
    """Forget PROVIDER's key, and where it came from."""
    move_key()
    chosen = config.load()
    secrets.forget(provider)
    if provider not in chosen.keys:
        click.echo(f"There was no key for {provider}.")
        return
    left = {name: key for name, key in chosen.keys.items() if name != provider}
    config.save(chosen.model_copy(update={"keys": left}))
    click.echo(f"{provider}'s key is removed.")
    if health.state().billing == provider:
        show.warn(f"{provider} is billed now, and has no key any more.", "ccfb use subscription")


def _print_active(reveal: bool) -> None:
    if gate.due(gate.read_wake()):
        effects.step(Tick())
    switch = health.state().switch
    if not switch:
        raise CcfbError(
            "no-key-in-use",
            "Billing is on the subscription: no key is in use.",
            "To set one: ccfb key set PROVIDER. To use it: ccfb use PROVIDER",
        )
    if sys.stdout.isatty() and not reveal:
        raise CcfbError(
            "key-on-screen",
            "This would show the key on the screen.",
            "If that is what you want: ccfb key --reveal",
        )
    click.echo(secrets.read(switch.provider, config.load().key_source(switch.provider)))


def _ask(provider: str) -> str:
    """The key from a prompt that doesn't show it, or from standard input."""
    if sys.stdin.isatty():
        question = f"API key for {provider} (not shown)"
        secret = str(click.prompt(question, hide_input=True, default="", show_default=False))
    else:
        secret = sys.stdin.read()
    secret = secret.strip()
    if not secret:
        raise CcfbError(
            "key-empty",
            "That is no key: it is empty.",
            "Nothing was changed. Paste it, or pipe it in.",
        )
    if len(secret.split()) > 1 or not secret.isascii() or not secret.isprintable():
        raise CcfbError(
            "key-malformed",
            "That is no key: it has spaces, line breaks or special characters in it.",
            "Nothing was changed. Copy the key alone.",
        )
    return secret


def _stored(provider: str, secret: str) -> StoredKey:
    for other, known in providers.ALL.items():
        if other != provider and secret.startswith(known.key_hint):
            raise CcfbError(
                "key-of-another",
                f"This is a key for {other}, not for {provider}.",
                f"Nothing was changed. If it is the one you mean: ccfb key set {other}",
            )
    _warn_of_looks(provider, secret)
    return StoredKey(source=secrets.store(provider, secret))


def _variable(name: str) -> VariableKey:
    if not VARIABLE.fullmatch(name):
        raise CcfbError(
            "variable-name",
            "--from-env takes the name of a variable, not a key.",
            "For example: ccfb key set anthropic --from-env MY_ANTHROPIC_KEY",
        )
    return VariableKey(source="variable", name=name)


def _command(line: str) -> CommandKey:
    if not line.strip() or any(each.key_hint in line for each in providers.ALL.values()):
        raise CcfbError(
            "key-command",
            "--from-command takes a command that prints the key, and doesn't contain it.",
            "Nothing was changed. For example: --from-command 'pass show anthropic'",
        )
    return CommandKey(source="command", command=line)


def _try_out(provider: str, key: config.Key) -> None:
    """Read the key once, while somebody is there to see what is wrong."""
    try:
        _warn_of_looks(provider, secrets.read(provider, key.model_dump()))
    except CcfbError as error:
        show.warn(error.message, "It is read again each time it is needed.")
    if isinstance(key, VariableKey) and key.name in conflicts.BEFORE_THE_PLAN:
        show.warn(
            f"claude itself bills {key.name} where it is set, and then never the plan.",
            "Give the variable a name of its own.",
        )


def _warn_of_looks(provider: str, secret: str) -> None:
    hint = providers.ALL[provider].key_hint
    if not secret.startswith(hint):
        show.warn(f"This doesn't look like a key for {provider}: those begin with {hint}")


def _where(provider: str, key: config.Key) -> str:
    if isinstance(key, VariableKey):
        return f"{provider}'s key is read from the variable {key.name}."
    if isinstance(key, CommandKey):
        return f"{provider}'s key is read from the output of: {key.command}"
    if key.source == "keychain":
        return f"{provider}'s key is in the system keychain."
    place = secrets.file_of(provider)
    return (
        f"{provider}'s key is in a file only you can read, because no keychain works here: {place}"
    )


def _trust_again(provider: str) -> None:
    """With a new key, a provider that has refused gets another chance, and a limit its answer."""
    with store.locked():
        state = store.load()
        before = state.billing
        if state.failed.pop(provider, None) is not None:
            store.save(state)
    state, _ = effects.step(Tick())
    if state.billing != before:
        click.echo(f"{health.billed(state)} Running sessions follow within about a second.")


def _refuse_key(word: str) -> None:
    if any(word.startswith(provider.key_hint) for provider in providers.ALL.values()):
        raise _key_as_argument()


def _key_as_argument() -> CcfbError:
    return CcfbError(
        "key-as-argument",
        "A key can't be given as an argument: it would stay in the shell's history, and every "
        "program on this machine could read it.",
        "Paste it at the prompt of: ccfb key set PROVIDER. A real key typed here is best replaced.",
    )
