"""What the notification tests share: stand-in programs, a web server that listens, patience."""

import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NOTIFY_SEND = f"""#!{sys.executable} -IS
import json, os, sys
home = os.environ["HOME"]
if os.path.exists(home + "/gate"):
    open(home + "/gate").read()
with open(home + "/shown.tmp", "w") as file:
    json.dump({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}, file)
os.rename(home + "/shown.tmp", home + "/shown")
"""
"""Records what it was asked to show; where there is a pipe `gate`, not before that is opened."""


class Desk:
    """A desktop whose `notify-send` records, and a home folder with a configuration."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.own = home / ".claude" / "ccfb"
        self.bin = home / "bin"
        self.gate = home / "gate"
        self.own.mkdir(parents=True)
        self.bin.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": str(self.bin), "DISPLAY": ":7"}

    def has(self, name: str, script: str = NOTIFY_SEND) -> None:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(script)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def hang(self) -> None:
        """From now on `notify-send` hangs, until `release`."""
        os.mkfifo(self.gate)

    def release(self) -> None:
        """Let `notify-send` go on. Waits until it hangs: a pipe opens from both sides."""
        with self.gate.open("w"):
            pass

    def alerts(self, **values: Any) -> None:
        (self.own / "config.json").write_text(json.dumps({"alerts": values}))

    def shown(self) -> dict[str, Any]:
        """What `notify-send` was asked to show, once it was."""
        eventually((self.home / "shown").exists)
        shown: dict[str, Any] = json.loads((self.home / "shown").read_text())
        return shown

    @property
    def log(self) -> list[str]:
        path = self.own / "ccfb.log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def eventually(true: Callable[[], object]) -> None:
    """Wait for something that will be."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


class Mailbox:
    """A web server on loopback that takes everything, or answers as told."""

    def __init__(self, status: int) -> None:
        self.received: list[dict[str, Any]] = []
        self.paths: list[str] = []
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                box.paths.append(self.path)
                box.received.append(json.loads(content))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def mailbox(status: int = 200) -> Iterator[Mailbox]:
    box = Mailbox(status)
    thread = threading.Thread(target=box.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield box
    finally:
        box.server.shutdown()
        thread.join()
        box.server.server_close()
