"""Uses a folder store as a process of its own, so that a test can watch its system calls and make them fail.

    python drive.py ROOT KEY VERB…      verbs: check, put, put-together (8 threads, {} in KEY is a number), delete

Each verb is said on standard error as it begins; how it ended is said on standard output, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from storage.errors import StorageError
from storage.filesystem import FolderStore

CONTENT = b"the bytes"


def put(store: FolderStore, key: str) -> None:
    file = store.incoming / f"{key.replace('/', '-')}.part"
    file.write_bytes(CONTENT)
    store.put(key, file, {})


def put_together(store: FolderStore, key: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: put(store, key.format(number)), range(8)))


VERBS: dict[str, Callable[[FolderStore, str], None]] = {
    "check": lambda store, key: store.check(),
    "put": put,
    "put-together": put_together,
    "delete": FolderStore.delete,
}


def main(root: Path, key: str, verbs: list[str]) -> None:
    error: StorageError | None = None
    with structlog.testing.capture_logs() as logs:
        try:
            os.write(2, b"open")
            store = FolderStore(root)
            for verb in verbs:
                os.write(2, verb.encode())
                VERBS[verb](store, key)
        except StorageError as refused:
            error = refused
    print(
        json.dumps(
            {
                "error": error and type(error).__name__,
                "text": str(error),
                "logs": logs,
                "files": sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
