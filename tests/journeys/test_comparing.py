"""Priors in the browser: found by patient, side by side in one click, with the distance in time and one window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.factories import KAZAKH, ct_series, write_folder
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser


def test_a_prior_stands_beside_what_is_read(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    now = ct_series(4, patient=KAZAKH, study="now", StudyDate="20260301")
    before = ct_series(3, patient=KAZAKH, study="before", StudyDate="20250901")
    doubtful = ct_series(2, patient=KAZAKH, study="doubtful", StudyDate="20200101", PatientName="Other^Boris")
    stranger = ct_series(2, patient=KAZAKH, study="stranger", StudyDate="20200101", PatientID="SOMEBODY-ELSE")
    namesake = ct_series(2, patient=KAZAKH, study="namesake", StudyDate="20200101", IssuerOfPatientID="ELSEWHERE")
    for number, series in enumerate((now, before, doubtful, stranger, namesake)):
        write_folder(series, tmp_path / str(number))
    dcmsend(module_node, tmp_path)
    page.set_viewport_size({"width": 1520, "height": 900})  # less has no room for the note beside a doubt
    sign_in(page, module_node)
    _saved_in_the_prior(page, module_node, before)
    page.goto(f"{module_node.web_url}#/study/{now[0].StudyInstanceUID}")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    alone = _pixels_per_millimetre(page, 0)
    expect(page.get_by_test_id("prior-note")).to_contain_text("2 earlier examinations")
    page.get_by_test_id("prior-note").click()
    priors = page.get_by_test_id("prior")
    expect(priors).to_have_count(2)
    expect(priors.nth(0)).to_contain_text("6 months earlier")
    expect(priors.nth(1)).to_contain_text("Another patient? Other Boris")
    page.keyboard.press("Escape")
    page.get_by_test_id("timeline-open").click()  # by the same rule
    expect(page.get_by_test_id("timeline-study")).to_have_count(3)
    expect(page.get_by_test_id("timeline-doubtful")).to_have_text(["Another patient? Other Boris"])
    page.get_by_test_id("timeline-close").click()
    page.get_by_test_id("tool-compare").click()
    priors.nth(0).click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(2, timeout=30_000)
    views = page.get_by_test_id("viewport")
    expect(views.nth(0)).to_have_attribute("data-image-count", "4")
    expect(views.nth(1)).to_have_attribute("data-image-count", "3")
    expect(views.nth(1).get_by_test_id("other-study")).to_have_text("6 months earlier")
    expect(views.nth(0).get_by_test_id("other-study")).to_have_count(0)
    expect(page.get_by_test_id("other-patient")).to_have_count(0)
    _what_was_saved_in_the_prior_is_shown_and_left_alone(page)
    _the_rulers_tell_the_size_on_the_screen(page, alone)
    _both_are_scrolled_together(page)
    page.reload()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(2, timeout=60_000)
    expect(views.nth(1)).to_have_attribute("data-image-count", "3")
    page.get_by_test_id("tool-preset").click()
    page.get_by_test_id("preset-lung").click()
    for view in (views.nth(0), views.nth(1)):
        expect(view).to_have_attribute("data-window-width", "1500")
    beside = page.get_by_test_id("series-beside")
    expect(beside).to_contain_text("6 months earlier")
    expect(beside.get_by_test_id("series-thumbnail"), "images, and what was saved in it").to_have_count(3)
    views.nth(1).click()
    page.locator(".series-strip > [data-testid=series-thumbnail]").first.click()
    expect(views.nth(1), "a series of what is read takes no place of the prior").to_have_attribute(
        "data-image-count", "3"
    )
    views.nth(1).click()
    page.get_by_test_id("tool-compare").click()
    priors.nth(1).click()
    expect(views.nth(0), "what is read stays").to_have_attribute("data-image-count", "4")
    expect(views.nth(1).get_by_test_id("other-patient")).to_contain_text("Boris")
    page.get_by_test_id("tool-compare").click()
    page.get_by_test_id("hanging-beside").click()
    page.goto(module_node.web_url)
    page.locator(f"[data-study-uid='{now[0].StudyInstanceUID}']").click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(2, timeout=60_000)
    expect(views.nth(1), "the newest that is surely the patient's").to_have_attribute("data-image-count", "3")
    expect(page).to_have_url(re.compile(rf"\?beside={before[0].StudyInstanceUID}$"))


def _saved_in_the_prior(page: Page, node: NodeProcess, images: list[Dataset]) -> None:
    """A length on every image of a study, and each of them marked."""
    marked = [{"series_instance_uid": one.SeriesInstanceUID, "sop_instance_uid": one.SOPInstanceUID} for one in images]
    figures = [{"name": "length", "value": 30.0, "unit": "mm"}]
    drawn = {"kind": "length", "points": [[10, 10], [40, 40]], "figures": figures}
    lengths = [one | drawn | {"tracking_uid": f"2.25.{number}"} for number, one in enumerate(marked, 1)]
    for what, body in (("measurements", {"measurements": lengths}), ("key-images", {"images": marked})):
        url = f"{node.web_url}/api/studies/{images[0].StudyInstanceUID}/{what}"
        answer = page.request.post(url, data=body, headers={"X-Suret": "1"})
        assert answer.status == 201, answer.text()


def _what_was_saved_in_the_prior_is_shown_and_left_alone(page: Page) -> None:
    views = page.get_by_test_id("viewport")
    dashed = 'svg line[stroke-dasharray="6,4"]'
    for index, count in ((0, 0), (1, 1)):
        expect(views.nth(index).locator(dashed)).to_have_count(count, timeout=20_000)
        expect(views.nth(index).get_by_test_id("key-image")).to_have_count(count)
    views.nth(1).click()
    page.keyboard.press("Delete")
    expect(views.nth(1).locator(dashed)).to_have_count(1)
    expect(page.get_by_test_id("tool-save")).to_have_attribute("data-unsaved", "false")
    views.nth(0).click()


def _pixels_per_millimetre(page: Page, index: int) -> float:
    ruler = page.get_by_test_id("ruler").nth(index)
    expect(ruler).to_be_visible()
    return float(ruler.get_attribute("data-pixels") or "") / float(ruler.get_attribute("data-millimetres") or "")


def _the_rulers_tell_the_size_on_the_screen(page: Page, alone: float) -> None:
    """Half as wide a viewport shows the image smaller, and its ruler with it: without touching anything."""
    sizes = [view.bounding_box() for view in page.get_by_test_id("viewport").all()]
    assert sizes[0]
    assert sizes[0]["width"] < sizes[0]["height"]
    expected = alone * sizes[0]["width"] / sizes[0]["height"]
    for index in (0, 1):
        assert _pixels_per_millimetre(page, index) == pytest.approx(expected, rel=0.02)


def _both_are_scrolled_together(page: Page) -> None:
    marks, views = page.get_by_test_id("link-mark"), page.get_by_test_id("viewport")
    expect(marks).to_have_count(2)
    expect(marks.first).to_have_attribute("aria-pressed", "true")
    expect(marks.nth(1), "an offset of nothing is not told").to_have_text("Scrolled together by distance")
    views.nth(0).hover()
    page.mouse.wheel(0, 100)
    for view in (views.nth(0), views.nth(1)):
        expect(view).to_have_attribute("data-image-index", "1")


def test_the_display_is_judged_by_a_pattern(module_node: NodeProcess, page: Page) -> None:
    sign_in(page, module_node)
    page.get_by_test_id("popup-account").click()
    page.get_by_test_id("display-link").click()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_test_id("not-for-diagnosis")).to_be_visible()
    page.wait_for_function("""() => {
      const canvas = document.querySelector("[data-testid=test-pattern]");
      const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(data).size > 150;
    }""")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.reload()  # by its address: with its own styles
    page.get_by_test_id("size-reference").select_option("cardShort")
    page.get_by_test_id("size-slider").fill("250")
    page.get_by_test_id("size-keep").click()
    width = (page.get_by_test_id("size-bar").bounding_box() or {})["width"]
    known = float(page.get_by_test_id("size-state").get_attribute("data-per-mm") or "nan")
    assert known == pytest.approx(width / 53.98, rel=0.002)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
