"""Text for devices that read one character set only: letters it lacks become those a person would write instead.

ISO_IR 144 lacks eight Kazakh letters, three of them Kyrgyz too, and the quotation marks of both; ISO IR 6 lacks every
Cyrillic letter. What is left that no rule knows stays as it is, and the answer then has to be in UTF-8.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from pacs.dicom.charset import character_set
from pacs.dicom.dictionary import TEXT_VRS

_CHARACTERS_MAX: Final = {"SH": 16, "LO": 64, "PN": 64}  # of a value, of a name's group (PS3.5 6.2)


def _both_cases(pairs: Mapping[str, str]) -> dict[int, str]:
    small = {ord(letter): spelt for letter, spelt in pairs.items()}
    return small | {ord(letter.upper()): spelt.capitalize() for letter, spelt in pairs.items()}


_PLAIN_MARKS: Final = str.maketrans(
    {
        **dict.fromkeys("«»“”„", '"'),
        **dict.fromkeys("‘’‚ʼ", "'"),
        **dict.fromkeys("–—‒−", "-"),
        "…": "...",
        "\u00a0": " ",
    }
)
# Kazakh and Kyrgyz letters as the Russian ones that are written for them
_RUSSIAN: Final = _both_cases(dict(zip("әғқңөұүһі", "агкноуухи", strict=True)))
# as in passports (ICAO Doc 9303, Part 3, section 6)
_LATIN: Final = _both_cases(
    {
        **dict(zip("абвгдеёзийклмнопрстуфыэ", "abvgdeeziiklmnoprstufye", strict=True)),
        "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ь": "", "ю": "iu", "я": "ia",
        "№": "No",
    }
)  # fmt: skip
_CYRILLIC: Final = re.compile("[\u0400-\u04ff№]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


def fitting(text: str, vr: str, charset_terms: str) -> str:
    """`text` in letters of the set that (0008,0005) `charset_terms` names, changed no more than it has to be; as it is
    where no rule helps. What became longer is cut to what its VR allows."""
    codec = character_set(charset_terms).codec
    changed = text
    for step in (_plain_marks, _russian, _without_accents, _latin):
        if _fits(changed, codec):
            break
        changed = step(changed)
    if not _fits(changed, codec):
        return text
    longest = _CHARACTERS_MAX.get(vr)
    return changed[:longest] if longest is not None and len(changed) > len(text) else changed


def transliterated(document: Mapping[str, Any], charset_terms: str) -> dict[str, Any]:
    """A DICOM JSON object whose text, nested text included, is `fitting`."""
    return {tag: _element(body, charset_terms) for tag, body in document.items()}


def _element(body: Mapping[str, Any], charset_terms: str) -> dict[str, Any]:
    vr, values = str(body.get("vr", "")), body.get("Value")
    if not values or (vr != "SQ" and vr not in TEXT_VRS):
        return dict(body)
    return {**body, "Value": [_value(value, vr, charset_terms) for value in values]}


def _value(value: Any, vr: str, charset_terms: str) -> Any:
    if vr == "SQ":
        return transliterated(value, charset_terms)
    if isinstance(value, Mapping):
        return {group: fitting(str(text), vr, charset_terms) for group, text in value.items()}
    return fitting(value, vr, charset_terms) if isinstance(value, str) else value


def _fits(text: str, codec: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _plain_marks(text: str) -> str:
    return text.translate(_PLAIN_MARKS)


def _russian(text: str) -> str:
    return text.translate(_RUSSIAN)


def _without_accents(text: str) -> str:
    """Of Latin letters only: й and ё are letters of their own."""
    return "".join(
        letter if "\u0400" <= letter <= "\u04ff" else _ACCENTS.sub("", unicodedata.normalize("NFD", letter))
        for letter in text
    )


def _latin(text: str) -> str:
    return _CYRILLIC.sub(_latin_word, text)


def _latin_word(found: re.Match[str]) -> str:
    """Words in capitals stay so: Щукин is Shchukin, ЩУКИН is SHCHUKIN."""
    word = found[0]
    spelt = word.translate(_LATIN)
    return spelt.upper() if len(word) > 1 and word.isupper() else spelt
