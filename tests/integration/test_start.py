"""A start whose brokers are away, or answer late: it waits for them, says so, and can be stopped."""

import os
import signal
import threading
import time

from processes import Purser
from waiting import wait_until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
WAITING = '"waiting for the log"'


class Stutter:
    """A program that runs for some tenths of a second, and stands still for longer."""

    def __init__(self, pid, runs, stands):
        self.pid, self.runs, self.stands = pid, runs, stands
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ending.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            self.ending.wait(self.stands)
            os.kill(self.pid, signal.SIGCONT)
            self.ending.wait(self.runs)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


def create(server, name):
    return server.scim.post("/Users", {"schemas": [USER], "userName": name}).status


def test_a_start_waits_for_brokers_that_are_away(start, kafka_cluster, tmp_path):
    cluster = kafka_cluster()
    server = Purser(tmp_path / "purser", log=cluster.log_url("away"))
    start(server)
    assert create(server, "ada@example.com") == 201
    assert server.terminate() == 0
    cluster.stop()
    server.launch(server.command(), server.env)
    wait_until(lambda: WAITING in server.log(), 30, lambda: f"it to say so: {server.tail()}")
    assert server.running() and server.status_of("/readyz") != 200
    cluster.start()
    server.wait_ready()
    assert create(server, "ada@example.com") == 409
    assert create(server, "bob@example.com") == 201


def test_a_start_that_waits_for_brokers_ends_when_it_is_told_to(start, kafka_cluster, tmp_path):
    cluster = kafka_cluster()
    cluster.stop()
    server = Purser(tmp_path / "purser", log=cluster.log_url("away"))
    server.launch(server.command(), server.env)
    try:
        wait_until(lambda: "this node" in server.log(), 30, lambda: f"it to run: {server.tail()}")
        asked = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - asked < 15
        assert "stopped before it was ready" in server.log()
    finally:
        server.kill()


def test_a_start_on_a_broker_that_answers_late_becomes_ready(start, kafka_cluster, tmp_path):
    cluster = kafka_cluster()
    server = start(Purser(tmp_path / "purser", log=cluster.log_url("late")))
    assert create(server, "ada@example.com") == 201
    assert server.terminate() == 0
    # A question for a stream's end is given up after 1 s.
    with Stutter(int((cluster.folder / "1/pid").read_text()), runs=0.4, stands=1.6):
        server.launch(server.command(), server.env)
        server.wait_ready(120)
    assert create(server, "ada@example.com") == 409
