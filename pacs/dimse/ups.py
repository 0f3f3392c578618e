"""Unified Procedure Step (PS3.4 Annex CC): Push, Pull, Watch and Query over the node's workitems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.subscriptions import FILTERED, STATE
from pacs.archive.workitem_rules import PUSH_CLASS, TRANSACTION_UID, Status, refused, supplied
from pacs.archive.workitems import Outcome, Workitems
from pacs.dicom.documents import label
from pacs.dicom.keys import Document, first
from pacs.dimse.attributes import Answer, handler, selected
from pacs.dimse.command import (
    ACTION_TYPE_ID,
    C_FIND_RQ,
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_GET_RQ,
    N_SET_RQ,
    Command,
)
from pacs.dimse.documents import DocumentFind
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, Exchange, Handler, Service
from pacs.settings import DimseSettings

PUSH: Final = PUSH_CLASS
WATCH: Final = "1.2.840.10008.5.1.4.34.6.2"
PULL: Final = "1.2.840.10008.5.1.4.34.6.3"
EVENT: Final = "1.2.840.10008.5.1.4.34.6.4"
QUERY: Final = "1.2.840.10008.5.1.4.34.6.5"
CLASSES: Final = (PUSH, WATCH, PULL, EVENT, QUERY)
"""Every request names the Push class, whatever context it comes on (CC.3.1); devices that name the context's are
understood."""

CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = range(1, 6)

_RECEIVER: Final = "00741234"
_LOCK: Final = "00741230"

Action = Callable[[Workitems, str, Document, Principal], Outcome]
IsRegistered = Callable[[str], bool]
"""Whether an AE title has an address here, to which events can be reported."""


def services(archive: Archive, settings: DimseSettings, is_registered: IsRegistered) -> dict[str, Service]:
    """The services of the four classes, by abstract syntax."""
    workitems = Workitems(archive)
    most = settings.identifier_bytes_max
    actions = _actions(is_registered)

    def create(exchange: Exchange, command: Command, attributes: dict[str, Any]) -> Answer:
        uid = workitems.create(command.sop_instance_uid, attributes, by=exchange.principal)
        added = " ".join(map(label, supplied(attributes)))
        if not added:
            return Answer(sop_instance_uid=uid)
        comment = f"a value was supplied for {added}"
        return Answer(Outcome.CREATED_WITH_MODIFICATIONS, sop_instance_uid=uid, comment=comment)

    def change(exchange: Exchange, command: Command, attributes: dict[str, Any]) -> Answer:
        return Answer(workitems.update(command.sop_instance_uid, attributes, by=exchange.principal))

    def get(exchange: Exchange, command: Command, _: dict[str, Any]) -> Answer:
        asked = tuple(tag for tag in command.attribute_tags if tag != int(TRANSACTION_UID, 16))
        document = workitems.get(command.sop_instance_uid)
        return selected(document, asked) if asked or not command.attribute_tags else Answer(attributes={})

    def acting(*kinds: int) -> Handler:
        def act(exchange: Exchange, command: Command, attributes: dict[str, Any]) -> Answer:
            if command.action_type_id not in kinds:
                raise refused(Status.NO_SUCH_ACTION, f"no action {command.action_type_id} of this class")
            action = actions[command.action_type_id]
            outcome = action(workitems, command.sop_instance_uid, attributes, exchange.principal)
            return Answer(outcome, numbers={ACTION_TYPE_ID: command.action_type_id})

        return handler(act, CLASSES, most)

    find = DocumentFind(archive, settings, "unified procedure step", workitems.matching).find
    getting = handler(get, CLASSES, most)
    table: dict[str, tuple[str, dict[int, Handler]]] = {
        PUSH: (
            "push",
            {N_CREATE_RQ: handler(create, CLASSES, most), N_ACTION_RQ: acting(REQUEST_CANCEL), N_GET_RQ: getting},
        ),
        PULL: (
            "pull",
            {
                C_FIND_RQ: find,
                N_GET_RQ: getting,
                N_SET_RQ: handler(change, CLASSES, most),
                N_ACTION_RQ: acting(CHANGE_STATE),
            },
        ),
        WATCH: (
            "watch",
            {
                C_FIND_RQ: find,
                N_GET_RQ: getting,
                N_ACTION_RQ: acting(REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND),
            },
        ),
        QUERY: ("query", {C_FIND_RQ: find}),
    }
    return {
        uid: Service(f"unified procedure step, {name}", MESSAGE_TRANSFER_SYNTAXES, handlers)
        for uid, (name, handlers) in table.items()
    }


def _actions(is_registered: IsRegistered) -> Mapping[int, Action]:
    """What each Action Type ID does (Table CC.2.1-1 to CC.2.3-1)."""

    def change_state(workitems: Workitems, uid: str, said: Document, by: Principal) -> Outcome:
        state = first(said, STATE)
        if state not in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"):
            raise refused(Status.INVALID_ARGUMENT, "the Procedure Step State is missing or unknown", [STATE])
        return workitems.change_state(uid, state, first(said, TRANSACTION_UID), by=by)

    def request_cancel(workitems: Workitems, uid: str, said: Document, by: Principal) -> Outcome:
        return workitems.request_cancel(uid, said, by=by)

    def subscribe(workitems: Workitems, uid: str, said: Document, by: Principal) -> Outcome:
        receiver = _receiver(said)
        if not is_registered(receiver):
            raise refused(Status.UNKNOWN_RECEIVER, f"{receiver} has no address here; register it with `pacs ae add`")
        lock = first(said, _LOCK)
        if lock not in ("TRUE", "FALSE"):
            raise refused(Status.INVALID_ARGUMENT, "Deletion Lock is TRUE or FALSE", [_LOCK])
        keys = {tag: body for tag, body in said.items() if tag not in (_RECEIVER, _LOCK)}
        return workitems.subscribe(uid, receiver, lock=lock == "TRUE", keys=keys if uid == FILTERED else None, by=by)

    def unsubscribe(workitems: Workitems, uid: str, said: Document, by: Principal) -> Outcome:
        return workitems.unsubscribe(uid, _receiver(said), by=by)

    def suspend(workitems: Workitems, uid: str, said: Document, by: Principal) -> Outcome:
        return workitems.suspend(uid, _receiver(said), by=by)

    return {
        CHANGE_STATE: change_state,
        REQUEST_CANCEL: request_cancel,
        SUBSCRIBE: subscribe,
        UNSUBSCRIBE: unsubscribe,
        SUSPEND: suspend,
    }


def _receiver(said: Document) -> str:
    receiver = first(said, _RECEIVER)
    if not receiver:
        raise refused(Status.INVALID_ARGUMENT, "the Receiving AE is missing", [_RECEIVER])
    return receiver
