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

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")


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
    AFTER_DELIMITER = auto()
    HEADERS = auto()
    OCTETS = auto()
    EPILOGUE = auto()


class MultipartReader:
    """Feed chunks, get events. Raises MultipartBroken for a boundary that is none and from `feed` and `close`."""

    def __init__(self, boundary: str) -> None:
        if _BOUNDARY.fullmatch(boundary) is None:
            raise MultipartBroken("the boundary is missing or malformed", "name it in the Content-Type header")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._state = _State.PREAMBLE
        self._before = _State.PREAMBLE  # what to go back to when a delimiter turns out to be none
        self._buffer = b"\r\n"  # the first delimiter may stand at the very beginning
        self._preamble = 0
        self._line_end = 0  # bytes of the headers' last line end that still stand before the octets

    def feed(self, data: bytes) -> Iterator[PartEvent]:
        """The events of the next chunk. A chunk may end anywhere, also inside a delimiter."""
        self._buffer = self._buffer + data if self._buffer else data
        steps = {
            _State.PREAMBLE: self._octets,
            _State.AFTER_DELIMITER: self._after_delimiter,
            _State.HEADERS: self._headers,
            _State.OCTETS: self._octets,
        }
        going_on = True
        while going_on and self._state is not _State.EPILOGUE:
            going_on = yield from steps[self._state]()
        if self._state is _State.EPILOGUE:
            self._buffer = b""

    def close(self) -> None:
        """Say that the body has ended."""
        if self._state is not _State.EPILOGUE:
            raise MultipartBroken("the body ends before its last delimiter", "send the whole body again")

    def _octets(self) -> Generator[PartEvent, None, bool]:
        """Give what surely is octets; true when there is more to do with what is buffered."""
        found = self._buffer.find(self._delimiter)
        end = found if found >= 0 else self._held_back()
        yield from self._give(end)
        self._buffer = self._buffer[end:]
        if found >= 0:
            self._before, self._state = self._state, _State.AFTER_DELIMITER
        return found >= 0

    def _held_back(self) -> int:
        """Where the buffer's end may be the beginning of a delimiter."""
        start = max(0, len(self._buffer) - len(self._delimiter) + 1)
        while (start := self._buffer.find(b"\r", start)) >= 0:
            if self._delimiter.startswith(self._buffer[start:]):
                return start
            start += 1
        return len(self._buffer)

    def _give(self, end: int) -> Iterator[PartEvent]:
        if self._state is _State.OCTETS:
            if end > self._line_end:
                yield PartData(memoryview(self._buffer)[self._line_end : end])
            if end:
                self._line_end = 0
            return
        self._preamble += end
        if self._preamble > PREAMBLE_BYTES_MAX:
            raise MultipartBroken("no part begins", "check that the boundary of the Content-Type is that of the body")

    def _after_delimiter(self) -> Generator[PartEvent, None, bool]:
        """A delimiter is one when blanks and a line's end follow, and the last one when two hyphens do."""
        after = len(self._delimiter)
        rest = self._buffer[after : after + PADDING_BYTES_MAX + 2]
        if rest.startswith(b"--"):
            if self._before is _State.OCTETS:
                yield PartEnds()
            self._state = _State.EPILOGUE
            return False
        blanks = len(rest) - len(rest.lstrip(b" \t"))
        line_end = rest[blanks : blanks + 2]
        if line_end == b"\r\n":
            if self._before is _State.OCTETS:
                yield PartEnds()
            self._buffer = self._buffer[after + blanks :]  # from the line's end, so that an empty header is found too
            self._state = _State.HEADERS
            return True
        if len(rest) < PADDING_BYTES_MAX and (b"\r\n".startswith(line_end) or rest == b"-"):
            return False  # cannot be told yet
        self._state = self._before  # the same text, but not a delimiter
        yield from self._give(after)
        self._buffer = self._buffer[after:]
        return True

    def _headers(self) -> Generator[PartEvent, None, bool]:
        end = self._buffer.find(b"\r\n\r\n", 0, HEADERS_BYTES_MAX)
        if end < 0:
            if len(self._buffer) >= HEADERS_BYTES_MAX:
                raise MultipartBroken("the headers of a part are too long", f"at most {HEADERS_BYTES_MAX} bytes")
            return False
        yield PartBegins(_parsed_headers(self._buffer[:end]))
        # The headers' last line end may also be the one that belongs to the next delimiter: a part without octets.
        self._buffer, self._line_end = self._buffer[end + 2 :], 2
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
