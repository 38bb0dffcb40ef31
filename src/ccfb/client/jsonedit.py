"""Edit JSON text in place: whatever isn't edited stays as it is, byte for byte.

Nothing is dumped and parsed again. A `Document` finds the place by the offsets that the JSON
scanner gives, and splices in text of the style that stands around it. Imported by the engine:
nothing but `json` and `re`.
"""

import json
import re
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
"""Keys (and indices of arrays) from the root down; `()` is the root itself."""

Hollows = dict[str, str | None]
"""What an edit has to remember to be undone exactly: by container, the white space that stood
between its brackets while it was empty, or None where the container wasn't there at all.
Plain JSON; for the keys see `hollow_key`."""

_SPACE = re.compile(r"[ \t\n\r]*")
_NEWLINE = re.compile(r"\r\n?|\n")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class ShapeError(ValueError):
    """Something on the way to a path is no object (or array), so there is no way on.

    Args:
        path: The part of the path that leads to the obstacle.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"`{'.'.join(map(str, path)) or 'the file'}` has the wrong shape")
        self.path = path


class _Style(NamedTuple):
    """How members are written in one container."""

    newline: str  # empty: everything on one line
    outer: str  # indentation of the closing bracket
    indent: str  # indentation of the members
    unit: str  # what a deeper level adds
    colon: str
    gap: str  # behind a comma, on one line

    def render(self, value: Any) -> str:
        """Source text for a value that is a member here."""
        if not self.newline:
            return _dump(value, None, (f",{self.gap}", self.colon))
        text = _dump(value, self.unit, (",", self.colon))
        return text.replace("\n", self.newline + self.indent)

    def member(self, key: str | int, source: str) -> str:
        """A whole member: key and value in an object, the value alone in an array."""
        return source if isinstance(key, int) else f"{_dump(key)}{self.colon}{source}"

    def inside(self) -> "_Style":
        """The style of an empty container that is a member here."""
        return self._replace(outer=self.indent, indent=self.indent + self.unit)


class _Item(NamedTuple):
    """A member of an object or array, by offsets into the text."""

    key: str | int
    start: int  # of the key; in arrays, of the value
    key_end: int
    value: int
    end: int


class _Container:
    """An object or array in the text, and how things are written in it."""

    def __init__(self, text: str, at: int, around: _Style) -> None:
        self.text, self.start = text, at
        self.is_object = text[at] == "{"
        self.items: list[_Item] = []
        self.close = self._scan()
        self.style = self._style(around)

    def _scan(self) -> int:
        """Find the members. The text is known to be valid, so what has to come is there."""
        text, pos = self.text, _skip(self.text, self.start + 1)
        while text[pos] not in "}]":
            start = key_end = value = pos
            key: str | int = len(self.items)
            if self.is_object:
                key, key_end = _DECODER.raw_decode(text, start)
                value = _skip(text, _skip(text, key_end) + 1)
            end = _DECODER.raw_decode(text, value)[1]
            self.items.append(_Item(key, start, key_end, value, end))
            pos = _skip(text, end)
            if text[pos] == ",":
                pos = _skip(text, pos + 1)
        return pos

    def _style(self, around: _Style) -> _Style:
        if not self.items:
            return around
        style, last = around, self.items[-1]
        if self.is_object:
            colon = self.text[last.key_end : last.value]
            style = style._replace(colon=": " if _NEWLINE.search(colon) else colon)
        if len(self.items) > 1:
            lead = self.text[self.items[-2].end : last.start].partition(",")[2]
        else:
            lead = self.text[self.start + 1 : last.start]
        newline = _NEWLINE.search(lead)
        if newline:
            return style._replace(newline=newline[0], indent=_NEWLINE.split(lead)[-1])
        gap = lead if len(self.items) > 1 else " " if style.colon.endswith(" ") else ""
        return style._replace(newline="", gap=gap)

    def find(self, key: str | int) -> _Item | None:
        """The member with this key; the last one of several, as in `JSON.parse`."""
        if isinstance(key, str) is not self.is_object:
            return None
        return next((item for item in reversed(self.items) if item.key == key), None)


class Document:
    """JSON text that is edited in place.

    Blank text is a document without a root: the first `set` creates it.

    Args:
        text: The JSON text, without a byte order mark.

    Raises:
        ValueError: It isn't JSON; a `json.JSONDecodeError` where the place is known.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        start = _skip(text, 0)
        if start == len(text):
            return
        try:
            end = _skip(text, _DECODER.raw_decode(text, start)[1])
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if end < len(text):
            raise json.JSONDecodeError("Extra data", text, end)

    def raw(self, path: Path) -> str | None:
        """The source text of a value, exactly; None where nothing stands."""
        span = self._span(path)
        return self.text[span[0] : span[1]] if span else None

    def get(self, path: Path, default: Any = None) -> Any:
        """A value, parsed."""
        span = self._span(path)
        return _DECODER.raw_decode(self.text, span[0])[0] if span else default

    def set(self, path: Path, value: Any, hollows: Hollows | None = None) -> None:
        """Put a value in its place, and create the objects that lead to it.

        A value that is there already stays as it is written.

        Args:
            path: At least one key; an index only where the array has it.
            value: Anything that `json` can write.
            hollows: Takes in what `remove` needs to undo this exactly.

        Raises:
            ShapeError: Something on the way is no object.
        """
        hollows = {} if hollows is None else hollows
        container = self._root()
        if container is None:
            style = self._outermost()._replace(indent="")
            self.text = style.render(_nested(path, value)) + self.text
            self._remember_created((), path, hollows)
            return
        for depth, key in enumerate(path):
            item = container.find(key)
            if item is None:
                top, rest = path[: depth + 1], path[depth + 1 :]
                self._insert(container, top, _nested(rest, value), hollows)
                self._remember_created(top, path, hollows)
                return
            if depth == len(path) - 1:
                if not same(_DECODER.raw_decode(self.text, item.value)[0], value):
                    self._splice(item.value, item.end, container.style.render(value))
                return
            container = self._container(item.value, container.style, path[: depth + 1])

    def set_raw(self, path: Path, source: str) -> None:
        """Replace a value by source text, such as `raw` has given.

        Raises:
            KeyError: Nothing stands there.
        """
        span = self._span(path)
        if span is None:
            raise KeyError(path)
        self._splice(*span, source)

    def append(self, path: Path, value: Any, hollows: Hollows | None = None) -> None:
        """Add a value to the end of an array, which is created where there is none.

        Raises:
            ShapeError: There is something else, or something on the way is no object.
        """
        hollows = {} if hollows is None else hollows
        span = self._span(path)
        if span is None:
            self.set(path, [value], hollows)
            hollows[hollow_key(path)] = None
            return
        container = self._reach(path)
        if container is None or container.is_object:
            raise ShapeError(path)
        self._insert(container, (*path, len(container.items)), value, hollows)

    def remove(self, path: Path, hollows: Hollows | None = None) -> bool:
        """Take out a member of an object or array; of a key that stands twice, both.

        Where nothing is left in its container, `hollows` tells what stood there before we put
        something in: the container gets its white space back, or goes as well.

        Returns:
            Whether it was there.
        """
        hollows = {} if hollows is None else hollows
        if not path:
            return self._remove_root()
        removed = False
        while (container := self._reach(path[:-1])) and (item := container.find(path[-1])):
            removed = True
            if len(container.items) == 1:
                self._empty(container, path[:-1], hollows)
                break
            index = container.items.index(item)
            if index:
                self._splice(container.items[index - 1].end, item.end, "")
            else:
                self._splice(item.start, container.items[1].start, "")
            if isinstance(path[-1], int):
                break
        return removed

    def _empty(self, container: _Container, path: Path, hollows: Hollows) -> None:
        inside = hollows.pop(hollow_key(path), "")
        if inside is None:
            self.remove(path, hollows)
        else:
            self._splice(container.start + 1, container.close, inside)

    def _remove_root(self) -> bool:
        span = self._span(())
        if span:
            self._splice(*span, "")
        return span is not None

    def _insert(self, container: _Container, path: Path, value: Any, hollows: Hollows) -> None:
        style, key = container.style, path[-1]
        if isinstance(key, str) is not container.is_object:
            raise ShapeError(path[:-1])
        if isinstance(key, int) and key != len(container.items):
            raise ShapeError(path)
        member = style.member(key, style.render(value))
        if container.items:
            end = container.items[-1].end
            lead = style.newline + style.indent if style.newline else style.gap
            self._splice(end, end, f",{lead}{member}")
            return
        hollows[hollow_key(path[:-1])] = self.text[container.start + 1 : container.close]
        if style.newline:
            member = f"{style.newline}{style.indent}{member}{style.newline}{style.outer}"
        self._splice(container.start + 1, container.close, member)

    @staticmethod
    def _remember_created(top: Path, path: Path, hollows: Hollows) -> None:
        """All containers from `top` down to the parent of `path` are ours."""
        for depth in range(len(top), len(path)):
            hollows[hollow_key(path[:depth])] = None

    def _splice(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]

    def _span(self, path: Path) -> tuple[int, int] | None:
        """Where a value stands."""
        if not path:
            start = _skip(self.text, 0)
            blank = start == len(self.text)
            return None if blank else (start, _DECODER.raw_decode(self.text, start)[1])
        container = self._reach(path[:-1])
        item = container.find(path[-1]) if container else None
        return (item.value, item.end) if item else None

    def _reach(self, path: Path) -> _Container | None:
        """The container at a path, if there is one."""
        try:
            container = self._root()
            for depth, key in enumerate(path):
                item = container.find(key) if container else None
                if container is None or item is None:
                    return None
                container = self._container(item.value, container.style, path[: depth + 1])
        except ShapeError:
            return None
        return container

    def _root(self) -> _Container | None:
        start = _skip(self.text, 0)
        if start == len(self.text):
            return None
        return self._container(start, self._outermost(), ())

    def _container(self, at: int, around: _Style, path: Path) -> _Container:
        if self.text[at] not in "{[":
            raise ShapeError(path)
        return _Container(self.text, at, around.inside() if path else around)

    def _outermost(self) -> _Style:
        """The style of the root, as long as nothing in it says otherwise."""
        newline = _NEWLINE.search(self.text)
        unit = re.match(r"[ \t\n\r]*[{\[](?:[ \t]*[\r\n])+([ \t]*)", self.text)
        indent = unit[1] if unit and self.text[unit.end()] not in "}]" else "  "
        return _Style(newline[0] if newline else "\n", "", indent, indent, ": ", " ")


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: `true` is not `1`, and key order is nothing."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _skip(text: str, pos: int) -> int:
    """Behind the white space that begins at an offset."""
    match = _SPACE.match(text, pos)
    return match.end() if match else pos


def hollow_key(path: Path) -> str:
    """How a container is named in `Hollows`."""
    return json.dumps(path)


def _nested(keys: Path, value: Any) -> Any:
    """A value inside the objects that lead to it."""
    for key in reversed(keys):
        if isinstance(key, int):
            raise ShapeError(keys)
        value = {key: value}
    return value


def _dump(value: Any, indent: str | None = None, separators: tuple[str, str] | None = None) -> str:
    """Write JSON readably, but escape where a lone surrogate could not be encoded."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, separators=separators)
    return text
