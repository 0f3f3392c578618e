from __future__ import annotations

from io import BytesIO

import pytest
from pydicom.filereader import read_dataset

from pacs.dimse.command import COMPLETED, FAILED, REMAINING, WARNED
from pacs.dimse.suboperations import Tally
from tests.support.dimse import EXPLICIT, IMPLICIT


def _tally(statuses: list[int | None], total: int | None = None) -> Tally:
    tally = Tally(len(statuses) if total is None else total)
    for number, status in enumerate(statuses):
        tally.note(f"1.2.{number}", status, "no room" if status not in (0, None) else "")
    return tally


@pytest.mark.parametrize(
    ("statuses", "status", "completed", "failed", "warned"),
    [
        ([], 0x0000, 0, 0, 0),
        ([0, 0, 0], 0x0000, 3, 0, 0),
        ([0, 0xB000, 0], 0xB000, 2, 0, 1),
        ([0xB007, 0x0001, 0x0107, 0x0116], 0xB000, 0, 0, 4),
        ([0, 0xA700, 0], 0xB000, 2, 1, 0),
        ([0xB000, 0xA700], 0xB000, 0, 1, 1),
        ([0xA700, 0xC000, 0x0122, None], 0xA702, 0, 4, 0),
        ([None], 0xA702, 0, 1, 0),
    ],
)
def test_the_last_response_says_what_became_of_all(
    statuses: list[int | None], status: int, completed: int, failed: int, warned: int
):
    summary = _tally(statuses).summary(IMPLICIT, cancelled=False)
    assert summary.status == status
    assert summary.numbers == {COMPLETED: completed, FAILED: failed, WARNED: warned}
    assert (summary.identifier is None) == (failed == 0)


def test_pending_responses_carry_all_four_counters():
    assert _tally([0, 0xB000, 0xA700, 0], 9).pending() == {REMAINING: 5, COMPLETED: 2, FAILED: 1, WARNED: 1}


@pytest.mark.parametrize("failed", [True, False])
def test_a_cancelled_request_tells_how_many_were_not_begun(failed: bool):
    summary = _tally([0, 0xA700 if failed else 0], 5).summary(IMPLICIT, cancelled=True)
    assert summary.status == 0xFE00
    assert summary.numbers[REMAINING] == 3
    assert (summary.identifier is not None) == failed


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_the_failed_are_listed_however_many_they_are(syntax: str, count: int):
    summary = _tally([0xA700] * count).summary(syntax, cancelled=False)
    assert summary.identifier is not None
    explicit = syntax == EXPLICIT
    if explicit:  # a list too long for a length of 16 bits is written as UN (PS3.5 6.2.2)
        assert summary.identifier[4:6] == (b"UN" if count == 10_000 else b"UI")
    listed = summary.identifier[12 if explicit and count == 10_000 else 8 :].decode().rstrip("\0").split("\\")
    assert listed == [f"1.2.{number}" for number in range(count)]
    (element,) = read_dataset(BytesIO(summary.identifier), not explicit, True)
    assert element.tag == 0x00080058


def test_the_first_reason_is_told():
    tally = Tally(3)
    tally.note("1.2", 0)
    tally.note("1.3", None, "WORKSTATION cannot be reached")
    tally.note("1.4", 0xA700, "")
    assert tally.summary(IMPLICIT, cancelled=False).comment == "WORKSTATION cannot be reached"
    tally = Tally(1)
    tally.note("1.2", 0xC123)
    assert "C123" in tally.summary(IMPLICIT, cancelled=False).comment
