"""The Native DICOM Model in XML (PS3.19 Annex A.1), as application/dicom+xml has it (PS3.18 F), out of DICOM JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

_HEAD: Final = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
_TAIL: Final = "</NativeDicomModel>"
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_NAME_PARTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def native_dicom_model(dataset: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The document of one data set, given as a DICOM JSON object; UTF-8.

    A character that XML has no form for becomes U+FFFD. Private attributes carry their creator, with the block left
    out of their tag, so the creators' own elements are not repeated.
    """
    return "".join((_HEAD, *_attributes(dataset), _TAIL)).encode("utf-8")


def _attributes(dataset: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for tag, attribute in dataset.items():
        private = int(tag[3], 16) & 1
        if private and tag[4:6] == "00" and tag[6:] >= "10":
            continue
        creator = _creator(dataset, tag) if private else ""
        named = f" privateCreator={_quoted(creator)}" if creator else ""
        shown = f"{tag[:4]}00{tag[6:]}" if creator else tag
        keyword = "" if private else _keyword(tag)
        called = f' keyword="{keyword}"' if keyword else ""
        yield f'<DicomAttribute tag="{shown}" vr="{attribute["vr"]}"{called}{named}>'
        yield from _content(attribute)
        yield "</DicomAttribute>"


def _content(attribute: Mapping[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in attribute:
        yield f"<BulkData uri={_quoted(attribute['BulkDataURI'])}/>"
    elif "InlineBinary" in attribute:
        yield f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
    for number, value in enumerate(attribute.get("Value", ()), 1):
        if attribute["vr"] == "SQ":
            yield f'<Item number="{number}">'
            yield from _attributes(value)
            yield "</Item>"
        elif attribute["vr"] == "PN":
            yield f'<PersonName number="{number}">'
            yield from _name(value or {})
            yield "</PersonName>"
        else:
            yield f'<Value number="{number}">{"" if value is None else _text(value)}</Value>'


def _name(groups: Mapping[str, str]) -> Iterator[str]:
    for group in _NAME_GROUPS:
        if group in groups:
            parts = zip(_NAME_PARTS, groups[group].split("^", len(_NAME_PARTS) - 1), strict=False)
            inner = "".join(f"<{part}>{_text(text)}</{part}>" for part, text in parts if text)
            yield f"<{group}>{inner}</{group}>"


def _creator(dataset: Mapping[str, Mapping[str, Any]], tag: str) -> str:
    values = dataset.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value") or [""]
    return str(values[0])


def _text(value: object) -> str:
    return escape(_NO_XML.sub("\ufffd", str(value)))


def _quoted(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))


@lru_cache(maxsize=8192)
def _keyword(tag: str) -> str:
    return keyword_for_tag(int(tag, 16))
