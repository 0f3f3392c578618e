"""What an object store can answer besides bytes.

StorageError
├── KeyInvalid       every verb: not a key of an object store (see storage/keys.py)
├── KeyExists        put: the key is taken (keys are write-once)
├── KeyMissing       open, stat, delete: there is no such object
├── StorageFull      put: no room (bytes, inodes or quota)
├── StorageFailed    the device or service refused; the outcome of a put is "not stored"
└── StorageUnfit     opening and check: the store lacks a property the archive rests on
"""


class StorageError(Exception):
    """Root of every error an object store raises; its text says what happened and what to do."""


class KeyInvalid(StorageError):
    """The text is not a key: it would leave the store's own tree or not fit every kind of store."""


class KeyExists(StorageError):
    """The key is taken: keys are write-once."""


class KeyMissing(StorageError):
    """There is no object under the key."""


class StorageFull(StorageError):
    """There is no room for the object."""


class StorageFailed(StorageError):
    """The device or service refused or did not answer; nothing may be assumed stored."""


class StorageUnfit(StorageError):
    """The store lacks a property which the archive rests on."""
