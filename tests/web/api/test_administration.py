"""What an administrator does over HTTP: peers, unknown callers, accounts and tokens."""

from __future__ import annotations

import msgspec
import pytest
from starlette.testclient import TestClient

from pacs.access.peer import ORDINARY
from pacs.access.principals import Role
from tests.support.web import PASSWORD, Site


@pytest.fixture
def admin(site: Site) -> TestClient:
    site.accounts.ensure_administrator(PASSWORD)
    return site.as_role(Role.ADMIN)


def test_an_unknown_caller_becomes_a_peer(site: Site, admin: TestClient) -> None:
    site.peers.note_unknown("CT1", "SURET", "10.0.0.5")
    [caller] = admin.get("/api/peers").json()["unknown_callers"]
    assert (caller["ae_title"], caller["address"], caller["attempts"]) == ("CT1", "10.0.0.5", 1)
    new = {"ae_title": "CT1", "host": "10.0.0.5", "port": 104, "verbs": ["store", "echo"]}
    assert admin.post("/api/peers", json=new).status_code == 201
    page = admin.get("/api/peers").json()
    assert page["unknown_callers"] == []
    ordinary = msgspec.json.decode(msgspec.json.encode(ORDINARY))
    expected = {**new, "verbs": ["echo", "store"], "options": ordinary, "created_at": ""}
    assert page["peers"][0] | {"created_at": ""} == expected
    assert admin.post("/api/peers", json=new).status_code == 400
    assert admin.put("/api/peers/CT1", json={**new, "port": 11112}).status_code == 204
    assert admin.get("/api/peers").json()["peers"][0]["port"] == 11112
    assert admin.delete("/api/peers/CT1").status_code == 204
    assert admin.delete("/api/peers/CT1").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"ae_title": "", "host": "h", "port": 1, "verbs": ["store"]},
        {"ae_title": "TOO-LONG-A-TITLE-X", "host": "h", "port": 1, "verbs": ["store"]},
        {"ae_title": "A", "host": "h", "port": 0, "verbs": ["store"]},
        {"ae_title": "A", "host": "h", "port": 1, "verbs": ["rule"]},
        {"ae_title": "A", "host": "h", "port": 1, "verbs": ["store"], "options": {"tsl": True}},
        {"ae_title": "A", "host": "h", "port": 1, "verbs": ["store"], "options": {"duplicates": "supersede"}},
        {"ae_title": "A", "host": "h", "port": "1", "verbs": ["store"]},
        {"ae_title": "A", "host": "h", "port": 1},
    ],
)
def test_malformed_peers(admin: TestClient, body: dict[str, object]) -> None:
    response = admin.post("/api/peers", json=body)
    assert response.status_code == 400, response.text
    assert admin.get("/api/peers").json()["peers"] == []


def test_an_account_from_its_making_to_its_end(site: Site, admin: TestClient) -> None:
    new = {"name": "aigul", "role": "radiologist", "password": PASSWORD}
    made = admin.post("/api/accounts", json=new)
    assert made.status_code == 201
    assert made.json()["must_change_password"] is True
    assert "password" not in made.text.replace("must_change_password", "")
    assert admin.post("/api/accounts", json=new).status_code == 400
    token = admin.post("/api/accounts/aigul/tokens").json()["token"]
    assert site.client(token).get("/api/worklist").status_code == 200
    assert admin.delete("/api/accounts/aigul/tokens").json() == {"revoked": 1}
    assert site.client(token).get("/api/worklist").status_code == 401
    browser = site.browser("aigul")
    assert admin.post("/api/accounts/aigul/password", json={"password": "Another-one-5"}).status_code == 204
    assert browser.get("/api/session").status_code == 401
    assert admin.post("/api/accounts/aigul/disabled", json={"disabled": True}).status_code == 204
    names = {account["name"]: account["disabled"] for account in admin.get("/api/accounts").json()["accounts"]}
    assert names == {"admin": False, "aigul": True, "test-admin": False}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"name": "a b", "role": "clinician"}),
        ("", {"name": "ok", "role": "king"}),
        ("", {"name": "ok", "role": "clinician", "password": "short"}),
        ("/nobody/password", {"password": PASSWORD}),
        ("/nobody/disabled", {"disabled": True}),
        ("/admin/disabled", {"disabled": "yes"}),
    ],
)
def test_malformed_accounts(admin: TestClient, path: str, body: dict[str, object]) -> None:
    response = admin.post(f"/api/accounts{path}", json=body)
    assert response.status_code == (404 if "nobody" in path else 400), response.text
    assert response.json()["hint"]
