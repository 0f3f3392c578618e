"""Planes and renderings of a series in the browser: their greys are the object's, and what is no volume is refused."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from threading import Event

import httpx2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, Route, expect
from pydicom import Dataset

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.canvas import Fit
from tests.support.factories import ct_series, write_folder
from tests.support.pixels import Expected, sampled
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser

SLICES, SIZE = 9, 65  # odd: the middle plane is one of voxels, nothing is interpolated across it
LOW, HIGH = -160.0, 240.0

_READ_CANVAS = """view => {
  const canvas = document.querySelector(`${view} canvas.cornerstone-canvas`);
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return [canvas.width, canvas.height, btoa(text)];
}"""


def _voxels() -> NDArray[np.float64]:
    """Hounsfield units by slice, row and column: smooth, every direction another, over the ends of the window."""
    z, y, x = np.mgrid[0:SLICES, 0:SIZE, 0:SIZE]
    return np.asarray(
        np.round(60 * np.sin(x / 5) * np.cos(y / 7) * 3 + 40 + 12 * (z - SLICES // 2) + 2 * x), np.float64
    )


def _series(study: str, **changes: object) -> list[Dataset]:
    made = ct_series(SLICES, study=study, rows=SIZE, columns=SIZE)
    for index, dataset in enumerate(made):
        dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = [1.25, 1.0], -0.5, 100
        dataset.ImagePositionPatient = [-30.0, -20.0, 10.0 + 4.0 * index]
        dataset.WindowCenter, dataset.WindowWidth = 40.5, 401
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 1
        dataset.PixelData = ((100 - _voxels()[index]) * 2).astype("<i2").tobytes()
        dataset.update(changes)
    return made


def _open(page: Page, node: NodeProcess, series: list[Dataset], folder: Path) -> None:
    write_folder(series, folder)
    dcmsend(node, folder)
    page.set_viewport_size({"width": 1200, "height": 800})
    sign_in(page, node)
    page.goto(f"{node.web_url}#/study/{series[0].StudyInstanceUID}")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)


def _arrange(page: Page, arrangement: str, viewports: int) -> None:
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id(f"volume-{arrangement}").click()
    ready = page.locator("[data-testid=viewport-state][data-state=ready]")
    expect(page.locator("[data-plane=axial]").locator(ready)).to_have_count(1, timeout=60_000)
    expect(ready).to_have_count(viewports, timeout=60_000)
    page.wait_for_timeout(500)


def _canvas(page: Page, view: str) -> NDArray[np.float64]:
    width, height, content = page.evaluate(_READ_CANVAS, view)
    return np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)[:, :, 0].astype(np.float64)


def _assert_whole(page: Page) -> None:
    """All of a rendering in three dimensions is in its viewport, and not much smaller than that."""
    looks = page.get_by_test_id("solid-appearance")
    opened = looks.input_value()
    looks.select_option("CT-MIP")  # where every ray sees something
    for _ in range(40):
        lit = _canvas(page, "[data-appearance]") > 40
        across, along = np.flatnonzero(lit.any(axis=0)), np.flatnonzero(lit.any(axis=1))
        if across.size > 0.9 * lit.shape[1] or along.size > 0.9 * lit.shape[0]:
            break
        page.wait_for_timeout(250)
    else:
        raise AssertionError(f"{across.size} of {lit.shape[1]} columns, {along.size} of {lit.shape[0]} rows")
    assert min(across[0], along[0]) > 2
    assert across[-1] < lit.shape[1] - 3
    assert along[-1] < lit.shape[0] - 3
    looks.select_option(opened)


def _plane_differs(page: Page, plane: str, wanted: Expected) -> float:
    """The 95th percentile of the difference in greys, over the plane's whole picture."""
    canvas = _canvas(page, f"[data-plane={plane}]")
    height, width = canvas.shape
    rows, columns = wanted.values.shape
    fit = Fit(width, height, columns, rows, wanted.aspect)
    y, x = np.mgrid[0:height, 0:width]
    column, row = fit.pixel(x.ravel() + 0.5, y.ravel() + 0.5)
    inside = (column >= 1) & (column <= columns - 2) & (row >= 1) & (row <= rows - 2)
    shown = canvas.ravel()[inside]
    true = wanted.shown(sampled(wanted.values, column[inside], row[inside]))
    assert shown.size > 10_000
    assert shown.max() > true.max() - 4, "the brightest voxels are as bright as they have to be"
    return float(np.percentile(np.abs(shown - true), 95))


def test_planes_have_the_greys_of_their_voxels_also_beside_a_rendering(
    module_node: NodeProcess, page: Page, tmp_path: Path
) -> None:
    _open(page, module_node, _series("planes"), tmp_path / "planes")
    voxels = _voxels()
    looked_at = SLICES // 2 + 2
    page.get_by_test_id("image-slider").fill(str(looked_at))  # the planes open at its place
    axial = Expected(voxels[looked_at], LOW, HIGH, sigmoid=False, inverted=False, aspect=1.25)
    coronal = replace(axial, values=voxels[::-1, SIZE // 2, :], aspect=4.0)
    sagittal = replace(axial, values=voxels[::-1, :, SIZE // 2], aspect=4.0 / 1.25)
    page.set_viewport_size({"width": 390, "height": 780})  # a phone's plane is lower than the images before it
    _arrange(page, "planes", 1)
    assert _plane_differs(page, "axial", axial) < 3.5
    page.set_viewport_size({"width": 1200, "height": 800})
    for arrangement, viewports in (("planes", 3), ("planesAndSolid", 4)):
        _arrange(page, arrangement, viewports)
        for plane, wanted in (("axial", axial), ("coronal", coronal), ("sagittal", sagittal)):
            assert _plane_differs(page, plane, wanted) < 3.5, (arrangement, plane)
    rendering = _greys_of_middle(page.locator("[data-appearance]"))
    assert (rendering > 40).mean() > 0.2, "the rendering shows nothing"
    _assert_whole(page)
    _reset(page)
    _assert_whole(page)
    axial_view = page.locator("[data-plane=axial]")
    axial_view.hover()
    readout = axial_view.get_by_test_id("pixel-readout")
    column, row = (int(readout.get_attribute(f"data-{name}") or -1) for name in ("column", "row"))
    assert float(readout.get_attribute("data-values") or "nan") == voxels[looked_at, row, column]
    index = axial_view.get_attribute("data-plane-index") or ""
    axial_view.focus()
    page.keyboard.press("ArrowDown")
    expect(axial_view).not_to_have_attribute("data-plane-index", index)
    slab = page.get_by_test_id("slab-thickness").first
    slab.fill("100")
    expect(page.locator("[data-plane=axial] .corner.bottom-left")).to_contain_text("100")
    axial_view.focus()
    page.keyboard.press("ArrowUp")
    expect(axial_view, "a slab goes plane by plane").to_have_attribute("data-plane-index", index)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")  # of window and size; the reader stays at the plane
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-images").click()
    expect(page.get_by_test_id("pane")).to_have_count(1)
    beside = re.compile(f"^({looked_at - 1}|{looked_at + 1})$")
    expect(page.get_by_test_id("viewport")).to_have_attribute("data-image-index", beside)
    page.get_by_test_id("image-slider").fill("1")
    _arrange(page, "planes", 3)
    expect(axial_view, "they open at the image looked at").to_have_attribute("data-plane-index", "1")
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-images").click()
    page.get_by_test_id("image-slider").fill("0")
    _arrange(page, "planes", 3)
    middle = re.compile(f"^({SLICES // 2 - 1}|{SLICES // 2})$")
    expect(axial_view, "and in the middle, where none was chosen").to_have_attribute("data-plane-index", middle)
    _taken_over(page)


def _taken_over(page: Page) -> None:
    """Over a slow link the node's pictures come before any image, and stand where the planes stand then."""
    page.add_init_script("performance.getEntriesByType = () => []; localStorage.setItem('suret.link', '20000')")
    held: list[Route] = []
    free = Event()
    page.route(re.compile("/frames/"), lambda route: route.continue_() if free.is_set() else held.append(route))
    page.reload()
    page.get_by_test_id("tool-volume").click(timeout=30_000)
    page.get_by_test_id("volume-planes").click()
    expect(page.get_by_test_id("awaited-plane")).to_have_count(3, timeout=30_000)
    views = page.get_by_test_id("viewport").all()
    before = [_greys_of_middle(view) for view in views]
    free.set()
    for route in held:
        route.continue_()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(3, timeout=60_000)
    expect(page.get_by_test_id("awaited-plane")).to_have_count(0)
    page.wait_for_timeout(500)
    for view, awaited in zip(views, before, strict=True):
        taken_over = _greys_of_middle(view)
        off = {
            (x, y): float(np.abs(np.roll(awaited, (y, x), (0, 1)) - taken_over)[4:-4, 4:-4].mean())
            for x in range(-3, 4)
            for y in range(-3, 4)
        }
        nearest = min(off, key=lambda moved: off[moved])
        assert max(map(abs, nearest)) <= 1, (view.get_attribute("data-plane"), off)
        assert off[0, 0] < 6


def _greys_of_middle(view: Locator) -> NDArray[np.float64]:
    """What is on the screen where nothing is written."""
    box = view.bounding_box()
    assert box
    width, height = box["width"] * 0.6, box["height"] * 0.3
    middle = {
        "x": box["x"] + 0.2 * box["width"],
        "y": box["y"] + 0.35 * box["height"],
        "width": width,
        "height": height,
    }
    shot = view.page.screenshot(clip=middle)  # type: ignore[arg-type]
    return np.asarray(imagecodecs.png_decode(shot), np.float64)[:, :, :3].mean(axis=2)


def _reset(page: Page) -> None:
    """A rendering is as it opened: its looks, whole, and seen from the front."""
    looks, cut = page.get_by_test_id("solid-appearance"), page.get_by_test_id("cut-left")
    opening = looks.input_value()
    looks.select_option("CT-Lung")
    page.get_by_test_id("solid-cut").click()
    cut.fill("40")
    page.locator("[data-appearance]").focus()
    page.keyboard.press("r")
    expect(looks).to_have_value(opening)
    expect(cut).to_have_value("0")
    page.get_by_test_id("solid-cut").click()


def test_uneven_slices_are_refused_in_words(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    series = _series("uneven")
    del series[4]
    _open(page, module_node, series, tmp_path / "uneven")
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-solid").click()
    expect(page.get_by_test_id("volume-refused")).to_contain_text("8 mm")
    page.get_by_test_id("back-to-images").click()
    expect(page.get_by_test_id("viewport")).to_have_attribute("data-image-count", "8")


def test_a_device_without_room_is_warned_and_one_without_webgl_is_helped(
    module_node: NodeProcess, page: Page, tmp_path: Path
) -> None:
    moments = [
        one
        for moment in range(2)
        for one in ct_series(3, study="moments", series=f"{moment}", seed=moment, TemporalPositionIdentifier=moment + 1)
    ]
    for one in moments:
        one.SeriesInstanceUID = moments[0].SeriesInstanceUID
    write_folder(moments, tmp_path / "small" / "moments")
    page.add_init_script("Object.defineProperty(navigator, 'deviceMemory', {get: () => 0.001})")
    small = _series("small device")
    _open(page, module_node, small, tmp_path / "small")
    _arrange(page, "planes", 3)
    expect(page.get_by_test_id("volume-reduced")).to_have_count(3)
    page.add_init_script("""
      const get = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind.includes("webgl") ? null : get.call(this, kind, ...rest);
      };
    """)
    _measured(module_node, small)
    held: list[Route] = []
    page.route("**/frames/*", lambda route: held.append(route))
    page.reload()
    expect(page.locator("[data-testid=viewport] img.preview")).to_have_js_property("complete", True, timeout=30_000)
    page.set_viewport_size({"width": 1180, "height": 800})  # an empty viewport is rendered too
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    page.unroute("**/frames/*")
    expect(page.locator(".svg-layer text").filter(has_text="mm"), "what was saved is drawn then").to_have_count(
        1, timeout=30_000
    )
    page.get_by_test_id("tool-volume").click(timeout=30_000)
    page.get_by_test_id("volume-planes").click()
    expect(page.locator("[data-rendered-by=node] [data-state=ready]")).to_have_count(3, timeout=60_000)
    expect(page.get_by_test_id("not-for-diagnosis")).to_have_count(3)
    _window_of_the_node(page)
    page.goto(f"{module_node.web_url}#/study/{moments[0].StudyInstanceUID}")
    page.get_by_test_id("tool-volume").click(timeout=30_000)
    page.get_by_test_id("volume-solid").click()
    expect(page.get_by_test_id("volume-in-time"), "of several moments the node makes no volume").to_be_visible()
    page.get_by_test_id("back-to-images").click()
    expect(page.get_by_test_id("viewport")).to_have_attribute("data-image-count", "6")


def _measured(node: NodeProcess, series: list[Dataset]) -> None:
    """A length is saved on each of the images."""
    lengths = [
        {
            "kind": "length",
            "points": [[10, 10], [40, 10]],
            "tracking_uid": f"2.25.{index + 1}",
            "figures": [{"name": "length", "value": 30.0, "unit": "mm"}],
            "series_instance_uid": one.SeriesInstanceUID,
            "sop_instance_uid": one.SOPInstanceUID,
        }
        for index, one in enumerate(series)
    ]
    url = f"{node.web_url}/api/studies/{series[0].StudyInstanceUID}/measurements"
    answer = httpx2.post(url, json={"measurements": lengths}, headers=node.authorization("radiologist"))
    assert answer.status_code == 201


def _window_of_the_node(page: Page) -> None:
    """Presets, a drag and keys change the picture that the node makes; Reset shows it as it opened."""
    axial = page.locator("[data-rendered-by=node][data-plane=axial]")
    picture, told = axial.get_by_test_id("node-picture"), axial.get_by_test_id("window-text")
    opened, at = told.text_content(), axial.get_attribute("data-centre")
    assert opened
    assert at
    page.get_by_test_id("tool-preset").click()
    expect(page.get_by_test_id("preset-full"), "values of which nothing is here").to_have_count(0)
    page.get_by_test_id("preset-lung").click()
    expect(picture).to_have_attribute("src", re.compile(r"&window=-600\.5000,1499\.0000,linear-exact"))
    expect(axial.locator("[data-state=ready]")).to_have_count(1, timeout=30_000)
    axial.hover()
    page.mouse.down()
    page.mouse.move(500, 300, steps=3)
    page.mouse.up()
    expect(told).not_to_have_text("W 1500 L −600")
    expect(picture).not_to_have_attribute("src", re.compile(r"&window=-600\.5000,1499"))
    page.keyboard.press("ArrowDown")
    expect(axial).not_to_have_attribute("data-centre", at)
    page.keyboard.press("r")
    expect(told).to_have_text(opened)
    expect(axial).to_have_attribute("data-centre", "2 20 26")  # the middle, as of planes drawn here
    expect(axial.locator("[data-state=ready]")).to_have_count(1, timeout=30_000)
