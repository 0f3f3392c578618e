"""JSON bodies of requests, checked against a shape."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from pacs.errors import MediaTypeRefused, QueryRefused
from pacs.web.dicomweb.media_types import DICOM_JSON, JSON, parsed

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


async def document_of(request: Request) -> Any:
    """The body as one object of DICOM JSON; a list of one is taken too, as DICOMweb has it. Not checked further.

    Raises MediaTypeRefused, QueryRefused.
    """
    found = parsed(request.headers.get("content-type", ""))
    if found is None or found[0] not in (JSON, DICOM_JSON):
        raise MediaTypeRefused("the body is not DICOM JSON", f"send it as {DICOM_JSON}")
    try:
        given = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise QueryRefused("the body is not understood", str(error)) from None
    if isinstance(given, list):
        if len(given) != 1:
            raise QueryRefused(f"the body has {len(given)} objects", "send one at a time")
        return given[0]
    return given


def plain(value: Any) -> Any:
    """What msgspec writes of `value`, as plain dictionaries and lists."""
    return msgspec.to_builtins(value)
