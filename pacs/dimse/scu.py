"""Sending: C-STORE of files to another application entity, byte for byte as they are, through pynetdicom's SCU side."""

from __future__ import annotations

import mmap
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pynetdicom import AE, _config, evt
from pynetdicom.presentation import build_context

from pacs.dicom.elements import ELEMENT, scan
from pacs.dicom.part10 import FILE_META_BYTES_MAX, FileMeta, file_meta, read_file_meta
from pacs.dicom.uids import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    transfer_syntax,
    valid_uid,
)
from pacs.dicom.walker import inflate
from pacs.dimse.checkpoint import steady_reactor
from pacs.errors import NotUnderstood, SuretError

CONTEXTS_MAX: Final = 128
"""Presentation contexts of one association (PS3.8 9.3.2.2)."""

_TIMEOUT_S: Final = 60.0
_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018

_config.STORE_SEND_CHUNKED_DATASET = True  # files are streamed; else they would be parsed and encoded anew


class SendFailed(SuretError):
    """The peer could not be reached or took no association."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file: the C-STORE status and the peer's comment; None where no response came."""

    path: Path
    status: int | None
    comment: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the peer took it: success, or a warning (PS3.7 Annex C)."""
        return self.status is not None and (self.status == 0 or self.status >> 12 == 0xB)


@dataclass(frozen=True, slots=True)
class _File:
    """A file to send, with what its data set says it is; `head_agrees` when its File Meta Information says the same."""

    path: Path
    dataset_offset: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    head_agrees: bool

    @property
    def kind(self) -> tuple[str, str]:
        """What needs a presentation context of its own."""
        return self.sop_class_uid, self.transfer_syntax_uid


def send(files: Sequence[Path], host: str, port: int, *, called: str, calling: str) -> Iterator[Sent]:
    """Send DICOM `files` in their order and tell of each as it is answered.

    One presentation context is proposed for each SOP class and transfer syntax, so nothing is transcoded on the way;
    a second association follows where 128 do not suffice. A file that is no DICOM object is told with status None.
    Raises SendFailed when an association is not to be had.
    """
    readable: list[_File] = []
    for path in files:
        file = _read(path)
        if file is None:
            yield Sent(path, None, "not a DICOM object")
        else:
            readable.append(file)
    for batch in _batches(readable):
        yield from _send_batch(batch, host, port, called, calling)


def _read(path: Path) -> _File | None:
    """The data set names class and instance: a peer compares it with what is announced, and some heads are wrong."""
    with path.open("rb") as stream:
        head = stream.read(FILE_META_BYTES_MAX)
        try:
            meta = read_file_meta(head) or FileMeta("", "", "", "", 0)
        except NotUnderstood:  # a bare data set, as old archives write them
            explicit = head[4:6].isalpha() and head[4:6].isupper()
            meta = FileMeta("", "", EXPLICIT_VR_LITTLE_ENDIAN if explicit else IMPLICIT_VR_LITTLE_ENDIAN, "", 0)
        if not valid_uid(meta.transfer_syntax_uid):
            return None
        uids = _uids(stream.fileno(), meta)
    sop_class_uid, sop_instance_uid = uids.get(_SOP_CLASS_UID, ""), uids.get(_SOP_INSTANCE_UID, "")
    if not (valid_uid(sop_class_uid) and valid_uid(sop_instance_uid)):
        return None
    agrees = head[128:132] == b"DICM" and (meta.sop_class_uid, meta.sop_instance_uid) == (
        sop_class_uid,
        sop_instance_uid,
    )
    return _File(path, meta.dataset_offset, sop_class_uid, sop_instance_uid, meta.transfer_syntax_uid, agrees)


def _uids(descriptor: int, meta: FileMeta) -> dict[int, str]:
    """SOP class and instance out of the beginning of the data set."""
    found: dict[int, str] = {}
    syntax = transfer_syntax(meta.transfer_syntax_uid)
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as pages, memoryview(pages)[meta.dataset_offset :] as view:
        try:
            data = inflate(view) if syntax.deflated else view
            for kind, tag, _, _, value, length in scan(data, syntax):
                if tag > _SOP_INSTANCE_UID:
                    break
                if kind == ELEMENT and tag in (_SOP_CLASS_UID, _SOP_INSTANCE_UID):
                    found[tag] = bytes(data[value : value + length]).decode("latin-1").strip("\0 ")
        except SuretError:
            return found  # whether the rest makes sense is for the peer to say
    return found


def _batches(files: Sequence[_File]) -> Iterator[list[_File]]:
    batch: list[_File] = []
    kinds: set[tuple[str, str]] = set()
    for file in files:
        if file.kind not in kinds and len(kinds) == CONTEXTS_MAX:
            yield batch
            batch, kinds = [], set()
        kinds.add(file.kind)
        batch.append(file)
    if batch:
        yield batch


def _send_batch(batch: Sequence[_File], host: str, port: int, called: str, calling: str) -> Iterator[Sent]:
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = _TIMEOUT_S
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in dict.fromkeys(file.kind for file in batch)]
    association = entity.associate(
        host, port, contexts, ae_title=called, max_pdu=0, evt_handlers=[(evt.EVT_CONN_OPEN, _without_delay)]
    )
    if not association.is_established:
        raise SendFailed(
            f"{called} at {host}:{port} takes no association from {calling}",
            "check address, port and both AE titles, and that the peer knows this one",
        )
    steady_reactor(association)
    try:
        for file in batch:
            yield _send_file(association, file)
    finally:
        if association.is_established:
            association.release()


def _send_file(association: Any, file: _File) -> Sent:
    try:
        if file.head_agrees:
            status = association.send_c_store(file.path)
        else:
            with tempfile.NamedTemporaryFile(suffix=".dcm") as copy:
                _write_with_right_head(file, copy)
                status = association.send_c_store(copy.name)
    except (ValueError, RuntimeError) as error:  # the peer rejected the context, or the association has ended
        return Sent(file.path, None, str(error))
    if "Status" not in status:
        return Sent(file.path, None, "the peer did not answer")
    return Sent(file.path, int(status.Status), str(status.get("ErrorComment", "")))


def _write_with_right_head(file: _File, copy: Any) -> None:
    copy.write(file_meta(file.sop_class_uid, file.sop_instance_uid, file.transfer_syntax_uid))
    with file.path.open("rb") as stream:
        stream.seek(file.dataset_offset)
        shutil.copyfileobj(stream, copy)
    copy.flush()


def _without_delay(event: evt.Event) -> None:
    """Small PDUs must not wait for the peer's delayed acknowledgement (Nagle)."""
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
