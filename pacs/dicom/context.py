"""What the reading of an element takes from the data set around it: ambiguous VRs (PS3.6 6), pixel words."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from pacs.dicom.dictionary import WORD_BYTES
from pacs.dicom.elements import ELEMENT, PIXEL_DATA, SEQUENCE, SEQUENCE_END, scan
from pacs.dicom.headers import Buffer
from pacs.dicom.uids import TransferSyntax

_PIXEL_REPRESENTATION: Final = 0x00280103
_LUT_DESCRIPTOR: Final = 0x00283002
_BITS_ALLOCATED: Final = 0x00280100
NOTED: Final = frozenset({_PIXEL_REPRESENTATION, _LUT_DESCRIPTOR, _BITS_ALLOCATED})
"""The tags to hand to `note`."""

_BYTES_OR_WORDS: Final = frozenset({"OB or OW", "US or SS or OW"})


class Context:
    """Follows a scan through nested data sets: tell it of items and of the elements in NOTED, ask it at any place.

    Items inherit Pixel Representation from the data set around them. Implicit and unknown elements alone are
    ambiguous, so words are the answer where bytes or words are possible (PS3.5 A.1).
    """

    def __init__(self, data: Buffer, syntax: TransferSyntax) -> None:
        self._data, self._syntax = data, syntax
        self._signed: list[bool | None] = [None]
        self._lut_entries = [0]
        self._bits_allocated = [0]

    @cached_property
    def _signed_ahead(self) -> bool:
        return _signed_pixels(self._data, self._syntax)

    def enter(self) -> None:
        """An item begins."""
        self._signed.append(self._signed[-1])
        self._lut_entries.append(0)
        self._bits_allocated.append(0)

    def leave(self) -> None:
        """The item ends."""
        self._signed.pop()
        self._lut_entries.pop()
        self._bits_allocated.pop()

    def note(self, tag: int, raw: bytes, big_endian: bool) -> None:
        """Remember what later elements depend on; `raw` is the value of `tag` as it was sent."""
        if tag == _PIXEL_REPRESENTATION:
            self._signed[-1] = any(raw)
            return
        first_word = int.from_bytes(raw[:2], "big" if big_endian else "little")
        (self._lut_entries if tag == _LUT_DESCRIPTOR else self._bits_allocated)[-1] = first_word

    def word_bytes(self, tag: int, vr: str) -> int:
        """Bytes of the word which byte order turns around in a value. Pixel cells wider than 16 bits are turned as
        a whole, whatever their VR says: so writers of big endian do it."""
        if tag == PIXEL_DATA and vr == "OW" and self._bits_allocated[-1] in (32, 64):
            return self._bits_allocated[-1] // 8
        return WORD_BYTES.get(vr, 1)

    def resolve(self, vr: str) -> str:
        """One VR for `vr`, which is returned as it is when it is one already."""
        if len(vr) == 2:
            return vr
        if vr == "US or SS":
            signed = self._signed[-1]
            return "SS" if (self._signed_ahead if signed is None else signed) else "US"
        if vr in _BYTES_OR_WORDS:
            return "OW"
        return "US" if self._lut_entries[-1] == 1 else "OW"  # US or OW: a table of one entry is a number


def _signed_pixels(data: Buffer, syntax: TransferSyntax) -> bool:
    """Pixel Representation at top level, looked up ahead for the few elements that stand before it."""
    depth = 0
    for kind, tag, _, _, value, length in scan(data, syntax):
        if kind == ELEMENT and not depth and tag >= _PIXEL_REPRESENTATION:
            return tag == _PIXEL_REPRESENTATION and any(data[value : value + length])
        depth += (kind == SEQUENCE) - (kind == SEQUENCE_END)
    return False


def little_endian(raw: bytes, word_bytes: int) -> bytes:
    """Big endian words in little endian; a piece of a word at the end stays as it is."""
    whole = len(raw) // word_bytes * word_bytes
    if word_bytes == 1 or not whole:
        return raw
    swapped = bytearray(raw)
    for index in range(word_bytes):
        swapped[index:whole:word_bytes] = raw[word_bytes - 1 - index : whole : word_bytes]
    return bytes(swapped)
