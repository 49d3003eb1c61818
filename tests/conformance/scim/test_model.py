"""Random sequences of SCIM operations: the server and a small model of it agree on every step."""

import os
import random
import urllib.parse

import pytest
from processes import Purser
from scim_clients import ENTERPRISE, GROUP, PATCH, USER
from scim_model import (DEPARTMENT, MANAGER, SIMPLE, Model, Refusal, document_of, flat, text_of)

STEPS = 60
SEEDS = 1000 if os.environ.get("PURSER_LONG", "0") == "1" else 30
TYPES = ("work", "home", "other")


class Steps:
    """Makes a sequence of steps. They name resources by number, so that any of them can be left out."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def make(self):
        kinds = [self.post_user] * 4 + [self.put_user] * 2 + [self.patch_user] * 8 + [
            self.delete_user, self.post_group, self.post_group, self.put_group, self.patch_group,
            self.patch_group, self.patch_group, self.delete_group] + [self.filter] * 5
        return [self.random.choice(kinds)() for _ in range(STEPS)]

    def number(self):
        return self.random.randrange(1000)

    def text(self):
        return self.random.choice(("alpha", "Beta", "beta gamma", "GAMMA", "x", "a b", "Zoë"))

    def name(self):
        return self.random.choice("uU") + str(self.random.randrange(9))

    def value(self, path):
        return self.random.random() < 0.5 if path == "active" else self.text()

    def email(self):
        email = {"type": self.random.choice(TYPES),
                 "value": f"{self.random.choice('abAB')}@{self.random.randrange(3)}.example"}
        if self.random.random() < 0.3:
            email["primary"] = self.random.random() < 0.7
        return email

    def emails(self):
        """Now and then with two that are primary, which is refused."""
        found = {(one["value"], one["type"]): one for one in
                 (self.email() for _ in range(self.random.randrange(1, 4)))}
        return list(found.values())

    def held(self):
        held = {path: self.value(path) for path in SIMPLE if self.random.random() < 0.4}
        held["userName"] = self.name()
        if self.random.random() < 0.5:
            held["emails"] = self.emails()
        return held

    def post_user(self):
        return "post_user", {"held": self.held(), "manager": self.number()}

    def put_user(self):
        return "put_user", {"user": self.number(), "held": self.held(), "manager": self.number()}

    def patch_user(self):
        operations = [self.operation() for _ in range(self.random.randrange(1, 4))]
        return "patch_user", {"user": self.number(), "operations": operations}

    def operation(self):
        op = self.random.choice(("add", "replace", "remove"))
        kind = self.random.randrange(10)
        if kind < 3:
            path = self.random.choice((*SIMPLE, "userName") if kind == 0 else SIMPLE)
            value = self.name() if path == "userName" else self.value(path)
        elif kind < 5:
            path, value = "emails", self.emails()
        elif kind < 8:
            sub = self.random.choice(("value", "value", "primary"))
            path = f'emails[type eq "{self.random.choice(TYPES)}"].{sub}'
            value = self.email()["value"] if sub == "value" else self.random.random() < 0.7
            if op == "remove" and self.random.random() < 0.5:
                path = path.rsplit(".", 1)[0]
        elif kind < 9:
            path, value = MANAGER, self.number()
        else:
            path = None
            value = {one: self.value(one) for one in self.random.sample(SIMPLE, 3)}
        made = {"op": op, "value": value} if op != "remove" else {"op": op}
        return {**made, "path": path} if path else made

    def delete_user(self):
        return "delete_user", {"user": self.number()}

    def members(self):
        return [self.number() for _ in range(self.random.randrange(5))]

    def post_group(self):
        return "post_group", {"name": self.text(), "members": self.members()}

    def put_group(self):
        return "put_group", {"group": self.number(), "name": self.text(),
                             "members": self.members()}

    def patch_group(self):
        operations = [(self.random.choice(("add", "replace", "remove", "remove one", "rename",
                                           "remove all")), self.members(), self.text())
                      for _ in range(self.random.randrange(1, 4))]
        return "patch_group", {"group": self.number(), "operations": operations}

    def delete_group(self):
        return "delete_group", {"group": self.number()}

    def filter(self):
        return "filter", {"tree": self.tree(3), "start": self.random.randrange(1, 4),
                          "count": self.random.randrange(0, 6)}

    def tree(self, depth):
        kind = self.random.randrange(6 if depth else 2)
        if kind >= 4:
            return (self.random.choice(("and", "or")), self.tree(depth - 1), self.tree(depth - 1))
        if kind == 3:
            return "not", self.tree(depth - 1)
        if kind == 2:
            return "emails", self.element_tree(depth - 1)
        return self.comparison((*SIMPLE, "userName", "emails.value"))

    def element_tree(self, depth):
        kind = self.random.randrange(3 if depth else 1)
        if kind:
            return (self.random.choice(("and", "or")), self.element_tree(depth - 1),
                    self.element_tree(depth - 1))
        return self.comparison(("type", "value"))

    def comparison(self, attributes):
        attribute = self.random.choice(attributes)
        if self.random.random() < 0.15:
            return attribute, "pr"
        if attribute == "active":
            return attribute, self.random.choice(("eq", "ne")), self.random.random() < 0.5
        value = {"userName": self.name(), "type": self.random.choice(TYPES),
                 "value": self.email()["value"],
                 "emails.value": self.email()["value"]}.get(attribute, self.text())
        ops = ["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"]
        if attribute != "emails.value":
            ops.append("ne")
        op = self.random.choice(ops)
        if op in ("co", "sw", "ew"):
            cut = self.random.randrange(len(value))
            value = value[cut:] if op == "ew" else value[:cut + 1]
        return attribute, op, value


class Disagreement(Exception):
    pass


def agree(what, found, wanted):
    if found != wanted:
        raise Disagreement(f"{what}: the server has {found!r}, the model {wanted!r}")


class Comparison:
    """Sends each step to the server and to the model, and compares."""

    def __init__(self, wire):
        self.wire, self.model = wire, Model()
        for kind in ("Groups", "Users"):
            for one in self.wire.get(f"/{kind}?count=1000&attributes=id").json()["Resources"]:
                self.wire.delete(f"/{kind}/{one['id']}")

    def run(self, steps):
        for step, (kind, arguments) in enumerate(steps):
            try:
                getattr(self, kind)(**arguments)
                if step % 10 == 9:
                    self.compare_all()
            except Disagreement as wrong:
                raise Disagreement(f"step {step}, {kind} {arguments}: {wrong}") from None
        self.compare_all()

    @staticmethod
    def chosen(number, ids):
        return sorted(ids)[number % len(ids)] if ids else None

    def send(self, method, path, body, decide):
        """The answer's JSON where model and server take it; None where both refuse it alike."""
        try:
            decide()
            refusal = None
        except Refusal as refused:
            refusal = refused
        answer = self.wire.request(method, path, body)
        if refusal is None:
            agree(f"the status of {method} {body}", answer.status in (200, 201, 204), True)
            return answer.json()
        agree(f"the refusal of {method} {body}",
              (answer.status, answer.json().get("scimType")), (refusal.status, refusal.scim_type))
        return None

    # The steps.

    def _body(self, held, manager):
        held = dict(held)
        if self.model.users and manager % 3 == 0:
            held[MANAGER] = self.chosen(manager, self.model.users)
        return held, {"schemas": [USER, ENTERPRISE], **document_of(held)}

    def post_user(self, held, manager):
        held, body = self._body(held, manager)
        made = self.send("POST", "/Users", body, lambda: self.model.check_user(held))
        if made:
            self.model.users[made["id"]] = held
            self.compare_user(made["id"])

    def put_user(self, user, held, manager):
        user = self.chosen(user, self.model.users)
        if user is None:
            return
        held, body = self._body(held, manager)
        if self.send("PUT", f"/Users/{user}", body, lambda: self.model.check_user(held, user)):
            self.model.users[user] = held
        self.compare_user(user)

    def patch_user(self, user, operations):
        user = self.chosen(user, self.model.users)
        if user is None:
            return
        operations = [dict(one) for one in operations]
        for one in operations:
            if one.get("path") == MANAGER and "value" in one:
                one["value"] = "" if one["value"] % 4 == 0 else self.chosen(one["value"],
                                                                           self.model.users)
        after = []
        body = {"schemas": [PATCH], "Operations": operations}
        if self.send("PATCH", f"/Users/{user}", body,
                     lambda: after.append(self.model.patched(user, operations))):
            self.model.users[user] = after[0]
        self.compare_user(user)

    def delete_user(self, user):
        user = self.chosen(user, self.model.users)
        if user is not None:
            agree("DELETE", self.wire.delete(f"/Users/{user}").status, 204)
            self.model.delete_user(user)
            agree("GET of what is gone", self.wire.get(f"/Users/{user}").status, 404)

    def _members(self, numbers, group=None):
        everyone = [one for one in (*self.model.users, *self.model.groups) if one != group]
        return {self.chosen(number, everyone) for number in numbers} if everyone else set()

    def _group_body(self, name, members):
        return {"schemas": [GROUP], "displayName": name,
                "members": [{"value": one} for one in members]}

    def post_group(self, name, members):
        members = self._members(members)
        made = self.send("POST", "/Groups", self._group_body(name, members), lambda: None)
        self.model.groups[made["id"]] = {"displayName": name, "members": members}
        self.compare_group(made["id"])

    def put_group(self, group, name, members):
        group = self.chosen(group, self.model.groups)
        if group is not None:
            members = self._members(members, group)
            self.send("PUT", f"/Groups/{group}", self._group_body(name, members), lambda: None)
            self.model.groups[group] = {"displayName": name, "members": members}
            self.compare_group(group)

    def patch_group(self, group, operations):
        group = self.chosen(group, self.model.groups)
        if group is None:
            return
        held, sent = self.model.groups[group], []
        for kind, numbers, name in operations:
            members = self._members(numbers, group)
            values = [{"value": one} for one in sorted(members)]
            if kind == "rename":
                sent.append({"op": "replace", "path": "displayName", "value": name})
                held["displayName"] = name
            elif kind == "remove all":
                sent.append({"op": "remove", "path": "members"})
                held["members"] = set()
            elif kind == "remove one":
                for one in sorted(members)[:1]:
                    sent.append({"op": "remove", "path": f'members[value eq "{one}"]'})
                    held["members"] = held["members"] - {one}
            elif values or kind == "replace":
                sent.append({"op": kind, "path": "members", "value": values})
                before = set() if kind == "replace" else held["members"]
                held["members"] = before - members if kind == "remove" else before | members
        self.send("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": sent},
                  lambda: None)
        self.compare_group(group)

    def delete_group(self, group):
        group = self.chosen(group, self.model.groups)
        if group is not None:
            agree("DELETE", self.wire.delete(f"/Groups/{group}").status, 204)
            self.model.delete_group(group)

    def filter(self, tree, start, count):
        text, wanted = text_of(tree), self.model.matching(tree)
        query = f"filter={urllib.parse.quote(text)}"
        listed = self.wire.get(f"/Users?{query}&count=1000").json()
        agree(f"who matches {text}", {one["id"] for one in listed["Resources"]}, wanted)
        agree(f"how many match {text}", listed["totalResults"], len(wanted))
        page = self.wire.get(f"/Users?{query}&startIndex={start}&count={count}").json()
        agree(f"a page of {text}", [one["id"] for one in page.get("Resources", [])],
              [one["id"] for one in listed["Resources"]][start - 1:start - 1 + count])

    # What both hold.

    def compare_user(self, user):
        self.agree_on_user(self.wire.get(f"/Users/{user}").json())

    def agree_on_user(self, document):
        user = document["id"]
        found, wanted = flat(document), self.model.users[user]
        for held in (found, wanted := dict(wanted)):
            if "emails" in held:
                held["emails"] = sorted(held["emails"], key=repr)
                held["emails"] = [dict(sorted(one.items())) for one in held["emails"]]
                held["emails"].sort(key=repr)
        agree(f"user {user}", found, wanted)
        agree(f"the groups of user {user}", {one["value"] for one in document.get("groups", [])},
              self.model.groups_of(user))

    def compare_group(self, group):
        self.agree_on_group(self.wire.get(f"/Groups/{group}").json())

    def agree_on_group(self, document):
        held = self.model.groups[document["id"]]
        found = {one["value"] for one in document.get("members", [])}
        agree(f"group {document['id']}", (document["displayName"], found),
              (held["displayName"], held["members"]))

    def compare_all(self):
        for kind, held, agree_on in (("Users", self.model.users, self.agree_on_user),
                                     ("Groups", self.model.groups, self.agree_on_group)):
            listed = self.wire.get(f"/{kind}?count=1000").json()["Resources"]
            agree(f"the ids of {kind}", {one["id"] for one in listed}, set(held))
            for one in listed:
                agree_on(one)


def disagreement(wire, steps):
    try:
        Comparison(wire).run(steps)
    except Disagreement as wrong:
        return str(wrong)
    return None


def shrunk(wire, steps):
    """The fewest of these steps that leaving out one at a time comes to, which still disagree."""
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps), size):
            fewer = steps[:start] + steps[start + size:]
            if disagreement(wire, fewer):
                steps = fewer
                break
        else:
            size //= 2
    return steps


@pytest.fixture(scope="module")
def embedded(binary, tmp_path_factory):
    server = Purser(tmp_path_factory.mktemp("model"))
    try:
        yield server.start()
    finally:
        server.kill()


def check(wire, seed):
    steps = Steps(seed).make()
    if disagreement(wire, steps):
        fewest = shrunk(wire, steps)
        pytest.fail(f"seed {seed}: {disagreement(wire, fewest)}\nsteps: {fewest}", pytrace=False)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_server_and_model_agree(embedded, seed):
    check(embedded.scim, seed)


def test_server_and_model_agree_on_kafka(start, tmp_path, kafka):
    purser = start(Purser(tmp_path / "purser", log=kafka.log_url("model")))
    check(purser.scim, 4711)


def test_a_model_that_errs_is_found_out_by_few_steps(embedded, monkeypatch):
    """Had the server kept the manager of a deleted one, one of these would tell."""
    monkeypatch.setattr(Model, "delete_user", lambda self, user: self.users.pop(user))
    found = next(steps for seed in range(50)
                 if disagreement(embedded.scim, steps := Steps(seed).make()))
    assert len(shrunk(embedded.scim, found)) <= 4
