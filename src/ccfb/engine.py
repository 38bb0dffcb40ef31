"""One event in, one answer out: the part that does something, a few times a week.

Order of writing, so that a crash between any two writes is put right by the next run: the
state says what should be, `unsettled` until settings and ledger have followed it.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from ccfb import config, gate, paths, providers, secrets
from ccfb.billing import machine, store
from ccfb.billing.machine import (
    Action,
    Chosen,
    Continue,
    Event,
    Limited,
    Nudge,
    Prompted,
    Refused,
    Rules,
    Say,
    Strayed,
    Threshold,
    Tick,
    Told,
)
from ccfb.billing.model import Entry, Moment, State, Window
from ccfb.client import conflicts, limits, registration, reloads, settings, signals, transcript
from ccfb.client.overrides import Overrides, blanks, overrides
from ccfb.errors import CcfbError
from ccfb.providers.base import Provider

Payload = dict[str, Any]

ATTEMPTS = 3
"""How often the settings are written until a session takes them up: in the first seconds of a
session nobody watches the file yet (seen on 2.1.136 to 2.1.231)."""

APPLY = 0.35
"""Seconds from `ConfigChange` until the client surely applies what it announces: a prompt let go
at once was billed the old way in 2 of 30 runs, after this pause in none of 16."""

LOOK_BACK = 21_600.0
"""Seconds of transcripts that the first look takes in."""

OVERLAP = 30.0
"""Seconds by which a row may be older than the moment it reached the disk."""

ROW_LOOKS, ROW_PAUSE = 5, 0.04
"""How often, and seconds apart, a failed turn's row is looked for."""

RETRY = 15.0
"""Seconds until settings that could not be written are tried again."""

PROVIDER_KINDS = frozenset(
    {limits.Kind.AUTH, limits.Kind.CREDIT, limits.Kind.CAP, limits.Kind.MODEL}
)


class Answer(NamedTuple):
    """What a hook says to the client: standard output, standard error, exit code."""

    out: str = ""
    err: str = ""
    code: int = 0


def run(event: str, payload: Payload) -> Answer:
    """Answer one hook."""
    if event != "StopFailure":  # there the stalled turn comes first
        _catch_up(event)
    return HANDLERS.get(event, _other)(payload)


def now() -> Moment:
    """This moment, by both clocks."""
    return Moment(time.time(), gate.boot_clock())


def step(event: Event) -> tuple[State, list[Action]]:
    """Let the machine take one step, and write down what follows, under the lock.

    Raises:
        CcfbError: The state is locked, or the settings can't be written.
    """
    rules = _rules(event)
    with store.locked():
        before = _adopt(store.load())
        cut_off = before.unsettled
        state, actions = machine.advance(before, event, rules, now())
        entries = list(state.unwritten)
        tidy = machine.Tidy() in actions
        if state.unsettled or tidy:
            _commit(state, tidy=tidy, cut_off=cut_off)
        elif state != before:
            store.save(state)
    _alert(entries, actions, state)
    return state, actions


def _alert(entries: list[Entry], actions: list[Action], state: State) -> None:
    """Let the user hear of what happened; whatever goes wrong there stays there."""
    if not entries and not actions:
        return
    try:
        from ccfb import alerts, notify  # noqa: PLC0415 - rare, and they start processes

        told = alerts.alerts(entries, actions, state)
        if told and notify.anywhere():
            for alert in told:
                notify.send(alert)
    except Exception as problem:  # noqa: BLE001 - billing doesn't depend on it
        gate.log("notify", problem)


def catch_up() -> None:
    """Look for limits in transcripts changed since the last look: headless runs lose hooks."""
    started = time.time()
    with store.locked():
        state = store.load()
        since = max(state.looked_at - OVERLAP, started - LOOK_BACK)
        state.looked_at = started
        store.save(state)
    for row in transcript.failures_since(paths.projects(), since, started):
        finding = _read(row.error, row.text, row.quota, row.at, state)
        unknown = finding.kind is limits.Kind.UNKNOWN_LIMIT
        ahead = finding.kind is limits.Kind.LIMIT and (finding.resets_at or 0) > started
        if unknown or ahead:
            step(_limited(finding, row.session_id or "", row.uuid, live=False))


def _catch_up(event: str) -> None:
    """Catch up, where nothing depends on it."""
    try:
        catch_up()
    except Exception as problem:  # noqa: BLE001 - the way back to the plan comes first
        gate.log(event, problem)


def _rules(event: Event) -> Rules:
    """The user's word; none is taken from a configuration that can't be read."""
    try:
        chosen = config.load()
    except CcfbError as error:
        gate.log("config", error)
        return Rules(automatic=False)
    ahead = {
        name: Threshold(window.switch_at, window.back_at) for name, window in chosen.windows.items()
    }
    rules = Rules(chosen.mode == "auto", (), ahead, tuple(chosen.alerts.at))
    if chosen.mode == "off" or not _may_switch(event, ahead):
        return rules
    usable = tuple(p for p in chosen.providers if _has_key(chosen, p))
    return replace(rules, usable=usable)


def _may_switch(event: Event, ahead: Mapping[str, Threshold]) -> bool:
    """Whether keys are needed at all: a key command may ask for a fingerprint."""
    if isinstance(event, Refused) or event == Chosen("auto"):
        return True
    state = store.load()
    if state.switch and not gate.due(state.wake.model_dump()):
        return False
    if isinstance(event, Told):
        told = event.windows.items()
        return any(name in ahead and w.percentage >= ahead[name].switch_at for name, w in told)
    return isinstance(event, Limited) or bool(state.closed)


def _has_key(chosen: config.Config, provider: config.ProviderName) -> bool:
    key = chosen.keys.get(provider)
    try:
        return bool(key and secrets.read(provider, key.model_dump()))
    except CcfbError as error:
        gate.log("key", error)
        return False


def _adopt(state: State) -> State:
    """Take back what a switch has left in the settings whose state was lost."""
    if state.switch or state.displaced is not None:
        return state
    try:
        values = settings.read(paths.settings()).values
        known = map(_bill, providers.ALL.values())
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

    def remember(displaced: dict[str, Any] | None) -> None:
        state.displaced = displaced
        store.save(state)

    try:
        values = settings.read(path).values
        wanted = _wanted(state, values)
        written = settings.override(path, wanted, state.displaced, remember)
        if tidy:
            written |= settings.override(path, wanted, state.displaced, remember, tidy=True)
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
    """What has to stand in the settings: nothing, while the plan is billed."""
    if not state.switch:
        return blanks(values.get("env") or {}) if state.blanked else {}
    return _bill(providers.ALL[state.switch.provider])


def _bill(provider: Provider) -> Overrides:
    """The overrides that bill a provider."""
    try:
        chosen = config.load()
    except CcfbError:
        chosen = config.Config()
    models = chosen.models.get(provider.name, config.Models()).model_dump(exclude_none=True)
    key = chosen.keys.get(provider.name)
    return overrides(
        provider.name,
        registration.helper_command(provider.name),
        provider.base_url,
        {**provider.models, **models},
        clock=registration.has_status_line(),
        often=not isinstance(key, config.CommandKey),
    )


def _stop_failure(payload: Payload) -> Answer:
    """A turn ended in an error: if the plan refused, go on with a provider."""
    session = str(payload.get("session_id"))
    text = str(payload.get("last_assistant_message"))
    agent = payload.get("agent_id")
    row = _row(str(payload.get("transcript_path")), session, agent, text)
    with store.locked():
        state = store.load()
    at = row.at if row else time.time()
    finding = _read(str(payload.get("error")), text, row.quota if row else None, at, state)
    failure = row.uuid if row else f"{payload.get('prompt_id')} {agent} {text}"
    event = _failure_event(finding, session, failure)
    state, actions = step(event)
    _catch_up("StopFailure")
    for action in actions:
        if isinstance(action, Continue):
            return _go_on(action, state, payload, row)
    return Answer()


def _row(path: str, session: str, agent: str | None, text: str) -> transcript.Row | None:
    """The row of a failed turn, which may reach the disk a moment after its hook."""
    for _ in range(ROW_LOOKS):
        row = transcript.last_failure(path, session_id=session, agent_id=agent)
        if row and row.text == text:
            return row
        time.sleep(ROW_PAUSE)
    return None


def _read(
    error: str, text: str, quota: dict[str, Any] | None, at: float, state: State
) -> limits.Finding:
    known = {name: int(window.resets_at) for name, window in state.windows.items()}
    return limits.read_failure(error, text, quota=quota, at=at, zone=None, known=known)


def _failure_event(finding: limits.Finding, session: str, failure: str) -> Event:
    if finding.kind in {limits.Kind.LIMIT, limits.Kind.UNKNOWN_LIMIT}:
        return _limited(finding, session, failure, live=True)
    billed = os.environ.get(signals.BILLING_VARIABLE)
    if finding.kind in PROVIDER_KINDS and billed:
        return Refused(session, failure, billed, finding.resets_at, finding.text)
    return Tick()


def _limited(finding: limits.Finding, session: str, failure: str, *, live: bool) -> Limited:
    window = finding.window or "plan"
    resets_at = finding.resets_at if finding.kind is limits.Kind.LIMIT else None
    return Limited(session, failure, window, resets_at, finding.text, live)


def _go_on(action: Continue, state: State, payload: Payload, row: transcript.Row | None) -> Answer:
    """Wake the stalled turn, once its session is billed anew, and never before."""
    time.sleep(max(0.0, action.at - time.time()))
    if not _reloaded(action.session, state):
        step(Strayed(action.session, lost=True))
        return Answer()
    agent = payload.get("agent_type")
    if row and not agent and not transcript.still_stalled(row.path, row.uuid):
        return Answer()  # the user was faster
    what = f"the agent {agent} ({payload.get('agent_id')})" if agent else "the task"
    return Answer(err=f"{_billed(state)} Continue with {what} where it was interrupted.", code=2)


def _reloaded(session: str, state: State, pause: float = 0.0) -> bool:
    """Whether a session has taken up the settings; they are written again until it does.

    Args:
        session: Its id; this hook runs in it.
        state: What it should have taken up.
        pause: Seconds to leave the client for applying them.
    """
    if os.environ.get(signals.BILLING_VARIABLE, "") == state.wake.marker:
        return True
    if not state.switch and state.tidy_at is None:
        state, _ = step(Strayed(session))
    for attempt in range(ATTEMPTS):
        if attempt:
            settings.nudge(paths.settings())
        if reloads.wait(session, state.settled_at, gate.RELOAD):
            time.sleep(pause)
            return True
    return False


def _billed(state: State) -> str:
    if state.switch:
        return f"The plan's limit was hit; requests are now billed to {state.billing}."
    return "The plan's limit has reset."


def _user_prompt_submit(payload: Payload) -> Answer:
    """A prompt is about to be sent: to whom it is billed has to be right by then."""
    session = str(payload.get("session_id"))
    state, actions = step(Prompted(session))
    said = [action.text for action in actions if isinstance(action, Say)]
    kept = state.sessions.get(session)
    resumed = str(payload.get("prompt")).startswith(signals.RESUME_PROMPT)
    if resumed and kept and kept.continued_at:
        reason = "This task already went on with another billing when the limit was hit."
        return _block(*said, reason)
    if not _reloaded(session, state, APPLY) and not state.switch:
        return _block(
            *said,
            "Billing is back on the subscription, but this session still holds the key. "
            "Nothing was sent. Leave it and go on with: claude --resume",
        )
    return _tell(*said) if said else Answer()


def _session_start(payload: Payload) -> Answer:
    """A session starts: catch up, and begin with the right billing."""
    reloads.sweep(time.time())
    state, _ = step(Tick())
    _reloaded(str(payload.get("session_id")), state, APPLY)
    return Answer()


def _status_line(payload: Payload) -> Answer:
    """The only clock that runs while a session idles: it waits for a reset that is near."""
    state = store.load()
    if state.wake.at is not None:
        time.sleep(min(gate.SOON, max(0.0, state.wake.at - time.time())))
    state, _ = step(Told(_windows(payload)))
    return _follow(payload, state)


def _windows(payload: Payload) -> dict[str, Window]:
    """What the client tells of its windows; shapes that nobody knows are passed over."""
    seen, told = time.time(), payload.get("rate_limits")
    windows = {}
    for name, window in told.items() if isinstance(told, dict) else ():
        if isinstance(window, dict):
            percentage, resets_at = window.get("used_percentage"), window.get("resets_at")
            if isinstance(percentage, int | float) and isinstance(resets_at, int | float):
                windows[name] = Window(percentage=percentage, resets_at=resets_at, seen_at=seen)
    return windows


def _other(payload: Payload) -> Answer:
    state, _ = step(Tick())
    return _follow(payload, state)


def _follow(payload: Payload, state: State) -> Answer:
    """Make a session that has missed a change notice it."""
    session = payload.get("session_id")
    if session and gate.strayed("", payload, state.wake.model_dump()):
        _, actions = step(Strayed(session))
        if Nudge() in actions:
            settings.nudge(paths.settings())
    return Answer()


def _tell(*lines: str) -> Answer:
    return Answer(out=orjson.dumps({"systemMessage": "ccfb: " + "\n".join(lines)}).decode())


def _block(*lines: str) -> Answer:
    reason = "ccfb: " + "\n".join(lines)
    return Answer(out=orjson.dumps({"decision": "block", "reason": reason}).decode())


HANDLERS: dict[str, Callable[[Payload], Answer]] = {
    "StopFailure": _stop_failure,
    "UserPromptSubmit": _user_prompt_submit,
    "SessionStart": _session_start,
    "StatusLine": _status_line,
}
