"""Two nodes write one directory through one Kafka log: the log decides, both come to the same."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

from processes import Purser, binary
from waiting import wait_until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def create(node, name):
    """The statuses until one was final: a 503 says that the create may or may not stand."""
    body = {"schemas": [USER], "userName": name, "displayName": name}
    statuses = []
    while not statuses or statuses[-1] == 503:
        statuses.append(node.scim.request("POST", "/Users", body).status)
    return statuses


def digests(node):
    done = subprocess.run([binary(), "model", "digest", "--data", str(node.data)],
                          capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {file: (position, digest) for file, position, digest in lines
            if file.startswith("directory-")}


def test_two_nodes_take_writes_of_one_directory_and_end_with_equal_read_models(
        start, kafka, tmp_path):
    log = kafka.log_url("two-nodes")
    one = start(Purser(tmp_path / "one", log=log))
    other = start(Purser(tmp_path / "other", log=log))
    names = [f"user{n}@example.com" for n in range(150)]
    with ThreadPoolExecutor(16) as pool:
        at_one = [pool.submit(create, one, name) for name in names]
        at_other = [pool.submit(create, other, name.upper()) for name in names]
        statuses = [(a.result(), b.result()) for a, b in zip(at_one, at_other)]
    for name, (a, b) in zip(names, statuses):
        # Of two creates of one name exactly one stands, and the other is refused on the state that
        # holds it; where a 503 came first, that one may have stood.
        allowed = ([201, 409], [409, 409]) if 503 in a + b else ([201, 409],)
        assert sorted([a[-1], b[-1]]) in allowed, f"{name}: {a} {b}"
    for node in (one, other):
        # A read at any node shows what was acknowledged at the other.
        assert node.scim.get("/Users?count=0").json()["totalResults"] == len(names)
    wait_until(lambda: one.gauge("purser_log_position") == other.gauge("purser_log_position"), 20,
               "both nodes to have folded the same")
    assert one.terminate() == 0 and other.terminate() == 0
    assert digests(one) == digests(other) != {}
