"""Ask of every prefix of some bytes what a reader makes of it, in far fewer runs than there are prefixes.

A reader looks at the length of its input only to compare it. `lengths` hands it a number that remembers every
comparison, so that one run tells for how many lengths around it the run would have been the same:

    for lowest, highest, verdict in lengths(content, read, modules): ...

The intervals join without a gap from 0 to the whole length. What is no comparison (an index, a remainder, a slice that
runs over the end) counts for that one length only, so nothing is ever claimed that was not run.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import ModuleType
from typing import Any, SupportsIndex, TypeVar
from unittest.mock import patch

Verdict = TypeVar("Verdict")


@dataclass(slots=True)
class _Run:
    """The length of one run, and the lowest and highest length for which it would have been the same."""

    length: int
    low: int
    high: int

    def only_this(self) -> int:
        self.low = self.high = self.length
        return self.length


class _End:
    """The length of the input plus a constant."""

    __slots__ = ("_offset", "_run")

    def __init__(self, run: _Run, offset: int = 0) -> None:
        self._run = run
        self._offset = offset

    def _under(self, other: Any, limit: int) -> bool:
        """Whether the number is under `other` + `limit`; remembered."""
        run = self._run
        if isinstance(other, _End):
            return self._offset < other._offset + limit
        border = other + limit - self._offset
        if run.length < border:
            run.high = min(run.high, border - 1)
            return True
        run.low = max(run.low, border)
        return False

    def __lt__(self, other: Any) -> bool:
        return self._under(other, 0)

    def __le__(self, other: Any) -> bool:
        return self._under(other, 1)

    def __gt__(self, other: Any) -> bool:
        return not self._under(other, 1)

    def __ge__(self, other: Any) -> bool:
        return not self._under(other, 0)

    def __eq__(self, other: object) -> bool:
        return self._under(other, 1) and not self._under(other, 0)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __add__(self, other: int) -> _End:
        return _End(self._run, self._offset + other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, _End):
            return self._offset - other._offset
        return _End(self._run, self._offset - other)

    def __rsub__(self, other: int) -> int:
        return other - int(self)

    def __and__(self, other: int) -> int:
        return int(self) & other

    def __mod__(self, other: int) -> int:
        return int(self) % other

    def __floordiv__(self, other: int) -> int:
        return int(self) // other

    def __mul__(self, other: int) -> int:
        return int(self) * other

    __rmul__ = __mul__

    def __index__(self) -> int:
        return self._run.only_this() + self._offset

    __int__ = __index__

    def __bool__(self) -> bool:
        return self != 0

    def __hash__(self) -> int:
        return hash(int(self))

    def __str__(self) -> str:  # the text of a refusal names it, but is no verdict
        return str(self._run.length + self._offset)

    def __format__(self, form: str) -> str:
        return format(self._run.length + self._offset, form)


class _Prefix(bytes):
    """The first bytes, which notice when somebody comes to their end."""

    run: _Run

    def __len__(self) -> int:
        return self.run.only_this()

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        stop = key.stop if isinstance(key, slice) else key.__index__() + 1
        if stop is None or int(stop) > self.run.length or int(stop) <= 0:
            self.run.only_this()
        return super().__getitem__(key)


def _length(value: Any) -> Any:
    return _End(value.run) if isinstance(value, _Prefix) else builtins.len(value)


def lengths(
    content: bytes, read: Callable[[bytes], Verdict], modules: Sequence[ModuleType]
) -> list[tuple[int, int, Verdict]]:
    """(lowest length, highest length, what `read` answers to each of them), from the longest down.

    `modules` are those of the reader: meanwhile their `len` is ours, so nobody else may use them.
    """
    found = []
    length = len(content)
    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(patch.object(module, "len", _length, create=True))
        while length >= 0:
            run = _Run(length, 0, len(content))
            prefix = _Prefix(content[:length])
            prefix.run = run
            found.append((run, read(prefix)))
            length = run.low - 1
    return [(run.low, run.length, verdict) for run, verdict in found]
