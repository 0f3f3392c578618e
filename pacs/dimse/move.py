"""Retrieve with C-MOVE (PS3.4 C.4.2): the instances go to a registered peer, on associations of the node's own.

A thread sends while that of the association tells how far it is and listens for C-CANCEL, so that neither a slow
destination nor a large object leaves the requestor without a word.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog

from pacs.access.grants import Action
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.selection import Selected
from pacs.dimse.command import C_MOVE_RQ, MOVE_DESTINATION_UNKNOWN, PENDING, Command
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.models import Model
from pacs.dimse.pdu import ProtocolViolation
from pacs.dimse.retrieve import HONOURS, Refusal, Retrieval
from pacs.dimse.sending import Outcome, Sender
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, AssociationOver, Context, Exchange, Service
from pacs.dimse.suboperations import PENDING_EVERY_S, Tally
from pacs.settings import DimseSettings

log = structlog.get_logger()

CANCEL_LOOKED_FOR_EVERY_S = 0.1


class MoveProvider:
    """Answers C-MOVE for `archive`; `peers` says where a destination is."""

    def __init__(self, archive: Archive, peers: Peers, sender: Sender, settings: DimseSettings) -> None:
        self._peers = peers
        self._sender = sender
        self._retrieval = Retrieval(archive, settings)

    def service(self, model: Model) -> Service:
        """The C-MOVE service of one information model."""

        def move(exchange: Exchange, context: Context, command: Command) -> None:
            self.move(exchange, context, command, model)

        return Service(f"move, {model.name}", MESSAGE_TRANSFER_SYNTAXES, {C_MOVE_RQ: move}, honours=HONOURS)

    def move(self, exchange: Exchange, context: Context, command: Command, model: Model) -> None:
        """Perform one request: sub-operations to the destination, then the last response (PS3.4 C.4.2.3)."""
        try:
            selection = self._retrieval.selection(exchange, context, command, model, Action.MOVE)
            destination = self._destination(command.move_destination, exchange.principal)
        except Refusal as refusal:
            exchange.respond(context, command, refusal.status, comment=refusal.comment, offending=refusal.offending)
            return
        tally = Tally(len(selection))
        cancelled = self._perform(exchange, context, command, selection, destination, tally)
        summary = tally.summary(context.transfer_syntax, cancelled=cancelled)
        exchange.respond(
            context,
            command,
            summary.status,
            identifier=summary.identifier,
            comment=summary.comment,
            numbers=summary.numbers,
        )

    def _destination(self, ae_title: str, principal: Principal) -> Peer:
        """Only what the administrator registered is a destination, at the address that is registered, and only for whom
        it was allowed. Raises Refusal."""
        peer = self._peers.registered(ae_title)
        if peer is None:
            raise Refusal(MOVE_DESTINATION_UNKNOWN, f"{ae_title or '(none)'} is no registered destination")
        allowed = principal.peer.options.move_destinations if principal.peer is not None else ()
        if allowed and ae_title not in allowed:
            raise Refusal(MOVE_DESTINATION_UNKNOWN, f"you may not have objects sent to {ae_title}")
        return peer

    def _perform(
        self,
        exchange: Exchange,
        context: Context,
        command: Command,
        selection: Sequence[Selected],
        destination: Peer,
        tally: Tally,
    ) -> bool:
        """Send and tell; whether the requestor cancelled before the end. Where its association ends meanwhile, what it
        asked for is sent all the same (PS3.4 C.4.2.3.1 leaves that open), and then the end is raised."""
        ended, cancel = threading.Event(), threading.Event()

        def note(selected: Selected, outcome: Outcome) -> None:
            tally.note(selected.sop_instance_uid, outcome.status, outcome.comment)

        def run() -> None:
            try:
                self._sender.send(
                    selection,
                    destination,
                    note,
                    originator=(exchange.calling_ae_title, command.message_id),
                    priority=command.priority,
                    going_on=lambda: not cancel.is_set(),
                )
            finally:
                ended.set()

        sending = threading.Thread(target=run, name=f"move-{destination.ae_title}", daemon=True)
        sending.start()
        try:
            self._tell(exchange, context, command, tally, ended, cancel)
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            log.warning("move_goes_on_alone", peer=exchange.calling_ae_title, destination=destination.ae_title)
            raise
        finally:
            sending.join()
            left = cancel.is_set() and tally.remaining > 0
            summary = tally.summary(context.transfer_syntax, cancelled=left)
            self._retrieval.record(exchange, selection, f"C-MOVE to {destination.ae_title}", summary)
        return left

    def _tell(
        self,
        exchange: Exchange,
        context: Context,
        command: Command,
        tally: Tally,
        ended: threading.Event,
        cancel: threading.Event,
    ) -> None:
        told_at = float("-inf")
        while not ended.is_set():
            if exchange.cancelled(command):
                cancel.set()
            if time.monotonic() - told_at >= PENDING_EVERY_S:
                exchange.respond(context, command, PENDING, numbers=tally.pending())
                told_at = time.monotonic()
            ended.wait(CANCEL_LOOKED_FOR_EVERY_S)
