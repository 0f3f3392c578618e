"""The process that hashes large images beside the node, seen from a rig: was it at work, and what if it dies?"""

from __future__ import annotations

import random
import time

import psutil

from pacs.control import NoNode, ask
from tests.support.process import NodeProcess

PATIENCE_S = 20.0
LOOK_EVERY_S = 0.02
ASKED_WITHIN_S = 0.05  # by a sender without a pause


def digests(node: NodeProcess) -> int | None:
    """How many images the hasher has hashed since the node started; None where there is none (one processor)."""
    try:
        told: dict[str, int] = ask(node.data, "status", {})["prepared"]
    except NoNode:
        return None
    return told.get("hasher_digests")


def await_digest(node: NodeProcess) -> int:
    """Wait for its first digest, as long as it may take to begin; how many there are then."""
    deadline = time.monotonic() + PATIENCE_S
    while (count := digests(node)) == 0 and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return count or 0


def kill_hasher(node: NodeProcess, choose: random.Random) -> bool:
    """Let it die, most likely with a question before it; whether there was one."""
    for process in psutil.Process(node.pid).children():
        if "pacs.archive.hashing" in process.cmdline():
            process.suspend()
            time.sleep(choose.uniform(0, ASKED_WITHIN_S))
            process.kill()
            return True
    return False
