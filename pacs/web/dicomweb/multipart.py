"""multipart/related read as a stream (PS3.18 8.6.1.2, RFC 2046 5.1): no I/O, no memory beyond a chunk and a delimiter.

Also the frames of an answer: the text around its parts, whose length is known beforehand.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from pacs.errors import SuretError

HEADERS_BYTES_MAX = 16 * 1024
PREAMBLE_BYTES_MAX = 64 * 1024
PADDING_BYTES_MAX = 256  # blanks between a delimiter and its line's end

# RFC 2046 has 70 characters at most; Orthanc's DICOMweb plugin sends 73
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]")


class MultipartBroken(SuretError):
    """The body is not multipart/related, or it ends before its last delimiter (HTTP 400)."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part and its headers, names in lower case."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """Octets of the part; good until the next `feed`."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part is whole."""


PartEvent = PartBegins | PartData | PartEnds


class _State(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    OCTETS = auto()
    EPILOGUE = auto()


class _Line(Enum):
    """What a line that begins like a delimiter turns out to be."""

    DELIMITER = auto()
    LAST = auto()
    OCTETS = auto()
    UNDECIDED = auto()  # until more of it has come


class MultipartReader:
    """Feed chunks, get events. Raises MultipartBroken for a boundary that is none and from `feed` and `close`.

    Every octet is looked at once, and what is no delimiter makes no event: no body costs more than its length.
    """

    def __init__(self, boundary: str) -> None:
        if _BOUNDARY.fullmatch(boundary) is None:
            raise MultipartBroken("the boundary is missing or malformed", "name it in the Content-Type header")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._state = _State.PREAMBLE
        self._buffer = b"\r\n"  # the first delimiter may stand at the very beginning
        self._start = 0  # of what is in the buffer and has not been given
        self._preamble = 0
        self._line_end = 0  # bytes of the headers' last line end that still stand before the octets

    def feed(self, data: bytes) -> Iterator[PartEvent]:
        """The events of the next chunk. A chunk may end anywhere, also inside a delimiter."""
        self._buffer = self._buffer[self._start :] + data if self._start < len(self._buffer) else data
        self._start = 0
        going_on = True
        while going_on and self._state is not _State.EPILOGUE:
            going_on = yield from self._headers() if self._state is _State.HEADERS else self._octets()
        if self._state is _State.EPILOGUE:
            self._buffer = b""

    def close(self) -> None:
        """Say that the body has ended."""
        if self._state is not _State.EPILOGUE:
            raise MultipartBroken("the body ends before its last delimiter", "send the whole body again")

    def _octets(self) -> Generator[PartEvent, None, bool]:
        """Give what surely is octets; true when there is more to do with what is buffered."""
        found = self._buffer.find(self._delimiter, self._start)
        while found >= 0:
            line, after = self._line(found)
            if line is not _Line.OCTETS:
                break
            found = self._buffer.find(self._delimiter, after)
        else:
            yield from self._give(self._held_back())
            return False
        yield from self._give(found)
        if line is _Line.UNDECIDED:
            return False
        if self._state is _State.OCTETS:
            yield PartEnds()
        self._state = _State.EPILOGUE if line is _Line.LAST else _State.HEADERS
        self._start = after
        return True

    def _line(self, found: int) -> tuple[_Line, int]:
        """A delimiter is one when blanks and a line's end follow, and the last one when two hyphens do; also where it
        ends: before its line's end, so that an empty header is found too."""
        after = found + len(self._delimiter)
        rest = self._buffer[after : after + PADDING_BYTES_MAX + 2]
        if rest.startswith(b"--"):
            return _Line.LAST, after
        blanks = len(rest) - len(rest.lstrip(b" \t"))
        line_end = rest[blanks : blanks + 2]
        if line_end == b"\r\n":
            return _Line.DELIMITER, after + blanks
        if len(rest) < PADDING_BYTES_MAX and (b"\r\n".startswith(line_end) or rest == b"-"):
            return _Line.UNDECIDED, after
        return _Line.OCTETS, after

    def _held_back(self) -> int:
        """Where the buffer's end may be the beginning of a delimiter."""
        start = max(self._start, len(self._buffer) - len(self._delimiter) + 1)
        while (start := self._buffer.find(b"\r", start)) >= 0:
            if self._delimiter.startswith(self._buffer[start:]):
                return start
            start += 1
        return len(self._buffer)

    def _give(self, end: int) -> Iterator[PartEvent]:
        start, self._start = self._start, end
        if self._state is _State.OCTETS:
            if end > start + self._line_end:
                yield PartData(memoryview(self._buffer)[start + self._line_end : end])
            if end > start:
                self._line_end = 0
            return
        self._preamble += end - start
        if self._preamble > PREAMBLE_BYTES_MAX:
            raise MultipartBroken("no part begins", "check that the boundary of the Content-Type is that of the body")

    def _headers(self) -> Generator[PartEvent, None, bool]:
        end = self._buffer.find(b"\r\n\r\n", self._start, self._start + HEADERS_BYTES_MAX)
        if end < 0:
            if len(self._buffer) - self._start >= HEADERS_BYTES_MAX:
                raise MultipartBroken("the headers of a part are too long", f"at most {HEADERS_BYTES_MAX} bytes")
            return False
        yield PartBegins(_parsed_headers(self._buffer[self._start : end]))
        # The headers' last line end may also be the one that belongs to the next delimiter: a part without octets.
        self._start, self._line_end = end + 2, 2
        self._state = _State.OCTETS
        return True


def _parsed_headers(lines: bytes) -> dict[str, str]:
    text = lines.decode("utf-8", "replace")
    unfolded = re.sub(r"\r\n[ \t]+", " ", text)
    headers: dict[str, str] = {}
    for line in unfolded.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


class Framing:
    """The text of an outgoing multipart body: `head` before each part's octets, `tail` after the last.

    With an `etag`, which no object can hold of itself, the same answer has the same boundary every time, as byte
    ranges and caches need it (PS3.18 8.6.1).
    """

    def __init__(self, media_type: str, etag: str = "") -> None:
        self._boundary = etag.strip('"') or secrets.token_hex(16)
        self.content_type = f'multipart/related; type="{media_type}"; boundary={self._boundary}'
        self.tail = f"\r\n--{self._boundary}--\r\n".encode("ascii")

    def head(self, headers: Mapping[str, str]) -> bytes:
        """The delimiter and headers that stand before a part's octets."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"\r\n--{self._boundary}\r\n{lines}\r\n".encode()
