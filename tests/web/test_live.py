"""Live updates: every change is told, no page of another site listens, and a session that ends closes its sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from pacs.access.principals import OPERATOR, Role
from pacs.render.workers import DecodeWorkers
from pacs.web import live
from pacs.web.live import CLOSED_SIGNED_OUT, LiveFeed, routes
from tests.support.archives import send
from tests.support.factories import ct_series, ct_slice, uid
from tests.support.web import SOCKET, Site, open_site

OUR_PAGE = {"Origin": "http://127.0.0.1:8042"}


def receive(socket: WebSocketTestSession, timeout_s: float = 10.0) -> Any:
    """The next message; the test client's own call waits for ever."""
    found: list[Any] = []

    def wait() -> None:
        try:
            found.append(socket.receive_json())
        except WebSocketDisconnect as disconnect:
            found.append(disconnect)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(timeout_s)
    assert found, "no message came"
    return found[0]


def until(true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_what_happens_while_a_viewer_joins_is_told_to_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, sent = site.browser(), ct_slice()
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as first:
        assert receive(first)["kind"] == "hello"
        latest = site.archive.events.latest

        def and_then_something_happens() -> int:
            number = latest()
            send(site.archive, sent)
            assert receive(first)["study_instance_uid"] == sent.StudyInstanceUID
            return number

        monkeypatch.setattr(site.archive.events, "latest", and_then_something_happens)
        with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as second:
            assert receive(second) == {"kind": "hello", "number": 0}
            assert receive(second)["study_instance_uid"] == sent.StudyInstanceUID


def test_a_viewer_that_is_cut_off_while_it_joins_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = LiveFeed(site.archive.events)
    joining, released = threading.Event(), threading.Event()

    def slowly() -> int:
        joining.set()
        released.wait(10)
        return 0

    monkeypatch.setattr(site.archive.events, "latest", slowly)
    (route,) = routes(feed, site.accounts, site.sessions)

    class Socket:
        """Just enough of one."""

        async def accept(self) -> None: ...

        async def receive(self) -> dict[str, str]:
            await asyncio.sleep(60)
            return {"type": "websocket.disconnect"}

    async def cut_off() -> None:
        watching = asyncio.create_task(route.endpoint(Socket(), OPERATOR))  # type: ignore[arg-type]
        assert await asyncio.to_thread(joining.wait, 10)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    asyncio.run(cut_off())
    released.set()
    until(lambda: not any(thread.name == "web-live" for thread in threading.enumerate()))
    time.sleep(0.1)
    assert feed.watchers == 0


def test_a_study_that_arrives_is_told_at_once(site: Site) -> None:
    browser = site.browser()
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        hello = receive(socket)
        assert hello == {"kind": "hello", "number": 0}
        sent = ct_slice()
        send(site.archive, sent)
        told = receive(socket)
        assert told["kind"] == "study.changed"
        assert told["study_instance_uid"] == sent.StudyInstanceUID
        assert told["number"] > hello["number"]


def test_many_instances_are_few_messages_and_the_last_number_is_told(site: Site) -> None:
    browser = site.browser()
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        receive(socket)
        for dataset in ct_series(12):
            send(site.archive, dataset)
        last = site.archive.events.latest()
        told = [receive(socket)]
        while told[-1]["number"] < last:
            told.append(receive(socket))
    numbers = [message["number"] for message in told]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == last


def test_everybody_who_watches_is_told(site: Site) -> None:
    first, second = site.browser("aigul"), site.browser("bolat", Role.CLINICIAN)
    with (
        first.websocket_connect(SOCKET, headers=OUR_PAGE) as one,
        second.websocket_connect(SOCKET, headers=OUR_PAGE) as two,
    ):
        assert receive(one)["kind"] == receive(two)["kind"] == "hello"
        send(site.archive, ct_slice())
        assert receive(one) == receive(two)


def test_a_viewer_to_which_nothing_happens_hears_that_the_node_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "ALIVE_EVERY_S", 0.1)
    with site.browser().websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        assert [receive(socket)["kind"] for _ in range(3)] == ["hello", "alive", "alive"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9", "", None])
def test_other_pages_get_no_socket(site: Site, origin: str | None) -> None:
    browser = site.browser()
    headers = {} if origin is None else {"Origin": origin}
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect(SOCKET, headers=headers):
        pass


def test_a_script_with_a_token_needs_no_page(site: Site) -> None:
    client = site.as_role(Role.RADIOLOGIST)
    with client.websocket_connect(SOCKET) as socket:
        assert receive(socket)["kind"] == "hello"


def ends(site: Site, browser: TestClient, how: Callable[[], object]) -> None:
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        receive(socket)
        how()
        ended = receive(socket, 5)
        assert isinstance(ended, WebSocketDisconnect)
        assert ended.code == CLOSED_SIGNED_OUT


def test_signing_out_closes_the_socket(site: Site) -> None:
    browser = site.browser()
    secret = browser.cookies["suret"]
    found = site.sessions.authenticate(secret)
    assert found is not None
    ends(site, browser, lambda: site.sessions.end(secret, found.principal))


def test_a_disabled_account_stops_watching(site: Site) -> None:
    browser = site.browser()
    ends(site, browser, lambda: site.accounts.set_disabled("aigul", True, by=OPERATOR))


def test_a_revoked_token_stops_watching(site: Site) -> None:
    client = site.as_role(Role.CLINICIAN)
    ends(site, client, lambda: site.accounts.revoke_tokens("test-clinician", by=OPERATOR))


def test_a_session_left_alone_ends_although_it_watches(tmp_path: Path, workers: DecodeWorkers) -> None:
    from pacs.model import utc_now

    late = [timedelta(0)]
    with open_site(tmp_path, workers, clock=lambda: utc_now() + late[0]) as site:
        browser = site.browser()
        ends(site, browser, lambda: late.__setitem__(0, timedelta(hours=1)))


def test_the_thread_ends_with_the_last_watcher(site: Site) -> None:
    def following() -> bool:
        return any(thread.name == "web-live" for thread in threading.enumerate())

    browser = site.browser()
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        receive(socket)
        assert following()
    until(lambda: not following())
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        receive(socket)
        send(site.archive, ct_slice(study="again"))
        assert receive(socket)["study_instance_uid"] == uid("SYN-0001", "again")
    until(lambda: not following())


def test_a_client_that_talks_too_much_is_shown_out(site: Site) -> None:
    browser = site.browser()
    with browser.websocket_connect(SOCKET, headers=OUR_PAGE) as socket:
        receive(socket)
        for _ in range(200):
            socket.send_text("x")
        ended = receive(socket)
        assert isinstance(ended, WebSocketDisconnect)
        assert ended.code == 1008
