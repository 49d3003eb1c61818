"""A directory's own schemas and limits, from the file to the application; on both engines."""

from people import make_person
from processes import Purser
from scim_clients import quoted
from waiting import wait_until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
HR = "urn:acme:params:scim:schemas:hr:2.0:User"
CODE = f"{HR}:jobCode"

DIRECTORY = f"""
directories:
  - name: main
    limits: {{max_results: 2}}
    schemas:
      - urn: {HR}
        extends: user
        name: Personnel
        attributes:
          - {{name: jobCode, case_exact: true}}
          - {{name: badge, mutability: immutable}}
          - name: desks
            type: complex
            multi_valued: true
            sub_attributes: [{{name: value}}, {{name: floor, type: integer}}]
"""
WITHOUT = "directories:\n  - name: main\n"


def applied(purser, tmp_path, text):
    path = tmp_path / "directory.yaml"
    path.write_text(text)
    return purser.cli("apply", "-f", path, "--reason", "a test")


def create(purser, name, **hr):
    answer = purser.scim.post("/Users", {"schemas": [USER, HR], "userName": name, HR: hr})
    assert answer.status == 201, answer.text
    return answer.json()["id"]


def test_own_schemas_hold_from_the_apply_on_and_after_a_restart(start, log_address, tmp_path):
    purser = start(Purser(tmp_path / "run", log=log_address))
    assert purser.scim.get(f"/Schemas/{HR}").status == 404
    done = applied(purser, tmp_path, DIRECTORY)
    assert done.returncode == 0, done.stderr
    assert purser.scim.get(f"/Schemas/{HR}").json()["name"] == "Personnel"
    assert purser.scim.get("/ServiceProviderConfig").json()["filter"]["maxResults"] == 2

    ada = create(purser, "ada", jobCode="E1", badge="7", desks=[{"value": "a", "floor": 3}])
    for n in range(3):
        create(purser, f"user{n}", jobCode=f"e{n}")
    assert purser.scim.get("/Users?count=1000").json()["itemsPerPage"] == 2

    def found(text):
        return [user["userName"] for user in
                purser.scim.get(f"/Users?filter={quoted(text)}").json()["Resources"]]

    def check():
        assert found(f'{CODE.upper()} eq "E1"') == ["ada"]
        assert found(f'{HR}:desks[floor ge 3]') == ["ada"]
        assert purser.scim.get(f"/Users/{ada}").json()[HR]["badge"] == "7"
        operation = {"op": "replace", "path": f"{HR}:badge", "value": "8"}
        refused = purser.scim.patch(f"/Users/{ada}", {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation]})
        assert (refused.status, refused.json()["scimType"]) == (400, "mutability")

    check()
    purser.restart()
    check()

    wrong = applied(purser, tmp_path, DIRECTORY.replace("name: badge", "name: bad ge"))
    assert wrong.returncode == 1 and "directory.yaml:11:" in wrong.stderr, wrong.stderr
    assert "schemas[0].attributes[1].name" in wrong.stderr and "a letter first" in wrong.stderr
    check()

    assert applied(purser, tmp_path, WITHOUT).returncode == 0
    assert HR not in purser.scim.get(f"/Users/{ada}").json()
    purser.restart()
    assert HR not in purser.scim.get(f"/Users/{ada}").json()
    assert applied(purser, tmp_path, DIRECTORY).returncode == 0
    check()


def test_an_app_is_sent_an_own_attribute_and_keeps_its_schema_from_being_dropped(world, tmp_path):
    here = world()
    text = open(here.purser.apply[0]).read()
    name = "  - name: preciate\n"
    row = f"    users: {{rows: [{{target: title, source: '{CODE.lower()}'}}]}}\n"
    both = tmp_path / "all.yaml"
    both.write_text(DIRECTORY + text.replace(name, name + row))
    here.purser.apply = [str(both)]
    here.start()
    person = make_person(1)
    here.entra.create_user(person)
    operation = {"op": "add", "path": CODE, "value": "E1"}
    changed = here.purser.scim.patch(f"/Users/{person.id}", {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
    assert changed.status == 200, changed.text

    def titles():
        return [user.get("title") for user in here.sandbox.state("preciate")["users"]]

    wait_until(lambda: titles() == ["E1"], 20, titles)
    dropped = applied(here.purser, tmp_path, WITHOUT)
    assert dropped.returncode != 0
    for word in ("preciate", "unknown attribute", "jobcode", "change the app first"):
        assert word in dropped.stderr.lower(), dropped.stderr
    assert here.purser.scim.get(f"/Schemas/{HR}").status == 200
