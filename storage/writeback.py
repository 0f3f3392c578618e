"""Telling the disk early what it will be asked to keep, so that a sync at the end finds little left to do."""

from __future__ import annotations

import ctypes
from typing import Final

_SYNC_FILE_RANGE_WRITE: Final = 2
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def begin_writeback(descriptor: int, offset: int, length: int) -> None:
    """Begin to write these bytes of the page cache to the disk and do not wait for it.

    Promises nothing: what fails is told by the fsync that is due all the same. Raises nothing.
    """
    if _sync_file_range is not None:
        _sync_file_range(descriptor, offset, length, _SYNC_FILE_RANGE_WRITE)
