"""Programs that tests talk to. Where one is absent a stranger's test is skipped; on CI it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# pynetdicom brings programs with the names of DCMTK's: no environment of Python's, active or not, comes before them
SYSTEM_PATH = os.pathsep.join(
    [*(folder for folder in os.get_exec_path() if not Path(folder, "../pyvenv.cfg").exists()), "/usr/sbin", "/sbin"]
)


def absent(what: str, remedy: str) -> NoReturn:
    """Leave the test because `what` is absent: it fails where the variable CI is set, else it is skipped."""
    message = f"{what} is absent: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def program(name: str, package: str) -> Path:
    """The path of the program `name`, which Debian's `package` brings; leaves the test when it is absent."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        absent(name, f"sudo apt-get install --no-install-recommends {package}")
    return Path(found)
