"""What an administrator does over HTTP: peers, unknown callers, accounts and tokens."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from pacs.access.peer import ORDINARY
from pacs.access.principals import Role
from tests.support.archives import send
from tests.support.factories import ct_slice
from tests.support.web import OWN, PASSWORD, Site


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
    refused = admin.post("/api/peers", json=new)
    assert (refused.status_code, refused.json()["code"]) == (400, "peer_exists")
    assert refused.json()["fields"] == {"ae_title": "peer_exists"}
    assert admin.put("/api/peers/CT1", json={**new, "port": 11112}).status_code == 204
    assert admin.get("/api/peers").json()["peers"][0]["port"] == 11112
    wrong = admin.put("/api/peers/CT1", json={**new, "host": "ct room", "port": 0, "verbs": []}).json()
    assert wrong["fields"] == {"host": "peer_host", "port": "peer_port", "verbs": "peer_verbs"}
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
    assert browser.get("/api/session").json() == {"user": None}
    assert admin.post("/api/accounts/aigul/disabled", json={"disabled": True}).status_code == 204
    names = {account["name"]: account["disabled"] for account in admin.get("/api/accounts").json()["accounts"]}
    assert names == {"admin": False, "aigul": True, "test-admin": False}


def test_what_an_administrator_sees_and_changes_of_an_account(site: Site, admin: TestClient) -> None:
    def seen() -> dict[str, Any]:
        [found] = [one for one in admin.get("/api/accounts").json()["accounts"] if one["name"] == "aigul"]
        return found

    browser = site.browser("aigul")
    script = site.client(site.accounts.token("aigul"))
    sent = [ct_slice(study=study) for study in ("one", "two")]
    for each in sent:
        send(site.archive, each)
    for _ in range(2):  # a study that is looked at twice is one
        for each in sent:
            assert browser.get(f"/dicom-web/studies/{each.StudyInstanceUID}/metadata").status_code == 200
    site.archive.index.write(lambda _: None)  # the records of the audit are before this
    found = seen()
    assert (found["sessions"], found["tokens"], found["studies_viewed"], found["locked_until"]) == (1, 1, 2, None)
    assert found["signed_in_at"] > found["created_at"]

    guess = {"name": "aigul", "password": "wrong-and-wrong"}
    while site.client(**OWN).post("/api/session", json=guess).status_code == 401:
        pass
    assert seen()["locked_until"] is not None
    assert admin.delete("/api/accounts/aigul/lock").status_code == 204
    assert seen()["locked_until"] is None
    site.browser("aigul")
    assert admin.delete("/api/accounts/aigul/sessions").json() == {"ended": 2}
    assert browser.get("/api/session").json() == {"user": None}

    assert script.get("/api/deletions").status_code == 200
    assert admin.post("/api/accounts/aigul/role", json={"role": "clinician"}).status_code == 204
    assert script.get("/api/deletions").status_code == 403
    roles = admin.get("/api/accounts").json()["roles"]
    assert "correct" in roles["radiologist"]
    assert "correct" not in roles[seen()["role"]]


def test_the_last_administrator_stays_one(site: Site) -> None:
    site.accounts.ensure_administrator(PASSWORD)
    alone = site.client(site.accounts.token("admin"))
    refused = alone.post("/api/accounts/admin/role", json={"role": "clinician"})
    assert (refused.status_code, refused.json()["hint"]) == (400, "make another administrator first")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/nobody/role", {"role": "clinician"}),
        ("/admin/role", {"role": "king"}),
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
