"""kill -9 under 64 writers and running deliveries: no acknowledged write is lost, no refusal lies, no
account is made twice, every app ends equal, and the process is soon ready again."""

import math
import os
import random
import statistics
import time

import pytest

from aftermath import Creations, assert_apps_follow, listed
from crash_writers import Writers
from footprint import assert_journals_small, processor_time
from history import check
from log_events import directory_events
from people import make_person
from scim_clients import create_in_bulk, everyone
from waiting import wait_until


pytestmark = pytest.mark.alone

SETTLED = 10_000  # users who are inactive, so without accounts, and whom no writer touches
SHORT = 60  # seconds after which the short version has had enough cycles
READY_AT_MOST = 1.0  # seconds from the start of the process, with so many users


def run_cycles(here, writers, creations, cycles, until):
    """How long each start took until the process was ready, and of the processor. Past `until` no
    cycle is begun, but for the first few."""
    dice, took, processor = random.Random(20), [], []
    writers.start()
    while len(took) < cycles and (len(took) < 3 or time.monotonic() < until):
        before = writers.acknowledged()
        wait_until(lambda: writers.acknowledged() >= before + 200, 60, "200 more writes")
        time.sleep(dice.uniform(0, 0.5))  # so that the kill meets any moment
        here.purser.kill()
        creations.read()
        began = time.monotonic()
        here.purser.start(timeout=120)
        took.append(time.monotonic() - began)
        processor.append(processor_time(here.purser.process.pid))
    writers.stop()
    return took, processor


def cycles_to_run(log_address, long_run):
    asked = os.environ.get("PURSER_CRASH_CYCLES")
    if asked:
        return int(asked)
    if log_address:
        return 50 if long_run else 3
    return 1000 if long_run else 50


def test_nothing_is_lost_by_kill_9_under_64_writers(world, log_address, long_run):
    cycles = cycles_to_run(log_address, long_run)
    here = world(log=log_address).start()
    create_in_bulk(here.purser.scim,
                   [make_person(n, "settled", active=False) for n in range(SETTLED)])
    settled = {user["id"] for user in everyone(here.purser.scim, "userName")}
    assert len(settled) == SETTLED
    writers, creations = Writers([here.purser], renames=False), Creations(here)
    enough = math.inf if long_run else time.monotonic() + SHORT
    took, processor = run_cycles(here, writers, creations, cycles, enough)
    print(f"{len(took)} cycles, {len(writers.operations)} requests; ready again within "
          f"{statistics.median(took):.2f} s (median), {max(took):.2f} s at most, of the processor "
          f"{statistics.median(processor):.2f} s, {max(processor):.2f} s at most")
    assert_journals_small(here.purser.data)
    final = everyone(here.purser.scim)
    events = [event for event in directory_events(here.purser.data) if event.id not in settled]
    shown = {key: user for key, user in listed(final).items() if key not in settled}
    assert check(writers.operations, events, shown) == []
    assert writers.acknowledged() >= 200 * len(took)
    assert_apps_follow(here, final, writers.operations, timeout=600, creations=creations)
    verified = here.purser.cli("log", "verify", timeout=120)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    if long_run and log_address is None:
        assert max(took) < READY_AT_MOST
