"""Fingers on a page, as a phone reports them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from playwright.sync_api import Page

Point = tuple[float, float]

QUICK_MS: Final = 20
"""Between two events of a finger, as a screen reports them."""


class Fingers:
    """Strokes of one or more fingers, in CSS pixels of the page; how quick they are does not depend on the machine."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._now_s = 0.0
        self._devtools = page.context.new_cdp_session(page)

    def stroke(self, *paths: tuple[Point, Point], steps: int = 6, pause_ms: float = 30) -> None:
        """Each finger along its path, all at once, in `steps` with pauses between them."""
        self._now_s = time.time()
        self._touch("touchStart", [begin for begin, _ in paths])
        for step in range(1, steps + 1):
            share = step / steps
            self._now_s += max(pause_ms, QUICK_MS) / 1000
            self._touch("touchMove", [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in paths])
            if pause_ms:
                self._page.wait_for_timeout(pause_ms)
        self._touch("touchEnd", [])

    def rest(self, place: Point, milliseconds: float = 800) -> None:
        """One finger put down and lifted again, without a move."""
        self._now_s = time.time()
        self._touch("touchStart", [place])
        self._page.wait_for_timeout(milliseconds)
        self._now_s = time.time()
        self._touch("touchEnd", [])

    def _touch(self, kind: str, points: Sequence[Point]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self._devtools.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches, "timestamp": self._now_s}
        )
