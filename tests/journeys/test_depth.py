"""Measuring on planes of a volume in the browser: sizes and values are what numpy finds in the same voxels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom import Dataset

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.factories import ct_series, write_folder
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser

Array = NDArray[np.float64]

SLICES, SIZE = 20, 48
SPACING = np.array([1.5, 1.5, 3.0])
"""Of columns, rows and slices, mm."""
ORIGIN = np.array([-30.0, -36.0, 15.0])
TILT = np.radians(20)
DIRECTION = np.array([[1, 0, 0], [0, np.cos(TILT), np.sin(TILT)], [0, -np.sin(TILT), np.cos(TILT)]])
"""Of columns, rows and slices: axial and coronal planes of the patient are oblique to the voxels."""


def _voxels() -> Array:
    """Hounsfield units by slice, row and column: every direction another, and not linear."""
    z, y, x = np.mgrid[0:SLICES, 0:SIZE, 0:SIZE]
    return np.asarray(np.round(300 * np.sin(x / 6) * np.cos(y / 8) + 15 * z + 4 * x), np.float64)


def _series() -> list[Dataset]:
    made = ct_series(SLICES, study="depth", rows=SIZE, columns=SIZE)
    for index, dataset in enumerate(made):
        dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = [1.5, 1.5], 1, -1024
        dataset.ImageOrientationPatient = [float(value) for value in DIRECTION[:2].ravel()]
        dataset.ImagePositionPatient = [float(round(value, 9)) for value in ORIGIN + 3.0 * index * DIRECTION[2]]
        dataset.WindowCenter, dataset.WindowWidth = 100, 800
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 0
        dataset.PixelData = (_voxels()[index] + 1024).astype("<u2").tobytes()
    return made


def _values_at(points: Array) -> Array:
    """Between voxels linear in each direction; NaN outside."""
    at = ((points - ORIGIN) @ DIRECTION.T) / SPACING
    voxels = _voxels()
    last = np.array([SIZE, SIZE, SLICES]) - 1
    low = np.clip(np.floor(at), 0, last - 1).astype(int)
    share = at - low
    found = np.zeros(len(points))
    for corner in np.ndindex(2, 2, 2):
        column, row, slice_ = (low + corner).T
        found += np.prod(np.where(corner, share, 1 - share), axis=1) * voxels[slice_, row, column]
    return np.where(np.all((at >= 0) & (at <= last), axis=1), found, np.nan)


@dataclass
class Plane:
    """A plane on the screen: how points of its picture lie in the patient."""

    view: Locator
    page: Page

    def world(self, x: float, y: float) -> Array:
        """Of a point in CSS pixels of the page, mm."""
        box = self.view.locator("canvas.cornerstone-canvas").bounding_box()
        assert box

        def numbers(name: str) -> Array:
            return np.array((self.view.get_attribute(f"data-{name}") or "").split(), float)

        scale = float(self.view.get_attribute("data-mm-per-pixel") or "nan")
        right, down = numbers("cosines").reshape(2, 3)
        across, along = x - box["x"] - box["width"] / 2, y - box["y"] - box["height"] / 2
        return np.asarray(numbers("centre") + scale * (across * right + along * down))

    def axes(self) -> Array:
        cosines = np.array((self.view.get_attribute("data-cosines") or "").split(), float).reshape(2, 3)
        return np.asarray(cosines)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> tuple[Array, Array]:
        """Press, move, let go; pixels from the middle. The points in the patient."""
        box = self.view.locator("canvas.cornerstone-canvas").bounding_box()
        assert box
        x, y = int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2)
        ends = [(x + start[0], y + start[1]), (x + end[0], y + end[1])]
        self.page.mouse.move(*ends[0])
        self.page.mouse.down()
        self.page.mouse.move(x, y)
        self.page.mouse.move(*ends[1])
        self.page.wait_for_timeout(100)
        self.page.mouse.up()
        return self.world(*ends[0]), self.world(*ends[1])

    def lines(self, containing: str) -> str:
        """What is written beside the measurement with this word or unit."""
        found = self.view.locator("svg text").filter(has_text=containing).last
        expect(found).to_be_visible()
        return " ".join(found.locator("tspan").all_text_contents())


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text.replace("−", "-").replace(",", ""))]


def _in_ellipse(plane: Plane, centre: Array, across: float, along: float) -> Array:
    """The samples that count: as far apart as the nearest voxels, counted from the first voxel of the volume."""
    right, down = plane.axes()
    step = SPACING.min()
    normal = np.cross(right, down)
    base = ORIGIN + ((centre - ORIGIN) @ normal) * normal
    reach = np.arange(-200, 200) * step
    x, y = (grid.ravel() for grid in np.meshgrid(reach, reach))
    points = base + x[:, None] * right + y[:, None] * down
    from_centre = points - centre
    inside = ((from_centre @ right) / across) ** 2 + ((from_centre @ down) / along) ** 2 <= 1 + 1e-6
    values = _values_at(points[inside])
    return np.asarray(values[~np.isnan(values)])


def _measure(page: Page, tool: str) -> None:
    page.get_by_test_id("tool-measure").click()
    page.get_by_test_id(f"tool-{tool}").click()


def test_sizes_and_values_on_oblique_planes_are_those_of_numpy(
    module_node: NodeProcess, page: Page, tmp_path: Path
) -> None:
    series = _series()
    write_folder(series, tmp_path / "depth")
    dcmsend(module_node, tmp_path / "depth")
    page.set_viewport_size({"width": 1200, "height": 800})
    sign_in(page, module_node)
    page.goto(f"{module_node.web_url}#/study/{series[0].StudyInstanceUID}")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-planes").click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(3, timeout=60_000)
    axial, coronal = (Plane(page.locator(f"[data-plane={name}]"), page) for name in ("axial", "coronal"))

    page.get_by_test_id("tool-length").click()
    one, other = coronal.drag((-60, -20), (55, 31))
    assert _numbers(coronal.lines("mm")) == [pytest.approx(float(np.linalg.norm(one - other)), abs=0.06)]

    _measure(page, "ellipse")
    centre, corner = axial.drag((10, 12), (50, 42))
    right, down = axial.axes()
    across, along = abs(float((corner - centre) @ right)), abs(float((corner - centre) @ down))
    area, *values = _numbers(axial.lines("Area").replace("²", ""))
    assert area == pytest.approx(np.pi * across * along, rel=0.01)
    # A sample on the edge counts or not by less than a pixel of the screen: one such ellipse has these values.
    pixel = float(axial.view.get_attribute("data-mm-per-pixel") or "nan")
    nudges = [0.0, *(sign * part * pixel for part in (0.25, 0.5, 0.75) for sign in (1, -1))]
    found = [_in_ellipse(axial, centre, across + more, along + less) for more in nudges for less in nudges]
    assert min(one.size for one in found) > 50
    differs = [np.abs(np.array(values) - [one.mean(), one.std(), one.min(), one.max()]).max() for one in found]
    assert min(differs) < 0.06, (values, differs)

    axial.view.locator("xpath=..").get_by_test_id("slab-thickness").fill("12")
    expect(axial.view.locator("svg text").filter(has_text="slab")).to_be_visible()
    assert _numbers(axial.lines("Area").replace("²", "")) == [area], "a slab has sizes, and no values"

    page.get_by_test_id("tool-window").click()
    coronal.view.click(position={"x": 5, "y": 5})
    page.get_by_test_id("tool-clear").click()
    expect(coronal.view.locator("svg text")).to_have_count(0)
    page.get_by_test_id("measurements-undo").click()
    expect(coronal.view.locator("svg text")).to_have_count(1)
