"""Storage (PS3.4 Annex B): C-STORE straight into a reception of the archive, byte for byte as it is sent."""

from __future__ import annotations

from typing import Final

import structlog
from pydicom._uid_dict import UID_dictionary

from pacs.archive.archive import Archive
from pacs.dicom.uids import STORAGE_SOP_CLASSES, valid_uid
from pacs.dimse.command import (
    C_STORE_RQ,
    CANNOT_UNDERSTAND,
    PROCESSING_FAILURE,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    Command,
)
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.pdu import ProtocolViolation, Roles
from pacs.dimse.service import STORED_TRANSFER_SYNTAXES, AssociationOver, Context, Discard, Exchange, Service
from pacs.errors import ArrivalRefused
from pacs.model import Announced
from pacs.troubles import TROUBLES

log = structlog.get_logger()

_STANDARD_ROOT: Final = "1.2.840.10008."
_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."  # where the standard puts new storage classes


def is_storage_class(uid: str, *, accept_unknown: bool) -> bool:
    """Whether C-STORE takes objects of the class `uid`; with `accept_unknown` private ones and ones newer than our
    table too, but no class of the standard that is something else than storage."""
    if uid in STORAGE_SOP_CLASSES:
        return True
    if not accept_unknown or not valid_uid(uid) or uid in UID_dictionary:
        return False
    return uid.startswith(_STORAGE_ROOT) or not uid.startswith(_STANDARD_ROOT)


class StorageProvider:
    """Takes instances in for `archive`; after a refusal it reads at most `discard_bytes_max` more of the data set."""

    def __init__(self, archive: Archive, discard_bytes_max: int) -> None:
        self._archive = archive
        self._discard_bytes_max = discard_bytes_max

    def service(self) -> Service:
        """The Storage service of every storage class. A peer may be its SCP too, to receive what it gets (C-GET)."""
        roles = Roles(scu=True, scp=True)
        return Service("storage", STORED_TRANSFER_SYNTAXES, {C_STORE_RQ: self.store}, roles)

    def store(self, exchange: Exchange, context: Context, command: Command) -> None:
        """Take one instance in and answer when it is durable (PS3.7 9.1.1, PS3.4 B.2.3)."""
        refusal = self._receive(exchange, context, command)
        if refusal is None:
            exchange.respond(context, command, SUCCESS)
            return
        status, comment = refusal
        # the peer goes on sending whatever the answer; reading on keeps the association for its next instance
        exchange.receive_data_set(context, Discard(self._discard_bytes_max))
        exchange.respond(context, command, status, comment=comment)

    def _receive(self, exchange: Exchange, context: Context, command: Command) -> tuple[int, str] | None:
        if not command.has_data_set or not command.sop_instance_uid:
            return CANNOT_UNDERSTAND, "C-STORE needs an instance UID and a data set"
        named = command.sop_class_uid
        if named != context.abstract_syntax and named and not is_storage_class(named, accept_unknown=False):
            return SOP_CLASS_NOT_SUPPORTED, "neither the class of the presentation context nor one of storage"
        announced = Announced(
            sop_class_uid=command.sop_class_uid,
            sop_instance_uid=command.sop_instance_uid,
            transfer_syntax_uid=context.transfer_syntax,
        )
        try:
            with self._archive.receive(
                announced, exchange.principal, protocol="dimse", calling_ae_title=exchange.calling_ae_title
            ) as reception:
                exchange.receive_data_set(context, reception.write)
                reception.commit()
        except ArrivalRefused as refused:
            log.warning(
                "instance_refused",
                peer=exchange.calling_ae_title,
                sop_instance_uid=command.sop_instance_uid,
                status=f"{refused.status:04X}",
                why=refused.message,
            )
            trouble = TROUBLES.get(refused.code)
            return refused.status, refused.message if trouble is None else trouble.words
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            raise
        except Exception as error:
            log.error("store_failed", sop_instance_uid=command.sop_instance_uid, **described(error))
            return PROCESSING_FAILURE, "the node failed; nothing was stored, send again"
        return None
