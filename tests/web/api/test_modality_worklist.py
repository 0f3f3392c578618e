"""The modality worklist over HTTP: DICOM JSON in and out, with errors that say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.steps import KAZAKH_NAME, entry
from tests.support.web import Site

PATH = "/api/modality-worklist"


@pytest.fixture
def scheduler(site: Site) -> TestClient:
    return site.as_role(Role.SERVICE)


def _ids(found: Any) -> list[str]:
    return [one["00400100"]["Value"][0]["00400009"]["Value"][0] for one in found.json()]


def test_the_life_of_an_entry(scheduler: TestClient) -> None:
    made = scheduler.post(PATH, json=entry("S/1", PatientName=KAZAKH_NAME))
    assert made.status_code == 201
    assert made.headers["content-type"] == "application/dicom+json"
    address = made.headers["location"]
    assert address == f"{PATH}/1.2.3/S%2F1"
    [whole] = made.json()
    assert whole["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": KAZAKH_NAME}]}
    assert whole["00400100"]["Value"][0]["00400020"] == {"vr": "CS", "Value": ["SCHEDULED"]}
    assert scheduler.get(address).json() == whole
    again = scheduler.post(PATH, json=[entry("S/1")])
    assert (again.status_code, again.json()["error"]) == (409, "step S/1 of study 1.2.3 is scheduled already")
    changed = scheduler.put(address, json=entry("ignored", "9.9", ScheduledProcedureStepStatus="ARRIVED"))
    assert changed.status_code == 200
    assert changed.json()["0020000D"]["Value"] == ["1.2.3"]
    assert scheduler.put(address, json=entry(PatientID="P9")).json()["00400100"]["Value"][0]["00400020"] == {
        "vr": "CS",
        "Value": ["ARRIVED"],
    }, "a status that is not given stays"
    assert scheduler.delete(address).status_code == 204
    for answer in (scheduler.get(address), scheduler.delete(address), scheduler.put(address, json=entry())):
        assert answer.status_code == 404


def test_what_identifies_a_step_is_invented_and_one_description_stands_in_for_the_other(scheduler: TestClient) -> None:
    document = entry()
    del document["StudyInstanceUID"], document["RequestedProcedureID"]
    del document["ScheduledProcedureStepSequence"]["Value"][0]["ScheduledProcedureStepID"]
    [made] = scheduler.post(PATH, json=document).json()
    assert made["0020000D"]["Value"][0].startswith("2.25.")
    assert made["00401001"]["Value"][0]
    assert made["00400100"]["Value"][0]["00400009"]["Value"][0]
    assert made["00321060"]["Value"] == ["CT head"]
    [other] = scheduler.post(PATH, json=document).json()
    assert other["0020000D"] != made["0020000D"]


def test_every_mistake_is_told_at_once(scheduler: TestClient) -> None:
    answer = scheduler.post(PATH, json=entry(PatientID="", Modality="", ScheduledStationAETitle=""))
    assert answer.status_code == 400
    said = answer.json()["error"].splitlines()
    inside = " in its item of ScheduledProcedureStepSequence"
    assert said == [
        "PatientID (0010,0020): a worklist entry needs a value",
        f"Modality (0008,0060): a worklist entry needs a value{inside}",
        f"ScheduledStationAETitle (0040,0001): a worklist entry needs a value{inside}",
    ]
    assert scheduler.post(PATH, json={"PatientID": "1"}).status_code == 400
    assert scheduler.post(PATH, json=entry(ScheduledProcedureStepStatus="LATER")).status_code == 400
    assert scheduler.post(PATH, json=[entry("a"), entry("b")]).status_code == 400
    assert scheduler.post(PATH, content=b"<xml/>", headers={"content-type": "text/xml"}).status_code == 415
    assert scheduler.post(PATH, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert scheduler.get(PATH).json() == []


def test_all_steps_of_an_order_or_none(scheduler: TestClient) -> None:
    order = entry("S1")
    second = {**order["ScheduledProcedureStepSequence"]["Value"][0], "ScheduledProcedureStepID": "S2"}
    order["ScheduledProcedureStepSequence"]["Value"].append(second)
    assert scheduler.post(PATH, json=entry("S2")).status_code == 201
    assert scheduler.post(PATH, json=order).status_code == 409
    assert _ids(scheduler.get(PATH)) == ["S2"]


def test_searching(scheduler: TestClient) -> None:
    for step, study, changes in (
        ("S1", "1.1", {}),
        ("S2", "1.2", {"ScheduledProcedureStepStartDate": "20261129", "PatientName": KAZAKH_NAME}),
        ("S3", "1.3", {"ScheduledProcedureStepStatus": "COMPLETED"}),
    ):
        assert scheduler.post(PATH, json=entry(step, study, **changes)).status_code == 201
    for parameters, expected in (
        ("", ["S1", "S2"]),
        ("?limit=1&offset=1", ["S2"]),
        ("?ScheduledProcedureStepStartDate=20261129-", ["S2"]),
        ("?PatientName=seiitkali*", ["S2"]),
        ("?Modality=CT&ScheduledProcedureStepStatus=COMPLETED", ["S3"]),
        ("?00100020=P1&ScheduledStationAETitle=CT2", []),
    ):
        assert _ids(scheduler.get(PATH + parameters)) == expected, parameters
    assert scheduler.get(PATH + "?Colour=red").status_code == 400
    assert scheduler.get(PATH + "?limit=many").status_code == 400


def test_readers_do_not_schedule(site: Site) -> None:
    assert site.client().get(PATH).status_code == 401
    assert site.as_role(Role.CLINICIAN).get(PATH).status_code == 403
    assert site.as_role(Role.TECHNOLOGIST).get(PATH).status_code == 200
