"""The walls, tried from inside a process that put them up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pacs.render.workers import DecodeWorkers
from tests.support.dimse import wait_until
from tests.support.process import ROOT

WALLS = {"network", "user", "memory", "files", "core dumps", "no new privileges", "system calls"}
INSIDE = """
import errno, json, mmap, os, resource, signal, socket, sys
from pacs.render import sandbox

def attempt(action):
    try:
        action()
    except (OSError, MemoryError) as error:
        return errno.errorcode.get(getattr(error, "errno", None), type(error).__name__)
    return "done"

measures = {measure.name: measure.holds for measure in sandbox.shut_doors(1 << 30)}
sandbox.allow_cpu_seconds(5)
tried = {
    "open": attempt(lambda: os.open("/etc/hostname", os.O_RDONLY)),
    "create": attempt(lambda: os.open("/tmp/left-behind", os.O_CREAT | os.O_WRONLY)),
    "socket": attempt(lambda: socket.socket(socket.AF_INET)),
    "fork": attempt(os.fork),
    "exec": attempt(lambda: os.execv("/bin/true", ["true"])),
    "kill": attempt(lambda: os.kill(os.getppid(), 0)),
    "root": attempt(lambda: os.setuid(0)),
    "memory": attempt(lambda: mmap.mmap(-1, 2 << 30)),
}
soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
print(json.dumps({"measures": measures, "tried": tried, "cpu": soft}))
"""


def test_nothing_gets_out() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INSIDE], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    assert set(found["measures"]) == WALLS
    assert found["measures"]["memory"]
    assert found["measures"]["files"]
    assert found["tried"]["open"] in ("EPERM", "EMFILE")
    assert found["tried"]["create"] in ("EPERM", "EMFILE")
    assert found["tried"]["memory"] in ("ENOMEM", "MemoryError", "OSError")
    assert 5 <= found["cpu"] <= 7
    if found["measures"]["system calls"]:
        refused = {name: found["tried"][name] for name in ("open", "socket", "fork", "exec", "kill", "root")}
        assert refused == dict.fromkeys(refused, "EPERM")


def test_a_worker_reports_every_wall(decode_workers: DecodeWorkers) -> None:
    report = decode_workers.sandbox_report
    assert {measure.name for measure in report} == WALLS
    assert all(measure.holds or measure.detail for measure in report)


def test_a_worker_has_no_rights_and_no_network(decode_workers: DecodeWorkers) -> None:
    report = {measure.name: measure.holds for measure in decode_workers.sandbox_report}
    pid = decode_workers.process_ids[0]
    expected = ("", "1", "2" if report["system calls"] else "0")

    def walls() -> tuple[str, ...]:
        status = _status(pid)
        return status["CapEff"].strip("0"), status["NoNewPrivs"], status["Seccomp"]

    # the report is that of the first who was ready, and gets work; this one may still be putting its walls up
    assert wait_until(lambda: walls() == expected, 30), walls()
    assert "0" not in _status(pid)["Uid"].split()


def _status(pid: int) -> dict[str, str]:
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return {name: value.strip() for name, _, value in lines}
