"""A study opened and closed again and again takes no more memory at the end than at the beginning.

PACS_TEST_MEMORY=full does it with a CT of 300 slices, 20 times; else a short stack a few times.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.factories import ct_series, write_folder
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser

FULL: Final = os.environ.get("PACS_TEST_MEMORY") == "full"
SLICES, SIDE, ROUNDS = (300, 256, 20) if FULL else (8, 64, 4)
SETTLED: Final = 4 if FULL else 2
"""After so many rounds everything that is kept once is there: chunks, decoders, shaders, the cache of images."""
SLACK_BYTES: Final = (6 if FULL else 2) << 20
"""What the engine keeps for itself in the rounds after: compiled code, statistics, entries of the history."""

COUNT_GRAPHICS = """
window.__graphics = {contexts: new Set(), textures: 0, buffers: 0, frames: 0};
for (const [made, gone, what] of [
  ['createTexture', 'deleteTexture', 'textures'],
  ['createBuffer', 'deleteBuffer', 'buffers'],
  ['createFramebuffer', 'deleteFramebuffer', 'frames'],
]) {
  const proto = WebGL2RenderingContext.prototype, create = proto[made], remove = proto[gone], live = new WeakSet();
  proto[made] = function () {
    const one = create.call(this);
    window.__graphics.contexts.add(this);
    live.add(one);
    window.__graphics[what] += 1;
    return one;
  };
  proto[gone] = function (one) {
    if (one && live.delete(one)) window.__graphics[what] -= 1;
    return remove.call(this, one);
  };
}
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What the page holds after a collection of garbage."""

    heap_bytes: int
    pixel_bytes: int
    nodes: int
    listeners: int
    contexts: int
    textures: int
    buffers: int
    frames: int

    @property
    def counts(self) -> tuple[int, ...]:
        """What is counted, not measured: nodes of the document, listeners, and what the graphics card keeps."""
        return self.nodes, self.listeners, self.contexts, self.textures, self.buffers, self.frames


def held(page: Page, devtools: CDPSession) -> Held:
    page.wait_for_timeout(300)
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    heap = devtools.send("Runtime.getHeapUsage")
    dom = devtools.send("Memory.getDOMCounters")
    graphics = page.evaluate("({...window.__graphics, contexts: window.__graphics.contexts.size})")
    return Held(
        int(heap["usedSize"]),
        int(heap.get("backingStorageSize", 0)),
        int(dom["nodes"]),
        int(dom["jsEventListeners"]),
        **graphics,
    )


def test_a_study_closed_leaves_nothing_behind(module_node: NodeProcess, page: Page, tmp_path: Path) -> None:
    write_folder(ct_series(SLICES, rows=SIDE, columns=SIDE), tmp_path / "ct")
    dcmsend(module_node, tmp_path / "ct")
    page.add_init_script(COUNT_GRAPHICS)
    sign_in(page, module_node)
    devtools = page.context.new_cdp_session(page)
    rounds = []
    for _ in range(ROUNDS):
        page.get_by_test_id("worklist-row").first.click()
        viewport = page.get_by_test_id("viewport")
        expect(viewport).to_have_attribute("data-loaded-images", str(SLICES), timeout=240_000)
        page.keyboard.press("End")
        expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready", timeout=60_000)
        page.keyboard.press("2")  # another window
        page.get_by_test_id("tool-volume").click()
        page.get_by_test_id("volume-planes").click()
        for plane in range(3):
            expect(viewport.nth(plane)).to_have_attribute("data-plane-count", re.compile("[1-9]"), timeout=120_000)
        page.get_by_test_id("back").click()
        expect(page.get_by_test_id("worklist-search")).to_be_visible(timeout=30_000)
        rounds.append(held(page, devtools))
    settled, last = rounds[SETTLED - 1], rounds[-1]
    story = "\n".join(map(str, rounds))
    assert last.heap_bytes <= settled.heap_bytes + SLACK_BYTES, story
    assert last.pixel_bytes <= settled.pixel_bytes + SLACK_BYTES, story
    assert all(now <= then for now, then in zip(last.counts, settled.counts, strict=True)), story
