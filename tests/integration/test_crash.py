"""kill -9 under 64 writers and running deliveries: no acknowledged write is lost, no refusal lies, no
account is made twice, and every app ends equal."""

import random
import time

import pytest

from aftermath import assert_apps_follow, listed
from crash_writers import Writers
from history import check
from log_events import directory_events
from scim_clients import everyone
from waiting import wait_until


pytestmark = pytest.mark.alone

def run_cycles(here, writers, cycles, seed):
    dice = random.Random(seed)
    writers.start()
    for _ in range(cycles):
        before = writers.acknowledged()
        wait_until(lambda: writers.acknowledged() >= before + 200, 60, "200 more writes")
        time.sleep(dice.uniform(0, 0.5))  # so that the kill meets any moment
        here.purser.kill()
        here.purser.start(timeout=120)
    writers.stop()


def test_nothing_is_lost_by_kill_9_under_64_writers(world, log_address, long_run):
    cycles = 50 if long_run else 5 if log_address is None else 3
    here = world(log=log_address).start()
    writers = Writers([here.purser], renames=False)
    run_cycles(here, writers, cycles, seed=20)
    final = everyone(here.purser.scim)
    events = directory_events(here.purser.data)
    assert check(writers.operations, events, listed(final)) == []
    assert writers.acknowledged() >= 200 * cycles
    assert_apps_follow(here, final, writers.operations)
    verified = here.purser.cli("log", "verify", timeout=120)
    assert verified.returncode == 0, verified.stdout + verified.stderr
