"""A stranger's journey: sign in, see the worklist, a study arrives from DCMTK without a reload and is read."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.conftest import NodeFactory
from tests.support.factories import KAZAKH, ct_series, write_folder
from tests.support.peers import program
from tests.support.process import NodeProcess, free_port

pytestmark = pytest.mark.browser


def sign_in(page: Page, node: NodeProcess) -> None:
    page.goto(node.web_url)
    page.get_by_test_id("login-name").fill("admin")
    page.get_by_test_id("login-password").fill(node.admin_password)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("worklist-search")).to_be_visible(timeout=30_000)


def dcmsend(node: NodeProcess, folder: Path) -> None:
    sender = str(program("dcmsend", "dcmtk"))
    arguments = ["-aec", node.ae_title, "127.0.0.1", str(node.dimse_port), "+sd", "+r", str(folder)]
    subprocess.run([sender, *arguments], check=True, timeout=60)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_a_study_that_arrives_is_read(
    start_node: NodeFactory, page: Page, tmp_path: Path, size: tuple[int, int]
) -> None:
    node = start_node({"ARCHIVE__FREE_BYTES_MIN": "0"})
    page.set_viewport_size({"width": size[0], "height": size[1]})
    sign_in(page, node)
    rows = page.get_by_test_id("worklist-row")
    expect(rows).to_have_count(0)
    dataset = ct_series(5, patient=KAZAKH, rows=128, columns=128)
    write_folder(dataset, tmp_path / "study")
    dcmsend(node, tmp_path / "study")
    expect(rows).to_have_count(1, timeout=20_000)
    rows.first.click()
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(page.get_by_test_id("patient-title").first).to_be_visible()


def test_a_wrong_password_is_said(start_node: NodeFactory, page: Page) -> None:
    node = start_node()
    page.goto(node.web_url)
    page.get_by_test_id("login-name").fill("admin")
    page.get_by_test_id("login-password").fill("not-the-password")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("login-failure")).to_be_visible(timeout=15_000)


def _open_file(page: Page, node: NodeProcess, folder: Path, name: str) -> None:
    """Send one of pydicom's files and open its study."""
    folder.mkdir(exist_ok=True)
    file = str(get_testdata_file(name, download=False))
    shutil.copy(file, folder)
    dcmsend(node, folder)
    sign_in(page, node)
    page.locator(f"[data-study-uid='{dcmread(file).StudyInstanceUID}']").click()


def test_a_palette_of_colours_is_diagnostic(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    _open_file(page, module_node, tmp_path / "palette", "examples_palette.dcm")
    expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(page.get_by_test_id("not-for-diagnosis")).to_have_count(0)


@pytest.mark.parametrize("damage", ["colours", "pixels"])
def test_an_image_that_cannot_be_made_gives_way_to_the_nodes_picture(
    module_node: NodeProcess, page: Page, tmp_path: Path, damage: str
) -> None:
    def in_odd_colours(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"PALETTE COLOR"', '"CMYK"'))

    def a_proxys_page(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<p>Sign in first</p>")

    if damage == "colours":
        page.route(re.compile(r"/metadata$"), in_odd_colours)
    else:
        page.route(re.compile(r"/frames/1$"), a_proxys_page)
    _open_file(page, module_node, tmp_path / "palette", "examples_palette.dcm")
    expect(page.get_by_test_id("not-for-diagnosis")).to_be_visible(timeout=30_000)


def test_a_tap_measures_nothing_and_one_measurement_is_removed_alone(
    module_node: NodeProcess, browser: Browser, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    _open_file(page, module_node, tmp_path / "ct", "CT_small.dcm")
    expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
    page.get_by_test_id("tool-length").tap()
    lengths = page.locator(".svg-layer text")
    page.touchscreen.tap(200, 300)
    page.wait_for_timeout(500)
    expect(lengths).to_have_count(0)
    fingers = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    for y in (200, 460):
        touch("touchStart", (100, y))
        for x in (130, 160, 200):
            touch("touchMove", (x, y + 10))
        touch("touchEnd")
        page.wait_for_timeout(500)
    expect(lengths).to_have_count(2)
    page.keyboard.press("Delete")  # the one drawn last is the chosen one
    expect(lengths).to_have_count(1)
    page.get_by_test_id("measurements-undo").tap()
    expect(lengths).to_have_count(2)
    context.close()


def test_a_measurement_is_told_in_the_language_of_the_screen(
    module_node: NodeProcess, page: Page, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    _open_file(page, module_node, tmp_path / "ct", "CT_small.dcm")
    expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
    page.get_by_test_id("tool-length").click()
    page.mouse.move(600, 400)
    page.mouse.down()
    page.mouse.move(700, 500, steps=5)
    page.mouse.up()
    length = page.locator(".svg-layer text")
    for language, unit in (("ru", " мм"), ("en", " mm"), ("kk", " мм")):
        page.get_by_test_id("language-select").select_option(language)
        expect(length).to_contain_text(unit)

    menu, view = page.locator(".context-menu"), page.get_by_test_id("viewport")  # a drag is no press
    page.mouse.move(700, 300)
    page.mouse.down(button="right")
    page.mouse.move(700, 200, steps=5)
    page.mouse.up(button="right")
    expect(view).not_to_have_attribute("data-zoom", "1.000")
    expect(menu).to_have_count(0)
    page.mouse.click(700, 300, button="right")
    page.get_by_test_id("context-invert").click()
    expect(view).to_have_attribute("data-inverted", "true")
    page.keyboard.press("Shift+F10")
    expect(menu.locator(":focus")).to_have_count(1)

    page.get_by_test_id("context-fullscreen").click()
    expect(page.get_by_test_id("tool-length")).to_be_hidden()
    expect(page.get_by_test_id("patient-title")).to_be_hidden()
    page.mouse.move(700, 1, steps=2)
    expect(page.get_by_test_id("tool-length")).to_be_visible()  # over the image, for a while
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("study")).to_have_attribute("data-alone", "false")


def test_an_administrator_registers_a_device_tests_it_and_sees_what_it_did(
    module_node: NodeProcess, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, module_node)
    page.get_by_test_id("devices-link").click()
    form = page.get_by_test_id("register")
    form.locator("[name=ae_title]").fill(module_node.ae_title)  # the node itself answers under this title
    form.locator("[name=host]").fill("127.0.0.1")
    form.locator("[name=port]").fill("none")
    form.locator("[type=checkbox]").first.uncheck()
    form.locator("[type=submit]").click()
    for mistake in ("port-mistake", "verbs-mistake"):  # all at once, each at its field
        expect(form.get_by_test_id(mistake)).to_be_visible()
    expect(form.get_by_test_id("host-mistake")).to_have_count(0)
    form.locator("[name=port]").fill("1")
    form.locator("[type=checkbox]").first.check()
    form.locator("[type=submit]").click()
    device = page.get_by_test_id("device")
    expect(device).to_have_count(1)
    expect(device).to_contain_text("127.0.0.1:1")
    device.get_by_test_id("device-change").click()
    change = page.get_by_test_id("change")
    expect(change.locator("[name=host]")).to_be_focused()
    change.locator("[name=port]").fill(str(module_node.dimse_port))
    change.locator("[name=description]").fill("The node itself")
    change.locator("[type=submit]").click()
    expect(device).to_contain_text("The node itself")
    device.get_by_test_id("echo").click()
    expect(device.locator(".good[data-testid=echo-result]")).to_be_visible(timeout=20_000)
    echoscu = str(program("echoscu", "dcmtk"))
    port = str(module_node.dimse_port)
    refused = subprocess.run([echoscu, "-aec", "PACS", "127.0.0.1", port], check=False, timeout=60, capture_output=True)
    assert refused.returncode != 0
    page.reload()
    activity = page.get_by_test_id("device-activity")
    expect(activity.locator(".refused").first).to_contain_text("Sent to AE title PACS")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # and lets somebody in, who changes the password they were told
    page.get_by_test_id("back").click()
    page.get_by_test_id("popup-account").click()
    page.get_by_test_id("accounts-link").click()
    page.locator("[name=account_name]").fill("aigul")
    page.get_by_test_id("account-form").locator("[type=submit]").click()
    told = page.get_by_test_id("told-password").locator("code").inner_text()
    expect(page.locator("[data-testid=account][data-name=aigul]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_test_id("back").click()
    page.get_by_test_id("popup-account").click()
    page.get_by_test_id("sign-out").click()
    page.get_by_test_id("login-name").fill("aigul")
    page.get_by_test_id("login-password").fill(told)
    page.get_by_test_id("login-submit").click()
    page.get_by_test_id("password-current").fill(told)
    for field in ("next", "again"):
        page.get_by_test_id(f"password-{field}").fill("seven-quiet-herons")
    page.get_by_test_id("password-submit").click()
    expect(page.get_by_test_id("popup-account")).to_be_visible(timeout=20_000)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_what_is_sent_to_others_is_followed_paused_and_cancelled(
    module_node: NodeProcess, page: Page, tmp_path: Path, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    study = ct_series(3, patient=KAZAKH, study=f"sent on {size[0]}")
    write_folder(study, tmp_path / "study")
    dcmsend(module_node, tmp_path / "study")
    port, folder = free_port(), tmp_path / "there"
    folder.mkdir()
    there, away = f"THERE{size[0]}", f"AWAY{size[0]}"
    for title, at in ((there, port), (away, free_port())):
        _pacs(module_node, "ae", "add", title, "127.0.0.1", str(at), "--allow", "store")
    with subprocess.Popen([str(program("storescp", "dcmtk")), "-od", str(folder), str(port)]) as storescp:
        try:
            _pacs(module_node, "send", str(study[0].StudyInstanceUID), there)
            sign_in(page, module_node)
            page.get_by_test_id("queue-link").click()  # from the worklist; from a study with what is to be sent
            expect(page.get_by_test_id("queue")).to_be_visible()
            page.goto(f"{module_node.web_url}#/study/{study[0].StudyInstanceUID}")
            page.get_by_test_id("send-link").click()
            form = page.get_by_test_id("send-form")
            expect(form).to_contain_text("Ұлжан")  # whose it is
            form.locator("[name=destination]").select_option(away)
            form.locator("[type=submit]").click()
            expect(form).to_have_count(0)
            jobs = page.get_by_test_id("job").filter(has_text=away)
            expect(jobs).to_have_count(1, timeout=30_000)
            expect(page.locator("[data-testid=job][data-state=done]").first).to_contain_text(there)  # done already
            expect(jobs.first).to_contain_text("cannot be reached", timeout=30_000)
            expect(jobs.first).to_contain_text("Ұлжан")
        finally:
            storescp.terminate()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_test_id("queue-pause").click()
    expect(page.get_by_test_id("queue-pause-note")).to_be_visible()
    page.get_by_test_id("queue-resume").click()
    expect(page.get_by_test_id("queue-pause-note")).to_have_count(0)
    jobs.first.get_by_test_id("job-cancel").click()
    page.get_by_test_id("queue-everything").uncheck()
    expect(jobs).to_have_count(0)
    page.get_by_test_id("queue-everything").check()
    expect(page.locator("[data-testid=job][data-state=cancelled]").first).to_contain_text(away)
    done = page.locator("[data-testid=job][data-state=done]").first
    expect(done).to_contain_text(there)
    expect(done.get_by_test_id("job-progress")).to_have_text("3 / 3")
    assert len(list(folder.iterdir())) == 3


def _pacs(node: NodeProcess, *arguments: str) -> None:
    done = node.command(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
