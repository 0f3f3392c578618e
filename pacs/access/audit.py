"""The audit trail: one row in the transaction of the action it records (PS3.15 A.5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert

from pacs.access.principals import Principal
from pacs.index.schema import audit
from pacs.index.writer import Statement
from pacs.model import to_microseconds


class AuditCode(StrEnum):
    """Event identifiers of PS3.15 A.5, coding scheme DCM."""

    APPLICATION_ACTIVITY = "110100"
    AUDIT_LOG_USED = "110101"
    INSTANCES_ACCESSED = "110103"
    INSTANCES_TRANSFERRED = "110104"
    STUDY_DELETED = "110105"
    EXPORT = "110106"
    IMPORT = "110107"
    PATIENT_RECORD = "110110"
    PROCEDURE_RECORD = "110111"
    QUERY = "110112"
    SECURITY_ALERT = "110113"
    USER_AUTHENTICATION = "110114"


_COLUMNS = (
    "at",
    "code",
    "action",
    "outcome",
    "principal_kind",
    "principal_name",
    "address",
    "study_instance_uid",
    "detail",
)
_INSERT = Statement(insert(audit).values({name: bindparam(name) for name in _COLUMNS}))


def record(
    connection: Connection,
    at: datetime,
    *,
    code: AuditCode,
    action: str,
    principal: Principal,
    outcome: str = "success",
    study_instance_uid: str = "",
    detail: str = "",
) -> None:
    """Add one record inside the caller's transaction. `detail` holds UIDs, titles and codes, never a patient's name."""
    _INSERT.run(
        connection,
        {
            "at": to_microseconds(at),
            "code": code.value,
            "action": action,
            "outcome": outcome,
            "principal_kind": principal.kind.value,
            "principal_name": principal.name,
            "address": principal.address,
            "study_instance_uid": study_instance_uid,
            "detail": detail,
        },
    ).close()
