"""Why somebody deletes or corrects, in their own words."""

from __future__ import annotations

from typing import Final

from pacs.errors import QueryRefused

REASON_CHARACTERS_MAX: Final = 1000


def checked_reason(reason: str, *, needed: bool) -> str:
    """Without what is around it. Raises QueryRefused where it is too long, or `needed` and nothing is said."""
    said = reason.strip()
    if needed and not said:
        raise QueryRefused("a correction needs a reason", "say in words why it is made", "reason_needed")
    if len(said) > REASON_CHARACTERS_MAX:
        most = f"say it in at most {REASON_CHARACTERS_MAX}"
        raise QueryRefused(f"the reason has {len(said)} characters", most, "reason_long")
    return said
