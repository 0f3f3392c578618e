"""Corrections over HTTP: every form of an object that goes out carries them, and who may make them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.archives import send
from tests.support.factories import Patient, ct_series, ct_slice, mr_slice
from tests.support.wado import DICOM, get, reread, stored, url_of
from tests.support.web import Site, parts

NAME = "Исправлена^Анна"


def correct(client: TestClient, dataset: Dataset, **attributes: str) -> dict[str, Any]:
    body = {"attributes": attributes, "reason": "a test", "study_instance_uid": str(dataset.StudyInstanceUID)}
    answer = client.post("/api/corrections", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/corrections/{made['id']}"
    return made


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless,
    ],
)
def test_every_form_of_an_object_is_corrected(site: Site, syntax: UID) -> None:
    sent = ct_slice(transfer_syntax=syntax, study=str(syntax))
    stored(site, sent)
    admin, url = site.as_role(Role.ADMIN), url_of(sent)
    tags = {accept: get(admin, url, accept).headers["etag"] for accept in ("application/dicom", DICOM)}
    before = reread(get(admin, url, "application/dicom").content).pixel_array
    correct(admin, sent, PatientName=NAME)
    wanted = ["", *([f"; transfer-syntax={one}" for one in ("*", ExplicitVRLittleEndian)])]
    for form in wanted:
        answer = get(admin, url, f"application/dicom{form}", **{"If-None-Match": tags["application/dicom"]})
        read = reread(answer.content)
        assert str(read.PatientName) == NAME
        assert read.file_meta.TransferSyntaxUID == answer.headers["content-type"].partition("transfer-syntax=")[2]
        assert len(read.OriginalAttributesSequence) == 1
        assert (read.pixel_array == before).all()
    [(_, part)] = parts(get(admin, url, f'{DICOM}; transfer-syntax="*"'))
    assert str(reread(part).PatientName) == NAME
    answer = get(
        admin,
        f"/wado?requestType=WADO&studyUID={sent.StudyInstanceUID}&seriesUID={sent.SeriesInstanceUID}"
        f"&objectUID={sent.SOPInstanceUID}&contentType=application/dicom",
    )
    assert str(reread(answer.content).PatientName) == NAME
    [json] = get(admin, f"{url}/metadata", "application/dicom+json").json()
    assert json["00100010"]["Value"] == [{"Alphabetic": NAME}]
    assert json["7FE00010"]["BulkDataURI"].endswith("/bulkdata/7FE00010")
    xml = get(admin, f"{url}/metadata", 'multipart/related; type="application/dicom+xml"').text
    assert NAME.partition("^")[0] in xml


def test_a_zip_a_range_and_a_picture(site: Site) -> None:
    sent = ct_series(2)
    for dataset in sent:
        stored(site, dataset)
    admin, url = site.as_role(Role.ADMIN), url_of(sent[0])
    picture = get(admin, f"{url}/rendered?annotation=patient", "image/png")
    correct(admin, sent[0], PatientName="Other^Name")
    archive = zipfile.ZipFile(
        io.BytesIO(get(admin, f"/dicom-web/studies/{sent[0].StudyInstanceUID}", "application/zip").content)
    )
    files = [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    names = [str(one.PatientName) for one in files if "PatientName" in one]
    directory = next(one for one in files if "DirectoryRecordSequence" in one)
    assert names == ["Other^Name"] * 2
    assert str(directory.DirectoryRecordSequence[0].PatientName) == "Other^Name"
    whole = get(admin, url, "application/dicom")
    assert int(whole.headers["content-length"]) == len(whole.content)
    for first, last in ((0, 99), (300, 2000), (len(whole.content) - 10, len(whole.content) - 1)):
        part = get(admin, url, "application/dicom", Range=f"bytes={first}-{last}")
        assert (part.status_code, part.content) == (206, whole.content[first : last + 1])
    fresh = get(admin, f"{url}/rendered?annotation=patient", "image/png", **{"If-None-Match": picture.headers["etag"]})
    assert (fresh.status_code, fresh.content == picture.content) == (200, False)
    assert get(admin, f"{url}/frames/1").headers["etag"]


def test_merge_and_move_show_in_the_worklist_and_the_feed(site: Site) -> None:
    anna, boris = ct_slice(study="a"), mr_slice(study="b", patient=Patient("B-2", "Boris^B"))
    for dataset in (anna, boris):
        send(site.archive, dataset)
    admin = site.as_role(Role.ADMIN)
    before = admin.get("/api/changes").json()["next"]
    merged = admin.post(
        "/api/merges",
        json={"patient": {"patient_id": "SYN-0001"}, "into": {"patient_id": "B-2"}, "reason": "the same person"},
    )
    assert (merged.status_code, merged.json()["studies"]) == (201, 1)
    listed = admin.get("/api/worklist").json()["studies"]
    assert {(row["patient_id"], row["patient_name"]) for row in listed} == {("B-2", "Boris^B")}
    assert len(admin.get("/api/worklist", params={"search": "SYN-0001"}).json()["studies"]) == 2  # the old wristband
    [change] = admin.get("/api/changes", params={"after": before}).json()["changes"]
    assert (change["kind"], change["study_instance_uid"]) == ("patients.merged", str(anna.StudyInstanceUID))
    assert "SYN" not in str(change)
    undone = admin.post(f"{merged.headers['location']}/undo")
    assert undone.json()["undone_at"] is not None
    assert admin.post(f"{merged.headers['location']}/undo").status_code == 409
    moved = admin.post(
        "/api/moves",
        json={"study_instance_uid": str(boris.StudyInstanceUID), "into": {"patient_id": "SYN-0001"}, "reason": "x"},
    )
    assert moved.status_code == 201
    assert {row["patient_id"] for row in admin.get("/api/worklist").json()["studies"]} == {"SYN-0001"}
    [row] = admin.get("/api/corrections", params={"study": str(boris.StudyInstanceUID)}).json()["corrections"]
    assert (row["kind"], row["old"]["PatientID"], row["reason"]) == ("move", "B-2", "x")
    assert len(admin.get("/api/corrections", params={"all": "true", "patient": "B-2"}).json()["corrections"]) == 1


def test_bad_bodies(site: Site) -> None:
    sent = ct_slice()
    send(site.archive, sent)
    admin, uid = site.as_role(Role.ADMIN), str(sent.StudyInstanceUID)
    good = {"attributes": {"StudyID": "77"}, "reason": "x", "study_instance_uid": uid}
    for change, status in (
        ({"attributes": {"StudyDate": "today"}}, 400),
        ({"attributes": {"SOPClassUID": "1.2"}}, 400),
        ({"reason": ""}, 400),
        ({"study_instance_uid": "abc"}, 400),
        ({"study_instance_uid": "1.2.3"}, 404),
        ({"colour": "red"}, 400),
    ):
        answer = admin.post("/api/corrections", json=good | change)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]
    assert admin.post("/api/corrections/none/undo").status_code == 404
    assert site.as_role(Role.CLINICIAN).post("/api/corrections", json=good).status_code == 403
    assert site.as_role(Role.TECHNOLOGIST).post("/api/corrections", json=good).status_code == 201
    body = {"patient": {"patient_id": "a"}, "into": {"patient_id": "b"}, "reason": "x"}
    assert site.as_role(Role.RADIOLOGIST).post("/api/merges", json=body).status_code == 403
