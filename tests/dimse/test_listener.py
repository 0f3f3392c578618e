from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from pathlib import Path

import psycopg
import pytest

from pacs.access.peers import Peers
from pacs.archive.archive import Archive
from pacs.archive.spool import Buffers
from pacs.errors import NodeFailed
from pacs.model import utc_now
from pacs.settings import DimseSettings
from tests.support.dimse import (
    ABORT,
    CT,
    ECHO,
    EXPLICIT,
    RELEASE,
    RawPeer,
    associate_request,
    listener_of,
    listening,
    pdata,
    request,
    settled,
    status_of,
    wait_until,
)
from tests.support.factories import ct_slice, part10
from tests.support.modality import prepare, split_part10

LOCAL_LIMIT = (3, bytes((0, 2, 3, 2)))


def test_silent_strangers_keep_nobody_out(archive: Archive):
    with listening(archive, half_open_max=4, connections_per_address_max=100) as listener:
        strangers = [RawPeer(listener.port) for _ in range(20)]
        with RawPeer(listener.port) as peer:
            assert peer.associate()[0] == 2
            assert peer.echo() == 0
        assert strangers[0].closed(), "the oldest stranger goes first"
        assert listener.statistics()["half_open_ended"] == 17
        for stranger in strangers:
            stranger.close()
        assert settled(listener)


def test_a_crowd_from_elsewhere_does_not_push_out_the_only_one_of_an_address(archive: Archive):
    with listening(archive, half_open_max=4, connections_per_address_max=100) as listener:
        first = RawPeer(listener.port)
        crowd = [RawPeer(listener.port, source="127.0.0.9") for _ in range(20)]
        assert wait_until(lambda: listener.statistics().get("half_open_ended") == 17)
        with first:
            assert first.associate()[0] == 2
        for stranger in crowd:
            stranger.close()
        assert settled(listener)


@pytest.mark.parametrize("dripped", [b"", associate_request()])
def test_a_request_must_be_whole_in_time_however_it_drips(archive: Archive, dripped: bytes):
    with listening(archive, request_timeout_s=0.4) as listener, RawPeer(listener.port) as stranger:
        ended = threading.Event()

        def drip() -> None:
            for byte in dripped:
                if ended.wait(0.02):
                    return
                stranger.send(bytes((byte,)))

        dripping = threading.Thread(target=drip)
        started = time.monotonic()
        dripping.start()
        assert stranger.closed()
        assert time.monotonic() - started < 3
        ended.set()
        dripping.join()


def test_connections_over_the_limits_are_closed_at_once(archive: Archive):
    with listening(archive, connections_max=6, connections_per_address_max=3) as listener:
        mine = [RawPeer(listener.port) for _ in range(3)]
        with RawPeer(listener.port) as fourth:
            assert fourth.closed()
        others = [RawPeer(listener.port, source="127.0.0.9") for _ in range(3)]
        with RawPeer(listener.port, source="127.0.0.8") as seventh:
            assert seventh.closed()
        mine[0].close()
        assert wait_until(lambda: listener.statistics()["connections_open"] == 5)
        with RawPeer(listener.port) as peer:
            assert peer.associate()[0] == 2
        for peer in (*mine[1:], *others):
            peer.close()
        assert listener.statistics()["connections_refused"] == 2


def test_a_caller_whom_the_index_cannot_look_up_may_try_again_later(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object) -> None:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with listening(archive) as listener:
        with monkeypatch.context() as patched, RawPeer(listener.port) as peer:
            patched.setattr("pacs.access.peers.Peers.recognise", away)
            assert peer.associate() == LOCAL_LIMIT
        with RawPeer(listener.port) as again:
            assert again.associate()[0] == 2


@pytest.mark.parametrize(
    "settings", [{"associations_max": 2}, {"associations_per_address_max": 2}], ids=["in all", "from one address"]
)
def test_associations_over_the_limit_may_try_again_later(archive: Archive, settings: dict[str, int]):
    with listening(archive, **settings) as listener:
        first, second, third = (RawPeer(listener.port) for _ in range(3))
        assert first.associate()[0] == 2
        assert second.associate()[0] == 2
        assert third.associate() == LOCAL_LIMIT
        first.send(RELEASE)
        first.read()
        first.close()
        assert wait_until(lambda: listener.statistics()["associations_open"] == 1)
        with RawPeer(listener.port) as again:
            assert again.associate()[0] == 2
        second.close()
        third.close()


def _wake_ups() -> dict[int, int]:
    """How often the thread of each association has waited for something."""
    counts = {}
    for thread in threading.enumerate():
        if thread.name.startswith("dimse-127"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is just ending
                status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
                counts[thread.native_id or 0] = int(status.split("voluntary_ctxt_switches:")[1].split()[0])
    return counts


def _wake_ups_at_rest() -> dict[int, int]:
    """The same when every thread has gone to sleep after its answer."""
    counts: dict[int, int] = {}
    for _ in range(100):
        known, counts = counts, _wake_ups()
        if known == counts:
            break
        time.sleep(0.1)
    return counts


def test_a_hundred_idle_associations_cost_nobody_anything(archive: Archive):
    limits = {"associations_max": 200, "associations_per_address_max": 200, "connections_per_address_max": 200}
    with listening(archive, half_open_max=200, **limits) as listener:
        with contextlib.ExitStack() as peers:
            idle = [peers.enter_context(RawPeer(listener.port)) for _ in range(100)]
            assert all(peer.associate()[0] == 2 for peer in idle)
            before = _wake_ups_at_rest()
            with RawPeer(listener.port) as peer:
                peer.associate()
                for _ in range(20):
                    assert peer.echo() == 0
                time.sleep(0.3)
            woken = {thread for thread, count in _wake_ups().items() if before.get(thread, count) != count}
            assert woken == set(), "idle associations sleep until a byte comes"
            assert idle[57].echo() == 0
        assert settled(listener)


def test_an_unknown_caller_is_refused_and_listed(archive: Archive):
    peers = Peers(archive.index, utc_now)
    peers.recognise = lambda title, address: None  # type: ignore[method-assign]  # loopback knows everybody
    listener = listener_of(archive, peers, DimseSettings(port=0))
    listener.start()
    try:
        with RawPeer(listener.port) as peer:
            assert peer.associate(calling="NEW SCANNER") == (3, bytes((0, 1, 1, 3)))
        (caller,) = peers.unknown_callers()
        assert (caller.ae_title, caller.address, caller.called_ae_title) == ("NEW SCANNER", "127.0.0.1", "SURET")
        assert listener.statistics()["associations_refused"] == 1
    finally:
        listener.stop()


def test_the_called_title_is_checked_only_when_wanted(archive: Archive):
    with listening(archive, check_called_ae_title=False) as listener, RawPeer(listener.port) as peer:
        assert peer.associate(called="ANYBODY")[0] == 2


def test_draining_lets_the_running_operation_finish_and_takes_no_other(archive: Archive):
    dataset = ct_slice()
    _, raw = split_part10(part10(dataset))
    instance = prepare(CT, str(dataset.SOPInstanceUID), EXPLICIT, raw)
    archive.buffers = Buffers(0)  # what is on its way is seen in its file
    with listening(archive) as listener:
        busy, idle = RawPeer(listener.port), RawPeer(listener.port)
        busy.associate(((CT, (EXPLICIT,)),))
        idle.associate()
        busy.send(instance.pdus[:-100])
        assert wait_until(lambda: list(archive.store.incoming.iterdir()) != [])
        draining = threading.Thread(target=listener.drain, args=(20,))
        draining.start()
        assert idle.read() == (7, bytes(4)), "who asks nothing is sent away"
        with RawPeer(listener.port) as late:
            assert late.associate() == LOCAL_LIMIT
        assert draining.is_alive()
        busy.send(instance.pdus[-100:])
        assert status_of(busy.read()) == 0
        busy.send(RELEASE)
        assert busy.read() == (6, bytes(4))
        for peer in (busy, idle):
            peer.close()
        draining.join(10)
        assert not draining.is_alive()


def test_draining_does_not_wait_for_a_sender_that_never_pauses(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pacs.dimse.listener.DRAIN_BUSY_S", 0.3)
    slices = [ct_slice(number=number, count=100) for number in range(1, 101)]
    instances = [prepare(CT, str(one.SOPInstanceUID), EXPLICIT, split_part10(part10(one))[1]) for one in slices]
    taken: list[int] = []
    with listening(archive) as listener, RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        draining = threading.Thread(target=listener.drain, args=(600,))
        last: tuple[int, bytes] | None = None
        for number, instance in enumerate(itertools.cycle(instances)):
            peer.send(instance.pdus)
            last = peer.read()
            if last is None or last[0] != 4:
                break
            taken.append(status_of(last))
            if number == 3:
                draining.start()
        assert last == (7, bytes(4)), "between two messages, and not in the middle of one"
        assert set(taken) == {0}
        peer.close()
        draining.join(30)
        assert not draining.is_alive()
    stored = archive.instances(str(slices[0].StudyInstanceUID))
    assert len(stored) == min(len(taken), len(slices)), "what was answered with success is here, and no half more"


def test_draining_ends_in_time_and_aborts_the_rest(archive: Archive):
    archive.buffers = Buffers(0)
    with listening(archive) as listener, RawPeer(listener.port) as stuck:
        stuck.associate(((CT, (EXPLICIT,)),))
        stuck.send(pdata(request(1, CT, data_set=True, x1000=b"1.2\0")), pdata(bytes(1000), control=0))
        assert wait_until(lambda: list(archive.store.incoming.iterdir()) != [])
        listener.drain(0.2)
        assert stuck.read() == (7, bytes(4))
        assert settled(listener)
        assert list(archive.store.incoming.iterdir()) == []


def test_stopping_ends_everything(archive: Archive):
    with listening(archive) as listener:
        port = listener.port
        peer, stranger = RawPeer(port), RawPeer(port)
        peer.associate()
        assert wait_until(lambda: listener.statistics()["connections_open"] == 2)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dimse-")]
    assert peer.read() in (None, (7, bytes(4)))
    for connection in (peer, stranger):
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_port_in_use_is_told_in_plain_words(archive: Archive):
    with listening(archive) as listener:
        second = listener_of(archive, Peers(archive.index, utc_now), DimseSettings(port=listener.port))
        with pytest.raises(NodeFailed, match="PACS_DIMSE__PORT"):
            second.start()
        second.stop()


def test_a_flood_of_aborts_leaves_nothing(archive: Archive):
    with listening(archive) as listener:
        for _ in range(200):
            with RawPeer(listener.port) as peer:
                peer.send(associate_request(), ECHO, ABORT)
        assert settled(listener)
        statistics = listener.statistics()
        assert (statistics["half_open"], statistics["associations_open"]) == (0, 0)
