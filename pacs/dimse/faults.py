"""How an error of our own is logged: its kind and its place, never its text or variables, which may be a patient's."""

from __future__ import annotations

import traceback
from typing import Final

FRAMES_MAX: Final = 6


def described(error: BaseException) -> dict[str, str]:
    """Keys for a log event: the error's class, and the innermost source lines it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    return {
        "error": type(error).__name__,
        "cause": type(error.__cause__).__name__ if error.__cause__ else "",
        "where": " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames),
    }
