"""How soon the viewer shows a picture over a thin link: a program, not a test.

    python -m tests.bench.first_picture [--kilobits 1500] [--delay-ms 150] [--rounds 3] [FOLDER]

A node is started, a study (FOLDER, else 40 synthetic CT slices of 512 × 512) is stored in it, and Chromium opens the
study's address through a proxy that delays every byte by half the round trip each way and lets so many bits a second
through, of all connections together. Cold: an empty browser store, signed in. Warm: the same page again. Times are
milliseconds from the navigation to the first picture of the study on the screen (the node's preview or better)
and to the whole diagnostic image in its place.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.conftest import CHROMIUM_ARGUMENTS
from tests.support.factories import ct_series, write_folder
from tests.support.peers import program
from tests.support.process import NodeProcess

_CHUNK = 4096

_WATCH = """
window.__seen = {};
(function look() {
  const now = performance.now(), seen = window.__seen;
  const picture = [...document.querySelectorAll('img.preview')].some((one) => one.complete && one.naturalWidth > 0);
  const mark = document.querySelector('[data-testid=quality]')?.dataset.quality;
  if (picture || mark === 'partial' || mark === 'full') seen.first ??= now;
  if (mark === 'partial') seen.partial ??= now;
  if (mark === 'full') seen.full ??= now;
  requestAnimationFrame(look);
})();
"""


class Link:
    """A proxy on 127.0.0.1 in front of `port`, as thin as asked, in a thread of its own."""

    def __init__(self, port: int, bits_per_second: float, round_trip_s: float) -> None:
        self._target, self._rate, self._delay = port, bits_per_second / 8, round_trip_s / 2
        self._free_at = {"up": 0.0, "down": 0.0}
        self._loop = asyncio.new_event_loop()
        self.port = 0
        self.down_bytes = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Link:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def settle(self) -> None:
        """Wait until nothing comes down any more: what an earlier round left on the way."""
        before = -1
        while before != self.down_bytes:
            before = self.down_bytes
            time.sleep(1)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self._delay)  # the handshake
        with contextlib.suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
            ways = (self._pump(reader, there_writer, "up"), self._pump(there_reader, writer, "down"))
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def deliver() -> None:
            while True:
                due, data = await late.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    writer.close()
                    return
                with contextlib.suppress(OSError):  # who went away gets no more
                    writer.write(data)
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        while True:
            data = await reader.read(_CHUNK)
            now = time.monotonic()
            self._free_at[way] = max(self._free_at[way], now) + len(data) / self._rate
            if way == "down":
                self.down_bytes += len(data)
            await asyncio.sleep(max(0.0, self._free_at[way] - now))
            await late.put((time.monotonic() + self._delay, data))
            if not data:
                break
        await delivering


def _cookies(node: NodeProcess) -> str:
    body = json.dumps({"name": "admin", "password": node.admin_password}).encode()
    headers = {"X-Suret": "1", "Content-Type": "application/json"}
    request = urllib.request.Request(node.web_url + "/api/session", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["Set-Cookie"].split(";")[0])


def _open(context: BrowserContext, url: str) -> dict[str, float]:
    page = context.new_page()
    page.add_init_script(_WATCH)
    page.goto(url, wait_until="commit", timeout=120_000)
    page.locator("[data-testid=quality][data-quality=full]").first.wait_for(state="attached", timeout=90_000)
    seen = page.evaluate("window.__seen")
    page.wait_for_timeout(500)
    page.close()
    return {name: float(value) for name, value in seen.items()}


def measure(browser: Browser, node: NodeProcess, study: str, link: Link, rounds: int) -> dict[str, list[float]]:
    """Milliseconds by what was waited for."""
    found: dict[str, list[float]] = {}
    name, value = _cookies(node).split("=", 1)
    for _ in range(rounds):
        link.settle()
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
        for state in ("cold", "warm"):
            before = link.down_bytes
            for what, milliseconds in _open(context, f"http://127.0.0.1:{link.port}/#/study/{study}").items():
                found.setdefault(f"{state} {what}", []).append(milliseconds)
            found.setdefault(f"{state} kilobytes", []).append((link.down_bytes - before) / 1000)
        context.close()
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--kilobits", type=float, default=1500)
    parser.add_argument("--delay-ms", type=float, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, NodeProcess(Path(scratch) / "node") as node:
        folder = asked.folder
        if folder is None:
            folder = Path(scratch) / "study"
            write_folder(ct_series(40, rows=512, columns=512), folder)
        sender = [str(program("dcmsend", "dcmtk")), "-aec", node.ae_title, "127.0.0.1", str(node.dimse_port)]
        subprocess.run([*sender, "+sd", "+r", str(folder)], check=True, timeout=170)
        request = urllib.request.Request(node.web_url + "/dicom-web/studies", headers={"Cookie": _cookies(node)})
        with urllib.request.urlopen(request, timeout=30) as answer:
            study = json.load(answer)[0]["0020000D"]["Value"][0]
        with Link(node.web_port, asked.kilobits * 1000, asked.delay_ms / 1000) as link, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(program("chromium", "chromium")), args=CHROMIUM_ARGUMENTS
            )
            found = measure(browser, node, study, link, asked.rounds)
            browser.close()
    print(f"{asked.kilobits:g} kbit/s, {asked.delay_ms:g} ms, {asked.rounds} rounds")
    for what, values in found.items():
        print(f"{what:16} {statistics.median(values):9.0f}   ({min(values):.0f}-{max(values):.0f})")


if __name__ == "__main__":
    main()
