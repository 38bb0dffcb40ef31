"""What a report costs, next to `ccusage`, the program that people use for it today.

    uv run python tests/bench/report.py [--runs 9] [--large FOLDER] [--small FOLDER]
    uv run python tests/bench/report.py --grow

`ccusage` comes from npm, into a cache outside of the checkout; the transcripts are invented, unless
folders of the client's are named that have some. All are run in turn, round after round, so that a
busy machine slows all of them alike, and after a round that warms the pages. Memory is that of a
report's largest process, its readers among them.

With `--grow`, reports of 1, 2 and 4 GB: they should take 1, 2 and 4 times as long, and no more
memory.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "report" / "corpus.py"
CACHE = Path(os.environ.get("CCFB_TEST_CACHE") or Path(tempfile.gettempdir()) / "ccfb-test-clients")
CCUSAGE = "ccusage@20.0.24"
REPORT = [str(Path(sys.executable).with_name("ccfb")), "report"]

GB, MB = 1_000_000_000, 1_000_000
SESSIONS_OF_A_GB = 3_000
NAME = b'"id":"msg_'
"""What an answer's row has."""

MIB = 1024
"""Of what the system counts in."""


class Run(NamedTuple):
    """What one run took."""

    wall: float
    """Seconds; so is the next."""
    processor: float
    memory: float
    """MiB of the largest process."""


class Home:
    """A home with transcripts that stand elsewhere too, and one that may be written to."""

    def __init__(self, folder: Path, name: str, sources: list[Path]) -> None:
        self.name = name
        self._folder = folder
        projects = folder / ".claude" / "projects"
        for source in sources:  # not symbolic links: `ccusage` doesn't follow them
            shutil.copytree(
                source / "projects", projects, copy_function=os.link, dirs_exist_ok=True
            )
        transcripts = sorted(
            sources[0].glob("projects/*/*.jsonl"), key=lambda path: path.stat().st_size
        )
        self._own = projects / "own" / "own.jsonl"
        self._own.parent.mkdir()
        middle = transcripts[len(transcripts) // 2 :]
        shutil.copy(next(path for path in middle if NAME in path.read_bytes()), self._own)
        self._answer = [line for line in self._own.read_bytes().splitlines() if NAME in line][-1]

    def forget(self) -> None:
        """Have the next report start from nothing."""
        shutil.rmtree(self._folder / ".claude" / "ccfb", ignore_errors=True)

    def append(self) -> None:
        """Add an answer to a transcript."""
        name = NAME + str(time.time_ns()).encode()
        with self._own.open("ab") as file:
            file.write(self._answer.replace(NAME, name) + b"\n")

    def run(self, command: list[str]) -> Run:
        """Run a program here."""
        environment = {"HOME": str(self._folder), "PATH": os.environ["PATH"], "TZ": "UTC"}
        with tempfile.TemporaryFile() as told:
            started = time.perf_counter()
            process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                told.seek(0)
                sys.exit(f"{command}: exit code {process.returncode}\n{told.read().decode()}")
        return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / MIB)


class Case(NamedTuple):
    """Something to measure."""

    name: str
    home: Home
    before: Callable[[], object]
    command: list[str]
    limit: float | None = None
    """Times the wall time of `ccusage` with the same transcripts."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--large", type=Path, help="a folder of the client's, with about 1 GB")
    parser.add_argument("--small", type=Path, help="a folder of the client's, with about 50 MB")
    parser.add_argument("--grow", action="store_true", help="1, 2 and 4 GB instead")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ccfb-bench-") as folder:
        if asked.grow:
            grow(Path(folder), asked.runs)
        else:
            compare(Path(folder), asked)


def compare(folder: Path, asked: argparse.Namespace) -> None:
    """Reports next to `ccusage`."""
    ccusage = [str(installed()), "claude", "daily", "--json", "--offline"]
    large = Home(folder / "home-1", "1 GB", [asked.large or made(folder / "large", GB, 1)])
    small = Home(folder / "home-2", "50 MB", [asked.small or made(folder / "small", 50 * MB, 1)])
    summary = [*REPORT, "--json"]
    nothing = dict  # a function that does nothing
    cases = [
        Case("ccusage", large, nothing, ccusage),
        Case("no cache, --json", large, large.forget, summary, 0.55),
        Case("cache hit", large, nothing, REPORT, 0.08),
        Case("cache hit, --json", large, nothing, summary, 0.08),
        Case("one appended", large, large.append, REPORT, 0.12),
        Case("ccusage", small, nothing, ccusage),
        Case("no cache, --json", small, small.forget, summary, 1.0),
        Case("cache hit", small, nothing, REPORT),
    ]
    introduce(asked.runs)
    measured = measure(cases, asked.runs)
    print(f"{'':26}{'wall':>9}{'ratio':>8}{'limit':>7}{'':7}{'CPU':>9}{'memory':>10}")
    base = 0.0
    for case, of_case in zip(cases, measured, strict=True):
        wall, processor, _ = (median(column) for column in zip(*of_case, strict=True))
        base = base if case.command[0] == REPORT[0] else wall
        verdict = "ok" if wall <= (case.limit or 0) * base else "ABOVE"
        limit = f"{case.limit:7.2f}  {verdict:5}" if case.limit else " " * 14
        print(
            f"{case.home.name:>6}  {case.name:18}{wall * 1000:6.0f} ms{wall / base:8.3f}{limit}"
            f"{processor * 1000:6.0f} ms{max(run.memory for run in of_case):6.0f} MiB"
        )


def grow(folder: Path, runs: int) -> None:
    """Reports of more and more."""
    parts = [made(folder / f"part-{seed}", GB, seed) for seed in range(1, 5)]
    homes = [Home(folder / f"home-{size}", f"{size} GB", parts[:size]) for size in (1, 2, 4)]
    cases = [Case("no cache", home, home.forget, REPORT) for home in homes]
    introduce(runs)
    measured = measure(cases, runs)
    print(f"{'':8}{'wall':>9}{'times 1 GB':>12}{'CPU':>9}{'times 1 GB':>12}{'memory':>10}")
    first = [median(column) for column in zip(*measured[0], strict=True)]
    for case, of_case in zip(cases, measured, strict=True):
        wall, processor, _ = (median(column) for column in zip(*of_case, strict=True))
        print(
            f"{case.home.name:8}{wall:7.2f} s{wall / first[0]:12.2f}"
            f"{processor:7.2f} s{processor / first[1]:12.2f}"
            f"{max(run.memory for run in of_case):6.0f} MiB"
        )


def introduce(runs: int) -> None:
    """Say what follows."""
    load = os.getloadavg()[0]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {load:.1f} before;")
    print(f"medians of {runs} runs each, in turn\n", flush=True)


def measure(cases: list[Case], rounds: int) -> list[list[Run]]:
    """Run all in turn; the first round warms up."""
    runs: list[list[Run]] = [[] for _ in cases]
    for number in range(-1, rounds):
        for case, of_case in zip(cases, runs, strict=True):
            case.before()
            run = case.home.run(case.command)
            if number >= 0:
                of_case.append(run)
    return runs


def made(folder: Path, size: int, seed: int) -> Path:
    """Invent transcripts, in a process of its own: memory counts here."""
    sessions = max(1, SESSIONS_OF_A_GB * size // GB) * (1 if size >= GB else 2)
    arguments = ["--bytes", f"{size // MB}M", "--sessions", str(sessions), "--seed", str(seed)]
    subprocess.run(
        [sys.executable, str(CORPUS), str(folder), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


def installed() -> Path:
    """The native program itself: its starter in JavaScript takes longer than a report."""
    folder = CACHE / CCUSAGE
    if not folder.exists():
        npm = shutil.which("npm") or sys.exit("npm is needed to install ccusage")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as part:
            whole = Path(part) / "whole"
            whole.mkdir()
            subprocess.run(
                [npm, "install", "--no-audit", "--no-fund", "--prefix", str(whole), CCUSAGE],
                check=True,
                cwd=whole,
                stdout=subprocess.DEVNULL,
            )
            whole.rename(folder)
    program = next(folder.glob("node_modules/@ccusage/ccusage-*/bin/ccusage*"))
    program.chmod(0o755)
    return program


if __name__ == "__main__":
    main()
