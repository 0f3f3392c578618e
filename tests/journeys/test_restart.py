"""A node is restarted under load: SIGTERM drains, nobody who tries once more is refused, and nothing is lost."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.instances import Template
from tests.support.factories import ct_slice, part10
from tests.support.modality import AssociationLost, Modality, Prepared
from tests.support.process import NodeProcess

pytestmark = pytest.mark.slow

SENDERS = 3
PATIENCE_S = 60.0
BOUNDARY = "restart"


class _Sender:
    """Sends one instance after the other; after a lost association it opens another and sends the same once more."""

    def __init__(self, node: NodeProcess, numbers: itertools.count[int], over: threading.Event) -> None:
        self._node, self._numbers, self._over = node, numbers, over
        self.stored: list[Prepared] = []
        self.failed: list[str] = []
        self._modality: Modality | None = None
        self._template = Template()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            prepared = self._template.make(next(self._numbers))
            for attempt in (1, 2):
                try:
                    status = self._associated().store(prepared)
                except (AssociationLost, OSError) as lost:
                    self._modality = None
                    if attempt == 2:
                        self.failed.append(f"lost twice: {lost}")
                    continue
                if status == 0:
                    self.stored.append(prepared)
                else:
                    self.failed.append(f"answered with {status:04X}")
                break
        if self._modality is not None:
            self._modality.close()

    def _associated(self) -> Modality:
        deadline = time.monotonic() + PATIENCE_S
        while self._modality is None:
            try:
                self._modality = Modality(
                    "127.0.0.1", self._node.dimse_port, CTImageStorage, ExplicitVRLittleEndian, timeout_s=PATIENCE_S
                )
            except (AssociationLost, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        return self._modality


def test_senders_that_try_once_more_lose_nothing_over_restarts(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node()
    over, numbers = threading.Event(), itertools.count(1)
    senders = [_Sender(node, numbers, over) for _ in range(SENDERS)]
    try:
        for _ in range(2):
            before = [len(sender.stored) for sender in senders]
            _until(lambda before=before: all(len(s.stored) > n + 5 for s, n in zip(senders, before, strict=True)))
            assert node.stop() == 0
            node.start()
        before = [len(sender.stored) for sender in senders]
        _until(lambda: all(len(s.stored) > n + 5 for s, n in zip(senders, before, strict=True)))
    finally:
        over.set()
    for sender in senders:
        sender.thread.join(PATIENCE_S)
    assert [sender.failed for sender in senders] == [[], [], []]
    with httpx2.Client(base_url=node.dicomweb_url, headers=node.authorization("clinician"), timeout=60) as web:
        found = web.get("/instances", params={"limit": 1000}).json()
    uids = {one["00080018"]["Value"][0] for one in found}
    assert {prepared.sop_instance_uid for sender in senders for prepared in sender.stored} <= uids


def test_a_new_association_is_rejected_as_transient_while_the_node_drains(
    start_node: Callable[..., NodeProcess],
) -> None:
    node = start_node()
    template = Template()
    working = Modality("127.0.0.1", node.dimse_port, CTImageStorage, ExplicitVRLittleEndian)
    assert working.store(template.make(1)) == 0
    stopping = threading.Thread(target=node.stop)
    stopping.start()
    try:
        _until(lambda: not _is_ready(node))
        assert working.store(template.make(2)) == 0, "what is at work may go on"
        with pytest.raises(AssociationLost, match="PDU type 3: 00020302"):  # transient, presentation, local limit
            Modality("127.0.0.1", node.dimse_port, CTImageStorage, ExplicitVRLittleEndian)
        working.close()
    finally:
        stopping.join(PATIENCE_S)
    assert not node.running


def test_an_upload_that_has_begun_is_answered(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node()
    content = part10(ct_slice())
    body = b"".join(
        (
            f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
            content,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
    )
    connection = http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=PATIENCE_S)
    connection.putrequest("POST", "/dicom-web/studies")
    for name, value in {
        **node.authorization("technologist"),
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "Content-Length": str(len(body)),
        "Accept": "application/dicom+json",
    }.items():
        connection.putheader(name, value)
    connection.endheaders(body[:1000])
    time.sleep(0.3)
    stopping = threading.Thread(target=node.stop)
    stopping.start()
    try:
        _until(lambda: not _is_ready(node))
        connection.send(body[1000:])
        answer = connection.getresponse()
        assert answer.status == 200
        assert len(json.load(answer)["00081199"]["Value"]) == 1
    finally:
        connection.close()
        stopping.join(PATIENCE_S)
    node.start()
    assert node.command("verify", "--grace-minutes", "0").returncode == 0


def _is_ready(node: NodeProcess) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
