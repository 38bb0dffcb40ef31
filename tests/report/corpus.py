"""Invented transcripts, as the client writes them, and what stands in them.

    python tests/report/corpus.py FOLDER --bytes 1G --sessions 3000 --seed 1

The same seed makes the same bytes. Rows have the forms of 2.1.329 and of 2.1.197, and there are
traps that a reader must not fall into: several rows for each answer, of which older clients give
the first ones a smaller output; sessions that repeat another's rows; subagents in files of their
own; rows that tell of use and are no answers; results of tools that look like rows; gateways, which
give requests no names; accounts of sessions, which tell of more than the rows; lines that are cut.
"""

import argparse
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

MODELS = {
    "claude-opus-5-5": 40,
    "claude-opus-4-8": 15,
    "claude-sonnet-5-5": 15,
    "claude-haiku-5-5": 10,
    "claude-haiku-4-5-20251001": 5,
    "claude-sonnet-4-6": 6,
    "anthropic/claude-opus-4.8": 4,
    "claude-sonnet-5": 5,
}
BACKGROUND = "claude-haiku-4-5-20251001"
PROJECTS = [f"/home/user/{name}" for name in ("api", "web", "docs", "shop", "game", "tools", "lab")]
START = datetime(2026, 8, 20, tzinfo=UTC).timestamp()
SECONDS = 90 * 86_400
WORDS = ["the", "of", "value", "return", "import", "self", "class", "None", "naïve", "你好", "→"]
SIGNS = ["“quoted”", "\\", '"', "\t", "{", "}"]
TRAP = '{"type":"assistant","message":{"id":"msg_x","usage":{"input_tokens":1,"output_tokens":9}}}'
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}

Row = dict[str, Any]


class Used(NamedTuple):
    """What a request used."""

    output: int
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int


class Answer(NamedTuple):
    """What a message must be read as."""

    model: str
    at: float
    used: Used


class Corpus:
    """Makes sessions in a folder of the client's, one after the other."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.projects = folder / "projects"
        self.dice = random.Random(seed)
        self.answers: dict[tuple[str, str], Answer] = {}
        """What stands in it, by the names of messages and requests."""
        self.background: Counter[str] = Counter()
        """Tokens that only accounts tell of, by session."""
        self.cut = 0
        self.bytes = 0
        self.repeated: list[bytes] = []
        self.pool = " ".join(self.dice.choices([*WORDS * 30, *SIGNS * 30, TRAP], k=300_000))

    def make(self, size: int, sessions: int) -> None:
        """Fill the folder with about that many bytes."""
        shares = [min(40.0, self.dice.lognormvariate(0, 1.2)) for _ in range(sessions)]
        for number, share in enumerate(shares):
            left = size - self.bytes
            Session(self).make(left * share / sum(shares[number:]))

    def text(self, usual: int) -> str:
        """Some words; mostly about that many letters, sometimes many times more."""
        length = int(min(200_000, 8 + usual * self.dice.lognormvariate(0, 1)))
        start = self.dice.randrange(len(self.pool) - length)
        return self.pool[start : start + length]

    def name(self, kind: str = "") -> str:
        """A name as the client's and the API's are."""
        digits = f"{self.dice.getrandbits(128):032x}"
        if kind:
            return f"{kind}_01{digits[:24]}"
        return "-".join((digits[:8], digits[8:12], f"4{digits[13:16]}", digits[16:20], digits[20:]))

    def write(self, path: Path, lines: list[bytes], *, cut: bool = False) -> None:
        content = b"".join(line + b"\n" for line in lines)
        if cut:
            content = content[: -len(lines[-1]) // 2]
            self.cut += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.bytes += len(content)


class Session:
    """One session, and its subagents."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.dice = dice = corpus.dice
        self.id = corpus.name()
        self.folder = dice.choice(PROJECTS)
        self.new = dice.random() < 0.7
        self.gateway = dice.random() < 0.05
        self.model = dice.choices([*MODELS], [*MODELS.values()])[0]
        self.at = START + dice.random() * SECONDS
        self.context = dice.randrange(10_000, 150_000)
        self.lines: list[bytes] = []
        self.parent: str | None = None
        self.agent = ""
        self.spent: Counter[tuple[str, str]] = Counter()

    @property
    def path(self) -> Path:
        return self.corpus.projects / self.folder.replace("/", "-") / f"{self.id}.jsonl"

    def make(self, size: float) -> None:
        """Work until the transcript has about that many bytes."""
        start, dice = self.corpus.bytes, self.dice
        self.note("mode", mode="normal")
        if dice.random() < 0.1:
            self.lines += self.corpus.repeated
        while not self.parent or self.corpus.bytes - start + sum(map(len, self.lines)) < size:
            self.turn()
        if self.new:
            self.account()
        cut = dice.random() < 0.03
        if cut:
            self.row(type="system", subtype="note", content=self.corpus.text(300))
        self.corpus.repeated = self.lines[2:30]
        self.corpus.write(self.path, self.lines, cut=cut)

    def turn(self) -> None:
        """A prompt, and all that is done about it."""
        dice = self.dice
        self.at += dice.expovariate(1 / 200)
        self.note("file-history-snapshot", snapshot={"timestamp": self.time()})
        self.row(promptId=self.corpus.name(), type="user", message=self.said(self.corpus.text(200)))
        if dice.random() < 0.5:
            self.row(attachment={"type": "reminder", "content": self.corpus.text(2_500)})
        for _ in range(dice.randrange(1, 9)):
            self.call()
        if dice.random() < 0.15:
            self.delegate()
        if dice.random() < 0.05:
            self.fail()
        self.call(final=True)
        self.row(type="system", subtype="turn_duration", durationMs=dice.randrange(60_000))

    def call(self, *, final: bool = False) -> None:
        """A request: a row for each block of the answer, and what the tools made of it."""
        dice, corpus = self.dice, self.corpus
        self.at += dice.expovariate(1 / 8)
        name, request = corpus.name("msg"), "" if self.gateway else corpus.name("req")
        written = int(min(60_000, dice.lognormvariate(7, 1)))
        long, fast = dice.random() < 0.6, self.model == "claude-opus-4-8" and dice.random() < 0.1
        used = Used(
            output=int(min(30_000, dice.lognormvariate(5.5, 1))) + 1,
            input=dice.randrange(1, 3_000),
            cache_read=self.context,
            cache_write_5m=0 if long else written,
            cache_write_1h=written if long else 0,
        )
        self.context = min(400_000, self.context + written)
        blocks: list[Row] = []
        if final or dice.random() < 0.4:
            blocks.append({"type": "text", "text": corpus.text(400)})
        tools = 0 if final else dice.choice((1, 1, 1, 2, 3))
        for _ in range(tools):
            command = {"command": corpus.text(120), "usage": {"output_tokens": 1}}
            blocks.append({"type": "tool_use", "id": corpus.name("toolu"), "input": command})
        for index, block in enumerate(blocks):
            early = not self.new and index < len(blocks) - 1
            told = used._replace(output=min(used.output, 7)) if early else used
            self.row(
                message={
                    "id": name,
                    "type": "message",
                    "role": "assistant",
                    "model": self.model,
                    "content": [block],
                    "stop_reason": "end_turn" if final else "tool_use",
                    "stop_sequence": None,
                    "usage": self.usage(told, fast=fast),
                    **({"stop_details": None} if self.new else {}),
                },
                **({"apiBlockIndex": index} if self.new else {}),
                **({"requestId": request} if request else {}),
                type="assistant",
            )
        model = f"{self.model} fast" if fast else self.model
        corpus.answers[name, request] = Answer(model, round(self.at, 3), used)
        self.spent.update({(self.model, key): value for key, value in used._asdict().items()})
        for _ in range(tools):
            self.at += dice.expovariate(1 / 3)
            result = {"type": "tool_result", "content": corpus.text(4_500)}
            self.row(promptId=self.id, type="user", message=self.said([result]))

    def delegate(self) -> None:
        """A subagent, in a file of its own; its sum in the session's is no answer."""
        keep = self.lines, self.parent, self.model
        self.lines, self.parent, self.agent = [], None, self.corpus.name()[:8]
        self.row(type="user", message=self.said(self.corpus.text(800)))
        for _ in range(self.dice.randrange(1, 6)):
            self.call()
        self.call(final=True)
        path = self.path.with_suffix("") / "subagents" / f"agent-{self.agent}.jsonl"
        self.corpus.write(path, self.lines)
        (self.lines, self.parent, self.model), self.agent = keep, ""
        usage = self.usage(Used(99, 99, 99, 99, 0), fast=False)
        self.row(
            type="user",
            message=self.said("done"),
            toolUseResult={"status": "completed", "usage": usage},
        )

    def fail(self) -> None:
        """What the client says itself where no answer came."""
        self.row(
            message={
                "id": self.corpus.name(),
                "model": "<synthetic>",
                "role": "assistant",
                "type": "message",
                "usage": self.usage(Used(0, 0, 0, 0, 0), fast=False),
                "content": [{"type": "text", "text": "API Error: 529 Overloaded"}],
            },
            type="assistant",
        )

    def account(self) -> None:
        """The client's own account, with a few calls that stand nowhere else."""
        hidden = self.dice.randrange(500, 5_000)
        self.corpus.background[self.id] = hidden
        models: dict[str, Row] = {BACKGROUND: _stated(input=hidden, dollars=hidden / 10**6)}
        for model in sorted({model for model, _ in self.spent} - {BACKGROUND}):
            numbers = {key: value for (name, key), value in self.spent.items() if name == model}
            written = numbers.pop("cache_write_5m") + numbers.pop("cache_write_1h")
            models[model] = _stated(**numbers, cache_write=written, dollars=1.0)
        if BACKGROUND not in {model for model, _ in self.spent}:
            self.note("cost-state", startTime=int(self.at), modelUsage=models)
        else:
            del self.corpus.background[self.id]

    def usage(self, used: Used, *, fast: bool) -> Row:
        return {
            "input_tokens": used.input,
            "cache_creation_input_tokens": used.cache_write_5m + used.cache_write_1h,
            "cache_read_input_tokens": used.cache_read,
            "output_tokens": used.output,
            **({"output_tokens_details": {"thinking_tokens": 0}} if self.new else {}),
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            "service_tier": "standard",
            "cache_creation": {
                "ephemeral_1h_input_tokens": used.cache_write_1h,
                "ephemeral_5m_input_tokens": used.cache_write_5m,
            },
            "inference_geo": "",
            "iterations": [],
            "speed": "fast" if fast else "standard",
            **({"fallback_credit": None} if self.new else {}),
        }

    def said(self, content: object) -> Row:
        return {"role": "user", "content": content}

    def row(self, **fields: Any) -> None:
        """A row of the conversation."""
        uuid = self.corpus.name()
        self.add(
            {
                "parentUuid": self.parent,
                "isSidechain": bool(self.agent),
                **({"agentId": self.agent} if self.agent else {}),
                **fields,
                "type": fields.get("type", "attachment"),
                "uuid": uuid,
                "timestamp": self.time(),
                "cwd": self.folder,
                "sessionId": self.id,
                "version": "2.1.329" if self.new else "2.1.197",
                "gitBranch": "main",
            }
        )
        self.parent = uuid

    def note(self, kind: str, **fields: Any) -> None:
        """A row of something else."""
        self.add({"type": kind, **fields, "sessionId": self.id})

    def add(self, row: Row) -> None:
        words = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        self.lines.append(words.encode())

    def time(self) -> str:
        at = datetime.fromtimestamp(round(self.at, 3), UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _stated(
    *,
    dollars: float,
    input: int = 0,  # noqa: A002 - as everywhere
    output: int = 0,
    cache_read: int = 0,
    cache_write: int = 0,
) -> Row:
    return {
        "inputTokens": input,
        "outputTokens": output,
        "cacheReadInputTokens": cache_read,
        "cacheCreationInputTokens": cache_write,
        "webSearchRequests": 0,
        "costUSD": dollars,
    }


def make(folder: Path, size: int = 2_000_000, sessions: int = 40, seed: int = 1) -> Corpus:
    """Fill a folder of the client's."""
    corpus = Corpus(folder, seed)
    corpus.make(size, sessions)
    return corpus


def main() -> None:
    """Make a corpus, and write down what is in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bytes", default="50M")
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    size = int(float(asked.bytes[:-1]) * UNITS[asked.bytes[-1]])
    corpus = make(asked.folder, size, asked.sessions, asked.seed)
    print(f"{corpus.bytes:,} bytes, {len(corpus.answers):,} messages")


if __name__ == "__main__":
    main()
