"""Asynchronous requests (RFC 9967, section 2.5.1) to the real program on both engines."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from processes import Purser
from receivers import Poller, configuration
from scim_clients import GROUP, PATCH, USER
from waiting import wait_until
from wire import NoAnswer

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
ASYNCRESP = "urn:ietf:params:scim:event:misc:asyncresp"
PREFER = {"Prefer": "respond-async"}


@pytest.fixture
def purser(start, tmp_path, log_address):
    return start(Purser(tmp_path / "purser", log=log_address))


def user(name, **more):
    return {"schemas": [USER], "userName": name, **more}


def accepted(answer):
    """The transaction of a 202, and the path of its result."""
    assert answer.status == 202, f"{answer.status} {answer.text}"
    assert answer.body == b"" and "content-type" not in answer.headers
    assert answer.headers["preference-applied"] == "respond-async"
    transaction = answer.headers["set-txn"]
    assert answer.headers["location"].endswith(f"/Transactions/{transaction}")
    return transaction


def results(purser, transaction):
    answer = purser.scim.get(f"/Transactions/{transaction}")
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"].startswith("application/scim+json")
    body = answer.json()
    assert body["schemas"] == [BULK_RESPONSE]
    return body["Operations"]


def result(purser, answer):
    [operation] = results(purser, accepted(answer))
    return operation


def test_each_method_is_accepted_and_its_result_can_be_asked_for(purser):
    made = result(purser, purser.scim.post("/Users", user("ada@example.com"), headers=PREFER))
    assert (made["method"], made["status"]) == ("POST", "201")
    path = made["location"].removeprefix(purser.scim_base)
    found = purser.scim.get(path)
    assert found.headers["etag"] == made["version"]
    assert found.json()["userName"] == "ada@example.com"

    patch = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "Dr"}]}
    patched = result(purser, purser.scim.patch(path, patch, headers=PREFER))
    assert (patched["method"], patched["status"]) == ("PATCH", "200")
    again = result(purser, purser.scim.patch(path, patch, headers=PREFER))
    assert again["version"] == patched["version"], "nothing changed"
    replaced = result(purser, purser.scim.put(path, user("eve@example.com"), headers=PREFER))
    assert replaced["version"] == purser.scim.get(path).headers["etag"]
    gone = result(purser, purser.scim.delete(path, headers=PREFER))
    assert gone == {"method": "DELETE", "status": "204", "location": purser.scim_base + path}
    assert purser.scim.get(path).status == 404


def test_a_refusal_is_the_result_too_and_stands_among_the_refused(purser):
    def refused(answer, status, scim_type=None):
        operation = result(purser, answer)
        assert operation["status"] == operation["response"]["status"] == status
        assert operation["response"]["schemas"] == [ERROR]
        assert operation["response"].get("scimType") == scim_type
        return operation

    path = "/Users/" + purser.scim.post("/Users", user("ada@example.com")).json()["id"]
    taken = refused(purser.scim.post("/Users", user("ADA@example.com"), headers=PREFER),
                    "409", "uniqueness")
    assert "location" not in taken and "version" not in taken
    stale = {**PREFER, "If-Match": 'W/"77"'}
    refused(purser.scim.delete(path, headers=stale), "412")
    refused(purser.scim.put("/Users/nobody", user("bob@example.com"), headers=PREFER), "404")
    def kept():
        listed = purser.cli_json("request", "list", "--user", "ADA@example.com").get("requests")
        return [one["httpStatus"] for one in listed] == [412, 409]

    wait_until(kept, 30, "the refused requests")
    # What no directory need be asked for is refused at once.
    assert purser.scim.post("/Users", {"schemas": [USER]}, headers=PREFER).status == 400
    assert purser.scim.post("/Users", user("x"), headers={
        **PREFER, "Authorization": "Bearer no"}).status == 401


def test_every_operation_of_a_bulk_request_has_a_result_and_an_event(
        start, tmp_path, log_address):
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse", "events": ["asyncresp"]})
    purser = start(Purser(tmp_path / "purser", apply=[feeds], log=log_address))
    operations = [{"method": "POST", "path": "/Users", "bulkId": f"u{n}",
                   "data": user(f"u{n}@example.com")} for n in range(600)]
    operations[300]["data"]["userName"] = "u7@example.com"
    operations.append({"method": "POST", "path": "/Groups", "bulkId": "g", "data": {
        "schemas": [GROUP], "displayName": "Crew", "members": [{"value": "bulkId:u5"}]}})
    transaction = accepted(purser.scim.post(
        "/Bulk", {"schemas": [BULK], "Operations": operations}, headers=PREFER))
    told = results(purser, transaction)
    assert [one["bulkId"] for one in told] == [one["bulkId"] for one in operations]
    assert [n for n, one in enumerate(told) if one["status"] != "201"] == [300]
    assert told[300]["response"]["scimType"] == "uniqueness"

    receiver = Poller(purser)
    wait_until(lambda: receiver.ask(maxEvents=0, returnImmediately=True).status == 200, 30,
               purser.tail)
    wait_until(lambda: receiver.drain() and len(receiver.got) == 601, 20, "the events")
    events = {event["txn"]: event for event in receiver.got.values()}
    assert set(events) == {f"{transaction}:{n}" for n in range(601)}
    for n, one in enumerate(told):
        event = events[f"{transaction}:{n}"]
        expected = {key: value for key, value in one.items() if key != "location"}
        assert event["events"] == {ASYNCRESP: expected}
        if "location" in one:
            assert purser.scim_base + event["sub_id"]["uri"] == one["location"]
    assert ASYNCRESP in purser.scim.get("/ServiceProviderConfig").json()[
        "securityEvents"]["eventUris"]


def test_what_fail_on_errors_ended_has_a_result_too(purser):
    operations = [{"method": "DELETE", "path": f"/Users/nobody{n}"} for n in range(3)]
    transaction = accepted(purser.scim.post("/Bulk", {
        "schemas": [BULK], "failOnErrors": 2, "Operations": operations}, headers=PREFER))
    assert [one["status"] for one in results(purser, transaction)] == ["404", "404", "409"]


def test_a_preference_applies_only_where_it_can(purser):
    # Whoever would wait a while is answered as ever: all comes within that.
    waits = {"Prefer": "Respond-Async, wait=5"}
    assert purser.scim.post("/Users", user("ada@example.com"), headers=waits).status == 201
    assert purser.scim.get("/Users", headers=PREFER).status == 200
    assert purser.scim.post("/Users/.search", {}, headers=PREFER).status == 200
    assert purser.scim.post("/Bulk", {"schemas": [BULK], "Operations": []},
                            headers=PREFER).status == 200
    # The Accept header does not count, and a request id is no transaction.
    headers = {"Prefer": "handling=lenient, respond-async", "Accept": "text/html",
               "X-Request-Id": "mine"}
    transactions = {accepted(purser.scim.post("/Users", user(f"{n}"), headers=headers))
                    for n in range(3)}
    assert len(transactions) == 3 and "mine" not in transactions
    assert purser.scim.get("/Transactions/mine").status == 404
    assert purser.scim.delete(f"/Transactions/{transactions.pop()}").status == 405


def test_a_result_once_promised_is_there_after_kill_9(purser):
    promised = []

    def write(worker):
        for n in range(10_000):
            try:
                answer = purser.scim.post("/Users", user(f"u{worker}-{n}@example.com"),
                                          headers=PREFER)
            except NoAnswer:
                return
            if answer.status == 202:
                promised.append((f"u{worker}-{n}@example.com", answer.headers["set-txn"]))

    for _ in range(3):
        enough = len(promised) + 100
        with ThreadPoolExecutor(8) as pool:
            killer = threading.Thread(target=lambda at=enough: (
                wait_until(lambda: len(promised) >= at, 30, "writes"), purser.kill()))
            killer.start()
            for worker in range(8):
                pool.submit(write, f"{enough}-{worker}")
            killer.join()
        purser.start()
        for name, transaction in promised:
            [made] = results(purser, transaction)
            assert made["status"] == "201"
            path = made["location"].removeprefix(purser.scim_base)
            assert purser.scim.get(path).json()["userName"] == name
