"""What is searched besides the catalogue: /api/extended-query-tags."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Endpoint, Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Operation, done, gives
from pacs.access.principals import Principal
from pacs.archive.extended import ExtendedTag, ExtendedTags, TagError
from pacs.web.api.bodies import body_as, plain

PATH: Final = "/api/extended-query-tags"


class NewTag(msgspec.Struct, forbid_unknown_fields=True):
    """The body that adds a tag: eight hexadecimal digits or a keyword; `vr` may be left out where a dictionary knows
    it."""

    tag: str
    vr: str = ""
    private_creator: str = ""
    level: str = "instance"


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """The body that allows or forbids to ask for a tag."""

    enabled: bool


def routes(tags: ExtendedTags) -> list[Route]:
    """List, show, add, allow and forbid, remove."""

    async def listing(request: Request, principal: Principal) -> Response:
        return JSONResponse({"tags": [_shown(one) for one in await in_thread(tags.listing)]})

    async def show(request: Request, principal: Principal) -> Response:
        return JSONResponse(_shown(await in_thread(tags.get, request.path_params["id"])))

    async def errors(request: Request, principal: Principal) -> Response:
        found = await in_thread(tags.errors, request.path_params["id"], by=principal)
        return JSONResponse({"errors": plain(found)})

    async def add(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewTag)
        made = await in_thread(tags.add, new.tag, new.vr, new.private_creator, new.level, by=principal)
        return JSONResponse(_shown(made), 202, {"location": f"{PATH}/{made.tag}"})

    async def change(request: Request, principal: Principal) -> Response:
        enabled = (await body_as(request, Change)).enabled
        return JSONResponse(_shown(await in_thread(tags.enable, request.path_params["id"], enabled, by=principal)))

    async def remove(request: Request, principal: Principal) -> Response:
        await in_thread(tags.remove, request.path_params["id"], by=principal)
        return Response(None, 204)

    one = f"{PATH}/{{id}}"
    shown, unknown = gives(ExtendedTag, "the tag"), (400, 404)
    return [
        _route("GET", PATH, listing, Operation("Extended query tags", (gives({"tags": list[ExtendedTag]}, "all"),))),
        _route(
            "POST",
            PATH,
            add,
            Operation(
                "Have another attribute searched",
                (gives(ExtendedTag, "it is being indexed", 202, location="the tag"),),
                body=Body(NewTag),
                refusals=(409,),
            ),
        ),
        _route("GET", one, show, Operation("An extended query tag and how far it is", (shown,), refusals=unknown)),
        _route(
            "PATCH",
            one,
            change,
            Operation("Allow or forbid to ask for it", (shown,), body=Body(Change), refusals=(404,)),
        ),
        _route("DELETE", one, remove, Operation("Search it no more", (done("it goes"),), refusals=unknown)),
        _route(
            "GET",
            f"{one}/errors",
            errors,
            Operation(
                "Instances of which it could not be searched",
                (gives({"errors": list[TagError]}, "in the order of arrival"),),
                refusals=unknown,
            ),
            Action.MANAGE_ARCHIVE,
        ),
    ]


def _route(method: str, path: str, endpoint: Endpoint, says: Operation, action: Action | None = None) -> Route:
    """Whoever may search may see the tags, only administrators change them."""
    action = action or (Action.QUERY if method == "GET" else Action.MANAGE_ARCHIVE)
    return Route((method,), path, endpoint, action, says=says)


def _shown(tag: ExtendedTag) -> dict[str, Any]:
    shown: dict[str, Any] = plain(tag)
    return shown
