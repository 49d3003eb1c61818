"""A node that builds its read models while others serve, and nodes whose read models are compared."""

import json
import re
import sqlite3
import threading

from processes import Purser
from waiting import wait_until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
BUILT = re.compile(r"building the read models: (\d+)%")


def person(name):
    return {"schemas": [USER], "userName": name, "displayName": name}


class Writers:
    """Creates users at each of these nodes, until it is told to stop."""

    def __init__(self, nodes):
        self.created, self.stopping = 0, threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(node, f"{index}-{one}"))
                        for index, node in enumerate(nodes) for one in range(4)]
        for thread in self.threads:
            thread.start()

    def _run(self, node, name):
        number = 0
        while not self.stopping.is_set():
            number += 1
            status = node.scim.request("POST", "/Users", person(f"w{name}-{number}@x.com")).status
            assert status in (201, 503), status
            self.created += status == 201

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def fill(node, count):
    """So many users, some thousand at a time."""
    for start in range(0, count, 1000):
        operations = [{"method": "POST", "path": "/Users", "bulkId": str(number),
                       "data": person(f"user{number}@example.com")}
                      for number in range(start, min(start + 1000, count))]
        done = node.scim.request("POST", "/Bulk", {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations})
        assert done.status == 200, done.text[:300]


def test_a_new_node_shows_how_far_it_is_and_becomes_ready_by_itself(start, kafka, tmp_path):
    log = kafka.log_url("new-node")
    old = start(Purser(tmp_path / "old", log=log))
    fill(old, 20_000)
    new = Purser(tmp_path / "new", log=log)
    new.launch(new.command(), new.env)
    try:
        shown = []

        def ready():
            assert new.running(), new.tail()
            status = new.status_of("/readyz")
            if status == 503:
                said = new.root.get("/readyz").text
                shown.extend(int(percent) for percent in BUILT.findall(said))
                listed = new.cli("model", "list", "-o", "json")
                if listed.returncode == 0 and not ready.listed:
                    ready.listed = json.loads(listed.stdout)
            return status == 200
        ready.listed = None
        wait_until(ready, 60, new.tail, interval=0.002)
        assert shown and shown == sorted(shown) and shown[0] < 100, shown
        assert new.gauge("purser_ready") == new.gauge("purser_read_models_built_ratio") == 1
        assert new.scim.get("/Users?count=0").json()["totalResults"] == 20_000
        models = new.cli_json("model", "list")["models"]
        assert all(model["position"] == model["end"] for model in models)
        compared = new.cli("model", "compare", "--with", f"127.0.0.1:{old.grpc_port}")
        assert compared.returncode == 0, compared.stdout + compared.stderr
    finally:
        new.kill()


def compare(node, other):
    done = node.cli("model", "compare", "--with", f"127.0.0.1:{other.grpc_port}", "-o", "json",
                    timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_read_models_of_live_nodes_are_compared_at_one_position(start, kafka, tmp_path):
    log = kafka.log_url("compared-nodes")
    one = start(Purser(tmp_path / "one", log=log))
    other = start(Purser(tmp_path / "other", log=log))
    fill(one, 500)
    with Writers([one, other]) as writers:
        before = writers.created
        for _ in range(3):
            status, report = compare(one, other)
            assert status == 0 and report["equal"], report
        assert writers.created > before, "nobody wrote meanwhile"
    assert other.terminate() == 0
    file, = (other.data / "read").glob("directory-*.db")
    with sqlite3.connect(file) as model:
        changed = model.execute("UPDATE resources SET version = version + 1 WHERE rowid = "
                                "(SELECT min(rowid) FROM resources)").rowcount
    assert changed == 1
    other.start()
    status, report = compare(one, other)
    assert status == 1 and not report.get("equal"), report
    differing, = [model for model in report["models"] if not model.get("equal")]
    assert differing["stream"] == f"directory/{file.stem.removeprefix('directory-')}"
    assert int(differing["position"]) > 500
    nodes = {node["node"]: node["digest"] for node in differing["nodes"]}
    assert set(nodes) == {"here", f"127.0.0.1:{other.grpc_port}"}
    assert len(set(nodes.values())) == 2
