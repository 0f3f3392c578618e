"""The screens of the viewer, one after another, each as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.support.screens.depth import DEPTH
from tests.support.screens.lists import LISTS
from tests.support.screens.pages import PAGES
from tests.support.screens.reading import READING
from tests.support.screens.walk import Screen, Walk

SCREENS: Final = (*LISTS, *READING, *DEPTH, *PAGES)


def walked(walk: Walk) -> Iterator[Screen]:
    """Every screen, as it stands when it is reached."""
    for screen in SCREENS:
        screen.open(walk)
        yield screen
