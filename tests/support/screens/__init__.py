"""The screens of the viewer, one after another, each as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from playwright.sync_api import Error

from tests.support.screens.depth import DEPTH
from tests.support.screens.lists import LISTS
from tests.support.screens.pages import PAGES
from tests.support.screens.reading import READING
from tests.support.screens.study import STUDY
from tests.support.screens.walk import Screen, Walk

SCREENS: Final = (*LISTS, *READING, *STUDY, *DEPTH, *PAGES)

_LOST: Final = 2
"""So many screens in a row that are not reached, and the rest of their section is given up."""


def _sections(screens: Iterable[Screen]) -> list[list[Screen]]:
    """Screens that follow from one another, each section from one that is reached from anywhere."""
    sections: list[list[Screen]] = []
    for screen in screens:
        if screen.fresh or not sections:
            sections.append([])
        sections[-1].append(screen)
    return sections


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:400]


def _section(walk: Walk, screens: Sequence[Screen], look: Callable[[Screen], list[str]]) -> dict[str, list[str]]:
    """What is told of a section; behind a screen that is not reached those before it are gone through again."""
    told: dict[str, list[str]] = {}
    passed: list[Screen] = []
    lost = 0
    for screen in screens:
        if lost == _LOST:
            told[screen.name] = ["given up: those before it were not reached"]
            continue
        try:
            screen.open(walk)
            told[screen.name] = look(screen)
        except (AssertionError, Error) as error:
            told[screen.name] = [f"not reached: {_reason(error)}"]
            lost += 1
            try:
                walk.begin()
                for before in passed:
                    before.open(walk)
            except (AssertionError, Error) as again:
                told[screen.name].append(f"nor was the way to it a second time: {_reason(again)}")
                lost = _LOST
        else:
            passed.append(screen)
            lost = 0
    return told


def told_of(walk: Walk, look: Callable[[Screen], list[str]], only: str = "") -> dict[str, list[str]]:
    """What `look` tells of every screen as it stands when it is reached, by the screens' names.

    A screen that is not reached is told as such, and the walk goes on behind it. `only` names screens, divided by
    commas, whose sections alone are walked through, as far as to the last of them.
    """
    told: dict[str, list[str]] = {}
    wanted = set(filter(None, only.split(",")))
    skipped = False
    for section in _sections(SCREENS):
        if wanted and wanted.isdisjoint(screen.name for screen in section):
            skipped = True
            continue
        if skipped:
            walk.begin()  # what the screens that were left out would have closed
        skipped = bool(wanted) and section[-1].name not in wanted
        while wanted and section[-1].name not in wanted:
            section.pop()
        for name, complaints in _section(walk, section, look).items():
            print(f"{name}: {complaints}", flush=True)  # also of a walk that is stopped on its way
            told[name] = complaints
    return told
