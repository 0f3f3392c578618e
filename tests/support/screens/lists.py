"""Signing in, the worklist, and what is opened from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from playwright.sync_api import expect

from tests.support.screens.walk import Screen, Walk, fold, unfold


def _sign_in(walk: Walk) -> None:
    walk.page.goto(walk.url)
    walk.page.evaluate("language => localStorage.setItem('suret.language', language)", walk.language)
    walk.page.reload()
    expect(walk.find("login-submit")).to_be_visible(timeout=30_000)


def _wrong_password(walk: Walk) -> None:
    walk.find("login-name").fill(walk.name)
    walk.find("login-password").fill("wrong")
    walk.press("login-submit")
    expect(walk.find("login-failure")).to_be_visible(timeout=30_000)


def _worklist(walk: Walk) -> None:
    if walk.find("login-submit").is_visible():
        walk.sign_in()
    expect(walk.find("worklist-row").first).to_be_visible(timeout=30_000)


def _wrong_dates(walk: Walk) -> None:
    walk.unfold()
    walk.find("worklist-dates-from").fill("31.02.2026")
    walk.find("worklist-dates-to").press("Enter")
    expect(walk.find("date-wrong")).to_be_visible()


def _rarer_modalities(walk: Walk) -> None:
    walk.unfold()
    walk.find("worklist-dates-from").fill("")
    for modality in ("SM", "ECG"):
        walk.find("modality-other").select_option(modality)
        expect(walk.find(f"modality-{modality}")).to_be_visible()


def _nothing_found(walk: Walk) -> None:
    walk.unfold()
    for modality in ("SM", "ECG"):
        walk.leave(f"modality-{modality}")
    walk.find("worklist-dates-from").fill("")
    walk.find("worklist-search").fill("no such patient")
    expect(walk.find("worklist-empty")).to_be_visible()


def _popup(name: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.find("worklist-search").fill("")
        walk.page.keyboard.press("Escape")
        (fold if name == "sort" else unfold)(walk.page)
        if not walk.find(f"popup-{name}").is_visible():
            return
        walk.press(f"popup-{name}")
        expect(walk.find(f"popup-{name}-content")).to_be_visible()

    return go


def _selection(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.unfold()
    walk.press("select-studies", "worklist-row")
    expect(walk.find("export-selected")).to_be_visible()


def _correction(walk: Walk) -> None:
    walk.press("selection-correct")
    expect(walk.find("correction-reason")).to_be_visible(timeout=30_000)


def _corrected(walk: Walk) -> None:
    walk.find("correction-AccessionNumber").fill(f"A{time.time_ns() % 10**12}")
    walk.find("correction-reason").fill("Каттоо кызматкери башка изилдөөнүн номерин жазып койгон")
    before = walk.find("correction-entry").count()
    walk.press("correction-do")
    expect(walk.find("correction-entry")).to_have_count(before + 1, timeout=30_000)


def _deletion(walk: Walk) -> None:
    walk.leave("correction-close")
    walk.press("selection-delete")
    expect(walk.find("deletion-reason")).to_be_visible(timeout=30_000)


def _sides(walk: Walk) -> None:
    """A study whose images say of which side they are: the only one of its modality."""
    walk.leave("deletion-close")
    walk.leave("selection-end")
    walk.unfold()
    walk.press("modality-MG", "select-studies")
    expect(walk.find("worklist-row")).to_have_count(1, timeout=30_000)
    walk.press("worklist-row", "selection-correct")
    walk.find("correction-ImageLaterality").first.select_option("U", timeout=30_000)


def _merge(walk: Walk) -> None:
    walk.leave("correction-close")
    walk.unfold()
    walk.press("modality-US")
    fold(walk.page)
    walk.page.locator(f"[data-study-uid='{walk.studies['loops']}']").click()
    walk.press("selection-merge")
    walk.find("merge-stays").first.check(timeout=30_000)
    walk.find("merge-sure").check()
    walk.find("merge-reason").fill("Эки ирет катталган")


def _merged(walk: Walk) -> None:
    walk.press("merge-do")
    expect(walk.find("merge-done")).to_be_visible(timeout=30_000)


def _import(walk: Walk) -> None:
    if walk.find("merge-undo").is_visible():
        walk.press("merge-undo")
        expect(walk.find("merge-party")).to_have_count(2, timeout=30_000)
    walk.page.keyboard.press("Escape")
    walk.leave("selection-end")
    walk.unfold()
    for modality in ("MG", "US"):
        if walk.find(f"modality-{modality}").get_attribute("aria-pressed") == "true":
            walk.press(f"modality-{modality}")
    walk.press("import-open")
    walk.find("import-files").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no DICOM"})
    expect(walk.find("import-state")).to_have_attribute("data-state", "done", timeout=30_000)


def _saved_search(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.find("worklist-search").fill("e")
    walk.unfold()
    walk.press("popup-searches")
    walk.find("search-name").fill("Көкүрөк көңдөйүнүн компьютердик томографиясы, окула элек")
    walk.press("search-save")
    expect(walk.find("saved-search").first).to_be_visible()


def _device_panel(walk: Walk) -> None:
    walk.leave("import-close")
    walk.unfold()
    walk.press("device-open")
    expect(walk.find("device-panel")).to_be_visible(timeout=30_000)


LISTS: Final[Sequence[Screen]] = (
    Screen("sign-in", _sign_in),
    Screen("wrong-password", _wrong_password),
    Screen("worklist", _worklist, fresh=True),
    Screen("wrong-dates", _wrong_dates),
    Screen("rarer-modalities", _rarer_modalities),
    Screen("nothing-found", _nothing_found),
    Screen("searches", _popup("searches")),
    Screen("search-saved", _saved_search),
    Screen("sort", _popup("sort")),
    Screen("columns", _popup("columns")),
    Screen("selection", _selection),
    Screen("correction", _correction),
    Screen("corrected", _corrected),
    Screen("deletion", _deletion),
    Screen("correction-sides", _sides),
    Screen("merge", _merge),
    Screen("merged", _merged),
    Screen("import", _import),
    Screen("device-panel", _device_panel),
)
