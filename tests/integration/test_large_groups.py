"""Groups whose writes are larger than a record of the log may be, on both engines (DESIGN 3)."""

import pytest

from processes import Purser
from scim_clients import GROUP, PATCH, USER, quoted
from wire import Wire

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
MEMBERS = 30_000  # 1.3 MB of them, where a record of Kafka's is 1 MB at most


@pytest.fixture
def purser(start, tmp_path, log_address):
    return start(Purser(tmp_path / "purser", log=log_address))


def wire(purser):
    return Wire(purser.scim_base, purser.scim.token, timeout=120)


def create_users(scim, count):
    ids = []
    for begin in range(0, count, 1000):
        operations = [{"method": "POST", "path": "/Users", "bulkId": str(i),
                       "data": {"schemas": [USER], "userName": f"u{i}"}}
                      for i in range(begin, min(begin + 1000, count))]
        answer = scim.post("/Bulk", {"schemas": [BULK], "Operations": operations})
        ids += [one["location"].rsplit("/", 1)[1] for one in answer.json()["Operations"]]
    return ids


def group(name, members):
    return {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}


def patch(scim, path, *operations):
    answer = scim.request("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})
    assert answer.status in (200, 204), answer.text
    return answer


def of_group(group_id):
    return quoted(f'groups.value eq "{group_id}"')


def users_of(scim, group_id, count=1000):
    """The ids, page by page: of one cursor series."""
    query = f"/Users?filter={of_group(group_id)}&attributes=id&count={count}"
    ids, cursor = [], ""
    while cursor is not None:
        page = scim.get(f"{query}&cursor={cursor}").json()
        ids += [resource["id"] for resource in page["Resources"]]
        cursor = page.get("nextCursor")
    assert len(ids) == page["totalResults"]
    return ids


def test_a_large_group_is_created_changed_replaced_and_paged_through(purser):
    scim = wire(purser)
    ids = create_users(scim, MEMBERS + 1)
    late = ids.pop()
    created = scim.post("/Groups?excludedAttributes=members", group("everyone", ids))
    assert created.status == 201, created.text
    group_id, version = created.json()["id"], created.json()["meta"]["version"]
    path = f"/Groups/{group_id}"
    assert created.headers["etag"] == version
    assert scim.get(f"{path}?excludedAttributes=members").headers["etag"] == version
    assert sorted(users_of(scim, group_id)) == sorted(ids)

    added = patch(scim, path, {"op": "add", "path": "members", "value": [{"value": late}]})
    assert added.headers["etag"] != version
    patch(scim, path, {"op": "remove", "path": f'members[value eq "{ids[7]}"]'})
    now = sorted(set(ids) - {ids[7]} | {late})
    assert sorted(users_of(scim, group_id)) == now

    half = ids[::2] + [late]
    replaced = scim.request("PUT", f"{path}?excludedAttributes=members", group("half", half),
                            headers={"If-Match": added.headers["etag"]})
    assert replaced.status == 412
    replaced = scim.request("PUT", f"{path}?excludedAttributes=members", group("half", half))
    assert replaced.status == 200, replaced.text
    assert sorted(users_of(scim, group_id)) == sorted(half)

    purser.restart(timeout=120)
    scim = wire(purser)
    again = scim.get(f"{path}?excludedAttributes=members")
    assert again.headers["etag"] == replaced.headers["etag"]
    assert sorted(users_of(scim, group_id)) == sorted(half)
    kinds = [entry["kind"] for entry in purser.cli_json("user", "timeline", ids[1])["entries"]]
    assert kinds == ["created", "member_added", "member_removed"]
    assert purser.cli("log", "verify").returncode == 0

    patch(scim, path, {"op": "remove", "path": "members"})
    assert users_of(scim, group_id) == []
    assert scim.delete(path).status == 204


def test_pages_of_a_groups_users_hold_who_is_in_it_through_other_groups_too(purser):
    scim = purser.scim
    ids = create_users(scim, 25)
    inner = scim.post("/Groups", group("inner", ids[10:20])).json()["id"]
    outer = scim.post("/Groups", group("outer", ids[:12])).json()["id"]
    assert sorted(users_of(scim, outer, count=5)) == sorted(ids[:12])
    patched = scim.request("PATCH", f"/Groups/{outer}", {"schemas": [PATCH], "Operations": [
        {"op": "add", "path": "members", "value": [{"value": inner}]}]})
    assert patched.status == 200
    assert sorted(users_of(scim, outer, count=5)) == sorted(ids[:20])
    query = quoted(f'groups[value eq "{outer}" and type eq "direct"]')
    direct = scim.get(f"/Users?filter={query}&count=100").json()
    assert sorted(one["id"] for one in direct["Resources"]) == sorted(ids[:12])
    assert users_of(scim, "nobody") == []


def test_index_pages_of_a_groups_users_are_those_of_its_cursors(purser):
    scim = purser.scim
    ids = create_users(scim, 23)
    group_id = scim.post("/Groups", group("some", ids[3:])).json()["id"]
    query = f"/Users?filter={of_group(group_id)}&count=7"
    shown = []
    for start in range(1, 30, 7):
        page = scim.get(f"{query}&startIndex={start}").json()
        assert page["totalResults"] == 20
        shown += [one["id"] for one in page.get("Resources", [])]
    assert shown == users_of(scim, group_id, count=7)
    assert sorted(shown) == sorted(ids[3:])
