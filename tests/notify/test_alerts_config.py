"""The `alerts` of `config.json`: strict, and silent about what may be a token."""

import json
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


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ({"at": [0]}, "alerts.at.0: Input should be greater than or equal to 1, not 0."),
        ({"at": [50, 101]}, "alerts.at.1: Input should be less than or equal to 100, not 101."),
        ({"at": ["50"]}, "alerts.at.0: Input should be a valid integer, not '50'."),
        ({"at": [True]}, "alerts.at.0: Input should be a valid integer, not True."),
        ({"at": 50}, "alerts.at: Input should be a valid list, not 50."),
        ({"desktop": "yes"}, "alerts.desktop: Input should be a valid boolean, not 'yes'."),
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
        ({"alerts": {"url": f"slack://{TOKEN}"}}, "alerts"),
        ({"alerts": {f"slack://{TOKEN}": True}}, "alerts"),
        ({"alerts": f"slack://{TOKEN}"}, "alerts"),
        ({"alerts": [f"slack://{TOKEN}"]}, "alerts"),
        ({"urls": [f"slack://{TOKEN}"]}, "urls"),
    ],
    ids=str,
)
def test_a_wrong_url_is_named_by_its_place_alone(content: dict[str, Any], place: str) -> None:
    with pytest.raises(CcfbError) as caught:
        load(content)
    assert f"config.json: {place}: " in caught.value.message
    assert TOKEN not in caught.value.message + caught.value.hint
