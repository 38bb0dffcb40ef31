"""One event in, one answer out: the part that does something, a few times a week."""

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from ccfb import asking, effects, gate, paths
from ccfb.billing import machine, store
from ccfb.billing.events import (
    Action,
    Answering,
    Ask,
    Bar,
    Continue,
    Estimated,
    Event,
    Failed,
    Limited,
    Metered,
    Nudge,
    Prompted,
    Refused,
    Resumed,
    Say,
    SignedIn,
    Strayed,
    Tick,
    Told,
    Unmeasured,
)
from ccfb.billing.model import State, Window
from ccfb.client import limits, models, reloads, settings, signals, transcript
from ccfb.effects import remember, step

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

HOOK_FIRST = 2.0
"""Seconds that an answer typed during a turn is left to its hook, where there is one."""

ROW_LOOKS, LATE_LOOKS, ROW_PAUSE = 5, 100, 0.04
"""How often, and seconds apart, a failed turn's row is looked for; when it is needed to wait."""

WAITING = 21_000.0
"""Seconds that a stalled turn waits for the user's word; its hook may take a little longer."""

GLANCE = 0.5
"""Seconds between two looks for the user's word."""

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
        _gently(event, catch_up)
    _gently(event, _sign_in)
    if event != "StatusLine":  # there it may have to wait for a row
        look_at_spending(event)
    return HANDLERS.get(event, _other)(payload)


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
            session = row.session_id or ""
            step(_limited(finding, session, row.uuid, live=False, entrypoint=row.entrypoint))


def measure() -> None:
    """Book what sessions have cost their provider since the switch."""
    meter, now = store.load().meter, time.time()
    if meter is None or (meter.until and now > meter.until + machine.FLIGHT):
        return
    from ccfb.client import messages  # noqa: PLC0415 - rare, as are prices
    from ccfb.meter import spent  # noqa: PLC0415

    sent = messages.messages(paths.projects(), meter.since)
    costs = spent(sent, meter.provider, meter.since, meter.until or now)
    dollars = {session: cost.dollars for session, cost in costs.items()}
    if store.load().unmeasured or any(
        cost > meter.sessions.get(session, 0.0) for session, cost in dollars.items()
    ):
        step(Metered(dollars, meter.since))


def look_at_spending(event: str) -> None:
    """Measure; where that can't be done and a budget is short, go back to the plan."""
    try:
        measure()
    except Exception as problem:  # noqa: BLE001 - money fails closed
        gate.log(event, problem)
        state = store.load()
        if state.switch and state.wake.capped:
            step(Unmeasured())


def _sign_in() -> None:
    """Notice that another account has signed in."""
    from ccfb import usage  # noqa: PLC0415 - reads a file that may be large

    found = usage.account()
    if found and found != store.load().account:
        step(SignedIn(found))


def _gently(event: str, what: Callable[[], None]) -> None:
    """Do something on which the answer doesn't depend."""
    try:
        what()
    except Exception as problem:  # noqa: BLE001 - the way back to the plan comes first
        gate.log(event, problem)


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
    if row:
        version, path = row.version, row.path
        _gently("StopFailure", lambda: _note_client(version, _last_model(path)))
    state, actions = step(_failure_event(finding, session, failure))
    _gently("StopFailure", catch_up)
    if state.question and row is None:  # on a busy machine it comes later
        row = _row(str(payload.get("transcript_path")), session, agent, text, LATE_LOOKS)
    if row and state.question:
        path = row.path
        _gently("StopFailure", lambda: _estimate(path))
        _taken_up(session, state)  # a young session is shown the question, too
        if os.environ.get(signals.ENTRYPOINT) == signals.INTERACTIVE:
            state, actions = _wait_for_word(session, row, state)
    for action in actions:
        if isinstance(action, Continue):
            return _go_on(action, state, payload, row)
    return Answer()


def _estimate(path: str, recache: object = 0) -> None:
    """Tell the user's question what going on would cost this session.

    Args:
        path: Its transcript.
        recache: What the client says would have to be cached anew, in tokens.
    """
    question = store.load().question
    if question is None:
        return
    from ccfb import estimate  # noqa: PLC0415 - rare, as are prices
    from ccfb.client import messages  # noqa: PLC0415

    sent, now = messages.of_session(path), time.time()
    theirs = effects.models(question.provider)
    tokens = recache if isinstance(recache, int) else 0
    first = estimate.take_over(sent, question.provider, now, models=theirs, recache=tokens)
    pace = estimate.per_hour(sent, question.provider, now, models=theirs)
    if first and pace:
        step(Estimated(first.dollars, pace.per_hour))


def _wait_for_word(session: str, row: transcript.Row, state: State) -> tuple[State, list[Action]]:
    """Wait with a stalled turn for the user's word; whoever is faster lets it go on.

    Never in a headless session: with its input closed, the client waits for this hook to end. A
    client that goes may leave it behind (seen on 2.1.176; 2.1.329 ends it).
    """
    end, client = time.time() + WAITING, os.getppid()
    while time.time() < end and os.getppid() == client:
        wake = gate.read_wake()
        if wake.get("marker"):
            time.sleep(GLANCE)  # a prompt that has given the word is on its way
            if transcript.still_stalled(row.path, row.uuid):
                return step(Resumed(session))
            break
        if not wake.get("asked") or gate.due(wake):
            state, _ = step(Tick())  # the word may need a key that only this session has
            return step(Resumed(session)) if state.switch else (state, [])
        if not transcript.still_stalled(row.path, row.uuid):
            break
        time.sleep(GLANCE)
    return state, []


def _row(
    path: str, session: str, agent: str | None, text: str, looks: int = ROW_LOOKS
) -> transcript.Row | None:
    """The row of a failed turn, which may reach the disk a moment after its hook."""
    for _ in range(looks):
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
        entrypoint = os.environ.get(signals.ENTRYPOINT)
        return _limited(finding, session, failure, live=True, entrypoint=entrypoint)
    billed = os.environ.get(signals.BILLING_VARIABLE)
    if finding.kind in PROVIDER_KINDS and billed:
        return Refused(session, failure, billed, finding.resets_at, finding.text)
    if finding.kind is limits.Kind.OUTAGE and not billed:
        return Failed(session, failure)
    return Tick()


def _limited(
    finding: limits.Finding, session: str, failure: str, *, live: bool, entrypoint: str | None
) -> Limited:
    window = finding.window or "plan"
    resets_at = finding.resets_at if finding.kind is limits.Kind.LIMIT else None
    # Rows of dead runs are read by others, too: only a headless session takes the word for them.
    here = os.environ.get(signals.ENTRYPOINT)
    headless = not {entrypoint, here} & {None, signals.INTERACTIVE}
    return Limited(session, failure, window, resets_at, finding.text, live, headless)


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
    if not gate.off_course(state.wake.model_dump(include={"marker", "model"})):
        return True
    if not state.switch and not state.downgrades and state.tidy_at is None:
        state, _ = step(Strayed(session))
    return _taken_up(session, state, pause)


def _taken_up(session: str, state: State, pause: float = 0.0) -> bool:
    """Whether a session has reloaded what was written last; it is written again until it does."""
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
    if state.downgrades:
        return "The limit of a model was hit; another model goes on."
    return "The plan's limit has reset."


def _user_prompt_submit(payload: Payload) -> Answer:
    """A prompt is about to be sent: to whom it is billed has to be right by then."""
    session, prompt = str(payload.get("session_id")), str(payload.get("prompt"))
    if asking.meant(prompt):
        return _answered(payload, session, prompt)
    state, actions = step(Prompted(session))
    said = [action.text for action in actions if isinstance(action, Say)]
    barred = [action.text for action in actions if isinstance(action, Bar)]
    if Ask() in actions and state.question:
        said.append(_question(payload))
    kept = state.sessions.get(session)
    resumed = prompt.startswith(signals.RESUME_PROMPT)
    if resumed and kept and kept.continued_at:
        reason = "This task already went on with another billing when the limit was hit."
        return _block(*said, reason)
    if barred:
        return _block(*said, *barred)
    if not _reloaded(session, state, APPLY) and not state.switch:
        return _block(
            *said,
            "Billing is back on the subscription, but this session still holds the key. "
            "Nothing was sent. Leave it and go on with: claude --resume",
        )
    return _tell(*said) if said else Answer()


def _question(payload: Payload) -> str:
    """The pending question, with what going on would cost this session."""
    _gently("UserPromptSubmit", lambda: _estimate(str(payload.get("transcript_path"))))
    asked = store.load().question
    return asking.question(asked) if asked else ""


def _answered(payload: Payload, session: str, prompt: str) -> Answer:
    """The user's word, typed as a prompt: a task that was cut off goes on at once."""
    row = transcript.last_failure(str(payload.get("transcript_path")), session_id=session)
    stalled = row and transcript.still_stalled(row.path, row.uuid)
    answer = asking.parse(prompt, session if stalled else None)
    if answer is None:
        return _heard(f"That wasn't understood. What can be answered: {asking.USAGE}")
    before = store.load()
    state, actions = step(answer)
    said = asking.outcome(answer, before, state)
    if not any(isinstance(action, Continue) for action in actions):
        return _heard(said)
    if not _reloaded(session, state, APPLY):
        step(Strayed(session, lost=True))
        return _heard(said, "This session doesn't take it up. Leave it, and: claude --resume")
    context = (
        f"This prompt was an answer to ccfb, which looks after billing. {_billed(state)} "
        "Continue with the task where it was interrupted."
    )
    return _tell(said, context=context)


def _session_start(payload: Payload) -> Answer:
    """A session starts: catch up, and begin with the right billing."""
    reloads.sweep(time.time())
    state, _ = step(Tick())
    _gently("SessionStart", _plan_looks)
    _reloaded(str(payload.get("session_id")), state, APPLY)
    return Answer()


def _status_line(payload: Payload) -> Answer:
    """The only clock that runs while a session idles: it waits for a reset that is near."""
    state = store.load()
    if state.wake.at is not None:
        time.sleep(min(gate.SOON, max(0.0, state.wake.at - time.time())))
    session = str(payload.get("session_id"))
    asked, model = state.question, payload.get("model")
    name = model.get("id") if isinstance(model, dict) else None
    _gently("StatusLine", lambda: _note_client(payload.get("version"), name))
    state, _ = step(Told(_windows(payload), session))
    _gently("StatusLine", lambda: _note_cost(payload, state))
    _gently("StatusLine", _look)
    _gently("StatusLine", lambda: _hear(str(payload.get("transcript_path"))))
    state = store.load()
    if state.question and state.question.take_over is None and asked is None:
        cache = payload.get("prompt_cache")
        cold = cache.get("recache_tokens_if_cold") if isinstance(cache, dict) else None
        _gently("StatusLine", lambda: _estimate(str(payload.get("transcript_path")), cold))
    return _follow(payload, state)


def _hear(path: str) -> None:
    """Take the user's word that was typed while a turn runs, if it is on what is asked now."""
    asked = store.load().question
    if asked is None:
        return
    typed = transcript.queued(path, asked.since, time.time() - HOOK_FIRST)
    answer = next(filter(None, (asking.parse(words, "") for words in typed)), None)
    if answer:
        step(answer)


def _note_cost(payload: Payload, state: State) -> None:
    """Measure until the transcript has what the client counts already, and remember how much."""
    session, total = str(payload.get("session_id")), gate.cost(payload)
    if not state.wake.metered or total is None:
        return
    before = state.meter.sessions.get(session) if state.meter else None
    more = total > state.wake.costs.get(session, total)
    for attempt in range(ROW_LOOKS if more else 1):
        time.sleep(ROW_PAUSE if attempt else 0.0)
        look_at_spending("StatusLine")
        meter = store.load().meter
        if meter is None or meter.sessions.get(session) != before:
            break
    remember(lambda state: state.wake.costs.__setitem__(session, total))


def _note_client(version: object, model: object) -> None:
    """Remember what is needed to move sessions to another model."""
    name = models.bare(model) if isinstance(model, str) else ""
    family = models.family(name)

    def note(state: State) -> None:
        state.client = str(version or state.client)
        state.models |= {family: name} if family else {}

    before, after = store.load(), store.load()
    note(after)
    if after != before:
        remember(note)


def _last_model(path: str) -> str | None:
    """The model that a session has used last."""
    from ccfb.client import messages  # noqa: PLC0415 - rare

    sent = messages.of_session(path)
    return sent[-1].model if sent else None


def _plan_looks() -> None:
    """Note when the other sources of utilization are to be asked."""
    from ccfb import usage  # noqa: PLC0415 - rare

    due = usage.next_due(effects.chosen().sources, time.time())

    def note(state: State) -> None:
        state.wake.look_at = due

    remember(note)


def _look() -> None:
    """Ask the other sources of utilization, if it is time."""
    wake = store.load().wake
    if wake.look_at is None or time.time() < wake.look_at:
        return
    from ccfb import usage  # noqa: PLC0415 - rare

    for telling in usage.ask(effects.chosen().sources, time.time()):
        seen = time.time()
        windows = {
            name: Window(percentage=told.percentage, resets_at=told.resets_at, seen_at=seen)
            for name, told in telling.windows.items()
        }
        step(Told(windows, extra_usage=telling.extra_usage))
    _plan_looks()


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


def _turn_ended(payload: Payload) -> Answer:
    """Whoever is billed has answered."""
    state, _ = step(Answering())
    return _follow(payload, state)


def _tell(*lines: str, context: str = "") -> Answer:
    answer: dict[str, Any] = {"systemMessage": "ccfb: " + "\n".join(lines)}
    if context:
        output = {"hookEventName": "UserPromptSubmit", "additionalContext": context}
        answer["hookSpecificOutput"] = output
    return Answer(out=orjson.dumps(answer).decode())


def _block(*lines: str, **more: object) -> Answer:
    reason = "ccfb: " + "\n".join(lines)
    return Answer(out=orjson.dumps({"decision": "block", "reason": reason, **more}).decode())


def _heard(*lines: str) -> Answer:
    """The prompt was for us: it isn't repeated to the user (seen on 2.1.176 to 2.1.329)."""
    output = {"hookEventName": "UserPromptSubmit", "suppressOriginalPrompt": True}
    return _block(*lines, suppressOriginalPrompt=True, hookSpecificOutput=output)


HANDLERS: dict[str, Callable[[Payload], Answer]] = {
    "StopFailure": _stop_failure,
    "UserPromptSubmit": _user_prompt_submit,
    "SessionStart": _session_start,
    "StatusLine": _status_line,
    "Stop": _turn_ended,
}
