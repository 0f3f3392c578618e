"""The worklist: what a row says, in which order, found by which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.archive.priority import AI_URGENT, CRITICAL
from pacs.index.reading import SORTS
from pacs.index.schema import study
from tests.support.archives import send
from tests.support.factories import KAZAKH, RUSSIAN, Patient, cr_image, ct_series, ct_slice, mr_series, uid
from tests.support.web import Site

ONE = uid(Patient().id, "one")


@pytest.fixture(scope="module")
def client(module_site: Site) -> TestClient:
    for dataset in (
        *ct_series(2, study="one"),
        *mr_series(1, study="one"),
        ct_slice(patient=KAZAKH, study="two", StudyDescription="Бас сүйек КТ"),
        ct_slice(patient=RUSSIAN, study="three", StudyDate="20250301"),
        cr_image(patient=Patient("SYN-100%", "Doe^John"), study="four", StudyDate="", AccessionNumber="ACC_7"),
    ):
        send(module_site.archive, dataset)
    return module_site.as_role(Role.CLINICIAN)


NOT_LATE = {"late": 0, "late_is_least": False}


def listed(client: TestClient, **parameters: Any) -> dict[str, Any]:
    response = client.get("/api/worklist", params=parameters)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def patients(client: TestClient, **parameters: Any) -> list[str]:
    return [row["patient_id"] for row in listed(client, **parameters)["studies"]]


def test_a_row(client: TestClient) -> None:
    [row] = [row for row in listed(client)["studies"] if row["study_instance_uid"] == ONE]
    assert datetime.now(UTC) - datetime.fromisoformat(row.pop("received_at")) < timedelta(minutes=10)
    assert row == {
        "study_instance_uid": ONE,
        "patient_name": "Phantom^Anna",
        "patient_id": "SYN-0001",
        "issuer_of_patient_id": "",
        "patient_birth_date": "19700102",
        "patient_sex": "F",
        "study_date": "20261123",
        "study_time": "101500",
        "study_description": "Synthetic study",
        "accession_number": ct_slice(study="one").AccessionNumber,
        "modalities": ["CT", "MR"],
        "number_of_series": 2,
        "number_of_instances": 3,
        "priority": "routine",
        "reason": None,
        "priority_source": None,
        "conflicts": 0,
        "referring_physician_name": row["referring_physician_name"],
        "institution_name": row["institution_name"],
        "reading": {"state": "unread", "by": "", "at": None, "until": None},
        "doubt": {"others": [], "objects": 0},
    }


def test_newest_first_and_urgent_before_all(module_site: Site, client: TestClient) -> None:
    assert patients(client) == ["SYN-KK-1", "SYN-0001", "SYN-RU-1", "SYN-100%"]
    assert patients(client, sort="arrival") == ["SYN-100%", "SYN-RU-1", "SYN-KK-1", "SYN-0001"]
    reason = {"en": "suspected bleed", "kk": "қан кетуі мүмкін"}

    def raise_to(band: int, uid_: str, why: str) -> None:
        values = {"priority_band": band, "priority_reason": why, "priority_source": "Bleed Finder" if why else ""}
        module_site.archive.index.write(
            lambda c: c.execute(update(study).where(study.c.study_instance_uid == uid_).values(**values)).close()
        )

    two = uid(KAZAKH.id, "two")
    try:
        raise_to(CRITICAL, ONE, json.dumps(reason))
        raise_to(AI_URGENT, two, "")
        rows = listed(client)["studies"]
        assert [row["patient_id"] for row in rows] == ["SYN-0001", "SYN-KK-1", "SYN-RU-1", "SYN-100%"]
        assert patients(client, search="SYN") == ["SYN-0001", "SYN-KK-1", "SYN-RU-1", "SYN-100%"]
        assert patients(client, sort="arrival")[2:] == ["SYN-100%", "SYN-RU-1"]
        assert [row["priority"] for row in rows] == ["critical", "urgent", "routine", "routine"]
        assert rows[0]["reason"] == reason
        assert rows[0]["priority_source"] == "Bleed Finder"
    finally:
        raise_to(4, ONE, "")
        raise_to(4, two, "")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("anna", ["SYN-0001"]),
        ("PHANTOM anna", ["SYN-0001"]),
        ("abdirakhmanova", ["SYN-KK-1"]),
        ("әбдірах", ["SYN-KK-1"]),
        ("королева", ["SYN-RU-1"]),
        ("Koroleva", ["SYN-RU-1"]),
        ("syn-ru", ["SYN-RU-1"]),
        ("ru-1", ["SYN-RU-1"]),
        ("acc_", ["SYN-100%"]),
        ("accx", []),
        ("RU-1", ["SYN-RU-1"]),
        ("ACC_7", ["SYN-100%"]),
        ("ACCx7", []),
        ("100%", ["SYN-100%"]),
        ("%", ["SYN-100%"]),
        ("сүйек", ["SYN-KK-1"]),
        ("synthetic doe", ["SYN-100%"]),
        ("nobody", []),
        ("' OR 1=1 --", []),
        ("!", []),
    ],
)
def test_search(client: TestClient, search: str, found: list[str]) -> None:
    assert patients(client, search=search) == found


def test_filters(client: TestClient) -> None:
    assert patients(client, modality="MR") == ["SYN-0001"]
    assert patients(client, modality="CR,MR") == ["SYN-0001", "SYN-100%"]
    assert patients(client, **{"from": "20260101"}) == ["SYN-KK-1", "SYN-0001"]
    assert patients(client, **{"from": "20250101", "to": "20251231"}) == ["SYN-RU-1"]
    assert patients(client, to="20251231") == ["SYN-RU-1"]
    assert patients(client, modality="CT", search="Phantom", to="20251231") == []


def test_what_arrived_late_is_counted(client: TestClient) -> None:
    """Of an earlier day than the one of `since`, as its own clock has it; what has no date is nowhere near the top."""

    def late(**parameters: str) -> tuple[int, bool]:
        told = listed(client, **parameters)
        return told["late"], told["late_is_least"]

    assert late(since="2020-11-23T00:00:00+06:00") == (1, False)
    assert late(since="2025-11-23T00:00:00Z") == (2, False)
    assert late(since="2025-11-23T00:00:00Z", modality="CT") == (1, False)
    assert late(since=f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%S%z}") == (0, False)


def test_pages(client: TestClient) -> None:
    whole = patients(client)
    first, second = listed(client, limit=3), listed(client, limit=3, offset=3)
    assert first["total"] == second["total"] == 4
    assert [row["patient_id"] for row in (*first["studies"], *second["studies"])] == whole
    assert listed(client, search="anna")["total"] == 1
    assert listed(client, limit=0) == {"studies": [], "total": 4, "total_is_least": False} | NOT_LATE


@pytest.mark.parametrize("parameters", [{"from": "2025-01-01"}, {"to": "x"}, {"limit": "-1"}, {"offset": "1e3"}])
def test_malformed_parameters(client: TestClient, parameters: dict[str, str]) -> None:
    response = client.get("/api/worklist", params=parameters)
    assert response.status_code == 400
    assert response.json()["hint"]


def test_conflicts_are_counted(site: Site) -> None:
    send(site.archive, ct_slice())
    send(site.archive, ct_slice(StudyDescription="another content"))
    [row] = listed(site.as_role(Role.CLINICIAN))["studies"]
    assert row["conflicts"] == 1
    assert row["number_of_instances"] == 1


def test_a_caller_with_one_study_sees_no_other(module_site: Site, client: TestClient) -> None:
    expires_at = module_site.archive.clock() + timedelta(hours=1)
    scoped = module_site.client(module_site.accounts.task_token(ONE, "01TASK", expires_at))
    page = listed(scoped)
    assert page["total"] == 1
    assert [row["study_instance_uid"] for row in page["studies"]] == [ONE]
    assert len(listed(client)["studies"]) == 4


@pytest.mark.parametrize("column", [*SORTS])
def test_it_is_sorted_by_a_column(client: TestClient, column: str) -> None:
    rows = [row["study_instance_uid"] for row in listed(client, sort=column)["studies"]]
    assert len(rows) == 4
    assert [row["study_instance_uid"] for row in listed(client, sort=f"-{column}")["studies"]] == rows[::-1]
    pages = [listed(client, sort=column, limit=1, offset=at)["studies"][0]["study_instance_uid"] for at in range(4)]
    assert pages == rows


def test_what_is_found_is_sorted_too(client: TestClient) -> None:
    assert patients(client, sort="date", search="SYN") == ["SYN-100%", "SYN-RU-1", *patients(client, sort="date")[2:]]
    assert patients(client, sort="-images", modality="CT")[0] == "SYN-0001"


def test_the_studies_of_a_patient(client: TestClient) -> None:
    found = listed(client, patient_of=ONE, sort="-date")
    assert (found["total"], [row["patient_id"] for row in found["studies"]]) == (1, ["SYN-0001"])
    assert listed(client, patient_of="1.2.3")["studies"] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("from", "20260231"),
        ("to", "00000000"),
        ("sort", "shoe size"),
        ("read", "yes"),
        ("patient_of", "x"),
        ("since", "today"),
        ("since", "2026-11-29T00:00:00"),
    ],
)
def test_what_cannot_be_is_refused(client: TestClient, name: str, text: str) -> None:
    answer = client.get("/api/worklist", params={name: text})
    assert (answer.status_code, bool(answer.json()["hint"])) == (400, True)


def test_who_else_is_under_a_patient_id_is_told(client: TestClient, module_site: Site) -> None:
    sent = [
        send(module_site.archive, ct_slice(patient=Patient("TWICE", name, born, "F"), study=name))
        for name, born in (("First^Ada", "19500101"), ("Second^Eve", "19600101"))
    ]
    rows = listed(client, search="TWICE")["studies"]
    assert {row["patient_name"]: [other["patient_name"] for other in row["doubt"]["others"]] for row in rows} == {
        "First^Ada": ["Second^Eve"],
        "Second^Eve": ["First^Ada"],
    }
    told = client.get(f"/api/studies/{sent[0].study_instance_uid}/doubt").json()
    second = {"patient_name": "Second^Eve", "patient_birth_date": "19600101", "patient_sex": "F"}
    assert told == {"others": [second], "objects": 0}
    assert client.get(f"/api/studies/{ONE}/doubt").json() == {"others": [], "objects": 0}
