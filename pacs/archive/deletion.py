"""Delete, reject, restore, erase: what people do about objects that should not be here, by HTTP or the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from pacs.access.grants import Action, may
from pacs.access.principals import NODE, Principal
from pacs.archive import out_of_sight, rejections
from pacs.archive.limits import Retention
from pacs.archive.out_of_sight import Deletion, Wanted
from pacs.archive.reasons import checked_reason
from pacs.archive.tombstones import DeletionKind
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.rejection import COPIED, COPIED_OF_STUDY, Referenced, RejectionCode, make_note
from pacs.errors import AlreadyThere, NotFound, NotPermitted
from pacs.index.criteria import Criterion, OneOf, Query
from pacs.index.deletions import deletion

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

log = structlog.get_logger()

PROTOCOL = "rejection"
DUE_AT_ONCE = 20
LIMIT_MAX = 1000


class Deletions:
    """What has been taken out of sight in one archive, and the ways there and back."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    @property
    def retention(self) -> Retention:
        """How long what is taken out of sight now can be brought back."""
        return self._archive.retention

    def delete(
        self,
        study_instance_uid: str,
        series_instance_uid: str = "",
        sop_instance_uid: str = "",
        *,
        by: Principal,
        reason: str = "",
    ) -> Deletion:
        """Take a study, a series or an instance out of sight; it is erased when the time to undo it is over.

        Raises NotPermitted, NotFound where there is nothing like it, Gone where it is deleted already.
        """
        self._require(by, Action.DELETE, study_instance_uid)
        at = self._archive.clock()
        wanted = Wanted(
            DeletionKind.DELETED,
            study_instance_uid,
            series_instance_uid,
            sop_instance_uid,
            reason=checked_reason(reason, needed=False),
        )
        until = self._archive.retention.undo_until(at)
        identifier = self._archive.index.write(
            lambda connection: out_of_sight.take_away(connection, wanted, by=by, at=at, undo_until=until)
        )
        self._archive.events.announce()
        return self.get(identifier)

    def reject(
        self,
        code: RejectionCode,
        study_instance_uid: str,
        series_instance_uid: str = "",
        sop_instance_uid: str = "",
        *,
        by: Principal,
        reason: str = "",
    ) -> Deletion:
        """Reject by a note of our own making, which comes in as every other object does (IHE RAD-66).

        Raises NotPermitted, NotFound, Gone, and what storing raises.
        """
        self._require(by, Action.REJECT, study_instance_uid)
        found = self._archive.instances(study_instance_uid, series_instance_uid or None, sop_instance_uid or None)
        references = [
            Referenced(one.study_instance_uid, one.series_instance_uid, one.sop_class_uid, one.sop_instance_uid)
            for one in found
        ]
        values = self._study_values(study_instance_uid)
        note = make_note(
            code, references, values, at=self._archive.clock(), description=checked_reason(reason, needed=False)
        )
        with self._archive.receive_part10(by, protocol=PROTOCOL, study_instance_uid=study_instance_uid) as reception:
            reception.write(note)
            stored = reception.commit()
        with self._archive.index.read() as connection:
            identifier = rejections.of_note(connection, stored.sop_instance_uid)
        assert identifier is not None, "who may reject has its notes done"
        return self.get(identifier)

    def restore(self, identifier: str, *, by: Principal) -> Deletion:
        """Bring back what a deletion or a rejection took out of sight.

        Raises NotPermitted, NotFound, AlreadyThere (it is back), Gone (it is erased).
        """
        self._require_for(by, identifier)
        at = self._archive.clock()
        self._archive.index.write(lambda connection: out_of_sight.restore(connection, identifier, by=by, at=at))
        self._archive.events.announce()
        return self.get(identifier)

    def erase(self, identifier: str, *, by: Principal) -> Deletion:
        """Give up the time to undo it: the objects are removed for good.

        Raises NotPermitted, NotFound, AlreadyThere (it is back), Gone (it is erased already).
        """
        self._require(by, Action.DELETE, self.get(identifier).study_instance_uid)
        self._erase(identifier, by)
        return self.get(identifier)

    def erase_due(self) -> int:
        """Erase what nobody has brought back in its time; how many deletions."""
        with self._archive.index.read() as connection:
            due = out_of_sight.due(connection, self._archive.clock(), DUE_AT_ONCE)
        for identifier in due:
            try:
                self._erase(identifier, NODE)
            except (NotFound, AlreadyThere):
                continue  # another process was faster, or it has just been restored
        return len(due)

    def _erase(self, identifier: str, by: Principal) -> None:
        at = self._archive.clock()
        self._archive.index.write(lambda connection: out_of_sight.erase(connection, identifier, by=by, at=at))
        self._archive.events.announce()
        try:
            self._archive.forgetting.catch_up()
        except OSError as error:  # it is erased all the same; the housekeeper tries that again
            log.warning("derived_not_removed", deletion=identifier, cause=str(error))

    def get(self, identifier: str) -> Deletion:
        """One of them. Raises NotFound."""
        with self._archive.index.read() as connection:
            row = connection.execute(select(deletion).where(deletion.c.id == identifier)).one_or_none()
        if row is None:
            raise out_of_sight.no_such_deletion(identifier)
        return out_of_sight.deletion_of(row)

    def listing(
        self, *, by: Principal, study_instance_uid: str = "", only_open: bool = True, limit: int = 100
    ) -> Sequence[Deletion]:
        """The newest first; `only_open`: what can still be brought back. Raises NotPermitted."""
        self._require(by, Action.REJECT, study_instance_uid or None)
        statement = select(deletion).order_by(deletion.c.id.desc()).limit(min(limit, LIMIT_MAX))
        if study_instance_uid:
            statement = statement.where(deletion.c.study_instance_uid == study_instance_uid)
        elif by.study_instance_uids is not None:
            statement = statement.where(deletion.c.study_instance_uid.in_(sorted(by.study_instance_uids)))
        if only_open:
            statement = statement.where(deletion.c.restored_at.is_(None), deletion.c.erased_at.is_(None))
        with self._archive.index.read() as connection:
            return [out_of_sight.deletion_of(row) for row in connection.execute(statement)]

    def _study_values(self, study_instance_uid: str) -> dict[str, str]:
        returns = tuple(BY_KEYWORD[keyword] for keyword in (*COPIED, *COPIED_OF_STUDY))
        only = Criterion(BY_KEYWORD["StudyInstanceUID"], OneOf((study_instance_uid,)))
        found = list(self._archive.find(Query(Level.STUDY, (only,), returns)))
        return found[0] if found else {}

    def _require_for(self, by: Principal, identifier: str) -> None:
        """Whoever may reject may take a rejection back; the rest is for whoever may delete."""
        found = self.get(identifier)
        action = Action.REJECT if found.kind is DeletionKind.REJECTED else Action.DELETE
        self._require(by, action, found.study_instance_uid)

    def _require(self, by: Principal, action: Action, study_instance_uid: str | None) -> None:
        if not may(by, action, study_instance_uid):
            raise NotPermitted(f"{by.name} may not do that here", "ask an administrator")
