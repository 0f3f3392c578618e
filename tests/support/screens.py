"""The screens of the viewer, one after another, and what is wrong with one that stands: layout, language, WCAG."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page, expect

from tests.support.fingers import Fingers
from tests.support.process import ROOT

LANGUAGES: Final = ("en", "ru", "kk", "ky")
SIZES: Final = ((1440, 900), (1024, 768), (390, 844), (360, 640))
"""A workstation, a tablet on its side, a phone, a small phone: CSS pixels."""

_INSPECTOR: Final = Path(__file__).with_name("inspector.js").read_text(encoding="utf-8")
_AXE: Final = ROOT / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
_AXE_RUN: Final = """tags => axe.run(document, {runOnly: tags, resultTypes: ["violations"]}).then(({violations}) =>
    violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary: why}) => `${id}: ${target} ${why}`)))"""
_AXE_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def _texts(language: str) -> dict[str, set[str]]:
    """The texts of a language's catalogue by the name of the message."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "viewer" / "src" / "i18n" / language).glob("*.ts")):
        source = path.read_text(encoding="utf-8")
        for name, text in re.findall(r'^\s+"?([\w.-]+)"?:\s*\n?\s*"((?:[^"\\]|\\.)*)",?$', source, re.MULTILINE):
            found.setdefault(name, set()).add(text.replace('\\"', '"').replace("\\\\", "\\"))
    return found


def foreign_texts(language: str) -> list[str]:
    """Texts of the other languages that no screen of this one may show: what is the same word here is none of them."""
    own = {text for texts in _texts(language).values() for text in texts}
    others = {text for other in LANGUAGES if other != language for texts in _texts(other).values() for text in texts}
    return sorted(text for text in others - own if re.search(r"[^\W\d_]{4}", text))


def inspect(page: Page, language: str) -> list[str]:
    """What a reader of this language would find cut off, one over another, too small to press or not translated."""
    told: list[str] = page.evaluate(_INSPECTOR, {"language": language, "texts": foreign_texts(language)})
    return told


def axe(page: Page) -> list[str]:
    """The violations of WCAG 2.2 A and AA that axe-core finds."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    told: list[str] = page.evaluate(_AXE_RUN, _AXE_TAGS)
    return told


@dataclass
class Walk:
    """A browser that goes through the screens of a node, and the studies it meets by what they are called here."""

    page: Page
    url: str
    name: str
    password: str
    language: str
    studies: Mapping[str, str]

    def find(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def press(self, *names: str) -> None:
        for name in names:
            self.find(name).first.click()

    def escape(self, closed: str) -> None:
        self.page.keyboard.press("Escape")
        expect(self.find(closed)).to_have_count(0)

    def study(self, name: str) -> None:
        self.page.goto(f"{self.url}#/study/{self.studies[name]}")
        expect(self.find("patient-title")).to_be_visible(timeout=30_000)

    def images(self) -> None:
        state = self.page.locator("[data-testid=pane][data-active=true] [data-testid=viewport-state]")
        expect(state).to_have_attribute("data-state", "ready", timeout=60_000)

    def tool(self, name: str) -> None:
        """Press a tool, where it stands in the view menu on a phone."""
        button = self.find(f"tool-{name}")
        if button.is_visible():
            button.click()
        else:
            self.press("tool-view", f"more-{name}")


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
    walk.find("login-name").fill(walk.name)
    walk.find("login-password").fill(walk.password)
    walk.press("login-submit")
    expect(walk.find("worklist-row").first).to_be_visible(timeout=30_000)


def _wrong_dates(walk: Walk) -> None:
    walk.find("worklist-dates-from").fill("31.02.2026")
    walk.find("worklist-dates-to").press("Enter")
    expect(walk.find("date-wrong")).to_be_visible()


def _nothing_found(walk: Walk) -> None:
    walk.find("worklist-dates-from").fill("")
    walk.find("worklist-search").fill("no such patient")
    expect(walk.find("worklist-empty")).to_be_visible()


def _popup(name: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.find("worklist-search").fill("")
        walk.page.keyboard.press("Escape")
        if not walk.find(f"popup-{name}").is_visible():
            return
        walk.press(f"popup-{name}")
        expect(walk.find(f"popup-{name}-content")).to_be_visible()

    return go


def _selection(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.press("select-studies", "worklist-row")
    expect(walk.find("export-selected")).to_be_visible()


def _import(walk: Walk) -> None:
    walk.press("selection-end", "import-open")
    walk.find("import-files").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no DICOM"})
    expect(walk.find("import-state")).to_have_attribute("data-state", "done", timeout=30_000)


def _timeline(walk: Walk) -> None:
    walk.press("import-close")
    walk.study("images")
    walk.images()
    walk.press("timeline-open" if walk.find("timeline-open").is_visible() else "name-timeline")
    expect(walk.find("timeline-study").first).to_be_visible(timeout=30_000)


def _stack(walk: Walk) -> None:
    walk.escape("timeline")
    walk.images()


def _context_menu(walk: Walk) -> None:
    walk.page.keyboard.press("Shift+F10")
    expect(walk.page.locator(".context-menu")).to_be_visible()


def _export(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
    walk.press("export-open", "export-series")
    expect(walk.find("export-one-series").first).to_be_visible()


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
    walk.press("prior")
    walk.images()


def _editor(walk: Walk) -> None:
    walk.page.keyboard.press("Escape")
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
    walk.press("cine-close")
    walk.page.keyboard.press("F4")
    expect(walk.find("step-pad")).to_be_focused()


def _measured(walk: Walk) -> None:
    walk.press("steps-close", "tool-measure", "tool-ellipse")
    box = walk.page.locator("[data-testid=pane][data-active=true] [data-testid=viewport]").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if walk.page.evaluate("navigator.maxTouchPoints > 0"):
        Fingers(walk.page).stroke(((x, y), (x + 40, y + 30)))
    else:
        walk.page.mouse.move(x, y)
        walk.page.mouse.down()
        walk.page.mouse.move(x + 40, y + 30, steps=3)
        walk.page.mouse.up()
    expect(walk.page.locator(".svg-layer text")).to_have_count(1)


def _curve(walk: Walk) -> None:
    walk.press("tool-measure", "tool-curve")
    expect(walk.find("curve")).to_be_visible()


def _leave(walk: Walk) -> None:
    walk.press("curve-close", "back")
    expect(walk.find("leave-guard")).to_be_visible()


def _planes(walk: Walk) -> None:
    if walk.find("leave-anyway").is_visible():
        walk.press("leave-anyway")
        expect(walk.find("worklist-row").first).to_be_visible(timeout=30_000)
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
    walk.press("fusion-looks", "tool-volume", "volume-solid")
    expect(walk.find("solid-cut").first).to_be_visible(timeout=30_000)
    walk.images()


def _cut(walk: Walk) -> None:
    walk.press("solid-cut")
    expect(walk.find("cut-left")).to_be_visible()


def _document(name: str, ready: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.study(name)
        expect(walk.page.locator(ready).first).to_be_visible(timeout=60_000)

    return go


def _page(address: str, name: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.page.goto(f"{walk.url}#/{address}")
        expect(walk.find(name).first).to_be_visible(timeout=30_000)
        walk.page.wait_for_load_state("networkidle")

    return go


def _account_menu(walk: Walk) -> None:
    walk.press("back", "popup-account")
    expect(walk.find("popup-account-content")).to_be_visible()


@dataclass(frozen=True, slots=True)
class Screen:
    """One state of the viewer that people see, and the way to it from the one before."""

    name: str
    open: Callable[[Walk], None]


SCREENS: Final[Sequence[Screen]] = (
    Screen("sign-in", _sign_in),
    Screen("wrong-password", _wrong_password),
    Screen("worklist", _worklist),
    Screen("wrong-dates", _wrong_dates),
    Screen("nothing-found", _nothing_found),
    Screen("searches", _popup("searches")),
    Screen("sort", _popup("sort")),
    Screen("columns", _popup("columns")),
    Screen("selection", _selection),
    Screen("import", _import),
    Screen("timeline", _timeline),
    Screen("stack", _stack),
    Screen("context-menu", _context_menu),
    Screen("export", _export),
    *(
        Screen(f"menu-{name}", _menu(name))
        for name in ("layout", "volume", "measure", "preset", "colour", "view", "save", "compare")
    ),
    Screen("prior", _prior),
    Screen("hanging-editor", _editor),
    Screen("help", _help),
    Screen("cine", _cine),
    Screen("steps", _steps),
    Screen("measured", _measured),
    Screen("curve", _curve),
    Screen("leave", _leave),
    Screen("mpr", _planes),
    Screen("fusion", _fused),
    Screen("fusion-looks", _looks),
    Screen("solid", _solid),
    Screen("solid-cut", _cut),
    Screen("report", _document("report", "[data-testid=report]")),
    Screen("pdf", _document("pdf", "[data-testid=pdf-page][data-drawn=true]")),
    Screen("waveform", _document("waveform", "[data-testid=waveform][data-ready=true]")),
    Screen("devices", _page("devices", "devices")),
    Screen("queue", _page("queue", "queue")),
    Screen("display", _page("display", "display")),
    Screen("settings", _page("settings", "own-session")),
    Screen("accounts", _page("accounts", "permissions")),
    Screen("account-menu", _account_menu),
)


def walked(walk: Walk) -> Iterator[Screen]:
    """Every screen, one after another, each as it stands."""
    for screen in SCREENS:
        screen.open(walk)
        yield screen
