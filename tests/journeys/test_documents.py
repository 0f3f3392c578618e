"""What is no stack of images, in the browser: documents, drawings and marks, each in the form that people read."""

from __future__ import annotations

import base64
import copy

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.fuzz.openapi import fill
from tests.journeys.test_viewer import sign_in
from tests.support.canvas import Fit
from tests.support.corpus import corpus, corpus_folder
from tests.support.factories import part10, structured_report, us_cine
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser

INK = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def opened(page: Page, node: NodeProcess, *beginnings: str) -> list[str]:
    """Store the files whose names begin so and open their study; what the page complains of is collected."""
    files = [one.path.read_bytes() for one in corpus() if one.name.startswith(beginnings)]
    study = fill(node, files)[0]["study"]
    wrong: list[str] = []
    wanted = ("Content Security Policy", "Failed to load resource")  # nothing is asked for that there is none of
    page.on("console", lambda said: wrong.append(said.text) if any(one in said.text for one in wanted) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{node.web_url}#/study/{study}")
    return wrong


def test_documents_are_read(module_node: NodeProcess, page: Page, test_data: object) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, module_node)
    wrong = opened(page, module_node, "pdf-sr/dcmjs-dimse/datasets/pdf.dcm")
    sheet = page.get_by_test_id("pdf-page").first
    expect(sheet).to_have_attribute("data-drawn", "true", timeout=60_000)
    assert sheet.locator("canvas").evaluate(INK) > 100, "the page is blank"
    expect(sheet.get_by_text("What is DICOM?")).to_be_attached()
    with page.expect_download() as saved:
        page.get_by_test_id("document-save").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    wrong += opened(page, module_node, "pydicom-wheel/pydicom/waveform_ecg.dcm")
    drawing = page.get_by_test_id("waveform")
    expect(drawing).to_have_attribute("data-ready", "true", timeout=30_000)
    before = drawing.bounding_box()
    page.get_by_test_id("zoom-true").click()
    expect(page.get_by_test_id("zoom-value")).to_have_text("100 %")
    after = drawing.bounding_box()
    assert before
    assert after
    assert before["width"] <= 390 < after["width"]
    _among_images(page, module_node)
    assert wrong == []


def _among_images(page: Page, node: NodeProcess) -> None:
    """A report in the series of two loops, which it came before: each of the three is opened by itself."""
    loops = [us_cine(study="clips", number=number, frames=3) for number in (1, 2)]
    report = structured_report(study="clips", series="us", number=3)
    study = fill(node, [part10(one) for one in (report, *loops)])[0]["study"]
    page.goto(f"{node.web_url}#/study/{study}")
    parts = page.get_by_test_id("series-part")
    expect(parts).to_have_count(3, timeout=30_000)
    for loop in (parts.nth(0), parts.nth(1)):
        expect(loop.locator("img")).not_to_have_js_property("naturalWidth", 0, timeout=30_000)
    parts.nth(1).click()
    expect(page.get_by_test_id("viewport")).to_have_attribute("data-image-index", "3")
    expect(parts.nth(1)).to_have_attribute("aria-current", "true")
    parts.nth(2).click()
    expect(page.get_by_test_id("document")).to_contain_text("No focal lesion.")
    page.get_by_test_id("document-images").click()
    expect(page.get_by_test_id("viewport")).to_have_attribute("data-image-count", "6")


LIVER = "dcmqi/dcmqi/data/segmentations"
MARKS = """() => {
  const canvas = document.querySelector("[data-testid=marks]");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let at = 3; at < data.length; at += 4) text += String.fromCharCode(data[at]);
  return [canvas.width, canvas.height, btoa(text)];
}"""


def _opacities(page: Page) -> NDArray[np.uint8]:
    """Of every pixel of what is drawn over the image."""
    width, height, content = page.evaluate(MARKS)
    return np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width)


def test_a_segmentation_lies_where_its_object_says(module_node: NodeProcess, page: Page, test_data: object) -> None:
    page.set_viewport_size({"width": 900, "height": 700})
    sign_in(page, module_node)
    wrong = opened(page, module_node, f"{LIVER}/ct-3slice/", f"{LIVER}/liver.dcm")
    segmentation = pydicom.dcmread(corpus_folder() / LIVER / "liver.dcm")
    frames = {
        round(float(group.PlanePositionSequence[0].ImagePositionPatient[2]), 3): mask
        for group, mask in zip(segmentation.PerFrameFunctionalGroupsSequence, segmentation.pixel_array, strict=True)
    }
    places = {
        str(image.SOPInstanceUID): round(float(image.ImagePositionPatient[2]), 3)
        for image in (pydicom.dcmread(one.path) for one in corpus() if one.name.startswith(f"{LIVER}/ct-3slice/"))
    }
    page.locator(f'[data-series-uid="{segmentation.SeriesInstanceUID}"]').click()
    marks = page.get_by_test_id("marks")
    expect(marks).to_have_attribute("data-painted", "1", timeout=60_000)
    view = page.get_by_test_id("viewport")
    place = page.locator(".canvas-place").bounding_box()
    assert place is not None
    seen = []
    for key in ("Home", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        uid = view.get_attribute("data-sop-instance-uid") or ""
        page.wait_for_function(
            "uid => document.querySelector('[data-testid=marks]').dataset.changed.startsWith(uid)"
            " && document.querySelector('[data-testid=marks]').dataset.changed.endsWith('true')",
            arg=uid,
        )
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        drawn = _opacities(page)
        mask = frames[places[uid]]
        fit = Fit(place["width"], place["height"], mask.shape[1], mask.shape[0], 1.0)
        y, x = np.mgrid[0 : drawn.shape[0], 0 : drawn.shape[1]]
        columns, rows = fit.pixel(x + 0.5, y + 0.5)
        inside = (columns > -0.4) & (rows > -0.4) & (columns < mask.shape[1] - 0.6) & (rows < mask.shape[0] - 0.6)
        wanted = mask[np.rint(rows[inside]).astype(int), np.rint(columns[inside]).astype(int)] > 0
        # where a screen pixel lies on the border of two, either is right
        border = np.abs(columns[inside] % 1 - 0.5) + 0.0 < 0.02
        border |= np.abs(rows[inside] % 1 - 0.5) < 0.02
        assert not ((drawn[inside] > 0) != wanted)[~border].any()
        assert not drawn[~inside & ((columns < -0.6) | (rows < -0.6))].any()
        seen.append(int(wanted.sum()))
    assert min(seen) > 1000
    page.get_by_test_id("marks-button").click()
    page.get_by_test_id("marks-part").uncheck()
    expect(marks).to_have_attribute("data-painted", "0")
    assert not _opacities(page).any()
    # another one, that lies among the images: it is offered too, and is no image of theirs
    among = copy.deepcopy(segmentation)
    among.SeriesInstanceUID = view.get_attribute("data-series-uid")
    among.SOPInstanceUID = among.file_meta.MediaStorageSOPInstanceUID = f"{segmentation.SOPInstanceUID}.1"
    fill(module_node, [part10(among)])
    expect(page.get_by_test_id("marks-entry")).to_have_count(2)
    expect(view).to_have_attribute("data-image-count", "3")
    page.get_by_test_id("marks-entry").nth(1).get_by_test_id("marks-shown").check()
    expect(marks).to_have_attribute("data-painted", "1")
    assert wrong == []


SLIDE = """() => {
  const canvas = document.querySelector("[data-testid=slide] canvas");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return [canvas.width, canvas.height, btoa(text)];
}"""


def test_a_whole_slide_is_put_together_from_its_tiles(module_node: NodeProcess, page: Page, test_data: object) -> None:
    page.set_viewport_size({"width": 900, "height": 700})
    sign_in(page, module_node)
    wrong = opened(page, module_node, "seg-sr-sm/highdicom/sm_image.dcm")
    slide = page.get_by_test_id("slide")
    expect(slide).to_have_attribute("data-missing", "0", timeout=60_000)
    page.wait_for_timeout(300)
    dataset = pydicom.dcmread(corpus_folder() / "seg-sr-sm/highdicom/sm_image.dcm")
    across = -(-dataset.TotalPixelMatrixColumns // dataset.Columns)
    whole = np.vstack(
        [np.hstack(row) for row in dataset.pixel_array.reshape(-1, across, *dataset.pixel_array.shape[1:])]
    )
    width, height, content = page.evaluate(SLIDE)
    shown = np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)[:, :, :3].astype(float)
    scale, x, y = (float(slide.get_attribute(f"data-{name}") or "nan") for name in ("scale", "x", "y"))
    rows, columns = np.mgrid[0 : whole.shape[0], 0 : whole.shape[1]]
    at_y = np.rint(height / 2 + (rows + 0.5 - y) * scale).astype(int)
    at_x = np.rint(width / 2 + (columns + 0.5 - x) * scale).astype(int)
    difference = np.abs(shown[at_y, at_x] - whole)
    assert float(difference.mean()) < 6  # the node's pictures are lossy
    page.get_by_test_id("zoom-in").click()
    assert float(slide.get_attribute("data-scale") or 0) == pytest.approx(scale * 1.5)
    assert float(page.get_by_test_id("slide-bar").get_attribute("data-mm") or 0) > 0
    expect(page.get_by_test_id("tool-length")).to_have_count(0)  # tools that would do nothing
    expect(page.get_by_test_id("tool-invert")).to_be_enabled()
    assert wrong == []
