"""Peers of C-GET and C-MOVE: a requestor of pynetdicom, and a storage SCP that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.presentation import build_context

from pacs.access.peer import ORDINARY, PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.model import utc_now
from tests.support.dimse import EXPLICIT, IMPLICIT

STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
PATIENT_STUDY_ONLY_MOVE = "1.2.840.10008.5.1.4.1.2.3.2"
PATIENT_STUDY_ONLY_GET = "1.2.840.10008.5.1.4.1.2.3.3"

Answers = list[tuple[Dataset, Dataset | None]]
"""The responses: status elements and identifier of each."""


def identifier(level: str, **keys: Any) -> Dataset:
    """The identifier of a request."""
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    return asked


class StorageScp:
    """A storage SCP of pynetdicom. `answer` gives the status for what comes, by its number from 0."""

    def __init__(self, answer: Callable[[int], int] = lambda number: 0) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.received: list[Dataset] = []
        self.syntaxes: list[str] = []
        self.originators: list[tuple[str, int]] = []
        self.associations = 0
        self.contexts: list[tuple[str, tuple[str, ...]]] = []

    def handlers(self) -> list[Any]:
        """What pynetdicom calls."""
        return [(evt.EVT_C_STORE, self.store), (evt.EVT_REQUESTED, self._requested)]

    def store(self, event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        with self._lock:
            number = len(self.received)
            self.received.append(dataset)
            self.syntaxes.append(str(event.context.transfer_syntax))
            request: Any = event.request
            title = request.MoveOriginatorApplicationEntityTitle or ""
            self.originators.append((title, request.MoveOriginatorMessageID or 0))
        return self._answer(number)

    def _requested(self, event: evt.Event) -> None:
        self.associations += 1
        self.contexts += [
            (str(context.abstract_syntax), tuple(map(str, context.transfer_syntax)))
            for context in event.assoc.requestor.requested_contexts
        ]

    @contextmanager
    def listening(
        self, classes: Sequence[str], syntaxes: Sequence[str] = (EXPLICIT, IMPLICIT), title: str = "DEST"
    ) -> Iterator[int]:
        entity = AE(ae_title=title)
        for uid in classes:
            entity.add_supported_context(uid, list(syntaxes))
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=self.handlers())
        assert server is not None
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def register(archive: Archive, title: str, port: int, options: PeerOptions = ORDINARY) -> None:
    """Make a peer on this machine known as a destination."""
    Peers(archive.index, utc_now).add(title, "127.0.0.1", port, [Verb.STORE], by=OPERATOR, options=options)


def move(port: int, asked: Dataset, *, model: str = STUDY_ROOT_MOVE, to: str = "DEST", **options: Any) -> Answers:
    """Ask for a C-MOVE as WORKSTATION."""
    entity = AE(ae_title="WORKSTATION")
    entity.add_requested_context(model, [options.pop("syntax", EXPLICIT)])
    association = entity.associate("127.0.0.1", port, ae_title="SURET", **options)
    assert association.is_established
    try:
        return list(association.send_c_move(asked, to, model, msg_id=7))
    finally:
        association.release()


def get(
    port: int,
    asked: Dataset,
    contexts: Sequence[tuple[str, Sequence[str]]],
    *,
    model: str = STUDY_ROOT_GET,
    scp: StorageScp | None = None,
    roles: bool = True,
    **options: Any,
) -> tuple[Answers, StorageScp]:
    """Ask for a C-GET; `contexts` are the storage contexts to receive in."""
    receiver = scp or StorageScp()
    entity = AE(ae_title="WORKSTATION")
    proposed = [build_context(model, [EXPLICIT]), *(build_context(uid, list(syntaxes)) for uid, syntaxes in contexts)]
    negotiation = [build_role(uid, scp_role=True) for uid in dict.fromkeys(uid for uid, _ in contexts)] if roles else []
    association = entity.associate(
        "127.0.0.1",
        port,
        contexts=proposed,
        ae_title="SURET",
        ext_neg=[*negotiation, *options.pop("ext_neg", [])],
        evt_handlers=receiver.handlers(),
        **options,
    )
    assert association.is_established
    try:
        return list(association.send_c_get(asked, model, msg_id=7)), receiver
    finally:
        association.release()
