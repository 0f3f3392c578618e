"""A listener of this process and peers to try it: raw bytes for what no decent peer sends, pynetdicom for the rest."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from pacs.access.peers import Peers
from pacs.archive.archive import Archive
from pacs.archive.transcode import Decode, Transcoder
from pacs.dimse.listener import Listener
from pacs.dimse.outbound import Outbound
from pacs.errors import Busy
from pacs.model import utc_now
from pacs.render.values import DecodedFrame, RenderJob
from pacs.settings import DimseSettings
from tests.support.modality import COMMAND, LAST

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

ABORT = struct.pack(">BxL4x", 7, 4)
RELEASE = struct.pack(">BxL4x", 5, 4)

Contexts = Sequence[tuple[str, Sequence[str]]]


@contextmanager
def listening(archive: Archive, *, decode: Decode | None = None, **settings: Any) -> Iterator[Listener]:
    """A listener on a free port of 127.0.0.1 over `archive`; everything has ended when the context has. Without
    `decode` nothing compressed is taken apart."""
    configured = DimseSettings(**{"port": 0, **settings})
    outbound = Outbound(configured)
    listener = listener_of(archive, Peers(archive.index, utc_now), configured, outbound, decode)
    listener.start()
    outbound.start()
    try:
        yield listener
    finally:
        outbound.stop()
        listener.stop()


def listener_of(
    archive: Archive,
    peers: Peers,
    settings: DimseSettings,
    outbound: Outbound | None = None,
    decode: Decode | None = None,
) -> Listener:
    """A listener that is not started."""
    transcoder = Transcoder(archive, decode or no_decoder)
    return Listener(archive, peers, settings, outbound or Outbound(settings), transcoder)


def no_decoder(job: RenderJob) -> DecodedFrame:
    """Decodes nothing."""
    raise Busy("there is no decoder in this test")


def wait_until(condition: Any, timeout_s: float = 10.0) -> bool:
    """Whether `condition` became true in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def settled(listener: Listener) -> bool:
    """Whether every connection has ended and given back its thread."""
    return wait_until(
        lambda: (
            listener.statistics()["connections_open"] == 0
            and not any(thread.name.startswith("dimse-127") for thread in threading.enumerate())
        )
    )


def associate_request(
    contexts: Contexts = ((VERIFICATION, (IMPLICIT,)),),
    *,
    called: str = "SURET",
    calling: str = "TESTER",
    maximum_length: int = 16384,
    user_information: Sequence[Any] = (),
) -> bytes:
    """An A-ASSOCIATE-RQ as pynetdicom writes it."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = calling, called
    longest = MaximumLengthNotification()
    longest.maximum_length_received = maximum_length
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.826.0.1.3680043.9.7433.1.1"
    primitive.user_information = [longest, implementation, *user_information]
    proposed = []
    for number, (abstract_syntax, syntaxes) in enumerate(contexts):
        context = build_context(abstract_syntax, list(syntaxes))
        context.context_id = 2 * number + 1
        proposed.append(context)
    primitive.presentation_context_definition_list = proposed
    request = A_ASSOCIATE_RQ()
    request.from_primitive(primitive)
    return bytes(request.encode())


def command_set(elements: Mapping[int, bytes]) -> bytes:
    """A command set of `elements`, element number to value, with its group length."""
    body = b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in sorted(elements.items()))
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def request(field: int, abstract_syntax: str, message_id: int = 1, *, data_set: bool = False, **more: bytes) -> bytes:
    """A request's command set; `more` are elements by hexadecimal number: ``x1000=b"1.2"``."""
    raw = abstract_syntax.encode()
    elements = {
        0x0002: raw + b"\0" * (len(raw) & 1),
        0x0100: struct.pack("<H", field),
        0x0110: struct.pack("<H", message_id),
        0x0800: struct.pack("<H", 0 if data_set else 0x0101),
    }
    return command_set(elements | {int(number[1:], 16): value for number, value in more.items()})


def pdata(fragment: bytes, control: int = COMMAND | LAST, context_id: int = 1) -> bytes:
    """A P-DATA-TF with one PDV."""
    return struct.pack(">BxLLBB", 4, len(fragment) + 6, len(fragment) + 2, context_id, control) + fragment


ECHO = pdata(request(0x0030, VERIFICATION))


def elements_of(command: bytes) -> dict[int, bytes]:
    """Element number to value of a command set."""
    found, position = {}, 0
    while position < len(command):
        _, number, length = struct.unpack_from("<HHL", command, position)
        found[number] = command[position + 8 : position + 8 + length]
        position += 8 + length
    return found


def status_of(pdu: tuple[int, bytes] | None) -> int:
    """The status in a response of one PDV."""
    assert pdu is not None, "the node closed instead of answering"
    assert pdu[0] == 4, f"no response but {pdu}"
    return int.from_bytes(elements_of(pdu[1][6:])[0x0900], "little")


class RawPeer:
    """A TCP connection to a listener that sends what it is told."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *pieces: bytes) -> None:
        """Send; a node that has already closed is no error here."""
        try:
            self.socket.sendall(b"".join(pieces))
        except (BrokenPipeError, ConnectionResetError):
            return

    def read(self) -> tuple[int, bytes] | None:
        """Type and body of the next PDU; None when the node has closed."""
        header = self._exactly(6)
        if header is None:
            return None
        kind, length = struct.unpack(">BxL", header)
        body = self._exactly(length)
        assert body is not None, "the node closed inside a PDU"
        return kind, body

    def associate(self, contexts: Contexts = ((VERIFICATION, (IMPLICIT,)),), **options: Any) -> tuple[int, bytes]:
        """Send an A-ASSOCIATE-RQ; the answer."""
        self.send(associate_request(contexts, **options))
        answer = self.read()
        assert answer is not None, "the node closed without an answer"
        return answer

    def echo(self) -> int:
        """The status of a C-ECHO."""
        self.send(ECHO)
        return status_of(self.read())

    def closed(self) -> bool:
        """Whether the node closes without another PDU (bounded by the socket's time-out)."""
        return self.read() is None

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exactly(self, length: int) -> bytes | None:
        data = bytearray()
        while len(data) < length:
            try:
                piece = self.socket.recv(length - len(data))
            except ConnectionResetError:
                return None
            if not piece:
                return None
            data += piece
        return bytes(data)
