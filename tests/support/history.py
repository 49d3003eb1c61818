"""Checks what clients saw of a directory against what it could have been.

Writers record every request as an Operation; check() says, a sentence each, what no order of
events explains: an acknowledged write that is gone, a name given twice, a refusal without a cause, a
read of an old value. A request without an answer, or with 503, may or may not have taken effect.
"""

import itertools
import math
from dataclasses import dataclass

UNKNOWN = (None, 503)  # status: what became of it is not known
REFUSALS = (404, 409)


@dataclass
class Operation:
    kind: str  # "create", "set", "get", "delete"
    start: float
    # The answer's time. Of one without an answer: when the server was known to have restarted, after
    # which it cannot take effect any more; infinite where that is not known.
    end: float
    status: int | None
    name: str | None = None   # of a create
    id: str | None = None     # of a create that was answered, and of all else
    value: str | None = None  # written, or read

    @property
    def unknown(self):
        return self.status in UNKNOWN

    @property
    def effective(self):
        return self.status in (200, 201, 204)

    def __str__(self):
        return f"{self.kind} {self.name or self.id} [{self.start:.3f}, {self.end:.3f}]"


@dataclass
class _User:
    """All that was asked of one id."""
    created: Operation | None = None
    writes: list = None
    deletes: list = None
    gets: list = None

    def __post_init__(self):
        self.writes, self.deletes, self.gets = [], [], []


class _Index:
    def __init__(self, operations):
        self.operations = operations
        self.users = {}
        self.creates = {}  # name in lower case -> creates that took effect or may have
        for operation in operations:
            self._add(operation)

    def user(self, user_id):
        return self.users.setdefault(user_id, _User())

    def _add(self, operation):
        if operation.kind == "create":
            if operation.effective or operation.unknown:
                self.creates.setdefault(operation.name.lower(), []).append(operation)
            if operation.effective:
                self.user(operation.id).created = operation
                self.user(operation.id).writes.append(operation)
            return
        user = self.user(operation.id)
        if operation.kind == "get":
            user.gets.append(operation)
        elif operation.effective or operation.unknown:
            (user.deletes if operation.kind == "delete" else user.writes).append(operation)


def check(operations, final):
    """What is wrong; empty where all is explained.

    `final` is the directory at the end: {id: (userName, value)}.
    """
    index = _Index(operations)
    return [*_lost_and_revived(index, final), *_twice(index, final), *_invented(index, final),
            *_refusals(index), *_stale(index, final)]


def _lost_and_revived(index, final):
    for user_id, user in index.users.items():
        if user.created is None:
            continue
        if user_id not in final and not user.deletes:
            yield f"lost: {user.created} was acknowledged as {user_id} and is not there"
        if user_id in final and any(delete.effective for delete in user.deletes):
            yield f"revived: {user_id} was deleted and is there"


def _twice(index, final):
    names = {}
    for user_id, (name, _) in final.items():
        if name.lower() in names:
            yield f"twice: {names[name.lower()]} and {user_id} are both {name}"
        names[name.lower()] = user_id
    for name, creates in index.creates.items():
        acknowledged = [create for create in creates if create.effective]
        for one, other in itertools.combinations(acknowledged, 2):
            if not (_may_end_before(index, one, other) or _may_end_before(index, other, one)):
                yield f"twice: {name} was given to {one.id} and to {other.id}"


def _may_end_before(index, one, other):
    """Whether the user of `one` may have been deleted before `other` was decided."""
    return any(delete.start < other.end for delete in index.user(one.id).deletes)


def _invented(index, final):
    for user_id, (name, value) in final.items():
        created = user_id in index.users and index.users[user_id].created
        if not created and not any(create.unknown for create in index.creates.get(name.lower(), ())):
            yield f"invented: {user_id}, {name}, was asked for by nobody"


def _refusals(index):
    for operation in index.operations:
        if operation.unknown or operation.effective:
            continue
        if operation.status == 409 and operation.kind == "create":
            if not any(_may_be_alive(index, create, operation)
                       for create in index.creates.get(operation.name.lower(), ())):
                yield f"unexplained 409: {operation}: nobody had that name"
        elif operation.status == 404:
            if not any(delete.start < operation.end for delete in index.user(operation.id).deletes):
                yield f"unexplained 404: {operation}: nobody had deleted it"
        else:
            yield f"unexplained {operation.status}: {operation}"


def _may_be_alive(index, create, refused):
    if create is refused or create.start >= refused.end:
        return False
    deletes = index.user(create.id).deletes if create.id else ()
    return not any(delete.effective and delete.end < refused.start for delete in deletes)


def _possible(writes, start, end):
    """The values that a look between `start` and `end` may find."""
    seen = [write for write in writes if write.start < end]
    superseded = {id(write) for write in seen
                  if any(later.effective and later.start > write.end and later.end < start
                         for later in seen)}
    return {write.value for write in seen if id(write) not in superseded}


def _stale(index, final):
    for user_id, user in index.users.items():
        for get in user.gets:
            if not get.effective:
                continue
            if any(delete.effective and delete.end < get.start for delete in user.deletes):
                yield f"revived: {get} answered after the delete of {user_id}"
            if user.created and get.value not in _possible(user.writes, get.start, get.end):
                yield f"stale read: {get} gave {get.value!r}"
        if user_id in final and user.created:
            possible = _possible(user.writes, math.inf, math.inf)
            if final[user_id][1] not in possible:
                yield (f"lost: {user_id} holds {final[user_id][1]!r}, which is none of "
                       f"{sorted(possible)[:5]}")
