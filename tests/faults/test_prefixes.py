"""The short form of R11's walk: 200 samples, every prefix of each, and a walker with a hole is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs.dicom.walker import walk
from pacs.errors import ArrivalRefused
from tests.faults.prefixes import ELEMENTS_MAX, MODULES, MUTANTS, SAMPLES, run, samples
from tests.support.datasets import element, encapsulated, implicit, item, open_item, open_sequence, us
from tests.support.every_length import lengths

pytestmark = pytest.mark.rig

SEED = 20261125
IMAGE = us(0x00280010, 2) + us(0x00280011, 2) + us(0x00280100, 8)
SMALL = {
    "explicit": (element(0x00080060, "CS", "CT") + IMAGE + element(0x7FE00010, "OB", b"abcd"), "1.2.840.10008.1.2.1"),
    "nested": (
        open_sequence(0x00081140, open_item(element(0x00081155, "UI", "1.2")), item(b""))
        + element(0x00100020, "LO", "1"),
        "1.2.840.10008.1.2.1",
    ),
    "implicit": (implicit(0x00080060, "CT") + implicit(0x00100010, "A^B") + bytes(6), "1.2.840.10008.1.2"),
    "mistaken": (implicit(0x00080060, "CT") + implicit(0x00100010, "A^B"), "1.2.840.10008.1.2.1"),
    "encapsulated": (IMAGE + encapsulated(b"", b"\xff\xd8ab\xff\xd9"), "1.2.840.10008.1.2.4.50"),
}


@pytest.mark.parametrize("name", SMALL)
def test_intervals_say_what_every_single_length_says(name: str) -> None:
    dataset, syntax = SMALL[name]

    def read(data: bytes) -> tuple[str, ...] | None:
        try:
            return walk(data, syntax).oddities
        except ArrivalRefused:
            return None

    found = lengths(dataset, read, MODULES)
    told = {length: verdict for low, high, verdict in found for length in range(low, high + 1)}
    assert told == {length: read(dataset[:length]) for length in range(len(dataset) + 1)}
    assert len(found) < len(told)


@pytest.mark.timeout(300)
def test_no_prefix_of_200_samples_passes_for_whole(test_data: Path) -> None:
    chosen = samples(SAMPLES, ELEMENTS_MAX)
    assert len(chosen) == SAMPLES
    assert len({sample.syntax.uid for sample in chosen}) > 10
    outcome = run(chosen, SEED)
    assert outcome.violations == ()
    assert outcome.trials > 10_000_000


@pytest.mark.parametrize("name", MUTANTS)
def test_a_walker_with_a_hole_is_seen(name: str, tmp_path: Path, test_data: Path) -> None:
    assert MUTANTS[name](SEED, tmp_path).violations
