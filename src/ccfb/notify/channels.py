"""The ways to the user, as `config.json` names them."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ccfb.config import Alerts
from ccfb.notify import Alert, desktop, remote


class Channel(NamedTuple):
    """One way to the user."""

    name: str
    """For logs: it says nothing secret."""

    tell: Callable[[Alert], None]
    """Raises `CcfbError` where it fails."""


def channels(chosen: Alerts) -> list[Channel]:
    """The channels that alerts go out on from here."""
    found = []
    if chosen.desktop and desktop.here():
        found.append(Channel("desktop", desktop.tell))
    for number, url in enumerate(chosen.urls):
        found.append(Channel(remote.name(number, url), partial(remote.tell, url)))
    return found
