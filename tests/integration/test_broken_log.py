"""What befalls topics under a running node: each is named, stops its own stream, and no other."""

import json
import random
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kafka_admin import TopicAdmin
from people import make_people
from processes import DEV_TOKEN, Purser, Sandbox
from waiting import wait_until
from wire import Wire

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CONFIGURATION = Path(__file__).resolve().parents[1] / "support/broken_log.yaml"
PREFIX = "broken"
BROKEN = {"emptied": "shortened", "refilled": "replaced", "cut": "beginning_deleted",
          "deleted": "deleted", "retention": "settings", "partitioned": "settings"}
KEEPS = {"retention_ms": "-1", "retention_bytes": "-1", "cleanup_policy": "delete"}


class Installation:
    """One node with a directory for each case, its broker, and the twins of the applications."""

    def __init__(self, folder, kafka):
        self.cluster, self.kafka = kafka, TopicAdmin(kafka.address)
        self.sandbox = Sandbox(folder)
        self.node = Purser(folder, apply=[CONFIGURATION], env=self.sandbox.environment(),
                           log=kafka.log_url(PREFIX))
        self.doors, self.streams = {}, {}

    def start(self):
        self.sandbox.start()
        self.node.start()
        self.streams = {one["name"]: one["stream"] for one in self.verified()["streams"]
                        if one.get("name")}
        for name in [*BROKEN, "while-stopped", "narrow", "visited"]:
            token = self.node.cli_json("token", "mint", name, "--reason", "a test")["secret"]
            self.doors[name] = Wire(f"{self.node.base}/directories/{name}/scim/v2", token)
        self.doors["main"] = self.node.scim
        for name in self.doors:
            for number in range(5):
                assert self.create(name, f"user{number}@example.com") == 201
        return self

    def create(self, directory, name, **more):
        body = {"schemas": [USER], "userName": name, "displayName": name, **more}
        return self.doors[directory].request("POST", "/Users", body).status

    def topic(self, name):
        return f"{PREFIX}.{self.streams[name].replace('/', '.')}"

    def verified(self):
        return json.loads(self.node.cli("log", "verify", "-o", "json").stdout)

    def trouble_of(self, name):
        return [labels["reason"] for labels, value
                in self.node.metrics().get("purser_stream_stopped", ())
                if labels["stream"] == self.streams[name] and value == 1]

    def recreate(self, name, records=()):
        self.kafka.delete(self.topic(name))
        self.kafka.create(self.topic(name), **KEEPS)
        if records:
            self.kafka.produce(self.topic(name), records)

    def break_all(self):
        self.recreate("emptied")
        # As long as it was, and none of it ours; the node is to see nothing in between.
        self.node.process.send_signal(signal.SIGSTOP)
        self.recreate("refilled", [b"another's"] * 5)
        self.node.process.send_signal(signal.SIGCONT)
        self.kafka.delete_records(self.topic("cut"), 2)
        self.kafka.delete(self.topic("deleted"))
        self.kafka.set(self.topic("retention"), "retention.ms", "86400000")
        self.kafka.add_partitions(self.topic("partitioned"), 2)
        self.kafka.produce(self.topic("visited"), [b"hello", b"", b"PRS"])
        self.kafka.delete(self.topic("recnice"))

    def kill(self):
        self.node.kill()
        self.sandbox.kill()


@pytest.fixture(scope="module")
def here(binary, kafka, tmp_path_factory):
    made = Installation(tmp_path_factory.mktemp("broken"), kafka)
    try:
        yield made.start()
    finally:
        made.kill()


@pytest.fixture(scope="module")
def broken(here):
    """The same, each thing having befallen it, and each known."""
    here.break_all()
    wait_until(lambda: all(here.trouble_of(name) == [reason] for name, reason in BROKEN.items())
               and here.trouble_of("recnice"), 40,
               lambda: {name: here.trouble_of(name) for name in [*BROKEN, "recnice"]})
    return here


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_takes_no_write_and_is_read_with_its_age(broken, name):
    refused = broken.doors[name].request("POST", "/Users", {
        "schemas": [USER], "userName": "late@example.com"})
    assert refused.status == 503 and "retry-after" in refused.headers
    for query in ("", "&consistency=eventual"):
        read = broken.doors[name].get(f"/Users?count=0{query}")
        assert read.status == 200 and read.json()["totalResults"] == 5
        assert int(read.headers["age"]) >= 0


@pytest.mark.parametrize("name, reason", BROKEN.items())
def test_what_befell_it_is_named_in_the_log_and_by_log_verify(broken, name, reason):
    lines = [json.loads(line) for line in broken.node.log().splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("stream") == broken.streams[name]
            and line.get("reason") == reason]
    assert len(told) == 1 and told[0]["why"] and told[0]["remedy"], told
    verify = broken.node.cli("log", "verify", "-o", "json")
    assert verify.returncode == 1
    report, = [one for one in json.loads(verify.stdout)["streams"] if one.get("name") == name]
    assert not report.get("ok") and report["problem"] and report["remedy"]


def test_other_directories_do_not_notice(broken):
    assert broken.create("main", "unmoved@example.com") == 201
    assert broken.node.status_of("/readyz") == 200


def test_records_that_are_not_ours_are_counted_named_once_and_skipped(broken):
    assert broken.create("visited", "after@example.com") == 201
    broken.kafka.produce(broken.topic("visited"), [b"again"])
    stream = broken.streams["visited"]
    wait_until(lambda: broken.node.gauge("purser_foreign_records_total", stream=stream) == 4, 20,
               "four strange records to be counted")
    named = [line for line in broken.node.log().splitlines()
             if "not Purser's" in line and stream in line]
    assert len(named) == 1
    assert broken.create("visited", "later@example.com") == 201


def test_retention_that_is_taken_back_lets_writing_go_on(broken):
    broken.kafka.set(broken.topic("retention"), "retention.ms", "-1")
    wait_until(lambda: broken.create("retention", "again@example.com") in (201, 409), 30,
               "writing to go on")
    assert broken.trouble_of("retention") == []


def test_a_record_too_large_for_its_topic_is_refused_and_named_and_others_are_not(broken):
    topic, door = broken.topic("narrow"), broken.doors["narrow"]
    broken.kafka.set(topic, "max.message.bytes", "20000")
    large = {"schemas": [USER], "userName": "large@example.com",
             "displayName": random.Random(7).randbytes(60_000).hex()}
    names = [f"small{number}@example.com" for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        refused = pool.submit(door.request, "POST", "/Users", large)
        small = [pool.submit(broken.create, "narrow", name) for name in names]
        assert [one.result() for one in small] == [201] * 60
        assert refused.result().status == 503
    stream = broken.streams["narrow"]
    assert broken.node.gauge("purser_records_too_large_total", stream=stream) > 0
    assert [line for line in broken.node.log().splitlines()
            if "max.message.bytes" in line and stream in line]
    broken.kafka.set(topic, "max.message.bytes", None)
    wait_until(lambda: door.request("POST", "/Users", large).status in (201, 409), 20,
               "it to be taken")


def test_an_app_on_a_broken_stream_gets_no_call_and_the_others_do(broken):
    for app in ("recnice", "alexishr"):
        broken.sandbox.clear_calls(app)
    done = broken.node.cli("app", "start", "alexishr", "--reason", "its directory is broken")
    assert done.returncode == 0, done.stderr
    person = make_people(1)[0]
    assert broken.node.scim.request("POST", "/Users", {
        "schemas": [USER], "userName": person.user_name, "displayName": "Ann Example",
        "name": {"givenName": "Ann", "familyName": "Example"}, "title": "Countess",
        "preferredLanguage": "en", "active": True,
        "emails": [{"value": "ann@example.com", "type": "work", "primary": True}]}).status == 201
    wait_until(lambda: len(broken.sandbox.calls("preciate")) > 0 and
               not broken.node.gauge("purser_delivery_pending", app="preciate"), 20,
               "preciate to be called")
    assert broken.sandbox.calls("recnice") == broken.sandbox.calls("alexishr") == []
    listed = {app["name"]: app for app in broken.node.cli_json("app", "list")["apps"]}
    for app in ("recnice", "alexishr"):
        assert listed[app]["logStopped"] and listed[app]["trouble"]
    assert not listed["preciate"].get("logStopped")


def test_a_node_that_starts_on_a_broken_log_serves_what_it_can(broken):
    assert broken.node.terminate() == 0
    broken.recreate("while-stopped", [b"another's"] * 9)
    broken.kafka.set(broken.topic("retention"), "retention.ms", "86400000")
    broken.node.start()
    for door in broken.doors.values():
        door.close()
    reasons = {**BROKEN, "while-stopped": "replaced"}
    for name, reason in reasons.items():
        wait_until(lambda: broken.trouble_of(name) == [reason], 20,
                   lambda: f"{name}: {broken.trouble_of(name)}")
        assert broken.create(name, "late@example.com") == 503
        read = broken.doors[name].get("/Users?count=0")
        assert read.status == 200 and int(read.headers["age"]) >= 0
    assert broken.create("main", "restarted@example.com") == 201
    assert broken.topic("deleted") not in broken.cluster.topics()


def test_a_log_restored_to_an_earlier_point_is_recognised(start, kafka_cluster, tmp_path):
    cluster = kafka_cluster()
    node = start(Purser(tmp_path / "node", log=cluster.log_url(PREFIX)))
    assert node.scim.request("POST", "/Users", {"schemas": [USER], "userName": "a"}).status == 201
    control = node.cli_json("log", "verify")["streams"]
    directory, = [one["stream"] for one in control if one.get("name") == "main"]
    topic = f"{PREFIX}.{directory.replace('/', '.')}-0"
    kept, place = tmp_path / "kept", cluster.folder / "1/data" / topic
    cluster.stop()
    shutil.copytree(place, kept)
    cluster.start()
    wait_until(lambda: node.scim.request("POST", "/Users", {
        "schemas": [USER], "userName": "b"}).status in (201, 409), 60, "writes to go on")
    cluster.stop()
    shutil.rmtree(place)
    shutil.copytree(kept, place)
    cluster.start()
    stopped = wait_until(lambda: [labels for labels, value in node.metrics()
                                  ["purser_stream_stopped"] if value == 1], 60, node.tail)
    assert stopped == [{"stream": directory, "reason": "shortened"}]
    assert node.scim.request("POST", "/Users", {"schemas": [USER], "userName": "c"}).status == 503
    read = node.scim.get("/Users?count=0&consistency=eventual")
    assert read.json()["totalResults"] == 2 and int(read.headers["age"]) >= 0
    assert Wire(node.scim_base, DEV_TOKEN).get("/Users?count=0").status == 200
