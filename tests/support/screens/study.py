"""An open study: images and series are rejected in it, its image has the screen alone, it has loops or states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from playwright.sync_api import expect

from tests.support.screens.walk import Screen, Walk


def _series_menu(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.study("images")
    walk.images()
    walk.find("series-thumbnail").first.click(button="right")
    expect(walk.find("context-reject-series")).to_be_visible()


def _reject_series(walk: Walk) -> None:
    walk.press("context-reject-series")
    walk.page.get_by_role("radio").last.check()  # an image past its time: the longest words
    expect(walk.find("rejection-explained")).to_be_visible()


def _reject_image(walk: Walk) -> None:
    """Something is marked on it that nobody has saved."""
    walk.escape("rejection-close")
    walk.page.locator("[data-active=true] [data-testid=viewport]").focus()
    walk.page.keyboard.press("k")
    walk.page.keyboard.press("Shift+F10")
    walk.press("context-reject-image")
    expect(walk.find("rejection-unsaved")).to_be_visible()
    walk.page.get_by_role("radio").first.check()


def _rejected(walk: Walk) -> None:
    before = walk.find("deletion-entry").count()
    walk.press("rejection-do")
    expect(walk.find("deletion-entry")).to_have_count(before + 1, timeout=30_000)


def _restored(walk: Walk) -> None:
    """What others read goes on being there."""
    walk.press("deletion-restore")
    expect(walk.find("deletion-entry")).to_have_count(0, timeout=30_000)


def _full_screen(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.study("images")
    walk.images()
    walk.page.keyboard.press("F11")
    expect(walk.find("study")).to_have_attribute("data-alone", "true")


def _full_screen_bars(walk: Walk) -> None:
    walk.page.mouse.move(150, 1, steps=2)
    expect(walk.find("study")).to_have_attribute("data-bars", "true")


def _loops(walk: Walk) -> None:
    """Of several in one series, one is played by itself."""
    walk.page.keyboard.press("Escape")
    walk.study("loops")
    walk.images()
    walk.tool("cine")
    expect(walk.find("cine-bar")).to_be_visible()


def _state(walk: Walk) -> None:
    walk.study("state")
    walk.images()
    walk.find("series-thumbnail").filter(has_text="PR").click()
    expect(walk.find("state-show")).to_be_visible(timeout=30_000)


STUDY: Final[Sequence[Screen]] = (
    Screen("series-menu", _series_menu, fresh=True),
    Screen("reject-series", _reject_series),
    Screen("reject-image", _reject_image),
    Screen("rejected", _rejected),
    Screen("restored", _restored),
    Screen("full-screen", _full_screen, fresh=True),
    Screen("full-screen-bars", _full_screen_bars),
    Screen("loops", _loops, fresh=True),
    Screen("state", _state, fresh=True),
)
