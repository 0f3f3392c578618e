"""Measuring on planes of a volume in the browser: sizes, values and colours are what numpy finds in its voxels.

PACS_TEST_PIXELS=all goes through every colour map.
"""

from __future__ import annotations

import base64
import csv
import os
import re
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom import Dataset

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.canvas import READ_CANVAS, Fit
from tests.support.colour_maps import names, table
from tests.support.curves import along, straightened
from tests.support.derived_objects import blending_state
from tests.support.factories import ct_series, write_folder
from tests.support.fused import (
    ASPECT,
    BY_VALUE,
    EVENLY,
    ORIGIN,
    PET_ORIGIN,
    PET_SIZE,
    PET_SPACING,
    SIZE,
    SLICES,
    SPACING,
    SUV,
    Array,
    Looks,
    fused_ct,
    fused_pet,
    greys_of_ct,
    level_of_pet,
    on_image,
    uptake_at,
    uptake_of_pet,
    values_at,
    voxels_of_ct,
)
from tests.support.planes import ALONE, FOLDS, Plane, Slab
from tests.support.process import NodeProcess

ALL_COLOURS = [(name, (100, 70, 40)[at % 3], ("even", "value")[at % 2]) for at, name in enumerate(names())]
IS_LONG = os.environ.get("PACS_TEST_PIXELS") == "all"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600 if IS_LONG else 120)]
LOOKS_OF_PLANES = (
    ALL_COLOURS if IS_LONG else [("Black-Body Radiation", 100, EVENLY), ("Blue to Red Rainbow", 50, BY_VALUE)]
)
LOOKS_OF_STACKS = ALL_COLOURS if IS_LONG else [("Cool to Warm", 70, BY_VALUE)]
"""Colour maps, percent of PET over CT, and whether these are of every value or of the greatest."""
SLABS = [Slab(mm, mode) for mm in (7, 20) for mode in FOLDS] if IS_LONG else [Slab(12, "average")]
OFF = 5.0 if IS_LONG else 3.0
"""Of 255: "Cold and Hot" bends steeply between two of its 256 colours."""
NEAR = 0.006
"""Of the window of the PET: 256 colours, and a value for every other pixel of a stack, tell no more apart."""


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text.replace("−", "-").replace(",", ""))]


def _in_ellipse(plane: Plane, centre: Array, across: float, along: float) -> Array:
    """The samples that count: as far apart as the nearest voxels, counted from the first voxel of the volume."""
    right, down = plane.axes()
    step = SPACING.min()
    normal = np.cross(right, down)
    base = ORIGIN + ((centre - ORIGIN) @ normal) * normal
    reach = np.arange(-60, 60) * step
    x, y = (grid.ravel() for grid in np.meshgrid(reach, reach))
    points = base + x[:, None] * right + y[:, None] * down
    from_centre = points - centre
    inside = ((from_centre @ right) / across) ** 2 + ((from_centre @ down) / along) ** 2 <= 1 + 1e-6
    values = values_at(points[inside])
    return np.asarray(values[~np.isnan(values)])


def _measure(page: Page, tool: str) -> None:
    page.get_by_test_id("tool-measure").click()
    page.get_by_test_id(f"tool-{tool}").click()


def _off(shown: Array, below: Array, level: Array, looks: Looks, tenths: int = 9) -> float:
    """How far red, green or blue is off for 95 % of the points in the worst tenth of the colours, of 255.

    The colour may be that of an uptake `NEAR` the true one; the other points may lie beside an edge.
    """
    inside = ~np.isnan(below) & ~np.isnan(level)
    if inside.sum() < 2000:
        return float("inf")  # read while the plane was laid out anew
    shown, below, level = shown[inside], below[inside], level[inside]
    trues = [looks.over(below, level + step * NEAR) for step in (-1, -0.5, 0, 0.5, 1)]
    off = np.min([np.abs(shown - true).max(axis=1) for true in trues], axis=0)
    tenth = np.minimum(np.floor(10 * level), 9)
    seen = [off[tenth == one] for one in range(10) if (tenth == one).sum() > 20]
    assert len(seen) >= tenths, "every colour of the map is to be seen, but for uptake that is nowhere"
    return max(float(np.percentile(one, 95)) for one in seen)


def _plane_differs(plane: Plane, looks: Looks, slab: Slab = ALONE) -> float:
    """How far a plane's canvas is off CT with PET over it, in SUV up to 5."""
    shown, points = plane.picture(5 if slab.mm else 3)
    normal = plane.normal()
    below = slab.through(values_at, points, normal)
    level = slab.through(uptake_at, points, normal)
    tenths = 6 if slab.mm else 9  # the mean and the least through a slab are nowhere as high as the middle
    return _off(shown, np.clip((below + 300) / 800, 0, 1), np.clip(level * SUV / 5, 0, 1), looks, tenths)


def test_sizes_and_values_on_oblique_planes_are_those_of_numpy(
    module_node: NodeProcess, page: Page, tmp_path: Path
) -> None:
    series = fused_ct()
    pet = fused_pet("scanner")
    greys = np.repeat(np.arange(256)[:, None], 3, axis=1)
    state = blending_state(series, pet, 0.4, greys, windows=((10_000, 20_000), (100, 800)))
    write_folder([*series, *pet, *fused_pet("elsewhere"), state], tmp_path / "depth")
    dcmsend(module_node, tmp_path / "depth")
    page.set_viewport_size({"width": 1200, "height": 800})
    sign_in(page, module_node)
    page.goto(f"{module_node.web_url}#/study/{series[0].StudyInstanceUID}")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    _stacked(page, series)
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-planes").click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(3, timeout=60_000)
    axial, coronal = (Plane(page.locator(f"[data-plane={name}]"), page) for name in ("axial", "coronal"))
    expect(page.get_by_test_id("plane-line")).to_have_count(6)  # the others, on each plane

    page.get_by_test_id("tool-length").click()
    one, other = coronal.drag((-60, -20), (55, 31))
    assert _numbers(coronal.lines("mm")) == [pytest.approx(float(np.linalg.norm(one - other)), abs=0.06)]

    _measure(page, "ellipse")
    begun, corner = axial.drag((-30, -18), (50, 42))  # from corner to corner
    centre = (begun + corner) / 2
    right, down = axial.axes()
    across, along = abs(float((corner - centre) @ right)), abs(float((corner - centre) @ down))
    area, *values = _numbers(axial.lines("Area").replace("²", ""))
    assert area == pytest.approx(np.pi * across * along, rel=0.01)
    # A sample on the edge counts or not by less than a pixel of the screen: one such ellipse has these values.
    pixel = float(axial.view.get_attribute("data-mm-per-pixel") or "nan")
    nudges, sizes = [0.0, 0.25, -0.25, 0.5, -0.5], [0.0, 0.5, -0.5]
    found = [
        _in_ellipse(axial, centre + pixel * (x * right + y * down), across + more * pixel, along + less * pixel)
        for x, y, more, less in product(nudges, nudges, sizes, sizes)
    ]
    assert min(one.size for one in found) > 50
    differs = [np.abs(np.array(values) - [one.mean(), one.std(), one.min(), one.max()]).max() for one in found]
    assert min(differs) < 0.06, (values, differs)

    _fused(page, axial)
    mean_uptake = _numbers(axial.lines("PT Mean").partition("PT Mean")[2])[0]
    assert mean_uptake == pytest.approx(_uptake_in(axial, centre, across, along) * SUV, abs=0.03)

    axial.view.locator("xpath=..").get_by_test_id("slab-thickness").fill("12")
    expect(axial.view.locator(".svg-layer text").filter(has_text="slab")).to_be_visible()
    assert _numbers(axial.lines("Area").replace("²", "")) == [area], "a slab has sizes, and no values"

    page.get_by_test_id("tool-window").click()
    coronal.view.click(position={"x": 5, "y": 5})
    page.get_by_test_id("tool-clear").click()
    expect(coronal.view.locator(".svg-layer text")).to_have_count(0)
    page.get_by_test_id("measurements-undo").click()
    expect(coronal.view.locator(".svg-layer text")).to_have_count(1)
    _measure(page, "probe")
    coronal.drag(*[coronal.below_middle(axial)] * 2)
    expect(axial.view.locator(".svg-layer text")).to_have_count(2)  # the planes meet in the point
    length = coronal.lines("mm")
    _saved(page, coronal, axial, length, _curved(page))


def _saved(page: Page, coronal: Plane, axial: Plane, length: str, curve: Array) -> None:
    """What was measured on planes is in the archive, and on the same planes when the study is opened again.

    So is the curve, one press away.
    """
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("tool-save")).to_have_attribute("data-unsaved", "false", timeout=20_000)
    page.reload()
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(page.get_by_test_id("tool-save")).to_have_attribute("data-unsaved", "false")
    _go_to_uptake(page)
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-planes").click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(3, timeout=60_000)
    for plane in (coronal, axial):  # the point lies in both
        expect(plane.view.locator(".svg-layer text")).to_have_count(2)
    assert coronal.lines("mm") == length
    expect(axial.view.locator(".svg-layer text").filter(has_text="Area")).to_be_visible()
    _turned(page, axial, coronal)
    page.get_by_test_id("tool-save").click()
    page.get_by_test_id("laid-curve").filter(has_text="Aorta").click()
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(4, timeout=60_000)
    expect(page.get_by_test_id("curve-length")).to_have_text(f"Length {along(curve, 2)[0]:.1f} mm")
    page.get_by_test_id("curve-edit").click()  # a tap on a plane changes nothing until then
    assert np.allclose(_curve_points(axial.view), curve, atol=1e-4)


def _curve_points(view: Locator) -> Array:
    """Where they are in the patient."""
    handles = view.get_by_test_id("curve-point")
    return np.array([(one.get_attribute("data-world") or "").split() for one in handles.all()], float)


def _curved(page: Page) -> Array:
    """A curve is laid with taps: the picture along it has the values of numpy, and its length is right. Its points."""
    page.get_by_test_id("tool-volume").click()
    page.get_by_test_id("volume-curved").click()
    axial = Plane(page.locator("[data-plane=axial]"), page)
    expect(page.locator("[data-testid=viewport-state][data-state=ready]")).to_have_count(4, timeout=60_000)
    page.wait_for_timeout(300)
    box = axial.view.bounding_box()
    assert box
    middle = (int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2))
    for right, down in ((-70, -30), (-20, -50), (25, 5), (70, 50)):
        page.mouse.click(middle[0] + right, middle[1] + down)
    expect(axial.view.get_by_test_id("curve-point")).to_have_count(4)
    handles = axial.view.get_by_test_id("curve-point")
    points = _curve_points(axial.view)
    pixel = float(axial.view.get_attribute("data-mm-per-pixel") or "nan")
    assert np.allclose(points[0], axial.world(middle[0] - 70, middle[1] - 30), atol=0.6 * pixel)
    view = page.locator("[data-curved=straightened]")
    page.get_by_test_id("curve-width").fill("20")
    canvas = view.get_by_test_id("curved-canvas")
    page.wait_for_timeout(300)
    width, height, content = view.get_by_test_id("curved-picture").evaluate(
        READ_CANVAS.replace("canvas.cornerstone-canvas", "canvas")
    )
    step = float(canvas.get_attribute("data-step") or "nan")
    length, places, ways = along(points, width)
    assert float(view.get_attribute("data-length") or "nan") == pytest.approx(length, abs=0.01)
    values = values_at(straightened(places, ways, height, step).reshape(-1, 3))
    true = np.clip((values + 300) / 800, 0, 1) * 255
    shown = np.frombuffer(base64.b64decode(content), np.uint8).reshape(-1, 4).astype(np.float64)
    inside = ~np.isnan(true) & (shown[:, 3] == 255)
    assert inside.sum() > 400
    assert np.percentile(np.abs(shown[inside, 0] - true[inside]), 99) < 2, "two greys of 255"

    coronal = page.locator("[data-plane=coronal]")
    before = coronal.get_attribute("data-plane-index")
    page.get_by_test_id("curve-along").fill(str(round(length)))
    expect(coronal).not_to_have_attribute("data-plane-index", str(before))  # the planes go where one looks
    handles.last.focus()
    page.keyboard.press("Delete")
    expect(handles).to_have_count(3)
    page.keyboard.press("Control+z")
    expect(handles).to_have_count(4)
    page.get_by_test_id("curve-name").fill("Aorta")
    return points


def _fused(page: Page, axial: Plane) -> None:
    """PET is laid over CT where the frame of reference is one, and just as dense as the slider says."""
    page.get_by_test_id("fusion").first.select_option(label="+ PT PET elsewhere")
    expect(page.get_by_test_id("fusion-refused").first).to_have_attribute("data-why", "reference")
    page.get_by_test_id("fusion").first.select_option(label="+ PT PET scanner")
    page.get_by_test_id("fusion-looks").first.click()
    off = {}
    for name, percent, ramp in LOOKS_OF_PLANES:
        page.get_by_test_id("fusion-colours").first.select_option(name)
        page.get_by_test_id("fusion-opacity").first.fill(str(percent))
        page.get_by_test_id("fusion-ramp").first.select_option(ramp)
        looks = Looks(percent / 100, table(name), ramp)
        off[name, percent, ramp] = _settled(page, partial(_plane_differs, axial, looks))
    assert {one: by for one, by in off.items() if by >= OFF} == {}
    page.get_by_test_id("fusion-looks").first.click()
    expect(page.get_by_test_id("fusion-opacity")).to_have_count(0)
    _slabs(axial, looks)
    page.mouse.move(0, 0)
    axial.view.hover()
    readout = axial.view.get_by_test_id("pixel-readout")
    expect(readout).to_contain_text("SUVbw")
    uptake = float(readout.get_attribute("data-over") or "nan")
    assert uptake in uptake_of_pet()
    assert _numbers((readout.text_content() or "").partition("SUVbw")[2]) == [pytest.approx(uptake * SUV, abs=0.006)]


def _slabs(axial: Plane, looks: Looks) -> None:
    """Slabs of both are as thick as is said, and where they are said to be."""
    off = {}
    for one in ("axial", "coronal", "sagittal") if IS_LONG else ("coronal",):
        plane = Plane(axial.page.locator(f"[data-plane={one}]"), axial.page)
        for slab in SLABS:
            plane.set_slab(slab)
            off[one, slab] = _settled(axial.page, partial(_plane_differs, plane, looks, slab))
        plane.set_slab(ALONE)
    assert {one: by for one, by in off.items() if by >= OFF} == {}


def _turned(page: Page, axial: Plane, coronal: Plane) -> None:
    """A plane that the crosshair has turned shows what lies on it, not on the one before."""
    page.get_by_test_id("crosshair").first.click()
    axial.turn_others(60, 15)
    expect(coronal.view).to_have_attribute("data-oblique", "true")
    assert np.abs(coronal.axes()[0]).max() < 0.97, "by more than 14 degrees"

    expect(page.get_by_test_id("plane-line")).to_have_count(0)  # the crosshair has its own
    before = _places(page)
    page.get_by_test_id("tool-reset").click()
    page.wait_for_timeout(300)
    assert np.allclose(_places(page)[1:], before[1:]), "a reset is one of the active plane alone"

    def differs(slab: Slab) -> float:
        shown, points = coronal.picture(5)
        true = 255 * np.clip((slab.through(values_at, points, coronal.normal()) + 300) / 800, 0, 1)
        inside = ~np.isnan(true)
        return (
            float(np.percentile(np.abs(shown[inside, 0] - true[inside]), 95)) if inside.sum() > 1000 else float("inf")
        )

    for slab in (ALONE, *SLABS):
        coronal.set_slab(slab)
        assert _settled(page, partial(differs, slab)) < OFF, slab
    places, scale = _places(page), coronal.view.get_attribute("data-mm-per-pixel") or ""
    page.set_viewport_size({"width": 900, "height": 800})
    expect(coronal.view).not_to_have_attribute("data-mm-per-pixel", scale)  # what filled its viewport fills it again
    assert np.allclose(_places(page), places), "a window of another size shows the same place"
    assert _settled(page, partial(differs, SLABS[-1])) < OFF
    page.set_viewport_size({"width": 1200, "height": 800})
    page.get_by_test_id("crosshair").first.click()


def _places(page: Page) -> Array:
    """Middle and directions of each plane on the screen."""
    views = page.locator("[data-plane]").all()
    return np.array(
        [f"{one.get_attribute('data-centre')} {one.get_attribute('data-cosines')}".split() for one in views], float
    )


def _ct(page: Page) -> Locator:
    return page.locator(f'[data-testid=viewport][data-series-uid="{fused_ct()[0].SeriesInstanceUID}"]').first


def _go_to_uptake(page: Page) -> None:
    """From the first image of the CT to the middle: planes open there too."""
    view = _ct(page)
    view.click(position={"x": 8, "y": 8})
    page.keyboard.press("Home")
    for _ in range(SLICES // 2):
        page.keyboard.press("ArrowDown")
    expect(view.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready")


def _stacked(page: Page, series: list[Dataset]) -> None:
    """Over the images of a stack too: first as a display state blends them, then as the reader wants it."""
    view = _ct(page)
    view.click(position={"x": 8, "y": 8})
    pane = page.locator("[data-testid=pane][data-active=true]")
    page.keyboard.press("Home")
    page.get_by_test_id("tool-save").click()
    page.get_by_test_id("display-state").click()
    page.keyboard.press("Escape")
    layer = view.get_by_test_id("stack-fusion").first
    expect(layer).to_have_attribute("data-shown", "true", timeout=30_000)
    _go_to_uptake(page)
    index = next(
        at for at, one in enumerate(series) if one.SOPInstanceUID == view.get_attribute("data-sop-instance-uid")
    )
    assert _settled(page, partial(_stack_differs, view, index, 20_000, Looks(0.4, table("Grayscale")))) < OFF
    off = {}
    for name, percent, ramp in LOOKS_OF_STACKS:
        pane.get_by_test_id("fusion-looks").click()
        page.get_by_test_id("fusion-opacity").fill(str(percent))
        page.get_by_test_id("fusion-colours").select_option(name)
        page.get_by_test_id("fusion-window").select_option("suv-5")
        page.get_by_test_id("fusion-ramp").select_option(ramp)
        pane.get_by_test_id("fusion-looks").click()
        looks = Looks(percent / 100, table(name), ramp)
        off[name, percent, ramp] = _settled(page, partial(_stack_differs, view, index, 5 / SUV, looks))
    full = _window_by_hand(page, view, pane)
    off["by hand"] = _settled(page, partial(_stack_differs, view, index, full / SUV, looks))
    assert {one: by for one, by in off.items() if by >= OFF} == {}
    view.hover()
    readout = view.get_by_test_id("pixel-readout")
    expect(readout).to_contain_text("SUVbw")
    column, row = (int(readout.get_attribute(f"data-{name}") or -1) for name in ("column", "row"))
    assert float(readout.get_attribute("data-values") or "nan") == voxels_of_ct()[index, row, column]
    x, y, z = np.rint((on_image(index, column, row) - PET_ORIGIN) / PET_SPACING).astype(int)
    assert float(readout.get_attribute("data-over") or "nan") == uptake_of_pet()[z, y, x]
    pane.get_by_test_id("fusion").select_option("")


def _window_by_hand(page: Page, view: Locator, pane: Locator) -> float:
    """In the field from 5 to 4.5, with the mouse by a third of the bar up to 6: the SUV of the last colour."""
    bar = view.get_by_test_id("colour-bar")
    pane.get_by_test_id("fusion-looks").click()
    page.get_by_test_id("fusion-upper").fill("4.5")
    pane.get_by_test_id("fusion-looks").click()
    expect(bar).to_have_accessible_name("Colours from 0 to 4.5 SUV")
    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + 60 - box["height"] / 3)
    page.mouse.up()
    expect(bar).to_have_accessible_name("Colours from 0 to 6 SUV")
    return 6.0


def _stack_differs(view: Locator, index: int, full: float, looks: Looks) -> float:
    """How far what is on the screen is off CT with PET over it, whose last colour is of `full` Bq/mL."""
    place = view.locator("canvas.cornerstone-canvas").bounding_box()
    assert place
    shot = np.asarray(imagecodecs.png_decode(view.page.screenshot(clip=place)))[:, :, :3].astype(np.float64)  # type: ignore[arg-type]
    fit = Fit(place["width"], place["height"], SIZE, SIZE, ASPECT)
    y, x = (grid.ravel() for grid in np.mgrid[110 : shot.shape[0] - 110 : 3, 110 : shot.shape[1] - 110 : 3])
    columns, rows = fit.pixel(x + 0.5, y + 0.5)
    points = on_image(index, columns, rows)
    return _off(shot[y, x], greys_of_ct(points), level_of_pet(points, full), looks)


def _settled(page: Page, differs: Callable[[], float]) -> float:
    """Drawn by software it takes its time."""
    found = differs()
    for _ in range(30):
        if found < OFF:
            break
        page.wait_for_timeout(400)
        found = differs()
    return round(found, 1)


def _uptake_in(plane: Plane, centre: Array, across: float, along: float) -> float:
    """The mean of the columns of voxels that meet the ellipse; the plane is one of the PET's own."""
    right, down = plane.axes()
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(PET_SIZE), np.arange(PET_SIZE)))
    points = PET_ORIGIN + PET_SPACING * np.stack([x, y, np.zeros_like(x)], axis=1)
    points[:, 2] = centre[2]
    away = points - centre
    inside = ((away @ right) / across) ** 2 + ((away @ down) / along) ** 2 <= 1
    return float(values_at(points[inside], uptake_of_pet(), PET_ORIGIN, np.eye(3), np.full(3, PET_SPACING)).mean())


TIMES, PLACES = 4, 3


def _moving() -> list[Dataset]:
    """The same three places at four times, sent in no order of time."""
    made = ct_series(TIMES * PLACES, study="moving", rows=SIZE, columns=SIZE)
    for number, dataset in enumerate(made):
        time, place = number % TIMES, number // TIMES
        dataset.RescaleSlope, dataset.RescaleIntercept = 1 + 0.5 * time, -1000  # of a PET each moment has its own
        dataset.PixelSpacing, dataset.ImagePositionPatient = [1.0, 1.0], [0.0, 0.0, 5.0 * place]
        dataset.TemporalPositionIdentifier, dataset.TriggerTime = TIMES - time, 250.0 * (TIMES - 1 - time)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 0
        noise = np.random.default_rng(number).integers(0, 900, (SIZE, SIZE))
        dataset.PixelData = noise.astype("<u2").tobytes()
    return made


def test_the_curve_of_a_region_over_time_is_that_of_numpy(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    series = _moving()
    write_folder(series, tmp_path / "moving")
    dcmsend(module_node, tmp_path / "moving")
    page.set_viewport_size({"width": 1000, "height": 760})
    sign_in(page, module_node)
    page.goto(f"{module_node.web_url}#/study/{series[0].StudyInstanceUID}")
    expect(page.get_by_test_id("viewport-state").first).to_have_attribute("data-state", "ready", timeout=60_000)
    _measure(page, "rectangle")
    view = page.get_by_test_id("viewport").first
    box = view.locator("canvas.cornerstone-canvas").bounding_box()
    assert box
    fit = Fit(int(box["width"]), int(box["height"]), SIZE, SIZE, 1.0)
    ends = [(int(box["width"] / 2) + at, int(box["height"] / 2) + at) for at in (-70, 95)]
    page.mouse.move(box["x"] + ends[0][0], box["y"] + ends[0][1])
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.move(box["x"] + ends[1][0], box["y"] + ends[1][1])
    page.wait_for_timeout(100)
    page.mouse.up()
    _measure(page, "curve")
    expect(page.get_by_test_id("curve")).to_have_attribute("data-state", "drawn", timeout=30_000)
    with page.expect_download() as downloading:
        page.get_by_test_id("curve-csv").click()
    rows = list(csv.DictReader(Path(downloading.value.path()).read_text().splitlines()))
    columns, lines = fit.pixel(*np.array(ends, float).T)
    inside = np.ix_(*(np.arange(np.ceil(low), np.floor(high) + 1).astype(int) for low, high in (lines, columns)))
    shown = view.get_attribute("data-sop-instance-uid")
    here = next(one.ImagePositionPatient for one in series if shown == one.SOPInstanceUID)
    same = sorted((one for one in series if one.ImagePositionPatient == here), key=lambda one: one.TriggerTime)
    values = [float(one.RescaleSlope) * one.pixel_array[inside] - 1000 for one in same]
    assert [float(row["time_ms"]) for row in rows] == [0, 250, 500, 750]
    assert [int(row["samples"]) for row in rows] == [one.size for one in values]
    assert [float(row["mean"]) for row in rows] == pytest.approx([one.mean() for one in values])
    assert [float(row["standard_deviation"]) for row in rows] == pytest.approx([one.std() for one in values])
    assert {row["unit"] for row in rows} == {"HU"}
