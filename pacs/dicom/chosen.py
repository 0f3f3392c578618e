"""Chosen elements of a data set as texts, those inside of sequences too; private ones by creator (PS3.5 7.8.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from pacs.dicom.charset import decode_text
from pacs.dicom.elements import ELEMENT, ITEM, ITEM_END, SEQUENCE, SEQUENCE_END, scan
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
    """An element that is wanted: `path` is its tag behind those of the sequences around it. What is private in it is so
    in whatever block `private_creator` has reserved. `vr` is what it is read as where the data set does not say."""

    path: tuple[int, ...]
    vr: str
    private_creator: str = ""


class ChoiceUnreadable(ValueError):
    """The element is there, and is no text or number of a readable length."""


Values = tuple[str, ...] | ChoiceUnreadable
"""The values of one element as texts without padding, those that are empty left out; or why there are none."""


class _Wanted:
    """Those choices that one data set, the whole or an item, may hold at a depth, by what tells their elements."""

    def __init__(self, choices: Iterable[Choice] = (), depth: int = 0) -> None:
        self.depth = depth
        self._standard: dict[int, list[Choice]] = defaultdict(list)
        self._private: dict[tuple[int, str, int], list[Choice]] = defaultdict(list)
        for one in choices:
            tag = one.path[depth]
            if tag >> 16 & 1:
                self._private[tag >> 16, one.private_creator, tag & 0xFF].append(one)
            else:
                self._standard[tag].append(one)

    def at(self, tag: int, creators: dict[int, str]) -> Collection[Choice]:
        """The choices whose path goes through an element."""
        if not tag >> 16 & 1:
            return self._standard.get(tag, ())
        creator = creators.get(tag & 0xFFFFFF00)
        return () if creator is None else self._private.get((tag >> 16, creator, tag & 0xFF), ())


_NOTHING: Final = _Wanted()


@dataclass(slots=True)
class _DataSet:
    """What is known of the data set that is being read."""

    wanted: _Wanted
    charset: str = ""
    creators: dict[int, str] = field(default_factory=dict)


def chosen_values(data: Buffer, transfer_syntax_uid: str, wanted: Collection[Choice]) -> dict[Choice, Values]:
    """What `data`, a data set without file meta, has of the `wanted`; an element that is absent or empty is left out.
    Of one inside of sequences the values in all items follow each other.

    Raises IncompleteDataSet, NotUnderstood where the data set cannot be walked to its end.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.deflated:
        data = inflate(data)
    found: dict[Choice, Values] = {}
    here = _DataSet(_Wanted(wanted))
    around: list[_DataSet] = []
    sequences: list[_Wanted] = []
    for kind, tag, vr, _, value, length in scan(data, syntax):
        if kind == ELEMENT:
            if not length:
                continue
            if tag == _SPECIFIC_CHARACTER_SET:
                here.charset = stripped(decode_text(bytes(data[value : value + length]), "CS"))
            elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
                here.creators[tag >> 16 << 16 | (tag & 0xFF) << 8] = stripped(
                    decode_text(bytes(data[value : value + min(length, VALUE_BYTES_MAX)]), "LO", here.charset)
                )
            for choice in _ending(here, tag):
                _add(found, choice, _read(data, value, length, vr, choice.vr, here.charset, syntax.big_endian))
        elif kind == SEQUENCE:
            for choice in _ending(here, tag):
                _add(found, choice, ChoiceUnreadable("it is a sequence"))
            depth = here.wanted.depth + 1
            inside = [one for one in here.wanted.at(tag, here.creators) if len(one.path) > depth]
            sequences.append(_Wanted(inside, depth) if inside else _NOTHING)
        elif kind == ITEM:
            around.append(here)
            here = _DataSet(sequences[-1], here.charset)
        elif kind == ITEM_END:
            here = around.pop()
        elif kind == SEQUENCE_END:
            sequences.pop()
    return found


def _ending(here: _DataSet, tag: int) -> list[Choice]:
    """The choices whose element this is."""
    depth = here.wanted.depth + 1
    return [one for one in here.wanted.at(tag, here.creators) if len(one.path) == depth]


def _add(found: dict[Choice, Values], choice: Choice, values: Values) -> None:
    """Behind the values of items before; what cannot be read counts where nothing else is there."""
    known = found.get(choice, ())
    if isinstance(values, ChoiceUnreadable):
        if not known:
            found[choice] = values
    elif values:
        found[choice] = values if isinstance(known, ChoiceUnreadable) else (*known, *values)


def _read(
    data: Buffer, start: int, length: int, written: str, otherwise: str, charset: str, big_endian: bool
) -> Values:
    if length > VALUE_BYTES_MAX:
        return ChoiceUnreadable(f"it has {length} bytes, at most {VALUE_BYTES_MAX} are read")
    raw = bytes(data[start : start + length])
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
