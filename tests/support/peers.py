"""Programs that tests talk to. Where one is absent a stranger's test is skipped; on CI it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def absent(what: str, remedy: str) -> NoReturn:
    """Leave the test because `what` is absent: it fails where the variable CI is set, else it is skipped."""
    message = f"{what} is absent: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def program(name: str, package: str) -> Path:
    """The path of the program `name`, which Debian's `package` brings; leaves the test when it is absent."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        absent(name, f"sudo apt-get install --no-install-recommends {package}")
    return Path(found)
