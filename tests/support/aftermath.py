"""What a directory that recorded writers (crash_writers.py) changed must have come to at the apps."""

from collections import Counter

from expectation import held_state
from people import Person
from processes import FOUR
from scim_clients import ADDRESS, ENTERPRISE
from waiting import wait_until

CREATING = ("recnice", "preciate", "alexishr")  # those whose log of calls names who was created


def listed(final):
    """{id: (userName, title)} of SCIM users, as the history checker takes it."""
    return {user["id"]: (user["userName"], user.get("title")) for user in final}


def _person_of(document):
    """A SCIM user in the tests' words."""
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
    active = document.get("active", True)  # nobody is activated later
    return Person(document["id"], attributes, active=active, was_active=active, id=document["id"])


class Creations:
    """How often an account of each name was made, by app. Of long runs it is read now and then: the
    sandbox remembers no more than 200,000 calls."""

    def __init__(self, world):
        self.world = world
        self.by_app = {app: Counter() for app in CREATING}
        self._read = dict.fromkeys(CREATING, 0)  # the number of the last call

    def read(self):
        """False where a call is still under way that may make an account: the rest is read later."""
        return all([self._read_app(app) for app in CREATING])

    def _read_app(self, app):
        for call in self.world.sandbox.calls(app, since=self._read[app]):
            creates = call["operation"] == "CreateUser"
            if creates and call["under_way"]:
                return False
            self._read[app] = call["n"]
            if creates and call["status"] == 201:
                self.by_app[app][call["name"].lower()] += 1
        return True


def _times_created(operations):
    counts = {}
    for operation in operations:
        if operation.kind == "create" and (operation.effective or operation.unknown):
            counts[operation.name.lower()] = counts.get(operation.name.lower(), 0) + 1
    return counts


def assert_apps_follow(world, final, operations, timeout=180, creations=None):
    """Waits until each app holds `final`, the directory's users; no account was made twice."""
    world.directory.people = {user["id"]: _person_of(user) for user in final}
    # Whoever was created by a request without an answer, or has gone, may have left an account in
    # Replicon, where nobody is deleted.
    for operation in operations:
        if operation.kind == "create":
            gone = Person(f"gone {operation.name}", {"userName": operation.name}, id="gone",
                          deleted=True)
            world.directory.people.setdefault(gone.key, gone)
    world.wait_equal(timeout=timeout)
    asked = _times_created(operations)
    for app in world.apps:
        assert held_state(app, world.state(app))[2] == []
    for app in FOUR:
        assert world.sandbox.stats(app)["overlaps"] == 0
    creations = creations or Creations(world)
    wait_until(creations.read, 60, "the last calls to end")
    for app, counts in creations.by_app.items():
        twice = {name: count for name, count in counts.items() if count > asked.get(name, 0)}
        assert twice == {}, app
