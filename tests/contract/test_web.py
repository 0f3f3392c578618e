"""The HTTP edge over PostgreSQL and S3: the same day as over SQLite and a folder, with nothing on a local disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.render.workers import DecodeWorkers
from tests.support.archives import s3_store
from tests.support.factories import KAZAKH, ct_series, mr_slice, part10, us_cine
from tests.support.services import S3Bucket
from tests.support.web import ANY_FRAMES, ANY_OBJECTS, STOW_HEADERS, Site, multipart, open_site, parts


@pytest.fixture
def site(tmp_path: Path, migrated_postgresql_url: str, s3_bucket: S3Bucket) -> Iterator[Site]:
    store = s3_store(s3_bucket.location, tmp_path, s3_bucket.options)
    with (
        DecodeWorkers(1) as workers,
        open_site(tmp_path, workers, database=migrated_postgresql_url, store=store) as made,
    ):
        yield made


def get(client: TestClient, url: str, accept: str) -> Any:
    response = client.get(url, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    return response


def test_a_day(site: Site) -> None:
    sent = [
        *ct_series(3, patient=KAZAKH),
        mr_slice(patient=KAZAKH, transfer_syntax=ExplicitVRBigEndian),
        us_cine(patient=KAZAKH, frames=3, transfer_syntax=JPEG2000Lossless),
    ]
    scanner = site.as_role(Role.SERVICE)
    body = multipart([part10(dataset) for dataset in sent])
    assert scanner.post("/dicom-web/studies", content=body, headers=STOW_HEADERS).status_code == 200

    browser = site.browser()
    [row] = browser.get("/api/worklist", params={"search": "abdirakhmanova", "modality": "US"}).json()["studies"]
    assert (row["modalities"], row["number_of_instances"]) == (["CT", "MR", "US"], 5)
    study = f"/dicom-web/studies/{row['study_instance_uid']}"
    assert len(browser.get("/dicom-web/instances", params={"limit": 3, "offset": 3}).json()) == 2

    for dataset in sent:
        url = f"{study}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
        [(_, part)] = parts(get(browser, url, ANY_OBJECTS))
        assert np.array_equal(pydicom.dcmread(io.BytesIO(part)).pixel_array, dataset.pixel_array)
        plain = pydicom.dcmread(io.BytesIO(get(browser, url, "application/dicom").content))
        assert np.array_equal(plain.pixel_array, dataset.pixel_array)
        frame = get(browser, f"{url}/frames/1", "application/octet-stream").content
        first = dataset.pixel_array[0] if "NumberOfFrames" in dataset else dataset.pixel_array
        assert frame == first.astype(first.dtype.newbyteorder("<")).tobytes()
        assert len(parts(get(browser, f"{url}/frames/1", ANY_FRAMES))) == 1
        assert get(browser, f"{url}/rendered", "image/jpeg").content.startswith(b"\xff\xd8")
    assert len(parts(get(browser, study, ANY_OBJECTS))) == 5
    assert len(browser.get(f"{study}/metadata").json()) == 5
    assert browser.get("/readyz").json() == {"ready": True, "problems": [], "warnings": []}

    site.accounts.set_disabled("aigul", True, by=OPERATOR)
    site.sessions.forget()
    assert browser.get("/api/worklist").status_code == 401
