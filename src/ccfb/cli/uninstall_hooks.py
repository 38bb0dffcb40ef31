"""`ccfb uninstall-hooks`: billing back to the subscription, and our entries out again."""

import os
import shutil
import time

import click

from ccfb import config, effects, gate, paths, secrets
from ccfb.billing import store
from ccfb.billing.events import Chosen, Tick
from ccfb.billing.model import SUBSCRIPTION
from ccfb.cli import health, show
from ccfb.client import conflicts, registration, settings


@click.command(
    "uninstall-hooks",
    epilog=show.examples(
        ("ccfb uninstall-hooks", "keeps your keys, configuration and ledger"),
        ("ccfb uninstall-hooks --dry-run", "only show what would change"),
        ("ccfb uninstall-hooks --purge", "removes those as well, after a question"),
    ),
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--purge", is_flag=True, help="Remove keys, configuration and ledger as well.")
def command(dry_run: bool, purge: bool) -> None:
    """Take ccfb out of Claude Code's user settings again.

    Billing goes back to the subscription first. Where nobody else has changed the file since, it
    is as it was before, to the byte; your own status line is back.
    """
    if dry_run:
        _preview()
        return
    if purge:
        question = f"Remove your API keys and everything in {paths.own_dir()} too?"
        click.confirm(question, abort=True, err=True)
    before = health.state()
    _return_to_subscription()
    uninstalled = registration.uninstall()
    _let_go(hold=before.hold and not before.switch)
    if uninstalled:
        click.echo(f"Uninstalled: hooks and status line are out of {paths.settings()}")
    else:
        click.echo("There was nothing of ccfb in the settings, nothing changed.")
    if purge:
        _purge()
    elif os.path.isdir(paths.own_dir()):
        click.echo(f"Kept: configuration, ledger and log, in {paths.own_dir()}, and your keys.")
        click.echo("To remove them too: ccfb uninstall-hooks --purge")


def _preview() -> None:
    state = health.state()
    if state.switch:
        click.echo(f"First, billing goes from {show.biller(state.billing)} to the subscription.\n")
    change = registration.preview_uninstall()
    click.echo(show.diff(change) if change else "There is nothing of ccfb in the settings.")


def _return_to_subscription() -> None:
    """Revert a switch, and take out our variables once running sessions have seen them empty."""
    values = settings.read(paths.settings()).values
    before = health.state()
    if before.switch or before.displaced is not None or conflicts.bills_a_key(values):
        effects.step(Chosen(SUBSCRIPTION))
        with store.locked():
            state = store.load()
            state.limits, state.near = {}, {}  # nothing is asked or spared any more
            store.save(state)
        effects.step(Tick())
    if before.switch or conflicts.bills_a_key(values):
        click.echo("Billing is back on the subscription.")
    state = health.state()
    if state.tidy_at is None:
        return
    time.sleep(max(0.0, state.settled_at + gate.RELOAD - time.time()))
    with store.locked():
        state = store.load()
        state.tidy_at = time.time()
        store.save(state)
    effects.step(Tick())


def _let_go(*, hold: bool) -> None:
    """Forget the choice that was only made to uninstall, now that no hook can switch again."""
    if health.state().hold != hold:
        with store.locked():
            state = store.load()
            state.hold = hold
            store.save(state)


def _purge() -> None:
    for provider in config.PROVIDERS:
        secrets.forget(provider)
    if os.path.isdir(paths.own_dir()):
        shutil.rmtree(paths.own_dir())
    click.echo(f"Removed: your keys, and {paths.own_dir()}")
