"""The harness that other tests trust: what it starts is reached, what it kills is gone."""

from __future__ import annotations

import os
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.support.process import PORTS, NodeNotReady, NodeProcess, free_port


def test_free_ports_are_free_and_never_given_twice():
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert set(ports) <= set(PORTS)
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_a_node_serves_survives_a_kill_and_stops(tmp_path: Path):
    node = NodeProcess(tmp_path).start()
    try:
        with socket.create_connection(("127.0.0.1", node.dimse_port), timeout=5):
            pass
        token = node.token("service")
        assert " " not in token
        request = urllib.request.Request(f"{node.dicomweb_url}/studies", headers=node.authorization())
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status in {200, 204}
        pid = node.pid
        node.kill()
        assert not node.running
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        node.start()
        assert node.pid != pid
        assert node.stop() == 0
    finally:
        node.kill()


def test_a_node_that_cannot_start_says_why(tmp_path: Path):
    node = NodeProcess(tmp_path, {"DIMSE__AE_TITLE": "more than sixteen characters"})
    with pytest.raises(NodeNotReady, match="PACS_DIMSE__AE_TITLE"):
        node.start()
    assert not node.running
