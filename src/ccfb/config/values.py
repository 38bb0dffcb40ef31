"""What stands in `config.json`: values in nested sections, and their places."""

from typing import Any

Values = dict[str, Any]

Place = tuple[str | int, ...]
"""Names (and indices of lists) from the root down."""

_NOTHING = object()


def get(values: Values, place: Place, default: Any = None) -> Any:
    """The value in a place."""
    found: Any = values
    for part in place:
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found


def has(values: Values, place: Place) -> bool:
    """Whether something stands in a place."""
    return get(values, place, _NOTHING) is not _NOTHING


def put(values: Values, place: Place, value: Any) -> None:
    """Set the value in a place, in sections that are made where there are none."""
    *sections, name = map(str, place)
    for section in sections:
        values = values.setdefault(section, {})
    values[name] = value


def remove(values: Values, place: Place) -> bool:
    """Take a value out, with the sections that are empty then.

    Returns:
        Whether it was there.
    """
    section = get(values, place[:-1])
    if not has(values, place) or not place:
        return False
    del section[place[-1]]
    if not section:
        remove(values, place[:-1])
    return True


def text(value: Any) -> str:
    """A value as the command line takes it."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(text, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
