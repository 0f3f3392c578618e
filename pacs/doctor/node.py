"""The node itself: does it run, is it ready, are its ports its own, and who can reach them."""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pacs.console import reachable
from pacs.doctor.finding import Finding, unseen, well, wrong
from pacs.doctor.look import Look

READY_TIMEOUT_S = 30.0
EXPIRES_SOON = timedelta(days=30)


def running(look: Look) -> Iterator[Finding]:
    """Does the node run?"""
    if look.status is not None:
        yield well(f"the node runs, with the web on port {look.status['web_port']}")
    elif look.status_trouble:
        yield wrong(f"a node runs and does not answer: {look.status_trouble}", "look at its log, then restart it")
    else:
        yield wrong("no node runs over this PACS_DATA", "start it: `pacs serve`, or its service")


def ready(look: Look) -> Iterator[Finding]:
    """Is it ready to take and give images?"""
    if look.status is None:
        return
    port = int(look.status["web_port"])
    connection = HTTPConnection(reachable(look.settings.web.host).strip("[]"), port, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        said = json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError) as error:
        yield wrong(f"the web of the node does not answer: {error}", "restart the node, and look at its log")
        return
    finally:
        connection.close()
    if not said["problems"]:
        yield well("the node is ready")
    for problem in said["problems"]:
        yield wrong(f"the node is not ready: {problem}", "see the lines below, and the node's log")


def ports(look: Look) -> Iterator[Finding]:
    """Are the ports free for it?"""
    if look.status is not None:
        return  # it has them
    settings = look.settings
    dimse, web = settings.dimse, settings.web
    wanted = [("PACS_DIMSE__PORT", dimse.host, dimse.port), ("PACS_WEB__PORT", web.host, web.port)]
    if dimse.tls_certificate:
        wanted.append(("PACS_DIMSE__TLS_PORT", dimse.host, dimse.tls_port))
    for variable, host, port in wanted:
        if port and (trouble := _cannot_listen(host, port)):
            yield wrong(
                f"port {port} on {host} cannot be had: {trouble}{_listener(port)}",
                f"stop that program, or choose another port with {variable}",
            )
        elif port:
            yield well(f"port {port} is free")


def _cannot_listen(host: str, port: int) -> str:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
    return ""


def _listener(port: int, proc: Path = Path("/proc")) -> str:
    """Who listens, as far as this user may see (proc(5): net/tcp, fd)."""
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:  # 0A: LISTEN
                inodes.add(f"socket:[{fields[9]}]")
    for process in proc.glob("[0-9]*"):
        try:
            if any(_target(descriptor) in inodes for descriptor in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f" ({name}, process {process.name})"
        except OSError:
            continue
    return ""


def _target(descriptor: Path) -> str:
    """What an open file is, "" where it was closed meanwhile."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def exposure(look: Look) -> Iterator[Finding]:
    """Who can reach it, and is what they send protected on the way?"""
    dimse, web = look.settings.dimse, look.settings.web
    public = web.public_url
    if _is_here_only(web.host) and (not public or public.startswith("https://")):
        yield well("the web listens on this machine only")
    elif not public.startswith("https://"):
        yield wrong(
            f"the web listens on {web.host or 'every address'} without HTTPS: passwords and images travel in clear",
            "put a proxy with HTTPS in front of it, set PACS_WEB__HOST=127.0.0.1 where the proxy is on this machine, "
            "and PACS_WEB__PUBLIC_URL=https://…",
        )
    else:
        yield well(f"the web is behind {public}")
    if _is_here_only(dimse.host):
        yield well("the DICOM port listens on this machine only")
    elif not dimse.check_called_ae_title:
        yield wrong(
            "the DICOM port is open to the network and takes calls for any AE title",
            "set PACS_DIMSE__CHECK_CALLED_AE_TITLE=true",
        )
    else:
        yield well(f"the DICOM port listens on {dimse.host}; only registered callers come in")


def _is_here_only(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def certificates(look: Look) -> Iterator[Finding]:
    """Do the certificates still hold?"""
    dimse = look.settings.dimse
    for name in dict.fromkeys(filter(None, (dimse.tls_certificate, dimse.tls_authorities))):
        try:
            told = ssl._ssl._test_decode_cert(name)  # type: ignore[attr-defined]  # what the library offers for it
            until = datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC)
        except (OSError, ValueError, KeyError) as error:
            yield unseen(f"the certificate {name} cannot be read: {error}", "correct PACS_DIMSE__TLS_CERTIFICATE")
            continue
        if until < look.now:
            yield wrong(f"the certificate {name} has expired on {until:%Y-%m-%d}", "put a new one in its place")
        elif until - look.now < EXPIRES_SOON:
            days = (until - look.now).days
            yield wrong(f"the certificate {name} expires in {days} days", "put a new one in its place; no restart")
        else:
            yield well(f"the certificate {name} holds until {until:%Y-%m-%d}")
