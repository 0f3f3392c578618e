"""Which patients can be one person, by what objects say of them."""

from __future__ import annotations

import pytest

from pacs.dicom.likeness import Told, may_be_one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Doe^John", "19600101", "M"), ("DOE^JOHN^^^", "1960.01.01", "m")),
        (("Müller^Ann", "1960", "F"), ("Muller^Ann", "19600317", "")),
        (("Иванов^Иван^Петрович", "19600101", "M"), ("IVANOV^IVAN", "19600101", "M")),
        (("Сейітқали^Әсел", "", "F"), ("Seiitkali^Asel", "", "F")),
        (("Ivan Ivanov", "", ""), ("Ivanov^Ivan", "", "")),
        (("Ivanov^I", "", "M"), ("Ivanov^Ivan", "", "U")),
        (("", "", ""), ("Anyone", "19990101", "F")),
        (("Yamada^Tarou=山田^太郎", "", ""), ("YAMADA^TAROU", "", "")),
    ],
)
def test_spelling_and_omissions_tell_nobody_apart(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert may_be_one(Told(*one), Told(*other))
    assert may_be_one(Told(*other), Told(*one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Anonymous", "20060101", "M"), ("Dog^AVeryGood", "20140422", "F")),
        (("Doe^John", "19600101", "M"), ("Doe^John", "19600102", "M")),
        (("Doe^John", "19600101", "M"), ("Doe^John", "19600101", "F")),
        (("Doe^John", "", ""), ("Doe^Jane", "", "")),
        (("Doe^John", "1960", ""), ("Doe^John", "19610101", "")),
        (("Doe^A", "", ""), ("Doe^Bob", "", "")),
    ],
)
def test_another_name_birth_date_or_sex_is_another_person(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert not may_be_one(Told(*one), Told(*other))
    assert not may_be_one(Told(*other), Told(*one))
