"""The Capabilities resource (PS3.18 8.9, Annex H): what the node offers over DICOMweb, as WADL or JSON, made of the
very table its routes come from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route
from pacs.access.grants import Action
from pacs.access.operation import Answer, Json, Operation
from pacs.access.principals import Principal
from pacs.errors import NotAcceptable
from pacs.settings import WebSettings
from pacs.web.dicomweb.answers import ACCEPT, ROOT, accepted_by, entity_tag, json_answer, known_to, service_url
from pacs.web.dicomweb.media_types import DICOM_JSON, JSON

WADL = "application/vnd.sun.wadl+xml"
WADL_NAMESPACE = "http://wadl.dev.java.net/2009/02"
XML_TYPES = (WADL, "application/xml", "text/xml")


class Capabilities:
    """Describes `table`, of which it takes the routes under the root of DICOMweb; what is no route the gate refuses."""

    def __init__(self, table: Sequence[object], settings: WebSettings) -> None:
        self._settings = settings
        described: dict[str, dict[str, tuple[str, ...]]] = {}
        for route in table:
            if isinstance(route, Route) and route.path.startswith(ROOT + "/") and not route.websocket:
                methods = described.setdefault(route.path.removeprefix(ROOT + "/"), {})
                for method in route.methods:
                    methods.setdefault(method, _types(route.says))
        self._described = described

    def routes(self) -> list[Route]:
        """The root of the service answers OPTIONS; nothing of it is a secret."""
        says = Operation(
            "What the node offers over DICOMweb (PS3.18 8.9)",
            (Answer(200, "as WADL or JSON", (WADL, JSON), Json({"type": "object"}), {"ETag": "of this answer"}),),
            (ACCEPT,),
            refusals=(304, 406),
        )
        return [Route(("OPTIONS",), path, self.describe, Action.PUBLIC, says=says) for path in (ROOT, ROOT + "/")]

    async def describe(self, request: Request, principal: Principal) -> Response:
        """The description in the form the client takes, WADL where it leaves the choice. Raises NotAcceptable."""
        service = service_url(request, self._settings)
        methods = sorted({method for offered in self._described.values() for method in offered} | {"OPTIONS"})
        for entry in accepted_by(request):
            if any(entry.includes(media_type) for media_type in XML_TYPES) and not entry.multipart:
                content = self._wadl(service).encode("utf-8")
                etag = entity_tag(content.decode("utf-8"))
                headers = {"etag": etag, "vary": "accept", "allow": ", ".join(methods)}
                return (
                    Response(None, 304, headers) if known_to(request, etag) else Response(content, 200, headers, WADL)
                )
            if any(entry.includes(media_type) for media_type in (JSON, DICOM_JSON)) and not entry.multipart:
                response = json_answer(self._json(service), media_type=JSON)
                response.headers["allow"] = ", ".join(methods)
                return response
        raise NotAcceptable("the capabilities are given as WADL or JSON", f"accept {WADL} or {JSON}")

    def _wadl(self, service: str) -> str:
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<application xmlns="{WADL_NAMESPACE}">',
            f"<resources base={quoteattr(service + '/')}>",
        ]
        for path, methods in self._described.items():
            lines.append(f"<resource path={quoteattr(_plain(path))}>")
            lines += [f'<param name="{name}" style="template"/>' for name in _parameters(path)]
            for method, types in methods.items():
                lines.append(f'<method name="{method}"><response>')
                lines += [f"<representation mediaType={quoteattr(media_type)}/>" for media_type in types]
                lines.append("</response></method>")
            lines.append("</resource>")
        lines.append("</resources></application>")
        return "\n".join(lines)

    def _json(self, service: str) -> dict[str, object]:
        return {
            "base": service + "/",
            "resources": [
                {
                    "path": _plain(path),
                    "methods": [{"name": name, "mediaTypes": list(types)} for name, types in methods.items()],
                }
                for path, methods in self._described.items()
            ],
        }


def _types(says: Operation | None) -> tuple[str, ...]:
    """What a resource is answered in when all goes well."""
    good = [answer.media_types for answer in says.answers if answer.status < 300] if says is not None else []
    return tuple(dict.fromkeys(itertools.chain.from_iterable(good)))


def _plain(path: str) -> str:
    return path.replace("{path:path}", "{path}")


def _parameters(path: str) -> list[str]:
    return [part.strip("{}").partition(":")[0] for part in path.split("/") if part.startswith("{")]
