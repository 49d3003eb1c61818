"""A replay that is planned first, bounded, slowed down and called off, against the sandbox."""

from datetime import datetime, timezone

from people import make_people
from waiting import wait_until
from worlds import run_all


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def filled(world, count):
    here = world().start()
    people = make_people(count, managers=False)
    for person in people:
        person.active = person.was_active = True
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    here.wait_equal(timeout=60)
    return here, people


def requests_of(here, app, method):
    return [call for call in here.sandbox.calls(app) if call["method"] == method]


def test_a_plan_tells_by_user_what_the_replay_then_sends(world):
    here, people = filled(world, 12)
    early = here.sandbox.state("preciate")
    here.entra.update_user(people[0], title="Changed")
    here.entra.delete_user(people[1])
    here.wait_equal(timeout=30)
    here.sandbox.set_state("preciate", early)
    here.sandbox.clear_calls("preciate")

    plan = here.purser.cli_json("replay", "plan", "preciate", "--from", "1h ago")
    told = {change["subject"]["name"]: change for change in plan["changes"]}
    assert set(told) == {people[0].user_name, people[1].user_name}, told
    assert told[people[0].user_name]["operation"] == "update"
    assert told[people[0].user_name]["targets"] == ["title"]
    assert told[people[1].user_name]["operation"] == "delete"
    assert plan["job"]["done"] == plan["job"]["total"] == 12 and plan["job"]["sent"] == 2
    assert {call["method"] for call in here.sandbox.calls("preciate")} == {"GET"}
    assert here.sandbox.state("preciate") == early

    table = here.purser.cli("replay", "planned", plan["job"]["id"])
    assert people[0].user_name in table.stdout and "2 would be sent" in table.stdout, table.stdout
    done = here.purser.cli("replay", "start", "preciate", "--from", "1h ago", "--reason", "set back",
                           "--wait")
    assert done.returncode == 0, done.stderr
    assert here.differences("preciate") == []
    assert len(requests_of(here, "preciate", "PATCH")) == 1
    assert len(requests_of(here, "preciate", "DELETE")) == 1


def test_a_replay_takes_what_was_touched_between_two_times(world):
    here, people = filled(world, 4)
    between = now()
    late = make_people(3, prefix="late", managers=False)
    for person in late:
        person.active = person.was_active = True
        here.entra.create_user(person)
    here.wait_equal(timeout=30)
    here.sandbox.set_state("preciate", {"users": [], "groups": []})
    done = here.purser.cli_json("replay", "start", "preciate", "--from", "1h ago", "--to", between,
                                "--reason", "the early ones", "--wait")
    assert done["total"] == 4, done
    held = {user["userName"] for user in here.sandbox.state("preciate")["users"]}
    assert held == {person.user_name for person in people}


def test_a_slow_replay_is_called_off_and_leaves_the_others_uncalled(world):
    here, _ = filled(world, 30)
    here.sandbox.set_state("preciate", {"users": [], "groups": []})
    job = here.purser.cli_json("replay", "start", "preciate", "--from", "1h ago", "--rate", "2",
                               "--reason", "slowly")
    wait_until(lambda: here.sandbox.state("preciate")["users"], 20, "the first that it brings back")
    cancelled = here.purser.cli("job", "cancel", job["id"], "--reason", "the wrong app")
    assert cancelled.returncode == 0, cancelled.stderr
    wait_until(lambda: here.purser.gauge("purser_delivery_pending", app="preciate") == 0, 20,
               "nothing that is due")
    ended = here.purser.cli_json("job", "get", job["id"])
    assert ended["state"] == "cancelled" and ended["total"] == 30, ended
    assert len(here.sandbox.state("preciate")["users"]) < 30
    status = here.purser.cli_json("app", "status", "preciate")
    assert status["counts"].get("retrying", 0) == 0, status
