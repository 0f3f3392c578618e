"""The table of SOP classes: which service answers which abstract syntax. A new service class is one line here."""

from __future__ import annotations

from dataclasses import replace

from pacs.access.grants import Action, may
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder
from pacs.dimse import echo, mpps, ups, worklist
from pacs.dimse.commitment import STORAGE_COMMITMENT, CommitmentService
from pacs.dimse.find import FindProvider
from pacs.dimse.get import GetProvider
from pacs.dimse.models import FIND_MODELS, GET_MODELS, MOVE_MODELS
from pacs.dimse.move import MoveProvider
from pacs.dimse.outbound import Outbound
from pacs.dimse.sending import Sender
from pacs.dimse.service import Registry, Service
from pacs.dimse.store import StorageProvider, is_storage_class
from pacs.settings import DimseSettings


class Services:
    """Every service class of the node."""

    def __init__(
        self,
        archive: Archive,
        peers: Peers,
        settings: DimseSettings,
        outbound: Outbound,
        transcoder: Transcoder,
    ) -> None:
        self._accept_unknown = settings.accept_unknown_sop_classes
        self._storage = StorageProvider(archive, settings.instance_bytes_max).service()
        find = FindProvider(archive, settings)
        get = GetProvider(archive, transcoder, settings)
        move = MoveProvider(archive, peers, Sender(archive, transcoder, outbound), settings)
        self._table: dict[str, Service] = {
            echo.VERIFICATION: echo.service(),
            **{uid: find.service(model) for uid, model in FIND_MODELS.items()},
            **{uid: get.service(model) for uid, model in GET_MODELS.items()},
            **{uid: move.service(model) for uid, model in MOVE_MODELS.items()},
            STORAGE_COMMITMENT: CommitmentService(archive, peers).service(),
            worklist.MODALITY_WORKLIST: worklist.service(archive, settings),
            **mpps.services(archive, settings),
            **ups.services(archive, settings, lambda ae_title: peers.registered(ae_title) is not None),
        }

    def registry(self, principal: Principal) -> Registry:
        """What is offered to `principal`: private storage classes only where it may store, storage in the transfer
        syntaxes that are registered of it where there are any."""
        accept_unknown = self._accept_unknown and may(principal, Action.STORE)
        storage, registered = self._storage, principal.peer.options.transfer_syntaxes if principal.peer else ()
        if registered:
            storage = replace(storage, transfer_syntaxes=storage.transfer_syntaxes & frozenset(registered))

        def service_of(abstract_syntax: str) -> Service | None:
            service = self._table.get(abstract_syntax)
            if service is None and is_storage_class(abstract_syntax, accept_unknown=accept_unknown):
                return storage
            return service

        return service_of
