"""Three nodes take writes of one directory on three brokers, while brokers and nodes are killed,
stopped, paused and cut off: the log explains every answer, and all nodes end alike."""

import collections
import contextlib
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import time

import pytest

from aftermath import listed
from crash_writers import Writers
from history import check
from log_events import directory_events
from networks import NetworksUnavailable, Switch
from processes import ROOT, Purser, binary
from scim_clients import everyone
from waiting import wait_until

pytestmark = pytest.mark.alone

UNAVAILABLE_AT_MOST = 15  # seconds without a write, or a read, at a node that nothing befell
WRITERS, TIMEOUT = 24, 12  # a node answers a write within 10 s, with 503 if need be
ENOUGH = 20  # answers at a node after which it counts as going on
ANSWERS = {200, 201, 204, 404, 409, 412, 503, None}


@contextlib.contextmanager
def logs_kept(folder):
    """Where what runs inside fails, what nodes and brokers said remains in build/chaos: a failure of a
    long run is not soon seen again."""
    try:
        yield
    except BaseException:
        kept = ROOT / "build/chaos" / time.strftime("%Y%m%dT%H%M%S")
        for log in [*folder.glob("node*/purser.log"), *folder.glob("kafka*/*/log")]:
            to = kept / log.relative_to(folder)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(log, to)
        print(f"the logs of nodes and brokers are in {kept}")
        raise


@pytest.fixture
def switch():
    """Joins the nodes' networks to the brokers'; None where networks cannot be had."""
    try:
        made = Switch()
    except NetworksUnavailable:
        yield None
        return
    yield made
    made.close()


class Chaos:
    """Faults, one after the other, and for how long whom they stopped."""

    def __init__(self, cluster, nodes, writers, topic, seed):
        self.cluster, self.nodes, self.writers, self.topic = cluster, nodes, writers, topic
        self.dice = random.Random(seed)
        self.silent = []  # (node, from, to): when it may leave requests unanswered
        self.gaps = {"write": [], "read": []}  # at nodes that nothing befell, of each broker's fault
        self.back = []    # seconds until a node that was hit did its work again
        self.broker_faults, self.began = {}, time.monotonic()

    # What may befall a node: each returns what ends it.

    def pause(self, node):
        self.nodes[node].process.send_signal(signal.SIGSTOP)
        return lambda: self.nodes[node].process.send_signal(signal.SIGCONT)

    def kill(self, node):
        self.nodes[node].kill()
        return self.nodes[node].start

    def cut(self, node):
        self.nodes[node].network.cut()
        return self.nodes[node].network.mend

    # What may befall a broker.

    def lose_broker(self, whose, kill):
        """The broker that leads the topic, or the active controller; gives who leads without it."""
        leads = (lambda: self.cluster.topics()[self.topic].leader) if whose == "leader" \
            else self.cluster.controller
        broker = wait_until(lambda: max(leads(), 0), 30, f"a {whose}")
        name = f"{whose} {'killed' if kill else 'stopped'}"
        self.broker_faults[name] = self.broker_faults.get(name, 0) + 1
        self.cluster.stop(broker=broker, kill=kill)

    def kill_leaders(self, count):
        """One after the other, each started again at once, as a supervisor would; nothing befalls
        the nodes."""
        for _ in range(count):
            began = time.monotonic()
            self.lose_broker("leader", kill=True)
            lost = time.monotonic()
            self.cluster.start()
            self.goes_on(range(len(self.nodes)), lost)
            self.note_gaps(range(len(self.nodes)), began)
            self.cluster.await_replicas(self.topic, 3)

    def goes_on(self, nodes, since, timeout=60):
        """Waits until each of these nodes has done some writes and reads that were answered later."""
        def done():
            return all(sum(end > since for end in times[-1000:]) >= ENOUGH
                       for node in nodes for times in self.writers.moments[node])
        wait_until(done, timeout, lambda: f"nodes {nodes} to go on, {self.cluster.topics()[self.topic]}, "
                   + "; ".join(f"{sum(end > since for end in times[-1000:])} done at {node}\n"
                               + self.nodes[node].tail(5)
                               for node in nodes for times in self.writers.moments[node]))

    def round(self, node_fault, broker_fault, seconds):
        """A node is hit for some seconds, and a broker is lost meanwhile; then all is well again."""
        began, hit = time.monotonic(), self.dice.randrange(len(self.nodes))
        others = [node for node in range(len(self.nodes)) if node != hit]
        end = node_fault(self, hit)
        if broker_fault:
            self.lose_broker(*broker_fault)
        lost = time.monotonic()
        self.goes_on(others, lost)
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        self.note_gaps(others, began)
        end()
        healed = time.monotonic()
        if node_fault is not Chaos.cut:
            self.silent.append((hit, began, healed))
        self.goes_on([hit], healed)
        self.back.append(min(end for times in self.writers.moments[hit]
                             for end in times[-1000:] if end > healed) - healed)
        if broker_fault:
            self.cluster.start()
            self.cluster.await_replicas(self.topic, 3)

    def note_gaps(self, nodes, began):
        now = time.monotonic()
        for what, which in (("read", 0), ("write", 1)):
            for node in nodes:
                ends = sorted(end for end in self.writers.moments[node][which][-20000:]
                              if began <= end <= now)
                moments = [began, *ends, now]
                self.gaps[what].append(max(b - a for a, b in zip(moments, moments[1:])))

    def unexplained_silence(self):
        """Requests without an answer at a node that was neither dead nor paused."""
        return [operation for operation in self.writers.unanswered() if not any(
            operation.node == node and since - TIMEOUT < operation.start < to
            for node, since, to in self.silent)]

    def report(self):
        answers = collections.Counter(operation.status for operation in self.writers.operations)
        print(f"{time.monotonic() - self.began:.0f} s; {self.broker_faults}; "
              f"{len(self.writers.operations)} requests, by answer: {answers}")
        for what, gaps in self.gaps.items():
            print(f"no {what} at a node that nothing befell for {statistics.median(gaps):.1f} s at the "
                  f"median, {max(gaps):.1f} s at most")
        print(f"back at work {statistics.median(self.back):.1f} s (median) after it was started, woken "
              f"or joined again, {max(self.back):.1f} s at most")


def rounds(count, networks, seed):
    """What befalls whom: the first three are always the same."""
    node_faults = [Chaos.pause, Chaos.cut if networks else Chaos.kill, Chaos.kill]
    broker_faults = [("leader", True), ("controller", False), ("leader", False), ("controller", True)]
    yield from [(node_faults[0], broker_faults[0], 5), (node_faults[1], broker_faults[1], 8),
                (node_faults[2], None, 2)][:count]
    dice = random.Random(seed)
    for number in range(count - 3):
        yield (dice.choice(node_faults), broker_faults[number % 4] if number % 8 else None,
               dice.choice([1, 3, 10, 30]) * dice.random())


def digests(node):
    done = subprocess.run([binary(), "model", "digest", "--data", str(node.data)],
                          capture_output=True, text=True, check=True)
    return {line for line in done.stdout.splitlines() if line.startswith("directory-")}


def assert_alike(nodes, operations):
    """All nodes hold the same, and it is what their clients were told."""
    wait_until(lambda: len({node.gauge("purser_log_position") for node in nodes}) == 1, 30,
               "the nodes to have folded the same")
    final, *others = [listed(everyone(node.scim, "userName,title")) for node in nodes]
    assert all(other == final for other in others)
    assert [node.terminate() for node in nodes] == [0] * len(nodes)
    assert digests(nodes[0]) and len({frozenset(digests(node)) for node in nodes}) == 1
    events = directory_events(nodes[0].data)
    assert check(operations, events, final) == []


@pytest.mark.parametrize("version", ["4.3.1", "3.9.2"])
def test_three_nodes_lose_nothing_while_nodes_and_brokers_come_and_go(
        start, kafka_cluster, switch, long_run, tmp_path, version):
    if version == "3.9.2" and not long_run:
        pytest.skip("chaos on 3.9.2: tests/run --long")
    count = int(os.environ.get("PURSER_CHAOS_ROUNDS", 40 if long_run else 3))
    kills = int(os.environ.get("PURSER_CHAOS_KILLS", 5 if long_run else 0))  # after each round
    requests = int(os.environ.get("PURSER_CHAOS_REQUESTS", 1_000_000 if long_run else 10_000))
    cluster = kafka_cluster(version=version, brokers=3, host=switch.address if switch else None)
    nodes = [start(Purser(tmp_path / f"node{n}", log=cluster.log_url("chaos"),
                          network=switch.add() if switch else None)) for n in range(3)]
    topic, = (name for name in cluster.topics() if name.startswith("chaos.directory."))
    # Made with the cluster's defaults.
    assert {len(found.replicas) for name, found in cluster.topics().items()
            if name.startswith("chaos.")} == {3}
    with logs_kept(tmp_path):
        writers = Writers(nodes, count=WRITERS, timeout=TIMEOUT)
        chaos = Chaos(cluster, nodes, writers, topic, seed=7)
        writers.start()
        try:
            chaos.goes_on(range(3), 0)
            for node_fault, broker_fault, seconds in rounds(count, switch is not None, seed=7):
                chaos.round(node_fault, broker_fault, seconds)
                chaos.kill_leaders(kills)
            wait_until(lambda: len(writers.operations) >= requests, 3600, f"{requests} requests")
        finally:
            writers.stop()
            chaos.report()
        assert_alike(nodes, writers.operations)
        assert {operation.status for operation in writers.operations} <= ANSWERS
        assert chaos.unexplained_silence() == [] == writers.without_retry_after
        assert max(map(max, chaos.gaps.values())) < UNAVAILABLE_AT_MOST
        assert max(chaos.back) < UNAVAILABLE_AT_MOST


def test_a_leader_that_falls_silent_is_left(start, kafka_cluster, tmp_path):
    """A machine that lost its power, or hangs: its connections stand, and bring nothing."""
    cluster = kafka_cluster(brokers=3)
    nodes = [start(Purser(tmp_path / f"node{n}", log=cluster.log_url("silent"))) for n in range(2)]
    topic, = (name for name in cluster.topics() if name.startswith("silent.directory."))
    writers = Writers(nodes, count=8, timeout=TIMEOUT, pause=0.02)
    chaos = Chaos(cluster, nodes, writers, topic, seed=1)
    writers.start()
    try:
        chaos.goes_on(range(2), 0)
        began, leader = time.monotonic(), cluster.topics()[topic].leader
        cluster.pause(leader)
        try:
            chaos.goes_on(range(2), began + UNAVAILABLE_AT_MOST - 1)
            chaos.note_gaps(range(2), began)
        finally:
            cluster.go_on(leader)
    finally:
        writers.stop()
    assert max(map(max, chaos.gaps.values())) < UNAVAILABLE_AT_MOST, chaos.gaps


def test_a_cut_network_is_silent(switch):
    """What the cuts above rest on; without networks nodes were killed instead of cut off."""
    if switch is None:
        pytest.skip("networks that can be cut need root and iproute2")
    inside = switch.networks[0]
    with socket.create_server((switch.address, 0)) as server:
        def call(timeout):
            with inside:
                return socket.create_connection(server.getsockname(), timeout=timeout)
        call(timeout=10).close()
        inside.cut()
        with pytest.raises(TimeoutError):
            call(timeout=1)
        inside.mend()
        call(timeout=10).close()
