from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pacs.access.principals import OPERATOR
from pacs.archive import ingest
from pacs.errors import OutOfResources
from pacs.model import Announced
from tests.support.archives import open_archive
from tests.support.factories import ct_slice


class _FullDisk:
    """`os` whose disk takes a new name and no byte, as tmpfs does when it is full."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, _descriptor: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_at_the_first_byte_leaves_no_file_and_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ct_slice()
    announced = Announced(dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.file_meta.TransferSyntaxUID)
    with open_archive(tmp_path) as archive:
        monkeypatch.setattr(ingest, "os", _FullDisk())
        before = os.listdir("/proc/self/fd")
        for _ in range(20):
            with pytest.raises(OutOfResources):
                archive.receive(announced, OPERATOR, protocol="test")
        assert len(os.listdir("/proc/self/fd")) == len(before)
        assert list(archive.store.incoming.iterdir()) == []
