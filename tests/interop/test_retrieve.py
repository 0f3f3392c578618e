"""Query and retrieve with DCMTK and Orthanc on both sides of it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless, RLELossless

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.correction import Corrections
from pacs.archive.meant import PatientKey
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, COMPLETED, FAILED
from pacs.dimse.identifier import Element, read_identifier, write_identifier
from pacs.dimse.listener import Listener
from pacs.dimse.outbound import Outbound, Proposal, Response
from pacs.dimse.pdu import Roles
from pacs.dimse.store import StorageProvider
from pacs.render.workers import DecodeWorkers
from pacs.settings import DimseSettings
from tests.support.archives import open_archive, send
from tests.support.dimse import CT, listening, settled, wait_until
from tests.support.factories import (
    KAZAKH,
    Patient,
    cr_image,
    ct_series,
    ct_slice,
    mr_series,
    part10,
    structured_report,
    write_folder,
)
from tests.support.modality import split_part10
from tests.support.network import Network, networked
from tests.support.orthanc import AE_TITLE, Orthanc, running_orthanc
from tests.support.peers import program
from tests.support.retrieve import register

pytestmark = pytest.mark.interop

ANNA = Patient()
STUDY = str(ct_slice().StudyInstanceUID)
SERIES = str(ct_slice().SeriesInstanceUID)
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2."


@pytest.fixture(scope="module")
def workers() -> Iterator[DecodeWorkers]:
    with DecodeWorkers(1) as workers:
        yield workers


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "node") as archive:
        for dataset in [*ct_series(3), *mr_series(2), structured_report(), ct_slice(patient=KAZAKH)]:
            send(archive, dataset)
        yield archive


@pytest.fixture
def listener(archive: Archive, workers: DecodeWorkers) -> Iterator[Listener]:
    with listening(archive, decode=workers.decode) as listener:
        yield listener


# DCMTK -------------------------------------------------------------------------------------------------------------


def _run(name: str, *arguments: object) -> str:
    """What a program of DCMTK says; it has to succeed."""
    done = subprocess.run(
        [program(name, "dcmtk"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _keys(level: str, **keys: str) -> list[str]:
    options = ["-k", f"QueryRetrieveLevel={level}"]
    for keyword, value in keys.items():
        options += ["-k", f"{keyword}={value}"]
    return options


@contextmanager
def _storescp(folder: Path, *options: str) -> Iterator[int]:
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [program("storescp", "dcmtk"), *options, "-od", str(folder), "-aet", "DEST", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    try:
        assert wait_until(lambda: _listens(port))
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("model", "keys", "count"),
    [
        ("-S", _keys("STUDY", StudyInstanceUID=STUDY), 6),
        ("-S", _keys("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES), 3),
        ("-P", _keys("PATIENT", PatientID=ANNA.id), 6),
        ("-O", _keys("PATIENT", PatientID=ANNA.id), 6),
    ],
    ids=["study", "series", "patient", "patient/study only"],
)
def test_getscu_gets_what_is_stored(listener: Listener, tmp_path: Path, model: str, keys: Sequence[str], count: int):
    folder = tmp_path / "got"
    folder.mkdir()
    said = _run("getscu", "-v", model, "-aec", "SURET", "-od", folder, "+B", *keys, "127.0.0.1", listener.port)
    assert f"Number of Completed Suboperations : {count}" in said
    assert "Number of Failed Suboperations    : 0" in said
    bodies = {split_part10(file.read_bytes())[1] for file in folder.iterdir()}
    assert len(bodies) == count
    assert {split_part10(part10(dataset))[1] for dataset in ct_series(3)} <= bodies
    assert settled(listener)


def test_getscu_asks_for_compressed_and_gets_it_uncompressed_where_it_does_not(
    archive: Archive, listener: Listener, tmp_path: Path
):
    compressed = ct_slice(study="compressed", transfer_syntax=JPEG2000Lossless)
    send(archive, compressed)
    folder = tmp_path / "got"
    folder.mkdir()
    keys = _keys("STUDY", StudyInstanceUID=str(compressed.StudyInstanceUID))
    _run("getscu", "-S", "-aec", "SURET", "-od", folder, *keys, "127.0.0.1", listener.port)
    (file,) = folder.iterdir()
    got = dcmread(file)
    assert got.file_meta.TransferSyntaxUID == EXPLICIT_VR_LITTLE_ENDIAN
    assert np.array_equal(got.pixel_array, dcmread(BytesIO(part10(compressed))).pixel_array)


@pytest.mark.parametrize(
    ("options", "syntaxes"),
    [
        ((), {EXPLICIT_VR_LITTLE_ENDIAN}),
        (("+xi",), {IMPLICIT_VR_LITTLE_ENDIAN}),
        (("+xa",), {EXPLICIT_VR_LITTLE_ENDIAN, str(JPEG2000Lossless), str(RLELossless)}),
    ],
    ids=["uncompressed", "implicit only", "everything"],
)
def test_movescu_moves_to_storescp_in_what_it_takes(
    archive: Archive, listener: Listener, tmp_path: Path, options: tuple[str, ...], syntaxes: set[str]
):
    compressed = [
        ct_slice(series="compressed", transfer_syntax=JPEG2000Lossless),
        cr_image(transfer_syntax=RLELossless),
    ]
    for dataset in compressed:
        send(archive, dataset)
    originals = {dataset.SOPInstanceUID: dataset for dataset in [*ct_series(3), *compressed]}
    with _storescp(tmp_path / "moved", *options) as port:
        register(archive, "DEST", port)
        keys = _keys("PATIENT", PatientID=ANNA.id)
        said = _run("movescu", "-v", "-P", "-aec", "SURET", "-aem", "DEST", *keys, "127.0.0.1", listener.port)
    assert "Received Final Move Response (Success)" in said
    moved = [dcmread(file) for file in (tmp_path / "moved").iterdir()]
    assert {str(dataset.file_meta.TransferSyntaxUID) for dataset in moved} == syntaxes
    for dataset in moved:
        original = originals.get(dataset.SOPInstanceUID)
        if original is not None:
            assert np.array_equal(dataset.pixel_array, dcmread(BytesIO(part10(original))).pixel_array)
    assert len(moved) == 8


def test_corrected_objects_go_out_corrected(archive: Archive, listener: Listener, tmp_path: Path):
    compressed = ct_slice(series="compressed", transfer_syntax=JPEG2000Lossless)
    send(archive, compressed)
    corrections = Corrections(archive)
    corrections.correct({"PatientName": "Юсупова^Анна"}, by=OPERATOR, reason="a test", patient_id=ANNA.id)
    corrections.merge(PatientKey(KAZAKH.id), PatientKey(ANNA.id), by=OPERATOR, reason="a test")
    folder = tmp_path / "got"
    folder.mkdir()
    with _storescp(tmp_path / "moved", "+xa") as port:
        register(archive, "DEST", port)
        keys = [*_keys("STUDY", PatientID=ANNA.id, PatientName=""), "-k", f"0010,1000={KAZAKH.id}"]
        found = _run("findscu", "-v", "-S", *keys, *_at(listener))
        _run("getscu", "-S", "-od", folder, "+B", *_keys("STUDY", StudyInstanceUID=STUDY), *_at(listener))
        _run("movescu", "-P", "-aem", "DEST", *_keys("PATIENT", PatientID=ANNA.id), *_at(listener))
    assert found.count("Юсупова^Анна") == 2  # hers and that of whom she was merged with
    for file in [*folder.iterdir(), *(tmp_path / "moved").iterdir()]:
        dataset = dcmread(file)
        assert (str(dataset.PatientName), dataset.SpecificCharacterSet) == ("Юсупова^Анна", "ISO_IR 192")
        assert dataset.OriginalAttributesSequence
        if dataset.file_meta.TransferSyntaxUID == JPEG2000Lossless:
            assert np.array_equal(dataset.pixel_array, dcmread(BytesIO(part10(compressed))).pixel_array)
        said = _run("dcmdump", "+P", "0400,0561", file)
        assert "AttributeModificationDateTime" in said


def _at(listener: Listener) -> list[object]:
    return ["-aec", "SURET", "127.0.0.1", listener.port]


def test_movescu_hears_why_it_is_refused(archive: Archive, listener: Listener):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        register(archive, "GONE", probe.getsockname()[1])
    for destination, status in (("NOBODY", "0xa801"), ("GONE", "0xa702")):
        done = subprocess.run(
            [
                *(program("movescu", "dcmtk"), "-d", "-S", "-aec", "SURET", "-aem", destination),
                *_keys("STUDY", StudyInstanceUID=STUDY),
                *("127.0.0.1", str(listener.port)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert status in (done.stdout + done.stderr).lower()
    assert settled(listener)


def test_movescu_cancels(archive: Archive, listener: Listener, tmp_path: Path):
    with _storescp(tmp_path / "moved") as port:
        register(archive, "DEST", port)
        keys = _keys("STUDY", StudyInstanceUID=STUDY)
        said = _run(
            *("movescu", "-v", "-S", "--cancel", 1, "-aec", "SURET", "-aem", "DEST", *keys),
            *("127.0.0.1", listener.port),
        )
    assert "Received Final Move Response" in said
    assert settled(listener)


# Orthanc -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc") / "peer", DefaultEncoding="Utf8") as orthanc:
        yield orthanc


@pytest.fixture
def network(archive: Archive, orthanc: Orthanc) -> Iterator[Network]:
    """A node that knows Orthanc, and that Orthanc knows."""
    for study in orthanc.api("/studies"):
        orthanc.api(f"/studies/{study}", method="DELETE")
    with networked(archive, run=False) as network:
        network.know(AE_TITLE, orthanc.dimse_port)
        orthanc.know("SURET", network.listener.port)
        yield network


def test_orthanc_queries_and_retrieves(network: Network, orthanc: Orthanc):
    asked = {
        "PatientName": "PHANTOM^*",
        "StudyDate": "20261101-",
        "ModalitiesInStudy": "CT",
        "NumberOfStudyRelatedInstances": "",
    }
    query = orthanc.api("/modalities/SURET/query", {"Level": "Study", "Query": asked})["ID"]
    (answer,) = orthanc.api(f"/queries/{query}/answers")
    found = orthanc.api(f"/queries/{query}/answers/{answer}/content?simplify")
    assert (found["StudyInstanceUID"], found["NumberOfStudyRelatedInstances"]) == (STUDY, "6")
    orthanc.api(f"/queries/{query}/answers/0/retrieve", {"TargetAet": AE_TITLE, "Synchronous": True})
    assert len(orthanc.api("/instances")) == 6
    (study,) = orthanc.api("/studies?expand")
    assert study["MainDicomTags"]["StudyInstanceUID"] == STUDY


def test_orthanc_finds_a_kazakh_name(network: Network, orthanc: Orthanc):
    asked = {"PatientName": "Әбдірахманова*", "PatientID": ""}
    query = orthanc.api("/modalities/SURET/query", {"Level": "Study", "Query": asked})["ID"]
    found = orthanc.api(f"/queries/{query}/answers/0/content?simplify")
    assert (found["PatientID"], found["PatientName"]) == (KAZAKH.id, KAZAKH.name)


def _asked(level: str, **keys: str) -> bytes:
    tags = {"StudyInstanceUID": (0x0020000D, "UI"), "PatientName": (0x00100010, "PN"), "PatientID": (0x00100020, "LO")}
    elements = [Element(0x00080052, "CS", level), *(Element(*tags[name], value) for name, value in keys.items())]
    return write_identifier(elements, EXPLICIT_VR_LITTLE_ENDIAN, "")


def _prior(orthanc: Orthanc, tmp_path: Path, name: str) -> Dataset:
    datasets = ct_series(2, study=name)
    orthanc.upload(write_folder(datasets, tmp_path / name))
    return datasets[0]


def test_we_query_orthanc(network: Network, orthanc: Orthanc, tmp_path: Path):
    prior = _prior(orthanc, tmp_path, "prior")
    proposals = [Proposal(STUDY_ROOT + "1", (EXPLICIT_VR_LITTLE_ENDIAN,))]
    with network.outbound.associate("127.0.0.1", orthanc.dimse_port, AE_TITLE, proposals) as association:
        (context,) = association.contexts
        asked = _asked("STUDY", PatientName="Phantom*", StudyInstanceUID="", PatientID="")
        *found, last = association.ask(context, C_FIND_RQ, data_set=asked)
    assert last.status == 0
    (one,) = found
    assert one.data_set is not None
    keys = read_identifier(one.data_set, context.transfer_syntax)
    assert keys[0x0020000D].text("") == prior.StudyInstanceUID


def test_we_move_from_orthanc_to_ourselves(network: Network, orthanc: Orthanc, tmp_path: Path):
    prior = _prior(orthanc, tmp_path, "moved prior")
    proposals = [Proposal(STUDY_ROOT + "2", (EXPLICIT_VR_LITTLE_ENDIAN,))]
    with network.outbound.associate("127.0.0.1", orthanc.dimse_port, AE_TITLE, proposals) as association:
        (context,) = association.contexts
        asked = _asked("STUDY", StudyInstanceUID=str(prior.StudyInstanceUID))
        last = _last(association.ask(context, C_MOVE_RQ, data_set=asked, move_destination="SURET"))
    assert last.status == 0
    assert len(network.archive.instances(str(prior.StudyInstanceUID))) == 2


def _last(responses: Iterator[Response]) -> Response:
    return [*responses][-1]


def test_we_get_from_orthanc_on_the_same_association(network: Network, orthanc: Orthanc, tmp_path: Path):
    prior = _prior(orthanc, tmp_path, "fetched prior")
    proposals = [
        Proposal(STUDY_ROOT + "3", (EXPLICIT_VR_LITTLE_ENDIAN,)),
        Proposal(CT, (EXPLICIT_VR_LITTLE_ENDIAN,)),
    ]
    storage = StorageProvider(network.archive, 1 << 30)
    with network.outbound.associate(
        *("127.0.0.1", orthanc.dimse_port, AE_TITLE, proposals),
        roles={CT: Roles(scu=False, scp=True)},
        principal=OPERATOR,
        serve=storage.store,
    ) as association:
        context = association.context_for(STUDY_ROOT + "3")
        assert context is not None
        asked = _asked("STUDY", StudyInstanceUID=str(prior.StudyInstanceUID))
        last = _last(association.ask(context, C_GET_RQ, data_set=asked))
    assert (last.status, last.command.numbers[COMPLETED], last.command.numbers[FAILED]) == (0, 2, 0)
    assert len(network.archive.instances(str(prior.StudyInstanceUID))) == 2


# Ourselves ---------------------------------------------------------------------------------------------------------


def test_a_node_gets_from_another_node(archive: Archive, listener: Listener, tmp_path: Path):
    outbound = Outbound(DimseSettings(ae_title="OTHER"))
    outbound.start()
    proposals = [Proposal(STUDY_ROOT + "3", (IMPLICIT_VR_LITTLE_ENDIAN,)), Proposal(CT, (EXPLICIT_VR_LITTLE_ENDIAN,))]
    with open_archive(tmp_path / "other") as other:
        try:
            with outbound.associate(
                *("127.0.0.1", listener.port, "SURET", proposals),
                roles={CT: Roles(scu=True, scp=True)},
                principal=OPERATOR,
                serve=StorageProvider(other, 1 << 30).store,
            ) as association:
                context = association.context_for(STUDY_ROOT + "3")
                assert context is not None
                elements: Any = [Element(0x00080052, "CS", "STUDY"), Element(0x0020000D, "UI", STUDY)]
                asked = write_identifier(elements, IMPLICIT_VR_LITTLE_ENDIAN, "")
                last = _last(association.ask(context, C_GET_RQ, data_set=asked))
        finally:
            outbound.stop()
        assert (last.status, last.command.numbers) == (0xB000, {COMPLETED: 3, FAILED: 3, 0x1023: 0})
        ours = {one.dataset_sha256 for one in archive.instances(STUDY, SERIES)}
        assert {one.dataset_sha256 for one in other.instances(STUDY)} == ours
