"""Character sets: declared, misspelt, escaped, and wrong in the ways of the region."""

from __future__ import annotations

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.charset import character_set, decode_text, encode_text, guess_cyrillic
from pacs.dicom.walker import walk
from tests.support.corpus import CorpusFile, corpus
from tests.support.datasets import by_file, split_file

KAZAKH = "Сейітқали^Әсел"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("", "ascii"),
        ("ISO_IR 6", "ascii"),
        ("ISO_IR 100", "latin-1"),
        ("ISO IR 100", "latin-1"),
        ("ISO_IR_100", "latin-1"),
        ("ISO-IR 144", "iso8859-5"),
        ("ISO 8859-5", "iso8859-5"),
        ("ISO_IR 192", "utf-8"),
        ("ISO_IR_192", "utf-8"),
        ("iso_ir 192", "utf-8"),
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("GB18030", "gb18030"),
        ("GBK", "gbk"),
        ("ISO 2022 IR 6\\ISO 2022 IR 87", "ascii"),
        ("\\ISO 2022 IR 149", "ascii"),
        ("ISO 2022 IR 13\\ISO 2022 IR 87", "shift_jis"),
        ("ISO_IR 192\\ISO 2022 IR 87", "utf-8"),
    ],
)
def test_a_declaration_is_understood_or_repaired(declared: str, codec: str) -> None:
    assert character_set(declared) == (codec, True)


@pytest.mark.parametrize("declared", ["KLINGON", "ISO_IR 999", "ISO 8859-12", "1234567"])
def test_an_unknown_declaration_is_known_to_be_unknown(declared: str) -> None:
    assert not character_set(declared).known


# names of PS3.5 Annexes H, I and J
@pytest.mark.parametrize(
    ("raw", "declared", "name"),
    [
        (
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "\\ISO 2022 IR 87",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        ),
        (
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "\\ISO 2022 IR 149",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        (b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "GB18030", "Wang^XiaoDong=王^小东="),
        (
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "\\ISO 2022 IR 58",
            "Zhang^XiaoDong=张^小东=",
        ),
        (b"\xbb\xee\xda\x63\x65\xdc\xd1yp\xd3", "ISO_IR 144", "Люкceмбypг"),
        ("Äneas^Rüdiger".encode("latin-1"), "ISO_IR 100", "Äneas^Rüdiger"),
        ("Διονυσιος".encode("iso8859-7"), "ISO_IR 126", "Διονυσιος"),
        (KAZAKH.encode(), "ISO_IR 192", KAZAKH),
        (b"Buc^J\x1b-A\xe9r\xf4me", "\\ISO 2022 IR 100", "Buc^Jérôme"),
    ],
)
def test_names_of_the_standard_and_of_the_region(raw: bytes, declared: str, name: str) -> None:
    assert decode_text(raw, "PN", declared) == name


def test_a_delimiter_takes_a_name_back_to_the_first_set() -> None:
    raw = b"\x1b-L\xb8\xd2\xd0\xdd^\xe9\xe8" + b"\\" + b"\xfc"
    assert decode_text(raw, "PN", "ISO 2022 IR 100\\ISO 2022 IR 144") == "Иван^éè\\ü"
    assert decode_text(b"\x1b-L\xb8^\xb8\\\xe9", "LO", "ISO 2022 IR 100\\ISO 2022 IR 144") == "И^И\\é"


def test_a_backslash_within_a_double_byte_letter_is_no_separator() -> None:
    assert "乗\\表".encode("gb18030").count(b"\\") == 2
    assert decode_text("乗\\表".encode("gb18030"), "LO", "GB18030") == "乗\\表"


def test_the_character_set_does_not_apply_to_codes() -> None:
    raw = "МРТ".encode("iso8859-5")
    assert decode_text(raw, "LO", "ISO_IR 144") == "МРТ"
    assert decode_text(b"\xe9", "CS", "ISO_IR 144") == "é"


def test_padding_is_stripped_and_leading_space_kept() -> None:
    assert decode_text(b"  text \0", "LT") == "  text"
    assert decode_text("Жан ".encode() + b"\0", "LO", "ISO_IR 192") == "Жан"


@pytest.mark.parametrize("declared", ["", "ISO_IR 100", "ISO_IR 6", "WINDOWS"])
def test_utf_8_is_recognised_where_it_was_not_declared(declared: str) -> None:
    assert decode_text(KAZAKH.encode(), "PN", declared) == KAZAKH


NAMES = [
    "Иванова^Мария",
    "ИВАНОВ^ПЕТР",
    "Петров^Сергей^Александрович",
    "Сидоренко^Ольга",
    "Ахметов^Бауыржан",
    "Кузнецова^Екатерина^Николаевна",
    "СЕРГЕЕВА^НАТАЛЬЯ",
    "Жумабаев^Ержан",
    "Токтогулов^Мирлан",
    "Морозова^Татьяна^Викторовна",
]


@pytest.mark.parametrize("declared", ["", "ISO_IR 100"])
@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "iso8859-5"])
@pytest.mark.parametrize("name", NAMES)
def test_russian_under_no_or_a_western_declaration_is_repaired(name: str, codec: str, declared: str) -> None:
    assert decode_text(name.encode(codec), "PN", declared) == name


@pytest.mark.parametrize("name", [KAZAKH, "ҚАЙРАТ^НҰРСҰЛТАН", "Жұлдыз^Гүлнәр", "Өмірбек^Ғалым", "Баңу^Шыңғыс"])
def test_kazakh_in_the_kazakh_code_page_is_repaired(name: str) -> None:
    assert decode_text(name.encode("kz1048"), "PN", "ISO_IR 100") == name


@pytest.mark.parametrize(
    "text", ["Müller^Jürgen", "Äneas^Rüdiger", "Buc^Jérôme", "Åsa^Öst", "Ñandú^Peña", "Ève", "Ö", "Éé"]
)
def test_western_names_stay_western(text: str) -> None:
    assert guess_cyrillic(text.encode("latin-1")) is None
    assert decode_text(text.encode("latin-1"), "PN", "ISO_IR 100") == text


def test_a_declared_cyrillic_set_is_believed() -> None:
    raw = "Иванова".encode("cp1251")
    assert decode_text(raw, "PN", "ISO_IR 144") == raw.decode("iso8859-5")


def test_the_charset_known_for_a_source_goes_before_the_guess() -> None:
    raw = "Ґалаґан^Євген".encode("cp1251")
    assert decode_text(raw, "PN", "", "cp1251") == "Ґалаґан^Євген"
    assert decode_text("Ève".encode("latin-1"), "PN", "", "no-such-codec") == "Ève"


def test_bytes_that_fit_nowhere_are_still_text() -> None:
    assert "�" in decode_text(b"abc\xff\xfe\x80", "LO", "ISO_IR 192")


@given(st.binary(max_size=60), st.sampled_from(["", "ISO_IR 192", "\\ISO 2022 IR 87", "GB18030", "ISO_IR 13", "x"]))
def test_no_bytes_make_it_fail(raw: bytes, declared: str) -> None:
    text = decode_text(raw, "PN", declared)
    assert text == text.rstrip("\0 ")
    text.encode("utf-8")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=30))
def test_what_is_encoded_decodes_to_the_same(text: str) -> None:
    # not Latin-1: under that declaration bytes that are valid UTF-8 are read as such
    for requested in (None, "", "ISO_IR 192", "ISO_IR 144", "GB18030", "nonsense"):
        raw, declared = encode_text(text, requested)
        assert decode_text(raw, "LT", declared or "") == text.rstrip("\0 ")


@pytest.mark.parametrize(
    ("text", "requested", "declared"),
    [
        ("IVANOV", None, None),
        ("IVANOV", "ISO_IR 144", "ISO_IR 144"),
        ("Иванов", "ISO_IR 144", "ISO_IR 144"),
        (KAZAKH, "ISO_IR 144", "ISO_IR 192"),
        (KAZAKH, "GB18030", "GB18030"),
        ("Müller", "ISO_IR 100", "ISO_IR 100"),
        ("Müller", None, "ISO_IR 192"),
        ("Müller", "ISO_IR 6", "ISO_IR 192"),
        ("山田", "ISO 2022 IR 6\\ISO 2022 IR 87", "ISO_IR 192"),
        ("Иванов", "KLINGON", "ISO_IR 192"),
    ],
)
def test_an_answer_is_in_the_set_of_the_question_where_every_letter_fits(
    text: str, requested: str | None, declared: str | None
) -> None:
    raw, said = encode_text(text, requested)
    assert said == declared
    assert b"?" not in raw


@pytest.mark.filterwarnings("ignore:::pydicom")
@by_file(file for file in corpus() if file.kind == "charset")
def test_the_names_of_the_public_files_read_as_in_pydicom(file: CorpusFile) -> None:
    uid, data = split_file(file.path.read_bytes())
    theirs = pydicom.dcmread(file.path)
    ours = walk(data, uid).values
    for keyword in ("PatientName", "StudyDescription", "ReferringPhysicianName"):
        assert ours.get(keyword, "").rstrip("=") == str(theirs.get(keyword, "") or "")


@pytest.mark.parametrize("filler", [b"\\", b"a", b" ", b"\n", b"^", b"\xb1", b"\x1b", b"\x1b$B", b"\x1b-A\xe9"])
def test_a_long_text_of_escapes_takes_linear_time(filler: bytes) -> None:
    """In quadratic time this would meet the time-out of a test."""
    raw = b"\x1b$B" + filler * (1_000_000 // len(filler)) + b"\x1b"
    assert isinstance(decode_text(raw, "PN", "\\ISO 2022 IR 87"), str)


def test_a_space_between_letters_of_two_bytes_ends_nothing() -> None:
    assert decode_text(b"\x1b$B;3ED B@O:\x1b(B", "PN", "\\ISO 2022 IR 87") == "山田 太郎"
    assert decode_text(b"\x1b$B;3ED\r\nab", "LT", "\\ISO 2022 IR 87") == "山田\r\nab"
