"""`purser snapshot`: the stores of a running node copied, and another node started on them."""

import subprocess
import threading

from processes import Purser, binary
from scim_clients import USER
from waiting import wait_until
from wire import NoAnswer


def create(purser, name):
    return purser.scim.post("/Users", {"schemas": [USER], "userName": name})


def snapshot(purser, to):
    return subprocess.run([binary(), "snapshot", "--data", purser.data, "--to", to],
                          capture_output=True, text=True, timeout=120)


def names(purser):
    found = set()
    while True:
        page = purser.scim.get(f"/Users?count=1000&startIndex={len(found) + 1}").json()
        found |= {one["userName"] for one in page.get("Resources", [])}
        if len(found) >= page["totalResults"]:
            return found


def test_a_copy_made_under_writers_is_whole_and_serves(start, tmp_path, log_address):
    purser = start(Purser(tmp_path / "one", log=log_address))
    made, ended = [], threading.Event()

    def write(worker):
        for n in range(100_000):
            if ended.is_set():
                return
            try:
                if create(purser, f"u{worker}-{n}@example.com").status == 201:
                    made.append(f"u{worker}-{n}@example.com")
            except NoAnswer:
                return

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: len(made) >= 300, 60, purser.tail)
    before = set(made)
    copied = snapshot(purser, tmp_path / "two" / "data")
    ended.set()
    for writer in writers:
        writer.join()
    assert copied.returncode == 0, copied.stderr
    [line] = [line for line in copied.stdout.splitlines() if line.startswith("directory-")]
    assert int(line.split()[1]) >= 300, "the read model came along, and says where it is"
    assert {path.name for path in (tmp_path / "two/data").iterdir()} & {
        "node-id", "lock", "dev-token", "exchanges.db"} == set()

    other = start(Purser(tmp_path / "two", log=log_address))
    held = names(other)
    # On Kafka the node goes on from the copy to the log's end; alone, it has what was copied.
    assert before <= held if log_address is None else set(made) == held
    assert other.cli("log", "verify").returncode == 0
    assert create(other, "after@example.com").status == 201
    for node in (purser, other):
        node.terminate()
    if log_address is None:
        verified = subprocess.run([binary(), "model", "digest", "--data", other.data],
                                  capture_output=True, text=True)
        subprocess.run([binary(), "model", "rebuild", "--data", other.data], check=True)
        other.start()
        other.terminate()
        again = subprocess.run([binary(), "model", "digest", "--data", other.data],
                               capture_output=True, text=True)
        assert verified.stdout == again.stdout


def test_where_kafka_is_lost_the_records_of_a_node_are_served_without_it(start, kafka, tmp_path):
    purser = start(Purser(tmp_path / "one", log=kafka.log_url("lost-for-good")))
    assert [create(purser, name).status for name in ("anna", "bob")] == [201, 201]
    assert purser.terminate() == 0
    alone = tmp_path / "alone/data"
    alone.parent.mkdir()
    assert snapshot(purser, alone).returncode == 0
    (alone / "kafka.db").rename(alone / "log.db")
    verified = subprocess.run([binary(), "log", "verify", "--data", alone], capture_output=True)
    assert verified.returncode == 0, verified.stdout
    other = start(Purser(tmp_path / "alone"))
    assert names(other) == {"anna", "bob"}
    assert create(other, "anna").status == 409
    assert create(other, "carol").status == 201
    assert "damaged" not in other.log()


def test_a_snapshot_that_cannot_be_made_leaves_nothing(start, tmp_path):
    purser = start(Purser(tmp_path / "one"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("")
    refused = snapshot(purser, tmp_path / "full")
    assert refused.returncode == 4 and "not empty" in refused.stderr
    none = subprocess.run([binary(), "snapshot", "--data", tmp_path / "nowhere",
                           "--to", tmp_path / "copy"], capture_output=True, text=True)
    assert none.returncode == 3 and "holds no log" in none.stderr
    assert not list(tmp_path.glob("copy*"))
