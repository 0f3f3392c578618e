"""The process in which a target is fuzzed: the product is imported with atheris watching its branches."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pacs"]):
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """`fuzzer.py TARGET` and what libFuzzer understands."""
    name, arguments = sys.argv[1], sys.argv[2:]
    target = TARGETS[name]
    folder = Path(os.environ["SURET_FUZZ_SEEDS"])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (folder / f"{number:04}").write_bytes(seed)
    words = folder.parent / "dictionary"
    words.write_text(
        "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.dictionary),
        encoding="ascii",
    )

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:  # the process ends with it, not always through libFuzzer's own hands
            crash = Path(os.environ["SURET_FUZZ_CRASHES"]) / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
            crash.write_bytes(data)
            print(f"found: python -m tests.fuzz {name} --replay {crash}", flush=True)
            raise

    options = [sys.argv[0], f"-max_len={target.bytes_max}", f"-dict={words}", *arguments, str(folder)]
    atheris.Setup(options, run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
