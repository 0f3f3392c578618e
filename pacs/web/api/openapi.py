"""The OpenAPI 3.1 document of everything the node serves over HTTP, made of the table of routes: /api/openapi.json."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route
from pacs.access.grants import Action
from pacs.access.operation import JSON, Answer, Json, Operation, Parameter, Shape, gives
from pacs.access.principals import Principal
from pacs.access.sessions import COOKIE
from pacs.web.dicomweb.answers import entity_tag, known_to
from pacs.web.guard import OWN_HEADER

CACHE: Final = "no-cache"
PATH: Final = "/api/openapi.json"
API_VERSION: Final = "1"
"""Of the interface, not of the product, which is nobody's business who is not signed in."""

REFUSAL: Final = "#/components/schemas/Refusal"
_REFUSAL_SCHEMA: Final = MappingProxyType(
    {
        "type": "object",
        "description": "What went wrong, and what to do.",
        "properties": {
            "error": {"type": "string"},
            "hint": {"type": "string"},
            "code": {"type": "string"},
            "fields": {
                "type": "object",
                "description": "the code of the mistake in each field of the body that has one",
                "additionalProperties": {"type": "string"},
            },
        },
        "required": ["error", "hint"],
        "additionalProperties": False,
    }
)
STATUS_WORDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        304: "the client has it already (If-None-Match)",
        400: "the request is not understood",
        401: "sign in first",
        403: "not permitted, or asked by another site's page",
        404: "there is no such thing, or not for this caller",
        406: "it cannot be given in a form that is accepted",
        408: "the body came too slowly",
        409: "it cannot be done as things are now",
        410: "it was there and is gone",
        413: "the body is too large",
        415: "a body of that type is not read",
        416: "there are no such bytes",
        421: "the node does not answer to that name",
        422: "what is stored cannot be read",
        429: "too many attempts, or too much begun; Retry-After says when to try again",
        502: "the other system failed",
        503: "not now; try again",
        507: "there is no room",
    }
)
_WITHOUT_BODY: Final = frozenset({304})
_UID: Final = Json({"type": "string", "pattern": r"^[0-9.]{1,64}$"})
_PATH_PARAMETERS: Final[Mapping[str, tuple[str, Json]]] = MappingProxyType(
    {
        "study": ("Study Instance UID", _UID),
        "series": ("Series Instance UID", _UID),
        "instance": ("SOP Instance UID", _UID),
        "frames": (
            "numbers of frames, from 1, with commas between them",
            Json({"type": "string", "pattern": r"^[1-9][0-9]{0,8}(,[1-9][0-9]{0,8})*$"}),
        ),
    }
)
_PARAMETER: Final = re.compile(r"\{(\w+)(:path)?\}")


def routes(table: Sequence[object]) -> list[Route]:
    """Where the document about `table`, and itself, is given; nothing of it is a secret."""

    made = cache(lambda: msgspec.json.encode(document([own, *table])))

    async def show(request: Request, principal: Principal) -> Response:
        content = made()
        headers = {"etag": entity_tag(content.decode()), "cache-control": CACHE}
        if known_to(request, headers["etag"]):
            return Response(None, 304, headers)
        return Response(content, 200, headers, JSON)

    says = Operation("This document", (gives(Json({"type": "object"}), "OpenAPI 3.1"),), refusals=(304,))
    own = Route(("GET",), PATH, show, Action.PUBLIC, says=says)
    return [own]


def document(table: Sequence[object]) -> dict[str, Any]:
    """The OpenAPI document of the routes. Raises ValueError for two different shapes of one name."""
    shapes = _Shapes()
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        if isinstance(route, Route) and route.says is not None:  # what is no route the gate refuses
            for method in route.methods:
                paths.setdefault(plain_path(route.path), {})[method.lower()] = _operation(route, method, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Suret",
            "version": API_VERSION,
            "description": "Everything the node serves over HTTP. A method GET is answered to HEAD too.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": {"Refusal": dict(_REFUSAL_SCHEMA), **shapes.named},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "made with `pacs user token`"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"of POST /api/session; what changes anything needs the header {OWN_HEADER}: 1 too",
                },
            },
        },
    }


def plain_path(path: str) -> str:
    """The path of a route as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", path)


def statuses(route: Route) -> set[int]:
    """Every status of refusal that a route may answer with: its own and those which the gate and the guard give."""
    says = route.says
    assert says is not None
    public = route.action in (Action.PUBLIC, Action.SIGN_IN)
    found = {*says.refusals, 401, 421, 503}  # a token that is no longer good is refused wherever it is shown
    found |= set() if public else {403}
    found |= {404} if route.study or route.task else set()
    found |= {403} if not {"GET", "OPTIONS"} & set(route.methods) else set()
    if says.body is not None:
        found |= {400, 408, 413, 415}
    return found


class _Shapes:
    """Shapes as JSON Schema; those that have a name are collected."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def schema(self, shape: Shape) -> dict[str, Any]:
        """What a shape is in JSON Schema."""
        if isinstance(shape, Json):
            if not shape.name:
                return dict(shape.schema)
            self._keep(shape.name, dict(shape.schema))
            return {"$ref": f"#/components/schemas/{shape.name}"}
        if isinstance(shape, Mapping):
            properties = {name: self.schema(inner) for name, inner in shape.items()}
            return {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        if isinstance(shape, list):
            return {"type": "array", "items": self.schema(shape[0])}
        [made], named = msgspec.json.schema_components((shape,), ref_template="#/components/schemas/{name}")
        for name, schema in named.items():
            self._keep(name, schema)
        return made

    def _keep(self, name: str, schema: Any) -> None:
        if self.named.setdefault(name, schema) != schema or name == "Refusal":
            raise ValueError(f"two shapes have the name {name}")


def _operation(route: Route, method: str, shapes: _Shapes) -> dict[str, Any]:
    says = route.says
    assert says is not None
    responses = {str(answer.status): _answer(answer, shapes) for answer in says.answers}
    for status in sorted(statuses(route)):
        responses.setdefault(str(status), _refusal(status))
    parameters = [_in_path(name) for name, _ in _PARAMETER.findall(route.path)]
    parameters += [_parameter(parameter, shapes) for parameter in says.parameters]
    if says.any_parameters:
        parameters.append(
            {
                "name": "attributes",
                "in": "query",
                "description": says.any_parameters,
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "style": "form",
                "explode": True,
            }
        )
    made: dict[str, Any] = {
        "operationId": _identifier(method, route.path),
        "summary": says.summary,
        "tags": [_tag(route.path)],
        "responses": responses,
    }
    if says.words:
        made["description"] = says.words
    if parameters:
        made["parameters"] = parameters
    if says.body is not None:
        schema = {"type": "string", "format": "binary"} if says.body.shape is None else shapes.schema(says.body.shape)
        content = {media_type: {"schema": schema} for media_type in says.body.media_types}
        made["requestBody"] = {"required": says.body.required, "content": content}
    if route.action in (Action.PUBLIC, Action.SIGN_IN):
        made["security"] = []
    if route.websocket:
        made["x-websocket"] = True
    return made


def _answer(answer: Answer, shapes: _Shapes) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.words}
    if answer.media_types:
        schema = {} if answer.shape is None else {"schema": shapes.schema(answer.shape)}
        made["content"] = {name: schema if _is_json(name) else {} for name in answer.media_types}
        if answer.status in STATUS_WORDS:  # of the whole request, or of everything in it
            made["content"].setdefault(JSON, {"schema": {"$ref": REFUSAL}})
    if answer.headers:
        made["headers"] = {
            name: {"description": words, "schema": {"type": "string"}} for name, words in answer.headers.items()
        }
    return made


def _refusal(status: int) -> dict[str, Any]:
    made: dict[str, Any] = {"description": STATUS_WORDS[status]}
    if status not in _WITHOUT_BODY:
        made["content"] = {JSON: {"schema": {"$ref": REFUSAL}}}
    return made


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].endswith(("/json", "+json"))


def _in_path(name: str) -> dict[str, Any]:
    words, schema = _PATH_PARAMETERS.get(name, (name, Json({"type": "string", "minLength": 1})))
    return {"name": name, "in": "path", "required": True, "description": words, "schema": dict(schema.schema)}


def _parameter(parameter: Parameter, shapes: _Shapes) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.words,
        "schema": shapes.schema(parameter.shape),
    }


def _identifier(method: str, path: str) -> str:
    return f"{method.lower()}_" + re.sub(r"\W+", "_", plain_path(path)).removeprefix("_")


def _tag(path: str) -> str:
    return path.strip("/").partition("/")[0] if path.count("/") > 1 else "node"
