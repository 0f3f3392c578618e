"""Unread, being read, read: who says so, who sees it, and what becomes of a reader who goes away without a word."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.archive.reading import HELD
from pacs.model import utc_now
from pacs.render.workers import DecodeWorkers
from tests.support.archives import send
from tests.support.factories import ct_slice
from tests.support.web import Site, open_site


def state(client: TestClient, uid: str) -> dict[str, Any]:
    [row] = client.get("/api/worklist").json()["studies"]
    assert row["reading"] == client.get(f"/api/studies/{uid}/reading").json()
    reading: dict[str, Any] = row["reading"]
    return reading


def do(client: TestClient, uid: str, deed: str) -> tuple[str, str]:
    answer = client.post(f"/api/studies/{uid}/reading", json={"deed": deed})
    assert answer.status_code == 200, answer.text
    return answer.json()["state"], answer.json()["by"]


@pytest.fixture
def uid(site: Site) -> str:
    sent = ct_slice()
    send(site.archive, sent)
    return str(sent.StudyInstanceUID)


def test_from_unread_to_read(site: Site, uid: str) -> None:
    aigul, bakyt, clinician = site.browser("aigul"), site.browser("bakyt"), site.as_role(Role.CLINICIAN)
    assert state(clinician, uid) == {"state": "unread", "by": "", "at": None, "until": None}
    assert do(aigul, uid, "hold") == ("reading", "aigul")
    first = state(clinician, uid)
    assert (first["state"], first["by"]) == ("reading", "aigul")
    # a colleague is told, and nothing is taken from her; nor is it by a release of his
    assert do(bakyt, uid, "hold") == ("reading", "aigul")
    assert do(bakyt, uid, "release") == ("reading", "aigul")
    assert do(aigul, uid, "hold") == ("reading", "aigul")
    assert state(clinician, uid)["at"] == first["at"]
    assert do(bakyt, uid, "take_over") == ("reading", "bakyt")
    assert do(bakyt, uid, "mark_read") == ("read", "bakyt")
    assert clinician.get("/api/worklist?read=false").json()["studies"] == []
    assert clinician.get("/api/worklist?read=true").json()["total"] == 1
    # somebody looks again: it stays read
    assert do(aigul, uid, "hold") == ("reading", "aigul")
    assert do(aigul, uid, "release") == ("read", "bakyt")
    assert do(aigul, uid, "mark_unread") == ("unread", "")
    assert clinician.post(f"/api/studies/{uid}/reading", json={"deed": "hold"}).status_code == 403


def test_a_deed_that_waited_gives_way_to_what_was_done_meanwhile(site: Site, uid: str) -> None:
    aigul, bakyt = site.browser("aigul"), site.browser("bakyt")

    def late(deed: str, seen: str) -> int:
        return aigul.post(f"/api/studies/{uid}/reading", json={"deed": deed, "seen": seen}).status_code

    do(bakyt, uid, "hold")
    assert late("mark_read", "") == 409, "he reads it"
    do(bakyt, uid, "mark_read")
    assert late("mark_read", "") == 409, "he has read it"
    assert late("mark_unread", "") == 409
    assert state(bakyt, uid)["by"] == "bakyt"
    assert late("mark_unread", "bakyt") == 200, "of that she knew"
    assert late("mark_read", "") == 200
    assert late("mark_read", "") == 200, "sent twice it is the same"
    assert state(bakyt, uid)["by"] == "aigul"


def test_each_change_is_told_once(site: Site, uid: str) -> None:
    client, before = site.browser("aigul"), site.archive.events.latest()
    for deed in ("hold", "hold", "mark_read", "release"):
        do(client, uid, deed)
    events = site.archive.events.after(before)
    assert [(event.kind, event.payload["state"], event.payload["by"]) for event in events] == [
        ("study.reading", "reading", "aigul"),
        ("study.reading", "read", "aigul"),
    ]


def test_a_hold_ends_by_itself(tmp_path: Path, workers: DecodeWorkers) -> None:
    late = timedelta()

    def clock() -> datetime:
        return utc_now() + late

    with open_site(tmp_path, workers, clock=clock) as site:
        sent = ct_slice()
        send(site.archive, sent)
        uid, client = str(sent.StudyInstanceUID), site.browser("aigul")
        do(client, uid, "hold")
        late = HELD - timedelta(seconds=5)
        assert state(client, uid)["state"] == "reading"
        do(client, uid, "hold")  # renewed
        late = HELD + timedelta(seconds=5)
        assert state(client, uid)["state"] == "reading"
        late = 2 * HELD + timedelta(seconds=5)
        assert state(client, uid)["state"] == "unread"
        assert do(site.browser("bakyt"), uid, "hold") == ("reading", "bakyt")


@pytest.mark.parametrize(("body", "status"), [({"deed": "burn"}, 400), ({}, 400), ({"deed": "hold", "x": 1}, 400)])
def test_what_is_no_deed(site: Site, uid: str, body: dict[str, Any], status: int) -> None:
    assert site.browser().post(f"/api/studies/{uid}/reading", json=body).status_code == status
    assert site.browser().post("/api/studies/1.2.3/reading", json={"deed": "hold"}).status_code == 404
