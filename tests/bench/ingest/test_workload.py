"""What is sent are whole images of their class, and new UIDs reach every place where a UID stands."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread

from pacs.dicom.walker import walk
from tests.bench.ingest import workload


@pytest.fixture(scope="module")
def encoded() -> list[bytes]:
    """Eight data sets."""
    return workload.datasets(workload.CT, 8)


def test_slices_are_whole_large_and_different(encoded: list[bytes]) -> None:
    for dataset in encoded:
        found = walk(dataset, workload.TRANSFER_SYNTAX_UID, pixel_data_required=True)
        assert found.oddities == ()
        assert len(dataset) == workload.CT.dataset_bytes
    assert len(dcmread(BytesIO(encoded[0]), force=True)) == workload.CT_ELEMENTS
    assert len({dataset[-512 * 1024 :] for dataset in encoded}) == len(encoded)


@pytest.mark.parametrize("what", [workload.MR, workload.DX, workload.ENHANCED], ids=lambda what: what.name)
def test_other_objects_are_whole_too(what: workload.Workload) -> None:
    (dataset,) = workload.datasets(what, 1)
    assert len(dataset) == what.dataset_bytes
    found = walk(dataset, workload.TRANSFER_SYNTAX_UID, pixel_data_required=True)
    assert (found.oddities, found.values["SOPClassUID"]) == ((), what.sop_class_uid)
    assert found.frames is not None
    assert found.frames.number_of_frames == (workload.FRAMES if what is workload.ENHANCED else 1)
    (message,) = workload.messages(what, [dataset], 16384)
    assert {name: len(places) for name, places in message.places} == {
        "patient": 1,
        "study": 1,
        "series": 1,
        "instance": 2,
    }


@pytest.mark.parametrize("pdu_bytes", [16384, 131072])
def test_pdus_keep_to_the_length_agreed_on_and_carry_the_data_set(encoded: list[bytes], pdu_bytes: int) -> None:
    message = workload.messages(workload.CT, encoded, pdu_bytes)[3]
    pieces = list(_fragments(bytes(message.stream)))
    assert all(length <= pdu_bytes for length, _, _ in pieces)
    assert [control for _, control, _ in pieces] == [3, *[0] * (len(pieces) - 2), 2]
    assert b"".join(fragment for _, control, fragment in pieces if not control & 1) == encoded[3]


def test_renaming_changes_identity_and_nothing_else(encoded: list[bytes]) -> None:
    runs = workload.runs()
    messages = workload.messages(workload.CT, encoded, 131072)
    seen = set()
    for run in (next(runs), next(runs)):
        for message in messages:
            message.rename(run)
            dataset = b"".join(fragment for _, control, fragment in _fragments(bytes(message.stream)) if control != 3)
            values = walk(dataset, workload.TRANSFER_SYNTAX_UID).values
            assert values["SOPInstanceUID"] == run.instance(message.number)
            assert values["SeriesInstanceUID"] == run.series(message.series)
            assert values["StudyInstanceUID"] == run.study(message.series // 2)
            assert values["PatientID"] == run.patient_id
            assert message.stream.count(run.instance(message.number).encode()) == 2, (
                "in the command and in the data set"
            )
            seen.add((values["StudyInstanceUID"], values["SeriesInstanceUID"], values["SOPInstanceUID"]))
    assert len(seen) == 2 * len(messages)
    assert len({study for study, _, _ in seen}) == 2 * workload.STUDIES
    assert len({series for _, series, _ in seen}) == 2 * workload.STUDIES * workload.SERIES_PER_STUDY


def _fragments(stream: bytes) -> list[tuple[int, int, bytes]]:
    """Length of the PDU, control header and fragment of every P-DATA-TF."""
    found, position = [], 0
    while position < len(stream):
        length = int.from_bytes(stream[position + 2 : position + 6])
        found.append((length, stream[position + 11], stream[position + 12 : position + 6 + length]))
        position += 6 + length
    return found
