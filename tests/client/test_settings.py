"""The client's settings file: replaced at one stroke, never over somebody else's write."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccfb.client.jsonedit import Document, same
from ccfb.client.settings import (
    BOM,
    Changed,
    Displaced,
    apply_overrides,
    contested,
    edit,
    nudge,
    override,
    read,
    revert_overrides,
    tidy_overrides,
    write,
)
from ccfb.errors import CcfbError

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy."""

SOURCE = '{\n  "model": "opus"\n}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file in a folder of its own."""
    folder = tmp_path / "claude"
    folder.mkdir(mode=0o700)
    path = folder / "settings.json"
    path.write_bytes(SOURCE.encode())
    path.chmod(0o644)
    return path


def put(value: Any = 1) -> Callable[[Document], None]:
    return lambda document: document.set(("ours",), value)


# Reading


def test_a_missing_file_is_an_empty_document(tmp_path: Path) -> None:
    before = read(str(tmp_path / "none" / "settings.json"))
    assert (before.data, before.values, before.mode) == (None, {}, 0o600)


def test_what_was_read_is_told_whole(file: Path) -> None:
    file.write_bytes(BOM + b'{"a": 1}')
    before = read(str(file))
    assert before.bom == BOM
    assert before.text == '{"a": 1}'
    assert before.values == {"a": 1}
    assert before.mode == 0o644
    assert before.mtime == file.stat().st_mtime


@pytest.mark.parametrize("content", [b"", b" \n", BOM])
def test_a_blank_file_is_an_empty_document(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert read(str(file)).values == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{\n  "a": 1,\n}', "line 3, column 1"),
        (b"{} {}", "line 1, column 4"),
        (b'{"a": NaN}', "NaN"),
        (b"[1]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_the_client_could_not_read_is_refused(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(CcfbError, match=reason) as caught:
        edit(str(file), put())
    assert caught.value.reference == "settings-invalid"
    assert caught.value.hint
    assert file.read_bytes() == content


def test_a_file_that_somebody_is_writing_is_waited_for(file: Path) -> None:
    """A writer that doesn't rename leaves the file blank, or cut off, for a moment."""
    file.write_bytes(b"")
    writer = threading.Timer(0.03, file.write_bytes, [SOURCE.encode()])
    writer.start()
    assert read(str(file)).values == {"model": "opus"}
    writer.join()


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CcfbError) as caught:
        read(str(tmp_path))
    assert caught.value.reference == "settings-unreadable"


# Writing


def test_an_edit_replaces_the_file_at_one_stroke(file: Path) -> None:
    """A reader that has it open goes on reading the old content."""
    with file.open() as reader:
        assert edit(str(file), put())
        assert reader.read() == SOURCE
    assert file.read_text() == '{\n  "model": "opus",\n  "ours": 1\n}\n'
    assert os.listdir(file.parent) == [file.name]


def test_nothing_is_written_when_nothing_changes(file: Path) -> None:
    before = file.stat()
    assert not edit(str(file), lambda _: None)
    assert not edit(str(file), lambda document: document.set(("model",), "opus"))
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("content", [b'\xef\xbb\xbf{"a": 1}', b'{\r\n\t"a": 1\r\n}', b"{ }", b""])
def test_an_edit_and_its_opposite_leave_the_same_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    hollows: dict[str, str | None] = {}
    assert edit(str(file), lambda document: document.set(("ours",), 1, hollows))
    assert file.read_bytes() != content
    assert edit(str(file), lambda document: document.remove(("ours",), dict(hollows)))
    assert file.read_bytes() == content


def test_mode_and_owner_are_kept(file: Path) -> None:
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12345, 12345)
    before = file.stat()
    edit(str(file), put())
    after = file.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_new_file_and_its_folder_are_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "claude" / "settings.json"
    assert edit(str(path), put())
    assert path.read_text() == '{\n  "ours": 1\n}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_edit_that_created_the_file_takes_it_away_again(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    hollows: dict[str, str | None] = {}
    edit(str(path), lambda document: document.set(("ours",), 1, hollows))
    edit(str(path), lambda document: document.remove(("ours",), hollows))
    assert not path.exists()


@pytest.mark.parametrize("dangling", [False, True])
def test_a_symlink_stays_a_symlink(file: Path, tmp_path: Path, dangling: bool) -> None:
    link = tmp_path / "settings.json"
    link.symlink_to(os.path.relpath(file, tmp_path))
    if dangling:
        file.unlink()
    edit(str(link), put())
    assert link.is_symlink()
    assert json.loads(file.read_text())["ours"] == 1


def test_what_the_client_writes_meanwhile_is_not_lost(file: Path) -> None:
    """The edit is made anew on what stands there then."""
    seen = []

    def change(document: Document) -> None:
        seen.append(document.get(("model",)))
        if len(seen) == 1:
            file.write_text('{"model": "sonnet"}')
        put()(document)

    assert edit(str(file), change)
    assert seen == ["opus", "sonnet"]
    assert json.loads(file.read_text()) == {"model": "sonnet", "ours": 1}


@pytest.mark.parametrize("now", [b"other", None])
def test_a_file_that_changed_is_not_replaced(file: Path, now: bytes | None) -> None:
    before = read(str(file))
    file.write_bytes(now) if now else file.unlink()
    with pytest.raises(Changed):
        write(before, "{}")
    assert (file.read_bytes() if file.exists() else None) == now
    assert [name for name in os.listdir(file.parent) if name != file.name] == []


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    before = read(str(path))
    path.write_text(SOURCE)
    with pytest.raises(Changed):
        write(before, "{}")


def test_a_symlink_that_leads_elsewhere_meanwhile_is_noticed(file: Path, tmp_path: Path) -> None:
    link, other = tmp_path / "settings.json", tmp_path / "other.json"
    link.symlink_to(file)
    other.write_text(SOURCE)
    before = read(str(link))
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(Changed):
        write(before, "{}")


def test_a_file_that_never_rests_is_given_up(file: Path) -> None:
    tries = []

    def change(document: Document) -> None:
        tries.append(1)
        file.write_text(f'{{"n": {len(tries)}}}')
        put()(document)

    with pytest.raises(CcfbError) as caught:
        edit(str(file), change, attempts=3)
    assert caught.value.reference == "settings-busy"
    assert file.read_text() == '{"n": 3}'


CLIENT = """
import json, os, sys
path = sys.argv[1]
for line in sys.stdin:
    with open(path) as file:
        values = json.load(file)
    values[line.strip()] = True
    with open(path + ".client", "w") as file:
        json.dump(values, file, indent=2)
    os.replace(path + ".client", path)
    print("written", flush=True)
"""


def test_no_write_of_another_process_is_lost(file: Path) -> None:
    """Each of our edits is crossed by one of a process that takes no lock."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", CLIENT, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdin
        assert client.stdout
        for number in range(10):
            crossed = False

            def change(document: Document, number: int = number) -> None:
                nonlocal crossed
                document.set((f"ours {number}",), True)
                if not crossed:
                    crossed = True
                    print(f"theirs {number}", file=client.stdin, flush=True)
                    assert client.stdout
                    assert client.stdout.readline() == "written\n"

            assert edit(str(file), change)
        client.stdin.close()
        assert client.wait(10) == 0
    wanted = {f"{who} {number}" for who in ("ours", "theirs") for number in range(10)}
    assert set(json.loads(file.read_text())) == wanted | {"model"}


@pytest.mark.parametrize("place", ["file", "folder"])
def test_what_is_read_only_is_respected(file: Path, place: str) -> None:
    """Also by root, and before anything is noted down."""
    (file if place == "file" else file.parent).chmod(0o555)
    noted: list[bool] = []
    with pytest.raises(CcfbError, match="read-only") as caught:
        edit(str(file), put(), record=lambda: noted.append(True))
    assert caught.value.reference == "settings-read-only"
    assert caught.value.hint
    with pytest.raises(CcfbError, match="read-only"):
        nudge(str(file))
    file.parent.chmod(0o755)
    assert file.read_text() == SOURCE
    assert not noted


def test_a_write_that_fails_leaves_everything_as_it_was(file: Path) -> None:
    (file.parent / f"{file.name}.ccfb-{os.getpid()}").mkdir()
    with pytest.raises(CcfbError, match="can't be written") as caught:
        edit(str(file), put())
    assert caught.value.reference == "settings-unwritable"
    assert file.read_text() == SOURCE


def test_an_obstacle_in_the_file_is_told(file: Path) -> None:
    file.write_text('{"env": null}')
    with pytest.raises(CcfbError, match="`env` has the wrong shape") as caught:
        edit(str(file), lambda document: document.set(("env", "X"), 1))
    assert caught.value.reference == "settings-shape"


def test_a_record_is_made_before_the_file_is_replaced(file: Path) -> None:
    contents = []
    edit(str(file), put(), record=lambda: contents.append(file.read_text()))
    assert contents == [SOURCE]


def test_a_nudge_is_a_new_file_with_the_same_bytes(file: Path) -> None:
    os.utime(file, (1, 1))
    before = file.stat()
    nudge(str(file))
    after = file.stat()
    assert file.read_text() == SOURCE
    assert after.st_ino != before.st_ino
    assert after.st_mtime > before.st_mtime


def test_there_is_nothing_to_nudge_without_a_file(tmp_path: Path) -> None:
    nudge(str(tmp_path / "settings.json"))
    assert not list(tmp_path.glob("settings*"))


def test_nothing_heavy_is_imported() -> None:
    """The engine loads this module while a stalled task waits."""
    root = str(Path(__file__).parents[2] / "src")
    code = f"import sys; sys.path.insert(0, {root!r}); import ccfb.client.settings"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"pathlib", "tempfile", "shutil", "dataclasses", "inspect", "subprocess", "pydantic"}
    assert not heavy & set(run.stdout.split())


# Overrides

HELPER, URL, MARK = ("apiKeyHelper",), ("env", "ANTHROPIC_BASE_URL"), ("env", "CCFB_BILLING")
A = {HELPER: "key a", MARK: "a"}
B = {HELPER: "key b", MARK: "b", URL: "https://b.test"}


def test_a_switch_and_its_way_back() -> None:
    document = Document(SOURCE)
    displaced = apply_overrides(document, B, {})
    assert json.loads(document.text) == {
        "model": "opus",
        "apiKeyHelper": "key b",
        "env": {"CCFB_BILLING": "b", "ANTHROPIC_BASE_URL": "https://b.test"},
    }
    displaced = revert_overrides(document, displaced)
    assert json.loads(document.text) == {
        "model": "opus",
        "env": {"CCFB_BILLING": "", "ANTHROPIC_BASE_URL": ""},
    }
    assert tidy_overrides(document, displaced) == {}
    assert document.text == SOURCE


def test_from_provider_to_provider_at_once() -> None:
    """What only the first one needed goes in the same edit."""
    document = Document(SOURCE)
    displaced = apply_overrides(document, A, apply_overrides(document, B, {}))
    assert json.loads(document.text) == {
        "model": "opus",
        "apiKeyHelper": "key a",
        "env": {"CCFB_BILLING": "a", "ANTHROPIC_BASE_URL": ""},
    }
    displaced = tidy_overrides(document, displaced)
    assert "ANTHROPIC_BASE_URL" not in document.text
    tidy_overrides(document, revert_overrides(document, displaced))
    assert document.text == SOURCE


def test_what_the_user_had_there_is_put_back_as_it_was_written() -> None:
    source = '{"env":{"ANTHROPIC_BASE_URL": "https:\\/\\/mine.test"}, "apiKeyHelper" :"mine"}'
    document = Document(source)
    displaced = apply_overrides(document, B, {})
    displaced = apply_overrides(document, A, displaced)
    displaced = apply_overrides(document, A, displaced)
    displaced = revert_overrides(document, displaced)
    assert json.loads(document.text)["env"]["ANTHROPIC_BASE_URL"] == "https://mine.test"
    tidy_overrides(document, displaced)
    assert document.text == source


def test_what_the_user_wrote_over_ours_stays_and_is_told() -> None:
    document = Document(SOURCE)
    displaced = apply_overrides(document, B, {})
    document.set(URL, "https://mine.test")
    document.remove(HELPER)
    assert contested(document, displaced) == [HELPER, URL]
    displaced = apply_overrides(document, {MARK: "b", URL: B[URL]}, displaced)
    assert document.get(URL) == "https://mine.test"
    tidy_overrides(document, revert_overrides(document, displaced))
    assert json.loads(document.text) == {
        "model": "opus",
        "env": {"ANTHROPIC_BASE_URL": "https://mine.test"},
    }


def test_another_provider_takes_its_places_whoever_wrote_there() -> None:
    """A key must never go to a host that isn't its own; the user's value comes back later."""
    document = Document(SOURCE)
    displaced = apply_overrides(document, B, {})
    document.set(URL, "https://mine.test")
    displaced = apply_overrides(document, {**B, URL: "https://c.test"}, displaced)
    assert document.get(URL) == "https://c.test"
    tidy_overrides(document, revert_overrides(document, displaced))
    assert document.get(URL) == "https://mine.test"


def test_what_the_user_wrote_after_the_way_back_is_the_users() -> None:
    """Also before the tidying; the next switch takes the place, and gives it back."""
    document = Document(SOURCE)
    displaced = revert_overrides(document, apply_overrides(document, B, {}))
    document.set(HELPER, "mine")
    displaced = apply_overrides(document, B, displaced)
    assert document.get(HELPER) == "key b"
    tidy_overrides(document, revert_overrides(document, displaced))
    assert document.get(HELPER) == "mine"


def test_a_variable_that_was_removed_by_hand_is_still_unset_in_running_sessions() -> None:
    document = Document(SOURCE)
    displaced = apply_overrides(document, B, {})
    document.remove(URL)
    displaced = revert_overrides(document, displaced)
    assert document.get(URL) == ""
    tidy_overrides(document, displaced)
    assert document.text == SOURCE


def test_a_switch_that_the_client_wrote_over_from_memory_is_made_again() -> None:
    document = Document(SOURCE)
    displaced = apply_overrides(document, B, {})
    switched, document = document.text, Document(SOURCE)
    assert contested(document, displaced) == list(B)
    displaced = apply_overrides(document, B, displaced)
    assert document.text == switched
    document = Document(SOURCE)
    displaced = revert_overrides(document, apply_overrides(document, B, displaced))
    document = Document(switched)
    displaced = revert_overrides(document, displaced)
    assert document.raw(HELPER) is None
    tidy_overrides(document, displaced)
    assert document.text == SOURCE


def test_an_env_that_became_no_object_does_not_stop_the_way_back() -> None:
    document = Document(SOURCE)
    displaced = apply_overrides(document, B, {})
    document.set(("env",), None)
    displaced = revert_overrides(document, displaced)
    assert tidy_overrides(document, displaced) == {}
    assert json.loads(document.text) == {"model": "opus", "env": None}


PLACES = [HELPER, URL, MARK, ("env", "ANTHROPIC_DEFAULT_OPUS_MODEL"), ("availableModels",)]
OTHERS = [("env", "THEIRS"), ("permissions", "allow"), ("model",)]
OURS = st.sampled_from(["ours 1", "ours 2", "", ["ours"]])
THEIRS: st.SearchStrategy[Any] = st.sampled_from(["theirs", 1, True, None, {}, ["ours", 1]])
WANTED = st.dictionaries(st.sampled_from(PLACES), OURS, max_size=4)
USERS = st.dictionaries(st.sampled_from(PLACES + OTHERS), THEIRS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), WANTED),
        st.tuples(st.just("tidy"), st.none()),
        st.tuples(st.just("set"), st.tuples(st.sampled_from(PLACES + OTHERS), THEIRS)),
        st.tuples(st.just("remove"), st.sampled_from(PLACES + OTHERS)),
        st.tuples(st.just("rewrite"), st.none()),
        st.tuples(st.just("lose"), st.none()),
    ),
    max_size=8,
)
OWN_STEPS = STEPS.map(lambda steps: [step for step in steps if step[0] in {"apply", "tidy"}])


@st.composite
def settings_texts(draw: st.DrawFn) -> str:
    """A user's settings in some usual formatting."""
    values: dict[str, Any] = {}
    for path, value in draw(USERS).items():
        inner = values
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
    if draw(st.booleans()):
        values.setdefault("env", {})
    indent = draw(st.sampled_from([None, 2, 4, "\t"]))
    text = json.dumps(values, indent=indent).replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return text.replace("{}", draw(st.sampled_from(["{}", "{ }", "{\n}"]))) + draw(
        st.sampled_from(["", "\n"])
    )


def pruned(value: Any) -> Any:
    """Without the objects that hold nothing."""
    if not isinstance(value, dict):
        return value
    return {key: inner for key, raw in value.items() if (inner := pruned(raw)) != {}}


@settings(CALM, max_examples=300)
@given(settings_texts(), OWN_STEPS)
def test_whatever_we_do_can_be_undone_to_the_byte(text: str, steps: list[tuple[str, Any]]) -> None:
    document, displaced = Document(text), Displaced()
    for kind, wanted in [*steps, ("apply", {}), ("tidy", None)]:
        if kind == "apply":
            displaced = apply_overrides(document, wanted, displaced)
            assert all(same(document.get(path), value) for path, value in wanted.items())
        else:
            displaced = tidy_overrides(document, displaced)
        displaced = json.loads(json.dumps(displaced))
    assert document.text == text
    assert displaced == {}


@settings(CALM, max_examples=500)
@given(settings_texts(), STEPS)
def test_what_others_wrote_is_there_in_the_end_and_nothing_of_ours(
    text: str, steps: list[tuple[str, Any]]
) -> None:
    """Whoever writes in between: the user, the client in its own formatting, or the client
    from memory, so that our last edit is lost."""
    document, displaced = Document(text), Displaced()
    theirs, earlier = Document(text), ""
    for kind, what in [*steps, ("apply", {}), ("tidy", None)]:
        if kind in {"apply", "tidy"}:
            earlier = document.text if kind == "apply" else ""
        if kind == "apply":
            displaced = apply_overrides(document, what, displaced)
        elif kind == "tidy":
            displaced = tidy_overrides(document, displaced)
        elif kind == "set":
            document.set(*what)
            theirs.set(*what)
            earlier = ""
        elif kind == "remove":
            document.remove(what)
            theirs.remove(what)
            earlier = ""
        elif kind == "rewrite":
            document = Document(json.dumps(document.get(()), indent=2))
            earlier = ""
        elif earlier:
            document = Document(earlier)
    assert same(pruned(document.get(())), pruned(theirs.get(())))
    assert displaced == {}


# Overrides in the file


class CrashError(Exception):
    """The process is gone."""


RUNS = st.tuples(st.just({}) | WANTED, st.booleans(), st.integers(0, 4))


@settings(CALM, max_examples=300)
@given(settings_texts(), st.lists(RUNS, max_size=5))
def test_a_crash_at_any_moment_is_put_right_by_the_next_run(
    text: str, runs: list[tuple[dict[tuple[str, ...], Any], bool, int]]
) -> None:
    """Moments: before the record, behind it, behind the file, behind the last record."""
    with TemporaryDirectory() as folder:
        file, kept = Path(folder, "settings.json"), None
        file.write_bytes(text.encode())
        for wanted, tidy, moment in [*runs, ({}, False, 4), ({}, True, 4)]:
            moments = 0

            def pass_moment(last: int = moment) -> None:
                nonlocal moments
                if moments == last:
                    raise CrashError
                moments += 1

            def remember(displaced: Displaced | None) -> None:
                nonlocal kept
                pass_moment()
                kept = json.loads(json.dumps(displaced))
                pass_moment()

            try:
                override(str(file), wanted, kept, remember, tidy=tidy)
            except CrashError:
                continue
            document = Document(file.read_bytes().decode())
            assert all(same(document.get(path), value) for path, value in wanted.items())
        assert file.read_bytes() == text.encode()
        assert kept is None


def test_overrides_that_stand_are_not_written_again(file: Path) -> None:
    records: list[Displaced | None] = []
    assert override(str(file), B, None, records.append)
    inode = file.stat().st_ino
    assert not override(str(file), B, records[-1], records.append)
    assert file.stat().st_ino == inode
    assert len(records) == 1


def test_the_record_is_empty_once_all_is_tidy(file: Path) -> None:
    records: list[Displaced | None] = [None]
    override(str(file), B, records[-1], records.append)
    override(str(file), {}, records[-1], records.append)
    assert records[-1]
    override(str(file), {}, records[-1], records.append, tidy=True)
    assert records[-1] is None
    assert file.read_text() == SOURCE


def test_overrides_in_a_missing_file_leave_none_behind(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    records: list[Displaced | None] = [None]
    for wanted, tidy in ((B, False), ({}, False), ({}, True)):
        override(str(path), wanted, records[-1], records.append, tidy=tidy)
    assert not path.exists()
