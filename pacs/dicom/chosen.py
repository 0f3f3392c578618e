"""Chosen top-level elements of a data set as texts, private ones by their creator (PS3.5 7.8.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pacs.dicom.charset import decode_text
from pacs.dicom.elements import ELEMENT, SEQUENCE, SEQUENCE_END, scan
from pacs.dicom.headers import Buffer
from pacs.dicom.json import binary_values
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import inflate, stripped

VALUE_BYTES_MAX: Final = 16_384
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_ONE_VALUE_VRS: Final = frozenset({"LT", "ST", "UR", "UT"})
_BINARY_VRS: Final = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_TEXT_VRS: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)


@dataclass(frozen=True, slots=True)
class Choice:
    """An element that is wanted; a private one in whatever block `private_creator` has reserved. `vr` is what it is
    read as where the data set does not say."""

    tag: int
    vr: str
    private_creator: str = ""


class ChoiceUnreadable(ValueError):
    """The element is there, and is no text or number of a readable length."""


Values = tuple[str, ...] | ChoiceUnreadable
"""The values of one element as texts without padding, those that are empty left out; or why there are none."""


def chosen_values(data: Buffer, transfer_syntax_uid: str, wanted: Collection[Choice]) -> dict[Choice, Values]:
    """What `data`, a data set without file meta, has of the `wanted`; an element that is absent or empty is left out.

    Raises IncompleteDataSet, NotUnderstood where the data set cannot be walked to its end.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.deflated:
        data = inflate(data)
    standard = {choice.tag: choice for choice in wanted if not choice.private_creator}
    private = {(one.tag >> 16, one.private_creator, one.tag & 0xFF): one for one in wanted if one.private_creator}
    found: dict[Choice, Values] = {}
    creators: dict[int, str] = {}
    charset = ""
    depth = 0
    for kind, tag, vr, _, value, length in scan(data, syntax):
        if kind == SEQUENCE:
            if not depth and (choice := _choice(tag, standard, private, creators)) is not None:
                found[choice] = ChoiceUnreadable("it is a sequence")
            depth += 1
        elif kind == SEQUENCE_END:
            depth -= 1
        elif kind != ELEMENT or depth or not length:
            continue
        elif tag == _SPECIFIC_CHARACTER_SET:
            charset = stripped(decode_text(bytes(data[value : value + length]), "CS"))
        elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
            creators[tag >> 16 << 16 | (tag & 0xFF) << 8] = stripped(
                decode_text(bytes(data[value : value + min(length, VALUE_BYTES_MAX)]), "LO", charset)
            )
        elif (choice := _choice(tag, standard, private, creators)) is not None:
            if length > VALUE_BYTES_MAX:
                found[choice] = ChoiceUnreadable(f"it has {length} bytes, at most {VALUE_BYTES_MAX} are read")
                continue
            values = _texts(bytes(data[value : value + length]), vr, choice.vr, charset, big_endian=syntax.big_endian)
            if values:
                found[choice] = values
    return found


def _choice(
    tag: int,
    standard: Mapping[int, Choice],
    private: Mapping[tuple[int, str, int], Choice],
    creators: Mapping[int, str],
) -> Choice | None:
    if not tag >> 16 & 1:
        return standard.get(tag)
    creator = creators.get(tag & 0xFFFFFF00)
    return None if creator is None else private.get((tag >> 16, creator, tag & 0xFF))


def _texts(raw: bytes, written: str, otherwise: str, charset: str, *, big_endian: bool) -> Values:
    known = written in _TEXT_VRS or written in _BINARY_VRS
    if not known and len(written) == 2 and written != "UN":
        return ChoiceUnreadable(f"it is written as {written}")
    vr = written if known else otherwise
    if vr in _BINARY_VRS:
        # what is UN is little endian (PS3.5 6.2.2)
        numbers = binary_values(raw, vr, "big" if big_endian and written != "UN" else "little")
        if numbers is None:
            return ChoiceUnreadable(f"{len(raw)} bytes are no {vr}")
        return tuple(str(number) for number in numbers)
    text = stripped(decode_text(raw, vr, charset))
    values = [text] if vr in _ONE_VALUE_VRS else text.split("\\")
    return tuple(value for value in values if value)
