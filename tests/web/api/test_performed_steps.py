"""Performed procedure steps over HTTP, as modalities made them."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive import performed
from pacs.archive.performed import PerformedSteps
from tests.support.steps import KAZAKH_NAME, begun, ended
from tests.support.web import Site

PATH = "/api/performed-procedure-steps"


@pytest.fixture
def steps(site: Site) -> PerformedSteps:
    """1.2.1 is in progress, 1.2.2 completed, 1.2.3 of Сейітқали in progress, made in this order."""
    steps = PerformedSteps(site.archive)
    names = {"1.2.3": KAZAKH_NAME}
    for uid in ("1.2.1", "1.2.2", "1.2.3"):
        document = begun(PatientName=names.get(uid, "IVANOV^IVAN")).to_json_dict()
        steps.create(uid, document, "CT1", by=OPERATOR)
    steps.change("1.2.2", ended().to_json_dict(), by=OPERATOR)
    return steps


@pytest.fixture
def technologist(site: Site) -> TestClient:
    return site.as_role(Role.TECHNOLOGIST)


def _uids(found: Any) -> list[str]:
    assert found.status_code == 200, found.text
    return [one["00080018"]["Value"][0] for one in found.json()]


@pytest.mark.usefixtures("steps")
@pytest.mark.parametrize(
    ("asked", "uids"),
    [
        ("", ["1.2.3", "1.2.2", "1.2.1"]),
        ("?PerformedProcedureStepStatus=COMPLETED", ["1.2.2"]),
        ("?PerformedProcedureStepStatus=IN PROGRESS", ["1.2.3", "1.2.1"]),
        ("?PatientName=Seitkali*", ["1.2.3"]),
        ("?AccessionNumber=A1&Modality=CT&limit=1&offset=1", ["1.2.2"]),
        ("?StudyInstanceUID=1.2.3&PerformedStationAETitle=CT1", ["1.2.3", "1.2.2", "1.2.1"]),
        ("?ScheduledProcedureStepID=OTHER", []),
        ("?PerformedProcedureStepStartDate=20261129-", []),
    ],
)
def test_searching(technologist: TestClient, asked: str, uids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performed, "PAGE_ROWS", 2)
    assert _uids(technologist.get(PATH + asked)) == uids


@pytest.mark.usefixtures("steps")
def test_one_is_shown_whole(technologist: TestClient) -> None:
    found = technologist.get(f"{PATH}/1.2.3")
    assert found.headers["content-type"] == "application/dicom+json"
    document = found.json()
    assert document["00080016"]["Value"] == ["1.2.840.10008.3.1.2.3.3"]
    assert document["00100010"]["Value"] == [{"Alphabetic": KAZAKH_NAME}]
    assert document["00400270"]["Value"][0]["00400009"]["Value"] == ["STEP1"]
    missing = technologist.get(f"{PATH}/9.9")
    assert (missing.status_code, missing.json()["error"]) == (404, "no performed procedure step 9.9")


@pytest.mark.usefixtures("steps")
def test_who_may_what(site: Site, technologist: TestClient) -> None:
    assert site.as_role(Role.CLINICIAN).get(PATH).status_code == 403
    assert site.client().get(PATH).status_code == 401
    assert technologist.get(f"{PATH}?Nothing=1").status_code == 400
    assert technologist.post(PATH, json={}).status_code == 405
