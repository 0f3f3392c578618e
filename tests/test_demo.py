from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from pacs.demo import CT_CORONAL_SLICES, CT_SIDE_MM, DEMO_PATIENT_IDS, all_series, head_hounsfield, write_series

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def series() -> list[list[Dataset]]:
    return [list(one) for one in all_series(DAY)]


def test_two_studies_three_series_all_marked_as_demonstration(series: list[list[Dataset]]) -> None:
    chest, axial, coronal = series
    assert [len(one) for one in series] == [1, 45, CT_CORONAL_SLICES]
    assert len({dataset.StudyInstanceUID for one in series for dataset in one}) == 2
    assert len({dataset.SOPInstanceUID for one in series for dataset in one}) == sum(map(len, series))
    for dataset in (*chest, *axial, *coronal):
        assert dataset.ImageType[0] == "DERIVED"
        assert dataset.QualityControlSubject == "YES"
        assert "not for diagnosis" in dataset.DerivationDescription
        assert "demo" in dataset.SeriesDescription.lower()
        assert dataset.PatientID in DEMO_PATIENT_IDS
    assert "Әлиева" in str(axial[0].PatientName)


def test_slices_are_evenly_spaced_along_their_normal(series: list[list[Dataset]]) -> None:
    for stack in series[1:]:
        rows, columns = np.array(stack[0].ImageOrientationPatient, float).reshape(2, 3)
        along = [float(np.dot(np.cross(rows, columns), one.ImagePositionPatient)) for one in stack]
        steps = np.diff(along)
        assert np.allclose(steps, steps[0])
        assert abs(steps[0]) == pytest.approx(3.0)


def test_the_bleed_is_on_the_right_and_denser_than_the_other_side() -> None:
    y, z = np.float32(-1), np.float32(26)
    right, left = (float(head_hounsfield(np.float32([[x]]), y, z)[0, 0]) for x in (-30, 30))
    assert 55 < right < 90
    assert 20 < left < 45
    assert CT_SIDE_MM[0] < 0 < CT_SIDE_MM[-1]


def test_the_same_day_gives_the_same_bytes_and_another_day_other_studies(tmp_path: Path) -> None:
    first, again, later = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for folder, day in ((first, DAY), (again, DAY), (later, date(2026, 11, 24))):
        folder.mkdir()
        next(write_series(folder, day))
    (name,) = [path.name for path in first.iterdir()]
    assert (first / name).read_bytes() == (again / name).read_bytes()
    assert dcmread(first / name).StudyInstanceUID != dcmread(later / name).StudyInstanceUID
