"""A study of images: its tools, menus and dialogs, and what lies beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from playwright.sync_api import Route, expect

from pacs.triage.results import REASONS
from tests.support.screens.walk import Screen, Walk


def _timeline(walk: Walk) -> None:
    walk.escape("device-panel")
    walk.study("images")
    walk.images()
    walk.press("timeline-open" if walk.find("timeline-open").is_visible() else "name-timeline")
    expect(walk.find("timeline-study").first).to_be_visible(timeout=30_000)


def _stack(walk: Walk) -> None:
    walk.escape("timeline")
    walk.images()


def _menu(name: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.page.keyboard.press("Escape")
        if name == "save" and not walk.find("tool-save").is_visible():
            walk.press("tool-view", "more-save")
        elif walk.find(f"tool-{name}").is_visible():
            walk.press(f"tool-{name}")
        else:
            return
        expect(walk.page.locator("[role=menu]")).to_be_visible()

    return go


def _prior(walk: Walk) -> None:
    walk.find("prior").filter(has_text="2025").click()
    walk.images()


def _stranger(walk: Walk) -> None:
    _menu("compare")(walk)
    walk.find("prior").filter(has_text="2020").click()
    walk.images()
    expect(walk.find("other-patient")).to_have_count(1)


def _context_menu(walk: Walk) -> None:
    walk.page.keyboard.press("Shift+F10")
    expect(walk.page.locator(".context-menu")).to_be_visible()


def _export(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.press("export-open", "export-series")
    expect(walk.find("export-one-series").first).to_be_visible()


def _raised(walk: Walk) -> None:
    """The list says that an AI service raised the study: what the node would say once one had."""

    def raised(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        said = {"priority": "critical", "priority_source": "Stroke triage 1.2", "reason": dict(REASONS["critical"])}
        for row in told["studies"]:
            row |= said if row["study_instance_uid"] == walk.studies["images"] else {}
        route.fulfill(response=answer, json=told)

    walk.page.keyboard.press("Escape")
    walk.page.route("**/api/worklist?*", raised)
    walk.page.goto("about:blank")
    walk.study("images")
    walk.images()
    walk.press("popup-triage")
    expect(walk.find("triage-words")).to_be_visible()
    walk.page.unroute("**/api/worklist?*")


def _mammogram(walk: Walk) -> None:
    walk.study("mammogram")
    walk.images()


def _turned(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.study("images")
    walk.images()
    for key in ("h", "]"):
        walk.page.keyboard.press(key)
    expect(walk.find("turned")).to_be_visible()


def _pictures(walk: Walk) -> None:
    walk.page.keyboard.press("F2")
    expect(walk.find("pictures-dialog")).to_be_visible(timeout=30_000)


def _film(walk: Walk) -> None:
    walk.press("pictures-subject-series", "pictures-form-mp4", "pictures-identity-removed")


def _print_choice(walk: Walk) -> None:
    walk.press("pictures-form-print", "pictures-per-page-1", "pictures-true-size")


def _print(walk: Walk) -> None:
    walk.press("pictures-subject-view", "pictures-identity-kept", "pictures-take")
    expect(walk.find("print-sheets")).to_be_visible(timeout=60_000)


def _taken(walk: Walk) -> None:
    walk.press("print-close", "pictures-form-jpeg")
    with walk.page.expect_download(timeout=60_000):
        walk.press("pictures-take")
    expect(walk.find("pictures-state")).to_have_attribute("data-kind", "done", timeout=30_000)


def _editor(walk: Walk) -> None:
    walk.escape("pictures-dialog")
    walk.study("images")
    walk.images()
    if not walk.find("tool-layout").is_visible():
        return
    walk.press("tool-layout", "hanging-new")
    expect(walk.find("hanging-editor")).to_be_visible()


def _help(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    expect(walk.page.locator("dialog[open]")).to_have_count(0)
    walk.press("tool-view", "tool-help")
    expect(walk.find("help-sheet")).to_be_visible()


def _cine(walk: Walk) -> None:
    walk.escape("help-sheet")
    walk.tool("cine")
    walk.press("cine-play")
    expect(walk.find("cine-bar")).to_have_attribute("data-playing", "false")


def _steps(walk: Walk) -> None:
    walk.leave("cine-close")
    walk.page.keyboard.press("F4")
    expect(walk.find("step-pad")).to_be_focused()


def _measured(walk: Walk) -> None:
    walk.leave("steps-close")
    walk.press("tool-measure", "tool-ellipse")
    x, y = walk.viewport()
    walk.stroke((x, y), (x + 40, y + 30))
    expect(walk.page.locator(".svg-layer text")).to_have_count(1)


def _unsaved(walk: Walk) -> None:
    walk.tool("save")
    expect(walk.page.locator("[role=menu]")).to_be_visible()


def _question(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.press("tool-measure", "tool-text")
    x, y = walk.beside(".svg-layer text")
    walk.stroke((x, y), (x + 20, y + 10))
    expect(walk.find("text-question")).to_be_visible()


def _curve(walk: Walk) -> None:
    walk.escape("text-question")
    walk.press("tool-measure", "tool-curve")
    expect(walk.find("curve")).to_be_visible()


def _leave(walk: Walk) -> None:
    walk.leave("curve-close")
    walk.press("back")
    expect(walk.find("leave-guard")).to_be_visible()


def _on_device(walk: Walk) -> None:
    walk.press("leave-anyway")
    expect(walk.find("worklist-row").first).to_be_visible(timeout=30_000)
    walk.unfold()
    walk.press("device-open")
    expect(walk.find("device-study").first).to_be_visible(timeout=30_000)


def _offline(walk: Walk) -> None:
    walk.escape("device-panel")
    walk.page.context.set_offline(True)
    walk.study("images")
    expect(walk.find("connection-note")).to_be_visible(timeout=60_000)
    walk.images()


def _waiting(walk: Walk) -> None:
    """What is done without the node is sent later."""
    walk.find("mark-read").or_(walk.find("mark-unread")).first.click()
    expect(walk.find("errands-waiting")).to_be_visible(timeout=30_000)


def _device_waiting(walk: Walk) -> None:
    walk.press("connection-device")
    expect(walk.find("device-errand").first).to_be_visible(timeout=30_000)


def _offline_list(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.press("back")
    walk.listed()  # what was not saved is still there
    expect(walk.find("device-mark").first).to_be_visible(timeout=30_000)


def _not_taken(walk: Walk) -> None:
    """The node takes nothing of it: another one did the same meanwhile."""
    walk.page.route("**/reading", lambda route: route.fulfill(status=404, json={}))
    walk.page.context.set_offline(False)
    expect(walk.find("errand-refused")).to_be_visible(timeout=60_000)


def _online(walk: Walk) -> None:
    walk.page.unroute("**/reading")
    walk.page.context.set_offline(False)
    walk.leave("errand-close")
    expect(walk.find("connection-note")).to_have_count(0, timeout=60_000)
    expect(walk.find("device-mark")).to_have_count(0, timeout=30_000)


MENUS: Final = ("layout", "volume", "measure", "preset", "colour", "view", "save", "compare")

READING: Final[Sequence[Screen]] = (
    Screen("timeline", _timeline, fresh=True),
    Screen("stack", _stack),
    Screen("context-menu", _context_menu),
    Screen("export", _export),
    *(Screen(f"menu-{name}", _menu(name)) for name in MENUS),
    Screen("prior", _prior),
    Screen("other-patient", _stranger),
    Screen("ai-reason", _raised, fresh=True),
    Screen("mammogram", _mammogram, fresh=True),
    Screen("turned", _turned, fresh=True),
    Screen("pictures", _pictures),
    Screen("pictures-film", _film),
    Screen("pictures-print", _print_choice),
    Screen("print-sheets", _print),
    Screen("pictures-taken", _taken),
    Screen("hanging-editor", _editor, fresh=True),
    Screen("help", _help),
    Screen("cine", _cine),
    Screen("steps", _steps),
    Screen("measured", _measured),
    Screen("unsaved", _unsaved),
    Screen("text-question", _question),
    Screen("curve", _curve),
    Screen("leave", _leave),
    Screen("on-device", _on_device),
    Screen("offline", _offline),
    Screen("waiting", _waiting),
    Screen("device-waiting", _device_waiting),
    Screen("offline-list", _offline_list),
    Screen("not-taken", _not_taken),
    Screen("online", _online),
)
