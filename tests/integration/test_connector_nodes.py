"""Several nodes deliver through one Kafka log: they share the apps, and take each other's place."""

import os
import re
import threading
import time

import pytest

from expectation import held_state
from people import make_people
from processes import FOUR, Purser
from waiting import wait_until
from worlds import run_all

pytestmark = pytest.mark.alone

TITLE = re.compile(r"Title v(\d+)")


def node_id(node):
    return (node.data / "node-id").read_text().strip()


def owners(node):
    """{"recnice": the id of the node that owns it}; an app without an owner is left out."""
    return {app["name"]: app["owner"] for app in node.cli_json("app", "list")["apps"]
            if app.get("owner")}


def wait_owned(asked, nodes, timeout=30):
    """Waits until these nodes, and no others, own all apps; who owns what."""
    ids = {node_id(node) for node in nodes}

    def owned():
        found = owners(asked)
        return found if set(found) == set(FOUR) and set(found.values()) <= ids else None
    return wait_until(owned, timeout, lambda: f"{owners(asked)} among {ids}")


def connectors(folder, here, log):
    return Purser(folder, log=log, env=here.sandbox.environment(),
                  arguments=["--parts", "connectors"])


def assert_each_made_once(here):
    for app in FOUR:
        assert held_state(app, here.sandbox.state(app))[2] == []
        assert here.sandbox.stats(app)["overlaps"] == 0
    for app in ("recnice", "preciate", "alexishr"):
        made = [call["name"].lower() for call in here.sandbox.calls(app)
                if call["status"] == 201 and call["operation"] == "CreateUser"]
        assert len(made) == len(set(made)), app


def assert_no_older_title(here, app):
    """Of each account no title was sent that is older than one sent before."""
    newest = {}
    for call in here.sandbox.calls(app, bodies=True):
        found = TITLE.findall(str(call.get("body", "")))
        if call["method"] not in ("PATCH", "PUT") or not found:
            continue
        version = int(found[-1])
        assert version >= newest.get(call["path"], 0), f"{app}: {call}"
        newest[call["path"]] = version
    assert newest, "nobody's title was changed"


class Titles:
    """Changes everybody's title, round after round, until it is stopped."""

    def __init__(self, here, people):
        self.here, self.people = here, people
        self.rounds = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.failed = None
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping.is_set():
                self.rounds += 1
                run_all([lambda p=p: self.here.entra.update_user(p, title=f"Title v{self.rounds}")
                         for p in self.people], 8)
        except BaseException as failed:  # shown by stop(), in the test's own thread
            self.failed = failed

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.failed:
            raise self.failed


def grown_ups(count):
    """People without a manager, who are active."""
    people = [p for p in make_people(count) if not p.manager]
    for person in people:
        person.active = person.was_active = True
    return people


def kill_owner_under_load(here, nodes, before, newcomer):
    """Kills who owns preciate, and brings it back once others deliver; for how long nobody did."""
    victim = next(node for node in nodes if node_id(node) == before["preciate"])
    killed = time.monotonic()
    victim.kill()
    here.entra.create_user(newcomer)
    name = newcomer.user_name.lower()
    wait_until(lambda: name in held_state("preciate", here.sandbox.state("preciate"))[0],
               killed + 15 - time.monotonic(), "another node to deliver")
    took = time.monotonic() - killed
    after = wait_owned(here.purser, [node for node in nodes if node is not victim])
    kept = {app: owner for app, owner in before.items() if owner != node_id(victim)}
    assert {app: after[app] for app in kept} == kept, "its apps alone move"
    victim.start()
    wait_until(lambda: owners(here.purser) == before, 30,
               lambda: f"its apps to come back: {before}, not {owners(here.purser)}")
    return took


def test_three_nodes_share_the_apps_and_one_that_is_killed_is_replaced_within_15_seconds(
        world, start, kafka, tmp_path, long_run):
    cycles = int(os.environ.get("PURSER_TAKE_OVERS", 200 if long_run else 5))
    log = kafka.log_url("connector-nodes")
    here = world(log=log, arguments=["--parts", "broker"]).start()
    people = grown_ups(60 + 2 * cycles)
    people, newcomers = people[:-cycles], people[-cycles:]
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    assert owners(here.purser) == {}, "a front door delivers nothing"
    assert here.sandbox.calls("preciate") == []

    nodes = [start(connectors(tmp_path / f"node{n}", here, log)) for n in range(3)]
    wait_until(lambda: all(node.gauge("purser_live_nodes") == 3 for node in nodes), 20,
               "the nodes to know each other")
    before = wait_owned(here.purser, nodes)
    assert nodes[0].scim.get("/Users").status == 503, "it has no front door"
    assert owners(nodes[1]) == before, "every node answers"
    told = nodes[1].cli_json("upgrade", "status")["nodes"]
    assert {one["id"] for one in told} == {node_id(node) for node in nodes}
    assert {one["version"] for one in told} == {told[0]["version"]} != {""}
    refused = here.purser.cli("upgrade", "finalize", "--reason", "from a node that hears nobody")
    assert refused.returncode == 4 and "--parts broker" in refused.stderr
    here.wait_equal(timeout=60)

    load = Titles(here, people)
    try:
        wait_until(lambda: load.rounds >= 3, 60, "some load")
        took = [kill_owner_under_load(here, nodes, before, newcomer) for newcomer in newcomers]
    finally:
        load.stop()
    print(f"{cycles} take-overs, nobody delivered for {sorted(took)[cycles // 2]:.1f} s (median), "
          f"{max(took):.1f} s at most; {load.rounds} rounds of {len(people)} titles")
    here.wait_equal(timeout=180)
    assert_each_made_once(here)
    assert_no_older_title(here, "preciate")


def test_a_node_that_stops_hands_over_at_once_and_takes_its_apps_back(
        world, start, kafka, tmp_path):
    log = kafka.log_url("stopped-node")
    here = world(log=log).start()
    other = start(Purser(tmp_path / "other", log=log, env=here.sandbox.environment()))
    # The hash may give all four to one node; then that one is stopped.
    wait_until(lambda: other.gauge("purser_live_nodes") == 2, 20, "the nodes to know each other")
    wait_until(lambda: here.purser.gauge("purser_live_nodes") == 2, 20, "and the other way round")
    before = wait_owned(here.purser, [here.purser, other])
    stays, stops = here.purser, other
    if node_id(other) not in before.values():
        stays, stops = other, here.purser
    people = grown_ups(40)
    here.entra.wire = here.entra_flag.wire = stays.scim
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    assert stops.terminate() == 0
    wait_owned(stays, [stays], timeout=3)
    here.wait_equal(timeout=60)
    stops.start()

    def back():
        return owners(stays) == before
    wait_until(back, 20, lambda: f"{before}, not {owners(stays)}")
    run_all([lambda p=p: here.entra.update_user(p, title="Title v9") for p in people])
    here.wait_equal(timeout=60)
    assert_each_made_once(here)


def test_parts_are_refused_on_the_embedded_log(binary, tmp_path):
    for part in ("broker", "connectors"):
        status, output = Purser(tmp_path / part, arguments=["--parts", part]).run_to_end()
        assert status == 2 and "--parts" in output and "kafka://" in output, output
    status, output = Purser(tmp_path / "none", log="kafka://127.0.0.1:9",
                            arguments=["--parts", "everything"]).run_to_end()
    assert status == 2 and "--parts" in output, output
