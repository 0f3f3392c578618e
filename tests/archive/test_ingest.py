"""The way in on its bad days."""

from __future__ import annotations

import errno
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs.access.principals import OPERATOR
from pacs.archive.spool import BUFFER_BYTES
from pacs.archive.verify import verify
from pacs.errors import IncompleteDataSet, StoreFailed
from pacs.model import utc_now
from tests.support.archives import open_archive, send
from tests.support.dimse import wait_until
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


def test_another_process_hashes_what_a_lone_sender_brings_and_every_digest_is_right(tmp_path: Path) -> None:
    with open_archive(tmp_path, prepared=True) as archive:
        hasher = archive.buffers.hasher
        assert hasher is not None, "of one processor alone there is nothing to gain"
        asked: list[str | None] = []
        end = hasher.end
        hasher.end = lambda: asked.append(end()) or asked[-1]  # type: ignore[method-assign]

        def bring(number: int, padding: int = 0) -> bytes:
            dataset = ct_slice(number=number, rows=512, columns=512)
            if padding:
                dataset.add_new(0xFFFCFFFC, "OB", bytes(padding))
            content = part10(dataset)
            send(archive, content)
            return content

        numbers = iter(range(1, 1000))
        assert wait_until(lambda: bring(next(numbers)) and asked)
        bring(next(numbers), padding=100)
        with pytest.raises(IncompleteDataSet):
            send(archive, part10(ct_slice(number=next(numbers), rows=512, columns=512))[:-1000])
        assert len(asked) == 3
        assert hasher.pid is not None
        os.kill(hasher.pid, signal.SIGKILL)
        bring(next(numbers))
        assert list(verify(archive.index, archive.store, now=utc_now(), grace=timedelta(0))) == []
        assert wait_until(lambda: list((tmp_path / "store" / "ready").iterdir()))
    assert not list((tmp_path / "store" / "ready").iterdir())
    assert not list((tmp_path / "store" / "incoming").iterdir())
