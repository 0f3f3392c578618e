"""One's own preferences: /api/preferences."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Json, Operation, done, gives
from pacs.access.preferences import COUNT_MAX, VALUE_BYTES_MAX, Preferences
from pacs.access.principals import Principal
from pacs.errors import QueryRefused
from pacs.web.api.bodies import body_as

_ONE = "/api/preferences/{name}"
_LIST = Operation(
    "One's own preferences",
    (gives({"preferences": Json({"type": "object", "additionalProperties": True})}),),
)
_KEEP = Operation(
    "Keep a preference of one's own",
    (done("kept"),),
    body=Body(Json({})),
    refusals=(400,),
    words=f"any JSON of at most {VALUE_BYTES_MAX} bytes, {COUNT_MAX} of them; the node gives it no meaning",
)
_FORGET = Operation("Forget a preference of one's own", (done(),))


def routes(preferences: Preferences) -> list[Route]:
    """List, keep, forget."""

    async def listed(request: Request, principal: Principal) -> Response:
        return JSONResponse({"preferences": await in_thread(preferences.of, principal)})

    async def keep(request: Request, principal: Principal) -> Response:
        try:
            value = await body_as(request, object)
        except RecursionError:
            raise QueryRefused("the body is nested too deeply", "keep flatter values") from None
        await in_thread(preferences.keep, principal, request.path_params["name"], value)
        return Response(None, 204)

    async def forget(request: Request, principal: Principal) -> Response:
        await in_thread(preferences.forget, principal, request.path_params["name"])
        return Response(None, 204)

    return [
        Route(("GET",), "/api/preferences", listed, Action.OWN_SESSION, says=_LIST),
        Route(("PUT",), _ONE, keep, Action.OWN_SESSION, body_bytes_max=2 * VALUE_BYTES_MAX, says=_KEEP),
        Route(("DELETE",), _ONE, forget, Action.OWN_SESSION, says=_FORGET),
    ]
