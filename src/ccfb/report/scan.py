"""From a transcript's bytes to the messages in it.

Transcripts are large, and few of their lines count. So the bytes are gone through in three turns:
which lines may be answers of the model, which of those tell most of their request, and what they
tell. The first sees every line, and is kept short; the others see fewer and fewer.
"""

import os
from bisect import bisect_right
from operator import itemgetter

from ccfb.gate import loads
from ccfb.report.answer import (
    CONTENT,
    DIGITS,
    FAR,
    MESSAGE,
    REQUEST,
    SPACED,
    TIME,
    TYPE,
    USAGE,
    Answer,
    Form,
    Origin,
    UnknownFormError,
    account,
    fits,
    form_of,
    model_of,
    origin_of,
    parsed,
    plain,
    time_of,
)
from ccfb.report.rows import AT, KEY, NOTHING, OUTPUT, Found, each, number, packed

TYPE_CHECKING = False  # as in `rows`
if TYPE_CHECKING:
    from typing import Any

BUFFER = 1 << 18
"""Bytes read at a time."""

ASIDE = 32
"""Bytes in front of the buffer. A large block of memory begins 16 bytes into a page, where files
are copied to a quarter slower than to most places (seen on x86-64 with Linux)."""

NEAR = 256
"""Bytes at the start of a line that tell what it is; if they don't, it is searched to its end. And
bytes in front of a message's last part in which the end of what was said is."""

GUARD = 512
"""Bytes before the place where reading ended, by which a file is known again."""

LONGEST = 3_600_000
"""Milliseconds that a request may take."""

BACK = 1 << 22
"""Bytes before a message in which the row is looked for that its request was sent after."""

MOST = 100
"""Ways in which answers begin, and in which they end, that are remembered."""

_SPARE = 16
"""Bytes at the end of the buffer in which nothing is read."""
_USER = b'"message":{"role":"user"'
_ATTACHMENT = b'"attachment":{'
_OPEN, _BRACE, _COMMA, _END, _ESCAPE, _QUOTE, _T = map(ord, '{},\n\\"t')
_NONE = b"0"
_MANY = 1 << 29
"""About half of what is impossible."""
_NEVER = b"\n"
"""Stands in no line."""
_USUAL = len("2026-11-21T16:59:01.042Z")
_MINUTES = {f"{number:02}:": number * 60_000 for number in range(60)}
_SECONDS = {f"{number:02}.": number * 1_000 for number in range(60)}
_THOUSANDTHS = {f"{number:03}Z": number for number in range(1_000)}
_HOURS: dict[str, int] = {}
_TYPED = b'{"type":"'
_TOLD = (b'{"type":"assistant"', b'{"type":"cost-state"')
"""Of the rows that begin with their type, those that tell what was used."""
_USED = b'"output_tokens":'
_ID = b'"id":"'
_PARENT = b'{"parentUuid":'
_ANY_REQUEST = b'"requestId":'
_SAID = b'],"stop_reason":'
_SESSION, _FOLDER = b'SessionId":', b'"cwd":'
_NEXT = b',"'
_TO_TIME, _TO_REQUEST = len(TIME), len(REQUEST)
_TIMED = frozenset({"assistant", "attachment", "system", "user", "api-request"})
"""Rows that a request may be sent after; others may tell the time of what they describe."""

Turn = tuple[int, int]
"""When sessions had taken up a change of billing, in milliseconds since the epoch, and the number
of the switch that is in force from then on; 0 is the subscription."""

Line = tuple[int, int, int, int]
"""Places in the buffer: where a line starts, where its message does, where the last part of that
does (-1: it hasn't the usual form), and where the line ends."""

Look = tuple[int, int, bytes, bytes, int, bytes, str]
"""What is mostly the same as in the answer before: how long the row's parent is; where in the
message its name is, and what stands between both, and behind; how far in front of the line's end
the row's type is, and what stands behind its time; the model."""

NO_FORM: Form = (0, b"", itemgetter(0), itemgetter(0), False)
NOBODY: Look = (0, 0, _NEVER, _NEVER, 0, _NEVER, "")


class Scanner:
    """Reads one transcript after the other, into the same buffer.

    Args:
        turns: When billing changed, in order.
    """

    def __init__(self, turns: list[Turn]) -> None:
        self._turns = [at for at, _ in turns]
        self._switches = [0, *(switch for _, switch in turns)]
        self._buffer = _empty(BUFFER)
        self._forms: dict[bytes, Form] = {}
        self._latest = NO_FORM
        self._models: dict[tuple[bytes, bytes], str] = {}

    def scan(self, path: str, before: Found = NOTHING) -> Found:
        """Read a transcript, or what has been added to it.

        Args:
            path: Of the transcript.
            before: What was found in it up to its `end`, if that isn't 0.

        Raises:
            OSError: It can't be read.
        """
        self._best = {row[KEY]: row for row in each(before["rows"])}
        self._kinds = {kind: index for index, kind in enumerate(before["kinds"])}
        self._states = {state[0]: state for state in before["states"]}
        self._origins: dict[bytes, Origin] = {}
        self._usual: dict[tuple[str, bool, bytes], int] = {}
        self._folder = before["folder"]
        self._invalid, self._unknown = before["invalid"], before["unknown"]
        self._file = os.open(path, os.O_RDONLY)
        try:
            cut = self._read(before["end"])
        finally:
            os.close(self._file)
        return Found(
            rows=packed(self._best.values()),
            kinds=list(self._kinds),
            states=list(self._states.values()),
            folder=self._folder,
            end=self._base,
            guard=self._guard,
            invalid=self._invalid,
            unknown=self._unknown,
            cut=cut,
        )

    def _read(self, offset: int) -> int:
        """Walk the lines from an offset on; 1 if the last of them is cut."""
        self._base = offset  # of the buffer, in the file
        kept = 0  # bytes of a line that hasn't ended so far, at the start of the buffer
        while True:
            room = len(self._buffer) - _SPARE
            with memoryview(self._buffer) as view, view[kept:room] as free:
                end = kept + os.preadv(self._file, (free,), self._base + kept)
            done = self._walk(end)
            self._base += done
            kept = end - done
            if end < room:
                self._guard = self._guard_of(done)
                if done:
                    self._buffer[:kept] = self._buffer[done:end]
                return self._last(kept)
            if done:
                self._buffer[:kept] = self._buffer[done:end]
            else:
                longer = _empty(len(self._buffer) + kept)
                longer[:kept] = self._buffer[:kept]
                self._buffer = longer

    def _guard_of(self, done: int) -> int:
        """The same as `guard_of`; mostly, what it needs is at hand."""
        if done < GUARD:
            return guard_of(self._file, self._base)
        return number(bytes(self._buffer[done - GUARD : done]))

    def _walk(self, end: int) -> int:
        """Take what the lines in the buffer tell; returns where the last one ends."""
        lines, done = self._lines(end)
        self._take(lines)
        return done

    def _lines(self, end: int) -> tuple[list[Line], int]:
        """The lines that may be answers, and where the last line ends."""
        buffer = self._buffer
        find, rfind, starts = buffer.find, buffer.rfind, buffer.startswith
        found = []
        line = 0
        while (stop := find(_END, line, end)) >= 0:
            if buffer[stop - 1] != _BRACE:
                found.append((line, line, -1, stop))
            elif buffer[line + 2] == _T and starts(_TYPED, line):
                if starts(_TOLD, line):
                    found.append((line, line, -1, stop))
            else:
                message = find(MESSAGE, line, line + NEAR)
                if line <= message < stop:
                    if not starts(_USER, message):
                        usage = rfind(USAGE, message, stop)
                        if usage > 0 or find(_USED, message, stop) > 0:
                            found.append((line, message, usage, stop))
                elif (
                    not line <= find(_ATTACHMENT, line, line + NEAR) < stop
                    and find(_USED, line, stop) >= 0
                ):
                    found.append((line, line, -1, stop))
            line = stop + 1
        return found, line

    def _take(self, lines: list[Line]) -> None:
        """Take what answers tell, unless the same request is there with as much output.

        An answer has a line for each block of its content, and most tell the same of its use.
        """
        buffer, best = self._buffer, self._best
        find, rfind, starts = buffer.find, buffer.rfind, buffer.startswith
        nothing = same = used = asked = bytearray(_NEVER)
        width, ahead, before, behind, tail, end, model = NOBODY
        count, pattern, values, tokens, fast = self._latest
        kind = -1
        for line, message, usage, stop in lines:
            if (
                starts(same, line + width)
                and starts(used, usage)
                and find(asked, usage, stop) > 0
                and starts(TYPE, stop - tail)
                and starts(end, stop - len(end))
            ):
                continue
            used = nothing
            try:
                # With nothing but the end of a row behind it, a usage is that of the row's message.
                told = rfind(_BRACE, usage, stop - 1) + 1 if usage > 0 else 0
                words = buffer[usage:told]
                numbers = bytes(words.translate(SPACED)).split()
                numbers.append(_NONE)
                if len(numbers) != count or pattern % values(numbers) != words:  # as in `fits`
                    count, pattern, values, tokens, fast = self._form(words, told, stop)
                    kind = -1
                name, time = message + ahead, stop - len(end) - _USUAL
                name_end = find(_QUOTE, name, usage)
                start = name - len(before)
                if (
                    start - line != width
                    or not starts(before, start)
                    or not starts(behind, name_end)
                    or not starts(end, time + _USUAL)
                ):
                    width, ahead, before, behind, tail, end, model = self._look(
                        line, message, told, stop
                    )
                    name, time, kind = message + ahead, stop - len(end) - _USUAL, -1
                    name_end = find(_QUOTE, name, usage)
                names = buffer[name:name_end]
                request = find(REQUEST, told, stop)
                if request > 0:
                    asked = buffer[request : find(_QUOTE, request + _TO_REQUEST, stop) + 1]
                    names += asked[_TO_REQUEST:-1]
                    same, used = buffer[line + width : name_end + len(behind)], words
                fresh, written, read, output, searches, one_hour, five_minutes = map(
                    int, tokens(numbers)
                )
                if (
                    fresh | written | read | output | searches | one_hour | five_minutes >= _MANY
                    or name == name_end
                    or _ESCAPE in names
                    or not starts(_PARENT, line)
                    or buffer[usage - 1] != _COMMA
                    or not starts(TIME, time - _TO_TIME)
                    or not starts(TYPE, stop - tail)
                    or (request < 0 and find(_ANY_REQUEST, told, stop) > 0)
                ):
                    used = nothing
                    self._take_other(line, stop)
                    continue
                key = hash(int.from_bytes(names, "big"))  # as `number` does
                known = best.get(key)
                if known is None:
                    at = moment_of(buffer[time : time + _USUAL].decode())
                    new = kind < 0 or self._turns
                    kind = own = self._usual_kind(model, fast, end, at, line) if new else kind
                elif output > known[OUTPUT]:
                    at, own = known[AT:OUTPUT]
                else:
                    continue
                best[key] = (
                    key,
                    at,
                    own,
                    output,
                    fresh,
                    read,
                    max(five_minutes, written - one_hour),
                    one_hour,
                    searches,
                )
            except (IndexError, RecursionError, ValueError):
                used = nothing
                self._take_other(line, stop)

    def _form(self, words: bytearray, told: int, stop: int) -> Form:
        """How to read the end of a message.

        Args:
            words: From its usage on.
            told: Where it ends.
            stop: The end of its line.

        Raises:
            ValueError: Not as usual.
        """
        find, rfind = self._buffer.find, self._buffer.rfind
        usage = told - len(words)
        said = rfind(_SAID, max(usage - NEAR, 0), usage)
        last = find(_BRACE, said, usage) < 0 <= said and find(TIME, told, stop) > 0
        if not last or len(words) > FAR:
            raise ValueError(usage)
        looks = bytes(words.translate(None, DIGITS))
        form = self._forms.get(looks)
        if form is None or not fits(form, words):
            if len(self._forms) >= MOST:
                self._forms.clear()
            form = self._forms[looks] = form_of(bytes(words))
        self._latest = form
        return form

    def _look(self, line: int, message: int, told: int, stop: int) -> Look:
        """How an answer looks.

        Raises:
            ValueError: Not as usual.
        """
        buffer, find = self._buffer, self._buffer.find
        said = find(CONTENT, message, told) + len(CONTENT)
        name = find(_ID, message, said) + len(_ID)
        kind, time = find(TYPE, told, stop), find(TIME, told, stop) + _TO_TIME
        start = find(_NEXT, line, name)
        before = bytes(buffer[start:name])
        behind = bytes(buffer[find(_QUOTE, name, said) : said])
        end = bytes(buffer[find(_QUOTE, time, stop) : stop])
        early = find(_SESSION, told, time) > 0 or find(_FOLDER, told, time) > 0
        torn = find(_OPEN, line + 1, start) >= 0 or find(_OPEN, told, stop) >= 0
        if early or torn or min(said, name) < message or min(start, kind) < 0 or len(end) > FAR:
            raise ValueError(line)
        if end not in self._origins:
            row = loads('{"":"' + end.decode("utf-8", "replace"))
            if not isinstance(row, dict) or "sessionId" not in row:
                raise ValueError(line)
            self._origins[end] = origin_of(row)
        model = self._models.get((before, behind))
        if model is None:
            if len(self._models) >= MOST:
                self._models.clear()
            model = model_of(bytes(buffer[line:said]), before, behind)
            self._models[before, behind] = model
        return start - line, name - message, before, behind, stop - kind, end, model

    def _take_other(self, line: int, stop: int) -> None:
        """The same for an answer of another form."""
        answer = self._parsed(line, stop)
        if answer:
            name, at, origin, model, fast, tokens = answer
            key = number(name)
            known = self._best.get(key)
            if known is None:
                kind = self._kind(origin, model, fast, at, line)
                self._best[key] = (key, at, kind, *tokens)
            elif tokens[0] > known[OUTPUT]:
                self._best[key] = (*known[:OUTPUT], *tokens)

    def _usual_kind(self, model: str, fast: bool, end: bytes, at: int, line: int) -> int:
        """The kind of an answer; most lines of a transcript end alike."""
        kind = self._usual.get((model, fast, end))
        if kind is not None:
            return kind
        kind = self._kind(self._origins[end], model, fast, at, line)
        if not self._turns:
            self._usual[model, fast, end] = kind
        return kind

    def _kind(self, origin: Origin, model: str, fast: bool, at: int, line: int) -> int:
        session, folder = map(plain, origin)
        self._folder = self._folder or folder
        kind = session, plain(model), fast, self._switch(at, line)
        return self._kinds.setdefault(kind, len(self._kinds))

    def _parsed(self, line: int, stop: int) -> Answer | None:
        """Parse a line; it may be no answer at all."""
        words = self._buffer[line:stop].decode(errors="replace").strip()
        try:
            row = loads(words) if words else None
            if isinstance(row, dict):
                told = account(row)
                if told:
                    started, session, models = told
                    latest = max((row[AT] for row in self._best.values()), default=0)
                    self._states[started] = (started, session, latest, models)
                return parsed(row)
        except UnknownFormError:
            self._unknown += 1
        except (ValueError, RecursionError):
            self._invalid += 1
        return None

    def _last(self, kept: int) -> int:
        """What stands behind the last end of line; it is read again when the transcript changes."""
        if not kept:
            return 0
        try:
            loads(self._buffer[:kept].decode(errors="replace"))
        except (RecursionError, ValueError):
            return 1
        self._buffer[kept : kept + 1] = b"\n"
        self._walk(kept + 1)
        self._base = 0  # whatever may come behind it, or in its place
        return 0

    def _switch(self, at: int, line: int) -> int:
        """Which switch billed a message; it was sent some time before it was written."""
        passed = bisect_right(self._turns, at)
        if passed and at - self._turns[passed - 1] < LONGEST:
            passed = bisect_right(self._turns, self._sent(line) or at)
        return self._switches[passed]

    def _sent(self, line: int) -> int | None:
        """When a request was sent, or shortly before: the time of the row before its answer."""
        place = self._base + line
        before = os.pread(self._file, min(BACK, place), max(0, place - BACK))
        for words in reversed(before.split(b"\n")):
            try:
                row: Any = loads(words.decode())
                if row["type"] in _TIMED:
                    return time_of(row["timestamp"])
            except (KeyError, RecursionError, TypeError, ValueError):
                continue
        return None


def _empty(size: int) -> bytearray:
    """A buffer that doesn't begin where its memory does."""
    buffer = bytearray(ASIDE + size)
    del buffer[:ASIDE]
    return buffer


def moment_of(stamp: str) -> int:
    """The same as `time_of`, and faster in the usual form: `2026-11-21T16:59:01.042Z`.

    Raises:
        ValueError: As there.
    """
    try:
        return (
            _HOURS[stamp[:14]]
            + _MINUTES[stamp[14:17]]
            + _SECONDS[stamp[17:20]]
            + _THOUSANDTHS[stamp[20:]]
        )
    except KeyError:
        at = time_of(stamp)
    if len(stamp) == _USUAL and stamp[13] == ":" and stamp[23] == "Z":
        _HOURS[stamp[:14]] = time_of(f"{stamp[:14]}00:00Z")
    return at


def guard_of(file: int, end: int) -> int:
    """A number for the last bytes before a place in an open file."""
    return number(os.pread(file, min(GUARD, end), max(0, end - GUARD)))
