"""One step of the machine, and what follows from it: settings, state, ledger, alerts.

Order of writing, so that a crash between any two writes is put right by the next run: the
state says what should be, `unsettled` until settings and ledger have followed it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import orjson

from ccfb import config, gate, paths, providers, secrets
from ccfb.billing import machine, store
from ccfb.billing.events import Action, Event, Tidy
from ccfb.billing.model import Entry, Moment, State
from ccfb.billing.rules import Caps, Policy, Rules
from ccfb.client import conflicts, registration, settings
from ccfb.client.overrides import (
    HELPER_LIFE,
    INTERVAL,
    SHORT_LIFE,
    Overrides,
    blanks,
    clock,
    downgraded,
    overrides,
    slow_clock,
)
from ccfb.errors import CcfbError
from ccfb.providers.base import Provider

RETRY = 15.0
"""Seconds until settings that could not be written are tried again."""

WINDOWS = ("five_hour", "seven_day", "seven_day_opus", "seven_day_sonnet", machine.OUTAGE)
"""What is acted on ahead of a limit; other windows need a word in the configuration."""


def now() -> Moment:
    """This moment, by both clocks, and where the user is."""
    wall = time.time()
    return Moment(wall, gate.boot_clock(), time.localtime(wall).tm_gmtoff)


def step(event: Event) -> tuple[State, list[Action]]:
    """Let the machine take one step, and write down what follows, under the lock.

    Raises:
        CcfbError: The state is locked, or the settings can't be written.
    """
    seen = gate.configured_at()
    word = chosen()
    rules = _verified(_rules(word), word, event)
    with store.locked():
        before = _adopt(store.load())
        cut_off = before.unsettled
        state, actions = machine.advance(before, event, rules, now())
        state.wake.config = seen
        state.wake.line["template"] = word.status_line
        state.wake.drawn = _is_drawn()
        if state.wake.drawn and not before.wake.drawn:  # it has no clock of ours so far
            state.unsettled |= bool(state.question or state.downgrades)
        entries = list(state.unwritten)
        tidy = Tidy() in actions
        if state.unsettled or tidy:
            _commit(state, tidy=tidy, cut_off=cut_off)
        elif state != before:
            store.save(state)
    if rules.mode != "off":
        _alert(entries, actions, state)
    return state, actions


def _is_drawn() -> bool:
    """Whether sessions draw our status line."""
    try:
        return registration.has_status_line()
    except CcfbError:  # told where the settings are written
        return False


def remember(change: Callable[[State], None]) -> None:
    """Keep something that billing doesn't depend on.

    Raises:
        CcfbError: The state is locked.
    """
    with store.locked():
        state = store.load()
        change(state)
        store.save(state)


def chosen() -> config.Config:
    """The user's word: the last good one, where the file is damaged."""
    word, error = config.in_force()
    if error:
        gate.log("config", error)
    return word


def _rules(word: config.Config) -> Rules:
    """The user's word, as the machine takes it; no key has been touched."""
    return Rules(
        mode=word.mode,
        offered=tuple(provider for provider in word.providers if provider in word.keys),
        windows={name: _policy(word, name) for name in {*WINDOWS, *word.windows}},
        caps=Caps(**word.budget.model_dump()),
        unattended=word.headless == "yes",
        alert_at=tuple(word.alerts.at),
    )


def _policy(word: config.Config, name: str) -> Policy:
    window = word.window(name)
    return Policy(window.policy, window.switch_at, window.back_at)


def _verified(rules: Rules, word: config.Config, event: Event) -> Rules:
    """Read keys only for a step that would switch: a key command may ask for a fingerprint."""
    before = store.load()
    hopeful = replace(rules, usable=rules.offered)
    after, _ = machine.advance(before, event, hopeful, now())
    switch = after.switch
    if not switch or switch.reason == "user":
        return rules
    if before.switch and before.switch.since == switch.since:
        return rules
    answer = before.answers | after.answers
    named = {each.provider for each in answer.values() if each.word == "yes"} - {None}
    wanted = [p for p in rules.offered if p not in after.failed and named <= {p}]
    usable = next((p for p in wanted if _has_key(word, p)), None)
    return replace(rules, usable=(usable,) if usable else ())


def _has_key(word: config.Config, provider: str) -> bool:
    try:
        return bool(secrets.read(provider, word.key_source(provider)))
    except CcfbError as error:
        gate.log("key", error)
        return False


def _adopt(state: State) -> State:
    """Take back what a switch has left in the settings whose state was lost."""
    if state.switch or state.displaced is not None:
        return state
    try:
        values = settings.read(paths.settings()).values
        known = [
            _bill(p, capped=capped) for p in providers.ALL.values() for capped in (True, False)
        ]
        left_over = conflicts.left_over(values, known)
    except CcfbError:
        return state  # told when it is written
    for place, value in left_over.items():
        state.displaced = settings.adopt(state.displaced or {}, place, value)
        state.unsettled, state.tidy_at = True, time.time() + machine.TIDY_AFTER
    return state


def _commit(state: State, *, tidy: bool, cut_off: bool) -> None:
    """Make settings and ledger follow the state, which is on the disk before them.

    Args:
        state: What should be.
        tidy: Emptied variables may leave the settings.
        cut_off: A run before may have written the settings, and not said so.
    """
    path = paths.settings()
    store.save(state)

    def displace(displaced: dict[str, Any] | None) -> None:
        state.displaced = displaced
        store.save(state)

    try:
        values = settings.read(path).values
        wanted = _wanted(state, values)
        written = settings.override(path, wanted, state.displaced, displace)
        if tidy:
            written |= settings.override(path, wanted, state.displaced, displace, tidy=True)
    except CcfbError as error:
        gate.log("settings", error)
        state.wake.unsettled = False
        state.wake.at = state.wake.settled_at = time.time() + RETRY
        store.save(state)
        raise
    store.append(state.unwritten)
    state.unwritten = []
    state.unsettled = state.wake.unsettled = False
    if written or cut_off:
        state.settled_at = state.wake.settled_at = time.time()
    store.save(state)


def _wanted(state: State, values: dict[str, Any]) -> Overrides:
    """What has to stand in the settings: nothing, while the plan is billed and sufficient."""
    if state.switch:
        return _bill(providers.ALL[state.switch.provider], capped=state.wake.capped)
    wanted = blanks(values.get("env") or {}) if state.blanked else {}
    if state.downgrades:
        spared = {window: downgrade.model for window, downgrade in state.downgrades.items()}
        wanted |= downgraded(state.wake.model, spared, state.client, state.models)
    if state.wake.drawn and (state.question or state.downgrades):
        theirs = settings.theirs(values, state.displaced, INTERVAL)
        wanted |= clock() if state.question else slow_clock(theirs)
    return wanted


def models(provider: str) -> dict[str, str]:
    """The models that a provider is asked for, by the client's tiers."""
    named = chosen().models.get(provider)  # type: ignore[call-overload]
    own = named.model_dump(exclude_none=True) if named else {}
    return {**providers.ALL[provider].models, **own}


def _bill(provider: Provider, *, capped: bool = False) -> Overrides:
    """The overrides that bill a provider."""
    life = SHORT_LIFE if capped else HELPER_LIFE
    asks = chosen().key_source(provider.name).get("source") == "command"
    wanted = overrides(
        provider.name,
        registration.helper_command(provider.name),
        provider.base_url,
        models(provider.name),
        life=None if asks and not capped else HELPER_LIFE if asks else life,
    )
    return wanted | clock() if _is_drawn() else wanted


def _show(state: State, answer: str) -> None:
    state.wake.terminal, state.wake.told_at = answer, time.time()


def _alert(entries: Iterable[Entry], actions: list[Action], state: State) -> None:
    """Let the user hear of what happened; whatever goes wrong there stays there."""
    if not entries and not actions:
        return
    try:
        from ccfb import alerts, notify  # noqa: PLC0415 - rare, and they start processes
        from ccfb.notify import terminal  # noqa: PLC0415

        told = alerts.alerts(entries, actions, state)
        if told and chosen().alerts.terminal:
            sequence = "".join(map(terminal.sequence, told))
            answer = orjson.dumps({"terminalSequence": sequence}).decode()
            remember(lambda state: _show(state, answer))
        if told and notify.anywhere():
            for alert in told:
                notify.send(alert)
    except Exception as problem:  # noqa: BLE001 - billing doesn't depend on it
        gate.log("notify", problem)
