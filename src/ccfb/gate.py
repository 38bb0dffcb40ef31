"""The only code that runs on every hook: is there anything to do?

It reads the payload and the `wake` section of the state file, and compares numbers. It may
wake the engine for nothing; it may never miss. Standard library only, and little of that:
`json`, `re`, `pathlib` and `subprocess` each cost more than everything here, so the JSON
scanner underneath `json` is called directly.
"""

import os
import sys
import time

from ccfb import paths
from ccfb.client import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

try:
    import _json
except ImportError:  # another Python than CPython
    _json = None  # type: ignore[assignment]

TAIL = 65_536
"""Bytes at the end of a transcript that are searched for a failed turn, or an answer."""

TYPED = 60.0
"""Seconds for which an answer that was typed during a turn wakes the engine."""

SOON = 1.5
"""Seconds ahead at which the status line's clock wakes the engine, which then waits."""

RELOAD = 1.5
"""Seconds in which sessions take up changed settings; 1.03 is usual."""

LOG_SIZE = 1_000_000
"""Bytes at which `ccfb.log` becomes `ccfb.log.1`, with one line more."""

SAME = 60.0
"""Seconds by which two tellings of one reset may differ."""

FRESH = 5.0
"""Seconds in which sessions reload a change that is told."""

ALWAYS = frozenset({"StopFailure", "SessionStart"})
"""Rare events that the engine always looks into."""

BLOCK = (
    '{"decision": "block", "reason": "ccfb: billing should be back on the subscription, and '
    'something is in the way. Nothing was sent. What it is: ccfb status"}'
)
"""Hooks fail open, money fails closed."""

REDRAW = 10.0
"""Seconds between two runs of the earlier status line while a key is billed."""


class _Syntax:
    """What the scanner wants to know about JSON."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own, one run long


def loads(text: str) -> object:
    """Parse JSON without importing `json`.

    Raises:
        ValueError: The text isn't JSON.
    """
    if _json is None:
        import json  # noqa: PLC0415

        return json.loads(text)
    text = text.strip(" \t\n\r")
    try:
        value, end = _json.make_scanner(_Syntax())(text, 0)  # type: ignore[arg-type]
    except (StopIteration, SystemError):  # 3.11 can't say more without `json.decoder`
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("more than JSON")
    return value


def read(path: str) -> dict[str, object]:
    """A JSON object from a file; empty when there is none, or none that can be read."""
    try:
        with open(path, "rb") as file:
            value = loads(file.read().decode("utf-8", "replace"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def boot_clock() -> float:
    """Seconds that go on through sleep, and that nobody can set back."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def due(wake: dict[str, object], ahead: float = 0.0) -> bool:
    """Whether the time has come, by the wall clock or by the one that can't be set.

    Args:
        wake: What would next need the engine.
        ahead: Seconds by which to be early.
    """
    return (
        bool(wake.get("unsettled"))
        or time.time() + ahead >= _number(wake.get("at"))
        or boot_clock() + ahead >= _number(wake.get("boot_at"))
    )


def strayed(event: str, payload: dict[str, object], wake: dict[str, object]) -> bool:
    """Whether this session should have taken up a change of billing by now, and hasn't.

    `ConfigChange` runs before the settings are applied, so it can't tell (seen on 2.1.105 to
    2.1.329). A prompt has to be sure; everything else can give the client time to reload.
    """
    if event == "ConfigChange" or not off_course(wake):
        return False
    if event == "UserPromptSubmit":
        return True
    lost = wake.get("lost")
    known = isinstance(lost, list) and payload.get("session_id") in lost
    return not known and time.time() > _number(wake.get("settled_at"), 0.0) + RELOAD


def off_course(wake: dict[str, object]) -> bool:
    """Whether this session is billed, or works, otherwise than it should."""
    return any(
        os.environ.get(variable, "") != (wake.get(name) or "")
        for variable, name in (
            (signals.BILLING_VARIABLE, "marker"),
            (signals.MODEL_VARIABLE, "model"),
        )
    )


def overdue() -> bool:
    """Whether this session bills a key though the plan should be billed by now."""
    if not os.environ.get(signals.BILLING_VARIABLE):
        return False
    try:
        wake = read_wake()
    except Exception:  # noqa: BLE001 - in doubt, don't spend
        return True
    return due(wake) or not wake.get("marker")


def climbed(wake: dict[str, object], payload: dict[str, object]) -> bool:
    """Whether the status line tells of a window what the engine hasn't seen so far."""
    seen_windows = _dict(wake.get("windows"))
    for name, window in _dict(payload.get("rate_limits")).items():
        seen, told = _dict(seen_windows.get(name)), _dict(window)
        later = _number(told.get("resets_at"), 0.0) - _number(seen.get("resets_at"), 0.0)
        if later > SAME:
            return True
        if later < -SAME:  # a session that has been idle since before that window's reset
            continue
        if _number(told.get("used_percentage"), 0.0) >= _number(seen.get("percentage")):
            return True
    return False


def failed(payload: dict[str, object]) -> bool:
    """Whether the end of the transcript holds a failed turn: headless runs lose hooks."""
    tail = _tail(payload)
    return any(mark in tail for mark in signals.API_ERROR)


def typed(payload: dict[str, object]) -> bool:
    """Whether the user has just typed something for us while a turn runs.

    On 2.1.105 and 2.1.176 no hook tells of it, and of `/ccfb` on none.
    """
    edge = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - TYPED)).encode()
    return any(
        line.partition(b'"timestamp":"')[2][: len(edge)] >= edge
        for line in _tail(payload).split(b"\n")
        if signals.QUEUED in line and b"ccfb " in line.lower()
    )


def _tail(payload: dict[str, object]) -> bytes:
    """The end of the transcript."""
    try:
        with open(str(payload.get("transcript_path")), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read()
    except OSError:
        return b""


def cost(payload: dict[str, object]) -> float | None:
    """What the client says that this session has cost so far, in dollars, plan or not."""
    total = _dict(payload.get("cost")).get("total_cost_usd")
    return float(total) if isinstance(total, int | float) else None


def spending(payload: dict[str, object], wake: dict[str, object]) -> bool:
    """Whether this session has cost its provider something since it was last measured."""
    total = cost(payload)
    if total is None or not wake.get("metered"):
        return False
    return total > _number(_dict(wake.get("costs")).get(str(payload.get("session_id"))), -1.0)


def configured_at() -> float:
    """When the configuration was last changed, in epoch seconds; 0 where there is none."""
    try:
        return os.stat(paths.own("config.json")).st_mtime
    except OSError:
        return 0.0


def needed(event: str, payload: dict[str, object], wake: dict[str, object]) -> bool:
    """Whether the engine has something to do."""
    return (
        event in ALWAYS
        or due(wake, SOON if event == "StatusLine" else 0.0)
        or strayed(event, payload, wake)
        or _number(wake.get("config"), 0.0) != configured_at()
        or NEWS.get(event, _no_news)(payload, wake)
    )


def _no_news(payload: dict[str, object], wake: dict[str, object]) -> bool:  # noqa: ARG001
    return False


def _turn_ended(payload: dict[str, object], wake: dict[str, object]) -> bool:  # noqa: ARG001
    return bool(wake.get("metered") or wake.get("failing"))


def _session_ended(payload: dict[str, object], wake: dict[str, object]) -> bool:
    return bool(wake.get("metered")) or failed(payload)


def _signed_in(payload: dict[str, object], wake: dict[str, object]) -> bool:  # noqa: ARG001
    return payload.get("notification_type") == signals.SIGNED_IN


def _prompted(payload: dict[str, object], wake: dict[str, object]) -> bool:
    """Whether a prompt is for us, or its user is to be told something first."""
    waiting = wake.get("sessions")
    return (
        bool(wake.get("asked") or wake.get("marker"))
        or (isinstance(waiting, list) and payload.get("session_id") in waiting)
        or str(payload.get("prompt")).strip().lower().startswith(signals.OURS)
    )


def _drawn(payload: dict[str, object], wake: dict[str, object]) -> bool:
    return (
        climbed(wake, payload)
        or spending(payload, wake)
        or time.time() >= _number(wake.get("look_at"))
        or (bool(wake.get("asked")) and typed(payload))
    )


NEWS = {
    "Stop": _turn_ended,
    "SessionEnd": _session_ended,
    "Notification": _signed_in,
    "UserPromptSubmit": _prompted,
    "StatusLine": _drawn,
}
"""What the engine wants to hear of, by event."""


def note_reload(payload: dict[str, object]) -> None:
    """Leave a word that this session has the new settings; see `ccfb.client.reloads`."""
    session = str(payload.get("session_id"))
    if payload.get("source") != "user_settings" or "/" in session or "\\" in session:
        return
    folder = paths.own("reloads")
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    draft = os.path.join(folder, f"{session}.{os.getpid()}")
    with open(draft, "w", encoding="utf-8") as file:
        file.write(str(time.time()))
    os.replace(draft, os.path.join(folder, session))


def shown(wake: dict[str, object]) -> str:
    """What this session's terminal shows of a change that was written a moment ago."""
    told = wake.get("terminal")
    fresh = time.time() - _number(wake.get("told_at"), 0.0) < FRESH
    return told if fresh and isinstance(told, str) else ""


CHAIN = 'out=$(sh -c "$1"); [ -z "$out" ] || printf "%s\\n" "$out"; printf "%s" "$2"; exit 0'
"""Theirs first, ours below; whatever theirs returns stays its own affair."""


def cached(command: str, own: str, payload: dict[str, object], stdin: bytes) -> str:
    """Our line below the last one of the command that stood there before us.

    While a key is billed the client draws every second, and kills what takes longer (seen on
    2.1.105 to 2.1.329): a slow command would never be seen, and neither would our line.
    """
    session = str(payload.get("session_id"))
    if "/" in session or "\\" in session:
        return own
    path = os.path.join(paths.own("lines"), session)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            theirs, drawn_at = file.read().rstrip("\n"), os.fstat(file.fileno()).st_mtime
    except OSError:
        theirs, drawn_at = "", 0.0
    if time.time() - drawn_at > REDRAW:
        os.makedirs(paths.own("lines"), mode=0o700, exist_ok=True)
        with open(path, "a", encoding="utf-8"):
            os.utime(path)  # nobody else need do it
        aside(lambda: redraw(command, path, stdin))
    return f"{theirs}\n{own}" if theirs else own


def redraw(command: str, path: str, stdin: bytes) -> None:
    """Run the earlier status line, and keep what it prints."""
    import subprocess  # noqa: PLC0415 - nobody waits for this process

    drawn = subprocess.run(  # noqa: S602 - the user's own command line
        command, shell=True, input=stdin, stdout=subprocess.PIPE, check=False, timeout=REDRAW * 3
    )
    with open(f"{path}.draft", "wb") as file:
        file.write(drawn.stdout)
    os.replace(f"{path}.draft", path)


def chain(command: str, own: str, stdin: bytes) -> None:
    """Become the status line command that stood there before us, and print our line below."""
    if not hasattr(os, "fork"):
        import subprocess  # noqa: PLC0415

        subprocess.run(["sh", "-c", CHAIN, "sh", command, own], input=stdin, check=False)  # noqa: S607
        return
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(stdin)
        finally:  # also where theirs doesn't read it: this process must not go on as the hook
            os._exit(0)
    os.close(writer)
    os.dup2(reader, 0)
    os.execv("/bin/sh", ["sh", "-c", CHAIN, "sh", command, own])  # noqa: S606


def log(event: str, problem: BaseException) -> None:
    """One line in `ccfb.log`: hooks fail open, and the user can find out why."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    text = " ".join(f"{type(problem).__name__}: {problem}".split())
    path = paths.own("ccfb.log")
    try:
        with open(path, "ab") as file:
            if file.tell() > LOG_SIZE:
                os.replace(path, f"{path}.1")
            file.write(f"{stamp} {event} {text}\n".encode("utf-8", "replace"))
    except OSError:
        pass


def reach_packages(packages: str) -> None:
    """Make installed libraries importable, which `-S` has kept out of reach."""
    import site  # noqa: PLC0415

    site.main()
    site.addsitedir(packages)


def wake_engine(event: str, payload: dict[str, object], packages: str) -> tuple[str, str, int]:
    """Load the engine and let it answer: standard output, standard error, exit code."""
    reach_packages(packages)
    from ccfb import engine  # noqa: PLC0415

    return engine.run(event, payload)


def aside(action: "Callable[[], object]") -> None:
    """Do something in a process of its own, and don't wait for it.

    The client kills a status line that still runs at the next tick or message, and all that
    descends from it (seen on 2.1.105 to 2.1.329); a switch must not be cut off.
    """
    if not hasattr(os, "fork"):
        action()
        return
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork():
            os._exit(0)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        action()
    except BaseException as problem:  # noqa: BLE001 - nobody is there to see it
        log("StatusLine", problem)
    finally:
        os._exit(0)


def draw(stdin: bytes, packages: str) -> str:
    """The status line, below the one that stood there before us, if any."""
    own = ""
    payload: dict[str, object] = {}
    wake: dict[str, object] = {}
    try:
        payload, wake = parse(stdin), read_wake()
        if needed("StatusLine", payload, wake):
            aside(lambda: wake_engine("StatusLine", payload, packages))
        from ccfb import statusline  # noqa: PLC0415 - no other hook needs it

        own = statusline.line(payload, wake, behind=off_course(wake))
    except Exception as problem:  # noqa: BLE001 - theirs is shown, whatever happens to ours
        log("StatusLine", problem)
    chained = read(paths.own("receipt.json")).get("chained")
    if not isinstance(chained, str):
        return own
    if own and (wake.get("marker") or wake.get("asked")):  # the clock runs
        return cached(chained, own, payload, stdin)
    chain(chained, own, stdin)
    return own


def main(event: str, packages: str) -> None:
    """Run one hook. Whatever goes wrong inside, the session goes on.

    Args:
        event: The client's name of the hook, or `StatusLine`.
        packages: The folder that the engine's libraries are imported from.
    """
    out, err, code = "", "", 0
    try:
        stdin = sys.stdin.buffer.read()
        if event == "StatusLine":
            out = draw(stdin, packages)
        else:
            payload = parse(stdin)
            wake = read_wake()
            if event == "ConfigChange":
                note_reload(payload)
                out = shown(wake)
            if needed(event, payload, wake):
                out, err, code = wake_engine(event, payload, packages)
    except BaseException as problem:  # noqa: BLE001 - a hook never breaks the session
        log(event, problem)
        if event == "UserPromptSubmit" and overdue():
            out = BLOCK
    try:
        sys.stderr.write(err)
        sys.stdout.buffer.write(out.encode("utf-8", "replace"))
        sys.stdout.flush()
    except OSError:  # nobody listens any more
        os._exit(code)
    sys.exit(code)


def parse(stdin: bytes) -> dict[str, object]:
    """The payload.

    Raises:
        ValueError: It isn't JSON.
    """
    return _dict(loads(stdin.decode("utf-8", "replace")))


def read_wake() -> dict[str, object]:
    """What would next need the engine, as it wrote it down."""
    return _dict(read(paths.own("state.json")).get("wake"))


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _number(value: object, default: float = float("inf")) -> float:
    return float(value) if isinstance(value, int | float) else default
