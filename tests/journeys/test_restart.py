"""A node is restarted under load: SIGTERM drains, nobody who tries once more is refused, and nothing is lost."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.doors import NodeDoor
from tests.faults.instances import Template
from tests.support.factories import ct_slice, part10
from tests.support.modality import AssociationLost, Modality, Prepared
from tests.support.process import NodeProcess

pytestmark = pytest.mark.slow

SENDERS = 3
PACE_S = 0.01
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
                    self._leave()
                    if attempt == 2:
                        self.failed.append(f"lost twice: {lost}")
                    continue
                if status == 0:
                    self.stored.append(prepared)
                else:
                    self.failed.append(f"answered with {status:04X}")
                break
            self._over.wait(PACE_S)
        self._leave()

    def _leave(self) -> None:
        if self._modality is not None:
            with suppress(AssociationLost, OSError):
                self._modality.close()
            self._modality = None

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
    node = start_node({"DIMSE__DRAIN_TIMEOUT_S": "1"})
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
    stored = [prepared for sender in senders for prepared in sender.stored]
    door = NodeDoor(node)
    try:
        assert door.count() >= len(stored)
        assert all(door.reads(prepared) for prepared in stored[:: max(1, len(stored) // 50)])
    finally:
        door.close()
    assert node.command("verify", "--grace-minutes", "0").returncode == 0


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
        for number in itertools.count(2):
            assert working.store(template.make(number)) == 0, "what is at work may go on"
            try:
                Modality("127.0.0.1", node.dimse_port, CTImageStorage, ExplicitVRLittleEndian).close()
            except AssociationLost as rejected:
                refusal = str(rejected)
                break
        assert "PDU type 3: 00020302" in refusal  # rejected, transient, presentation: local limit exceeded
        assert working.store(template.make(number + 1)) == 0
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
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
