"""Verification (PS3.4 Annex A): C-ECHO answered, and asked of a registered peer."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action, may
from pacs.access.operation import Operation, gives
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.dimse.command import C_ECHO_RQ, NOT_AUTHORISED, SUCCESS, Command
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, Proposal
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, Context, Discard, Exchange, Service
from pacs.errors import SuretError

VERIFICATION: Final = "1.2.840.10008.1.1"
DATA_SET_BYTES_MAX: Final = 65536  # C-ECHO has no data set; a peer that sends one all the same is heard out


def echo(exchange: Exchange, context: Context, command: Command) -> None:
    """Answer C-ECHO (PS3.7 9.1.5)."""
    exchange.receive_data_set(context, Discard(DATA_SET_BYTES_MAX))
    allowed = may(exchange.principal, Action.ECHO)
    exchange.respond(context, command, SUCCESS if allowed else NOT_AUTHORISED)


def service() -> Service:
    """The Verification service."""
    return Service("verification", MESSAGE_TRANSFER_SYNTAXES, {C_ECHO_RQ: echo})


def ask(peer: Peer, outbound: Outbound) -> SuretError | None:
    """Ask `peer` for a C-ECHO; why there is no success, and None where there is."""
    proposals = [Proposal(VERIFICATION, tuple(sorted(MESSAGE_TRANSFER_SYNTAXES)))]
    try:
        with outbound.associate(peer.host, peer.port, peer.ae_title, proposals, options=peer.options) as association:
            context = association.context_for(VERIFICATION)
            if context is None:
                return SuretError("it does not offer Verification", code="not_offered")
            [answer] = association.ask(context, C_ECHO_RQ)
    except (NoAssociation, AssociationLost) as failed:
        return failed
    if answer.succeeded:
        return None
    return SuretError(f"it answered with status {answer.status:04X}", code="answered")


def routes(peers: Peers, outbound: Outbound) -> list[Route]:
    """The button that tests a registered peer."""

    async def test(request: Request, principal: Principal) -> Response:
        failed = await in_thread(lambda: ask(peers.get(request.path_params["ae_title"]), outbound))
        if failed is None:
            return JSONResponse({"succeeded": True, "words": "", "code": ""})
        return JSONResponse({"succeeded": False, "words": str(failed), "code": failed.code})

    says = Operation(
        "Ask a registered peer for a C-ECHO",
        (gives({"succeeded": bool, "words": str, "code": str}, "how it went; no words and code where it went well"),),
        refusals=(404,),
    )
    return [Route(("POST",), "/api/peers/{ae_title}/echo", test, Action.MANAGE_PEERS, says=says)]
