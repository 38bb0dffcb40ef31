"""`ccfb drill`: proof on the user's own machine, for free, and nothing is left of it."""

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ccfb.errors import CcfbError

if TYPE_CHECKING:
    from ccfb.drill.story import Stage, Step

EXAMPLES = """\b
Examples:
  ccfb drill
  ccfb drill --provider openrouter
  ccfb drill --client ~/bin/claude
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--provider",
    type=click.Choice(["anthropic", "openrouter"]),
    default="anthropic",
    show_default=True,
    help="Who is billed when the plan refuses.",
)
@click.option(
    "--client",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The client's program; by default the `claude` on PATH.",
)
@click.option("--replay", is_flag=True, help="Replay recorded payloads, even if there is a client.")
def command(provider: str, client: Path | None, *, replay: bool) -> None:
    """Play "limit, goes on with the key, reset, back" on this machine.

    Your own claude runs in a temporary home, signed in with an invented subscription. It
    talks to a fake API on this machine; every other host is refused. It costs nothing,
    touches neither your files nor your keys, and nothing is left of it.
    """
    try:
        from ccfb.drill import replay as replaying  # noqa: PLC0415
        from ccfb.drill import story  # noqa: PLC0415
    except ImportError as error:
        raise CcfbError(
            "drill-not-installed",
            f"The drill needs the package {error.name}.",
            "Install it: pip install 'ccfb[drill]'",
        ) from None
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that nothing is left then either
    found = None if replay else client or _on_path()
    with (
        tempfile.TemporaryDirectory(prefix="ccfb-drill-", ignore_cleanup_errors=True) as folder,
        story.Stage(Path(folder), provider) as stage,
    ):
        if found:
            version = _version(found, stage.home.env())
            click.echo(f"Claude Code {version}, a fake API on loopback, a temporary home.\n")
            stage.install()
            try:
                story.play(stage, found, _show)
            except TimeoutError as error:
                raise CcfbError(
                    "drill-failed", f"This didn't happen: {error}", "Please report it."
                ) from None
        else:
            version = replaying.VERSION
            click.echo("No claude here: recorded payloads run through the same hooks.\n")
            stage.install()
            replaying.play(stage, _show)
        click.echo()
        _verdict(stage, version)


def _show(step: "Step") -> None:
    took = "" if step.seconds is None else f"{step.seconds:6.2f} s"
    mark = click.style("✓", fg="green", bold=True)
    detail = click.style(f"  {step.detail}", dim=True) if step.detail else ""
    click.echo(f"  {mark} {took:>8}  {step.title}{detail}")


def _verdict(stage: "Stage", version: str) -> None:
    counts = stage.count()
    billed = ", ".join(f"{number} on {name}" for name, number in sorted(counts.items()))
    refused = len({refusal.host for refusal in stage.api.refused})
    click.echo(click.style("It works here.", fg="green", bold=True) + f" Claude Code {version}")
    if counts:
        click.echo(
            f"Requests: {billed}; none billed after the reset. Other hosts: {refused}, all refused."
        )
    click.echo("No key was found in any file but its own. Cost: $0.00. The temporary home is gone.")


def _on_path() -> Path | None:
    found = shutil.which("claude")
    return Path(found) if found else None


def _version(client: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        [client, "--version"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise CcfbError("client-broken", f"{client} --version: {done.stderr.strip()}")
    return done.stdout.split()[0]
