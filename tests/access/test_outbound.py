from __future__ import annotations

import ipaddress
import socket
import threading
import time

import pytest

from pacs.access import outbound
from pacs.access.outbound import ANSWER_BYTES_MAX, OutboundFailed, OutboundRefused, Policy, post
from tests.support.triage import raw_service, service

HERE = Policy(allow_loopback=True)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "2002:0a00:0001::",
        "64:ff9b::a00:1",
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
    ],
)
def test_what_is_not_public_is_not_called(address: str) -> None:
    with pytest.raises(OutboundRefused):
        Policy(allow_loopback=False).check("https", "name.example", ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_a_public_address_is_called_over_tls_only(address: str) -> None:
    Policy(allow_loopback=False).check("https", "name.example", ipaddress.ip_address(address))
    with pytest.raises(OutboundRefused, match="TLS"):
        Policy(allow_loopback=True).check("http", "name.example", ipaddress.ip_address(address))


@pytest.mark.parametrize("listed", ["ai.hospital.example", "10.1.2.3", "10.1.0.0/16"])
def test_a_listed_private_address_is_called(listed: str) -> None:
    policy = Policy(allow_loopback=False, allowed_hosts=("other.example", listed))
    policy.check("https", "ai.hospital.example", ipaddress.ip_address("10.1.2.3"))
    with pytest.raises(OutboundRefused):
        policy.check("https", "elsewhere.example", ipaddress.ip_address("10.2.0.1"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_this_machine_slips_through(host: str) -> None:
    with service() as running:
        url = running.url.replace("127.0.0.1", host)
        with pytest.raises(OutboundRefused):
            post(url, b"{}", {}, Policy(allow_loopback=False))
        assert running.deliveries == []


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    answers = iter(["127.0.0.1"])
    resolve = socket.getaddrinfo

    def rebinding(host: str, *arguments: object, **options: object) -> object:
        known = next(answers) if host == "rebind.example" else host
        return resolve(known, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with service() as running:
        answer = post(running.url.replace("127.0.0.1", "rebind.example"), b"{}", {}, HERE)
        assert answer.status == 202
        assert running.deliveries[0].headers["host"].startswith("rebind.example:")


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with service() as target, service(lambda _: (307, {"location": target.url})) as running:
        assert post(running.url, b"{}", {}, HERE).status == 307
        assert target.deliveries == []


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with service() as running:
        assert post(running.url, b"{}", {}, HERE).status == 202


def test_body_and_headers_arrive_as_given() -> None:
    with service(lambda _: (503, {"retry-after": "7"})) as running:
        answer = post(running.url, b'{"a": 1}', {"webhook-id": "msg_1"}, HERE)
    assert (answer.status, answer.retry_after_s) == (503, 7.0)
    assert running.deliveries[0].body == b'{"a": 1}'
    assert running.deliveries[0].headers["webhook-id"] == "msg_1"


def test_a_huge_answer_is_cut_off() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x" * ANSWER_BYTES_MAX)

    with raw_service(flood) as url, pytest.raises(OutboundFailed, match="more than"):
        post(url, b"{}", {}, HERE)


@pytest.mark.parametrize("dripping", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b""])
def test_the_whole_exchange_has_one_deadline(monkeypatch: pytest.MonkeyPatch, dripping: bytes) -> None:
    monkeypatch.setattr(outbound, "TOTAL_TIMEOUT_S", 1.0)

    def drip(connection: socket.socket) -> None:
        connection.sendall(dripping)
        for _ in range(100):
            time.sleep(0.1)
            connection.sendall(b"x" if dripping else b"")

    with raw_service(drip) as url, pytest.raises(OutboundFailed):
        post(url, b"{}", {}, HERE)


@pytest.mark.parametrize("answer", [b"", b"\x00\x01garbage\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n"])
def test_what_does_not_speak_http_is_a_failure(answer: bytes) -> None:
    with raw_service(lambda connection: connection.sendall(answer)) as url, pytest.raises(OutboundFailed):
        post(url, b"{}", {}, HERE)


def test_nobody_there_is_a_failure() -> None:
    with service() as running:
        url = running.url
    with pytest.raises(OutboundFailed, match="no connection"):
        post(url, b"{}", {}, HERE)
    with pytest.raises(OutboundFailed, match="resolve"):
        post("https://no-such-host.invalid/", b"{}", {}, HERE)


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(30))
    monkeypatch.setattr(outbound, "TOTAL_TIMEOUT_S", 0.3)
    began = time.monotonic()
    with pytest.raises(OutboundFailed, match="no answer"):
        post("https://reader.example/", b"", {}, HERE)
    released.set()
    assert time.monotonic() - began < 5
