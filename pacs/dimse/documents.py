"""C-FIND of things that are kept whole as DICOM JSON: worklist entries (PS3.4 Annex K) and workitems (Annex CC)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Final

import structlog

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.archive.archive import Archive
from pacs.dicom.charset import character_set
from pacs.dicom.documents import label
from pacs.dicom.keys import Document, Keys
from pacs.dicom.transliteration import transliterated
from pacs.dimse.command import (
    CANCELLED,
    IDENTIFIER_DOES_NOT_MATCH,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_WITHOUT_OPTIONAL_KEYS,
    SUCCESS,
    UNABLE_TO_PROCESS,
    Command,
)
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.identifier import SPECIFIC_CHARACTER_SET, read_attributes, read_identifier, write_attributes
from pacs.dimse.pdu import ProtocolViolation
from pacs.dimse.service import AssociationOver, Context, DataSetTooLong, Exchange, receive_whole
from pacs.errors import ArrivalRefused, QueryRefused
from pacs.index.abandonment import Abandoned, Abandonment
from pacs.settings import DimseSettings

log = structlog.get_logger()

QUERY_RETRIEVE_LEVEL: Final = "00080052"

Search = Callable[[Document, Keys, Abandonment], Iterator[Document]]
"""Document of keys, and the same keys understood, to everything that meets them. Raises Abandoned."""


class DocumentFind:
    """Answers C-FIND from `search`; `combined` are pairs of date and time whose ranges are one interval."""

    def __init__(
        self,
        archive: Archive,
        settings: DimseSettings,
        name: str,
        search: Search,
        *,
        combined: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._archive = archive
        self._settings = settings
        self._name = name
        self._search = search
        self._combined = combined

    def find(self, exchange: Exchange, context: Context, command: Command) -> None:
        """Answer one request: a response for each match, then the last one without identifier."""
        status, comment = UNABLE_TO_PROCESS, "the node could not answer; ask again"
        try:
            identifier = receive_whole(exchange, context, self._settings.identifier_bytes_max)
            if not may(exchange.principal, Action.WORKLIST):
                status, comment = NOT_AUTHORISED, "you may not query the worklist here"
            else:
                status, comment = self._answer(exchange, context, command, identifier)
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            raise
        except Abandoned:
            status, comment = CANCELLED, ""
        except (QueryRefused, DataSetTooLong) as refused:
            status, comment = IDENTIFIER_DOES_NOT_MATCH, str(refused)
        except ArrivalRefused as refused:
            status, comment = UNABLE_TO_PROCESS, f"the identifier cannot be read: {refused.message}"
        except Exception as error:
            log.error("find_failed", peer=exchange.calling_ae_title, **described(error))
        exchange.respond(context, command, status, comment=comment)

    def _answer(self, exchange: Exchange, context: Context, command: Command, data: bytes) -> tuple[int, str]:
        """Send the matches; status and comment of the last response."""
        device_set = character_set_of(exchange)
        source = character_set(device_set).codec if device_set else None
        document = read_attributes(data, context.transfer_syntax, source)
        document.pop(QUERY_RETRIEVE_LEVEL, None)  # there are no levels here, though some devices name one
        keys = Keys(document, self._combined)
        self._record(exchange, document)
        requested = device_set or _declared(data, context.transfer_syntax)
        pending = PENDING if keys.complete else PENDING_WITHOUT_OPTIONAL_KEYS
        for number, found in enumerate(self._search(document, keys, lambda: exchange.cancelled(command))):
            if exchange.cancelled(command):
                return CANCELLED, ""
            if number >= self._settings.find_results_max:
                return OUT_OF_RESOURCES, f"more than {self._settings.find_results_max} matches; narrow the query"
            answer: dict[str, Any] = keys.answer(found)
            if device_set:
                answer = transliterated(answer, device_set)
            identifier = write_attributes(answer, context.transfer_syntax, requested)
            exchange.respond(context, command, pending, identifier=identifier)
        return SUCCESS, ""

    def _record(self, exchange: Exchange, document: Document) -> None:
        detail = f"C-FIND {self._name}: {' '.join(label(tag) for tag in document)}"
        clock, principal = self._archive.clock, exchange.principal
        self._archive.index.submit(
            lambda connection: audit.record(
                connection, clock(), code=AuditCode.QUERY, action="query", principal=principal, detail=detail
            )
        ).add_done_callback(_told)


def character_set_of(exchange: Exchange) -> str:
    """The one character set that the device is registered to read, "" where it takes what the standard says."""
    registered = exchange.principal.peer
    return registered.options.character_set if registered is not None else ""


def _declared(data: bytes, transfer_syntax_uid: str) -> str:
    key = read_identifier(data, transfer_syntax_uid).get(SPECIFIC_CHARACTER_SET)
    return key.text("") if key is not None else ""


def _told(audited: Future[None]) -> None:
    error = audited.exception()
    if error is not None:
        log.error("query_not_audited", error=str(error))
