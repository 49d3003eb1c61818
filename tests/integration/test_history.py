"""The history checker catches each fault that is planted, and nothing else."""

import math

from history import Operation, check


def create(name, at, user_id, status=201, value="v0", took=1):
    return Operation("create", at, at + took, status, name=name, id=user_id, value=value)


def write(user_id, at, value, status=200, end=None):
    return Operation("set", at, at + 1 if end is None else end, status, id=user_id, value=value)


def read(user_id, at, value, status=200):
    return Operation("get", at, at + 1, status, id=user_id, value=value)


def delete(user_id, at, status=204, end=None):
    return Operation("delete", at, at + 1 if end is None else end, status, id=user_id)


def kinds(operations, final):
    return sorted({sentence.split(":")[0] for sentence in check(operations, final)})


def test_a_plain_history_is_explained():
    history = [create("ada", 0, "1"), write("1", 2, "v1"), read("1", 4, "v1"),
               create("ada", 6, None, status=409), delete("1", 8), read("1", 10, None, status=404),
               create("ADA", 12, "2")]
    assert check(history, {"2": ("ADA", "v0")}) == []


def test_an_acknowledged_create_that_is_gone_is_found():
    assert kinds([create("ada", 0, "1")], {}) == ["lost"]


def test_an_acknowledged_change_that_is_gone_is_found():
    assert kinds([create("ada", 0, "1"), write("1", 2, "v1")], {"1": ("ada", "v0")}) == ["lost"]


def test_a_change_without_an_answer_may_stand_or_not():
    history = [create("ada", 0, "1"), write("1", 2, "v1", status=None, end=math.inf)]
    assert check(history, {"1": ("ada", "v0")}) == []
    assert check(history, {"1": ("ada", "v1")}) == []


def test_a_change_without_an_answer_does_not_come_back_over_a_later_one():
    history = [create("ada", 0, "1"), write("1", 2, "v1", status=None, end=3), write("1", 5, "v2")]
    assert check(history, {"1": ("ada", "v2")}) == []
    assert kinds(history, {"1": ("ada", "v1")}) == ["lost"]


def test_two_concurrent_changes_may_stand_in_either_order():
    history = [create("ada", 0, "1"), write("1", 2, "a"), write("1", 2.5, "b")]
    assert check(history, {"1": ("ada", "a")}) == []
    assert check(history, {"1": ("ada", "b")}) == []


def test_a_name_given_twice_is_found():
    history = [create("ada", 0, "1"), create("Ada", 5, "2")]
    assert kinds(history, {"1": ("ada", "v0"), "2": ("Ada", "v0")}) == ["twice"]


def test_a_name_given_twice_at_the_same_time_is_found_though_one_is_lost():
    history = [create("ada", 0, "1", took=5), create("ada", 1, "2", took=5)]
    assert kinds(history, {"1": ("ada", "v0")}) == ["lost", "twice"]


def test_a_name_given_again_after_a_delete_without_an_answer_is_explained():
    history = [create("ada", 0, "1"), delete("1", 2, status=None, end=3), create("ada", 5, "2")]
    assert check(history, {"2": ("ada", "v0")}) == []


def test_a_conflict_with_nobody_is_found():
    assert kinds([create("ada", 0, None, status=409)], {}) == ["unexplained 409"]


def test_a_conflict_with_one_who_had_gone_is_found():
    history = [create("ada", 0, "1"), delete("1", 2), create("ada", 5, None, status=409)]
    assert kinds(history, {}) == ["unexplained 409"]


def test_a_conflict_with_a_create_without_an_answer_is_explained():
    history = [create("ada", 0, None, status=None), create("ada", 5, None, status=409)]
    assert check(history, {"9": ("ada", "v0")}) == []


def test_a_404_that_no_delete_explains_is_found():
    history = [create("ada", 0, "1"), read("1", 2, None, status=404)]
    assert kinds(history, {"1": ("ada", "v0")}) == ["unexplained 404"]


def test_a_404_before_the_delete_is_found():
    history = [create("ada", 0, "1"), read("1", 2, None, status=404), delete("1", 8)]
    assert kinds(history, {}) == ["unexplained 404"]


def test_a_refusal_of_another_kind_is_found():
    assert kinds([create("ada", 0, None, status=500)], {}) == ["unexplained 500"]


def test_a_503_may_have_taken_effect():
    history = [create("ada", 0, None, status=503)]
    assert check(history, {}) == []
    assert check(history, {"1": ("ada", "v0")}) == []


def test_a_deleted_user_that_is_there_is_found():
    history = [create("ada", 0, "1"), delete("1", 2)]
    assert kinds(history, {"1": ("ada", "v0")}) == ["revived"]


def test_a_read_after_the_delete_is_found():
    history = [create("ada", 0, "1"), delete("1", 2), read("1", 5, "v0")]
    assert kinds(history, {}) == ["revived"]


def test_a_read_of_an_older_value_is_found():
    history = [create("ada", 0, "1"), write("1", 2, "v1"), read("1", 5, "v0")]
    assert kinds(history, {"1": ("ada", "v1")}) == ["stale read"]


def test_a_read_of_a_value_that_was_not_written_yet_is_found():
    history = [create("ada", 0, "1"), read("1", 2, "v1"), write("1", 5, "v1")]
    assert kinds(history, {"1": ("ada", "v1")}) == ["stale read"]


def test_a_user_that_nobody_asked_for_is_found():
    assert kinds([], {"1": ("ada", "v0")}) == ["invented"]
