"""`ccfb` on the command line: the table of verbs, and the one place where errors end.

A verb's module is imported when that verb runs; nothing else of the house is imported here.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from ccfb.errors import CcfbError

VERBS = {
    "install-hooks": ("ccfb.cli.install_hooks", "Put ccfb into Claude Code's settings"),
    "uninstall-hooks": ("ccfb.cli.uninstall_hooks", "Take it out again, to the byte"),
    "key": ("ccfb.cli.key", "Set, remove or print a provider's API key"),
    "config": ("ccfb.cli.config", "What ccfb may do by itself, and with which providers"),
    "status": ("ccfb.cli.status", "Who is billed now, why, until when, and what is wrong"),
    "yes": ("ccfb.cli.yes", "Go on beyond a limit, and be billed"),
    "no": ("ccfb.cli.no", "Stay on the plan until the reset"),
    "wait": ("ccfb.cli.wait", "Stay on the plan for now"),
    "estimate": ("ccfb.cli.estimate", "What work in a project would cost at your providers"),
    "use": ("ccfb.cli.use", "Choose by hand who is billed, also in running sessions"),
    "report": ("ccfb.cli.report", "What it cost, and who was billed"),
    "export": ("ccfb.cli.export", "Usage and events, for those with many machines"),
    "prices": ("ccfb.cli.prices", "What models cost, and fresh prices"),
    "log": ("ccfb.cli.log", "What happened: limits, switches, reverts"),
    "notify": ("ccfb.cli.notify", "Whether alerts reach you"),
    "drill": ("ccfb.cli.drill", "Prove it all on your own machine, for free"),
    "completion": ("ccfb.cli.completion", "Complete ccfb's words in your shell"),
}
"""Verb: the module with its `command`, and its summary."""

USER, USAGE, BUG, STOPPED = 1, 2, 70, 130
"""Exit codes: something the user can put right, wrong words, our fault, Ctrl-C."""


class Failure(NamedTuple):
    """What the user is told when a command ends early."""

    code: int
    message: str
    hint: str = ""
    reference: str = ""


class LazyGroup(click.Group):
    """Knows its verbs from the table, and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs, in the order in which a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up a verb, and guess what a misspelt one was meant to be."""
        close = [] if args[0] in VERBS else difflib.get_close_matches(args[0], VERBS, 1)
        if close and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command: {args[0]}. Did you mean {close[0]}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs by the table's summaries."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in VERBS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete verbs without importing any."""
        verbs = [
            CompletionItem(verb, help=summary)
            for verb, (_, summary) in VERBS.items()
            if verb.startswith(incomplete)
        ]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  ccfb install-hooks            once\n"
    "  ccfb key set anthropic        once for each key\n"
    "  ccfb yes 5                    asked at a limit: go on, for at most $5\n"
    "  ccfb status                   any time\n"
    "\n"
    "Each command says more: ccfb use --help",
)
@click.version_option(package_name="ccfb", message="ccfb %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Claude Code that doesn't stop at the limit.

    At your plan's limit you are asked, and the running session goes on with your API key; at the
    reset it comes back to the subscription.
    """
    if not _may_color():
        ctx.color = False
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """The entry point: run one command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        The exit code: 0, or 1 for what the user can put right, 2 for wrong words, 70 for a
        fault of ours, 130 for Ctrl-C.
    """
    try:
        code = root.main(list(arguments), prog_name="ccfb", standalone_mode=False)
    except CcfbError as error:
        failure = Failure(USER, error.message, error.hint, error.reference)
    except click.UsageError as error:
        help_ = f"{error.ctx.command_path} --help" if error.ctx else ""
        failure = Failure(USAGE, error.format_message(), help_)
    except click.Abort:
        failure = Failure(STOPPED, "Stopped.")
    except OSError as error:
        failure = _out_of_reach(error)
    except Exception as error:  # noqa: BLE001 - the user gets one line, the log the rest
        failure = _our_fault(error, arguments)
    else:
        return code if isinstance(code, int) else 0
    _tell(failure)
    return failure.code


def _out_of_reach(error: OSError) -> Failure:
    place = f"{error.filename}: " if error.filename else ""
    message = f"{place}{error.strerror or error}"
    return Failure(USER, message, "Put that right, then run the same command again.", "no-access")


def _our_fault(error: Exception, arguments: Sequence[str]) -> Failure:
    from ccfb import logbook  # noqa: PLC0415 - only when something is wrong

    verb = arguments[0] if arguments and arguments[0] in VERBS else "ccfb"
    log = logbook.keep_traceback(verb, error)
    if log is None:
        sys.excepthook(type(error), error, error.__traceback__)
    message = " ".join(f"ccfb failed: {type(error).__name__}: {error}".split())
    return Failure(BUG, message, f"The traceback is in {log}" if log else "", "unexpected")


def _tell(failure: Failure) -> None:
    color = None if _may_color() else False
    name = f" {click.style(f'[{failure.reference}]', dim=True)}" if failure.reference else ""
    error = f"{click.style('error:', fg='red')} {failure.message}{name}"
    click.echo(error, err=True, color=color)
    if failure.hint:
        click.echo(f"{click.style('hint:', dim=True)} {failure.hint}", err=True, color=color)


def _may_color() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
