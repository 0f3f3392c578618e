"""A study as one ZIP file: every file whole, a DICOMDIR that others read, nothing held in memory."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.web.dicomweb import zipped
from tests.support.factories import KAZAKH, ct_series, encapsulated_pdf, structured_report
from tests.support.peers import program
from tests.support.wado import get, stored
from tests.support.web import Site


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def sent_to(site: Site) -> list[pydicom.Dataset]:
    sent = [
        *ct_series(3, patient=KAZAKH, transfer_syntax=ImplicitVRLittleEndian),
        *ct_series(2, patient=KAZAKH, series="other", transfer_syntax=JPEGLSLossless),
        structured_report(patient=KAZAKH),
        encapsulated_pdf(patient=KAZAKH),
    ]
    for dataset in sent:
        stored(site, dataset)
    return sent


def file_set(folder: Path) -> FileSet:
    """Read by pydicom, whose folder for changes nobody else removes."""
    read = FileSet(folder / "DICOMDIR")
    read._stage["t"].cleanup()
    return read


def unzipped(content: bytes, folder: Path) -> zipfile.ZipFile:
    file = zipfile.ZipFile(io.BytesIO(content))
    assert file.testzip() is None
    file.extractall(folder)
    return file


def test_a_file_past_the_limits_of_the_first_zip(
    site: Site, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = sent_to(site)
    with monkeypatch.context() as limits:
        limits.setattr(zipped, "_ZIP64_FROM", 1000)
        limits.setattr(zipfile, "ZIP64_LIMIT", 2000)  # of a file, of where it begins, and of the list of all
        limits.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
        content = get(client, f"/dicom-web/studies/{sent[0].StudyInstanceUID}", "application/zip").content
    assert content.count(b"PK\x06\x06") == content.count(b"PK\x06\x07") == 1, "end of central directory, ZIP64"
    file = unzipped(content, tmp_path)
    assert all(entry.extra[:2] == b"\x01\x00" for entry in file.infolist() if entry.header_offset > 2000)
    assert len(file_set(tmp_path)) == len(sent)
    whole = {pydicom.dcmread(path).SOPInstanceUID for path in tmp_path.glob("DICOM/*/*/*")}
    assert whole == {dataset.SOPInstanceUID for dataset in sent}
    if shutil.which("unzip"):
        (tmp_path / "all.zip").write_bytes(content)
        subprocess.run(["unzip", "-tq", tmp_path / "all.zip"], check=True, capture_output=True)


@pytest.mark.parametrize("syntax", ["", "; transfer-syntax=*", f"; transfer-syntax={JPEGLSLossless}"])
def test_a_study(site: Site, client: TestClient, tmp_path: Path, syntax: str) -> None:
    sent = sent_to(site)
    study = f"/dicom-web/studies/{sent[0].StudyInstanceUID}"
    response = get(client, study, f"application/zip{syntax}")
    assert response.headers["content-type"] == "application/zip"
    assert sent[0].StudyInstanceUID in response.headers["content-disposition"]
    names = unzipped(response.content, tmp_path).namelist()
    assert all(re.fullmatch(r"DICOMDIR|DICOM(/[A-Z0-9_]{1,8}){3}", name) for name in names)
    directory = file_set(tmp_path)
    assert len(directory) == len(sent) == len(names) - 1
    assert {str(one.PatientName) for one in directory} == {KAZAKH.name}
    by_uid = {dataset.SOPInstanceUID: dataset for dataset in sent}
    for record in directory:
        read = record.load()
        assert read.file_meta.TransferSyntaxUID == record.ReferencedTransferSyntaxUIDInFile
        if syntax == "":
            assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        original = by_uid[read.SOPInstanceUID]
        if "PixelData" in original:
            assert np.array_equal(read.pixel_array, original.pixel_array)
    types = {record.node.record_type for record in directory}
    assert types == {"IMAGE", "SR DOCUMENT", "ENCAP DOC"}
    unchanged = get(client, study, f"application/zip{syntax}", **{"If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304


@pytest.mark.interop
def test_dcmtk_reads_the_directory(site: Site, client: TestClient, tmp_path: Path) -> None:
    sent = sent_to(site)
    url = f"/dicom-web/studies/{sent[0].StudyInstanceUID}/series/{sent[0].SeriesInstanceUID}"
    unzipped(get(client, url, "application/zip").content, tmp_path)
    dumped = subprocess.run(
        [program("dcmdump", "dcmtk"), "+U8", tmp_path / "DICOMDIR"], capture_output=True, text=True, timeout=60
    )
    assert dumped.returncode == 0, dumped.stderr
    assert dumped.stdout.count("DirectoryRecordType") == 3 + 3
    assert "SpecificCharacterSet" in dumped.stdout
    if shutil.which("unzip"):
        archive = tmp_path / "series.zip"
        archive.write_bytes(get(client, url, "application/zip").content)
        assert subprocess.run(["unzip", "-tq", archive], capture_output=True, timeout=60).returncode == 0


def test_one_instance_and_who_likes_it_best(site: Site, client: TestClient) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    url = f"/dicom-web/studies/{sent.StudyInstanceUID}/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}"
    file = zipfile.ZipFile(io.BytesIO(get(client, url, "application/zip").content))
    assert file.namelist() == ["DICOM/ST000001/SE000001/IM000001", "DICOMDIR"]
    both = "application/zip; q=0.4, application/dicom; q=0.9"
    assert get(client, url, both).headers["content-type"].startswith("application/dicom;")
    # a browser's link needs no header
    assert client.get(f"{url}?accept=application/zip").headers["content-type"] == "application/zip"


def test_what_is_missing_from_a_record_is_filled_in(site: Site, client: TestClient, tmp_path: Path) -> None:
    [sent] = ct_series(1)
    for keyword in ("PatientID", "StudyDate", "StudyTime", "StudyID", "InstanceNumber", "Modality"):
        setattr(sent, keyword, None)
    stored(site, sent)
    unzipped(get(client, f"/dicom-web/studies/{sent.StudyInstanceUID}", "application/zip").content, tmp_path)
    [record] = file_set(tmp_path)
    assert (record.PatientID, record.StudyDate, record.Modality) == ("UNKNOWN", "19000101", "OT")
