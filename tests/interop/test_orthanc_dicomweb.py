"""Orthanc's DICOMweb plugin as the client of a running node: it asks, stores and retrieves, compressed objects too."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from tests.bench.service.candidates import PLUGIN
from tests.support.factories import ct_series, structured_report, us_cine, write_folder
from tests.support.orthanc import Orthanc, running_orthanc
from tests.support.peers import absent
from tests.support.process import NodeProcess

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def orthanc(module_node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that knows the node as the DICOMweb server `node`."""
    if not PLUGIN.exists():
        absent("Orthanc's DICOMweb plugin", "sudo apt-get install --no-install-recommends orthanc-dicomweb")
    server = {
        "Url": f"{module_node.dicomweb_url}/",
        "HttpHeaders": module_node.authorization("radiologist"),
        "HasDelete": False,
    }
    folder = tmp_path_factory.mktemp("orthanc")
    with running_orthanc(
        folder / "peer", Plugins=[str(PLUGIN)], DicomWeb={"Enable": True, "Servers": {"node": server}}
    ) as orthanc:
        yield orthanc


def made() -> list[Dataset]:
    """A study of each transfer syntax."""
    return [
        *ct_series(2, study="plain"),
        *ct_series(2, study="jpeg-ls", transfer_syntax=JPEGLSLossless),
        *ct_series(1, study="rle", transfer_syntax=RLELossless),
        us_cine(study="j2k", frames=3, transfer_syntax=JPEG2000Lossless),
        us_cine(study="jpeg", frames=3, transfer_syntax=JPEGBaseline8Bit),
        structured_report(study="report"),
    ]


def test_it_stores_and_asks_and_retrieves(module_node: NodeProcess, orthanc: Orthanc, tmp_path: Path) -> None:
    sent = made()
    identifiers = orthanc.upload(write_folder(sent, tmp_path))
    orthanc.api("/dicom-web/servers/node/stow", {"Resources": identifiers, "Synchronous": True})
    for identifier in identifiers:
        orthanc.api(f"/instances/{identifier}", method="DELETE")

    answered = orthanc.api("/dicom-web/servers/node/qido", {"Uri": "/studies", "Arguments": {"PatientID": "*"}})
    studies = {one["0020000D"]["Value"] for one in answered}
    assert studies == {dataset.StudyInstanceUID for dataset in sent}
    metadata = orthanc.api("/dicom-web/servers/node/get", {"Uri": f"/studies/{sent[0].StudyInstanceUID}/metadata"})
    assert len(metadata) == 2

    for study in sorted(studies):
        back = orthanc.api("/dicom-web/servers/node/retrieve", {"Resources": [{"Study": study}], "Synchronous": True})
        assert int(back["ReceivedInstancesCount"]) == sum(dataset.StudyInstanceUID == study for dataset in sent)
    for dataset, identifier in zip(sent, identifiers, strict=True):
        found = pydicom.dcmread(BytesIO(orthanc.api(f"/instances/{identifier}/file")))
        assert found.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
        assert found == dataset
