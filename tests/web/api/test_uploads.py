"""Uploads in several requests: where they go on, what is in them, what is refused, and what a restart leaves."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive.limits import IngestLimits, UploadLimits
from pacs.errors import OutOfResources, StateConflict
from pacs.model import utc_now
from pacs.render.workers import DecodeWorkers
from pacs.web.dicomweb import zip_delivery
from tests.support.factories import ct_series, ct_slice, part10
from tests.support.web import Site, multipart, open_site

URL = "/api/uploads"


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.TECHNOLOGIST)


def begin(client: TestClient, content_type: str = "application/dicom", **headers: str) -> str:
    response = client.post(URL, headers={"Content-Type": content_type, **headers})
    assert (response.status_code, response.headers["upload-offset"]) == (201, "0"), response.text
    return str(response.headers["location"])


def append(client: TestClient, url: str, offset: int, data: bytes, *, last: bool = False, **headers: str) -> Any:
    told = {"Content-Type": "application/partial-upload", "Upload-Offset": str(offset)}
    return client.patch(url, content=data, headers=told | {"Upload-Complete": f"?{int(last)}"} | headers)


def upload(client: TestClient, data: bytes, content_type: str = "application/zip", **headers: str) -> Any:
    """All at once."""
    return client.post(URL, content=data, headers={"Content-Type": content_type, "Upload-Complete": "?1", **headers})


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return file.getvalue()


def stored(response: Any) -> list[str]:
    return [item["00081155"]["Value"][0] for item in response.json().get("00081199", {}).get("Value", [])]


def folder(site: Site) -> list[Path]:
    return sorted((site.archive.derived.parent / "uploads").glob("*"))


def directory() -> bytes:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    made.file_meta = part10_meta()
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def part10_meta() -> Any:
    meta = ct_slice().file_meta
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    return meta


def test_it_goes_on_where_it_was_interrupted(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    data = part10(sent)
    url = begin(client, **{"Upload-Length": str(len(data)), "Repr-Digest": digest(data)})
    assert append(client, url, 0, data[:1000]).headers["upload-offset"] == "1000"
    wrong = append(client, url, 0, data)
    assert (wrong.status_code, wrong.headers["upload-offset"]) == (409, "1000")
    asked = client.head(url)
    assert (asked.status_code, asked.headers["upload-offset"], asked.headers["upload-complete"]) == (204, "1000", "?0")
    assert (asked.headers["upload-length"], asked.headers["cache-control"]) == (str(len(data)), "no-store")
    assert client.get(url).json()["state"] == "uploading"
    assert client.get("/dicom-web/studies").json() == []
    answer = append(client, url, 1000, data[1000:], last=True)
    assert answer.status_code == 200, answer.text
    assert stored(answer) == [sent.SOPInstanceUID]
    assert answer.headers["upload-complete"] == "?1"
    shown = client.get(url).json()
    assert (shown["state"], shown["status"], shown["files"][0]["outcome"]) == ("done", 200, "stored")
    assert shown["files"][0]["study_instance_uid"] == sent.StudyInstanceUID
    assert [path.suffix for path in folder(site)] == [".json"]
    # its answer was lost
    again = append(client, url, len(data), b"", last=True)
    assert (again.status_code, again.json()) == (200, answer.json())
    assert len(client.get("/dicom-web/instances").json()) == 1
    assert client.delete(url).status_code == 204
    assert folder(site) == []


def test_a_restart_keeps_what_was_acknowledged_and_no_more(tmp_path: Path, workers: DecodeWorkers) -> None:
    data = part10(ct_slice())
    with open_site(tmp_path, workers) as site:
        token = site.accounts.token("edge", Role.SERVICE)
        url = begin(site.client(token), **{"Repr-Digest": digest(data)})
        assert append(site.client(token), url, 0, data[:2000]).status_code == 204
        [octets] = (path for path in folder(site) if path.suffix == ".bytes")
    with octets.open("ab") as file:
        file.write(b"\0" * 5000)  # never synced, never acknowledged
    with open_site(tmp_path, workers) as site:
        client = site.client(token)
        assert client.head(url).headers["upload-offset"] == "2000"
        answer = append(client, url, 2000, data[2000:], last=True)
        assert (answer.status_code, len(stored(answer))) == (200, 1)


def test_who_comes_later_goes_on(site: Site, client: TestClient) -> None:
    uploads, data = site.archive.uploads, part10(ct_slice())
    made = uploads.create(OPERATOR, "application/dicom")
    hanging = uploads.appending(OPERATOR, made.id, 0)
    hanging.write(data[:100])
    assert uploads.stopped(OPERATOR, made.id).offset == 100
    with pytest.raises(StateConflict):
        hanging.write(data[100:])
    later = uploads.appending(OPERATOR, made.id, 100)
    assert hanging.close().offset == 100
    later.write(data[100:])
    assert later.close().offset == len(data)


def test_a_zip_with_a_dicomdir(site: Site, client: TestClient) -> None:
    first, second, torn = ct_series(3)
    files = {
        "DICOMDIR": directory(),
        "DICOM/IM0001": part10(first),
        "DICOM/IM0002": part10(second),
        "DICOM/IM0003": part10(torn)[:-10],
        "README.txt": b"read me",
        "VIEWER/": b"",
        "empty": b"",
        "short": part10(torn)[:140],
    }
    response = upload(client, zipped(files), "application/octet-stream")
    assert response.status_code == 202, response.text
    assert stored(response) == [first.SOPInstanceUID, second.SOPInstanceUID]
    [failed] = response.json()["00081198"]["Value"]
    assert failed["00000902"]["Value"][0].startswith("DICOM/IM0003: ")
    shown = client.get(response.headers["location"]).json()
    assert {one["name"]: one["outcome"] for one in shown["files"]} == {
        "DICOMDIR": "left_out",
        "DICOM/IM0001": "stored",
        "DICOM/IM0002": "stored",
        "DICOM/IM0003": "failed",
        "README.txt": "left_out",
        "empty": "left_out",
        "short": "failed",
    }


def test_parts_and_metadata_are_uploaded_too(client: TestClient) -> None:
    kind = 'multipart/related; type="application/dicom"; boundary=frontier'
    assert upload(client, multipart([part10(one) for one in ct_series(2)]), kind).status_code == 200
    sent = ct_slice(series="metadata")
    document = sent.to_json_dict(bulk_data_threshold=1 << 30)
    response = upload(client, json.dumps([document]).encode(), "application/dicom+json")
    assert stored(response) == [sent.SOPInstanceUID]


def bomb(*, claim: int = 0) -> bytes:
    """A ZIP of zeros; with `claim` its directory says another size."""
    data = zipped({"zeros": b"\0" * (4 << 20)})
    return data.replace(struct.pack("<I", 4 << 20), struct.pack("<I", claim)) if claim else data


def overlapping() -> bytes:
    """Two directory entries of one file."""
    data = zipped({"a": bytes(range(256)) * 40}, zipfile.ZIP_STORED)
    at = data.index(b"PK\1\2")
    entry, end = data[at : data.index(b"PK\5\6")], data[data.index(b"PK\5\6") :]
    counts = struct.pack("<HHI", 9, 9, 9 * len(entry))
    return data[:at] + entry * 9 + end[:8] + counts + end[16:]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(), "grows from"),
        (bomb(claim=0xFFFFFFF0), "grows from"),
        (bomb(claim=10), "zeros: it cannot be unpacked"),
        (overlapping(), "it is a bomb"),
        (b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 65534, 65534, 0, 0, 0), "more than 10 files"),
        (b"PK no zip at all", "no whole ZIP"),
        (zipped({"é": b"x"}).replace("é".encode(), b"\xff\xff"), "the ZIP cannot be read"),
        (zipped({"a": b"x"})[:-10], "no whole ZIP"),
        (zipped({"a": part10(ct_slice())}, zipfile.ZIP_LZMA), "its compression"),
        (zipped({"a": b"no dicom"}), "no DICOM file in it"),
        (b"no dicom" * 100, "no File Meta Information"),
    ],
)
def test_what_is_no_good_is_told_and_let_go(
    site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch, data: bytes, words: str
) -> None:
    monkeypatch.setattr(zip_delivery, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(zip_delivery, "RATIO_MAX", 10)
    monkeypatch.setattr(zip_delivery, "FILES_MAX", 10)
    kind = "application/octet-stream" if data.startswith(b"no") else "application/zip"
    response = upload(client, data, kind)
    assert response.status_code in (400, 415), response.text
    [failed] = response.json()["0008119A"]["Value"]
    assert words in failed["00000902"]["Value"][0]
    assert [path.suffix for path in folder(site)] == [".json"]


def test_a_wrong_digest_is_refused_and_nothing_kept(site: Site, client: TestClient) -> None:
    response = upload(client, part10(ct_slice()), "application/dicom", **{"Repr-Digest": digest(b"other")})
    assert response.status_code == 409
    assert "of what came is" in response.json()["error"]
    assert folder(site) == []
    assert client.get("/dicom-web/studies").json() == []


def test_a_bad_moment_keeps_the_upload(site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    data = part10(ct_slice())
    url = begin(client)
    assert append(client, url, 0, data).status_code == 204

    def no_room(*_: object, **__: object) -> None:
        raise OutOfResources("no room left")

    with monkeypatch.context() as moment:
        moment.setattr(site.archive, "receive_part10", no_room)
        assert append(client, url, len(data), b"", last=True).status_code == 507
    assert client.get(url).json()["state"] == "complete"
    assert append(client, url, len(data), b"", last=True).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "image/png"}, 415),
        ({"Content-Type": "application/zip", "Upload-Length": "1001"}, 413),
        ({"Content-Type": "application/zip", "Upload-Length": "-1"}, 400),
        ({"Content-Type": "application/zip", "Upload-Complete": "yes"}, 400),
        ({"Content-Type": "application/zip", "Repr-Digest": "md5=:abc:"}, 409),
    ],
)
def test_what_cannot_begin(site: Site, client: TestClient, headers: dict[str, str], status: int) -> None:
    site.archive.uploads.limits = UploadLimits(bytes_max=1000)
    response = client.post(URL, headers=headers)
    assert (response.status_code, bool(response.json()["error"])) == (status, True)
    assert folder(site) == []


def test_bounds(site: Site, client: TestClient) -> None:
    site.archive.uploads.limits = UploadLimits(bytes_max=1000, count_max=2)
    url = begin(client, **{"Upload-Length": "500"})
    assert append(client, url, 0, bytes(501)).status_code == 413
    assert append(client, url, 0, bytes(400)).status_code == 204
    assert append(client, url, 400, b"", last=True).status_code == 409
    assert append(client, url, 400, b"", **{"Upload-Length": "450"}).status_code == 409
    assert client.patch(url, content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    missing = client.patch(url, content=b"x", headers={"Content-Type": "application/partial-upload"})
    assert missing.status_code == 400
    other = begin(client)
    assert append(client, other, 0, bytes(1001)).status_code == 413
    refused = client.post(URL, headers={"Content-Type": "application/zip"})
    assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
    stranger = site.as_role(Role.SERVICE)
    for method in ("GET", "HEAD", "DELETE"):
        assert stranger.request(method, url).status_code == 404
    assert append(stranger, url, 400, b"x").status_code == 404
    assert client.get(f"{URL}/no-id").status_code == 404
    assert client.get(f"{URL}/{'0' * 26}").status_code == 404
    assert client.delete(url).status_code == 204
    assert client.head(url).status_code == 404


def test_no_room(tmp_path: Path, workers: DecodeWorkers) -> None:
    with open_site(tmp_path, workers, limits=IngestLimits(1 << 30, 1 << 60, 100.0)) as site:
        response = site.as_role(Role.SERVICE).post(URL, headers={"Content-Type": "application/zip"})
        assert response.status_code == 507
        assert "retry-after" in response.headers


def test_a_token_of_one_study_uploads_no_other(site: Site) -> None:
    mine, other = ct_slice(study="mine"), ct_slice(study="other")
    token = site.accounts.task_token(mine.StudyInstanceUID, "01TASK", site.archive.clock() + timedelta(hours=1))
    response = upload(site.client(token), zipped({"a": part10(mine), "b": part10(other)}))
    assert (response.status_code, stored(response)) == (202, [mine.SOPInstanceUID])


def test_what_nobody_goes_on_with_is_removed(tmp_path: Path, workers: DecodeWorkers) -> None:
    now = [utc_now()]

    def clock() -> datetime:
        return now[0]

    with open_site(tmp_path, workers, clock=clock) as site:
        client = site.as_role(Role.TECHNOLOGIST)
        url, finished = begin(client), upload(client, part10(ct_slice()), "application/dicom").headers["location"]
        now[0] += timedelta(hours=71)
        assert append(client, url, 0, b"x").status_code == 204
        now[0] += timedelta(hours=2)
        assert site.archive.uploads.remove_stale() == 1
        assert (client.head(finished).status_code, client.head(url).status_code) == (404, 204)
        now[0] += timedelta(hours=72)
        assert site.archive.uploads.remove_stale() == 1
        assert folder(site) == []
