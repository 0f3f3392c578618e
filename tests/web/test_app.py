"""Every mounted route against every kind of caller: what each may is written here once more, and compared."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pacs.access.gate import Gate, Route
from pacs.access.grants import Action
from pacs.access.principals import Principal, Role
from pacs.render.workers import DecodeWorkers
from tests.support.archives import send
from tests.support.factories import ct_slice
from tests.support.web import OWN, SOCKET, Site, open_site

EVERYBODY = {"anonymous", "task", *Role}
SIGNED_IN = set(Role)
READERS = {"task", *Role}
ADMIN = {Role.ADMIN}
SCHEDULERS = SIGNED_IN - {Role.CLINICIAN}
STORERS = {"task", *SIGNED_IN} - {Role.CLINICIAN}
REJECTERS = SIGNED_IN - {Role.CLINICIAN, Role.SERVICE}

STUDY, SERIES, INSTANCE = "{study}", "{study}/series/{series}", "{study}/series/{series}/instances/{instance}"
STUDIES = "/dicom-web/studies/"

ALLOWED: dict[tuple[str, str], set[Any]] = {
    ("GET", "/dicom-web/studies"): READERS,
    ("GET", "/dicom-web/series"): READERS,
    ("GET", "/dicom-web/instances"): READERS,
    ("GET", f"{STUDIES}{STUDY}/series"): READERS,
    ("GET", f"{STUDIES}{STUDY}/instances"): READERS,
    ("GET", f"{STUDIES}{SERIES}/instances"): READERS,
    **{
        ("GET", STUDIES + path + rest): READERS
        for path in (STUDY, SERIES, INSTANCE)
        for rest in ("", "/metadata", "/rendered", "/thumbnail")
    },
    **{
        ("GET", f"{STUDIES}{SERIES}/{rest}"): READERS
        for rest in ("renderedmpr", "renderedMPR", "rendered3d", "rendered3D")
    },
    **{("GET", f"{STUDIES}{INSTANCE}/frames/{{frames}}{rest}"): READERS for rest in ("", "/rendered", "/thumbnail")},
    ("GET", f"{STUDIES}{INSTANCE}/bulkdata/{{path:path}}"): READERS,
    **{
        ("GET", f"{STUDIES}{path}/{rest}"): READERS
        for path in (STUDY, SERIES, INSTANCE)
        for rest in ("bulkdata", "pixeldata")
    },
    ("GET", "/wado"): READERS,
    ("GET", "/api/studies/{study}/first-picture"): READERS,
    ("GET", "/api/openapi.json"): EVERYBODY,
    ("OPTIONS", "/dicom-web"): EVERYBODY,
    ("OPTIONS", "/dicom-web/"): EVERYBODY,
    **{("DELETE", STUDIES + path): ADMIN for path in (STUDY, SERIES, INSTANCE)},
    ("GET", "/api/extended-query-tags"): READERS,
    ("POST", "/api/extended-query-tags"): ADMIN,
    ("GET", "/api/extended-query-tags/{id}"): READERS,
    ("PATCH", "/api/extended-query-tags/{id}"): ADMIN,
    ("DELETE", "/api/extended-query-tags/{id}"): ADMIN,
    ("GET", "/api/extended-query-tags/{id}/errors"): ADMIN,
    ("GET", "/api/deletions"): REJECTERS,
    ("POST", "/api/rejections"): REJECTERS,
    ("POST", "/api/deletions/{id}/restore"): REJECTERS,
    ("POST", "/api/deletions/{id}/erase"): ADMIN,
    ("GET", "/api/corrections"): REJECTERS,
    ("POST", "/api/corrections"): REJECTERS,
    ("POST", "/api/corrections/{id}/undo"): REJECTERS,
    ("POST", "/api/moves"): REJECTERS,
    ("POST", "/api/merges"): ADMIN,
    ("GET", "/api/changes"): READERS,
    ("GET", "/api/performed-procedure-steps"): SCHEDULERS,
    ("GET", "/api/performed-procedure-steps/{uid}"): SCHEDULERS,
    ("GET", "/dicom-web/workitems"): SCHEDULERS,
    ("POST", "/dicom-web/workitems"): SCHEDULERS,
    ("GET", "/dicom-web/workitems/{uid}"): SCHEDULERS,
    ("POST", "/dicom-web/workitems/{uid}"): SCHEDULERS,
    ("PUT", "/dicom-web/workitems/{uid}/state"): SCHEDULERS,
    ("POST", "/dicom-web/workitems/{uid}/cancelrequest"): SCHEDULERS,
    ("POST", "/dicom-web/workitems/{uid}/subscribers/{aet}"): SCHEDULERS,
    ("DELETE", "/dicom-web/workitems/{uid}/subscribers/{aet}"): SCHEDULERS,
    ("POST", "/dicom-web/workitems/{uid}/subscribers/{aet}/suspend"): SCHEDULERS,
    ("GET", "/ws/subscribers/{aet}"): SCHEDULERS,
    ("POST", "/dicom-web/studies"): READERS - {Role.CLINICIAN},
    ("POST", f"{STUDIES}{STUDY}"): READERS - {Role.CLINICIAN},
    ("POST", "/api/uploads"): READERS - {Role.CLINICIAN},
    **{(method, "/api/uploads/{id}"): READERS - {Role.CLINICIAN} for method in ("GET", "PATCH", "DELETE")},
    ("GET", "/api/export"): READERS - {"task"},
    ("POST", "/api/export/pictures"): READERS - {"task"},
    ("GET", "/api/preferences"): SIGNED_IN,
    **{(method, "/api/preferences/{name}"): SIGNED_IN for method in ("PUT", "DELETE")},
    ("GET", "/api/studies/{study}/doubt"): READERS,
    ("GET", "/api/studies/{study}/reading"): READERS,
    ("POST", "/api/studies/{study}/reading"): {Role.ADMIN, Role.RADIOLOGIST},
    ("GET", "/api/session"): EVERYBODY - {"task"},
    ("POST", "/api/session"): EVERYBODY,
    ("DELETE", "/api/session"): SIGNED_IN,
    ("POST", "/api/session/password"): SIGNED_IN,
    ("GET", "/api/sessions"): SIGNED_IN,
    ("DELETE", "/api/sessions"): SIGNED_IN,
    ("GET", "/api/worklist"): READERS,
    ("GET", "/api/modality-worklist"): SCHEDULERS,
    ("POST", "/api/modality-worklist"): SCHEDULERS,
    ("GET", "/api/modality-worklist/{study}/{step:path}"): SCHEDULERS,
    ("PUT", "/api/modality-worklist/{study}/{step:path}"): SCHEDULERS,
    ("DELETE", "/api/modality-worklist/{study}/{step:path}"): SCHEDULERS,
    **{
        ("POST", f"/api/studies/{STUDY}/{name}"): STORERS
        for name in ("measurements", "key-images", "presentation-states")
    },
    ("GET", "/ws"): SIGNED_IN - {Role.SERVICE},
    ("GET", "/api/peers"): ADMIN,
    ("GET", "/api/peers/activity"): ADMIN,
    ("POST", "/api/peers"): ADMIN,
    ("PUT", "/api/peers/{ae_title}"): ADMIN,
    ("DELETE", "/api/peers/{ae_title}"): ADMIN,
    ("GET", "/api/accounts"): ADMIN,
    ("POST", "/api/accounts"): ADMIN,
    ("POST", "/api/accounts/{name}/password"): ADMIN,
    ("POST", "/api/accounts/{name}/disabled"): ADMIN,
    ("POST", "/api/accounts/{name}/role"): ADMIN,
    ("DELETE", "/api/accounts/{name}/lock"): ADMIN,
    ("DELETE", "/api/accounts/{name}/sessions"): ADMIN,
    ("POST", "/api/accounts/{name}/tokens"): ADMIN,
    ("DELETE", "/api/accounts/{name}/tokens"): ADMIN,
    ("GET", "/livez"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
    ("GET", "/{path:path}"): EVERYBODY,
}


def mounted(site: Site) -> tuple[Route, ...]:
    gate = site.app._app
    assert isinstance(gate, Gate)
    return gate.routes


def test_the_table_names_every_route(site: Site) -> None:
    assert {(method, route.path) for route in mounted(site) for method in route.methods} == set(ALLOWED)


def test_every_route_of_a_study_names_it_to_the_gate(site: Site) -> None:
    for route in mounted(site):
        assert (route.study == "study") is ("{study}" in route.path), route.path


def test_every_caller_on_every_route(site: Site) -> None:
    sent = ct_slice()
    send(site.archive, sent)
    uids = {"study": sent.StudyInstanceUID, "series": sent.SeriesInstanceUID, "instance": sent.SOPInstanceUID}
    expires_at = site.archive.clock() + timedelta(hours=1)
    callers: dict[Any, TestClient] = {role: site.as_role(role) for role in Role}
    callers["task"] = site.client(site.accounts.task_token(sent.StudyInstanceUID, "01TASK", expires_at))
    callers["anonymous"] = site.client(**OWN)
    checked = 0
    for route in mounted(site):
        if route.websocket:
            continue
        path = route.path.replace("{path:path}", "7FE00010" if "bulkdata" in route.path else "")
        path = path.replace("{step:path}", "STEP1")
        path = path.format(**uids, frames="1", ae_title="NOBODY", name="nobody", uid="1.2", aet="NOBODY", id="01NONE")
        for method in route.methods:
            for name, client in callers.items():
                status = client.request(method, path).status_code
                refused = status == 401 if name == "anonymous" else status == 403
                assert refused is (name not in ALLOWED[method, route.path]) or (
                    # a caller without a session has none to end or to change the password of
                    path.startswith("/api/session") and status == 403 and method != "GET"
                ), (method, path, name, status)
                assert status != 500
                checked += 1
    assert checked > 250


@pytest.mark.parametrize("role", [*Role, "task", "anonymous"])
def test_who_may_watch(site: Site, role: Any) -> None:
    if role == "task":
        client = site.client(site.accounts.task_token("1.2", "01T", site.archive.clock() + timedelta(hours=1)))
    else:
        client = site.client() if role == "anonymous" else site.as_role(role)
    if role in ALLOWED["GET", "/ws"]:
        with client.websocket_connect(SOCKET) as socket:
            assert socket.receive_json()["kind"] == "hello"
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET):
            pass


def test_leaves_are_mounted_and_pass_the_same_gate(tmp_path: Path, workers: DecodeWorkers) -> None:
    async def answer(request: Request, principal: Principal) -> Response:
        return Response(principal.task_id)

    leaf = Route(("POST",), "/ai/v1/tasks/{task}/result", answer, Action.ANSWER_TASK, task="task")
    with open_site(tmp_path, workers, leaves=(leaf,)) as site:
        expires_at = site.archive.clock() + timedelta(hours=1)
        scoped = site.client(site.accounts.task_token("1.2", "01TASK", expires_at))
        assert scoped.post("/ai/v1/tasks/01TASK/result").text == "01TASK"
        assert scoped.post("/ai/v1/tasks/02TASK/result").status_code == 404
        assert site.as_role(Role.ADMIN).post("/ai/v1/tasks/01TASK/result").status_code == 403


def test_a_leaf_that_is_no_route_is_refused(tmp_path: Path, workers: DecodeWorkers) -> None:
    with pytest.raises(TypeError), open_site(tmp_path, workers, leaves=(object(),)):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (
            OperationalError("SELECT 'Doe^John'", {}, psycopg.OperationalError("server closed the connection")),
            503,
            "database_away",
        ),
        (OSError(errno.EIO, "Input/output error", "Doe^John"), 503, "disk_failed"),
        (OSError(errno.ENOSPC, "No space left on device", "Doe^John"), 507, "no_room"),
    ],
    ids=["database", "disk", "room"],
)
def test_what_fails_beneath_a_request_passes(
    tmp_path: Path, workers: DecodeWorkers, error: Exception, status: int, code: str
) -> None:
    async def broken(request: Request, principal: Principal) -> Response:
        raise error

    leaf = Route(("GET",), "/broken", broken, Action.PUBLIC)
    with open_site(tmp_path, workers, leaves=(leaf,)) as site:
        response = site.client().get("/broken")
    assert response.status_code == status
    assert "retry-after" in response.headers
    assert response.json()["code"] == code
    assert "Doe" not in response.text


def test_an_error_of_our_own_tells_nothing_but_a_number(
    tmp_path: Path, workers: DecodeWorkers, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(request: Request, principal: Principal) -> Response:
        patient = "Doe^John"
        raise ValueError(f"cannot read {patient}")

    leaf = Route(("GET",), "/broken", broken, Action.PUBLIC)
    with open_site(tmp_path, workers, leaves=(leaf,)) as site:
        response = site.client().get("/broken")
    assert response.status_code == 500
    assert "Doe" not in response.text
    logged = capsys.readouterr().out
    assert "request_broke" in logged
    assert "Doe" not in logged
    assert response.json()["hint"].rpartition(" ")[2] in logged
