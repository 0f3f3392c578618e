"""What a key means: text from a wire into a criterion (PS3.4 C.2.2.2), shared by C-FIND and QIDO-RS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from pacs.archive.typed import MOMENT_FORM
from pacs.attributes import Attribute, Extended, Matching
from pacs.dicom.dictionary import dictionary_multiplicity, dictionary_vr
from pacs.dicom.keys import Document, moments_between
from pacs.dicom.uids import valid_uid
from pacs.errors import QueryRefused
from pacs.index.criteria import AllOf, AnyOf, Between, Criterion, Empty, Equals, Item, Like, OneOf, Test
from pacs.index.extended import number_of
from pacs.index.items import keys_of

WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""Where `*` and `?` are wildcards (PS3.4 C.2.2.2.4); nowhere else."""

KEY_CHARACTERS_MAX = 1024
UIDS_MAX = 10_000

_DATE = re.compile(r"\d{4}((0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?)?")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")


EMPTY_VALUE = '""'
"""What asks for attributes without a value, where that was agreed on (PS3.4 C.2.2.2.7)."""


COMMA_VRS = frozenset({"AS", "CS", "DA", "IS", "SL", "SS", "TM", "UL", "US"})
"""Where a comma parts values too: none of them can hold one."""

MULTIPLE_VALUE_VRS = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})
"""Of attributes that may have several values, those whose keys may (PS3.4 C.2.2.2.8)."""


class Lists(Enum):
    """What several values in one key are."""

    NONE = 0
    """No list: the text is one value."""
    WHERE_COMMAS_PART = 1
    """A list where no value can hold a comma or backslash; any of its values will do."""
    MULTIPLE_VALUE_MATCHING = 2
    """A list, of which every value has to be met (PS3.4 C.2.2.2.8); of an attribute with one value, any."""


def criterion(
    attribute: Attribute, text: str, *, empty_value: bool = False, lists: Lists = Lists.NONE
) -> Criterion | None:
    """The criterion that `text` asks of `attribute`; None for universal matching (an empty key, or a lone `*`).

    With `empty_value`, two quotation marks ask for what has no value. A backslash parts the values of a list, and a
    comma where no value can hold one. Raises QueryRefused with the keyword, the value and what was expected.
    """
    commas = attribute.vr in COMMA_VRS
    if (lists is Lists.MULTIPLE_VALUE_MATCHING or (lists is Lists.WHERE_COMMAS_PART and commas)) and (
        attribute.matching is not Matching.UID
    ):
        several = re.split(r"[\\,]" if commas else r"\\", text)
        if len(several) > 1:
            every = lists is Lists.MULTIPLE_VALUE_MATCHING and _may_have_several(attribute)
            return _list(attribute, several, empty_value, every=every)
    text = text.strip(" \0")
    if not text or attribute.matching in (Matching.RETURN, Matching.SEQUENCE):
        return None
    if attribute.vr in WILDCARD_VRS and set(text) == {"*"}:
        return None
    if empty_value and text == EMPTY_VALUE:
        return Criterion(attribute, Empty())
    if attribute.matching is not Matching.UID and len(text) > KEY_CHARACTERS_MAX:
        message = f"{attribute.keyword} is {len(text)} characters long"
        raise QueryRefused(message, f"at most {KEY_CHARACTERS_MAX}", "search_long")
    return Criterion(attribute, _READERS[_kind(attribute)](attribute, text))


def _may_have_several(attribute: Attribute) -> bool:
    if attribute.vr not in MULTIPLE_VALUE_VRS:
        return False
    if isinstance(attribute, Extended):
        return dictionary_multiplicity(attribute.tag) != "1"
    return attribute.multiple or attribute.matching is Matching.COMPUTED


def _list(attribute: Attribute, values: list[str], empty_value: bool, *, every: bool) -> Criterion | None:
    if len(values) > UIDS_MAX:
        raise QueryRefused(f"{attribute.keyword} lists {len(values)} values", f"ask for at most {UIDS_MAX} at a time")
    found = [criterion(attribute, value, empty_value=empty_value) for value in values]
    asked = [one for one in found if one is not None]
    if not asked or (len(asked) < len(found) and not every):
        return None  # any value will do
    tests: list[Equals | Like | Between | Empty] = []
    for one in asked:
        assert isinstance(one.test, Equals | Like | Between | Empty)
        tests.append(one.test)
    return Criterion(attribute, (AllOf if every else AnyOf)(tuple(tests)))


def sequence_criterion(attribute: Attribute, item: Document) -> Criterion | None:
    """Sequence matching: `item` is the one item of the key, as DICOM JSON with the values as texts (PS3.4 C.2.2.2.6);
    None where it asks for nothing. Raises QueryRefused."""
    test = Item(json.dumps(item, ensure_ascii=False, sort_keys=True))
    return Criterion(attribute, test) if keys_of(test).selective else None


def item_of(values: Mapping[tuple[int, ...], str]) -> dict[str, Any]:
    """The item of a sequence key whose values are given by path, tags from the outside in. Raises QueryRefused."""
    item: dict[str, Any] = {}
    for path, text in values.items():
        *sequences, tag = path
        place = item
        for one in sequences:
            if dictionary_vr(one) != "SQ":
                raise QueryRefused(f"{one:08X} is no sequence", "only a sequence has attributes inside")
            place = place.setdefault(f"{one:08X}", {"vr": "SQ", "Value": [{}]})["Value"][0]
        vr = dictionary_vr(tag)[:2]
        if vr == "SQ":
            if text:
                raise QueryRefused(f"{tag:08X} is a sequence", "name an attribute inside of it, after a dot")
            place.setdefault(f"{tag:08X}", {"vr": "SQ", "Value": [{}]})  # met by every value, and nothing is said of it
            continue
        parts = re.split(r"[\\,]", text) if vr == "UI" else [text]
        place[f"{tag:08X}"] = {"vr": vr, "Value": [part.strip(" \0") for part in parts]}
    return item


def _kind(attribute: Attribute) -> Matching:
    if attribute.matching is not Matching.COMPUTED:
        return attribute.matching
    return {"UI": Matching.UID, "CS": Matching.CODE}.get(attribute.vr, Matching.NUMBER)


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def _text(attribute: Attribute, text: str) -> Test:
    return Like(text) if attribute.vr in WILDCARD_VRS and _has_wildcard(text) else Equals(text)


def _uids(attribute: Attribute, text: str) -> Test:
    values = tuple(dict.fromkeys(part.strip(" \0") for part in re.split(r"[\\,]", text) if part.strip(" \0")))
    if len(values) > UIDS_MAX:
        raise QueryRefused(f"{attribute.keyword} lists {len(values)} UIDs", f"ask for at most {UIDS_MAX} at a time")
    for value in values:
        if not valid_uid(value):
            raise QueryRefused(
                f"{attribute.keyword} {value!r} is not a UID", "UIDs are digits and dots, at most 64 characters"
            )
    return OneOf(values)


def _number(attribute: Attribute, text: str) -> Test:
    try:
        return Equals(str(int(text)))
    except ValueError:
        raise QueryRefused(f"{attribute.keyword} {text!r} is not a whole number", "give digits only") from None


def _decimal(attribute: Attribute, text: str) -> Test:
    try:
        number_of(attribute.vr, text)
    except ValueError:
        raise QueryRefused(f"{attribute.keyword} {text!r} is not a number", "give digits, with a point") from None
    return Equals(text)


def _moments(attribute: Attribute, text: str) -> Test:
    found = moments_between(text)
    if found is None:
        expected = "a moment YYYYMMDDHHMMSS or a range of two, each with an offset from UTC where it is known"
        raise QueryRefused(f"{attribute.keyword} {text!r} is not understood", f"expected {expected}")
    low, high = found
    last = high and high - timedelta(microseconds=1)
    return Between(f"{low:{MOMENT_FORM}}" if low else "", f"{last:{MOMENT_FORM}}" if last else "")


def _dates(attribute: Attribute, text: str) -> Test:
    return _range(attribute, text.replace(".", ""), _DATE, "a date YYYYMMDD or a range YYYYMMDD-YYYYMMDD")


def _times(attribute: Attribute, text: str) -> Test:
    return _range(attribute, text.replace(":", ""), _TIME, "a time HHMMSS or a range HHMMSS-HHMMSS")


def _range(attribute: Attribute, text: str, pattern: re.Pattern[str], expected: str) -> Test:
    low, dash, high = (part.strip() for part in text.partition("-"))
    if any(part and not pattern.fullmatch(part) for part in (low, high)) or not (low or high):
        raise QueryRefused(f"{attribute.keyword} {text!r} is not understood", f"expected {expected}")
    return Between(low, high if dash else low)


_READERS: dict[Matching, Callable[[Attribute, str], Test]] = {
    Matching.TEXT: _text,
    Matching.NAME: _text,
    Matching.CODE: _text,
    Matching.UID: _uids,
    Matching.NUMBER: _number,
    Matching.DATE: _dates,
    Matching.TIME: _times,
    Matching.DECIMAL: _decimal,
    Matching.MOMENT: _moments,
}
