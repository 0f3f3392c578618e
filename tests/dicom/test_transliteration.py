from __future__ import annotations

import pytest

from pacs.dicom.transliteration import fitting, transliterated

KAZAKH = "Сейітқали^Әсел"


@pytest.mark.parametrize(
    ("text", "charset", "expected"),
    [
        (KAZAKH, "ISO_IR 192", KAZAKH),
        (KAZAKH, "GB18030", KAZAKH),
        (KAZAKH, "ISO_IR 144", "Сейиткали^Асел"),
        (KAZAKH, "ISO_IR 6", "Seiitkali^Asel"),
        (KAZAKH, "", "Seiitkali^Asel"),
        ("Иванов^Іван", "ISO_IR 144", "Иванов^Іван"),  # і is in the set, so nothing has to change
        ("Өмүрбек уулу", "ISO_IR 144", "Омурбек уулу"),
        ("ЩУКИН^Юлия", "ISO_IR 100", "SHCHUKIN^Iuliia"),
        ("«Грудь» – 2", "ISO_IR 144", '"Грудь" - 2'),
        ("Müller", "ISO_IR 100", "Müller"),
        ("Müller", "ISO_IR 144", "Muller"),
        ("Müller", "ISO_IR 6", "Muller"),
        ("漢字", "ISO_IR 144", "漢字"),  # no rule knows: the answer will be in UTF-8
    ],
)
def test_letters_become_what_a_person_would_write(text: str, charset: str, expected: str):
    assert fitting(text, "PN", charset) == expected


def test_what_became_too_long_is_cut():
    assert fitting("Щ" * 16, "SH", "ISO_IR 6") == ("SHCH" * 16)[:16]
    assert fitting("Ж" * 64, "LO", "ISO_IR 6") == ("ZH" * 64)[:64]


def test_nested_text_and_names_change_and_nothing_else():
    document = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": KAZAKH}]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00400100": {
            "vr": "SQ",
            "Value": [{"00400007": {"vr": "LO", "Value": ["Ми", None]}, "00400006": {"vr": "PN"}}],
        },
    }
    changed = transliterated(document, "ISO_IR 6")
    assert changed == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Seiitkali^Asel"}]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00400100": {
            "vr": "SQ",
            "Value": [{"00400007": {"vr": "LO", "Value": ["Mi", None]}, "00400006": {"vr": "PN"}}],
        },
    }
