"""What each application must hold, from the directory alone: the tables of the four applications'
own texts, written down once more, apart from the product's templates.

wanted_state() says it, held_state() reads an application's state in the same words, and
differences() tells them apart, one sentence each.
"""

import re
from dataclasses import dataclass, field

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DEFAULT_ROLE = "Recognition User"
REPLICON_DEPARTMENTS = {"Root", "Sales", "Engineering", "Finance", "Human Resources", "Marketing"}

RECNICE = ("userName", "active", "displayName", "title", "email", "preferredLanguage", "givenName",
           "familyName", "formattedName", "formattedAddress", "street", "locality", "region",
           "postalCode", "country", "externalId", "roles", "department")
PRECIATE = ("userName", "active", "displayName", "title", "givenName", "familyName",
            "formattedName", "externalId", "department")
ALEXISHR = ("userName", "active", "title", "email", "givenName", "familyName", "phone",
            "department", "manager", "costCenter", "division", "organization")
# What deploy-independent tests map to the SCIM server of others: tests/support/reference_app.yaml.
REFERENCE = ("userName", "active", "displayName", "title", "email", "givenName", "familyName",
             "externalId", "department", "manager")
SCIM_APPS = {"recnice": RECNICE, "preciate": PRECIATE, "alexishr": ALEXISHR,
             "reference": REFERENCE}
REQUIRED = {
    "recnice": set(RECNICE),
    "preciate": set(),
    "alexishr": {"userName", "active", "email", "givenName", "familyName", "phone"},
    "reference": {"userName"},
    "replicon": {"loginName", "firstName", "lastName"},
}
WITH_GROUPS = ("recnice", "reference")


@dataclass
class AppState:
    users: dict = field(default_factory=dict)     # by name in lower case: what must be there
    # May be there, and then like this: who lost access, or what the app requires, maybe before
    # anything was delivered.
    optional: dict = field(default_factory=dict)
    forbidden: dict = field(default_factory=dict)  # name -> why nobody may have it there
    leavers: set = field(default_factory=set)     # Replicon: may be there with the log-in off
    groups: dict = field(default_factory=dict)


def _joined(parts, separator):
    return separator.join(part for part in parts if part)


def _composed(has):
    """The attributes that are made of others where the directory has none of its own."""
    name = _joined((has.get("givenName"), has.get("familyName")), " ")
    region = _joined((has.get("region"), has.get("postalCode"), has.get("country")), " ")
    place = _joined((has.get("locality"), region), ", ")
    return {"displayName": has.get("displayName") or name, "formattedName": name,
            "formattedAddress": _joined((has.get("street"), place), "\n")}


def _scim_user(app, person, has_account, names):
    """What a SCIM application must hold of a person, without what is empty."""
    values = {**person.attributes, **_composed(person.attributes)}
    values["active"] = person.active
    values["roles"] = (values.get("role") or DEFAULT_ROLE,)
    if "phone" in values and app == "alexishr":
        values["phone"] = "+" + re.sub(r"\D", "", values["phone"])
    if person.manager is not None and has_account(person.manager):
        values["manager"] = names[person.manager]
    return {name: values[name] for name in SCIM_APPS[app] if values.get(name) not in (None, "")}


def _replicon_user(person, has_account, names):
    has = person.attributes
    values = {"loginName": has["userName"], "ssoName": has["userName"],
              "firstName": has.get("givenName"), "lastName": has.get("familyName"),
              "emailAddress": has.get("email"),
              "employeeId": has.get("employeeNumber") or has.get("externalId"),
              "active": person.active, "ended": False, "started": True}
    if has.get("department") in REPLICON_DEPARTMENTS:
        values["department"] = has["department"]
    if person.manager is not None and has_account(person.manager):
        values["supervisor"] = names[person.manager]
    return {name: value for name, value in values.items() if value not in (None, "")}


def _missing(app, user):
    return sorted(REQUIRED[app] - set(user))


def wanted_state(directory, app):
    """What `app` must hold of this directory, by its policy: everyone is in scope, active=false
    deactivates, a delete deletes, in Replicon it turns the log-in off."""
    wanted = AppState()
    living = {person.key: person for person in directory.living()}
    names = {key: person.user_name.lower() for key, person in living.items()}

    def shape(person, has_account):
        if app == "replicon":
            return _replicon_user(person, has_account, names)
        return _scim_user(app, person, has_account, names)

    def has_account(key):
        return (key in living and living[key].was_active
                and not _missing(app, shape(living[key], lambda other: False)))

    for person in living.values():
        user, name = shape(person, has_account), person.user_name.lower()
        if not person.was_active:
            wanted.forbidden[name] = "was never active"
        elif not person.active or (_missing(app, user) and person.cleared):
            wanted.optional[name] = user
        elif _missing(app, user):
            wanted.forbidden[name] = f"lacks {_missing(app, user)}"
        else:
            wanted.users[name] = user
    for person in directory.people.values():
        if person.deleted and person.user_name.lower() not in names.values():
            wanted.leavers.add(person.user_name.lower())
    if app in WITH_GROUPS:
        for group in directory.living_groups():
            wanted.groups[group.name] = {
                "externalId": group.external_id,
                "members": {names[key] for key in group.members if key in names}}
    return wanted


# Reading what an application holds.


def _work(user, attribute, sub):
    for element in user.get(attribute) or ():
        if str(element.get("type", "")).lower() == "work":
            return element.get(sub)
    return None


def _roles(user):
    roles = user.get("roles") or ()
    roles = [roles] if isinstance(roles, (str, dict)) else roles
    return tuple(sorted(role.get("value") if isinstance(role, dict) else role for role in roles))


def _flat_scim(app, user, names_by_id):
    extension = user.get(ENTERPRISE) or {}
    name = user.get("name") or {}
    values = {attribute: user.get(attribute) for attribute in
              ("userName", "active", "displayName", "title", "preferredLanguage", "externalId")}
    values.update({"givenName": name.get("givenName"), "familyName": name.get("familyName"),
                   "formattedName": name.get("formatted"), "roles": _roles(user),
                   "email": _work(user, "emails", "value"),
                   "phone": _work(user, "phoneNumbers", "value")})
    for ours, theirs in (("formattedAddress", "formatted"), ("street", "streetAddress"),
                         ("locality", "locality"), ("region", "region"),
                         ("postalCode", "postalCode"), ("country", "country")):
        values[ours] = _work(user, "addresses", theirs)
    for attribute in ("department", "costCenter", "division", "organization"):
        values[attribute] = extension.get(attribute)
    manager = extension.get("manager")
    manager = manager.get("value") if isinstance(manager, dict) else manager
    values["manager"] = names_by_id.get(manager, manager)
    return {key: values[key] for key in SCIM_APPS[app] if values.get(key) not in (None, "", ())}


def _flat_replicon(user, names_by_id):
    details, security = user["userDetails"], user["securityConfiguration"]
    dates = details.get("employmentDateRange") or {}
    departments = user.get("departmentGroupSchedule") or ()
    supervisor = (details.get("supervisor") or {}).get("uri")
    values = {"loginName": security["loginName"], "ssoName": security.get("ssoName"),
              "firstName": details.get("firstName"), "lastName": details.get("lastName"),
              "emailAddress": details.get("emailAddress"), "employeeId": details.get("employeeId"),
              "active": security["isLoginEnabled"], "started": bool(dates.get("startDate")),
              "ended": bool(dates.get("endDate")),
              "department": departments[0]["item"]["name"] if departments else None,
              "supervisor": names_by_id.get(supervisor, supervisor)}
    return {key: value for key, value in values.items() if value not in (None, "")}


def account_names(app, state):
    """Account id -> user name in lower case."""
    if app == "replicon":
        return {user["userDetails"]["uri"]: user["securityConfiguration"]["loginName"].lower()
                for user in state["users"]}
    return {user["id"]: user["userName"].lower() for user in state["users"]}


def account_ids(app, state):
    """User name in lower case -> account id."""
    return {name: key for key, name in account_names(app, state).items()}


def held_state(app, state):
    """(users by name, groups by name, sentences on what is there twice)."""
    names = account_names(app, state)
    users, groups, twice = {}, {}, []
    seen_ids = {}
    for user in state["users"]:
        if app == "replicon":
            flat = _flat_replicon(user, names)
            name, external = flat["loginName"].lower(), flat.get("employeeId")
        else:
            flat = _flat_scim(app, user, names)
            name, external = flat["userName"].lower(), flat.get("externalId")
        if name in users:
            twice.append(f"{app}: two accounts of {name}")
        if external and external in seen_ids:
            twice.append(f"{app}: {name} and {seen_ids[external]} are both {external}")
        users[name] = flat
        seen_ids[external] = name
    for group in state.get("groups") or ():
        if group["displayName"] in groups:
            twice.append(f"{app}: two groups {group['displayName']}")
        groups[group["displayName"]] = {
            "externalId": group.get("externalId"),
            "members": {names.get(member["value"], member["value"])
                        for member in group.get("members") or ()}}
    return users, groups, twice


def _user_differences(app, name, user, held):
    for attribute in sorted(set(user) | set(held)):
        want, has = user.get(attribute), held.get(attribute)
        # A value that the app requires is not cleared where the directory no longer holds it.
        if want is None and attribute in REQUIRED[app]:
            continue
        if want != has:
            yield f"{app}: {name}: {attribute} is {has!r}, not {want!r}"


def _group_differences(app, wanted, held_users, held):
    for name in sorted(set(wanted) | set(held)):
        if name not in held:
            yield f"{app}: no group {name}"
        elif name not in wanted:
            yield f"{app}: a group {name} that nobody wants"
        else:
            members = {user for user in wanted[name]["members"] if user in held_users}
            if members != held[name]["members"]:
                yield (f"{app}: group {name} lacks {sorted(members - held[name]['members'])[:5]}, "
                       f"has {sorted(held[name]['members'] - members)[:5]} too many")
            if wanted[name]["externalId"] != held[name]["externalId"]:
                yield f"{app}: group {name}: externalId is {held[name]['externalId']!r}"


def differences(directory, app, state):
    """Every way in which the app is not what the directory wants; empty where it is."""
    wanted = wanted_state(directory, app)
    users, groups, found = held_state(app, state)
    for name, user in wanted.users.items():
        if name not in users:
            found.append(f"{app}: no account of {name}")
        else:
            found += _user_differences(app, name, user, users[name])
    for name, held in users.items():
        if name in wanted.users:
            continue
        if name in wanted.optional:
            found += _user_differences(app, name, wanted.optional[name], held)
        elif name in wanted.forbidden:
            found.append(f"{app}: {name} has an account, and {wanted.forbidden[name]}")
        elif app == "replicon" and name in wanted.leavers:
            if held["active"] or not held["ended"]:
                found.append(f"{app}: {name} left: log-in {held['active']}, end {held['ended']}")
        else:
            found.append(f"{app}: an account of {name}, who is not in the directory")
    if app in WITH_GROUPS:
        found += _group_differences(app, wanted.groups, users, groups)
    return found
