"""Verification (PS3.4 Annex A): C-ECHO answered, and asked of a registered peer."""

from __future__ import annotations

import ssl
from typing import Final

from pynetdicom import AE
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action, may
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.dimse.checkpoint import park_reactor
from pacs.dimse.command import C_ECHO_RQ, NOT_AUTHORISED, SUCCESS, Command
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, Context, Discard, Exchange, Service
from pacs.dimse.tls import Certificates
from pacs.settings import DimseSettings

VERIFICATION: Final = "1.2.840.10008.1.1"
WITHIN_S: Final = 10.0
DATA_SET_BYTES_MAX: Final = 65536  # C-ECHO has no data set; a peer that sends one all the same is heard out


def echo(exchange: Exchange, context: Context, command: Command) -> None:
    """Answer C-ECHO (PS3.7 9.1.5)."""
    exchange.receive_data_set(context, Discard(DATA_SET_BYTES_MAX))
    allowed = may(exchange.principal, Action.ECHO)
    exchange.respond(context, command, SUCCESS if allowed else NOT_AUTHORISED)


def service() -> Service:
    """The Verification service."""
    return Service("verification", MESSAGE_TRANSFER_SYNTAXES, {C_ECHO_RQ: echo})


def ask(peer: Peer, settings: DimseSettings) -> str:
    """Ask `peer` for a C-ECHO; why there is no success, in words, and "" where there is."""
    entity = AE(ae_title=settings.ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = WITHIN_S
    entity.add_requested_context(VERIFICATION, sorted(MESSAGE_TRANSFER_SYNTAXES))
    tls: tuple[ssl.SSLContext, str] | None = None
    if peer.options.tls:
        if not settings.tls_certificate:
            return "it has to be called over TLS, and this node has no certificate"
        tls = (Certificates(settings).asking(), "")
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title, tls_args=tls)
    if association.is_rejected:
        return f"it refuses {settings.ae_title}; check both AE titles, and that it knows this node"
    if not association.is_established:
        return f"nothing takes associations at {peer.host}:{peer.port}; check address, port and firewall"
    try:
        park_reactor(association)
        status = association.send_c_echo()
    except ValueError:
        return "it does not offer Verification"
    finally:
        association.release()
    if "Status" not in status:
        return "it did not answer"
    return "" if status.Status == SUCCESS else f"it answered with status {status.Status:04X}"


def routes(peers: Peers, settings: DimseSettings) -> list[Route]:
    """The button that tests a registered peer."""

    async def test(request: Request, principal: Principal) -> Response:
        words = await in_thread(lambda: ask(peers.get(request.path_params["ae_title"]), settings))
        return JSONResponse({"succeeded": words == "", "words": words})

    return [Route(("POST",), "/api/peers/{ae_title}/echo", test, Action.MANAGE_PEERS)]
