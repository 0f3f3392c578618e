"""Send objects over several associations at once and take the time of each: window 1, one send a message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench.ingest.workload import TRANSFER_SYNTAX_UID, Message
from tests.bench.peers import Peer
from tests.bench.session import Failed
from tests.support.modality import AssociationLost, Modality

TIMEOUT_S = 60.0
P_DATA_TF = 4
_STATUS = bytes.fromhex("0000 0009 02000000")  # (0000,0900) and its length, Implicit VR Little Endian


@dataclass(frozen=True, slots=True)
class Timed:
    """One run. `latencies_s`: from the first byte of a C-STORE-RQ to its response, in no order."""

    seconds: float
    latencies_s: tuple[float, ...]
    server_cpu_s: float

    @property
    def per_second(self) -> float:
        """Instances a second, all associations together."""
        return len(self.latencies_s) / self.seconds


class _Sender(Modality):
    """A modality that sends what is ready."""

    def __init__(self, peer: Peer, sop_class_uid: str, nodelay: bool) -> None:
        try:
            super().__init__(
                "127.0.0.1",
                peer.port,
                sop_class_uid,
                TRANSFER_SYNTAX_UID,
                called=peer.ae_title,
                calling="BENCH",
                timeout_s=TIMEOUT_S,
                nodelay=nodelay,
            )
        except AssociationLost:
            self.close()
            raise

    def send(self, message: Message) -> int:
        """Send one instance and wait for its status. Raises AssociationLost."""
        self._socket.sendall(message.stream)
        kind, body = self._read_pdu()
        place = body.find(_STATUS)
        if kind != P_DATA_TF or place < 0:
            raise AssociationLost(f"PDU type {kind} instead of a response")
        return int.from_bytes(body[place + len(_STATUS) :][:2], "little")


@dataclass(slots=True)
class _Share:
    """What one association sends, and what came of it."""

    messages: Sequence[Message]
    latencies_s: list[float] = field(default_factory=list)
    ended: float = 0.0
    failure: str = ""

    def run(self, sender: _Sender, start: threading.Barrier) -> None:
        start.wait()
        try:
            for message in self.messages:
                began = time.perf_counter()
                status = sender.send(message)
                self.latencies_s.append(time.perf_counter() - began)
                if status != 0:
                    raise AssociationLost(f"status {status:04X}")
        except (AssociationLost, OSError) as error:
            self.failure = str(error)
        self.ended = time.perf_counter()


def send(
    peer: Peer,
    messages: Sequence[Message],
    associations: int,
    cpu_s: Callable[[], float] = lambda: 0.0,
    *,
    nodelay: bool = True,
) -> Timed:
    """Send `messages` to `peer`, each association its own stretch; `cpu_s` says what the server has used so far.

    The associations are made before the clock starts and released after it stops. Raises Failed.
    """
    step = len(messages) // associations
    shares = [_Share(messages[number * step : (number + 1) * step]) for number in range(associations)]
    start = threading.Barrier(associations + 1)
    with ExitStack() as open_senders:
        senders = [open_senders.enter_context(_connect(peer, messages[0].sop_class_uid, nodelay)) for _ in shares]
        threads = [
            threading.Thread(target=share.run, args=(sender, start))
            for share, sender in zip(shares, senders, strict=True)
        ]
        for thread in threads:
            thread.start()
        cpu_before = cpu_s()
        began = time.perf_counter()
        start.wait()
        for thread in threads:
            thread.join()
        cpu_used = cpu_s() - cpu_before
        failure = next((share.failure for share in shares if share.failure), "")
        if failure:
            raise Failed(f"{peer.name}: {failure}")
        for sender in senders:
            sender.release()
    latencies = tuple(latency for share in shares for latency in share.latencies_s)
    return Timed(max(share.ended for share in shares) - began, latencies, cpu_used)


def _connect(peer: Peer, sop_class_uid: str, nodelay: bool) -> _Sender:
    try:
        return _Sender(peer, sop_class_uid, nodelay)
    except (AssociationLost, OSError) as error:
        raise Failed(f"{peer.name}: no association: {error}") from error
