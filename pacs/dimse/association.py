"""One inbound association from its request to its end: PDUs in, messages to the service classes, responses out.

The states of PS3.8 9.2 are places in this code: `_receive_request` is Sta2, `_serve` Sta6, `Connection.linger` Sta13.
The node never requests a release of its own, so those of a release collision (Sta9 to Sta12) cannot be reached.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Protocol, Unpack

import structlog

from pacs.access.activity import Activity, Ending, Reason
from pacs.access.principals import Principal
from pacs.dimse.command import (
    C_CANCEL_RQ,
    C_STORE_RQ,
    CANCELLED,
    COMMAND_NAMES,
    MESSAGE_ID_MAX,
    PENDING_STATUSES,
    RESPONSE,
    SOME_SUBOPERATIONS_FAILED,
    SUCCESS,
    UNRECOGNISED_OPERATION,
    Command,
    Told,
    is_warning,
    request,
    response,
)
from pacs.dimse.connection import Connection, ConnectionEnded, NotSecured
from pacs.dimse.faults import described
from pacs.dimse.messages import Messages, invalid, unexpected
from pacs.dimse.negotiation import negotiate
from pacs.dimse.pdu import (
    A_ASSOCIATE_RQ,
    APPLICATION_CONTEXT,
    HEADER,
    PEER_BYTES_MIN,
    UNLIMITED_PEER_BYTES,
    AbortReason,
    AssociateRequest,
    ProtocolViolation,
    Rejection,
    abort_by_provider,
    abort_by_user,
    associate_accept,
    associate_reject,
    parse_associate_request,
)
from pacs.dimse.service import AssociationOver, Context, Discard, Piece, Registry
from pacs.model import Clock
from pacs.settings import DimseSettings

log = structlog.get_logger()

LINGER_S: Final = 3.0  # how long a peer may take to close after our last PDU


class Refused(AssociationOver):
    """The association is not taken on."""

    def __init__(self, rejection: Rejection, reason: Reason, **details: object) -> None:
        super().__init__(Ending.because(reason, **details), associate_reject(rejection))


class Host(Protocol):
    """What an association asks of the listener around it."""

    def admit(self, association: Association, request: AssociateRequest) -> Principal:
        """Who the peer is, once it may have an association. Raises Refused."""
        ...

    def registry(self, principal: Principal) -> Registry:
        """The services offered to `principal`."""
        ...

    def count(self, name: str) -> None:
        """Count one more `name`."""
        ...

    @property
    def clock(self) -> Clock:
        """The node's clock."""
        ...

    def note(self, activity: Activity) -> None:
        """Keep what a caller did."""
        ...


class Association:
    """Runs in a thread of its own by `run`, which returns when everything it held is given back."""

    def __init__(self, connection: Connection, settings: DimseSettings, host: Host) -> None:
        self.connection = connection
        self.established = False
        self.idle_since: float | None = None  # monotonic; None while an operation runs
        self.principal: Principal
        self.calling_ae_title = ""
        self.contexts: tuple[Context, ...] = ()
        self.counts: Counter[str] = Counter()  # answers by operation and outcome
        self.last_refusal = ""
        self.over_after_message = (
            ""  # why the association ends when the message at hand is answered; "" where it goes on
        )
        self._idle_timeout_s = settings.idle_timeout_s
        self._settings = settings
        self._host = host
        self._messages: Messages
        self._message_ids = itertools.cycle(range(1, MESSAGE_ID_MAX + 1))
        self._cancelled: set[int] = set()

    def run(self) -> None:
        """Serve the peer until the association ends; never raises."""
        started = time.monotonic()
        last_pdu = b""
        try:
            self._establish()
            self._serve()
        except Refused as refused:
            ending, last_pdu = refused.ending, refused.last_pdu
            self._host.count("associations_refused")
            log.warning(
                "association_refused", peer=self.calling_ae_title, address=self.connection.address, why=str(ending)
            )
        except AssociationOver as over:
            ending, last_pdu = over.ending, over.last_pdu
        except NotSecured as failed:
            ending = Ending.because(Reason.NO_TLS, cause=failed)
        except ConnectionEnded as ended:
            ending = Ending.because(Reason.STOPPED if self.connection.expired else Reason.LOST, cause=ended)
        except ProtocolViolation as violation:
            ending = Ending.because(Reason.VIOLATION, cause=violation)
            last_pdu = abort_by_provider(violation.reason) if self.established else abort_by_user()
            self._host.count("protocol_violations")
        except Exception as error:
            # a mistake of ours ends this association and no other; the peer hears that nothing more comes
            log.error("association_failed", address=self.connection.address, **described(error))
            ending, last_pdu = Ending.because(Reason.FAILED), abort_by_user()
        try:
            self._farewell(last_pdu)
        finally:
            self.connection.close()
        seconds = round(time.monotonic() - started, 3)
        self._tell(ending, seconds)
        # a connection without an association is a port scan or a health check more often than not
        log.log(
            logging.INFO if self.established else logging.DEBUG,
            "association_ended",
            peer=self.calling_ae_title,
            address=self.connection.address,
            how=str(ending),
            seconds=seconds,
            bytes_received=self.connection.received,
        )

    def _tell(self, ending: Ending, seconds: float) -> None:
        """Keep for the administrator what a caller did; one that said nothing is a port scan, and nobody's device."""
        if self.calling_ae_title or ending.reason is Reason.NO_TLS:
            self._host.note(
                Activity(
                    at=self._host.clock(),
                    ae_title=self.calling_ae_title,
                    address=self.connection.address,
                    accepted=self.established,
                    ending=ending,
                    seconds=seconds,
                    counts=dict(self.counts),
                    last_refusal=self.last_refusal,
                )
            )

    def abort(self, why: str) -> None:
        """End the association from another thread: A-ABORT if the peer takes it at once, then the connection."""
        self.connection.send_last(abort_by_user())
        self.connection.expire(why)

    def _farewell(self, last_pdu: bytes) -> None:
        if last_pdu:
            try:
                self.connection.send(last_pdu, LINGER_S)
            except ConnectionEnded:
                return
            self.connection.linger(LINGER_S)

    # Sta2: the request -------------------------------------------------------------------------------------------

    def _establish(self) -> None:
        self.connection.secure()
        request = self._receive_request()
        self.calling_ae_title = request.calling_ae_title
        if not request.protocol_version & 1:
            raise Refused(
                Rejection.PROTOCOL_VERSION,
                Reason.UNSUPPORTED,
                cause="the caller speaks another version of the upper layer",
            )
        if request.application_context != APPLICATION_CONTEXT:
            raise Refused(
                Rejection.APPLICATION_CONTEXT,
                Reason.UNSUPPORTED,
                cause="the caller does not name the DICOM application context",
            )
        if 0 < request.maximum_length < PEER_BYTES_MIN:
            raise Refused(
                Rejection.NO_REASON,
                Reason.UNSUPPORTED,
                cause=f"the caller takes PDUs of {request.maximum_length} bytes only",
            )
        self.connection.expect_nothing()
        self.principal = self._host.admit(self, request)
        if self.principal.peer is not None:
            self._idle_timeout_s = self.principal.peer.options.idle_timeout_s or self._idle_timeout_s
        peer_bytes = min(request.maximum_length or UNLIMITED_PEER_BYTES, UNLIMITED_PEER_BYTES)
        negotiated = negotiate(request, self._host.registry(self.principal))
        self.contexts = tuple(negotiated.contexts.values())
        self._messages = Messages(self.connection, self._settings, negotiated.contexts, peer_bytes)
        self.established = True
        log.info(
            "association_accepted",
            peer=self.calling_ae_title,
            address=self.connection.address,
            implementation=request.implementation_version_name or request.implementation_class_uid,
            contexts_accepted=len(negotiated.contexts),
            contexts_proposed=len(request.contexts),
        )
        accept = associate_accept(
            request, negotiated.answers, self._settings.pdu_bytes_max, negotiated.roles, negotiated.extended
        )
        self.connection.send(accept, self._idle_timeout_s)

    def _receive_request(self) -> AssociateRequest:
        kind, length = HEADER.unpack(self.connection.take(HEADER.size))
        if kind != A_ASSOCIATE_RQ:
            raise unexpected(kind)
        if length > self._settings.request_bytes_max:
            raise invalid(f"an association request of {length} bytes")
        body = bytearray()
        while len(body) < length:
            body += self.connection.chunk(length - len(body))
        return parse_associate_request(body)

    # Sta6: messages ----------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self.over_after_message:
            self.idle_since = time.monotonic()
            self.connection.expect_within(self._idle_timeout_s)
            first = self._messages.next_fragment()
            self.idle_since = None
            context, command = self._messages.command(first)
            handler = context.service.handlers.get(command.field)
            self._cancelled.clear()
            if handler is not None:
                handler(self, context, command)
            elif command.field != C_CANCEL_RQ:  # a late C-CANCEL is ignored (PS3.7 9.3.2.3)
                self._refuse_operation(context, command)
        raise AssociationOver(Ending.because(Reason.STOPPED, cause=self.over_after_message), abort_by_user())

    def _refuse_operation(self, context: Context, command: Command) -> None:
        if command.is_response:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a response to nothing")
        self.receive_data_set(context, Discard(self._settings.instance_bytes_max))
        self.respond(context, command, UNRECOGNISED_OPERATION, comment="not an operation of this SOP class")

    def receive_data_set(self, context: Context, write: Callable[[memoryview], object]) -> None:
        """Hand every piece of the data set to `write`; see `pacs.dimse.messages.Messages`."""
        self._messages.receive_data_set(context, write)

    # Responses ---------------------------------------------------------------------------------------------------

    def respond(
        self,
        context: Context,
        command: Command,
        status: int,
        *,
        identifier: bytes | None = None,
        **more: Unpack[Told],
    ) -> None:
        """Answer `command` in one send; see `pacs.dimse.service.Exchange`."""
        data_set = identifier is not None
        answer = response(command, status, sop_class_uid=context.abstract_syntax, data_set=data_set, **more)
        if status not in PENDING_STATUSES:
            done = status == SUCCESS or (is_warning(status) and status != SOME_SUBOPERATIONS_FAILED)
            answered = f"{COMMAND_NAMES.get(command.field, 'other')}_{'succeeded' if done else 'refused'}"
            self._host.count(answered)
            self.counts[answered] += 1
            if not done and status != CANCELLED:
                self.last_refusal = f"{status:04X} {more.get('comment', '')}".rstrip()
        self._messages.send(context, answer, identifier)

    def suboperation(
        self, context: Context, sop_instance_uid: str, pieces: Iterable[Piece], *, during: Command
    ) -> tuple[int, str]:
        """Send an instance to the peer in the middle of its C-GET; see `pacs.dimse.service.Exchange`."""
        message_id = next(number for number in self._message_ids if number != during.message_id)
        command = request(C_STORE_RQ, message_id, context.abstract_syntax, sop_instance_uid, data_set=True)
        self._messages.send_streamed(context, command, pieces)
        while True:
            self.connection.expect_within(self._settings.response_timeout_s)
            answered, answer = self._messages.command(self._messages.next_fragment())
            if answer.field == C_STORE_RQ | RESPONSE and answer.responded_to == message_id:
                self._messages.receive_data_set(answered, Discard(self._settings.command_bytes_max))
                return answer.status, answer.comment
            self._take_cancel(answer)

    def cancelled(self, command: Command) -> bool:
        """Whether C-CANCEL for `command` has arrived."""
        while (message := self._messages.arrived()) is not None:
            self._take_cancel(message[1])
        return command.message_id in self._cancelled

    def _take_cancel(self, command: Command) -> None:
        """Another message in the middle of an operation is refused, as the node performs one at a time (PS3.7
        D.3.3.3)."""
        if command.field != C_CANCEL_RQ:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "a second request while one is being performed")
        self._cancelled.add(command.responded_to)
