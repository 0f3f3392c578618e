"""R11: cut a data set anywhere, and the walker sees it, unless the cut falls exactly between two top-level elements.

    python -m tests.faults --rig prefixes --seed 7

Every prefix of every sample is judged, by `tests.support.every_length`; where elements end is pydicom's word, not ours.
"""

from __future__ import annotations

import io
import random
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from pydicom.filereader import data_element_generator

from pacs.dicom import elements, frames, headers, walker
from pacs.dicom.part10 import read_file_meta
from pacs.dicom.uids import TransferSyntax, transfer_syntax
from pacs.errors import ArrivalRefused, IncompleteDataSet, SuretError
from tests.faults.rig import Outcome, Rig
from tests.support.corpus import CorpusFile, corpus
from tests.support.every_length import lengths

MODULES = (walker, elements, headers, frames)
SAMPLES = 200
FILES_A_SLICE = 20
FILE_BYTES_MAX = 2 << 20
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"  # of a medium, never sent
ELEMENTS_MAX = 600  # of a short sample: the time goes with the square of it
CHECKED_PLAINLY = 40  # prefixes of a file which are walked without the arithmetic of intervals as well
DEFLATED_CUTS = 400
MORE_MAX = 5
FRAGMENTS_MIN = 3  # an offset table and two fragments

Verdict = tuple[str, ...] | None
"""The oddities of a data set that is taken, None for one that is refused."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A whole data set, and the lengths at which it ends between two top-level elements."""

    name: str
    syntax: TransferSyntax
    dataset: bytes
    boundaries: frozenset[int]


def samples(count: int = SAMPLES, elements_max: int = 1 << 30) -> list[Sample]:
    """Files that pydicom reads to their end, every SOP class in every transfer syntax in turn."""
    groups: dict[tuple[str, str], list[CorpusFile]] = {}
    for file in sorted(corpus(), key=lambda file: (file.size, file.name)):
        stored = file.sop_class_uid != MEDIA_STORAGE_DIRECTORY and file.transfer_syntax_uid
        if file.expected == "valid" and file.size <= FILE_BYTES_MAX and stored:
            groups.setdefault((file.sop_class_uid, file.transfer_syntax_uid), []).append(file)
    found: list[Sample] = []
    queues = [iter(files) for _, files in sorted(groups.items())]
    while queues and len(found) < count:
        for queue in list(queues):
            sample = next((sample for file in queue if (sample := _sample(file, elements_max))), None)
            if sample is None:
                queues.remove(queue)
            elif len(found) < count:
                found.append(sample)
    return found


def _sample(file: CorpusFile, elements_max: int) -> Sample | None:
    content = file.path.read_bytes()
    try:
        meta = read_file_meta(content)
    except SuretError:
        return None
    if meta is None:
        return None
    dataset, syntax = content[meta.dataset_offset :], transfer_syntax(meta.transfer_syntax_uid)
    if syntax.deflated:
        return Sample(file.name, syntax, dataset, frozenset())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydicom finds odd
        boundaries = frozenset(_boundaries(dataset, syntax))
    whole = bool(boundaries) and not dataset[max(boundaries) :].strip(b"\0")
    return Sample(file.name, syntax, dataset, boundaries) if whole and _size(dataset, syntax) <= elements_max else None


def _boundaries(dataset: bytes, syntax: TransferSyntax) -> Iterator[int]:
    """Where pydicom finds the end of each top-level element, and of trailing zeros."""
    stream = io.BytesIO(dataset)
    yield 0
    end = 0
    try:
        for element in data_element_generator(stream, syntax.implicit, not syntax.big_endian):
            if element.tag == 0:
                break
            end = stream.tell()
            yield end
    except Exception:  # pydicom's own difficulties: the sample is not whole for it, and not used
        return
    if not dataset[end:].strip(b"\0"):
        yield from range(end, len(dataset) + 1, 2)


def _size(dataset: bytes, syntax: TransferSyntax) -> int:
    return sum(1 for _ in elements.scan(dataset, syntax))


def judge(sample: Sample, walk: Callable[..., walker.Walk], seed: int) -> tuple[int, list[str], int]:
    """How many prefixes were judged, what was wrong, and how many end behind the last frame without the delimiter."""

    def read(dataset: bytes) -> Verdict:
        try:
            return walk(dataset, sample.syntax.uid).oddities
        except ArrivalRefused:
            return None

    if read(sample.dataset) is None:
        return 1, [f"{sample.name} is whole and refused"], 0
    choose = random.Random(f"{seed} {sample.name}")
    if sample.syntax.deflated:
        return _deflated(sample, read)
    wrong: list[str] = []
    behind_last_frame = 0
    found = lengths(sample.dataset, read, MODULES)
    for low, high, verdict in found:
        accepted = [] if verdict is None else [at for at in range(low, high + 1) if at not in sample.boundaries]
        if verdict is not None and "missing_sequence_delimiter" in verdict:
            # every frame is there and nothing was begun after it: all that lacks is the delimiter, eight bytes
            behind_last_frame += sum(at + 8 in sample.boundaries for at in accepted)
            accepted = [at for at in accepted if at + 8 not in sample.boundaries]
        wrong += [f"{sample.name} cut at {at} of {len(sample.dataset)} is taken" for at in accepted[:MORE_MAX]]
    for low, high, verdict in choose.sample(found, min(CHECKED_PLAINLY, len(found))):
        at = choose.randint(low, high)
        if read(sample.dataset[:at]) != verdict:
            wrong.append(f"{sample.name} cut at {at} is judged otherwise than as one of {low} to {high}")
    return len(sample.dataset) + 1, wrong, behind_last_frame


def _deflated(sample: Sample, read: Callable[[bytes], Verdict]) -> tuple[int, list[str], int]:
    """A deflate stream says itself where it ends; tried are cuts all over it and each of its last bytes."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(sample.dataset)
    length = len(sample.dataset)
    end = length - len(inflater.unused_data)  # padding, or the trailer of gzip, is no part of it
    cuts = {*range(0, end, max(1, end // DEFLATED_CUTS)), *range(max(0, end - 64), length)}
    taken = [at for at in sorted(cuts) if at < end and read(sample.dataset[:at]) is not None]
    return len(cuts), [f"{sample.name} cut at {at} of {length} is taken" for at in taken[:MORE_MAX]], 0


def run(chosen: list[Sample], seed: int, walk: Callable[..., walker.Walk] = walker.walk) -> Outcome:
    """Judge every prefix of `chosen`."""
    trials = behind = size = 0
    violations: list[str] = []
    for sample in chosen:
        judged, wrong, without = judge(sample, walk, seed)
        trials, behind, size = trials + judged, behind + without, size + len(sample.dataset)
        violations += wrong
    details = {"files": len(chosen), "bytes": size, "behind the last frame": behind}
    return Outcome(trials, tuple(violations), details)


def one_slice(seed: int, folder: Path) -> Outcome:
    """Another stretch of the samples for each seed, round and round."""
    everything = samples(10_000)
    start = (seed - 1) * FILES_A_SLICE % len(everything)
    return run((everything * 2)[start : start + FILES_A_SLICE], seed)


def _forgiving(seed: int, folder: Path) -> Outcome:
    """A walker to which a last element may be too short, as pydicom's reader is."""

    def walk(dataset: bytes, uid: str) -> walker.Walk:
        try:
            return walker.walk(dataset, uid)
        except IncompleteDataSet as error:
            if "claims" not in error.message:
                raise
            return walker.walk(b"", uid)

    return run(samples(3, 100), seed, walk)


def _trusting(seed: int, folder: Path) -> Outcome:
    """A walker that takes the fragments that came for all there are."""
    with patch.object(walker, "all_there", lambda *_: True):
        return run([sample for sample in samples(80, ELEMENTS_MAX) if _fragments(sample) >= FRAGMENTS_MIN][:3], seed)


def _fragments(sample: Sample) -> int:
    if sample.syntax.deflated:
        return 0
    return sum(kind == elements.FRAGMENT for kind, *_ in elements.scan(sample.dataset, sample.syntax))


def _missing() -> str:
    return "" if corpus() else "the folder of DICOM test files is absent: name it in the variable PACS_TEST_DATA"


MUTANTS: Mapping[str, Callable[[int, Path], Outcome]] = {
    "accept-short-last-element": _forgiving,
    "accept-missing-fragments": _trusting,
}
RIG = Rig("prefixes", "prefixes", 20_000_000, one_slice, MUTANTS, _missing)
