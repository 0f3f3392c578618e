"""What a reader measured, marked and set on images of a study, written into the archive as objects of their own.

They come in through the door of every object, so success is told when they are durable; nothing is ever replaced.
What has a `sop_instance_uid` given is written once: asked again, the object that is there is the answer.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple
from threading import Lock
from typing import Final

import msgspec

from pacs import __version__
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.arrived import WRITTEN_HERE
from pacs.archive.deletion import Deletions
from pacs.dicom.rejection import RejectionCode
from pacs.dicom.written.common import Image, Writing, identity, made_uid, quiet, series_uid
from pacs.dicom.written.values import COORDINATE_MAX, DisplayState, DrawnMeasurement, Marked, mistakes
from pacs.errors import DoesNotMatch, Gone, NotFound, QueryRefused
from pacs.model import Outcome, Stored

# The makers are imported where they are used: highdicom takes half a second, which only who saves shall wait for.

IMAGES_MAX: Final = 5000
TURNS: Final = 64


class Writer:
    """Writes into one archive. Safe to use from many threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._deletions = Deletions(archive)
        self._turns = [Lock() for _ in range(TURNS)]

    def once(self, study_instance_uid: str, sop_instance_uid: str, write: Callable[[], Stored]) -> Stored:
        """What `write` makes of this UID, or what it made of it before; two that ask at once get one object, of another
        node with the same index too: the index holds one of a UID, and whoever comes second is refused there.

        Raises what `write` raises, Gone where it has been deleted since.
        """
        with self._turns[hash(sop_instance_uid) % TURNS]:
            there = self._there(study_instance_uid, sop_instance_uid)
            if there is not None:
                return there
            try:
                return write()
            except DoesNotMatch:
                there = self._there(study_instance_uid, sop_instance_uid)
                if there is None:
                    raise
                return there

    def _there(self, study_instance_uid: str, sop_instance_uid: str) -> Stored | None:
        """Raises Gone."""
        try:
            [found] = self._archive.instances(study_instance_uid, None, sop_instance_uid)
        except Gone:
            raise
        except NotFound:
            return None
        where = (found.study_instance_uid, found.series_instance_uid)
        return Stored(Outcome.DUPLICATE, found.sop_class_uid, sop_instance_uid, *where)

    def measurements(
        self,
        study_instance_uid: str,
        measurements: Sequence[DrawnMeasurement],
        replaces: Sequence[Marked] = (),
        *,
        sop_instance_uid: str = "",
        by: Principal,
    ) -> Stored:
        """A report of `measurements`, which takes the place of the earlier reports `replaces` (they stay as they are).

        Raises QueryRefused, NotFound for an image that is not of the study, and what storing raises.
        """
        from pacs.dicom.written import measurements as maker

        if not measurements and not replaces:
            hint = "measure something, or mark a key image"
            raise QueryRefused("there is no measurement to save", hint, "nothing_to_save")
        _check(measurements)
        marked = [Marked(one.series_instance_uid, one.sop_instance_uid, one.frame_number) for one in measurements]
        earlier = self._images(study_instance_uid, replaces)
        images = self._images(study_instance_uid, marked) or earlier  # nothing is left: then only of what it replaces
        for one in measurements:
            if one.space and images[one.sop_instance_uid].text("FrameOfReferenceUID") != one.frame_of_reference_uid:
                message = f"{one.kind} lies in another frame of reference than its image"
                raise QueryRefused(message, "draw it again", "measurement_wrong")
        before = [identity(image) for image in earlier.values()]
        writing = self._writing(study_instance_uid, maker.MODALITY, by, sop_instance_uid)
        with quiet():
            content = maker.measurement_report(measurements, images, writing, before)
        return self._store(study_instance_uid, content, by)

    def key_images(
        self,
        study_instance_uid: str,
        marked: Sequence[Marked],
        description: str = "",
        *,
        sop_instance_uid: str = "",
        by: Principal,
    ) -> Stored:
        """A selection of the images `marked`. Raises what `measurements` raises."""
        from pacs.dicom.written import key_images as maker

        if not marked:
            hint = "mark an image first, or take the selection back"
            raise QueryRefused("there is no key image to save", hint, "nothing_to_save")
        images = self._images(study_instance_uid, marked)
        writing = self._writing(study_instance_uid, maker.MODALITY, by, sop_instance_uid)
        with quiet():
            content = maker.key_images(list(_frames(marked).items()), images, writing, description)
        return self._store(study_instance_uid, content, by)

    def no_key_images(self, study_instance_uid: str, *, by: Principal) -> None:
        """Take back every selection written here of the study: none can be empty (PS3.3 C.17.6.2), so a note rejects
        them; a restore brings them back. Where there is none, nothing is done.

        Raises NotPermitted, NotFound for a study that is not there, and what storing raises.
        """
        from pacs.dicom.written import key_images as maker

        self._archive.instances(study_instance_uid)
        series_instance_uid = series_uid(study_instance_uid, maker.MODALITY)
        with suppress(NotFound):
            self._deletions.reject(
                RejectionCode.QUALITY,
                study_instance_uid,
                series_instance_uid,
                by=by,
                reason="No image is a key image any more",
            )

    def presentation(
        self,
        study_instance_uid: str,
        state: DisplayState,
        marked: Sequence[Marked],
        measurements: Sequence[DrawnMeasurement] = (),
        *,
        sop_instance_uid: str = "",
        by: Principal,
    ) -> Stored:
        """A presentation state of the images `marked`: of those which one state can be about like the first of them.

        Raises what `measurements` raises.
        """
        from pacs.dicom.written import presentation as maker

        if not marked:
            raise QueryRefused(
                "there is no image whose display could be saved", "show an image first", "nothing_to_save"
            )
        if state.rotation not in (0, 90, 180, 270):
            raise QueryRefused(f"{state.rotation}° is no quarter turn", "0, 90, 180 and 270 are")
        if state.window is not None and not state.window.width > 0:
            raise QueryRefused("the window has no width", "give one above 0")
        if not all(abs(edge) < COORDINATE_MAX for edge in astuple(state.area)):
            raise QueryRefused("the area that is displayed ends nowhere", f"its edges are below {COORDINATE_MAX:,.0f}")
        found = self._images(study_instance_uid, marked)
        first = found[marked[0].sop_instance_uid]
        if "00283000" in first.metadata:
            raise QueryRefused(
                "the values of these images come from a table, which a display state cannot carry yet",
                "save measurements and key images without the display",
                "display_of_table",
            )
        images = [image for image in found.values() if maker.alike(first, image)]
        kept = {image.sop_instance_uid for image in images}
        drawn = [one for one in measurements if one.sop_instance_uid in kept and not one.space]
        _check(drawn)
        writing = self._writing(study_instance_uid, maker.MODALITY, by, sop_instance_uid)
        with quiet():
            content = maker.presentation_state(state, images, _frames(marked), drawn, writing)
        return self._store(study_instance_uid, content, by)

    def _images(self, study_instance_uid: str, marked: Iterable[Marked]) -> dict[str, Image]:
        """The metadata of what is meant, by SOP Instance UID. Raises NotFound, QueryRefused."""
        wanted: dict[str, dict[str, int]] = {}
        for one in marked:
            series = wanted.setdefault(one.series_instance_uid, {})
            series[one.sop_instance_uid] = max(series.get(one.sop_instance_uid, 1), one.frame_number or 1)
        if sum(map(len, wanted.values())) > IMAGES_MAX:
            message = f"more than {IMAGES_MAX} images are meant"
            raise QueryRefused(message, "save them series by series", "images_many")
        found: dict[str, Image] = {}
        for series_instance_uid, frames in wanted.items():
            kept = self._archive.series_metadata(study_instance_uid, series_instance_uid)
            for metadata in msgspec.json.decode(gzip.decompress(kept.gzip_json)):
                image = Image(metadata)
                if image.sop_instance_uid in frames:
                    found[image.sop_instance_uid] = image
            for sop_instance_uid, frame_number in frames.items():
                if sop_instance_uid not in found:
                    gone = f"image {sop_instance_uid} is not in this study"
                    raise NotFound(gone, "open the study again", "image_gone")
                if not 1 <= frame_number <= (found[sop_instance_uid].number_of_frames or 1):
                    message = f"image {sop_instance_uid} has no frame {frame_number}"
                    raise QueryRefused(message, "open the study again", "image_gone")
        return {uid: found[uid] for frames in wanted.values() for uid in frames}

    def _writing(self, study_instance_uid: str, modality: str, by: Principal, sop_instance_uid: str) -> Writing:
        try:
            before = len(self._archive.instances(study_instance_uid, series_uid(study_instance_uid, modality)))
        except NotFound:
            before = 0
        return Writing(by.name, self._archive.clock(), before + 1, __version__, sop_instance_uid or made_uid())

    def _store(self, study_instance_uid: str, content: bytes, by: Principal) -> Stored:
        with self._archive.receive_part10(
            by, protocol=WRITTEN_HERE, study_instance_uid=study_instance_uid
        ) as reception:
            reception.write(content)
            return reception.commit()


def _check(measurements: Iterable[DrawnMeasurement]) -> None:
    wrong = [found for found in map(mistakes, measurements) if found]
    if wrong:
        message = "the measurements are not as they have to be"
        raise QueryRefused(message, "; ".join(wrong[:10]), "measurement_wrong")


def _frames(marked: Sequence[Marked]) -> dict[str, list[int]]:
    """The frames that are meant of each image, in the order in which the images are named."""
    frames: dict[str, list[int]] = {}
    for one in marked:
        numbers = frames.setdefault(one.sop_instance_uid, [])
        if one.frame_number is not None and one.frame_number not in numbers:
            numbers.append(one.frame_number)
    return frames
