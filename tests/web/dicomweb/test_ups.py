"""UPS-RS: the life of a workitem over HTTP, its refusals, who watches it, and its events over a WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive.subscriptions import FILTERED, GLOBAL
from pacs.archive.workitems import Workitems
from pacs.dicom.native_model import native_dicom_model, read_native_model
from pacs.errors import NotUnderstood
from tests.support.web import Site
from tests.support.workitems import MINE, OTHERS, UID, canceled, completed, planned

JSON = {"Content-Type": "application/dicom+json"}
ROOT = "/dicom-web/workitems"


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.TECHNOLOGIST)


def _create(client: TestClient, uid: str = UID, **changes: Any) -> Any:
    return client.post(f"{ROOT}?{uid}", json=planned(**changes), headers=JSON)


def _state(client: TestClient, state: str, transaction: str = MINE) -> Any:
    said = {"00741000": {"vr": "CS", "Value": [state]}, "00081195": {"vr": "UI", "Value": [transaction]}}
    return client.put(f"{ROOT}/{UID}/state", json=[said], headers=JSON)


def _now(client: TestClient) -> str:
    [found] = client.get(f"{ROOT}/{UID}").json()
    assert "00081195" not in found
    return str(found["00741000"]["Value"][0])


def test_the_life_of_a_workitem(client: TestClient) -> None:
    made = _create(client)
    assert (made.status_code, made.headers["location"].endswith(f"{ROOT}/{UID}")) == (201, True)
    assert _create(client).status_code == 409
    assert _now(client) == "SCHEDULED"
    assert (
        client.post(f"{ROOT}/{UID}", json=[{"00741204": {"vr": "LO", "Value": ["X"]}}], headers=JSON).status_code == 200
    )
    assert _state(client, "COMPLETED").status_code == 409
    assert _state(client, "IN PROGRESS").status_code == 200
    claimed = _state(client, "IN PROGRESS", OTHERS)
    assert (claimed.status_code, claimed.json()["code"]) == (409, "C302")
    assert "299 " in claimed.headers["warning"]
    assert client.post(f"{ROOT}/{UID}?{OTHERS}", json=[completed()], headers=JSON).status_code == 409
    early = _state(client, "COMPLETED")
    assert (early.status_code, early.json()["code"]) == (409, "C304")
    done = client.post(f"{ROOT}/{UID}?transaction-uid={MINE}", json=[completed()], headers=JSON)
    assert done.status_code == 200, done.text
    assert _state(client, "COMPLETED").status_code == 200
    assert _now(client) == "COMPLETED"
    again = _state(client, "COMPLETED")
    assert (again.status_code, "already in the requested state of COMPLETED" in again.headers["warning"]) == (200, True)
    assert client.post(f"{ROOT}/{UID}/cancelrequest").status_code == 409
    assert client.post(f"{ROOT}/{UID}?{MINE}", json=[canceled()], headers=JSON).status_code == 409


def test_a_request_to_cancel_what_nobody_claimed(client: TestClient) -> None:
    _create(client)
    assert client.post(f"{ROOT}/{UID}/cancelrequest").status_code == 202
    assert _now(client) == "CANCELED"
    again = client.post(f"{ROOT}/{UID}/cancelrequest")
    assert (again.status_code, "CANCELED" in again.headers["warning"]) == (202, True)


@pytest.mark.parametrize("name", ["workitem", "AffectedSOPInstanceUID"])
def test_the_uid_is_named_in_many_ways(client: TestClient, name: str) -> None:
    assert client.post(f"{ROOT}?{name}={UID}", json=[planned()], headers=JSON).status_code == 201
    assert _now(client) == "SCHEDULED"
    inside = {**planned(), "00080018": {"vr": "UI", "Value": [OTHERS]}}
    assert client.post(ROOT, json=inside, headers=JSON).headers["location"].endswith(OTHERS)
    assert "/2.25." in client.post(ROOT, json=planned(), headers=JSON).headers["location"]


def test_mistakes_are_told(client: TestClient) -> None:
    assert client.get(f"{ROOT}/{UID}").status_code == 404
    assert client.get(f"{ROOT}/x").status_code == 400
    lacking = client.post(f"{ROOT}?{UID}", json=planned(InputReadinessState=None), headers=JSON)
    assert (lacking.status_code, "InputReadinessState" in lacking.json()["error"]) == (400, True)
    assert _create(client, ProcedureStepState="COMPLETED").status_code == 400
    assert client.post(f"{ROOT}?{UID}", content=b"{", headers=JSON).status_code == 400
    assert client.post(f"{ROOT}?{UID}", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    warned = _create(client, WorklistLabel=None)
    assert (warned.status_code, "modifications" in warned.headers["warning"]) == (201, True)
    assert _state(client, "PAUSED").status_code == 400
    assert _state(client, "IN PROGRESS", "").status_code == 400
    assert client.get(f"{ROOT}?Nonsense=1").status_code == 400


def test_who_may(site: Site) -> None:
    assert site.as_role(Role.CLINICIAN).get(ROOT).status_code == 403
    assert site.client().get(ROOT).status_code == 401


def test_search(client: TestClient) -> None:
    for number, priority in enumerate(["LOW", "HIGH", "HIGH"]):
        _create(client, f"{UID}.{number}", ScheduledProcedureStepPriority=priority, PatientName=f"IVANOV^{number}")
    found = client.get(ROOT, params={"ScheduledProcedureStepPriority": "HIGH", "limit": 1})
    assert (len(found.json()), "more results" in found.headers["warning"]) == (1, True)
    assert len(client.get(ROOT, params={"00741200": "HIGH", "includefield": "all", "offset": 1}).json()) == 1
    assert len(client.get(ROOT, params={"PatientName": "IVANOV*"}).json()) == 3
    by_code = {"ScheduledWorkitemCodeSequence.CodeValue": "110005", "ProcedureStepState": "SCHEDULED"}
    assert len(client.get(ROOT, params=by_code).json()) == 3
    assert client.get(ROOT, params={"ProcedureStepState": "CANCELED"}).json() == []


def test_xml_in_and_out(client: TestClient) -> None:
    document = planned(PatientName="Әбдірахманова^Ұлжан")
    assert read_native_model(native_dicom_model(document)) == document
    xml = {"Content-Type": "application/dicom+xml"}
    assert client.post(f"{ROOT}?{UID}", content=native_dicom_model(document), headers=xml).status_code == 201
    got = client.get(f"{ROOT}/{UID}", headers={"Accept": "application/dicom+xml"})
    assert got.headers["content-type"] == "application/dicom+xml"
    assert read_native_model(got.content)["00100010"] == document["00100010"]
    parts = client.get(ROOT, headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    assert parts.headers["content-type"].startswith("multipart/related")
    assert parts.content.count(b"<NativeDicomModel") == 1
    bomb = b'<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel>&a;</NativeDicomModel>'
    assert client.post(f"{ROOT}?{OTHERS}", content=bomb, headers=xml).status_code == 400
    for broken in (b"<a", b"<a/>", b"<NativeDicomModel>" + b'<DicomAttribute tag="00400100" vr="SQ"><Item>' * 99):
        with pytest.raises(NotUnderstood):
            read_native_model(broken)


def test_events_come_over_a_websocket_also_those_that_waited(site: Site, client: TestClient) -> None:
    made = client.post(f"{ROOT}/{GLOBAL}/subscribers/VIEWER?deletionlock=true")
    assert made.status_code == 201
    assert made.headers["content-location"] == "ws://127.0.0.1:8042/ws/subscribers/VIEWER"
    _create(client)
    with client.websocket_connect(made.headers["content-location"]) as socket:
        first = socket.receive_json()
        assert first["00001000"]["Value"] == [UID]
        assert (first["00001002"]["Value"], first["00741000"]["Value"]) == ([1], ["SCHEDULED"])
        _state(client, "IN PROGRESS")
        assert socket.receive_json()["00741000"]["Value"] == ["IN PROGRESS"]
        client.post(f"{ROOT}/{UID}/cancelrequest", json=[{}], headers=JSON)
        assert socket.receive_json()["00001002"]["Value"] == [2]
    Workitems(site.archive).update(UID, {**completed(), "00081195": {"vr": "UI", "Value": [MINE]}}, by=OPERATOR)
    _state(client, "COMPLETED")
    with client.websocket_connect("ws://127.0.0.1:8042/ws/subscribers/VIEWER") as socket:
        # what the first connection ended upon may come twice
        states = (told["00741000"] for told in iter(socket.receive_json, None) if "00741000" in told)
        assert next(states)["Value"] == ["COMPLETED"]
    assert client.post(f"{ROOT}/{GLOBAL}/subscribers/VIEWER/suspend").status_code == 200
    assert client.post(f"{ROOT}/{UID}/subscribers/VIEWER/suspend").status_code == 409
    assert client.delete(f"{ROOT}/{UID}/subscribers/VIEWER").status_code == 200
    assert client.post(f"{ROOT}/1.2.3/subscribers/VIEWER").status_code == 404
    assert client.post(f"{ROOT}/{UID}/subscribers/{'X' * 17}").status_code == 400


def test_a_filtered_subscription(client: TestClient) -> None:
    assert client.post(f"{ROOT}/{FILTERED}/subscribers/URGENT").status_code == 400
    asked = {"filter": "ScheduledProcedureStepPriority=HIGH"}
    assert client.post(f"{ROOT}/{FILTERED}/subscribers/URGENT", params=asked).status_code == 201
    _create(client, OTHERS)
    _create(client, UID, ScheduledProcedureStepPriority="HIGH")
    with client.websocket_connect("ws://127.0.0.1:8042/ws/subscribers/URGENT") as socket:
        assert socket.receive_json()["00001000"]["Value"] == [UID]
