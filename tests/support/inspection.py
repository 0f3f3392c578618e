"""What is wrong with a screen of the viewer that stands: layout, language, WCAG, where the focus is seen, motion."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests.support.process import ROOT

LANGUAGES: Final = ("en", "ru", "kk", "ky")

_FOCUS: Final = Path(__file__).with_name("focus.js").read_text(encoding="utf-8")
_INSPECTOR: Final = Path(__file__).with_name("inspection.js").read_text(encoding="utf-8")
_AXE: Final = ROOT / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
_AXE_RUN: Final = """tags => axe.run(document, {runOnly: tags, resultTypes: ["violations"]}).then(({violations}) => {
    const layers = document.querySelectorAll(".menu, .popup, .filters-folded[data-open=true]");
    const menus = [...layers].map((one) => [one, one.getBoundingClientRect()]);
    // 2.5.8 measures targets as they stand: what its user opened over one, and closes, does not make it smaller
    const beneath = (target) => {
        const element = document.querySelector(target);
        const box = element.getBoundingClientRect();
        return box.width >= 24 && box.height >= 24 && menus.some(([menu, {left, top, right, bottom}]) =>
            !menu.contains(element) && left < box.right && right > box.left && top < box.bottom && bottom > box.top);
    };
    return violations.flatMap(({id, nodes}) => nodes
        .filter(({target}) => id !== "target-size" || target.length > 1 || !beneath(target[0]))
        .map(({target, failureSummary: why}) => `${id}: ${target} ${why}`));
})"""
_AXE_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def _texts(language: str) -> dict[str, set[str]]:
    """The texts of a language's catalogue by the name of the message."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "viewer" / "src" / "i18n" / language).glob("*.ts")):
        source = path.read_text(encoding="utf-8")
        for name, text in re.findall(r'^\s+"?([\w.-]+)"?:\s*\n?\s*"((?:[^"\\]|\\.)*)",?$', source, re.MULTILINE):
            found.setdefault(name, set()).add(text.replace('\\"', '"').replace("\\\\", "\\"))
    return found


@functools.cache
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


def hidden_focus(page: Page) -> list[str]:
    """What can have the focus and is then beneath something else or outside of the screen (2.4.11)."""
    told: list[str] = page.evaluate(_FOCUS)
    return told


def moving(page: Page) -> list[str]:
    """What is animated although the reader wants no motion."""
    told: list[str] = page.evaluate(
        "document.getAnimations().map(({effect}) => `moves: ${effect?.target?.className ?? 'something'}`)"
    )
    return told


def complaints(page: Page, language: str) -> list[str]:
    """All that is found wrong; the focus is where it was before."""
    return inspect(page, language) + axe(page) + moving(page) + hidden_focus(page)
