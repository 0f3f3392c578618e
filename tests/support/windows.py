"""The windows in which the viewer is looked at: sizes, zoom and text spacing, as WCAG 2.2 and devices have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Browser, Page

_SPACED: Final = """
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
        p { margin-bottom: 2em !important }
    `);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, window.spacedTexts = sheet];
"""
"""What WCAG 1.4.12 lets a reader set; as a constructed sheet, which the content security policy has no word in."""

_UNSPACED: Final = """() => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== window.spacedTexts);
}"""

_PAINTED: Final = """() => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(done));
})"""
"""A busy machine draws what another size asks for later: images and the texts of measurements, frame by frame."""

_PHONE: Final = 600
"""Less than this in one direction, CSS pixels, is held in a hand."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a browser's window is: CSS pixels, device pixels in each, and what its reader set besides."""

    name: str
    width: int
    height: int
    zoom: int = 1
    """1.4.4 and 1.4.10: so many device pixels in a CSS pixel, on a screen that is no phone."""
    spaced: bool = False

    @contextmanager
    def opened(self, browser: Browser, language: str) -> Iterator[Page]:
        """A page of this window. No window's reader wants motion."""
        phone = self.zoom == 1 and min(self.width, self.height) < _PHONE
        with browser.new_context(
            viewport={"width": self.width, "height": self.height},
            device_scale_factor=self.zoom,
            has_touch=phone,
            is_mobile=phone,
            locale=language,
            reduced_motion="reduce",
        ) as context:
            if self.spaced:
                context.add_init_script(_SPACED)
            yield context.new_page()

    @contextmanager
    def lent(self, page: Page) -> Iterator[None]:
        """The page of another window has the size and spacing of this one meanwhile, with its own device pixels."""
        before = page.viewport_size
        assert before
        page.set_viewport_size({"width": self.width, "height": self.height})
        if self.spaced:
            page.evaluate(f"() => {{ {_SPACED} }}")
        page.wait_for_timeout(150)
        page.evaluate(_PAINTED)
        try:
            yield
        finally:
            if self.spaced:
                page.evaluate(_UNSPACED)
            page.set_viewport_size(before)


WINDOWS: Final = (
    Window("1440", 1440, 900),
    Window("1024", 1024, 768),
    Window("768", 768, 1024),
    Window("390", 390, 844),
    Window("360", 360, 640),
    Window("320", 320, 568),
    Window("640x360", 640, 360),
    Window("844x390", 844, 390),
    Window("zoom-200", 720, 450, zoom=2),
    Window("zoom-400", 320, 256, zoom=4),
    Window("spaced-1440", 1440, 900, spaced=True),
    Window("spaced-1024", 1024, 768, spaced=True),
    Window("spaced-390", 390, 844, spaced=True),
)

LARGE: Final = tuple(window for window in WINDOWS if window.width >= _PHONE and window.height >= 400)
"""Those that are no phone's: one walk looks at each screen in all of them."""

SMALL: Final = tuple(window for window in WINDOWS if window not in LARGE)
"""Phones upright and on their side, and what 400 % of zoom leaves; in all of them too."""
