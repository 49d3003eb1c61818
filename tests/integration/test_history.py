"""The history checker catches each fault that is planted, and nothing else."""

import itertools
import random
import time

import pytest

from history import Operation, check
from log_events import Event


class History:
    """Operations and the log, made by hand: times are the test's, a position is the place in the log."""

    def __init__(self):
        self.operations, self.events = [], []

    def log(self, kind, user_id, request, **values):
        self.events.append(Event(len(self.events) + 1, kind, user_id, request, values))
        return len(self.events)

    def say(self, kind, at, status, end=None, **more):
        request = more.pop("request", f"r{len(self.operations)}")
        end = at + 1 if end is None else end
        self.operations.append(Operation(kind, request, at, end, status, **more))
        return request

    def create(self, name, at, user_id, title="v0", **more):
        request = self.say("create", at, 201, id=user_id, name=name, value=title,
                           version=len(self.events) + 1, **more)
        return self.log("created", user_id, request, userName=name, title=title)

    def patch(self, user_id, at, title, **more):
        request = self.say("patch", at, 200, id=user_id, value=title,
                           version=len(self.events) + 1, **more)
        return self.log("changed", user_id, request, title=title)

    def rename(self, user_id, at, name, title):
        request = self.say("replace", at, 200, id=user_id, name=name, value=title)
        return self.log("replaced", user_id, request, userName=name, title=title)

    def delete(self, user_id, at, **more):
        return self.log("deleted", user_id, self.say("delete", at, 204, id=user_id, **more))

    def get(self, user_id, at, version, name, title, **more):
        self.say("get", at, 200, id=user_id, version=version, name=name, value=title, **more)

    def found(self, final=None):
        return sorted({sentence.split(":")[0] for sentence in
                       check(self.operations, self.events, final)})


@pytest.fixture
def history():
    return History()


def test_a_plain_history_is_explained(history):
    first = history.create("ada", 0, "1")
    second = history.patch("1", 2, "v1", if_match=first)
    history.get("1", 4, second, "ada", "v1")
    history.say("create", 6, 409, name="ADA", value="other")
    history.say("patch", 7, 412, id="1", value="late", if_match=first)
    history.say("find", 8, 200, name="bob")
    history.delete("1", 10)
    history.say("get", 12, 404, id="1")
    history.say("find", 13, 200, name="ada")
    history.create("ADA", 14, "2")
    history.rename("2", 16, "bob", "v9")
    history.create("ada", 18, "3")
    assert history.found({"2": ("bob", "v9"), "3": ("ada", "v0")}) == []


def test_a_write_without_an_answer_stands_or_not(history):
    history.create("ada", 0, "1")
    history.say("patch", 2, None, id="1", value="never")
    request = history.say("patch", 2, 503, id="1", value="late")
    history.get("1", 4, 1, "ada", "v0")
    history.log("changed", "1", request, title="late")
    history.get("1", 6, 2, "ada", "late")
    assert history.found({"1": ("ada", "late")}) == []


def test_concurrent_writes_stand_in_either_order(history):
    history.create("ada", 0, "1")
    history.patch("1", 2.5, "b")
    history.patch("1", 2, "a")
    history.get("1", 2.2, 2, "ada", "b")
    history.get("1", 2.8, 3, "ada", "a")
    assert history.found() == []


def test_an_acknowledged_create_that_is_gone_is_found(history):
    history.create("ada", 0, "1")
    history.events.clear()
    assert history.found() == ["lost"]


def test_an_acknowledged_delete_that_is_gone_is_found(history):
    history.create("ada", 0, "1")
    history.delete("1", 2)
    history.events.pop()
    assert history.found() == ["lost"]


def test_a_refused_write_that_stands_is_found(history):
    history.create("ada", 0, "1")
    history.log("changed", "1", history.say("patch", 2, 412, id="1", value="v1", if_match=9),
                title="v1")
    assert history.found() == ["refused, and done"]


def test_a_write_that_stands_twice_is_found(history):
    history.create("ada", 0, "1")
    history.patch("1", 2, "v1")
    history.log("changed", "1", "r1", title="v1")
    assert "twice" in history.found()


def test_a_name_that_two_hold_is_found(history):
    history.create("ada", 0, "1")
    history.create("Ada", 5, "2")
    history.delete("1", 7)
    assert history.found() == ["twice"]


def test_a_rename_to_a_name_that_is_held_is_found(history):
    history.create("ada", 0, "1")
    history.create("bob", 5, "2")
    history.rename("2", 7, "ADA", "v1")
    assert history.found() == ["twice"]


def test_a_write_to_nobody_is_found(history):
    history.create("ada", 0, "1")
    history.delete("1", 2)
    history.patch("1", 4, "v1")
    assert history.found() == ["impossible"]


def test_a_write_over_a_version_that_it_did_not_ask_for_is_found(history):
    first = history.create("ada", 0, "1")
    history.patch("1", 2, "v1", if_match=first)
    history.patch("1", 2, "v2", if_match=first)
    assert history.found() == ["written over"]


def test_an_answer_with_another_version_or_value_is_found(history):
    history.create("ada", 0, "1")
    history.operations[-1].version = 7
    assert history.found() == ["another event"]
    history.operations[-1].version, history.operations[-1].value = 1, "other"
    assert history.found() == ["another event"]


def test_a_user_that_nobody_asked_for_is_found(history):
    history.log("created", "1", "whose", userName="ada", title="v0")
    assert history.found() == ["invented"]


def test_writes_that_the_log_has_the_other_way_round_are_found(history):
    history.create("ada", 0, "1")
    history.create("bob", 8, "2")
    history.create("cid", 4, "3")
    assert history.found() == ["out of order"]


def test_a_conflict_with_nobody_is_found(history):
    history.say("create", 0, 409, name="ada", value="v0")
    assert history.found() == ["unexplained 409"]


def test_a_conflict_with_one_who_had_gone_or_came_later_is_found(history):
    history.create("ada", 0, "1")
    history.delete("1", 2)
    history.say("create", 5, 409, name="ada", value="v0")
    history.create("ada", 8, "2")
    assert history.found() == ["unexplained 409"]


def test_a_conflict_with_a_create_that_is_under_way_is_explained(history):
    history.say("create", 0, 409, end=5, name="ada", value="v0")
    history.create("ada", 4, "1", end=9)
    assert history.found() == []


def test_a_404_of_one_who_is_there_is_found(history):
    history.create("ada", 0, "1")
    history.say("get", 2, 404, id="1")
    history.delete("1", 8)
    assert history.found() == ["unexplained 404"]


def test_a_412_on_the_version_that_stands_is_found(history):
    first = history.create("ada", 0, "1")
    history.say("patch", 2, 412, id="1", value="v1", if_match=first)
    history.patch("1", 5, "v2")
    assert history.found() == ["unexplained 412"]


def test_a_refusal_of_another_kind_is_found(history):
    history.say("create", 0, 500, name="ada", value="v0")
    assert history.found() == ["unexplained 500"]


def test_a_read_of_an_older_value_is_found(history):
    first = history.create("ada", 0, "1")
    history.patch("1", 2, "v1")
    history.get("1", 5, first, "ada", "v0")
    assert history.found() == ["wrong or stale read"]


def test_a_read_of_what_was_not_asked_for_yet_is_found(history):
    history.create("ada", 0, "1")
    history.get("1", 2, 2, "ada", "v1")
    history.patch("1", 5, "v1")
    assert history.found() == ["wrong or stale read"]


def test_a_read_that_mixes_two_states_is_found(history):
    history.create("ada", 0, "1")
    second = history.patch("1", 2, "v1")
    history.get("1", 4, second, "ada", "v0")
    assert history.found() == ["wrong or stale read"]


def test_a_read_of_one_who_was_deleted_is_found(history):
    first = history.create("ada", 0, "1")
    history.delete("1", 2)
    history.get("1", 5, first, "ada", "v0")
    assert history.found() == ["wrong or stale read"]


def test_a_name_that_is_held_and_not_found_is_found(history):
    history.create("ada", 0, "1")
    history.say("find", 2, 200, name="ada")
    assert history.found() == ["wrong or stale read"]


def test_two_reads_that_go_back_in_time_are_found_though_each_alone_is_fine(history):
    """The write is under way all the time: one reader has seen it, one who asks later has not."""
    first = history.create("ada", 0, "1")
    second = history.patch("1", 2, "v1", end=20)
    history.get("1", 4, second, "ada", "v1")
    history.get("1", 6, first, "ada", "v0")
    assert history.found() == ["out of order"]


def test_two_users_seen_in_different_orders_are_found(history):
    """The log is one order for all of a directory, so nobody sees the later write alone."""
    first = history.create("ada", 0, "1")
    history.create("bob", 2, "2")
    history.patch("1", 4, "v1", end=20)
    second = history.patch("2", 4, "v1", end=20)
    history.get("2", 6, second, "bob", "v1")
    history.get("1", 8, first, "ada", "v0")
    assert history.found() == ["out of order"]


def test_a_listing_that_is_not_what_the_log_comes_to_is_found(history):
    history.create("ada", 0, "1")
    assert history.found({"1": ("ada", "v0")}) == []
    assert history.found({}) == history.found({"1": ("ada", "v1")}) == ["listed"]


class Simulated:
    """A directory that does all in one order, at moments of its own, under requests that overlap."""

    def __init__(self, seed):
        self.dice, self.history = random.Random(seed), History()
        self.users, self.names, self.recent = {}, {}, []
        self.numbers = itertools.count()
        self.now = 0.0

    def run(self, count):
        for _ in range(count):
            self.now += self.dice.random()
            self._one(*(self.now + side * self.dice.random() * 20 for side in (-1, 1)))
        return self.history

    def _one(self, start, end):
        name, title = f"n{self.dice.randrange(8)}", f"t{next(self.numbers)}"
        user_id = self.dice.choice(self.recent[-20:] or [None])
        kind = self.dice.choice(["create", "patch", "delete", "get", "find"])
        if kind == "create":
            return self._create(name, title, start, end)
        if kind == "find":
            return self._look(self.names.get(name), kind, start, end, name)
        if user_id is None:
            return None
        held = self.users[user_id]
        if held is None or kind == "get":
            return self._look(user_id, kind, start, end, held and held[1])
        asked = self.dice.choice([None, held[0], held[0] - 1])
        if asked is not None and asked != held[0]:
            return self.history.say(kind, start, 412, end=end, id=user_id, if_match=asked)
        if kind == "patch":
            version = self.history.patch(user_id, start, title, end=end, if_match=asked)
            self.users[user_id] = (version, held[1], title)
        else:
            self.history.delete(user_id, start, end=end, if_match=asked)
            self.users[user_id] = None
            del self.names[held[1]]
        return None

    def _create(self, name, title, start, end):
        if name in self.names:
            return self.history.say("create", start, 409, end=end, name=name, value=title)
        user_id = f"u{next(self.numbers)}"
        self.names[name] = user_id
        self.recent.append(user_id)
        self.users[user_id] = (self.history.create(name, start, user_id, title, end=end), name, title)
        return None

    def _look(self, user_id, kind, start, end, name):
        held = self.users.get(user_id)
        if held is not None:
            self.history.say(kind, start, 200, end=end, id=user_id, version=held[0], name=name,
                             value=held[2])
        elif kind == "find":
            self.history.say(kind, start, 200, end=end, name=name)
        else:
            self.history.say(kind, start, 404, end=end, id=user_id)


@pytest.mark.parametrize("seed", range(20))
def test_a_directory_that_does_all_in_one_order_is_explained_whatever_overlaps(seed):
    assert Simulated(seed).run(400).found() == []


def test_a_long_history_is_checked_in_time_that_grows_with_its_length():
    history = Simulated(1).run(40_000)
    began = time.process_time()
    assert history.found() == []
    assert time.process_time() - began < 20
