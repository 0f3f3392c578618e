"""What the DICOMweb answers have in common: the address of the service, JSON, warnings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.operation import Parameter
from pacs.dicom.uids import valid_uid
from pacs.errors import NotAcceptable, QueryRefused
from pacs.model import DICOMWEB_ROOT
from pacs.settings import WebSettings
from pacs.web.dicomweb.media_types import DICOM_JSON, DICOM_XML, JSON, MediaRange, accepted

ROOT = DICOMWEB_ROOT
VARY = "accept"
ACCEPTS_REMEMBERED = 512
ACCEPT = Parameter("accept", "media types as in the Accept header, and before it (PS3.18 8.3.3.1)")
RANGE = Parameter("Range", "bytes of the answer (RFC 9110 14.2)", where="header")


def service_url(request: Request, settings: WebSettings) -> str:
    """The root of the service as this client reaches it, without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/") + ROOT
    host = request.headers.get("host", "")
    address, port = request.scope.get("server") or ("", None)
    # dicomweb-client of Python leaves the port out of its Host header; a proxy in front has another address than ours
    if host == address and port not in (None, 80, 443):
        host = f"{host}:{port}"
    return f"{request.scope['scheme']}://{host}{ROOT}"


def accepted_by(request: Request) -> tuple[MediaRange, ...]:
    """What the client of this request accepts, best first."""
    return _accepted(request.scope["query_string"].decode("latin-1"), *request.headers.getlist("accept"))


@lru_cache(ACCEPTS_REMEMBERED)
def _accepted(query: str, *headers: str) -> tuple[MediaRange, ...]:
    return accepted(headers, _accept_parameters(query) if query else [])


def _accept_parameters(query: str) -> list[str]:
    """The `accept` parameters of the URL (PS3.18 8.3.3.1); a plus sign that was not encoded is one (dicom+json)."""
    pairs = [part.partition("=") for part in query.split("&")]
    texts = [unquote(value) for name, _, value in pairs if unquote(name).lower() == "accept"]
    return [re.sub(r"(?<=[;,])\+", " ", text) for text in texts]


def json_type(request: Request) -> str:
    """The name under which the client takes DICOM JSON. Raises NotAcceptable.

    Viewers send one list for everything, so any entry that JSON falls into is enough.
    """
    ranges = [entry for entry in accepted_by(request) if entry.anything or not entry.multipart]
    for media_type in (DICOM_JSON, JSON):
        if any(entry.includes(media_type) for entry in ranges):
            return media_type
    raise NotAcceptable("this is given as DICOM JSON only", f"accept {DICOM_JSON}")


def model_type(request: Request) -> str:
    """What the client takes data sets as: JSON under either name, XML where it is asked for in parts.

    Viewers send one list for everything, so any entry that JSON falls into is enough, whatever stands before it. Raises
    NotAcceptable.
    """
    for entry in accepted_by(request):
        if entry.multipart and entry.media_type == DICOM_XML:
            return DICOM_XML
        if entry.anything or not entry.multipart:
            for media_type in (DICOM_JSON, JSON):
                if entry.includes(media_type):
                    return media_type
    raise NotAcceptable(
        "this is given as DICOM JSON, or as XML in parts",
        f'accept {DICOM_JSON} or multipart/related; type="{DICOM_XML}"',
    )


def json_answer(
    content: Any, *, media_type: str = DICOM_JSON, status: int = 200, warnings: Iterable[str] = (), service: str = ""
) -> Response:
    """`content` as JSON; `warnings` become Warning headers of code 299 (PS3.18 8.5)."""
    response = Response(msgspec.json.encode(content), status, {"vary": VARY}, media_type)
    for text in warnings:
        response.headers.append("warning", f'299 {service} "{text}"')
    return response


def entity_tags(text: str) -> set[str]:
    """The entity tags of an If-None-Match header; weak ones count as strong for GET (RFC 9110 13.1.2)."""
    return {tag.strip().removeprefix("W/") for tag in text.split(",")}


def entity_tag(*described: object) -> str:
    """A strong entity tag for what is the same whenever all of `described` is."""
    text = " ".join(map(str, described))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def known_to(request: Request, etag: str) -> bool:
    """Whether the client has it already: 304 is the answer (RFC 9110 13.1.2)."""
    text = request.headers.get("if-none-match", "")
    return bool(text) and (etag in entity_tags(text) or text.strip() == "*")


def checked_uid(uid: str, name: str) -> str:
    """`uid` when it is one. Raises QueryRefused."""
    if not valid_uid(uid):
        raise QueryRefused(f"{name} {uid[:64]!r} is not a UID", "UIDs are digits and dots, at most 64 characters")
    return uid
