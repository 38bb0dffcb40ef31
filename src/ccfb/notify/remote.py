"""Everything that `apprise` reaches: chats, push services, e-mail, webhooks.

Its URLs hold tokens, and so may its errors and its log: nothing of them is repeated.
"""

import logging

from ccfb.errors import CcfbError
from ccfb.notify import Alert

LONGEST = 12
"""Characters of a service's name, such as `slack`."""


def name(number: int, url: str) -> str:
    """A URL by its place in the configuration, and by its service where that is plain to see."""
    service, divider, _ = url.partition("://")
    known = divider and service.isascii() and service.isalnum() and len(service) <= LONGEST
    return f"alerts.urls.{number}" + (f" ({service})" if known else "")


def tell(url: str, alert: Alert) -> None:
    """Send an alert to one URL of `apprise`'s.

    Raises:
        CcfbError: `apprise` isn't there, doesn't know the URL, or couldn't deliver.
    """
    try:
        import apprise  # noqa: PLC0415 - an extra
    except ImportError:
        raise CcfbError(
            "apprise-not-installed", "It needs apprise.", "Install it: pip install 'ccfb[notify]'"
        ) from None
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    # Whatever stands in a text is text, not a template.
    asset = apprise.AppriseAsset(app_id="ccfb", app_desc="ccfb", allow_templates=False)
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        raise CcfbError("alert-url", "apprise doesn't understand this URL.")
    kind = apprise.NotifyType.WARNING if alert.urgent else apprise.NotifyType.INFO
    if not service.notify(
        title=alert.headline,
        body=alert.text or alert.title,
        notify_type=kind,
        body_format=apprise.NotifyFormat.TEXT,
    ):
        raise CcfbError(
            "alert-refused", "apprise couldn't deliver it.", "To see why: apprise -vv -b test URL"
        )
