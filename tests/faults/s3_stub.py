"""An S3 service of our own, honest and in memory: what stands behind the relay that is not.

Only what the store uses (Amazon S3 API, version 2006-03-01); signatures are not looked at, the body's SHA-256 is.
"""

from __future__ import annotations

import hashlib
import http.server
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """One object: its bytes and its user metadata as headers."""

    content: bytes
    metadata: tuple[tuple[str, str], ...]

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [("ETag", f'"{hashlib.md5(self.content).hexdigest()}"'), *self.metadata]


@dataclass(slots=True)
class _Upload:
    metadata: tuple[tuple[str, str], ...]
    parts: dict[int, bytes] = field(default_factory=dict)


class Stub:
    """The service; ``with Stub() as stub: S3Store("bucket", endpoint_url=stub.url, …)``. Any bucket is there."""

    def __init__(self) -> None:
        self.objects: dict[str, Held] = {}
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> Self:
        stub = self

        class Handler(_Handler):
            service = stub  # type: ignore[assignment]  # of this service only

        self._listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self._listener.block_on_close = False
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._thread.join(60)
        self._listener.server_close()

    def put(self, name: str, held: Held, *, only_new: bool) -> bool:
        """Store it; False when the name is taken and `only_new`."""
        with self._lock:
            if only_new and name in self.objects:
                return False
            self.objects[name] = held
            return True

    def delete(self, name: str) -> None:
        """Remove it, where it is."""
        with self._lock:
            self.objects.pop(name, None)

    def begin(self, metadata: tuple[tuple[str, str], ...]) -> str:
        """The id of a new upload in parts."""
        with self._lock:
            upload = f"upload-{len(self._uploads)}"
            self._uploads[upload] = _Upload(metadata)
            return upload

    def part(self, upload: str, number: int, content: bytes) -> bool:
        """Take a part; False when there is no such upload."""
        with self._lock:
            if upload not in self._uploads:
                return False
            self._uploads[upload].parts[number] = content
            return True

    def end(self, upload: str, *, keep: bool) -> Held | None:
        """Put the parts together, or forget them; None when there is no such upload."""
        with self._lock:
            found = self._uploads.pop(upload, None)
        if found is None or not keep:
            return None
        return Held(b"".join(content for _, content in sorted(found.parts.items())), found.metadata)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    service: Stub

    def do_PUT(self) -> None:
        name, query = self._asked()
        body = self._body()
        if self.headers.get("x-amz-content-sha256") not in (hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"):
            return self._refuse(400, "XAmzContentSHA256Mismatch")
        if "uploadId" in query:
            if not self.service.part(query["uploadId"], int(query["partNumber"]), body):
                return self._refuse(404, "NoSuchUpload")
            return self._say(200, headers=[("ETag", f'"{hashlib.md5(body).hexdigest()}"')])
        held = Held(body, self._metadata())
        if not self.service.put(name, held, only_new=self.headers.get("If-None-Match") == "*"):
            return self._refuse(412, "PreconditionFailed")
        return self._say(200, headers=[held.headers[0]])

    def do_POST(self) -> None:
        name, query = self._asked()
        self._body()
        if "uploads" in query:
            upload = self.service.begin(self._metadata())
            return self._say(200, _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>"))
        held = self.service.end(query["uploadId"], keep=True)
        if held is None:
            return self._refuse(404, "NoSuchUpload")
        if not self.service.put(name, held, only_new=self.headers.get("If-None-Match") == "*"):
            return self._refuse(412, "PreconditionFailed")
        return self._say(200, _xml("CompleteMultipartUploadResult", f"<ETag>{escape(held.headers[0][1])}</ETag>"))

    def do_GET(self) -> None:
        name, query = self._asked()
        if "list-type" in query:
            return self._say(200, self._listing(query))
        held = self.service.objects.get(name)
        if held is None:
            return self._refuse(404, "NoSuchKey")
        content, asked = held.content, self.headers.get("Range")
        if asked is None:
            return self._say(200, content, held.headers)
        start, _, end = asked.removeprefix("bytes=").partition("-")
        if int(start) >= len(content):
            return self._refuse(416, "InvalidRange")
        part = content[int(start) : int(end) + 1 if end else None]
        place = f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"
        return self._say(206, part, [*held.headers, ("Content-Range", place)])

    def do_HEAD(self) -> None:
        name, _ = self._asked()
        if not name:
            return self._say(200)
        held = self.service.objects.get(name)
        return self._say(404) if held is None else self._say(200, held.content, held.headers)

    def do_DELETE(self) -> None:
        name, query = self._asked()
        if "uploadId" in query:
            self.service.end(query["uploadId"], keep=False)
        else:
            self.service.delete(name)
        self._say(204)

    def log_message(self, *arguments: object) -> None:
        """Silent."""

    def _asked(self) -> tuple[str, dict[str, str]]:
        """The object's name below its bucket, and the query."""
        parts = urlsplit(self.path)
        _, _, name = unquote(parts.path).lstrip("/").partition("/")
        return name, {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, value) for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-"))

    def _listing(self, query: dict[str, str]) -> bytes:
        after = max(query.get("start-after", ""), query.get("continuation-token", ""))
        prefix = query.get("prefix", "")
        names = sorted(name for name in list(self.service.objects) if name.startswith(prefix) and name > after)
        page = names[:PAGE]
        more = len(names) > PAGE
        entries = "".join(f"<Contents><Key>{escape(name)}</Key></Contents>" for name in page)
        told = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        told += f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return _xml("ListBucketResult", told + entries)

    def _refuse(self, status: int, code: str) -> None:
        self._say(status, _xml("Error", f"<Code>{code}</Code><Message>no</Message>"))

    def _say(self, status: int, body: bytes = b"", headers: list[tuple[str, str]] | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers or []:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and body:
            self.wfile.write(body)


def _xml(kind: str, inner: str) -> bytes:
    return f"<?xml version='1.0' encoding='UTF-8'?><{kind}>{inner}</{kind}>".encode()
