"""What a result does to a study's place in the worklist: a pure function. It raises or leaves alone, never lowers.

Order of reading is (band, time of arrival); band 0 is read first (see pacs.archive.priority).
"""

from __future__ import annotations

from types import MappingProxyType

from pacs.triage.rules import PriorityPolicy

AI_BANDS = MappingProxyType({"critical": 1, "urgent": 3})
"""The band that a suggestion asks for. Bands 0 and 2 are a person's; `routine` and `none` ask for nothing."""

QUALITY_ORDER = ("non_diagnostic", "unknown", "limited", "diagnostic")


def raised_band(
    band: int, suggestion: str | None, score: float | None, image_quality: str | None, policy: PriorityPolicy
) -> int:
    """The band of a study that is in `band`, after a result. Never more than `band`: AI can only raise."""
    target = AI_BANDS.get(suggestion or "")
    if target is None or not _convincing(score, image_quality, policy):
        return band
    return min(band, max(target, AI_BANDS[policy.allow_raise_to]))


def _convincing(score: float | None, image_quality: str | None, policy: PriorityPolicy) -> bool:
    if policy.min_score > 0 and (score is None or score < policy.min_score):
        return False
    if policy.require_image_quality is None:
        return True
    shown = QUALITY_ORDER.index(image_quality or "unknown")
    return shown >= QUALITY_ORDER.index(policy.require_image_quality)
