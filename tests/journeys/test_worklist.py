"""A disc is imported from a phone's files, found, read, and taken away again; another desk shows the same list."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_viewer import sign_in
from tests.support.factories import KAZAKH, RUSSIAN, ct_series, mr_series, write_folder
from tests.support.process import NodeProcess
from tests.support.screens.walk import unfold

pytestmark = pytest.mark.browser


def _two_patients_are_merged_and_parted(page: Page) -> None:
    rows, parties = page.get_by_test_id("worklist-row"), page.get_by_test_id("merge-party")
    page.get_by_test_id("select-studies").click()
    for index in (0, 1):
        rows.nth(index).click()
    page.get_by_test_id("selection-merge").click()
    expect(parties).to_have_count(2)
    for patient in (KAZAKH, RUSSIAN):
        expect(parties.filter(has_text=patient.id)).to_contain_text("1 study")
    expect(page.get_by_test_id("merge-differ")).to_be_visible()
    parties.filter(has_text=KAZAKH.id).get_by_test_id("merge-stays").check()
    expect(page.get_by_test_id("merge-explained")).to_contain_text("not called back")
    page.get_by_test_id("merge-reason").fill("two cards")
    expect(page.get_by_test_id("merge-do")).to_be_disabled()
    page.get_by_test_id("merge-sure").check()
    page.get_by_test_id("merge-do").click()
    expect(page.get_by_test_id("merge-done")).to_contain_text("1 study")
    expect(rows.filter(has_text=KAZAKH.id)).to_have_count(2)
    page.get_by_test_id("merge-undo").click()
    expect(parties).to_have_count(2)
    expect(rows.filter(has_text=RUSSIAN.id)).to_have_count(1)
    page.get_by_test_id("merge-close").click()
    page.get_by_test_id("selection-end").click()


def test_a_disc_goes_in_and_a_study_out(module_node: NodeProcess, browser: Browser, page: Page, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    ct = ct_series(3, patient=KAZAKH)
    write_folder(ct, disc / "CT")
    [whole] = write_folder(mr_series(1, patient=RUSSIAN), disc / "MR")
    (disc / "cut.dcm").write_bytes(whole.read_bytes()[:1000])
    (disc / "readme.txt").write_text("no picture")
    (disc / "DICOMDIR").write_bytes(bytes(128) + b"DICM")  # looked at by its name: it is none of the objects
    phone = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True).new_page()
    sign_in(phone, module_node)
    unfold(phone)
    phone.get_by_test_id("import-open").tap()
    expect(phone.get_by_test_id("import-folder")).to_have_js_property("webkitdirectory", True)
    files = [str(path) for path in sorted(disc.rglob("*")) if path.is_file()]
    phone.get_by_test_id("import-files").set_input_files(files)
    expect(phone.get_by_test_id("import-state")).to_have_attribute("data-state", "done", timeout=60_000)
    expect(phone.locator("[data-testid=import-file][data-fate=failed]")).to_contain_text("cut.dcm")
    expect(phone.locator("[data-testid=import-file][data-fate=leftOut]")).to_contain_text("readme.txt")
    expect(phone.locator("[data-testid=import-file][data-fate=notNeeded]")).to_contain_text("DICOMDIR")
    expect(phone.get_by_test_id("import-counts")).to_have_text("4 objects stored · 1 refused · 1 left out")
    expect(phone.get_by_test_id("import-study")).to_have_count(2)
    phone.keyboard.press("Escape")
    expect(phone.get_by_test_id("import-panel")).to_have_count(0)

    sign_in(page, module_node)
    rows = page.get_by_test_id("worklist-row")
    expect(rows).to_have_count(2, timeout=20_000)
    made = "() => { const drag = new DataTransfer(); drag.items.add(new File(['x'], 'loose.txt')); return drag; }"
    dropped = page.evaluate_handle(made)  # as out of an e-mail: a file that lies in no folder
    page.get_by_test_id("worklist").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("[data-testid=import-file][data-fate=leftOut]")).to_contain_text("loose.txt")
    page.get_by_test_id("import-close").click()
    expect(page.get_by_test_id("worklist-count")).to_have_text("2 studies")
    _two_patients_are_merged_and_parted(page)
    day = page.get_by_role("grid").get_by_role("heading")  # both are of one day, whose heading is no study
    expect(day).to_contain_text("23 November 2026")
    page.get_by_test_id("popup-sort").click()
    page.get_by_test_id("sort-own-arrival").check()
    expect(day).to_contain_text("Arrived: Today")
    page.keyboard.press("Escape")
    page.get_by_test_id("sort-images").click()
    expect(day).to_have_count(0)
    expect(rows.first).to_contain_text("3 / 1")
    rows.first.click()
    expect(phone.locator("[data-testid=reading][data-state=reading]")).to_have_count(1, timeout=20_000)
    page.get_by_test_id("mark-read").click()
    dropped = "() => document.body.dispatchEvent(new DragEvent('drop', {cancelable: true, dataTransfer: %s}))"
    assert not page.evaluate(dropped % f"({made})()"), "a file dropped here would take the place of the study"
    expect(phone.locator("[data-testid=reading][data-state=read][data-by=admin]")).to_have_count(1, timeout=20_000)
    page.get_by_test_id("export-open").click()
    page.get_by_test_id("export-series").check()
    expect(page.get_by_test_id("export-one-series")).to_be_checked()  # the one that is looked at
    with page.expect_download() as download:
        page.get_by_test_id("export-link").click()
    expect(page.get_by_test_id("export")).to_have_count(0)
    assert KAZAKH.id in download.value.suggested_filename
    assert len(zipfile.ZipFile(download.value.path()).namelist()) == 3 + 1
    page.get_by_test_id("pictures-open").click()
    page.get_by_test_id("pictures-size-native").check()
    for name in ("texts", "marks", "scale", "letters"):
        page.get_by_test_id(f"pictures-{name}").uncheck()
    with page.expect_download() as download:
        page.get_by_test_id("pictures-take").click()
    assert download.value.suggested_filename == f"CT series {ct[0].SeriesNumber} image 1.png"  # of nobody
    seen = np.asarray(Image.open(download.value.path()).convert("RGB"))
    stored = ct[0].pixel_array + float(ct[0].RescaleIntercept)
    center, width = float(ct[0].WindowCenter), float(ct[0].WindowWidth)
    grey = np.clip((stored - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255
    assert np.abs(seen - grey[..., None]).max() <= 1
    page.get_by_test_id("pictures-close").click()
    page.get_by_test_id("timeline-open").click()
    expect(page.get_by_test_id("timeline-study")).to_have_count(1)
    page.get_by_test_id("timeline-close").click()

    # an image that is rejected is gone for everybody, here at once, and comes back
    image = page.get_by_test_id("viewport")
    uid = image.get_attribute("data-sop-instance-uid") or ""
    found = f"{module_node.dicomweb_url}/instances?SOPInstanceUID={uid}"
    assert len(page.request.get(found).json()) == 1
    saving = page.get_by_test_id("saving-state")
    page.keyboard.press("k")
    page.keyboard.press("Control+s")
    expect(saving).to_have_attribute("data-kind", "saved", timeout=30_000)
    image.click(button="right")
    page.get_by_test_id("context-reject-image").click()
    page.get_by_test_id("rejection-113001").check()
    page.get_by_test_id("rejection-do").click()
    expect(image).to_have_attribute("data-image-count", "2")
    expect(image).not_to_have_attribute("data-sop-instance-uid", uid)
    assert page.request.get(found).text() in ("", "[]")
    page.get_by_test_id("rejection-close").click()
    page.keyboard.press("k")  # of what is left: saved once the reader knows that the other is no key image any more
    page.keyboard.press("Control+s")
    expect(saving).to_have_attribute("data-kind", "held")
    expect(saving).to_contain_text("1 key image was rejected or deleted since")
    page.get_by_test_id("saving-go-on").click()
    expect(saving).to_have_attribute("data-kind", "saved", timeout=30_000)
    image.click(button="right")
    page.get_by_test_id("context-reject-image").click()
    page.get_by_test_id("deletion-restore").click()
    expect(page.get_by_test_id("deletion-entry")).to_have_count(0)
    expect(image).to_have_attribute("data-image-count", "3")
    assert len(page.request.get(found).json()) == 1
    page.get_by_test_id("rejection-close").click()
    page.get_by_test_id("back").click()
    page.get_by_test_id("only-unread").click()
    expect(rows).to_have_count(1)

    # what was chosen here is chosen on another device
    with page.expect_response(lambda answer: '"MR"' in (answer.request.post_data or "")):
        page.get_by_test_id("modality-MR").click()
    other = browser.new_context().new_page()
    sign_in(other, module_node)
    expect(other.get_by_test_id("modality-MR")).to_have_attribute("aria-pressed", "true", timeout=20_000)
    expect(other.locator("[aria-sort=descending]")).to_contain_text("Images")

    # what is corrected or deleted is so for everybody, and comes back
    page.get_by_test_id("select-studies").click()
    rows.first.click()
    page.get_by_test_id("selection-correct").click()
    page.get_by_test_id("correction-owner").fill("nobody")
    page.get_by_test_id("correction-reason").fill("typing error")
    page.get_by_test_id("correction-do").click()
    expect(page.get_by_test_id("correction").locator("form [role=alert]")).to_be_visible()  # where it was pressed
    page.get_by_test_id("correction-owner").fill("")
    page.get_by_test_id("correction-family").fill("Сидоров")
    page.get_by_test_id("correction-reason").fill("typing error")
    page.get_by_test_id("correction-do").click()
    expect(page.get_by_test_id("correction-entry")).to_contain_text("typing error")
    expect(other.get_by_test_id("worklist-row")).to_contain_text("Сидоров", timeout=20_000)
    page.get_by_test_id("correction-undo").click()
    expect(page.get_by_test_id("correction-entry")).to_have_count(0)
    page.get_by_test_id("correction-close").click()
    page.get_by_test_id("selection-delete").click()
    page.get_by_test_id("deletion-reason").fill("sent twice")
    page.get_by_test_id("deletion-do").click()
    expect(page.get_by_test_id("deletion-entry")).to_contain_text("sent twice")
    expect(rows).to_have_count(0)
    expect(other.get_by_test_id("worklist-row")).to_have_count(0, timeout=20_000)
    page.get_by_test_id("deletion-restore").click()
    expect(page.get_by_test_id("deletion-entry")).to_have_count(0)
    expect(other.get_by_test_id("worklist-row")).to_have_count(1, timeout=20_000)
