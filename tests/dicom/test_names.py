"""Search folding: the spellings that must meet, and what must stay apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.names import folded, skeleton

SPELLINGS = [
    ("Сейітқали", "Сеиткали SEITKALI Seiitqali"),
    ("Әсел", "Асель ASSEL"),
    ("Ғалымқызы", "Галымкызы GALYMKYZY"),
    ("Қайрат", "QAIRAT KAYRAT KAIRAT"),
    ("Жұлдыз", "ZHULDYZ Жулдыз"),
    ("Гүлнәр", "Гульнар GULNAR"),
    ("Өмірбек", "OMIRBEK"),
    ("Өмүрбек", "OMURBEK"),
    ("Нұрсұлтан", "NURSULTAN"),
    ("Тоқаев", "TOKAYEV TOKAEV"),
    ("Жумабаев", "ZHUMABAYEV Jumabaev"),
    ("Юлия", "YULIYA IULIIA"),
    ("Хасан", "KHASSAN"),
    ("Һасан", "HASAN"),
    ("Щукин", "SHCHUKIN"),
    ("Баңу", "BANU"),
    ("Чыңгыз", "CHYNGYZ"),
    ("Шыңғыс", "SHYNGYS"),
    ("Müller", "MULLER"),
    ("Łukasz", "lukasz"),
]


@pytest.mark.parametrize(("name", "other"), [(name, other) for name, others in SPELLINGS for other in others.split()])
def test_spellings_of_one_name_have_one_skeleton(name: str, other: str) -> None:
    assert skeleton(name) == skeleton(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("Иванов", "Петров"), ("Асан", "Хасан"), ("王^小东", "張^小东"), ("LI", "LE")]
)
def test_different_names_stay_apart(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)
    assert folded(one) != folded(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IVANOV^PETR", "ivanov^petr"),
        ("ЁЛКИН^ Пётр ", "елкин^петр"),
        ("Сейітқали^Әсел^^^", "сеииткали^асел"),
        ("Yamada^Tarou=山田^太郎=", "yamada^tarou=山田^太郎"),
        ("Buc^Jérôme", "buc^jerome"),
        ("Buc^Je\u0301ro\u0302me", "buc^jerome"),
        ("Straße", "strasse"),
        ("Iva*^P?tr*", "iva*^p?tr*"),
        ("A^^B", "a^^b"),
        ("^^", ""),
        ("", ""),
        ("が^か", "が^か"),
    ],
)
def test_folding_drops_case_and_accents_and_keeps_the_structure(text: str, expected: str) -> None:
    assert folded(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O'Brien^Ann-Marie^^Dr.", "obren^anmare^^dr"),
        ("Ива*^П?тр", "iva*^p?tr"),
        ("A??^^B**", "a??^^b**"),
        ("ИВАНОВ=IVANOV", "ivanov=ivanov"),
        ("山田^太郎", "山田^太郎"),
        ("a_b", "ab"),
    ],
)
def test_a_skeleton_keeps_structure_and_wildcards(text: str, expected: str) -> None:
    assert skeleton(text) == expected


WORDS = st.text(alphabet=st.characters(categories=("Lu", "Ll", "Lo", "Mn", "Nd", "Zs")), max_size=20)


@given(WORDS)
def test_a_letter_is_never_folded_into_a_wildcard_or_delimiter(text: str) -> None:
    for fold in (folded, skeleton):
        assert not set(fold(text)) & set("*?^=")


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_every_component_is_folded_by_itself(components: list[str]) -> None:
    assert folded("^".join(components)) == "^".join(map(folded, components)).rstrip("^")


@given(st.text(alphabet="абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһі^= abcxyzéüİ", max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert unicodedata.is_normalized("NFC", folded(text))


@given(st.text(alphabet="АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ", max_size=20))
def test_case_never_matters(text: str) -> None:
    assert folded(text.lower()) == folded(text)
    assert skeleton(text.lower()) == skeleton(text)
