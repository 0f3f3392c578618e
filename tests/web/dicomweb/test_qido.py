"""QIDO-RS: the six resources, matching, paging, what is answered, and how a malformed question is told."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.attributes import CATALOGUE, Level
from tests.support.archives import send
from tests.support.factories import KAZAKH, RUSSIAN, Patient, cr_image, ct_series, ct_slice, mr_series, uid
from tests.support.web import Site, parts


@pytest.fixture(scope="module")
def client(module_site: Site) -> TestClient:
    requested = Dataset()
    requested.ScheduledProcedureStepID, requested.RequestedProcedureID = "SPS1", "RP1"
    for dataset in (
        *ct_series(2, study="one", series="ct"),
        *mr_series(1, study="one", series="mr"),
        ct_slice(patient=KAZAKH, study="two", series="ct", RequestAttributesSequence=[requested]),
        ct_slice(patient=RUSSIAN, study="three", series="ct", StudyDate="20250301", StudyTime="083000"),
        cr_image(patient=Patient("SYN-9", "Doe^John"), study="four", StudyDate="20240101", AccessionNumber=""),
    ):
        send(module_site.archive, dataset)
    return module_site.as_role(Role.CLINICIAN)


def found(client: TestClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    response = client.get(f"/dicom-web{path}", params=parameters)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    answer: list[dict[str, Any]] = response.json()
    return answer


def values(rows: list[dict[str, Any]], tag: str) -> list[Any]:
    return [row.get(tag, {}).get("Value", [None])[0] for row in rows]


def test_the_six_resources(client: TestClient) -> None:
    one = uid(Patient().id, "one")
    series = uid(Patient().id, "one", "ct")
    assert len(found(client, "/studies")) == 4
    assert len(found(client, "/series")) == 5
    assert len(found(client, "/instances")) == 6
    assert len(found(client, f"/studies/{one}/series")) == 2
    assert len(found(client, f"/studies/{one}/instances")) == 3
    assert len(found(client, f"/studies/{one}/series/{series}/instances")) == 2


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("/studies", {Level.PATIENT, Level.STUDY}),
        ("/series", {Level.PATIENT, Level.STUDY, Level.SERIES}),
        ("/instances", {Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE}),
        ("/studies/{study}/series", {Level.SERIES}),
        ("/studies/{study}/instances", {Level.SERIES, Level.IMAGE}),
        ("/studies/{study}/series/{series}/instances", {Level.IMAGE}),
    ],
)
def test_required_attributes_are_answered_even_when_empty(client: TestClient, path: str, levels: set[Level]) -> None:
    filled = path.format(study=uid("SYN-9", "four"), series=uid("SYN-9", "four", "cr"))
    row = found(client, filled, StudyInstanceUID=uid("SYN-9", "four"))[0]
    for attribute in CATALOGUE:
        if attribute.required and attribute.level in levels:
            assert row[f"{attribute.tag:08X}"]["vr"] == attribute.vr, attribute.keyword
    assert list(row) == sorted(row)
    if Level.STUDY in levels:
        assert row["00080050"] == {"vr": "SH"}
    assert row["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}


def test_values_in_the_json_model(client: TestClient) -> None:
    row = found(client, "/studies", PatientID=Patient().id)[0]
    study = uid(Patient().id, "one")
    assert row["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Phantom^Anna"}]}
    assert row["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert row["00201208"] == {"vr": "IS", "Value": [3]}
    assert row["00081190"]["Value"] == [f"http://127.0.0.1:8042/dicom-web/studies/{study}"]
    instance = found(client, f"/studies/{study}/instances")[0]
    assert instance["00280010"]["vr"] == "US"
    assert isinstance(instance["00280010"]["Value"][0], int)
    assert instance["00081190"]["Value"][0].endswith(f"/instances/{instance['00080018']['Value'][0]}")


@pytest.mark.parametrize(
    ("parameters", "patients"),
    [
        ({"PatientID": "SYN-9"}, {"SYN-9"}),
        ({"00100020": "SYN-9"}, {"SYN-9"}),
        ({"PatientName": "phantom*"}, {"SYN-0001"}),
        ({"PatientName": "Әбдірахманова*"}, {"SYN-KK-1"}),
        ({"PatientName": "ӘБДІРАХМАНОВА*"}, {"SYN-KK-1"}),
        ({"PatientName": "Koroleva", "fuzzymatching": "true"}, {"SYN-RU-1"}),
        ({"PatientName": "Do?^John"}, {"SYN-9"}),
        ({"StudyDate": "20250101-20251231"}, {"SYN-RU-1"}),
        ({"StudyDate": "-20241231"}, {"SYN-9"}),
        ({"StudyDate": "20250301-", "StudyTime": "083100-"}, {"SYN-0001", "SYN-KK-1"}),
        ({"ModalitiesInStudy": "MR"}, {"SYN-0001"}),
        ({"Modality": "CR"}, {"SYN-9"}),
        ({"PatientID": ""}, {"SYN-0001", "SYN-KK-1", "SYN-RU-1", "SYN-9"}),
        ({"RequestAttributesSequence.ScheduledProcedureStepID": "SPS1"}, {"SYN-KK-1"}),
        ({"00400275.00401001": "RP*"}, {"SYN-KK-1"}),
        ({"StudyInstanceUID": f"{uid('SYN-9', 'four')},{uid('SYN-RU-1', 'three')}"}, {"SYN-9", "SYN-RU-1"}),
        ({"StudyInstanceUID": f"{uid('SYN-9', 'four')}\\{uid('SYN-RU-1', 'three')}"}, {"SYN-9", "SYN-RU-1"}),
        ({"PatientName": "nobody"}, set()),
    ],
)
def test_matching(client: TestClient, parameters: dict[str, str], patients: set[str]) -> None:
    path = "/series" if any("." in name for name in parameters) else "/studies"
    assert set(values(found(client, path, **parameters), "00100020")) == patients


def test_nothing_found_is_an_empty_list(client: TestClient) -> None:
    response = client.get("/dicom-web/studies", params={"PatientID": "nobody"})
    assert (response.status_code, response.text) == (200, "[]")
    assert found(client, "/studies/1.2.3/series") == []


def test_pages_are_complete_and_disjoint(client: TestClient) -> None:
    whole = values(found(client, "/instances"), "00080018")
    paged: list[Any] = []
    for offset in range(0, 6, 2):
        response = client.get("/dicom-web/instances", params={"limit": 2, "offset": offset})
        paged += values(response.json(), "00080018")
        left = 6 - offset - 2
        if left:
            assert f"There are {left} additional results that can be requested" in response.headers["warning"]
        else:
            assert "warning" not in response.headers
    assert paged == whole
    assert len(set(whole)) == 6


def test_no_more_than_the_servers_own_limit(module_site: Site, client: TestClient) -> None:
    assert module_site.settings.web.query_results_max == 1000
    assert found(client, "/studies", limit=0) == []
    assert len(found(client, "/studies", limit=10**6)) == 4


def test_includefield(client: TestClient) -> None:
    plain = found(client, "/studies", PatientID="SYN-9")[0]
    assert "00080080" not in plain
    for field in ("InstitutionName", "00080080", "StudyID,InstitutionName"):
        row = found(client, "/studies", PatientID="SYN-9", includefield=field)[0]
        assert row["00080080"]["Value"] == ["Test Hospital"]
    everything = found(client, "/studies", PatientID="SYN-9", includefield="all")[0]
    assert everything["00080080"]["Value"] == ["Test Hospital"]
    assert "00080060" not in found(client, "/studies", PatientID="SYN-9", includefield="Modality")[0]
    assert found(client, "/studies", PatientID="SYN-9", includefield="Nonsense")[0].keys() == plain.keys()


@pytest.mark.parametrize(
    "parameters",
    [
        {"StudyDate": "2025-01"},
        {"StudyDate": "yesterday"},
        {"StudyDate": "20251345"},
        {"StudyTime": "2561"},
        {"StudyTime": "25h"},
        {"StudyInstanceUID": "1.2.x"},
        {"limit": "-1"},
        {"limit": "many"},
        {"offset": "1.5"},
        {"fuzzymatching": "maybe"},
        {"00091001": "private"},
        {"RequestAttributesSequence.Nonsense": "x"},
        {"PatientName": "x" * 2000},
        [("PatientID", "1"), ("00100020", "1")],
    ],
)
def test_malformed_questions_are_400_with_a_hint(client: TestClient, parameters: Any) -> None:
    response = client.get("/dicom-web/studies", params=parameters)
    assert response.status_code == 400, response.text
    assert response.json()["hint"]


@pytest.mark.parametrize("name", ["Colour", "PatientNam", "00081140", "ReferencedSeriesSequence.SeriesInstanceUID"])
def test_unknown_parameters_are_ignored_with_a_warning(client: TestClient, name: str) -> None:
    response = client.get("/dicom-web/studies", params={name: "x"})
    assert len(response.json()) == 4
    assert response.headers["warning"].startswith("299 http://127.0.0.1:8042/dicom-web ")
    assert name in response.headers["warning"]


def test_items_of_a_lower_level_are_ignored_with_a_warning(client: TestClient) -> None:
    response = client.get("/dicom-web/studies", params={"RequestAttributesSequence.ScheduledProcedureStepID": "A*"})
    assert response.status_code == 200
    assert "RequestAttributesSequence" in response.headers["warning"]


def test_slashes_too_many_are_read_over(client: TestClient) -> None:
    for path in ("/dicom-web//studies", "/dicom-web/studies/"):
        assert len(client.get(path).json()) == 4
    refused = client.put("/dicom-web/studies")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    assert client.get("/dicom-web/studies//series").status_code == 400


def test_a_warning_cannot_carry_anything_else(client: TestClient) -> None:
    response = client.get("/dicom-web/studies", params={'a"\r\nX-Evil: 1': "x"})
    assert response.status_code == 200
    assert "x-evil" not in response.headers


@pytest.mark.parametrize(
    ("parameters", "patients"),
    [
        ({"AccessionNumber": '""', "emptyvaluematching": "true"}, {"SYN-9"}),
        ({"AccessionNumber": '""', "emptyvaluematching": "false"}, set()),
        ({"AccessionNumber": '""'}, set()),
        ({"PatientID": "SYN-9\\SYN-RU-1", "multiplevaluematching": "true"}, {"SYN-9", "SYN-RU-1"}),
        ({"PatientID": "SYN-9\\SYN-RU*", "multiplevaluematching": "true"}, {"SYN-9", "SYN-RU-1"}),
        ({"PatientID": "SYN-9\\SYN-RU-1"}, set()),
        ({"PatientName": "doe*\\phantom^anna", "multiplevaluematching": "true"}, {"SYN-9", "SYN-0001"}),
        ({"ModalitiesInStudy": "MR,CR"}, {"SYN-9", "SYN-0001"}),
        ({"ModalitiesInStudy": "MR\\CR", "multiplevaluematching": "true"}, set()),
        ({"ModalitiesInStudy": "MR,CT", "multiplevaluematching": "true"}, {"SYN-0001"}),
        ({"StudyDate": "20240101,20250301-20250302", "multiplevaluematching": "true"}, {"SYN-9", "SYN-RU-1"}),
        (
            {"AccessionNumber": '""\\A9', "emptyvaluematching": "true", "multiplevaluematching": "true"},
            {"SYN-9"},
        ),
        ({"PatientID": "SYN-9\\*", "multiplevaluematching": "true"}, {"SYN-0001", "SYN-KK-1", "SYN-RU-1", "SYN-9"}),
    ],
)
def test_empty_and_multiple_values(client: TestClient, parameters: dict[str, str], patients: set[str]) -> None:
    response = client.get("/dicom-web/studies", params=parameters)
    assert set(values(response.json(), "00100020")) == patients
    assert "warning" not in response.headers


def test_the_total_is_told(client: TestClient) -> None:
    for parameters, total in (({}, 4), ({"limit": 1}, 4), ({"limit": 3, "offset": 2}, 4), ({"PatientID": "SYN-9"}, 1)):
        response = client.get("/dicom-web/studies", params=parameters)
        assert response.headers["x-total-count"] == str(total), parameters


def test_an_answer_that_has_not_changed_is_not_sent_again(site: Site) -> None:
    reader = site.as_role(Role.CLINICIAN)
    send(site.archive, ct_slice())
    first = reader.get("/dicom-web/studies")
    again = reader.get("/dicom-web/studies", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    send(site.archive, ct_slice(study="another"))
    changed = reader.get("/dicom-web/studies", headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, len(changed.json())) == (200, 2)


def test_pages_are_not_moved_by_what_comes_in_between(site: Site) -> None:
    reader = site.as_role(Role.CLINICIAN)
    for number in range(6):
        send(site.archive, ct_slice(study=f"s{number}", StudyDate=f"202501{number + 10}"))
    paged: list[Any] = []
    for offset in range(0, 6, 2):
        response = reader.get("/dicom-web/studies", params={"limit": 2, "offset": offset, "PatientID": Patient().id})
        paged += values(response.json(), "0020000D")
        assert response.headers["x-total-count"] == "6"
        send(site.archive, ct_slice(study=f"new{offset}", StudyDate="20260101"))
    assert paged == [uid(Patient().id, f"s{number}") for number in reversed(range(6))]
    assert len(found(reader, "/studies")) == 9


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*", 200),
        ('multipart/related; type="application/dicom+xml"', 200),
        ("application/dicom+xml", 406),
        ("image/jpeg", 406),
    ],
)
def test_what_the_client_accepts(client: TestClient, accept: str, status: int) -> None:
    assert client.get("/dicom-web/studies", headers={"Accept": accept}).status_code == status


def test_xml_is_a_part_a_result(client: TestClient) -> None:
    accept = {"Accept": 'multipart/related; type="application/dicom+xml"'}
    response = client.get("/dicom-web/studies", params={"limit": 2}, headers=accept)
    documents = [(headers["content-type"], ElementTree.fromstring(octets)) for headers, octets in parts(response)]
    assert {kind for kind, _ in documents} == {"application/dicom+xml"}
    as_json = found(client, "/studies", limit=2)
    for (_, document), row in zip(documents, as_json, strict=True):
        assert [element.attrib["tag"] for element in document] == list(row)
        [study] = document.findall("*[@tag='0020000D']/*")
        assert study.text == row["0020000D"]["Value"][0]
    assert "There are 2 additional" in response.headers["warning"]
    again = client.get("/dicom-web/studies", params={"limit": 2}, headers=accept)
    assert (again.headers["etag"], again.content) == (response.headers["etag"], response.content)
    assert parts(client.get("/dicom-web/studies", params={"PatientID": "nobody"}, headers=accept)) == []


def test_a_caller_with_one_study_sees_no_other(module_site: Site, client: TestClient) -> None:
    study = uid("SYN-9", "four")
    scoped = module_site.client(
        module_site.accounts.task_token(study, "01TASK", module_site.archive.clock().replace(year=2100))
    )
    for path in ("/studies", "/series", "/instances"):
        rows = found(scoped, path)
        assert {row["0020000D"]["Value"][0] for row in rows} == {study}
    other = uid(Patient().id, "one")
    assert found(scoped, "/studies", StudyInstanceUID=other) == []
    for uid_ in (other, "1.2.3.4"):
        assert scoped.get(f"/dicom-web/studies/{uid_}/series").status_code == 404
