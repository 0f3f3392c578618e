"""Modality Performed Procedure Step (PS3.4 Annex F): N-CREATE and N-SET from modalities, N-GET for whoever asks."""

from __future__ import annotations

from typing import Any, Final

from pacs.archive.archive import Archive
from pacs.archive.performed import PERFORMED_STEP_CLASS, PerformedSteps
from pacs.dimse.attributes import Answer, handler, selected
from pacs.dimse.command import N_CREATE_RQ, N_GET_RQ, N_SET_RQ, Command
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, Exchange, Service
from pacs.settings import DimseSettings

PERFORMED_STEP: Final = PERFORMED_STEP_CLASS
PERFORMED_STEP_RETRIEVE: Final = "1.2.840.10008.3.1.2.3.4"


def services(archive: Archive, settings: DimseSettings) -> dict[str, Service]:
    """The MPPS service and that of its retrieval, by abstract syntax."""
    steps = PerformedSteps(archive)

    def create(exchange: Exchange, command: Command, attributes: dict[str, Any]) -> Answer:
        uid = steps.create(command.sop_instance_uid, attributes, exchange.calling_ae_title, by=exchange.principal)
        return Answer(sop_instance_uid=uid)

    def change(exchange: Exchange, command: Command, attributes: dict[str, Any]) -> Answer:
        steps.change(command.sop_instance_uid, attributes, by=exchange.principal)
        return Answer()

    def get(exchange: Exchange, command: Command, _: dict[str, Any]) -> Answer:
        return selected(steps.get(command.sop_instance_uid), command.attribute_tags)

    classes = (PERFORMED_STEP, PERFORMED_STEP_RETRIEVE)
    most = settings.identifier_bytes_max
    changing = {N_CREATE_RQ: handler(create, classes, most), N_SET_RQ: handler(change, classes, most)}
    return {
        PERFORMED_STEP: Service("performed procedure step", MESSAGE_TRANSFER_SYNTAXES, changing),
        PERFORMED_STEP_RETRIEVE: Service(
            "performed procedure step, retrieve", MESSAGE_TRANSFER_SYNTAXES, {N_GET_RQ: handler(get, classes, most)}
        ),
    }
