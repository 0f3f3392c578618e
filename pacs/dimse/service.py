"""What a service class is to an association: its transfer syntaxes, its roles, and a handler for each command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Unpack

from pacs.access.activity import Ending
from pacs.access.principals import Principal
from pacs.dicom.uids import TRANSFER_SYNTAXES
from pacs.dimse.command import Command, Told
from pacs.dimse.pdu import AbortReason, ProtocolViolation, Roles

_NOT_A_FILE: Final = frozenset(
    {
        "1.2.840.10008.1.2.4.94",  # JPIP: the pixels stay behind a URL of the sender
        "1.2.840.10008.1.2.4.95",
        "1.2.840.10008.1.2.4.204",
        "1.2.840.10008.1.2.4.205",
        "1.2.840.10008.1.2.6.1",  # MIME and XML: not data sets
        "1.2.840.10008.1.2.6.2",
        "1.2.840.10008.1.2.7.1",  # SMPTE ST 2110: live streams
        "1.2.840.10008.1.2.7.2",
        "1.2.840.10008.1.2.7.3",
    }
)

STORED_TRANSFER_SYNTAXES: Final = frozenset(TRANSFER_SYNTAXES) - _NOT_A_FILE
"""What C-STORE takes in, each kept as it is sent: every syntax that holds its own pixels (PS3.5 chapter 10)."""

MESSAGE_TRANSFER_SYNTAXES: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
"""What identifiers and other short data sets are exchanged in: Implicit and Explicit VR Little Endian."""


DEFAULT_ROLES: Final = Roles(scu=True, scp=False)
"""What a requestor is where nothing is said (PS3.7 D.3.3.4)."""

Piece = bytes | bytearray | memoryview
"""Of a data set on its way out."""


class AssociationOver(Exception):
    """The association ends here; `last_pdu` is still sent, then the peer has to close."""

    def __init__(self, ending: Ending, last_pdu: bytes = b"") -> None:
        super().__init__(str(ending))
        self.ending = ending
        self.last_pdu = last_pdu


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context. `peer_roles` is what the requestor is, `extended` what of its SOP class
    extended negotiation was agreed to (PS3.7 D.3.3.5)."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    service: Service
    peer_roles: Roles = DEFAULT_ROLES
    extended: bytes = b""

    def agreed(self, byte: int) -> bool:
        """Whether byte number `byte` (from 1) of the extended negotiation was agreed to be 1."""
        return self.extended[byte - 1 : byte] == b"\1"


class Exchange(Protocol):
    """The association as a handler sees it. Every method raises ConnectionEnded, ProtocolViolation or AssociationOver
    when the association ends meanwhile; a handler lets these pass and leaves nothing half done."""

    @property
    def principal(self) -> Principal:
        """Who asks."""
        ...

    @property
    def calling_ae_title(self) -> str:
        """The peer's AE title."""
        ...

    def receive_data_set(self, context: Context, write: Callable[[memoryview], object]) -> None:
        """Hand every piece of the message's data set to `write`; a piece is valid during the call only. Nothing happens
        when there is none. Where `write` raises, another call goes on behind the piece it was given."""
        ...

    def respond(
        self,
        context: Context,
        command: Command,
        status: int,
        *,
        identifier: bytes | None = None,
        **more: Unpack[Told],
    ) -> None:
        """Answer `command` (PS3.7 9.3, 10.3) with `status`, and with a data set where the response carries one;
        `more` as in `pacs.dimse.command.Told`."""
        ...

    @property
    def contexts(self) -> Sequence[Context]:
        """Every accepted presentation context."""
        ...

    def suboperation(
        self, context: Context, sop_instance_uid: str, pieces: Iterable[Piece], *, during: Command
    ) -> tuple[int, str]:
        """Send an instance to the peer, which is SCP of the class, in the middle of its C-GET `during`; status and
        comment of its answer (PS3.4 C.4.3.3). What `pieces` raises ends the association."""
        ...

    def cancelled(self, command: Command) -> bool:
        """Whether the peer has sent C-CANCEL for `command` (PS3.7 9.3.2.3); never waits."""
        ...


Handler = Callable[[Exchange, Context, Command], None]


@dataclass(frozen=True, slots=True)
class Service:
    """One line of the registry: `handlers` by Command Field, `peer_roles` what a requestor may be here, `honours` the
    bytes of SOP class extended negotiation, 1 where the node does what is asked (PS3.4 C.5)."""

    name: str
    transfer_syntaxes: frozenset[str]
    handlers: Mapping[int, Handler]
    peer_roles: Roles = DEFAULT_ROLES
    honours: bytes = b""


Registry = Callable[[str], Service | None]
"""Abstract syntax UID to its service; None when the node does not support it."""


class DataSetTooLong(Exception):
    """A data set that is kept in memory is over its limit."""


def receive_whole(exchange: Exchange, context: Context, bytes_max: int) -> bytes:
    """The message's data set in memory: identifiers, attribute lists, event and action information.

    Raises DataSetTooLong once it is over `bytes_max`, with the rest of it read over, so that an answer can be given.
    """
    data = bytearray()

    def collect(piece: memoryview) -> None:
        if len(data) + len(piece) > bytes_max:
            raise DataSetTooLong(f"the data set is over {bytes_max} bytes")
        data.extend(piece)

    try:
        exchange.receive_data_set(context, collect)
    except DataSetTooLong:
        exchange.receive_data_set(context, Discard(bytes_max))
        raise
    return bytes(data)


class Discard:
    """Reads over the rest of a refused data set; past `bytes_max` it ends the association (ProtocolViolation)."""

    def __init__(self, bytes_max: int) -> None:
        self._left = bytes_max

    def __call__(self, piece: memoryview) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise ProtocolViolation(AbortReason.NOT_SPECIFIED, "a refused data set that does not end")
