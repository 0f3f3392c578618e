"""The node's HTTP over a real archive: in the process of the test, or on a real port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from starlette.testclient import TestClient

from pacs.access.accounts import Accounts
from pacs.access.gate import Route
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR, Role
from pacs.access.sessions import Sessions
from pacs.archive.archive import Archive
from pacs.model import Clock, utc_now
from pacs.render.workers import DecodeWorkers
from pacs.settings import Settings, WebSettings
from pacs.web.app import create_app
from pacs.web.guard import Guard
from storage.protocol import ObjectStore
from tests.support.archives import LIMITS, open_archive

PASSWORD = "Correct-horse-battery-1"
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
URL = "http://127.0.0.1:8042"
SOCKET = "ws://127.0.0.1:8042/ws"
OWN = {"X-Suret": "1"}
ANY_FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
ANY_OBJECTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@dataclass(slots=True)
class Site:
    """Everything behind one application."""

    archive: Archive
    accounts: Accounts
    sessions: Sessions
    peers: Peers
    app: Guard
    settings: Settings

    def client(self, token: str = "", **headers: str) -> TestClient:
        """A client with a bearer token, or with none."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return TestClient(self.app, base_url=URL, headers=headers, raise_server_exceptions=True)

    def as_role(self, role: Role) -> TestClient:
        """A client of an account with `role`."""
        return self.client(self.accounts.token(f"test-{role}", role))

    def browser(self, name: str = "aigul", role: Role = Role.RADIOLOGIST) -> TestClient:
        """A client that has signed in with a password and keeps the cookie."""
        if name not in {account.name for account in self.accounts.listing()}:
            self.accounts.create(name, role, PASSWORD, by=OPERATOR)
        client = self.client(**OWN)
        assert client.post("/api/session", json={"name": name, "password": PASSWORD}).status_code == 200
        return client


@contextmanager
def open_site(
    folder: Path,
    workers: DecodeWorkers,
    *,
    web: WebSettings | None = None,
    clock: Clock = utc_now,
    leaves: tuple[Route, ...] = (),
    limits: Any = LIMITS,
    pages: Path | None = None,
    database: str = "",
    store: ObjectStore | None = None,
) -> Iterator[Site]:
    """A site whose files are under `folder`."""
    settings = Settings(data=folder, web=web or WebSettings(sign_in_attempts_per_minute=1000))
    with open_archive(folder / "archive", database=database, store=store, clock=clock, limits=limits) as archive:
        accounts = Accounts(archive.index, clock, CHEAP_HASHER)
        sessions = Sessions(
            archive.index,
            clock,
            idle=timedelta(seconds=settings.web.session_idle_s),
            longest=timedelta(seconds=settings.web.session_max_s),
        )
        peers = Peers(archive.index, clock)
        app = create_app(
            archive,
            accounts,
            sessions,
            workers,
            settings,
            peers=peers,
            leaves=leaves,
            version="0.0.test",
            pages_folder=pages or folder / "no-pages",
        )
        yield Site(archive, accounts, sessions, peers, app, settings)


def parts(response: Any) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart answer, split without the product's own reader: headers in lower case, octets."""
    found = re.fullmatch(r'multipart/related; type="[^"]+"; boundary=(\S+)', response.headers["content-type"])
    assert found is not None, response.headers["content-type"]
    delimiter = b"\r\n--" + found[1].encode()
    before, *middle, after = (b"\r\n" + response.content.removeprefix(b"\r\n")).split(delimiter)
    assert (before, after) == (b"", b"--\r\n")
    result = []
    for part in middle:
        head, _, octets = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode("ascii").split("\r\n")]
        result.append(({name.lower(): value for name, _, value in lines}, octets))
    return result


def multipart(files: list[bytes], boundary: str = "frontier", content_type: str = "application/dicom") -> bytes:
    """A multipart/related body of `files`."""
    line = f"--{boundary}".encode()
    head = f"\r\nContent-Type: {content_type}\r\n\r\n".encode()
    return b"".join(line + head + file + b"\r\n" for file in files) + line + b"--\r\n"


STOW_HEADERS = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=frontier'}
