"""The Native DICOM Model in XML (PS3.19 Annex A.1), as application/dicom+xml has it: out of DICOM JSON, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

from pacs.errors import NotUnderstood

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


# And back --------------------------------------------------------------------------------------------------------

DEPTH_MAX: Final = 64


def read_native_model(content: bytes) -> dict[str, Any]:
    """The DICOM JSON object of a document in the Native DICOM Model, not checked further. Raises NotUnderstood for what
    is none, or has a document type declaration (whose entities could grow without end)."""
    root = _tree(content)
    if _local(root.tag) != "NativeDicomModel":
        raise NotUnderstood(f"the root of the XML is {_local(root.tag)[:32]!r}", "send a NativeDicomModel (PS3.19 A.1)")
    return _dataset_of(root, 0)


def _tree(content: bytes) -> Element:
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise NotUnderstood(f"the XML is not well formed: {error}") from None
    return builder.close()


def _refuse_doctype(*_: object) -> None:
    raise NotUnderstood("the XML has a document type declaration", "leave it out")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _dataset_of(parent: Element, depth: int) -> dict[str, Any]:
    if depth > DEPTH_MAX:
        raise NotUnderstood(f"sequences are nested deeper than {DEPTH_MAX}")
    found: dict[str, Any] = {}
    for child in parent:
        if _local(child.tag) != "DicomAttribute":
            continue
        tag, vr = child.get("tag", "").upper(), child.get("vr", "")
        found[tag] = {**({"vr": vr} if vr else {}), **_body_of(child, vr, depth)}
    return found


def _body_of(attribute: Element, vr: str, depth: int) -> dict[str, Any]:
    values: list[Any] = []
    for child in attribute:
        match _local(child.tag):
            case "Value":
                values.append(_value_of(child.text or "", vr))
            case "Item":
                values.append(_dataset_of(child, depth + 1))
            case "PersonName":
                values.append(_person_of(child))
            case "InlineBinary":
                return {"InlineBinary": "".join((child.text or "").split())}
            case "BulkData":
                return {"BulkDataURI": child.get("uri", "")}
    return {"Value": values} if values else {}


def _value_of(text: str, vr: str) -> Any:
    try:
        if vr in _INTEGERS:
            return int(text)
        if vr in _FLOATS:
            return float(text)
    except ValueError:
        return text  # whoever checks the document says so
    return text or None


_INTEGERS: Final = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
_FLOATS: Final = frozenset({"FD", "FL"})


def _person_of(element: Element) -> dict[str, str]:
    found = {}
    for group in element:
        parts = {_local(part.tag): part.text or "" for part in group}
        found[_local(group.tag)] = "^".join(parts.get(part, "") for part in _NAME_PARTS).rstrip("^")
    return found
