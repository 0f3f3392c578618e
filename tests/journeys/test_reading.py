"""The reader's desk in the browser: viewports in a layout, the tools, the keys and the fingers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.factories import KAZAKH, ct_series, write_folder
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def study_link(module_node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a study of two series of CT, four and six images."""
    folder = tmp_path_factory.mktemp("study")
    options = {"patient": KAZAKH, "study": "read", "rows": 96, "columns": 96}
    first = ct_series(4, series="first", **options)
    second = ct_series(6, series="second", **options)
    for number, series in enumerate((first, second), start=1):
        for dataset in series:
            dataset.SeriesNumber = number
        write_folder(series, folder / str(number))
    dcmsend(module_node, folder)
    return f"{module_node.web_url}#/study/{first[0].StudyInstanceUID}"


def _open(page: Page, node: NodeProcess, link: str) -> None:
    sign_in(page, node)
    page.goto(link)
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)


def test_series_stand_side_by_side_each_with_an_image_of_its_own(
    module_node: NodeProcess, page: Page, study_link: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    _open(page, module_node, study_link)
    page.keyboard.press("g")
    page.get_by_test_id("layout-1x2").click()
    views = page.get_by_test_id("viewport")
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(2, timeout=30_000)
    expect(views.nth(0)).to_have_attribute("data-image-count", "4")
    expect(views.nth(1)).to_have_attribute("data-image-count", "6")
    views.nth(1).click()
    page.keyboard.press("End")
    expect(views.nth(1)).to_have_attribute("data-image-index", "5")
    expect(views.nth(0)).to_have_attribute("data-image-index", "0")
    page.get_by_test_id("series-thumbnail").first.drag_to(views.nth(1))
    expect(views.nth(1)).to_have_attribute("data-image-count", "4")
    views.nth(0).dblclick()
    panes = page.get_by_test_id("pane")
    expect(panes.nth(0)).to_have_attribute("data-alone", "true")
    assert panes.nth(0).bounding_box() == page.get_by_test_id("stage").bounding_box()
    views.nth(0).dblclick()
    expect(panes.nth(0)).to_have_attribute("data-alone", "false")
