"""QIDO-RS: what PS3.18 says an answer holds, sequences, moments of other places, extended query tags, warnings."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive.reindex import Reindexer
from tests.support.archives import send
from tests.support.factories import ct_slice, uid
from tests.support.web import Site

# Tables 10.6.3-3 to -5, tag to VR; all but the last set are answered even when they have no value
STUDY = {
    "00080020": "DA", "00080030": "TM", "00080050": "SH", "00080056": "CS", "00080061": "CS", "00080090": "PN",
    "00081190": "UR", "00100010": "PN", "00100020": "LO", "00100030": "DA", "00100040": "CS", "0020000D": "UI",
    "00200010": "SH", "00201206": "IS", "00201208": "IS",
}  # fmt: skip
SERIES = {"00080060": "CS", "00081190": "UR", "0020000E": "UI", "00200011": "IS", "00201209": "IS"}
INSTANCE = {"00080016": "UI", "00080018": "UI", "00080056": "CS", "00081190": "UR", "00200013": "IS"}
WHERE_KNOWN = {
    "study": {"00080201": "SH"},
    "series": {"00080201": "SH", "0008103E": "LO", "00400244": "DA", "00400245": "TM", "00400275": "SQ"},
    "instance": {"00080201": "SH", "00280008": "IS", "00280010": "US", "00280011": "US", "00280100": "US"},
}
RESOURCES = [
    ("/studies", STUDY, ("study",)),
    ("/series", STUDY | SERIES, ("study", "series")),
    ("/instances", STUDY | SERIES | INSTANCE, ("study", "series", "instance")),
    ("/studies/{study}/series", SERIES, ("series",)),
    ("/studies/{study}/instances", SERIES | INSTANCE, ("series", "instance")),
    ("/studies/{study}/series/{series}/instances", INSTANCE, ("instance",)),
]
CREATOR = "ACME IMAGING 1"


def full() -> Dataset:
    code, step = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T1", "99LOCAL", "Thorax"
    step.ScheduledProcedureStepID, step.RequestedProcedureID = "SPS-1", "RP-1"
    step.RequestedProcedureCodeSequence = [code]
    dataset = ct_slice(
        study="full",
        series="ct",
        StudyDate="20240105",
        StudyTime="230000",
        TimezoneOffsetFromUTC="+0600",
        SeriesDescription="Thorax 1.0",
        PerformedProcedureStepStartDate="20240105",
        PerformedProcedureStepStartTime="230500",
        RequestAttributesSequence=[step],
        NumberOfFrames=1,
    )
    dataset.add_new((0x0009, 0x0010), "LO", CREATOR)
    dataset.add_new((0x0009, 0x1001), "LO", "Head first")
    dataset.add_new((0x0009, 0x1002), "FD", 1.25)
    dataset.OperatorsName = "Schmidt^Eva"
    return dataset


@pytest.fixture(scope="module")
def client(module_site: Site) -> TestClient:
    send(module_site.archive, full())
    send(module_site.archive, ct_slice(study="bare", series="ct", StudyDate="20240105", StudyTime="230000"))
    reindexer = Reindexer(module_site.archive, share=1)
    for tag in (("00091001", "LO", CREATOR, "study"), ("00091002", "FD", CREATOR), ("OperatorsName",)):
        module_site.archive.extended.add(*tag, by=OPERATOR)
    while reindexer.step():
        pass
    return module_site.as_role(Role.CLINICIAN)


def studies(client: TestClient, path: str = "/studies", **parameters: Any) -> list[str]:
    """Which of the two studies are found."""
    response = client.get(f"/dicom-web{path}", params=parameters)
    assert response.status_code == 200, response.text
    names = {uid("SYN-0001", name): name for name in ("full", "bare")}
    return sorted({names[row["0020000D"]["Value"][0]] for row in response.json()})


@pytest.mark.parametrize(("path", "always", "where_known"), RESOURCES)
def test_every_attribute_of_the_tables(
    client: TestClient, path: str, always: dict[str, str], where_known: tuple[str, ...]
) -> None:
    for study in ("full", "bare"):
        uids = {"study": uid("SYN-0001", study), "series": uid("SYN-0001", study, "ct")}
        rows = client.get(f"/dicom-web{path.format(**uids)}").json()
        [row] = [one for one in rows if any(uids["study"] in url for url in one["00081190"]["Value"])]
        known = {tag: vr for level in where_known for tag, vr in WHERE_KNOWN[level].items()}
        expected = always | (known if study == "full" else {})
        assert {tag: row.get(tag, {}).get("vr") for tag in expected} == expected
        if study == "full":
            assert all("Value" in row[tag] for tag in known)
        else:
            assert "00080201" not in row


def test_sequences_of_any_depth(client: TestClient) -> None:
    deep = "RequestAttributesSequence.RequestedProcedureCodeSequence"
    assert studies(client, "/series", **{f"{deep}.CodeValue": "T1"}) == ["full"]
    assert studies(client, "/series", **{"00400275.00321064.00080104": "th*"}) == []
    assert studies(client, "/series", **{"00400275.00321064.00080104": "Th*", "00400275.00401001": "RP-1"}) == ["full"]
    assert studies(client, "/series", **{f"{deep}.CodeValue": "T1", "00400275.00401001": "RP-2"}) == []
    refused = client.get("/dicom-web/series", params={"RequestAttributesSequence.RequestedProcedureID.CodeValue": "x"})
    assert refused.status_code == 400
    assert "sequence" in refused.json()["error"]
    assert studies(client, "/series", **{deep: "", f"{deep}.CodeValue": "T1"}) == ["full"]
    for more in ({}, {f"{deep}.CodeValue": "T1"}):
        refused = client.get("/dicom-web/series", params={deep: "T1", **more})
        assert refused.status_code == 400
        assert "sequence" in refused.json()["error"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"StudyDate": "20240105"}, ["bare", "full"]),
        # 23:00 in +0600 is 17:00 in UTC; a study that does not tell its offset is taken as it is written
        ({"StudyDate": "20240105", "StudyTime": "1600-1800"}, []),
        ({"StudyDate": "20240105", "StudyTime": "1600-1800", "TimezoneOffsetFromUTC": "+0000"}, ["full"]),
        ({"StudyDate": "20240106", "TimezoneOffsetFromUTC": "+0800"}, ["full"]),
        ({"StudyDate": "20240105", "00080201": "+0800"}, ["bare"]),
        ({"StudyDate": "20240106-", "StudyTime": "0100-", "00080201": "+0800"}, ["full"]),
        ({"StudyDate": "202401", "StudyTime": "01", "00080201": " 0800"}, ["full"]),
        ({"PerformedProcedureStepStartTime": "170500", "00080201": "-0000"}, ["full"]),
        ({"StudyDate": "20240105", "00080201": ""}, ["bare", "full"]),
    ],
)
def test_dates_and_times_of_another_place(client: TestClient, parameters: dict[str, str], found: list[str]) -> None:
    path = "/series" if any(name.startswith("Performed") for name in parameters) else "/studies"
    assert studies(client, path, **parameters) == found
    response = client.get(f"/dicom-web{path}", params={**parameters, "limit": 5})
    assert response.headers["x-total-count"] == str(len(found))


def test_an_extended_query_tag_is_a_key_and_a_field(client: TestClient) -> None:
    assert studies(client, **{"00091001": "Head*"}) == ["full"]
    assert studies(client, **{"00090010": CREATOR, "00091001": "Head first"}) == ["full"]
    assert studies(client, **{"00090011": CREATOR, "00091101": "Head first"}) == ["full"]  # whatever block it is in
    assert studies(client, **{"OperatorsName": "shmidt", "fuzzymatching": "true"}) == ["full"]
    assert studies(client, **{"00091001": '""', "emptyvaluematching": "true"}) == ["bare"]
    rows = client.get("/dicom-web/instances", params={"includefield": "00091001,00091002", "00081070": ""}).json()
    [row] = [row for row in rows if row["0020000D"]["Value"] == [uid("SYN-0001", "full")]]
    assert row["00090010"] == {"vr": "LO", "Value": [CREATOR]}
    assert row["00091001"] == {"vr": "LO", "Value": ["Head first"]}
    assert row["00091002"] == {"vr": "FD", "Value": [1.25]}
    assert row["00081070"] == {"vr": "PN", "Value": [{"Alphabetic": "Schmidt^Eva"}]}
    everything = client.get("/dicom-web/studies", params={"includefield": "all"}).json()[0]
    assert "00091001" in everything
    assert "00091002" not in everything  # it is of a level below


@pytest.mark.parametrize(
    "parameters",
    [
        {"00091005": "x"},
        {"00090010": "SOMEBODY ELSE", "00091001": "x"},
        {"00091001": "x", "TimezoneOffsetFromUTC": "+1500"},
        {"00091002": "much"},
    ],
)
def test_what_is_not_searched_is_400_with_a_hint(client: TestClient, parameters: dict[str, str]) -> None:
    response = client.get("/dicom-web/studies", params=parameters)
    assert response.status_code == 400, response.text
    assert response.json()["hint"]


def test_a_name_without_letters_is_matched_as_it_is_written(client: TestClient) -> None:
    response = client.get("/dicom-web/studies", params={"PatientName": "--", "fuzzymatching": "true"})
    assert (response.status_code, response.json()) == (200, [])
    assert "Only literal matching has been performed" in response.headers["warning"]


def test_the_routes_of_extended_query_tags(site: Site) -> None:
    administrator, reader = site.as_role(Role.ADMIN), site.as_role(Role.CLINICIAN)
    path = "/api/extended-query-tags"
    send(site.archive, full())
    new = {"tag": "00091001", "vr": "LO", "private_creator": CREATOR, "level": "study"}
    made = administrator.post(path, json=new)
    assert (made.status_code, made.headers["location"]) == (202, f"{path}/00091001")
    assert (made.json()["status"], made.json()["enabled"]) == ("adding", True)
    waiting = reader.get("/dicom-web/studies", params={"00091001": "x"})
    assert waiting.status_code == 400
    assert "still being indexed" in waiting.json()["error"]
    assert administrator.post(path, json=new).status_code == 409
    assert administrator.post(path, json={"tag": "nonsense"}).status_code == 400
    reindexer = Reindexer(site.archive, share=1)
    while reindexer.step():
        pass
    [tag] = reader.get(path).json()["tags"]
    assert (tag["status"], tag["objects_done"], tag["objects_total"], tag["errors"]) == ("ready", 1, 1, 0)
    assert administrator.get(f"{path}/00091001/errors").json() == {"errors": []}
    assert administrator.patch(f"{path}/00091001", json={"enabled": False}).json()["enabled"] is False
    assert reader.get("/dicom-web/studies", params={"00091001": "x"}).status_code == 400
    assert administrator.delete(f"{path}/00091001").status_code == 204
    assert reader.get(f"{path}/00091001").json()["status"] == "deleting"
    while reindexer.step():
        pass
    assert reader.get(f"{path}/00091001").status_code == 404
