"""The form of a key: the same in every store, so that an archive can be copied to another kind of store."""

from __future__ import annotations

import re

from storage.errors import KeyInvalid

KEY_ROOT = "objects/"
"""Every key starts with it; beside it a store keeps what is not an object (incoming files, probes)."""

MAX_KEY_LENGTH = 200
"""Characters; Ceph can be set to 256 bytes for a name with its bucket marker, Amazon S3 allows 1024."""

# A segment never starts with a dot: that excludes "." and ".." and leaves such names to the store itself.
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_KEY = re.compile(rf"objects(?:/{_SEGMENT})+")


def is_key(text: str) -> bool:
    """Whether `text` is a key: ``objects/`` and segments of ``[A-Za-z0-9._-]``, none with a leading dot."""
    return len(text) <= MAX_KEY_LENGTH and _KEY.fullmatch(text) is not None


def check_key(key: str) -> str:
    """`key` itself. Raises KeyInvalid when it is none, so that no store is asked for a name that escapes."""
    if not is_key(key):
        raise KeyInvalid(
            f"{key[:MAX_KEY_LENGTH]!r} is not a storage key; "
            f"a key is {KEY_ROOT} and segments of A-Z a-z 0-9 . _ -, at most {MAX_KEY_LENGTH} characters"
        )
    return key


def split_key(key: str) -> tuple[str, str]:
    """The checked key's folder and name: ``objects/2026/11/23/07`` and ``01JD….dcm``. Raises KeyInvalid."""
    folder, _, name = check_key(key).rpartition("/")
    return folder, name


def listing_prefix(prefix: str) -> str | None:
    """`prefix` narrowed to where keys can be; None when no key can start with it."""
    if KEY_ROOT.startswith(prefix):
        return KEY_ROOT
    return prefix if prefix.startswith(KEY_ROOT) else None
