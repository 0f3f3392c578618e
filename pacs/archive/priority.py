"""The reading order of the worklist: bands, the smaller is read first (reference: queue-adjusted triage studies)."""

from __future__ import annotations

from types import MappingProxyType

STAT, CRITICAL, URGENT, AI_URGENT, ROUTINE, LOW = range(6)

BAND_NAMES = MappingProxyType(
    {
        STAT: "stat",
        CRITICAL: "critical",
        URGENT: "urgent",
        AI_URGENT: "urgent",
        ROUTINE: "routine",
        LOW: "low",
    }
)


def band_name(band: int) -> str:
    """The word for a band as users see it: stat, critical, urgent, routine or low."""
    return BAND_NAMES[band]
