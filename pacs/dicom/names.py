"""Person names and free text as they are searched: across case, accents and scripts.

Both forms keep ``^`` and ``=`` between the parts of a name and the wildcards ``*`` and ``?``, so a search key is folded
like the names it is compared with. Neither form is ever shown.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Kazakh and Kyrgyz letters, and ё, to the Russian letter that is typed for them
_TO_RUSSIAN: Final = str.maketrans("әғқңөұүһіё", "агкноуухие")

# Russian letters to a Latin spelling; several spellings in use meet again in _SAME_SOUNDS
_TO_LATIN: Final = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхыэ", "abvgdeziiklmnoprstufhie", strict=True)),
        "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ь": "", "ю": "iu", "я": "ia",
        # Latin letters that do not decompose into a letter and an accent
        "ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe",
    }
)  # fmt: skip

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_HUSHERS: Final = re.compile("shch|sch|sh")
_SAME_SOUNDS: Final = (
    ("dzh", "j"), ("zh", "j"), ("kh", "h"), ("gh", "g"), ("ng", "n"), ("q", "k"), ("w", "u"), ("x", "ks"),
    ("ts", "c"), ("tz", "c"), ("y", "i"), ("ie", "e"), ("iu", "u"), ("io", "o"), ("ia", "a"),
)  # fmt: skip
_DOUBLED: Final = re.compile(r"(\w)\1+")
_NOT_SEARCHED: Final = re.compile(r"[^\w^ =*?]|_")
_SPACES: Final = re.compile(r" +")


def folded(text: str) -> str:
    """`text` without case and accents, Kazakh and Kyrgyz letters as Russian ones, each part trimmed and empty parts
    at the end dropped (``Сейітқали^Әсел^^^`` → ``сеииткали^асел``)."""
    return _trimmed(_plain(text))


def skeleton(text: str) -> str:
    """What the spellings of one name in Cyrillic and Latin scripts have in common: `folded` spelt in Latin letters by
    its sounds, doubled letters single, punctuation dropped (``Жұлдыз``, ``ZHULDYZ`` → ``juldiz``)."""
    latin = _without_accents(_plain(text).translate(_TO_LATIN))
    latin = _HUSHERS.sub("sh", latin)
    for spelling, sound in _SAME_SOUNDS:
        latin = latin.replace(spelling, sound)
    return _trimmed(_DOUBLED.sub(r"\1", _NOT_SEARCHED.sub("", latin)))


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    return _without_accents(unicodedata.normalize("NFC", text).casefold().translate(_TO_RUSSIAN))


def _without_accents(text: str) -> str:
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


def _trimmed(text: str) -> str:
    groups = []
    for group in text.split("="):
        components = [_SPACES.sub(" ", component).strip() for component in group.split("^")]
        groups.append("^".join(components).rstrip("^"))
    return "=".join(groups).rstrip("=")
