"""What was exchanged with an app: kept without a secret or a person's values, in the trace of the
request that it came from, and there to ask for."""

import json
from pathlib import Path

from people import make_people, make_person
from processes import Purser
from refusing_app import TOKEN, RefusingApp
from waiting import wait_until
from worlds import run_all

REFUSING = Path(__file__).resolve().parents[1] / "support" / "refusing_app.yaml"
TRACE = "0af7651916cd43dd8448eb211c80319c"
INBOUND = f"00-{TRACE}-b7ad6b7169203331-01"
BOB = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "bob.stone@example.com", "externalId": "b1", "active": True,
    "emails": [{"type": "work", "value": "robert@stone.example"}],
}
PERSONAL = ("bob", "stone", "robert", TOKEN)


def trace_of(header):
    version, trace, span, flags = header.split("-")
    assert (version, len(trace), len(span), len(flags)) == ("00", 32, 16, 2), header
    return trace


def exchanges(purser, app, *more):
    """Oldest first."""
    listed = purser.cli_json("delivery", "list", "--app", app, "--limit", 1000, *more)
    return list(reversed(listed.get("exchanges", [])))


def assert_nothing_personal(text):
    assert [word for word in PERSONAL if word.lower() in text.lower()] == []


def refused_bob(start, tmp_path, log_address):
    """Bob, parked by an app that repeats all it was sent; (purser, app, his id)."""
    app = start(RefusingApp())
    purser = start(Purser(tmp_path, apply=[REFUSING], env=app.environment(), log=log_address))
    answer = purser.scim.post("/Users", BOB, headers={"traceparent": INBOUND})
    assert answer.status == 201, answer.text
    wait_until(lambda: purser.gauge("purser_parked_lanes", app="refusing") == 1, 60,
               lambda: f"Bob parked: {purser.cli('app', 'status', 'refusing').stdout}")
    return purser, app, answer.json()["id"]


def test_a_parked_user_shows_the_exchange_he_was_parked_for(start, tmp_path, log_address):
    purser, app, bob = refused_bob(start, tmp_path, log_address)

    def parked_exchange():
        (lane,) = purser.cli_json("parked", "list", "--app", "refusing")["parked"]
        assert lane["resourceId"] == bob
        return lane["exchange"]
    seen = parked_exchange()
    assert (seen["method"], seen["httpStatus"], seen["verdict"]) == ("POST", 400, "refused")
    assert seen["url"] == app.environment()["REFUSING_URL"] + "/Users"
    assert "sent" in seen["summary"] and "userName" in seen["summary"]
    assert "scimType invalidValue" in seen["summary"]
    assert_nothing_personal(json.dumps(seen))
    table = purser.cli("parked", "list").stdout
    assert f"POST {seen['url']}: {seen['summary']}" in table
    explained = purser.cli("user", "explain", bob, "--app", "refusing").stdout
    assert f"POST {seen['url']} answered 400" in explained
    # It outlives a restart, and the stream of exchanges too.
    assert purser.terminate() == 0
    for file in purser.data.glob("exchanges.db*"):
        file.unlink()
    purser.start()
    assert parked_exchange() == seen


def test_every_call_is_kept_without_a_secret_or_a_value(start, tmp_path, log_address):
    purser, app, bob = refused_bob(start, tmp_path, log_address)
    wait_until(lambda: len(exchanges(purser, "refusing")) >= len(app.requests), 20,
               "every call kept")
    kept = exchanges(purser, "refusing")
    arrived = [(method, headers["x-request-id"], headers["traceparent"])
               for method, _, headers in app.requests]
    assert sorted((one["method"], one["requestId"], one["traceParent"]) for one in kept) == \
        sorted(arrived)
    assert {one["verb"] for one in kept} >= {"find", "create", "check"}
    creates = [one for one in kept if one["verb"] == "create"]
    assert [one["httpStatus"] for one in creates] == [400, 400, 400]
    assert all(one["resourceId"] == bob and one["operationId"] for one in creates)
    assert exchanges(purser, "refusing", "--user", BOB["userName"]) == \
        [one for one in kept if one.get("resourceId") == bob]
    assert_nothing_personal(json.dumps(kept))
    assert_nothing_personal(purser.cli("delivery", "list", "--app", "refusing").stdout)
    for file in purser.data.glob("exchanges.db*"):
        assert_nothing_personal(file.read_bytes().decode("latin-1"))
    assert_nothing_personal(purser.log())
    assert purser.gauge("purser_exchange_records_dropped_total") == 0


def test_the_calls_for_a_user_are_in_the_trace_of_the_request(world, log_address):
    here = world(log=log_address).start()
    person = make_person(1)
    here.entra.wire.request = with_headers(here.entra.wire.request, {"traceparent": INBOUND})
    here.entra.create_user(person)
    here.wait_equal(timeout=60)
    for app in here.apps:
        calls = [call for call in here.sandbox.calls(app) if call["trace_parent"]]
        about = [call for call in calls if call["operation"] not in ("GetMyIdentity",)]
        assert len(calls) == len(here.sandbox.calls(app)), app
        assert TRACE in {trace_of(call["trace_parent"]) for call in about}, app
        spans = {call["trace_parent"]: call["request_id"] for call in calls}
        assert len(spans) == len(set(spans.values())), "a span is one call's"
        assert INBOUND not in spans
        creates = [call for call in calls if call["operation"].startswith("Create")]
        assert creates and {trace_of(call["trace_parent"]) for call in creates} == {TRACE}, app


def with_headers(request, more):
    def requesting(method, path, body=None, headers=None):
        return request(method, path, body, {**(headers or {}), **more})
    return requesting


def test_a_malformed_trace_parent_is_ignored_and_the_event_begins_a_trace(world):
    here = world().start()
    for number, header in enumerate((None, "00-zz", INBOUND.upper(), f"00-{'0' * 32}-{'1' * 16}-01")):
        user = {**BOB, "userName": f"user{number}@example.com", "externalId": f"e{number}"}
        answer = here.purser.scim.post("/Users", user,
                                       headers={"traceparent": header} if header else {})
        assert answer.status == 201, answer.text
    wait_until(lambda: len(here.sandbox.state("preciate")["users"]) == 4, 30, "four users")
    traces = [trace_of(call["trace_parent"]) for call in here.sandbox.calls("preciate")
              if call["operation"] == "CreateUser"]
    assert len(set(traces)) == 4 and TRACE not in traces and "0" * 32 not in traces


def test_what_is_kept_is_listed_newest_first_and_no_more_than_was_asked(world):
    here = world().start()
    run_all([lambda p=p: here.entra.create_user(p) for p in make_people(20, managers=False)])
    here.wait_equal(timeout=30)
    calls = len(here.sandbox.calls("preciate"))
    assert calls > 20
    wait_until(lambda: len(exchanges(here.purser, "preciate")) == calls, 20, "every call kept")
    five = here.purser.cli_json("delivery", "list", "--app", "preciate", "--limit", 5)["exchanges"]
    assert len(five) == 5
    assert five == list(reversed(exchanges(here.purser, "preciate")[-5:]))
    assert here.purser.cli("delivery", "list").returncode == 2
    assert here.purser.cli("delivery", "list", "--app", "nowhere").returncode == 3
