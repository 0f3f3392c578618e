"""JSON bodies of requests, checked against a shape."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from pacs.errors import QueryRefused
from pacs.web.dicomweb.media_types import JSON, parsed
from pacs.web.errors import MediaTypeRefused

T = TypeVar("T")


async def body_as(request: Request, shape: type[T]) -> T:
    """The body as a `shape`. Raises MediaTypeRefused for what is not JSON, QueryRefused for another shape."""
    found = parsed(request.headers.get("content-type", ""))
    if found is None or found[0] != JSON:
        raise MediaTypeRefused("the body is not JSON", f"send it as {JSON}")
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QueryRefused("the body is not understood", str(error)) from None


def plain(value: Any) -> Any:
    """What msgspec writes of `value`, as plain dictionaries and lists."""
    return msgspec.to_builtins(value)
