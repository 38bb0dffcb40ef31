"""`ccfb status`: who is billed now, why, until when, and what is wrong."""

from itertools import groupby

import click
import orjson

from ccfb import asking
from ccfb.billing.model import State
from ccfb.cli import health, show
from ccfb.cli.health import Key, Problem, Report
from ccfb.words import PERIODS


@click.command(
    "status",
    epilog=show.examples(
        ("ccfb status", "for people"),
        ("ccfb status --json", "for scripts; schema_version 1"),
    ),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are ISO 8601, UTC.")
def command(as_json: bool) -> None:
    """Show who is billed now, why and until when, and what is wrong.

    It only reads: no file is written, no keychain opened, no key command run.
    """
    report = health.report()
    if as_json:
        click.echo(orjson.dumps(envelope(report), option=orjson.OPT_INDENT_2))
        return
    click.echo(
        show.rows(
            [
                ("billing", _billing(report.state)),
                ("question", _question(report.state)),
                ("windows", _windows(report.state)),
                ("budget", _budget(report)),
                ("mode", [_mode(report)]),
                ("providers", show.columns(map(_provider, report.keys))),
                ("hooks", [report.hooks.words]),
            ]
        )
    )
    _tell_problems(report.problems)


def envelope(report: Report) -> dict[str, object]:
    """The status for machines: a contract, so names and kinds of values stay."""
    state, switch = report.state, report.state.switch
    return {
        "schema_version": 1,
        "billing": state.billing,
        "reason": switch.reason if switch else "user" if state.hold else None,
        "window": switch.window if switch else None,
        "resets_at": show.iso(switch.resets_at) if switch else None,
        "windows": {
            name: {
                "used_percentage": window.percentage,
                "resets_at": show.iso(window.resets_at),
                "seen_at": show.iso(window.seen_at),
            }
            for name, window in state.windows.items()
        },
        "question": _asked(state),
        "budget": [
            {"per": cap.per, "spent_usd": cap.spent, "cap_usd": cap.dollars}
            for cap in health.caps(report)
        ],
        "hooks_installed": report.hooks.installed,
        "problems": [problem._asdict() for problem in report.problems],
    }


def _asked(state: State) -> dict[str, object] | None:
    if state.question is None:
        return None
    asked = state.question
    return {
        "window": asked.window,
        "resets_at": show.iso(asked.resets_at),
        "reason": asked.reason,
        "provider": asked.provider,
        "take_over_usd": asked.take_over,
        "per_hour_usd": asked.per_hour,
    }


def _billing(state: State) -> list[str]:
    lines = [click.style(show.biller(state.billing), fg="yellow" if state.switch else "green")]
    switch = state.switch
    if switch and switch.reason == "limit":
        lines.append(f"because the {show.window(switch.window)} limit was hit")
    elif switch and switch.reason == "threshold":
        lines.append(f"because the {show.window(switch.window)} window is nearly used up")
    elif state.stopped:
        lines.append("because the budget is used up")
    elif state.hold:
        lines.append("chosen by hand, until you choose otherwise: ccfb use auto")
    if switch and switch.resets_at is not None:
        lines.append(f"until {show.until(switch.resets_at)}")
    if not switch:
        lines += [
            f"the {show.window(name)} limit was hit; it resets {show.until(resets_at)}"
            for name, resets_at in state.limits.items()
            if resets_at > show.now()
        ]
    return lines


def _windows(state: State) -> list[str]:
    return show.columns(
        (
            show.window(name),
            f"{window.percentage:3.0f} %",
            f"resets {show.until(window.resets_at)}"
            if window.resets_at > show.now()
            else "has reset since",
        )
        for name, window in state.windows.items()
    )


def _question(state: State) -> list[str]:
    return asking.question(state.question).splitlines() if state.question else []


def _budget(report: Report) -> list[str]:
    """What is spent of each cap, and of the user's yes."""
    return [
        f"${cap.spent:.2f} of ${cap.dollars:.2f}, {PERIODS[cap.per]}"
        + (click.style(" (used up)", fg="red") if cap.used_up else "")
        for cap in health.caps(report)
    ]


def _mode(report: Report) -> str:
    return {
        "ask": "ask: at a limit you are asked before a provider is billed",
        "auto": "auto: each window's policy decides who is billed at its limit",
        "notify": "notify: you are told of limits, and nothing is switched",
        "off": "off: at a limit nothing is switched",
    }[report.config.mode]


def _provider(key: Key) -> tuple[str, str, str]:
    return key.provider, "usable" if key.usable else "not usable", key.source


def _tell_problems(problems: list[Problem]) -> None:
    """Each problem, and what to do; those that one thing puts right stand together."""
    for hint, group in groupby(problems, key=lambda problem: problem.hint):
        click.echo()
        for problem in group:
            name = click.style(f"[{problem.reference}]", dim=True)
            click.echo(f"{click.style('problem:', fg='yellow')} {problem.message} {name}")
        if hint:
            click.echo(f"{click.style('hint:', dim=True)} {hint}")
