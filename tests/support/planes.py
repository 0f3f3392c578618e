"""A plane of a volume on the screen: how its picture lies in the patient, and what its canvas shows there."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from tests.support.canvas import READ_CANVAS

Array = NDArray[np.float64]


def _mean(values: Array, axis: int) -> Array:
    """Over the whole way between the samples, of which the first and the last lie at its ends."""
    return np.asarray(np.trapezoid(values, axis=axis) / (values.shape[axis] - 1))


FOLDS: dict[str, Callable[..., Array]] = {"maximum": np.max, "minimum": np.min, "average": _mean}
SLAB_STEP_MM = 0.5


@dataclass(frozen=True, slots=True)
class Slab:
    """Millimetres through a plane, in the middle of which it lies; 0 is the plane alone."""

    mm: float
    mode: str

    def through(self, values: Callable[[Array], Array], points: Array, normal: Array) -> Array:
        """What `values` are at points of the plane; NaN where the slab leaves the volume."""
        if self.mm == 0:
            return values(points)
        away = np.linspace(-self.mm / 2, self.mm / 2, round(self.mm / SLAB_STEP_MM) + 1)
        return np.asarray(FOLDS[self.mode](np.stack([values(points + mm * normal) for mm in away]), axis=0))


ALONE = Slab(0, "maximum")


@dataclass
class Plane:
    """A plane on the screen: how points of its picture lie in the patient."""

    view: Locator
    page: Page

    def _numbers(self, name: str) -> Array:
        return np.array((self.view.get_attribute(f"data-{name}") or "").split(), float)

    def world(self, x: float, y: float) -> Array:
        """Of a point in CSS pixels of the page, mm."""
        box = self.view.locator("canvas.cornerstone-canvas").bounding_box()
        assert box
        scale = float(self.view.get_attribute("data-mm-per-pixel") or "nan")
        right, down = self.axes()
        across, along = x - box["x"] - box["width"] / 2, y - box["y"] - box["height"] / 2
        return np.asarray(self._numbers("centre") + scale * (across * right + along * down))

    def axes(self) -> Array:
        """Directions of rows and columns of the picture (2, 3)."""
        return np.asarray(self._numbers("cosines").reshape(2, 3))

    def normal(self) -> Array:
        return np.asarray(np.cross(*self.axes()))

    def picture(self, step: int) -> tuple[Array, Array]:
        """Red, green and blue of every `step`th pixel of every `step`th row (n, 3), and their points in the patient."""
        width, height, content = self.view.evaluate(READ_CANVAS)
        canvas = np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)[:, :, :3]
        box = self.view.locator("canvas.cornerstone-canvas").bounding_box()
        assert box
        y, x = (grid.ravel() for grid in np.mgrid[0:height:step, 0:width:step])
        middles = ((0.5, 0.5), (1.5, 0.5), (0.5, 1.5))
        corner, right, down = (self.world(box["x"] + at, box["y"] + to) for at, to in middles)
        points = corner + x[:, None] * (right - corner) + y[:, None] * (down - corner)
        return canvas[y, x].astype(np.float64), points

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

    def set_slab(self, slab: Slab) -> None:
        bar = self.view.locator("xpath=..")
        bar.get_by_test_id("slab-mode").select_option(slab.mode if slab.mm else "single")
        if slab.mm:
            bar.get_by_test_id("slab-thickness").fill(str(slab.mm))

    def turn_others(self, x: int, y: int) -> None:
        """Turn the planes that cross this one by a handle of the crosshair, dragged by so many pixels."""
        line = self.view.locator(".svg-layer line").nth(2)
        expect(line).to_be_attached()
        box = self.view.bounding_box()
        assert box
        ends = [float(line.get_attribute(name) or "nan") for name in ("x1", "y1", "x2", "y2")]
        at = (box["x"] + (ends[0] + ends[2]) / 2, box["y"] + (ends[1] + ends[3]) / 2)
        self.page.mouse.move(at[0] + 4, at[1])  # it gets its handle when the pointer is near
        expect(self.view.locator(".svg-layer circle").first).to_be_attached()
        self.page.mouse.move(*at)
        self.page.mouse.down()
        self.page.mouse.move(at[0] + x / 2, at[1] + y / 2)
        self.page.mouse.move(at[0] + x, at[1] + y)
        self.page.wait_for_timeout(100)
        self.page.mouse.up()

    def below_middle(self, axial: Plane) -> tuple[int, int]:
        """Where an axial plane cuts this one, in pixels from the middle."""
        mine, other = (float((plane.view.get_attribute("data-centre") or "").split()[2]) for plane in (self, axial))
        return -90, round((mine - other) / float(self.view.get_attribute("data-mm-per-pixel") or "nan"))

    def lines(self, containing: str) -> str:
        """What is written beside the measurement with this word or unit."""
        found = self.view.locator(".svg-layer text").filter(has_text=containing).last
        expect(found).to_be_visible()
        return " ".join(found.locator("tspan").all_text_contents())
