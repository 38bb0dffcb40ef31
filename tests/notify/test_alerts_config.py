"""The `alerts` of `config.json`: strict, and silent about what may be a token."""

import json
import re
from typing import Any

import pytest

from ccfb import config, files, paths
from ccfb.config import Alerts, Config
from ccfb.errors import CcfbError

TOKEN = "s3cret-t0ken"


def load(content: dict[str, Any]) -> Config:
    files.make_own_dir()
    files.replace(paths.own("config.json"), json.dumps(content).encode())
    return config.load()


def test_by_default_three_steps_are_told_on_the_desktop() -> None:
    assert Config().alerts == Alerts(at=[50, 75, 90], desktop=True, terminal=False, urls=[])


def test_what_is_saved_is_loaded() -> None:
    chosen = Config(alerts=Alerts(at=[95], desktop=False, urls=[f"slack://{TOKEN}/b/c"]))
    config.save(chosen)
    assert config.load() == chosen


def test_urls_are_not_shown_where_a_configuration_is() -> None:
    assert TOKEN not in repr(Config(alerts=Alerts(urls=[f"slack://{TOKEN}/b/c"])))


WHOLE = "a whole number from 1 to 100."


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ({"at": [0]}, f"alerts.at.0 is 0: allowed is {WHOLE}"),
        ({"at": [50, 101]}, f"alerts.at.1 is 101: allowed is {WHOLE}"),
        ({"at": ["50"]}, f'alerts.at.0 is "50": allowed is {WHOLE}'),
        ({"at": [True]}, f"alerts.at.0 is true: allowed is {WHOLE}"),
        ({"at": 50}, f"alerts.at is 50: allowed is a list, each {WHOLE}"),
        ({"desktop": "yes"}, 'alerts.desktop is "yes": allowed is true or false.'),
    ],
    ids=str,
)
def test_a_wrong_value_is_named_with_its_place(alerts: dict[str, Any], message: str) -> None:
    with pytest.raises(CcfbError) as caught:
        load({"alerts": alerts})
    assert caught.value.message.endswith(message)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"alerts": {"urls": [TOKEN]}}, "alerts.urls.0"),
        ({"alerts": {"urls": f"slack://{TOKEN}"}}, "alerts.urls"),
        ({"alerts": {"urls": {f"slack://{TOKEN}": True}}}, "alerts.urls"),
        ({"alerts": {"urls": ["json://host", {"url": TOKEN}]}}, "alerts.urls.1"),
        ({"alerts": {"url": f"slack://{TOKEN}"}}, "alerts.url"),
        ({"alerts": {f"slack://{TOKEN}": True}}, r"alerts\."),
        ({"alerts": f"slack://{TOKEN}"}, "alerts"),
        ({"alerts": [f"slack://{TOKEN}"]}, "alerts"),
        ({"urls": [f"slack://{TOKEN}"]}, "urls"),
    ],
    ids=str,
)
def test_a_wrong_url_is_named_by_its_place_alone(content: dict[str, Any], place: str) -> None:
    with pytest.raises(CcfbError) as caught:
        load(content)
    assert re.search(rf"config.json, line 1: {place}[: …]", caught.value.message)
    assert TOKEN not in caught.value.message + caught.value.hint
