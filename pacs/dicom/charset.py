"""Text of the Specific Character Set (PS3.5 6.1, PS3.3 C.12.1.1.2), with repair of what devices write instead.

The bytes in the archive are never changed: this is how they are read for the index, the answers and the web.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from pacs.dicom.dictionary import TEXT_VRS

UTF8: Final = "ISO_IR 192"

_ESCAPE: Final = 0x1B
# defined term without its prefix, to the Python codec of its upper half (PS3.3 Tables C.12-2 to C.12-4)
_CODECS: Final[Mapping[str, str]] = {
    "6": "ascii",
    "100": "latin-1",
    "101": "iso8859-2",
    "109": "iso8859-3",
    "110": "iso8859-4",
    "126": "iso8859-7",
    "127": "iso8859-6",
    "138": "iso8859-8",
    "144": "iso8859-5",
    "148": "iso8859-9",
    "166": "tis-620",
    "203": "iso8859-15",
    "13": "shift_jis",
    "87": "ascii",
    "159": "ascii",
    "149": "euc_kr",
    "58": "gb2312",
    "192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
_ALONE: Final = frozenset({"utf-8", "gb18030", "gbk"})
# what devices write instead of a defined term, reduced to letters and digits
_MISSPELT: Final[Mapping[str, str]] = {
    "UTF8": "192",
    "UNICODE": "192",
    "GB2312": "GB18030",
    "CP936": "GBK",
    "ASCII": "6",
    "USASCII": "6",
    "LATIN1": "100",
}
_CODEC_NAME: Final = re.compile(r"(?:ISO8859|8859)-?(\d{1,2})$")
_TERM: Final = re.compile(r"(?:ISO)?(?:2022)?(?:IR)?(\d{1,3}|GBK|GB18030)$")
# escape sequence to (upper half, codec): the set it designates (PS3.3 Tables C.12-3 and C.12-4)
_DESIGNATIONS: Final[Mapping[bytes, tuple[bool, str]]] = {
    b"(B": (False, "ascii"),
    b"(J": (False, "ascii"),  # JIS X 0201 romaji, whose 5C is the separator all the same
    b"$B": (False, "iso2022_jp"),
    b"$@": (False, "iso2022_jp"),
    b"$(D": (False, "iso2022_jp_2"),
    b")I": (True, "shift_jis"),
    b"-A": (True, "latin-1"),
    b"-B": (True, "iso8859-2"),
    b"-C": (True, "iso8859-3"),
    b"-D": (True, "iso8859-4"),
    b"-F": (True, "iso8859-7"),
    b"-G": (True, "iso8859-6"),
    b"-H": (True, "iso8859-8"),
    b"-L": (True, "iso8859-5"),
    b"-M": (True, "iso8859-9"),
    b"-T": (True, "tis-620"),
    b"-b": (True, "iso8859-15"),
    b"$)C": (True, "euc_kr"),
    b"$)A": (True, "gb2312"),
}
_TWO_BYTE_ESCAPES: Final[Mapping[str, bytes]] = {"iso2022_jp": b"\x1b$B", "iso2022_jp_2": b"\x1b$(D"}
_RESETS: Final = frozenset(b"\t\n\f\r\\")
_NAME_RESETS: Final = _RESETS | frozenset(b"^=")


class CharacterSet(NamedTuple):
    """`codec` of the upper half at the start of a value; `known` is false where the declaration was not understood."""

    codec: str
    known: bool


@lru_cache(maxsize=256)
def character_set(declared: str) -> CharacterSet:
    """The set which the value of (0008,0005) stands for, misspelt terms repaired; of several values the first one
    counts, because escape sequences in the text announce the others (PS3.5 6.1.2.5)."""
    terms = [_codec_of(term) for term in declared.split("\\")]
    alone = next((codec for codec in terms if codec in _ALONE), None)
    if alone is not None:
        return CharacterSet(alone, known=True)
    first = terms[0]
    return CharacterSet(first or "ascii", known=first is not None)


def _codec_of(term: str) -> str | None:
    reduced = re.sub(r"[\s_-]", "", term.upper()).strip("\0")
    if not reduced:
        return "ascii"
    if reduced in _MISSPELT:
        return _CODECS[_MISSPELT[reduced]]
    if match := _CODEC_NAME.match(reduced):
        return f"iso8859-{int(match[1])}" if 1 <= int(match[1]) <= 16 and int(match[1]) != 12 else None
    if match := _TERM.match(reduced):
        return _CODECS.get(match[1].lstrip("0") or "0")
    return None


def decode_text(raw: bytes, vr: str, charset_terms: str = "", source_charset: str | None = None) -> str:
    """The text of `raw`, trailing padding stripped; never fails.

    `charset_terms` is the value of (0008,0005), `source_charset` a Python codec known for this sender, used where the
    declaration cannot be right. Where the set is absent or Latin-1, bytes that are valid UTF-8 are read as such, and
    bytes that can only be Cyrillic are read as the Cyrillic code page they look like.
    """
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii").rstrip("\0 ")
    if vr not in TEXT_VRS:
        charset_terms = ""
    declared = character_set(charset_terms)
    if declared.codec not in _ALONE and _ESCAPE in raw:
        return _decode_escapes(raw, vr, declared.codec).rstrip("\0 ")
    return _decode(raw, declared, source_charset).rstrip("\0 ")


def _decode(raw: bytes, declared: CharacterSet, source_charset: str | None) -> str:
    doubtful = declared.codec in ("ascii", "latin-1") or not declared.known
    codecs = (
        ("utf-8", source_charset, guess_cyrillic(raw), "latin-1")
        if doubtful
        else (declared.codec, "utf-8", source_charset)
    )
    for codec in codecs:
        if codec:
            try:
                return raw.decode(codec)
            except (UnicodeDecodeError, LookupError):
                continue
    return raw.decode(declared.codec, "replace")


def _decode_escapes(raw: bytes, vr: str, initial: str) -> str:
    """ISO 2022: the lower half follows G0, the upper half G1; both go back to value 1 at a delimiter
    (PS3.5 6.1.2.5.3)."""
    resets = _NAME_RESETS if vr == "PN" else _RESETS
    lower, upper = "ascii", initial
    pieces: list[str] = []
    position = 0
    while position < len(raw):
        byte = raw[position]
        if byte == _ESCAPE:
            sequence = next(
                (s for s in (raw[position + 1 : position + 4], raw[position + 1 : position + 3]) if s in _DESIGNATIONS),
                None,
            )
            position += 1 + len(sequence or b"")
            if sequence is not None:
                is_upper, codec = _DESIGNATIONS[sequence]
                lower, upper = (lower, codec) if is_upper else (codec, upper)
            continue
        two_bytes = lower in _TWO_BYTE_ESCAPES and byte < 0x80
        end = _run_end(raw, position) if not two_bytes else _two_byte_end(raw, position)
        run = raw[position:end]
        if two_bytes and byte >= 0x21:
            pieces.append((_TWO_BYTE_ESCAPES[lower] + run).decode(lower, "replace"))
        elif byte >= 0x80:
            pieces.append(run.decode(upper if upper != "ascii" else "latin-1", "replace"))
        else:
            pieces.append(run.decode("ascii"))
            if not resets.isdisjoint(run):
                lower, upper = "ascii", initial
        position = end
    return "".join(pieces)


def _run_end(raw: bytes, start: int) -> int:
    """The end of the bytes of one half of the code table."""
    high = raw[start] >= 0x80
    end = start
    while end < len(raw) and raw[end] != _ESCAPE and (raw[end] >= 0x80) == high:
        end += 1
    return end


def _two_byte_end(raw: bytes, start: int) -> int:
    """The end of letters of two bytes; a control character or space is one by itself."""
    end = start
    while end < len(raw) and 0x21 <= raw[end] < 0x80:
        end += 1
    return max(end, start + 1)


_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]+")
_CYRILLIC_WORD_MIN: Final = 3
_ASCII: Final = bytes(range(0x80))
_CYRILLIC_CODECS: Final = ("kz1048", "iso8859-5", "koi8-r", "cp866")
# names and words that are frequent in Kazakhstan, Kyrgyzstan and Russia; their letter pairs are the yardstick
_FREQUENT_WORDS: Final = (
    "иванова петров сидоренко александр алексеевич сергеевна дмитрий николаевна владимир екатерина михаил ольга "
    "татьяна светлана морозов кузнецов андрей виктор павел юлия наталья гульнара айгерим сейтқали әсел қайрат "
    "жұлдыз нұрсұлтан тоқаев назарбаев ахметов ибрагимов оспанов бекмурат ержан алия мәриям өмірбек асанов улуу "
    "кызы ұлы қызы мамытов токтогул чынгыз исаев жумабаев бауыржан динара грудная клетка головной мозг брюшная "
    "полость позвоночник больница областная городская отделение рентген снимок исследование"
)
_COMMON_PAIRS: Final = frozenset(
    first + second for first, second in itertools.pairwise(_FREQUENT_WORDS) if " " not in (first, second)
)


def guess_cyrillic(raw: bytes) -> str | None:
    """The Cyrillic code page that `raw` is written in, or None where it may well be something else.

    Only words without any Latin letter count, three letters at least: no Western name looks like that. Alphabet and
    letter case tell the code pages apart, common pairs of letters settle ties (Иванова against Штрэютр).
    """
    words = [word for word in _WORD.findall(raw) if not word.isascii()]
    if max(map(len, words), default=0) < _CYRILLIC_WORD_MIN or not all(
        word.translate(None, _ASCII) == word for word in words
    ):
        return None
    scores = {codec: _cyrillic_score(b" ".join(words), codec) for codec in _CYRILLIC_CODECS}
    best = max(scores, key=scores.__getitem__)  # the first of equals
    return best if scores[best] >= 0 else None


def _cyrillic_score(raw: bytes, codec: str) -> float:
    """Share of common letter pairs; -1 where it cannot be text: other letters, or capitals after small ones."""
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return -1.0
    words = text.split()
    if not all("\u0400" <= letter <= "\u04ff" for word in words for letter in word):
        return -1.0
    # names and descriptions are never in small letters throughout: that is KOI8-R read as something else
    if text.islower() or not all(word.isupper() or word[1:].islower() for word in words):
        return -1.0
    pairs = [first + second for word in words for first, second in itertools.pairwise(word.lower())]
    return sum(pair in _COMMON_PAIRS for pair in pairs) / len(pairs) if pairs else 0.0


def encode_text(text: str, requested_charset: str | None) -> tuple[bytes, str | None]:
    """Bytes of `text` and the value of (0008,0005) that goes with them, None where none is needed.

    The requester's set when every letter fits into it, else ISO_IR 192: a letter is never lost.
    """
    requested = (requested_charset or "").split("\\")[0]
    if text.isascii():
        return text.encode("ascii"), requested or None
    declared = character_set(requested)
    if requested and declared.known and declared.codec not in ("ascii", "shift_jis", "euc_kr", "gb2312"):
        try:
            return text.encode(declared.codec), requested
        except UnicodeEncodeError:
            pass
    return text.encode("utf-8"), UTF8
