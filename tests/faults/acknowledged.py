"""What senders were told: the one thing that a node, whatever happens to it, has to make true."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.instances import digest_of
from tests.support.modality import Prepared

SUCCESS = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One instance sent and answered; the moments are seconds since 1970, to meet them with a trace. `why` is the code
    of a refusal."""

    sop_instance_uid: str
    digest: str
    status: int
    began: float = 0.0
    ended: float = 0.0
    why: str = ""


@dataclass(slots=True)
class Acknowledged:
    """SOP Instance UID to the SHA-256 of every data set under it that was answered with success."""

    digests: dict[str, set[str]] = field(default_factory=dict)
    sent: int = 0
    answers: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, sop_instance_uid: str, digest: str, status: int) -> None:
        """Write down one answer."""
        with self.lock:
            self.answers += 1
            if status == SUCCESS:
                self.digests.setdefault(sop_instance_uid, set()).add(digest)
            else:
                self.refused[status] = self.refused.get(status, 0) + 1

    def note_sent(self, prepared: Prepared, status: int) -> None:
        """Write down the answer to an instance that went over the wire."""
        self.note(prepared.sop_instance_uid, digest_of(prepared.dataset), status)


class AcknowledgementLog:
    """The same as a file outside the file system under test, one line an answer, for senders that are killed."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(self, attempt: Attempt) -> None:
        """Append one answer, in one write, so that a kill leaves whole lines."""
        moments = f"{attempt.began:.6f} {attempt.ended:.6f}"
        line = f"{attempt.sop_instance_uid} {attempt.digest} {attempt.status:04X} {moments} {attempt.why or '-'}\n"
        os.write(self._descriptor, line.encode())


def attempts(file: Path) -> list[Attempt]:
    """What a log says, in the order of the answers; nothing for a log that was never begun."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else ():
        uid, digest, status, began, ended, why = line.split()
        found.append(Attempt(uid, digest, int(status, 16), float(began), float(ended), why.strip("-")))
    return found


def acknowledged(file: Path) -> Acknowledged:
    """The sum of a log."""
    total = Acknowledged()
    for attempt in attempts(file):
        total.sent += 1
        total.note(attempt.sop_instance_uid, attempt.digest, attempt.status)
    return total
