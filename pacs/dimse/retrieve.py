"""What C-MOVE and C-GET have in common: the identifier understood, the instances selected, the end told and recorded
(PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.archive.archive import Archive
from pacs.archive.matching import criterion
from pacs.archive.selection import Selected, select_instances
from pacs.attributes import UNIQUE_KEY, Level
from pacs.dimse.command import (
    CANNOT_COUNT,
    IDENTIFIER_DOES_NOT_MATCH,
    NOT_AUTHORISED,
    UNABLE_TO_PROCESS,
    Command,
)
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.identifier import SPECIFIC_CHARACTER_SET, Key, read_identifier
from pacs.dimse.models import IdentifierRefused, Model, check_hierarchy, level_of
from pacs.dimse.pdu import ProtocolViolation
from pacs.dimse.service import AssociationOver, Context, DataSetTooLong, Exchange, receive_whole
from pacs.dimse.suboperations import SUBOPERATIONS_MAX, Summary
from pacs.errors import ArrivalRefused, QueryRefused
from pacs.index.criteria import Criterion, Equals
from pacs.settings import DimseSettings

log = structlog.get_logger()

RELATIONAL: Final = 1
"""Byte 1 of the extended negotiation of C-MOVE and C-GET (PS3.4 C.5.2.1, C.5.3.1)."""

HONOURS: Final = b"\1\0"


class Refusal(Exception):
    """A request that is not performed: what its one response says."""

    def __init__(self, status: int, comment: str, offending: tuple[int, ...] = ()) -> None:
        super().__init__(comment)
        self.status = status
        self.comment = comment
        self.offending = offending


class Retrieval:
    """Understands the requests and records them, for both operations."""

    def __init__(self, archive: Archive, settings: DimseSettings) -> None:
        self._archive = archive
        self._identifier_bytes_max = settings.identifier_bytes_max

    def selection(
        self, exchange: Exchange, context: Context, command: Command, model: Model, action: Action
    ) -> list[Selected]:
        """The instances that the request is about, in the order in which they are to be sent. Raises Refusal."""
        try:
            identifier = receive_whole(exchange, context, self._identifier_bytes_max)
            if not may(exchange.principal, action):
                raise Refusal(NOT_AUTHORISED, "you may not retrieve like this here")
            criteria = understand(
                read_identifier(identifier, context.transfer_syntax), model, relational=context.agreed(RELATIONAL)
            )
            found = select_instances(
                self._archive,
                criteria,
                most=SUBOPERATIONS_MAX,
                study_instance_uids=exchange.principal.study_instance_uids,
            )
        except (ConnectionEnded, ProtocolViolation, AssociationOver, Refusal):
            raise
        except IdentifierRefused as refused:
            raise Refusal(IDENTIFIER_DOES_NOT_MATCH, str(refused), (refused.tag,)) from None
        except (QueryRefused, DataSetTooLong) as refused:
            raise Refusal(IDENTIFIER_DOES_NOT_MATCH, str(refused)) from None
        except ArrivalRefused as refused:
            raise Refusal(UNABLE_TO_PROCESS, f"the identifier cannot be read: {refused.message}") from None
        except Exception as error:
            log.error("retrieve_failed", peer=exchange.calling_ae_title, **described(error))
            raise Refusal(UNABLE_TO_PROCESS, "the node could not look it up; ask again") from None
        if len(found) > SUBOPERATIONS_MAX:
            raise Refusal(CANNOT_COUNT, f"over {SUBOPERATIONS_MAX} instances; retrieve series by series")
        return found

    def record(self, exchange: Exchange, selection: Sequence[Selected], action: str, summary: Summary) -> None:
        """Keep in the audit trail that a peer had these objects sent, one record for each study."""
        counted = Counter(selected.study_instance_uid for selected in selection)
        clock, principal = self._archive.clock, exchange.principal
        outcome = "success" if summary.identifier is None else "failure"
        for study_instance_uid, instances in counted.items():
            detail = f"{action}: {instances} instances, status {summary.status:04X}"
            self._archive.index.submit(
                lambda connection, uid=study_instance_uid, told=detail: audit.record(  # type: ignore[misc]
                    connection,
                    clock(),
                    code=AuditCode.INSTANCES_TRANSFERRED,
                    action="retrieve",
                    principal=principal,
                    outcome=outcome,
                    study_instance_uid=uid,
                    detail=told,
                )
            )


def understand(keys: Mapping[int, Key], model: Model, *, relational: bool) -> list[Criterion]:
    """What the unique keys of an identifier select; other keys have no place in it and are read over (PS3.4 C.4.2.1.4).

    Raises IdentifierRefused, QueryRefused.
    """
    character_set = keys[SPECIFIC_CHARACTER_SET].text("") if SPECIFIC_CHARACTER_SET in keys else ""
    level = level_of(keys, model)
    if not relational:
        check_hierarchy(keys, model, level, character_set)
    criteria: list[Criterion] = []
    for named in model.levels:
        unique = UNIQUE_KEY[named]
        text = keys[unique.tag].text(character_set) if named <= level and unique.tag in keys else ""
        if not text:
            if named == level:
                raise IdentifierRefused(unique.tag, f"{unique.keyword} must say what to retrieve")
        elif named is Level.PATIENT:
            if any(mark in text for mark in "\\*?"):
                raise IdentifierRefused(unique.tag, "Patient ID must be one value without wildcards")
            criteria.append(Criterion(unique, Equals(text)))
        else:
            found = criterion(unique, text)
            criteria += [found] if found else []
    return criteria
