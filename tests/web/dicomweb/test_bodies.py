"""Bodies of several objects: the same bytes whether they lie in memory or have to be waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pacs.model import StoredInstance
from pacs.web.dicomweb import bodies
from pacs.web.dicomweb.bodies import StoredBytes
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice


@pytest.mark.parametrize("at_once", [100, 3, 0], ids=["in memory", "in memory at first", "never in memory"])
def test_joined_objects_are_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(bodies, "PIECE_BYTES", 1000)
    sent = [ct_slice(rows=32, columns=32) for _ in range(3)]
    with open_archive(tmp_path) as archive:
        for dataset in sent:
            send(archive, dataset)
        stored = [one for dataset in sent for one in archive.instances(dataset.StudyInstanceUID)]
        read_at_once, asked = archive.read_at_once, iter(range(10_000))
        monkeypatch.setattr(
            archive, "read_at_once", lambda *arguments: next(asked) < at_once and read_at_once(*arguments)
        )

        async def collected() -> list[bytes]:
            parts: list[bytes | StoredInstance] = [b"head", stored[0], b"between", stored[1], stored[2], b"tail"]
            return [bytes(piece) async for piece in StoredBytes(archive).joined(parts)]

        pieces = asyncio.run(collected())
        whole = [archive.read(one, 0, one.size) for one in stored]
    assert b"".join(pieces) == b"".join((b"head", whole[0], b"between", whole[1], whole[2], b"tail"))
    assert {len(piece) for piece in pieces[:-1]} == {1000}
