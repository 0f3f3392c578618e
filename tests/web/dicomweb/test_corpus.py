"""Every public test file over every retrieve resource: an answer or a plain refusal, never a failure of ours."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.attributes import Level
from pacs.dicom.json import dataset_json
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate
from pacs.errors import ArrivalRefused
from pacs.index.criteria import Query
from pacs.model import Outcome, Stored
from pacs.render.description import PixelDescription
from pacs.render.native import decode_native
from storage.protocol import ByteRange
from tests.render.test_codecs import LOSSY_TOLERANCE, lossy_reference
from tests.support.archives import send
from tests.support.corpus import CorpusFile, corpus
from tests.support.render import decodable
from tests.support.wado import OCTETS
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
IMAGE_PIXEL = (
    *("00280002", "00280004", "00280006", "00280008", "00280010", "00280011"),
    *("00280100", "00280101", "00280102", "00280103"),
)
LEFT_OUT = ("fuzz/", "pydicom-wheel-malformed/")


@pytest.fixture(scope="module")
def taken(module_site: Site, test_data: object) -> dict[str, Stored]:
    """Every file that was taken in, and what became of it."""
    outcomes = {}
    for file in corpus():
        if not file.name.startswith(LEFT_OUT) and file.size < 8 << 20:
            with contextlib.suppress(ArrivalRefused):  # which are refused, and why, is the journey's business
                outcomes[file.name] = send(module_site.archive, file.path.read_bytes())
    return outcomes


@pytest.fixture(scope="module")
def client(module_site: Site, taken: dict[str, Stored]) -> TestClient:
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


def test_decoded_frames_are_those_of_other_decoders(
    client: TestClient, taken: dict[str, Stored], tmp_path: Path
) -> None:
    """Through the door: the pixels of every frame are those of which the manifest has the digest."""
    compared = 0
    for file in decodable():
        outcome = taken.get(file.name)
        if outcome is None or outcome.outcome is not Outcome.STORED:  # of one UID the first is live
            continue
        url = (
            f"/dicom-web/studies/{outcome.study_instance_uid}/series/{outcome.series_instance_uid}"
            f"/instances/{outcome.sop_instance_uid}"
        )
        [metadata] = client.get(f"{url}/metadata").json()
        image = {tag: one for tag, one in metadata.items() if tag in IMAGE_PIXEL}
        header = Dataset.from_json(image)
        vr = next(metadata[tag]["vr"] for tag in ("7FE00010", "7FE00009", "7FE00008") if tag in metadata)
        description = PixelDescription.from_dataset(header, EXPLICIT_VR_LITTLE_ENDIAN, vr)
        extents = [int(extent) for extent in file.decoded_shape.split("x")]
        count = int(np.prod(extents)) // (description.pixels * description.samples_per_pixel)
        frames = ",".join(map(str, range(1, count + 1)))
        answer = client.get(f"{url}/frames/{frames}", headers={"Accept": OCTETS})
        assert answer.status_code == 200, (file.name, answer.text[:300])
        pixels = [_pixels(description, file, octets) for _, octets in parts(answer)]
        assert len(pixels) == count, file.name
        decoded = np.ascontiguousarray(np.stack(pixels).reshape(extents))
        if hashlib.sha256(decoded).hexdigest() != file.decoded_sha256:
            assert file.lossy, f"{file.name}: lossless pixels differ from the manifest's"
            folder = tmp_path / str(compared)
            folder.mkdir()
            reference = lossy_reference(file, folder).reshape(extents)
            assert np.abs(decoded.astype(np.int64) - reference.astype(np.int64)).max() <= LOSSY_TOLERANCE, file.name
        compared += 1
    assert compared > 450


def _pixels(description: PixelDescription, file: CorpusFile, octets: bytes) -> Any:
    """What was compressed comes as plain values, by pixel; what was not comes in the form that its header has."""
    if transfer_syntax(file.transfer_syntax_uid).native:
        return decode_native(description, octets, 1)
    return np.frombuffer(octets, description.dtype).reshape(description.shape)


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
