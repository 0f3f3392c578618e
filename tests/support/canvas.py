"""What a viewport of the viewer shows, read off the page: the values under the pointer and the greys of its canvas."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.support.pixels import Expected, sampled

VIEWPORT = "[data-testid=viewport]"
SHOWN = f"{VIEWPORT}, [data-testid=slide-frames]"
SAMPLES = 4000
PROBES = 5

READ_CANVAS = """view => {
  const canvas = (view ?? document).querySelector("canvas.cornerstone-canvas");
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return [canvas.width, canvas.height, btoa(text)];
}"""
_READ_PLANES = READ_CANVAS.replace("canvas.cornerstone-canvas", "canvas.planes").replace(
    "const bytes", "if (!canvas) return null;\n  const bytes"
)
_IDENTITY = """uid => fetch("/dicom-web/instances?SOPInstanceUID=" + uid, {headers: {Accept: "application/dicom+json"}})
  .then(answer => answer.json())
  .then(([found]) => [found["0020000D"].Value[0], found["0020000E"].Value[0]])"""
_HANG_ONE = """choices => fetch("/api/preferences/hanging.choices", {
  method: "PUT", headers: {"Content-Type": "application/json", "X-Suret": "1"}, body: JSON.stringify(choices),
})"""
_REACHED = """([uid, frame]) => {
  const {sopInstanceUid, frameNumber} = document.querySelector("[data-testid=viewport]").dataset;
  const state = document.querySelector("[data-testid=viewport-state]").dataset.state;
  return sopInstanceUid === uid && frameNumber === String(frame) && (state === "ready" || state === "failed");
}"""


def show_one_series(page: Page, images: Iterable[pydicom.Dataset]) -> None:
    """Studies of these images are opened with one viewport, whatever a protocol would hang beside it."""
    studies: dict[str, set[str]] = defaultdict(set)
    for image in images:
        studies[image.get("StudyInstanceUID", "")].add(image.get("Modality", ""))
    pictures = [modalities - {"SEG"} or modalities for modalities in studies.values()]
    page.evaluate(_HANG_ONE, {"+".join(sorted(modalities)): "none" for modalities in pictures})
    page.reload()


def open_image(page: Page, dataset: pydicom.Dataset, frame: int = 1) -> str:
    """Show one frame in the only viewport; what became of it: ready or failed. Its study must be in the node."""
    study, series = page.evaluate(_IDENTITY, str(dataset.SOPInstanceUID))
    page.evaluate("hash => { location.hash = hash }", f"#/study/{study}")
    thumbnail = page.locator(f'[data-testid=series-thumbnail][data-series-uid="{series}"]')
    thumbnail.click(timeout=30_000)
    expect(page.locator(SHOWN)).to_be_visible(timeout=30_000)
    if dataset.get("Modality") == "SEG":
        expect(page.locator(VIEWPORT)).to_be_visible(timeout=30_000)
        if thumbnail.get_attribute("aria-current") != "true":  # it lies over its images: its own frames are asked for
            marks = page.get_by_test_id("marks-button")
            marks.click()
            page.locator(f'[data-testid=marks-own][data-series-uid="{series}"]').first.click()
            if marks.get_attribute("aria-expanded") == "true":  # the list would lie over the image
                marks.click()
    expect(thumbnail).to_have_attribute("aria-current", "true")
    if page.get_by_test_id("slide-frames").is_visible():
        page.get_by_test_id("slide-frames").click()
    view = page.locator(VIEWPORT)
    expect(view).not_to_have_attribute("data-image-count", "0", timeout=30_000)
    page.keyboard.press("Home")
    for _ in range(int(view.get_attribute("data-image-count") or 0)):
        shown = view.get_attribute("data-sop-instance-uid"), view.get_attribute("data-frame-number")
        if shown == (str(dataset.SOPInstanceUID), str(frame)):
            break
        page.keyboard.press("ArrowDown")
    page.wait_for_function(_REACHED, arg=[str(dataset.SOPInstanceUID), frame], timeout=60_000)
    return page.get_by_test_id("viewport-state").get_attribute("data-state") or ""


def read_canvas(page: Page) -> NDArray[np.float64]:
    """Red, green and blue of every canvas pixel (height, width, 3)."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    width, height, content = page.evaluate(READ_CANVAS)
    return np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)[:, :, :3].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """An image as large as a viewport holds, in its middle or, of a mammogram, with its chest wall at the edge.

    Sizes in CSS pixels.
    """

    width: float
    height: float
    columns: int
    rows: int
    aspect: float
    chest_wall: str = ""

    @property
    def scale(self) -> float:
        """CSS pixels a column."""
        return min(self.width / self.columns, self.height / (self.rows * self.aspect))

    @property
    def middle(self) -> float:
        """Of the image, from the left edge of the viewport."""
        free = (self.width - self.columns * self.scale) / 2
        return self.width / 2 + {"left": -free, "right": free}.get(self.chest_wall, 0.0)

    def at(self, column: float, row: float) -> tuple[float, float]:
        """Where the middle of a pixel is."""
        x = self.middle + (column - (self.columns - 1) / 2) * self.scale
        y = self.height / 2 + (row - (self.rows - 1) / 2) * self.scale * self.aspect
        return x, y

    def pixel(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Columns and rows, with fractions, of points."""
        columns = (x - self.middle) / self.scale + (self.columns - 1) / 2
        rows = (y - self.height / 2) / (self.scale * self.aspect) + (self.rows - 1) / 2
        return columns, rows


def differences(page: Page, wanted: Expected, colour_tolerance: float = 4.0) -> list[str]:
    """How the picture on the screen and the values under the pointer differ from what they have to be; none: true."""
    box = page.locator(".canvas-place").bounding_box()
    assert box is not None
    rows, columns = wanted.values.shape[:2]
    fit = Fit(box["width"], box["height"], columns, rows, wanted.aspect, wanted.chest_wall)
    return [
        *_differing_values(page, wanted, fit, (box["x"], box["y"]), colour_tolerance),
        *_differing_greys(page, wanted, fit),
    ]


def _differing_values(
    page: Page, wanted: Expected, fit: Fit, corner: tuple[float, float], tolerance: float
) -> list[str]:
    chance = np.random.default_rng(fit.columns * 65536 + fit.rows)
    found: list[str] = []
    readout = page.get_by_test_id("pixel-readout")
    for _ in range(PROBES):
        column, row = int(chance.integers(fit.columns)), int(chance.integers(fit.rows))
        x, y = fit.at(column, row)
        page.mouse.move(corner[0] + x, corner[1] + y)
        shown = readout.evaluate("e => [e.dataset.column, e.dataset.row, e.dataset.values]", timeout=5_000)
        at = int(shown[0]), int(shown[1])
        if abs(at[0] - column) > max(1, 1 / fit.scale) or abs(at[1] - row) > max(1, 1 / (fit.scale * fit.aspect)):
            found.append(f"the pointer is on {column}, {row}, the viewer says {at}")
        if shown[2] is None:
            found.append(f"{at} has no value")
            continue
        got = np.array([float(value) for value in shown[2].split()])
        true = np.atleast_1d(wanted.values[at[1], at[0]])
        allowed = tolerance if wanted.values.ndim == 3 else max(1e-5 * float(np.abs(true).max()), 1e-9)
        if got.shape != true.shape or float(np.abs(got - true).max()) > allowed:
            found.append(f"{at} is {true.tolist()}, the viewer says {got.tolist()}")
    page.mouse.move(1, 1)
    return found


def _differing_greys(page: Page, wanted: Expected, fit: Fit) -> list[str]:
    canvas = read_canvas(page)
    ratio = canvas.shape[1] / fit.width
    chance = np.random.default_rng(1)
    x, y = chance.integers(canvas.shape[1], size=SAMPLES), chance.integers(canvas.shape[0], size=SAMPLES)
    columns, rows = fit.pixel((x + 0.5) / ratio, (y + 0.5) / ratio)
    inside = (columns >= 0) & (columns <= fit.columns - 1) & (rows >= 0) & (rows <= fit.rows - 1)
    shown = canvas[y[inside], x[inside]]
    true = wanted.shown(sampled(wanted.values, columns[inside], rows[inside]))
    if true.ndim == 1:
        true = np.repeat(true[:, None], 3, axis=1)
    difference = np.abs(shown - true).max(axis=1)
    # the card interpolates in steps of 1/256 of a pixel: beside steep edges a few samples may be off
    if float(np.percentile(difference, 95)) > 3.5 or float(difference.mean()) > 1.5:
        return [f"greys differ by {difference.mean():.1f} in the mean, 95 % by {np.percentile(difference, 95):.1f}"]
    return []


def read_planes(page: Page) -> NDArray[np.uint8] | None:
    """Red, green, blue and opacity of every pixel of the overlay planes' canvas; None where no plane is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = page.evaluate(_READ_PLANES)
    if found is None:
        return None
    width, height, content = found
    return np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)


def differing_planes(page: Page, shown: NDArray[np.bool_], colour: tuple[int, int, int]) -> float:
    """The share of points where the planes on the screen are not `shown` (rows, columns) in their colour."""
    planes = read_planes(page)
    if planes is None:
        return float(shown.mean())
    height, width = planes.shape[:2]
    rows, columns = shown.shape
    fit = Fit(width, height, columns, rows, 1.0)
    assert fit.scale >= 1, "the viewport is smaller than the image"
    chance = np.random.default_rng(1)
    x, y = chance.integers(width, size=20 * SAMPLES), chance.integers(height, size=20 * SAMPLES)
    across, down = fit.pixel(np.asarray(x + 0.5, np.float64), np.asarray(y + 0.5, np.float64))
    column, row = np.rint(across).astype(int), np.rint(down).astype(int)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    at_edge = (np.abs(across - column) > 0.5 - 1 / fit.scale) | (np.abs(down - row) > 0.5 - 1 / fit.scale)
    wanted = np.zeros(x.size, np.bool_)
    wanted[inside] = shown[row[inside], column[inside]]
    drawn = planes[y, x]
    right = (drawn[:, 3] == 255) == wanted
    right &= ~wanted | (drawn[:, :3] == colour).all(axis=1)
    return float((~right & ~at_edge).mean())
