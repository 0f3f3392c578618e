"""What is no stack of images, in the browser: documents, drawings and marks, each in the form that people read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.fuzz.openapi import fill
from tests.journeys.test_viewer import sign_in
from tests.support.corpus import corpus
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
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
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
    assert wrong == []
