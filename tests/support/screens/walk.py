"""A browser on its way through the screens of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.support.fingers import Fingers


def unfold(page: Page) -> None:
    """Show all that narrows the list: on a phone it is folded away."""
    expect(page.get_by_test_id("worklist-search")).to_be_visible(timeout=30_000)
    button = page.get_by_test_id("filters-fold")
    if button.is_visible() and button.get_attribute("aria-expanded") == "false":
        button.click()


def fold(page: Page) -> None:
    """The list itself is there to be pressed."""
    button = page.get_by_test_id("filters-fold")
    if button.is_visible() and button.get_attribute("aria-expanded") == "true":
        button.click()


@dataclass
class Walk:
    """A browser that goes through the screens of a node, and the studies it meets by what they are called here."""

    page: Page
    url: str
    name: str
    password: str
    language: str
    studies: Mapping[str, str]
    newcomer: str = ""
    """The name of an account whose password has to be changed at the next sign-in; the same password."""

    def begin(self) -> None:
        """The list of studies, whatever the page was at: signed in, online, nothing unsaved."""
        self.page.context.set_offline(False)
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}#/")
        submit, anyway = self.find("login-submit"), self.find("leave-anyway")
        expect(submit.or_(anyway).or_(self.find("worklist-row")).first).to_be_visible(timeout=30_000)
        if submit.is_visible():
            self.sign_in()
        self.listed()

    def sign_in(self) -> None:
        self.find("login-name").fill(self.name)
        self.find("login-password").fill(self.password)
        self.press("login-submit")
        expect(self.find("worklist-row").first).to_be_visible(timeout=30_000)

    def find(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def press(self, *names: str) -> None:
        for name in names:
            self.find(name).first.click()

    def unfold(self) -> None:
        """All that narrows the list is there to be pressed: on a phone it is folded away."""
        unfold(self.page)

    def leave(self, name: str) -> None:
        """Press what closes the screen before this one, where it was reached."""
        if self.find(name).first.is_visible():
            self.press(name)

    def escape(self, closed: str) -> None:
        self.page.keyboard.press("Escape")
        expect(self.find(closed)).to_have_count(0)

    def study(self, name: str) -> None:
        """Open a study afresh; what is unsaved in the one before is given up."""
        self.page.goto(f"{self.url}#/")
        self.listed()
        self.page.goto(f"{self.url}#/study/{self.studies[name]}")
        expect(self.find("patient-title")).to_be_visible(timeout=30_000)

    def listed(self) -> None:
        """The way to the list is begun: what is unsaved is given up."""
        anyway, row = self.find("leave-anyway"), self.find("worklist-row").first
        expect(anyway.or_(row).first).to_be_visible(timeout=30_000)
        if anyway.is_visible():
            anyway.click()
        expect(row).to_be_visible(timeout=30_000)

    def page_of(self, address: str, name: str) -> None:
        self.page.goto(f"{self.url}#/{address}")
        expect(self.find(name).first).to_be_visible(timeout=30_000)

    def images(self) -> None:
        state = self.page.locator("[data-testid=pane][data-active=true] [data-testid=viewport-state]")
        expect(state).to_have_attribute("data-state", "ready", timeout=60_000)

    def viewport(self) -> tuple[float, float]:
        """The middle of the active viewport, scrolled into view: CSS pixels of the window."""
        viewport = self.page.locator("[data-testid=pane][data-active=true] [data-testid=viewport]")
        viewport.scroll_into_view_if_needed()
        box = viewport.bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def beside(self, things: str) -> tuple[float, float]:
        """A place of the active viewport that none of these lie at."""
        x, y = self.viewport()
        boxes = [box for one in self.page.locator(things).all() if (box := one.bounding_box())]

        def away(place: tuple[float, float]) -> float:
            """How far the nearest of them is, pixels."""
            gaps = [
                max(
                    box["x"] - place[0],
                    place[0] - box["x"] - box["width"],
                    box["y"] - place[1],
                    place[1] - box["y"] - box["height"],
                )
                for box in boxes
            ]
            return min(gaps, default=0.0)

        return max(((x + right, y + down) for right in (-70, 70) for down in (-60, 60)), key=away)

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """With a finger where there are fingers, else with the mouse."""
        if self.page.evaluate("navigator.maxTouchPoints > 0"):
            Fingers(self.page).stroke((start, end))
            return
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=3)
        self.page.mouse.up()

    def tool(self, name: str) -> None:
        """Press a tool, where it stands in the view menu on a phone."""
        button = self.find(f"tool-{name}")
        if button.is_visible():
            button.click()
        else:
            self.press("tool-view", f"more-{name}")


@dataclass(frozen=True, slots=True)
class Screen:
    """One state of the viewer that people see, and the way to it from the one before."""

    name: str
    open: Callable[[Walk], None]
    fresh: bool = False
    """It is reached from any other: a section of the walk begins here."""
