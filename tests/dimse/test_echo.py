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
from pacs.dimse.outbound import Outbound
from pacs.settings import DimseSettings
from tests.support.certificates import Authority
from tests.support.dimse import wait_until
from tests.support.peers import program
from tests.support.process import free_port


@contextmanager
def _outbound(**settings: Any) -> Iterator[Outbound]:
    outbound = Outbound(DimseSettings(**settings))
    outbound.start()
    try:
        yield outbound
    finally:
        outbound.stop()


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
    with _storescp(tmp_path) as port, _outbound() as outbound:
        assert ask(_peer(port), outbound) is None


def test_a_peer_that_refuses_says_so(tmp_path: Path):
    with _storescp(tmp_path, "--refuse") as port, _outbound() as outbound:
        words = str(ask(_peer(port), outbound))
    assert "STORESCP refuses" in words
    assert "check both AE titles" in words


def test_nobody_there():
    with _outbound() as outbound:
        failed = ask(_peer(free_port()), outbound)
        assert failed is not None
        assert failed.code == "unreachable"
        assert "cannot be reached: Connection refused" in str(failed)


def test_a_peer_is_asked_over_tls(tmp_path: Path):
    authority = Authority(tmp_path / "authority", "Hospital")
    node, device = authority.sign("node"), authority.sign("device")
    files = {
        "tls_certificate": str(node.certificate),
        "tls_key": str(node.key),
        "tls_authorities": str(authority.certificate),
    }
    secure = ("+tls", device.key, device.certificate, "+cf", authority.certificate)
    with _storescp(tmp_path, *secure) as port, _outbound(**files) as outbound, _outbound() as plain:
        assert ask(_peer(port, tls=True), outbound) is None
        assert "another certificate" in str(ask(_peer(port, tls=True, certificate_sha256="0" * 64), outbound))
        assert "this node has no certificate" in str(ask(_peer(port, tls=True), plain))
