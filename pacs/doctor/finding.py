"""What a check says: one sentence of what is, and one of what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it is."""

    WELL = "well"
    WRONG = "wrong"  # somebody has something to do
    UNSEEN = "unseen"  # the check could not look


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer."""

    level: Level
    text: str
    remedy: str = ""


def well(text: str) -> Finding:
    """All is as it should be."""
    return Finding(Level.WELL, text)


def wrong(text: str, remedy: str) -> Finding:
    """Something is to be done."""
    return Finding(Level.WRONG, text, remedy)


def unseen(text: str, remedy: str = "") -> Finding:
    """Nobody could look."""
    return Finding(Level.UNSEEN, text, remedy)
