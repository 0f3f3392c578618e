"""Reads the lock files of the Python packages."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.process import ROOT

RUNTIME = ROOT / "requirements.lock"
TEST = ROOT / "requirements-test.lock"


def entries(lock: Path) -> list[str]:
    """Each entry on one line, with its hashes."""
    lines = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def pinned(lock: Path) -> dict[str, list[Requirement]]:
    """Canonical name to its entries: one, or several for different versions of Python."""
    found: dict[str, list[Requirement]] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.partition(" --hash")[0])
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found
