from __future__ import annotations

import pytest

from pacs.dimse.negotiation import negotiate
from pacs.dimse.pdu import AssociateRequest, ContextResult, ProposedContext, Roles
from pacs.dimse.service import Service
from tests.support.dimse import CT, EXPLICIT, IMPLICIT, VERIFICATION

JPEG = "1.2.840.10008.1.2.4.70"
STORAGE = Service("storage", frozenset({IMPLICIT, EXPLICIT, JPEG}), {})
BOTH_WAYS = Service("both", frozenset({IMPLICIT}), {}, Roles(scu=True, scp=True))


def _registry(uid: str) -> Service | None:
    return {CT: STORAGE, VERIFICATION: BOTH_WAYS}.get(uid)


def _request(*contexts: tuple[str, tuple[str, ...]], roles: dict[str, Roles] | None = None) -> AssociateRequest:
    proposed = tuple(ProposedContext(2 * n + 1, uid, syntaxes) for n, (uid, syntaxes) in enumerate(contexts))
    return AssociateRequest(1, bytes(64), "", proposed, 0, roles or {}, "", "", False)


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [((IMPLICIT, EXPLICIT), IMPLICIT), ((EXPLICIT, IMPLICIT), EXPLICIT), (("1.2.3", JPEG, IMPLICIT), JPEG)],
)
def test_the_first_syntax_of_the_sender_that_is_stored_is_chosen(proposed: tuple[str, ...], chosen: str):
    negotiated = negotiate(_request((CT, proposed)), _registry)
    assert negotiated.contexts[1].transfer_syntax == chosen
    assert negotiated.answers[0].transfer_syntax == chosen


def test_every_proposed_context_is_answered():
    negotiated = negotiate(_request(("1.2.3", (IMPLICIT,)), (CT, ("1.2.3",)), (CT, ()), (CT, (IMPLICIT,))), _registry)
    assert [(answer.context_id, answer.result) for answer in negotiated.answers] == [
        (1, ContextResult.ABSTRACT_SYNTAX),
        (3, ContextResult.TRANSFER_SYNTAXES),
        (5, ContextResult.TRANSFER_SYNTAXES),
        (7, ContextResult.ACCEPTED),
    ]
    assert set(negotiated.contexts) == {7}


@pytest.mark.parametrize(
    ("uid", "proposed", "result", "agreed"),
    [
        (CT, None, ContextResult.ACCEPTED, None),
        (CT, Roles(scu=True, scp=False), ContextResult.ACCEPTED, Roles(scu=True, scp=False)),
        (CT, Roles(scu=True, scp=True), ContextResult.ACCEPTED, Roles(scu=True, scp=False)),
        (CT, Roles(scu=False, scp=True), ContextResult.USER_REJECTION, None),
        (CT, Roles(scu=False, scp=False), ContextResult.USER_REJECTION, None),
        (VERIFICATION, Roles(scu=True, scp=True), ContextResult.ACCEPTED, Roles(scu=True, scp=True)),
        (VERIFICATION, Roles(scu=False, scp=True), ContextResult.ACCEPTED, Roles(scu=False, scp=True)),
    ],
)
def test_roles_are_taken_away_and_never_added(
    uid: str, proposed: Roles | None, result: ContextResult, agreed: Roles | None
):
    roles = {} if proposed is None else {uid: proposed}
    negotiated = negotiate(_request((uid, (IMPLICIT,)), roles=roles), _registry)
    assert negotiated.answers[0].result is result
    assert negotiated.roles.get(uid) == agreed
