"""The file head of PS3.10 chapter 7: 128 zero bytes, DICM and the File Meta Information."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pacs.dicom.dictionary import LONG_VRS
from pacs.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, valid_uid
from pacs.errors import NotUnderstood

FILE_META_BYTES_MAX: Final = 1024 * 1024

FILE_HEAD_BYTES_MAX: Final = 132 + FILE_META_BYTES_MAX + 12
"""What `read_file_meta` needs of a file to tell: preamble, prefix, group 0002 and the head of the next element."""

_PREAMBLE_BYTES: Final = 128
_PREFIX: Final = b"DICM"
_GROUP: Final = b"\2\0"  # group 0002, little endian
_SHORT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<HH2sHI")
_FIELDS: Final = {
    0x0002: "sop_class_uid",
    0x0003: "sop_instance_uid",
    0x0010: "transfer_syntax_uid",
    0x0016: "source_ae_title",
}
_SOP_UIDS: Final = ("sop_class_uid", "sop_instance_uid")


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the File Meta Information says; a field the file lacks, or a SOP UID that is none, is "".

    `dataset_offset` is the first byte after group 0002, counted from the start of the file.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    source_ae_title: str
    dataset_offset: int


def _uid(element: int, value: str) -> bytes:
    raw = value.encode("ascii", "replace")
    raw += b"\0" * (len(raw) & 1)
    return _SHORT.pack(0x0002, element, b"UI", len(raw)) + raw


def _text(element: int, vr: bytes, value: str) -> bytes:
    raw = value.encode("ascii", "replace")
    raw += b" " * (len(raw) & 1)
    return _SHORT.pack(0x0002, element, vr, len(raw)) + raw


@lru_cache(maxsize=512)
def _around_instance(sop_class_uid: str, transfer_syntax_uid: str, source_ae_title: str) -> tuple[bytes, bytes]:
    """The elements before and after 0003, which alone differs between instances of an association."""
    before = _LONG.pack(0x0002, 0x0001, b"OB", 0, 2) + b"\0\1" + _uid(0x0002, sop_class_uid)
    after = (
        _uid(0x0010, transfer_syntax_uid)
        + _uid(0x0012, IMPLEMENTATION_CLASS_UID)
        + _text(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME)
    )
    if source_ae_title:
        after += _text(0x0016, b"AE", source_ae_title)
    return before, after


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae_title: str = "") -> bytes:
    """The head of a file: preamble of zeros, DICM, group 0002 in Explicit VR Little Endian (PS3.10 Table 7.1-1).

    The preamble is always zeros, so no file of ours is also a program (CVE-2019-11687).
    """
    before, after = _around_instance(sop_class_uid, transfer_syntax_uid, source_ae_title)
    body = before + _uid(0x0003, sop_instance_uid) + after
    group_length = _SHORT.pack(0x0002, 0x0000, b"UL", 4) + struct.pack("<I", len(body))
    return b"\0" * _PREAMBLE_BYTES + _PREFIX + group_length + body


def read_file_meta(buffer: bytes | bytearray | memoryview) -> FileMeta | None:
    """Read the head of a file; None when `buffer` is too short to tell, so that a stream may bring more.

    A caller at the end of its file treats None as incomplete. A file that begins with group 0002, without preamble
    and prefix, is read too. Raises NotUnderstood.
    """
    view = memoryview(buffer)
    if len(view) < _PREAMBLE_BYTES + 8:
        return None
    if bytes(view[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4]) == _PREFIX:
        start = _PREAMBLE_BYTES + 4
    elif bytes(view[:2]) == _GROUP:
        start = 0
    else:
        raise NotUnderstood(
            "this is not a DICOM file: it has no File Meta Information",
            "send it over DIMSE, where the transfer syntax is agreed on, or write it as a DICOM Part 10 file",
        )
    return _read_group(view, start)


def _read_group(view: memoryview, start: int) -> FileMeta | None:
    fields: dict[str, str] = {}
    declared_end = -1
    position = start
    while position != declared_end:
        if position + 2 > len(view):
            return None
        if bytes(view[position : position + 2]) != _GROUP:
            break
        if position + 12 > len(view):
            return None
        element, value, length = _element_head(view, position)
        if value + length - start > FILE_META_BYTES_MAX:
            raise NotUnderstood(
                f"the File Meta Information is over 1 MiB with element (0002,{element:04X})",
                "the file is damaged or hostile",
            )
        if value + length > len(view):
            return None
        if element == 0x0000 and length == 4:
            declared_end = value + 4 + int.from_bytes(view[value : value + 4], "little")
        elif name := _FIELDS.get(element):
            fields[name] = str(view[value : value + length], "latin-1").strip("\0 ")
        position = value + length
    if not fields.get("transfer_syntax_uid"):
        raise NotUnderstood(
            "the File Meta Information has no Transfer Syntax UID (0002,0010)", "write the file again with it"
        )
    for name in _SOP_UIDS:
        if not valid_uid(fields.get(name, "")):
            fields[name] = ""  # the data set names itself
    return FileMeta(**(dict.fromkeys(_FIELDS.values(), "") | fields), dataset_offset=position)


def _element_head(view: memoryview, position: int) -> tuple[int, int, int]:
    """Element number, offset of the value and its length."""
    _, element, vr, length = _SHORT.unpack_from(view, position)
    if vr in LONG_VRS:
        return element, position + 12, int.from_bytes(view[position + 8 : position + 12], "little")
    if vr.isalpha() and vr.isupper():
        return element, position + 8, length
    # some writers put group 0002 in Implicit VR
    return element, position + 8, int.from_bytes(view[position + 4 : position + 8], "little")
