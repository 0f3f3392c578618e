"""A phone in a Kyrgyz reader's hand: fingers on the image, an earlier study beside it, and keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.factories import KAZAKH, KYRGYZ, ct_series, write_folder
from tests.support.fingers import Fingers
from tests.support.inspection import axe, inspect
from tests.support.process import NodeProcess
from tests.support.screens.walk import unfold

pytestmark = pytest.mark.browser

UPRIGHT, LYING = {"width": 360, "height": 640}, {"width": 640, "height": 360}


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=UPRIGHT, has_touch=True, is_mobile=True, locale="ky-KG") as context:
        yield context.new_page()


def _number(view: Locator, name: str) -> float:
    return float(view.get_attribute(name) or "nan")


def _nothing_is_squeezed(page: Page) -> None:
    """The page is not wider than the screen, the image has its part, what is tapped is large enough (WCAG 2.5.8)."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator("[data-testid=pane][data-active=true] [data-testid=viewport]").bounding_box()
    size = page.viewport_size
    assert box
    assert size
    assert box["width"] * box["height"] > 0.3 * size["width"] * size["height"]
    small = page.evaluate("""[...document.querySelectorAll('button, a[href], input, select')]
        .map((one) => [one.getBoundingClientRect(), one.dataset.testid ?? one.className])
        .filter(([box]) => box.width > 1 && (box.width < 24 || box.height < 24)).map(([, name]) => name)""")
    assert small == []


def _the_list_has_the_screen(page: Page) -> None:
    """Upright most of it; on its side a whole row at least: what narrows the list is folded away."""
    row = page.get_by_test_id("worklist-row").first
    expect(row.get_by_test_id("row-timeline")).to_have_text(re.compile("Бардык изилдөөлөр"))
    for size, most in ((UPRIGHT, 0.65), (LYING, 1)):
        page.set_viewport_size(size)
        expect(page.get_by_test_id("modality-CT")).to_be_hidden()
        box = row.bounding_box()
        assert box
        assert box["y"] + box["height"] < most * size["height"], size
    page.set_viewport_size(UPRIGHT)
    expect(row.get_by_text("Test Hospital")).to_be_hidden()
    page.get_by_test_id("filters-fold").click()
    page.get_by_test_id("popup-columns").click()
    page.get_by_test_id("column-institution").check()
    page.keyboard.press("Escape")
    page.get_by_test_id("filters-done").click()
    expect(row.get_by_text("Test Hospital")).to_be_visible()


def test_a_study_is_read_with_fingers(module_node: NodeProcess, phone: Page, tmp_path: Path) -> None:
    now = [
        *ct_series(4, patient=KYRGYZ, study="now", series="a", StudyDate="20260301", SeriesNumber=1),
        *ct_series(6, patient=KYRGYZ, study="now", series="b", StudyDate="20260301", SeriesNumber=2),
    ]
    before = ct_series(3, patient=KYRGYZ, study="before", StudyDate="20250901")
    for number, series in enumerate((now, before)):
        write_folder(series, tmp_path / str(number))
    dcmsend(module_node, tmp_path)
    sign_in(phone, module_node)
    _the_list_has_the_screen(phone)
    held: list[Route] = []
    phone.route("**/metadata*", lambda route: held.append(route))
    phone.goto(f"{module_node.web_url}#/study/{now[0].StudyInstanceUID}")
    early = phone.get_by_test_id("first-picture")
    expect(early.get_by_role("img")).to_be_visible(timeout=30_000)
    place = early.bounding_box()
    phone.unroute("**/metadata*")  # lets go of them
    view = phone.locator("[data-testid=pane][data-active=true] [data-testid=viewport]")
    ready = phone.locator("[data-testid=pane][data-active=true] [data-testid=viewport-state]")
    expect(ready).to_have_attribute("data-state", "ready", timeout=60_000)
    assert view.bounding_box() == place, "the picture moves when the images are known"
    expect(view).to_have_attribute("data-image-count", "4")
    fingers = Fingers(phone)

    window = _number(view, "data-window-width")
    fingers.stroke(((100, 200), (220, 210)), steps=12, pause_ms=60)
    assert 1.1 < _number(view, "data-window-width") / window < 1.5, "a mouse makes it 1.8 times as wide on the same way"
    assert _number(view, "data-zoom") == 1

    fingers.stroke(((260, 200), (80, 205)), steps=3, pause_ms=0)
    expect(view).to_have_attribute("data-image-count", "6")
    expect(ready).to_have_attribute("data-state", "ready", timeout=30_000)
    fingers.stroke(((80, 200), (260, 205)), steps=3, pause_ms=0)
    expect(view).to_have_attribute("data-image-count", "4")
    expect(ready).to_have_attribute("data-state", "ready", timeout=30_000)

    fingers.stroke(((150, 220), (90, 160)), ((190, 260), (250, 320)), steps=24, pause_ms=10)
    assert _number(view, "data-zoom") == pytest.approx(4, rel=0.15), "it grows as the fingers part"
    zoom, picture = _number(view, "data-zoom"), view.locator("canvas").first.screenshot()
    fingers.stroke(((120, 180), (120, 280)), ((220, 180), (220, 280)))
    assert abs(_number(view, "data-zoom") - zoom) < 0.2 * zoom
    assert view.locator("canvas").first.screenshot() != picture, "two fingers do not move the image"

    phone.get_by_test_id("tool-reset").tap()
    fingers.rest((160, 230))
    phone.locator(".context-menu").get_by_test_id("context-invert").tap()
    expect(view).to_have_attribute("data-inverted", "true")
    phone.get_by_test_id("tool-measure").tap()
    phone.get_by_test_id("tool-angle").tap()
    for path in (((100, 260), (180, 260)), ((170, 250), (100, 180))):
        phone.wait_for_timeout(400)  # nobody draws the second line quicker
        fingers.stroke(path)
    expect(phone.locator(".svg-layer text")).to_contain_text("°")
    phone.get_by_test_id("tool-window").tap()

    phone.get_by_test_id("tool-reset").tap()
    phone.get_by_test_id("tool-compare").tap()
    expect(phone.get_by_test_id("prior")).to_contain_text("6 ай мурун")
    phone.get_by_test_id("prior").tap()
    switch = phone.get_by_test_id("pane-switch")
    expect(switch).to_have_count(2)
    expect(switch.nth(0)).to_contain_text("01.03.2026")
    expect(switch.nth(1)).to_contain_text("01.09.2025")
    switch.nth(1).tap()
    expect(view).to_have_attribute("data-image-count", "3")
    expect(view).to_be_visible()
    _nothing_is_squeezed(phone)
    phone.set_viewport_size(LYING)
    expect(switch.nth(1)).to_be_visible()
    _nothing_is_squeezed(phone)
    phone.get_by_test_id("tool-compare").tap()
    phone.get_by_test_id("compare-end").tap()
    expect(switch).to_have_count(0)
    expect(view).to_have_attribute("data-image-count", "4")  # what is read, not what stood beside it
    phone.get_by_test_id("save-unsaved").tap()
    expect(phone.get_by_test_id("saving-state")).to_have_attribute("data-kind", "saved", timeout=30_000)
    expect(phone.get_by_test_id("save-unsaved")).to_have_count(0)


def _complaints(page: Page, language: str, size: tuple[int, int]) -> list[str]:
    """Of the screen as it stands, at another size of the window."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(100)
    return inspect(page, language) + axe(page)


def _tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """The focus goes there by the Tab key, and is seen on every stop of its way."""
    for _ in range(60):
        page.keyboard.press(key)
        found, seen = page.evaluate(
            """() => { const on = document.activeElement, {outlineStyle} = getComputedStyle(on);
                       return [on.dataset.testid, on === document.body || outlineStyle !== 'none']; }"""
        )
        assert seen, f"the focus on {found} is not seen"
        if found == name:
            return
    raise AssertionError(f"{key} does not lead to {name}")


def test_keys_alone_suffice(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    """From the sign-in to a measurement and back, through screens in another language and width each."""
    write_folder(ct_series(4, patient=KAZAKH, study="keys", StudyDate="20990101"), tmp_path)
    dcmsend(module_node, tmp_path)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(module_node.web_url)
    expect(page.get_by_test_id("login-submit")).to_be_visible(timeout=30_000)
    _tab_to(page, "language-select")
    page.keyboard.press("ArrowUp")  # Russian, the one before English
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    found = {"sign-in": _complaints(page, "ru", (360, 640))}
    _tab_to(page, "login-name", "Shift+Tab")
    page.keyboard.type("admin")
    _tab_to(page, "login-password")
    page.keyboard.type(module_node.admin_password)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("worklist-row").first).to_be_visible(timeout=30_000)
    page.get_by_test_id("language-select").select_option("ky")
    expect(page.locator("html")).to_have_attribute("lang", "ky")
    found["worklist"] = _complaints(page, "ky", (360, 640))
    found["worklist of a tablet"] = _complaints(page, "ky", (1024, 768))

    _tab_to(page, "worklist-row")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    page.get_by_test_id("language-select").select_option("kk")
    expect(page.locator("html")).to_have_attribute("lang", "kk")
    found["images"] = _complaints(page, "kk", (390, 844))
    page.set_viewport_size({"width": 1440, "height": 900})

    _tab_to(page, "tool-view")
    page.keyboard.press("Enter")
    expect(page.locator("[role=menu] :focus")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("tool-view")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_test_id("help-sheet")).to_be_visible()
    found["help"] = _complaints(page, "kk", (1440, 900))
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("tool-view")).to_be_focused()

    page.keyboard.press("l")
    page.keyboard.press("F4")
    expect(page.get_by_test_id("step-pad")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".svg-layer text")).to_contain_text("мм")
    page.go_back()
    expect(page.get_by_test_id("viewport").first).to_be_focused()
    expect(page.get_by_test_id("tool-save")).to_have_attribute("data-unsaved", "true")
    _tab_to(page, "back", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("leave-guard")).to_be_visible()
    _tab_to(page, "leave-anyway")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("worklist-row").first).to_be_focused(timeout=30_000)
    assert {screen: told for screen, told in found.items() if told} == {}


KEPT = """new Promise((resolve) => {
    const opening = indexedDB.open('suret-offline');
    opening.onsuccess = () => {
        const reading = opening.result.transaction(['account', 'studies', 'copies']);
        const counts = ['account', 'studies', 'copies'].map((name) => reading.objectStore(name).count());
        reading.oncomplete = () => { opening.result.close(); resolve(counts.map(({ result }) => result)); };
    };
})"""


def test_a_study_opens_again_without_the_node(module_node: NodeProcess, phone: Page, tmp_path: Path) -> None:
    objects = ct_series(4, patient=KYRGYZ, study="kept", series="kept", StudyDate="20260401", SeriesNumber=1)
    [beside] = ct_series(1, patient=KYRGYZ, study="kept", series="beside", StudyDate="20260401", SeriesNumber=9)
    [gone] = ct_series(1, patient=KYRGYZ, study="gone", series="gone", StudyDate="20260331")
    [stranger] = ct_series(1, patient=KYRGYZ, study="stranger", PatientName="Other^Boris", StudyDate="20200101")
    write_folder([*objects, beside, gone, stranger], tmp_path)
    dcmsend(module_node, tmp_path)
    sign_in(phone, module_node)
    devtools = phone.context.new_cdp_session(phone)
    errors = [error["errorId"] for error in devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert errors == ["in-incognito"], "the context of a test is a private window; nothing else stands in the way"
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(urlsplit(request.url).path))
    phone.goto("about:blank")
    phone.goto(f"{module_node.web_url}/#/study/{gone.StudyInstanceUID}")  # before anybody knows who is here
    expect(phone.get_by_test_id("viewport")).to_have_attribute("data-loaded-images", "1", timeout=60_000)
    expect(phone.get_by_test_id("doubt-note")).to_be_visible()
    expect(phone.get_by_test_id("series-thumbnail"), "of one series there is nothing to choose").to_be_hidden()
    phone.get_by_test_id("back").tap()
    row = phone.locator(f"[data-study-uid='{objects[0].StudyInstanceUID}']")
    row.tap()
    ready = phone.get_by_test_id("viewport-state")
    expect(ready).to_have_attribute("data-state", "ready", timeout=60_000)
    view = phone.get_by_test_id("viewport")
    expect(view).to_have_attribute("data-loaded-images", "4")
    thumbnails = phone.locator(".series-picture img[src^=blob]")
    expect(thumbnails).to_have_count(2, timeout=20_000)
    phone.get_by_test_id("back").tap()
    unfold(phone)
    phone.get_by_test_id("device-open").tap()
    studies = phone.get_by_test_id("device-study")
    expect(studies.first).to_have_attribute("data-images", "4", timeout=20_000)
    expect(studies).to_have_count(2)
    phone.evaluate("navigator.serviceWorker.ready.then(() => undefined)")  # it came meanwhile
    phone.get_by_test_id("device-close").tap()
    pictures = [path for path in asked if gone.StudyInstanceUID in path and not path.endswith(("/series", "/reading"))]
    assert len(pictures) >= 4
    assert sorted(pictures) == sorted(set(pictures)), "what has come is kept, not asked for again"

    phone.context.set_offline(True)
    phone.reload()
    expect(row.get_by_test_id("device-mark")).to_be_visible(timeout=30_000)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    row.tap()
    expect(ready).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(phone.get_by_test_id("quality")).to_have_attribute("data-quality", "full")
    expect(phone.get_by_test_id("connection-note")).to_be_visible()
    expect(phone.get_by_test_id("doubt-note"), "that it may be another patient's is told here, too").to_be_visible()
    expect(thumbnails).to_have_count(2)
    _nothing_is_squeezed(phone)
    box = view.bounding_box()
    assert box
    phone.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    readout = phone.get_by_test_id("pixel-readout")
    expect(readout).to_contain_text("HU")
    shown = next(one for one in objects if one.SOPInstanceUID == view.get_attribute("data-sop-instance-uid"))
    at = int(_number(readout, "data-row")), int(_number(readout, "data-column"))
    stored = float(shown.pixel_array[at])
    assert _number(readout, "data-values") == stored * float(shown.RescaleSlope) + float(shown.RescaleIntercept)

    waiting = phone.get_by_test_id("errands-waiting")
    phone.get_by_test_id("mark-read").tap()
    expect(phone.get_by_test_id("reading-waits")).to_have_attribute("data-deed", "mark_read", timeout=20_000)
    view.focus()
    phone.keyboard.press("k")
    phone.get_by_test_id("save-unsaved").tap()
    expect(phone.get_by_test_id("saving-state")).to_have_attribute("data-kind", "waiting", timeout=20_000)
    view.focus()
    phone.keyboard.press("ArrowDown")
    phone.keyboard.press("k")
    phone.get_by_test_id("save-unsaved").tap()  # in the place of the one before, which never went
    expect(phone.get_by_test_id("save-unsaved")).to_have_count(0)
    expect(waiting).to_contain_text("2")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.goto(f"{module_node.web_url}/#/study/{gone.StudyInstanceUID}")
    phone.get_by_test_id("mark-read").tap()
    expect(waiting).to_contain_text("3", timeout=20_000)
    phone.get_by_test_id("back").tap()
    phone.reload()
    expect(row.get_by_test_id("reading")).to_have_attribute("data-state", "read", timeout=30_000)
    row.tap()
    expect(ready).to_have_attribute("data-state", "ready", timeout=60_000)
    phone.reload()  # the study is opened before this device tells what waits
    expect(ready).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(phone.get_by_test_id("reading-waits")).to_be_visible()
    expect(phone.get_by_test_id("key-image"), "marked without the node, shown after a reload").to_be_visible()
    expect(phone.get_by_test_id("save-unsaved"), "it waits").to_have_count(0)

    assert module_node.command("delete", str(gone.StudyInstanceUID), "--reason", "sent twice").returncode == 0
    phone.context.set_offline(False)
    refused = phone.get_by_test_id("errand-refused")
    expect(refused, "there is no such study any more").to_contain_text("Окулду деп белгилөө", timeout=30_000)
    phone.get_by_test_id("errand-close").tap()
    expect(refused).to_have_count(0)
    expect(phone.get_by_test_id("connection-note")).to_have_count(0, timeout=30_000)
    expect(phone.get_by_test_id("reading")).to_have_attribute("data-by", "admin")
    expect(phone.get_by_test_id("mark-unread")).to_be_visible()
    study = f"{module_node.dicomweb_url}/studies/{objects[0].StudyInstanceUID}"
    keys = phone.request.get(f"{study}/instances?Modality=KO").json()
    assert len(keys) == 1, "what was marked is in the archive, once"
    expect(ready).to_have_attribute("data-state", "ready")
    phone.get_by_test_id("back").tap()
    expect(row.get_by_test_id("device-mark")).to_have_count(0)
    unfold(phone)
    phone.get_by_test_id("device-open").tap()
    expect(studies, "what was deleted meanwhile stays on the device").to_have_count(1, timeout=20_000)
    phone.get_by_test_id("device-close").tap()
    phone.context.set_offline(True)
    phone.get_by_test_id("popup-account").tap()
    phone.get_by_test_id("sign-out").tap()
    expect(phone.get_by_test_id("login-name")).to_be_visible(timeout=20_000)
    assert phone.evaluate(KEPT) == [0, 0, 0]
