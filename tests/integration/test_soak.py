"""Half of what the installation can do, for an hour, with five applications that misbehave: memory,
descriptors and threads stay as they are, and nothing is lost.

The population stays: who is deleted is created again under the same name, as often. What grows is the
log, and what the read models know of each of its records, on disk; the page caches over these are
kept small here, so that they are full before anything is measured.
"""

import collections
import itertools
import os
import sqlite3
import time

import pytest

from aftermath import Creations, assert_apps_follow, listed
from crash_writers import Writers
from faults import REFERENCE_FAULTS, sandbox_faults
from footprint import assert_journals_small, file_sizes, growth_an_hour, sample
from history import check
from log_events import directory_events
from processes import FOUR
from scim_clients import everyone
from waiting import wait_until

pytestmark = pytest.mark.alone

EVERY = 5  # seconds between two samples
OUTAGE = 20  # seconds that an app is down, of each PERIOD
PERIOD = 120
CACHE_MIB = 4  # of each file
NAMES = 6  # of each of the 64 clients
GROWTH = 0.01  # of memory, an hour
# Of descriptors, which come and go with the faults: an hour, and at most.
DESCRIPTOR_GROWTH, MORE_DESCRIPTORS = 0.05, 0.1
# Time-outs as well, of reads: a write that is given up would overlap the one that mends it.
FAULTS = [*sandbox_faults(),
          {"match": {"method": "GET"}, "fault": {"kind": "stall"}, "probability": 0.001, "seed": 115},
          {"fault": {"kind": "late_effect", "delay_ms": 2000, "hold_ms": 4000},
           "probability": 0.001, "seed": 116}]


class Soak:
    """An installation under load, watched."""

    def __init__(self, here):
        self.here = here
        self.writers = Writers([here.purser], renames=False, names=NAMES)
        self.creations = Creations(here)
        self.samples, self.down = [], None

    def trouble(self, app):
        if app == "reference":
            self.here.reference.set_faults(**REFERENCE_FAULTS)
        else:
            self.here.sandbox.set_faults(app, FAULTS)

    def keep_to(self, wanted, rate):
        """Lets the clients think for as long between requests as `wanted` a second takes."""
        late = self.writers.count / wanted - self.writers.count / max(rate, 1)
        self.writers.pause = max(0.0, self.writers.pause + late)

    def disturb(self, moment, outages):
        """One app after the other is down at the end of each period; `moment` is one of it."""
        if self.down is None and outages and moment > PERIOD - OUTAGE:
            self.down = next(outages)
            self.here.take_down(self.down)
        elif self.down and moment <= PERIOD - OUTAGE:
            self.trouble(self.down)
            self.down = None

    def watch(self, seconds, wanted=None, outages=None):
        """Samples for so long; how many requests were answered a second. `wanted`: how many are to
        be, None: as many as there can."""
        before = done = len(self.writers.operations)
        began = then = time.monotonic()
        while then < began + seconds:
            self.samples.append(sample(self.here.purser.process.pid))
            self.creations.read()
            self.disturb((then - began) % PERIOD, outages)
            time.sleep(max(0.0, min(then + EVERY, began + seconds) - time.monotonic()))
            now, answered = time.monotonic(), len(self.writers.operations)
            if wanted:
                self.keep_to(wanted, (answered - done) / (now - then))
            done, then = answered, now
        self.disturb(0, None)
        return (done - before) / (then - began)

    def calls(self):
        return {app: sum(self.here.sandbox.stats(app)["by_operation"].values()) for app in FOUR}


def caches_full(data):
    """Whether each read model is larger than what is kept of its pages."""
    def size(file):
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return database.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
        finally:
            database.close()
    return all(size(file) > CACHE_MIB << 20 for file in (data / "read").glob("*.db"))


def report(soak, top, rate, minutes, sizes):
    answers = collections.Counter(operation.status for operation in soak.writers.operations)
    print(f"{minutes:.1f} min at {rate:.0f} requests/s, {top:.0f} at the top; by answer: {answers}; "
          f"calls: {soak.calls()}")
    first, last = soak.samples[0], soak.samples[-1]
    for what in ("memory", "descriptors", "threads"):
        values = [getattr(one, what) for one in soak.samples]
        print(f"{what}: {getattr(first, what)} first, {getattr(last, what)} last, {min(values)} to "
              f"{max(values)}, {growth_an_hour(soak.samples, what):+.2%} an hour")
    print("MB on disk: " + ", ".join(f"{name} {size >> 20}" for name, size in sizes.items()
                                     if size >> 20))


def assert_flat(warm, samples, long_run):
    """That the process takes no more than it did once it was warm."""
    assert max(one.threads for one in samples) <= max(one.threads for one in warm)
    most = max(one.descriptors for one in warm)
    assert max(one.descriptors for one in samples) <= most * (1 + MORE_DESCRIPTORS)
    if long_run:
        assert growth_an_hour(samples, "memory") < GROWTH
        assert growth_an_hour(samples, "descriptors") < DESCRIPTOR_GROWTH


def test_an_hour_at_half_the_top_rate_leaves_memory_as_it_was(world, log_address, long_run):
    if log_address and not long_run:
        pytest.skip("the soak on Kafka: tests/run --long")
    minutes = float(os.environ.get("PURSER_SOAK_MINUTES", 60 if long_run else 0.5))
    here = world(reference=True, log=log_address, arguments=["--page-cache-mib", str(CACHE_MIB)])
    here.start_apps()
    soak = Soak(here)
    for app in here.apps:
        soak.trouble(app)
    here.purser.start()
    soak.writers.start()
    wait_until(lambda: soak.writers.acknowledged() > 2000, 60, "the directory to be filled")
    # Installations mostly run as this one does from here on: on read models that they found.
    soak.writers.stop()
    assert here.purser.terminate() == 0
    here.purser.start()
    soak.writers.start()
    # A sixth of the time at the top rate, which fills what is kept for speed, or as long as that takes.
    top = soak.watch(minutes * 60 / 6)
    if long_run:
        wait_until(lambda: soak.watch(EVERY) and caches_full(here.purser.data), 3600, "full caches")
    warm, soak.samples = soak.samples, []
    outages = itertools.cycle(here.apps) if minutes * 60 > 2 * PERIOD else None
    rate = soak.watch(minutes * 60 * 5 / 6, top / 2, outages)
    soak.writers.stop()
    assert_journals_small(here.purser.data)
    report(soak, top, rate, minutes, file_sizes(here.purser.data))

    for app in here.apps:
        here.bring_back(app)
    final = everyone(here.purser.scim)
    assert check(soak.writers.operations, directory_events(here.purser.data), listed(final)) == []
    assert soak.writers.unanswered() == [] == soak.writers.without_retry_after
    assert_apps_follow(here, final, soak.writers.operations, creations=soak.creations)
    verified = here.purser.cli("log", "verify", timeout=600)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert_flat(warm, soak.samples, long_run)
    if long_run:  # Else it was no soak; half a minute beside other work tells nothing of a pace.
        assert rate > top / 4
