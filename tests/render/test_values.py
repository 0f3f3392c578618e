"""Parameters that make no picture are refused where they are made."""

from __future__ import annotations

from typing import Any

import pytest

from pacs.errors import QueryRefused
from pacs.render.values import PNG, RenderParameters, Viewport


@pytest.mark.parametrize(
    "values",
    [
        {"quality": 0},
        {"quality": 101},
        {"media_type": "image/tiff"},
        {"window": (0.0, 0.5, "linear")},
        {"window": (0.0, 0.0, "sigmoid")},
        {"window": (0.0, -1.0, "linear-exact")},
        {"window": (float("nan"), 1.0, "linear")},
        {"window": (0.0, float("inf"), "linear")},
        {"window": (0.0, 1.0, "cubic")},
    ],
    ids=str,
)
def test_parameters_out_of_range(values: dict[str, Any]) -> None:
    with pytest.raises(QueryRefused) as refused:
        RenderParameters(**values)
    assert refused.value.hint


@pytest.mark.parametrize(
    "values",
    [(0, 1), (1, 0), (-1, 5), (100_000, 100_000), (1, 1, -1.0), (1, 1, 0.0, 0.0, 0.0, 1.0), (1, 1, float("nan"))],
)
def test_viewports_out_of_range(values: tuple[Any, ...]) -> None:
    with pytest.raises(QueryRefused):
        Viewport(*values)


def test_what_is_in_range() -> None:
    viewport = Viewport(512, 512, None, None, -512, 512)
    parameters = RenderParameters((40, 1, "linear"), viewport, 1, PNG)
    assert parameters.viewport is viewport
    assert RenderParameters((40, 0.1, "sigmoid"), quality=100).media_type == "image/jpeg"
