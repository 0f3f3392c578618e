"""What an administrator does in the browser: DICOM peers and local accounts: /api/peers, /api/accounts."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.accounts import Account, Accounts
from pacs.access.activity import Activity
from pacs.access.gate import Route, in_thread
from pacs.access.grants import KIND_ACTIONS, ROLE_ACTIONS, Action
from pacs.access.operation import Body, Operation, Parameter, done, fields_of, gives
from pacs.access.overview import Overview, Overviews
from pacs.access.peer import ORDINARY, Peer, PeerOptions, Verb
from pacs.access.peers import Peers, UnknownCaller
from pacs.access.principals import Principal, PrincipalKind, Role
from pacs.access.sessions import Sessions
from pacs.web.api.bodies import body_as, plain


class NewPeer(msgspec.Struct, forbid_unknown_fields=True):
    """The body that registers or changes a peer."""

    ae_title: str
    host: str
    port: int
    verbs: list[Verb]
    options: PeerOptions = ORDINARY


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """The body that makes an account; without a password it can only carry tokens."""

    name: str
    role: Role
    password: str = ""
    must_change_password: bool = True


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """The body that gives an account another password, to be changed at the next sign-in."""

    password: str


class NewRole(msgspec.Struct, forbid_unknown_fields=True):
    """The body that says what an account may do from now on."""

    role: Role


class Disabling(msgspec.Struct, forbid_unknown_fields=True):
    """The body that closes an account or opens it again."""

    disabled: bool


_ACCOUNT = fields_of(Account, without=("row",))
_LISTED = _ACCOUNT | fields_of(Overview)
_ROLES = {role.value: sorted(ROLE_ACTIONS[role] - KIND_ACTIONS[PrincipalKind.ANONYMOUS]) for role in Role}
_PEER = fields_of(Peer)
_ACTIVITY = fields_of(Activity, words=str)


def peer_routes(peers: Peers) -> list[Route]:
    """Registered peers, callers nobody knows, and how one becomes the other."""

    async def show(request: Request, principal: Principal) -> Response:
        registered, unknown = await in_thread(peers.list), await in_thread(peers.unknown_callers)
        return JSONResponse(
            {"peers": [_peer(peer) for peer in registered], "unknown_callers": [_caller(caller) for caller in unknown]}
        )

    async def add(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewPeer)
        await in_thread(peers.add, new.ae_title, new.host, new.port, new.verbs, by=principal, options=new.options)
        return JSONResponse(_peer(await in_thread(peers.get, new.ae_title)), 201)

    async def change(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewPeer)
        title = request.path_params["ae_title"]
        await in_thread(peers.update, title, new.host, new.port, new.verbs, by=principal, options=new.options)
        return Response(None, 204)

    async def remove(request: Request, principal: Principal) -> Response:
        await in_thread(peers.remove, request.path_params["ae_title"], by=principal)
        return Response(None, 204)

    async def activity(request: Request, principal: Principal) -> Response:
        title = request.query_params.get("ae_title")
        return JSONResponse({"activity": [_activity(one) for one in await in_thread(peers.activities.latest, title)]})

    return [
        Route(
            ("GET",),
            "/api/peers/activity",
            activity,
            Action.MANAGE_PEERS,
            says=Operation(
                "Associations and refusals, the newest first",
                (gives({"activity": [_ACTIVITY]}),),
                (Parameter("ae_title", "of one caller"),),
            ),
        ),
        Route(
            ("GET",),
            "/api/peers",
            show,
            Action.MANAGE_PEERS,
            says=Operation(
                "Registered peers, and callers nobody knows",
                (gives({"peers": [_PEER], "unknown_callers": list[UnknownCaller]}),),
            ),
        ),
        Route(
            ("POST",),
            "/api/peers",
            add,
            Action.MANAGE_PEERS,
            says=Operation("Register a peer", (gives(_PEER, "registered", 201),), body=Body(NewPeer)),
        ),
        Route(
            ("PUT",),
            "/api/peers/{ae_title}",
            change,
            Action.MANAGE_PEERS,
            says=Operation("Change a peer", (done(),), body=Body(NewPeer), refusals=(404,)),
        ),
        Route(
            ("DELETE",),
            "/api/peers/{ae_title}",
            remove,
            Action.MANAGE_PEERS,
            says=Operation("Remove a peer", (done(),), refusals=(404,)),
        ),
    ]


def account_routes(accounts: Accounts, sessions: Sessions, overviews: Overviews) -> list[Route]:
    """Accounts, their sessions and their tokens."""

    async def show(request: Request, principal: Principal) -> Response:
        found, seen = await in_thread(accounts.listing), await in_thread(overviews.all)
        shown = [_account(account) | plain(seen[account.name]) for account in found if account.name in seen]
        return JSONResponse({"accounts": shown, "roles": _ROLES})

    async def create(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewAccount)
        made = await in_thread(
            accounts.create,
            new.name,
            new.role,
            new.password,
            by=principal,
            must_change=new.must_change_password and new.password != "",
        )
        return JSONResponse(_account(made), 201)

    async def set_password(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewPassword)
        await in_thread(accounts.set_password, request.path_params["name"], new.password, by=principal)
        sessions.forget()
        return Response(None, 204)

    async def set_disabled(request: Request, principal: Principal) -> Response:
        disabling = await body_as(request, Disabling)
        await in_thread(accounts.set_disabled, request.path_params["name"], disabling.disabled, by=principal)
        sessions.forget()
        return Response(None, 204)

    async def set_role(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewRole)
        await in_thread(accounts.set_role, request.path_params["name"], new.role, by=principal)
        sessions.forget()
        return Response(None, 204)

    async def unlock(request: Request, principal: Principal) -> Response:
        await in_thread(accounts.unlock, request.path_params["name"], by=principal)
        return Response(None, 204)

    async def end_sessions(request: Request, principal: Principal) -> Response:
        return JSONResponse({"ended": await in_thread(sessions.end_all, request.path_params["name"], principal)})

    async def make_token(request: Request, principal: Principal) -> Response:
        made = await in_thread(accounts.token, request.path_params["name"], by=principal)
        return JSONResponse({"token": made}, 201)

    async def revoke_tokens(request: Request, principal: Principal) -> Response:
        number = await in_thread(accounts.revoke_tokens, request.path_params["name"], by=principal)
        return JSONResponse({"revoked": number})

    account = "/api/accounts/{name}"
    return [
        Route(
            ("GET",),
            "/api/accounts",
            show,
            Action.MANAGE_ACCOUNTS,
            says=Operation(
                "Local accounts, what was looked at with them, and what each role may do",
                (gives({"accounts": [_LISTED], "roles": dict.fromkeys(_ROLES, list[Action])}),),
                words="studies_viewed are those of the last 30 days",
            ),
        ),
        Route(
            ("POST",),
            "/api/accounts",
            create,
            Action.MANAGE_ACCOUNTS,
            says=Operation("Make an account", (gives(_ACCOUNT, "made", 201),), body=Body(NewAccount)),
        ),
        Route(
            ("POST",),
            f"{account}/password",
            set_password,
            Action.MANAGE_ACCOUNTS,
            says=Operation("Give an account another password", (done(),), body=Body(NewPassword), refusals=(404,)),
        ),
        Route(
            ("POST",),
            f"{account}/disabled",
            set_disabled,
            Action.MANAGE_ACCOUNTS,
            says=Operation("Close an account, or open it again", (done(),), body=Body(Disabling), refusals=(404,)),
        ),
        Route(
            ("POST",),
            f"{account}/role",
            set_role,
            Action.MANAGE_ACCOUNTS,
            says=Operation("Change what an account may do", (done(),), body=Body(NewRole), refusals=(404,)),
        ),
        Route(
            ("DELETE",),
            f"{account}/lock",
            unlock,
            Action.MANAGE_ACCOUNTS,
            says=Operation("Let an account sign in again after failed attempts", (done(),), refusals=(400, 404)),
        ),
        Route(
            ("DELETE",),
            f"{account}/sessions",
            end_sessions,
            Action.MANAGE_ACCOUNTS,
            says=Operation(
                "Sign an account out everywhere", (gives({"ended": int}, "how many there were"),), refusals=(400, 404)
            ),
        ),
        Route(
            ("POST",),
            f"{account}/tokens",
            make_token,
            Action.MANAGE_ACCOUNTS,
            says=Operation(
                "Make a bearer token, shown this once", (gives({"token": str}, "made", 201),), refusals=(400, 404)
            ),
        ),
        Route(
            ("DELETE",),
            f"{account}/tokens",
            revoke_tokens,
            Action.MANAGE_ACCOUNTS,
            says=Operation(
                "Make every token of the account worthless",
                (gives({"revoked": int}, "how many there were"),),
                refusals=(400, 404),
            ),
        ),
    ]


def _account(account: Account) -> dict[str, Any]:
    shown: dict[str, Any] = plain(account)
    del shown["row"]
    return shown


def _peer(peer: Peer) -> dict[str, Any]:
    shown: dict[str, Any] = plain(peer)
    return shown | {"verbs": sorted(peer.verbs)}


def _activity(activity: Activity) -> dict[str, Any]:
    shown: dict[str, Any] = plain(activity)
    return shown | {"words": str(activity.ending)}


def _caller(caller: UnknownCaller) -> dict[str, Any]:
    shown: dict[str, Any] = plain(caller)
    return shown
