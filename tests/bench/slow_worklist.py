"""The worklist and a study over the thinnest link, 256 kbit/s and 600 ms: the part `slow` of the bench.

One round is a day's beginning in a new browser: the address is opened, somebody signs in, the list comes, it is
filtered, the study is opened, scrolled through image by image and then past many, left, and the page is opened once
more. Times are milliseconds from the deed to what it was done for on the screen. What fails (a
request, the console) makes the round worth nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, sync_playwright

from tests.bench.first_picture import Found, lines, send
from tests.bench.link import Link
from tests.bench.session import Failed, Outcome, Part, Session
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.support.factories import Patient, ct_series, write_folder
from tests.support.peers import program
from tests.support.process import NodeProcess

KILOBITS: Final = 256.0
DELAY_MS: Final = 600.0
OTHERS: Final = 60
"""Studies that fill the first page of the list, and more."""
LONGEST_MS: Final = 90_000
SCROLLED: Final = 5
PASSED: Final = 10
READ_MS: Final = 2000
"""So long an image is looked at before the next is wanted."""


class Stopwatch:
    """Times of one round, by what was done."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._began = 0.0

    def start(self) -> None:
        self._began = time.monotonic()

    def stop(self, what: str) -> None:
        took = (time.monotonic() - self._began) * 1000
        print(f"  {what}: {took:.0f}", flush=True)
        self._found.setdefault(what, []).append(took)


def _shown(one: Locator) -> None:
    one.first.wait_for(state="visible", timeout=LONGEST_MS)


def _until(page: Page, expression: str, argument: object = None) -> None:
    """Playwright's own way of waiting compiles strings in the page, which our content security policy forbids."""
    until = time.monotonic() + LONGEST_MS / 1000
    while not page.evaluate(expression, argument):
        if time.monotonic() > until:
            raise Failed(f"not after {LONGEST_MS / 1000:.0f} s: {expression}")
        page.wait_for_timeout(20)


def _walk(page: Page, url: str, password: str, watch: Stopwatch) -> None:
    watch.start()
    page.goto(url, wait_until="commit", timeout=LONGEST_MS)
    _shown(page.get_by_test_id("login-name"))
    watch.stop("sign-in page")
    page.get_by_test_id("login-name").fill("admin")
    page.get_by_test_id("login-password").fill(password)
    watch.start()
    page.get_by_test_id("login-submit").click()
    _shown(page.get_by_test_id("worklist-row"))
    watch.stop("signed in, list")
    rows = page.get_by_test_id("worklist-row")
    watch.start()
    page.get_by_test_id("worklist-search").fill("OTHER-17")
    _until(page, "document.querySelectorAll('[data-testid=worklist-row]').length === 1")
    watch.stop("searched")
    watch.start()
    page.get_by_test_id("worklist-search").fill("")
    _until(page, "document.querySelectorAll('[data-testid=worklist-row]').length >= 50")
    watch.stop("search cleared")
    watch.start()
    page.get_by_test_id("worklist-search").fill("FIRST-1")
    _until(page, "document.querySelectorAll('[data-testid=worklist-row]').length === 1")
    rows.first.click()
    _until(
        page,
        """() => [...document.querySelectorAll('img.preview')].some((one) => one.complete && one.naturalWidth > 0)
                    || document.querySelector('[data-quality=partial], [data-quality=full]')""",
    )
    watch.stop("searched and opened, first picture")
    _until(page, _WHOLE)
    watch.stop("the same, diagnostic image")
    for _ in range(SCROLLED):
        _next_image(page, watch)
    _scrolled_past(page, watch)
    watch.start()
    page.get_by_test_id("back").click()
    _shown(rows)
    watch.stop("back in the list")


_SEEN: Final = """(uid) => document.querySelector('[data-testid=viewport]').dataset.sopInstanceUid !== uid
    && ['partial', 'ready'].includes(document.querySelector('[data-testid=viewport-state]').dataset.state)"""
_WHOLE: Final = "document.querySelector('[data-testid=quality]')?.dataset.quality === 'full'"


def _shown_image(page: Page) -> str | None:
    return page.get_by_test_id("viewport").get_attribute("data-sop-instance-uid")


def _timed_step(page: Page, watch: Stopwatch, first_form: str, diagnostic: str) -> None:
    """To the next image: when something of it is seen, and when all of it is."""
    uid = _shown_image(page)
    watch.start()
    page.keyboard.press("ArrowDown")
    _until(page, _SEEN, uid)
    watch.stop(first_form)
    _until(page, _WHOLE)
    watch.stop(diagnostic)


def _next_image(page: Page, watch: Stopwatch) -> None:
    _timed_step(page, watch, "next image, first form", "next image, diagnostic")
    page.wait_for_timeout(READ_MS)


def _scrolled_past(page: Page, watch: Stopwatch) -> None:
    """Through ten images as fast as a key repeats: only what is arrived at is worth the link."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/frames/" in request.url:
            asked.append(request.url.partition("/instances/")[2].partition("/")[0])

    page.on("request", note)
    for _ in range(PASSED - 1):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(33)
    _timed_step(page, watch, "tenth of ten scrolled, first form", "of the tenth, diagnostic")
    page.remove_listener("request", note)
    arrived = _shown_image(page)
    passed = {one for one in asked if one != arrived}
    print(f"  asked for while scrolling: {len(passed)} of {PASSED - 1} that were passed, {len(asked)} requests")


def _again(page: Page, watch: Stopwatch) -> None:
    watch.start()
    page.reload(wait_until="commit", timeout=LONGEST_MS)
    _shown(page.get_by_test_id("worklist-row"))
    watch.stop("opened again, list")


def _listening(context: BrowserContext) -> Callable[[], None]:
    """What raises Failed when anything went wrong on the pages of this context."""
    wrong: list[str] = []
    context.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def check() -> None:
        told = [one for one in wrong if "401" not in one]  # the first question is who is signed in
        if told:
            raise Failed("; ".join(told))

    return check


def _rounds(scratch: Path, numbers: Iterator[int]) -> Found:
    found: Found = {}
    node = NodeProcess(scratch / "node")
    for number in range(OTHERS):
        patient = Patient(f"OTHER-{number}", f"Other^Number{number}")
        write_folder(ct_series(1, patient=patient, study=f"other {number}"), scratch / "others" / str(number))
    first = Patient("FIRST-1", "First^Anna")
    write_folder(ct_series(40, patient=first, rows=512, columns=512), scratch / "study")
    with contextlib.ExitStack() as open_:
        link = open_.enter_context(Link(KILOBITS * 1000, DELAY_MS / 1000))
        url = f"http://127.0.0.1:{link.to(node.web_port)}"
        open_.enter_context(node)
        for folder in ("others", "study"):
            send(node, scratch / folder)
        playwright = open_.enter_context(sync_playwright())
        browser: Browser = playwright.chromium.launch(
            executable_path=str(program("chromium", "chromium")), args=CHROMIUM_ARGUMENTS
        )
        for _ in numbers:
            link.settle()
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            check = _listening(context)
            page = context.new_page()
            watch = Stopwatch(found)
            _walk(page, url, node.admin_password, watch)
            _again(page, watch)
            context.close()
            check()
        browser.close()
    return found


def run(session: Session) -> Outcome:
    """The part of the bench."""
    found = _rounds(session.folder, session.numbers())
    return Outcome({"milliseconds": found}, "\n".join(lines(found)))


PARTS: Final = {"slow": Part("worklist and study through 256 kbit/s and 600 ms", run)}
