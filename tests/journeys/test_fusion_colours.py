"""PET over CT in each of the viewer's colour maps, over images and over planes, against numpy. Of the long form alone:

PACS_TEST_PIXELS=all .venv/bin/python -m pytest tests/journeys/test_fusion_colours.py -m browser -q
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_depth import (
    _READ_CANVAS,
    PET_ORIGIN,
    PET_SPACING,
    SIZE,
    SUV,
    Array,
    Plane,
    _on_image,
    _pet,
    _series,
    _uptake,
    _values_at,
)
from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.canvas import Fit
from tests.support.colour_maps import names, table
from tests.support.factories import write_folder
from tests.support.process import NodeProcess

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif("PACS_TEST_PIXELS" not in os.environ, reason="of the long form: set PACS_TEST_PIXELS"),
]

OPACITY = 0.7
OFF = 4.0
"""Levels of 255 that 95 % of all points may be off: the card interpolates in steps."""


def _blended(points: Array, colours: Array) -> Array:
    """Red, green and blue, 0 to 255; NaN outside either volume."""
    below = np.clip((_values_at(points) + 300) / 800, 0, 1)
    uptake = _values_at(points, _uptake(), PET_ORIGIN, np.eye(3), np.full(3, PET_SPACING))
    level = np.clip(uptake * SUV / 5, 0, 1) * 255
    above = np.stack([np.interp(level, np.arange(256), colours[:, one]) for one in range(3)], axis=1)
    return np.asarray(255 * ((1 - OPACITY) * below[:, None] + OPACITY * above))


def _off(shown: Array, true: Array) -> float:
    inside = ~np.isnan(true).any(axis=1)
    assert inside.sum() > 2000
    return float(np.percentile(np.abs(shown - true)[inside].max(axis=1), 95))


def _on_stack(page: Page, index: int, colours: Array) -> float:
    place = page.locator("canvas.cornerstone-canvas").first.bounding_box()
    assert place
    shot = np.asarray(imagecodecs.png_decode(page.screenshot(clip=place)))[:, :, :3].astype(np.float64)  # type: ignore[arg-type]
    fit = Fit(place["width"], place["height"], SIZE, SIZE, 1.0)
    y, x = (grid.ravel() for grid in np.mgrid[110 : shot.shape[0] - 110 : 3, 110 : shot.shape[1] - 110 : 3])
    columns, rows = fit.pixel(x + 0.5, y + 0.5)
    return _off(shot[y, x], _blended(_on_image(index, columns, rows), colours))


def _on_plane(plane: Plane, colours: Array) -> float:
    width, height, content = plane.view.evaluate(_READ_CANVAS)
    canvas = np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)[:, :, :3].astype(np.float64)
    box = plane.view.locator("canvas.cornerstone-canvas").bounding_box()
    assert box
    y, x = (grid.ravel() for grid in np.mgrid[0:height:3, 0:width:3])
    corner, right, down = (plane.world(box["x"] + at, box["y"] + to) for at, to in ((0.5, 0.5), (1.5, 0.5), (0.5, 1.5)))
    points = corner + x[:, None] * (right - corner) + y[:, None] * (down - corner)
    return _off(canvas[y, x], _blended(points, colours))


def _settled(page: Page, differs: Callable[[], float]) -> float:
    """Drawn by software it takes its time."""
    found = differs()
    for _ in range(20):
        if found < OFF:
            break
        page.wait_for_timeout(300)
        found = differs()
    return round(found, 1)


def test_pet_over_ct_has_the_colours_of_its_map(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    series = _series()
    write_folder([*series, *_pet("scanner")], tmp_path / "fused")
    dcmsend(module_node, tmp_path / "fused")
    page.set_viewport_size({"width": 1200, "height": 800})
    sign_in(page, module_node)
    page.goto(f"{module_node.web_url}#/study/{series[0].StudyInstanceUID}")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    view = page.locator(f'[data-testid=viewport][data-series-uid="{series[0].SeriesInstanceUID}"]').first
    view.click(position={"x": 8, "y": 8})
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    view.get_by_test_id("fusion").select_option(label="+ PT PET scanner")
    expect(view.get_by_test_id("stack-fusion")).to_have_attribute("data-shown", "true", timeout=30_000)
    uid = view.get_attribute("data-sop-instance-uid")
    index = next(at for at, one in enumerate(series) if uid == one.SOPInstanceUID)
    off = {}
    for name in names():
        view.get_by_test_id("fusion-looks").click()
        page.get_by_test_id("fusion-opacity").fill(str(round(100 * OPACITY)))
        page.get_by_test_id("fusion-colours").select_option(name)
        page.get_by_test_id("fusion-window").select_option("suv-5")
        view.get_by_test_id("fusion-looks").click()
        colours = table(name)
        off[f"images, {name}"] = _settled(page, lambda colours=colours: _on_stack(page, index, colours))  # type: ignore[misc]
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-planes").click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(3, timeout=60_000)
    axial = Plane(page.locator("[data-plane=axial]"), page)
    page.mouse.move(0, 0)
    for name in names():
        page.get_by_test_id("fusion-looks").first.click()
        page.get_by_test_id("fusion-colours").first.select_option(name)
        page.get_by_test_id("fusion-looks").first.click()
        colours = table(name)
        off[f"planes, {name}"] = _settled(page, lambda colours=colours: _on_plane(axial, colours))  # type: ignore[misc]
    assert {name: by for name, by in off.items() if by >= OFF} == {}
