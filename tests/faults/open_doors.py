"""Nodes that guard themselves badly: each mutant leaves one door open which a rig of hostility has to find.

    python -m tests.faults.open_doors no-pdu-cap serve      the node, spoiled

They patch the product for the whole process and for good, so they are applied only in processes of their own.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import zlib
from collections.abc import Callable
from typing import Any


def buffer_whole_dataset() -> None:
    """A data set is kept in memory until it is whole."""
    from pacs.archive.ingest import Reception

    write = Reception.write
    kept: dict[int, list[bytes]] = {}

    def spoiled(self: Reception, data: bytes | bytearray | memoryview) -> None:
        kept.setdefault(id(self), []).append(bytes(data))
        write(self, data)

    Reception.write = spoiled  # type: ignore[method-assign]


def buffer_whole_answer() -> None:
    """An object is read into memory before the first byte of it goes out."""
    from pacs.web.dicomweb.bodies import StreamedAnswer, given

    call = StreamedAnswer.__call__

    async def spoiled(self: StreamedAnswer, *arguments: Any) -> None:
        self._pieces = given(*[bytes(piece) async for piece in self._pieces])
        await call(self, *arguments)

    StreamedAnswer.__call__ = spoiled  # type: ignore[method-assign, assignment]


def no_inflate_cap() -> None:
    """A deflated data set may grow as it likes."""
    from pacs.dicom import walker

    walker.inflate = lambda data, limits=walker.DEFAULT_LIMITS: zlib.decompress(bytes(data[:]), -zlib.MAX_WBITS)


def stock_accept() -> None:
    """What a peer says first is awaited where peers are accepted (a TLS handshake, say)."""
    from pacs.dimse.listener import Listener

    take = Listener._take

    def spoiled(self: Listener, stream: socket.socket, address: str, certificates: Any) -> None:
        stream.recv(1, socket.MSG_PEEK)
        take(self, stream, address, certificates)

    Listener._take = spoiled  # type: ignore[method-assign]


def per_recv_timeout() -> None:
    """Every byte that comes renews the deadline."""
    from pacs.dimse.connection import NEVER, Connection

    receive = Connection._receive

    def spoiled(self: Connection, flags: int) -> None:
        if self.limit_at != NEVER:
            self.expect_within(2)
        receive(self, flags)

    Connection._receive = spoiled  # type: ignore[method-assign]


def no_pdu_cap() -> None:
    """A PDU may be as long as its length says."""
    from pacs.dimse.association import Association

    begin = Association.__init__

    def spoiled(self: Association, connection: Any, settings: Any, host: Any) -> None:
        begin(self, connection, settings.model_copy(update={"pdu_bytes_max": 0xFFFFFFFF}), host)

    Association.__init__ = spoiled  # type: ignore[method-assign]


def part_leak_on_abort() -> None:
    """What came of an object that did not come whole stays where it is."""
    unlink = os.unlink

    def spoiled(path: Any, *arguments: Any, **options: Any) -> None:
        if not os.fspath(path).endswith(".part"):
            unlink(path, *arguments, **options)

    os.unlink = os.remove = spoiled


def thread_leak() -> None:
    """The thread of an association stays when the association has ended."""
    from pacs.dimse.association import Association

    run = Association.run

    def spoiled(self: Association) -> None:
        run(self)
        threading.Thread(target=threading.Event().wait, daemon=True).start()

    Association.run = spoiled  # type: ignore[method-assign]


def ignore_last_fragment() -> None:
    """A data set is whole when the peer has gone, whether it said so or not."""
    from pacs.dimse.association import Association
    from pacs.dimse.connection import ConnectionEnded
    from pacs.dimse.service import AssociationOver

    receive = Association.receive_data_set

    def spoiled(self: Association, *arguments: Any) -> None:
        with contextlib.suppress(ConnectionEnded, AssociationOver):
            receive(self, *arguments)

    Association.receive_data_set = spoiled  # type: ignore[method-assign, assignment]


def ignore_last_delimiter() -> None:
    """A part is whole when the body has ended, with its delimiter or without."""
    from pacs.web.dicomweb.stow import Delivery

    Delivery.finish = lambda self: self._end()  # type: ignore[method-assign]


def ignore_content_length() -> None:
    """A body is whole when the client has gone, however long it was to be."""
    from starlette.requests import ClientDisconnect

    from pacs.web.dicomweb import stow

    body = stow.pieces_of

    async def spoiled(request: Any) -> Any:
        with contextlib.suppress(ClientDisconnect):
            async for piece in body(_Telling(request)):  # type: ignore[arg-type]
                yield piece

    class _Telling:
        """A request that gives what came before its client went."""

        def __init__(self, request: Any) -> None:
            self._request = request

        async def receive(self) -> Any:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                return {"type": "http.request", "body": b"", "more_body": False}
            return message

    stow.pieces_of = spoiled


MUTANTS: dict[str, Callable[[], None]] = {
    "buffer-whole-dataset": buffer_whole_dataset,
    "buffer-whole-answer": buffer_whole_answer,
    "no-inflate-cap": no_inflate_cap,
    "stock-accept": stock_accept,
    "per-recv-timeout": per_recv_timeout,
    "no-pdu-cap": no_pdu_cap,
    "part-leak-on-abort": part_leak_on_abort,
    "thread-leak": thread_leak,
    "ignore-last-fragment": ignore_last_fragment,
    "ignore-last-delimiter": ignore_last_delimiter,
    "ignore-content-length": ignore_content_length,
}


def main() -> None:
    """`pacs`, spoiled by the mutant that the first argument names."""
    from pacs import cli

    MUTANTS[sys.argv.pop(1)]()
    cli.main()


if __name__ == "__main__":
    main()
