"""Identity providers, as they really write: two dialects of Entra ID, and Okta.

Each client changes the `Directory` it is given as it gets answers, so that this holds what Purser
has acknowledged. A refusal that was not expected is a Refused.
"""

import json
import time
import urllib.parse
import uuid

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PRIVATE_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

# Where each of a person's attributes stands in SCIM.
PATHS = {
    "userName": "userName", "externalId": "externalId", "displayName": "displayName",
    "title": "title", "preferredLanguage": "preferredLanguage",
    "givenName": "name.givenName", "familyName": "name.familyName",
    "email": 'emails[type eq "work"].value', "phone": 'phoneNumbers[type eq "work"].value',
    "street": 'addresses[type eq "work"].streetAddress',
    "locality": 'addresses[type eq "work"].locality',
    "region": 'addresses[type eq "work"].region',
    "postalCode": 'addresses[type eq "work"].postalCode',
    "country": 'addresses[type eq "work"].country',
    "department": f"{ENTERPRISE}:department", "costCenter": f"{ENTERPRISE}:costCenter",
    "division": f"{ENTERPRISE}:division", "organization": f"{ENTERPRISE}:organization",
    "employeeNumber": f"{ENTERPRISE}:employeeNumber",
}
ADDRESS = {"street": "streetAddress", "locality": "locality", "region": "region",
           "postalCode": "postalCode", "country": "country"}
PLAIN = ("userName", "externalId", "displayName", "title", "preferredLanguage")


class Refused(Exception):
    def __init__(self, what, answer):
        super().__init__(f"{what}: {answer.status} {answer.text[:500]}")
        self.status = answer.status
        self.answer = answer


def everyone(scim, attributes=None):
    """Every user of the directory, page by page."""
    found, start = [], 1
    shown = f"&attributes={attributes}" if attributes else ""
    while True:
        answer = scim.get(f"/Users?startIndex={start}&count=500{shown}")
        assert answer.status == 200, answer.text
        page = answer.json()
        found += page.get("Resources", [])
        start += page["itemsPerPage"]
        if start > page["totalResults"] or not page["itemsPerPage"]:
            return found


def create_in_bulk(scim, people, at_once=500):
    """Creates these people in few requests; their ids are not told."""
    documents = ScimClient(None, None)
    for first in range(0, len(people), at_once):
        operations = [{"method": "POST", "path": "/Users", "bulkId": person.key,
                       "data": documents.user_document(person)}
                      for person in people[first:first + at_once]]
        answer = scim.post("/Bulk", {"schemas": [BULK], "Operations": operations})
        assert answer.status == 200, answer.text[:500]
        assert {one["status"] for one in answer.json()["Operations"]} == {"201"}


def quoted(text):
    return urllib.parse.quote(text)


class ScimClient:
    """What the providers have in common."""

    extra_query = ""  # what the tenant's URL ends in

    def __init__(self, wire, directory):
        self.wire = wire
        self.directory = directory
        self.reads_put_off = 0  # reads that were answered 503 and asked again

    def _path(self, path):
        if not self.extra_query:
            return path
        return path + ("&" if "?" in path else "?") + self.extra_query

    def call(self, method, path, body=None, expect=(200, 201, 204), headers=None):
        answer = self.wire.request(method, self._path(path), body, headers)
        if answer.status == 503 and method == "GET" and "retry-after" in answer.headers:
            answer = self._read_again(path, answer)
        if answer.status not in expect:
            raise Refused(f"{method} {path}", answer)
        return answer

    def _read_again(self, path, answer):
        """What providers do with a 503 to a read: ask again after the time it names."""
        for _ in range(5):
            time.sleep(float(answer.headers["retry-after"]))
            self.reads_put_off += 1
            answer = self.wire.request("GET", self._path(path))
            if answer.status != 503:
                break
        return answer

    # What the directory holds after an acknowledged request.

    def _created(self, person, answer):
        document = answer.json()
        with self.directory.lock:
            person.id = document["id"]
            person.deleted = False
            self.directory.people[person.key] = person
        return document

    def _changed(self, person, changes):
        with self.directory.lock:
            for name, value in changes.items():
                if name in ("active", "manager"):
                    setattr(person, name, value)
                elif value is None:
                    person.cleared.add(name)
                    person.attributes.pop(name, None)
                else:
                    person.attributes[name] = value
            person.was_active = person.was_active or person.active

    def _id_of(self, key):
        return self.directory.people[key].id

    def delete_user(self, person):
        self.call("DELETE", f"/Users/{person.id}", expect=(204,))
        with self.directory.lock:
            person.deleted = True
            for group in self.directory.groups.values():
                group.members.discard(person.key)
            for other in self.directory.people.values():
                if other.manager == person.key:
                    other.manager = None

    def delete_group(self, group):
        self.call("DELETE", f"/Groups/{group.id}", expect=(204,))
        with self.directory.lock:
            group.deleted = True

    def user_document(self, person):
        """A whole user, as a POST or a PUT holds it."""
        has = person.attributes
        document = {"schemas": [USER, ENTERPRISE]}
        document.update({name: has[name] for name in PLAIN if name in has})
        document["name"] = {name: has[name] for name in ("givenName", "familyName") if name in has}
        if "email" in has:
            document["emails"] = [{"type": "work", "value": has["email"], "primary": True}]
        if "phone" in has:
            document["phoneNumbers"] = [{"type": "work", "value": has["phone"]}]
        address = {scim: has[name] for name, scim in ADDRESS.items() if name in has}
        if address:
            document["addresses"] = [{"type": "work", **address}]
        extension = {name: has[name] for name in ("department", "costCenter", "division",
                                                  "organization", "employeeNumber") if name in has}
        document[ENTERPRISE] = extension
        document["active"] = person.active
        return document


class EntraClient(ScimClient):
    """Entra ID's default dialect: Add/Replace/Remove, an operation an attribute, "False"."""

    add, replace, remove = "Add", "Replace", "Remove"

    def test_connection(self):
        answer = self.call("GET", f'/Users?filter={quoted(self._eq("userName", uuid.uuid4()))}')
        assert answer.json()["totalResults"] == 0
        return answer

    @staticmethod
    def _eq(attribute, value):
        return f'{attribute} eq "{value}"'

    def find_user(self, user_name):
        found = self.call("GET", f'/Users?filter={quoted(self._eq("userName", user_name))}').json()
        return found["Resources"][0] if found["totalResults"] else None

    def create_user(self, person):
        """Looks first, posts, and sets the manager by a PATCH once both are there."""
        assert self.find_user(person.user_name) is None, f"{person.key} is there already"
        document = self.user_document(person)
        document["schemas"] = [USER, ENTERPRISE, f"{ENTERPRISE}:Misspelt"]
        document["meta"] = {"resourceType": "User"}
        document["roles"] = []
        document["nickName"] = None
        if "email" in person.attributes:
            document["emails"] = [{"primary": "True", "type": "work",
                                   "value": person.attributes["email"]}]
        manager, person.manager = person.manager, None
        created = self._created(person, self.call("POST", "/Users", document, expect=(201,)))
        assert self.call("GET", f"/Users/{person.id}").json()["id"] == created["id"]
        if manager is not None:
            self.update_user(person, manager=manager)
        return person

    def _operation(self, person, name, value):
        if name == "active":
            return {"op": self.replace, "path": "active", "value": "True" if value else "False"}
        if name == "manager":
            path = f"{ENTERPRISE}:manager"
            if value is None:
                return {"op": self.replace, "path": path, "value": {"value": ""}}
            return {"op": self.add, "path": path,
                    "value": [{"$ref": f"../Users/{self._id_of(value)}",
                               "value": self._id_of(value)}]}
        if value is None:
            return {"op": self.remove, "path": PATHS[name]}
        # The element of a value path is made by an add; a replace must find it.
        op = self.replace if name in person.attributes else self.add
        return {"op": op, "path": PATHS[name], "value": value}

    def patch(self, path, operations):
        return self.call("PATCH", path, {"schemas": [PATCH], "Operations": operations},
                         expect=(200, 204))

    def update_user(self, person, **changes):
        self.patch(f"/Users/{person.id}",
                   [self._operation(person, name, value) for name, value in changes.items()])
        self._changed(person, changes)

    def set_role(self, person, role):
        """As AssertiveAppRoleAssignmentsComplex sends it: the value is JSON inside a string."""
        value = json.dumps({"id": str(uuid.uuid4()), "value": role, "displayName": role})
        self.patch(f"/Users/{person.id}",
                   [{"op": self.add, "path": 'roles[primary eq "True"].value', "value": value}])

    def create_group(self, group):
        found = self.call("GET", "/Groups?excludedAttributes=members&filter=" +
                          quoted(self._eq("displayName", group.name))).json()
        assert found["totalResults"] == 0
        document = {"schemas": [GROUP, PRIVATE_GROUP], "displayName": group.name,
                    "externalId": group.external_id, "meta": {"resourceType": "Group"}}
        created = self.call("POST", "/Groups", document, expect=(201,)).json()
        members, group.members = set(group.members), set()
        with self.directory.lock:
            group.id = created["id"]
            self.directory.groups[group.key] = group
        read = self.call("GET", f"/Groups/{group.id}?excludedAttributes=members").json()
        assert "members" not in read
        self.add_members(group, members)
        return group

    def add_members(self, group, keys, chunk=15):
        """At most 15 members a request, as Entra sends them."""
        keys = sorted(keys)
        for start in range(0, len(keys), chunk):
            part = keys[start:start + chunk]
            self.patch(f"/Groups/{group.id}", [
                {"op": self.add, "path": "members",
                 "value": [{"$ref": None, "value": self._id_of(key)} for key in part]}])
            with self.directory.lock:
                group.members.update(part)

    def remove_member(self, group, key):
        self.patch(f"/Groups/{group.id}", [
            {"op": self.remove, "path": "members",
             "value": [{"$ref": None, "value": self._id_of(key)}]}])
        with self.directory.lock:
            group.members.discard(key)

    def rename_group(self, group, name):
        self.patch(f"/Groups/{group.id}",
                   [{"op": self.replace, "path": "displayName", "value": name}])
        with self.directory.lock:
            group.name = name


class EntraFlagClient(EntraClient):
    """Entra ID's flag dialect: lower case, real booleans, one path-less replace with dotted keys."""

    add, replace, remove = "add", "replace", "remove"
    extra_query = "aadOptscim062020"

    def update_user(self, person, **changes):
        merged, operations = {}, []
        for name, value in changes.items():
            if value is None and name != "manager":
                operations.append({"op": "remove", "path": PATHS[name]})
            elif name == "active":
                merged["active"] = value
            elif name == "manager":
                merged[f"{ENTERPRISE}:manager"] = self._id_of(value) if value else {"value": ""}
            elif "[" in PATHS[name]:
                operations.append(self._operation(person, name, value))
            else:
                merged[PATHS[name]] = value
        if merged:
            operations.insert(0, {"op": "replace", "value": merged})
        self.patch(f"/Users/{person.id}", operations)
        self._changed(person, changes)

    def remove_member(self, group, key):
        self.patch(f"/Groups/{group.id}",
                   [{"op": "remove", "path": f'members[value eq "{self._id_of(key)}"]'}])
        with self.directory.lock:
            group.members.discard(key)


class OktaClient(ScimClient):
    """Okta: whole PUTs, a path-less replace to deactivate, group push."""

    def test_connection(self):
        return self.call("GET", "/Users?count=1&startIndex=1")

    def find_user(self, user_name):
        sought = quoted(f'userName eq "{user_name}"')
        found = self.call("GET", f"/Users?filter={sought}&startIndex=1&count=100").json()
        return found["Resources"][0] if found["totalResults"] else None

    def _document(self, person):
        document = self.user_document(person)
        if person.manager is not None:
            document[ENTERPRISE]["manager"] = {"value": self._id_of(person.manager)}
        return document

    def create_user(self, person):
        assert self.find_user(person.user_name) is None, f"{person.key} is there already"
        document = {**self._document(person), "password": "t1meMa$heen", "groups": []}
        self._created(person, self.call("POST", "/Users", document, expect=(201,)))
        return person

    def update_user(self, person, **changes):
        if set(changes) == {"active"}:
            self.call("PATCH", f"/Users/{person.id}", {
                "schemas": [PATCH],
                "Operations": [{"op": "replace", "value": {"active": changes["active"]}}]})
            self._changed(person, changes)
            return
        self._changed(person, changes)
        self.call("PUT", f"/Users/{person.id}", {**self._document(person), "id": person.id,
                                                 "meta": {"resourceType": "User"}})

    def create_group(self, group):
        members = [{"value": self._id_of(key), "display": key} for key in sorted(group.members)]
        created = self.call("POST", "/Groups", {"schemas": [GROUP], "displayName": group.name,
                                                "members": members}, expect=(201,)).json()
        with self.directory.lock:
            group.external_id = None  # Okta pushes none
            group.id = created["id"]
            self.directory.groups[group.key] = group
        return group

    def _push(self, group, operations):
        self.call("PATCH", f"/Groups/{group.id}", {"schemas": [PATCH], "Operations": operations})

    def add_members(self, group, keys):
        self._push(group, [{"op": "add", "path": "members",
                            "value": [{"value": self._id_of(key)} for key in sorted(keys)]}])
        with self.directory.lock:
            group.members.update(keys)

    def remove_member(self, group, key):
        self._push(group, [{"op": "remove", "path": f'members[value eq "{self._id_of(key)}"]'}])
        with self.directory.lock:
            group.members.discard(key)

    def rename_group(self, group, name):
        self._push(group, [{"op": "replace", "value": {"id": group.id, "displayName": name}}])
        with self.directory.lock:
            group.name = name
