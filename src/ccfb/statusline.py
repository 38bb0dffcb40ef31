"""The status line: who is billed, what is asked, what was spent, how far each window is.

Drawn at every message, and each second while a key is billed: as light as the gate, which alone
imports it. What it shows comes from the client's payload and from `wake`, where the engine has
left it. Both may hold anything: what can't be read isn't shown.
"""

import os
import time

WIDTH = 80
"""Columns at most, and the width of a terminal that isn't told: 2.1.105 sets no `COLUMNS`, 2.1.176
to 2.1.329 do."""

MARGINS = 4
"""Columns of the terminal that the client leaves free; it cuts off what is longer (seen on 2.1.105
to 2.1.329)."""

TEMPLATE = "{billing} · {question} · {budget} · {windows} · {downgraded} · {extra_usage}"

SEPARATORS = (" · ", " | ")
"""What stands between the parts of a template. A part whose fields are all empty isn't shown,
nor is the separator before it."""

FIELDS = {
    "billing": "who is billed now, and until when",
    "question": "what you are asked, and how to answer; other parts make room for it",
    "budget": "dollars spent, of the budget that is nearest to its end; a budget that is used up",
    "windows": "each window of your plan: percentage, and time to its reset",
    "five_hour": "that window alone",
    "seven_day": "that window alone; so is a model's, as `seven_day_opus`",
    "downgraded": "models that others stand in for, and until when",
    "extra_usage": "that your plan bills extra usage",
    "model": "this session's model",
    "project": "this session's project folder",
    "context": "percentage of the context that is filled",
}
"""The fields of a template, and what each shows."""

LABELS = {"five_hour": "5h", "seven_day": "7d"}
"""Windows whose name begins so; what follows is a model's."""

PERIODS = {
    "session": "this session",
    "window": "this window",
    "day": "today",
    "month": "this month",
    "answer": "allowed",
}

BILLED, ASKED, MONEY, CAUSE, PLAN, RED, YELLOW, PLAIN, CALM, LITERAL = range(10)
"""How urgent something is: where there isn't room for all, the least urgent goes first."""

COLOURS = ("33", "1;33", "33", "", "", "31", "33", "", "", "")
"""The ANSI colour of each; what has none, the client draws in grey."""

Json = dict[str, object]
Piece = tuple[str, int]
"""A text, and how urgent it is."""
Windows = dict[str, tuple[int, float | None]]
"""Percentage and reset of each."""
Part = tuple[str, list[Piece]]
"""The separator before it, and what it consists of."""


def line(payload: Json, wake: Json, *, behind: bool = False, now: float | None = None) -> str:
    """The status line; it is empty where the template is.

    Args:
        payload: The client's, as of 2.1.88 to 2.1.329.
        wake: What the engine wrote down.
        behind: This session hasn't taken up what `wake` says so far.
        now: Epoch seconds.
    """
    now = time.time() if now is None else now
    template = _dict(wake.get("line")).get("template")
    fields = _fields(payload, wake, behind, now)
    parts = _parts(template if isinstance(template, str) else TEMPLATE, fields)
    return _join(_fit(parts, _columns()), plain=bool(os.environ.get("NO_COLOR")))


def problems(template: str) -> list[str]:
    """What won't be shown as its author means it; a sentence each."""
    found = []
    for text in template.split("{")[1:]:
        name, closed, _ = _plain(text).partition("}")
        if not closed:
            found.append(f"{{{name.split(' ')[0]} isn't closed: a field is written {{billing}}.")
        elif _field({}, name) is None:
            found.append(f"{{{name}}} is no field; there are {', '.join(FIELDS)}.")
    if _plain(template) != template:
        found.append("Colours and other control characters aren't shown; fields bring their own.")
    return found


# What is shown


def _fields(payload: Json, wake: Json, behind: bool, now: float) -> dict[str, list[Piece]]:
    known, marker = _dict(wake.get("line")), _text(wake.get("marker"))
    windows = _windows(payload, known, now)
    shown = {name: _window(name, *window, now) for name, window in windows.items()}
    folder = _text(_dict(payload.get("workspace")).get("project_dir"))
    filled = _number(_dict(payload.get("context_window")).get("used_percentage"))
    return {
        **{name: [piece] for name, piece in shown.items() if name.startswith(tuple(LABELS))},
        "billing": _billing(marker, _until(wake.get("resets_at"), now), behind),
        "question": _question(_dict(known.get("question")), windows, now),
        "budget": _budget(known, bool(marker)),
        "windows": [shown[name] for name in sorted(shown, key=lambda name: (shown[name][1], name))],
        "downgraded": _downgraded(_dict(known.get("downgraded")), windows, now),
        "extra_usage": [("extra usage", YELLOW)] if known.get("extra_usage") is True else [],
        "model": _optional(_text(_dict(payload.get("model")).get("display_name"))),
        "project": _optional(os.path.basename(folder)),
        "context": [] if filled is None else [(f"context {int(filled)}%", CALM)],
    }


def _billing(marker: str, until: str, behind: bool) -> list[Piece]:
    urgency = BILLED if marker or behind else PLAN
    pieces = [(f"{marker}{until}" if marker else "subscription", urgency)]
    if behind:
        pieces.append(("this session: after its next message", urgency))
    return pieces


def _question(asked: Json, windows: Windows, now: float) -> list[Piece]:
    resets_at = _number(asked.get("resets_at"))
    if not asked or (resets_at is not None and resets_at <= now):
        return []
    window, provider = _text(asked.get("window")), _text(asked.get("provider"))
    cause = "outage" if window == "outage" else f"{_label(window)} limit".lstrip()
    if asked.get("reason") != "limit" and window in windows:
        cause = f"{_label(window)} {windows[window][0]}%"
    take_over, per_hour = _number(asked.get("take_over")), _number(asked.get("per_hour"))
    once = "" if take_over is None else f"≈{_about(take_over)}"
    then = "" if per_hour is None else f"{_about(per_hour)}/h"
    price = " + ".join(filter(None, (once, then)))
    return [
        (cause + _until(resets_at, now), CAUSE),
        (f"{provider}: {price}" if price else f"go on with {provider}", MONEY),
        ("ccfb yes [N]/no/wait?", ASKED),
    ]


def _budget(known: Json, billed: bool) -> list[Piece]:
    pieces = []
    stopped, per = _text(known.get("stopped")), _text(known.get("per"))
    if stopped:
        budget = "allowance" if stopped == "answer" else f"{stopped}'s budget"
        pieces.append((f"{budget} used up", RED))
    spent, cap = _number(known.get("spent")), _number(known.get("cap"))
    if spent is None or not (spent or billed):
        return pieces
    near, calm = (MONEY, PLAN) if billed else (YELLOW, PLAIN)
    if cap is None:
        return [*pieces, (f"{_dollars(spent)} spent", calm)]
    urgency = RED if spent >= cap else near if spent >= 0.8 * cap else calm
    text = f"{_dollars(spent)}/{_dollars(cap)} {PERIODS.get(per, '')}".rstrip()
    return [*pieces, (text, urgency)]


def _windows(payload: Json, known: Json, now: float) -> Windows:
    """The payload's word on each window, else the last one known."""
    windows: Windows = {}
    for source, key in (
        (known.get("windows"), "percentage"),
        (payload.get("rate_limits"), "used_percentage"),
    ):
        for name, window in _dict(source).items():
            percentage = _number(_dict(window).get(key))
            resets_at = _number(_dict(window).get("resets_at"))
            if percentage is not None and (resets_at is None or resets_at > now):
                windows[_plain(name)] = int(percentage), resets_at
    return windows


def _window(name: str, percentage: int, resets_at: float | None, now: float) -> Piece:
    urgency = RED if percentage >= 90 else YELLOW if percentage >= 75 else CALM  # noqa: PLR2004
    left = "" if resets_at is None else f" {_left(resets_at - now)}"
    return f"{_label(name)} {percentage}%{left}", urgency


def _downgraded(models: Json, windows: Windows, now: float) -> list[Piece]:
    pieces = []
    for window, told in models.items():
        model = _text(told)
        spared = _model(_plain(window)) or "all"
        until = _until(windows[window][1], now) if window in windows else ""
        if model:
            pieces.append((f"{spared}→{model}{until}", PLAIN))
    return pieces


def _optional(text: str) -> list[Piece]:
    return [(text, CALM)] if text else []


# Templates, and the room there is


def _parts(template: str, fields: dict[str, list[Piece]]) -> list[Part]:
    """A template with its fields filled in.

    A field that tells several things makes parts of them: one can go without the others.
    """
    text = _plain(template)
    for separator in SEPARATORS:
        text = text.replace(separator, f"\0{separator}\0")
    chunks = ["", *text.split("\0")]
    parts = []
    for separator, chunk in zip(chunks[::2], chunks[1::2], strict=True):
        for number, pieces in enumerate(_fill(chunk, fields)):
            if any(text.strip() for text, _ in pieces):
                parts.append((SEPARATORS[0] if number else separator, pieces))
    return parts


def _fill(chunk: str, fields: dict[str, list[Piece]]) -> list[list[Piece]]:
    literal, *rest = chunk.split("{")
    filled: list[list[Piece]] = [[(literal, LITERAL)]]
    has_fields = has_values = False
    for text in rest:
        name, closed, literal = text.partition("}")
        values = _field(fields, name) if closed else None
        if values is None:
            filled[-1].append((f"{{{text}", LITERAL))
            continue
        has_fields, has_values = True, has_values or bool(values)
        for number, value in enumerate(values):
            if number:
                filled.append([])
            filled[-1].append(value)
        filled[-1].append((literal, LITERAL))
    return filled if has_values or not has_fields else []


def _field(fields: dict[str, list[Piece]], name: str) -> list[Piece] | None:
    """What a field shows; None where there is no such field."""
    known = name in FIELDS or name.startswith(tuple(LABELS))
    return fields.get(name, []) if known else None


def _fit(parts: list[Part], columns: int) -> list[Part]:
    """The most urgent parts that there is room for, in their order."""
    urgent = sorted(range(len(parts)), key=lambda index: min(u for _, u in parts[index][1]))
    shown: list[int] = []
    for each in urgent:
        more = sorted([*shown, each])
        if _width(_join([parts[index] for index in more], plain=True)) > columns:
            break
        shown = more
    if parts and not shown:
        return [("", _cut(parts[urgent[0]][1], columns))]
    return [parts[index] for index in shown]


def _cut(pieces: list[Piece], columns: int) -> list[Piece]:
    kept, room = [], columns - 1
    for text, urgency in pieces:
        cut = text[:room]
        while _width(cut) > room:
            cut = cut[:-1]
        kept.append((cut, urgency))
        room -= _width(cut)
        if cut != text:
            break
    return [*kept, ("…", LITERAL)]


def _join(parts: list[Part], *, plain: bool) -> str:
    text = ""
    for separator, pieces in parts:
        text += separator if text else ""
        for piece, urgency in pieces:
            colour = COLOURS[urgency]
            text += piece if plain or not (colour and piece) else f"\033[{colour}m{piece}\033[0m"
    return text


def _columns() -> int:
    try:
        told = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        told = 0
    return min(WIDTH, max(1, (told if told > 0 else WIDTH) - MARGINS))


def _width(text: str) -> int:
    """Columns that a text takes; accents that take none are counted too."""
    if max(text, default="") < "\u1100":  # where the first wide ones are
        return len(text)
    import unicodedata  # noqa: PLC0415 - rarely needed, and a quarter of a millisecond

    return len(text) + sum(unicodedata.east_asian_width(each) in "WF" for each in text)


# Words


def _label(window: str) -> str:
    """A window's short name: `5h`, `opus 7d`."""
    for name, label in LABELS.items():
        if window.startswith(name):
            return f"{_model(window)} {label}".lstrip()
    return window.removesuffix("_limit").replace("_", " ")


def _model(window: str) -> str:
    """The model that a window is for; empty: all."""
    for name in LABELS:
        window = window.removeprefix(name)
    return window.strip("_").replace("_", " ")


def _until(when: object, now: float) -> str:
    """A moment in local time, with the day once it isn't today; with a blank before it."""
    moment = _number(when)
    if moment is None:
        return ""
    then = time.localtime(moment)
    pattern = " until %H:%M" if then[:3] == time.localtime(now)[:3] else " until %a %H:%M"
    return time.strftime(pattern, then)


def _left(seconds: float) -> str:
    """A stretch of time in its two largest units."""
    minutes = int(seconds // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    large = ((days, "d"), (hours, "h")) if days else ((hours, "h"), (minutes, "m"))
    return "".join(f"{number}{unit}" for number, unit in large if number) or "<1m"


def _dollars(amount: float) -> str:
    return f"${amount:.2f}".removesuffix(".00")


def _about(amount: float) -> str:
    return _dollars(amount if amount < 10 else round(amount))  # noqa: PLR2004


# What may be anything


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """A percentage, dollars, or a moment that a calendar knows."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e11 else None  # noqa: PLR2004


def _text(value: object) -> str:
    return _plain(value) if isinstance(value, str) else ""


def _plain(text: str) -> str:
    """A text that stays on its line and in its colour; symbols of private fonts are kept."""
    if text.isprintable():
        return text
    return "".join(
        each
        for each in text
        if each.isprintable() or "\ue000" <= each <= "\uf8ff" or each >= "\U000f0000"
    )
