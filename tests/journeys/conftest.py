"""What no journey may leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, WebError

NETWORK = ("Failed to load resource", "WebSocket connection to ", "An unknown error occurred when fetching the script")
"""So the browser itself logs each answer of 400 and more, and each request without an answer (the last one of a service
worker's script): journeys ask for such, and stop nodes."""


@pytest.fixture(scope="session")
def console_errors() -> Iterator[list[str]]:
    """What pages of all browser contexts log as an error, throw or reject with nobody to catch it."""
    wrong: list[str] = []
    make = Browser.new_context

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(NETWORK):
            wrong.append(f"{message.text} (in {message.page.url if message.page else 'a page that is gone'})")

    def thrown(error: WebError) -> None:
        wrong.append(f"{error.error.message}\n{error.error.stack}")

    def new_context(self: Browser, **options: Any) -> BrowserContext:
        context = make(self, **options)
        context.on("console", heard)
        context.on("weberror", thrown)
        return context

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Browser, "new_context", new_context)
        yield wrong


@pytest.fixture(autouse=True)
def silent_console(console_errors: list[str]) -> Iterator[None]:
    """A journey whose pages log an error or leave one uncaught has failed."""
    console_errors.clear()
    yield
    assert console_errors == []
