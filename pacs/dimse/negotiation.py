"""Presentation contexts and roles: what of a proposal the node takes on (PS3.8 9.3.3.2, PS3.7 D.3.3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dimse.pdu import AssociateRequest, ContextAnswer, ContextResult, ProposedContext, Roles
from pacs.dimse.service import DEFAULT_ROLES, Context, Registry, Service

_PLAIN: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


@dataclass(frozen=True, slots=True)
class Negotiated:
    """`contexts` by identifier are the accepted ones; `answers` has one for each proposed, in the peer's order."""

    contexts: Mapping[int, Context]
    answers: tuple[ContextAnswer, ...]
    roles: Mapping[str, Roles]
    extended: Mapping[str, bytes]


def negotiate(request: AssociateRequest, registry: Registry) -> Negotiated:
    """Answer every proposed context. Of several transfer syntaxes the peer's first that the service takes is chosen:
    objects are kept as they are sent, so the sender's favourite is the best there is. Where the node is to send (the
    peer is SCP), it is one that most objects can be sent in."""
    contexts: dict[int, Context] = {}
    answers: list[ContextAnswer] = []
    roles: dict[str, Roles] = {}
    extended: dict[str, bytes] = {}
    for proposed in request.contexts:
        service = registry(proposed.abstract_syntax)
        agreed = None if service is None else _roles(request.roles.get(proposed.abstract_syntax), service)
        result, syntax = _answer(proposed, service, agreed)
        answers.append(ContextAnswer(proposed.context_id, result, syntax))
        if service is None or agreed is None or result is not ContextResult.ACCEPTED:
            continue
        honoured = _honoured(request.extended.get(proposed.abstract_syntax), service)
        contexts[proposed.context_id] = Context(
            proposed.context_id, proposed.abstract_syntax, syntax, service, agreed, honoured
        )
        if honoured:
            extended[proposed.abstract_syntax] = honoured
        if proposed.abstract_syntax in request.roles:
            roles[proposed.abstract_syntax] = agreed
    return Negotiated(contexts, tuple(answers), roles, extended)


def _roles(proposed: Roles | None, service: Service) -> Roles:
    """The roles the peer gets; an acceptor takes away but never adds (PS3.7 D.3.3.4.1)."""
    if proposed is None:
        return DEFAULT_ROLES
    return Roles(proposed.scu and service.peer_roles.scu, proposed.scp and service.peer_roles.scp)


def _answer(proposed: ProposedContext, service: Service | None, agreed: Roles | None) -> tuple[ContextResult, str]:
    if service is None or agreed is None:
        return ContextResult.ABSTRACT_SYNTAX, IMPLICIT_VR_LITTLE_ENDIAN
    if not (agreed.scu or agreed.scp):
        return ContextResult.USER_REJECTION, IMPLICIT_VR_LITTLE_ENDIAN
    offered = [syntax for syntax in proposed.transfer_syntaxes if syntax in service.transfer_syntaxes]
    if offered:
        return ContextResult.ACCEPTED, _best_to_send(offered) if agreed.scp else offered[0]
    return ContextResult.TRANSFER_SYNTAXES, IMPLICIT_VR_LITTLE_ENDIAN


def _best_to_send(offered: Sequence[str]) -> str:
    """Of the syntaxes of one context in which the node is to send: video if it is offered, for nothing can be made of
    that, else an uncompressed one, which nearly every object can be made."""
    video = next((uid for uid in offered if transfer_syntax(uid).video), None)
    plain = next((uid for uid in _PLAIN if uid in offered), None)
    return video or plain or offered[0]


def _honoured(proposed: bytes | None, service: Service) -> bytes:
    """What of the proposed bytes the node does, no more bytes than were sent; empty where it is nothing to tell of."""
    if not proposed:
        return b""
    return bytes(int(asked == 1) & done for asked, done in zip(proposed, service.honours, strict=False))
