"""What is no image, to be looked at (PS3.18 8.7.4): reports, encapsulated documents, waveforms.

Each has the forms of its kind: what is ours to make is made of the object's DICOM JSON; a document in the object is
given as it is, under a type that is on a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs.archive.archive import Archive
from pacs.dicom.native_model import native_dicom_model
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StoredInstance
from pacs.web.dicomweb.answers import accepted_by, entity_tags
from pacs.web.dicomweb.frames import CACHE
from pacs.web.dicomweb.media_types import MediaRange
from pacs.web.dicomweb.report import as_html, as_text, language
from pacs.web.dicomweb.tracing import as_svg, channels

HTML, TEXT, SVG, PDF, XML = "text/html", "text/plain", "image/svg+xml", "application/pdf", "text/xml"
_UTF_8 = "; charset=utf-8"
_DOCUMENT_BYTES_MAX = 512 << 20
_AS_STORED = "retrieve the object as it is stored"
_CONTENT, _DOCUMENT, _DOCUMENT_TYPE, _DOCUMENT_LENGTH, _WAVEFORMS = (
    "0040A730",
    "00420011",
    "00420012",
    "00420015",
    "54000100",
)
_DOCUMENT_TYPES = MappingProxyType(
    {
        "application/pdf": (PDF, b"%PDF-"),
        "text/xml": (XML, b"<"),
        "application/xml": (XML, b"<"),
        "model/stl": ("model/stl", b""),
        "application/sla": ("model/stl", b""),
        "model/obj": ("model/obj", b""),
        "model/mtl": ("model/mtl", b""),
    }
)
"""What an object may call its document: what we call it then, and how it has to begin."""

DOCUMENT_TYPES = (HTML + _UTF_8, TEXT + _UTF_8, SVG, *dict.fromkeys(kind for kind, _ in _DOCUMENT_TYPES.values()))
"""Everything that can be given."""

_HEADERS = MappingProxyType({"cache-control": CACHE, "vary": "accept, accept-language"})
# nothing in a page made of a report, or in markup that came in an object, may load or run anything
_PAGE = "default-src 'none'; sandbox allow-top-navigation-by-user-activation"


def document_answer(archive: Archive, request: Request, stored: StoredInstance) -> Response:
    """The object as a document. Raises NotAcceptable, Unreadable."""
    accepts = accepted_by(request)
    tongue = language(request.headers.get("accept-language", ""))
    metadata = archive.instance_metadata(stored)
    forms = _forms(metadata)
    if not forms:
        raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
    media_type = _chosen(accepts, forms)
    tag = f'"{stored.shown_as[:32]}-{media_type}-{tongue}"'
    headers = {**_HEADERS, "etag": tag}
    if tag in entity_tags(request.headers.get("if-none-match", "")):
        return Response(None, 304, headers)
    if media_type in (HTML, TEXT):
        made = (as_html if media_type == HTML else as_text)(metadata, tongue)
        return Response(made, 200, {**headers, "content-security-policy": _PAGE}, media_type + _UTF_8)
    if media_type == XML and _DOCUMENT not in metadata:
        return Response(native_dicom_model(metadata), 200, {**headers, "content-security-policy": _PAGE}, XML)
    if media_type == SVG:
        drawn = as_svg(channels(metadata, lambda path: archive.bulk_data(stored, path)), _title(metadata))
        return Response(drawn, 200, {**headers, "content-security-policy": _PAGE}, SVG)
    if media_type == XML:
        headers["content-security-policy"] = _PAGE
    return Response(_document(archive, stored, metadata, media_type), 200, headers, media_type)


def _forms(metadata: Mapping[str, Any]) -> Sequence[str]:
    """The media types that the object can be given as, the best first."""
    if _DOCUMENT in metadata:
        named = str(_first(metadata, _DOCUMENT_TYPE) or "").strip().lower()
        return (_DOCUMENT_TYPES[named][0],) if named in _DOCUMENT_TYPES else ()
    if _WAVEFORMS in metadata:
        return (SVG,)
    return (HTML, TEXT, XML) if _CONTENT in metadata or "0040A040" in metadata else ()


def _chosen(accepts: Sequence[MediaRange], forms: Sequence[str]) -> str:
    for entry in accepts:
        for media_type in forms:
            if entry.includes(media_type) and not entry.multipart:
                return media_type
    raise NotAcceptable("there is no acceptable form of this document", f"accept {' or '.join(forms)}")


def _document(archive: Archive, stored: StoredInstance, metadata: Mapping[str, Any], media_type: str) -> bytes:
    if stored.dataset_length > _DOCUMENT_BYTES_MAX:
        raise Unreadable("the document is too large to be shown", _AS_STORED, "document_not_shown")
    value = archive.bulk_data(stored, _DOCUMENT)
    length = _first(metadata, _DOCUMENT_LENGTH)
    if isinstance(length, int) and 0 < length <= len(value):
        value = value[:length]
    begins = next(begin for kind, begin in _DOCUMENT_TYPES.values() if kind == media_type)
    if begins not in value[:1024]:
        raise Unreadable(f"the document is not the {media_type} that it says it is", _AS_STORED, "document_not_shown")
    return value


def _title(metadata: Mapping[str, Any]) -> str:
    name = _first(metadata, "00100010") or {}
    patient = str(name.get("Alphabetic", "")) if isinstance(name, Mapping) else str(name)
    parts = (
        " ".join(part for part in patient.split("^") if part),
        _first(metadata, "00100020"),
        _first(metadata, "00080020"),
    )
    return "  ".join(str(part) for part in parts if part)


def _first(dataset: Mapping[str, Any], tag: str) -> Any:
    return next(iter(dataset.get(tag, {}).get("Value", [])), None)
