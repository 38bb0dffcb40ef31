"""The client's `settings.json`: read, edited to the byte, replaced at one stroke.

Sessions watch the file and take a change up about 1 s after it was replaced (seen on 2.1.88 to
2.1.329). The client writes it as well, without taking anyone's lock; so every edit reads it
again right before it replaces it. Imported by the engine: no `pathlib`, no `tempfile`.
"""

import contextlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ccfb.client.jsonedit import Document, Hollows, Path, ShapeError, same
from ccfb.errors import CcfbError

BOM = b"\xef\xbb\xbf"

MISSING = "\n"
"""What a missing file is read as, so that the first edit ends in a new line. Writing this text
takes the file away again."""

ATTEMPTS = 5

LOOKS = 3
SETTLE = 0.05
"""How often, and seconds apart, a blank or invalid file is looked at before it is believed:
somebody may be in the middle of writing it."""

Displaced = dict[str, Any]
"""What stood where our overrides are, to be put back; plain JSON, empty when nothing is ours.

`keys`: for each `path`, `was` (the source text that stood there, or None), `ours` (all that we
have put there since, the latest last) and `leaving` (taken back; remembered until
`tidy_overrides`, should the client bring it back by writing from memory). `hollows`: see
`jsonedit.Hollows`."""

_Key = dict[str, Any]


class Changed(Exception):  # noqa: N818 - no error: the edit is made anew
    """Somebody wrote the file while we edited it."""


class _InvalidError(CcfbError):
    """The file isn't what the client could read either."""


class Settings(NamedTuple):
    """A settings file as it was read."""

    path: str
    realpath: str
    """Where a symlink leads; the file that is replaced."""
    data: bytes | None
    """The whole content; None for a missing file."""
    bom: bytes
    text: str
    values: dict[str, Any]
    mode: int
    """Permission bits; 0600 for a missing file."""
    owner: tuple[int, int] | None
    """User and group."""
    mtime: float
    """Epoch seconds; 0 for a missing file."""


def read(path: str) -> Settings:
    """Read a settings file; a missing one is an empty document.

    Raises:
        CcfbError: It can't be read, isn't valid JSON, or isn't an object.
    """
    for _ in range(LOOKS - 1):
        with contextlib.suppress(_InvalidError):
            settings = _parse(_load(path))
            if settings.data is None or settings.text.strip():
                return settings
        time.sleep(SETTLE)
    return _parse(_load(path))


def write(before: Settings, text: str) -> None:
    """Replace the file, in the folder that a symlink leads to, with its mode and owner.

    Args:
        before: What `read` gave, and the edit began with.
        text: The new content, without a byte order mark.

    Raises:
        Changed: The file isn't what was read any more; nothing was written.
        CcfbError: It can't be written; nothing was written.
    """
    _refuse_read_only(before)
    _replace(before, None if text == MISSING else before.bom + text.encode())


def edit(
    path: str,
    change: Callable[[Document], object],
    *,
    record: Callable[[], None] | None = None,
    attempts: int = ATTEMPTS,
) -> bool:
    """Read, change and write a settings file, again when somebody else wrote meanwhile.

    Args:
        path: The settings file.
        change: Edits the document; called once an attempt.
        record: Called right before each attempt to write: the place to note down how the edit
            is undone.
        attempts: How often to try.

    Returns:
        Whether anything was written; nothing is where the text stays the same.

    Raises:
        CcfbError: The file can't be read, edited or written.
    """
    for _ in range(attempts):
        before, text = _changed(path, change)
        if text == before.text:
            return False
        if record:
            record()
        try:
            write(before, text)
        except Changed:
            continue
        return True
    raise CcfbError(
        "settings-busy",
        f"{path} was written by somebody else each of the {attempts} times we tried to edit it.",
        "Try again in a moment.",
    )


def preview(path: str, change: Callable[[Document], object]) -> str:
    """What `edit` would write, as a unified diff; empty for nothing.

    Raises:
        CcfbError: The file can't be read, edited or written.
    """
    import difflib  # noqa: PLC0415 - only for people who look

    before, text = _changed(path, change)
    old, new = ("" if each == MISSING else each for each in (before.text, text))
    names = path if old else os.devnull, path if new else os.devnull
    lines = difflib.unified_diff(_lines(old), _lines(new), *names)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def nudge(path: str) -> None:
    """Replace the file by itself, so that sessions which missed the last change look again.

    Needed in the first seconds of a session (seen on 2.1.136 to 2.1.231).

    Raises:
        CcfbError: The file can't be read or written.
    """
    before = read(path)
    if before.data is None:
        return
    _refuse_read_only(before)
    try:
        _replace(before, before.data)
    except Changed:
        return  # the other one's write is as good


def _changed(path: str, change: Callable[[Document], object]) -> tuple[Settings, str]:
    """What stands there, and what should."""
    before = read(path)
    document = Document(before.text)
    try:
        change(document)
    except ShapeError as error:
        raise CcfbError(
            "settings-shape", f"In {path}, {error}.", "Correct it, then try again."
        ) from None
    if document.text != before.text:
        _refuse_read_only(before)
    return before, document.text


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _refuse_read_only(settings: Settings) -> None:
    """Respect a file or folder that is meant to stay as it is, also as root.

    Raises:
        CcfbError: The file, or its folder, is read-only.
    """
    folder = os.path.dirname(settings.realpath)
    for place in (settings.realpath, folder):
        try:
            mode = os.stat(place).st_mode
        except OSError:
            continue
        if not mode & 0o222 or not os.access(place, os.W_OK):
            raise CcfbError(
                "settings-read-only",
                f"{settings.path} can't be written: {place} is read-only.",
                f"Make {place} writable, or make the change where it is managed.",
            )


def override(
    path: str,
    wanted: Mapping[tuple[str, ...], Any],
    displaced: Displaced | None,
    remember: Callable[[Displaced | None], None],
    *,
    tidy: bool = False,
) -> bool:
    """Make the overrides in a settings file exactly the wanted ones.

    Safe against a crash at any moment: before the file is replaced, `remember` gets a record
    from which either content can be put right, and afterwards the one that is left.

    Args:
        path: The settings file.
        wanted: Values by path; empty to revert.
        displaced: What `remember` got last.
        remember: Keeps the record; None when nothing is ours any more.
        tidy: Take out the env variables that an earlier revert has set to `""`.

    Returns:
        Whether the file was written.

    Raises:
        CcfbError: The file can't be read, edited or written.
    """
    known = displaced or {}
    noted = after = known

    def change(document: Document) -> None:
        nonlocal after
        after = tidy_overrides(document, known) if tidy else known
        after = apply_overrides(document, wanted, after)

    def record() -> None:
        nonlocal noted
        noted = _either(known, after)
        remember(noted)

    written = edit(path, change, record=record)
    if after != noted:
        remember(after or None)
    return written


def apply_overrides(
    document: Document, wanted: Mapping[tuple[str, ...], Any], displaced: Displaced
) -> Displaced:
    """Put our values into a document, and put back those of the user that we no longer need.

    What somebody else has written over one of ours stays, until a different value is wanted:
    then it counts as the user's, and is put back in the end. A value that merely went back to
    what it was (the client wrote from memory) is replaced again.

    Env variables that weren't there before become `""`: once exported, they stay in a running
    session even if they are removed (seen on 2.1.88 to 2.1.329). `tidy_overrides` removes them.

    Args:
        document: The settings; edited in place.
        wanted: Values by path, such as `("env", "ANTHROPIC_BASE_URL")`.
        displaced: The record of the last time; empty at first.

    Returns:
        The new record.

    Raises:
        ShapeError: `env` isn't an object, or the like.
    """
    known = _by_path(displaced)
    hollows: Hollows = dict(displaced.get("hollows", {}))
    kept = [_withdraw(document, key, hollows) for path, key in known.items() if path not in wanted]
    kept += [
        _put(document, path, value, known.get(path), hollows) for path, value in wanted.items()
    ]
    return _displaced(kept, hollows)


def revert_overrides(document: Document, displaced: Displaced) -> Displaced:
    """Put back all that stood there before; see `apply_overrides`."""
    return apply_overrides(document, {}, displaced)


def tidy_overrides(document: Document, displaced: Displaced) -> Displaced:
    """Remove the env variables that a revert left behind as `""`, and forget what is put back.

    Only when every running session has seen them so.
    """
    hollows: Hollows = dict(displaced.get("hollows", {}))
    kept = []
    for path, key in _by_path(displaced).items():
        if _is_blanked(document, key):
            document.remove(path, hollows)
        elif not key["leaving"] or _is_back(document, key):
            kept.append(key)
    return _displaced(kept, hollows)


def contested(document: Document, displaced: Displaced) -> list[Path]:
    """Our overrides that somebody has changed or removed since."""
    return [
        path
        for path, key in _by_path(displaced).items()
        if not key["leaving"] and not _is_ours(document, key)
    ]


def adopt(displaced: Displaced, path: tuple[str, ...], value: Any) -> Displaced:
    """A record in which the value that stands at a path counts as ours."""
    keys = _by_path(displaced)
    key = keys.get(path, {"path": list(path), "was": None, "ours": []})
    keys[path] = _with_ours(key, value, leaving=False)
    return _displaced(list(keys.values()), displaced.get("hollows", {}))


def theirs(values: Mapping[str, Any], displaced: Displaced | None, path: tuple[str, ...]) -> object:
    """What the user has at a path, or had before one of our values came there."""
    value: Any = values
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    key = _by_path(displaced or {}).get(path)
    if key and any(same(value, each) for each in key["ours"]):
        return json.loads(key["was"] or "null")
    return value


def _put(document: Document, path: Path, value: Any, key: _Key | None, hollows: Hollows) -> _Key:
    """Put one value in; `key` is what we know of the place."""
    if key and not _is_ours(document, key) and not _is_as_it_was(document, key):
        if not key["leaving"] and same(value, key["ours"][-1]):
            return key
        key = None
    key = key or {"path": list(path), "was": document.raw(path), "ours": []}
    document.set(path, value, hollows)
    return _with_ours(key, value, leaving=False)


def _withdraw(document: Document, key: _Key, hollows: Hollows) -> _Key:
    """Take one value back, as often as somebody brings it back."""
    path, there = tuple(key["path"]), document.raw(tuple(key["path"])) is not None
    if there and not _is_ours(document, key):
        return {**key, "leaving": True}
    if there and key["was"] is not None:
        document.set_raw(path, key["was"])
        return {**key, "leaving": True}
    if not _is_variable(path):
        document.remove(path, hollows)
        return {**key, "leaving": True}
    if there or not key["leaving"]:  # also where it was removed by hand: sessions still have it
        with contextlib.suppress(ShapeError):
            document.set(path, "", hollows)
    return _with_ours({**key, "was": None}, "", leaving=True)


def _with_ours(key: _Key, value: Any, *, leaving: bool) -> _Key:
    earlier = [each for each in key["ours"] if not same(each, value)]
    return {**key, "ours": [*earlier, value], "leaving": leaving}


def _is_ours(document: Document, key: _Key) -> bool:
    path = tuple(key["path"])
    value = document.get(path)
    return document.raw(path) is not None and any(same(value, each) for each in key["ours"])


def _is_blanked(document: Document, key: _Key) -> bool:
    """Whether this is an env variable that a revert has set to `""`."""
    path = tuple(key["path"])
    return key["leaving"] and key["was"] is None and _is_variable(path) and document.get(path) == ""


def _is_back(document: Document, key: _Key) -> bool:
    """Whether a value that was taken back stands there: the write was lost."""
    return _is_ours(document, key) and not _is_as_it_was(document, key)


def _is_variable(path: Path) -> bool:
    return len(path) == len(("env", "NAME")) and path[0] == "env"


def _is_as_it_was(document: Document, key: _Key) -> bool:
    path = tuple(key["path"])
    if key["was"] is None or document.raw(path) is None:
        return document.raw(path) is None and key["was"] is None
    return same(document.get(path), json.loads(key["was"]))


def _by_path(displaced: Displaced) -> dict[tuple[str, ...], _Key]:
    return {tuple(key["path"]): key for key in displaced.get("keys", [])}


def _displaced(keys: list[_Key], hollows: Hollows) -> Displaced:
    return {"keys": keys, "hollows": hollows} if keys else {}


def _either(before: Displaced, after: Displaced) -> Displaced:
    """A record that fits the file both before and after it is replaced."""
    keys = _by_path(before) | _by_path(after)
    return _displaced(
        list(keys.values()), {**before.get("hollows", {}), **after.get("hollows", {})}
    )


def _load(path: str) -> Settings:
    """The bytes and what belongs to them, nothing parsed so far."""
    realpath = os.path.realpath(path)
    try:
        with open(realpath, "rb") as file:
            data, status = file.read(), os.fstat(file.fileno())
    except FileNotFoundError:
        return Settings(path, realpath, None, b"", MISSING, {}, 0o600, None, 0.0)
    except OSError as error:
        raise CcfbError(
            "settings-unreadable",
            f"{path} can't be read: {error.strerror}.",
            "Correct its permissions, or what stands in its place, then try again.",
        ) from error
    bom = BOM if data.startswith(BOM) else b""
    mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
    return Settings(path, realpath, data, bom, "", {}, mode, owner, status.st_mtime)


def _parse(settings: Settings) -> Settings:
    if settings.data is None:
        return settings
    try:
        text = settings.data[len(settings.bom) :].decode()
        values = Document(text).get((), {})
    except ValueError as error:
        raise _InvalidError(
            "settings-invalid",
            f"{settings.path} is no valid JSON: {_reason(error)}.",
            "Correct the file by hand, then try again. Nothing was changed.",
        ) from None
    if not isinstance(values, dict):
        raise _InvalidError(
            "settings-invalid",
            f"{settings.path} holds no JSON object.",
            "Its content has to stand between { and }. Nothing was changed.",
        )
    return settings._replace(text=text, values=values)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error)


def _replace(before: Settings, data: bytes | None) -> None:
    """Replace the file (None: remove it) if it still is what was read."""
    path = before.realpath
    draft = f"{path}.ccfb-{os.getpid()}"
    try:
        try:
            if data is not None:
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                _write_draft(draft, data, before)
            _compare(before)
            if data is not None:
                os.replace(draft, path)
            elif before.data is not None:
                os.unlink(path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise
    except OSError as error:
        raise CcfbError(
            "settings-unwritable",
            f"{before.path} can't be written: {error.strerror}.",
            "Correct what is in the way, then try again. Nothing was changed.",
        ) from error


def _write_draft(draft: str, data: bytes, before: Settings) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    status = os.stat(draft)
    if before.owner and before.owner != (status.st_uid, status.st_gid):
        with contextlib.suppress(PermissionError):  # only root can give files away
            os.chown(draft, *before.owner)
    os.chmod(draft, before.mode)


def _compare(before: Settings) -> None:
    if os.path.realpath(before.path) != before.realpath:
        raise Changed
    try:
        with open(before.realpath, "rb") as file:
            data: bytes | None = file.read()
    except FileNotFoundError:
        data = None
    if data != before.data:
        raise Changed
