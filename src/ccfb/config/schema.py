"""What may stand where in `config.json`: for editors as it is, for people in words.

`config.schema.json` is made from the model by `ccfb.config.compile`; a test holds them equal.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson

from ccfb.config.values import Place

PATH = os.path.join(os.path.dirname(__file__), "config.schema.json")

Node = dict[str, Any]
"""What JSON Schema says of one place."""

PLAIN = {"boolean": "true or false", "null": "null", "object": "an object"}

BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


def node(place: Place) -> Node | None:
    """What the schema says of a place; None: nothing may stand there."""
    found: Node | None = _root()
    for part in place:
        found = _below(found, part)
        if found is None:
            return None
    return found


def names(place: Place) -> list[str]:
    """The members that an object is known to have, without those that nobody should write."""
    found = node(place) or {}
    known = found.get("properties", {}).items()
    return [
        *(name for name, member in known if not member.get("deprecated") and name != "$schema"),
        *found.get("propertyNames", {}).get("enum", ()),
    ]


def leaves(place: Place = ()) -> Iterator[Place]:
    """Every place for a value, from a place down."""
    found = node(place)
    if found and found.get("type") != "object":
        yield place
    for name in names(place):
        yield from leaves((*place, name))


def branches(of: Node) -> list[Node]:
    """The kinds of value that may stand somewhere."""
    return of.get("anyOf") or [of]


def allowed(place: Place) -> str:
    """What may stand in a place, in words."""
    return _words(node(place) or {})


def _words(of: Node) -> str:
    *some, last = (word for kind in branches(of) for word in kind.get("enum", [_word(kind)]))
    return f"{', '.join(some)} or {last}" if some else last


def _word(kind: Node) -> str:
    match kind.get("type"):
        case "array":
            least = f" of at least {kind['minItems']}" if "minItems" in kind else ""
            return f"a list{least}, each {_words(kind['items'])}"
        case "integer":
            return f"a whole number {_bounds(kind)}"
        case "number":
            return f"a number {_bounds(kind)}"
        case plain:
            return PLAIN.get(str(plain)) or str(kind.get("description", "a text"))


def _bounds(kind: Node) -> str:
    if {"minimum", "maximum"} <= kind.keys():
        return f"from {kind['minimum']:g} to {kind['maximum']:g}"
    return ", ".join(f"{word} {kind[name]:g}" for name, word in BOUNDS.items() if name in kind)


@cache
def _root() -> Node:
    with open(PATH, "rb") as file:
        whole: Node = orjson.loads(file.read())
    return whole


def _below(found: Node | None, part: str | int) -> Node | None:
    """One step down, with what it refers to."""
    for branch in branches(found or {}):
        if isinstance(part, int):
            below = branch.get("items")
        elif part in branch.get("propertyNames", {}).get("enum", [part]):
            below = branch.get("properties", {}).get(part, branch.get("additionalProperties"))
        else:
            below = None
        if isinstance(below, dict):
            reference = below.get("$ref", "").removeprefix("#/$defs/")
            return {**_root()["$defs"].get(reference, {}), **below}
    return None
