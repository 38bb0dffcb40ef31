"""What is in force and what is wrong, found by reading only: nothing is written or run here.

Keychains aren't opened and key commands aren't run: `ccfb status` must be quick, and must not
ask for a fingerprint.
"""

import os
import time
from collections.abc import Iterator
from typing import NamedTuple

import orjson
from pydantic import ValidationError

from ccfb import config, logbook, paths, secrets
from ccfb.billing import budget, store
from ccfb.billing.model import Moment, State
from ccfb.billing.rules import NEVER, Caps
from ccfb.cli import show
from ccfb.client import conflicts, registration, settings
from ccfb.client.jsonedit import Document
from ccfb.config import Config
from ccfb.errors import CcfbError

DAY = 86_400.0
"""Seconds for which errors in `ccfb.log` are mentioned."""

AT_A_LIMIT = {
    "ask": "At a limit you are asked before {biller} is billed.",
    "auto": "From now on, at the 5-hour limit, {biller} is billed until the reset.\n"
    "What other limits do, their policies say: ccfb config show",
}

WEEK = 7 * DAY
"""Seconds for which unknown limits are mentioned."""


class Problem(NamedTuple):
    """Something that the user should know; the parts are those of `CcfbError`."""

    reference: str
    message: str
    hint: str


class Key(NamedTuple):
    """What can be seen of a provider's key without touching it."""

    provider: str
    usable: bool
    source: str
    """In words."""


class Hooks(NamedTuple):
    """Whether the client runs our hooks."""

    installed: bool
    words: str
    problems: list[Problem]


class Report(NamedTuple):
    """Everything that `ccfb status` tells."""

    state: State
    config: Config
    keys: list[Key]
    hooks: Hooks
    problems: list[Problem]


def report() -> Report:
    """Look at everything, and change nothing."""
    state, damage = _read_state()
    problems = list(damage)
    chosen, error = config.in_force(keep=False)
    problems += [_problem(error)] if error else []
    problems += [
        Problem("config-words", f"{word.option}: {word.meaning}", word.hint)
        for word in config.words()
    ]
    found = keys(chosen, state)
    hooked = hooks()
    problems += [
        *hooked.problems,
        *_choice_problems(chosen, found, state),
        *_state_problems(state),
        *_settings_problems(state),
        *_environment_problems(),
        *_limit_problems(),
        *_log_problems(),
    ]
    return Report(state, chosen, found, hooked, list(dict.fromkeys(problems)))


def caps(found: Report) -> list[budget.Cap]:
    """Every cap that holds now, and what is spent of it."""
    wall = show.now()
    offset = time.localtime(wall).tm_gmtoff
    limits = Caps(**found.config.budget.model_dump())
    return budget.caps(found.state, limits, Moment(wall, 0.0, offset))


def state() -> State:
    """The state as last saved, or a fresh one."""
    return _read_state()[0]


def hooks() -> Hooks:
    """What stands of ours in the client's settings."""
    try:
        found = registration.inspect()
    except CcfbError as error:
        return Hooks(False, "not to be told", [_problem(error)])
    words, problem = _judge(found.entries)
    forbidden = Problem(
        "hooks-forbidden", found.obstacle, "Until that changes, nothing is switched by itself."
    )
    problems = [forbidden] if found.obstacle else []
    return Hooks(found.installed, words, problems + ([problem] if problem else []))


def warn_without_hooks() -> None:
    """Tell on standard error that nothing will happen by itself, where that is so."""
    if not hooks().installed:
        show.warn(
            "ccfb's hooks are not installed: nothing happens by itself, at a limit or at a reset.",
            "ccfb install-hooks",
        )


def billed(state: State) -> str:
    """A sentence on who is billed now, and until when."""
    switch = state.switch
    if switch and switch.resets_at is not None:
        window = show.window(switch.window)
        end = f", until the {window} limit resets: {show.until(switch.resets_at)}"
    else:
        end = ", until you choose otherwise" if state.hold else ""
    return f"Now billed: {show.biller(state.billing)}{end}."


def keys(chosen: Config, state: State) -> list[Key]:
    """The providers in order of preference, and what is known of their keys."""
    return [_key(chosen, state, provider) for provider in chosen.providers]


def at_a_limit(chosen: Config) -> list[str]:
    """What will happen at the next limit, in words that name who pays."""
    if chosen.mode in NEVER:
        return ["At a limit nothing is switched. To change that: ccfb config set mode ask"]
    usable = [key.provider for key in keys(chosen, state()) if key.usable]
    if usable and chosen.mode == "auto" and chosen.window("five_hour").policy != "switch":
        return ["At a limit its policy decides: ccfb config show"]
    if usable:
        return AT_A_LIMIT[chosen.mode].format(biller=show.biller(usable[0])).splitlines()
    first = chosen.providers[0]
    return [f"But no provider has a usable key. To set one: ccfb key set {first}"]


def _read_state() -> tuple[State, list[Problem]]:
    path = paths.own("state.json")
    try:
        with open(path, "rb") as file:
            return State.model_validate(orjson.loads(file.read())), []
    except FileNotFoundError:
        return State(), []
    except (orjson.JSONDecodeError, ValidationError):
        damage = Problem(
            "state-damaged",
            f"{path} can't be read.",
            "The next hook sets it aside and puts billing on the subscription; at once: "
            "ccfb use auto",
        )
        return State(), [damage]


def _judge(entries: dict[str, str]) -> tuple[str, Problem | None]:
    """Our entries in two words, and what is wrong with them."""
    missing = [name for name, kind in entries.items() if kind == "missing"]
    if len(missing) == len(entries):
        message = "The hooks are not installed: ccfb sees neither limits nor resets."
        return "not installed", Problem("hooks-not-installed", message, "ccfb install-hooks")
    if missing:
        message = f"Some of our entries are gone from the settings: {', '.join(missing)}."
        return "incomplete", Problem("hooks-damaged", message, "ccfb install-hooks")
    if "other" in entries.values():
        message = "The hooks in the settings belong to another version or place of ccfb."
        hint = "To use this one: ccfb install-hooks"
        return "of another ccfb", Problem("hooks-elsewhere", message, hint)
    return "installed", None


def _key(chosen: Config, state: State, provider: config.ProviderName) -> Key:
    usable, source = _glance(provider, chosen.keys.get(provider))
    left_alone = state.failed.get(provider, 0.0)
    if left_alone > show.now():
        return Key(
            provider, False, f"{source}; it refused, left alone until {show.clock(left_alone)}"
        )
    return Key(provider, usable, source)


def _glance(provider: str, key: config.Key | None) -> tuple[bool, str]:
    if key is None:
        return False, "no key"
    if isinstance(key, config.VariableKey):
        there = bool(os.environ.get(key.name, "").strip())
        return there, f"key in the variable {key.name}{'' if there else ', which is not set here'}"
    if isinstance(key, config.CommandKey):
        return True, "key from a command"
    if key.source == "keychain":
        return True, "key in the system keychain"
    there = os.path.isfile(secrets.file_of(provider))
    return there, f"key in a file{'' if there else ', which is gone'}"


def _choice_problems(chosen: Config, found: list[Key], state: State) -> Iterator[Problem]:
    if chosen.mode in NEVER:
        yield Problem(
            "mode-off",
            f"The mode is {chosen.mode}: at a limit nothing is switched.",
            "ccfb config set mode ask",
        )
    elif not any(key.usable for key in found):
        names = ", ".join(key.provider for key in found)
        first = found[0].provider if found else config.PROVIDERS[0]
        yield Problem(
            "no-usable-provider",
            f"At a limit nothing can be switched: no usable key for {names or 'any provider'}.",
            f"ccfb key set {first}",
        )
    for provider, until in state.failed.items():
        if until > show.now():
            yield Problem(
                "provider-failed",
                f"{provider} refused to be billed, and is left alone until {show.clock(until)}.",
                f"Why: ccfb log. Once that is put right: ccfb use {provider}, or a new key",
            )


def _state_problems(state: State) -> Iterator[Problem]:
    if state.unsettled:
        yield Problem(
            "unsettled",
            "A change of billing has not reached settings.json and the ledger so far.",
            f"It is tried again with the next message of any session. Why: {paths.own('ccfb.log')}",
        )
    for session in state.wake.lost:
        yield Problem(
            "session-lost",
            f"Session {session} has not taken up the change to {show.biller(state.billing)}.",
            f"Leave it and go on with: claude --resume {session}",
        )


def _settings_problems(state: State) -> Iterator[Problem]:
    try:
        found = settings.read(paths.settings())
    except CcfbError as error:
        yield _problem(error)
        return
    if not state.unsettled:
        yield from _changed(state, found) if state.switch else _left_over(found)
    foreign = conflicts.off_the_plan(found.values)
    if foreign and not state.switch:
        yield Problem(
            "not-on-the-plan",
            f"{' and '.join(foreign)} in {found.path} bills sessions to a key, never to the plan.",
            "Remove it, if sessions are meant to be on the plan.",
        )


def _changed(state: State, found: settings.Settings) -> Iterator[Problem]:
    """Where somebody has changed what a switch has put into the settings."""
    changed = settings.contested(Document(found.text), state.displaced or {})
    if changed or conflicts.marker(found.values) != state.billing:
        names = ", ".join(".".join(map(str, place)) for place in changed)
        yield Problem(
            "settings-changed",
            f"Somebody has changed {names or 'our entries'} in {found.path}: sessions may not be "
            f"billed to {show.biller(state.billing)}.",
            f"ccfb use subscription, then ccfb use {state.billing}",
        )


def _left_over(found: settings.Settings) -> Iterator[Problem]:
    """Where settings still have what a switch has put there."""
    if conflicts.bills_a_key(found.values):
        yield Problem(
            "settings-left-over",
            f"{found.path} still bills a key, though billing is on the subscription.",
            "ccfb use subscription, then ccfb use auto",
        )


def _environment_problems() -> Iterator[Problem]:
    names = conflicts.before_the_plan(os.environ)
    if names:
        yield Problem(
            "key-in-environment",
            f"{' and '.join(names)} is set in this terminal: sessions started here may be billed "
            "to it, never to the plan, and can't be switched.",
            f"unset {' '.join(names)}, and keep the key with: ccfb key set",
        )


def _limit_problems() -> Iterator[Problem]:
    recent = show.now() - WEEK
    unknown = [e for e in store.ledger() if e.event == "unknown_limit" and e.at > recent]
    if unknown:
        last = unknown[-1]
        yield Problem(
            "unknown-limit",
            f"{_times(len(unknown))} in 7 days a limit was hit that ccfb doesn't know; the last, "
            f"{show.clock(last.at)}: {show.plain(last.text or '')}",
            "Nothing was switched for it. By hand: ccfb use PROVIDER",
        )


def _log_problems() -> Iterator[Problem]:
    lines = logbook.since(show.now() - DAY)
    if lines:
        last = lines[-1]
        yield Problem(
            "errors-logged",
            f"{_times(len(lines))} in 24 hours something went wrong inside ccfb; the last, "
            f"{show.clock(last.at)}, in {last.event}: {show.plain(last.text)}",
            f"All of them: {paths.own('ccfb.log')}",
        )


def _problem(error: CcfbError) -> Problem:
    return Problem(error.reference, error.message, error.hint)


def _times(count: int) -> str:
    return {1: "Once", 2: "Twice"}.get(count, f"{count} times")
