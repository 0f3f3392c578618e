"""OHIF, the viewer that most archives are looked at with, as it is published on npm, pointed at a node."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import imagecodecs

from tests.support.peers import absent, program
from tests.support.process import ROOT

VERSION = "3.13.2"
INTEGRITY = "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
_PLACE = ROOT / ".cache" / "ohif"
_UNPACKED = "package/dist/"
_COMPRESSIBLE = frozenset({".js", ".css", ".svg", ".wasm", ".json"})
_BROTLI_LEVEL = 5


def ohif() -> Path:
    """The folder of the pages, fetched once from the registry of npm and compared with what was published."""
    folder = _PLACE / VERSION
    _PLACE.mkdir(parents=True, exist_ok=True)
    with (_PLACE / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / _UNPACKED / "index.html").is_file():
            command = [str(program("npm", "npm")), "pack", "--silent", f"@ohif/app@{VERSION}"]
            done = subprocess.run(command, cwd=_PLACE, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                absent("OHIF", f"`npm pack @ohif/app@{VERSION}` says: {done.stderr[-300:]}")
            package = _PLACE / done.stdout.strip().splitlines()[-1]
            digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
            assert f"sha512-{digest}" == INTEGRITY, f"{package} is not what was published: sha512-{digest}"
            with tarfile.open(package) as members:
                members.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python knows none yet
                members.extractall(folder)
            package.unlink()
    return folder / _UNPACKED


@cache
def _compressed(file: Path) -> bytes:
    return cast(bytes, imagecodecs.brotli_encode(file.read_bytes(), level=_BROTLI_LEVEL))


@contextmanager
def serving(dicomweb_url: str, *, compressed: bool = False) -> Iterator[str]:
    """The pages on a port of their own, whose address is given, asking the node at `dicomweb_url`.

    `compressed`: with Brotli, and kept by browsers, as a hospital's web server sends them.
    """
    settings = f"window.config = {json.dumps(_settings(dicomweb_url))};".encode()

    class Pages(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(ohif()))

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/app-config.js":
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript")
                self.send_header("Content-Length", str(len(settings)))
                self.end_headers()
                self.wfile.write(settings)
                return
            file = Path(self.translate_path(path))
            if not file.is_file():
                self.path = "/index.html"
            if compressed and file.suffix in _COMPRESSIBLE and file.is_file():
                self._send_compressed(file)
                return
            super().do_GET()

        def _send_compressed(self, file: Path) -> None:
            content = _compressed(file)
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(file)))
            self.send_header("Content-Encoding", "br")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "public, max-age=31536000, immutable")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _settings(dicomweb_url: str) -> dict[str, Any]:
    """The app-config.js of a hospital that has one archive: nothing is said of this node in particular."""
    return {
        "routerBasename": "/",
        "extensions": [],
        "modes": [],
        "showStudyList": True,
        "maxNumberOfWebWorkers": 1,
        "showLoadingIndicator": True,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": False,
        "strictZSpacingForVolumeViewport": True,
        "investigationalUseDialog": {"option": "never"},
        "defaultDataSourceName": "node",
        "dataSources": [
            {
                "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
                "sourceName": "node",
                "configuration": {
                    "friendlyName": "the node",
                    "name": "node",
                    "qidoRoot": dicomweb_url,
                    "wadoRoot": dicomweb_url,
                    "wadoUriRoot": dicomweb_url.replace("/dicom-web", "/wado"),
                    "qidoSupportsIncludeField": True,
                    "supportsReject": False,
                    "supportsFuzzyMatching": True,
                    "supportsWildcard": True,
                    "imageRendering": "wadors",
                    "thumbnailRendering": "wadors",
                    "enableStudyLazyLoad": True,
                    "bulkDataURI": {"enabled": True},
                },
            }
        ],
    }
