"""All nodes are restarted, one after another, under load: nobody notices but by a 503."""

from aftermath import assert_apps_follow, listed
from crash_writers import Writers
from history import check
from log_events import directory_events
from processes import FOUR, Purser
from scim_clients import everyone
from waiting import wait_until

ANSWERS = {200, 201, 204, 404, 409, 412, 503}


def count_calls(here):
    return {app: sum(here.sandbox.stats(app)["by_operation"].values()) for app in FOUR}


def await_progress(here, writers, what):
    """Waits until clients were answered and every app was called."""
    answered, calls = writers.acknowledged(), count_calls(here)

    def called():
        now = count_calls(here)
        return all(now[app] > calls[app] + 5 for app in FOUR)
    wait_until(lambda: writers.acknowledged() > answered + 100, 30, f"answers {what}")
    wait_until(called, 15, f"deliveries to every app {what}")


def test_nodes_are_restarted_one_after_another_under_load(world, start, kafka, tmp_path, long_run):
    log = kafka.log_url("rolling")
    here = world(log=log).start()
    nodes = [here.purser, *(start(Purser(tmp_path / f"node{n}", log=log,
                                         env=here.sandbox.environment())) for n in (1, 2))]
    writers = Writers(nodes, count=8, fights=0, pause=0.02)
    writers.start()
    try:
        await_progress(here, writers, "before any restart")
        for node in nodes * (10 if long_run else 1):
            assert node.terminate() == 0, node.tail()
            await_progress(here, writers, "while a node is stopped")
            node.start()
    finally:
        writers.stop()
    print(f"{writers.acknowledged()} of {len(writers.operations)} requests done, "
          f"{len(writers.unanswered())} not answered")
    final = everyone(nodes[0].scim)
    assert check(writers.operations, directory_events(nodes[0].data), listed(final)) == []
    assert [(str(operation), operation.lost) for operation in writers.unanswered()] == []
    assert {operation.status for operation in writers.operations} <= ANSWERS
    assert writers.without_retry_after == []
    assert_apps_follow(here, final, writers.operations)
