"""The directory that a test wants: people and groups, as values, and how they come to be.

A Person's attributes have short names of their own; scim_clients.py writes them in each provider's
dialect, and expectation.py in each application's shape.
"""

import copy
import random
import threading
from dataclasses import dataclass, field

DEPARTMENTS = ("Sales", "Engineering", "Finance", "Marketing")  # those that Replicon's twin has
ROLES = ("Recognition User", "Recognition Company Admin", "Recognition Company CoAdmin")


@dataclass
class Person:
    key: str  # the test's name for this person; userName may change
    attributes: dict
    active: bool = True
    manager: str | None = None  # a key
    id: str | None = None       # in Purser, once created
    deleted: bool = False
    # False for one who was created inactive and never was active: need have no account anywhere.
    was_active: bool = True
    # Attributes that it had and lost: an app that requires one may have the account from before.
    cleared: set = field(default_factory=set)

    @property
    def user_name(self):
        return self.attributes["userName"]


@dataclass
class Group:
    key: str
    name: str
    members: set = field(default_factory=set)  # keys of people
    external_id: str | None = None
    id: str | None = None
    deleted: bool = False


class Directory:
    """What all the requests answered with success come to."""

    def __init__(self):
        self.people = {}
        self.groups = {}
        self.lock = threading.Lock()

    def living(self):
        return [person for person in self.people.values() if person.id and not person.deleted]

    def living_groups(self):
        return [group for group in self.groups.values() if group.id and not group.deleted]

    def copy(self):
        with self.lock:
            other = Directory()
            other.people = copy.deepcopy(self.people)
            other.groups = copy.deepcopy(self.groups)
            return other


def make_person(number, prefix="user", **changes):
    """Person number so-and-so, complete enough for all four applications."""
    key = f"{prefix}{number:05d}"
    attributes = {
        "userName": f"{key}@example.com",
        "externalId": f"ext-{key}",
        "givenName": f"Given{number}",
        "familyName": f"Family{number}",
        "title": "Title v0",
        "email": f"{key}@mail.example.com",
        "preferredLanguage": "en-US" if number % 3 else "sv-SE",
        "phone": f"+46 (8) {number % 1000:03d}-{number % 10000:04d}",
        "street": f"{number} Main Street",
        "locality": "Stockholm",
        "region": "Uppland",
        "postalCode": f"{10000 + number % 80000}",
        "country": "SE",
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
        "costCenter": f"C{number % 7}",
        "division": f"D{number % 5}",
        "organization": "Example",
    }
    # Every other one has a displayName of its own; the others' is composed.
    if number % 2:
        attributes["displayName"] = f"Given{number} Family{number} (ext)"
    if number % 4 == 0:
        attributes["employeeNumber"] = f"{prefix}-{70000 + number}"
    person = Person(key, attributes)
    for name, value in changes.items():
        if name in ("active", "manager"):
            setattr(person, name, value)
        elif value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value
    person.was_active = person.active
    return person


def make_people(count, prefix="user", managers=True):
    """`count` people; one in ten has a manager among those before, one in fifty is inactive."""
    dice = random.Random(count)
    people = []
    for number in range(1, count + 1):
        person = make_person(number, prefix)
        # Managers are every 25th person; they stay active, since Replicon refuses others.
        if managers and number % 10 == 0 and number % 25 and number > 30:
            person.manager = f"{prefix}{25 * dice.randint(1, number // 25):05d}"
        if number % 50 == 7:
            person.active = person.was_active = False
        people.append(person)
    return people


def make_groups(count, people, size, prefix="group"):
    dice = random.Random(count * 31 + size)
    return [Group(f"{prefix}{number:03d}", f"Group {number:03d}",
                  {person.key for person in dice.sample(people, min(size, len(people)))},
                  f"ext-{prefix}{number:03d}")
            for number in range(1, count + 1)]
