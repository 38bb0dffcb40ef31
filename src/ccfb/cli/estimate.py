"""`ccfb estimate`: what work in a project would cost at each provider."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import click
import orjson

from ccfb import config, estimate, paths, providers
from ccfb.cli import health, show
from ccfb.client import messages
from ccfb.config import Config
from ccfb.estimate import Prospect, Spread, TakeOver

DAYS = 30
"""Of the past that is looked at."""

MODEL = "claude-opus-5-5"
"""What the client takes where no model was chosen (seen on 2.1.329)."""

FILES = 20_000
"""Of a project that are looked at, at most."""

LONGEST = 100_000
"""Bytes of a file that count: a longer one is hardly read as a whole."""

BYTES_PER_TOKEN = 4


class Basis(NamedTuple):
    """What an estimate rests on: sessions, or else files."""

    project: str
    since: float
    sessions: int
    requests: int
    model: str
    """Of the latest session."""
    files: int = 0
    tokens: int = 0
    """In those files."""


class Row(NamedTuple):
    """What is to be expected at one provider."""

    usable: bool
    """It has a key, and didn't refuse lately."""
    prospect: Prospect


@click.command(
    "estimate",
    epilog=show.examples(
        ("ccfb estimate", "the project in this folder"),
        ("ccfb estimate ~/src/shop --since 2026-11-01", "by its sessions since that day"),
        ("ccfb estimate --json", "for scripts; schema_version 1"),
    ),
)
@click.argument("project", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--provider", type=click.Choice(config.PROVIDERS), help="Only this one.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help=f"By sessions since that day; by default, of {DAYS} days.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; in dollars.")
def command(
    project: str, provider: config.ProviderName | None, since: datetime | None, *, as_json: bool
) -> None:
    """Estimate what work in PROJECT would cost at your providers.

    By the sessions that were started in that folder, or, where there are none, by the size of
    its files. Nothing is sent anywhere.
    """
    begin = since.timestamp() if since else show.now() - DAYS * 86_400
    basis, rows = _look(os.path.realpath(project), begin, provider)
    if as_json:
        click.echo(orjson.dumps(envelope(basis, rows), option=orjson.OPT_INDENT_2))
        return
    click.echo(show.rows([("project", [basis.project]), *map(_shown, rows.items())]))
    click.echo(f"\n{_made_of(basis)}")
    if any(row.prospect.unknown for row in rows.values()):
        click.echo("Some prices aren't known: those count at the provider's dearest.")


def envelope(basis: Basis, rows: Mapping[str, Row]) -> dict[str, Any]:
    """The estimate for machines: a contract, so names and kinds of values stay."""
    return {
        "schema_version": 1,
        "project": basis.project,
        "basis": "sessions" if basis.sessions else "files",
        "since": show.iso(basis.since),
        "sessions": basis.sessions,
        "requests": basis.requests,
        "files": basis.files,
        "tokens": basis.tokens,
        "model": basis.model,
        "providers": {
            provider: {
                "usable": row.usable,
                "session": _rounded(row.prospect.session),
                "hour": _rounded(row.prospect.hour),
                "take_over": row.prospect.take_over and _rounded(row.prospect.take_over),
                "unknown_price": row.prospect.unknown,
            }
            for provider, row in rows.items()
        },
    }


def _rounded(values: Spread | TakeOver) -> dict[str, Any]:
    """To a hundredth of a cent."""
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in values._asdict().items()
    }


def _look(
    project: str, since: float, only: config.ProviderName | None
) -> tuple[Basis, dict[str, Row]]:
    """Everything that is told, and what it rests on."""
    chosen, _ = config.in_force(keep=False)
    usable = {key.provider: key.usable for key in health.keys(chosen, health.state())}
    names = [only] if only else [name for name in usable if usable[name]] or list(usable)
    past = messages.of_project(paths.projects(), project, since)
    now = show.now()
    if past:
        sessions = {message.session for message in past}
        basis = Basis(project, since, len(sessions), len(past), past[-1].model)
    else:
        basis = Basis(project, since, 0, 0, MODEL, *_size(project))
    rows = {}
    for name in names:
        models = _models(chosen, name)
        rows[name] = Row(
            usable.get(name, False),
            estimate.from_sessions(past, name, now, models=models)
            if past
            else estimate.from_size(basis.tokens, basis.model, name, now, models=models),
        )
    return basis, rows


def _models(chosen: Config, provider: str) -> dict[str, str]:
    named = chosen.models.get(provider)  # type: ignore[call-overload]
    own = named.model_dump(exclude_none=True) if named else {}
    return {**providers.ALL[provider].models, **own}


def _shown(line: tuple[str, Row]) -> tuple[str, list[str]]:
    provider, (usable, (session, hour, first, _)) = line
    cells = [("a session", *_dollars(session)), ("an hour of work", *_dollars(hour))]
    if first:
        tokens = f"writing its {first.tokens:,} tokens to a cold cache"
        cells.append(("to take the latest session over", f"${first.dollars:,.2f}", tokens))
    missing = [] if usable else [f"no usable key so far: ccfb key set {provider}"]
    return provider, [*show.columns(cells), *missing]


def _dollars(expected: Spread) -> tuple[str, str]:
    more = f"one in ten more than ${expected.high:,.2f}" if expected.high > expected.usual else ""
    return f"${expected.usual:,.2f}", more


def _made_of(basis: Basis) -> str:
    """How the figures were made, in a few lines."""
    since = show.clock(basis.since)
    if not basis.sessions:
        return (
            f"Assumed: no session was started there since {since}. There are {basis.files:,} text"
            f" files,\nabout {basis.tokens:,} tokens; a session makes {estimate.REQUESTS} requests"
            f" to {basis.model} in an hour,\nand reads a tenth of them, and one session in ten a"
            " half."
        )
    sessions = "1 session" if basis.sessions == 1 else f"{basis.sessions:,} sessions"
    return (
        f"From {sessions} since {since}: what {basis.requests:,} requests would cost on a key"
        " today,\nwhere the cache lasts five minutes. Of a pause, 15 minutes count as work."
        "\nTitles come on top."
    )


def _size(project: str) -> tuple[int, int]:
    """The text files of a project, and their tokens."""
    sizes = [size for path in islice(_files(project), FILES) if (size := _text(path))]
    return len(sizes), sum(min(size, LONGEST) for size in sizes) // BYTES_PER_TOKEN


def _text(path: str) -> int:
    """The bytes of a text file; 0 for others."""
    if not os.path.isfile(path):
        return 0
    try:
        with open(path, "rb") as file:
            return 0 if b"\0" in file.read(1024) else os.fstat(file.fileno()).st_size
    except OSError:
        return 0


def _files(project: str) -> Iterator[str]:
    """The files that git tracks or would; without git, those in no hidden folder."""
    git = shutil.which("git")
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = git and subprocess.run(
        [git, "-C", project, "-c", "core.fsmonitor=false", *listing],
        capture_output=True,
        check=False,
    )
    if done and done.returncode == 0:
        names: Iterable[str] = map(os.fsdecode, done.stdout.split(b"\0"))
        yield from (os.path.join(project, name) for name in names if name)
        return
    for folder, below, found in os.walk(project):
        below[:] = [name for name in below if name[0] != "." and name != "node_modules"]
        yield from (os.path.join(folder, name) for name in found if name[0] != ".")
