from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from pynetdicom.association import Association

from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.dimse.scu import CONTEXTS_MAX, SendFailed, send
from tests.support.dimse import EXPLICIT
from tests.support.factories import HTJ2K, cr_image, ct_series, part10, us_cine, write_folder
from tests.support.modality import split_part10


def _kept(archive: Archive, study_instance_uid: str) -> dict[str, bytes]:
    kept = {}
    for instance in archive.instances(study_instance_uid):
        with archive.open(instance) as stream:
            kept[instance.sop_instance_uid] = stream.read()[instance.dataset_offset :]
    return kept


def test_files_of_several_kinds_arrive_as_they_are(archive: Archive, listener: Listener, tmp_path: Path):
    datasets = [*ct_series(3), cr_image(transfer_syntax=HTJ2K), us_cine()]
    files = write_folder(datasets, tmp_path / "out")
    sent = list(send(files, "127.0.0.1", listener.port, called="SURET", calling="SENDER"))
    assert [(one.path, one.status, one.succeeded) for one in sent] == [(file, 0, True) for file in files]
    for dataset in datasets:
        kept = _kept(archive, str(dataset.StudyInstanceUID))[str(dataset.SOPInstanceUID)]
        assert kept == split_part10(part10(dataset))[1]
    assert listener.statistics()["associations"] == 1


def test_a_reactor_that_is_held_up_takes_no_response(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wait = threading.Event.wait

    def wait_long(event: threading.Event, timeout: float | None = None) -> bool:
        passed = wait(event, timeout)
        if isinstance(threading.current_thread(), Association):
            time.sleep(0.02)  # between the event and the flag that says whether it waits
        return passed

    monkeypatch.setattr(threading.Event, "wait", wait_long)
    monkeypatch.setattr("pacs.dimse.scu._TIMEOUT_S", 10.0)
    files = write_folder(ct_series(40), tmp_path / "out")
    sent = list(send(files, "127.0.0.1", listener.port, called="SURET", calling="SENDER"))
    assert [one.status for one in sent] == [0] * len(files)


def test_what_is_no_dicom_file_is_told_and_the_rest_is_sent(listener: Listener, tmp_path: Path):
    (good,) = write_folder(ct_series(1), tmp_path / "out")
    bad = tmp_path / "notes.txt"
    bad.write_text("x" * 1000)
    sent = {one.path: one for one in send([bad, good], "127.0.0.1", listener.port, called="SURET", calling="SENDER")}
    assert sent[bad].status is None
    assert not sent[bad].succeeded
    assert sent[good].succeeded


def test_a_head_that_contradicts_its_data_set_is_put_right(archive: Archive, listener: Listener, tmp_path: Path):
    wrong, bare = ct_series(2)
    content = part10(wrong)
    raw = split_part10(part10(bare))[1]
    files = [tmp_path / "wrong.dcm", tmp_path / "bare.dcm"]
    uid = str(wrong.SOPInstanceUID).encode()
    files[0].write_bytes(content.replace(uid, uid[:-1] + b"0", 1))
    files[1].write_bytes(raw)
    sent = list(send(files, "127.0.0.1", listener.port, called="SURET", calling="SENDER"))
    assert [one.status for one in sent] == [0, 0]
    kept = _kept(archive, str(wrong.StudyInstanceUID))
    assert kept[str(wrong.SOPInstanceUID)] == split_part10(content)[1]
    assert kept[str(bare.SOPInstanceUID)] == raw


def test_a_refused_object_is_told_with_status_and_comment(listener: Listener, tmp_path: Path):
    dataset = ct_series(1)[0]
    content = part10(dataset)
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(content[:-100])
    (sent,) = send([cut], "127.0.0.1", listener.port, called="SURET", calling="SENDER")
    assert not sent.succeeded
    assert sent.status is not None
    assert sent.status >> 12 == 0xC


def test_a_peer_that_takes_no_association_is_told(listener: Listener, tmp_path: Path):
    files = write_folder(ct_series(1), tmp_path / "out")
    with pytest.raises(SendFailed, match="OTHER"):
        list(send(files, "127.0.0.1", listener.port, called="OTHER", calling="SENDER"))


def test_more_kinds_than_one_association_holds_go_over_two(
    archive: Archive, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert CONTEXTS_MAX == 128
    monkeypatch.setattr("pacs.dimse.scu.CONTEXTS_MAX", 1)
    datasets = [ct_series(1)[0], cr_image(transfer_syntax=EXPLICIT)]  # type: ignore[arg-type]
    files = write_folder(datasets, tmp_path / "out")
    sent = list(send(files, "127.0.0.1", listener.port, called="SURET", calling="SENDER"))
    assert all(one.succeeded for one in sent)
    assert listener.statistics()["associations"] == 2
