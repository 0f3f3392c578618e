"""Packages of npm as peers (dcmjs-dimse, dicomweb-client): scripts of tests/interop/dcmjs, with what they need."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.peers import absent, program
from tests.support.process import ROOT

SOURCES = ROOT / "tests" / "interop" / "dcmjs"
_PLACE = ROOT / ".cache" / "dcmjs"


def run_script(name: str, *arguments: object, timeout_s: float = 60.0) -> list[dict[str, Any]]:
    """What the script printed, one JSON object a line, once it has ended with 0."""
    node = program("node", "nodejs")
    done = subprocess.run(
        [node, _installed() / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _installed() -> Path:
    """The folder of the scripts and their packages, made once for each lock file."""
    _PLACE.mkdir(parents=True, exist_ok=True)
    lock, stamp = SOURCES / "package-lock.json", _PLACE / "stamp"
    with (_PLACE / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for source in SOURCES.iterdir():
            if source.is_file():
                shutil.copy(source, _PLACE)
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            npm = program("npm", "npm")
            command: list[str | Path] = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=_PLACE, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                absent("dcmjs-dimse", f"`npm ci` in {SOURCES} says: {done.stderr[-300:]}")
            stamp.write_bytes(lock.read_bytes())
    return _PLACE
