"""What is wrong in `config.json`: the line, what stands there, and what is allowed.

Nothing is repeated from where keys and tokens stand, or may have been written by mistake.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from ccfb.config import schema
from ccfb.config.model import PROVIDERS
from ccfb.config.values import Place

MOST = 5
"""Errors that are told at once."""

LONGEST = 24
"""Characters of a text that is repeated: keys and tokens are longer."""

ALIKE = 0.85
"""From 0 to 1, how much alike names are that are taken for the same."""

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class Wrong(NamedTuple):
    """One thing that is wrong."""

    place: Place
    text: str


def explain(error: ValidationError, values: Any) -> list[Wrong]:
    """Everything that is wrong, once for each place.

    Args:
        error: What the model says.
        values: What it was given.
    """
    found: dict[Place, str] = {}
    for each in error.errors(include_url=False):
        place, stands = _follow(values, each["loc"])
        if place[:1] == ("keys",):
            place = place[:2] if place[1:2] and place[1] in PROVIDERS else place[:1]
        found.setdefault(place, _sentence(each, place, stands))
    return [Wrong(place, text) for place, text in found.items()]


def lines(wrongs: list[Wrong], text: str, path: str) -> str:
    """The first of them in the file, each with its line."""
    placed = sorted((line(text, wrong.place), wrong.text) for wrong in wrongs)
    told = [f"line {number}: {sentence}" for number, sentence in placed[:MOST]]
    more = [f"And {len(placed) - MOST} more."] if len(placed) > MOST else []
    return f"{path}, " + "\n".join(told + more)


def line(text: str, place: Place) -> int:
    """The line, from 1, in which a member begins.

    Args:
        text: Valid JSON.
        place: Something that is there.
    """
    start = value = _skip(text, 0)
    for part in place:  # of two members with one name, the last counts
        start, value = [where for name, *where in _members(text, value) if name == part][-1]
    return text.count("\n", 0, start) + 1


def nearest(name: str, known: list[str]) -> str:
    """The known name that was probably meant, else all of them."""
    close = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."


def misspelt(names: Iterable[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Names that look like a known one, where others can't be forbidden; and that one."""
    for name in names:
        close = difflib.get_close_matches(name, known, 1, ALIKE)
        if close and name not in known:
            yield name, close[0]


def dotted(place: Place) -> str:
    """A place as people write it; what isn't a name isn't repeated."""
    return ".".join(
        part if re.fullmatch(r"[A-Za-z$][\w-]*|\d+", part) and _harmless(part) else "…"
        for part in map(str, place)
    )


def shown(value: Any) -> str:
    """A value as it stands in the file, unless it is long or may be a secret."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, str) and not _harmless(value):
        return "another text"
    return json.dumps(value, ensure_ascii=False)


def _sentence(error: Mapping[str, Any], place: Place, stands: Any) -> str:
    name = dotted(place) or "all of it"
    if place[:1] == ("keys",):
        return f"{name}: that says in no known way where a key comes from."
    if error["type"] == "extra_forbidden" or error["loc"][-1:] == ("[key]",):
        return f"{name}: no such option. {nearest(str(place[-1]), schema.names(place[:-1]))}"
    if error["type"] == "value_error":
        return f"{name}: {error['ctx']['error']}."
    allowed = f"allowed is {schema.allowed(place)}."
    if place in {("alerts",), ("api_key",)} or place[:2] == ("alerts", "urls"):
        return f"{name}: {allowed}"
    return f"{name} is {shown(stands)}: {allowed}"


def _follow(values: Any, loc: Place) -> tuple[Place, Any]:
    """The part of a path that is in the file, without the model's names for its own branches."""
    for depth, part in enumerate(loc):
        known: Collection[Any] = values if isinstance(values, dict) else ()
        if isinstance(values, list):
            known = range(len(values))
        if part not in known:
            return loc[:depth], values
        values = values[part]
    return loc, values


def _harmless(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable() and "sk-" not in text and "://" not in text


def _members(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """The members of the container that begins at an offset: name, where it and its value begin."""
    is_object, at, index = text[at] == "{", _skip(text, at + 1), 0
    while text[at] not in "]}":
        name, start = index, at
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        yield name, start, at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1


def _skip(text: str, at: int) -> int:
    """Behind the white space that begins at an offset."""
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it also matches nothing
