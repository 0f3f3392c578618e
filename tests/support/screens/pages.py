"""Documents, and the pages beside the worklist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from playwright.sync_api import expect

from tests.support.screens.walk import Screen, Walk


def _document(name: str, ready: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.study(name)
        expect(walk.page.locator(ready).first).to_be_visible(timeout=60_000)

    return go


def _page(address: str, name: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.page_of(address, name)
        walk.page.wait_for_load_state("networkidle")

    return go


def _unknown(walk: Walk) -> None:
    walk.page_of("study/1.2.3.4.5", "study-unknown")


def _send(walk: Walk) -> None:
    walk.page_of(f"queue/{walk.studies['images']}", "send-form")


def _account_menu(walk: Walk) -> None:
    walk.press("back", "popup-account")
    expect(walk.find("popup-account-content")).to_be_visible()


def _covered(walk: Walk) -> None:
    """The session ends over a study."""
    walk.study("images")
    walk.images()
    walk.page.context.clear_cookies()
    walk.page.reload()
    expect(walk.find("login-submit")).to_be_visible(timeout=30_000)


def _new_password(walk: Walk) -> None:
    walk.find("login-name").fill(walk.newcomer)
    walk.find("login-password").fill(walk.password)
    walk.press("login-submit")
    expect(walk.find("password-submit")).to_be_visible(timeout=30_000)


PAGES: Final[Sequence[Screen]] = (
    Screen("report", _document("report", "[data-testid=report]"), fresh=True),
    Screen("pdf", _document("pdf", "[data-testid=pdf-page][data-drawn=true]"), fresh=True),
    Screen("waveform", _document("waveform", "[data-testid=waveform][data-ready=true]"), fresh=True),
    Screen("slide", _document("slide", "[data-testid=slide-bar]"), fresh=True),
    Screen("video", _document("video", "[data-testid=document][data-form=video]"), fresh=True),
    Screen("unknown-study", _unknown, fresh=True),
    Screen("devices", _page("devices", "devices"), fresh=True),
    Screen("queue", _page("queue", "queue"), fresh=True),
    Screen("send", _send, fresh=True),
    Screen("display", _page("display", "display"), fresh=True),
    Screen("settings", _page("settings", "own-session"), fresh=True),
    Screen("accounts", _page("accounts", "permissions"), fresh=True),
    Screen("account-menu", _account_menu),
    Screen("signed-out", _covered, fresh=True),
    Screen("new-password", _new_password),
)
