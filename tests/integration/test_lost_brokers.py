"""Three brokers, and the leader of a directory's topic is killed under writers again and again."""

import statistics
import time

import pytest

from crash_writers import Writers
from history import check
from processes import DEV_TOKEN, Purser
from waiting import wait_until

UNAVAILABLE_AT_MOST = 15  # seconds without an acknowledged write, or an answered read, a kill
WRITERS = 16


def listed(server):
    """{id: (userName, title)} of the whole directory."""
    found, start = {}, 1
    while True:
        page = server.scim.get(
            f"/Users?startIndex={start}&count=200&attributes=userName,title").json()
        resources = page.get("Resources", [])
        found.update({user["id"]: (user["userName"], user.get("title")) for user in resources})
        start += len(resources)
        if start > page["totalResults"] or not resources:
            return found


def directory_topic(cluster, prefix):
    topic, = (name for name in cluster.topics() if name.startswith(f"{prefix}.directory."))
    return topic


def longest_gap(operations, reads, since, until):
    """The longest time between two moments without a write, or a read, that was done."""
    ends = sorted(operation.end for operation in list(operations)
                  if (operation.kind == "get") == reads and operation.effective
                  and since <= operation.end <= until)
    moments = [since, *ends, until]
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


def count_done(operations, reads, since):
    return sum((operation.kind == "get") == reads and operation.effective
               and operation.end >= since for operation in list(operations))


def kill_leader(cluster, topic, writers):
    """Kills the topic's leader and starts it again once all goes on; for how long there was no write,
    and no read."""
    leader = cluster.topics()[topic].leader
    killed = time.monotonic()
    cluster.stop(broker=leader, kill=True)
    wait_until(lambda: cluster.topics()[topic].leader not in (leader, -1), 60, "another leader")
    led = time.monotonic()
    for reads, what in ((False, "writes"), (True, "reads")):
        wait_until(lambda reads=reads: count_done(writers.operations, reads, led) > 5 * WRITERS, 60,
                   f"{what} to go on without the leader")
    gaps = [longest_gap(writers.operations, reads, killed, time.monotonic())
            for reads in (False, True)]
    cluster.start()
    cluster.await_replicas(topic, 3)
    return gaps


@pytest.mark.parametrize("version", ["4.3.1", "3.9.2"])
def test_no_acknowledged_write_is_lost_when_leaders_are_killed(
        start, kafka_cluster, long_run, tmp_path, version):
    if version == "3.9.2" and not long_run:
        pytest.skip("leaders of 3.9.2: tests/run --long")
    cluster = kafka_cluster(version=version, brokers=3)
    server = start(Purser(tmp_path / "purser", log=cluster.log_url("leaders")))
    topic = directory_topic(cluster, "leaders")
    # Made with the cluster's defaults.
    assert {len(found.replicas) for name, found in cluster.topics().items()
            if name.startswith("leaders.")} == {3}
    writers = Writers(server.scim_base, DEV_TOKEN, count=WRITERS)
    writers.start()
    try:
        wait_until(lambda: writers.acknowledged() > 200, 30, "the first writes")
        gaps = [kill_leader(cluster, topic, writers) for _ in range(20 if long_run else 2)]
    finally:
        writers.stop()
    for what, found in zip(("write", "read"), zip(*gaps)):
        print(f"{len(gaps)} kills, no {what} for {statistics.median(found):.1f} s at the median, "
              f"{max(found):.1f} s at most")
    print(f"{writers.acknowledged()} of {len(writers.operations)} requests done")
    assert writers.unsettled == [], "a request was not answered"
    assert {operation.status for operation in writers.operations} <= {200, 201, 204, 404, 409, 503}
    # What was answered 503 may stand; what was acknowledged does, and nothing else is there.
    assert check(writers.operations, listed(server)) == []
    assert max(map(max, gaps)) < UNAVAILABLE_AT_MOST
