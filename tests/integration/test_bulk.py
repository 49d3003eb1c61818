"""POST /Bulk to the real program on both engines (facts 36)."""

import json
import threading

import pytest

from processes import DEV_TOKEN, Purser
from scim_clients import GROUP, PATCH, USER
from wire import Wire

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@pytest.fixture
def purser(start, tmp_path, log_address):
    return start(Purser(tmp_path / "purser", log=log_address))


def post_user(name, bulk_id=None, **more):
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id or name,
            "data": {"schemas": [USER], "userName": name, **more}}


def post_group(name, members):
    return {"method": "POST", "path": "/Groups", "bulkId": name,
            "data": {"schemas": [GROUP], "displayName": name,
                     "members": [{"value": member} for member in members]}}


def bulk(wire, operations, **more):
    answer = wire.post("/Bulk", {"schemas": [BULK], "Operations": operations, **more})
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"].startswith("application/scim+json")
    return answer.json()["Operations"]


def statuses(results):
    return [result["status"] for result in results]


def read(purser, result):
    path = result["location"].removeprefix(purser.scim_base)
    answer = purser.scim.get(path)
    assert answer.status == 200, answer.text
    return answer.json()


def members(purser, result):
    return sorted(member["value"] for member in read(purser, result).get("members", []))


def test_a_directory_arrives_in_one_request_and_survives_a_restart(purser):
    users = [f"u{i}" for i in range(600)]
    results = bulk(purser.scim, [
        post_group("everyone", [f"bulkId:{name}" for name in users] + ["bulkId:odd"]),
        *[post_user(name) for name in users],
        post_group("odd", [f"bulkId:{name}" for name in users[1::2]] + ["bulkId:everyone"]),
        {"method": "PATCH", "path": "/Users/bulkId:u7", "data": {
            "schemas": [PATCH],
            "Operations": [{"op": "add", "path": "title", "value": "Dr"}]}},
        {"method": "DELETE", "path": "/Users/bulkId:u8"},
        post_user("U9", bulk_id="again")])
    assert statuses(results) == ["201"] * 602 + ["200", "204", "409"]
    ids = {result["bulkId"]: result["location"].rsplit("/", 1)[1]
           for result in results[:602]}

    def holds():
        everyone = members(purser, results[0])
        assert everyone == sorted(ids[name] for name in [*users, "odd"] if name != "u8")
        assert members(purser, results[601]) == sorted(
            ids[name] for name in [*users[1::2], "everyone"])
        assert read(purser, results[8])["title"] == "Dr"
        assert purser.scim.get("/Users?count=0").json()["totalResults"] == 599

    holds()
    purser.terminate()
    purser.start()
    holds()


def test_bulks_and_writers_at_once_take_each_name_once(purser):
    names = [f"n{i}" for i in range(300)]
    created, lock = [], threading.Lock()

    def in_bulk(order):
        wire = Wire(purser.scim_base, DEV_TOKEN)
        results = bulk(wire, [post_user(name) for name in order])
        assert set(statuses(results)) <= {"201", "409"}
        with lock:
            created.extend(r["bulkId"] for r in results if r["status"] == "201")

    def one_by_one(order):
        wire = Wire(purser.scim_base, DEV_TOKEN)
        for name in order[::10]:
            answer = wire.post("/Users", {"schemas": [USER], "userName": name})
            assert answer.status in (201, 409), answer.text
            if answer.status == 201:
                with lock:
                    created.append(name)

    threads = [threading.Thread(target=work, args=(order,))
               for work in (in_bulk, one_by_one) for order in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created) == sorted(names)
    assert purser.scim.get("/Users?count=0").json()["totalResults"] == len(names)


def test_the_limits_that_discovery_names_are_those_that_hold(quiet_server):
    limits = quiet_server.scim.get("/ServiceProviderConfig").json()["bulk"]
    assert limits["supported"] is True
    many = json.dumps({"schemas": [BULK],
                       "Operations": [{}] * (limits["maxOperations"] + 1)}).encode()
    over = quiet_server.scim.post("/Bulk", many)
    assert over.status == 413 and str(limits["maxOperations"]) in over.text
    empty = json.dumps({"schemas": [BULK], "Operations": []}).encode()
    largest = empty + b" " * (limits["maxPayloadSize"] - len(empty))
    assert quiet_server.scim.post("/Bulk", largest).status == 200
    too_large = quiet_server.scim.post("/Bulk", largest + b" ")
    assert too_large.status == 413
    assert str(limits["maxPayloadSize"]) in too_large.json()["detail"]
