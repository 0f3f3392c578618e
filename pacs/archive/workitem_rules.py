"""What the attributes of a workitem have to be: when it is made, while it is changed, before it ends (PS3.4 CC.2.5).

The types are those of Table CC.2.5-3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

from pacs.archive.subscriptions import PROGRESS, REASON_CODES, STATE
from pacs.dicom.keys import Document, first
from pacs.errors import OperationRefused

PUSH_CLASS: Final = "1.2.840.10008.5.1.4.34.6.1"

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"

TRANSACTION_UID: Final = "00081195"
MODIFIED: Final = "00404010"
WORKLIST_LABEL: Final = "00741202"
DEFAULT_LABEL: Final = "DEFAULT"

_CLASS, _INSTANCE = "00080016", "00080018"
_PRIORITY, _READINESS = "00741200", "00404041"
_TYPE_1: Final = (_PRIORITY, "00741204", "00404005", _READINESS)
_ENUMERATED: Final = {_PRIORITY: ("HIGH", "MEDIUM", "LOW"), _READINESS: ("INCOMPLETE", "UNAVAILABLE", "READY")}
_TYPE_2: Final = {
    "00081080": "LO", "00081084": "SQ", "00100010": "PN", "00100020": "LO", "00100030": "DA", "00100040": "CS",
    "00380010": "LO", "00380014": "SQ", "00400400": "LT", "00404018": "SQ", "00404021": "SQ", "00404025": "SQ",
    "00404026": "SQ", "00404027": "SQ", "0040A370": "SQ", "00741002": "SQ", "00741210": "SQ", "00741216": "SQ",
}  # fmt: skip
_NOT_SET: Final = frozenset(
    {_CLASS, _INSTANCE, STATE, MODIFIED, "00081080", "00081084", "00100010", "00100020", "00100021", "00100030"}
    | {"00100040", "00101002", "00380010", "00380014", "0040A370", "00741224"}
)
# what an ended workitem says of how it ended: sequence, then what its item has to have (final state P and X); True
# where it has to have a value, as a step may have made nothing
_FINAL: Final[Mapping[str, tuple[str, Mapping[str, bool]]]] = {
    COMPLETED: (
        "00741216",
        {"00404019": True, "00404028": True, "00404033": False, "00404050": True, "00404051": True},
    ),
    CANCELED: (PROGRESS, {"00404052": True, REASON_CODES: True}),
}


class Status(IntEnum):
    """Why an operation on a workitem is refused (Tables CC.2.1-2 to CC.2.7-1, PS3.7 Annex C)."""

    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_VALUE = 0x0106
    DUPLICATE_INSTANCE = 0x0111
    INVALID_ARGUMENT = 0x0115
    INVALID_INSTANCE = 0x0117
    MISSING_ATTRIBUTE = 0x0120
    MISSING_VALUE = 0x0121
    NO_SUCH_ACTION = 0x0123
    NO_LONGER_UPDATED = 0xC300
    WRONG_TRANSACTION_UID = 0xC301
    ALREADY_IN_PROGRESS = 0xC302
    ONLY_CREATED_SCHEDULED = 0xC303
    FINAL_STATE_NOT_MET = 0xC304
    UNKNOWN_INSTANCE = 0xC307
    UNKNOWN_RECEIVER = 0xC308
    NOT_CREATED_SCHEDULED = 0xC309
    NOT_IN_PROGRESS = 0xC310
    ALREADY_COMPLETED = 0xC311
    NOBODY_TO_TELL = 0xC312
    NOT_APPROPRIATE = 0xC314


def refused(status: Status, message: str, tags: Iterable[str] = ()) -> OperationRefused:
    """A refusal with its status and the attributes it is about."""
    return OperationRefused(message, status=status.value, tags=tuple(dict.fromkeys(int(tag, 16) for tag in tags)))


def made(uid: str, attributes: Document, now: str) -> dict[str, Any]:
    """The document of a new workitem: what was given, and empty what has to be there. Raises OperationRefused."""
    if first(attributes, TRANSACTION_UID):
        raise refused(Status.INVALID_VALUE, "a new workitem has no Transaction UID", [TRANSACTION_UID])
    missing = [tag for tag in (*_TYPE_1, STATE) if tag not in attributes]
    if missing:
        raise refused(Status.MISSING_ATTRIBUTE, "attributes of type 1 are missing", missing)
    empty = [tag for tag in (*_TYPE_1, STATE) if not first(attributes, tag)]
    if empty:
        raise refused(Status.MISSING_VALUE, "attributes of type 1 have no value", empty)
    if first(attributes, STATE) != SCHEDULED:
        raise refused(Status.NOT_CREATED_SCHEDULED, "a workitem is created SCHEDULED", [STATE])
    _check_enumerated(attributes)
    document = {tag: {"vr": vr} for tag, vr in _TYPE_2.items()} | dict(attributes) | supplied(attributes)
    document.pop(TRANSACTION_UID, None)
    document[_CLASS] = {"vr": "UI", "Value": [PUSH_CLASS]}
    document[_INSTANCE] = {"vr": "UI", "Value": [uid]}
    document[MODIFIED] = {"vr": "DT", "Value": [now]}
    return document


def supplied(attributes: Document) -> dict[str, Any]:
    """The values that the node gives a new workitem because its maker gave none: it is created with modifications."""
    return {} if first(attributes, WORKLIST_LABEL) else {WORKLIST_LABEL: {"vr": "LO", "Value": [DEFAULT_LABEL]}}


def check_changes(known: Document, changes: Document) -> None:
    """Raise OperationRefused where N-SET may not touch an attribute, or not so; the same value again is no change."""
    fixed = [tag for tag in changes if tag in _NOT_SET and changes[tag] != known.get(tag, {"vr": changes[tag]["vr"]})]
    if fixed:
        raise refused(Status.NO_SUCH_ATTRIBUTE, "these attributes are not changed by N-SET", fixed)
    empty = [tag for tag in (*_TYPE_1, WORKLIST_LABEL) if tag in changes and not first(changes, tag)]
    if empty:
        raise refused(Status.MISSING_VALUE, "attributes of type 1 have no value", empty)
    _check_enumerated(changes)


def final_state_lacks(document: Document, state: str) -> list[str]:
    """What is still to be set before the workitem may be COMPLETED or CANCELED (CC.2.5.1.1)."""
    sequence, needed = _FINAL[state]
    items = (document.get(sequence) or {}).get("Value") or []
    if not items:
        return [sequence]
    return [
        tag
        for tag, with_value in needed.items()
        if any(tag not in item or (with_value and not item[tag].get("Value")) for item in items)
    ]


def _check_enumerated(attributes: Document) -> None:
    wrong = [tag for tag, values in _ENUMERATED.items() if tag in attributes and first(attributes, tag) not in values]
    if wrong:
        raise refused(Status.INVALID_VALUE, "not one of the enumerated values", wrong)
