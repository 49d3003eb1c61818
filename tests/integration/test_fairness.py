"""A node that is asked once a second, beside one that is saturated on the same directory and owns the
apps: it is not kept waiting."""

import math
import multiprocessing
import threading
import time

import pytest

from crash_writers import Writers
from processes import Purser
from scim_clients import USER
from waiting import wait_until

pytestmark = pytest.mark.alone

WORST = 1.0  # seconds at p99


def p99(times):
    return sorted(times)[math.ceil(0.99 * len(times)) - 1]


@pytest.fixture
def saturate():
    """Starts 64 writers at a node, in a process of their own, so that they keep no clock of ours
    waiting; what counts their answers."""
    context = multiprocessing.get_context("fork")
    answered, stop, started = context.Value("L", 0), context.Event(), []

    def run(node):
        writers = Writers([node], count=64)
        writers.start()
        while not stop.wait(0.1):
            answered.value = writers.acknowledged()
        writers.stop()

    def begin(node):
        started.append(context.Process(target=run, args=(node,)))
        started[0].start()
        return lambda: answered.value

    yield begin
    stop.set()
    for process in started:
        process.join(30)
        assert process.exitcode == 0


def once_a_second(seconds, number, requests):
    """{what: [how long each took]}: each of `requests` is done once a second."""
    took, due = {what: [] for what in requests}, time.monotonic()
    for second in range(seconds):
        for what, request in requests.items():
            began = time.monotonic()
            request(f"{number}-{second}")
            took[what].append(time.monotonic() - began)
        due += 1
        threading.Event().wait(max(0.0, due - time.monotonic()))
    return took


def test_a_request_a_second_is_answered_within_one_beside_a_saturated_node(
        world, start, kafka, saturate, tmp_path, long_run):
    log = kafka.log_url("beside")
    busy = world(log=log).start().purser
    quiet = start(Purser(tmp_path / "quiet", log=log, arguments=["--parts", "broker"]))
    made = {}

    def create(name):
        answer = quiet.scim.post("/Users", {"schemas": [USER], "userName": f"quiet{name}"})
        assert answer.status == 201, answer.text
        made["id"] = answer.json()["id"]

    def read(_):
        assert quiet.scim.get(f"/Users/{made['id']}").status == 200

    def command(_):
        """A record on the app's own stream, which its owner writes as fast as it delivers."""
        done = quiet.cli("app", "test", "preciate", "--no-wait")
        assert done.returncode == 0, done.stderr

    requests = {"create": create, "read": read, "command to an app": command}
    alone = once_a_second(3, "alone", requests)
    answered = saturate(busy)
    wait_until(lambda: answered() > 300, 30, "the writers")
    before, began = answered(), time.monotonic()
    took = once_a_second(600 if long_run else 60, "beside", requests)
    rate = (answered() - before) / (time.monotonic() - began)
    for what, times in took.items():
        print(f"{what}: p99 {p99(times):.3f} s, median {sorted(times)[len(times) // 2]:.3f} s, alone "
              f"{p99(alone[what]):.3f} s; {rate:.0f} requests/s done at the other node")
    assert rate > 50
    assert {what: p99(times) for what, times in took.items() if p99(times) >= WORST} == {}
