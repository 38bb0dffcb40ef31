"""The report's page in a real browser: looked at, used, and searched for faults.

On telephones and on large screens, in light and in dark.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ccfb.report import page
from ccfb.report.render import html
from report import chromium, months
from report.test_page import NASTY, nasty

LENGTHS = {"months": 91, "year": 365, "day": 1}
OTHERS = ("nasty", "unlimited", "unpriced", "nothing")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What there was to see, once for all processes; each page is opened four times."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    kept = folder / "seen.json"
    with FileLock(folder / "seen.lock"):
        if not kept.exists():
            kept.write_text(chromium.run("look.mjs", *written(folder)), encoding="utf-8")
    told: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return told


def written(folder: Path) -> list[Path]:
    """The pages."""
    work = months.collected(30)
    others = (
        nasty(work),
        work._replace(events=[]),
        work._replace(sums=[each._replace(unpriced=1) for each in work.sums]),
        work._replace(sums=[]),
    )
    pages = {name: months.data(length) for name, length in LENGTHS.items()}
    for name, made in zip(OTHERS, others, strict=True):
        pages[name] = page.page_of(made, months.REQUEST, months.utc, months.NOW)
    for name, data in pages.items():
        (folder / f"{name}.html").write_text(html.render(data), encoding="utf-8")
    return [folder / f"{name}.html" for name in pages]


@pytest.fixture(params=[*LENGTHS, *OTHERS])
def looks(request: pytest.FixtureRequest, told: dict[str, Any]) -> list[dict[str, Any]]:
    """One page, at 390 and 1440 pixels, in light and dark."""
    looks = [look for look in told["seen"] if look["page"] == request.param]
    assert {(look["width"], look["scheme"]) for look in looks} == {
        (width, scheme) for width in (390, 1440) for scheme in ("light", "dark")
    }
    return looks


@pytest.fixture
def used(told: dict[str, Any]) -> dict[str, Any]:
    used: dict[str, Any] = told["used"]
    return used


def test_no_request_leaves_it_and_nothing_goes_wrong(looks: list[dict[str, Any]]) -> None:
    for look in looks:
        assert [Path(request).stem for request in look["requests"]] == [look["page"]]
        assert (look["said"], look["dialogs"]) == ([], 0)


def test_it_never_scrolls_sideways(looks: list[dict[str, Any]]) -> None:
    """Tables that are opened neither."""
    assert {(look["overflow"], look["opened"]) for look in looks} == {(0, 0)}


def test_axe_finds_no_serious_fault(looks: list[dict[str, Any]]) -> None:
    assert [fault for look in looks for fault in look["violations"]] == []


def test_dark_is_dark(looks: list[dict[str, Any]]) -> None:
    grounds = {(look["scheme"], look["background"]) for look in looks}
    assert grounds == {("light", "rgb(246, 245, 241)"), ("dark", "rgb(19, 19, 18)")}


@pytest.mark.parametrize("name", [*LENGTHS, "nasty", "unlimited", "unpriced"])
def test_each_chart_is_drawn_and_can_be_read_as_a_table(told: dict[str, Any], name: str) -> None:
    for look in told["seen"]:
        if look["page"] == name:
            assert look["marks"].keys() == look["tables"].keys() == {"costs", "windows", "calendar"}
            assert all([*look["marks"].values(), *look["tables"].values()])
            assert look["marks"]["calendar"] == look["tables"]["calendar"]


def test_tables_do_not_hide_what_has_no_known_price(told: dict[str, Any]) -> None:
    found = {look["page"]: look["unknown"] for look in told["seen"]}
    assert all(found["unpriced"].values())
    assert not any(found["months"].values())


def test_a_table_begins_with_the_newest(used: dict[str, Any]) -> None:
    assert used["first"] == "Fri 20 Nov 2026"


def test_a_bar_for_each_day_week_or_month(used: dict[str, Any]) -> None:
    bars = used["bars"]
    assert bars["Day"] > bars["Week"] > bars["Month"] > 0


def test_what_was_billed_can_be_seen_alone(used: dict[str, Any]) -> None:
    assert 0 < used["bars"]["Billed"] < used["bars"]["Month"]
    assert used["plan"] == 0
    for told in used["billed"]:
        assert "anthropic" in told
        assert "Subscription" not in told


@pytest.mark.parametrize("chart", ["costs", "windows", "calendar"])
def test_details_are_told_to_a_pointer_a_finger_and_the_keyboard(
    used: dict[str, Any], chart: str
) -> None:
    tip = used["tips"][chart]
    assert tip["hidden"]
    assert "Nov" in tip["hovered"] or "2026" in tip["hovered"]
    assert tip["left"]
    assert tip["tapped"]
    assert tip["last"] != tip["before"]
    assert (tip["shown"], tip["escaped"]) == (True, True)


def test_earlier_windows_can_be_looked_at(used: dict[str, Any]) -> None:
    """And however narrow the page gets, the last ones stay in sight."""
    last, earlier, back, narrow = used["ranges"]
    assert earlier != last == back != narrow
    assert all(label.endswith(" 20 Nov") for label in (last, back, narrow))
    assert used["latest"]


def test_the_theme_can_be_chosen_and_is_kept(used: dict[str, Any]) -> None:
    light, dark, again = used["themes"]
    assert (light[1], dark[1]) == ("Dark", "Light")
    assert light[0] != dark[0]
    assert again == dark


def test_on_paper_it_is_light_and_has_no_buttons(used: dict[str, Any]) -> None:
    """Though dark was chosen."""
    assert used["printed"] == ["rgb(255, 255, 255)", False]


def test_the_browser_lets_it_send_nothing(used: dict[str, Any]) -> None:
    assert used["refused"] == "connect-src"


def test_hostile_names_are_seen_as_they_are(told: dict[str, Any]) -> None:
    assert all(
        name in look["text"]
        for look in told["seen"]
        if look["page"] == "nasty"
        for name in NASTY[:3]
    )
