"""HTML in which text is only ever text."""

import html
import json
from collections.abc import Iterable

UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""What could end a script, or be taken for something else in it."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """An element; children that aren't markup are escaped, attributes that are empty left out.

    An underscore stands for a hyphen, and `class_` for `class`.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value
    )
    inside = "".join(
        child if isinstance(child, Markup) else html.escape(child) for child in children
    )
    return Markup(f"<{name}{given}>{inside}</{name}>")


def together(parts: Iterable[Markup]) -> Markup:
    """Elements behind each other."""
    return Markup("".join(parts))


def embedded(data: object) -> Markup:
    """JSON for a script on the page."""
    return Markup(json.dumps(data, separators=(",", ":")).translate(UNSAFE))
