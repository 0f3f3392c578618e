"""DCMTK as the peer, everything out of the box: what most modalities and workstations are made of."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pacs.archive.archive import Archive
from pacs.archive.limits import IngestLimits
from pacs.dimse.listener import Listener
from tests.support.archives import open_archive, send
from tests.support.dimse import listening, settled
from tests.support.factories import (
    KAZAKH,
    RUSSIAN,
    Patient,
    cr_image,
    ct_series,
    ct_slice,
    encapsulated_pdf,
    mr_series,
    part10,
    structured_report,
    us_cine,
    write_folder,
)
from tests.support.modality import split_part10
from tests.support.peers import program

ANNA = Patient()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "node") as archive:
        yield archive


@pytest.fixture
def listener(archive: Archive) -> Iterator[Listener]:
    with listening(archive) as listener:
        yield listener


def _run(name: str, *arguments: object, nagle: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of DCMTK as Debian ships it; its environment switch turns Nagle off."""
    environment = {key: value for key, value in os.environ.items() if key != "TCP_NODELAY"}
    return subprocess.run(
        [program(name, "dcmtk"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
        env=environment if nagle else environment | {"TCP_NODELAY": "1"},
    )


def _node(listener: Listener) -> tuple[object, ...]:
    return ("-aet", "DCMTK", "-aec", "SURET", "127.0.0.1", listener.port)


def _kept(archive: Archive, dataset: Dataset) -> bytes:
    (instance,) = archive.instances(str(dataset.StudyInstanceUID), None, str(dataset.SOPInstanceUID))
    with archive.open(instance) as stream:
        return stream.read()[instance.dataset_offset :]


def test_echoscu(listener: Listener):
    done = _run("echoscu", "-v", *_node(listener))
    assert done.returncode == 0, done.stderr
    assert "Received Echo Response (Success)" in done.stderr + done.stdout
    assert settled(listener)


def test_echoscu_with_every_transfer_syntax_and_many_contexts(listener: Listener):
    done = _run("echoscu", "-v", "-ppc", 64, "-pts", 20, "--repeat", 5, *_node(listener))
    assert done.returncode == 0, done.stdout + done.stderr
    assert listener.statistics()["echo_succeeded"] == 5


def test_echoscu_hears_why_it_is_refused(listener: Listener):
    done = _run("echoscu", "-v", "-aet", "DCMTK", "-aec", "NOBODY", "127.0.0.1", listener.port)
    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in done.stdout + done.stderr


def test_echoscu_that_aborts_leaves_nothing(listener: Listener):
    assert _run("echoscu", "--abort", *_node(listener)).returncode == 0
    assert settled(listener)


@pytest.mark.parametrize("syntax", ["-xe", "-xb", "-xi"])
def test_storescu_sends_uncompressed_series(archive: Archive, listener: Listener, tmp_path: Path, syntax: str):
    files = write_folder(ct_series(5), tmp_path / "out")
    done = _run("storescu", "-v", syntax, *_node(listener), *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("Received Store Response (Success)") == 5
    study = str(ct_slice().StudyInstanceUID)
    kept = archive.instances(study)
    assert len(kept) == 5
    assert len({instance.transfer_syntax_uid for instance in kept}) == 1


@pytest.mark.parametrize("size", [4096, 16384, 131072])
def test_storescu_with_any_length_of_pdu(archive: Archive, listener: Listener, tmp_path: Path, size: int):
    dataset = ct_slice(rows=256, columns=256)
    (file,) = write_folder([dataset], tmp_path / "out")
    done = _run("storescu", "-v", "-xe", "--max-send-pdu", size, "-pdu", size, *_node(listener), file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _kept(archive, dataset) == split_part10(part10(dataset))[1]


def test_dcmsend_sends_a_mixed_folder_as_it_is(archive: Archive, listener: Listener, tmp_path: Path):
    datasets = [
        *ct_series(3),
        *mr_series(2, transfer_syntax=ImplicitVRLittleEndian),
        cr_image(study="big", transfer_syntax=ExplicitVRBigEndian),
        us_cine(transfer_syntax=RLELossless),
        structured_report(),
        encapsulated_pdf(),
    ]
    write_folder(datasets, tmp_path / "out")
    report = tmp_path / "report.txt"
    done = _run(
        "dcmsend", "-v", "-aec", "SURET", "127.0.0.1", listener.port, "+sd", "+r", "+crf", report, tmp_path / "out"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert listener.statistics()["store_succeeded"] == len(datasets)
    for dataset in datasets:
        # an uncompressed file goes in whichever uncompressed syntax dcmsend names first
        (instance,) = archive.instances(str(dataset.StudyInstanceUID), None, str(dataset.SOPInstanceUID))
        with archive.open(instance) as stream:
            kept, sent = dcmread(BytesIO(stream.read())), dcmread(BytesIO(part10(dataset)))
        if "PixelData" in sent:
            assert np.array_equal(kept.pixel_array, sent.pixel_array)
            del kept.PixelData, sent.PixelData
        assert kept == sent


def test_storescu_hears_a_refusal_and_goes_on(archive: Archive, listener: Listener, tmp_path: Path):
    archive.limits = IngestLimits(instance_bytes_max=50_000, free_bytes_min=0, free_percent_min=0)
    small, large = ct_slice(), ct_slice(series="large", rows=256, columns=256)
    files = write_folder([large, small], tmp_path / "out")
    done = _run("storescu", "-d", "-xe", "-nh", *_node(listener), *files)
    text = done.stdout + done.stderr
    assert "0xa700" in text
    assert "larger than 50000 bytes" in text
    assert "Received Store Response (Success)" in text or "0x0000: Success" in text
    assert [kept.sop_instance_uid for kept in archive.instances(str(small.StudyInstanceUID))] == [small.SOPInstanceUID]


def _found(listener: Listener, folder: Path, *keys: str, model: str = "-S", charset: str = "") -> list[Dataset]:
    folder.mkdir()
    options: list[object] = ["-X", "-od", folder]
    if charset:
        keys = (f"SpecificCharacterSet={charset}", *keys)
    for key in keys:
        options += ["-k", key]
    done = _run("findscu", model, *options, *_node(listener))
    assert done.returncode == 0, done.stdout + done.stderr
    return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for dataset in [*ct_series(3), *mr_series(2), ct_slice(patient=RUSSIAN), ct_slice(patient=KAZAKH)]:
        send(archive, dataset)
    return archive


@pytest.mark.usefixtures("filled")
def test_findscu_walks_down_the_levels(listener: Listener, tmp_path: Path):
    (study,) = _found(
        listener,
        tmp_path / "studies",
        "QueryRetrieveLevel=STUDY",
        f"PatientID={ANNA.id}",
        "StudyInstanceUID",
        "ModalitiesInStudy",
    )
    uid = f"StudyInstanceUID={study.StudyInstanceUID}"
    series = _found(listener, tmp_path / "series", "QueryRetrieveLevel=SERIES", uid, "SeriesInstanceUID", "Modality")
    assert sorted(found.Modality for found in series) == sorted(study.ModalitiesInStudy)
    ct = next(found.SeriesInstanceUID for found in series if found.Modality == "CT")
    images = _found(
        listener,
        tmp_path / "images",
        "QueryRetrieveLevel=IMAGE",
        uid,
        f"SeriesInstanceUID={ct}",
        "SOPInstanceUID",
        "InstanceNumber",
    )
    assert [found.InstanceNumber for found in images] == [1, 2, 3]


@pytest.mark.parametrize("model", ["-P", "-O"], ids=["patient root", "patient/study only"])
@pytest.mark.usefixtures("filled")
def test_findscu_with_the_models_of_patients(listener: Listener, tmp_path: Path, model: str):
    patients = _found(listener, tmp_path / "found", "QueryRetrieveLevel=PATIENT", "PatientID", model=model)
    assert {found.PatientID for found in patients} == {ANNA.id, RUSSIAN.id, KAZAKH.id}


@pytest.mark.parametrize(
    ("charset", "encoding", "key", "patient"),
    [
        ("ISO_IR 144", "iso8859-5", "Королёва*", RUSSIAN),
        ("ISO_IR 192", "utf-8", "КОРОЛЕВА*", RUSSIAN),
        ("ISO_IR 192", "utf-8", "Әбдірахманова^*", KAZAKH),
    ],
)
@pytest.mark.usefixtures("filled")
def test_findscu_asks_in_its_own_letters(
    listener: Listener, tmp_path: Path, charset: str, encoding: str, key: str, patient: Patient
):
    asked = Dataset()
    asked.SpecificCharacterSet = charset
    asked.QueryRetrieveLevel = "STUDY"
    asked.PatientName = key
    asked.PatientID = ""
    query = tmp_path / "query.dcm"
    dcmwrite(query, asked, implicit_vr=True, little_endian=True)
    assert key.encode(encoding) in query.read_bytes()
    folder = tmp_path / "answers"
    folder.mkdir()
    done = _run("findscu", "-S", "-X", "-od", folder, *_node(listener), query)
    assert done.returncode == 0, done.stdout + done.stderr
    (study,) = [dcmread(path, force=True) for path in folder.glob("rsp*.dcm")]
    assert (study.PatientName, study.PatientID) == (patient.name, patient.id)
    assert study.SpecificCharacterSet == charset


@pytest.mark.usefixtures("filled")
def test_findscu_cancels(listener: Listener):
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID")
    done = _run("findscu", "-v", "-S", "--cancel", 1, *keys, *_node(listener))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Received Final Find Response \((Cancel|Success)", done.stdout + done.stderr)
    assert settled(listener)


def test_findscu_hears_why_its_keys_are_refused(listener: Listener):
    done = _run("findscu", "-d", "-S", "-k", "QueryRetrieveLevel=SERIES", "-k", "Modality=CT", *_node(listener))
    assert "StudyInstanceUID must have one value" in done.stdout + done.stderr
