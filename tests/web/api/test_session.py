"""Signing in and out over HTTP: cookies, wrong passwords, too many of them, the one-time password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from tests.support.web import OWN, PASSWORD, URL, Site, open_site


@pytest.fixture
def client(site: Site) -> TestClient:
    site.accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    return site.client(**OWN)


def sign_in(client: TestClient, name: str = "aigul", password: str = PASSWORD) -> Any:
    return client.post("/api/session", json={"name": name, "password": password})


def test_a_day_at_work(client: TestClient) -> None:
    nobody = client.get("/api/session")
    assert (nobody.status_code, nobody.json()) == (200, {"user": None})  # and nothing else of the node
    assert "set-cookie" not in nobody.headers
    signed_in = sign_in(client)
    assert signed_in.status_code == 200
    assert signed_in.json() == {
        "user": {"name": "aigul", "roles": ["radiologist"]},
        "exports": True,
        "version": "0.0.test",
        "offline": {"unused_s": 1800, "longest_s": 43200},
    }
    assert client.get("/api/session").json() == signed_in.json()
    assert client.get("/api/worklist").status_code == 200
    assert client.delete("/api/session").status_code == 204
    assert client.get("/api/worklist").status_code == 401


def test_signing_out_everywhere_but_here(site: Site, client: TestClient) -> None:
    sign_in(client)
    elsewhere = site.browser("aigul")
    others = site.browser("bolat")
    sessions = client.get("/api/sessions").json()["sessions"]
    assert sorted(one["current"] for one in sessions) == [False, True]
    assert all(one["created_at"] <= one["seen_at"] < one["ends_at"] for one in sessions)
    assert client.delete("/api/sessions").json() == {"ended": 1}
    assert elsewhere.get("/api/session").json() == {"user": None}
    assert [browser.get("/api/session").status_code for browser in (client, others)] == [200, 200]


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0, {"unused_s": 0, "longest_s": 0}), (0.25, {"unused_s": 900, "longest_s": 900})],
    ids=["none are kept", "no longer than the site says"],
)
def test_what_devices_may_keep(tmp_path: Path, workers: DecodeWorkers, hours: float, said: dict[str, int]) -> None:
    with open_site(tmp_path, workers, web=WebSettings(offline_hours=hours)) as site:
        site.accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
        assert sign_in(site.client(**OWN)).json()["offline"] == said


def test_the_cookie_over_http_and_over_tls(site: Site, client: TestClient) -> None:
    plain = sign_in(client).headers["set-cookie"]
    assert plain.startswith("suret=")
    secure = sign_in(TestClient(site.app, base_url=URL.replace("http:", "https:"), headers=OWN)).headers["set-cookie"]
    assert secure.startswith("__Host-suret=")
    assert "; Secure" in secure
    for cookie in (plain, secure):
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


def test_wrong_and_unknown_sound_alike(client: TestClient) -> None:
    wrong, unknown = sign_in(client, password="nope"), sign_in(client, name="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["hint"]
    assert "set-cookie" not in wrong.headers


def test_signing_in_again_ends_the_session_before(site: Site, client: TestClient) -> None:
    sign_in(client)
    old = client.cookies["suret"]
    sign_in(client)
    assert client.cookies["suret"] != old
    assert site.sessions.authenticate(old) is None


def test_too_many_failures_from_one_address(tmp_path: Path, workers: DecodeWorkers) -> None:
    with open_site(tmp_path, workers, web=WebSettings(sign_in_attempts_per_minute=3)) as site:
        site.accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
        client = site.client(**OWN)
        for _ in range(5):
            assert sign_in(client).status_code == 200
        for number in range(3):
            assert sign_in(client, name=f"nobody{number}").status_code == 401
        refused = sign_in(client)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 61
        assert refused.json()["hint"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[1]", 400),
        (b'{"name": 1, "password": "x"}', 400),
        (b'{"name": "a", "password": "b", "role": "admin"}', 400),
        (b'{"name": "\xff"}', 400),
        (b"[" * 5000, 400),
    ],
)
def test_bodies_that_are_none(client: TestClient, body: bytes, status: int) -> None:
    response = client.post("/api/session", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.json()["hint"]
    assert client.post("/api/session", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_the_one_time_password_has_to_be_changed(site: Site) -> None:
    made = site.accounts.ensure_administrator("")
    assert made is not None
    client = site.client(**OWN)
    assert sign_in(client, "admin", made).json()["must_change_password"] is True
    assert client.get("/api/session").json()["must_change_password"] is True
    assert client.get("/api/worklist").status_code == 403
    assert client.get("/api/accounts").status_code == 403
    refused = client.post("/api/session/password", json={"current": made, "new": "short"})
    assert refused.status_code == 400
    assert refused.json()["hint"]
    wrong = client.post("/api/session/password", json={"current": "wrong-one-wrong", "new": PASSWORD})
    assert wrong.status_code == 400
    other = site.client(**OWN)
    sign_in(other, "admin", made)
    assert client.post("/api/session/password", json={"current": made, "new": PASSWORD}).status_code == 204
    assert "must_change_password" not in client.get("/api/session").json()
    assert client.get("/api/accounts").status_code == 200
    assert other.get("/api/session").json() == {"user": None}


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        (PASSWORD, "short", "too_short"),
        (PASSWORD, "x" * 1025, "too_long"),
        (PASSWORD, "aigulaigulaigul", "too_easy"),
        (PASSWORD, "a" * 20, "too_easy"),
        (PASSWORD, "passwordpassword", "too_easy"),
        (PASSWORD, "Qwerty12345!", "too_easy"),
        (PASSWORD, "Пароль-2026", "too_easy"),
        (PASSWORD, "abcxyabcxyabcxy", "too_easy"),
        (PASSWORD, PASSWORD, "same"),
        ("wrong-one-wrong", "four quiet words", "current_wrong"),
    ],
)
def test_a_refused_password_is_told_by_a_code_that_a_viewer_can_translate(
    client: TestClient, current: str, new: str, code: str
) -> None:
    sign_in(client)
    refused = client.post("/api/session/password", json={"current": current, "new": new})
    assert refused.status_code == 400
    assert refused.json().keys() == {"error", "hint", "code"}
    assert refused.json()["code"] == code


def test_a_token_has_a_name_but_no_session(site: Site) -> None:
    client = site.as_role(Role.SERVICE)
    assert client.get("/api/session").json()["user"] == {"name": "test-service", "roles": ["service"]}
    assert client.delete("/api/session").status_code == 403
