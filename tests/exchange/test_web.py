"""The HTTP of the exchange: who may what, what it answers, and that mistakes are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.gate import Gate, Route
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR, Role, Verb
from pacs.archive import jobs
from pacs.archive.archive import Archive
from pacs.archive.jobs import JobState
from pacs.attributes import Level
from pacs.dimse.outbound import NoAssociation
from pacs.errors import QueryRefused
from pacs.exchange.queue import Queue
from pacs.exchange.rules import Routes
from pacs.exchange.web import ExchangeRoutes
from pacs.render.workers import DecodeWorkers
from tests.support.archives import send
from tests.support.factories import ct_slice
from tests.support.web import OWN, Site, open_site

FORWARDERS = {Role.ADMIN, Role.RADIOLOGIST, Role.TECHNOLOGIST}
ADMIN = {Role.ADMIN}

ALLOWED: dict[tuple[str, str], set[Role]] = {
    ("POST", "/api/studies/{study}/sends"): FORWARDERS,
    ("GET", "/api/destinations"): FORWARDERS,
    ("POST", "/api/archives/{ae_title}/queries"): FORWARDERS,
    ("POST", "/api/archives/{ae_title}/fetches"): FORWARDERS,
    ("GET", "/api/queue"): FORWARDERS,
    ("GET", "/api/queue/pauses"): FORWARDERS,
    ("POST", "/api/queue/pauses"): ADMIN,
    ("DELETE", "/api/queue/pauses"): ADMIN,
    ("GET", "/api/queue/{job}"): FORWARDERS,
    ("POST", "/api/queue/{job}/retry"): ADMIN,
    ("POST", "/api/queue/{job}/cancel"): ADMIN,
    ("GET", "/api/routes"): ADMIN,
    ("POST", "/api/routes"): ADMIN,
    ("DELETE", "/api/routes/{rule}"): ADMIN,
}


class Elsewhere:
    """Another archive, as the endpoints ask it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Level, dict[str, str]]] = []

    def find(self, peer: Peer, level: Level, keys: Any) -> list[dict[str, Any]]:
        self.asked.append((peer.ae_title, level, dict(keys)))
        if "Nonsense" in keys:
            raise QueryRefused("Nonsense: expected keywords")
        if peer.ae_title == "AWAY":
            raise NoAssociation("AWAY cannot be reached", "check its address")
        return [{"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}]


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture(scope="module")
def workers() -> Iterator[DecodeWorkers]:
    with DecodeWorkers(1) as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, elsewhere: Elsewhere, workers: DecodeWorkers) -> Iterator[Site]:
    with open_site(tmp_path, workers) as plain:
        peers = plain.peers
        gate = plain.app._app
        assert isinstance(gate, Gate)
        mounted = [*_routes(plain.archive, peers, elsewhere), *gate.routes]
        plain.app._app = Gate(mounted, plain.accounts, plain.sessions)
        for title in ("THERE", "AWAY"):
            peers.add(title, "127.0.0.1", 4242, [Verb.STORE], by=OPERATOR)
        yield plain


@pytest.fixture
def admin(site: Site) -> TestClient:
    return site.as_role(Role.ADMIN)


def _routes(archive: Archive, peers: Peers, elsewhere: Elsewhere) -> list[Route]:
    return ExchangeRoutes(Queue(archive, peers), Routes(archive), peers, elsewhere.find).routes()


def test_who_may_what(site: Site, elsewhere: Elsewhere):
    routes = _routes(site.archive, site.peers, elsewhere)
    assert {(method, route.path) for route in routes for method in route.methods} == set(ALLOWED)
    clients = {role: site.as_role(role) for role in Role}
    for (method, path), allowed in ALLOWED.items():
        asked = path.format(study="1.2", ae_title="NOBODY", job="01", rule="r")
        for role, client in clients.items():
            status = client.request(method, asked).status_code
            assert (status == 403) is (role not in allowed), (method, path, role, status)
            assert status < 500
        assert site.client(**OWN).request(method, asked).status_code == 401


def test_a_send_is_ordered_seen_cancelled_and_retried(site: Site, admin: TestClient):
    sent = ct_slice()
    send(site.archive, sent)
    radiologist = site.as_role(Role.RADIOLOGIST)
    body = {"destination": "THERE", "series": [sent.SeriesInstanceUID], "priority": "low", "commitment": True}
    ordered = radiologist.post(f"/api/studies/{sent.StudyInstanceUID}/sends", json=body)
    assert ordered.status_code == 202
    job = ordered.json()["job"]
    (shown,) = radiologist.get("/api/queue", params={"study": sent.StudyInstanceUID}).json()["jobs"]
    assert shown == radiologist.get(f"/api/queue/{job}").json()
    assert (shown["id"], shown["kind"], shown["destination"], shown["priority"], shown["state"], shown["by"]) == (
        job,
        "send",
        "THERE",
        "low",
        "queued",
        "test-radiologist",
    )
    assert (shown["patient_name"], shown["study_date"]) == (sent.PatientName, sent.StudyDate)
    assert admin.post(f"/api/queue/{job}/cancel").status_code == 204
    assert admin.post(f"/api/queue/{job}/cancel").status_code == 404
    assert radiologist.get("/api/queue?state=cancelled").json()["jobs"][0]["id"] == job
    assert radiologist.get("/api/queue?state=queued,running").json()["jobs"] == []
    assert admin.post(f"/api/queue/{job}/retry").status_code == 204
    with site.archive.index.read() as connection:
        found = jobs.find(connection, job)
    assert found is not None
    assert found.state is JobState.QUEUED


def test_what_is_wrong_with_an_order_is_told(site: Site, admin: TestClient):
    send(site.archive, ct_slice())
    path = f"/api/studies/{ct_slice().StudyInstanceUID}/sends"
    assert admin.post(path, json={"destination": "NOBODY"}).status_code == 404
    assert admin.post("/api/studies/1.2.3/sends", json={"destination": "THERE"}).status_code == 404
    assert admin.post(path, json={"destination": "THERE", "series": ["1.2.3"]}).status_code == 404
    assert admin.post(path, json={"destination": "THERE", "priority": "now"}).status_code == 400
    assert admin.post(path, json={"to": "THERE"}).status_code == 400
    assert admin.post(path, content=b"no JSON").status_code == 415
    assert admin.post(path, content=b"no JSON", headers={"Content-Type": "application/json"}).status_code == 400
    assert admin.get("/api/queue?state=lost").status_code == 400
    assert admin.get("/api/queue?limit=many").status_code == 400
    assert admin.get("/api/queue/01UNKNOWN").status_code == 404
    assert admin.get("/api/queue").json()["jobs"] == []


def test_a_fetch_is_ordered(site: Site):
    client = site.as_role(Role.RADIOLOGIST)
    ordered = client.post("/api/archives/THERE/fetches", json={"study_instance_uid": "1.2.3", "way": "move"})
    assert ordered.status_code == 202
    shown = client.get(f"/api/queue/{ordered.json()['job']}").json()
    assert (shown["kind"], shown["destination"], shown["study_instance_uid"]) == ("fetch", "THERE", "1.2.3")
    assert client.post("/api/archives/THERE/fetches", json={"study_instance_uid": "no UID"}).status_code == 400
    wrong = {"study_instance_uid": "1.2.3", "way": "carrier pigeon"}
    assert client.post("/api/archives/THERE/fetches", json=wrong).status_code == 400
    assert client.post("/api/archives/NOBODY/fetches", json={"study_instance_uid": "1.2.3"}).status_code == 404


def test_another_archive_is_asked(site: Site, elsewhere: Elsewhere):
    client = site.as_role(Role.RADIOLOGIST)
    found = client.post("/api/archives/THERE/queries", json={"level": "SERIES", "keys": {"StudyInstanceUID": "1.2.3"}})
    assert found.headers["content-type"] == "application/dicom+json"
    assert found.json() == [{"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}]
    assert elsewhere.asked == [("THERE", Level.SERIES, {"StudyInstanceUID": "1.2.3"})]
    assert client.post("/api/archives/THERE/queries", json={"keys": {"Nonsense": "1"}}).status_code == 400
    assert client.post("/api/archives/THERE/queries", json={"level": "BODY"}).status_code == 400
    assert client.post("/api/archives/NOBODY/queries", json={}).status_code == 404
    away = client.post("/api/archives/AWAY/queries", json={})
    assert (away.status_code, away.json()["error"]) == (502, "AWAY cannot be reached")


def test_where_a_study_may_be_sent_is_told_without_addresses(site: Site):
    told = site.as_role(Role.TECHNOLOGIST).get("/api/destinations").json()["destinations"]
    assert [one["ae_title"] for one in told] == ["AWAY", "THERE"]
    assert "127.0.0.1" not in str(told)


def test_pauses(site: Site, admin: TestClient):
    assert admin.post("/api/queue/pauses", json={"destination": "THERE"}).status_code == 204
    (pause,) = admin.get("/api/queue/pauses").json()["pauses"]
    assert (pause["kind"], pause["destination"]) == ("", "THERE")
    assert admin.delete("/api/queue/pauses", params={"destination": "THERE"}).status_code == 204
    assert admin.delete("/api/queue/pauses", params={"destination": "THERE"}).status_code == 404


def test_rules(site: Site, admin: TestClient):
    rule = {"id": "all", "to": [{"ae": "THERE"}]}
    assert admin.post("/api/routes", json=rule).json() == {"id": "all"}
    assert admin.get("/api/routes").json() == {"routes": [rule]}
    wrong = admin.post("/api/routes", json={"id": "all", "to": []})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "to: expected at least one peer")
    assert admin.delete("/api/routes/all").status_code == 204
    assert admin.delete("/api/routes/all").status_code == 404
