"""kill -9 under 64 writers and running deliveries: no acknowledged write is lost, no refusal lies, no
account is made twice, and every app ends equal."""

import random
import time

from crash_writers import Writers
from expectation import held_state
from history import check
from people import Person
from processes import FOUR
from scim_clients import ADDRESS, ENTERPRISE
from waiting import wait_until


def everyone(scim):
    """Every user of the directory, page by page."""
    found, start = [], 1
    while True:
        answer = scim.get(f"/Users?startIndex={start}&count=100")
        assert answer.status == 200, answer.text
        page = answer.json()
        found += page.get("Resources", [])
        start += page["itemsPerPage"]
        if start > page["totalResults"] or not page["itemsPerPage"]:
            return found


def person_of(document):
    """A SCIM user in this test's words."""
    attributes = {name: document[name] for name in
                  ("userName", "externalId", "displayName", "title", "preferredLanguage")
                  if name in document}
    attributes.update(document["name"])
    attributes.pop("formatted", None)
    attributes["email"] = document["emails"][0]["value"]
    attributes["phone"] = document["phoneNumbers"][0]["value"]
    address = document["addresses"][0]
    attributes.update({ours: address[scim] for ours, scim in ADDRESS.items() if scim in address})
    attributes.update({name: value for name, value in document[ENTERPRISE].items()})
    return Person(document["id"], attributes, active=document.get("active", True),
                  id=document["id"])


def run_cycles(here, writers, cycles, seed):
    dice = random.Random(seed)
    for _ in range(cycles):
        writers.start()
        before = writers.acknowledged()
        wait_until(lambda: writers.acknowledged() >= before + 200, 60, "200 more writes")
        time.sleep(dice.uniform(0, 0.5))  # so that the kill meets any moment
        here.purser.kill()
        writers.stop()
        here.purser.start(timeout=120)
        writers.restarted()


def created_by_name(world, app):
    counts = {}
    for call in world.sandbox.calls(app):
        made = call["status"] == 201 and call["operation"] == "CreateUser"
        if made:
            counts[call["name"].lower()] = counts.get(call["name"].lower(), 0) + 1
    return counts


def times_created(operations):
    counts = {}
    for operation in operations:
        if operation.kind == "create" and (operation.effective or operation.unknown):
            counts[operation.name.lower()] = counts.get(operation.name.lower(), 0) + 1
    return counts


def test_nothing_is_lost_by_kill_9_under_64_writers(world, log_address, long_run):
    cycles = 50 if long_run else 5 if log_address is None else 3
    here = world(log=log_address).start()
    writers = Writers(here.purser.scim_base, here.purser.scim.token)
    run_cycles(here, writers, cycles, seed=20)
    final = everyone(here.purser.scim)
    assert check(writers.operations, {user["id"]: (user["userName"], user.get("title"))
                                      for user in final}) == []
    assert writers.acknowledged() >= 200 * cycles

    here.directory.people = {user["id"]: person_of(user) for user in final}
    # Whoever was created by a request without an answer, or has gone, may have left an account in
    # Replicon, where nobody is deleted.
    for operation in writers.operations:
        if operation.kind == "create":
            gone = Person(f"gone {operation.name}", {"userName": operation.name}, id="gone",
                          deleted=True)
            here.directory.people.setdefault(gone.key, gone)
    here.wait_equal(timeout=180)
    asked = times_created(writers.operations)
    for app in FOUR:
        assert held_state(app, here.sandbox.state(app))[2] == []
        assert here.sandbox.stats(app)["overlaps"] == 0
    for app in ("recnice", "preciate", "alexishr"):
        twice = {name: count for name, count in created_by_name(here, app).items()
                 if count > asked.get(name, 0)}
        assert twice == {}, app
    verified = here.purser.cli("log", "verify", timeout=120)
    assert verified.returncode == 0, verified.stdout + verified.stderr
