"""What the user has said: `config.json`.

Loaded by the engine and the command line; the gate never reads it.
"""

import os
from contextlib import suppress

import orjson
from pydantic import ValidationError

from ccfb import files, paths
from ccfb.config import earlier
from ccfb.config.earlier import Word
from ccfb.config.model import (
    POLICIES,
    PROVIDERS,
    Alerts,
    Budget,
    CommandKey,
    Config,
    Key,
    Models,
    ProviderName,
    Sources,
    StoredKey,
    VariableKey,
    WindowRules,
)
from ccfb.config.values import Values
from ccfb.errors import CcfbError

__all__ = [
    "PROVIDERS",
    "Alerts",
    "Budget",
    "CommandKey",
    "Config",
    "Key",
    "Models",
    "ProviderName",
    "Sources",
    "StoredKey",
    "VariableKey",
    "WindowRules",
    "Word",
    "in_force",
    "load",
    "read",
    "save",
    "words",
    "write",
]

FILE, GOOD, SCHEMA = "config.json", "config.good.json", "config.schema.json"
"""The user's word; the last of it that could be understood; what editors complete it with."""


def load() -> Config:
    """The configuration as it stands in `config.json`; nothing is written.

    Raises:
        CcfbError: `config-invalid`, with each line and what is allowed there;
            `config-unreadable`.
    """
    return _understand(*_read())[0]


def in_force(*, keep: bool = True) -> tuple[Config, CcfbError | None]:
    """The configuration to act on: while `config.json` is wrong, the last good one.

    Args:
        keep: Whether to write down a good one for later.

    Returns:
        It, and what is wrong. Where there is no good one, the mode is `off`.
    """
    try:
        chosen, values = _understand(*_read())
    except CcfbError as error:
        return _last_good(), error
    if keep:
        _keep(values)
    return chosen, None


def words() -> list[Word]:
    """What isn't wrong, but best said in other words; nothing while the file is wrong."""
    try:
        values, text = _read()
        _understand(values, text)
    except CcfbError:
        return []
    from ccfb.config import wrong  # noqa: PLC0415 - not in hooks

    unknown = "No window of that name is known."
    return [
        *earlier.words(values),
        *(
            Word(f"windows.{name}", unknown, f"Did you mean {meant}?")
            for name, meant in wrong.misspelt(values.get("windows", {}), POLICIES)
        ),
    ]


def read() -> Values:
    """What stands in `config.json`, right or wrong; empty where there is none.

    Raises:
        CcfbError: It isn't a JSON object, or can't be read.
    """
    return _read()[0]


def save(config: Config) -> None:
    """Write what differs from the file; the rest of it stays as it is.

    Raises:
        CcfbError: There is something wrong in the file.
    """
    values, text = _read()
    before, _ = _understand(values, text)
    _change(values, before.model_dump(mode="json"), config.model_dump(mode="json"))
    write(values)


def write(values: Values) -> None:
    """Write `config.json`, and beside it the schema that editors find by `$schema`.

    Raises:
        ValidationError: Something is wrong in the values; nothing is written.
    """
    earlier.File.model_validate(values)
    from ccfb.config import schema  # noqa: PLC0415 - not in hooks

    files.make_own_dir()
    with open(schema.PATH, "rb") as file:
        _replace(SCHEMA, file.read())
    _replace(FILE, _dump({"$schema": f"./{SCHEMA}"} | values))


def _read() -> tuple[Values, str]:
    """What stands in the file, and its text."""
    path = paths.own(FILE)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        raise CcfbError(
            "config-unreadable",
            f"{path} can't be read: {error.strerror}.",
            f"Correct its permissions, or what stands there; {_meanwhile()}",
        ) from None
    try:
        values = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _invalid(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}.") from None
    if not isinstance(values, dict):
        raise _invalid(f"{path}, line 1: allowed is an object, in braces.")
    return values, content.decode()


def _understand(values: Values, text: str) -> tuple[Config, Values]:
    """The configuration, and the values in today's words."""
    try:
        earlier.File.model_validate(values)
    except ValidationError as error:
        from ccfb.config import wrong  # noqa: PLC0415 - rare

        found = wrong.explain(error, values)
        raise _invalid(wrong.lines(found, text, paths.own(FILE))) from None
    values = earlier.today(values)
    return Config.model_validate(values), values


def _invalid(message: str) -> CcfbError:
    return CcfbError("config-invalid", message, f"Correct it; {_meanwhile()}")


def _meanwhile() -> str:
    if os.path.exists(paths.own(GOOD)):
        return "until then the last good configuration stays in force."
    return "until then nothing is switched."


def _last_good() -> Config:
    try:
        with open(paths.own(GOOD), "rb") as file:
            return Config.model_validate(orjson.loads(file.read()))
    except (OSError, ValueError):  # the errors of orjson and pydantic are ValueErrors
        return Config(mode="off")


def _keep(values: Values) -> None:
    """Write a good configuration down; where that fails, a later error only costs more."""
    with suppress(OSError):
        _replace(GOOD, _dump(values))


def _change(values: Values, before: Values, after: Values) -> None:
    """Carry the difference between two configurations over to what stands in the file."""
    for name in before.keys() - after.keys():
        values.pop(name, None)
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and value != old:
            _change(values.setdefault(name, {}), old or {}, value)
        elif value != old:
            values[name] = value


def _dump(values: Values) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_INDENT_2) + b"\n"


def _replace(name: str, content: bytes) -> None:
    """Replace a file of ours, unless it is so already."""
    path = paths.own(name)
    with suppress(OSError), open(path, "rb") as file:
        if file.read() == content:
            return
    files.replace(path, content)
