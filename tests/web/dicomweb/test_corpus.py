"""Every public test file over every retrieve resource: an answer or a plain refusal, never a failure of ours."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pydicom
import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.attributes import Level
from pacs.dicom.json import dataset_json
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import inflate
from pacs.errors import ArrivalRefused
from pacs.index.criteria import Query
from storage.protocol import ByteRange
from tests.support.archives import send
from tests.support.corpus import corpus
from tests.support.web import ANY_FRAMES, ANY_OBJECTS, Site, parts

REFUSALS = {404, 406, 422}
RESOURCES = (
    ("", ANY_OBJECTS),
    ("", "application/dicom"),
    ("/metadata", "application/dicom+json"),
    ("/frames/1", ANY_FRAMES),
    ("/frames/1", "application/octet-stream"),
    ("/bulkdata/7FE00010", ANY_FRAMES),
    ("/rendered?viewport=64,64", "image/jpeg"),
    ("/thumbnail", "image/png"),
)
LEFT_OUT = ("fuzz/", "pydicom-wheel-malformed/")


@pytest.fixture(scope="module")
def client(module_site: Site, test_data: object) -> TestClient:
    for file in corpus():
        if not file.name.startswith(LEFT_OUT) and file.size < 8 << 20:
            with contextlib.suppress(ArrivalRefused):  # which are refused, and why, is the journey's business
                send(module_site.archive, file.path.read_bytes())
    return module_site.as_role(Role.CLINICIAN)


@pytest.fixture(scope="module")
def urls(module_site: Site, client: TestClient) -> list[str]:
    rows = module_site.archive.find(Query(Level.IMAGE))
    return [
        f"/dicom-web/studies/{row['StudyInstanceUID']}/series/{row['SeriesInstanceUID']}"
        f"/instances/{row['SOPInstanceUID']}"
        for row in rows
    ]


def refused_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about the oddities of these files
@pytest.mark.parametrize(("rest", "accept"), RESOURCES)
def test_every_object(client: TestClient, urls: list[str], rest: str, accept: str) -> None:
    assert len(urls) > 300
    answered = 0
    for url in urls:
        response = client.get(url + rest, headers={"Accept": accept})
        if response.status_code in REFUSALS:
            assert response.json()["error"], url
            continue
        assert response.status_code == 200, (url + rest, response.status_code, response.text[:300])
        answered += 1
        uid = url.rpartition("/")[2]
        if rest == "":
            content = parts(response)[0][1] if accept == ANY_OBJECTS else response.content
            read = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
            assert read.file_meta.MediaStorageSOPInstanceUID == uid
        elif rest == "/metadata":
            [one] = json.loads(response.content, parse_constant=refused_constant)
            # a few data sets do not name themselves; their senders did
            assert one.get("00080018", {}).get("Value", [uid]) == [uid]
    assert answered > 0.8 * len(urls)


def test_metadata_are_those_of_the_whole_data_set(module_site: Site, client: TestClient) -> None:
    """They are read without the pixels, which must not change them."""
    archive = module_site.archive
    studies = {row["StudyInstanceUID"] for row in archive.find(Query(Level.STUDY))}
    instances = [stored for study in sorted(studies) for stored in archive.instances(study)]
    assert len(instances) > 300
    for stored in instances:
        with archive.open(stored, ByteRange(stored.dataset_offset, stored.dataset_length)) as stream:
            dataset = stream.read()
        root = f"/dicom-web/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        uri = f"{root}/instances/{stored.sop_instance_uid}/bulkdata/".__add__
        if transfer_syntax(stored.transfer_syntax_uid).deflated:
            dataset = inflate(dataset)
        whole = dataset_json(dataset, stored.transfer_syntax_uid, bulk_data_uri=uri)
        assert archive.instance_metadata(stored) == whole, stored.object_key
