"""How soon a picture is seen, here and in OHIF: the parts `link` and `near` of the bench; a program too.

    python -m tests.bench.first_picture [--kilobits 1500] [--delay-ms 150] [--rounds 3] [--alone] [FOLDER]

A node is started, a study (FOLDER, else 40 synthetic CT slices of 512 × 512) is stored in it, and Chromium opens the
study's address: on loopback (`near`, `--kilobits 0`), or through a proxy (`link`) that delays every byte by half the
round trip each way and lets so many bits a second through, of all connections together. OHIF as it is published on
npm, its files compressed, opens the same study the same way, in turns, each in a window that stands open. Cold: an
empty browser store, signed in. Warm: the same page again. Times are milliseconds from the navigation to the first
picture of the study on the screen (`first`: the node's preview or better) and to the whole diagnostic image in its
place (`full`); OHIF shows the diagnostic image first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.bench.link import Link
from tests.bench.report import Spread, Verdict, spread, verdicts_text
from tests.bench.session import Failed, Outcome, Part, Session
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.support.factories import ct_series, write_folder
from tests.support.ohif import serving
from tests.support.peers import program
from tests.support.process import NodeProcess

KILOBITS: Final = 1500.0
DELAY_MS: Final = 150.0
LONGEST_MS: Final = 120_000
WINDOW_MS: Final = 1500
"""A new window's own parts (its address bar is a page of its own) take both cores for a third of a second."""

_WATCH = """
window.__seen = {};
(function look() {
  const now = performance.now(), seen = window.__seen;
  const picture = [...document.querySelectorAll('img.preview')].some((one) => one.complete && one.naturalWidth > 0);
  const mark = document.querySelector('[data-testid=quality]')?.dataset.quality;
  if (seen.shown) seen.first ??= now;  // the frame before this one had it, and is painted
  if (picture || mark === 'partial' || mark === 'full') seen.shown ??= now;
  if (mark === 'partial') seen.partial ??= now;
  if (mark === 'full') seen.full ??= now;
  requestAnimationFrame(look);
})();
"""

_WATCH_OHIF = """
localStorage.setItem('shownTours', '["basicViewerTour"]');
window.__seen = {};
(function look() {
  const small = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  small.canvas.width = small.canvas.height = 32;
  const seen = [...document.querySelectorAll('canvas.cornerstone-canvas')].some((one) => {
    small.drawImage(one, 0, 0, 32, 32);
    return small.getImageData(0, 0, 32, 32).data.some((value, at) => at % 4 < 3 && value > 100);
  });
  if (seen) window.__seen.full ??= performance.now();
  if (window.__seen.full === undefined) setTimeout(look, 50);
})();
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """One that is measured: its name, the address that opens the study, what watches it."""

    name: str
    url: str
    watch: str


def _cookies(node: NodeProcess) -> str:
    body = json.dumps({"name": "admin", "password": node.admin_password}).encode()
    headers = {"X-Suret": "1", "Content-Type": "application/json"}
    request = urllib.request.Request(node.web_url + "/api/session", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["Set-Cookie"].split(";")[0])


def _open(context: BrowserContext, viewer: Viewer) -> dict[str, float]:
    page = context.new_page()
    page.wait_for_timeout(WINDOW_MS)
    page.add_init_script(viewer.watch)
    page.goto(viewer.url, wait_until="commit", timeout=LONGEST_MS)
    seen: dict[str, float] = {}
    until = time.monotonic() + LONGEST_MS / 1000
    while "full" not in seen:
        if time.monotonic() > until:
            raise Failed(f"{viewer.name} shows no diagnostic image after {LONGEST_MS / 1000:.0f} s")
        page.wait_for_timeout(100)
        seen = page.evaluate("window.__seen ?? {}")
    page.wait_for_timeout(500)
    page.close()
    return {name: float(value) for name, value in seen.items()}


Found = dict[str, list[float]]
"""Milliseconds, and kilobytes, of the rounds, by viewer and what was waited for: `node cold first`."""


def measure(browser: Browser, viewers: list[Viewer], cookie: str, link: Link | None, found: Found) -> None:
    """One round of all viewers."""
    name, value = cookie.split("=", 1)
    for viewer in viewers:
        if link:
            link.settle()
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
        for state in ("cold", "warm"):
            before = link.down_bytes if link else 0
            for what, milliseconds in _open(context, viewer).items():
                found.setdefault(f"{viewer.name} {state} {what}", []).append(milliseconds)
            if link:
                found.setdefault(f"{viewer.name} {state} kilobytes", []).append((link.down_bytes - before) / 1000)
        context.close()


def _rounds(
    scratch: Path, numbers: Iterator[int], kilobits: float, delay_ms: float, folder: Path | None, *, alone: bool
) -> Found:
    """`kilobits` 0: on loopback, with nothing between."""
    found: Found = {}
    node = NodeProcess(scratch / "node")
    with contextlib.ExitStack() as open_:
        link = open_.enter_context(Link(kilobits * 1000, delay_ms / 1000)) if kilobits else None
        thin = f"http://127.0.0.1:{link.to(node.web_port) if link else node.web_port}"
        ohif = ""
        if not alone:
            pages = open_.enter_context(serving(f"{thin}/dicom-web", compressed=True))
            ohif = f"http://127.0.0.1:{link.to(int(pages.rpartition(':')[2]))}" if link else pages
            node.environment["PACS_WEB__ALLOWED_ORIGINS"] = ohif
        open_.enter_context(node)
        study = _store(node, folder or scratch / "study", synthetic=folder is None)
        viewers = [Viewer("node", f"{thin}/#/study/{study}", _WATCH)]
        if ohif:
            token = node.token("radiologist")
            viewers.append(Viewer("OHIF", f"{ohif}/viewer?StudyInstanceUIDs={study}&token={token}", _WATCH_OHIF))
        playwright = open_.enter_context(sync_playwright())
        chromium = str(program("chromium", "chromium"))
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        for _ in numbers:
            measure(browser, viewers, _cookies(node), link, found)
        browser.close()
    return found


def send(node: NodeProcess, folder: Path) -> None:
    """Store what is in the folder."""
    sender = [str(program("dcmsend", "dcmtk")), "-aec", node.ae_title, "127.0.0.1", str(node.dimse_port)]
    subprocess.run([*sender, "+sd", "+r", str(folder)], check=True, timeout=170)


def _store(node: NodeProcess, folder: Path, *, synthetic: bool) -> str:
    """Send the folder; the UID of its study."""
    if synthetic:
        write_folder(ct_series(40, rows=512, columns=512), folder)
    send(node, folder)
    request = urllib.request.Request(node.web_url + "/dicom-web/studies", headers={"Cookie": _cookies(node)})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)[0]["0020000D"]["Value"][0])


def lines(found: Found) -> list[str]:
    """For people: the median of each, the least and the most."""
    return [
        f"{what:36} {statistics.median(values):9.0f}   ({min(values):.0f}-{max(values):.0f})"
        for what, values in found.items()
    ]


def _ratio(found: Found, state: str, what: str) -> Spread:
    """How many times sooner than OHIF's picture."""
    pairs = zip(found[f"OHIF {state} full"], found[f"node {state} {what}"], strict=True)
    return spread(theirs / ours for theirs, ours in pairs)


def _seconds(found: Found, what: str) -> Spread:
    return spread(value / 1000 for value in found[f"node {what}"])


def verdicts(found: Found) -> tuple[Verdict, ...]:
    """The goals of the thin link: seconds of this node's, and how many times sooner than OHIF."""
    goals = [
        Verdict("L1", "first picture, cold, s", _seconds(found, "cold first"), 2.5, 2.5, at_most=True),
        Verdict("L2", "first picture, warm, s", _seconds(found, "warm first"), 1.0, 1.0, at_most=True),
        Verdict("L3", "diagnostic image, cold, s", _seconds(found, "cold full"), 9.0, 9.0, at_most=True),
    ]
    if "OHIF cold full" in found:
        goals += [
            Verdict("L4", "first picture, cold, times sooner than OHIF", _ratio(found, "cold", "first"), 5, 10),
            Verdict("L5", "first picture, warm, times sooner than OHIF", _ratio(found, "warm", "first"), 2, 4),
            Verdict("L6", "diagnostic image, cold, times sooner than OHIF", _ratio(found, "cold", "full"), 2, 3),
        ]
    return tuple(goals)


def near_verdicts(found: Found) -> tuple[Verdict, ...]:
    """The goals on loopback."""
    return (
        Verdict("L7", "first picture on loopback, cold, s", _seconds(found, "cold first"), 0.5, 0.5, at_most=True),
        Verdict("L8", "first picture on loopback, warm, s", _seconds(found, "warm first"), 0.5, 0.5, at_most=True),
    )


def run(session: Session) -> Outcome:
    """The part of the bench, at 1.5 Mbit/s and 150 ms."""
    found = _rounds(session.folder, session.numbers(), KILOBITS, DELAY_MS, None, alone=False)
    return Outcome({"milliseconds": found}, "\n".join(lines(found)), verdicts(found))


def run_near(session: Session) -> Outcome:
    """The part of the bench, on loopback."""
    found = _rounds(session.folder, session.numbers(), 0, 0, None, alone=False)
    return Outcome({"milliseconds": found}, "\n".join(lines(found)), near_verdicts(found))


PARTS: Final = {
    "link": Part("the viewer and OHIF through 1.5 Mbit/s and 150 ms", run),
    "near": Part("the viewer and OHIF on loopback", run_near),
}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--kilobits", type=float, default=KILOBITS)
    parser.add_argument("--delay-ms", type=float, default=DELAY_MS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without OHIF")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        numbers = iter(range(asked.rounds))
        found = _rounds(Path(scratch), numbers, asked.kilobits, asked.delay_ms, asked.folder, alone=asked.alone)
    print(f"{asked.kilobits:g} kbit/s, {asked.delay_ms:g} ms, {asked.rounds} rounds")
    print("\n".join(lines(found)))
    if not asked.kilobits:
        print(verdicts_text(near_verdicts(found)))
    elif (asked.kilobits, asked.delay_ms) == (KILOBITS, DELAY_MS):
        print(verdicts_text(verdicts(found)))


if __name__ == "__main__":
    main()
