"""An app that is down, comes back, is set back to an earlier state and replayed; the others do not
notice."""

import datetime
import time

from people import make_groups, make_people, make_person
from processes import FOUR
from waiting import wait_until
from worlds import run_all

WRITES = ("CreateUser", "PatchUser", "ReplaceUser", "DeleteUser")
OTHERS = ("preciate", "alexishr", "replicon")


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def writes_since(world, app, number):
    return [call for call in world.sandbox.calls(app, since=number) if call["operation"] in WRITES]


def last_call(world, app):
    calls = world.sandbox.calls(app)
    return calls[-1]["n"] if calls else 0


def change_while_down(world, people):
    """Five changes each of 60, one each of 20, 10 leavers, 10 deleted, 10 new; who was touched."""
    tasks = [lambda p=p, v=v: world.entra.update_user(p, title=f"Down v{v}")
             for v in range(5) for p in people[:60]]
    tasks += [lambda p=p: world.okta.update_user(p, department="Finance") for p in people[60:80]]
    tasks += [lambda p=p: world.okta.update_user(p, active=False) for p in people[80:90]]
    tasks += [lambda p=p: world.entra_flag.delete_user(p) for p in people[90:100]]
    tasks += [lambda n=n: world.entra.create_user(make_person(n, prefix="late"))
              for n in range(1, 11)]
    # One person's changes go one after the other: five rounds over the sixty.
    for start in range(0, 300, 60):
        run_all(tasks[start:start + 60], 8)
    run_all(tasks[300:], 8)
    return 60 + 20 + 10 + 10 + 10


def oldest_pending(world, app):
    return world.purser.gauge("purser_delivery_oldest_pending_seconds", app=app)


def test_one_app_down_for_the_whole_run_catches_up_and_is_replayed_alone(world, log_address):
    here = world(log=log_address).start()
    people = make_people(200)
    for person in people:
        person.active = person.was_active = True
    run_all([lambda p=p: here.entra.create_user(p) for p in people if not p.manager])
    run_all([lambda p=p: here.entra.create_user(p) for p in people if p.manager])
    for group in make_groups(5, people, 20):
        here.entra.create_group(group)
    here.wait_equal(timeout=60)
    early_state, early_time = here.sandbox.state("recnice"), now()

    here.take_down("recnice")
    before = here.directory.copy()
    touched = change_while_down(here, people)
    began = time.monotonic()
    here.wait_equal(OTHERS, timeout=30)
    assert time.monotonic() - began < 30
    assert here.purser.gauge("purser_breaker_open", app="recnice") == 1
    # All but the few that were tried before the breaker opened, which are told as retrying.
    wait_until(lambda: here.purser.gauge("purser_delivery_pending", app="recnice") >= 0.9 * touched,
               10, "the gauge of what is pending")
    assert here.purser.gauge("purser_parked_lanes", app="recnice") == 0
    waited = wait_until(lambda: oldest_pending(here, "recnice"), 10, "the gauge of the oldest")
    wait_until(lambda: oldest_pending(here, "recnice") > waited + 2, 10, "the gauge to grow")
    wait_until(lambda: all(oldest_pending(here, app) == 0 for app in OTHERS), 5,
               "nothing to wait for the others")
    assert before.people[people[0].key].attributes["title"] == "Title v0"

    number = last_call(here, "recnice")
    here.bring_back("recnice")
    here.wait_equal(timeout=60)
    wait_until(lambda: oldest_pending(here, "recnice") == 0, 10, "the gauge to fall")
    written = writes_since(here, "recnice", number)
    # A deleted user may leave groups first; nobody's five changes are five writes.
    assert len(written) <= 1.1 * touched, f"{len(written)} writes for {touched} changed users"

    here.sandbox.set_state("recnice", early_state)
    assert here.differences("recnice") != []
    quiet = {app: here.sandbox.stats(app)["by_operation"] for app in OTHERS}
    replayed = here.purser.cli("replay", "start", "recnice", "--from", early_time,
                               "--reason", "restored from a backup", "--wait", timeout=120)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert here.differences("recnice") == []
    for app in OTHERS:
        assert here.sandbox.stats(app)["by_operation"] == quiet[app], f"{app} was called"
    assert here.differences("alexishr") == []


def test_names_change_hands_while_the_apps_are_down(world, log_address):
    here = world(reference=True, log=log_address).start()
    people = make_people(40, managers=False)
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    here.wait_equal(timeout=30)
    accounts = {app: here.state(app) for app in here.apps}
    assert accounts
    for app in here.apps:
        here.take_down(app)
    giver, taker, one, other, leaver = people[0], people[1], people[2], people[3], people[4]
    name = giver.user_name
    here.entra.update_user(giver, userName="given-up@example.com")
    here.okta.update_user(taker, userName=name)
    # Two who swap their names: a ring that no order of two renames can end.
    first, second = one.user_name, other.user_name
    here.entra.update_user(one, userName="between@example.com")
    here.entra_flag.update_user(other, userName=first)
    here.entra.update_user(one, userName=second)
    # Left, and hired again by the same name.
    here.entra.delete_user(leaver)
    here.entra.create_user(make_person(900, prefix="again", userName=leaver.user_name))
    for app in here.apps:
        here.bring_back(app)
    here.wait_equal(timeout=90)


def test_a_rename_to_a_name_that_a_former_replicon_profile_keeps_is_parked_alone(world):
    here = world().start()
    people = make_people(4, managers=False)
    for person in people:
        here.entra.create_user(person)
    here.wait_equal(timeout=30)
    here.entra.delete_user(people[0])
    here.entra.update_user(people[1], userName=people[0].user_name)
    here.entra.update_user(people[2], title="New")
    here.wait_equal(("recnice", "preciate", "alexishr"), timeout=30)

    def parked():
        return here.purser.cli_json("parked", "list", "--app", "replicon")["parked"]
    lane = wait_until(parked, 60, "the parked lane")[0]
    assert (lane["app"], lane["resourceId"]) == ("replicon", people[1].id)
    assert len(parked()) == 1


def test_one_who_lacks_what_an_app_requires_is_named_and_comes_by_itself(world):
    here = world().start()
    person = make_person(1)
    del person.attributes["phone"]
    here.entra.create_user(person)
    here.wait_equal(("recnice", "preciate", "replicon"), timeout=30)

    def parked():
        return here.purser.cli_json("parked", "list", "--app", "alexishr")["parked"]
    assert "phoneNumbers" in wait_until(parked, 10, "the parked lane")[0]["message"]
    here.entra.update_user(person, phone="+46 8 123 456")
    here.wait_equal(("alexishr",), timeout=10)
    wait_until(lambda: not parked(), 10, "an empty list")


def test_a_refused_credential_pauses_one_app_and_heals_when_the_secret_changes(world, tmp_path):
    here = world()
    secret = tmp_path / "recnice-token"
    secret.write_text("a-wrong-one")
    four = here.purser.apply[0]
    text = open(four).read().replace("${env:RECNICE_TOKEN}", f"${{file:{secret}}}")
    changed = tmp_path / "four-apps.yaml"
    changed.write_text(text)
    here.purser.apply = [str(changed)]
    here.start()
    people = make_people(5, managers=False)
    for person in people:
        here.entra.create_user(person)
    here.wait_equal(OTHERS, timeout=30)
    assert here.sandbox.state("recnice")["users"] == []
    refused = here.purser.cli_json("app", "status", "recnice")
    assert refused["credentialsRefused"] is True, refused
    secret.write_text(here.sandbox.environment()["RECNICE_TOKEN"])
    here.wait_equal(timeout=40)


def test_no_secret_and_no_password_is_written_anywhere(world):
    here = world().start()
    here.okta.create_user(make_person(1))  # sends a password
    here.wait_equal(timeout=30)
    assert here.purser.terminate() == 0
    secrets = [value.encode() for name, value in here.sandbox.environment().items()
               if name.endswith(("TOKEN", "PASSWORD"))]
    secrets += [b"t1meMa$heen", b"dev-token-of-the-tests"]
    files = [path for path in here.purser.data.parent.rglob("*") if path.is_file()]
    assert any(path.name == "log.db" for path in files)
    found = [(path.name, secret) for path in files for secret in secrets
             if secret in path.read_bytes()]
    assert found == []


def test_every_app_was_called_by_name_and_with_a_request_id(world):
    here = world().start()
    here.entra.create_user(make_person(1))
    here.wait_equal(timeout=30)
    for app in FOUR:
        assert all(call["request_id"] for call in here.sandbox.calls(app))
