"""Our entries in the client's settings, and the receipt of what stood there before.

An entry outlives much: the upgrade of the package, or of Python inside its environment. So it
names no Python version, looks for its script each time, and does nothing, silently, once the
package or the interpreter is gone. It ends in a mark by which any version knows its own.
"""

import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from ccfb import files, paths
from ccfb.client import settings
from ccfb.client.jsonedit import Document, Hollows, Path, hollow_key
from ccfb.client.overrides import Overrides
from ccfb.client.settings import Displaced
from ccfb.errors import CcfbError

MARK = "# ccfb"
"""How each of our commands ends: a comment to the shell."""

HOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "StopFailure": (
        "stop_failure.py",
        {
            "timeout": 21_600,
            "asyncRewake": True,
            "rewakeSummary": "ccfb: the task continues",
            "rewakeMessage": "From ccfb, which looks after billing:",
        },
    ),
    "Stop": ("stop.py", {"timeout": 30}),
    "SessionStart": ("session_start.py", {"timeout": 30}),
    "SessionEnd": ("session_end.py", {"timeout": 30}),
    "UserPromptSubmit": ("user_prompt_submit.py", {"timeout": 30}),
    "Notification": ("notification.py", {"timeout": 30}),
    "ConfigChange": ("config_change.py", {"timeout": 5}),
}
"""Event: script and options. A stalled turn may wait for the user's word until its window resets,
in the background. The client counts timeouts in seconds; with `asyncRewake` a
`StopFailure` hook that exits 2 starts a new turn (seen on 2.1.105 to 2.1.329), for which
`rewakeSummary` is what the user sees and `rewakeMessage` what the model reads first (2.1.176 and
later). Settings are applied only after every `ConfigChange` hook has ended."""

STATUS_LINE = "statusLine"
STATUS_SCRIPT = "statusline.py"
COMMAND = (STATUS_LINE, "command")
TYPE = (STATUS_LINE, "type")

OUR_CONTAINERS: tuple[Path, ...] = (
    ("hooks",),
    *(("hooks", event) for event in HOOKS),
    (STATUS_LINE,),
)
"""What goes with our last entry in it, where no receipt says otherwise."""

Place = tuple[Any, ...]
"""The path of one of our hooks: `hooks`, event, group, `hooks`, number."""

Receipt = dict[str, Any]
"""`chained`: the status line command that stood there before, or None. `displaced`: what
`settings.Displaced` says, for the status line; its `hollows` serve the hooks as well."""

_VERSIONED = re.compile(r"(?P<lib>.*)/(?P<python>python3\.[^/]+)(?P<rest>/.*)", re.DOTALL)


class Launcher(NamedTuple):
    """What our commands run: a Python, and the folder of the scripts."""

    python: str
    hooks: str

    def command(self, script: str, *arguments: str, otherwise: str = "exit 0") -> str:
        """A line for `sh -c` that becomes the script, so that its exit code is the line's.

        A script inside a `python3.X` folder is run by the `python3.X` that stands beside our
        Python, whichever X is there by then, the newest of several.

        Args:
            script: Its file name.
            arguments: For the script.
            otherwise: What the shell does where the script or Python is gone.
        """
        path, folder = os.path.join(self.hooks, script), os.path.dirname(self.python)
        parts = _VERSIONED.fullmatch(path)
        if parts and os.access(os.path.join(folder, parts["python"]), os.X_OK):
            run = _newest(*map(shlex.quote, (folder, parts["lib"], parts["rest"])))
        else:
            run = _fixed(*map(shlex.quote, (self.python, path)))
        tail = "".join(f" {shlex.quote(argument)}" for argument in arguments)
        return f"{run}{tail}; {otherwise} {MARK}"


def _newest(folder: str, lib: str, rest: str) -> str:
    """Run the last pair of `<lib>/python3.X` and `<folder>/python3.X` that is whole."""
    return (
        f"v=; for d in {lib}/python3.*; do n=${{d##*/}}; "
        f'[ -f "$d"{rest} ] && [ -x {folder}/"$n" ] && v=$n; done; '
        f'[ -n "$v" ] && exec {folder}/"$v" -I -S {lib}/"$v"{rest}'
    )


def _fixed(python: str, path: str) -> str:
    return f"[ -f {path} ] && [ -x {python} ] && exec {python} -I -S {path}"


class Registration(NamedTuple):
    """What stands in the settings, per hook event and for `statusLine`."""

    entries: dict[str, str]
    """`ours`; `other` (of another version or environment); `missing`."""
    obstacle: str
    """Why the client runs no hooks of ours; empty when it does."""

    @property
    def installed(self) -> bool:
        """Whether all our entries are there."""
        return "missing" not in self.entries.values()

    @property
    def problems(self) -> list[str]:
        """In words for the user; empty when nothing was ever installed."""
        found = [self.obstacle] if self.obstacle else []
        kinds = set(self.entries.values())
        if kinds == {"missing"}:
            return found
        missing = [name for name, kind in self.entries.items() if kind == "missing"]
        if missing:
            names = ", ".join(missing)
            found.append(f"Entries are missing: {names}. Run `ccfb install-hooks` again.")
        if "other" in kinds:
            found.append(
                "Hooks of another ccfb installation are registered. "
                "Run `ccfb install-hooks` to replace them by this one."
            )
        return found


def hooks_dir() -> str:
    """The folder of the hook scripts: beside the package, else in the checkout.

    Raises:
        CcfbError: The package is incomplete.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    checkout = os.path.dirname(os.path.dirname(package))
    for folder in (os.path.join(package, "_hooks"), os.path.join(checkout, "hooks")):
        if os.path.isfile(os.path.join(folder, "stop_failure.py")):
            return folder
    raise CcfbError(
        "hooks-missing",
        f"The hook scripts are missing beside {package}.",
        "Install ccfb anew, for example with `uv tool install --reinstall ccfb`.",
    )


def launcher() -> Launcher:
    """What runs our scripts from this installation.

    Raises:
        CcfbError: The package is incomplete.
    """
    folder = os.path.dirname(sys.executable)
    stable = os.path.join(folder, "python")
    virtual = os.path.isfile(os.path.join(os.path.dirname(folder), "pyvenv.cfg"))
    python = stable if virtual and os.access(stable, os.X_OK) else sys.executable
    return Launcher(python, hooks_dir())


def helper_command(provider: str, start: Launcher | None = None) -> str:
    """The `apiKeyHelper` command that prints a provider's key.

    Where our package is gone it fails with a word on how to be rid of it: the client sends
    no other credentials as long as a helper is set (seen on 2.1.329).
    """
    words = shlex.quote("ccfb is gone: install it again, then run ccfb uninstall-hooks")
    start = start or launcher()
    return start.command("api_key.py", provider, otherwise=f"echo {words} >&2; exit 1")


def install(start: Launcher | None = None, managed: str | None = None) -> bool:
    """Register our hooks and take the status line, or bring our entries up to date.

    Args:
        start: What the entries run; this installation by default.
        managed: The folder of managed settings; the platform's by default.

    Returns:
        Whether anything was written.

    Raises:
        CcfbError: The settings can't be read, edited or written, or forbid hooks.
    """
    start = start or launcher()
    earlier = _read_receipt()
    receipt = earlier

    def change(document: Document) -> None:
        nonlocal receipt
        _refuse_obstacle(document, managed)
        receipt = _register(document, start, earlier)

    def record() -> None:
        if receipt != earlier:
            _write_receipt(receipt)

    return settings.edit(paths.settings(), change, record=record)


def uninstall() -> bool:
    """Take out our entries, and put back what stood there before.

    The billing overrides are not touched: revert and tidy them first.

    Returns:
        Whether there was anything of ours.

    Raises:
        CcfbError: The settings can't be read, edited or written.
    """
    receipt = _read_receipt()
    written = settings.edit(paths.settings(), lambda document: _unregister(document, receipt))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_receipt_path())
    return written


def preview_install(start: Launcher | None = None, managed: str | None = None) -> str:
    """What `install` would change, as a unified diff; empty for nothing.

    Raises:
        CcfbError: As `install`.
    """
    start = start or launcher()
    receipt = _read_receipt()

    def change(document: Document) -> None:
        _refuse_obstacle(document, managed)
        _register(document, start, receipt)

    return settings.preview(paths.settings(), change)


def preview_uninstall() -> str:
    """What `uninstall` would change, as a unified diff; empty for nothing.

    Raises:
        CcfbError: As `uninstall`.
    """
    receipt = _read_receipt()
    return settings.preview(paths.settings(), lambda document: _unregister(document, receipt))


def inspect(start: Launcher | None = None, managed: str | None = None) -> Registration:
    """Look which of our entries are there.

    Raises:
        CcfbError: The settings can't be read.
    """
    start = start or launcher()
    document = Document(settings.read(paths.settings()).text)
    found = {place[1]: document.get((*place, "command")) for place in reversed(_ours(document))}
    found[STATUS_LINE] = document.get(COMMAND)
    scripts = {event: script for event, (script, _) in HOOKS.items()} | {STATUS_LINE: STATUS_SCRIPT}
    entries = {}
    for name, script in scripts.items():
        command = found.get(name)
        kind = "ours" if command == start.command(script) else "other"
        entries[name] = kind if is_ours(command) else "missing"
    return Registration(entries, _obstacle(document, managed)[0])


def has_status_line() -> bool:
    """Whether the status line is ours.

    Raises:
        CcfbError: The settings can't be read.
    """
    return is_ours(Document(settings.read(paths.settings()).text).get(COMMAND))


def is_ours(command: object) -> bool:
    """Whether a command is one of ours, of whichever version."""
    return isinstance(command, str) and command.rstrip().endswith(MARK)


def _register(document: Document, start: Launcher, receipt: Receipt) -> Receipt:
    """Bring our entries into a document; returns the new receipt."""
    _refuse_shape(document)
    displaced = _adopt(document, receipt)
    _register_hooks(document, start, displaced["hollows"])
    wanted: Overrides = {TYPE: "command", COMMAND: start.command(STATUS_SCRIPT)}
    displaced = settings.apply_overrides(document, wanted, displaced)
    was = next(key["was"] for key in displaced["keys"] if tuple(key["path"]) == COMMAND)
    chained = json.loads(was) if was else None
    return {
        "schema_version": 1,
        "chained": chained if isinstance(chained, str) and chained.strip() else None,
        "displaced": displaced,
    }


def _register_hooks(document: Document, start: Launcher, hollows: Hollows) -> None:
    first: dict[str, Place] = {}
    for place in reversed(_ours(document)):
        first[place[1]] = place
    for place in reversed(_ours(document)):
        if place[1] not in HOOKS or place != first[place[1]]:
            _take_out(document, place, hollows)
    for event, (script, options) in HOOKS.items():
        entry = {"type": "command", "command": start.command(script), **options}
        if event in first:
            for name, value in entry.items():
                document.set((*first[event], name), value)
        else:
            document.append(("hooks", event), {"hooks": [entry]}, hollows)


def _unregister(document: Document, receipt: Receipt) -> None:
    """Take our entries out of a document."""
    displaced = _adopt(document, receipt)
    hollows = displaced["hollows"]
    for place in reversed(_ours(document)):
        _take_out(document, place, hollows)
    created = hollows.get(hollow_key((STATUS_LINE,)), "") is None
    settings.revert_overrides(document, displaced)
    slot = document.get((STATUS_LINE,))
    if created and isinstance(slot, dict) and "command" not in slot:
        # Without a command the client takes the whole file for invalid (seen on 2.1.329).
        document.remove((STATUS_LINE,), hollows)


def _adopt(document: Document, receipt: Receipt) -> Displaced:
    """The record that fits the document, also where the receipt is lost or out of date."""
    command = document.get(COMMAND)
    if not is_ours(command) and not _ours(document):
        return {"keys": [], "hollows": {}}
    known = receipt.get("displaced") or {
        "keys": [],
        "hollows": {hollow_key(path): None for path in OUR_CONTAINERS},
    }
    if not is_ours(command):
        return {**known, "keys": [], "hollows": dict(known["hollows"])}
    return settings.adopt(settings.adopt(known, TYPE, "command"), COMMAND, command)


def _ours(document: Document) -> list[Place]:
    """Where our hooks stand, in the order of the file."""
    found: list[Place] = []
    for event, groups in _items(document.get(("hooks",))):
        for index, group in _items(groups):
            hooks = group.get("hooks") if isinstance(group, dict) else None
            for number, hook in _items(hooks):
                if isinstance(hook, dict) and is_ours(hook.get("command")):
                    found.append(("hooks", event, index, "hooks", number))
    return found


def _take_out(document: Document, place: Place, hollows: Hollows) -> None:
    """Remove one of our hooks, and its group with it where it stands alone."""
    group = place[:3]
    alone = len(document.get((*group, "hooks"))) == 1
    document.remove(group if alone else place, hollows)


def _refuse_shape(document: Document) -> None:
    """Refuse what we would have to guess at.

    Raises:
        CcfbError: `hooks` or `statusLine` isn't what the client takes.
    """
    hooks = document.get(("hooks",), {})
    wrong = None
    if not isinstance(hooks, dict):
        wrong = "`hooks` has to be an object"
    elif not isinstance(document.get((STATUS_LINE,), {}), dict):
        wrong = f"`{STATUS_LINE}` has to be an object"
    else:
        for event in HOOKS:
            if not _is_groups(hooks.get(event, [])):
                wrong = f'`hooks.{event}` has to be a list of {{"hooks": [{{…}}]}}'
                break
    if wrong:
        raise CcfbError(
            "hooks-shape",
            f"In {paths.settings()}, {wrong}.",
            "Correct it by hand, then try again. Nothing was changed.",
        )


def _is_groups(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(group, dict)
        and isinstance(group.get("hooks"), list)
        and all(isinstance(hook, dict) for hook in group["hooks"])
        for group in value
    )


def _refuse_obstacle(document: Document, managed: str | None) -> None:
    message, hint = _obstacle(document, managed)
    if message:
        raise CcfbError("hooks-forbidden", message, hint)


def _obstacle(document: Document, managed: str | None) -> tuple[str, str]:
    """Why the client would not run our hooks, and what to do; both empty when it would."""
    if document.get(("disableAllHooks",)) is True:
        return (
            f"`disableAllHooks` is true in {paths.settings()}: the client runs no hooks.",
            "Remove it there, then try again.",
        )
    for name in ("disableAllHooks", "allowManagedHooksOnly"):
        source = _forbidding(name, managed or managed_dir())
        if source:
            return (
                f"`{name}` is true in {source}: the client runs no hooks of yours.",
                "Ask whoever manages this machine to allow user hooks.",
            )
    return "", ""


def managed_dir() -> str:
    """Where the administrator's settings are (the client's documentation)."""
    folders = {
        "darwin": "/Library/Application Support/ClaudeCode",
        "win32": r"C:\Program Files\ClaudeCode",
    }
    return folders.get(sys.platform, "/etc/claude-code")


def _forbidding(name: str, folder: str) -> str:
    """The managed file that sets a switch to true; empty when the last word is another."""
    source = ""
    for path in _managed_files(folder):
        try:
            with open(path, encoding="utf-8-sig") as file:
                values = json.load(file)
        except (OSError, ValueError):
            continue  # the client can't read it either
        if isinstance(values, dict) and name in values:
            source = path if values[name] is True else ""
    return source


def _managed_files(folder: str) -> list[str]:
    """In the order in which later ones override earlier ones."""
    more = os.path.join(folder, "managed-settings.d")
    try:
        names = sorted(name for name in os.listdir(more) if name.endswith(".json"))
    except OSError:
        names = []
    first = os.path.join(folder, "managed-settings.json")
    return [first, *(os.path.join(more, name) for name in names)]


def _items(container: object) -> Iterable[tuple[Any, Any]]:
    """Keys or indices with their values; nothing for what holds none."""
    if isinstance(container, dict):
        return container.items()
    return enumerate(container) if isinstance(container, list) else ()


def _receipt_path() -> str:
    return paths.own("receipt.json")


def _read_receipt() -> Receipt:
    """The receipt; empty when there is none that can be read."""
    try:
        with open(_receipt_path(), encoding="utf-8") as file:
            receipt = json.load(file)
    except (OSError, ValueError):
        return {}
    return receipt if isinstance(receipt, dict) else {}


def _write_receipt(receipt: Receipt) -> None:
    try:
        os.makedirs(paths.claude_dir(), mode=0o700, exist_ok=True)
        files.make_own_dir()
        files.replace(_receipt_path(), json.dumps(receipt, indent=2).encode())
    except OSError as error:
        raise CcfbError(
            "receipt-unwritable",
            f"{_receipt_path()} can't be written: {error.strerror}.",
            "Make its folder writable, then try again. Nothing was changed.",
        ) from error
