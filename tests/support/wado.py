"""Asking WADO-RS, and reading what it answers, in the words of a test."""

from __future__ import annotations

import io
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from starlette.testclient import TestClient

from tests.support.archives import send
from tests.support.factories import (
    part10,
)
from tests.support.web import Site

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
LOSSLESS = (JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, RLELossless)
OCTETS = 'multipart/related; type="application/octet-stream"'
DICOM = 'multipart/related; type="application/dicom"'


def url_of(dataset: Dataset, rest: str = "") -> str:
    return (
        f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}{rest}"
    )


def stored(site: Site, dataset: Dataset) -> bytes:
    content = part10(dataset)
    send(site.archive, content)
    return content


def get(client: TestClient, url: str, accept: str = "*/*", **headers: str) -> Any:
    return client.get(url, headers={"Accept": accept, **headers})


def reread(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content))


def elements(dataset: Dataset) -> dict[int, Any]:
    return {int(element.tag): element.value for element in dataset if element.tag != 0x7FE00010}


def dataset_bytes(content: bytes) -> bytes:
    """What follows group 0002."""
    length = int.from_bytes(content[140:144], "little")
    assert content[128:132] == b"DICM"
    return content[144 + length :]
