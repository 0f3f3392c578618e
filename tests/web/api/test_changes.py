"""The change feed: everything once, in order, filtered, and at once for who waits."""

from __future__ import annotations

import threading
import time
from typing import Any

from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive.deletion import Deletions
from tests.support.archives import send
from tests.support.factories import ct_series, ct_slice
from tests.support.web import Site


def _page(client: TestClient, **asked: object) -> Any:
    response = client.get("/api/changes", params={name: str(value) for name, value in asked.items()})
    assert response.status_code == 200, response.text
    return response.json()


def test_every_change_once_and_in_order(site: Site) -> None:
    client = site.as_role(Role.SERVICE)
    sent = ct_series(5)
    for dataset in sent:
        send(site.archive, dataset)
    seen, after = [], 0
    while (page := _page(client, after=after, limit=2))["changes"]:
        seen += [change["sop_instance_uid"] for change in page["changes"]]
        after = page["next"]
    assert seen == [dataset.SOPInstanceUID for dataset in sent]
    assert page == {"changes": [], "next": after}
    [first] = _page(client, limit=1)["changes"]
    assert (first["kind"], first["study_instance_uid"]) == ("instance.stored", sent[0].StudyInstanceUID)


def test_filtered_and_the_cursor_goes_on(site: Site) -> None:
    client = site.as_role(Role.SERVICE)
    mine, other = ct_slice(study="mine"), ct_slice(study="other")
    for dataset in (mine, other):
        send(site.archive, dataset)
    Deletions(site.archive).delete(str(other.StudyInstanceUID), by=OPERATOR)
    page = _page(client, kinds="objects.deleted,objects.restored")
    assert [change["kind"] for change in page["changes"]] == ["objects.deleted"]
    latest = page["next"]
    assert _page(client, study=mine.StudyInstanceUID)["next"] == latest
    assert len(_page(client, study=mine.StudyInstanceUID)["changes"]) == 1
    assert _page(client, kinds="study.priority") == {"changes": [], "next": latest}


def test_who_waits_hears_at_once(site: Site) -> None:
    client = site.as_role(Role.SERVICE)
    answered: list[Any] = []
    asked = {"after": 0, "wait": 30, "kinds": "study.stable,instance.stored"}
    waiting = threading.Thread(target=lambda: answered.append(_page(client, **asked)))
    began = time.monotonic()
    waiting.start()
    time.sleep(0.5)
    sent = ct_slice()
    send(site.archive, sent)
    waiting.join(60)
    assert time.monotonic() - began < 29
    assert [change["sop_instance_uid"] for change in answered[0]["changes"]] == [sent.SOPInstanceUID]
    assert _page(client, after=answered[0]["next"], wait=1)["changes"] == []


def test_mistakes_are_told(site: Site) -> None:
    client = site.as_role(Role.SERVICE)
    for asked in ("after=-1", "limit=0", "limit=x", "wait=soon", "kinds=study.exploded", "study=x"):
        assert client.get(f"/api/changes?{asked}").status_code == 400, asked
    assert site.client().get("/api/changes").status_code == 401
