"""What the command prints: the welcome of a node that has started, tables, and its log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import structlog

import pacs
from pacs.settings import Settings

RULE = "-" * 72


class Greeting:
    """What a start has to say to who started it, in one block at its end; from any thread, each thing once.

    The one-time password goes to the console and nowhere else: it is in no log, and it is gone when it has been read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said = threading.Lock()

    def welcome(self, dimse_port: int, web_port: int, first_password: str | None) -> None:
        """Where the node is, how to come in and how to send it a study."""
        dimse, web = self._settings.dimse, self._settings.web
        viewer = web.public_url or f"http://{reachable(web.host)}:{web_port}/"
        send = f"dcmsend -nh -aec {dimse.ae_title} {reachable(dimse.host)} {dimse_port} +sd +r FOLDER"
        note = [("", "to be changed at the first sign-in")] if first_password else []
        self._say(("viewer", viewer), *_account(first_password), *note, ("send a study", send))

    def leave(self, first_password: str | None) -> None:
        """What may not be lost, when the start was ended before the welcome, which is then not said any more."""
        self._say(*_account(first_password))

    def _say(self, *lines: tuple[str, str]) -> None:
        if self._said.acquire(blocking=False) and lines:  # and never released
            title = f"Suret {pacs.__version__}"
            body = "\n".join(f"  {name:<19} {value}" for name, value in lines)
            print(f"\n{RULE}\n  {title}\n\n{body}\n{RULE}\n", flush=True)


def _account(first_password: str | None) -> list[tuple[str, str]]:
    return [("account", "admin"), ("one-time password", first_password)] if first_password else []


def reachable(host: str) -> str:
    """An address that a program on this machine can call for a listener on `host`."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound


def configure_logging(form: str, level: str = "info") -> None:
    """Events from `level` up go to standard error, one a line: readable, or as JSON (`log_format`)."""
    renderer: Any = structlog.processors.JSONRenderer()
    if form == "console":
        # The plain traceback: the rich one prints local variables, which may be a patient's.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if form == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def print_table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    cells = [tuple(_cell(row[column]) for column in columns) for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (columns, *cells) if cells else ():
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if not cells:
        print("(none)", file=sys.stderr)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
