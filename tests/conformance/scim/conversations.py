"""What identity providers send, as recorded: conversations as data, for any SCIM server.

python tests/conformance/scim/conversations.py http://HOST/scim/v2 TOKEN   (with tests/support on the path)

Written from what providers document and from what their clients were seen to send; no provider's
own text. A step is (what it shows, request, body, expected status, what the answer holds, what is
kept of it). {name} in any of it is what an earlier step kept, {guid} and {tag} are new in every run.
"""

import json
import re
import sys
import urllib.parse
import uuid
from dataclasses import dataclass

from scim_clients import ENTERPRISE, GROUP, PATCH, PRIVATE_GROUP, USER
from wire import Wire

ABSENT = object()  # of a part of an answer
MISSPELT = "urn:ietf:params:scim:schemas:extension:Misspelt:2.0:User"
MANAGER = f"{ENTERPRISE}/manager/value"
FLAG = "aadOptscim062020"


def step(shows, request, body=None, expect=200, holds=None, keeps=None):
    return {"shows": shows, "request": request, "body": body, "expect": expect,
            "holds": holds or {}, "keeps": keeps or {}}


def patch(shows, path, *operations, holds=None, expect=(200, 204)):
    """A PATCH, and what a GET of the same holds after it."""
    body = {"schemas": [PATCH], "Operations": list(operations)}
    return {**step(shows, f"PATCH {path}", body, expect, holds),
            "read": f"GET {path.split('?')[0]}"}


def op(kind, path=None, value=ABSENT):
    return {"op": kind, **({"path": path} if path else {}),
            **({} if value is ABSENT else {"value": value})}


def nobody(query=""):
    return step("test connection: nobody is found, and that is no error",
                f'GET /Users?filter=userName eq "{{guid}}"{query}',
                holds={"totalResults": 0, "Resources": (ABSENT, [])})


def user(name, /, **more):
    return {"schemas": [USER, ENTERPRISE], "userName": f"{name}-{{tag}}@example.com", **more}


def member(name):
    return {"$ref": None, "value": f"{{{name}}}"}


ENTRA = [
    nobody(),
    step("a manager is created", "POST /Users", user("boss", active=True), 201,
         {"userName": "boss-{tag}@example.com"}, {"boss": "id"}),
    step("a user is created", "POST /Users",
         user("ada", externalId="ada-{tag}", active=True, displayName="Ada", title="Countess",
              name={"givenName": "Ada", "familyName": "Byron"},
              emails=[{"primary": True, "type": "work", "value": "ada@example.com"}]),
         201, {"externalId": "ada-{tag}"}, {"ada": "id"}),
    step("a create holds meta, nulls and an empty list", "POST /Users",
         user("nulls", meta={"resourceType": "User"}, nickName=None, roles=[]), 201,
         {"nickName": ABSENT, "roles": (ABSENT, [])}),
    step("a create holds a boolean as a text", "POST /Users",
         user("texts", emails=[{"primary": "True", "type": "work", "value": "t@example.com"}]),
         201, {"emails[type=work]/primary": True}),
    step("a create names a URN that is misspelt", "POST /Users",
         {**user("urns"), "schemas": [USER, ENTERPRISE, MISSPELT]}, 201),
    step("it is read at once", "GET /Users/{ada}", holds={"externalId": "ada-{tag}"}),
    step("it is found at once", 'GET /Users?filter=externalId eq "ada-{tag}"',
         holds={"totalResults": 1, "Resources/0/id": "{ada}"}),
    step("a second create of the name is a conflict", "POST /Users", user("ADA"), 409,
         {"status": "409", "scimType": "uniqueness"}),
    patch("Add on a value path that nothing matches makes the element", "/Users/{ada}",
           op("Add", 'emails[type eq "home"].value', "ada@home.example"),
           holds={"emails[type=home]/value": "ada@home.example",
                  "emails[type=work]/value": "ada@example.com"}),
    patch("Add makes the element of a telephone and of an address", "/Users/{ada}",
           op("Add", 'phoneNumbers[type eq "work"].value', "+1 617 555 0100"),
           op("Add", 'addresses[type eq "work"].locality', "Boston"),
           op("Add", 'addresses[type eq "work"].country', "US"),
           holds={"phoneNumbers[type=work]/value": "+1 617 555 0100",
                  "addresses[type=work]/country": "US"}),
    patch("Replace on a value path changes what matches", "/Users/{ada}",
           op("Replace", 'emails[type eq "work"].value', "ada@work.example"),
           holds={"emails[type=work]/value": "ada@work.example"}),
    patch("a user is disabled by a text", "/Users/{ada}", op("Replace", "active", "False"),
           holds={"active": False}),
    patch("and enabled", "/Users/{ada}", op("Replace", "active", "True"), holds={"active": True}),
    patch("the manager comes as a list with a reference", "/Users/{ada}",
           op("Add", f"{ENTERPRISE}:manager", [{"$ref": "../Users/{boss}", "value": "{boss}"}]),
           holds={MANAGER: "{boss}"}),
    patch("the manager is cleared by an empty value", "/Users/{ada}",
           op("Replace", f"{ENTERPRISE}:manager", {"value": ""}), holds={MANAGER: ABSENT}),
    patch("the manager comes as an object", "/Users/{ada}",
           op("Add", f"{ENTERPRISE}:manager", {"value": "{boss}"}), holds={MANAGER: "{boss}"}),
    patch("the manager is removed", "/Users/{ada}", op("Remove", f"{ENTERPRISE}:manager"),
           holds={MANAGER: ABSENT}),
    patch("the manager comes as a plain text", "/Users/{ada}",
           op("Replace", f"{ENTERPRISE}:manager", "{boss}"), holds={MANAGER: "{boss}"}),
    patch("an extension's attribute by its whole name", "/Users/{ada}",
           op("Add", f"{ENTERPRISE}:department", "Engines"),
           holds={f"{ENTERPRISE}/department": "Engines"}),
    patch("a role's value is JSON inside a text", "/Users/{ada}",
           op("Add", 'roles[primary eq "True"].value',
              '{"id":"{guid}","value":"Approver","displayName":"Approver"}'),
           holds={"roles[primary=True]/value": "Approver"}),
    patch("Remove clears", "/Users/{ada}", op("Remove", "title"), holds={"title": ABSENT}),
    step("a group is sought without its members",
         'GET /Groups?excludedAttributes=members&filter=displayName eq "all-{tag}"',
         holds={"totalResults": 0}),
    step("a group is created", "POST /Groups",
         {"schemas": [GROUP], "externalId": "all-{tag}", "displayName": "all-{tag}",
          "meta": {"resourceType": "Group"}},
         201, {"displayName": "all-{tag}"}, {"all": "id"}),
    step("a group has a private URN", "POST /Groups",
         {"schemas": [GROUP, PRIVATE_GROUP], "displayName": "private-{tag}"}, 201),
    patch("members are added", "/Groups/{all}?excludedAttributes=members",
           op("Add", "members", [member("ada"), member("boss")]),
           holds={"members/*/value": {"{ada}", "{boss}"}}),
    patch("a member that is there is added again", "/Groups/{all}",
           op("Add", "members", [member("ada")]), holds={"members/*/value": {"{ada}", "{boss}"}}),
    step("a group is read without its members", "GET /Groups/{all}?excludedAttributes=members",
         holds={"members": ABSENT, "id": "{all}"}),
    step("so is a list of groups",
         'GET /Groups?excludedAttributes=members&filter=displayName eq "all-{tag}"',
         holds={"totalResults": 1, "Resources/0/members": ABSENT}),
    patch("Remove with a list of members removes those and no other", "/Groups/{all}",
           op("Remove", "members", [member("boss")]), holds={"members/*/value": {"{ada}"}}),
    patch("a group is renamed", "/Groups/{all}", op("Replace", "displayName", "every-{tag}"),
           holds={"displayName": "every-{tag}"}),
    step("a user is deleted", "DELETE /Users/{ada}", expect=204),
    step("and is gone", "GET /Users/{ada}", expect=404, holds={"status": "404"}),
    step("from its groups too", "GET /Groups/{all}", holds={"members": (ABSENT, [])}),
    step("a group is deleted", "DELETE /Groups/{all}", expect=204),
    step("its last one is deleted", "DELETE /Users/{boss}", expect=204),
]

ENTRA_FLAG = [
    nobody(f"&{FLAG}"),
    step("a manager is created", f"POST /Users?{FLAG}", user("chief", active=True), 201, {},
         {"chief": "id"}),
    step("a user is created", f"POST /Users?{FLAG}",
         user("bob", active=True, displayName="Bob", title="Clerk",
              emails=[{"primary": True, "type": "work", "value": "bob@example.com"}]),
         201, {"active": True}, {"bob": "id"}),
    patch("one replace without a path, with dotted names and URNs", f"/Users/{{bob}}?{FLAG}",
           op("replace", value={"displayName": "Robert", "name.givenName": "Robert",
                                "name.familyName": "Stone",
                                f"{ENTERPRISE}:department": "Sales", "active": True}),
           holds={"displayName": "Robert", "name/givenName": "Robert", "name/familyName": "Stone",
                  f"{ENTERPRISE}/department": "Sales", "title": "Clerk"}),
    patch("the manager is a plain text behind its URN", f"/Users/{{bob}}?{FLAG}",
           op("replace", value={f"{ENTERPRISE}:manager": "{chief}"}), holds={MANAGER: "{chief}"}),
    patch("add makes the element of a value path", f"/Users/{{bob}}?{FLAG}",
           op("add", 'emails[type eq "other"].value', "bob@other.example"),
           holds={"emails[type=other]/value": "bob@other.example"}),
    patch("a user is disabled by a boolean", f"/Users/{{bob}}?{FLAG}",
           op("replace", value={"active": False}), holds={"active": False}),
    step("a group is created", f"POST /Groups?{FLAG}",
         {"schemas": [GROUP], "displayName": "crew-{tag}"}, 201, {}, {"crew": "id"}),
    patch("members are added", f"/Groups/{{crew}}?{FLAG}",
           op("add", "members", [{"value": "{bob}"}, {"value": "{chief}"}]),
           holds={"members/*/value": {"{bob}", "{chief}"}}),
    patch("a member is removed by a value path", f"/Groups/{{crew}}?{FLAG}",
           op("remove", 'members[value eq "{bob}"]'), holds={"members/*/value": {"{chief}"}}),
    step("a user is deleted", f"DELETE /Users/{{bob}}?{FLAG}", expect=204),
    step("a group is deleted", f"DELETE /Groups/{{crew}}?{FLAG}", expect=204),
    step("its last one is deleted", f"DELETE /Users/{{chief}}?{FLAG}", expect=204),
]

OKTA_USER = user("cy", externalId="cy-{tag}", active=True, displayName="Cy Young",
                 name={"givenName": "Cy", "familyName": "Young"}, title="Pitcher", locale="en-US",
                 emails=[{"primary": True, "value": "cy@example.com", "type": "work"}])

OKTA = [
    step("test connection", "GET /Users?count=1&startIndex=1", holds={"startIndex": 1}),
    step("a user is sought by pages",
         'GET /Users?filter=userName eq "cy-{tag}@example.com"&startIndex=1&count=100',
         holds={"totalResults": 0}),
    step("a create holds a password and empty groups", "POST /Users",
         {**OKTA_USER, "password": "1mz050nq", "groups": []}, 201,
         {"userName": "cy-{tag}@example.com", "password": ABSENT}, {"cy": "id"}),
    step("it is found", 'GET /Users?filter=userName eq "cy-{tag}@example.com"&startIndex=1&count=100',
         holds={"totalResults": 1, "Resources/0/id": "{cy}", "startIndex": 1}),
    step("a whole PUT clears what it leaves out", "PUT /Users/{cy}",
         {**{name: value for name, value in OKTA_USER.items() if name != "title"}, "id": "{cy}",
          "displayName": "Denton Young", "meta": {"resourceType": "User"}, "groups": []},
         200, {"id": "{cy}", "displayName": "Denton Young", "title": ABSENT, "locale": "en-US"}),
    patch("a user is disabled by a replace without a path", "/Users/{cy}",
           op("replace", value={"active": False}), holds={"active": False, "displayName":
                                                          "Denton Young"}),
    patch("and enabled", "/Users/{cy}", op("replace", value={"active": True}),
           holds={"active": True}),
    step("a group is pushed with its members", "POST /Groups",
         {"schemas": [GROUP], "displayName": "team-{tag}",
          "members": [{"value": "{cy}", "display": "cy-{tag}@example.com"}]},
         201, {"members/*/value": {"{cy}"}}, {"team": "id"}),
    patch("a push renames a group by its id and name", "/Groups/{team}",
           op("replace", value={"id": "{team}", "displayName": "nine-{tag}"}),
           holds={"displayName": "nine-{tag}", "members/*/value": {"{cy}"}}),
    patch("a member is removed by a value path", "/Groups/{team}",
           op("remove", 'members[value eq "{cy}"]'), holds={"members": (ABSENT, [])}),
    patch("and added", "/Groups/{team}", op("add", "members", [{"value": "{cy}"}]),
           holds={"members/*/value": {"{cy}"}}),
    step("groups are listed by pages", "GET /Groups?startIndex=1&count=100", holds={"startIndex": 1}),
    step("a group is deleted", "DELETE /Groups/{team}", expect=204),
    step("a user is deleted", "DELETE /Users/{cy}", expect=204),
]

ONELOGIN = [
    nobody(),
    step("a user is created with its common attributes", "POST /Users",
         {"schemas": [USER], "userName": "dee-{tag}@example.com",
          "name": {"givenName": "Dee", "familyName": "Snow"}, "active": True,
          "emails": [{"value": "dee@example.com", "type": "work", "primary": True}],
          "phoneNumbers": [{"value": "", "type": "mobile"}]},
         201, {"name/givenName": "Dee"}, {"dee": "id"}),
    step("a whole PUT renames", "PUT /Users/{dee}",
         {"schemas": [USER], "userName": "dee-{tag}@example.com", "active": True,
          "name": {"givenName": "Dee", "familyName": "Storm"},
          "emails": [{"value": "dee@example.com", "type": "work", "primary": True}]},
         200, {"name/familyName": "Storm"}),
    patch("a user is disabled by a path", "/Users/{dee}", op("replace", "active", False),
           holds={"active": False}),
    patch("several replaces in one request", "/Users/{dee}", op("replace", "active", True),
           op("replace", "name.familyName", "Snow"), op("replace", "title", "Pilot"),
           holds={"active": True, "name/familyName": "Snow", "title": "Pilot"}),
    step("a group is created", "POST /Groups", {"schemas": [GROUP], "displayName": "wing-{tag}"},
         201, {}, {"wing": "id"}),
    patch("members are added without a path", "/Groups/{wing}",
           op("add", value={"members": [{"value": "{dee}"}]}),
           holds={"members/*/value": {"{dee}"}}),
    patch("members are replaced by an empty list", "/Groups/{wing}", op("replace", "members", []),
           holds={"members": (ABSENT, [])}),
    patch("members are replaced by a list", "/Groups/{wing}",
           op("replace", "members", [{"value": "{dee}"}]), holds={"members/*/value": {"{dee}"}}),
    step("groups are sought by name", 'GET /Groups?filter=displayName eq "wing-{tag}"',
         holds={"totalResults": 1}),
    step("a group is deleted", "DELETE /Groups/{wing}", expect=204),
    step("a user is deleted", "DELETE /Users/{dee}", expect=204),
]

CONVERSATIONS = {"Entra ID": ENTRA, "Entra ID, flag dialect": ENTRA_FLAG, "Okta": OKTA,
                 "OneLogin": ONELOGIN}


@dataclass
class Verdict:
    conversation: str
    shows: str
    problem: str | None  # None: as expected


def filled(value, kept):
    """`value` with every {name} in its texts replaced."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: kept.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {name: filled(item, kept) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(filled(item, kept) for item in value)
    return value


def part(document, path):
    """What stands at members/*/value or emails[type=work]/value; ABSENT where nothing does."""
    for i, name in enumerate(steps := path.split("/")):
        if name == "*":
            found = (part(one, "/".join(steps[i + 1:])) for one in document)
            return {one for one in found if one is not ABSENT}
        chosen = re.fullmatch(r"(\w+)\[(\w+)=(\w+)\]", name)
        if isinstance(document, list):
            document = document[int(name)] if int(name) < len(document) else ABSENT
        elif chosen and isinstance(document, dict):
            document = next((one for one in document.get(chosen[1]) or []
                             if str(one.get(chosen[2])) == chosen[3]), ABSENT)
        else:
            document = document.get(name, ABSENT) if isinstance(document, dict) else ABSENT
        if document is ABSENT:
            return set() if "*" in steps else ABSENT
    return document


def problem_of(asked, answer, wire):
    """What is not as the step expects; None where all is."""
    expect = asked["expect"] if isinstance(asked["expect"], tuple) else (asked["expect"],)
    if answer.status not in expect:
        return f"{answer.status} in place of {expect[0]}: {answer.text[:200]}"
    if not (asked["holds"] or asked["keeps"]):
        return None
    if "read" in asked:
        answer = ask(wire, {"request": asked["read"], "body": None})
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return "the answer is no JSON object"
    for path, wanted in asked["holds"].items():
        found = part(document, path)
        if not any(found is one or found == one
                   for one in (wanted if isinstance(wanted, tuple) else (wanted,))):
            first = wanted[0] if isinstance(wanted, tuple) else wanted
            shown = ["absent" if one is ABSENT else repr(one) for one in (found, first)]
            return f"{path} is {shown[0]} in place of {shown[1]}"
    return None


def ask(wire, asked):
    method, path = asked["request"].split(" ", 1)
    path = urllib.parse.quote(path, safe="/?&=:")
    body = asked["body"]
    return wire.request(method, path, None if body is None else json.dumps(body).encode())


def run(base, token):
    """Holds every conversation with the server at `base`; a Verdict of each step."""
    wire, verdicts = Wire(base, token), []
    for conversation, steps in CONVERSATIONS.items():
        kept = {"tag": uuid.uuid4().hex[:8], "guid": str(uuid.uuid4())}
        for recorded in steps:
            asked = filled(recorded, kept)
            answer = ask(wire, asked)
            problem = problem_of(asked, answer, wire)
            if problem is None:
                for name, path in asked["keeps"].items():
                    kept[name] = part(answer.json(), path)
            verdicts.append(Verdict(conversation, asked["shows"], problem))
    return verdicts


def row_of(verdicts):
    """The cell that docs/conformance.md has of a server."""
    failed = sum(one.problem is not None for one in verdicts)
    return f"{len(verdicts) - failed} passed, {failed} failed"


if __name__ == "__main__":
    held = run(*sys.argv[1:3])
    for one in held:
        if one.problem is not None:
            print(f"{one.conversation}: {one.shows}: {one.problem}")
    print(row_of(held))
