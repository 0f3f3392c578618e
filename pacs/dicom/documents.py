"""Documents of DICOM JSON from outside: checked, mended where the meaning is clear, or refused with every mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydicom import config
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.valuerep import validate_value

from pacs.dicom.dictionary import dictionary_vr
from pacs.dicom.json import dataset_json
from pacs.dicom.part10 import read_file_meta
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import AttributesRefused, NotUnderstood

DEPTH_MAX: Final = 8
ELEMENTS_MAX: Final = 4096
MISTAKES_SHOWN: Final = 10

_TAG: Final = re.compile(r"[0-9A-F]{8}")
_ABOUT_THE_TEXT: Final = "00080005"
_TEXT_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_INTEGER_VRS: Final = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
_ONE_TEXT_VRS: Final = frozenset({"LT", "ST", "UR", "UT"})
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def read_document(given: Any) -> dict[str, Any]:
    """A DICOM JSON object (PS3.18 Annex F) in the form it is kept: tags upper case and ascending, no group lengths, no
    group 0002, no Specific Character Set, no empty Value. Attributes may be given by keyword, a name as one string and
    the VR left out. Raises AttributesRefused with every mistake."""
    reader = _Reader()
    document = reader.document(given, "", 0)
    if reader.mistakes:
        refuse(reader.mistakes)
    return document


def refuse(mistakes: list[str]) -> None:
    """Raise AttributesRefused that tells of `mistakes`, one a line."""
    shown = mistakes[:MISTAKES_SHOWN]
    if len(mistakes) > len(shown):
        shown.append(f"and {len(mistakes) - len(shown)} more")
    raise AttributesRefused("\n".join(shown), "correct these and try again")


def read_file(data: bytes) -> dict[str, Any]:
    """The document of a DICOM file, or of a bare data set as some worklist servers keep them, without pixel data.

    Raises NotUnderstood, IncompleteDataSet.
    """
    try:
        meta = read_file_meta(data)
    except NotUnderstood:
        meta = None
    if meta is not None:
        data, syntax = data[meta.dataset_offset :], meta.transfer_syntax_uid
    else:
        explicit = data[4:6].isalpha() and data[4:6].isupper()
        syntax = EXPLICIT_VR_LITTLE_ENDIAN if explicit else IMPLICIT_VR_LITTLE_ENDIAN
    document = dataset_json(data, syntax, bulk_data_uri=str, inline_bytes_max=len(data))
    return {tag: body for tag, body in document.items() if "BulkDataURI" not in body}


def label(tag: str) -> str:
    """How a tag is called in messages: by its keyword, or as (gggg,eeee)."""
    return keyword_for_tag(int(tag, 16)) or f"({tag[:4]},{tag[4:]})"


def tag_of(name: str) -> str | None:
    """The tag that a keyword or 8 hexadecimal digits name; None for anything else."""
    if _TAG.fullmatch(name.upper()):
        return name.upper()
    found = tag_for_keyword(name)
    return None if found is None else f"{found:08X}"


class _Reader:
    """One document on its way in; `mistakes` say where each is."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self._elements = 0

    def document(self, given: Any, where: str, depth: int) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            self.mistakes.append(f"{where or 'the document'}: expected a DICOM JSON object")
            return {}
        if depth > DEPTH_MAX:
            self.mistakes.append(f"{where}: sequences are nested deeper than {DEPTH_MAX}")
            return {}
        found: dict[str, Any] = {}
        for name, body in given.items():
            self._elements += 1
            if self._elements > ELEMENTS_MAX:
                self.mistakes.append(f"the document has more than {ELEMENTS_MAX} attributes")
                break
            tag = tag_of(str(name))
            if tag is None:
                self.mistakes.append(f"{where}{str(name)[:64]}: expected a tag of 8 hexadecimal digits or a keyword")
            elif tag[4:] != "0000" and not tag.startswith("0002") and tag != _ABOUT_THE_TEXT:
                found[tag] = self._element(tag, body, where, depth)
        return dict(sorted(found.items()))

    def _element(self, tag: str, body: Any, where: str, depth: int) -> dict[str, Any]:
        place = f"{where}{label(tag)}"
        if not isinstance(body, Mapping):
            body = {"Value": body if isinstance(body, list) else [body]}
        known = dictionary_vr(int(tag, 16))
        vr = str(body.get("vr") or known.split(" ")[0])
        if known != "UN" and vr not in known.split(" or "):
            self.mistakes.append(f"{place}: VR {vr[:4]!r}, expected {known}")
            return {"vr": vr}
        if isinstance(body.get("InlineBinary"), str):
            return {"vr": vr, "InlineBinary": body["InlineBinary"]}
        values = body.get("Value")
        if values is None or values in ([], ""):
            return {"vr": vr}
        if not isinstance(values, list):
            values = [values]
        if vr == "SQ":
            items = [self.document(item or {}, f"{place}[{n}].", depth + 1) for n, item in enumerate(values, 1)]
            return {"vr": vr, "Value": items}
        read = [self._value(place, vr, value) for value in values]
        if vr in _ONE_TEXT_VRS and len(read) > 1:
            self.mistakes.append(f"{place}: {len(read)} values, expected one")
        return {"vr": vr, "Value": read} if any(value not in (None, "") for value in read) else {"vr": vr}

    def _value(self, place: str, vr: str, value: Any) -> Any:
        if value is None or value == "":
            return None
        if vr == "PN":
            return self._person(place, value)
        if vr in _INTEGER_VRS or vr in ("FL", "FD"):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return value
            self.mistakes.append(f"{place} {str(value)[:64]!r}: expected a number")
            return None
        if vr in ("DS", "IS") and isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            self.mistakes.append(f"{place} {str(value)[:64]!r}: expected text")
            return None
        text = value.rstrip(" \0") if vr in _ONE_TEXT_VRS else value.strip(" \0")
        self._check(place, vr, text)
        return text or None

    def _person(self, place: str, value: Any) -> Any:
        groups = dict(zip(_NAME_GROUPS, value.split("="), strict=False)) if isinstance(value, str) else value
        if not isinstance(groups, Mapping) or not set(groups) <= set(_NAME_GROUPS):
            self.mistakes.append(f"{place}: expected a name, by groups or as one string")
            return None
        kept = {group: str(groups[group]).strip() for group in _NAME_GROUPS if groups.get(group)}
        for text in kept.values():
            self._check(place, "PN", text)
        return kept or None

    def _check(self, place: str, vr: str, text: str) -> None:
        if "\\" in text and vr not in _ONE_TEXT_VRS:
            self.mistakes.append(f"{place} {text[:64]!r}: a backslash would split it; give several values as several")
        elif text and vr in _TEXT_VRS | {"DS", "IS"}:
            try:
                validate_value(vr, text, config.RAISE)
            except ValueError as error:
                why = str(error).partition(" Please see")[0].rstrip(".")
                self.mistakes.append(f"{place} {text[:64]!r}: {why[:1].lower()}{why[1:]}")
