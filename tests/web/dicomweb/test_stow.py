"""STOW-RS: what is stored, the result of each instance, the status of the whole, and that nothing half stays behind."""

from __future__ import annotations

import errno
import io
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive.ingest import Reception
from pacs.archive.limits import IngestLimits
from pacs.render.workers import DecodeWorkers
from pacs.web.dicomweb.stow import Delivery
from tests.support.factories import ct_series, ct_slice, part10, structured_report
from tests.support.web import ANY_OBJECTS, STOW_HEADERS, Site, multipart, open_site, parts


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.TECHNOLOGIST)


def store(client: TestClient, files: list[bytes], study: str = "", **headers: str) -> Any:
    path = f"/dicom-web/studies/{study}" if study else "/dicom-web/studies"
    return client.post(path, content=multipart(files), headers={**STOW_HEADERS, **headers})


def references(answer: dict[str, Any], tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.get(tag, {}).get("Value", [])]


def spool(site: Site) -> list[str]:
    return [path.name for path in site.archive.store.incoming.iterdir()]


def test_what_was_sent_is_there_unchanged(site: Site, client: TestClient) -> None:
    sent = [
        *ct_series(3),
        structured_report(),
        ct_slice(series="c", transfer_syntax=JPEG2000Lossless, rows=400, columns=400),
    ]
    response = store(client, [part10(dataset) for dataset in sent])
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    answer = response.json()
    assert references(answer, "00081199") == [dataset.SOPInstanceUID for dataset in sent]
    assert answer["00081190"]["Value"][0].endswith(f"/studies/{sent[0].StudyInstanceUID}")
    assert "00081198" not in answer
    assert "0008119A" not in answer
    back = parts(client.get(f"/dicom-web/studies/{sent[0].StudyInstanceUID}", headers={"Accept": ANY_OBJECTS}))
    got = {reread.SOPInstanceUID: reread for reread in (pydicom.dcmread(io.BytesIO(part)) for _, part in back)}
    for dataset in sent:
        assert got[dataset.SOPInstanceUID] == dataset
    assert spool(site) == []


def test_the_answer_names_each_instance(client: TestClient) -> None:
    sent = ct_slice()
    [item] = store(client, [part10(sent)]).json()["00081199"]["Value"]
    assert item["00081150"] == {"vr": "UI", "Value": [sent.SOPClassUID]}
    url = item["00081190"]["Value"][0]
    assert url.endswith(f"/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}")
    assert client.get(url).status_code == 200


def test_the_same_again_is_stored_again(client: TestClient) -> None:
    content = part10(ct_slice())
    assert store(client, [content]).status_code == 200
    assert store(client, [content, content]).status_code == 200
    assert len(client.get("/dicom-web/instances").json()) == 1


def test_one_file_alone_without_parts(client: TestClient) -> None:
    sent = ct_slice(transfer_syntax=ImplicitVRLittleEndian)
    response = client.post("/dicom-web/studies", content=part10(sent), headers={"Content-Type": "application/dicom"})
    assert response.status_code == 200
    assert references(response.json(), "00081199") == [sent.SOPInstanceUID]


def test_another_study_than_named_fails_by_itself(client: TestClient) -> None:
    mine, other = ct_slice(study="mine"), ct_slice(study="other")
    response = store(client, [part10(mine), part10(other)], mine.StudyInstanceUID)
    assert response.status_code == 202
    answer = response.json()
    assert references(answer, "00081199") == [mine.SOPInstanceUID]
    assert references(answer, "00081198") == [other.SOPInstanceUID]
    assert answer["00081198"]["Value"][0]["00081197"] == {"vr": "US", "Value": [0xA900]}
    [words] = answer["00081198"]["Value"][0]["00000902"]["Value"]
    assert (
        words
        == f"StudyInstanceUID is {other.StudyInstanceUID} in the data set and {mine.StudyInstanceUID} in the request"
    )
    alone = store(client, [part10(other)], mine.StudyInstanceUID)
    assert alone.status_code == 409
    assert references(alone.json(), "00081198") == [other.SOPInstanceUID]
    assert "00081199" not in alone.json()
    assert alone.json()["00081190"] == {"vr": "UR"}


def test_incomplete_and_foreign_parts_fail_by_themselves(site: Site, client: TestClient) -> None:
    good, torn = ct_slice(), part10(ct_slice(number=2))[:-50]
    response = store(client, [torn, b"no dicom" * 100, part10(good)])
    assert response.status_code == 202
    answer = response.json()
    assert references(answer, "00081199") == [good.SOPInstanceUID]
    assert references(answer, "00081198") == [ct_slice(number=2).SOPInstanceUID]
    [failed] = answer["0008119A"]["Value"]
    assert (failed["00081197"], bool(failed["00000902"]["Value"][0])) == ({"vr": "US", "Value": [0xC000]}, True)
    assert spool(site) == []


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([b"no dicom" * 100], 400),
        ([b"no dicom"], 409),
        ([b""], 409),
        ([part10(ct_slice())[:-10]], 409),
        ([part10(ct_slice())[:200]], 409),
    ],
)
def test_nothing_stored_says_why(client: TestClient, files: list[bytes], status: int) -> None:
    response = store(client, files)
    assert response.status_code == status, response.text
    assert client.get("/dicom-web/studies").json() == []


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ('multipart/related; type="application/dicom"; boundary=frontier', b"", 400),
        ('multipart/related; type="application/dicom"; boundary=frontier', b"--frontier--", 400),
        ('multipart/related; type="application/dicom"; boundary=frontier', b"hello", 400),
        ('multipart/related; type="application/dicom"', b"--frontier--", 400),
        ('multipart/related; type="application/dicom+json"; boundary=frontier', b"--frontier--", 400),
        ('multipart/related; type="image/png"; boundary=frontier', b"--frontier--", 415),
        ("application/json", b"{}", 415),
        ("", b"", 415),
        ("multipart/form-data; boundary=frontier", b"--frontier--", 415),
    ],
)
def test_bodies_that_cannot_be_read(client: TestClient, content_type: str, content: bytes, status: int) -> None:
    response = client.post("/dicom-web/studies", content=content, headers={"Content-Type": content_type})
    assert response.status_code == status, response.text
    assert response.json()["hint"]


def test_parts_of_another_type_fail_by_themselves(client: TestClient) -> None:
    body = multipart([b"{}"], content_type="application/dicom+json")
    response = client.post("/dicom-web/studies", content=body, headers=STOW_HEADERS)
    assert response.status_code == 415
    assert response.json()["0008119A"]["Value"][0]["00081197"]["Value"] == [0xC000]


def test_a_body_that_breaks_off_keeps_what_was_whole(site: Site, client: TestClient) -> None:
    first, second = part10(ct_slice()), part10(ct_slice(number=2))
    body = multipart([first, second])
    response = client.post("/dicom-web/studies", content=body[: len(first) + 500], headers=STOW_HEADERS)
    assert response.status_code == 202
    assert references(response.json(), "00081199") == [ct_slice().SOPInstanceUID]
    assert references(response.json(), "00081198") == [ct_slice(number=2).SOPInstanceUID]
    assert spool(site) == []


def test_compressed_bodies_are_refused(client: TestClient) -> None:
    response = store(client, [part10(ct_slice())], **{"Content-Encoding": "gzip"})
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("limits", "status"),
    [(IngestLimits(4096, 0, 0), 413), (IngestLimits(1 << 30, 1 << 60, 100.0), 507)],
)
def test_too_large_and_no_room(tmp_path: Path, workers: DecodeWorkers, limits: IngestLimits, status: int) -> None:
    with open_site(tmp_path, workers, limits=limits) as site:
        response = store(site.as_role(Role.SERVICE), [part10(ct_slice())])
        assert response.status_code == status
        [failed] = response.json()["00081198"]["Value"]
        assert failed["00081155"]["Value"] == [ct_slice().SOPInstanceUID]
        assert failed["00081197"]["Value"] == [0xA700]
        assert ("retry-after" in response.headers) is (status == 507)
        assert spool(site) == []


def test_a_disk_that_fails_passes_and_is_told_with_its_reason(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("storage.filesystem.os.fsync", failing)
        response = store(site.as_role(Role.SERVICE), [part10(ct_slice())])
    assert response.status_code == 503
    assert "retry-after" in response.headers
    [failed] = response.json()["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [0xA700]
    assert "smartctl" in failed["00000902"]["Value"][0]
    assert spool(site) == []


@pytest.mark.parametrize("role", [Role.CLINICIAN])
def test_who_may_not_store_is_told(site: Site, role: Role) -> None:
    assert store(site.as_role(role), [part10(ct_slice())]).status_code == 403
    assert store(site.client(), [part10(ct_slice())]).status_code == 403  # neither a token nor our own header
    assert store(site.client(**{"X-Suret": "1"}), [part10(ct_slice())]).status_code == 401


def test_a_token_of_one_study_stores_into_no_other(site: Site, client: TestClient) -> None:
    mine, other = ct_slice(study="mine"), ct_slice(study="other")
    expires_at = site.archive.clock() + timedelta(hours=1)
    scoped = site.client(site.accounts.task_token(mine.StudyInstanceUID, "01TASK", expires_at))
    assert store(scoped, [part10(mine)]).status_code == 200
    assert store(scoped, [part10(other)]).status_code == 409
    assert store(scoped, [part10(other)], other.StudyInstanceUID).status_code == 404
    site.archive.index.write(lambda c: site.accounts.end_task_reading(c, "01TASK"))
    assert store(scoped, [part10(ct_slice(study="mine", number=2))]).status_code == 403
    assert len(client.get("/dicom-web/instances").json()) == 1


def test_odd_data_sets_are_stored_as_they_are(client: TestClient) -> None:
    sent = ct_slice()
    sent.PatientName = "Ивáнов^=山"
    sent.SpecificCharacterSet = "ISO_IR 192"
    assert store(client, [part10(sent)]).status_code == 200
    answer: list[dict[str, Any]] = client.get("/dicom-web/studies").json()
    assert Dataset.from_json(answer[0]).PatientName == "Ивáнов^=山"


def test_a_request_that_is_cut_off_waits_for_what_is_being_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    taking, released = threading.Event(), threading.Event()
    write = Reception.write

    def slowly(reception: Reception, data: memoryview) -> None:
        taking.set()
        released.wait(10)
        write(reception, data)

    monkeypatch.setattr(Reception, "write", slowly)
    delivery = Delivery(site.archive, OPERATOR, "", None)
    feeding = threading.Thread(target=delivery.feed, args=(part10(ct_slice()),))
    closing = threading.Thread(target=delivery.close)
    feeding.start()
    assert taking.wait(10)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    released.set()
    feeding.join(10)
    closing.join(10)
    delivery.feed(part10(ct_slice()))
    delivery.finish()
    assert delivery.results == []
    assert list(site.archive.store.incoming.iterdir()) == []
