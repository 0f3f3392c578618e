"""A sending modality of our own: every byte is made before the clock starts, so that a rig measures the node.

Window 1, one send a message, TCP_NODELAY; no shared code with the node (PS3.8 9.3, PS3.7 9.3.1).
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
PDU_BYTES = 128 * 1024
COMMAND, DATASET, LAST = 1, 0, 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """One instance, ready for the wire: all its P-DATA-TF PDUs, joined. `dataset` is what the node has to keep."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset: bytes
    pdus: bytes


class AssociationLost(Exception):
    """The node rejected, aborted or vanished."""


class Modality:
    """One association for one (class, syntax) pair, which is presentation context 1."""

    def __init__(
        self,
        host: str,
        port: int,
        sop_class_uid: str,
        transfer_syntax_uid: str,
        *,
        called: str = "SURET",
        calling: str = "MODALITY",
        timeout_s: float = 60.0,
        nodelay: bool = True,
    ) -> None:
        self._socket = socket.create_connection((host, port), timeout=timeout_s)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(nodelay))
            self._socket.sendall(_associate_request(sop_class_uid, transfer_syntax_uid, called, calling))
            kind, body = self._read_pdu()
            if kind != 2:
                raise AssociationLost(f"answered with PDU type {kind}: {body[:4].hex()}")
        except BaseException:
            self._socket.close()
            raise

    def store(self, prepared: Prepared) -> int:
        """Send one instance and wait for its status. Raises AssociationLost when no answer comes."""
        try:
            self._socket.sendall(prepared.pdus)
        except OSError as error:
            raise AssociationLost(str(error)) from error
        return self._answer()

    def close(self) -> None:
        """Leave without a release, as a modality that is switched off does."""
        self._socket.close()

    def release(self) -> None:
        """A-RELEASE-RQ, wait for the answer, close."""
        self._socket.sendall(struct.pack(">BxL4x", 5, 4))
        self._read_pdu()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self) -> int:
        kind, body = self._read_pdu()
        if kind != 4:
            raise AssociationLost(f"PDU type {kind} instead of an answer")
        return _status(body[6:])

    def _read_pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxL", self._read(6))
        return kind, self._read(length)

    def _read(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            try:
                piece = self._socket.recv(length - len(data))
            except OSError as error:
                raise AssociationLost(str(error)) from error
            if not piece:
                raise AssociationLost("the node closed the connection")
            data += piece
        return bytes(data)


def prepare(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, dataset: bytes, *, message_id: int = 1
) -> Prepared:
    """Encode the C-STORE-RQ and its data set into PDUs of at most PDU_BYTES."""
    command = _command(sop_class_uid, sop_instance_uid, message_id)
    pdus = [_pdata(command, COMMAND | LAST)]
    step = PDU_BYTES - 6
    for offset in range(0, len(dataset), step):
        last = LAST if offset + step >= len(dataset) else 0
        pdus.append(_pdata(dataset[offset : offset + step], DATASET | last))
    return Prepared(sop_class_uid, sop_instance_uid, transfer_syntax_uid, dataset, b"".join(pdus))


def split_part10(content: bytes) -> tuple[int, bytes]:
    """Where the data set of a Part 10 file starts, and its bytes (group 0002 is Explicit VR LE with a group length)."""
    length = struct.unpack_from("<L", content, 140)[0]
    offset = 144 + length
    return offset, content[offset:]


def _pdata(fragment: bytes, control: int) -> bytes:
    return struct.pack(">BxLLBB", 4, len(fragment) + 6, len(fragment) + 2, 1, control) + fragment


def _command(sop_class_uid: str, sop_instance_uid: str, message_id: int) -> bytes:
    elements = b"".join(
        (
            _element(0x0002, _uid(sop_class_uid)),
            _element(0x0100, struct.pack("<H", 0x0001)),
            _element(0x0110, struct.pack("<H", message_id)),
            _element(0x0700, struct.pack("<H", 0)),
            _element(0x0800, struct.pack("<H", 0x0001)),
            _element(0x1000, _uid(sop_instance_uid)),
        )
    )
    return _element(0x0000, struct.pack("<L", len(elements))) + elements


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _uid(text: str) -> bytes:
    raw = text.encode("ascii")
    return raw + b"\0" * (len(raw) & 1)


def _status(command: bytes) -> int:
    position = 0
    while position < len(command):
        group, number, length = struct.unpack_from("<HHL", command, position)
        if (group, number) == (0, 0x0900):
            return int(struct.unpack_from("<H", command, position + 8)[0])
        position += 8 + length
    raise AssociationLost("an answer without a status")


def _associate_request(sop_class_uid: str, transfer_syntax_uid: str, called: str, calling: str) -> bytes:
    context = struct.pack(">Bxxx", 1)
    items = _item(0x30, sop_class_uid.encode()) + _item(0x40, transfer_syntax_uid.encode())
    user = _item(0x51, struct.pack(">L", PDU_BYTES)) + _item(0x52, b"1.2.826.0.1.3680043.9.7433.1.1")
    body = (
        struct.pack(">H2x16s16s32x", 1, called.ljust(16).encode(), calling.ljust(16).encode())
        + _item(0x10, APPLICATION_CONTEXT)
        + _item(0x20, context + items)
        + _item(0x50, user)
    )
    return struct.pack(">BxL", 1, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value
