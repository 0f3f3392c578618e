"""A node whose clock a rig sets: ``python -m tests.faults.clock_node FILE serve``; FILE holds the seconds to add."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pacs.node
from pacs.cli import main
from pacs.model import utc_now


def stepped(file: Path) -> Callable[[], datetime]:
    """The real time and what the file says."""
    return lambda: utc_now() + timedelta(seconds=float(file.read_text(encoding="ascii")))


if __name__ == "__main__":
    clock, real = stepped(Path(sys.argv[1])), pacs.node.build

    def build(settings: Any) -> pacs.node.Node:
        return real(settings, clock)

    pacs.node.build = build  # type: ignore[assignment]  # the command line gives the settings alone
    main(sys.argv[2:])
