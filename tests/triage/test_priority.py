from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.archive.priority import BAND_NAMES, CRITICAL, LOW, ROUTINE, STAT, URGENT
from pacs.triage.priority import AI_BANDS, raised_band
from pacs.triage.rules import PriorityPolicy

BANDS = st.sampled_from(sorted(BAND_NAMES))
POLICIES = st.builds(
    PriorityPolicy,
    allow_raise_to=st.sampled_from(["critical", "urgent"]),
    min_score=st.floats(0, 1),
    require_image_quality=st.sampled_from([None, "diagnostic", "limited"]),
)
RESULTS = st.tuples(
    st.sampled_from(["critical", "urgent", "routine", "none", None]),
    st.none() | st.floats(0, 1),
    st.sampled_from(["diagnostic", "limited", "non_diagnostic", "unknown", None]),
    POLICIES,
)


@given(band=BANDS, results=st.lists(RESULTS, max_size=8))
def test_ai_never_lowers_whatever_comes_in_whatever_order(
    band: int, results: list[tuple[str | None, float | None, str | None, PriorityPolicy]]
) -> None:
    for result in results:
        after = raised_band(band, *result)
        assert after <= band
        assert after == band or after in AI_BANDS.values()
        band = after


@given(band=BANDS, score=st.none() | st.floats(0, 1), policy=POLICIES)
def test_a_negative_result_changes_nothing(band: int, score: float | None, policy: PriorityPolicy) -> None:
    for suggestion in ("none", "routine", None):
        assert raised_band(band, suggestion, score, "diagnostic", policy) == band


@pytest.mark.parametrize(
    ("band", "suggestion", "score", "quality", "policy", "expected"),
    [
        (ROUTINE, "critical", 0.9, None, PriorityPolicy(), CRITICAL),
        (LOW, "critical", None, None, PriorityPolicy(), CRITICAL),
        (ROUTINE, "critical", 0.9, None, PriorityPolicy(allow_raise_to="urgent"), AI_BANDS["urgent"]),
        (ROUTINE, "urgent", 0.9, None, PriorityPolicy(), AI_BANDS["urgent"]),
        (URGENT, "urgent", 0.9, None, PriorityPolicy(), URGENT),  # a person's order stands before AI's
        (STAT, "critical", 1.0, None, PriorityPolicy(), STAT),
        (ROUTINE, "critical", 0.69, None, PriorityPolicy(min_score=0.7), ROUTINE),
        (ROUTINE, "critical", 0.7, None, PriorityPolicy(min_score=0.7), CRITICAL),
        (ROUTINE, "critical", None, None, PriorityPolicy(min_score=0.7), ROUTINE),
        (ROUTINE, "critical", 1.0, None, PriorityPolicy(require_image_quality="limited"), ROUTINE),
        (ROUTINE, "critical", 1.0, "limited", PriorityPolicy(require_image_quality="limited"), CRITICAL),
        (ROUTINE, "critical", 1.0, "limited", PriorityPolicy(require_image_quality="diagnostic"), ROUTINE),
    ],
)
def test_bands(
    band: int, suggestion: str, score: float | None, quality: str | None, policy: PriorityPolicy, expected: int
) -> None:
    assert raised_band(band, suggestion, score, quality, policy) == expected
