"""File Meta Information that nobody should write, objects that nothing can be made of: told, and never in the way."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from sqlalchemy import select, text
from ulid import ULID

from pacs.archive import recovery
from pacs.archive.archive import Archive
from pacs.archive.recovery import rebuild, recover
from pacs.dicom.part10 import read_file_meta
from pacs.errors import ArrivalRefused
from pacs.index.schema import instance
from pacs.model import Outcome
from tests.support.archives import send
from tests.support.factories import ct_series, ct_slice, part10

LENGTH_AT = 132 + 8  # of group 0002, in a file of ours


def _with_meta(content: bytes, element: int, value: bytes, vr: bytes = b"UN") -> bytes:
    """`content` with one more element at the end of its group 0002, where it speaks last."""
    meta = read_file_meta(content)
    assert meta is not None
    more = struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value
    [length] = struct.unpack_from("<I", content, LENGTH_AT)
    head = content[:LENGTH_AT] + struct.pack("<I", length + len(more)) + content[LENGTH_AT + 4 : meta.dataset_offset]
    return head + more + content[meta.dataset_offset :]


POISON = {
    "AE title with a NUL": (0x0016, b"CT\x001"),
    "AE title without an end": (0x0016, b"A" * 70_000),
    "AE title of no ASCII": (0x0016, "СКТ".encode()),
    "instance UID without an end": (0x0003, b"1" * 70_000),
    "class UID with a NUL": (0x0002, b"1.2\x00.3"),
}


@pytest.mark.parametrize(("element", "value"), POISON.values(), ids=POISON)
def test_odd_file_meta_never_keeps_a_good_data_set_out(archive: Archive, element: int, value: bytes) -> None:
    dataset = ct_slice()
    assert send(archive, _with_meta(part10(dataset), element, value)).outcome is Outcome.STORED
    [found] = archive.instances(dataset.StudyInstanceUID)
    assert (found.sop_class_uid, found.sop_instance_uid) == (dataset.SOPClassUID, dataset.SOPInstanceUID)
    with archive.index.read() as connection:
        assert list(connection.execute(select(instance.c.calling_ae_title)).scalars()) == [""]


def test_a_data_set_that_names_itself_without_an_end_is_refused(archive: Archive) -> None:
    content = part10(ct_slice())
    at = content.index(b"\x08\x00\x18\x00UI")
    [length] = struct.unpack_from("<H", content, at + 6)
    endless = struct.pack("<HH2sHI", 8, 0x18, b"UN", 0, 70_000) + b"1" * 70_000
    with pytest.raises(ArrivalRefused):
        send(archive, content[:at] + endless + content[at + 8 + length :])
    assert list(archive.store.list("objects/")) == []
    assert list(archive.store.incoming.iterdir()) == []


def _orphan(archive: Archive, content: bytes) -> str:
    ulid = archive.arrivals.next()
    key = f"objects/{ulid.datetime:%Y/%m/%d/%H}/{ulid}.dcm"
    file = archive.store.incoming / f"{ULID()}.part"
    file.write_bytes(content)
    archive.store.put(key, file, {})
    return key


def test_a_poisoned_orphan_is_adopted(archive: Archive) -> None:
    _orphan(archive, _with_meta(part10(ct_slice()), *POISON["AE title with a NUL"]))
    assert recover(archive, adopt_hours=24).adopted == 1


def test_one_object_stops_neither_start_nor_rebuild(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    poison, good = (_orphan(archive, part10(dataset)) for dataset in ct_series(2))
    real = recovery.examine

    def examine(store: Any, object_key: str, **options: Any) -> Any:
        if object_key == poison:
            raise struct.error("nobody thought of this")
        return real(store, object_key, **options)

    monkeypatch.setattr(recovery, "examine", examine)
    assert recover(archive, adopt_hours=24).unreadable == (poison,)
    report = rebuild(archive)
    assert (report.stored, report.unreadable) == (1, (poison,))
    assert [found.object_key for found in archive.instances(ct_slice().StudyInstanceUID)] == [good]


def test_a_statement_that_fails_costs_a_rebuild_one_object(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    poison, good = (_orphan(archive, part10(dataset)) for dataset in ct_series(2))
    real = recovery.register

    def register(connection: Any, arrived: Any, *rest: Any) -> Any:
        stored = real(connection, arrived, *rest)
        if arrived.object_key == poison:
            connection.execute(text("SELECT nothing FROM nowhere"))
        return stored

    monkeypatch.setattr(recovery, "register", register)
    assert rebuild(archive).unreadable == (poison,)
    [found] = archive.instances(ct_slice().StudyInstanceUID)
    assert found.object_key == good
