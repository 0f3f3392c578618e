"""Somebody who deletes, restores, erases and corrects a study of their own, whatever happens to the node meanwhile.

What was answered with success holds from then on; of what failed or was cut off either may be true, but not a half.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.correction import Corrections
from pacs.archive.deletion import Deletions
from pacs.errors import Gone, NotFound, SuretError
from pacs.index.deletions import deletion, tombstone
from pacs.index.schema import instance, study
from storage.errors import StorageError
from tests.faults.simulated.instances import CURATED
from tests.faults.simulated.instances import instance as made

if TYPE_CHECKING:
    from tests.faults.simulated.life import Node

ITEM = made(CURATED, 0)
SEEN, HIDDEN, ERASED = "seen", "hidden", "erased"
STEPS_MAX = 6


@dataclass(slots=True)
class Curated:
    """What may be true of the study: where it is, and how often its description was corrected."""

    places: set[str] = field(default_factory=lambda: {SEEN})
    corrections: set[int] = field(default_factory=lambda: {0})
    is_sent: bool = False
    clock_went_back: bool = False
    blamed: list[str] = field(default_factory=list)


def curate(node: Node, curated: Curated, choose: random.Random) -> None:
    """Some steps of it, each from where the study is."""
    for number in range(choose.randint(1, STEPS_MAX)):
        try:
            place, standing = _look(node.archive)
        except (SuretError, SQLAlchemyError) as error:
            if not node.faults.injected:
                curated.blamed.append(f"P8 what was deleted cannot be told: {error!r}")
            return
        came_again = place == SEEN and node.world.clock_went_back
        if place not in curated.places and (node.faults.injected or came_again):
            return  # a start that could not read an object gives it its row later
        if place not in curated.places or standing not in curated.corrections:
            curated.blamed.append(
                f"P8 the study is {place} with {standing} corrections and should be {sorted(curated.places)} with "
                f"{sorted(curated.corrections)}"
            )
        # After a COMMIT that failed, what is seen may not be on stable storage: only a success makes it certain.
        if not node.faults.injected:
            curated.places, curated.corrections = {place}, {standing}
        if place == ERASED:
            return
        _step(node, curated, choose, place, standing, number)


def _step(node: Node, curated: Curated, choose: random.Random, place: str, standing: int, number: int) -> None:
    deletions, corrections = Deletions(node.archive), Corrections(node.archive)
    manner = choose.random()
    try:
        if place == HIDDEN:
            [found] = deletions.listing(by=OPERATOR)
            after = SEEN if manner < 0.5 else ERASED
            curated.places |= {place, after}
            if after == ERASED:  # and its corrections with it
                curated.corrections |= {0}
            (deletions.restore if after == SEEN else deletions.erase)(found.id, by=OPERATOR)
            curated.places = {after}
            if after == ERASED:
                curated.corrections = {0}
        elif manner < 0.5:
            curated.places |= {SEEN, HIDDEN}
            deletions.delete(ITEM.study_instance_uid, by=OPERATOR)
            curated.places = {HIDDEN}
        elif manner < 0.8 or not standing:
            curated.corrections |= {standing, standing + 1}
            text = f"corrected {node.world.now} {number}"
            corrections.correct(
                {"StudyDescription": text}, by=OPERATOR, reason="x", study_instance_uid=ITEM.study_instance_uid
            )
            curated.corrections = {standing + 1}
        else:
            found = choose.choice(corrections.listing(by=OPERATOR))  # type: ignore[assignment]
            curated.corrections |= {standing, standing - 1}
            corrections.undo(found.id, by=OPERATOR)
            curated.corrections = {standing - 1}
    except Gone as error:  # the clock was set, and the time to undo a correction is over
        if "over" not in str(error):
            curated.blamed.append(f"P8 {error!r}")
    except (SuretError, StorageError, SQLAlchemyError, OSError) as error:
        if not node.faults.injected:
            curated.blamed.append(f"P8 refused without a cause: {error!r}")


def _look(archive: Archive) -> tuple[str, int]:
    standing = len(Corrections(archive).listing(by=OPERATOR))
    try:
        archive.instances(ITEM.study_instance_uid)
    except NotFound:
        return HIDDEN if Deletions(archive).listing(by=OPERATOR) else ERASED, standing
    return SEEN, standing


def broken(archive: Archive, curated: Curated) -> Iterator[str]:
    """What does not hold, of an archive at rest."""
    yield from curated.blamed
    if not curated.is_sent:
        return
    place, standing = _look(archive)
    # What came first is told by the clock: set back, a copy that no row named may look as if sent after the deletion.
    came_again = place == SEEN and curated.clock_went_back
    if place not in curated.places and not came_again:
        yield f"P8 the study is {place} and should be {' or '.join(sorted(curated.places))}"
    if standing not in curated.corrections and not came_again:
        yield f"P8 {standing} corrections stand of {sorted(curated.corrections)}"
    with archive.index.read() as connection:
        described = study.c.study_instance_uid == ITEM.study_instance_uid
        shown = connection.execute(select(study.c.study_description).where(described)).scalar()
        rows = connection.execute(
            select(instance.c.row).where(instance.c.sop_instance_uid == ITEM.sop_instance_uid)
        ).all()
        left = connection.execute(select(deletion.c.levels).where(deletion.c.erased_at.is_not(None))).scalars().all()
        tombs = connection.execute(select(tombstone.c.erased)).scalars().all()
    if place == ERASED and (rows or tombs != [1] or any(levels != "{}" for levels in left)):
        yield "P9 something is left of what was erased"
    if place == SEEN:
        standing_now = Corrections(archive).listing(by=OPERATOR)
        wanted = standing_now[0].new["StudyDescription"] if standing_now else ORIGINAL
        if shown != wanted:
            yield f"P9 the study says {shown!r} and its corrections {wanted!r}"
        [stored] = archive.instances(ITEM.study_instance_uid)
        if bool(stored.changes) != bool(standing_now):
            yield "P9 what goes out is not what is shown"


ORIGINAL = "Synthetic study"
