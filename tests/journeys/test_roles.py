"""Who may do what, in the browser: a technologist puts right and takes out of sight, a clinician looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_viewer import dcmsend
from tests.support.factories import KAZAKH, ct_series, write_folder
from tests.support.fingers import Fingers
from tests.support.process import NodeProcess
from tests.support.screens.walk import unfold

pytestmark = pytest.mark.browser

PASSWORD = "seven-quiet-herons"


def _arrive(page: Page, node: NodeProcess, name: str) -> None:
    """A first visit, which leaves the browser's console clean, and a sign-in."""
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(node.web_url)
    page.get_by_test_id("login-name").fill(name)
    page.get_by_test_id("login-password").fill(PASSWORD)
    assert refused == []
    page.get_by_test_id("login-submit").click()
    unfold(page)


def test_each_role_does_what_it_may(module_node: NodeProcess, browser: Browser, page: Page, tmp_path: Path) -> None:
    write_folder(ct_series(2, patient=KAZAKH), tmp_path / "study")
    dcmsend(module_node, tmp_path / "study")
    admin = module_node.authorization("admin")
    for role in ("technologist", "clinician"):
        account = {"name": role, "role": role, "password": PASSWORD, "must_change_password": False}
        assert page.request.post(f"{module_node.web_url}/api/accounts", headers=admin, data=account).status == 201

    # a technologist with a phone corrects a study, rejects an image, and brings it back from the list
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="kk-KZ"
    )
    phone = context.new_page()
    _arrive(phone, module_node, "technologist")
    phone.get_by_test_id("select-studies").tap()
    phone.get_by_test_id("worklist-row").first.tap()
    expect(phone.get_by_test_id("selection-read")).to_have_count(0)
    phone.get_by_test_id("selection-correct").tap()
    said = phone.get_by_test_id("correction-AccessionNumber")
    said.fill("N" * 17)
    phone.get_by_test_id("correction-reason").fill("тексеру")
    phone.get_by_test_id("correction-do").tap()
    expect(phone.get_by_test_id("correction-AccessionNumber-mistake")).to_have_text("Тым ұзын.")
    said.fill("KZ-1")
    phone.get_by_test_id("correction-do").tap()
    phone.get_by_test_id("correction-undo").tap()
    expect(phone.get_by_test_id("correction-entry")).to_have_count(0)
    phone.get_by_test_id("correction-close").tap()
    phone.get_by_test_id("selection-end").tap()
    phone.get_by_test_id("worklist-row").first.tap()
    image = phone.get_by_test_id("viewport")
    expect(image).to_have_attribute("data-image-count", "2", timeout=60_000)
    expect(phone.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
    Fingers(phone).rest((195, 400))
    phone.get_by_test_id("context-reject-image").tap()
    phone.get_by_test_id("rejection-113001").check()
    phone.get_by_test_id("rejection-do").tap()
    expect(image).to_have_attribute("data-image-count", "1")
    phone.get_by_test_id("rejection-close").tap()
    phone.get_by_test_id("back").tap()
    unfold(phone)
    phone.get_by_test_id("select-studies").tap()
    phone.get_by_test_id("selection-delete").tap()
    expect(phone.get_by_test_id("deletion-do")).to_have_count(0)  # deleting is an administrator's
    phone.get_by_test_id("deletion-restore").tap()
    expect(phone.get_by_test_id("deletion-entry")).to_have_count(0)
    context.close()

    # a clinician sees all of it and is offered none of that
    page.set_viewport_size({"width": 1440, "height": 900})
    _arrive(page, module_node, "clinician")
    expect(page.get_by_test_id("import-open")).to_have_count(0)
    page.get_by_test_id("select-studies").click()
    page.get_by_test_id("worklist-row").first.click()
    expect(page.get_by_test_id("export-selected")).to_be_visible()
    for name in ("selection-correct", "selection-delete", "selection-read"):
        expect(page.get_by_test_id(name)).to_have_count(0)
    page.get_by_test_id("selection-end").click()
    page.get_by_test_id("worklist-row").first.click()
    image = page.get_by_test_id("viewport")
    expect(image).to_have_attribute("data-image-count", "2", timeout=60_000)
    expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
    image.click(button="right")
    expect(page.get_by_test_id("context-invert")).to_be_visible()
    expect(page.get_by_test_id("context-reject-image")).to_have_count(0)
    page.keyboard.press("Escape")
    # the browser's Back closes a menu, a popup and a dialog, and what was closed otherwise is not in its way
    _stands_over(page, 0)
    page.get_by_test_id("tool-view").click()
    _stands_over(page, 1)
    page.go_back()
    expect(page.get_by_role("menu")).to_have_count(0)
    page.keyboard.press("F1")
    expect(page.get_by_test_id("help-sheet")).to_be_visible()
    page.keyboard.press("Escape")
    _stands_over(page, 0)
    page.go_back()
    for opens, name in (("popup-sort", "popup-sort-content"), ("device-open", "device-panel")):
        page.get_by_test_id(opens).click()
        expect(page.get_by_test_id(name)).to_be_visible()
        _stands_over(page, 1)
        page.go_back()
        expect(page.get_by_test_id(name)).to_have_count(0)
    expect(page.get_by_test_id("worklist-row").first).to_be_visible()


def _stands_over(page: Page, layers: int) -> None:
    """So many entries of the history are of what stands over the page; the browser takes a moment to leave one."""
    for _ in range(250):
        if page.evaluate("history.state?.layers ?? 0") == layers:
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"{layers} should stand over the page")
