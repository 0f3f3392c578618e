"""Planes, renderings and curves through a series, and what lies over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from playwright.sync_api import expect

from tests.support.screens.walk import Screen, Walk


def _planes(walk: Walk) -> None:
    walk.study("fused")
    walk.images()
    walk.press("tool-volume", "volume-planes")
    walk.images()


def _fused(walk: Walk) -> None:
    walk.find("fusion").first.select_option(index=1)
    expect(walk.find("fusion-looks").first).to_be_visible(timeout=30_000)
    walk.images()


def _looks(walk: Walk) -> None:
    walk.press("fusion-looks")
    expect(walk.find("fusion-opacity")).to_be_visible()


def _solid(walk: Walk) -> None:
    if walk.find("fusion-opacity").is_visible():
        walk.press("fusion-looks")
    walk.press("tool-volume", "volume-solid")
    expect(walk.find("solid-cut").first).to_be_visible(timeout=30_000)
    walk.images()


def _cut(walk: Walk) -> None:
    walk.press("solid-cut")
    expect(walk.find("cut-left")).to_be_visible()


def _four(walk: Walk) -> None:
    walk.press("solid-cut", "tool-volume", "volume-planesAndSolid")
    walk.images()


def _curve_hint(walk: Walk) -> None:
    walk.press("tool-volume", "volume-curved")
    expect(walk.page.locator("[data-testid=curve-hint]")).to_have_count(1, timeout=60_000)
    walk.images()


def _curve_laid(walk: Walk) -> None:
    x, y = walk.viewport()
    for number, (right, down) in enumerate(((-40, -20), (-10, -30), (15, 0), (40, 15)), 1):
        walk.page.mouse.click(x + right, y + down)
        expect(walk.page.locator("[data-active=true] [data-testid=curve-point]")).to_have_count(number)


def _curved(walk: Walk) -> None:
    """A phone shows the planes or the picture along the curve."""
    switch = walk.find("pane-switch")
    if switch.first.is_visible():
        switch.last.click()
    expect(walk.find("curved-picture")).to_be_visible(timeout=30_000)


def _moments(walk: Walk) -> None:
    walk.study("moments")
    walk.images()
    walk.press("tool-volume", "volume-planes")
    walk.images()
    expect(walk.find("phases").first).to_be_visible()


def _refused(walk: Walk) -> None:
    walk.study("uneven")
    walk.images()
    walk.press("tool-volume", "volume-solid")
    expect(walk.find("volume-refused")).to_be_visible(timeout=30_000)


def _marks(walk: Walk) -> None:
    walk.study("marked")
    walk.images()
    walk.press("marks-button")
    expect(walk.find("marks-panel")).to_be_visible()
    walk.find("marks-shown").first.check()
    expect(walk.find("marks-opacity").first).to_be_visible(timeout=30_000)


DEPTH: Final[Sequence[Screen]] = (
    Screen("mpr", _planes, fresh=True),
    Screen("fusion", _fused),
    Screen("fusion-looks", _looks),
    Screen("solid", _solid),
    Screen("solid-cut", _cut),
    Screen("planes-and-solid", _four),
    Screen("curve-hint", _curve_hint),
    Screen("curve-laid", _curve_laid),
    Screen("curved", _curved),
    Screen("moments", _moments, fresh=True),
    Screen("refused", _refused, fresh=True),
    Screen("marks", _marks, fresh=True),
)
