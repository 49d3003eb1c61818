"""What a SCIM server should do, as small and plain as it can be said: a model to compare with.

Holds a part of the schema: the attributes in SIMPLE, emails, the manager, groups and members.
An operation that must be refused raises Refusal and changes nothing.
"""

import copy
import re

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DEPARTMENT = f"{ENTERPRISE}:department"
MANAGER = f"{ENTERPRISE}:manager"
SIMPLE = ("displayName", "title", "nickName", "active", "externalId", "name.givenName",
          "name.familyName", DEPARTMENT)
CASE_EXACT = ("externalId", "id")


class Refusal(Exception):
    def __init__(self, status, scim_type=None):
        super().__init__(f"{status} {scim_type}")
        self.status, self.scim_type = status, scim_type


def key_of(element):
    return element.get("value"), element.get("type")


def check_emails(emails):
    if sum(one.get("primary") is True for one in emails) > 1:
        raise Refusal(400, "invalidValue")


def flat(document):
    """A user as SCIM writes it, as this model holds it: {path: value}."""
    held = {path: document[path] for path in ("userName", *SIMPLE) if path in document}
    for part in ("givenName", "familyName"):
        if part in document.get("name", {}):
            held[f"name.{part}"] = document["name"][part]
    extension = document.get(ENTERPRISE, {})
    if "department" in extension:
        held[DEPARTMENT] = extension["department"]
    if extension.get("manager", {}).get("value"):
        held[MANAGER] = extension["manager"]["value"]
    if document.get("emails"):
        held["emails"] = copy.deepcopy(document["emails"])
    return held


def document_of(held):
    """The reverse of flat()."""
    document = {path: value for path, value in held.items() if re.fullmatch(r"\w+", path)}
    for part in ("givenName", "familyName"):
        if f"name.{part}" in held:
            document.setdefault("name", {})[part] = held[f"name.{part}"]
    if DEPARTMENT in held:
        document.setdefault(ENTERPRISE, {})["department"] = held[DEPARTMENT]
    if MANAGER in held:
        document.setdefault(ENTERPRISE, {})["manager"] = {"value": held[MANAGER]}
    return document


class Model:
    def __init__(self):
        self.users = {}   # id: {path: value}
        self.groups = {}  # id: {"displayName": .., "members": set}

    # Users.

    def _check_name(self, name, own=None):
        if any(other != own and held["userName"].lower() == name.lower()
               for other, held in self.users.items()):
            raise Refusal(409, "uniqueness")

    def check_user(self, held, own=None):
        """Refuses what may not be created, or may not replace `own`."""
        if not held.get("userName"):
            raise Refusal(400, "invalidValue")
        check_emails(held.get("emails", []))
        self._check_name(held["userName"], own)

    def patched(self, user, operations):
        """The user after a PATCH."""
        for operation in operations:
            self._check(**operation)
        held = copy.deepcopy(self.users[user])
        for operation in operations:
            self._apply(held, **operation)
        if not held.get("userName"):
            raise Refusal(400, "mutability")
        self._check_name(held["userName"], user)
        # The same elements in another order are no change.
        before = self.users[user].get("emails", [])
        if sorted(map(repr, before)) == sorted(map(repr, held.get("emails", []))) and before:
            held["emails"] = copy.deepcopy(before)
        return held

    @staticmethod
    def _check(op, path=None, value=None):
        """What is wrong whatever the user holds is told first."""
        if path is None and op == "remove":
            raise Refusal(400, "noTarget")
        if path == "emails" and op != "remove":
            check_emails(value)

    def _apply(self, held, op, path=None, value=None):
        if path is None:
            for name, item in value.items():
                self._apply(held, op, name, item)
        elif path == "emails":
            self._apply_to_emails(held, op, value)
        elif path.startswith("emails["):
            self._apply_to_elements(held, op, path, value)
        elif path == "userName" and op == "remove":
            raise Refusal(400, "mutability")
        elif op == "remove" or (path == MANAGER and value == ""):
            held.pop(path, None)
        else:
            held[path] = value

    def _apply_to_emails(self, held, op, value):
        emails = held.pop("emails", [])
        if op == "remove":
            return
        if op == "replace":
            emails = copy.deepcopy(value)
        else:
            self._merge(emails, value)
        if emails:
            held["emails"] = emails

    @staticmethod
    def _merge(emails, elements):
        for element in elements:
            same = next((one for one in emails if key_of(one) == key_of(element)), None)
            if same is None:
                emails.append(same := {})
            same.update(element)
            if element.get("primary") is True:
                Model._only_primary(emails, same)

    @staticmethod
    def _only_primary(emails, chosen):
        for one in emails:
            if one is not chosen and one.get("primary") is True:
                one["primary"] = False

    def _apply_to_elements(self, held, op, path, value):
        kind, sub = re.fullmatch(r'emails\[type eq "(\w+)"\](?:\.(\w+))?', path).groups()
        emails = held.get("emails", [])
        matches = [one for one in emails if one.get("type") == kind]
        if op == "remove":
            for one in matches:
                one.pop(sub, None) if sub else one.clear()
        elif not matches:
            if op == "replace":
                raise Refusal(400, "noTarget")
            self._merge(emails, [{"type": kind, sub: value}])
        else:
            if sub == "primary" and value and len(matches) > 1:
                raise Refusal(400, "invalidValue")
            for one in matches:
                one[sub] = value
            if sub == "primary" and value:
                self._only_primary(emails, matches[0])
        held["emails"] = [one for one in emails if one]
        if not held["emails"]:
            del held["emails"]

    def delete_user(self, user):
        del self.users[user]
        for held in self.users.values():
            if held.get(MANAGER) == user:
                del held[MANAGER]
        for group in self.groups.values():
            group["members"].discard(user)

    # Groups.

    def delete_group(self, group):
        del self.groups[group]
        for other in self.groups.values():
            other["members"].discard(group)

    def groups_of(self, member):
        """Direct and indirect."""
        found, sought = set(), {member}
        while sought:
            sought = {group for group, held in self.groups.items()
                      if held["members"] & sought} - found
            found |= sought
        return found

    # Filters, which are trees: ("and", a, b), ("not", a), ("emails", tree), (attribute, op, value).

    def matching(self, tree):
        return {user for user, held in self.users.items()
                if holds(tree, {**held, "id": user})}


def compare(attribute, op, own, value):
    if isinstance(own, bool) or isinstance(value, bool):
        return {"eq": own is value, "ne": own is not value}[op]
    if attribute not in CASE_EXACT:
        own, value = own.lower(), value.lower()
    return {"eq": own == value, "ne": own != value, "co": value in own,
            "sw": own.startswith(value), "ew": own.endswith(value), "gt": own > value,
            "ge": own >= value, "lt": own < value, "le": own <= value}[op]


def holds(tree, held):
    """A filter evaluated as it reads."""
    if tree[0] in ("and", "or"):
        return (all if tree[0] == "and" else any)(holds(one, held) for one in tree[1:])
    if tree[0] == "not":
        return not holds(tree[1], held)
    if tree[0] == "emails":
        return any(holds(tree[1], element) for element in held.get("emails", []))
    attribute, op, *value = tree
    if attribute == "emails.value":
        return any(holds(("value", op, *value), one) for one in held.get("emails", []))
    own = held.get(attribute)
    if op == "pr":
        return own is not None
    if own is None:
        return op == "ne"
    return compare(attribute, op, own, value[0])


def text_of(tree):
    """The filter as SCIM writes it."""
    if tree[0] in ("and", "or"):
        return "(" + f" {tree[0]} ".join(text_of(one) for one in tree[1:]) + ")"
    if tree[0] == "not":
        return f"not ({text_of(tree[1])})"
    if tree[0] == "emails":
        return f"emails[{text_of(tree[1])}]"
    attribute, op, *value = tree
    if op == "pr":
        return f"{attribute} pr"
    literal = str(value[0]).lower() if isinstance(value[0], bool) else f'"{value[0]}"'
    return f"{attribute} {op} {literal}"
