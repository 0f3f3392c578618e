"""The way in on its bad days."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pacs.access.principals import OPERATOR
from pacs.archive.spool import BUFFER_BYTES
from pacs.errors import StoreFailed
from tests.support.archives import open_archive
from tests.support.factories import ct_slice, part10


@pytest.mark.parametrize("padding", [0, BUFFER_BYTES], ids=["in memory", "in a file"])
def test_no_descriptor_is_closed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, padding: int) -> None:
    dataset = ct_slice()
    dataset.add_new(0x00091001, "OB", bytes(padding))
    dataset.add_new(0x00090010, "LO", "TEST")
    content = part10(dataset).replace(dataset.SOPInstanceUID.encode(), b"1" * len(dataset.SOPInstanceUID), 1)
    closed: list[int] = []
    real_open, real_close = os.open, os.close

    def full(path: Any, *rest: Any, **options: Any) -> int:
        if str(path).endswith(".named.part"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real_open(path, *rest, **options)

    def close(descriptor: int) -> None:
        if str(archive.store.incoming) in os.readlink(f"/proc/self/fd/{descriptor}"):
            closed.append(descriptor)
        real_close(descriptor)

    with open_archive(tmp_path) as archive:
        with archive.receive_part10(OPERATOR, protocol="test") as reception:
            reception.write(content)
            monkeypatch.setattr(os, "open", full)
            monkeypatch.setattr(os, "close", close)
            with pytest.raises(StoreFailed):
                reception.commit()
            reception.discard()
            monkeypatch.undo()
        assert len(closed) == 1
        assert list(archive.store.incoming.iterdir()) == []
