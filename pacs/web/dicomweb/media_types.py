"""Media types: what a client accepts and what a body is (PS3.18 8.7; grammar of RFC 9110 and RFC 2387)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
JSON = "application/json"
OCTET_STREAM = "application/octet-stream"
ZIP = "application/zip"
MULTIPART = "multipart/related"
ANYTHING = "*/*"
ANY_SYNTAX = "*"

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

COMPRESSED = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.50": "image/jpeg",
        "1.2.840.10008.1.2.4.51": "image/jpeg",
        "1.2.840.10008.1.2.4.57": "image/jpeg",
        "1.2.840.10008.1.2.4.70": "image/jpeg",
        "1.2.840.10008.1.2.4.80": "image/jls",
        "1.2.840.10008.1.2.4.81": "image/jls",
        "1.2.840.10008.1.2.4.90": "image/jp2",
        "1.2.840.10008.1.2.4.91": "image/jp2",
        "1.2.840.10008.1.2.4.92": "image/jpx",
        "1.2.840.10008.1.2.4.93": "image/jpx",
        "1.2.840.10008.1.2.4.110": "image/jxl",
        "1.2.840.10008.1.2.4.111": "image/jxl",
        "1.2.840.10008.1.2.4.112": "image/jxl",
        "1.2.840.10008.1.2.4.201": "image/jphc",
        "1.2.840.10008.1.2.4.202": "image/jphc",
        "1.2.840.10008.1.2.4.203": "image/jphc",
        "1.2.840.10008.1.2.5": "image/dicom-rle",
        "1.2.840.10008.1.2.4.100": "video/mpeg",
        "1.2.840.10008.1.2.4.100.1": "video/mpeg",
        "1.2.840.10008.1.2.4.101": "video/mpeg",
        "1.2.840.10008.1.2.4.101.1": "video/mpeg",
        "1.2.840.10008.1.2.4.102": "video/mp4",
        "1.2.840.10008.1.2.4.102.1": "video/mp4",
        "1.2.840.10008.1.2.4.103": "video/mp4",
        "1.2.840.10008.1.2.4.103.1": "video/mp4",
        "1.2.840.10008.1.2.4.104": "video/mp4",
        "1.2.840.10008.1.2.4.104.1": "video/mp4",
        "1.2.840.10008.1.2.4.105": "video/mp4",
        "1.2.840.10008.1.2.4.105.1": "video/mp4",
        "1.2.840.10008.1.2.4.106": "video/mp4",
        "1.2.840.10008.1.2.4.106.1": "video/mp4",
        "1.2.840.10008.1.2.4.107": "video/h265",
        "1.2.840.10008.1.2.4.108": "video/h265",
    }
)
"""Transfer syntax to the media type of its bare frames (PS3.18 Table 8.7.3-5)."""

DEFAULT_SYNTAX = MappingProxyType(
    {
        DICOM: EXPLICIT_VR_LITTLE_ENDIAN,
        OCTET_STREAM: EXPLICIT_VR_LITTLE_ENDIAN,
        "image/jpeg": "1.2.840.10008.1.2.4.70",
        "image/jls": "1.2.840.10008.1.2.4.80",
        "image/jp2": "1.2.840.10008.1.2.4.90",
        "image/jpx": "1.2.840.10008.1.2.4.92",
        "image/jxl": "1.2.840.10008.1.2.4.110",
        "image/jphc": "1.2.840.10008.1.2.4.201",
        "image/dicom-rle": "1.2.840.10008.1.2.5",
        "video/mpeg": "1.2.840.10008.1.2.4.100",
        "video/mp4": "1.2.840.10008.1.2.4.102",
        "video/h265": "1.2.840.10008.1.2.4.107",
    }
)
"""The transfer syntax meant where none is named (PS3.18 8.7.3.4, Table 8.7.3-5)."""

_OLD_NAMES = MappingProxyType(
    {
        "image/x-jls": "image/jls",
        "image/x-dicom-rle": "image/dicom-rle",
        "image/dicom+rle": "image/dicom-rle",
        "image/dicom+jpeg": "image/jpeg",
        "image/dicom+jpeg-ls": "image/jls",
        "image/dicom+jp2": "image/jp2",
        "image/dicom+jpx": "image/jpx",
    }
)
"""Names of earlier editions that clients still send (PS3.18 8.7.3.3.2, note)."""

RANGES_MAX = 64

_VALUE = r'"(?:[^"\\]|\\.)*"|[^\s;,"]*'
_PARAMETER = re.compile(rf"\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*({_VALUE})")
_TYPE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)")
_BETWEEN = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)*')


def parts_of(media_type: str) -> str:
    """The media type of an answer in parts of `media_type` (RFC 2387)."""
    return f'{MULTIPART}; type="{media_type}"'


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One entry of Accept. `media_type` is that of a part where the whole is `multipart`, ``*/*`` where none is named.

    `transfer_syntax` is empty where none is named, ``*`` for any. Of a range with a ``*``, the types `without` are
    left out: they stand in entries of their own, with a lower quality or none (RFC 9110 12.5.1). `in_url`: of the
    `accept` parameter, which counts more than the header.
    """

    media_type: str
    multipart: bool = False
    transfer_syntax: str = ""
    quality: float = 1.0
    without: frozenset[str] = frozenset()
    in_url: bool = False

    def includes(self, media_type: str) -> bool:
        """Whether `media_type` falls into this range."""
        if media_type in self.without:
            return False
        kind, _, subtype = self.media_type.partition("/")
        return self.media_type in (ANYTHING, media_type) or (subtype == "*" and media_type.startswith(f"{kind}/"))

    @property
    def anything(self) -> bool:
        """Whether the client leaves the choice to the server."""
        return self.media_type == ANYTHING


EVERYTHING = (MediaRange(ANYTHING),)


def accepted(headers: Iterable[str], parameters: Sequence[str] = ()) -> tuple[MediaRange, ...]:
    """What the client accepts, best first: the `accept` parameters of the URL before the headers (PS3.18 8.7.5-8).

    Malformed entries are ignored. No Accept at all counts as ``*/*``; an empty tuple means that nothing remained.
    """
    named = [replace(entry, in_url=True) for text in parameters for entry in _entries(text)]
    general = [entry for text in headers for entry in _entries(text)]
    if not any(text.strip() for text in (*parameters, *headers)):
        return EVERYTHING
    ranges = [
        _narrowed(entry, group)
        for group in (named, general)
        for entry in sorted(group, key=lambda entry: -entry.quality)
    ]
    return tuple(entry for entry in ranges if entry.quality > 0)


def _narrowed(entry: MediaRange, entries: Sequence[MediaRange]) -> MediaRange:
    if "*" not in entry.media_type:
        return entry
    worse = (
        other.media_type
        for other in entries
        if other.quality < entry.quality and not other.transfer_syntax and "*" not in other.media_type
        if entry.anything or other.multipart is entry.multipart
    )
    return replace(entry, without=frozenset(worse))


def parsed(content_type: str) -> tuple[str, Mapping[str, str]] | None:
    """A media type in lower case and its parameters, names in lower case; None for what is not one."""
    found = _TYPE.match(content_type)
    if found is None:
        return None
    media_type, position = found.group(1).lower(), found.end()
    parameters: dict[str, str] = {}
    while parameter := _PARAMETER.match(content_type, position):
        parameters.setdefault(parameter.group(1).lower(), _unquoted(parameter.group(2)))
        position = parameter.end()
    if content_type[position:].strip(" \t;"):
        return None
    return _OLD_NAMES.get(media_type, media_type), parameters


def _entries(text: str) -> list[MediaRange]:
    ranges: list[MediaRange] = []
    position = 0
    while position <= len(text) and len(ranges) < RANGES_MAX:
        found = _BETWEEN.match(text, position)
        assert found is not None  # the pattern matches the empty text too
        entry = _entry(found.group())
        if entry is not None:
            ranges.append(entry)
        position = found.end() + 1
    return ranges


def _entry(text: str) -> MediaRange | None:
    found = parsed(text)
    if found is None:
        return None
    media_type, parameters = found
    try:
        quality = min(1.0, max(0.0, float(parameters.get("q", "1") or "1")))
    except ValueError:
        return None
    syntax = parameters.get("transfer-syntax", "").strip()
    multipart = media_type.startswith("multipart/")
    if multipart:
        if media_type not in (MULTIPART, "multipart/*"):
            return None
        media_type = parameters.get("type", ANYTHING).strip().lower() or ANYTHING
        media_type = _OLD_NAMES.get(media_type, media_type)
        if _TYPE.fullmatch(media_type) is None:
            return None
    return MediaRange(media_type, multipart, syntax, quality)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
