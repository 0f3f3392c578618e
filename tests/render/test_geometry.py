"""Cropping, flipping and scaling."""

from __future__ import annotations

import numpy as np
import pytest

from pacs.errors import QueryRefused
from pacs.render.geometry import crop, scaled, size
from pacs.render.values import Viewport


def fit(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return scaled(pixels, *size(pixels.shape[0], pixels.shape[1], 1.0, Viewport(width, height)))


IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ((None, None, None, None), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]),
        ((1, 1, 2, 1), [[5, 6]]),
        ((1, 1, -2, 1), [[6, 5]]),
        ((0, 0, 1, -3), [[8], [4], [0]]),
        ((2, None, None, None), [[2, 3], [6, 7], [10, 11]]),
        ((2, 2, 100, 100), [[10, 11]]),
        ((0.5, 0.5, 1, 1), [[0, 1], [4, 5]]),
    ],
)
def test_source_regions(region: tuple[float | None, ...], expected: list[list[int]]) -> None:
    assert crop(IMAGE, Viewport(9, 9, *region)).tolist() == expected


@pytest.mark.parametrize("region", [(4, 0, 1, 1), (0, 3, 1, 1), (1e300, 0, 1, 1)])
def test_a_region_outside_the_image_is_refused(region: tuple[float, ...]) -> None:
    with pytest.raises(QueryRefused, match="outside"):
        crop(IMAGE, Viewport(9, 9, *region))


@pytest.mark.parametrize(
    ("shape", "viewport", "expected"),
    [
        ((100, 200), (50, 50), (25, 50)),
        ((200, 100), (50, 50), (50, 25)),
        ((10, 20), (100, 100), (50, 100)),
        ((1, 5000), (64, 64), (1, 64)),
        ((64, 64), (64, 64), (64, 64)),
        ((100, 200, 3), (50, 60), (25, 50, 3)),
    ],
)
def test_the_aspect_is_kept(shape: tuple[int, ...], viewport: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert fit(np.zeros(shape, np.uint8), *viewport).shape == expected


def test_what_is_flat_stays_flat_and_what_is_bright_stays_bright() -> None:
    assert np.unique(fit(np.full((333, 77, 3), 201, np.uint8), 50, 50)).tolist() == [201]
    checked = np.indices((400, 400)).sum(axis=0) % 2 * np.uint8(255)
    assert abs(float(fit(checked.astype(np.uint8), 37, 37).mean()) - 127.5) < 2


def test_a_ramp_keeps_its_order_both_ways() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    for width in (64, 1000):
        row = fit(ramp, width, 10_000)[0].astype(int)
        assert (np.diff(row) >= 0).all()
        assert row[0] <= 2
        assert row[-1] >= 253


def test_nothing_is_skipped_when_shrinking() -> None:
    lines = np.zeros((1000, 1000), np.uint8)
    lines[::10] = 255
    assert fit(lines, 50, 50).min() > 0
