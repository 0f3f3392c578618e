"""Presentation contexts and roles: what of a proposal the node takes on (PS3.8 9.3.3.2, PS3.7 D.3.3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pacs.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.pdu import AssociateRequest, ContextAnswer, ContextResult, ProposedContext, Roles
from pacs.dimse.service import DEFAULT_ROLES, Context, Registry, Service


@dataclass(frozen=True, slots=True)
class Negotiated:
    """`contexts` by identifier are the accepted ones; `answers` has one for each proposed, in the peer's order."""

    contexts: Mapping[int, Context]
    answers: tuple[ContextAnswer, ...]
    roles: Mapping[str, Roles]


def negotiate(request: AssociateRequest, registry: Registry) -> Negotiated:
    """Answer every proposed context. Of several transfer syntaxes the peer's first that the service takes is chosen:
    objects are kept as they are sent, so the sender's favourite is the best there is."""
    contexts: dict[int, Context] = {}
    answers: list[ContextAnswer] = []
    roles: dict[str, Roles] = {}
    for proposed in request.contexts:
        service = registry(proposed.abstract_syntax)
        agreed = None if service is None else _roles(request.roles.get(proposed.abstract_syntax), service)
        result, syntax = _answer(proposed, service, agreed)
        answers.append(ContextAnswer(proposed.context_id, result, syntax))
        if service is None or agreed is None or result is not ContextResult.ACCEPTED:
            continue
        contexts[proposed.context_id] = Context(proposed.context_id, proposed.abstract_syntax, syntax, service)
        if proposed.abstract_syntax in request.roles:
            roles[proposed.abstract_syntax] = agreed
    return Negotiated(contexts, tuple(answers), roles)


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
    for syntax in proposed.transfer_syntaxes:
        if syntax in service.transfer_syntaxes:
            return ContextResult.ACCEPTED, syntax
    return ContextResult.TRANSFER_SYNTAXES, IMPLICIT_VR_LITTLE_ENDIAN
