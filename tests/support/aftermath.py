"""What a directory that recorded writers (crash_writers.py) changed must have come to at the apps."""

from expectation import held_state
from people import Person
from processes import FOUR
from scim_clients import ADDRESS, ENTERPRISE


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
    return Person(document["id"], attributes, active=document.get("active", True),
                  id=document["id"])


def _created_by_name(world, app):
    counts = {}
    for call in world.sandbox.calls(app):
        made = call["status"] == 201 and call["operation"] == "CreateUser"
        if made:
            counts[call["name"].lower()] = counts.get(call["name"].lower(), 0) + 1
    return counts


def _times_created(operations):
    counts = {}
    for operation in operations:
        if operation.kind == "create" and (operation.effective or operation.unknown):
            counts[operation.name.lower()] = counts.get(operation.name.lower(), 0) + 1
    return counts


def assert_apps_follow(world, final, operations, timeout=180):
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
    for app in FOUR:
        assert held_state(app, world.sandbox.state(app))[2] == []
        assert world.sandbox.stats(app)["overlaps"] == 0
    for app in ("recnice", "preciate", "alexishr"):
        twice = {name: count for name, count in _created_by_name(world, app).items()
                 if count > asked.get(name, 0)}
        assert twice == {}, app
