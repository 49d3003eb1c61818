"""Conformance suites that others wrote, against the real program on both engines."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import conversations
import pytest
from peers import PEERS, PeerUnavailable
from processes import DEV_TOKEN, ROOT, Purser
from scim2_client.engines.httpx2 import Client, SyncSCIMClient
from scim2_models import PatchOp, SearchRequest

TOOLS = Path(sys.executable).parent
DOCS = ROOT / "docs/conformance.md"

# scim-sanity adds the member "fake-member-id". RFC 7643, section 2.3.7, lets a service provider
# enforce referential integrity for references, and Purser does: a member that nobody is would stay
# one that no application can be given.
WAIVED = {"PATCH /Groups/{id} add member": "Expected 200, got 400"}


# Of the types that scim2-tester can make values of.
OWN_SCHEMAS = """
directories:
  - name: main
    schemas:
      - urn: urn:acme:params:scim:schemas:hr:2.0:User
        extends: user
        name: Personnel
        description: What the personnel office knows.
        attributes:
          - {name: jobCode, case_exact: true, canonical_values: [E1, E2]}
          - {name: remote, type: boolean}
          - {name: floor, type: integer}
          - {name: desk, type: reference, reference_types: [external]}
          - name: parking
            type: complex
            sub_attributes: [{name: lot}, {name: space, type: integer}]
      - urn: urn:acme:params:scim:schemas:team:2.0:Group
        extends: group
        attributes: [{name: motto}]
"""


@pytest.fixture
def purser(start, tmp_path, log_address):
    return start(Purser(tmp_path / "purser", log=log_address))


def verdicts_of_tester(base, token):
    """[(status, check, what it says)] of scim2-tester, as scim2-cli prints them."""
    done = subprocess.run(
        [TOOLS / "scim2", "--url", base, "test"], text=True, capture_output=True, timeout=300,
        env={**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {token}"})
    parts = re.split(r"^([A-Z]+) (check_\w+|\w+)$", done.stdout, flags=re.MULTILINE)
    verdicts = [(status, check, text.strip())
                for status, check, text in zip(parts[1::3], parts[2::3], parts[3::3])]
    assert verdicts, done.stdout + done.stderr
    return verdicts


def sanity_results(base, token):
    """The JSON report of scim-sanity in its strict mode."""
    done = subprocess.run(
        [TOOLS / "scim-sanity", "probe", base, "--token", token, "--strict", "--json-output",
         "--i-accept-side-effects"], text=True, capture_output=True, timeout=300)
    return json.loads(done.stdout)


def row_of(base, token):
    """The cells that docs/conformance.md has of a server, and what the two suites found."""
    verdicts = verdicts_of_tester(base, token)
    found = [one for one in verdicts if one[0] not in ("SUCCESS", "COMPLIANT", "ACCEPTABLE")]
    report = sanity_results(base, token)
    wrong = {one["name"]: one.get("message") for one in report["results"]
             if one["status"] not in ("pass", "skip")}
    cells = (f"{len(verdicts) - len(found)} passed, {len(found)} failed",
             f"{report['summary']['passed']} passed, {len(wrong)} failed",
             conversations.row_of(conversations.run(base, token)))
    return cells, found, wrong


def documented():
    """{server: its cells} in docs/conformance.md."""
    rows = (line.strip("| \n").split(" | ") for line in DOCS.read_text().splitlines()
            if line.startswith("| "))
    return {row[0]: tuple(row[1:]) for row in rows}


def test_the_suites_find_nothing_but_the_references_that_are_enforced(purser, log_address):
    cells, found, wrong = row_of(purser.scim_base, DEV_TOKEN)
    assert found == []
    assert wrong == WAIVED
    name = "Purser, embedded log" if log_address is None else "Purser, Kafka log"
    assert documented()[name] == cells


def test_the_suites_find_no_more_where_a_directory_has_schemas_of_its_own(start, tmp_path):
    configured = tmp_path / "schemas.yaml"
    configured.write_text(OWN_SCHEMAS)
    purser = start(Purser(tmp_path / "purser", apply=[configured]))
    cells, found, wrong = row_of(purser.scim_base, DEV_TOKEN)
    assert found == []
    assert wrong == WAIVED
    passed = [int(one[0].split()[0]) for one in (cells, documented()["Purser, embedded log"])]
    assert passed[0] > passed[1], "every own attribute was found, added, replaced and removed"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_another_server_stands_in_the_docs_as_it_is_measured(start, tmp_path, peer):
    try:
        server = start(peer(tmp_path / "peer"))
    except PeerUnavailable as missing:
        pytest.skip(str(missing))
    cells, _, _ = row_of(server.base, server.TOKEN)
    assert documented()[peer.name] == cells


def test_an_independent_client_creates_reads_patches_and_searches(purser):
    http = Client(base_url=purser.scim_base, headers={"Authorization": f"Bearer {DEV_TOKEN}"})
    client = SyncSCIMClient(http)
    client.discover()
    user_type = client.get_resource_model("User")
    name = {"givenName": "Ada", "familyName": "Byron"}
    created = client.create(user_type(user_name="ada@example.com", active=True, name=name))
    assert client.query(user_type, created.id).name.family_name == "Byron"

    patch = PatchOp[user_type].model_validate({"Operations": [
        {"op": "replace", "path": "name.familyName", "value": "Lovelace"}]})
    assert client.modify(user_type, created.id, patch).name.family_name == "Lovelace"

    search = SearchRequest(filter='name.familyName eq "Lovelace"', count=5)
    found = client.search(search_request=search)
    assert [one.id for one in found.resources] == [created.id]

    twice = client.create(user_type(user_name="ADA@example.com"), raise_scim_errors=False)
    assert (twice.status, twice.scim_type) == (409, "uniqueness")
    assert client.delete(user_type, created.id) is None
    assert client.query(user_type, created.id, raise_scim_errors=False).status == 404
