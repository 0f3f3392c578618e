"""How long a frame stays."""

from __future__ import annotations

from typing import Any

import pytest

from pacs.errors import Unreadable
from pacs.web.dicomweb.animation import ApngFrames, GifFrames, delays_ms


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, [100.0, 100.0, 100.0]),
        ({"00181063": [33.5]}, [33.5, 33.5, 33.5]),
        ({"00181065": [0, 50, 70]}, [50.0, 70.0, 100.0]),
        ({"00180040": [25]}, [40.0, 40.0, 40.0]),
        ({"00082144": [10], "00181063": [0]}, [100.0, 100.0, 100.0]),
        ({"00181063": [1]}, [20.0, 20.0, 20.0]),
        ({"00181063": [1e9]}, [10_000.0] * 3),
        ({"00181063": ["often"]}, [100.0] * 3),
    ],
)
def test_delays(metadata: dict[str, Any], expected: list[float]) -> None:
    assert delays_ms({tag: {"Value": value} for tag, value in metadata.items()}, [1, 2, 3]) == expected


@pytest.mark.parametrize("kind", [GifFrames, ApngFrames])
def test_what_is_no_picture_is_refused(kind: Any) -> None:
    for broken in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(Unreadable):
            kind(2).part(broken, 40)
