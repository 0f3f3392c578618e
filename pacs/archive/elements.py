"""A value of the index as an element of the DICOM JSON model (PS3.18 Annex F), for every wire that answers searches."""

from __future__ import annotations

import json
import re
from typing import Any

from pacs.attributes import Attribute, Extended

Element = dict[str, Any]

_NUMBER_VRS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_FLOAT_VRS = frozenset({"FD", "FL"})
_PLAIN_VRS = frozenset({"AS", "CS", "DA", "LO", "SH", "TM", "UI"})


def element(attribute: Attribute, text: str) -> Element:
    """The element with the values in `text`; of an attribute inside of sequences, the outermost one (see `inside`)."""
    if isinstance(attribute, Extended) and attribute.sequences:
        return inside(attribute, text)
    if text == "":
        return {"vr": attribute.vr}
    if attribute.vr == "SQ":
        return {"vr": "SQ", "Value": json.loads(text)}
    if attribute.vr in _PLAIN_VRS and "\\" not in text:
        return {"vr": attribute.vr, "Value": [text]}
    return {"vr": attribute.vr, "Value": [_value(attribute.vr, part) for part in text.split("\\")]}


def inside(attribute: Extended, text: str) -> Element:
    """The outermost sequence around an attribute, with an item for each value: which values stood in one item is not
    known."""
    items = [_data_set(attribute, attribute.tag, attribute.vr, part) for part in text.split("\\")] if text else []
    for tag in reversed(attribute.sequences[1:]):
        items = [_data_set(attribute, tag, "SQ", item) for item in items]
    return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}


def joined(one: Element, other: Element) -> Element:
    """A sequence with the items of both."""
    items = [*one.get("Value", ()), *other.get("Value", ())]
    return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}


def _data_set(attribute: Extended, tag: int, vr: str, value: Any) -> Element:
    """An item with one element, and whose it is where it is private (PS3.5 7.8.1)."""
    made: Element = {f"{tag:08X}": {"vr": vr, "Value": [value if vr == "SQ" else _value(vr, value)]}}
    if tag >> 16 & 1:
        made = {f"{tag >> 16:04X}00{tag >> 8 & 0xFF:02X}": {"vr": "LO", "Value": [attribute.private_creator]}, **made}
    return made


def _value(vr: str, text: str) -> Any:
    if text == "":
        return None
    if vr == "PN":
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
        return {group: name for group, name in groups if name}
    if vr in _NUMBER_VRS and re.fullmatch(r"[+-]?\d{1,15}", text):
        return int(text)
    return float(text) if vr in _FLOAT_VRS else text
