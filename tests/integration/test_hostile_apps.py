"""Apps that answer what is not the protocol's: never taken for success, and never believed."""

import pytest

from people import make_people
from waiting import wait_until

OTHERS = ("preciate", "alexishr", "replicon")


def asked(world, app, operation):
    """How many calls of that operation the app has seen."""
    return sum(call["operation"] == operation for call in world.sandbox.calls(app))


@pytest.mark.parametrize("fault", [
    {"kind": "html"}, {"kind": "redirect"}, {"kind": "bad_json"},
    {"kind": "status", "status": 204}, {"kind": "status", "status": 302},
], ids=lambda fault: f'{fault["kind"]} {fault.get("status", "")}'.strip())
def test_an_answer_that_is_not_the_protocols_is_no_success(world, fault):
    here = world().start()
    here.sandbox.set_faults("recnice", [{"fault": fault}])
    for person in make_people(3, managers=False):
        here.entra.create_user(person)
    here.wait_equal(OTHERS, timeout=30)
    wait_until(lambda: asked(here, "recnice", "FindUsers"), 20, "a call of recnice")
    status = here.purser.cli_json("app", "status", "recnice")
    assert status["counts"]["users"] == 0
    here.sandbox.clear_faults("recnice")
    here.wait_equal(timeout=60)


def test_an_app_that_answers_everyone_to_a_filter_is_not_believed(world):
    here = world().start()
    people = make_people(20, managers=False)
    for person in people[:10]:
        here.entra.create_user(person)
    here.wait_equal(timeout=30)
    for app in ("recnice", "preciate", "alexishr"):
        here.sandbox.set_faults(app, [{"match": {"operation": "FindUsers"},
                                       "fault": {"kind": "ignore_filter"}}])
    for person in people[10:]:
        here.entra.create_user(person)
    here.wait_equal(timeout=30)


def test_an_app_that_tells_success_and_does_nothing_is_made_right_by_a_replay(world):
    here = world().start()
    people = make_people(5, managers=False)
    for person in people:
        here.entra.create_user(person)
    here.wait_equal(timeout=30)
    here.sandbox.set_faults("preciate", [{"match": {"operation": "PatchUser"},
                                          "fault": {"kind": "false_success"}}])
    for person in people:
        here.entra.update_user(person, title="Told, not done")
    here.wait_equal(("recnice", "alexishr", "replicon"), timeout=30)
    wait_until(lambda: asked(here, "preciate", "PatchUser") >= 5, 20, "five changes")
    here.sandbox.clear_faults("preciate")
    done = here.purser.cli("replay", "start", "preciate", "--from", "2020-01-01T00:00:00Z",
                           "--reason", "told and not done", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    here.wait_equal(timeout=20)


def test_an_account_that_was_there_before_is_linked_and_not_made_again(world):
    here = world().start()
    people = make_people(3, managers=False)
    for person in people:
        here.entra.create_user(person)
    here.wait_equal(timeout=30)
    held = here.sandbox.state("preciate")
    here.kill()

    there = world()
    there.start_apps()
    for user in held["users"]:
        user["title"] = "From before"
    there.sandbox.set_state("preciate", held)
    there.purser.start()
    for person in make_people(3, managers=False):
        there.entra.create_user(person)
    there.wait_equal(timeout=30)
    assert asked(there, "preciate", "CreateUser") == 0


def test_an_app_without_delete_gets_the_account_turned_off(world):
    here = world().start()
    here.sandbox.configure("preciate", delete_status=405)
    person = make_people(1)[0]
    here.entra.create_user(person)
    here.wait_equal(timeout=30)
    here.entra.delete_user(person)

    def turned_off():
        return [user["active"] for user in here.sandbox.state("preciate")["users"]] == [False]
    wait_until(turned_off, 20, "the account turned off")
