"""Every file of the test data, one after the other: refused with a reason, or served; and every frame that others can
decode comes through the door with the pixels that they found (MANIFEST.csv)."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from sqlalchemy import update
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import ArrivalRefused
from pacs.index.schema import instance
from pacs.model import InstanceState, Outcome, Stored
from pacs.render.description import PixelDescription
from pacs.render.native import decode_native
from tests.render.test_codecs import LOSSY_TOLERANCE, lossy_reference
from tests.support.archives import send
from tests.support.corpus import CorpusFile, corpus
from tests.support.wado import OCTETS
from tests.support.web import ANY_OBJECTS, Site, parts

REFUSALS = {404, 406, 422}
PIXEL_TAGS = ("7FE00010", "7FE00009", "7FE00008")
IMAGE_PIXEL = (
    *("00280002", "00280004", "00280006", "00280008", "00280010", "00280011"),
    *("00280100", "00280101", "00280102", "00280103"),
)


def test_every_file(module_site: Site, test_data: object, tmp_path: Path) -> None:
    client = module_site.as_role(Role.CLINICIAN)
    seen: Counter[str] = Counter()
    left_out: list[str] = []
    for number, file in enumerate(corpus()):
        stored = _sent(module_site, file)
        if isinstance(stored, ArrivalRefused):
            assert stored.message, file.name
            assert stored.hint, file.name
            seen["refused"] += 1
            left_out += [file.name] if file.decoded_sha256 else []
            continue
        if stored.outcome is Outcome.DUPLICATE:
            seen["known"] += 1
            continue
        assert stored.outcome is Outcome.STORED, (file.name, stored)
        folder = tmp_path / str(number)
        folder.mkdir()
        seen["served"] += _serve(client, file, stored)
        compared = _compare(client, file, stored, folder)
        seen["compared"] += compared
        left_out += [file.name] if file.decoded_sha256 and not compared else []
        _hide(module_site, stored)
    print(dict(seen))
    assert seen["served"] > 0.8 * (len(corpus()) - seen["refused"] - seen["known"])
    assert seen["compared"] > 550
    # every other file with pixels in the manifest is compared with them; those were made to be wrong, this has no UID
    assert [name for name in left_out if not name.startswith("fuzz/")] == [
        "transfer-syntax/pydicom-data/JLSL_RGB_ILV0.dcm"
    ]


def _sent(site: Site, file: CorpusFile) -> Stored | ArrivalRefused:
    try:
        return send(site.archive, file.path.read_bytes())
    except ArrivalRefused as refusal:
        return refusal


def _url(stored: Stored) -> str:
    return (
        f"/dicom-web/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}"
    )


def _hide(site: Site, stored: Stored) -> None:
    """Many files share a SOP Instance UID: the next one shall be the live one too."""
    hidden = {"state": InstanceState.SUPERSEDED.value, "series_row": None}
    site.archive.index.write(
        lambda connection: connection.execute(
            update(instance).where(instance.c.sop_instance_uid == stored.sop_instance_uid).values(**hidden)
        ).close()
    )


def _serve(client: TestClient, file: CorpusFile, stored: Stored) -> bool:
    """Whether all of it was given; what was not has a reason."""
    whole = True
    for rest, accept in (("", ANY_OBJECTS), ("", "application/dicom"), ("/metadata", "application/dicom+json")):
        response = client.get(_url(stored) + rest, headers={"Accept": accept})
        if response.status_code != 200:
            assert response.status_code in REFUSALS, (file.name, rest, response.status_code, response.text[:300])
            assert response.json()["error"], file.name
            assert response.json()["hint"], file.name
            whole = False
    return whole


def _compare(client: TestClient, file: CorpusFile, stored: Stored, folder: Path) -> bool:
    if not file.decoded_sha256:
        return False
    [metadata] = client.get(f"{_url(stored)}/metadata").json()
    header = Dataset.from_json({tag: one for tag, one in metadata.items() if tag in IMAGE_PIXEL})
    vr = next(metadata[tag]["vr"] for tag in PIXEL_TAGS if tag in metadata)
    description = PixelDescription.from_dataset(header, EXPLICIT_VR_LITTLE_ENDIAN, vr)
    extents = [int(extent) for extent in file.decoded_shape.split("x")]
    count = int(np.prod(extents)) // (description.pixels * description.samples_per_pixel)
    frames = ",".join(map(str, range(1, count + 1)))
    answer = client.get(f"{_url(stored)}/frames/{frames}", headers={"Accept": OCTETS})
    if answer.status_code in REFUSALS and file.name.startswith("fuzz/"):  # made to be wrong
        assert answer.json()["hint"], file.name
        return False
    assert answer.status_code == 200, (file.name, answer.text[:300])
    pixels = [_pixels(description, file, octets) for _, octets in parts(answer)]
    assert len(pixels) == count, file.name
    decoded = np.ascontiguousarray(np.stack(pixels).reshape(extents))
    if hashlib.sha256(decoded).hexdigest() != file.decoded_sha256:
        assert file.lossy, f"{file.name}: lossless pixels differ from the manifest's"
        reference = lossy_reference(file, folder).reshape(extents)
        assert np.abs(decoded.astype(np.int64) - reference.astype(np.int64)).max() <= LOSSY_TOLERANCE, file.name
    return True


def _pixels(description: PixelDescription, file: CorpusFile, octets: bytes) -> Any:
    """What was compressed comes as plain values, by pixel; what was not comes in the form that its header has."""
    if transfer_syntax(file.transfer_syntax_uid).native:
        return decode_native(description, octets, 1)
    return np.frombuffer(octets, description.dtype).reshape(description.shape)
