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


def _device_mistakes(walk: Walk) -> None:
    form = walk.find("register")
    form.locator("[name=ae_title]").fill("MAMMOGRAPHY_PACS")
    form.locator("[name=host]").fill("127.0.0.1")
    form.locator("[name=port]").fill("none")
    form.locator("[type=checkbox]").first.uncheck()
    form.locator("[type=submit]").click()
    expect(form.get_by_test_id("port-mistake")).to_be_visible()


def _device_silent(walk: Walk) -> None:
    """Nobody listens there; what the node says of it in its own words is unfolded."""
    if walk.find("device").count() == 0:
        form = walk.find("register")
        form.locator("[name=port]").fill("1")
        form.locator("[type=checkbox]").first.check()
        form.locator("[type=submit]").click()
    walk.press("echo")
    expect(walk.find("echo-result").first).to_have_class("bad", timeout=60_000)
    walk.find("device").first.locator("summary").click()


def _device_change(walk: Walk) -> None:
    walk.press("device-change")
    form = walk.find("change")
    for name in ("host", "port"):
        form.locator(f"[name={name}]").fill("")
    form.locator("[type=submit]").click()
    expect(form.get_by_test_id("host-mistake")).to_be_visible(timeout=30_000)


def _send(walk: Walk) -> None:
    walk.page_of(f"queue/{walk.studies['images']}", "send-form")


def _unsent(walk: Walk) -> None:
    """To the device that is silent."""
    walk.find("send-form").locator("[name=destination]").select_option(index=1)
    walk.find("send-form").locator("[type=submit]").click()
    error = walk.find("job-error").first
    expect(error).to_be_visible(timeout=60_000)
    error.locator("summary").click()


def _wrong_own_password(walk: Walk) -> None:
    walk.press("password-open")
    walk.find("password-current").fill("not this one")
    for field in ("next", "again"):
        walk.find(f"password-{field}").fill("seven-quiet-herons")
    walk.press("password-submit")
    expect(walk.find("password-current-mistake")).to_be_visible(timeout=30_000)


def _account_taken(walk: Walk) -> None:
    walk.page.locator("[name=account_name]").fill(walk.name)
    walk.find("account-form").locator("[type=submit]").click()
    expect(walk.find("account_name-mistake")).to_be_visible(timeout=30_000)


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


def _weak_password(walk: Walk) -> None:
    walk.find("password-current").fill(walk.password)
    for field in ("next", "again"):
        walk.find(f"password-{field}").fill("aaaaaaaaaaaa")
    walk.press("password-submit")
    expect(walk.find("password-next-mistake")).to_be_visible(timeout=30_000)


PAGES: Final[Sequence[Screen]] = (
    Screen("report", _document("report", "[data-testid=report]"), fresh=True),
    Screen("pdf", _document("pdf", "[data-testid=pdf-page][data-drawn=true]"), fresh=True),
    Screen("waveform", _document("waveform", "[data-testid=waveform][data-ready=true]"), fresh=True),
    Screen("slide", _document("slide", "[data-testid=slide-bar]"), fresh=True),
    Screen("video", _document("video", "[data-testid=document][data-form=video]"), fresh=True),
    Screen("unknown-study", _unknown, fresh=True),
    Screen("devices", _page("devices", "devices"), fresh=True),
    Screen("device-mistakes", _device_mistakes),
    Screen("device-silent", _device_silent),
    Screen("device-change", _device_change),
    Screen("queue", _page("queue", "queue"), fresh=True),
    Screen("send", _send, fresh=True),
    Screen("unsent", _unsent),
    Screen("display", _page("display", "display"), fresh=True),
    Screen("settings", _page("settings", "own-session"), fresh=True),
    Screen("wrong-own-password", _wrong_own_password),
    Screen("accounts", _page("accounts", "permissions"), fresh=True),
    Screen("account-taken", _account_taken),
    Screen("account-menu", _account_menu),
    Screen("signed-out", _covered, fresh=True),
    Screen("new-password", _new_password),
    Screen("weak-password", _weak_password),
)
