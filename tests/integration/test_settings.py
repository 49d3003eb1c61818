"""Settings of an app that say how often, and what, it is sent: end to end against the sandbox."""

from datetime import datetime

from people import make_people
from worlds import run_all
from waiting import wait_until


def configured(world, tmp_path, app, lines):
    """A world of the four applications in which `app` says more."""
    here = world()
    text = open(here.purser.apply[0]).read()
    name = f"  - name: {app}\n"
    assert name in text
    more = "".join(f"    {line}\n" for line in lines)
    changed = tmp_path / "four-apps.yaml"
    changed.write_text(text.replace(name, name + more))
    here.purser.apply = [str(changed)]
    return here


def arrivals(calls):
    return sorted(datetime.fromisoformat(call["time"].replace("Z", "+00:00")).timestamp()
                  for call in calls)


def test_calls_per_second_bounds_every_request_of_that_app_alone(world, tmp_path):
    here = configured(world, tmp_path, "preciate", ["limits: {calls_per_second: 4}"]).start()
    people = make_people(20, managers=False)
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    wait_until(lambda: here.purser.gauge("purser_rate_waiting_lanes", app="preciate") > 0, 10,
               "a lane that waits for the rate")
    assert here.purser.gauge("purser_rate_waiting_lanes", app="recnice") == 0
    here.wait_equal(timeout=60)
    assert here.purser.gauge("purser_parked_lanes", app="preciate") == 0
    times = arrivals(here.sandbox.calls("preciate"))
    assert len(times) > 30, "a look-up and a create each, but for who is inactive"
    # What a second may hold at once, and what comes in while it passes; one for its edges.
    busiest = max(sum(1 for t in times[i:] if t < times[i] + 1) for i in range(len(times)))
    assert busiest <= 4 + 4 + 1, busiest


def test_what_a_call_sends_beyond_its_first_request_counts_too(world, tmp_path):
    here = configured(world, tmp_path, "replicon", ["limits: {calls_per_second: 10}"]).start()
    people = make_people(12, managers=False)
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    here.wait_equal(timeout=60)
    times = arrivals(here.sandbox.calls("replicon"))
    assert len(times) > 3 * 12, "Replicon takes several requests a user"
    # The last few may be owed still: of the four lanes that may be under way, some requests each.
    assert len(times) <= 10 + 10 * (times[-1] - times[0]) + 4 * 4, times


def test_an_app_that_creates_and_deletes_nobody_says_so(world, tmp_path):
    here = configured(world, tmp_path, "preciate",
                      ["users: {actions: {create: off, delete: off}}"]).start()
    there, absent = make_people(2, managers=False)
    there.active = absent.active = True
    here.sandbox.set_state("preciate", {"groups": [], "users": [
        {"id": "old-1", "userName": there.user_name, "active": True, "displayName": "Old"}]})
    for person in (there, absent):
        here.entra.create_user(person)

    def explained(person):
        told = here.purser.cli("user", "explain", person.user_name, "--app", "preciate")
        return told.stdout

    wait_until(lambda: "creates no accounts" in explained(absent), 20, lambda: explained(absent))
    told = here.purser.cli("user", "timeline", absent.user_name, "--app", "preciate")
    assert "the app's configuration creates no accounts" in told.stdout, told.stdout
    wait_until(lambda: "is in preciate as account old-1, as wanted" in explained(there), 20,
               lambda: explained(there))

    here.entra.delete_user(there)
    wait_until(lambda: "deletes no accounts" in explained(there), 20, lambda: explained(there))
    [left] = here.sandbox.state("preciate")["users"]
    assert left["id"] == "old-1" and left["active"] is False
