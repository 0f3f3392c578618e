"""The OpenAPI document: every route is in it, and what it says of each is what the node does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from jsonschema_rs import validator_for
from starlette.testclient import TestClient

from pacs.access.gate import Gate, Route
from pacs.access.grants import Action
from pacs.access.principals import Role
from pacs.access.sessions import Sessions
from pacs.model import utc_now
from pacs.node import build
from pacs.settings import ArchiveSettings, Settings, WebSettings
from pacs.web.api.openapi import PATH, plain_path, statuses
from tests.support.archives import send
from tests.support.factories import ct_slice
from tests.support.web import OWN, Site


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the routes of every part of a node, which does not run."""
    settings = Settings(
        data=tmp_path_factory.mktemp("node"),
        web=WebSettings(port=0, sign_in_attempts_per_minute=1000),
        archive=ArchiveSettings(ballast_bytes=0),
    )
    node = build(settings)
    core = node.core
    sessions = Sessions(core.archive.index, utc_now, idle=timedelta(hours=1), longest=timedelta(hours=1))
    app: Any = node.web._config.app
    try:
        yield Site(core.archive, core.accounts, sessions, core.peers, app, settings)
    finally:
        node.close()


def mounted(site: Site) -> list[tuple[str, Route]]:
    gate = site.app._app
    assert isinstance(gate, Gate)
    return [(method, route) for route in gate.routes for method in route.methods]


@pytest.fixture(scope="module")
def described(whole: Site) -> dict[str, Any]:
    response = whole.client().get(PATH)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_every_route_is_described_beside_itself(whole: Site, described: dict[str, Any]) -> None:
    """A route that says nothing of itself is told here: give it `says=Operation(…)` (`pacs/access/operation.py`)."""
    silent = [f"{method} {route.path}" for method, route in mounted(whole) if route.says is None]
    assert silent == []
    told = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert told == {(method, plain_path(route.path)) for method, route in mounted(whole)}


def test_it_is_valid_and_the_same_again(whole: Site, described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    for name, schema in described["components"]["schemas"].items():
        assert validator_for(schema | {"components": described["components"]}), name
    identifiers = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert len(identifiers) == len(set(identifiers))
    client = whole.client()
    etag = client.get(PATH).headers["etag"]
    assert client.get(PATH, headers={"If-None-Match": etag}).status_code == 304


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    names = {reference.rpartition("/")[2] for reference in references(described)}
    assert names <= set(described["components"]["schemas"])
    assert {"Refusal", "DataSet", "NewPeer"} <= names


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.fixture(scope="module")
def sent(whole: Site) -> dict[str, str]:
    slice_ = ct_slice()
    send(whole.archive, slice_)
    return {
        "study": slice_.StudyInstanceUID,
        "series": slice_.SeriesInstanceUID,
        "instance": slice_.SOPInstanceUID,
        "frames": "1",
    }


@pytest.fixture(scope="module")
def admin(whole: Site) -> TestClient:
    """Signed in with a password: a token has no session to be asked about."""
    return whole.browser("admin", Role.ADMIN)


def requests(site: Site, **values: str) -> Iterator[tuple[str, Route, str]]:
    """Each method and route with an address of it: of things that are not there but for `values`."""
    for method, route in mounted(site):
        path = route.path.replace("{path:path}", "7FE00010" if "bulkdata" in route.path else "nothing.js")
        if not route.websocket:
            yield method, route, re.sub(r"\{(\w+)[^}]*\}", lambda found: values.get(found[1], "1"), path)


def test_refusals_of_gate_and_guard_are_as_described(whole: Site, admin: TestClient) -> None:
    nobody, clinician = whole.client(**OWN), whole.as_role(Role.CLINICIAN)
    for method, route, path in requests(whole):
        told = statuses(route)
        assert admin.request(method, path, headers={"Host": "evil.example"}).status_code == 421
        public = route.action in (Action.PUBLIC, Action.SIGN_IN)
        assert (nobody.request(method, path).status_code == 401) is not public, (method, path)
        answered = clinician.request(method, path).status_code
        assert answered in told | {answer.status for answer in route.says.answers if route.says}, (method, path)


def test_bodies_that_are_not_read_are_refused_as_described(whole: Site, admin: TestClient) -> None:
    for method, route, path in requests(whole):
        body = route.says.body if route.says else None
        if body is None or route.action is Action.ANSWER_TASK:
            continue
        wrong = admin.request(method, path, content=b"x", headers={"Content-Type": "text/x-wrong"})
        assert wrong.status_code == 415, (method, path, wrong.text)
        if path == "/api/uploads":
            continue  # octets, which nobody looks into before they are complete
        broken = admin.request(method, path, content=b"{", headers={"Content-Type": body.media_types[0]})
        assert broken.status_code == 400, (method, path, broken.text)
        if route.body_bytes_max is not None:
            large = admin.request(method, path, content=bytes(route.body_bytes_max + 1))
            assert large.status_code == 413, (method, path)


def test_every_parameter_of_a_form_is_looked_at(whole: Site, admin: TestClient, sent: dict[str, str]) -> None:
    """Whatever has a form is refused in another one; a parameter that nobody reads would be taken."""
    looked_at = 0
    for method, route, path in requests(whole, **sent):
        parameters = route.says.parameters if route.says else ()
        needed = {parameter.name: sent["study"] for parameter in parameters if parameter.required}
        for parameter in parameters:
            schema = getattr(parameter.shape, "schema", {})
            if parameter.where == "query" and {"pattern", "enum", "minimum"} & set(schema):
                response = admin.request(method, path, params=needed | {parameter.name: "|||"})
                assert response.status_code == 400, (method, path, parameter.name, response.status_code)
                looked_at += 1
    assert looked_at > 50
