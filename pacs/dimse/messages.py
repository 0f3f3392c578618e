"""The messages of an association, whichever side asked for it: command sets and data sets out of P-DATA-TF and into it
(PS3.8 9.3.5 and Annex E, PS3.7 6.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from pacs.access.activity import Ending, Reason
from pacs.dimse.command import Command, CommandInvalid, read_command
from pacs.dimse.connection import Connection
from pacs.dimse.pdu import (
    A_ABORT,
    A_RELEASE_RQ,
    COMMAND_FRAGMENT,
    DATA_HEADER,
    HEADER,
    LAST_FRAGMENT,
    P_DATA_TF,
    PDU_TYPES,
    PDV_HEADER,
    RELEASE_RESPONSE,
    AbortReason,
    ProtocolViolation,
    p_data,
)
from pacs.dimse.service import AssociationOver, Context, Piece
from pacs.settings import DimseSettings

SENT_AT_ONCE_BYTES: Final = 256 * 1024
"""How much of a data set goes to the socket in one call; each call has the time-out of an idle association."""


class Fragment(NamedTuple):
    """The head of a PDV: its presentation context, message control header and the bytes that follow."""

    context_id: int
    control: int
    length: int


class Messages:
    """Reads and writes the messages of one established association; belongs to one thread.

    Every method raises ConnectionEnded, ProtocolViolation or AssociationOver when the association ends meanwhile.
    """

    def __init__(
        self, connection: Connection, settings: DimseSettings, contexts: Mapping[int, Context], peer_bytes: int
    ) -> None:
        """`contexts` are the accepted ones by identifier, `peer_bytes` the longest P-DATA-TF that the peer takes."""
        self._connection = connection
        self._settings = settings
        self._contexts = contexts
        self._peer_bytes = peer_bytes
        self._pdu_left = 0
        self._data_set_due = False
        self._fragment_left = 0
        self._last_fragment = False

    # In ----------------------------------------------------------------------------------------------------------

    def next_fragment(self) -> Fragment:
        """Wait for the next PDV, as long as the connection's deadline allows."""
        if not self._pdu_left:
            self._next_pdu()
        if self._pdu_left < PDV_HEADER.size:
            raise invalid("a P-DATA-TF ends inside a PDV's header")
        length, context_id, control = PDV_HEADER.unpack(self._connection.take(PDV_HEADER.size))
        self._pdu_left -= length + 4
        if length < 2 or self._pdu_left < 0:
            raise invalid("a PDV that does not fit its P-DATA-TF")
        return Fragment(context_id, control, length - 2)

    def command(self, first: Fragment) -> tuple[Context, Command]:
        """The command set that begins with `first`, whole."""
        data = bytearray()
        self._connection.expect_message()
        context = self._contexts.get(first.context_id)
        if context is None:
            raise invalid(f"a message on presentation context {first.context_id}, which is not accepted")
        fragment = first
        while True:
            if not fragment.control & COMMAND_FRAGMENT or fragment.context_id != context.context_id:
                raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a data set without its command, or two mixed")
            if len(data) + fragment.length > self._settings.command_bytes_max:
                raise invalid("a command set over the limit")
            data += self._connection.take(fragment.length)
            if fragment.control & LAST_FRAGMENT:
                break
            fragment = self.next_fragment()
        self._connection.expect_nothing()
        try:
            command = read_command(data)
        except CommandInvalid as error:
            raise invalid(str(error)) from None
        self._data_set_due, self._fragment_left, self._last_fragment = command.has_data_set, 0, False
        return context, command

    def receive_data_set(self, context: Context, write: Callable[[memoryview], object]) -> None:
        """Hand every piece of the data set to `write`; nothing happens when there is none.

        Where `write` raises, another call goes on behind the piece it was given.
        """
        if not self._data_set_due:
            return
        connection = self._connection
        connection.expect_message()
        while True:
            while self._fragment_left:
                piece = connection.chunk(self._fragment_left)
                self._fragment_left -= len(piece)  # before `write`, which may raise and be followed by another one
                write(piece)
            if self._last_fragment:
                break
            context_id, control, self._fragment_left = self.next_fragment()
            if control & COMMAND_FRAGMENT or context_id != context.context_id:
                raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a command in the middle of a data set")
            self._last_fragment = bool(control & LAST_FRAGMENT)
        self._data_set_due = False
        connection.expect_nothing()

    def arrived(self) -> tuple[Context, Command] | None:
        """The next command set where all of its first PDU has arrived; never waits."""
        self._connection.poll()
        available = self._connection.available
        if self._pdu_left:  # the last message and this one share a PDU
            return self.command(self.next_fragment()) if available >= self._pdu_left else None
        header = self._connection.peek_header()
        if header is None or available < HEADER.size + header[1] <= HEADER.size + self._settings.pdu_bytes_max:
            return None  # the rest of it is still on its way
        return self.command(self.next_fragment())

    def _next_pdu(self) -> None:
        kind, length = HEADER.unpack(self._connection.take(HEADER.size))
        if kind == P_DATA_TF:
            if not PDV_HEADER.size <= length <= self._settings.pdu_bytes_max:
                raise invalid(f"a P-DATA-TF of {length} bytes; {self._settings.pdu_bytes_max} were agreed on")
            self._pdu_left = length
        elif kind == A_RELEASE_RQ:
            self._connection.take(4)
            raise AssociationOver(Ending.because(Reason.RELEASED), RELEASE_RESPONSE)
        else:
            raise unexpected(kind)

    # Out ---------------------------------------------------------------------------------------------------------

    def send(self, context: Context, command: bytes, data_set: bytes | None = None) -> None:
        """Send a short message in one piece."""
        data = p_data(context.context_id, command, command=True, maximum_length=self._peer_bytes)
        if data_set is not None:
            data += p_data(context.context_id, data_set, command=False, maximum_length=self._peer_bytes)
        self._connection.send(data, self._settings.idle_timeout_s)

    def send_streamed(self, context: Context, command: bytes, pieces: Iterable[Piece]) -> None:
        """Send a message whose data set comes in pieces of any size and is never held whole.

        Where `pieces` raises, part of the data set is sent: the association can only be aborted then.
        """
        within_s = self._settings.idle_timeout_s
        room = self._peer_bytes - 6
        out = bytearray(p_data(context.context_id, command, command=True, maximum_length=self._peer_bytes))
        waiting = bytearray()
        for piece in pieces:
            view = memoryview(piece)
            while len(waiting) + len(view) > room:  # the last fragment is told from the others when it is full, too
                taken = room - len(waiting)
                out += DATA_HEADER.pack(P_DATA_TF, room + 6, room + 2, context.context_id, 0)
                out += waiting
                out += view[:taken]
                waiting.clear()
                view = view[taken:]
                if len(out) >= SENT_AT_ONCE_BYTES:
                    self._connection.send(out, within_s)
                    out = bytearray()
            waiting += view
        count = len(waiting)
        out += DATA_HEADER.pack(P_DATA_TF, count + 6, count + 2, context.context_id, LAST_FRAGMENT)
        out += waiting
        self._connection.send(out, within_s)


def unexpected(kind: int) -> Exception:
    """What a PDU of `kind` means where none such has a place."""
    if kind == A_ABORT:
        return AssociationOver(Ending.because(Reason.ABORTED))
    if kind in PDU_TYPES:
        return ProtocolViolation(AbortReason.UNEXPECTED_PDU, f"a PDU of type {kind:02X}, which has no place here")
    return ProtocolViolation(AbortReason.UNRECOGNISED_PDU, f"bytes that are no PDU (type {kind:02X})")


def invalid(message: str) -> ProtocolViolation:
    """A length or an identifier that cannot be right."""
    return ProtocolViolation(AbortReason.INVALID_PARAMETER, message)
