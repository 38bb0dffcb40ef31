"""Writing our own files: whole or not at all, and for the user's eyes only."""

import os

from ccfb import paths


def make_own_dir() -> None:
    """Create our folder, mode 0700."""
    os.makedirs(paths.own_dir(), mode=0o700, exist_ok=True)


def replace(path: str, content: bytes) -> None:
    """Replace a file of ours at one stroke, mode 0600.

    Raises:
        OSError: The disk is full, the folder can't be written, and the like; it names the path.
    """
    try:
        _replace(os.path.realpath(path), content)  # a symlink stays one
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None  # nobody knows of a draft


def _replace(path: str, content: bytes) -> None:
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


def put(path: str, content: bytes) -> None:
    """Write where the user says: what is no file, such as a pipe, is written to, not replaced.

    Raises:
        OSError: It can't be written.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            file.write(content)
    else:
        replace(path, content)
