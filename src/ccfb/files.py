"""Writing our own files: whole or not at all, and for the user's eyes only."""

import os

from ccfb import paths


def make_own_dir() -> None:
    """Create our folder, mode 0700."""
    os.makedirs(paths.own_dir(), mode=0o700, exist_ok=True)


def replace(path: str, content: bytes) -> None:
    """Replace a file of ours at one stroke, mode 0600.

    Raises:
        OSError: The disk is full, the folder can't be written, and the like.
    """
    path = os.path.realpath(path)  # a symlink stays one
    draft = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
