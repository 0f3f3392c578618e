"""Retrieve with C-GET (PS3.4 C.4.3): the instances come back on the association that asks for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import structlog

from pacs.access.grants import Action
from pacs.archive.archive import Archive
from pacs.archive.selection import Selected, stored
from pacs.archive.transcode import Transcoder, attainable
from pacs.dimse.command import C_GET_RQ, PENDING, Command
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.models import Model
from pacs.dimse.pdu import ProtocolViolation
from pacs.dimse.retrieve import HONOURS, Refusal, Retrieval
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, AssociationOver, Context, Exchange, Service
from pacs.dimse.suboperations import PENDING_EVERY_S, Tally
from pacs.errors import SuretError
from pacs.settings import DimseSettings

log = structlog.get_logger()

NO_CONTEXT: Final = "no presentation context with SCP role takes this object"


class GetProvider:
    """Answers C-GET for `archive`."""

    def __init__(self, archive: Archive, transcoder: Transcoder, settings: DimseSettings) -> None:
        self._archive = archive
        self._transcoder = transcoder
        self._retrieval = Retrieval(archive, settings)

    def service(self, model: Model) -> Service:
        """The C-GET service of one information model."""

        def get(exchange: Exchange, context: Context, command: Command) -> None:
            self.get(exchange, context, command, model)

        return Service(f"get, {model.name}", MESSAGE_TRANSFER_SYNTAXES, {C_GET_RQ: get}, honours=HONOURS)

    def get(self, exchange: Exchange, context: Context, command: Command, model: Model) -> None:
        """Perform one request: a C-STORE sub-operation for each instance, then the last response (PS3.4 C.4.3.3)."""
        try:
            selection = self._retrieval.selection(exchange, context, command, model, Action.RETRIEVE)
        except Refusal as refusal:
            exchange.respond(context, command, refusal.status, comment=refusal.comment, offending=refusal.offending)
            return
        tally = Tally(len(selection))
        cancelled = False
        try:
            cancelled = self._send(exchange, context, command, selection, tally)
        finally:  # also where the association ended: what was sent by then is in the audit trail
            summary = tally.summary(context.transfer_syntax, cancelled=cancelled)
            self._retrieval.record(exchange, selection, "C-GET", summary)
        exchange.respond(
            context,
            command,
            summary.status,
            identifier=summary.identifier,
            comment=summary.comment,
            numbers=summary.numbers,
        )

    def _send(
        self, exchange: Exchange, context: Context, command: Command, selection: Sequence[Selected], tally: Tally
    ) -> bool:
        """Whether the peer cancelled before the end."""
        told_at = float("-inf")
        for selected in selection:
            if exchange.cancelled(command):
                return True
            if time.monotonic() - told_at >= PENDING_EVERY_S:
                exchange.respond(context, command, PENDING, numbers=tally.pending())
                told_at = time.monotonic()
            tally.note(selected.sop_instance_uid, *self._send_one(exchange, command, selected))
        return False

    def _send_one(self, exchange: Exchange, command: Command, selected: Selected) -> tuple[int | None, str]:
        context = _context_for(exchange.contexts, selected)
        if context is None:
            return None, NO_CONTEXT
        try:
            pieces = self._transcoder.dataset(stored(self._archive, selected), context.transfer_syntax)
        except SuretError as failure:
            return None, failure.message
        except Exception as error:
            log.error("sending_failed", sop_instance_uid=selected.sop_instance_uid, **described(error))
            return None, "the node failed"
        try:
            return exchange.suboperation(context, selected.sop_instance_uid, pieces, during=command)
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            raise
        except Exception as error:
            # a part of the data set is sent: nothing but the end of the association tells that the rest will not come
            log.error("sending_broke_off", sop_instance_uid=selected.sop_instance_uid, **described(error))
            raise ConnectionEnded("an object could not be read to its end") from error


def _context_for(contexts: Sequence[Context], selected: Selected) -> Context | None:
    """The context in which the peer takes the object, the stored syntax first (PS3.4 C.5.3)."""
    by_syntax = {
        context.transfer_syntax: context
        for context in contexts
        if context.abstract_syntax == selected.sop_class_uid and context.peer_roles.scp
    }
    wanted = attainable(selected.transfer_syntax_uid)
    return next((by_syntax[uid] for uid in wanted if uid in by_syntax), None)
