"""Measurements that the mouse draws on the image of the canvas, and what stands beside them."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom import Dataset

from tests.support.canvas import Fit


def texts(page: Page) -> Locator:
    """What measurements on the screen say."""
    return page.locator(".svg-layer text")


def draw(
    page: Page, image: Dataset, aspect: float, tool: str, begin: tuple[int, int], end: tuple[int, int]
) -> NDArray[np.float64]:
    """Columns and rows of both ends, which are whole pixels of the screen."""
    box = page.locator(".canvas-place").bounding_box()
    assert box is not None
    fit = Fit(box["width"], box["height"], image.Columns, image.Rows, aspect)
    before = texts(page).count()
    page.get_by_test_id("tool-measure").click()
    page.get_by_test_id(f"tool-{tool}").click()
    places = [fit.at(*place) for place in (begin, end)]
    ends = [(round(box["x"] + across), round(box["y"] + down)) for across, down in places]
    page.mouse.move(*ends[0])
    page.mouse.down()
    if begin != end:
        page.mouse.move(*ends[1], steps=5)
    page.mouse.up()
    expect(texts(page)).to_have_count(before + 1)
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)  # figures follow a drag ten times a second
    on_screen = np.array(ends, np.float64) - (box["x"], box["y"])
    return np.array(fit.pixel(*on_screen.T)).T


def told(page: Page) -> tuple[str, list[float]]:
    """What the last of them says: the words around its figures, and those."""
    words = (texts(page).last.text_content() or "").replace("−", "-").replace(",", "")
    figures = [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", words)]
    return re.sub(r"-?\d+(\.\d+)?", "#", words).split("RGB")[0].strip(), figures
