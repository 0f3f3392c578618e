"""The guard: foreign names and pages, security headers, slow and compressed bodies."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.settings import WebSettings
from pacs.web.guard import Guard
from tests.support.web import OWN, PASSWORD, Site


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8042", 200),
        ("127.0.0.1", 200),
        ("localhost:8042", 200),
        ("LocalHost", 200),
        ("[::1]:8042", 200),
        ("192.168.1.20:8042", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
def test_host_names_that_are_not_ours(site: Site, host: str, status: int) -> None:
    response = site.client().get("/livez", headers={"Host": host})
    assert response.status_code == status
    if status == 421:
        assert "PACS_WEB__ALLOWED_HOSTS" in response.json()["hint"]


def test_names_from_the_settings_are_ours(site: Site) -> None:
    settings = WebSettings(public_url="https://pacs.clinic.example/", allowed_hosts=("Reading-Room",))
    client = TestClient(Guard(site.app._app, settings, lambda *_: None), base_url="http://127.0.0.1")
    for host in ("pacs.clinic.example", "reading-room:8042"):
        assert client.get("/livez", headers={"Host": host}).status_code == 200
    assert client.get("/livez", headers={"Host": "clinic.example"}).status_code == 421


def test_every_answer_carries_the_security_headers(site: Site) -> None:
    client = site.client()
    for path in ("/livez", "/api/session", "/nowhere.js", "/", "/dicom-web/studies"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "media-src 'self'" in policy  # video is played from here alone
        assert "unsafe-inline" not in policy
        assert "'unsafe-eval'" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers
    assert client.get("/api/session").headers["cache-control"] == "no-store"


def test_over_tls_the_browser_is_told_to_stay_there(site: Site) -> None:
    client = TestClient(site.app, base_url="https://127.0.0.1")
    assert "max-age" in client.get("/livez").headers["strict-transport-security"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_changes_with_a_cookie_need_our_own_page(site: Site, method: str) -> None:
    browser = site.browser()
    del browser.headers["X-Suret"]
    path = "/api/session/password"
    assert browser.request(method, path).status_code == 403
    assert browser.request(method, path, headers={"X-Suret": "0"}).status_code == 403
    for site_of_request in ("cross-site", "same-site"):
        headers = {**OWN, "Sec-Fetch-Site": site_of_request}
        assert browser.request(method, path, headers=headers).status_code == 403
    own = browser.request(method, path, headers={**OWN, "Sec-Fetch-Site": "same-origin"})
    assert own.status_code in (405, 415)


def test_signing_in_from_another_page_is_refused(site: Site) -> None:
    credentials = {"name": "aigul", "password": PASSWORD}
    assert site.client().post("/api/session", json=credentials).status_code == 403
    assert site.client().post("/api/session", data=credentials).status_code == 403


def test_a_token_needs_no_page(site: Site) -> None:
    response = site.as_role(Role.ADMIN).post(
        "/api/accounts", json={"name": "bolat", "role": "clinician"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 201


def test_refusals_have_one_form(site: Site) -> None:
    for method, path, status in (
        ("GET", "/api/nowhere", 404),
        ("GET", "/dicom-web/nowhere", 404),
        ("PATCH", "/dicom-web/studies", 405),
        ("GET", "/api/worklist", 401),
    ):
        response = site.client(**OWN).request(method, path)
        assert response.status_code == status
        assert set(response.json()) == {"error", "hint"}
    assert site.client().get("/api/worklist").headers["www-authenticate"] == "Bearer"
    assert site.client(**OWN).patch("/dicom-web/studies").headers["allow"] == "GET, HEAD, POST"


def test_large_bodies_are_refused_before_they_are_read(site: Site) -> None:
    response = site.client(**OWN).post("/api/session", content=b"x" * (1 << 20))
    assert response.status_code == 413


ORIGIN = "https://viewer.clinic.example"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


def test_no_other_page_may_ask_unless_its_origin_is_named(site: Site) -> None:
    token = site.accounts.token("portal", Role.CLINICIAN)
    closed = site.client(token, Origin=ORIGIN).get("/dicom-web/studies")
    assert "access-control-allow-origin" not in closed.headers
    app = Guard(site.app._app, WebSettings(allowed_origins=(ORIGIN,)), lambda *_: None)
    client = TestClient(app, base_url="http://127.0.0.1", headers={"Origin": ORIGIN})
    asked = client.options("/dicom-web/studies", headers=PREFLIGHT)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "access-control-allow-credentials" not in asked.headers
    found = client.get("/dicom-web/studies", headers={"Authorization": f"Bearer {token}"})
    assert (found.status_code, found.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "X-Total-Count" in found.headers["access-control-expose-headers"]
    refused = client.get("/dicom-web/studies")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)
    other = client.get("/dicom-web/studies", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    assert client.options("/dicom-web/studies", headers=PREFLIGHT | {"Origin": "null"}).status_code == 400


@pytest.mark.parametrize(
    "wrong", ["*", "viewer.example", "https://viewer.example/", "https://viewer.example/a", "null"]
)
def test_an_origin_is_named_as_browsers_say_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="without a path"):
        WebSettings(allowed_origins=(wrong,))
