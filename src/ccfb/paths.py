"""Every file's place. Imported by the gate: nothing but `os`."""

import os


def home() -> str:
    """The user's home folder; an absolute path."""
    return os.path.expanduser("~")


def claude_dir() -> str:
    """Where the client keeps its files: `CLAUDE_CONFIG_DIR`, else `~/.claude`."""
    chosen = os.environ.get("CLAUDE_CONFIG_DIR")
    return os.path.abspath(chosen) if chosen else os.path.join(home(), ".claude")


def settings() -> str:
    """The client's user settings."""
    return os.path.join(claude_dir(), "settings.json")


def projects() -> str:
    """The client's transcripts, one folder a project."""
    return os.path.join(claude_dir(), "projects")


def own_dir() -> str:
    """Our folder, mode 0700."""
    return os.path.join(claude_dir(), "ccfb")


def own(name: str) -> str:
    """A file in our folder, such as `state.json`."""
    return os.path.join(own_dir(), name)
