"""C-ECHO asked of a registered peer, with DCMTK's storescp as the peer, and the button that does it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pacs.access.peer import Peer, PeerOptions, Verb
from pacs.dimse.echo import ask
from pacs.settings import DimseSettings
from tests.support.certificates import Authority
from tests.support.dimse import wait_until
from tests.support.peers import program
from tests.support.process import free_port

SETTINGS = DimseSettings()


def _peer(port: int, **options: Any) -> Peer:
    now = datetime.now(UTC)
    return Peer("STORESCP", "127.0.0.1", port, frozenset({Verb.STORE}), now, PeerOptions(**options))


@contextmanager
def _storescp(folder: Path, *options: object) -> Iterator[int]:
    port = free_port()
    command = [program("storescp", "dcmtk"), "-od", folder, *options, port]
    with subprocess.Popen([str(part) for part in command]) as running:
        try:
            assert wait_until(lambda: _listens(port))
            yield port
        finally:
            running.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_a_peer_that_answers(tmp_path: Path):
    with _storescp(tmp_path) as port:
        assert ask(_peer(port), SETTINGS) == ""


def test_a_peer_that_refuses_says_so(tmp_path: Path):
    with _storescp(tmp_path, "--refuse") as port:
        assert ask(_peer(port), SETTINGS) == "it refuses SURET; check both AE titles, and that it knows this node"


def test_nobody_there():
    assert "check address, port and firewall" in ask(_peer(free_port()), SETTINGS)


def test_a_peer_is_asked_over_tls(tmp_path: Path):
    authority = Authority(tmp_path / "authority", "Hospital")
    node, device = authority.sign("node"), authority.sign("device")
    settings = DimseSettings(
        tls_certificate=str(node.certificate), tls_key=str(node.key), tls_authorities=str(authority.certificate)
    )
    secure = ("+tls", device.key, device.certificate, "+cf", authority.certificate)
    with _storescp(tmp_path, *secure) as port:
        assert ask(_peer(port, tls=True), settings) == ""
        assert ask(_peer(port, tls=True), SETTINGS) == "it has to be called over TLS, and this node has no certificate"
