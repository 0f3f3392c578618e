"""The viewer's own files: every address that is nobody else's is a page of it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Answer, Operation
from pacs.access.principals import Principal
from pacs.errors import NotFound
from pacs.web.guard import OWN_SCRIPTS

FOLDER = Path(__file__).parent / "static"
FILE_BYTES_MAX = 64 << 20
COMPRESSED_FROM_BYTES = 1024

NOT_PAGES = ("api/", "dicom-web", "ai/", "ws", "livez", "readyz", "metrics")
"""Beginnings of addresses that programs use: an unknown one is told so, not shown a page."""

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"

_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_HASHED = re.compile(r"[-.][0-9A-Za-z_-]{8,}\.[0-9a-z]+$")
_TYPES = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ico": "image/x-icon",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".map": "application/json",
        ".mjs": "text/javascript; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".woff2": "font/woff2",
    }
)
_COMPRESSIBLE = frozenset({".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest"})

NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Suret</title></head>
<body><h1>The viewer is not built</h1>
<p>The node runs and answers at <code>/dicom-web</code>, but this installation came without the viewer's files.</p>
<p>In a source tree, build them with <code>make viewer</code> and reload this page.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent: the content under its content codings ("" for none)."""

    content: Mapping[str, bytes]
    media_type: str
    etag: str
    cache_control: str
    scripts: str = ""
    """The hashes of the scripts that are written into it, as a content security policy names them."""


class Pages:
    """The files under `folder`, read when they are asked for and kept until they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._kept: dict[Path, tuple[tuple[int, int], Page]] = {}

    def find(self, path: str) -> Page | None:
        """The page at `path`; None when the viewer is not built. Raises NotFound."""
        page = self._file(path) if path else None
        if page is not None:
            return page
        if path.startswith(NOT_PAGES) or Path(path).suffix in _TYPES:
            raise NotFound("there is nothing at this address")
        return self._file("index.html")

    def _file(self, path: str) -> Page | None:
        if "\0" in path:
            raise NotFound("there is nothing at this address")
        file = (self._folder / path).resolve()
        # os.path's, to which a name that is too long for the file system is no file either
        if not file.is_relative_to(self._folder) or not os.path.isfile(file):
            return None
        status = file.stat()
        if status.st_size > FILE_BYTES_MAX:
            return None
        state = (status.st_mtime_ns, status.st_size)
        kept = self._kept.get(file)
        if kept is not None and kept[0] == state:
            return kept[1]
        page = _read(file, immutable=_HASHED.search(file.name) is not None and file.suffix != ".html")
        self._kept[file] = (state, page)
        return page


def _read(file: Path, *, immutable: bool) -> Page:
    plain = file.read_bytes()
    content = {"": plain}
    for coding, suffix in (("br", ".br"), ("gzip", ".gz")):
        compressed = file.with_name(file.name + suffix)
        if compressed.is_file():
            content[coding] = compressed.read_bytes()
    if "gzip" not in content and file.suffix in _COMPRESSIBLE and len(plain) >= COMPRESSED_FROM_BYTES:
        content["gzip"] = gzip.compress(plain, 6, mtime=0)
    return Page(
        MappingProxyType(content),
        _TYPES.get(file.suffix, "application/octet-stream"),
        f'"{hashlib.sha256(plain).hexdigest()[:24]}"',
        IMMUTABLE if immutable else REVALIDATED,
        " ".join(map(_named, _SCRIPT.findall(plain))) if file.suffix == ".html" else "",
    )


def _named(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


def routes(folder: Path = FOLDER) -> list[Route]:
    """The one route of everything that is no other route; mounted last."""
    pages = Pages(folder)

    async def show(request: Request, principal: Principal) -> Response:
        page = await in_thread(pages.find, request.path_params["path"])
        if page is None:
            return Response(NOT_BUILT, 503, media_type="text/html; charset=utf-8")
        request.scope[OWN_SCRIPTS] = page.scripts  # with 304 too: the browser renews the headers that it keeps
        if request.headers.get("if-none-match") == page.etag:
            return Response(None, 304, {"etag": page.etag, "cache-control": page.cache_control})
        accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        coding = next((coding for coding in ("br", "gzip") if coding in accepted and coding in page.content), "")
        headers = {"etag": page.etag, "cache-control": page.cache_control, "vary": "accept-encoding"}
        if coding:
            headers["content-encoding"] = coding
        return Response(page.content[coding], 200, headers, page.media_type)

    says = Operation(
        "The viewer's pages and files; every address that is no other is its first page",
        (Answer(200, "a file", tuple(sorted(set(_TYPES.values())))), Answer(503, "not built", ("text/html",))),
        refusals=(304, 404),
    )
    return [Route(("GET",), "/{path:path}", show, Action.PUBLIC, says=says)]
