"""What is remembered is what a first report would find, whatever has happened to the files."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccfb import files, paths
from ccfb.billing import store
from ccfb.billing.model import Entry
from ccfb.report import collect, days, readers, update
from ccfb.report.begin import Begun, begin
from ccfb.report.model import BY, Collected, Request, Sum
from ccfb.report.produce import produce
from report import corpus, slowly
from report.test_scan import line, row, usage


def utc(_: int) -> int:
    return 0


def quiet(_done: int, _total: int) -> None:
    """Nobody looks on."""


def report(**request: Any) -> Collected:
    return collect.collect(Request((paths.projects(),), **request), utc, quiet)


def kept(name: str = "report.db") -> Path:
    return Path(paths.own(name))


def forget() -> None:
    """Have the next report start from nothing."""
    for end in ("", "-wal", "-shm"):
        kept(f"report.db{end}").unlink(missing_ok=True)


def anew() -> Collected:
    """What a first report finds."""
    forget()
    return report()


def same(one: Collected, other: Collected) -> bool:
    return sorted(one.sums) == sorted(other.sums) and one[3:] == other[3:]


@pytest.fixture
def made(home: Path) -> corpus.Corpus:
    return corpus.make(home / ".claude", size=400_000, sessions=12)


@pytest.fixture
def transcripts(home: Path, made: corpus.Corpus) -> list[Path]:
    return sorted((home / ".claude" / "projects").rglob("*.jsonl"))


def switched(*events: tuple[float, str]) -> None:
    """Write what billing did into the ledger."""
    files.make_own_dir()
    known = len(store.ledger())
    store.append(
        [
            Entry(id=known + number, at=at, event=event, provider="anthropic", reason="limit")
            for number, (at, event) in enumerate(events, 1)
        ]
    )


def test_each_message_counts_once(home: Path, made: corpus.Corpus) -> None:
    """Also those that stand in several transcripts."""
    collected = report()
    truth = slowly.everything(home / ".claude").values()
    assert len(truth) == len(made.answers)
    messages = [each for each in collected.sums if not each.background]
    assert sum(each.requests for each in messages) == len(truth)
    columns = [*zip(*(message.used for message in truth), strict=True)]
    for name, column in zip(("output", "input", "cache_read"), columns, strict=False):
        assert sum(getattr(each, name) for each in messages) == sum(column)
    assert collected.cut == made.cut


def test_a_message_that_is_only_taken_for_a_copy_counts(
    made: corpus.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is little room to remember what was seen, nearly everything is suspected."""
    first = report()
    monkeypatch.setattr(update, "SPARSE", 1 << 40)
    assert same(anew(), first)
    assert sum(each.requests for each in first.sums) == len(made.answers)


def test_what_only_accounts_tell_of_is_kept_apart(made: corpus.Corpus) -> None:
    background = [each for each in report().sums if each.background]
    assert sum(each.input for each in background) == sum(made.background.values())
    assert sum(each.cost for each in background) == sum(made.background.values()) * 10**6
    assert not any(each.requests for each in background)


@pytest.mark.usefixtures("made")
def test_a_second_report_reads_nothing(transcripts: list[Path]) -> None:
    first = report()
    for transcript in transcripts:
        os.utime(transcript.parent)
        stat = transcript.stat()
        transcript.write_bytes(b"x" * stat.st_size)
        os.utime(transcript, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert same(report(), first)


def test_only_what_was_added_is_read(transcripts: list[Path], tmp_path: Path) -> None:
    """What stands before is known, and not looked at again."""
    whole = transcripts[0].read_bytes()
    cut = whole.rindex(b"\n", 0, len(whole) // 2) + 1
    transcripts[0].write_bytes(whole[:cut])
    report()
    transcripts[0].write_bytes(b" " * (cut - 1_000) + whole[cut - 1_000 :])
    read_on = report()
    transcripts[0].write_bytes(whole)
    assert sorted(read_on.sums) == sorted(anew().sums)


def test_a_last_line_without_its_end_counts_for_as_long_as_it_is_there(
    transcripts: list[Path],
) -> None:
    before = report()
    whole = transcripts[0].read_bytes()
    transcripts[0].write_bytes(whole + line(row("last")).rstrip())
    assert sum(each.requests for each in report().sums) == 1 + sum(
        each.requests for each in before.sums
    )
    transcripts[0].write_bytes(whole)
    assert same(report(), before)


@pytest.fixture(params=[(64, 4_096, 64_000_000), (2, 3, 64_000_000), (2, 3, 1)], ids=str)
def portions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In which things are done: to fill the usual ones, a test would need too much of each."""
    for name, size in zip(("FLUSH", "SUSPECTS", "MUCH"), request.param, strict=True):
        monkeypatch.setattr(update, name, size)


def append(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes() + other.read_bytes())


def truncate(path: Path, other: Path) -> None:
    """Anywhere, mostly in a line; if something follows, it is joined with that."""
    content = path.read_bytes()
    path.write_bytes(content[: crc32(content) % (len(content) + 1)])


def replace(path: Path, other: Path) -> None:
    """By another of the same length, with ends of its own: by them a file is known again."""
    before = path.read_bytes()
    content = other.read_bytes().replace(b"}\n", b',"n":%d}\n' % crc32(before))
    path.write_bytes((content * 100)[: len(before)])


def copy(path: Path, other: Path) -> None:
    shutil.copy(path, other.with_name(f"copy-{path.name}"))


def grow(path: Path, other: Path) -> None:
    """By an end of itself, as if written to."""
    with path.open("ab") as file:
        file.write(path.read_bytes()[-5_000:])


def remove_copies(path: Path, other: Path) -> None:
    """Of several transcripts with the same messages, one is emptied."""
    path.write_bytes(b"\n")


def remove(path: Path, other: Path) -> None:
    if path != other:  # one stays
        path.unlink()


CHANGES = [append, truncate, replace, copy, grow, remove_copies, remove]


@pytest.mark.usefixtures("portions")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(CHANGES), st.integers(0, 30), st.integers(0, 30)),
            min_size=1,
            max_size=3,
        ),
        max_size=4,
    )
)
def test_whatever_happens_to_files_a_report_is_as_the_first_one(
    home: Path, changes: list[list[tuple[Callable[[Path, Path], None], int, int]]]
) -> None:
    """After appending, cutting, replacing, copying, removing: as if nothing was remembered."""
    shutil.rmtree(home / ".claude", ignore_errors=True)
    corpus.make(home / ".claude", size=150_000, sessions=5)
    clock = 2_000_000_000
    report()
    for together in changes:
        for change, one, other in together:
            there = sorted((home / ".claude" / "projects").rglob("*.jsonl"))
            path = there[one % len(there)]
            change(path, there[other % len(there)])
            clock += 1
            if path.exists():
                os.utime(path, (clock, clock))
        updated = report(prune=True)
    assert not changes or same(updated, anew())


@pytest.mark.usefixtures("made")
def test_a_folder_in_a_transcripts_place_changes_nothing() -> None:
    transcript = Path(paths.projects(), "-p", "small.jsonl")
    transcript.parent.mkdir()
    transcript.write_bytes(line(row("small")))
    before = report()
    transcript.unlink()
    transcript.mkdir()
    assert same(report(), before)


@pytest.mark.parametrize("order", [*permutations(["one", "other", "new"])], ids="-".join)
@pytest.mark.usefixtures("portions")
def test_messages_may_move_to_another_transcript(
    transcripts: list[Path], monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    """In whatever order they are read: for a while, messages may stand in both."""
    before = sum(each.requests for each in report().sums)
    one, other = transcripts[:2]
    new = one.with_name("zz.jsonl")
    new.write_bytes(one.read_bytes())
    one.write_bytes(b"\n")
    grow(other, other)
    paths_ = [str({"one": one, "other": other, "new": new}[name]) for name in order]
    in_turn = readers.Reading.__iter__

    def ordered(reading: readers.Reading) -> Iterator[readers.Result]:
        results = {reading.transcripts[result[0]][0]: result for result in in_turn(reading)}
        return (results[path] for path in paths_)

    monkeypatch.setattr(readers.Reading, "__iter__", ordered)
    assert sum(each.requests for each in report().sums) == before


@pytest.mark.usefixtures("portions")
def test_what_can_not_be_read_any_more_is_no_reason_to_count_twice(
    transcripts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transcript has grown, and is gone before it is read: what was known of it holds."""
    before = sum(each.requests for each in report().sums)
    shutil.copy(transcripts[0], transcripts[0].with_name("zz-copy.jsonl"))
    grow(transcripts[0], transcripts[0])

    def meanwhile(*listed: Any) -> Begun:
        begun = begin(*listed)
        transcripts[0].unlink()
        return begun

    monkeypatch.setattr(collect, "begin", meanwhile)
    assert sum(each.requests for each in report().sums) == before


def test_a_transcript_may_hold_the_accounts_of_two_sessions(transcripts: list[Path]) -> None:
    """What is made anew for one of them leaves the other as it was."""
    one, other = [path for path in transcripts if b'"cost-state"' in path.read_bytes()][:2]
    append(one, other)
    report()
    append(other, other)
    assert same(report(), anew())


def test_what_is_deleted_stays_until_it_is_pruned(transcripts: list[Path]) -> None:
    """The client deletes transcripts after a month; what they cost is still of interest."""
    before = report()
    gone = transcripts[: len(transcripts) // 2]
    for transcript in gone:
        transcript.unlink()
    assert same(report(), before)
    assert same(report(prune=True), anew())


def test_two_reports_may_prune_at_once(
    transcripts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds that the first has done it."""
    report()
    transcripts[0].unlink()
    look, looked = collect._gone, []

    def meanwhile(*known: Any) -> list[str]:
        gone = look(*known)
        looked.append(gone)
        if len(looked) == 1:
            report(prune=True)
        return gone

    monkeypatch.setattr(collect, "_gone", meanwhile)
    assert same(report(prune=True), anew())
    assert not kept("report.db.damaged").exists()


@pytest.mark.parametrize("grown", [False, True])
def test_copies_of_what_is_pruned_count_again(transcripts: list[Path], *, grown: bool) -> None:
    """Also where there is something to read at the same time."""
    first = transcripts[0]
    shutil.copy(first, first.with_name("zz-copy.jsonl"))
    before = sum(each.requests for each in report().sums)
    first.unlink()
    if grown:
        grow(transcripts[1], first)
    assert sum(each.requests for each in report(prune=True).sums) == before


@pytest.mark.usefixtures("made")
def test_other_folders_are_other_reports(home: Path) -> None:
    """One cache for all of them, and no mixing."""
    own = report()
    corpus.make(home / "second", size=50_000, sessions=2, seed=9)
    second = (str(home / "second" / "projects"),)
    other = collect.collect(Request(second), utc, quiet)
    both = collect.collect(Request((paths.projects(), *second)), utc, quiet)
    assert same(report(), own)
    assert sum(each.cost for each in both.sums) == sum(each.cost for each in own.sums + other.sums)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no database" * 100),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(
            path.read_bytes()[:8_192] + os.urandom(path.stat().st_size - 8_192)
        ),
        lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 99"),
        lambda path: path.chmod(0o400),
    ],
    ids=["other file", "empty", "cut", "noise", "other version", "read only"],
)
@pytest.mark.usefixtures("made")
def test_a_damaged_cache_is_made_anew_without_a_word(
    damage: Callable[[Path], object], capfd: pytest.CaptureFixture[str]
) -> None:
    first = report()
    damage(kept())
    assert same(report(), first)
    assert same(report(), first)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["report.db", ""], ids=["cache", "folder"])
@pytest.mark.usefixtures("made")
def test_where_nothing_can_be_kept_a_report_is_made_nonetheless(name: str) -> None:
    """Something else stands in the cache's place, or in that of its folder."""
    first = report()
    shutil.rmtree(paths.own_dir())
    place = kept(name)
    place.parent.mkdir(exist_ok=True)
    place.mkdir() if name else place.write_bytes(b"")
    assert same(report(), first)
    assert same(report(), first)


@pytest.mark.usefixtures("made")
def test_nobody_else_can_read_it() -> None:
    report()
    for name in ("report.db", "report.db-wal"):
        if kept(name).exists():
            assert kept(name).stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("made")
def test_several_reports_at_once_find_the_same(home: Path) -> None:
    """From nothing, and with something to read."""
    script = (
        "from ccfb import paths\n"
        "from ccfb.report.model import Request\n"
        "from ccfb.report.produce import produce\n"
        "print(produce(Request((paths.projects(),), as_json=True), lambda done, total: None))"
    )
    for _ in range(2):
        running = [
            subprocess.Popen(
                [sys.executable, "-c", script],
                env={"HOME": str(home), "PATH": os.defpath, "TZ": "UTC"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(5)
        ]
        told = [process.communicate(timeout=60) for process in running]
        assert len(set(told)) == 1
        assert told[0][1] == b""
        corpus.make(home / ".claude", size=100_000, sessions=4, seed=7)
    updated = report()
    assert same(updated, anew())


def test_billing_follows_the_ledger(made: corpus.Corpus) -> None:
    """Also what was read before it was known who paid."""
    moments = sorted(answer.at for answer in made.answers.values())
    report()
    middle, later = moments[len(moments) // 2], moments[-len(moments) // 4]
    switched((middle, "switch"), (later, "revert"))
    followed = report()
    assert {each.switch for each in followed.sums} == {0, 1}
    assert same(followed, anew())
    billed = sum(each.requests for each in followed.sums if each.switch)
    assert abs(billed - len([at for at in moments if middle < at < later])) < len(moments) / 20
    switched((later + 1, "switch"))
    assert same(report(), anew())


@pytest.mark.usefixtures("made")
def test_billing_that_changes_while_a_first_report_is_begun_is_followed() -> None:
    begun = begin((paths.projects(),))
    switched((1.0, "switch"))
    followed = collect.collect(Request((paths.projects(),)), utc, quiet, begun)
    assert {each.switch for each in followed.sums} == {1}
    assert same(followed, anew())


@pytest.mark.parametrize("fetched", [False, True])
@pytest.mark.usefixtures("made")
def test_new_prices_hold_for_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fetched: bool
) -> None:
    """Shipped or fetched; no transcript is read for it, and accounts keep the client's figures."""
    before = report()
    table = kept("prices.json") if fetched else tmp_path / "table.json"
    shutil.copy(collect.PRICES, table)
    if not fetched:
        monkeypatch.setattr(collect, "PRICES", str(table))
    with sqlite3.connect(kept()) as database:
        database.execute("UPDATE facts SET cost = 5, unpriced = 1")
    assert same(report(), before)


NAMES = st.text(st.characters(codec="utf-8"))


@given(NAMES, NAMES)
def test_what_stands_in_a_folder_is_told_by_the_order_of_names(folder: str, name: str) -> None:
    for path in (name, folder + name, folder + os.sep + name):
        stands_there = path.startswith(folder + os.sep) and path != folder + os.sep
        assert (folder + os.sep < path < folder + update.AFTER) == stands_there


def test_transcripts_that_share_accounts_are_known_as_one_group() -> None:
    groups = update._groups([[1, 2], [4, 5], [3, 2], [7, 6], [5, 6]])
    one, other = {1, 2, 3}, {4, 5, 6, 7}
    assert groups == {1: one, 2: one, 3: one, 4: other, 5: other, 6: other, 7: other}


@pytest.mark.parametrize("by", BY)
@pytest.mark.usefixtures("made")
def test_what_is_added_up_in_portions_is_what_is_added_up_at_once(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("zeta", "alpha"):  # of one session, and at the same cost
        path = Path(paths.projects(), "-p", f"{model}.jsonl")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(line(row(model, model=model)))
        report()
    request = Request((paths.projects(),), by=by, as_json=True)
    whole = produce(request, quiet)
    for files_ in (1, 2, 3):
        monkeypatch.setattr(collect, "FILES", files_)
        assert produce(request, quiet) == whole


def test_what_another_report_finds_meanwhile_is_seen_whole_or_not_at_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message moves from the portion that was added up to one that wasn't."""
    folder = home / ".claude" / "projects" / "-p"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"{name}.jsonl").write_bytes(line(row(name)))
        report()
    meanwhile: list[tuple[Any, ...]] = []

    class Adding:
        @staticmethod
        def _make(numbers: tuple[Any, ...]) -> Sum:
            if not meanwhile:
                meanwhile.append(numbers)
                with (folder / "b.jsonl").open("ab") as file:
                    file.write(line(row("a", usage=usage(99))))
                report()
            return Sum._make(numbers)

    monkeypatch.setattr(collect, "FILES", 1)
    monkeypatch.setattr(collect, "Sum", Adding)
    assert sum(each.requests for each in report().sums) == 2
    assert sum(each.output for each in report().sums) == 11 + 99


def test_days_are_those_of_the_time_zone(made: corpus.Corpus) -> None:
    zone = "America/St_Johns"  # half an hour off, and clocks are changed in the meantime
    offset = days.of_zone(zone)
    request = Request((paths.projects(),), by="day")
    collected = collect.collect(request, offset, quiet)
    expected: dict[int, int] = {}
    for answer in made.answers.values():
        day = int(answer.at + offset(int(answer.at))) // 86_400
        expected[day] = expected.get(day, 0) + 1
    found: dict[int, int] = {}
    for each in collected.sums:
        if each.requests:
            found[each.day] = found.get(each.day, 0) + each.requests
    assert found == expected
    some = sorted(expected)[3:6]
    part = collect.collect(request._replace(since=some[0], until=some[-1]), offset, quiet)
    assert sum(each.requests for each in part.sums) == sum(
        number for day, number in expected.items() if some[0] <= day <= some[-1]
    )


def test_each_folder_of_the_client_goes_by_its_own_ledger(home: Path, tmp_path: Path) -> None:
    """What was switched in one of them was billed there, and nowhere else."""
    corpus.make(home / ".claude", size=200_000, sessions=4)
    other = tmp_path / "other"
    shutil.copytree(home / ".claude" / "projects", other / "projects")
    for path in (other / "projects").rglob("*.jsonl"):  # other messages, of the same times
        path.write_bytes(path.read_bytes().replace(b'"id":"msg_', b'"id":"msg_other_'))
    switched((1.0, "switch"))
    folders = (paths.projects(), str(other / "projects"))

    def told(*folders: str) -> list[int]:
        collected = collect.collect(Request(folders), utc, quiet)
        billed = [each for each in collected.sums if each.switch]
        assert len(collected.events) == (1 if paths.projects() in folders else 0)
        return [sum(each.requests for each in some) for some in (billed, collected.sums)]

    own, all_ = told(folders[0])
    assert own == all_ > 0
    assert told(folders[1]) == [0, all_]
    assert told(*folders) == told(*reversed(folders)) == [all_, 2 * all_]


@pytest.mark.parametrize("portion", [1, 2, collect.FILES])
@pytest.mark.parametrize(
    ("worked", "called"), [("abb", "b"), ("bba", "b"), ("abcc", "c"), ("cab", "a")]
)
def test_a_project_is_called_after_where_most_of_its_sessions_worked(
    home: Path, worked: str, called: str, portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork begins with rows of another project's; and who is read first doesn't matter."""
    monkeypatch.setattr(collect, "FILES", portion)
    project = home / ".claude" / "projects" / "-p"
    project.mkdir(parents=True)
    for number, folder in enumerate(worked):
        name = f"m{number}"
        (project / f"{name}.jsonl").write_bytes(line(row(name, cwd=f"/home/user/{folder}")))
    assert list(report().folders.values()) == [f"/home/user/{called}"]
