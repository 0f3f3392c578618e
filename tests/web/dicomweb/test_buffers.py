"""Memory that is used again: never while somebody still looks at it."""

from __future__ import annotations

import numpy as np

from pacs.web.dicomweb.buffers import STEP_BYTES, Buffers


def address(view: memoryview) -> int:
    """Where the memory of a view lies."""
    return int(np.frombuffer(view, np.uint8).__array_interface__["data"][0])


def test_memory_is_used_again_when_the_last_view_is_gone() -> None:
    buffers = Buffers()
    view = buffers.take(1000)
    assert (len(view), view.readonly) == (1000, False)
    first = address(view)
    part = view[10:20]
    del view
    assert address(buffers.take(1000)) != first, "a slice of it still is in somebody's hands"
    del part
    assert address(buffers.take(999)) == first


def test_two_who_hold_memory_at_once_hold_different_memory() -> None:
    buffers = Buffers()
    views = [buffers.take(3 * STEP_BYTES) for _ in range(8)]
    for number, view in enumerate(views):
        view[:] = bytes([number]) * len(view)
    assert [view[0] for view in views] == [view[-1] for view in views] == list(range(8))


def test_what_is_kept_is_bounded() -> None:
    buffers = Buffers(kept_bytes_max=2 * STEP_BYTES)
    views = [buffers.take(STEP_BYTES) for _ in range(5)]
    views.clear()
    assert buffers.kept_bytes == 2 * STEP_BYTES
    large = buffers.take(10 * STEP_BYTES)
    del large
    assert buffers.kept_bytes == 2 * STEP_BYTES
    held = buffers.take(1)
    assert buffers.kept_bytes == STEP_BYTES
    assert len(held) == 1
