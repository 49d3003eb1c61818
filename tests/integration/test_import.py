"""`purser import` of files into the real program on both engines."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from processes import Purser
from scim_clients import ENTERPRISE, GROUP, USER

USERS = """\
E-Mail,userName,Vorname,name.familyName,Chef,department,Notiz\r
ada@example.com,ada,Ada,"Byron, Countess",bob,Engines,x\r
bob@example.com,bob,Bob,Stone,ada,Sales,\r
,cy,Cy,Young,nobody,,\r
,,Dee,,,,\r
,ADA,Ada,Again,,,\r
"""
MAP = ['E-Mail=emails[type eq "work"].value', "Vorname=name.givenName", "Chef=manager", "Notiz="]
GROUPS = [
    {"schemas": [GROUP], "id": "g1", "displayName": "all",
     "members": [{"value": "ada"}, {"value": "g2"}, {"value": "lost"}]},
    {"schemas": [GROUP], "id": "g2", "displayName": "crew",
     "members": [{"value": "bob"}, {"value": "g1"}]},
]


@pytest.fixture
def purser(start, tmp_path, log_address):
    return start(Purser(tmp_path / "purser", log=log_address))


@pytest.fixture
def write(tmp_path):
    def to_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return to_file


def run(purser, *arguments, status=0):
    done = purser.cli("import", *arguments, "-o", "json")
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def counts(report):
    return [report[name] for name in ("created", "changed", "unchanged", "refused", "incomplete")]


def resources(purser, kind):
    name = "userName" if kind == "Users" else "displayName"
    listed = purser.scim.get(f"/{kind}?count=1000").json()
    return {one[name]: one for one in listed.get("Resources", [])}


def directory_arguments(write):
    mapping = [word for one in MAP for word in ("--map", one)]
    return ["--users", write("users.csv", "\ufeff" + USERS), *mapping,
            write("groups.json", json.dumps({"Resources": GROUPS}))]


def test_a_directory_comes_in_with_its_references_and_a_second_run_changes_nothing(
        purser, write, tmp_path):
    arguments = directory_arguments(write)
    told = tmp_path / "refused.csv"
    report = run(purser, *arguments, "--report", told, "--reason", "the move", status=1)
    assert counts(report) == [5, 0, 0, 2, 2]
    refused = [(one["file"], one["line"], one["field"]) for one in report["refusals"]]
    assert refused == [("users.csv", 6, "userName"), ("users.csv", 5, "userName"),
                       ("users.csv", 4, "manager"), ("groups.json", 1, "members")]
    assert "users.csv:2" in report["refusals"][0]["message"]
    assert all(one["remedy"] for one in report["refusals"])
    with open(told, newline="") as file:
        assert [(row["file"], int(row["line"]), row["field"])
                for row in csv.DictReader(file)] == refused

    users, groups = resources(purser, "Users"), resources(purser, "Groups")
    assert set(users) == {"ada", "bob", "cy"} and set(groups) == {"all", "crew"}
    ada, bob = users["ada"], users["bob"]
    assert ada["name"] == {"givenName": "Ada", "familyName": "Byron, Countess"}
    assert ada["emails"] == [{"type": "work", "value": "ada@example.com"}]
    assert ada[ENTERPRISE]["department"] == "Engines"
    assert ada[ENTERPRISE]["manager"]["value"] == bob["id"]
    assert bob[ENTERPRISE]["manager"]["value"] == ada["id"]

    def members(name):
        return {one["value"] for one in groups[name]["members"]}
    assert members("all") == {ada["id"], groups["crew"]["id"]}
    assert members("crew") == {bob["id"], groups["all"]["id"]}

    entries = purser.cli_json("user", "timeline", "ada")["entries"]
    assert {one["reason"] for one in entries if one["kind"] in ("created", "changed")} == {
        "the move"}
    assert entries[0]["actor"]

    again = run(purser, *arguments, status=1)
    assert counts(again) == [0, 0, 5, 2, 2]
    assert resources(purser, "Users") == users and resources(purser, "Groups") == groups


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(purser, write):
    arguments = directory_arguments(write)
    assert counts(run(purser, *arguments, "--dry-run", status=1)) == [5, 0, 0, 2, 2]
    assert resources(purser, "Users") == {} and resources(purser, "Groups") == {}
    run(purser, *arguments, status=1)
    purser.scim.delete(f"/Users/{resources(purser, 'Users')['bob']['id']}")
    before = resources(purser, "Users"), resources(purser, "Groups")
    # Bob would come again, and with him ada's manager and a member of the crew.
    assert counts(run(purser, *arguments, "--dry-run", status=1)) == [1, 2, 2, 2, 2]
    assert (resources(purser, "Users"), resources(purser, "Groups")) == before
    assert counts(run(purser, *arguments, status=1)) == [1, 2, 2, 2, 2]


def test_who_is_there_gets_what_the_file_says_or_is_left(purser, write):
    kept = {"schemas": [USER], "userName": "Eve", "title": "Dr", "nickName": "E"}
    assert purser.scim.post("/Users", kept).status == 201
    known = {"schemas": [USER], "userName": "old-name", "externalId": "e-7"}
    assert purser.scim.post("/Users", known).status == 201
    lines = write("users.jsonl", "\n".join(json.dumps(one) for one in (
        {"userName": "eve", "title": "Prof", "nickName": None},
        {"userName": "new-name", "externalId": "e-7"})))
    assert counts(run(purser, lines, "--existing", "skip")) == [0, 0, 2, 0, 0]
    assert resources(purser, "Users")["Eve"]["title"] == "Dr"
    assert counts(run(purser, lines)) == [0, 2, 0, 0, 0]
    users = resources(purser, "Users")
    assert set(users) == {"eve", "new-name"}
    assert (users["eve"]["title"], users["eve"]["nickName"]) == ("Prof", "E")


def test_groups_of_one_name_are_told_apart_or_refused(purser, write):
    twins = [{"schemas": [GROUP], "displayName": "twins", "externalId": name} for name in "ab"]
    groups = write("groups.json", json.dumps(twins))
    assert counts(run(purser, groups)) == [2, 0, 0, 0, 0]
    assert counts(run(purser, groups)) == [0, 0, 2, 0, 0]
    for one in twins:
        del one["externalId"]
    unclear = run(purser, write("unclear.json", json.dumps(twins)), status=1)
    assert counts(unclear) == [0, 0, 0, 2, 0]
    assert {one["field"] for one in unclear["refusals"]} == {"displayName"}


def test_what_a_server_lists_is_imported_by_another(purser, start, tmp_path, write):
    run(purser, *directory_arguments(write), status=1)
    files = [write(f"{kind}.json", purser.scim.get(f"/{kind}?count=1000").body)
             for kind in ("Groups", "Users")]
    other = start(Purser(tmp_path / "other"))
    assert counts(run(other, *files)) == [5, 0, 0, 0, 0]
    ids = {one["id"]: name for name, one in resources(purser, "Users").items()}
    others = {one["id"]: name for name, one in resources(other, "Users").items()}

    def by_name(users, names):
        return {name: (one["name"], names.get(one.get(ENTERPRISE, {}).get("manager", {}).get(
            "value"))) for name, one in users.items()}
    assert by_name(resources(purser, "Users"), ids) == by_name(resources(other, "Users"), others)
    crew = resources(other, "Groups")["crew"]
    assert {one["value"] for one in crew["members"]} == {
        resources(other, "Users")["bob"]["id"], resources(other, "Groups")["all"]["id"]}


def test_a_group_larger_than_a_call_comes_in_whole(purser, write):
    users = [{"userName": f"u{i}", "id": str(i)} for i in range(5000)]
    group = {"schemas": [GROUP], "displayName": "everyone",
             "members": [{"value": one["id"]} for one in users]}
    # The group first: all of its members are forward references.
    lines = write("all.jsonl", "\n".join(json.dumps(one) for one in (group, *users)))
    assert counts(run(purser, lines)) == [5001, 0, 0, 0, 0]
    everyone = resources(purser, "Groups")["everyone"]
    assert len({one["value"] for one in everyone["members"]}) == 5000


@pytest.mark.parametrize("name, content, line, field", [
    ("u.jsonl", '{"userName": "a"}\n{"userName": 5}\n', 2, "userName"),
    ("u.jsonl", '{"userName": "a"}\n{"userName": \n', 2, ""),
    ("u.json", '[{"userName": "a"},\n{"userName": "b", "emails": "x@example.com"}]', 2, "emails"),
    ("u.json", '[{"userName": "a"},\n{"userName": "b"', 2, ""),
    ("u.jsonl", '{"userName": "a"}\n{"displayName": "b"}\n', 2, "schemas"),
    ("u.csv", "userName,active\na,True\nb,perhaps\n", 3, "active"),
    ("u.csv", "userName,active\na,True\nb\n", 3, ""),
    ("u.csv", "userName,title\na,x\n".encode() + b"b,\xf6\n", 3, ""),
])
def test_a_line_that_is_wrong_is_refused_alone(purser, write, name, content, line, field):
    option = ["--users"] if name.endswith(".csv") else []
    report = run(purser, *option, write(name, content), status=1)
    assert counts(report) == [1, 0, 0, 1, 0]
    [refused] = report["refusals"]
    assert (refused["line"], refused["field"]) == (line, field)
    assert refused["message"] and refused["remedy"]
    assert set(resources(purser, "Users")) == {"a"}


def test_what_is_wrong_with_the_command_is_said_before_anything_is_put(purser, write):
    users = write("u.csv", "userName,E-Mail\na,a@example.com\n")
    unknown = purser.cli("import", "--users", users)
    assert unknown.returncode == 2 and "E-Mail" in unknown.stderr and "--map" in unknown.stderr
    for arguments in (["import"], ["import", users], ["import", "/no/such.json"],
                      ["import", "--users", users, "--map", "E-Mail"]):
        assert purser.cli(*arguments).returncode == 2, arguments
    minted = purser.cli_json("token", "mint", "--admin", "--role", "viewer", "--reason", "a test")
    viewer = {"PURSER_TOKEN": minted["secret"]}
    done = purser.cli("import", "--users", users, "--map", "E-Mail=", env=viewer)
    assert done.returncode == 1 and "operator" in done.stderr
    assert resources(purser, "Users") == {}


def test_one_file_imported_by_two_nodes_at_once_comes_in_once(start, tmp_path, write, kafka):
    """The log decides: what one node has appended loses to the other's, and is decided again."""
    log = kafka.log_url("import")
    first = start(Purser(tmp_path / "first", log=log))
    second = start(Purser(tmp_path / "second", log=log))
    count = 1500
    users = [{"userName": f"u{i}", "id": str(i),
              ENTERPRISE: {"manager": {"value": str(count - 1 - i)}}} for i in range(count)]
    files = [write(name, "\n".join(json.dumps(one) for one in lines)) for name, lines in (
        ("up.jsonl", users), ("down.jsonl", users[::-1]))]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda one: run(*one), zip((first, second), files)))
    assert sum(report["created"] for report in reports) == count
    assert [report["lines"] for report in reports] == [count, count]
    for node in (first, second):
        listed = [one for start_index in (1, 1001) for one in node.scim.get(
            f"/Users?count=1000&startIndex={start_index}").json()["Resources"]]
        ids = {one["userName"]: one["id"] for one in listed}
        assert len(listed) == len(ids) == count
        assert all(one[ENTERPRISE]["manager"]["value"] ==
                   ids[f"u{count - 1 - int(one['userName'][1:])}"] for one in listed)
