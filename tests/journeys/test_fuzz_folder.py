"""Damaged and hostile files, each on an association of its own: the node refuses or keeps them, and is as before."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pacs.archive.verify import verify
from pacs.dicom.part10 import read_file_meta
from pacs.errors import NotUnderstood
from pacs.index.engine import Index
from storage.filesystem import FolderStore
from tests.support.corpus import CorpusFile, corpus
from tests.support.factories import ct_slice, part10
from tests.support.modality import AssociationLost, Modality, prepare, split_part10
from tests.support.process import NodeProcess

HOSTILE = ("fuzz", "pydicom-wheel-malformed")
MEMORY_BYTES_MAX = 64 << 20
UNKNOWN_UID = "1.2.826.0.1.3680043.9.7433.1"


def _send(node: NodeProcess, file: CorpusFile) -> None:
    """What a sender with a broken disk would send: whatever follows what looks like File Meta Information."""
    content = file.path.read_bytes()
    try:
        meta = read_file_meta(content)
    except NotUnderstood:
        meta = None
    sop_class_uid = (meta.sop_class_uid if meta else "") or CTImageStorage
    sop_instance_uid = (meta.sop_instance_uid if meta else "") or UNKNOWN_UID
    syntax = (meta.transfer_syntax_uid if meta else "") or ExplicitVRLittleEndian
    dataset = content[meta.dataset_offset if meta else 0 :]
    with (
        contextlib.suppress(AssociationLost, UnicodeError),
        Modality("127.0.0.1", node.dimse_port, sop_class_uid, syntax, timeout_s=30) as modality,
    ):
        modality.store(prepare(sop_class_uid, sop_instance_uid, syntax, dataset))


def _send_good(node: NodeProcess, number: int) -> int:
    dataset = ct_slice(number=number, study="good")
    with Modality("127.0.0.1", node.dimse_port, CTImageStorage, ExplicitVRLittleEndian) as modality:
        return modality.store(
            prepare(CTImageStorage, dataset.SOPInstanceUID, ExplicitVRLittleEndian, split_part10(part10(dataset))[1])
        )


def _census(node: NodeProcess) -> tuple[int, int, int]:
    process = psutil.Process(node.pid)
    return process.memory_info().rss, process.num_fds(), process.num_threads()


@pytest.mark.timeout(300)
def test_hostile_files_change_nothing(start_node, test_data: Path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    node: NodeProcess = start_node({"ARCHIVE__FREE_BYTES_MIN": "0"})
    files = [file for file in corpus() if file.kind in HOSTILE]
    assert len(files) > 300
    assert _send_good(node, 1) == 0
    for file in files[:50]:  # what is loaded once is loaded now
        _send(node, file)
    memory, descriptors, threads = _census(node)
    for file in files:
        _send(node, file)
        assert node.running, f"{file.name} ended the node\n{node.log_tail()}"
    assert _send_good(node, 2) == 0
    after = _census(node)
    assert after[0] - memory < MEMORY_BYTES_MAX, f"{(after[0] - memory) >> 20} MiB more"
    assert after[1] <= descriptors + 4, "descriptors leaked"
    assert after[2] <= threads + 4, "threads leaked"
    assert "Traceback" not in node.log_tail(10_000_000)
    assert list((node.data / "store" / "incoming").iterdir()) == []
    assert node.stop() == 0
    _promise_is_kept(node)


def _promise_is_kept(node: NodeProcess) -> None:
    index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
    try:
        now = datetime.now(UTC) + timedelta(seconds=1)
        assert list(verify(index, FolderStore(node.data / "store"), now=now, grace=timedelta())) == []
    finally:
        index.close()
