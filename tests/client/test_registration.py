"""Our entries in the settings: there once, working for long, and gone without a trace."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from ccfb import paths
from ccfb.client import registration, settings
from ccfb.client.jsonedit import Document, same
from ccfb.client.overrides import Overrides
from ccfb.client.registration import HOOKS, MARK, Launcher
from ccfb.errors import CcfbError

CALM = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy."""

PYTHON = """#!/bin/sh
echo "$(basename "$0") $*"
"""


class Env:
    """An installation as uv, pipx or pip leave it, with a Python that tells how it is called."""

    def __init__(self, root: Path, version: str = "python3.11") -> None:
        self.root = root
        self.add(version)
        self.python("python")
        self.launcher = Launcher(f"{root}/bin/python", str(self.hooks(version)))

    def hooks(self, version: str) -> Path:
        return self.root / "lib" / version / "site-packages" / "ccfb" / "_hooks"

    def python(self, name: str) -> Path:
        path = self.root / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PYTHON)
        path.chmod(0o755)
        return path

    def add(self, version: str) -> None:
        self.python(version)
        self.hooks(version).mkdir(parents=True)
        for script in ("stop.py", "api_key.py"):
            (self.hooks(version) / script).write_text("")


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env(tmp_path / "env")


@pytest.fixture
def managed(tmp_path: Path) -> Path:
    """The administrator's folder; not there as long as nobody makes it."""
    return tmp_path / "managed"


@pytest.fixture
def file(home: Path) -> Path:
    """Where the settings are; nothing is there yet."""
    (home / ".claude").mkdir(mode=0o700)
    return home / ".claude" / "settings.json"


@pytest.fixture
def install(env: Env, managed: Path) -> Any:
    def call(start: Launcher = env.launcher) -> bool:
        return registration.install(start, str(managed))

    return call


@pytest.fixture
def preview(env: Env, managed: Path) -> Any:
    return lambda: registration.preview_install(env.launcher, str(managed))


def receipt() -> Any:
    return json.loads(Path(paths.own("receipt.json")).read_text())


def commands(values: dict[str, Any]) -> list[str]:
    """All hook commands of ours."""
    return [
        hook["command"]
        for groups in values.get("hooks", {}).values()
        for group in groups
        for hook in group["hooks"]
        if registration.is_ours(hook["command"])
    ]


def briefly(text: str) -> str:
    """Settings in which each of our commands is just the name of its script."""
    return re.sub(rf'"v=;[^\n]*?/(\w+\.py); exit 0 {MARK}"', r'"<\1>"', text)


# The edits

STYLES = {
    "two spaces": '{\n  "model": "opus",\n  "env": {\n    "A": "b"\n  }\n}\n',
    "four spaces": '{\n    "model": "opus"\n}\n',
    "tabs": '{\n\t"model": "opus"\n}\n',
    "one line": '{"model": "opus", "permissions": {"allow": []}}\n',
    "one tight line": '{"model":"opus"}',
    "crlf": '{\r\n  "model": "opus"\r\n}\r\n',
    "bom": '\ufeff{\n  "model": "opus"\n}\n',
    "no final newline": '{\n  "model": "opus"\n}',
    "empty object": "{ }",
    "empty file": "",
    "existing hooks": """{
  "hooks": {
    "Stop": [
      {
        "matcher": "",
        "hooks": [{ "type": "command", "command": "say done" }]
      }
    ],
    "SessionEnd": [],
    "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "check"}]}]
  },
  "model": "opus"
}
""",
    "existing status line": """{
  "statusLine": {
    "type": "command",
    "command": "~/.claude/line.sh \\u0026",
    "padding": 0,
    "refreshInterval": 5
  },
  "model": "opus"
}
""",
}


@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES)
def test_install_keeps_the_style_and_uninstall_gives_the_bytes_back(
    source: str, file: Path, install: Any, snapshot: SnapshotAssertion
) -> None:
    file.write_bytes(source.encode())
    assert install()
    text = file.read_bytes().decode()
    json.loads(text.removeprefix("\ufeff"))
    shown = briefly(text).replace("\ufeff", "<BOM>").replace("\r", "<CR>")
    assert shown + ("" if text.endswith("\n") else "<no final newline>") == snapshot
    assert registration.uninstall()
    assert file.read_bytes() == source.encode()
    assert os.listdir(file.parent / "ccfb") == []


@pytest.mark.parametrize("source", [*STYLES.values(), None], ids=[*STYLES, "no file"])
def test_a_switch_and_its_way_back_leave_no_trace_either(
    source: str | None, file: Path, install: Any
) -> None:
    if source is not None:
        file.write_bytes(source.encode())
    install()
    installed = file.read_bytes()
    records: list[settings.Displaced | None] = [None]
    wanted: Overrides = {("apiKeyHelper",): "helper", ("env", "CCFB_BILLING"): "anthropic"}
    for overrides, tidy in ((wanted, False), ({}, False), ({}, True)):
        settings.override(str(file), overrides, records[-1], records.append, tidy=tidy)
    assert file.read_bytes() == installed
    registration.uninstall()
    assert (file.read_bytes().decode() if file.exists() else None) == source


def test_install_creates_what_is_missing_and_uninstall_takes_it_away(
    home: Path, install: Any
) -> None:
    file = home / ".claude" / "settings.json"
    assert install()
    assert len(commands(json.loads(file.read_text()))) == len(HOOKS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert registration.uninstall()
    assert not file.exists()


def test_a_created_file_stays_when_somebody_else_wrote_into_it(file: Path, install: Any) -> None:
    install()
    values = json.loads(file.read_text())
    file.write_text(json.dumps({**values, "model": "opus"}, indent=2))
    registration.uninstall()
    assert file.read_text() == '{\n  "model": "opus"\n}'


def test_the_chosen_folder_of_the_client_is_honoured(
    tmp_path: Path, home: Path, install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "mine"))
    install()
    assert (tmp_path / "mine" / "settings.json").exists()
    assert (tmp_path / "mine" / "ccfb" / "receipt.json").exists()
    assert not list(home.iterdir())


def test_a_symlink_stays_a_symlink(file: Path, tmp_path: Path, install: Any) -> None:
    target = tmp_path / "dotfiles.json"
    target.write_text(STYLES["tabs"])
    file.symlink_to(target)
    install()
    assert commands(json.loads(target.read_text()))
    registration.uninstall()
    assert file.is_symlink()
    assert target.read_text() == STYLES["tabs"]


@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES)
def test_a_second_install_writes_nothing(source: str, file: Path, install: Any) -> None:
    file.write_bytes(source.encode())
    install()
    places = (file, Path(paths.own("receipt.json")))
    before = [(place.stat().st_ino, place.stat().st_mtime_ns) for place in places]
    assert not install()
    assert [(place.stat().st_ino, place.stat().st_mtime_ns) for place in places] == before


@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES)
def test_another_installation_replaces_our_entries_in_place(
    source: str, file: Path, tmp_path: Path, install: Any
) -> None:
    file.write_bytes(source.encode())
    install()
    first = file.read_bytes()
    other = Env(tmp_path / "other").launcher
    assert install(other)
    assert file.read_bytes() == first.replace(b"/env/", b"/other/")
    assert not install(other)
    assert registration.uninstall()
    assert file.read_bytes() == source.encode()


def test_entries_of_an_older_version_are_brought_up_to_date(file: Path, install: Any) -> None:
    """Other options, an event that is no longer used, an entry that stands twice."""
    old = {"type": "command", "command": f"old-ccfb stop {MARK}", "timeout": 5}
    theirs = {"type": "command", "command": "theirs"}
    hooks = {
        "Stop": [{"hooks": [old, theirs]}, {"hooks": [old]}],
        "PreCompact": [{"hooks": [old]}],
        "StopFailure": [{"hooks": [old]}],
    }
    file.write_text(json.dumps({"hooks": hooks}))
    install()
    values = json.loads(file.read_text())
    assert len(commands(values)) == len(HOOKS)
    assert "old-ccfb" not in file.read_text()
    assert values["hooks"]["Stop"][0]["hooks"][1] == theirs
    assert values["hooks"]["StopFailure"][0]["hooks"][0]["asyncRewake"] is True
    assert "PreCompact" not in values["hooks"] or values["hooks"]["PreCompact"] == []


def test_uninstall_takes_out_only_ours_where_somebody_else_wrote(file: Path, install: Any) -> None:
    file.write_text(STYLES["existing hooks"])
    install()
    document = Document(file.read_text())
    theirs = {"type": "command", "command": "theirs"}
    document.append(("hooks", "Notification"), {"hooks": [theirs]})
    document.append(("hooks", "Stop", 1, "hooks"), theirs)
    document.set(("model",), "sonnet")
    file.write_text(document.text)
    registration.uninstall()
    values, before = json.loads(file.read_text()), json.loads(STYLES["existing hooks"])
    before["hooks"]["Notification"] = [{"hooks": [theirs]}]
    before["hooks"]["Stop"].append({"hooks": [theirs]})
    before["model"] = "sonnet"
    assert values == before


@pytest.mark.parametrize("source", STYLES.values(), ids=STYLES)
def test_uninstall_finds_our_entries_without_a_receipt(
    source: str, file: Path, install: Any
) -> None:
    file.write_bytes(source.encode())
    install()
    Path(paths.own("receipt.json")).unlink()
    assert registration.uninstall()
    left = json.loads(file.read_bytes().decode("utf-8-sig"))
    before = json.loads(source.removeprefix("\ufeff") or "{}")
    before.pop("statusLine", None)
    before.get("hooks", {}).pop("SessionEnd", None)
    assert left == before


def test_uninstall_without_an_install_changes_nothing(file: Path) -> None:
    file.write_text(STYLES["existing hooks"])
    assert not registration.uninstall()
    assert file.read_text() == STYLES["existing hooks"]


def test_an_install_that_was_cut_off_is_made_good_by_the_next(file: Path, install: Any) -> None:
    """The receipt comes first, so that no status line is ever lost."""
    source = STYLES["existing status line"]
    file.write_text(source)
    install()
    file.write_text(source)
    assert install()
    assert receipt()["chained"] == "~/.claude/line.sh &"
    registration.uninstall()
    assert file.read_text() == source


def test_a_receipt_that_outlived_its_entries_does_no_harm(file: Path, install: Any) -> None:
    file.write_text(STYLES["existing status line"])
    install()
    file.write_text('{"statusLine": {"type": "command", "command": "new"}}')
    assert not registration.uninstall()
    assert file.read_text() == '{"statusLine": {"type": "command", "command": "new"}}'
    assert not Path(paths.own("receipt.json")).exists()


def test_after_a_backup_was_brought_back_an_install_begins_anew(file: Path, install: Any) -> None:
    """The receipt is from another time."""
    file.write_text(STYLES["existing status line"])
    install()
    backup = '{"statusLine": {"type": "command", "command": "older"}, "hooks": { }}'
    file.write_text(backup)
    install()
    assert receipt()["chained"] == "older"
    assert registration.is_ours(json.loads(file.read_text())["statusLine"]["command"])
    registration.uninstall()
    assert file.read_text() == backup


# The status line


def test_the_users_status_line_goes_on_behind_ours(file: Path, install: Any) -> None:
    """Its other fields stay, and its command is in the receipt."""
    file.write_text(STYLES["existing status line"])
    install()
    slot = json.loads(file.read_text())["statusLine"]
    assert registration.is_ours(slot.pop("command"))
    assert slot == {"type": "command", "padding": 0, "refreshInterval": 5}
    assert receipt()["chained"] == "~/.claude/line.sh &"


def test_nothing_is_chained_where_no_status_line_was(file: Path, install: Any) -> None:
    file.write_text("{}")
    install()
    assert receipt()["chained"] is None


def test_a_status_line_that_the_user_chose_since_stays(file: Path, install: Any) -> None:
    file.write_text(STYLES["two spaces"])
    install()
    document = Document(file.read_text())
    document.set(("statusLine", "command"), "new")
    file.write_text(document.text)
    registration.uninstall()
    assert json.loads(file.read_text())["statusLine"] == {"type": "command", "command": "new"}


def test_a_status_line_that_the_user_chose_since_is_chained_by_the_next_install(
    file: Path, install: Any
) -> None:
    file.write_text(STYLES["existing status line"])
    install()
    document = Document(file.read_text())
    document.set(("statusLine", "command"), "new")
    file.write_text(document.text)
    assert install()
    assert receipt()["chained"] == "new"
    registration.uninstall()
    assert json.loads(file.read_text())["statusLine"]["command"] == "new"


def test_we_never_chain_ourselves(file: Path, tmp_path: Path, install: Any) -> None:
    """Whichever installation comes after which, and without the receipt, too."""
    install()
    Path(paths.own("receipt.json")).unlink()
    install(Env(tmp_path / "other").launcher)
    assert receipt()["chained"] is None
    registration.uninstall()
    assert not file.exists() or json.loads(file.read_text()) == {}


def test_no_status_line_without_a_command_is_left_behind(file: Path, install: Any) -> None:
    """The client takes the whole file for invalid then (seen on 2.1.329)."""
    file.write_text("{}")
    install()
    document = Document(file.read_text())
    document.set(("statusLine", "padding"), 2)
    file.write_text(document.text)
    registration.uninstall()
    assert json.loads(file.read_text()) == {}


# The receipt


def test_the_receipt_holds_nothing_but_what_was_displaced(file: Path, install: Any) -> None:
    source = {"env": {"SECRET": "sk-hidden"}, "statusLine": {"type": "command", "command": "old"}}
    file.write_text(json.dumps(source))
    install()
    path = Path(paths.own("receipt.json"))
    assert "old" in path.read_text()
    assert "sk-hidden" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_without_a_place_for_the_receipt_nothing_is_written(file: Path, install: Any) -> None:
    file.write_text("{}")
    (file.parent / "ccfb").write_text("in the way")
    with pytest.raises(CcfbError) as caught:
        install()
    assert caught.value.reference == "receipt-unwritable"
    assert file.read_text() == "{}"


@pytest.mark.parametrize("content", ["", "nonsense", "[]", "{}"])
def test_a_broken_receipt_is_none(file: Path, install: Any, content: str) -> None:
    file.write_text(STYLES["two spaces"])
    install()
    Path(paths.own("receipt.json")).write_text(content)
    registration.uninstall()
    assert file.read_text() == STYLES["two spaces"]


THEIRS = {"type": "command", "command": "theirs"}
GROUPS = st.lists(st.just({"hooks": [THEIRS]}) | st.just({"matcher": "x", "hooks": []}), max_size=2)
USER_HOOKS = st.dictionaries(st.sampled_from(["Stop", "SessionEnd", "PreToolUse"]), GROUPS)
SLOTS = st.sampled_from([{}, {"padding": 1}, THEIRS, {**THEIRS, "padding": 1}])
USER_VALUES = st.fixed_dictionaries(
    {}, optional={"hooks": USER_HOOKS, "statusLine": SLOTS, "model": st.just("opus")}
)
CHANGES = st.lists(
    st.sampled_from(
        [
            ("set", ("model",), "theirs"),
            ("set", ("hooks", "PreToolUse"), [{"hooks": [THEIRS]}]),
            ("append", ("hooks", "Stop"), {"hooks": [THEIRS]}),
            ("append", ("hooks", "ConfigChange"), {"hooks": [THEIRS]}),
        ]
    ),
    max_size=3,
)


def pruned(value: Any) -> Any:
    """Without empty objects and arrays."""
    if isinstance(value, dict):
        return {key: inner for key, raw in value.items() if (inner := pruned(raw)) not in ({}, [])}
    return [pruned(inner) for inner in value] if isinstance(value, list) else value


@hypothesis_settings(CALM, max_examples=200)
@given(
    USER_VALUES,
    st.sampled_from([None, 2, "\t"]),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=3),
    CHANGES,
    st.booleans(),
)
def test_installs_and_other_peoples_edits_in_any_order_come_apart_again(
    values: dict[str, Any],
    indent: int | str | None,
    installs: list[str],
    changes: list[tuple[str, Any, Any]],
    rewritten: bool,
) -> None:
    source = json.dumps(values, indent=indent)
    document, theirs = Document(source), Document(source)
    kept: dict[str, Any] = {}
    for number, name in enumerate(installs):
        start = Launcher(f"/{name}/bin/python", f"/{name}/hooks")
        kept = json.loads(json.dumps(registration._register(document, start, kept)))
        assert len(commands(document.get(()))) == len(HOOKS)
        if number == 0:
            for kind, path, value in changes:
                for each in (document, theirs):
                    getattr(each, kind)(path, value)
            if rewritten:
                document = Document(json.dumps(document.get(()), indent=2))
    registration._unregister(document, kept)
    assert same(pruned(document.get(())), pruned(theirs.get(())))
    if not changes and not rewritten:
        assert document.text == source


# Refusals


@pytest.mark.parametrize(
    ("source", "reference", "message"),
    [
        ('{"a": 1,}', "settings-invalid", "line 1, column 9"),
        ("[]", "settings-invalid", "no JSON object"),
        ('{"hooks": []}', "hooks-shape", "`hooks` has to be an object"),
        ('{"hooks": null}', "hooks-shape", "`hooks` has to be an object"),
        ('{"hooks": {"Stop": {}}}', "hooks-shape", "`hooks.Stop` has to be a list"),
        ('{"hooks": {"Stop": ["x"]}}', "hooks-shape", "`hooks.Stop` has to be a list"),
        ('{"hooks": {"Stop": [{}]}}', "hooks-shape", "`hooks.Stop` has to be a list"),
        ('{"hooks": {"Stop": [{"hooks": [1]}]}}', "hooks-shape", "`hooks.Stop` has to be a list"),
        ('{"statusLine": "x"}', "hooks-shape", "`statusLine` has to be an object"),
        ('{"disableAllHooks": true}', "hooks-forbidden", "`disableAllHooks` is true"),
    ],
)
def test_what_we_would_have_to_guess_at_is_refused(
    file: Path,
    install: Any,
    preview: Any,
    *,
    source: str,
    reference: str,
    message: str,
) -> None:
    """With a word on what to do, and nothing written."""
    file.write_text(source)
    for attempt in (install, preview):
        with pytest.raises(CcfbError) as caught:
            attempt()
        assert caught.value.reference == reference
        assert message in caught.value.message
        assert caught.value.hint
    assert file.read_text() == source
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("source", ['{"hooks": {"Stop": ["x"], "Other": 1}}', '{"hooks": []}'])
def test_uninstall_minds_no_shape(file: Path, source: str) -> None:
    file.write_text(source)
    assert not registration.uninstall()
    assert file.read_text() == source


def test_a_read_only_file_is_refused(file: Path, install: Any, preview: Any) -> None:
    file.write_text("{}")
    file.chmod(0o444)
    with pytest.raises(CcfbError, match="read-only"):
        install()
    with pytest.raises(CcfbError, match="read-only"):
        preview()
    assert file.read_text() == "{}"
    assert os.listdir(file.parent) == [file.name]


MANAGED = "managed-settings.json"


@pytest.mark.parametrize(
    ("contents", "culprit"),
    [
        ({MANAGED: '{"disableAllHooks": true}'}, MANAGED),
        ({MANAGED: '\ufeff{"allowManagedHooksOnly": true}'}, MANAGED),
        ({"managed-settings.d/10.json": '{"disableAllHooks": true}'}, "10.json"),
        (
            {
                MANAGED: '{"disableAllHooks": false}',
                "managed-settings.d/20.json": '{"disableAllHooks": true}',
            },
            "20.json",
        ),
        (
            {
                MANAGED: '{"disableAllHooks": true}',
                "managed-settings.d/20.json": '{"disableAllHooks": false}',
            },
            None,
        ),
        ({MANAGED: '{"model": "opus"}', "managed-settings.d/note.txt": "x"}, None),
        ({MANAGED: "nonsense", "managed-settings.d/1.json": "[]"}, None),
    ],
)
def test_hooks_that_are_forbidden_are_refused(
    file: Path,
    managed: Path,
    env: Env,
    install: Any,
    *,
    contents: dict[str, str],
    culprit: str | None,
) -> None:
    """By the last word of the administrator's files."""
    for name, content in contents.items():
        (managed / name).parent.mkdir(parents=True, exist_ok=True)
        (managed / name).write_text(content)
    if culprit is None:
        assert install()
        return
    with pytest.raises(CcfbError, match=culprit) as caught:
        install()
    assert caught.value.reference == "hooks-forbidden"
    assert not file.exists()
    found = registration.inspect(env.launcher, str(managed))
    assert culprit in found.problems[0]


# Previews and inspection


def test_a_preview_writes_nothing_and_shows_the_diff(
    file: Path, install: Any, preview: Any, snapshot: SnapshotAssertion
) -> None:
    file.write_text(STYLES["no final newline"])
    shown = preview()
    assert file.read_text() == STYLES["no final newline"]
    assert os.listdir(file.parent) == [file.name]
    assert briefly(shown).replace(str(file), "settings.json") == snapshot
    install()
    assert preview() == ""
    assert changed(registration.preview_uninstall(), "-") == changed(shown, "+")
    assert changed(registration.preview_uninstall(), "+") == changed(shown, "-")


def changed(diff: str, sign: str) -> list[str]:
    """The lines that a diff adds or removes."""
    return [line[1:] for line in diff.split("\n")[2:] if line.startswith(sign)]


def test_a_preview_breaks_lines_where_the_file_does(file: Path, preview: Any) -> None:
    """JSON strings may hold line separators of other kinds."""
    file.write_text(STYLES["existing hooks"].replace("say done", "say \u2028\x85 done"))
    assert "say \u2028\x85 done" in preview()
    assert all(line[0] in " +-@" for line in preview().strip("\n").split("\n"))


def test_a_preview_of_a_new_file_begins_with_none(home: Path, preview: Any) -> None:
    assert preview().startswith(f"--- /dev/null\n+++ {home}/.claude/settings.json\n@@ -0,0 +1")
    assert not list(home.iterdir())


def test_inspection_tells_what_is_there(
    file: Path, env: Env, managed: Path, install: Any, tmp_path: Path
) -> None:
    def look(start: Launcher = env.launcher) -> registration.Registration:
        return registration.inspect(start, str(managed))

    assert set(look().entries) == {*HOOKS, "statusLine"}
    assert not look().installed
    assert not look().problems
    install()
    assert look().installed
    assert set(look().entries.values()) == {"ours"}
    assert not look().problems
    other = look(Env(tmp_path / "other").launcher)
    assert other.installed
    assert "another ccfb" in other.problems[0]
    document = Document(file.read_text())
    document.remove(("hooks", "Stop"))
    document.set(("statusLine", "command"), "theirs")
    file.write_text(document.text)
    assert not look().installed
    assert "Stop, statusLine" in look().problems[0]


# The command


def sh(command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as the client does."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "v": "inherited", "n": "inherited", "d": "inherited"},
        **options,
    )


def silent(command: str) -> bool:
    run = sh(command)
    return (run.returncode, run.stdout, run.stderr) == (0, "", "")


AWKWARD = 'it\'s a "dir" with $HOME, `x` and * in it'


@pytest.mark.parametrize("name", ["env", AWKWARD, "python3.9/env", "-e"])
def test_a_command_runs_its_script(tmp_path: Path, name: str) -> None:
    env = Env(tmp_path / name)
    run = sh(env.launcher.command("stop.py"))
    assert run.stdout == f"python3.11 -I -S {env.hooks('python3.11')}/stop.py\n"
    assert (run.returncode, run.stderr) == (0, "")


def test_a_command_survives_a_new_python_in_its_environment(env: Env) -> None:
    """As `uv tool upgrade` makes it: everything under the old version is gone."""
    command = env.launcher.command("stop.py")
    shutil.rmtree(env.root)
    again = Env(env.root, "python3.12")
    assert sh(command).stdout == f"python3.12 -I -S {again.hooks('python3.12')}/stop.py\n"
    assert again.launcher.command("stop.py") == command


def test_of_several_pythons_the_newest_that_has_the_package_runs(env: Env) -> None:
    """As `python -m venv --upgrade` leaves it: each library folder has its own Python."""
    command = env.launcher.command("stop.py")
    env.add("python3.12")
    assert sh(command).stdout.startswith("python3.12 -I -S")
    env.python("python3.13")
    assert sh(command).stdout.startswith("python3.12 -I -S")
    (env.root / "bin" / "python3.12").unlink()
    run = sh(command)
    assert run.stdout == f"python3.11 -I -S {env.hooks('python3.11')}/stop.py\n"


def test_a_command_is_silent_once_the_package_is_gone(env: Env) -> None:
    command = env.launcher.command("stop.py")
    shutil.rmtree(env.hooks("python3.11").parent)
    assert silent(command)
    shutil.rmtree(env.root / "lib")
    assert silent(command)


def test_a_command_is_silent_once_python_is_gone(env: Env) -> None:
    command = env.launcher.command("stop.py")
    python = env.root / "bin" / "python3.11"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert silent(command)
    shutil.rmtree(env.root)
    assert silent(command)


def test_scripts_outside_of_a_python_folder_are_run_the_same(tmp_path: Path) -> None:
    """From a checkout, or where no `python3.X` stands beside Python."""
    env = Env(tmp_path / AWKWARD)
    hooks = tmp_path / "check out" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "stop.py").write_text("")
    command = Launcher(env.launcher.python, str(hooks)).command("stop.py")
    assert sh(command).stdout == f"python -I -S {hooks}/stop.py\n"
    (hooks / "stop.py").unlink()
    assert silent(command)
    (hooks / "stop.py").write_text("")
    shutil.rmtree(env.root)
    assert silent(command)


@pytest.mark.parametrize("folder", ["lib/python3.11/site-packages/ccfb/_hooks", "checkout/hooks"])
def test_a_command_passes_input_output_and_exit_code_on(tmp_path: Path, folder: str) -> None:
    """With the real interpreter: exit code 2 is what wakes a session."""
    hooks = tmp_path / folder
    hooks.mkdir(parents=True)
    code = "import sys; print(sys.stdin.read()); print('go on', file=sys.stderr); sys.exit(2)"
    (hooks / "stop.py").write_text(code)
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3.11"):
        (tmp_path / "bin" / name).symlink_to(sys.executable)
    command = Launcher(f"{tmp_path}/bin/python", str(hooks)).command("stop.py")
    assert command.startswith("v=" if "python3" in folder else "[")
    run = sh(command, input="payload")
    assert (run.returncode, run.stdout, run.stderr) == (2, "payload\n", "go on\n")


def test_the_commands_as_they_are(env: Env, snapshot: SnapshotAssertion) -> None:
    lines = [
        env.launcher.command("stop.py"),
        Launcher("/usr/bin/python3", "/my code/hooks").command("stop.py"),
        registration.helper_command("anthropic", env.launcher),
    ]
    assert "\n".join(lines).replace(str(env.root), "/env") == snapshot


def test_every_command_ends_in_the_mark(env: Env) -> None:
    assert registration.is_ours(env.launcher.command("stop.py"))
    assert registration.is_ours(registration.helper_command("anthropic", env.launcher))
    assert not registration.is_ours("ccfb status")
    assert not registration.is_ours(None)


def test_the_helper_gets_its_provider_and_says_when_it_is_gone(env: Env) -> None:
    command = registration.helper_command("openrouter", env.launcher)
    assert sh(command).stdout.endswith("/_hooks/api_key.py openrouter\n")
    shutil.rmtree(env.root)
    run = sh(command)
    assert (run.returncode, run.stdout) == (1, "")
    assert "install it again, then run ccfb uninstall-hooks" in run.stderr


# Where the scripts are

ROOT = Path(__file__).parents[2]


def test_a_checkout_uses_its_own_scripts() -> None:
    assert registration.hooks_dir() == str(ROOT / "hooks")
    assert all(os.path.isfile(ROOT / "hooks" / script) for script, _ in HOOKS.values())


def test_an_installed_package_uses_the_scripts_beside_it(tmp_path: Path) -> None:
    """And without any it says what to do."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    shutil.copytree(ROOT / "src" / "ccfb", site / "ccfb")
    shutil.copytree(ROOT / "hooks", site / "ccfb" / "_hooks")
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); from ccfb.client import registration as r"
    )
    look = [sys.executable, "-I", "-S", "-c", f"{code}; print(r.hooks_dir())"]
    run = subprocess.run(look, capture_output=True, text=True, check=True)
    assert run.stdout == f"{site}/ccfb/_hooks\n"
    shutil.rmtree(site / "ccfb" / "_hooks")
    run = subprocess.run(look, capture_output=True, text=True, check=False)
    assert "The hook scripts are missing" in run.stderr


def test_this_installation_is_run_by_its_environments_python() -> None:
    start = registration.launcher()
    assert os.access(start.python, os.X_OK)
    assert os.path.dirname(start.python) == os.path.dirname(sys.executable)
