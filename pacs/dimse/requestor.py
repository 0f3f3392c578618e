"""One association that the node asked for: what it asks of the peer on it, and what it answers (PS3.8 9.2, PS3.7).

`pacs.dimse.outbound` opens it.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Final, Self, Unpack

from pacs.access.principals import Principal
from pacs.dimse.command import (
    C_CANCEL_RQ,
    C_STORE_RQ,
    MEDIUM,
    MESSAGE_ID_MAX,
    MOVE_ORIGINATOR_MESSAGE_ID,
    PENDING_STATUSES,
    RESPONSE,
    Command,
    Told,
    cancel_request,
    is_warning,
    request,
    response,
)
from pacs.dimse.connection import Connection, ConnectionEnded
from pacs.dimse.messages import Messages, unexpected
from pacs.dimse.pdu import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    HEADER,
    PEER_BYTES_MIN,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    UNLIMITED_PEER_BYTES,
    AbortReason,
    ProposedContext,
    ProtocolViolation,
    Roles,
    abort_by_provider,
    abort_by_user,
)
from pacs.dimse.proposal import associate_request, parse_associate_accept, parse_associate_reject
from pacs.dimse.service import AssociationOver, Context, Discard, Exchange, Piece, Service, receive_whole
from pacs.errors import SuretError
from pacs.settings import DimseSettings

LINGER_S: Final = 3.0
ATTEND_PERIOD_S: Final = 0.02

_REQUESTED: Final = Service("requested", frozenset(), {})


class NoAssociation(SuretError):
    """The peer could not be reached or took no association; where `transient`, a later attempt may succeed."""

    def __init__(self, message: str, hint: str = "", code: str = "", *, transient: bool = True) -> None:
        super().__init__(message, hint, code)
        self.transient = transient


class AssociationLost(SuretError):
    """The association ended in the middle of an operation: what became of that is not known."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="lost")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A presentation context to propose: the acceptor picks one of the transfer syntaxes."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """What a peer answered to a request; `data_set` is that of the message, in the context's transfer syntax."""

    command: Command
    context: Context
    data_set: bytes | None

    @property
    def status(self) -> int:
        """The status code (PS3.7 Annex C)."""
        return self.command.status

    @property
    def pending(self) -> bool:
        """Whether more responses follow."""
        return self.status in PENDING_STATUSES

    @property
    def warned(self) -> bool:
        """Whether it was done, with a warning."""
        return is_warning(self.status)

    @property
    def succeeded(self) -> bool:
        """Whether it was done, with or without a warning."""
        return self.status == 0 or self.warned


Serve = Callable[[Exchange, Context, Command], None]
"""Deals with a request that the peer makes on an association of ours: its sub-operations of a C-GET, an event report.
Any handler of a `Service` fits."""


class OutboundAssociation:
    """One established association, used by one thread. As a context manager it ends in a release, or in an abort where
    an error passes through. It is an `Exchange`, so that handlers of services can answer what the peer asks."""

    def __init__(
        self,
        connection: Connection,
        settings: DimseSettings,
        called: str,
        principal: Principal,
        serve: Serve | None,
        closed: Callable[[Connection], object],
    ) -> None:
        """`closed` closes the connection and gives back its place."""
        self.called = called
        self.contexts: tuple[Context, ...] = ()
        self.roles: Mapping[str, Roles] = {}
        self._closed = closed
        self._connection = connection
        self._settings = settings
        self._principal = principal
        self._serve = serve
        self._message_ids = itertools.cycle(range(1, MESSAGE_ID_MAX + 1))
        self._messages: Messages
        self._over = False

    @property
    def principal(self) -> Principal:
        """In whose name the peer's requests are answered."""
        return self._principal

    @property
    def calling_ae_title(self) -> str:
        """The peer's AE title."""
        return self.called

    @property
    def alive(self) -> bool:
        """Whether the association has not ended, as far as is known."""
        return not self._over

    def establish(
        self,
        calling: str,
        proposals: Sequence[Proposal],
        roles: Mapping[str, Roles],
        extended: Mapping[str, bytes],
        where: str,
    ) -> None:
        """Ask for the association. Raises NoAssociation."""
        proposed = [
            ProposedContext(2 * number + 1, proposal.abstract_syntax, proposal.transfer_syntaxes)
            for number, proposal in enumerate(proposals)
        ]
        data = associate_request(self.called, calling, proposed, self._settings.pdu_bytes_max, roles, extended)
        try:
            self._connection.send(data, self._settings.connect_timeout_s)
            self._connection.expect_within(self._settings.request_timeout_s)
            kind, body = self._pdu(self._settings.request_bytes_max)
            if kind == A_ASSOCIATE_RJ:
                rejection = parse_associate_reject(body)
                raise NoAssociation(
                    f"{self.called} refuses: {rejection.in_words(self.called, calling)}",
                    f"check both AE titles, and that the peer at {where} knows this node",
                    "rejected",
                    transient=rejection.transient,
                )
            if kind != A_ASSOCIATE_AC:
                raise unexpected(kind)
            accept = parse_associate_accept(body)
            if 0 < accept.maximum_length < PEER_BYTES_MIN:
                raise ProtocolViolation(AbortReason.NOT_SPECIFIED, "it takes PDUs that are too short")
        except ProtocolViolation as violation:
            self._connection.send_last(abort_by_provider(violation.reason))
            raise NoAssociation(
                f"{self.called} does not speak DICOM: {violation}", f"check its address and port ({where})", "no_dicom"
            ) from None
        except (ConnectionEnded, AssociationOver) as ended:
            raise NoAssociation(
                f"{self.called} gives no association: {ended}",
                f"check its address and port ({where}), and its log",
                "unreachable",
            ) from None
        self._connection.expect_nothing()
        self.contexts = tuple(
            Context(context.context_id, context.abstract_syntax, accept.accepted[context.context_id], _REQUESTED)
            for context in proposed
            if accept.accepted.get(context.context_id) in context.transfer_syntaxes
        )
        self.roles = accept.roles
        peer_bytes = min(accept.maximum_length or UNLIMITED_PEER_BYTES, UNLIMITED_PEER_BYTES)
        by_id = {context.context_id: context for context in self.contexts}
        self._messages = Messages(self._connection, self._settings, by_id, peer_bytes)

    def _pdu(self, most: int) -> tuple[int, bytes]:
        kind, length = HEADER.unpack(self._connection.take(HEADER.size))
        if length > most:
            raise ProtocolViolation(AbortReason.INVALID_PARAMETER, f"a PDU of {length} bytes")
        body = bytearray()
        while len(body) < length:
            body += self._connection.chunk(length - len(body))
        return int(kind), bytes(body)

    def context_for(self, abstract_syntax: str, *transfer_syntaxes: str) -> Context | None:
        """The accepted context of the class with the first of these syntaxes there is (any when none is named)."""
        found = [context for context in self.contexts if context.abstract_syntax == abstract_syntax]
        if not transfer_syntaxes:
            return found[0] if found else None
        by_syntax = {context.transfer_syntax: context for context in found}
        return next((by_syntax[uid] for uid in transfer_syntaxes if uid in by_syntax), None)

    # Requests ----------------------------------------------------------------------------------------------------

    def ask(
        self,
        context: Context,
        field: int,
        *,
        sop_class_uid: str = "",
        sop_instance_uid: str = "",
        data_set: bytes | None = None,
        priority: int = MEDIUM,
        move_destination: str = "",
        numbers: Mapping[int, int] = MappingProxyType({}),
        within_s: float | None = None,
    ) -> Iterator[Response]:
        """Make a request and give every response to it, the last one too; `sop_class_uid` where it is not that of the
        context (UPS). Each response has to come `within_s`, the time-out for responses unless given.

        A consumer that leaves early has to `cancel` and read on, or abort. Raises AssociationLost.
        """
        message_id = next(self._message_ids)
        command = request(
            field,
            message_id,
            sop_class_uid or context.abstract_syntax,
            sop_instance_uid,
            data_set=data_set is not None,
            priority=priority,
            move_destination=move_destination,
            numbers=numbers,
        )
        with self._told():
            self._messages.send(context, command, data_set)
        while True:
            answer = self._response(field, message_id, within_s)
            yield answer
            if not answer.pending:
                return

    def store(
        self,
        context: Context,
        sop_instance_uid: str,
        pieces: Iterable[Piece],
        *,
        priority: int = MEDIUM,
        originator: tuple[str, int] | None = None,
        within_s: float | None = None,
    ) -> Response:
        """Send one instance; `pieces` are its data set in the context's transfer syntax, and never held whole.

        `originator` is the AE title and message ID of the C-MOVE behind it. What `pieces` raises passes through and
        ends the association, because a part of the data set is sent. Raises AssociationLost.
        """
        message_id = next(self._message_ids)
        title, number = originator or ("", 0)
        command = request(
            C_STORE_RQ,
            message_id,
            context.abstract_syntax,
            sop_instance_uid,
            data_set=True,
            priority=priority,
            move_originator=title,
            numbers={MOVE_ORIGINATOR_MESSAGE_ID: number} if originator else {},
        )
        with self._told():
            try:
                self._messages.send_streamed(context, command, pieces)
            except (ConnectionEnded, ProtocolViolation, AssociationOver):
                raise
            except BaseException:
                self.abort()
                raise
        return self._response(C_STORE_RQ, message_id, within_s)

    def cancel(self, context: Context, response: Response) -> None:
        """Ask the peer to stop the operation that gave this response (PS3.7 9.3.2.3); its last one still comes."""
        with self._told():
            self._messages.send(context, cancel_request(response.command.responded_to))

    def attend(self, seconds: float) -> None:
        """Serve what the peer asks for so long, or until the association ends. Raises AssociationLost."""
        deadline = time.monotonic() + seconds
        with self._told():
            while time.monotonic() < deadline:
                message = self._messages.arrived()
                if message is None:
                    time.sleep(ATTEND_PERIOD_S)
                    continue
                context, command = message
                if command.is_response:
                    raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a response to nothing")
                self._serve_one(context, command)

    def _response(self, field: int, message_id: int, within_s: float | None) -> Response:
        """The next response to our request; requests of the peer that come before it are served."""
        with self._told():
            while True:
                self._connection.expect_within(within_s or self._settings.response_timeout_s)
                context, command = self._messages.command(self._messages.next_fragment())
                if not command.is_response:
                    self._serve_one(context, command)
                    continue
                if command.field != field | RESPONSE or command.responded_to != message_id:
                    raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a response to something else")
                data_set = receive_whole(self, context, self._settings.response_bytes_max)
                return Response(command, context, data_set if command.has_data_set else None)

    def _serve_one(self, context: Context, command: Command) -> None:
        if command.field == C_CANCEL_RQ:
            return
        if self._serve is None:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a request where a response is due")
        self._serve(self, context, command)
        self.receive_data_set(context, Discard(self._settings.instance_bytes_max))

    # As an Exchange ----------------------------------------------------------------------------------------------

    def receive_data_set(self, context: Context, write: Callable[[memoryview], object]) -> None:
        """See `pacs.dimse.service.Exchange`."""
        self._messages.receive_data_set(context, write)

    def respond(
        self,
        context: Context,
        command: Command,
        status: int,
        *,
        identifier: bytes | None = None,
        **more: Unpack[Told],
    ) -> None:
        """See `pacs.dimse.service.Exchange`."""
        data_set = identifier is not None
        answer = response(command, status, sop_class_uid=context.abstract_syntax, data_set=data_set, **more)
        self._messages.send(context, answer, identifier)

    def suboperation(
        self, context: Context, sop_instance_uid: str, pieces: Iterable[Piece], *, during: Command
    ) -> tuple[int, str]:
        """See `pacs.dimse.service.Exchange`."""
        answer = self.store(context, sop_instance_uid, pieces)
        return answer.status, answer.command.comment

    def cancelled(self, command: Command) -> bool:
        """Never: a peer that serves us does not cancel what it asked for itself."""
        return False

    # The end -----------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """End it in order: whoever asks for the release closes the connection (PS3.8 Sta7, Sta9 to Sta12)."""
        if self._over:
            return
        self._over = True
        with contextlib.suppress(ConnectionEnded, ProtocolViolation):
            self._connection.send(RELEASE_REQUEST, LINGER_S)
            self._connection.expect_within(LINGER_S)
            while True:
                kind, _ = self._pdu(self._settings.pdu_bytes_max)
                if kind == A_RELEASE_RQ:  # both at once: the requestor answers, then waits for its own answer
                    self._connection.send(RELEASE_RESPONSE, LINGER_S)
                elif kind in (A_RELEASE_RP, A_ABORT):
                    break
        self._closed(self._connection)

    def abort(self) -> None:
        """End it at once."""
        self._end(abort_by_user())

    def _end(self, last_pdu: bytes) -> None:
        if self._over:
            return
        self._over = True
        with contextlib.suppress(ConnectionEnded):
            if last_pdu:
                self._connection.send(last_pdu, LINGER_S)
        self._closed(self._connection)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """End the association and raise AssociationLost where it has come to an end."""
        if self._over:
            raise AssociationLost(f"the association with {self.called} has ended")
        try:
            yield
        except AssociationOver as over:
            self._end(over.last_pdu)
            raise AssociationLost(f"{self.called} ended the association: {over}") from None
        except ConnectionEnded as ended:
            self._end(b"")
            raise AssociationLost(f"the association with {self.called} was lost: {ended}") from None
        except ProtocolViolation as violation:
            self._end(abort_by_provider(violation.reason))
            raise AssociationLost(f"{self.called} broke the protocol: {violation}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
        else:
            self.abort()
