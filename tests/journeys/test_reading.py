"""The reader's desk in the browser: viewports in a layout, the tools, the keys and the fingers."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import httpx2
import pydicom
import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.factories import KAZAKH, ct_series, mr_series, write_folder
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
            dataset.SeriesDescription = ("First", "Second")[number - 1]
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
    stage = page.get_by_test_id("stage")
    expect(stage).to_have_attribute("data-layout", "1x2")  # as the protocol for CT hangs two series
    _own_protocol(page)
    page.keyboard.press("g")
    page.get_by_test_id("hanging-none").click()
    expect(stage).to_have_attribute("data-layout", "1x1")
    page.reload()  # the choice is remembered
    expect(stage).to_have_attribute("data-layout", "1x1")
    expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
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


def _own_protocol(page: Page) -> None:
    """One of the reader's own: it hangs at once and when the study is opened again, until it is removed."""
    stage = page.get_by_test_id("stage")
    views = page.get_by_test_id("viewport")
    page.keyboard.press("g")
    page.get_by_test_id("hanging-new").click()
    editor = page.get_by_test_id("hanging-editor")
    editor.get_by_test_id("hanging-save").click()
    expect(editor.get_by_role("alert"), "a protocol without a name is refused in words").to_be_visible()
    editor.get_by_test_id("hanging-name").fill("Newest above")
    editor.get_by_label("Rows").select_option("2")
    editor.get_by_label("Columns").select_option("1")
    editor.get_by_test_id("hanging-words-1").fill("SECOND")
    editor.get_by_test_id("hanging-words-2").fill("first")
    editor.get_by_test_id("hanging-save").click()
    for again in (page.reload, lambda: None):
        expect(stage).to_have_attribute("data-layout", "2x1")
        expect(views.nth(0)).to_have_attribute("data-image-count", "6", timeout=30_000)
        expect(views.nth(1)).to_have_attribute("data-image-count", "4", timeout=30_000)
        again()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(2, timeout=60_000)
    page.keyboard.press("g")
    expect(page.get_by_test_id("hanging-own")).to_have_attribute("aria-checked", "true")
    page.get_by_test_id("hanging-edit").click()
    page.get_by_test_id("hanging-remove").click()
    page.keyboard.press("g")
    expect(page.get_by_test_id("hanging-own")).to_have_count(0)
    page.keyboard.press("Escape")


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def test_the_tools_of_the_desk(module_node: NodeProcess, page: Page, study_link: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    _open(page, module_node, study_link)
    page.keyboard.press("g")
    page.get_by_test_id("layout-1x1").click()
    view = page.get_by_test_id("viewport").first
    expect(page.get_by_test_id("quality").first).to_have_attribute("data-quality", "full")
    box = view.bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    texts = page.locator(".svg-layer text")
    page.keyboard.press("q")
    _drag(page, (middle[0] - 60, middle[1] - 40), middle)
    expect(texts).to_have_count(1)
    expect(texts.first).to_contain_text("HU")
    page.keyboard.press("a")
    for x, y in ((-60, 60), (0, 60), (0, 100)):
        page.mouse.click(middle[0] + x, middle[1] + y)
    expect(texts.nth(1)).to_contain_text("90°")
    page.keyboard.press("Control+z")
    expect(texts).to_have_count(1)
    page.get_by_test_id("tool-measure").click()
    page.get_by_test_id("tool-arrow").click()
    _drag(page, (middle[0] + 90, middle[1] + 90), (middle[0] + 150, middle[1] + 120))
    page.get_by_test_id("text-field").fill("Ошақ")
    page.keyboard.press("Enter")
    expect(texts.nth(1)).to_contain_text("Ошақ")
    page.keyboard.press("Control+z")
    expect(texts).to_have_count(1)
    page.keyboard.press("Control+y")
    expect(texts).to_have_count(2)

    expect(page.get_by_test_id("ruler")).to_have_count(1)
    letters = [page.get_by_test_id(f"orientation-{side}") for side in ("left", "top")]
    for key, expected in (("]", "PR"), ("h", "AR"), ("r", "RA")):  # a quarter right, then left and right changed
        page.keyboard.press(key)
        for letter, text in zip(letters, expected, strict=True):
            expect(letter).to_have_text(text)
    page.keyboard.press("k")
    expect(page.get_by_test_id("key-image")).to_have_count(1)
    page.keyboard.press("Space")
    expect(page.get_by_test_id("cine-bar")).to_have_attribute("data-playing", "true")
    expect(page.get_by_test_id("key-image")).to_have_count(0)  # of the first image, which has gone by
    page.keyboard.press("Space")
    page.keyboard.press("End")  # the loop may have come round to the first image
    page.keyboard.press("u")
    expect(texts).to_have_count(0)
    page.mouse.click(middle[0] + 20, middle[1] - 60)
    expect(texts).to_have_count(1)
    expect(texts).to_contain_text("HU")
    page.keyboard.press("Delete")
    expect(texts).to_have_count(0)
    page.keyboard.press("e")
    page.keyboard.down("Control")
    _drag(page, middle, (middle[0] + 40, middle[1] + 30))
    page.keyboard.up("Control")
    expect(texts, "from its centre").to_contain_text("HU")
    page.keyboard.press("Delete")
    expect(texts).to_have_count(0)
    page.keyboard.press("Tab")  # an image keeps no key that is not its own
    expect(page.locator(":is(.viewport, .canvas-place):focus")).to_have_count(0)
    page.keyboard.press("w")
    page.get_by_test_id("tool-view").click()
    page.keyboard.press("?")  # of a menu too
    expect(page.get_by_test_id("help-sheet")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("help-sheet")).to_have_count(0)
    _what_was_measured_is_saved(page)


def _what_was_measured_is_saved(page: Page) -> None:
    """Nobody leaves without it, and it is there again with the same words when the study is opened anew."""
    save = page.get_by_test_id("tool-save")
    expect(save).to_have_attribute("data-unsaved", "true")
    page.keyboard.press("Home")
    texts = page.locator(".svg-layer text")
    expect(texts).to_have_count(2)
    told = sorted(texts.all_text_contents())
    page.get_by_test_id("back").click()
    page.get_by_test_id("leave-stay").click()
    page.context.clear_cookies()
    page.keyboard.press("Control+s")  # the session has ended meanwhile: what was measured waits for its reader
    expect(page.get_by_test_id("login-name")).to_have_value("admin")
    expect(page.get_by_test_id("stage")).to_be_hidden()
    page.get_by_test_id("login-password").fill(NodeProcess.admin_password)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("saving-notice")).to_be_visible()
    assert sorted(texts.all_text_contents()) == told
    page.keyboard.press("Control+s")
    expect(save).to_have_attribute("data-unsaved", "false", timeout=30_000)
    page.reload()
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(texts).to_have_count(2)
    assert sorted(texts.all_text_contents()) == told
    expect(page.get_by_test_id("key-image")).to_have_count(1)
    expect(save).to_have_attribute("data-unsaved", "false")
    view = page.get_by_test_id("viewport").first
    before = view.get_attribute("data-window-center")
    box = view.bounding_box()
    assert box
    corner = (box["x"] + box["width"] / 2 - 60, box["y"] + box["height"] / 2 - 40)
    _drag(page, corner, (corner[0] + 30, corner[1] + 50))  # on the corner of the region, with the window in hand
    expect(view).not_to_have_attribute("data-window-center", before or "")
    assert sorted(texts.all_text_contents()) == told


_SAVES_AS_THE_HAND_COMES_OFF = """
let left = 0;
globalThis.saveAfter = (times) => { left = times; };
addEventListener("mouseup", () => {
  left -= 1;
  const saves = new KeyboardEvent("keydown", { code: "KeyS", key: "s", ctrlKey: true, bubbles: true });
  if (left === 0) document.dispatchEvent(saves);
});
"""
_REGION = {"Area", "Mean", "Standard Deviation", "Minimum", "Maximum"}
_STROKES: Mapping[str, tuple[tuple[tuple[tuple[int, int], ...], ...], set[str]]] = {
    "length": ((((0, 0), (60, 0)),), {"Length"}),
    "bidirectional": ((((0, 20), (60, 20)),), {"Long Axis", "Short Axis"}),
    "angle": ((((0, 40),), ((0, 80),), ((60, 80),)), {"Angle"}),
    "cobb": ((((0, 0), (60, 0)), ((0, 40), (50, 80))), {"Cobb angle"}),
    "ellipse": ((((-120, -100), (-90, -80)),), _REGION),
    "rectangle": ((((-120, 100), (-60, 140)),), _REGION),
    "freehand": ((((-160, 0), (-100, 0), (-100, 60), (-160, 60), (-160, 3)),), _REGION),
    "probe": ((((-160, 120),),), {"Attenuation Coefficient"}),
}
"""What a hand does, and what a report says of it."""


def _report(node: NodeProcess, link: str, made: Mapping[str, str]) -> Dataset:
    study = link.rsplit("/", 1)[1]
    url = (
        f"{node.dicomweb_url}/studies/{study}/series/{made['series_instance_uid']}/instances/{made['sop_instance_uid']}"
    )
    headers = {**node.authorization("radiologist"), "Accept": 'multipart/related; type="application/dicom"'}
    body = httpx2.get(url, headers=headers).content
    return pydicom.dcmread(BytesIO(body[body.index(b"DICM") - 128 :]))


def _figures_of(report: Dataset) -> dict[str, set[str]]:
    """Of every measurement, by the name of its tool, what its figures are called."""
    containers = [item for item in report.ContentSequence if item.ValueType == "CONTAINER"]
    groups = [group for item in containers for group in item.ContentSequence if group.ValueType == "CONTAINER"]
    return {
        next(item.TextValue for item in group.ContentSequence if item.ValueType == "TEXT"): {
            item.ConceptNameCodeSequence[0].CodeMeaning for item in group.ContentSequence if item.ValueType == "NUM"
        }
        for group in groups
    }


def test_what_is_saved_as_the_hand_comes_off_has_its_figures(
    module_node: NodeProcess, page: Page, study_link: str
) -> None:
    page.add_init_script(_SAVES_AS_THE_HAND_COMES_OFF)
    page.set_viewport_size({"width": 1440, "height": 900})
    _open(page, module_node, study_link)
    page.keyboard.press("g")
    page.get_by_test_id("layout-1x1").click()
    page.get_by_test_id("series-thumbnail").nth(1).click()
    view = page.get_by_test_id("viewport").first
    expect(view).to_have_attribute("data-image-count", "6")
    expect(page.get_by_test_id("quality").first).to_have_attribute("data-quality", "full")
    box = view.bounding_box()
    assert box
    page.keyboard.press("Home")
    for index, (tool, (strokes, figures)) in enumerate(_STROKES.items()):
        if index not in (0, 4):
            page.keyboard.press("ArrowDown" if index < 4 else "ArrowUp")  # there and back, two on each image
        expect(view).to_have_attribute("data-image-index", str(min(index, 7 - index)))
        page.get_by_test_id("tool-measure").click()
        page.get_by_test_id(f"tool-{tool}").click()
        page.evaluate("times => globalThis.saveAfter(times)", len(strokes))
        with page.expect_response(lambda answer: answer.url.endswith("/measurements")) as answered:
            for places in strokes:
                (x, y), *others = (
                    (box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y) for x, y in places
                )
                page.mouse.move(x, y)
                page.mouse.down()
                for x, y in others:
                    page.mouse.move(x, y, steps=4)
                page.mouse.up()
        assert answered.value.ok, (tool, answered.value.text())
        saved = _figures_of(_report(module_node, study_link, answered.value.json()))
        assert list(saved.values())[-1] == figures, (tool, saved)
        expect(page.get_by_test_id("tool-save")).to_have_attribute("data-unsaved", "false")


def test_stacks_of_one_patient_know_each_other(
    module_node: NodeProcess, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("planes")
    axial = [ct_series(count, study="planes", series=f"{count} axial", rows=96, columns=96) for count in (6, 12)]
    sagittal = mr_series(5, study="planes", rows=96, columns=96)
    for number, series in enumerate((*axial, sagittal), start=1):
        for dataset in series:
            dataset.SeriesNumber = number
            dataset.FrameOfReferenceUID = axial[0][0].FrameOfReferenceUID
            if series is sagittal:
                dataset.ImagePositionPatient = [dataset.ImagePositionPatient[0] + 60, 0.0, 40.0]
        write_folder(series, folder / str(number))
    dcmsend(module_node, folder)
    page.set_viewport_size({"width": 1440, "height": 900})
    _open(page, module_node, f"{module_node.web_url}#/study/{sagittal[0].StudyInstanceUID}")
    page.keyboard.press("g")
    page.get_by_test_id("layout-1x3").click()
    expect(page.locator("[data-quality=full]")).to_have_count(3, timeout=30_000)
    expect(page.get_by_test_id("reference-line")).to_have_count(1)  # of the first, on the sagittal image
    views = page.get_by_test_id("viewport")
    page.keyboard.press("End")  # the protocol has them scrolled together
    expect(views.nth(0)).to_have_attribute("data-image-index", "5")
    expect(views.nth(1)).to_have_attribute("data-image-index", "5")  # of twelve: at the same place
    expect(views.nth(2)).to_have_attribute("data-image-index", "0")
    page.keyboard.press("b")
    expect(page.get_by_test_id("link-mark").first).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("x")
    views.nth(2).click()
    expect(page.get_by_test_id("cross-mark")).to_have_count(3)
