"""`pacs serve` and `pacs demo`."""

from __future__ import annotations

import gc
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from pacs.cli.command import OPTIONS
from pacs.console import Greeting, configure_logging, reachable
from pacs.control import ControlServer, NoNode, ask
from pacs.errors import NodeFailed
from pacs.settings import Settings, read_settings

if TYPE_CHECKING:
    from pacs.node import Node

log = structlog.get_logger()

DEMO_AE_TITLE = "SURET_DEMO"
WATCH_PERIOD_S = 1.0
GARBAGE_THRESHOLD = 5000  # objects; the default is 700

app = typer.Typer(context_settings=OPTIONS)


@app.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Send the demonstration studies once it is ready.")] = False,
) -> None:
    """Run the node until SIGTERM or Ctrl-C; a second one ends it at once."""
    from pacs.node import build

    settings = read_settings()
    configure_logging(settings.log_format)
    stopping = _stop_signal()
    node = build(settings)
    _collect_less_often()
    try:
        _serve(node, stopping, demo)
    finally:
        node.close()


def _collect_less_often() -> None:
    """What the node is made of stays until its end, and references are counted: looking for cycles among all of it
    again and again took a tenth of the processor's time of an ingest."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _stop_signal() -> threading.Event:
    stopping = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stopping


def _serve(node: Node, stopping: threading.Event, demo: bool) -> None:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    status = {"status": lambda _core, _arguments: node.status()}
    control = ControlServer(node.core, status, [Path(runtime)] if runtime else [])
    greeting = Greeting(node.core.settings)
    control.start()
    try:
        node.start()
        try:
            if demo:
                threading.Thread(target=_send_demo_once, args=(node, greeting), name="demo", daemon=True).start()
            else:
                greeting.welcome(node.listener.port, node.web.port, node.first_password)
            _wait(node, stopping)
        finally:
            greeting.leave(node.first_password)  # before the node is stopped, which takes a while
            node.stop()
    finally:
        greeting.leave(node.first_password)
        control.stop()


def _wait(node: Node, stopping: threading.Event) -> None:
    while not stopping.wait(WATCH_PERIOD_S):
        if failure := node.failure():
            # Nothing can be promised any more; a supervisor starts a fresh node, which recovers.
            raise NodeFailed(failure, "the log says more; check the disk, then start the node again")


@app.command()
def demo() -> None:
    """Send two synthetic studies (head CT, chest radiograph) to the running node by C-STORE."""
    settings = read_settings()
    try:
        port = int(ask(settings.data, "status", {})["dimse_port"])
    except NoNode:
        raise NodeFailed(f"no node runs over {settings.data}", "start it with `pacs serve`") from None
    print(f"{_send_demo(settings, port)} images of the demonstration studies were sent and stored.")


def _send_demo(settings: Settings, port: int) -> int:
    from pacs.demo import send_studies

    sent = send_studies(reachable(settings.dimse.host), port, called=settings.dimse.ae_title, calling=DEMO_AE_TITLE)
    refused = [one for one in sent if not one.succeeded]
    if refused:
        comment = refused[0].comment or "no answer"
        raise NodeFailed(f"{len(refused)} of {len(sent)} images were not stored: {comment}", "see the node's log")
    return len(sent)


def _send_demo_once(node: Node, greeting: Greeting) -> None:
    """Not again when it is there already: who starts the node tomorrow does not want it twice. Then the welcome."""
    from pacs.attributes import BY_KEYWORD, Level
    from pacs.demo import DEMO_PATIENT_IDS
    from pacs.index.criteria import Criterion, OneOf, Query

    try:
        patient = Criterion(BY_KEYWORD["PatientID"], OneOf(DEMO_PATIENT_IDS))
        if not node.core.archive.count(Query(Level.PATIENT, (patient,))):
            log.info("demo_sent", instances=_send_demo(node.core.settings, node.listener.port))
    except Exception:
        log.exception("demo_failed")
    greeting.welcome(node.listener.port, node.web.port, node.first_password)
