"""Stored instances to another application entity: presentation contexts by what is stored, each object in the best
transfer syntax that the peer takes, as many associations as that needs one after the other (PS3.4 B, C.4.2.3.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from pacs.access.peer import Peer
from pacs.archive.archive import Archive
from pacs.archive.selection import Selected, stored
from pacs.archive.transcode import Transcoder, attainable
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import MEDIUM
from pacs.dimse.faults import described
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, OutboundAssociation, Proposal
from pacs.dimse.proposal import CONTEXTS_MAX
from pacs.errors import SuretError

log = structlog.get_logger()

LOSSES_MAX: Final = 3
"""Associations in a row that were lost without one object sent; then the peer is given up."""

_PLAIN: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instance: the C-STORE status, None where none came; `comment` is the peer's, or says why
    nothing was sent. Where `transient`, a later attempt may succeed."""

    status: int | None
    comment: str = ""
    transient: bool = False
    code: str = ""  # of why nothing was sent


Tell = Callable[[Selected, Outcome], None]


class Sender:
    """Sends what is selected; may be used from many threads."""

    def __init__(self, archive: Archive, transcoder: Transcoder, outbound: Outbound) -> None:
        self._archive = archive
        self._transcoder = transcoder
        self._outbound = outbound

    def send(
        self,
        selection: Sequence[Selected],
        peer: Peer,
        tell: Tell,
        *,
        originator: tuple[str, int] | None = None,
        priority: int = MEDIUM,
        going_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send `selection` in its order and tell of each instance exactly once; never raises for what a peer does.

        Between two instances `going_on` is asked; where it says no, the rest is neither sent nor told. `originator` is
        the AE title and message ID of the C-MOVE behind it.
        """
        for batch in _batches(selection):
            rest = deque(batch)
            losses = 0
            while rest and going_on():
                before = len(rest)
                failure = self._one_association(rest, peer, tell, originator, priority, going_on)
                losses = 0 if before - len(rest) > 1 else losses + 1
                if failure is None or (losses < LOSSES_MAX and isinstance(failure, AssociationLost)):
                    continue
                transient = not isinstance(failure, NoAssociation) or failure.transient
                for selected in rest:
                    tell(selected, Outcome(None, failure.message, transient, failure.code))
                rest.clear()

    def _one_association(
        self,
        rest: deque[Selected],
        peer: Peer,
        tell: Tell,
        originator: tuple[str, int] | None,
        priority: int,
        going_on: Callable[[], bool],
    ) -> SuretError | None:
        """Send from the front of `rest`, taking off what is told of; why it could not go on, None where it was done."""
        proposals = list(_proposals(rest, peer))
        if not proposals:
            none = f"{peer.ae_title} is registered to take none of these transfer syntaxes"
            return NoAssociation(none, "add one to its transfer syntaxes", "no_form", transient=False)
        try:
            with self._outbound.associate(
                peer.host, peer.port, peer.ae_title, proposals, options=peer.options
            ) as association:
                while rest and going_on():
                    outcome = self._send(association, rest[0], originator, priority)
                    tell(rest.popleft(), outcome)
                    if not association.alive:
                        return AssociationLost(outcome.comment)
        except NoAssociation as failure:
            log.warning("no_association", peer=peer.ae_title, why=failure.message)
            return failure
        return None

    def _send(
        self,
        association: OutboundAssociation,
        selected: Selected,
        originator: tuple[str, int] | None,
        priority: int,
    ) -> Outcome:
        wanted = attainable(selected.transfer_syntax_uid)
        context = association.context_for(selected.sop_class_uid, *wanted)
        if context is None:
            return Outcome(None, f"{association.called} takes no such object in a form it can be given", code="no_form")
        try:
            instance = stored(self._archive, selected)
            pieces = self._transcoder.dataset(instance, context.transfer_syntax)
            answer = association.store(
                context, selected.sop_instance_uid, pieces, priority=priority, originator=originator
            )
        except AssociationLost as lost:
            return Outcome(None, lost.message, True, lost.code)
        except SuretError as failure:
            return Outcome(None, failure.message, True, failure.code)
        except Exception as error:
            log.error("sending_failed", sop_instance_uid=selected.sop_instance_uid, **described(error))
            return Outcome(None, "the node failed", True, "mistake")
        return Outcome(answer.status, answer.command.comment)


def _proposals(selection: Iterable[Selected], peer: Peer) -> Iterator[Proposal]:
    """For each class one context for every stored syntax, and one for what it can be made, so that the peer's choice
    never forces a conversion that is not needed."""
    kinds: dict[str, dict[str, None]] = {}
    for selected in selection:
        kinds.setdefault(selected.sop_class_uid, {})[selected.transfer_syntax_uid] = None
    for sop_class_uid, syntaxes in kinds.items():
        for uid in syntaxes:
            if _takes(peer, uid):
                yield Proposal(sop_class_uid, (uid,))
        plain = tuple(uid for uid in _fallback(syntaxes) if _takes(peer, uid))
        if plain:
            yield Proposal(sop_class_uid, plain)


def _takes(peer: Peer, transfer_syntax_uid: str) -> bool:
    """Whether the peer may be sent objects in this syntax: it is registered with a list of them, or takes all."""
    return not peer.options.transfer_syntaxes or transfer_syntax_uid in peer.options.transfer_syntaxes


def _fallback(syntaxes: dict[str, None]) -> tuple[str, ...]:
    attained = {uid for syntax in syntaxes for uid in attainable(syntax)}
    return tuple(uid for uid in _PLAIN if uid in attained and uid not in syntaxes)


def _batches(selection: Sequence[Selected]) -> Iterator[Sequence[Selected]]:
    """Parts of `selection` that find a place in the 128 contexts of one association each."""
    start = 0
    kinds: set[tuple[str, str]] = set()
    classes: set[str] = set()
    for position, selected in enumerate(selection):
        kind = (selected.sop_class_uid, selected.transfer_syntax_uid)
        if kind in kinds:
            continue
        if len(kinds) + 1 + len(classes | {kind[0]}) > CONTEXTS_MAX:
            yield selection[start:position]
            start, kinds, classes = position, set(), set()
        kinds.add(kind)
        classes.add(kind[0])
    if start < len(selection):
        yield selection[start:]
