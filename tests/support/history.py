"""Checks what clients saw of a directory against its log: the log is the order that explains it all.

Clients record every request as an Operation. check() holds each against the events of the log, which
name the request they come from, and says, a sentence each, what the log does not explain: a write
that was acknowledged and is not there, or is there though it was refused; a name two users had at
the same time; a read, or a refusal, of what was never so.

That is linearizability, proved and not sampled: each operation must have taken effect at one moment
between its request and its answer, the moments in the order of the log. A write's place in that
order is its event's position. A read's and a refusal's is any between those positions where what it
says was so. A request without an answer, or with 503, stands or does not, as the log has it, at any
moment after it was sent. Time is near linear, so a history may have millions of operations.
"""

import bisect
import itertools
import math
from dataclasses import dataclass, field

UNKNOWN = (None, 503)  # status: what became of it is not known
WRITES = {"create": "created", "patch": "changed", "replace": "replaced", "delete": "deleted"}


@dataclass(slots=True)
class Operation:
    kind: str     # "create", "patch", "replace", "delete", "get", "find"
    request: str  # its X-Request-Id
    start: float
    end: float = math.inf  # when the answer came
    status: int | None = None
    id: str | None = None         # whose it is; of a create and a find, once that is answered
    name: str | None = None       # userName: written, sought by a find, or read
    value: str | None = None      # title: written, or read
    if_match: int | None = None   # the version that it asks for
    version: int | None = None    # as the answer says
    node: int = 0                 # which was asked
    lost: str | None = None       # why there is no answer

    @property
    def unknown(self):
        return self.status in UNKNOWN

    @property
    def effective(self):
        return self.status in (200, 201, 204)

    def __str__(self):
        asked = "" if self.if_match is None else f" if {self.if_match}"
        return (f"{self.kind} {self.id or self.name}{asked} by {self.request} at node {self.node}, "
                f"answered {self.status}, [{self.start:.3f}, {self.end:.3f}]")


@dataclass(slots=True)
class _User:
    """All states of one user: the state i lasts from position since[i] to the next one's."""
    since: list = field(default_factory=list)
    names: list = field(default_factory=list)  # None: deleted
    titles: list = field(default_factory=list)

    def at(self, position):
        """Which state lasts right after `position`; -1 before the first."""
        return bisect.bisect_right(self.since, position) - 1

    def span(self, state):
        following = state + 1
        return self.since[state], self.since[following] if following < len(self.since) else math.inf


class Fold:
    """What the events come to, at every prefix."""

    def __init__(self, events):
        self.users, self.names = {}, {}  # id -> _User; name -> [(from, to, id)]
        self.faults = []
        self._held = {}  # name in lower case -> (since, id)
        for event in events:
            self._apply(event)
        for name in list(self._held):
            self._release(name, math.inf)

    def _apply(self, event):
        user = self.users.setdefault(event.id, _User())
        alive = bool(user.names) and user.names[-1] is not None
        if alive == (event.kind == "created"):
            self.faults.append(f"impossible: {event.id} is {event.kind} at {event.position}")
        name = user.names[-1] if user.names else None
        title = user.titles[-1] if user.titles else None
        after = None if event.kind == "deleted" else event.values.get("userName", name)
        if (name or "").lower() != (after or "").lower():
            self._move(event, name, after)
        user.since.append(event.position)
        user.names.append(after)
        user.titles.append(event.values.get("title", title))

    def _move(self, event, before, after):
        if before is not None:
            self._release(before.lower(), event.position)
        if after is None:
            return
        if after.lower() in self._held:
            other = self._held[after.lower()][1]
            self.faults.append(f"twice: {after} is {other}'s and {event.id}'s at {event.position}")
            self._release(after.lower(), event.position)
        self._held[after.lower()] = (event.position, event.id)

    def _release(self, name, position):
        since, user_id = self._held.pop(name, (None, None))
        if since is not None:
            self.names.setdefault(name, []).append((since, position, user_id))

    def final(self):
        """{id: (userName, title)} at the end."""
        return {user_id: (user.names[-1], user.titles[-1])
                for user_id, user in self.users.items() if user.names[-1] is not None}


def check(operations, events, final=None):
    """What is wrong; empty where the log explains it all.

    `final`: the directory as it is listed at the end, {id: (userName, title)}.
    """
    return _Check(operations, events).run(final)


class _Check:
    def __init__(self, operations, events):
        self.operations, self.events = operations, events
        self.fold = Fold(events)
        self.faults = list(self.fold.faults)
        self.writes = []  # (position, operation), by position once they are ordered
        self.looks = []   # reads and refusals, and the spans of positions that each may lie in

    def run(self, final):
        by_request = self._events_by_request()
        looks = [operation for operation in self.operations
                 if not self._is_write(operation, by_request.pop(operation.request, None))]
        self.faults += [f"invented: {event} was asked for by nobody" for event in by_request.values()]
        self._order_writes()
        for look in looks:
            self._place_look(look)
        self._time_looks()
        self._listed(final)
        return self.faults

    def _events_by_request(self):
        found = {}
        for event in self.events:
            if event.request in found:
                self.faults.append(f"twice: {event} and {found[event.request]} are one request's")
            found[event.request] = event
        return found

    def _fault(self, what, operation, more=""):
        self.faults.append(f"{what}: {operation}{more}")

    # Writes: each is its event, or there is none.

    def _is_write(self, operation, event):
        """False for what changed nothing by its own account: a read or a refusal."""
        if operation.kind not in WRITES:
            return operation.unknown
        if operation.effective and event is None:
            self._fault("lost", operation)
        elif operation.effective or operation.unknown:
            if event is not None:
                self._place_write(operation, event)
        elif event is not None:
            self._fault("refused, and done", operation, f": {event}")
        else:
            return False
        return True

    def _place_write(self, operation, event):
        same = (WRITES[operation.kind] == event.kind and operation.id in (None, event.id)
                and operation.value == event.values.get("title", operation.value)
                and operation.name == event.values.get("userName", operation.name)
                and operation.version in (None, event.position))
        if not same:
            self._fault("another event", operation, f": {event}")
        user = self.fold.users[event.id]
        before = user.at(event.position) - 1
        if operation.if_match is not None and (before < 0
                                               or user.since[before] != operation.if_match):
            self._fault("written over", operation, f": {event}")
        self.writes.append((event.position, operation))

    def _order_writes(self):
        """Bounds of the moment of each write: not before any that is before it in the log was asked
        for, not after any behind it was answered."""
        self.writes.sort(key=lambda write: write[0])
        self.positions = [position for position, _ in self.writes]
        self.earliest = list(itertools.accumulate(
            (write.start for _, write in self.writes), max))
        self.latest = list(itertools.accumulate(
            (math.inf if write.unknown else write.end for _, write in reversed(self.writes)),
            min))[::-1]
        for (position, write), latest in zip(self.writes, self.latest):
            if write.start > latest:
                self._fault("out of order", write, f": a later answer's is behind it, at {position}")

    # Reads and refusals: each lies where what it says was so.

    def _place_look(self, look):
        low, high = self._window(look)
        spans = [(max(since, low), min(to, high + 1)) for since, to in self._spans(look, low, high)]
        spans = [(since, to) for since, to in spans if since < to]
        if spans:
            self.looks.append((look, spans))
        else:
            self._fault("wrong or stale read" if look.effective else f"unexplained {look.status}",
                        look, f": it saw the log up to one of {low} to {high}")

    def _window(self, look):
        """The first and the last position up to which it may have seen the log."""
        done = bisect.bisect_left(self.latest, look.start)  # these had their moment before it
        asked = bisect.bisect_right(self.earliest, look.end)
        return (self.positions[done - 1] if done else 0,
                self.positions[asked] - 1 if asked < len(self.positions) else math.inf)

    def _spans(self, look, low, high):
        """[from, to) of positions at which what it says was so; among others far off."""
        if look.kind == "find" and look.status == 200:
            return self._read(look) if look.id else self._free(look.name, low, high)
        if look.kind == "get" and look.status == 200:
            return self._read(look)
        if look.status == 409 and look.name is not None:
            return [(since, to) for since, to, user_id in self._taken(look.name, low, high)
                    if user_id != look.id]
        if look.status == 404 and look.id is not None:
            return self._absent(look.id)
        if look.status == 412 and look.if_match is not None:
            return self._changed(look)
        return []

    def _read(self, look):
        user = self.fold.users.get(look.id)
        state = user.at(look.version) if user else -1
        if state < 0 or user.since[state] != look.version or user.names[state] is None:
            return []
        same = (user.names[state].lower(), user.titles[state]) == (look.name.lower(), look.value)
        return [user.span(state)] if same else []

    def _absent(self, user_id):
        user = self.fold.users.get(user_id)
        if user is None:
            return [(0, math.inf)]
        gone = [user.span(len(user.names) - 1)] if user.names[-1] is None else []
        return [(0, user.since[0]), *gone]

    def _changed(self, look):
        user = self.fold.users.get(look.id)
        if user is None:
            return []
        until = user.since[-1] if user.names[-1] is None else math.inf
        state = user.at(look.if_match)
        if state < 0 or user.since[state] != look.if_match:
            return [(user.since[0], until)]
        since, to = user.span(state)
        return [(user.since[0], since), (to, until)]

    def _taken(self, name, low, high):
        """Who had the name from when to when, in that window."""
        taken = self.fold.names.get(name.lower(), [])
        first = max(bisect.bisect_left(taken, (low,)) - 1, 0)
        return taken[first:bisect.bisect_left(taken, (high + 1,))]

    def _free(self, name, low, high):
        taken = self._taken(name, low, high)
        since = min(low, taken[0][0]) if taken else low
        return zip([since, *(to for _, to, _ in taken)], [*(since for since, _, _ in taken), math.inf])

    def _time_looks(self):
        """Whether there are moments for all of them together.

        The write at the end of a look's span is not before its request; so that write, and all behind
        it, is lifted. A look that begins with a write whose earliest moment is after its answer has
        none. Of several spans it is given the last one it can reach, which lifts the others least;
        what is lifted only grows, so this ends, and it finds moments where there are any.
        """
        slots = [[(bisect.bisect_right(self.positions, since) - 1,
                   bisect.bisect_left(self.positions, to)) for since, to in spans]
                 for _, spans in self.looks]
        moved = True
        while moved:
            moved = False
            times = self._lifted(slots)
            for (look, _), left in zip(self.looks, slots):
                while left and left[-1][0] >= 0 and times[left[-1][0]] > look.end:
                    left.pop()
                    moved = True
                    if not left:
                        self._fault("out of order", look)

    def _lifted(self, slots):
        times = self.earliest[:]
        for (look, _), left in zip(self.looks, slots):
            if left and left[-1][1] < len(times):
                times[left[-1][1]] = max(times[left[-1][1]], look.start)
        return list(itertools.accumulate(times, max))

    def _listed(self, final):
        if final is None:
            return
        wanted = self.fold.final()
        for user_id in sorted(final.keys() | wanted.keys()):
            if final.get(user_id) != wanted.get(user_id):
                self.faults.append(f"listed: {user_id} as {final.get(user_id)}, "
                                   f"not {wanted.get(user_id)}")
